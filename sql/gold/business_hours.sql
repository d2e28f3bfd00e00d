/*
model: gold.business_hours
description: >-
  The opening hours of customer service, day by day, from the first ticket or contact to as_of, as instants: days on which
  the clocks change included. A file of the same name in a pipeline's own folder brings other hours, as long as the columns stay.
grain: [day_on]
materialisation: table
parameters:
  opens: { type: string, default: "09:00", description: "local time of opening" }
  closes: { type: string, default: "18:00", description: "local time of closing, 24:00 at the latest" }
  weekdays: { type: string, default: "1,2,3,4,5", description: "days of opening, 1 for Monday to 7 for Sunday" }
  public_holidays: { type: string, default: "none", description: "fr: closed on the eleven public holidays of France; none: closed on none" }
  closed_on: { type: string, default: "", description: "further days of closing, as in 2026-05-15,2026-12-24" }
columns:
  day_on: { description: "the day, in the pipeline's time zone", tests: [not_null, unique] }
  is_open: { description: "whether the service opens on that day", tests: [not_null] }
  opens_at: { description: "instant of opening (UTC)", tests: [not_null] }
  seconds: { description: "opening time of the day in seconds, 0 where closed", tests: [not_null, { between: [0, 86400] }] }
  seconds_before: { description: "opening time of all days before it since the first", tests: [not_null, not_negative] }
*/
with bounds as (
    select min(first_on) as first_on
    from (
        select min(opened_on) as first_on from silver.tickets where opened_at < $as_of
        union all
        select min(happened_on) from silver.interactions where happened_at < $as_of
    ) as firsts
),

days as (
    select cast(unnest(generate_series(first_on, cast($as_of_on as date), interval '1 day')) as date) as day_on
    from bounds
    where first_on is not null
),

years as (
    select distinct cast(date_part('year', day_on) as bigint) as y
    from days
),

-- Easter Sunday by the anonymous Gregorian computus: https://en.wikipedia.org/wiki/Date_of_Easter#Anonymous_Gregorian_algorithm
golden as (
    select
        y,
        y % 19 as a,
        y / 100 as b,
        y % 100 as c,
        (19 * (y % 19) + y / 100 - y / 100 / 4 - (y / 100 - (y / 100 + 8) / 25 + 1) / 3 + 15) % 30 as h
    from years
),

moons as (
    select y, a, h, (32 + 2 * (b % 4) + 2 * (c / 4) - h - c % 4) % 7 as l
    from golden
),

easters as (
    select
        y,
        make_date(
            cast(y as int),
            cast((h + l - 7 * ((a + 11 * h + 22 * l) / 451) + 114) / 31 as int),
            cast((h + l - 7 * ((a + 11 * h + 22 * l) / 451) + 114) % 31 + 1 as int)
        ) as easter_on
    from moons
),

hours as (
    select
        days.day_on,
        strpos($weekdays, cast(cast(extract(isodow from days.day_on) as int) as varchar)) > 0
        and strpos($closed_on, to_char(days.day_on, '%Y-%m-%d')) = 0
        and not (
            $public_holidays = 'fr'
            and (
                to_char(days.day_on, '%m-%d') in ('01-01', '05-01', '05-08', '07-14', '08-15', '11-01', '11-11', '12-25')
                or cast(days.day_on - easters.easter_on as bigint) in (1, 39, 50)
            )
        ) as is_open,
        -- Clocks change at night: the hours of a day are counted back from its end.
        cast(to_instant(cast(days.day_on + interval '1 day' as date), $timezone) as bigint) as midnight,
        cast(split_part($opens, ':', 1) as bigint) * 60 + cast(split_part($opens, ':', 2) as bigint) as opens_minute,
        cast(split_part($closes, ':', 1) as bigint) * 60 + cast(split_part($closes, ':', 2) as bigint) as closes_minute
    from days
    inner join easters on easters.y = cast(date_part('year', days.day_on) as bigint)
),

lengths as (
    select
        day_on,
        is_open,
        arrow_cast(midnight - (1440 - opens_minute) * 60000000, 'Timestamp(Microsecond, Some("UTC"))') as opens_at,
        case when is_open then (closes_minute - opens_minute) * 60 else 0 end as seconds
    from hours
)

select
    day_on,
    is_open,
    opens_at,
    seconds,
    cast(sum(seconds) over (order by day_on rows unbounded preceding) - seconds as bigint) as seconds_before
from lengths
