/*
model: gold.purchase_curves
description: >-
  How many have bought after how many days (Kaplan-Meier): from the first contact to the first order, from the first to
  the second, and from each later one to the next. Who has not bought yet counts as long as they were watched and no
  longer, so those who are still to buy neither vanish nor drag.
grain: [step, days]
materialisation: table
columns:
  step: { description: "what is waited for", tests: [not_null, { accepted_values: [first_purchase, second_purchase, later_purchase] }] }
  days: { description: "days waited", tests: [not_null, not_negative] }
  at_risk: { description: "waits that had lasted so long", tests: [not_null, { between: [1, 1000000000000] }] }
  bought: { description: "of them ended by an order after just so many days", tests: [not_null, not_negative] }
  censored: { description: "of them still going on at as_of after just so many days", tests: [not_null, not_negative] }
  waiting_share: { description: "percent still waiting after so many days (Kaplan-Meier)", tests: [not_null, { between: [0, 100] }] }
  bought_share: { description: "percent that have bought by then: 100 - waiting_share", tests: [not_null, { between: [0, 100] }] }
tests:
  - no_rows: "select * from gold.purchase_curves where bought + censored > at_risk or bought + censored = 0"
*/
with orders as (
    select
        person_id,
        ordered_on,
        row_number() over course as number,
        lead(ordered_on) over course as next_on
    from silver.orders
    where ordered_at < $as_of
      and coalesce(kind, 'order') <> 'refund'
      and person_id is not null
    window course as (partition by person_id order by ordered_at, record_id)
),

contacts as (
    select
        person_id,
        min(happened_on) filter (where kind not in ('order', 'refund')) as contact_on,
        min(happened_on) filter (where kind = 'order') as order_on
    from gold.customer_interactions
    group by person_id
),

people as (
    select
        coalesce(contacts.person_id, persons.person_id) as person_id,
        least(contacts.contact_on, local_date(persons.created_at, $timezone)) as contact_on,
        contacts.order_on
    from contacts
    full join (select person_id, created_at from silver.persons where created_at < $as_of) as persons
        on persons.person_id = contacts.person_id
),

waits as (
    select 'first_purchase' as step, contact_on as from_on, order_on as to_on
    from people
    -- Whose first contact is the order itself waited for nothing.
    where contact_on is not null and (order_on is null or contact_on < order_on)
    union all
    select case when number = 1 then 'second_purchase' else 'later_purchase' end, ordered_on, next_on
    from orders
),

ends as (
    select
        step,
        cast(coalesce(to_on, cast($as_of_on as date)) - from_on as bigint) as days,
        count(to_on) as bought,
        count(*) - count(to_on) as censored
    from waits
    group by step, cast(coalesce(to_on, cast($as_of_on as date)) - from_on as bigint)
),

risks as (
    select
        *,
        sum(bought + censored) over (partition by step order by days desc rows unbounded preceding) as at_risk
    from ends
),

curves as (
    select
        *,
        -- A product of shares as a sum of logarithms; nobody is left where all who were at risk bought.
        sum(case when bought = at_risk then 1 else 0 end) over so_far as is_over,
        exp(sum(case when bought = at_risk then 0.0 else ln(1.0 - bought / cast(at_risk as double)) end) over so_far) as share
    from risks
    window so_far as (partition by step order by days rows unbounded preceding)
),

shares as (
    select *, case when is_over > 0 then 0.0 else least(100.0 * share, 100.0) end as waiting_share
    from curves
)

select
    step,
    days,
    cast(at_risk as bigint) as at_risk,
    bought,
    censored,
    waiting_share,
    100.0 - waiting_share as bought_share
from shares
