/*
model: gold.segment_profitability
description: >-
  What each RFM segment of B2B and B2C brings in and costs over the last window_months whole months: net revenue, margin,
  campaign costs by the messages sent to it, service costs by its tickets. The rows add up to all revenue and all costs: what
  belongs to nobody known is in the segment unknown. The segment is the one at as_of.
grain: [segment, customer_type]
materialisation: table
parameters:
  window_months: { type: integer, default: 12, description: "whole months before that of as_of that are looked at" }
  assumed_margin: { type: number, default: 0.3, description: "margin as a part of the amount, for orders and refunds whose margin is unknown" }
  cost_per_ticket: { type: number, default: 0, description: "cost of a request to customer service, in the pipeline currency" }
columns:
  segment: { description: "RFM segment at as_of, no_orders without order, unknown for what belongs to nobody known", tests: [not_null] }
  customer_type: { description: "b2b for a person with a company, b2c without, unknown", tests: [not_null, { accepted_values: [b2b, b2c, unknown] }] }
  people: { description: "people of the segment", tests: [not_null, not_negative] }
  revenue: { description: "orders less refunds, in the pipeline currency", tests: [not_null] }
  margin: { description: "margin of the orders less that of refunds, known or assumed, in the pipeline currency", tests: [not_null] }
  campaign_cost: { description: "its part of the campaigns' costs, in the pipeline currency", tests: [not_null] }
  service_cost: { description: "tickets x cost_per_ticket, in the pipeline currency", tests: [not_null, not_negative] }
  profit: { description: "margin less costs, in the pipeline currency", tests: [not_null] }
  profit_per_person: { description: "profit / people, in the pipeline currency" }
  profit_rate: { description: "percent: profit / revenue; null where there is no revenue" }
  revenue_share: { description: "percent of all revenue" }
  profit_share: { description: "percent of all profit; null where all of it is not positive" }
*/
with bounds as (
    select
        make_date(cast((running - $window_months) / 12 as int), cast((running - $window_months) % 12 + 1 as int), 1) as from_on,
        make_date(cast(running / 12 as int), cast(running % 12 + 1 as int), 1) as until_on
    from (
        select cast(date_part('year', cast($as_of_on as date)) * 12 + date_part('month', cast($as_of_on as date)) - 1 as bigint) as running
    ) as months
),

people as (
    select
        rfm.person_id,
        rfm.segment,
        case when persons.company_name is not null then 'b2b' else 'b2c' end as customer_type
    from gold.rfm as rfm
    left join silver.persons as persons on persons.person_id = rfm.person_id
),

movements as (
    select
        orders.person_id,
        case when orders.kind = 'refund' then -abs(orders.amount) else orders.amount end as revenue,
        case when orders.kind = 'refund'
             then -abs(coalesce(orders.margin, orders.amount * cast($assumed_margin as decimal(6, 4))))
             else coalesce(orders.margin, orders.amount * cast($assumed_margin as decimal(6, 4))) end as margin
    from silver.orders as orders
    cross join bounds
    where orders.ordered_at < $as_of
      and orders.ordered_on >= bounds.from_on
      and orders.ordered_on < bounds.until_on
),

costs as (
    select costs.campaign_id, sum(costs.cost) as cost
    from silver.campaign_costs as costs
    cross join bounds
    where costs.incurred_on >= bounds.from_on
      and costs.incurred_on < bounds.until_on
    group by costs.campaign_id
),

sent as (
    select campaign_id, person_id, count(*) as messages
    from silver.campaign_events
    where kind = 'sent' and happened_at < $as_of
    group by campaign_id, person_id
),

placed as (
    select
        sent.campaign_id,
        coalesce(people.segment, 'unknown') as segment,
        coalesce(people.customer_type, 'unknown') as customer_type,
        sum(sent.messages) as messages
    from sent
    left join people on people.person_id = sent.person_id
    group by sent.campaign_id, coalesce(people.segment, 'unknown'), coalesce(people.customer_type, 'unknown')
),

-- The last digit that rounding leaves over goes to unknown, with the campaigns that sent nothing.
shared as (
    select
        costs.campaign_id,
        costs.cost,
        placed.segment,
        placed.customer_type,
        cast(round(
            costs.cost * placed.messages / sum(placed.messages) over (partition by costs.campaign_id), 4
        ) as decimal(18, 4)) as part
    from costs
    left join placed on placed.campaign_id = costs.campaign_id
),

entries as (
    select segment, customer_type, count(*) as people, 0 as revenue, 0 as margin, 0 as campaign_cost, 0 as tickets
    from people
    group by segment, customer_type
    union all
    select
        coalesce(people.segment, 'unknown'), coalesce(people.customer_type, 'unknown'), 0,
        sum(movements.revenue), sum(movements.margin), 0, 0
    from movements
    left join people on people.person_id = movements.person_id
    group by coalesce(people.segment, 'unknown'), coalesce(people.customer_type, 'unknown')
    union all
    select segment, customer_type, 0, 0, 0, part, 0
    from shared
    where segment is not null
    union all
    select 'unknown', 'unknown', 0, 0, 0, min(cost) - coalesce(sum(part), 0), 0
    from shared
    group by campaign_id
    having min(cost) <> coalesce(sum(part), 0)
    union all
    select coalesce(people.segment, 'unknown'), coalesce(people.customer_type, 'unknown'), 0, 0, 0, 0, count(*)
    from silver.tickets as tickets
    cross join bounds
    left join people on people.person_id = tickets.person_id
    where tickets.opened_at < $as_of
      and tickets.opened_on >= bounds.from_on
      and tickets.opened_on < bounds.until_on
    group by coalesce(people.segment, 'unknown'), coalesce(people.customer_type, 'unknown')
),

summed as (
    select
        segment,
        customer_type,
        cast(sum(people) as bigint) as people,
        cast(sum(revenue) as decimal(18, 4)) as revenue,
        cast(round(sum(margin), 4) as decimal(18, 4)) as margin,
        cast(sum(campaign_cost) as decimal(18, 4)) as campaign_cost,
        cast(sum(tickets) * cast($cost_per_ticket as decimal(12, 4)) as decimal(18, 4)) as service_cost
    from entries
    group by segment, customer_type
),

profits as (
    select *, cast(margin - campaign_cost - service_cost as decimal(18, 4)) as profit
    from summed
)

select
    segment,
    customer_type,
    people,
    revenue,
    margin,
    campaign_cost,
    service_cost,
    profit,
    cast(round(cast(profit as double) / nullif(people, 0), 4) as decimal(18, 4)) as profit_per_person,
    100.0 * cast(profit as double) / nullif(cast(revenue as double), 0) as profit_rate,
    100.0 * cast(revenue as double) / nullif(cast(sum(revenue) over () as double), 0) as revenue_share,
    case when sum(profit) over () > 0 then 100.0 * cast(profit as double) / cast(sum(profit) over () as double) end as profit_share
from profits
