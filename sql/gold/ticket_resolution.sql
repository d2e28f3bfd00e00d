/*
model: gold.ticket_resolution
description: >-
  How long each ticket took, in business time by gold.business_hours and in all, and whether it was open longer than
  agreed. The priority is the one in force when it was closed, by the ticket's events: today's would rewrite history.
grain: [record_id]
materialisation: table
parameters:
  sla_minutes: { type: integer, default: 42, description: "business minutes a ticket may be open" }
columns:
  record_id: { description: "row of silver.tickets", tests: [not_null, unique] }
  ticket_id: { description: "number of the ticket in its source", tests: [not_null] }
  person_id: { description: "who asked" }
  channel: { description: "channel, unknown where the source does not say", tests: [not_null] }
  priority: { description: "priority in force when closed, at as_of while open; the ticket's own where no event tells it" }
  opened_at: { description: "instant the request came in (UTC)", tests: [not_null] }
  opened_on: { description: "its day in the pipeline's time zone", tests: [not_null] }
  first_reply_at: { description: "instant of the first reply (UTC), where events tell it" }
  closed_at: { description: "instant it was last closed (UTC); null while open at as_of" }
  closed_on: { description: "its day in the pipeline's time zone" }
  reply_minutes: { description: "business minutes to the first reply", tests: [not_negative] }
  business_minutes: { description: "business minutes open, up to as_of for those still open", tests: [not_null, not_negative] }
  elapsed_minutes: { description: "minutes open, nights and days of closing included", tests: [not_null, not_negative] }
  is_late: { description: "whether it was open longer than sla_minutes", tests: [not_null] }
tests:
  - no_rows: "select * from gold.ticket_resolution where business_minutes > elapsed_minutes"
*/
with priorities as (
    select
        tickets.record_id,
        first_value(events.priority order by events.happened_at desc, events.record_id desc) filter (where events.priority is not null) as priority,
        min(case when events.kind = 'replied' and events.happened_at >= tickets.opened_at then events.happened_at end) as first_reply_at
    from silver.tickets as tickets
    inner join silver.ticket_events as events
        on events.ticket_id = tickets.ticket_id
        and split_part(events.source, '.', 1) is not distinct from split_part(tickets.source, '.', 1)
    where events.happened_at < $as_of
      and (tickets.closed_at is null or tickets.closed_at >= $as_of or events.happened_at <= tickets.closed_at)
    group by tickets.record_id
),

tickets as (
    select
        tickets.record_id,
        tickets.ticket_id,
        tickets.person_id,
        coalesce(tickets.channel, 'unknown') as channel,
        coalesce(priorities.priority, tickets.priority) as priority,
        tickets.opened_at,
        tickets.opened_on,
        priorities.first_reply_at,
        case when tickets.closed_at < $as_of then greatest(tickets.closed_at, tickets.opened_at) end as closed_at
    from silver.tickets as tickets
    left join priorities on priorities.record_id = tickets.record_id
    where tickets.opened_at < $as_of
),

ends as (
    select
        *,
        coalesce(closed_at, $as_of) as until_at,
        local_date(coalesce(closed_at, $as_of), $timezone) as until_on,
        local_date(first_reply_at, $timezone) as reply_on
    from tickets
),

-- Business time up to an instant is that of the days before plus its part of the day; the difference of two is what lies between.
measured as (
    select
        ends.*,
        ends.closed_at is not null as is_closed,
        opening.seconds_before + least(greatest((cast(ends.opened_at as bigint) - cast(opening.opens_at as bigint)) / 1000000, 0), opening.seconds) as opened_second,
        reply.seconds_before + least(greatest((cast(ends.first_reply_at as bigint) - cast(reply.opens_at as bigint)) / 1000000, 0), reply.seconds) as reply_second,
        closing.seconds_before + least(greatest((cast(ends.until_at as bigint) - cast(closing.opens_at as bigint)) / 1000000, 0), closing.seconds) as until_second
    from ends
    inner join gold.business_hours as opening on opening.day_on = ends.opened_on
    inner join gold.business_hours as closing on closing.day_on = ends.until_on
    left join gold.business_hours as reply on reply.day_on = ends.reply_on
)

select
    record_id,
    ticket_id,
    person_id,
    channel,
    priority,
    opened_at,
    opened_on,
    first_reply_at,
    closed_at,
    case when is_closed then until_on end as closed_on,
    (reply_second - opened_second) / 60.0 as reply_minutes,
    (until_second - opened_second) / 60.0 as business_minutes,
    ((cast(until_at as bigint) - cast(opened_at as bigint)) / 1000000) / 60.0 as elapsed_minutes,
    until_second - opened_second > $sla_minutes * 60 as is_late
from measured
