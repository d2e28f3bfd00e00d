/*
model: gold.kpis
description: >-
  The main figures in one tall table, for summaries, alerts and BI: per whole month, and to date at as_of. A figure that
  cannot be computed has no row.
grain: [metric, span, period_on]
materialisation: table
columns:
  metric:
    description: "name of the figure"
    tests:
      - not_null
      - accepted_values: [people, clients, clients_at_end, new_clients, retention_rate, member_retention_rate, churn_rate, nps, csat, clv, revenue_net, average_basket, campaign_roi, open_rate, click_rate, conversion_rate, lead_conversion_rate]
  span: { description: "month, or to_date for everything before as_of", tests: [not_null, { accepted_values: [month, to_date] }] }
  period_on: { description: "first day of the month; the day of as_of for to_date", tests: [not_null] }
  value: { description: "the figure, in its unit", tests: [not_null] }
  low: { description: "lower end of the confidence interval, where the figure has one" }
  high: { description: "upper end of the confidence interval, where the figure has one" }
  unit: { description: "people, percent, points or money (pipeline currency)", tests: [not_null, { accepted_values: [people, percent, points, money] }] }
  currency: { description: "ISO 4217 code where the unit is money, else null" }
tests:
  - unique: [metric, span, period_on]
*/
with figures as (
    select 'people' as metric, 'to_date' as span, cast($as_of_on as date) as period_on,
           cast(count(*) as double) as value, cast(null as double) as low, cast(null as double) as high, 'people' as unit
    from gold.rfm
    union all
    select 'clients', 'to_date', cast($as_of_on as date), cast(count(*) as double), cast(null as double), cast(null as double), 'people'
    from gold.rfm
    where frequency > 0
    union all
    select 'average_basket', 'to_date', cast($as_of_on as date),
           cast(sum(monetary) as double) / nullif(cast(sum(frequency) as double), 0), cast(null as double), cast(null as double), 'money'
    from gold.rfm
    where frequency > 0
    union all
    select 'clients_at_end', 'month', month_on, cast(clients_at_end as double), cast(null as double), cast(null as double), 'people'
    from gold.retention
    union all
    select 'new_clients', 'month', month_on, cast(new_clients as double), cast(null as double), cast(null as double), 'people'
    from gold.retention
    union all
    select 'retention_rate', 'month', month_on, retention_rate, cast(null as double), cast(null as double), 'percent'
    from gold.retention
    union all
    select 'member_retention_rate', 'month', month_on, member_retention_rate, cast(null as double), cast(null as double), 'percent'
    from gold.retention
    union all
    select 'churn_rate', 'month', month_on, churn_rate, cast(null as double), cast(null as double), 'percent'
    from gold.retention
    union all
    select 'nps', case when scope = 'month' then 'month' else 'to_date' end,
           case when scope = 'month' then month_on else cast($as_of_on as date) end, nps, low, high, 'points'
    from gold.nps
    where scope in ('month', 'overall')
      and (month_on is null or month_on < cast(date_trunc('month', cast($as_of_on as date)) as date))
    union all
    select 'csat', case when scope = 'month' then 'month' else 'to_date' end,
           case when scope = 'month' then month_on else cast($as_of_on as date) end,
           csat, cast(null as double), cast(null as double), 'percent'
    from gold.csat
    where scope in ('month', 'overall')
      and (month_on is null or month_on < cast(date_trunc('month', cast($as_of_on as date)) as date))
    union all
    -- Summed as decimals: sums of doubles depend on the order of rows.
    select 'clv', 'to_date', cast($as_of_on as date), cast(sum(clv) as double) / nullif(cast(count(*) as double), 0), cast(null as double), cast(null as double), 'money'
    from gold.clv
    union all
    select 'revenue_net', 'month', month_on, cast(sum(net_amount) as double), cast(null as double), cast(null as double), 'money'
    from gold.revenue_by_segment
    where is_complete
    group by month_on
    union all
    select 'revenue_net', 'to_date', cast($as_of_on as date), cast(sum(net_amount) as double), cast(null as double), cast(null as double), 'money'
    from gold.revenue_by_segment
    union all
    -- Gains of a campaign whose cost is unknown would flatter the others' return. Where no conversion was ever recorded,
    -- conversions are not measured, which is not the same as none.
    select 'campaign_roi', 'to_date', cast($as_of_on as date),
           100.0 * cast(sum(gains) - sum(cost) as double) / nullif(cast(sum(cost) as double), 0),
           cast(null as double), cast(null as double), 'percent'
    from gold.campaign_performance
    where scope = 'campaign' and cost > 0
    having sum(conversions) > 0
    union all
    select 'open_rate', 'to_date', cast($as_of_on as date), open_rate, cast(null as double), cast(null as double), 'percent'
    from gold.campaign_performance
    where scope = 'channel' and channel = 'email'
    union all
    select 'click_rate', 'to_date', cast($as_of_on as date), click_rate, cast(null as double), cast(null as double), 'percent'
    from gold.campaign_performance
    where scope = 'channel' and channel = 'email'
    union all
    select 'conversion_rate', 'to_date', cast($as_of_on as date),
           100.0 * sum(unique_conversions) / nullif(cast(sum(delivered) as double), 0), cast(null as double), cast(null as double), 'percent'
    from gold.campaign_performance
    where scope = 'campaign'
    having sum(conversions) > 0
    union all
    select 'lead_conversion_rate', 'to_date', cast($as_of_on as date), client_rate, cast(null as double), cast(null as double), 'percent'
    from gold.lead_funnel
    where stage = 'lead'
)

select
    metric,
    span,
    period_on,
    value,
    low,
    high,
    unit,
    case when unit = 'money' then cast($currency as varchar) end as currency
from figures
where value is not null
