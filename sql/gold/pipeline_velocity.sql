/*
model: gold.pipeline_velocity
description: >-
  How much money the sales pipeline yields per day: open opportunities x average signed deal x win rate / days of a cycle.
  One row per whole month, by the deals closed in it and those open at its end, and one to date, by the deals closed in the last
  window_months whole months and since, and those open at as_of. A closing day in the future is a forecast: such a deal is open.
grain: [span, period_on]
materialisation: table
parameters:
  window_months: { type: integer, default: 12, description: "whole months before that of as_of which the row to_date looks back on" }
columns:
  span: { description: "month, or to_date", tests: [not_null, { accepted_values: [month, to_date] }] }
  period_on: { description: "first day of the month in the pipeline's time zone; the day of as_of for to_date", tests: [not_null] }
  opened: { description: "deals opened", tests: [not_null, not_negative] }
  won: { description: "deals signed", tests: [not_null, not_negative] }
  lost: { description: "deals closed without signature", tests: [not_null, not_negative] }
  open_deals: { description: "deals open at the end", tests: [not_null, not_negative] }
  won_amount: { description: "amount signed, in the pipeline currency", tests: [not_null] }
  lost_amount: { description: "amount of the deals lost, in the pipeline currency", tests: [not_null] }
  average_deal: { description: "mean amount of the deals signed, in the pipeline currency; deals without amount left out" }
  win_rate: { description: "percent: won / (won + lost)", tests: [{ between: [0, 100] }] }
  win_rate_by_amount: { description: "percent: won amount / (won + lost amount); lower than win_rate where the large ones are lost", tests: [{ between: [0, 100] }] }
  cycle_days: { description: "mean days from opening to signature", tests: [not_negative] }
  velocity: { description: "open deals x average deal x win rate / cycle days: money per day, in the pipeline currency; null where nothing was signed" }
  undated: { description: "closed deals whose closing day the source does not know: they are in no other column", tests: [not_null, not_negative] }
*/
with deals as (
    select
        created_on,
        amount,
        coalesce(is_won, false) as is_won,
        -- Of the closing the day is known: it counts when that day is over.
        case when is_closed and closed_on < cast($as_of_on as date) then greatest(closed_on, created_on) end as closed_on,
        coalesce(is_closed, false) and closed_on is null as is_undated
    from silver.deals
    where created_at < $as_of
),

bounds as (
    select
        date_part('year', cast($as_of_on as date)) * 12 + date_part('month', cast($as_of_on as date)) - 1 as running_index
),

-- One row per thing that happens, in the month it happens in.
happenings as (
    select
        cast(date_part('year', created_on) * 12 + date_part('month', created_on) - 1 as bigint) as month_index,
        1 as opened, 0 as won, 0 as lost, 0 as undated,
        cast(null as decimal(18, 4)) as won_amount, cast(null as decimal(18, 4)) as lost_amount, cast(null as bigint) as cycle
    from deals
    where not is_undated
    union all
    select
        cast(date_part('year', closed_on) * 12 + date_part('month', closed_on) - 1 as bigint),
        0, case when is_won then 1 else 0 end, case when is_won then 0 else 1 end, 0,
        case when is_won then amount end, case when not is_won then amount end,
        case when is_won then cast(closed_on - created_on as bigint) end
    from deals
    where closed_on is not null and not is_undated
    union all
    select cast(date_part('year', created_on) * 12 + date_part('month', created_on) - 1 as bigint), 0, 0, 0, 1, null, null, null
    from deals
    where is_undated
),

by_month as (
    select
        month_index,
        sum(opened) as opened,
        sum(won) as won,
        sum(lost) as lost,
        sum(undated) as undated,
        count(won_amount) as priced,
        coalesce(sum(won_amount), 0) as won_amount,
        coalesce(sum(lost_amount), 0) as lost_amount,
        coalesce(sum(cycle), 0) as cycle
    from happenings
    group by month_index
),

-- Months without any have their row too.
runs as (
    select
        by_month.*,
        bounds.running_index,
        lead(month_index) over (order by month_index) as next_index,
        sum(opened - won - lost) over (order by month_index rows unbounded preceding) as open_deals
    from by_month
    cross join bounds
),

filled as (
    select
        month_index as active_index,
        unnest(range(month_index, cast(least(coalesce(next_index, running_index), running_index) as bigint))) as month_index,
        opened, won, lost, undated, priced, won_amount, lost_amount, cycle, open_deals
    from runs
),

periods as (
    select
        'month' as span,
        make_date(cast(month_index / 12 as int), cast(month_index % 12 + 1 as int), 1) as period_on,
        case when month_index = active_index then opened else 0 end as opened,
        case when month_index = active_index then won else 0 end as won,
        case when month_index = active_index then lost else 0 end as lost,
        case when month_index = active_index then undated else 0 end as undated,
        case when month_index = active_index then priced else 0 end as priced,
        case when month_index = active_index then won_amount else 0 end as won_amount,
        case when month_index = active_index then lost_amount else 0 end as lost_amount,
        case when month_index = active_index then cycle else 0 end as cycle,
        open_deals
    from filled
    union all
    select
        'to_date',
        cast($as_of_on as date),
        coalesce(sum(opened) filter (where month_index >= running_index - $window_months), 0),
        coalesce(sum(won) filter (where month_index >= running_index - $window_months), 0),
        coalesce(sum(lost) filter (where month_index >= running_index - $window_months), 0),
        sum(undated),
        coalesce(sum(priced) filter (where month_index >= running_index - $window_months), 0),
        coalesce(sum(won_amount) filter (where month_index >= running_index - $window_months), 0),
        coalesce(sum(lost_amount) filter (where month_index >= running_index - $window_months), 0),
        coalesce(sum(cycle) filter (where month_index >= running_index - $window_months), 0),
        sum(opened - won - lost)
    from runs
    having count(*) > 0
)

select
    span,
    period_on,
    cast(opened as bigint) as opened,
    cast(won as bigint) as won,
    cast(lost as bigint) as lost,
    cast(open_deals as bigint) as open_deals,
    cast(won_amount as decimal(18, 4)) as won_amount,
    cast(lost_amount as decimal(18, 4)) as lost_amount,
    cast(round(cast(won_amount as double) / nullif(priced, 0), 4) as decimal(18, 4)) as average_deal,
    100.0 * won / nullif(cast(won + lost as double), 0) as win_rate,
    100.0 * cast(won_amount as double) / nullif(cast(won_amount + lost_amount as double), 0) as win_rate_by_amount,
    cast(cycle as double) / nullif(won, 0) as cycle_days,
    cast(round(
        open_deals * (cast(won_amount as double) / nullif(priced, 0)) * (won / nullif(cast(won + lost as double), 0))
        / nullif(cast(cycle as double) / nullif(won, 0), 0)
    , 4) as decimal(18, 4)) as velocity,
    cast(undated as bigint) as undated
from periods
