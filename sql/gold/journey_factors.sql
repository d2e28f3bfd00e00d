/*
model: gold.journey_factors
description: >-
  What in the journey goes with a faster first purchase and a faster repurchase: each thing that can happen on the way
  (an open, a click, a request, a call, an answer, a stage), with the rate of purchases per day after it against that of
  people without it, or before it, after as long a wait. Days before it happened count as days without, and days of a
  wait are compared with such days of other waits only: else who buys late, and so has more time for anything, would
  make everything look slow. It goes with, it need not cause.
grain: [step, factor]
materialisation: table
parameters:
  confidence_z: { type: number, default: 1.96, description: "standard deviations of the interval; 1.96 for 95 percent" }
  watched_days: { type: integer, default: 365, description: "longest wait looked at, in days; one that lasts longer counts as one without purchase" }
columns:
  step: { description: "what is waited for: the first order from the first contact, or the second from the first", tests: [not_null, { accepted_values: [first_purchase, second_purchase] }] }
  factor:
    description: >-
      open, click, ticket, ticket_closed, promoter (NPS 9-10), detractor (NPS 0-6), satisfied (CSAT 4-5), dissatisfied
      (CSAT 1-3), contact_in and contact_out (calls, mails), deal, refund, and stage_ with the funnel's stage
    tests: [not_null]
  people: { description: "people who waited, with the factor or without", tests: [not_null, { between: [1, 1000000000000] }] }
  people_with: { description: "those it happened to while they waited", tests: [not_null, { between: [1, 1000000000000] }] }
  bought_with: { description: "purchases after it", tests: [not_null, not_negative] }
  days_with: { description: "days waited after it, by all", tests: [not_null, not_negative] }
  bought_without: { description: "purchases without or before it", tests: [not_null, not_negative] }
  days_without: { description: "days waited without or before it, by all", tests: [not_null, not_negative] }
  rate_with: { description: "purchases per 1,000 days after it; null without such days", tests: [not_negative] }
  rate_without: { description: "purchases per 1,000 days without or before it", tests: [not_negative] }
  rate_ratio: { description: "rate after it by rate without it at the same time of the wait (Mantel-Haenszel over its weeks 1, 2-4, 5-13, 14-26 and later): above 1 goes with faster purchase; null where a rate is zero or unknown", tests: [not_negative] }
  low: { description: "lower end of the ratio's confidence interval (Greenland and Robins)", tests: [not_negative] }
  high: { description: "upper end of the ratio's confidence interval", tests: [not_negative] }
  verdict: { description: "faster or slower where the interval leaves out 1, else unclear", tests: [not_null, { accepted_values: [faster, slower, unclear] }] }
tests:
  - no_rows: "select * from gold.journey_factors where bought_with > people_with or people_with > people"
*/
-- Instants are counted in microseconds, as they are stored.
with touches as (
    select
        person_id,
        cast(happened_at as bigint) as happened,
        case kind
            when 'order' then 'order'
            when 'refund' then 'refund'
            when 'message_open' then 'open'
            when 'message_click' then 'click'
            when 'ticket_opened' then 'ticket'
            when 'ticket_closed' then 'ticket_closed'
            when 'deal_opened' then 'deal'
            when 'status' then concat('stage_', detail)
            when 'contact' then case direction when 'inbound' then 'contact_in' when 'outbound' then 'contact_out' end
            when 'survey_answered' then case
                when detail = 'nps' and score >= 9 then 'promoter'
                when detail = 'nps' and score <= 6 then 'detractor'
                when detail = 'csat' and score >= 4 then 'satisfied'
                when detail = 'csat' then 'dissatisfied'
            end
        end as factor
    from gold.customer_interactions
),

contacts as (
    select
        person_id,
        cast(min(happened_at) as bigint) as contact,
        cast(min(happened_at) filter (where kind = 'order') as bigint) as first_order
    from gold.customer_interactions
    group by person_id
),

-- Two orders of the same instant are two orders: the second waited for no time.
seconds as (
    select person_id, cast(nth_value(happened_at, 2 order by happened_at) as bigint) as second_order
    from gold.customer_interactions
    where kind = 'order'
    group by person_id
),

people as (
    select
        coalesce(contacts.person_id, persons.person_id) as person_id,
        least(contacts.contact, cast(persons.created_at as bigint)) as contact,
        contacts.first_order
    from contacts
    full join (select person_id, created_at from silver.persons where created_at < $as_of) as persons
        on persons.person_id = contacts.person_id
),

open_waits as (
    select 'first_purchase' as step, person_id, contact as from_instant, first_order as bought
    from people
    where first_order is null or contact < first_order
    union all
    select 'second_purchase', people.person_id, people.first_order, seconds.second_order
    from people
    inner join seconds on seconds.person_id = people.person_id
),

