/*
model: gold.segment_members
description: Who is in which rule segment at as_of, by gold.segment_rules and gold.customer_360. A person can be in several.
grain: [segment, person_id]
materialisation: table
columns:
  segment: { description: "the segment", tests: [not_null, { references: gold.segment_rules.segment }] }
  person_id: { description: "the person", tests: [not_null] }
  rule: { description: "the first rule of the segment that the person fulfils", tests: [not_null] }
*/
select
    rules.segment,
    people.person_id,
    min(rules.rule) as rule
from gold.customer_360 as people
inner join gold.segment_rules as rules
    on coalesce(people.customer_type = rules.customer_type, rules.customer_type is null)
    and coalesce(people.sex = rules.sex, rules.sex is null)
    and coalesce(people.age >= rules.min_age, rules.min_age is null)
    and coalesce(people.age <= rules.max_age, rules.max_age is null)
    and coalesce(people.country = rules.country, rules.country is null)
    and coalesce(people.department = rules.department, rules.department is null)
    and coalesce(starts_with(people.postcode, rules.postcode_prefix), rules.postcode_prefix is null)
    and coalesce(people.segment = rules.rfm_segment, rules.rfm_segment is null)
    and coalesce(people.orders >= rules.min_orders, true)
    and coalesce(people.orders <= rules.max_orders, true)
    and coalesce(people.average_basket >= rules.min_average_basket, rules.min_average_basket is null)
    and coalesce(people.net_amount >= rules.min_net_amount, true)
    and coalesce(people.recency_days >= rules.min_recency_days, rules.min_recency_days is null)
    and coalesce(people.recency_days <= rules.max_recency_days, rules.max_recency_days is null)
    and coalesce(people.favourite_channel = rules.favourite_channel, rules.favourite_channel is null)
    and coalesce(people.opens >= rules.min_opens, true)
group by rules.segment, people.person_id
