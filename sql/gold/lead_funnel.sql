/*
model: gold.lead_funnel
description: >-
  People who entered, left and are in each stage of the funnel at as_of, and how many moved on, from the events of
  status change. The current status alone would forget the stages passed through.
grain: [stage]
materialisation: table
columns:
  stage:
    description: "stage of the funnel"
    tests:
      - not_null
      - unique
      - accepted_values: [contact, lead, prospect_cold, prospect_warm, prospect_hot, client, loyal]
  position: { description: "place in the funnel, 1 to 7", tests: [not_null, unique] }
  entered: { description: "people who were ever in the stage", tests: [not_null, not_negative] }
  exited: { description: "those of them who are in another stage now", tests: [not_null, not_negative] }
  current_people: { description: "people in the stage now", tests: [not_null, not_negative] }
  advanced: { description: "people who reached any further stage after entering this one, stages skipped or not", tests: [not_null, not_negative] }
  conversion_rate: { description: "percent: advanced / entered", tests: [{ between: [0, 100] }] }
  became_client: { description: "people who became a client after entering this stage; null from client on", tests: [not_negative] }
  client_rate: { description: "percent: became_client / entered", tests: [{ between: [0, 100] }] }
  median_days_to_advance: { description: "median days from first entering the stage to the next further one, of those who advanced", tests: [not_negative] }
tests:
  - no_rows: "select * from gold.lead_funnel where entered <> exited + current_people or advanced > entered"
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
        coalesce(lead_status_events.person_id, lead_status_events.person_record_id) as person_id,
        stages.position,
        lead_status_events.happened_at,
        lead_status_events.record_id
    from silver.lead_status_events as lead_status_events
    inner join stages on stages.stage = lead_status_events.stage
    where lead_status_events.happened_at < $as_of
      and coalesce(lead_status_events.person_id, lead_status_events.person_record_id) is not null
),

-- beyond_n: when a stage further than n is next entered after this event.
visits as (
    select
        person_id,
        position,
        happened_at,
        lead(position) over (partition by person_id order by happened_at, position, record_id) is null as is_last,
        min(case when position > 1 then happened_at end) over later as beyond_1,
        min(case when position > 2 then happened_at end) over later as beyond_2,
        min(case when position > 3 then happened_at end) over later as beyond_3,
        min(case when position > 4 then happened_at end) over later as beyond_4,
        min(case when position > 5 then happened_at end) over later as beyond_5,
        min(case when position > 6 then happened_at end) over later as beyond_6
    from events
    window later as (
        partition by person_id order by happened_at, position, record_id
        rows between 1 following and unbounded following
    )
),

journeys as (
    select
        person_id,
        position,
        min(happened_at) as entered_at,
        bool_or(is_last) as is_current,
        min(case position
            when 1 then beyond_1 when 2 then beyond_2 when 3 then beyond_3
            when 4 then beyond_4 when 5 then beyond_5 when 6 then beyond_6
        end) as advanced_at,
        min(beyond_5) as client_at
    from visits
    group by person_id, position
),

counted as (
    select
        position,
        count(*) as entered,
        count(*) filter (where is_current) as current_people,
        count(advanced_at) as advanced,
        count(client_at) as became_client,
        percentile_cont(0.5) within group (
            order by cast(date_part('epoch', advanced_at) - date_part('epoch', entered_at) as double) / 86400.0
        ) as median_days_to_advance
    from journeys
    group by position
)

select
    stages.stage,
    cast(stages.position as bigint) as position,
    coalesce(counted.entered, 0) as entered,
    coalesce(counted.entered - counted.current_people, 0) as exited,
    coalesce(counted.current_people, 0) as current_people,
    coalesce(counted.advanced, 0) as advanced,
    100.0 * counted.advanced / cast(counted.entered as double) as conversion_rate,
    case when stages.position < 6 then coalesce(counted.became_client, 0) end as became_client,
    case when stages.position < 6 then 100.0 * counted.became_client / cast(counted.entered as double) end as client_rate,
    counted.median_days_to_advance
from stages
left join counted on counted.position = stages.position
