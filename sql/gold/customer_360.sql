/*
model: gold.customer_360
description: >-
  Everything known of a person at as_of in one row: who, where, value, RFM, habits, messages, service, satisfaction,
  funnel and deals. Attributes are those of today's golden record, figures those of before as_of.
grain: [person_id]
materialisation: table
columns:
  person_id: { description: "the person", tests: [not_null, unique] }
  first_name: { description: "given name" }
  last_name: { description: "family name" }
  sex: { description: "F, M, or null where unknown" }
  birth_on: { description: "date of birth" }
  age: { description: "age in years at as_of", tests: [{ between: [0, 150] }] }
  email: { description: "e-mail address" }
  phone: { description: "phone number in E.164" }
  postcode: { description: "postcode" }
  city: { description: "town or city" }
  department: { description: "French department" }
  region: { description: "French region" }
  country: { description: "ISO 3166-1 alpha-2 code" }
  company_name: { description: "company the person buys for" }
  job_title: { description: "position held in it" }
  profession: { description: "occupation" }
  customer_type: { description: "b2b for a person with a company, else b2c", tests: [not_null, { accepted_values: [b2b, b2c] }] }
  records: { description: "source records of the person" }
  first_contact_on: { description: "day of the first contact of any kind, or of the earliest creation in a source if that is earlier" }
  last_contact_on: { description: "day of the last contact of any kind" }
  last_inbound_on: { description: "day the person last acted: order, open, click, ticket, answer or call" }
  interactions: { description: "contacts of all kinds", tests: [not_null, not_negative] }
  orders: { description: "number of orders, refunds not counted", tests: [not_null, not_negative] }
  net_amount: { description: "orders less refunds, in the pipeline currency", tests: [not_null] }
  average_basket: { description: "net amount per order, in the pipeline currency; null without order" }
  first_order_on: { description: "day of the first order" }
  last_order_on: { description: "day of the last order" }
  favourite_channel: { description: "channel of most orders; of several, the one last ordered by, then the first by name" }
  favourite_weekday: { description: "weekday of most orders, 1 for Monday to 7 for Sunday; of several, the earliest in the week" }
  recency_days: { description: "days since the last order; null without order", tests: [not_negative] }
  r_score: { description: "RFM recency score", tests: [{ between: [1, 5] }] }
  f_score: { description: "RFM frequency score", tests: [{ between: [1, 5] }] }
  m_score: { description: "RFM monetary score", tests: [{ between: [1, 5] }] }
  segment: { description: "RFM segment, no_orders without order", tests: [not_null] }
  clv: { description: "customer lifetime value, in the pipeline currency; null without order" }
  messages: { description: "campaign messages delivered; where the channel reports no delivery, sent", tests: [not_null, not_negative] }
  opens: { description: "opens by the person, machines left out", tests: [not_null, not_negative] }
  clicks: { description: "clicks", tests: [not_null, not_negative] }
  last_open_on: { description: "day of the last open or click" }
  has_unsubscribed: { description: "whether the person unsubscribed on any channel", tests: [not_null] }
  tickets: { description: "requests to customer service", tests: [not_null, not_negative] }
  open_tickets: { description: "those not closed at as_of", tests: [not_null, not_negative] }
  nps_score: { description: "latest answer to would you recommend us, 0 to 10", tests: [{ between: [0, 10] }] }
  csat_score: { description: "latest answer to were you satisfied, 1 to 5", tests: [{ between: [1, 5] }] }
  funnel_stage: { description: "current stage of the funnel; null where no event tells it" }
  open_deals: { description: "business opportunities not yet over", tests: [not_null, not_negative] }
  open_deals_amount: { description: "their expected amount, in the pipeline currency", tests: [not_null] }
  won_deals: { description: "opportunities signed", tests: [not_null, not_negative] }
  won_deals_amount: { description: "their amount, in the pipeline currency", tests: [not_null] }
tests:
  - no_rows: "select count(*) as people from gold.customer_360 having count(*) <> (select count(*) from gold.rfm)"
*/
with contacts as (
    select
        person_id,
        count(*) as interactions,
        min(happened_on) as first_contact_on,
        max(happened_on) as last_contact_on,
        max(happened_on) filter (where direction = 'inbound' and kind <> 'refund') as last_inbound_on,
        count(*) filter (where kind = 'message_open') as opens,
        count(*) filter (where kind = 'message_click') as clicks,
        max(happened_on) filter (where kind in ('message_open', 'message_click')) as last_open_on,
        count(*) filter (where kind = 'message_unsubscribe') > 0 as has_unsubscribed,
        count(*) filter (where kind = 'ticket_opened') as tickets,
        count(*) filter (where kind = 'ticket_closed') as closed_tickets,
        count(*) filter (where kind = 'deal_opened') as deals,
        count(*) filter (where kind in ('deal_won', 'deal_lost')) as closed_deals,
        sum(amount) filter (where kind = 'deal_opened') as deals_amount,
        sum(amount) filter (where kind in ('deal_won', 'deal_lost')) as closed_deals_amount,
        count(*) filter (where kind = 'deal_won') as won_deals,
        sum(amount) filter (where kind = 'deal_won') as won_deals_amount
    from gold.customer_interactions
    group by person_id
),

