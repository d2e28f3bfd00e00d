/*
model: gold.rfm
description: >-
  Recency, frequency and monetary value of every person at as_of; buyers are scored 1 to 5 (5 best) and everybody has a
  segment. A refund lowers the monetary value, never recency or frequency.
grain: [person_id]
materialisation: table
parameters:
  scoring:
    type: string
    default: quantile
    description: >-
      quantile scores by exact quintiles (type 7) of the buyers, so that equal values get equal scores; ntile cuts the
      buyers in five groups of equal size, ties broken by person_id; fixed takes the thresholds below, so that a score
      means the same from month to month
  recency_thresholds: { type: string, default: "30,90,180,365", description: "fixed: the most days of the recency scores 5, 4, 3 and 2" }
  frequency_thresholds: { type: string, default: "1,2,4,9", description: "fixed: the most orders of the frequency scores 1, 2, 3 and 4" }
  monetary_thresholds: { type: string, default: "50,200,500,1000", description: "fixed: the highest amounts of the monetary scores 1, 2, 3 and 4, in the pipeline currency" }
columns:
  person_id: { description: "the person", tests: [not_null, unique, { references: silver.persons.person_id, severity: warn }] }
  recency_days: { description: "days from the last order to as_of, 0 for an order on the day of as_of; null without order", tests: [not_negative] }
  frequency: { description: "number of orders, refunds not counted", tests: [not_null, not_negative] }
  monetary: { description: "amount of the orders less refunds, in the pipeline currency", tests: [not_null] }
  average_basket: { description: "monetary / frequency, in the pipeline currency; null without order" }
  first_order_on: { description: "day of the first order" }
  last_order_on: { description: "day of the last order" }
  r_score: { description: "recency score, 5 for the most recent", tests: [{ between: [1, 5] }] }
  f_score: { description: "frequency score, 5 for the most frequent", tests: [{ between: [1, 5] }] }
  m_score: { description: "monetary score, 5 for the highest", tests: [{ between: [1, 5] }] }
  segment:
    description: "named segment of r_score and f_score, by gold.rfm_grid; no_orders for people without order"
    tests: [not_null]
tests:
  - no_rows: "select person_id, segment, r_score from gold.rfm where (segment = 'no_orders') <> (r_score is null)"
*/
with movements as (
    select
        person_id,
        ordered_on,
        coalesce(kind, 'order') <> 'refund' as is_order,
        case when kind = 'refund' then -abs(amount) else amount end as amount
    from silver.orders
    where ordered_at < $as_of
      and person_id is not null
),

buyers as (
    select
        person_id,
        count(*) filter (where is_order) as frequency,
        min(ordered_on) filter (where is_order) as first_order_on,
        max(ordered_on) filter (where is_order) as last_order_on,
        cast(sum(amount) as decimal(18, 4)) as monetary
    from movements
    group by person_id
),

people as (
    -- A person who bought is there even where the CRM claims to have created them later.
    select person_id from silver.persons where created_at is null or created_at < $as_of
    union
    select person_id from buyers
),

measures as (
    select
        people.person_id,
        cast(cast($as_of_on as date) - buyers.last_order_on as bigint) as recency_days,
        coalesce(buyers.frequency, 0) as frequency,
        coalesce(buyers.monetary, cast(0 as decimal(18, 4))) as monetary,
        buyers.first_order_on,
        buyers.last_order_on
    from people
    left join buyers on buyers.person_id = people.person_id
),

thresholds as (
    select
        case when $scoring = 'fixed' then cast(split_part($recency_thresholds, ',', 1) as double)
             else percentile_cont(0.2) within group (order by cast(recency_days as double)) end as r1,
        case when $scoring = 'fixed' then cast(split_part($recency_thresholds, ',', 2) as double)
             else percentile_cont(0.4) within group (order by cast(recency_days as double)) end as r2,
        case when $scoring = 'fixed' then cast(split_part($recency_thresholds, ',', 3) as double)
             else percentile_cont(0.6) within group (order by cast(recency_days as double)) end as r3,
        case when $scoring = 'fixed' then cast(split_part($recency_thresholds, ',', 4) as double)
             else percentile_cont(0.8) within group (order by cast(recency_days as double)) end as r4,
        case when $scoring = 'fixed' then cast(split_part($frequency_thresholds, ',', 1) as double)
             else percentile_cont(0.2) within group (order by cast(frequency as double)) end as f1,
        case when $scoring = 'fixed' then cast(split_part($frequency_thresholds, ',', 2) as double)
             else percentile_cont(0.4) within group (order by cast(frequency as double)) end as f2,
        case when $scoring = 'fixed' then cast(split_part($frequency_thresholds, ',', 3) as double)
             else percentile_cont(0.6) within group (order by cast(frequency as double)) end as f3,
        case when $scoring = 'fixed' then cast(split_part($frequency_thresholds, ',', 4) as double)
             else percentile_cont(0.8) within group (order by cast(frequency as double)) end as f4,
        case when $scoring = 'fixed' then cast(split_part($monetary_thresholds, ',', 1) as double)
             else percentile_cont(0.2) within group (order by cast(monetary as double)) end as m1,
        case when $scoring = 'fixed' then cast(split_part($monetary_thresholds, ',', 2) as double)
             else percentile_cont(0.4) within group (order by cast(monetary as double)) end as m2,
        case when $scoring = 'fixed' then cast(split_part($monetary_thresholds, ',', 3) as double)
             else percentile_cont(0.6) within group (order by cast(monetary as double)) end as m3,
        case when $scoring = 'fixed' then cast(split_part($monetary_thresholds, ',', 4) as double)
             else percentile_cont(0.8) within group (order by cast(monetary as double)) end as m4
    from measures
    where frequency > 0
),

-- A score is 1 plus the thresholds strictly below the value; fewer days since the last order score higher.
scores as (
    select
        measures.*,
        case when frequency = 0 then null
             when $scoring = 'ntile' then ntile(5) over (partition by frequency > 0 order by recency_days desc, person_id)
             else 5
                - case when recency_days > r1 then 1 else 0 end - case when recency_days > r2 then 1 else 0 end
                - case when recency_days > r3 then 1 else 0 end - case when recency_days > r4 then 1 else 0 end
        end as r_score,
        case when frequency = 0 then null
             when $scoring = 'ntile' then ntile(5) over (partition by frequency > 0 order by frequency, person_id)
             else 1
                + case when frequency > f1 then 1 else 0 end + case when frequency > f2 then 1 else 0 end
                + case when frequency > f3 then 1 else 0 end + case when frequency > f4 then 1 else 0 end
        end as f_score,
        case when frequency = 0 then null
             when $scoring = 'ntile' then ntile(5) over (partition by frequency > 0 order by monetary, person_id)
             else 1
                + case when cast(monetary as double) > m1 then 1 else 0 end
                + case when cast(monetary as double) > m2 then 1 else 0 end
                + case when cast(monetary as double) > m3 then 1 else 0 end
                + case when cast(monetary as double) > m4 then 1 else 0 end
        end as m_score
    from measures
    cross join thresholds
)

select
    person_id,
    recency_days,
    frequency,
    monetary,
    cast(round(cast(monetary as double) / nullif(frequency, 0), 4) as decimal(18, 4)) as average_basket,
    first_order_on,
    last_order_on,
    cast(scores.r_score as bigint) as r_score,
    cast(scores.f_score as bigint) as f_score,
    cast(scores.m_score as bigint) as m_score,
    coalesce(grid.segment, 'no_orders') as segment
from scores
left join gold.rfm_grid as grid on grid.r_score = scores.r_score and grid.f_score = scores.f_score
