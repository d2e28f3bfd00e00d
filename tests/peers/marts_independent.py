"""Marts written a second time, in DuckDB's SQL, by brute force rather than cleverness: sets of people, joins of all with all.

Each gives the model's grain and the columns it vouches for; those of PARTIAL some of the rows only.
"""

ORDERS = """
    select person_id, ordered_at, ordered_on, record_id, amount
    from silver.orders
    where ordered_at < $as_of and person_id is not null and coalesce(kind, 'order') <> 'refund'
"""

MONEY = """
    select person_id, ordered_on, case when kind = 'refund' then -abs(amount) else amount end as amount
    from silver.orders
    where ordered_at < $as_of and person_id is not null
"""

# A position of 0.2 (n - 1) among the sorted values, with a share of the next one: quantiles of type 7, by hand.
TYPE_7 = """
    (select t.v[1 + cast(floor(q * (len(t.v) - 1)) as int)]
          + (q * (len(t.v) - 1) - floor(q * (len(t.v) - 1)))
          * (t.v[least(2 + cast(floor(q * (len(t.v) - 1)) as int), len(t.v))] - t.v[1 + cast(floor(q * (len(t.v) - 1)) as int)]))
"""


def score(value: str, values: str, where: str = "true") -> str:
    """1 plus the number of type-7 quintiles strictly below `value`."""
    lists = f"(select list(cast({values} as double) order by {values}) as v from buyers where {where}) as t"
    return f"1 + (select count(*) from (values (0.2::double), (0.4::double), (0.6::double), (0.8::double)) as qs (q), {lists} where cast({value} as double) > {TYPE_7})"


GRID = """
    case
        when r <= 2 then case when f <= 2 then 'hibernating' when f <= 4 then 'at_risk' else 'cant_lose' end
        when r = 3 then case when f <= 2 then 'about_to_sleep' when f = 3 then 'need_attention' else 'loyal' end
        when r = 4 then case when f = 1 then 'promising' when f <= 3 then 'potential_loyalist' else 'loyal' end
        else case when f = 1 then 'new' when f <= 3 then 'potential_loyalist' else 'champions' end
    end
"""

BUYERS = f"""
    select
        o.person_id,
        date_diff('day', max(o.ordered_on), $as_of_on) as recency_days,
        count(*) as frequency,
        (select sum(m.amount) from ({MONEY}) as m where m.person_id = o.person_id) as monetary,
        min(o.ordered_on) as first_order_on,
        max(o.ordered_on) as last_order_on
    from ({ORDERS}) as o
    group by o.person_id
"""

RFM = f"""
with buyers as materialized ({BUYERS}),
scored as (
    select *,
        7 - ({score('buyers.recency_days', 'recency_days')}) - 1 as r,
        {score('buyers.frequency', 'frequency')} as f,
        {score('buyers.monetary', 'monetary')} as m
    from buyers
)
select person_id, recency_days, frequency, monetary, first_order_on, last_order_on,
       r as r_score, f as f_score, m as m_score, {GRID} as segment
from scored
union all
select person_id, null, 0, coalesce((select sum(m.amount) from ({MONEY}) as m where m.person_id = everybody.person_id), 0),
       null, null, null, null, null, 'no_orders'
from (select person_id from silver.persons where created_at is null or created_at < $as_of
      union select person_id from ({MONEY}) as who) as everybody
where person_id not in (select person_id from buyers)
"""

MONTHS = f"""
    select cast(unnest(generate_series(
        (select date_trunc('month', min(ordered_on)) from ({ORDERS}) as o),
        date_trunc('month', $as_of_on) - interval 1 month, interval 1 month)) as date) as month_on
"""