-- Where a channel reports no delivery, what was sent counts.
by_sender as (
    select
        person_id,
        channel,
        count(*) filter (where kind = 'message_sent') as sent,
        count(*) filter (where kind = 'message_delivered') as delivered
    from gold.customer_interactions
    where kind in ('message_sent', 'message_delivered')
    group by person_id, channel
),

messages as (
    select person_id, sum(case when delivered > 0 then delivered else sent end) as messages
    from by_sender
    group by person_id
),

by_channel as (
    select person_id, channel, count(*) as orders, max(happened_at) as last_at
    from gold.customer_interactions
    where kind = 'order'
    group by person_id, channel
),

channels as (
    select person_id, first_value(channel order by orders desc, last_at desc, channel) as favourite_channel
    from by_channel
    group by person_id
),

by_weekday as (
    select person_id, cast(extract(isodow from happened_on) as bigint) as weekday, count(*) as orders
    from gold.customer_interactions
    where kind = 'order'
    group by person_id, cast(extract(isodow from happened_on) as bigint)
),

weekdays as (
    select person_id, first_value(weekday order by orders desc, weekday) as favourite_weekday
    from by_weekday
    group by person_id
),

answers as (
    select
        person_id,
        first_value(score order by happened_at desc, record_id desc) filter (where detail = 'nps' and score between 0 and 10) as nps_score,
        first_value(score order by happened_at desc, record_id desc) filter (where detail = 'csat' and score between 1 and 5) as csat_score
    from gold.customer_interactions
    where kind = 'survey_answered'
    group by person_id
)

select
    rfm.person_id,
    persons.first_name,
    persons.last_name,
    persons.sex,
    persons.birth_on,
    cast(
        date_part('year', cast($as_of_on as date)) - date_part('year', persons.birth_on)
        - case when to_char(cast($as_of_on as date), '%m%d') < to_char(persons.birth_on, '%m%d') then 1 else 0 end
    as bigint) as age,
    persons.email,
    persons.phone,
    persons.postcode,
    persons.city,
    persons.department,
    persons.region,
    persons.country,
    persons.company_name,
    persons.job_title,
    persons.profession,
    case when persons.company_name is not null then 'b2b' else 'b2c' end as customer_type,
    persons.records,
    least(contacts.first_contact_on, local_date(persons.created_at, $timezone)) as first_contact_on,
    contacts.last_contact_on,
    contacts.last_inbound_on,
    coalesce(contacts.interactions, 0) as interactions,
    rfm.frequency as orders,
    rfm.monetary as net_amount,
    rfm.average_basket,
    rfm.first_order_on,
    rfm.last_order_on,
    channels.favourite_channel,
    weekdays.favourite_weekday,
    rfm.recency_days,
    rfm.r_score,
    rfm.f_score,
    rfm.m_score,
    rfm.segment,
    clv.clv,
    cast(coalesce(messages.messages, 0) as bigint) as messages,
    coalesce(contacts.opens, 0) as opens,
    coalesce(contacts.clicks, 0) as clicks,
    contacts.last_open_on,
    coalesce(contacts.has_unsubscribed, false) as has_unsubscribed,
    coalesce(contacts.tickets, 0) as tickets,
    coalesce(contacts.tickets - contacts.closed_tickets, 0) as open_tickets,
    answers.nps_score,
    answers.csat_score,
    stages.stage as funnel_stage,
    coalesce(contacts.deals - contacts.closed_deals, 0) as open_deals,
    cast(coalesce(contacts.deals_amount, 0) - coalesce(contacts.closed_deals_amount, 0) as decimal(18, 4)) as open_deals_amount,
    coalesce(contacts.won_deals, 0) as won_deals,
    cast(coalesce(contacts.won_deals_amount, 0) as decimal(18, 4)) as won_deals_amount
from gold.rfm as rfm
left join silver.persons as persons on persons.person_id = rfm.person_id
left join gold.clv as clv on clv.person_id = rfm.person_id
left join contacts on contacts.person_id = rfm.person_id
left join messages on messages.person_id = rfm.person_id
left join channels on channels.person_id = rfm.person_id
left join weekdays on weekdays.person_id = rfm.person_id
left join answers on answers.person_id = rfm.person_id
left join gold.lead_stages as stages on stages.person_id = rfm.person_id and stages.is_current
