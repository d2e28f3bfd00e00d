/*
model: gold.segment_overlaps
description: >-
  How far rule segments overlap: each pair of segments, each with itself too, and the people in both. A segment nobody is
  in has its row with itself, so that it is seen.
grain: [segment, other_segment]
materialisation: table
columns:
  segment: { description: "one segment", tests: [not_null] }
  other_segment: { description: "the other; the same for the segment's own size", tests: [not_null] }
  people: { description: "people in both", tests: [not_null, not_negative] }
  share: { description: "percent of the first segment's people; null where there are none", tests: [{ between: [0, 100] }] }
  similarity: { description: "percent of the people in either (Jaccard)", tests: [{ between: [0, 100] }] }
*/
with memberships as (
    select person_id, segment
    from gold.segment_members
),

sizes as (
    select rules.segment, count(distinct members.person_id) as people
    from (select distinct segment from gold.segment_rules) as rules
    left join memberships as members on members.segment = rules.segment
    group by rules.segment
),

pairs as (
    select ones.segment, others.segment as other_segment, count(*) as people
    from memberships as ones
    inner join memberships as others on others.person_id = ones.person_id
    group by ones.segment, others.segment
)

select
    ones.segment,
    others.segment as other_segment,
    coalesce(pairs.people, 0) as people,
    100.0 * coalesce(pairs.people, 0) / nullif(cast(ones.people as double), 0) as share,
    100.0 * coalesce(pairs.people, 0)
        / nullif(cast(ones.people + others.people - coalesce(pairs.people, 0) as double), 0) as similarity
from sizes as ones
cross join sizes as others
left join pairs on pairs.segment = ones.segment and pairs.other_segment = others.segment
