/*
model: gold.lead_stages
description: >-
  The stages of the funnel each person was in, from when to when, from the events of status change. Entering the stage one
  is in already is no change; of two events at the same instant the further stage is the later one.
grain: [person_id, entered_at, stage]
materialisation: table
columns:
  person_id: { description: "the person; the record where it belongs to nobody known", tests: [not_null] }
  stage: { description: "stage of the funnel", tests: [not_null, { accepted_values: [contact, lead, prospect_cold, prospect_warm, prospect_hot, client, loyal] }] }
  position: { description: "place in the funnel, 1 to 7", tests: [not_null, { between: [1, 7] }] }
  visit: { description: "number of the stage in the person's course, from 1", tests: [not_null, { between: [1, 1000000] }] }
  entered_at: { description: "instant the stage was entered (UTC)", tests: [not_null] }
  left_at: { description: "instant the next one was entered (UTC); null for the current stage" }
  is_current: { description: "whether the person is in it at as_of", tests: [not_null] }
  days: { description: "days spent in it, up to as_of for the current one", tests: [not_null, not_negative] }
tests:
  - no_rows: "select person_id from gold.lead_stages group by person_id having count(*) filter (where is_current) <> 1"
*/
with stages as (
    select stage, position
    from (
        values
            ('contact', 1), ('lead', 2), ('prospect_cold', 3), ('prospect_warm', 4), ('prospect_hot', 5), ('client', 6), ('loyal', 7)
    ) as listed (stage, position)
),

events as (
    select
        coalesce(events.person_id, events.person_record_id) as person_id,
        stages.stage,
        stages.position,
        events.happened_at,
        lag(stages.position) over (
            partition by coalesce(events.person_id, events.person_record_id)
            order by events.happened_at, stages.position, events.record_id
        ) as previous,
        events.record_id
    from silver.lead_status_events as events
    inner join stages on stages.stage = events.stage
    where events.happened_at < $as_of
      and coalesce(events.person_id, events.person_record_id) is not null
),

visits as (
    select
        person_id,
        stage,
        position,
        happened_at as entered_at,
        row_number() over course as visit,
        lead(happened_at) over course as left_at
    from events
    where previous is null or previous <> position
    window course as (partition by person_id order by happened_at, position, record_id)
)

select
    person_id,
    stage,
    cast(position as bigint) as position,
    cast(visit as bigint) as visit,
    entered_at,
    left_at,
    left_at is null as is_current,
    cast(date_part('epoch', coalesce(left_at, $as_of)) - date_part('epoch', entered_at) as double) / 86400.0 as days
from visits
