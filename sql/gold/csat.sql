/*
model: gold.csat
description: >-
  Customer satisfaction: satisfied answers / answers, overall, by month, by channel, and by both. What is judged counts
  once: a ticket judged again counts with its latest score, and with its first one in csat_first. A survey offered and
  not answered is no answer.
grain: [scope, month_on, channel]
materialisation: table
parameters:
  satisfied_from: { type: integer, default: 4, description: "lowest score, of 1 to 5, that says satisfied" }
columns:
  scope: { description: "what the row is cut by", tests: [not_null, { accepted_values: [overall, month, channel, month_channel] }] }
  month_on: { description: "first day of the month of the latest answer, of the offer where there is none, in the pipeline's time zone; null where not cut by month" }
  channel: { description: "channel judged, unknown where the source does not say; null where not cut by channel" }
  offered: { description: "tickets or contacts a survey was offered for", tests: [not_null, not_negative] }
  answered: { description: "those with at least one answer", tests: [not_null, not_negative] }
  satisfied: { description: "those whose latest score says satisfied", tests: [not_null, not_negative] }
  csat: { description: "percent: satisfied / answered; null without answer", tests: [{ between: [0, 100] }] }
  csat_first: { description: "the same with the first score instead of the latest", tests: [{ between: [0, 100] }] }
  response_rate: { description: "percent: answered / offered", tests: [not_null, { between: [0, 100] }] }
  average_score: { description: "mean of the latest scores", tests: [{ between: [1, 5] }] }
tests:
  - unique: [scope, month_on, channel]
*/
with offers as (
    select
        record_id,
        coalesce(ticket_id, record_id) as subject_id,
        -- Two systems may give one number: a ticket is one of its source.
        case when ticket_id is not null then split_part(source, '.', 1) end as desk,
        ticket_id is not null as is_ticket,
        coalesce(channel, 'unknown') as channel,
        coalesce(offered_at, answered_at) as offered_at,
        coalesce(offered_on, answered_on) as offered_on,
        -- An answer of after as_of is not known yet: at as_of it is an offer.
        case when answered_at < $as_of and score between 1 and 5 then score end as score,
        case when answered_at < $as_of and score between 1 and 5 then answered_at end as answered_at,
        case when answered_at < $as_of and score between 1 and 5 then answered_on end as answered_on
    from silver.survey_responses
    where survey = 'csat'
      and coalesce(offered_at, answered_at) < $as_of
),

ranked as (
    select
        *,
        row_number() over (
            partition by is_ticket, desk, subject_id order by answered_at desc nulls last, offered_at desc, record_id desc
        ) as from_latest,
        row_number() over (
            partition by is_ticket, desk, subject_id order by answered_at nulls last, offered_at, record_id
        ) as from_first
    from offers
),

subjects as (
    select
        is_ticket,
        desk,
        subject_id,
        max(case when from_latest = 1 then channel end) as channel,
        max(case when from_latest = 1 then coalesce(answered_on, offered_on) end) as counted_on,
        max(case when from_latest = 1 then score end) as latest_score,
        max(case when from_first = 1 then score end) as first_score
    from ranked
    group by is_ticket, desk, subject_id
),

by_month_channel as (
    select
        cast(date_trunc('month', counted_on) as date) as month_on,
        channel,
        count(*) as offered,
        count(latest_score) as answered,
        count(*) filter (where latest_score >= $satisfied_from) as satisfied,
        count(*) filter (where first_score >= $satisfied_from) as satisfied_first,
        sum(latest_score) as total_score
    from subjects
    group by cast(date_trunc('month', counted_on) as date), channel
)

select
    case
        when grouping(month_on) = 1 and grouping(channel) = 1 then 'overall'
        when grouping(channel) = 1 then 'month'
        when grouping(month_on) = 1 then 'channel'
        else 'month_channel'
    end as scope,
    month_on,
    channel,
    cast(sum(offered) as bigint) as offered,
    cast(sum(answered) as bigint) as answered,
    cast(sum(satisfied) as bigint) as satisfied,
    100.0 * sum(satisfied) / nullif(cast(sum(answered) as double), 0) as csat,
    100.0 * sum(satisfied_first) / nullif(cast(sum(answered) as double), 0) as csat_first,
    100.0 * sum(answered) / cast(sum(offered) as double) as response_rate,
    cast(sum(total_score) as double) / nullif(sum(answered), 0) as average_score
from by_month_channel
group by grouping sets ((month_on, channel), (month_on), (channel), ())
having sum(offered) > 0
