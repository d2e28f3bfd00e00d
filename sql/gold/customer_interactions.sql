/*
model: gold.customer_interactions
description: >-
  Every contact with every known person before as_of, on every channel, in one list: orders, refunds, campaign messages,
  tickets, surveys, deals, changes of status, calls and mails. The 360-degree view row by row.
grain: [kind, record_id]
materialisation: table
columns:
  person_id: { description: "the person", tests: [not_null] }
  happened_at: { description: "instant of the contact (UTC); the beginning of the day where the source knows the day only", tests: [not_null] }
  happened_on: { description: "its day in the pipeline's time zone", tests: [not_null] }
  kind:
    description: >-
      order, refund, message_ and the event (sent, delivered, open, machine_open, click, bounce, unsubscribe,
      conversion), ticket_opened, ticket_closed, ticket_event, survey_offered, survey_answered, deal_opened, deal_won,
      deal_lost, deal_stage, status, contact
    tests: [not_null]
  direction: { description: "inbound where the person acted, outbound where we did, null where unknown", tests: [{ accepted_values: [inbound, outbound] }] }
  channel: { description: "channel, unknown where the source does not say", tests: [not_null] }
  subject_id: { description: "order, campaign, ticket or deal it is about" }
  detail: { description: "stage or status entered, ticket event, survey, priority or subject, by kind" }
  score: { description: "score given, for answered surveys" }
  amount: { description: "amount of the order, refund (negative) or deal, in the pipeline currency" }
  record_id: { description: "row of silver it comes from", tests: [not_null] }
*/
with channels as (
    select campaign_id, min(channel) as channel
    from silver.campaigns
    group by campaign_id
)

select
    person_id,
    ordered_at as happened_at,
    ordered_on as happened_on,
    case when kind = 'refund' then 'refund' else 'order' end as kind,
    'inbound' as direction,
    coalesce(channel, 'unknown') as channel,
    order_id as subject_id,
    status as detail,
    cast(null as bigint) as score,
    case when kind = 'refund' then -abs(amount) else amount end as amount,
    record_id
from silver.orders
where ordered_at < $as_of and person_id is not null
union all
select
    events.person_id,
    events.happened_at,
    events.happened_on,
    concat('message_', events.kind),
    case when events.kind in ('open', 'click', 'unsubscribe', 'conversion') then 'inbound' else 'outbound' end,
    coalesce(events.channel, channels.channel, 'unknown'),
    events.campaign_id,
    cast(null as varchar),
    cast(null as bigint),
    events.amount,
    events.record_id
from silver.campaign_events as events
left join channels on channels.campaign_id = events.campaign_id
where events.happened_at < $as_of and events.person_id is not null
union all
select
    person_id, opened_at, opened_on, 'ticket_opened', 'inbound', coalesce(channel, 'unknown'), ticket_id,
    coalesce(subject, priority), cast(null as bigint), cast(null as decimal(18, 4)), record_id
from silver.tickets
where opened_at < $as_of and person_id is not null
union all
select
    person_id, closed_at, local_date(closed_at, $timezone), 'ticket_closed', 'outbound', coalesce(channel, 'unknown'), ticket_id,
    coalesce(subject, priority), cast(null as bigint), cast(null as decimal(18, 4)), record_id
from silver.tickets
where closed_at < $as_of and person_id is not null
union all
select
    person_id, happened_at, happened_on, 'ticket_event' as kind, cast(null as varchar), 'unknown', ticket_id,
    kind as detail, cast(null as bigint), cast(null as decimal(18, 4)), record_id
from silver.ticket_events
where happened_at < $as_of and person_id is not null
union all
select
    person_id, offered_at, offered_on, 'survey_offered', 'outbound', coalesce(channel, 'unknown'), ticket_id,
    survey, cast(null as bigint), cast(null as decimal(18, 4)), record_id
from silver.survey_responses
where offered_at < $as_of and person_id is not null
union all
select
    person_id, answered_at, answered_on, 'survey_answered', 'inbound', coalesce(channel, 'unknown'), ticket_id,
    survey, score, cast(null as decimal(18, 4)), record_id
from silver.survey_responses
where answered_at < $as_of and person_id is not null and score is not null
union all
select
    person_id, created_at, created_on, 'deal_opened', cast(null as varchar), 'unknown', deal_id,
    cast(null as varchar), cast(null as bigint), amount, record_id
from silver.deals
where created_at < $as_of and person_id is not null
union all
-- Of a deal's end the day is known: it counts when that day is over.
select
    person_id, to_instant(closed_on, $timezone), closed_on, case when is_won then 'deal_won' else 'deal_lost' end,
    cast(null as varchar), 'unknown', deal_id, stage, cast(null as bigint), amount, record_id
from silver.deals
where closed_on < cast($as_of_on as date) and is_closed and created_at < $as_of and person_id is not null
union all
select
    person_id, happened_at, happened_on, 'deal_stage', cast(null as varchar), 'unknown', deal_id,
    stage, cast(null as bigint), cast(null as decimal(18, 4)), record_id
from silver.deal_stage_events
where happened_at < $as_of and person_id is not null
union all
select
    person_id, happened_at, happened_on, 'status', cast(null as varchar), 'unknown', cast(null as varchar),
    stage, cast(null as bigint), cast(null as decimal(18, 4)), record_id
from silver.lead_status_events
where happened_at < $as_of and person_id is not null
union all
select
    person_id, happened_at, happened_on, 'contact', direction, channel, ticket_id,
    subject, cast(null as bigint), cast(null as decimal(18, 4)), record_id
from silver.interactions
where happened_at < $as_of and person_id is not null
