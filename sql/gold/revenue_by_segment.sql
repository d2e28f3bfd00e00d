/*
model: gold.revenue_by_segment
description: >-
  Revenue of each month by customer type and RFM segment: gross, refunds and net. The segment is the one at as_of, so
  the past months of today's champions are shown, not the champions of the past months. The rows add up to all revenue,
  anonymous orders included.
grain: [month_on, customer_type, segment]
materialisation: table
columns:
  month_on: { description: "first day of the month of the order or refund, in the pipeline's time zone", tests: [not_null] }
  is_complete: { description: "false for the month in which as_of lies", tests: [not_null] }
  customer_type: { description: "b2b for a person with a company, b2c without, unknown for an anonymous order", tests: [not_null, { accepted_values: [b2b, b2c, unknown] }] }
  segment: { description: "RFM segment at as_of, unknown for an anonymous order", tests: [not_null] }
  clients: { description: "people with an order in the month", tests: [not_null, not_negative] }
  orders: { description: "number of orders", tests: [not_null, not_negative] }
  refunds: { description: "number of refunds", tests: [not_null, not_negative] }
  gross_amount: { description: "amount of the orders, in the pipeline currency", tests: [not_null] }
  refund_amount: { description: "amount given back, as a positive number, in the pipeline currency", tests: [not_null, not_negative] }
  net_amount: { description: "gross less refunds, in the pipeline currency", tests: [not_null] }
tests:
  - unique: [month_on, customer_type, segment]
*/
with movements as (
    select
        cast(date_trunc('month', ordered_on) as date) as month_on,
        person_id,
        coalesce(kind, 'order') <> 'refund' as is_order,
        case when kind = 'refund' then abs(amount) else amount end as amount
    from silver.orders
    where ordered_at < $as_of
),

by_person as (
    select
        month_on,
        person_id,
        count(*) filter (where is_order) as orders,
        count(*) filter (where not is_order) as refunds,
        coalesce(sum(amount) filter (where is_order), 0) as gross_amount,
        coalesce(sum(amount) filter (where not is_order), 0) as refund_amount
    from movements
    group by month_on, person_id
)

select
    by_person.month_on,
    by_person.month_on < cast(date_trunc('month', cast($as_of_on as date)) as date) as is_complete,
    case
        when by_person.person_id is null then 'unknown'
        when persons.company_name is not null then 'b2b'
        else 'b2c'
    end as customer_type,
    coalesce(rfm.segment, 'unknown') as segment,
    count(by_person.person_id) filter (where by_person.orders > 0) as clients,
    cast(sum(by_person.orders) as bigint) as orders,
    cast(sum(by_person.refunds) as bigint) as refunds,
    cast(sum(by_person.gross_amount) as decimal(18, 4)) as gross_amount,
    cast(sum(by_person.refund_amount) as decimal(18, 4)) as refund_amount,
    cast(sum(by_person.gross_amount) - sum(by_person.refund_amount) as decimal(18, 4)) as net_amount
from by_person
left join silver.persons as persons on persons.person_id = by_person.person_id
left join gold.rfm as rfm on rfm.person_id = by_person.person_id
group by
    by_person.month_on,
    case
        when by_person.person_id is null then 'unknown'
        when persons.company_name is not null then 'b2b'
        else 'b2c'
    end,
    coalesce(rfm.segment, 'unknown')
