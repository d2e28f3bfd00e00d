/*
model: gold.retention_cohorts
description: >-
  People by the month of their first order, and how many of them order again in each following whole month before
  as_of. A month in which nobody of a cohort ordered has its row with 0, so that a heat map has no holes.
grain: [cohort_on, month_number]
materialisation: table
columns:
  cohort_on: { description: "first day of the month of the first order, months cut in the pipeline's time zone", tests: [not_null] }
  month_number: { description: "months since the first order's, 0 for that month itself", tests: [not_null, not_negative] }
  month_on: { description: "first day of the month looked at", tests: [not_null] }
  clients: { description: "people of the cohort", tests: [not_null, { between: [1, 1000000000000] }] }
  active_clients: { description: "people of the cohort with an order in the month", tests: [not_null, not_negative] }
  retention_rate: { description: "percent: active clients / clients", tests: [not_null, { between: [0, 100] }] }
  rolling_clients: { description: "people of the cohort with an order in the month or later; it falls towards as_of, since later orders are not known yet", tests: [not_null, not_negative] }
  rolling_rate: { description: "percent: rolling clients / clients", tests: [not_null, { between: [0, 100] }] }
tests:
  - unique: [cohort_on, month_number]
  - no_rows: "select * from gold.retention_cohorts where month_number = 0 and active_clients <> clients"
  - no_rows: "select * from gold.retention_cohorts where rolling_clients < active_clients"
*/
with order_months as (
    select distinct person_id, cast(date_trunc('month', ordered_on) as date) as month_on
    from silver.orders
    where ordered_at < $as_of
      and coalesce(kind, 'order') <> 'refund'
      and person_id is not null
),

membership as (
    select
        month_on,
        min(month_on) over person as cohort_on,
        month_on = max(month_on) over person as is_last
    from order_months
    window person as (partition by person_id)
),

activity as (
    select
        cohort_on,
        month_on,
        count(*) as active_clients,
        count(*) filter (where is_last) as leaving_clients
    from membership
    group by cohort_on, month_on
),

-- The first row of a cohort is its own month, in which all of it is active.
runs as (
    select
        cohort_on,
        month_on,
        active_clients,
        leaving_clients,
        first_value(active_clients) over (partition by cohort_on order by month_on) as clients,
        -- Those whose last order is in the month or later.
        sum(leaving_clients) over (partition by cohort_on order by month_on desc rows unbounded preceding) as rolling_clients,
        lead(month_on) over (partition by cohort_on order by month_on) as next_month_on
    from activity
),

-- Each month stands for itself and for the empty months up to the next one with activity, or up to the last whole one.
filled as (
    select
        cohort_on,
        clients,
        month_on as active_on,
        active_clients,
        rolling_clients,
        leaving_clients,
        cast(unnest(generate_series(
            month_on,
            cast(coalesce(next_month_on, cast(date_trunc('month', cast($as_of_on as date)) as date)) - interval '1 month' as date),
            interval '1 month'
        )) as date) as month_on
    from runs
),

cells as (
    select
        cohort_on,
        month_on,
        clients,
        case when month_on = active_on then active_clients else 0 end as active_clients,
        case when month_on = active_on then rolling_clients else rolling_clients - leaving_clients end as rolling_clients
    from filled
)

select
    cohort_on,
    cast(
        (date_part('year', month_on) - date_part('year', cohort_on)) * 12
        + date_part('month', month_on) - date_part('month', cohort_on)
    as bigint) as month_number,
    month_on,
    clients,
    active_clients,
    100.0 * active_clients / cast(clients as double) as retention_rate,
    cast(rolling_clients as bigint) as rolling_clients,
    100.0 * rolling_clients / cast(clients as double) as rolling_rate
from cells
