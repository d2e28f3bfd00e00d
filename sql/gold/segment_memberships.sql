/*
model: gold.segment_memberships
description: >-
  Who was in which rule segment from when to when (SCD2), looked at when each month began, for the snapshots of
  gold.rfm_history. Only segments whose past can be known are here (has_history): where somebody lived or worked last year is
  not told by today's record. Orders loaded late change the past.
grain: [segment, person_id, entered_on]
materialisation: table
columns:
  segment: { description: "the segment", tests: [not_null, { references: gold.segment_rules.segment }] }
  person_id: { description: "the person", tests: [not_null] }
  entered_on: { description: "first beginning of a month at which the person was in it", tests: [not_null] }
  left_on: { description: "first beginning of a month after that at which the person was not; null while in it" }
  is_current: { description: "whether the person was in it when the running month began", tests: [not_null] }
  is_older: { description: "whether the person was in it at the first snapshot, so may have entered earlier", tests: [not_null] }
tests:
  - no_rows: "select * from gold.segment_memberships where left_on <= entered_on or is_current <> (left_on is null)"
*/
with people as (
    select person_id, sex, birth_on
    from silver.persons
),

states as (
    select
        history.*,
        people.sex,
        date_part('year', history.snapshot_on) - date_part('year', people.birth_on)
        - case when to_char(history.snapshot_on, '%m%d') < to_char(people.birth_on, '%m%d') then 1 else 0 end as age,
        cast(round(cast(history.monetary as double) / history.frequency, 4) as decimal(18, 4)) as average_basket,
        -- Months are counted, so that the one after is the number plus one.
        date_part('year', history.snapshot_on) * 12 + date_part('month', history.snapshot_on) as month_index,
        min(history.snapshot_on) over () as first_on,
        max(history.snapshot_on) over () as last_on
    from gold.rfm_history as history
    left join people on people.person_id = history.person_id
),

memberships as (
    select distinct
        rules.segment,
        states.person_id,
        states.snapshot_on,
        states.month_index,
        states.first_on,
        states.last_on
    from states
    inner join gold.segment_rules as rules
        on rules.has_history
        and coalesce(states.sex = rules.sex, rules.sex is null)
        and coalesce(states.age >= rules.min_age, rules.min_age is null)
        and coalesce(states.age <= rules.max_age, rules.max_age is null)
        and coalesce(states.segment = rules.rfm_segment, rules.rfm_segment is null)
        and coalesce(states.frequency >= rules.min_orders, true)
        and coalesce(states.frequency <= rules.max_orders, true)
        and coalesce(states.average_basket >= rules.min_average_basket, true)
        and coalesce(states.monetary >= rules.min_net_amount, true)
        and coalesce(states.recency_days >= rules.min_recency_days, true)
        and coalesce(states.recency_days <= rules.max_recency_days, true)
),

-- Months in a row differ from their row number by the same.
numbered as (
    select
        *,
        month_index - row_number() over (partition by segment, person_id order by month_index) as island
    from memberships
)

select
    segment,
    person_id,
    min(snapshot_on) as entered_on,
    case when max(snapshot_on) < max(last_on) then cast(max(snapshot_on) + interval '1 month' as date) end as left_on,
    max(snapshot_on) = max(last_on) as is_current,
    min(snapshot_on) = min(first_on) as is_older
from numbered
group by segment, person_id, island
