/*
model: gold.rfm_history
description: >-
  RFM of every buyer at the beginning of each of the last months, the running one included: what gold.rfm would have
  said then, from what is known today. An order that was loaded late changes the months after it. A person is there
  from the first snapshot after the first order.
grain: [snapshot_on, person_id]
materialisation: table
parameters:
  months: { type: integer, default: 13, description: "number of snapshots, one for the beginning of each month" }
  scoring: { type: string, default: quantile, description: "quantile: exact quintiles (type 7) of the snapshot's buyers; fixed: the thresholds below" }
  recency_thresholds: { type: string, default: "30,90,180,365", description: "fixed: the most days of the recency scores 5, 4, 3 and 2" }
  frequency_thresholds: { type: string, default: "1,2,4,9", description: "fixed: the most orders of the frequency scores 1, 2, 3 and 4" }
  monetary_thresholds: { type: string, default: "50,200,500,1000", description: "fixed: the highest amounts of the monetary scores 1, 2, 3 and 4, in the pipeline currency" }
columns:
  snapshot_on: { description: "first day of a month, in the pipeline's time zone; the row tells how things stood when it began", tests: [not_null] }
  person_id: { description: "the person", tests: [not_null] }
  recency_days: { description: "days from the last order before the snapshot to it", tests: [not_null, { between: [1, 1000000] }] }
  frequency: { description: "number of orders before the snapshot, refunds not counted", tests: [not_null, { between: [1, 1000000000] }] }
  monetary: { description: "amount of the orders less refunds before the snapshot, in the pipeline currency", tests: [not_null] }
  last_order_on: { description: "day of the last order before the snapshot", tests: [not_null] }
  r_score: { description: "recency score, 5 for the most recent", tests: [not_null, { between: [1, 5] }] }
  f_score: { description: "frequency score, 5 for the most frequent", tests: [not_null, { between: [1, 5] }] }
  m_score: { description: "monetary score, 5 for the highest", tests: [not_null, { between: [1, 5] }] }
  segment: { description: "named segment of r_score and f_score, by gold.rfm_grid", tests: [not_null] }
*/
with bounds as (
    select
        last_index,
        last_index - $months + 1 as first_index
    from (
        select cast(date_part('year', cast($as_of_on as date)) * 12 + date_part('month', cast($as_of_on as date)) - 1 as bigint) as last_index
    ) as running
),

movements as (
    select
        person_id,
        ordered_on,
        -- Months are counted from the year 0, so that they can be added to.
        cast(date_part('year', ordered_on) * 12 + date_part('month', ordered_on) as bigint) as next_index,
        coalesce(kind, 'order') <> 'refund' as is_order,
        case when kind = 'refund' then -abs(amount) else amount end as amount
    from silver.orders
    where ordered_at < $as_of
      and person_id is not null
),

-- One row per person and first snapshot that sees the movement.
changes as (
    select
        movements.person_id,
        greatest(movements.next_index, bounds.first_index) as snapshot_index,
        max(bounds.last_index) as last_index,
        count(*) filter (where movements.is_order) as orders,
        max(case when movements.is_order then movements.ordered_on end) as last_order_on,
        sum(movements.amount) as amount
    from movements
    cross join bounds
    where movements.next_index <= bounds.last_index
    group by movements.person_id, greatest(movements.next_index, bounds.first_index)
),

states as (
    select
        person_id,
        snapshot_index,
        coalesce(lead(snapshot_index) over later, last_index + 1) as next_index,
        sum(orders) over so_far as frequency,
        max(last_order_on) over so_far as last_order_on,
        sum(amount) over so_far as monetary
    from changes
    window
        later as (partition by person_id order by snapshot_index),
        so_far as (partition by person_id order by snapshot_index rows unbounded preceding)
),

-- A state holds until the next change.
filled as (
    select
        person_id,
        unnest(range(snapshot_index, next_index)) as snapshot_index,
        frequency,
        last_order_on,
        monetary
    from states
    where frequency > 0
),

