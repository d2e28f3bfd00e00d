/*
model: gold.campaign_performance
description: >-
  What campaigns reached, gained and cost at as_of: by campaign, by channel, and by campaign on a channel. Opens by
  machines (mail proxies, filters) are counted apart and are in no rate. Uniques are people per campaign and channel.
grain: [scope, campaign_id, channel]
materialisation: table
columns:
  scope: { description: "what the row is cut by", tests: [not_null, { accepted_values: [campaign, channel, campaign_channel] }] }
  campaign_id: { description: "the campaign; null where not cut by campaign" }
  campaign_name: { description: "name of the campaign; null where not cut by campaign or unknown" }
  channel: { description: "the channel, unknown where neither event nor campaign says; null where not cut by channel" }
  sent: { description: "messages sent", tests: [not_null, not_negative] }
  delivered: { description: "messages delivered; sent less bounces where the channel reports no delivery", tests: [not_null, not_negative] }
  bounces: { description: "people whose message bounced", tests: [not_null, not_negative] }
  unsubscribes: { description: "people who unsubscribed", tests: [not_null, not_negative] }
  opens: { description: "opens by people, every one counted", tests: [not_null, not_negative] }
  unique_opens: { description: "people who opened", tests: [not_null, not_negative] }
  machine_opens: { description: "opens by machines, every one counted", tests: [not_null, not_negative] }
  clicks: { description: "clicks, every one counted", tests: [not_null, not_negative] }
  unique_clicks: { description: "people who clicked", tests: [not_null, not_negative] }
  conversions: { description: "conversions, every one counted", tests: [not_null, not_negative] }
  unique_conversions: { description: "people who converted", tests: [not_null, not_negative] }
  open_rate: { description: "percent: unique opens / delivered; null where nothing was delivered", tests: [not_negative] }
  click_rate: { description: "percent: unique clicks / delivered", tests: [not_negative] }
  click_to_open_rate: { description: "percent: unique clicks / unique opens", tests: [not_negative] }
  conversion_rate: { description: "percent: unique conversions / delivered", tests: [not_negative] }
  bounce_rate: { description: "percent: bounces / sent", tests: [not_negative] }
  unsubscribe_rate: { description: "percent: unsubscribes / delivered", tests: [not_negative] }
  gains: { description: "margin of the conversions, in the pipeline currency", tests: [not_null] }
  cost: { description: "costs until the last whole day before as_of, in the pipeline currency; null where none is known" }
  roi: { description: "percent: (gains - cost) / cost; null where the cost is zero or unknown" }
tests:
  - unique: [scope, campaign_id, channel]
*/
with channels as (
    select campaign_id, min(name) as name, min(channel) as channel
    from silver.campaigns
    group by campaign_id
),

events as (
    select
        campaign_events.campaign_id,
        coalesce(campaign_events.channel, channels.channel, 'unknown') as channel,
        campaign_events.kind,
        campaign_events.amount,
        coalesce(campaign_events.person_id, campaign_events.person_record_id, campaign_events.record_id) as addressee
    from silver.campaign_events as campaign_events
    left join channels on channels.campaign_id = campaign_events.campaign_id
    where campaign_events.happened_at < $as_of
),

-- First to one row per addressee and kind, so that uniques are plain counts.
by_addressee as (
    select campaign_id, channel, kind, addressee, count(*) as events, sum(amount) as amount
    from events
    group by campaign_id, channel, kind, addressee
),

counted as (
    select
        campaign_id,
        channel,
        coalesce(sum(events) filter (where kind = 'sent'), 0) as sent,
        coalesce(sum(events) filter (where kind = 'delivered'), 0) as delivered,
        count(*) filter (where kind = 'bounce') as bounces,
        count(*) filter (where kind = 'unsubscribe') as unsubscribes,
        coalesce(sum(events) filter (where kind = 'open'), 0) as opens,
        count(*) filter (where kind = 'open') as unique_opens,
        coalesce(sum(events) filter (where kind = 'machine_open'), 0) as machine_opens,
        coalesce(sum(events) filter (where kind = 'click'), 0) as clicks,
        count(*) filter (where kind = 'click') as unique_clicks,
        coalesce(sum(events) filter (where kind = 'conversion'), 0) as conversions,
        count(*) filter (where kind = 'conversion') as unique_conversions,
        coalesce(sum(amount) filter (where kind = 'conversion'), 0) as gains
    from by_addressee
    group by campaign_id, channel
),

