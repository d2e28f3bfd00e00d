/*
model: gold.segment_rules
description: >-
  The rule segments: one row per set of conditions, all of which must hold; a segment with several rows holds who fulfils
  one of them. A null sets no condition. These are examples: a file of the same name in a pipeline's own folder brings
  one's own, with the same columns.
grain: [segment, rule]
materialisation: table
columns:
  segment: { description: "name of the segment", tests: [not_null] }
  rule: { description: "number of the set of conditions within the segment", tests: [not_null] }
  description: { description: "who that is", tests: [not_null] }
  customer_type: { description: "b2b or b2c", tests: [{ accepted_values: [b2b, b2c] }] }
  sex: { description: "F or M", tests: [{ accepted_values: [F, M] }] }
  min_age: { description: "youngest age in years", tests: [not_negative] }
  max_age: { description: "oldest age in years", tests: [not_negative] }
  country: { description: "ISO 3166-1 alpha-2 code" }
  department: { description: "French department, such as 75" }
  postcode_prefix: { description: "beginning of the postcode" }
  rfm_segment: { description: "RFM segment" }
  min_orders: { description: "fewest orders", tests: [not_negative] }
  max_orders: { description: "most orders", tests: [not_negative] }
  min_average_basket: { description: "smallest average basket, in the pipeline currency" }
  min_net_amount: { description: "smallest net amount since ever, in the pipeline currency" }
  min_recency_days: { description: "fewest days since the last order", tests: [not_negative] }
  max_recency_days: { description: "most days since the last order", tests: [not_negative] }
  favourite_channel: { description: "channel of most orders" }
  min_opens: { description: "fewest opens of campaign messages", tests: [not_negative] }
  has_history: { description: "whether membership is known for the past too: the rules of the segment speak of orders, RFM, age and sex only, and ask for an order", tests: [not_null] }
tests:
  - no_rows: "select segment from gold.segment_rules group by segment having bool_and(has_history) <> bool_or(has_history)"
  - no_rows: "select * from gold.segment_rules where min_age > max_age or min_orders > max_orders or min_recency_days > max_recency_days"
*/
with rules as (
    select *
    from (
        values
            ('best_clients', 1, 'champions of today''s RFM', null, null, null, null, null, null, null, 'champions', null, null, null, null, null, null, null, null),
            ('best_clients', 2, 'whoever spent 1,000 or more', null, null, null, null, null, null, null, null, null, null, null, 1000, null, null, null, null),
            ('women_30_large_basket', 1, 'women of 30 and over with baskets of 100 or more', null, 'F', 30, null, null, null, null, null, null, null, 100, null, null, null, null, null),
            ('bought_once', 1, 'one order, in the last 90 days', null, null, null, null, null, null, null, null, 1, 1, null, null, null, 90, null, null),
            ('asleep', 1, 'no order in the last year', null, null, null, null, null, null, null, null, 1, null, null, null, 366, null, null, null),
            ('business_web', 1, 'companies that buy on the web', 'b2b', null, null, null, null, null, null, null, 1, null, null, null, null, null, 'web', null),
            ('paris_readers', 1, 'people of Paris who read mails and never bought', null, null, null, null, 'FR', '75', null, null, null, 0, null, null, null, null, null, 1)
    ) as listed (
        segment, rule, description, customer_type, sex, min_age, max_age, country, department, postcode_prefix, rfm_segment, min_orders,
        max_orders, min_average_basket, min_net_amount, min_recency_days, max_recency_days, favourite_channel, min_opens
    )
),

typed as (
    select
        cast(segment as varchar) as segment,
        cast(rule as bigint) as rule,
        cast(description as varchar) as description,
        cast(customer_type as varchar) as customer_type,
        cast(sex as varchar) as sex,
        cast(min_age as bigint) as min_age,
        cast(max_age as bigint) as max_age,
        cast(country as varchar) as country,
        cast(department as varchar) as department,
        cast(postcode_prefix as varchar) as postcode_prefix,
        cast(rfm_segment as varchar) as rfm_segment,
        cast(min_orders as bigint) as min_orders,
        cast(max_orders as bigint) as max_orders,
        cast(min_average_basket as decimal(18, 4)) as min_average_basket,
        cast(min_net_amount as decimal(18, 4)) as min_net_amount,
        cast(min_recency_days as bigint) as min_recency_days,
        cast(max_recency_days as bigint) as max_recency_days,
        cast(favourite_channel as varchar) as favourite_channel,
        cast(min_opens as bigint) as min_opens
    from rules
)

select
    *,
    bool_and(
        coalesce(customer_type, country, department, postcode_prefix, favourite_channel) is null
        and min_opens is null
        and (
            coalesce(min_orders, 0) >= 1
            or rfm_segment <> 'no_orders'
            or min_average_basket is not null
            or min_net_amount > 0
            or coalesce(min_recency_days, max_recency_days) is not null
        ) is true
    ) over (partition by segment) as has_history
from typed
