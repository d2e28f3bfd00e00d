/*
model: gold.retention
description: >-
  Clients kept and lost in each whole month before as_of. A client on a day is a person who ordered in the active_months
  months before it. retention_rate is the classic formula, in which people who come back count as kept;
  member_retention_rate counts only those who never left.
grain: [month_on]
materialisation: table
parameters:
  active_months: { type: integer, default: 12, description: "months without order after which a person is no client any more" }
columns:
  month_on: { description: "first day of the month, months cut in the pipeline's time zone", tests: [not_null, unique] }
  clients_at_start: { description: "clients when the month begins", tests: [not_null, not_negative] }
  new_clients: { description: "people whose first order ever is in the month", tests: [not_null, not_negative] }
  reactivated_clients: { description: "people who were no clients any more at the start and ordered again", tests: [not_null, not_negative] }
  lost_clients: { description: "clients at the start who are none at the end", tests: [not_null, not_negative] }
  retained_clients: { description: "clients at the start who still are at the end", tests: [not_null, not_negative] }
  clients_at_end: { description: "clients when the month ends", tests: [not_null, not_negative] }
  retention_rate: { description: "percent: (clients at end - new) / clients at start; above 100 where many come back", tests: [not_negative] }
  member_retention_rate: { description: "percent: retained / clients at start", tests: [{ between: [0, 100] }] }
  churn_rate: { description: "percent: lost / clients at start", tests: [{ between: [0, 100] }] }
tests:
  - no_rows: "select * from gold.retention where clients_at_end <> retained_clients + new_clients + reactivated_clients"
*/
with order_months as (
    select distinct
        person_id,
        cast(date_part('year', ordered_on) as bigint) * 12 + cast(date_part('month', ordered_on) as bigint) as month_index
    from silver.orders
    where ordered_at < $as_of
      and coalesce(kind, 'order') <> 'refund'
      and person_id is not null
),

neighbours as (
    select
        month_index,
        lag(month_index) over (partition by person_id order by month_index) as previous_index,
        lead(month_index) over (partition by person_id order by month_index) as next_index
    from order_months
),

-- An order makes its person a client at the end of its month and of the following ones, active_months in all. So three
-- changes per order tell the whole story, without a row for each person and month.
changes as (
    select
        month_index,
        sum(case when previous_index is null then 1 else 0 end) as new_clients,
        sum(case when month_index - previous_index > $active_months then 1 else 0 end) as reactivated_clients,
        sum(case when next_index is null or next_index - month_index > $active_months then 1 else 0 end) as leaving_clients
    from neighbours
    group by month_index
),

by_month as (
    select
        month_index + months_later as month_index,
        sum(case when months_later = 0 then new_clients else 0 end) as new_clients,
        sum(case when months_later = 0 then reactivated_clients else 0 end) as reactivated_clients,
        sum(case when months_later > 0 then leaving_clients else 0 end) as lost_clients
    from changes
    cross join (select 0 as months_later union all select $active_months) as sides
    group by month_index + months_later
),

span as (
    select
        cast(date_trunc('month', min(ordered_on)) as date) as first_on,
        cast(date_trunc('month', cast($as_of_on as date)) as date) - interval '1 month' as last_on
    from silver.orders
    where ordered_at < $as_of
      and coalesce(kind, 'order') <> 'refund'
      and person_id is not null
),

months as (
    select cast(unnest(generate_series(first_on, cast(last_on as date), interval '1 month')) as date) as month_on
    from span
    where first_on <= last_on
),

filled as (
    select
        months.month_on,
        coalesce(by_month.new_clients, 0) as new_clients,
        coalesce(by_month.reactivated_clients, 0) as reactivated_clients,
        coalesce(by_month.lost_clients, 0) as lost_clients
    from months
    left join by_month
        on by_month.month_index
         = cast(date_part('year', months.month_on) as bigint) * 12 + cast(date_part('month', months.month_on) as bigint)
),

running as (
    select
        *,
        sum(new_clients + reactivated_clients - lost_clients) over (order by month_on rows unbounded preceding) as clients_at_end
    from filled
),

counted as (
    select
        month_on,
        clients_at_end - new_clients - reactivated_clients + lost_clients as clients_at_start,
        new_clients,
        reactivated_clients,
        lost_clients,
        clients_at_end
    from running
)

select
    month_on,
    cast(clients_at_start as bigint) as clients_at_start,
    cast(new_clients as bigint) as new_clients,
    cast(reactivated_clients as bigint) as reactivated_clients,
    cast(lost_clients as bigint) as lost_clients,
    cast(clients_at_start - lost_clients as bigint) as retained_clients,
    cast(clients_at_end as bigint) as clients_at_end,
    100.0 * (clients_at_end - new_clients) / nullif(cast(clients_at_start as double), 0) as retention_rate,
    100.0 * (clients_at_start - lost_clients) / nullif(cast(clients_at_start as double), 0) as member_retention_rate,
    100.0 * lost_clients / nullif(cast(clients_at_start as double), 0) as churn_rate
from counted