waits as (
    select
        step,
        person_id,
        from_instant,
        least(coalesce(bought, cast($as_of as bigint)), from_instant + $watched_days * 86400000000) as until_instant,
        coalesce(bought <= from_instant + $watched_days * 86400000000, false) as has_bought
    from open_waits
),

bands as (
    select band, first_day * 86400000000 as band_from, next_day * 86400000000 as band_until
    from (
        values (1, 0, 7), (2, 7, 28), (3, 28, 91), (4, 91, 182), (5, 182, 100000)
    ) as listed (band, first_day, next_day)
),

totals as (
    select
        waits.step,
        bands.band,
        count(*) as people,
        count(*) filter (where waits.has_bought and waits.until_instant - waits.from_instant <= bands.band_until) as bought,
        sum((least(waits.until_instant - waits.from_instant, bands.band_until) - bands.band_from) / 1000000) as seconds
    from waits
    inner join bands
        on waits.until_instant - waits.from_instant > bands.band_from
        -- An order at the very instant of the first one is a purchase of the first band.
        or (bands.band = 1 and waits.until_instant = waits.from_instant)
    group by waits.step, bands.band
),

-- The first time it happens during the wait, the moment of purchase excluded.
happened as (
    select
        waits.step,
        touches.factor,
        waits.person_id,
        waits.has_bought,
        min(touches.happened) - waits.from_instant as since,
        waits.until_instant - waits.from_instant as duration
    from waits
    inner join touches on touches.person_id = waits.person_id
    where touches.factor is not null
      and touches.factor <> 'order'
      and touches.happened > waits.from_instant
      and touches.happened < waits.until_instant
    group by waits.step, touches.factor, waits.person_id, waits.has_bought, waits.from_instant, waits.until_instant
),

exposed as (
    select
        happened.step,
        happened.factor,
        bands.band,
        count(*) filter (where happened.since >= bands.band_from and happened.since < bands.band_until) as people_with,
        count(*) filter (where happened.has_bought and happened.duration <= bands.band_until) as bought_with,
        sum((least(happened.duration, bands.band_until) - greatest(happened.since, bands.band_from)) / 1000000) as seconds_with
    from happened
    inner join bands on happened.duration > bands.band_from and happened.since < bands.band_until
    group by happened.step, happened.factor, bands.band
),

-- Weights are summed as decimals: sums of doubles depend on the order of rows.
cells as (
    select
        exposed.step,
        exposed.factor,
        exposed.band,
        exposed.people_with,
        exposed.bought_with,
        exposed.seconds_with,
        exposed.bought_with * cast(totals.seconds - exposed.seconds_with as double) / totals.seconds as weight_with,
        (totals.bought - exposed.bought_with) * cast(exposed.seconds_with as double) / totals.seconds as weight_without,
        totals.bought * (cast(exposed.seconds_with as double) / totals.seconds)
            * (cast(totals.seconds - exposed.seconds_with as double) / totals.seconds) as spread
    from exposed
    inner join totals on totals.step = exposed.step and totals.band = exposed.band
    where totals.seconds > 0
),

factors as (
    select
        step,
        factor,
        sum(people_with) as people_with,
        sum(bought_with) as bought_with,
        sum(seconds_with) as seconds_with,
        cast(sum(cast(round(weight_with, 9) as decimal(28, 9))) as double) as weight_with,
        cast(sum(cast(round(weight_without, 9) as decimal(28, 9))) as double) as weight_without,
        cast(sum(cast(round(spread, 9) as decimal(28, 9))) as double) as spread
    from cells
    group by step, factor
),

sums as (
    select step, max(people) as people, sum(bought) as bought, sum(seconds) as seconds
    from totals
    group by step
),

ratios as (
    select
        factors.step,
        factors.factor,
        sums.people,
        cast(factors.people_with as bigint) as people_with,
        cast(factors.bought_with as bigint) as bought_with,
        factors.seconds_with / 86400.0 as days_with,
        cast(sums.bought - factors.bought_with as bigint) as bought_without,
        (sums.seconds - factors.seconds_with) / 86400.0 as days_without,
        case when factors.weight_with > 0 and factors.weight_without > 0
             then factors.weight_with / factors.weight_without end as rate_ratio,
        case when factors.weight_with > 0 and factors.weight_without > 0
             then cast($confidence_z as double) * sqrt(factors.spread / (factors.weight_with * factors.weight_without)) end as half_width
    from factors
    inner join sums on sums.step = factors.step
)

select
    step,
    factor,
    people,
    people_with,
    bought_with,
    days_with,
    bought_without,
    days_without,
    1000.0 * bought_with / nullif(days_with, 0.0) as rate_with,
    1000.0 * bought_without / nullif(days_without, 0.0) as rate_without,
    rate_ratio,
    rate_ratio * exp(-half_width) as low,
    rate_ratio * exp(half_width) as high,
    case
        when rate_ratio * exp(-half_width) > 1 then 'faster'
        when rate_ratio * exp(half_width) < 1 then 'slower'
        else 'unclear'
    end as verdict
from ratios
