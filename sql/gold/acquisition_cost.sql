/*
model: gold.acquisition_cost
description: >-
  What a new client costs and is worth, by month of the first order: all campaign costs of the month / its new clients, against the
  lifetime value of these clients. Campaigns also speak to clients one has already, so the cost is an upper bound.
grain: [month_on]
materialisation: table
columns:
  month_on: { description: "first day of a whole month, in the pipeline's time zone", tests: [not_null, unique] }
  campaign_cost: { description: "costs of all campaigns in the month, in the pipeline currency", tests: [not_null] }
  new_clients: { description: "people whose first order ever is in the month", tests: [not_null, not_negative] }
  cost_per_client: { description: "campaign cost / new clients, in the pipeline currency; null without new clients" }
  average_clv: { description: "mean lifetime value of the new clients, in the pipeline currency; null without any" }
  clv_to_cost: { description: "lifetime value / cost: below 1 a client never pays back; null where the cost is zero" }
*/
with first_orders as (
    select person_id, min(ordered_on) as first_on
    from silver.orders
    where ordered_at < $as_of
      and coalesce(kind, 'order') <> 'refund'
      and person_id is not null
    group by person_id
),

entries as (
    select
        cast(date_trunc('month', first_orders.first_on) as date) as month_on,
        1 as new_clients,
        clv.clv,
        cast(null as decimal(18, 4)) as cost
    from first_orders
    left join gold.clv as clv on clv.person_id = first_orders.person_id
    union all
    select cast(date_trunc('month', incurred_on) as date), 0, cast(null as decimal(18, 4)), cost
    from silver.campaign_costs
),

by_month as (
    select
        month_on,
        sum(new_clients) as new_clients,
        sum(clv) as clv,
        coalesce(sum(cost), 0) as cost
    from entries
    where month_on < cast(date_trunc('month', cast($as_of_on as date)) as date)
    group by month_on
)

select
    month_on,
    cast(cost as decimal(18, 4)) as campaign_cost,
    new_clients,
    cast(round(cast(cost as double) / nullif(new_clients, 0), 4) as decimal(18, 4)) as cost_per_client,
    cast(round(cast(clv as double) / nullif(new_clients, 0), 4) as decimal(18, 4)) as average_clv,
    cast(clv as double) / nullif(cast(cost as double), 0) as clv_to_cost
from by_month
