/*
model: gold.service_activity
description: >-
  What customer service received, answered and solved: overall, by month, by channel, and by both. Tickets opened and contacts
  count in the month they came in, tickets closed and their times in the month they were closed.
grain: [scope, month_on, channel]
materialisation: table
columns:
  scope: { description: "what the row is cut by", tests: [not_null, { accepted_values: [overall, month, channel, month_channel] }] }
  month_on: { description: "first day of the month, in the pipeline's time zone; null where not cut by month" }
  channel: { description: "channel, unknown where the source does not say; null where not cut by channel" }
  tickets_opened: { description: "tickets that came in", tests: [not_null, not_negative] }
  tickets_closed: { description: "tickets closed", tests: [not_null, not_negative] }
  tickets_open: { description: "of those that came in, still open at as_of", tests: [not_null, not_negative] }
  late_tickets: { description: "tickets closed that had been open longer than agreed, and of those that came in, those open at as_of for too long", tests: [not_null, not_negative] }
  on_time_rate: { description: "percent of the tickets closed that were so in the time agreed", tests: [{ between: [0, 100] }] }
  median_business_minutes: { description: "business minutes from opening to closing: half took longer", tests: [not_negative] }
  p90_business_minutes: { description: "business minutes that nine of ten tickets closed stayed below", tests: [not_negative] }
  median_elapsed_minutes: { description: "minutes from opening to closing, nights included: half took longer", tests: [not_negative] }
  median_reply_minutes: { description: "business minutes to the first reply, where known, of the tickets that came in", tests: [not_negative] }
  contacts_received: { description: "calls, mails and other contacts that came in", tests: [not_null, not_negative] }
  contacts_answered: { description: "those that somebody took or replied to before as_of", tests: [not_null, not_negative] }
  answer_rate: { description: "percent: answered / received", tests: [{ between: [0, 100] }] }
  median_answer_seconds: { description: "seconds until somebody took it or replied: half took longer", tests: [not_negative] }
  contacts_made: { description: "calls, mails and other contacts that went out", tests: [not_null, not_negative] }
tests:
  - no_rows: "select * from gold.service_activity where contacts_answered > contacts_received or tickets_open > tickets_opened"
*/
with happenings as (
    select
        opened_on as day_on,
        channel,
        1 as opened,
        0 as closed,
        case when closed_at is null then 1 else 0 end as still_open,
        case when closed_at is null and is_late then 1 else 0 end as late_open,
        0 as late_closed,
        cast(null as double) as business_minutes,
        cast(null as double) as elapsed_minutes,
        reply_minutes,
        0 as received,
        0 as answered,
        cast(null as double) as answer_seconds,
        0 as made
    from gold.ticket_resolution
    union all
    select
        closed_on, channel, 0, 1, 0, 0, case when is_late then 1 else 0 end, business_minutes, elapsed_minutes,
        cast(null as double), 0, 0, cast(null as double), 0
    from gold.ticket_resolution
    where closed_at is not null
    union all
    select
        happened_on, channel, 0, 0, 0, 0, 0, cast(null as double), cast(null as double), cast(null as double),
        case when direction = 'inbound' then 1 else 0 end,
        case when direction = 'inbound' and answered_at < $as_of then 1 else 0 end,
        case when direction = 'inbound' and answered_at < $as_of
             then greatest((cast(answered_at as bigint) - cast(happened_at as bigint)) / 1000000.0, 0.0) end,
        case when direction = 'outbound' then 1 else 0 end
    from silver.interactions
    where happened_at < $as_of
),

-- Each row once for each scope it belongs to, so that ranks can be taken within.
scoped as (
    select
        scopes.scope,
        case when scopes.by_month then cast(date_trunc('month', happenings.day_on) as date) end as month_on,
        case when scopes.by_channel then happenings.channel end as channel,
        happenings.opened, happenings.closed, happenings.still_open, happenings.late_open, happenings.late_closed,
        happenings.business_minutes, happenings.elapsed_minutes, happenings.reply_minutes, happenings.received, happenings.answered,
        happenings.answer_seconds, happenings.made
    from happenings
    cross join (
        values ('overall', false, false), ('month', true, false), ('channel', false, true), ('month_channel', true, true)
    ) as scopes (scope, by_month, by_channel)
),

ranked as (
    select
        scope, month_on, channel, opened, closed, still_open, late_open, late_closed, business_minutes, elapsed_minutes, reply_minutes,
        received, answered, answer_seconds, made,
        row_number() over (partition by scope, month_on, channel order by business_minutes nulls last) - 1 as place,
        -- The 90th percentile lies at nine tenths of the way from the first to the last: a tenth is kept whole.
        9 * (count(business_minutes) over (partition by scope, month_on, channel) - 1) as tenths
    from scoped
)

select
    scope,
    month_on,
    channel,
    sum(opened) as tickets_opened,
    sum(closed) as tickets_closed,
    sum(still_open) as tickets_open,
    sum(late_open + late_closed) as late_tickets,
    100.0 * (sum(closed) - sum(late_closed)) / nullif(cast(sum(closed) as double), 0) as on_time_rate,
    percentile_cont(0.5) within group (order by business_minutes) as median_business_minutes,
    max(business_minutes) filter (where place = tenths / 10)
        + coalesce(
            max(business_minutes) filter (where place = tenths / 10 + 1) - max(business_minutes) filter (where place = tenths / 10), 0
        ) * (max(tenths) % 10) / 10.0 as p90_business_minutes,
    percentile_cont(0.5) within group (order by elapsed_minutes) as median_elapsed_minutes,
    percentile_cont(0.5) within group (order by reply_minutes) as median_reply_minutes,
    sum(received) as contacts_received,
    sum(answered) as contacts_answered,
    100.0 * sum(answered) / nullif(cast(sum(received) as double), 0) as answer_rate,
    percentile_cont(0.5) within group (order by answer_seconds) as median_answer_seconds,
    sum(made) as contacts_made
from ranked
group by scope, month_on, channel
