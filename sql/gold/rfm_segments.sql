/*
model: gold.rfm_segments
description: Size and value of each RFM segment at as_of. Every segment has its row, an empty one too.
grain: [segment]
materialisation: table
columns:
  segment:
    description: "named RFM segment, no_orders for people without order"
    tests: [not_null, unique]
  position: { description: "place in a report, 1 for the best segment", tests: [not_null, unique] }
  people: { description: "number of people", tests: [not_null, not_negative] }
  people_share: { description: "percent of all people", tests: [{ between: [0, 100] }] }
  orders: { description: "their orders since ever", tests: [not_null, not_negative] }
  revenue: { description: "their net revenue since ever, in the pipeline currency", tests: [not_null] }
  revenue_share: { description: "percent of the net revenue of all people" }
  average_revenue: { description: "net revenue per person, in the pipeline currency" }
  average_basket: { description: "net revenue per order, in the pipeline currency" }
  average_recency_days: { description: "mean days since the last order", tests: [not_negative] }
  average_frequency: { description: "mean number of orders", tests: [not_negative] }
tests:
  - no_rows: "select sum(people) as people from gold.rfm_segments having sum(people) <> (select count(*) from gold.rfm)"
*/
with segments as (
    select segment, min(position) as position
    from gold.rfm_grid
    group by segment
    union all
    select 'no_orders', coalesce(max(position), 0) + 1
    from gold.rfm_grid
),

sizes as (
    select
        segment,
        count(*) as people,
        sum(frequency) as orders,
        sum(monetary) as revenue,
        avg(cast(recency_days as double)) as average_recency_days,
        avg(cast(frequency as double)) as average_frequency
    from gold.rfm
    group by segment
),

totals as (
    select count(*) as people, sum(monetary) as revenue
    from gold.rfm
)

select
    segments.segment,
    cast(segments.position as bigint) as position,
    coalesce(sizes.people, 0) as people,
    100.0 * coalesce(sizes.people, 0) / nullif(cast(totals.people as double), 0) as people_share,
    cast(coalesce(sizes.orders, 0) as bigint) as orders,
    cast(coalesce(sizes.revenue, 0) as decimal(18, 4)) as revenue,
    100.0 * cast(coalesce(sizes.revenue, 0) as double) / nullif(cast(totals.revenue as double), 0) as revenue_share,
    cast(round(cast(sizes.revenue as double) / sizes.people, 4) as decimal(18, 4)) as average_revenue,
    cast(round(cast(sizes.revenue as double) / nullif(cast(sizes.orders as double), 0), 4) as decimal(18, 4)) as average_basket,
    sizes.average_recency_days,
    sizes.average_frequency
from segments
cross join totals
left join sizes on sizes.segment = segments.segment
