/*
model: gold.time_to_purchase
description: >-
  Days to the first purchase and from one to the next, in one row each, read from gold.purchase_curves. The median of
  those who bought is there to show how far it misleads: it forgets all who still wait.
grain: [step]
materialisation: table
columns:
  step: { description: "what is waited for", tests: [not_null, unique, { accepted_values: [first_purchase, second_purchase, later_purchase] }] }
  waits: { description: "waits begun before as_of", tests: [not_null, { between: [1, 1000000000000] }] }
  bought: { description: "those that ended with an order", tests: [not_null, not_negative] }
  still_waiting: { description: "those still going on at as_of", tests: [not_null, not_negative] }
  median_days: { description: "days after which half have bought (Kaplan-Meier); null where less than half have so far", tests: [not_negative] }
  median_days_of_buyers: { description: "days after which half of those who bought had bought: too short, since who still waits is left out", tests: [not_negative] }
  bought_30: { description: "percent that buy within 30 days (Kaplan-Meier); null where nobody was watched so long", tests: [{ between: [0, 100] }] }
  bought_90: { description: "percent that buy within 90 days; null where nobody was watched so long", tests: [{ between: [0, 100] }] }
  bought_180: { description: "percent that buy within 180 days; null where nobody was watched so long", tests: [{ between: [0, 100] }] }
  bought_365: { description: "percent that buy within 365 days; null where nobody was watched so long", tests: [{ between: [0, 100] }] }
*/
with running as (
    select
        *,
        sum(bought) over (partition by step order by days rows unbounded preceding) as bought_so_far,
        sum(bought) over (partition by step) as all_bought
    from gold.purchase_curves
)

select
    step,
    max(at_risk) as waits,
    cast(sum(bought) as bigint) as bought,
    cast(sum(censored) as bigint) as still_waiting,
    -- A share that is half but for rounding is half.
    min(days) filter (where bought_share >= 50.0 - 1e-9) as median_days,
    min(days) filter (where all_bought > 0 and 2 * bought_so_far >= all_bought) as median_days_of_buyers,
    case when max(days) >= 30 then coalesce(max(bought_share) filter (where days <= 30), 0.0) end as bought_30,
    case when max(days) >= 90 then coalesce(max(bought_share) filter (where days <= 90), 0.0) end as bought_90,
    case when max(days) >= 180 then coalesce(max(bought_share) filter (where days <= 180), 0.0) end as bought_180,
    case when max(days) >= 365 then coalesce(max(bought_share) filter (where days <= 365), 0.0) end as bought_365
from running
group by step
