//! Reports: visits summed up by the dimensions asked for, a part of the rows at a time.

use std::collections::BTreeMap;
use std::sync::Arc;

use axum::extract::{Extension, Path, State};
use axum::http::StatusCode;
use axum::response::Response;
use chrono::{Days, NaiveDate};
use serde::Deserialize;
use serde_json::{Value, json};

use super::super::Shared;
use super::super::ask::{Refusal, window};
use super::super::guard::Serve;
use super::super::reply;
use super::{allowed, error, invalid};
use crate::clock;
use crate::world::Visits;

pub(super) const DIMENSIONS: [&str; 6] = [
    "date",
    "sessionDefaultChannelGroup",
    "sessionSource",
    "sessionMedium",
    "sessionCampaignId",
    "sessionCampaignName",
];
pub(super) const METRICS: [&str; 6] =
    ["sessions", "totalUsers", "newUsers", "engagedSessions", "keyEvents", "purchaseRevenue"];

/// <https://developers.google.com/analytics/devguides/reporting/data/v1/rest/v1beta/properties/runReport#request-body>
#[derive(Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
struct Request {
    #[serde(default)]
    dimensions: Vec<Named>,
    #[serde(default)]
    metrics: Vec<Named>,
    #[serde(default)]
    date_ranges: Vec<Range>,
    #[serde(default)]
    order_bys: Vec<OrderBy>,
    limit: Option<Value>,
    offset: Option<Value>,
    #[serde(default)]
    keep_empty_rows: bool,
    #[serde(default)]
    return_property_quota: bool,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Named {
    name: String,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
struct Range {
    start_date: String,
    end_date: String,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct OrderBy {
    dimension: OrderDimension,
    #[serde(default)]
    desc: bool,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
struct OrderDimension {
    dimension_name: String,
}

/// The API's numbers are strings or numbers in JSON, as 64-bit ones are in Google's APIs.
fn whole(value: Option<&Value>, unless: usize, name: &str) -> Result<usize, Refusal> {
    let number = match value {
        None => Some(unless),
        Some(Value::String(text)) => text.parse().ok(),
        Some(other) => other.as_u64().map(|number| number as usize),
    };
    number.ok_or_else(|| invalid(&format!("Invalid value at '{name}' (TYPE_INT64)")))
}

fn day(text: &str, today: NaiveDate) -> Result<NaiveDate, Refusal> {
    let ago = |days| today.checked_sub_days(Days::new(days)).unwrap_or(today);
    let days_ago = text.strip_suffix("daysAgo").and_then(|days| days.parse().ok());
    match (text, days_ago) {
        ("today", _) => Ok(today),
        ("yesterday", _) => Ok(ago(1)),
        (_, Some(days)) => Ok(ago(days)),
        _ => NaiveDate::parse_from_str(text, "%Y-%m-%d").map_err(|_| invalid(&format!("Invalid startDate: {text}."))),
    }
}

pub(super) async fn run(
    State(shared): State<Arc<Shared>>,
    Extension(serve): Extension<Serve>,
    Path(target): Path<String>,
    axum::Json(body): axum::Json<Value>,
) -> Result<Response, Refusal> {
    let Some(property) = target.strip_suffix(":runReport") else {
        return Err(Refusal::from(error(StatusCode::NOT_FOUND, "", "The requested URL was not found on this server.")));
    };
    allowed(property)?;
    let asked: Request =
        serde_json::from_value(body).map_err(|fault| invalid(&format!("Invalid JSON payload received. {fault}")))?;
    check(&asked)?;
    let limit = whole(asked.limit.as_ref(), 10_000, "limit")?.min(250_000);
    let offset = whole(asked.offset.as_ref(), 0, "offset")?;
    let world = shared.world();
    let today = clock::utc(world.now() - 1).date_naive();
    let ranges =
        asked.date_ranges.iter().map(|range| Ok((day(&range.start_date, today)?, day(&range.end_date, today)?)));
    let ranges: Vec<(NaiveDate, NaiveDate)> = ranges.collect::<Result<_, Refusal>>()?;
    if let Some((start, end)) = ranges.iter().find(|(start, end)| start > end) {
        return Err(invalid(&format!("startDate {start} is after endDate {end}.")));
    }
    let rows = rows(&asked, &ranges, world.visits());
    let page: Vec<Value> = window(&rows, offset, serve.cut(limit)).iter().map(rendered).collect();
    let headers = |named: &[Named]| named.iter().map(|one| json!({ "name": one.name })).collect::<Vec<_>>();
    let metric = |one: &Named| {
        let kind = if one.name == "purchaseRevenue" { "TYPE_CURRENCY" } else { "TYPE_INTEGER" };
        json!({ "name": one.name, "type": kind })
    };
    let mut answer = json!({
        "dimensionHeaders": headers(&asked.dimensions),
        "metricHeaders": asked.metrics.iter().map(metric).collect::<Vec<_>>(),
    });
    // A report without rows has no `rows` and no `rowCount`: empty members are left out.
    if !rows.is_empty() {
        answer["rows"] = page.into();
        answer["rowCount"] = rows.len().into();
    }
    answer["metadata"] = json!({ "currencyCode": "EUR", "timeZone": "Europe/Paris" });
    if asked.return_property_quota {
        answer["propertyQuota"] = json!({
            "tokensPerDay": { "consumed": 1, "remaining": 199_999 }, "tokensPerHour": { "consumed": 1, "remaining": 39_999 },
            "concurrentRequests": { "consumed": 0, "remaining": 10 },
        });
    }
    answer["kind"] = "analyticsData#runReport".into();
    Ok(reply::json(StatusCode::OK, &answer))
}

fn check(asked: &Request) -> Result<(), Refusal> {
    for (named, known, what, most) in
        [(&asked.dimensions, &DIMENSIONS, "dimension", 9), (&asked.metrics, &METRICS, "metric", 10)]
    {
        if named.len() > most {
            return Err(invalid(&format!("Requests are limited to {most} {what}s.")));
        }
        if let Some(one) = named.iter().find(|one| !known.contains(&one.name.as_str())) {
            return Err(invalid(&format!("Field {} is not a valid {what}.", one.name)));
        }
    }
    if asked.metrics.is_empty() && asked.dimensions.is_empty() {
        return Err(invalid("At least one dimension or metric is required."));
    }
    if !(1..=4).contains(&asked.date_ranges.len()) {
        return Err(invalid("A dateRange is required, and requests are limited to 4 dateRanges."));
    }
    match asked.order_bys.iter().find(|by| !asked.dimensions.iter().any(|one| one.name == by.dimension.dimension_name))
    {
        Some(by) => Err(invalid(&format!("Field {} in orderBys is not in the request.", by.dimension.dimension_name))),
        None => Ok(()),
    }
}

type Row = (Vec<String>, Vec<i64>);

/// One row per combination of the dimensions' values.
fn rows(asked: &Request, ranges: &[(NaiveDate, NaiveDate)], visits: &[Visits]) -> Vec<Row> {
    let mut sums: BTreeMap<Vec<String>, Vec<i64>> = BTreeMap::new();
    for visit in visits.iter().filter(|visit| ranges.iter().any(|(start, end)| (start..=end).contains(&&visit.day))) {
        let key = asked.dimensions.iter().map(|one| dimension(visit, &one.name).to_owned()).collect();
        let sum = sums.entry(key).or_insert_with(|| vec![0; asked.metrics.len()]);
        for (total, one) in sum.iter_mut().zip(&asked.metrics) {
            *total += metric(visit, &one.name);
        }
    }
    let mut rows: Vec<Row> = sums.into_iter().collect();
    if !asked.keep_empty_rows {
        rows.retain(|(_, metrics)| metrics.is_empty() || metrics.iter().any(|sum| *sum != 0));
    }
    for by in asked.order_bys.iter().rev() {
        let Some(at) = asked.dimensions.iter().position(|one| one.name == by.dimension.dimension_name) else {
            continue;
        };
        rows.sort_by(|a, b| if by.desc { b.0[at].cmp(&a.0[at]) } else { a.0[at].cmp(&b.0[at]) });
    }
    rows
}

fn dimension<'a>(visit: &'a Visits, name: &str) -> &'a str {
    match name {
        "date" => &visit.date,
        "sessionDefaultChannelGroup" => visit.group,
        "sessionSource" => visit.source,
        "sessionMedium" => visit.medium,
        "sessionCampaignId" => &visit.campaign_id,
        _ => &visit.campaign,
    }
}

fn metric(visit: &Visits, name: &str) -> i64 {
    match name {
        "sessions" => visit.sessions,
        "totalUsers" => visit.users,
        "newUsers" => visit.new_users,
        "engagedSessions" => visit.engaged,
        "keyEvents" => visit.key_events,
        // Whole units, so that the text of a sum is the same whatever the order of its parts.
        _ => visit.revenue / 100,
    }
}

fn rendered((dimensions, metrics): &Row) -> Value {
    json!({
        "dimensionValues": dimensions.iter().map(|value| json!({ "value": value })).collect::<Vec<_>>(),
        "metricValues": metrics.iter().map(|value| json!({ "value": value.to_string() })).collect::<Vec<_>>(),
    })
}