# Who ordered in the active_months months before a day is a client on it: sets, counted one by one.
RETENTION = f"""
with months as ({MONTHS}),
orders as materialized (select person_id, cast(date_trunc('month', ordered_on) as date) as m, min(ordered_on) over (partition by person_id) as first_on
                        from ({ORDERS}) as o),
people as (
    select months.month_on, orders.person_id,
        bool_or(m < month_on and m >= month_on - interval (cast($active_months as int)) month) as at_start,
        bool_or(m <= month_on and m > month_on - interval (cast($active_months as int)) month) as at_end,
        bool_or(date_trunc('month', first_on) = month_on) as is_new
    from months cross join orders
    group by all
)
select month_on,
    count(*) filter (where at_start) as clients_at_start,
    count(*) filter (where is_new) as new_clients,
    count(*) filter (where at_end and not at_start and not is_new) as reactivated_clients,
    count(*) filter (where at_start and not at_end) as lost_clients,
    count(*) filter (where at_start and at_end) as retained_clients,
    count(*) filter (where at_end) as clients_at_end,
    100.0 * count(*) filter (where at_start and at_end) / nullif(count(*) filter (where at_start), 0)::double as member_retention_rate
from people
group by month_on
"""

COHORTS = f"""
with months as ({MONTHS}),
orders as materialized (select person_id, cast(date_trunc('month', ordered_on) as date) as m,
                               cast(date_trunc('month', min(ordered_on) over (partition by person_id)) as date) as cohort_on
                        from ({ORDERS}) as o),
cohorts as (select cohort_on, count(distinct person_id) as clients from orders group by cohort_on)
select cohorts.cohort_on, date_diff('month', cohorts.cohort_on, months.month_on) as month_number, months.month_on, cohorts.clients,
    (select count(distinct person_id) from orders where orders.cohort_on = cohorts.cohort_on and m = months.month_on) as active_clients,
    (select count(distinct person_id) from orders where orders.cohort_on = cohorts.cohort_on and m >= months.month_on) as rolling_clients
from cohorts join months on months.month_on >= cohorts.cohort_on
"""

ROLLING = f"""
with spans as (select unnest(['week', 'month']) as span),
periods as (
    select span, cast(unnest(generate_series(
        (select date_trunc(span, min(ordered_on)) from ({ORDERS}) as o), date_trunc(span, $as_of_on) - interval 1 day,
        case when span = 'week' then interval 7 day else interval 1 month end)) as date) as period_on
    from spans
),
orders as materialized (
    select span, person_id, cast(date_trunc(span, ordered_on) as date) as p,
           cast(date_trunc(span, min(ordered_on) over (partition by person_id)) as date) as first_p
    from ({ORDERS}) as o cross join spans
),
states as (
    select periods.span, period_on, person_id,
        bool_or(p = period_on) as now,
        bool_or(p = case when periods.span = 'week' then period_on - interval 7 day else period_on - interval 1 month end) as before,
        bool_or(first_p = period_on) as is_new
    from periods join orders on orders.span = periods.span
    group by all
)
select span, period_on,
    count(*) filter (where before) as active_before,
    count(*) filter (where now) as active_clients,
    count(*) filter (where now and before) as retained_clients,
    count(*) filter (where is_new) as new_clients,
    count(*) filter (where now and not before and not is_new) as returned_clients
from states
group by span, period_on
"""

# Each snapshot counted anew from all the orders before it.
HISTORY = f"""
with snapshots as (
    select cast(date_trunc('month', $as_of_on) - interval (i) month as date) as snapshot_on
    from range(cast($months as bigint)) as r (i)
),
buyers as (
    select snapshot_on, o.person_id, date_diff('day', max(o.ordered_on), snapshot_on) as recency_days, count(*) as frequency
    from snapshots join ({ORDERS}) as o on o.ordered_on < snapshot_on
    group by snapshot_on, o.person_id
),
money as (
    select snapshot_on, m.person_id, sum(m.amount) as monetary
    from snapshots join ({MONEY}) as m on m.ordered_on < snapshot_on
    group by snapshot_on, m.person_id
),
thresholds as (
    select snapshot_on,
        quantile_cont(cast(recency_days as double), [0.2, 0.4, 0.6, 0.8]) as rs,
        quantile_cont(cast(frequency as double), [0.2, 0.4, 0.6, 0.8]) as fs,
        quantile_cont(cast(monetary as double), [0.2, 0.4, 0.6, 0.8]) as ms
    from buyers join money using (snapshot_on, person_id)
    group by snapshot_on
),
scored as (
    select buyers.snapshot_on, buyers.person_id, recency_days, frequency, monetary,
        5 - len(list_filter(rs, lambda t: recency_days > t)) as r,
        1 + len(list_filter(fs, lambda t: frequency > t)) as f,
        1 + len(list_filter(ms, lambda t: cast(monetary as double) > t)) as m
    from buyers join money using (snapshot_on, person_id) join thresholds using (snapshot_on)
)
select snapshot_on, person_id, recency_days, frequency, monetary, r as r_score, f as f_score, m as m_score, {GRID} as segment
from scored
"""

