//! The Mailchimp-style API: audiences, their members, campaigns and reports of them, paged by offset.
//! <https://mailchimp.com/developer/marketing/docs/fundamentals/>, <https://mailchimp.com/developer/marketing/docs/errors/>

use std::sync::Arc;

use axum::Router;
use axum::extract::{Extension, Path, Query, State};
use axum::http::{HeaderMap, StatusCode, Uri, header};
use axum::response::Response;
use axum::routing::get;
use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use serde_json::{Value, json};

use super::ask::{Asked, Refusal, window};
use super::guard::Serve;
use super::reply;
use super::vendor::{Spoils, Vendor, unlimited};
use super::{MAILCHIMP_KEY, Shared};
use crate::clock;
use crate::world::{Entry, Recipient, mailchimp};

pub(crate) static VENDOR: Vendor = Vendor {
    path: "/mailchimp",
    routes,
    error,
    too_many,
    expired,
    unauthorised,
    limit: unlimited,
    spoils: Spoils {
        records: &["members", "campaigns", "unsubscribes"],
        numbers: &[],
        dates: &["timestamp_opt", "send_time", "timestamp"],
    },
};

fn routes() -> Router<Arc<Shared>> {
    Router::new()
        .route("/3.0/ping", get(ping))
        .route("/3.0/lists", get(audiences))
        .route("/3.0/lists/{audience}/members", get(members))
        .route("/3.0/campaigns", get(campaigns))
        .route("/3.0/reports/{campaign}/{report}", get(report))
}

/// A problem document (RFC 7807).
fn problem(status: StatusCode, title: &str, detail: &str) -> Response {
    let kind = "https://mailchimp.com/developer/marketing/docs/errors/";
    let instance = "00000000-0000-4000-8000-000000000000";
    let body =
        json!({ "type": kind, "title": title, "status": status.as_u16(), "detail": detail, "instance": instance });
    let mut response = reply::json(status, &body);
    response
        .headers_mut()
        .insert(header::CONTENT_TYPE, header::HeaderValue::from_static("application/problem+json; charset=utf-8"));
    response
}

fn error(status: StatusCode, _: &str, message: &str) -> Response {
    problem(status, status.canonical_reason().unwrap_or("Error"), message)
}

fn invalid(detail: &str) -> Refusal {
    Refusal::from(problem(StatusCode::BAD_REQUEST, "Invalid Resource", detail))
}

fn missing() -> Refusal {
    let detail = "The requested resource could not be found.";
    Refusal::from(problem(StatusCode::NOT_FOUND, "Resource Not Found", detail))
}

fn too_many() -> Response {
    let detail = "You have exceeded the limit of 10 simultaneous connections.";
    problem(StatusCode::TOO_MANY_REQUESTS, "Too Many Requests", detail)
}

fn refused() -> Response {
    let detail = "Your API key may be invalid, or you've attempted to access the wrong datacenter.";
    problem(StatusCode::UNAUTHORIZED, "API Key Invalid", detail)
}

/// Basic authentication: any name, the key as password.
fn unauthorised(_: &Shared, _: &Uri, headers: &HeaderMap) -> Option<Response> {
    let given = headers.get(header::AUTHORIZATION).and_then(|given| given.to_str().ok()?.strip_prefix("Basic "));
    let given = given.and_then(|given| String::from_utf8(STANDARD.decode(given).ok()?).ok());
    let key = given.as_deref().and_then(|given| given.split_once(':')).map(|(_, key)| key);
    (key != Some(MAILCHIMP_KEY)).then(refused)
}

fn expired(_: &Shared, _: &HeaderMap) -> Response {
    refused()
}

/// <https://mailchimp.com/developer/marketing/docs/methods-parameters/#pagination>
struct Part {
    count: usize,
    offset: usize,
}

fn part(asked: &Asked, known: &[&str]) -> Result<Part, Refusal> {
    if let Some(unknown) = asked.unknown(&[&["count", "offset", "fields", "exclude_fields"], known].concat()) {
        return Err(invalid(&format!("The parameter {unknown} is not known.")));
    }
    let number = |name, unless| {
        asked.number(name, unless).map_err(|text| invalid(&format!("{name}: `{text}` is not an integer")))
    };
    let count = number("count", 10)?;
    if count > 1_000 {
        return Err(invalid("count: must be less than or equal to 1000"));
    }
    Ok(Part { count, offset: number("offset", 0)? })
}

impl Part {
    /// A page of `records` under its name, with how many there are in all.
    fn page(&self, name: &str, records: &[Value], serve: Serve, more: &[(&str, &str)]) -> Response {
        let shown = window(records, self.offset, serve.cut(self.count));
        let mut page = json!({ name: shown });
        for (name, value) in more {
            page[*name] = (*value).into();
        }
        page["total_items"] = records.len().into();
        page["_links"] = json!([]);
        reply::json(StatusCode::OK, &page)
    }
}

/// An instant that a parameter gives; Mailchimp takes ISO 8601.
fn instant(asked: &Asked, name: &str) -> Result<Option<i64>, Refusal> {
    let Some(text) = asked.get(name) else { return Ok(None) };
    let at = chrono::DateTime::parse_from_rfc3339(text).map_err(|_| invalid(&format!("{name}: Invalid date")))?;
    Ok(Some(at.timestamp_millis()))
}

/// <https://mailchimp.com/developer/marketing/api/ping/ping/>
async fn ping() -> Response {
    reply::json(StatusCode::OK, &json!({ "health_status": "Everything's Chimpy!" }))
}

fn bodies<'a>(entries: impl Iterator<Item = &'a Entry>) -> Vec<Value> {
    entries.map(Entry::body).collect()
}

