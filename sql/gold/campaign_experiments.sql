/*
model: gold.campaign_experiments
description: >-
  A/B comparison: the arms of each experiment by what their people did, with confidence intervals, and each against the
  control (the first arm by name). People who were reached by more than one arm are left out and counted. With many arms or figures
  one in twenty looks different by chance at 95 percent: raise confidence_z.
grain: [experiment, metric, variant]
materialisation: table
parameters:
  confidence_z: { type: number, default: 1.96, description: "standard deviations of the interval; 1.96 for 95 percent" }
columns:
  experiment: { description: "the experiment", tests: [not_null] }
  metric: { description: "open, click, conversion or unsubscribe", tests: [not_null, { accepted_values: [open, click, conversion, unsubscribe] }] }
  variant: { description: "arm of the experiment", tests: [not_null] }
  is_control: { description: "whether the others are compared with it", tests: [not_null] }
  people: { description: "people reached by this arm alone: delivered to; where no delivery is reported, sent to without bounce", tests: [not_null, not_negative] }
  contaminated: { description: "people reached by this arm and another, left out", tests: [not_null, not_negative] }
  successes: { description: "of the people, those who did it, each once; machines left out", tests: [not_null, not_negative] }
  rate: { description: "percent: successes / people", tests: [{ between: [0, 100] }] }
  rate_low: { description: "lower end of the rate's interval (Wilson)", tests: [{ between: [0, 100] }] }
  rate_high: { description: "upper end of the rate's interval (Wilson)", tests: [{ between: [0, 100] }] }
  difference: { description: "rate less that of the control, in points; null for the control" }
  difference_low: { description: "lower end of the difference's interval (Newcombe)" }
  difference_high: { description: "upper end of the difference's interval (Newcombe)" }
  lift: { description: "percent: difference / rate of the control" }
  verdict: { description: "higher or lower where the interval leaves out 0, else unclear; control for the control", tests: [not_null, { accepted_values: [control, higher, lower, unclear] }] }
tests:
  - no_rows: "select * from gold.campaign_experiments where successes > people or rate < rate_low or rate > rate_high"
*/
with arms as (
    select campaign_id, min(experiment) as experiment, min(coalesce(variant, campaign_id)) as variant
    from silver.campaigns
    where experiment is not null
    group by campaign_id
),

addressees as (
    select
        arms.experiment,
        arms.variant,
        coalesce(events.person_id, events.person_record_id, events.record_id) as addressee,
        bool_or(events.kind = 'sent') as is_sent,
        bool_or(events.kind = 'delivered') as is_delivered,
        bool_or(events.kind = 'bounce') as is_bounced,
        bool_or(events.kind = 'open') as has_opened,
        bool_or(events.kind = 'click') as has_clicked,
        bool_or(events.kind = 'conversion') as has_converted,
        bool_or(events.kind = 'unsubscribe') as has_unsubscribed
    from silver.campaign_events as events
    inner join arms on arms.campaign_id = events.campaign_id
    where events.happened_at < $as_of
    group by arms.experiment, arms.variant, coalesce(events.person_id, events.person_record_id, events.record_id)
),

reports as (
    select *, bool_or(is_delivered) over (partition by experiment, variant) as reports_delivery
    from addressees
),

reached as (
    select *, count(*) over (partition by experiment, addressee) > 1 as is_contaminated
    from reports
    where case when reports_delivery then is_delivered else is_sent and not is_bounced end
),

counted as (
    select
        experiment,
        variant,
        count(*) filter (where not is_contaminated) as people,
        count(*) filter (where is_contaminated) as contaminated,
        count(*) filter (where has_opened and not is_contaminated) as opens,
        count(*) filter (where has_clicked and not is_contaminated) as clicks,
        count(*) filter (where has_converted and not is_contaminated) as conversions,
        count(*) filter (where has_unsubscribed and not is_contaminated) as unsubscribes
    from reached
    group by experiment, variant
),

rates as (
    select
        counted.experiment,
        metrics.metric,
        counted.variant,
        counted.people,
        counted.contaminated,
        case metrics.metric
            when 'open' then counted.opens
            when 'click' then counted.clicks
            when 'conversion' then counted.conversions
            else counted.unsubscribes
        end as successes
    from counted
    cross join (values ('open'), ('click'), ('conversion'), ('unsubscribe')) as metrics (metric)
),

shares as (
    select
        *,
        successes / nullif(cast(people as double), 0) as p,
        cast(people as double) as n,
        cast($confidence_z as double) * cast($confidence_z as double) as z2
    from rates
),

-- Wilson, E. B. (1927): https://en.wikipedia.org/wiki/Binomial_proportion_confidence_interval#Wilson_score_interval
intervals as (
    select
        *,
        -- Rounding must not push an end past the share of none or all.
        greatest(least((p + z2 / (2 * n) - sqrt(z2 * (p * (1 - p) + z2 / (4 * n)) / n)) / (1 + z2 / n), p), 0.0) as l,
        least(greatest((p + z2 / (2 * n) + sqrt(z2 * (p * (1 - p) + z2 / (4 * n)) / n)) / (1 + z2 / n), p), 1.0) as u
    from shares
),

controls as (
    select
        *,
        row_number() over arms_by_name = 1 as is_control,
        first_value(p) over arms_by_name as control_p,
        first_value(l) over arms_by_name as control_l,
        first_value(u) over arms_by_name as control_u
    from intervals
    window arms_by_name as (partition by experiment, metric order by variant)
),

-- Newcombe, R. G. (1998), method 10: the interval of a difference from those of its two shares.
differences as (
    select
        *,
        case when not is_control then p - control_p end as d,
        case when not is_control then p - control_p - sqrt(power(p - l, 2) + power(control_u - control_p, 2)) end as d_low,
        case when not is_control then p - control_p + sqrt(power(u - p, 2) + power(control_p - control_l, 2)) end as d_high
    from controls
)

select
    experiment,
    metric,
    variant,
    is_control,
    people,
    contaminated,
    successes,
    100.0 * p as rate,
    100.0 * l as rate_low,
    100.0 * u as rate_high,
    100.0 * d as difference,
    100.0 * d_low as difference_low,
    100.0 * d_high as difference_high,
    100.0 * d / nullif(control_p, 0.0) as lift,
    case
        when is_control then 'control'
        when d_low > 0 then 'higher'
        when d_high < 0 then 'lower'
        else 'unclear'
    end as verdict
from differences