CUSTOMERS = f"""
select r.person_id,
    (select count(*) from ({ORDERS}) as o where o.person_id = r.person_id) as orders,
    coalesce((select sum(m.amount) from ({MONEY}) as m where m.person_id = r.person_id), 0) as net_amount,
    (select channel from silver.orders as o where o.person_id = r.person_id and ordered_at < $as_of and coalesce(kind, 'order') <> 'refund'
     group by channel order by count(*) desc, max(ordered_at) desc, channel limit 1) as favourite_channel,
    (select isodow(ordered_on) from ({ORDERS}) as o where o.person_id = r.person_id
     group by isodow(ordered_on) order by count(*) desc, isodow(ordered_on) limit 1) as favourite_weekday,
    (select count(*) from silver.campaign_events as e where e.person_id = r.person_id and kind = 'open' and happened_at < $as_of) as opens,
    (select count(*) from silver.campaign_events as e where e.person_id = r.person_id and kind = 'click' and happened_at < $as_of) as clicks,
    exists (select 1 from silver.campaign_events as e where e.person_id = r.person_id and kind = 'unsubscribe' and happened_at < $as_of) as has_unsubscribed,
    (select count(*) from silver.tickets as t where t.person_id = r.person_id and opened_at < $as_of) as tickets,
    (select count(*) from silver.tickets as t where t.person_id = r.person_id and opened_at < $as_of and (closed_at is null or closed_at >= $as_of)) as open_tickets,
    (select score from silver.survey_responses as s where s.person_id = r.person_id and survey = 'nps' and answered_at < $as_of and score between 0 and 10
     order by answered_at desc, record_id desc limit 1) as nps_score,
    (select stage from silver.lead_status_events as l where l.person_id = r.person_id and happened_at < $as_of
     order by happened_at desc,
              list_position(['contact', 'lead', 'prospect_cold', 'prospect_warm', 'prospect_hot', 'client', 'loyal'], stage) desc limit 1) as funnel_stage,
    (select count(*) from silver.deals as d where d.person_id = r.person_id and is_won and is_closed and closed_on < $as_of_on and created_at < $as_of) as won_deals,
    (select coalesce(sum(amount), 0) from silver.deals as d where d.person_id = r.person_id and is_won and is_closed and closed_on < $as_of_on and created_at < $as_of) as won_deals_amount
from (select person_id from silver.persons where created_at is null or created_at < $as_of union select person_id from ({MONEY}) as who) as r
"""

KPIS = f"""
with months as ({MONTHS})
select 'clients' as metric, 'to_date' as span, $as_of_on as period_on, cast((select count(distinct person_id) from ({ORDERS}) as o) as double) as value
union all
select 'average_basket', 'to_date', $as_of_on,
    (select sum(amount) from ({MONEY}) as m where person_id in (select person_id from ({ORDERS}) as o))::double / (select count(*) from ({ORDERS}) as o)
union all
select 'new_clients', 'month', month_on,
    cast((select count(*) from (select person_id from ({ORDERS}) as o group by person_id having date_trunc('month', min(ordered_on)) = month_on) as n) as double)
from months
union all
select 'revenue_net', 'to_date', $as_of_on,
    (select sum(case when kind = 'refund' then -abs(amount) else amount end)::double from silver.orders where ordered_at < $as_of)
union all
select 'nps', 'to_date', $as_of_on,
    (select 100.0 * (count(*) filter (where score >= 9) - count(*) filter (where score <= 6)) / count(*)::double
     from silver.survey_responses where survey = 'nps' and answered_at < $as_of and score between 0 and 10)
"""

QUERIES = {
    "rfm": RFM,
    "rfm_history": HISTORY,
    "retention": RETENTION,
    "retention_cohorts": COHORTS,
    "retention_rolling": ROLLING,
    "customer_360": CUSTOMERS,
    "kpis": KPIS,
}
# Queries that give some of the model's rows.
PARTIAL = {"kpis"}
