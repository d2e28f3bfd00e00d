/*
model: gold.nps
description: >-
  Net promoter score with its confidence interval: overall, by month of the answer, by channel, and by both. A drop
  inside the interval is no news.
grain: [scope, month_on, channel]
materialisation: table
parameters:
  confidence_z: { type: number, default: 1.96, description: "standard deviations of the interval; 1.96 for 95 percent" }
columns:
  scope: { description: "what the row is cut by", tests: [not_null, { accepted_values: [overall, month, channel, month_channel] }] }
  month_on: { description: "first day of the month of the answer, in the pipeline's time zone; null where not cut by month" }
  channel: { description: "channel judged, unknown where the source does not say; null where not cut by channel" }
  responses: { description: "answers with a score of 0 to 10", tests: [not_null, not_negative] }
  promoters: { description: "answers of 9 and 10", tests: [not_null, not_negative] }
  passives: { description: "answers of 7 and 8", tests: [not_null, not_negative] }
  detractors: { description: "answers of 0 to 6", tests: [not_null, not_negative] }
  nps: { description: "percent of promoters less percent of detractors", tests: [not_null, { between: [-100, 100] }] }
  variance: { description: "variance of nps: 100^2 (p + d - (p - d)^2) / n", tests: [not_null, not_negative] }
  half_width: { description: "half of the confidence interval, in points", tests: [not_null, not_negative] }
  low: { description: "lower end of the interval, -100 at least", tests: [{ between: [-100, 100] }] }
  high: { description: "upper end of the interval, 100 at most", tests: [{ between: [-100, 100] }] }
tests:
  - unique: [scope, month_on, channel]
*/
with answers as (
    select
        cast(date_trunc('month', answered_on) as date) as month_on,
        coalesce(channel, 'unknown') as channel,
        count(*) as responses,
        count(*) filter (where score >= 9) as promoters,
        count(*) filter (where score <= 6) as detractors
    from silver.survey_responses
    where survey = 'nps'
      and score between 0 and 10
      and answered_at < $as_of
    group by cast(date_trunc('month', answered_on) as date), coalesce(channel, 'unknown')
),

counted as (
    select
        case
            when grouping(month_on) = 1 and grouping(channel) = 1 then 'overall'
            when grouping(channel) = 1 then 'month'
            when grouping(month_on) = 1 then 'channel'
            else 'month_channel'
        end as scope,
        month_on,
        channel,
        cast(sum(responses) as bigint) as responses,
        cast(sum(promoters) as bigint) as promoters,
        cast(sum(detractors) as bigint) as detractors,
        cast(sum(promoters) as double) / sum(responses) as p,
        cast(sum(detractors) as double) / sum(responses) as d
    from answers
    group by grouping sets ((month_on, channel), (month_on), (channel), ())
    having sum(responses) > 0
),

measured as (
    select
        *,
        100.0 * (p - d) as nps,
        -- All promoters or all detractors leave rounding noise around zero, which must not become a negative variance.
        greatest(10000.0 * (p + d - (p - d) * (p - d)) / responses, 0.0) as variance
    from counted
)

select
    scope,
    month_on,
    channel,
    responses,
    promoters,
    responses - promoters - detractors as passives,
    detractors,
    nps,
    variance,
    cast($confidence_z as double) * sqrt(variance) as half_width,
    greatest(nps - cast($confidence_z as double) * sqrt(variance), -100.0) as low,
    least(nps + cast($confidence_z as double) * sqrt(variance), 100.0) as high
from measured
