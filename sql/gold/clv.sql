/*
model: gold.clv
description: >-
  Customer lifetime value of every buyer at as_of: average basket x orders per year x lifetime in years, on margin and
  not on revenue. The lifetime is the inverse of the yearly churn, the same for all, and capped.
grain: [person_id]
materialisation: table
parameters:
  assumed_margin: { type: number, default: 0.3, description: "margin as a part of the amount, for orders and refunds whose margin is unknown" }
  lifetime_cap: { type: number, default: 5, description: "longest lifetime in years; also the lifetime where churn cannot be seen yet" }
  discount_rate: { type: number, default: 0, description: "yearly discount of later margins, 0.08 for 8 percent; 0 for none" }
columns:
  person_id: { description: "the person", tests: [not_null, unique, { references: silver.persons.person_id, severity: warn }] }
  orders: { description: "number of orders, refunds not counted", tests: [not_null, { between: [1, 1000000000] }] }
  margin: { description: "margin of the orders less that of refunds, known or assumed, in the pipeline currency", tests: [not_null] }
  known_margin_share: { description: "percent of the orders and refunds whose margin is known", tests: [not_null, { between: [0, 100] }] }
  average_basket: { description: "margin per order, in the pipeline currency", tests: [not_null] }
  yearly_frequency: { description: "orders per year since the first one, over one year at least", tests: [not_null, not_negative] }
  lifetime_years: { description: "expected lifetime in years", tests: [not_null, not_negative] }
  clv: { description: "average basket x yearly frequency x discounted lifetime, in the pipeline currency", tests: [not_null] }
*/
with estimates as (
    select
        person_id,
        ordered_on,
        coalesce(kind, 'order') <> 'refund' as is_order,
        margin is not null as is_known,
        coalesce(margin, amount * cast($assumed_margin as decimal(6, 4))) as margin
    from silver.orders
    where ordered_at < $as_of
      and person_id is not null
),

movements as (
    select person_id, ordered_on, is_order, is_known, case when is_order then margin else -abs(margin) end as margin
    from estimates
),

buyers as (
    select
        person_id,
        count(*) filter (where is_order) as orders,
        cast(sum(margin) as decimal(18, 4)) as margin,
        100.0 * count(*) filter (where is_known) / cast(count(*) as double) as known_margin_share,
        min(ordered_on) filter (where is_order) as first_order_on,
        bool_or(is_order and ordered_on < cast($as_of_on as date) - interval '1 year'
                         and ordered_on >= cast($as_of_on as date) - interval '2 years') as bought_year_before,
        bool_or(is_order and ordered_on >= cast($as_of_on as date) - interval '1 year') as bought_last_year
    from movements
    group by person_id
    having count(*) filter (where is_order) > 0
),

churn as (
    select
        count(*) filter (where bought_year_before) as clients,
        count(*) filter (where bought_year_before and not bought_last_year) as lost
    from buyers
),

lifetimes as (
    select
        case when lost > 0 then least(cast(clients as double) / lost, cast($lifetime_cap as double))
             else cast($lifetime_cap as double) end as lifetime_years
    from churn
),

rates as (
    select
        buyers.person_id,
        buyers.orders,
        buyers.margin,
        buyers.known_margin_share,
        cast(buyers.margin as double) / buyers.orders as basket,
        -- A first order of last week does not make 52 orders a year.
        buyers.orders / greatest(cast(cast($as_of_on as date) - buyers.first_order_on as double) / 365.25, 1.0) as yearly_frequency,
        lifetimes.lifetime_years,
        case when cast($discount_rate as double) = 0 then lifetimes.lifetime_years
             else (1 - power(1 + cast($discount_rate as double), -lifetimes.lifetime_years)) / cast($discount_rate as double)
        end as discounted_years
    from buyers
    cross join lifetimes
)

select
    person_id,
    orders,
    margin,
    known_margin_share,
    cast(round(basket, 4) as decimal(18, 4)) as average_basket,
    yearly_frequency,
    lifetime_years,
    cast(round(basket * yearly_frequency * discounted_years, 4) as decimal(18, 4)) as clv
from rates