measures as (
    select
        make_date(cast(snapshot_index / 12 as int), cast(snapshot_index % 12 + 1 as int), 1) as snapshot_on,
        person_id,
        cast(make_date(cast(snapshot_index / 12 as int), cast(snapshot_index % 12 + 1 as int), 1) - last_order_on as bigint) as recency_days,
        cast(frequency as bigint) as frequency,
        cast(monetary as decimal(18, 4)) as monetary,
        last_order_on
    from filled
),

ranked as (
    select
        *,
        count(*) over (partition by snapshot_on) as people,
        rank() over (partition by snapshot_on order by recency_days) as r_rank,
        rank() over (partition by snapshot_on order by frequency) as f_rank,
        rank() over (partition by snapshot_on order by monetary) as m_rank
    from measures
),

-- A value lies above the k-th quintile of type 7 just when more than k (n - 1) / 5 values are smaller, rounded down: the
-- quintile lies at or past the value of that place, and before the next one.
scores as (
    select
        snapshot_on,
        person_id,
        recency_days,
        frequency,
        monetary,
        last_order_on,
        case when $scoring = 'fixed' then
               case when cast(recency_days as double) > cast(split_part($recency_thresholds, ',', 1) as double) then 1 else 0 end
               + case when cast(recency_days as double) > cast(split_part($recency_thresholds, ',', 2) as double) then 1 else 0 end
               + case when cast(recency_days as double) > cast(split_part($recency_thresholds, ',', 3) as double) then 1 else 0 end
               + case when cast(recency_days as double) > cast(split_part($recency_thresholds, ',', 4) as double) then 1 else 0 end
        else
               case when r_rank - 1 > (people - 1) / 5 then 1 else 0 end
               + case when r_rank - 1 > 2 * (people - 1) / 5 then 1 else 0 end
               + case when r_rank - 1 > 3 * (people - 1) / 5 then 1 else 0 end
               + case when r_rank - 1 > 4 * (people - 1) / 5 then 1 else 0 end
        end as r_above,
        case when $scoring = 'fixed' then
               case when cast(frequency as double) > cast(split_part($frequency_thresholds, ',', 1) as double) then 1 else 0 end
               + case when cast(frequency as double) > cast(split_part($frequency_thresholds, ',', 2) as double) then 1 else 0 end
               + case when cast(frequency as double) > cast(split_part($frequency_thresholds, ',', 3) as double) then 1 else 0 end
               + case when cast(frequency as double) > cast(split_part($frequency_thresholds, ',', 4) as double) then 1 else 0 end
        else
               case when f_rank - 1 > (people - 1) / 5 then 1 else 0 end
               + case when f_rank - 1 > 2 * (people - 1) / 5 then 1 else 0 end
               + case when f_rank - 1 > 3 * (people - 1) / 5 then 1 else 0 end
               + case when f_rank - 1 > 4 * (people - 1) / 5 then 1 else 0 end
        end as f_above,
        case when $scoring = 'fixed' then
               case when cast(monetary as double) > cast(split_part($monetary_thresholds, ',', 1) as double) then 1 else 0 end
               + case when cast(monetary as double) > cast(split_part($monetary_thresholds, ',', 2) as double) then 1 else 0 end
               + case when cast(monetary as double) > cast(split_part($monetary_thresholds, ',', 3) as double) then 1 else 0 end
               + case when cast(monetary as double) > cast(split_part($monetary_thresholds, ',', 4) as double) then 1 else 0 end
        else
               case when m_rank - 1 > (people - 1) / 5 then 1 else 0 end
               + case when m_rank - 1 > 2 * (people - 1) / 5 then 1 else 0 end
               + case when m_rank - 1 > 3 * (people - 1) / 5 then 1 else 0 end
               + case when m_rank - 1 > 4 * (people - 1) / 5 then 1 else 0 end
        end as m_above
    from ranked
)

select
    scores.snapshot_on,
    scores.person_id,
    scores.recency_days,
    scores.frequency,
    scores.monetary,
    scores.last_order_on,
    cast(5 - scores.r_above as bigint) as r_score,
    cast(1 + scores.f_above as bigint) as f_score,
    cast(1 + scores.m_above as bigint) as m_score,
    grid.segment
from scores
inner join gold.rfm_grid as grid on grid.r_score = 5 - scores.r_above and grid.f_score = 1 + scores.f_above