/// <https://mailchimp.com/developer/marketing/api/lists/get-lists-info/>
async fn audiences(
    State(shared): State<Arc<Shared>>,
    Extension(serve): Extension<Serve>,
    Query(asked): Query<Asked>,
) -> Result<Response, Refusal> {
    let part = part(&asked, &["since_date_created", "before_date_created", "email", "sort_field", "sort_dir"])?;
    let world = shared.world();
    Ok(part.page("lists", &bodies(world.mailchimp().audiences.live()), serve, &[]))
}

/// <https://mailchimp.com/developer/marketing/api/list-members/list-members-info/>
async fn members(
    State(shared): State<Arc<Shared>>,
    Extension(serve): Extension<Serve>,
    Path(audience): Path<String>,
    Query(asked): Query<Asked>,
) -> Result<Response, Refusal> {
    let known = [
        "status",
        "since_last_changed",
        "before_last_changed",
        "since_timestamp_opt",
        "before_timestamp_opt",
        "email_type",
        "sort_field",
        "sort_dir",
        "unique_email_id",
    ];
    let part = part(&asked, &known)?;
    let world = shared.world();
    let Some((_, list)) = world.mailchimp().members.iter().find(|(id, _)| *id == audience) else {
        return Err(missing());
    };
    let since = instant(&asked, "since_last_changed")?.map(|since| since.div_euclid(clock::SECOND));
    let changed = |entry: &&Entry| since.is_none_or(|since| entry.updated.div_euclid(clock::SECOND) >= since);
    let mut records = bodies(list.all().iter().filter(changed));
    if let Some(status) = asked.get("status") {
        records.retain(|record| record["status"] == status);
    }
    Ok(part.page("members", &records, serve, &[("list_id", &audience)]))
}

/// <https://mailchimp.com/developer/marketing/api/campaigns/list-campaigns/>
async fn campaigns(
    State(shared): State<Arc<Shared>>,
    Extension(serve): Extension<Serve>,
    Query(asked): Query<Asked>,
) -> Result<Response, Refusal> {
    let known = ["type", "status", "since_send_time", "before_send_time", "list_id", "sort_field", "sort_dir"];
    let part = part(&asked, &known)?;
    let world = shared.world();
    let since = instant(&asked, "since_send_time")?;
    let sent = |entry: &&Entry| since.is_none_or(|since| entry.updated >= since);
    let mut records = bodies(world.mailchimp().campaigns.live().filter(sent));
    if let Some(status) = asked.get("status") {
        if !["save", "paused", "schedule", "sending", "sent"].contains(&status) {
            return Err(invalid(&format!("status: `{status}` is none of a campaign")));
        }
        records.retain(|record| record["status"] == status);
    }
    Ok(part.page("campaigns", &records, serve, &[]))
}

/// <https://mailchimp.com/developer/marketing/api/reports/>
async fn report(
    State(shared): State<Arc<Shared>>,
    Extension(serve): Extension<Serve>,
    Path((campaign, report)): Path<(String, String)>,
    Query(asked): Query<Asked>,
) -> Result<Response, Refusal> {
    let part = part(&asked, if report == "email-activity" { &["since"] } else { &[] })?;
    let world = shared.world();
    let Some(recipients) = world.mailchimp().reports.get(&campaign) else { return Err(missing()) };
    let more = [("campaign_id", campaign.as_str())];
    match report.as_str() {
        "email-activity" => {
            let since = instant(&asked, "since")?;
            let all = recipients.iter().map(|recipient| recipient.activity(&campaign, since));
            let records: Vec<Value> = all
                .filter(|record| since.is_none() || record["activity"].as_array().is_some_and(|a| !a.is_empty()))
                .collect();
            Ok(part.page("emails", &records, serve, &more))
        }
        "sent-to" => {
            let records: Vec<Value> = recipients.iter().map(|recipient| sent_to(recipient, &campaign)).collect();
            Ok(part.page("sent_to", &records, serve, &more))
        }
        "unsubscribed" => {
            let records: Vec<Value> = recipients.iter().filter_map(|recipient| gone(recipient, &campaign)).collect();
            Ok(part.page("unsubscribes", &records, serve, &more))
        }
        _ => Err(missing()),
    }
}

fn recipient_of(recipient: &Recipient, campaign: &str) -> Value {
    json!({
        "email_id": mailchimp::address_id(&recipient.email), "email_address": recipient.email, "merge_fields": {},
        "vip": false, "campaign_id": campaign, "list_id": mailchimp::AUDIENCES[0].0, "list_is_active": true,
    })
}

/// <https://mailchimp.com/developer/marketing/api/sent-to-reports/list-campaign-recipients/>
fn sent_to(recipient: &Recipient, campaign: &str) -> Value {
    let opens: Vec<i64> = recipient.activity.iter().filter(|act| act.action == "open").map(|act| act.at).collect();
    let mut record = recipient_of(recipient, campaign);
    record["status"] = if recipient.bounced { "hard" } else { "sent" }.into();
    record["open_count"] = opens.len().into();
    record["last_open"] = opens.last().map_or_else(String::new, |at| mailchimp::stamp(*at)).into();
    record["absplit_group"] = "".into();
    record["gmt_offset"] = 1.into();
    record
}

/// <https://mailchimp.com/developer/marketing/api/unsub-reports/list-unsubscribed-members/>
fn gone(recipient: &Recipient, campaign: &str) -> Option<Value> {
    let mut record = recipient_of(recipient, campaign);
    record["timestamp"] = mailchimp::stamp(recipient.unsubscribed?).into();
    record["reason"] = "No reason given".into();
    Some(record)
}
