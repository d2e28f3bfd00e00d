/*
model: gold.churn_by_segment
description: >-
  Clients lost in each whole month by the RFM segment they were in when it began. A client on a day is a person who
  ordered in the active_months months before it. The segment is that of the month's beginning: of today's segments the
  lost would all be in the last ones. Moves between segments are in gold.rfm_migrations.
grain: [month_on, segment]
materialisation: table
parameters:
  active_months: { type: integer, default: 12, description: "months without order after which a person is no client any more" }
columns:
  month_on: { description: "first day of the month, in the pipeline's time zone", tests: [not_null] }
  segment: { description: "RFM segment when the month began", tests: [not_null] }
  clients_at_start: { description: "clients when the month begins", tests: [not_null, { between: [1, 1000000000000] }] }
  lost_clients: { description: "those who are no clients any more when it ends", tests: [not_null, not_negative] }
  retained_clients: { description: "those who still are", tests: [not_null, not_negative] }
  churn_rate: { description: "percent: lost / clients at start", tests: [not_null, { between: [0, 100] }] }
  moved_clients: { description: "retained clients whose segment is another one at the end", tests: [not_null, not_negative] }
tests:
  - no_rows: "select * from gold.churn_by_segment where clients_at_start <> lost_clients + retained_clients or moved_clients > retained_clients"
*/
with steps as (
    select
        snapshot_on as month_on,
        segment,
        -- Months of the last order and of the snapshot: what gold.retention counts by.
        (date_part('year', snapshot_on) - date_part('year', last_order_on)) * 12
        + date_part('month', snapshot_on) - date_part('month', last_order_on) as months_since,
        frequency,
        lead(frequency) over (partition by person_id order by snapshot_on) as next_frequency,
        lead(segment) over (partition by person_id order by snapshot_on) as next_segment
    from gold.rfm_history
),

clients as (
    select
        month_on,
        segment,
        -- Without an order in the month, one more month has passed at its end.
        next_frequency = frequency and months_since = $active_months as is_lost,
        next_segment <> segment as is_moved
    from steps
    where months_since <= $active_months
      and next_segment is not null
)

select
    month_on,
    segment,
    count(*) as clients_at_start,
    count(*) filter (where is_lost) as lost_clients,
    count(*) filter (where not is_lost) as retained_clients,
    100.0 * count(*) filter (where is_lost) / cast(count(*) as double) as churn_rate,
    count(*) filter (where not is_lost and is_moved) as moved_clients
from clients
group by month_on, segment
