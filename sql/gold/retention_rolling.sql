/*
model: gold.retention_rolling
description: >-
  People who ordered in each whole week and month and had ordered in the one before: retention from period to period,
  without any assumption of how long a client stays one. Weeks begin on Monday. A period without orders has its row.
grain: [span, period_on]
materialisation: table
columns:
  span: { description: "length of the period", tests: [not_null, { accepted_values: [week, month] }] }
  period_on: { description: "first day of the period, in the pipeline's time zone", tests: [not_null] }
  active_before: { description: "people who ordered in the period before", tests: [not_null, not_negative] }
  active_clients: { description: "people who ordered in the period", tests: [not_null, not_negative] }
  retained_clients: { description: "people who ordered in both", tests: [not_null, not_negative] }
  new_clients: { description: "people whose first order ever is in the period", tests: [not_null, not_negative] }
  returned_clients: { description: "people who ordered before, but not in the period before", tests: [not_null, not_negative] }
  retention_rate: { description: "percent: retained / active before; null where nobody was", tests: [{ between: [0, 100] }] }
tests:
  - no_rows: "select * from gold.retention_rolling where active_clients <> retained_clients + new_clients + returned_clients or retained_clients > active_before"
*/
with spans as (
    select * from (values ('week'), ('month')) as listed (span)
),

-- Periods are numbered, so that the one before is the number less one: day 4 of 1970 was the first Monday.
orders as (
    select distinct
        spans.span,
        orders.person_id,
        case when spans.span = 'week' then cast(floor((cast(orders.ordered_on - date '1970-01-05' as bigint)) / 7.0) as bigint)
             else cast(date_part('year', orders.ordered_on) * 12 + date_part('month', orders.ordered_on) - 1 as bigint) end as period
    from silver.orders as orders
    cross join spans
    where orders.ordered_at < $as_of
      and coalesce(orders.kind, 'order') <> 'refund'
      and orders.person_id is not null
),

neighbours as (
    select span, period, lag(period) over (partition by span, person_id order by period) as previous
    from orders
),

counted as (
    select
        span,
        period,
        count(*) as active_clients,
        count(*) filter (where previous = period - 1) as retained_clients,
        count(*) filter (where previous is null) as new_clients,
        count(*) filter (where previous < period - 1) as returned_clients
    from neighbours
    group by span, period
),

-- Each period stands for itself and for those without orders up to the next, or up to the last whole one.
runs as (
    select
        *,
        lag(active_clients) over (partition by span order by period) as last_active_clients,
        lag(period) over (partition by span order by period) as last_period,
        lead(period) over (partition by span order by period) as next_period,
        case when span = 'week' then cast(floor((cast(cast($as_of_on as date) - date '1970-01-05' as bigint)) / 7.0) as bigint)
             else cast(date_part('year', cast($as_of_on as date)) * 12 + date_part('month', cast($as_of_on as date)) - 1 as bigint)
        end as running_period
    from counted
),

filled as (
    select
        span,
        period as active_period,
        active_clients as clients,
        retained_clients,
        new_clients,
        returned_clients,
        case when last_period = period - 1 then last_active_clients else 0 end as active_before,
        unnest(range(period, least(coalesce(next_period, running_period), running_period))) as period
    from runs
)

select
    span,
    case when span = 'week' then cast(date '1970-01-05' + cast(period * 7 as int) as date)
         else make_date(cast(period / 12 as int), cast(period % 12 + 1 as int), 1) end as period_on,
    case when period = active_period then active_before when period = active_period + 1 then clients else 0 end as active_before,
    case when period = active_period then clients else 0 end as active_clients,
    case when period = active_period then retained_clients else 0 end as retained_clients,
    case when period = active_period then new_clients else 0 end as new_clients,
    case when period = active_period then returned_clients else 0 end as returned_clients,
    case when period = active_period then 100.0 * retained_clients / nullif(cast(active_before as double), 0)
         when period = active_period + 1 then 0.0 end as retention_rate
from filled
