/*
model: gold.rfm_migrations
description: >-
  Buyers who went from one RFM segment to another from one month's beginning to the next, those who stayed included. Who
  was no buyer yet comes from first_order, so each month adds up to its buyers.
grain: [month_on, from_segment, to_segment]
materialisation: table
columns:
  month_on: { description: "first day of the month in which people moved", tests: [not_null] }
  from_segment: { description: "RFM segment when the month began; first_order for those who had none", tests: [not_null] }
  to_segment: { description: "RFM segment when the month ended", tests: [not_null] }
  people: { description: "number of people", tests: [not_null, { between: [1, 1000000000000] }] }
  people_share: { description: "percent of those who came from the same segment", tests: [not_null, { between: [0, 100] }] }
  monetary: { description: "their net revenue since ever when the month ended, in the pipeline currency", tests: [not_null] }
*/
with steps as (
    select
        person_id,
        lag(snapshot_on) over (partition by person_id order by snapshot_on) as month_on,
        lag(segment) over (partition by person_id order by snapshot_on) as from_segment,
        segment as to_segment,
        snapshot_on,
        monetary,
        min(snapshot_on) over () as first_on
    from gold.rfm_history
),

counted as (
    select
        coalesce(month_on, cast(snapshot_on - interval '1 month' as date)) as month_on,
        coalesce(from_segment, 'first_order') as from_segment,
        to_segment,
        count(*) as people,
        sum(monetary) as monetary
    from steps
    -- Nothing is known of the month before the first snapshot.
    where snapshot_on > first_on
    group by
        coalesce(month_on, cast(snapshot_on - interval '1 month' as date)),
        coalesce(from_segment, 'first_order'),
        to_segment
)

select
    month_on,
    from_segment,
    to_segment,
    people,
    100.0 * people / cast(sum(people) over (partition by month_on, from_segment) as double) as people_share,
    cast(monetary as decimal(18, 4)) as monetary
from counted
