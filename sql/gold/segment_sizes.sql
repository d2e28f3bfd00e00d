/*
model: gold.segment_sizes
description: >-
  Size of each rule segment when each month began, with who came and went since the month before, from
  gold.segment_memberships. A month in which nobody was in a segment has its row.
grain: [segment, snapshot_on]
materialisation: table
columns:
  segment: { description: "the segment", tests: [not_null] }
  snapshot_on: { description: "first day of the month, in the pipeline's time zone", tests: [not_null] }
  people: { description: "people in the segment", tests: [not_null, not_negative] }
  entered: { description: "people who were not in it the month before; null for the first snapshot", tests: [not_negative] }
  departed: { description: "people who were in it the month before and are not any more; null for the first snapshot", tests: [not_negative] }
tests:
  - no_rows: >-
      select * from (select people, entered, departed, lag(people) over (partition by segment order by snapshot_on) as before
      from gold.segment_sizes) as steps where before is not null and people <> before + entered - departed
*/
with snapshots as (
    select distinct snapshot_on
    from gold.rfm_history
),

changes as (
    select segment, entered_on as snapshot_on, 1 as entered, 0 as departed
    from gold.segment_memberships
    union all
    select segment, left_on, 0, 1
    from gold.segment_memberships
    where left_on is not null
),

counted as (
    select segment, snapshot_on, sum(entered) as entered, sum(departed) as departed
    from changes
    group by segment, snapshot_on
),

cells as (
    select
        rules.segment,
        snapshots.snapshot_on,
        coalesce(counted.entered, 0) as entered,
        coalesce(counted.departed, 0) as departed
    from (select distinct segment from gold.segment_rules where has_history) as rules
    cross join snapshots
    left join counted on counted.segment = rules.segment and counted.snapshot_on = snapshots.snapshot_on
)

select
    segment,
    snapshot_on,
    sum(entered - departed) over (partition by segment order by snapshot_on rows unbounded preceding) as people,
    case when snapshot_on > min(snapshot_on) over () then entered end as entered,
    case when snapshot_on > min(snapshot_on) over () then departed end as departed
from cells