costs as (
    select campaign_costs.campaign_id, min(channels.channel) as channel, sum(campaign_costs.cost) as cost
    from silver.campaign_costs as campaign_costs
    left join channels on channels.campaign_id = campaign_costs.campaign_id
    where campaign_costs.incurred_on < cast($as_of_on as date)
    group by campaign_costs.campaign_id
),

parts as (
    select
        campaign_id, channel, sent,
        case when delivered = 0 then greatest(sent - bounces, 0) else delivered end as delivered,
        bounces, unsubscribes, opens, unique_opens, machine_opens, clicks, unique_clicks, conversions, unique_conversions,
        cast(gains as decimal(18, 4)) as gains, cast(null as decimal(18, 4)) as cost
    from counted
    union all
    select campaign_id, channel, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, cast(0 as decimal(18, 4)), cast(cost as decimal(18, 4))
    from costs
),

-- A cost belongs to the campaign's channel; where the campaign names none, to the only one it was seen on.
placed as (
    select
        campaign_id,
        coalesce(
            channel,
            case when min(channel) over (partition by campaign_id) = max(channel) over (partition by campaign_id)
                 then min(channel) over (partition by campaign_id) end,
            'unknown'
        ) as channel,
        sent, delivered, bounces, unsubscribes, opens, unique_opens, machine_opens, clicks, unique_clicks, conversions,
        unique_conversions, gains, cost
    from parts
),

totals as (
    select
        case
            when grouping(channel) = 1 then 'campaign'
            when grouping(campaign_id) = 1 then 'channel'
            else 'campaign_channel'
        end as scope,
        campaign_id,
        channel,
        cast(sum(sent) as bigint) as sent,
        cast(sum(delivered) as bigint) as delivered,
        cast(sum(bounces) as bigint) as bounces,
        cast(sum(unsubscribes) as bigint) as unsubscribes,
        cast(sum(opens) as bigint) as opens,
        cast(sum(unique_opens) as bigint) as unique_opens,
        cast(sum(machine_opens) as bigint) as machine_opens,
        cast(sum(clicks) as bigint) as clicks,
        cast(sum(unique_clicks) as bigint) as unique_clicks,
        cast(sum(conversions) as bigint) as conversions,
        cast(sum(unique_conversions) as bigint) as unique_conversions,
        cast(sum(gains) as decimal(18, 4)) as gains,
        cast(sum(cost) as decimal(18, 4)) as cost
    from placed
    group by grouping sets ((campaign_id, channel), (campaign_id), (channel))
)

select
    totals.scope,
    totals.campaign_id,
    channels.name as campaign_name,
    totals.channel,
    totals.sent,
    totals.delivered,
    totals.bounces,
    totals.unsubscribes,
    totals.opens,
    totals.unique_opens,
    totals.machine_opens,
    totals.clicks,
    totals.unique_clicks,
    totals.conversions,
    totals.unique_conversions,
    100.0 * totals.unique_opens / nullif(cast(totals.delivered as double), 0) as open_rate,
    100.0 * totals.unique_clicks / nullif(cast(totals.delivered as double), 0) as click_rate,
    100.0 * totals.unique_clicks / nullif(cast(totals.unique_opens as double), 0) as click_to_open_rate,
    100.0 * totals.unique_conversions / nullif(cast(totals.delivered as double), 0) as conversion_rate,
    100.0 * totals.bounces / nullif(cast(totals.sent as double), 0) as bounce_rate,
    100.0 * totals.unsubscribes / nullif(cast(totals.delivered as double), 0) as unsubscribe_rate,
    totals.gains,
    totals.cost,
    100.0 * cast(totals.gains - totals.cost as double) / nullif(cast(totals.cost as double), 0) as roi
from totals
left join channels on channels.campaign_id = totals.campaign_id
