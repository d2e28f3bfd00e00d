//! The Brevo-style API: contacts, e-mail campaigns and events of transactional e-mails, paged by offset.
//! <https://developers.brevo.com/reference>, <https://developers.brevo.com/docs/limit-headers>

use std::sync::Arc;
use std::time::{Duration, Instant};

use axum::Router;
use axum::extract::{Extension, Query, State};
use axum::http::{HeaderMap, HeaderValue, StatusCode, Uri};
use axum::response::Response;
use axum::routing::get;
use chrono::{Days, NaiveDate};
use serde_json::{Value, json};

use super::ask::{Asked, Refusal, window};
use super::guard::Serve;
use super::limits::take;
use super::reply;
use super::vendor::{Spoils, Vendor};
use super::{BREVO_KEY, Shared, hold};
use crate::clock;
use crate::world::{Entry, World};

pub(crate) static VENDOR: Vendor = Vendor {
    path: "/brevo",
    routes,
    error,
    too_many,
    expired,
    unauthorised,
    limit,
    spoils: Spoils { records: &["contacts", "campaigns", "events"], numbers: &[], dates: &["createdAt", "date"] },
};

fn routes() -> Router<Arc<Shared>> {
    Router::new()
        .route("/v3/account", get(account))
        .route("/v3/contacts", get(contacts))
        .route("/v3/emailCampaigns", get(campaigns))
        .route("/v3/smtp/statistics/events", get(events))
}

fn failed(status: StatusCode, code: &str, message: &str) -> Response {
    reply::json(status, &json!({ "code": code, "message": message }))
}

fn error(status: StatusCode, _: &str, message: &str) -> Response {
    let code = if status == StatusCode::NOT_FOUND { "document_not_found" } else { "internal_error" };
    failed(status, code, message)
}

fn invalid(code: &str, message: &str) -> Refusal {
    Refusal::from(failed(StatusCode::BAD_REQUEST, code, message))
}

fn too_many() -> Response {
    failed(StatusCode::TOO_MANY_REQUESTS, "too_many_requests", "The expected rate limit is exceeded.")
}

fn unauthorised(_: &Shared, _: &Uri, headers: &HeaderMap) -> Option<Response> {
    let key = headers.get("api-key").and_then(|key| key.to_str().ok());
    (key != Some(BREVO_KEY)).then(|| failed(StatusCode::UNAUTHORIZED, "unauthorized", "Key not found"))
}

fn expired(_: &Shared, _: &HeaderMap) -> Response {
    failed(StatusCode::UNAUTHORIZED, "unauthorized", "API Key is not enabled")
}

/// Requests of a window: the vendor's are of a second or an hour; this one's is short, so that it can be waited out.
const WINDOW: Duration = Duration::from_secs(2);
/// What is told to be left where no limit is enforced.
const FREE: usize = 36_000;

fn limit(shared: &Shared, _: &str) -> (HeaderMap, Option<Response>) {
    let most = shared.limits.brevo_per_2s;
    let left = take(&mut hold(&shared.windows).brevo, most, FREE, WINDOW, Instant::now());
    let most = most.unwrap_or(FREE);
    let mut headers = HeaderMap::new();
    for (name, value) in [
        ("x-sib-ratelimit-limit", most as u64),
        ("x-sib-ratelimit-remaining", left.unwrap_or(0) as u64),
        ("x-sib-ratelimit-reset", WINDOW.as_secs()),
    ] {
        headers.insert(name, HeaderValue::from(value));
    }
    (headers, left.is_none().then(too_many))
}

/// `limit` and `offset` of a list that gives at most so many, and its order.
struct Part {
    limit: usize,
    offset: usize,
    oldest_first: bool,
}

fn part(asked: &Asked, known: &[&str], (unless, most): (usize, usize)) -> Result<Part, Refusal> {
    if let Some(unknown) = asked.unknown(&[&["limit", "offset", "sort"], known].concat()) {
        return Err(invalid("invalid_parameter", &format!("{unknown} is not a valid parameter")));
    }
    let number = |name, unless| {
        asked.number(name, unless).map_err(|_| invalid("invalid_parameter", &format!("{name} should be an integer")))
    };
    let limit = number("limit", unless)?;
    if limit > most {
        return Err(invalid("out_of_range", "Limit exceeds max value"));
    }
    let oldest_first = match asked.get("sort") {
        None | Some("desc") => false,
        Some("asc") => true,
        Some(_) => return Err(invalid("invalid_parameter", "sort should be asc or desc")),
    };
    Ok(Part { limit, offset: number("offset", 0)?, oldest_first })
}

impl Part {
    fn of(&self, mut records: Vec<&Entry>, serve: Serve) -> Vec<Value> {
        if !self.oldest_first {
            records.reverse();
        }
        window(&records, self.offset, serve.cut(self.limit)).iter().map(|entry| entry.body()).collect()
    }
}

fn instant(asked: &Asked, name: &str) -> Result<i64, Refusal> {
    let Some(text) = asked.get(name) else { return Ok(i64::MIN) };
    chrono::DateTime::parse_from_rfc3339(text)
        .map(|at| at.timestamp_millis())
        .map_err(|_| invalid("invalid_parameter", &format!("Invalid {name}: use the format YYYY-MM-DDTHH:mm:ss.SSSZ")))
}

/// <https://developers.brevo.com/reference/get-contacts>
async fn contacts(
    State(shared): State<Arc<Shared>>,
    Extension(serve): Extension<Serve>,
    Query(asked): Query<Asked>,
) -> Result<Response, Refusal> {
    let part = part(&asked, &["modifiedSince", "createdSince", "listIds", "segmentId", "filter"], (50, 1_000))?;
    let (modified, created) = (instant(&asked, "modifiedSince")?, instant(&asked, "createdSince")?);
    let world = shared.world();
    let found: Vec<&Entry> =
        world.brevo().contacts.live().filter(|entry| entry.updated >= modified && entry.created >= created).collect();
    let count = found.len();
    Ok(reply::json(StatusCode::OK, &json!({ "contacts": part.of(found, serve), "count": count })))
}

/// <https://developers.brevo.com/reference/get-email-campaigns>
async fn campaigns(
    State(shared): State<Arc<Shared>>,
    Extension(serve): Extension<Serve>,
    Query(asked): Query<Asked>,
) -> Result<Response, Refusal> {
    let known = ["type", "status", "statistics", "startDate", "endDate", "excludeHtmlContent"];
    let part = part(&asked, &known, (50, 100))?;
    let world = shared.world();
    let with = asked.get("statistics").map(|wanted| wanted == "globalStats");
    let list = &world.brevo().campaigns;
    let found: Vec<&Entry> =
        list.live().filter(|_| asked.get("status").is_none_or(|status| status == "sent")).collect();
    let count = found.len();
    let mut campaigns = part.of(found, serve);
    if with != Some(true) {
        for campaign in &mut campaigns {
            campaign["statistics"] = json!({ "globalStats": {} });
        }
    }
    Ok(reply::json(StatusCode::OK, &json!({ "campaigns": campaigns, "count": count })))
}

/// <https://developers.brevo.com/reference/get-email-event-report>
async fn events(
    State(shared): State<Arc<Shared>>,
    Extension(serve): Extension<Serve>,
    Query(asked): Query<Asked>,
) -> Result<Response, Refusal> {
    let known = ["startDate", "endDate", "days", "email", "event", "tags", "messageId", "templateId"];
    let part = part(&asked, &known, (2_500, 5_000))?;
    let world = shared.world();
    let (first, last) = span(&asked, &world)?;
    let inside = |entry: &&Entry| (first..=last).contains(&clock::utc(entry.created).date_naive());
    let wanted = |entry: &&Entry| {
        ["email", "event", "messageId"]
            .iter()
            .all(|name| asked.get(name).is_none_or(|value| entry.body()[*name] == value))
    };
    let found: Vec<&Entry> = world.brevo().events.live().filter(inside).filter(wanted).collect();
    // A report without events has no `events`.
    let events = part.of(found, serve);
    let report = if events.is_empty() && serve == Serve::Full { json!({}) } else { json!({ "events": events }) };
    Ok(reply::json(StatusCode::OK, &report))
}

/// The days that are asked for: 30 unless given, 90 at most, none in the future.
fn span(asked: &Asked, world: &World) -> Result<(NaiveDate, NaiveDate), Refusal> {
    let today = clock::utc(world.now() - 1).date_naive();
    let day = |text: &str| {
        text.parse::<NaiveDate>().map_err(|_| invalid("invalid_parameter", "Invalid date: use YYYY-MM-DD"))
    };
    let range = match (asked.get("startDate"), asked.get("endDate")) {
        (Some(first), Some(last)) => (day(first)?, day(last)?),
        (None, None) => {
            let days =
                asked.number("days", 30).map_err(|_| invalid("invalid_parameter", "days should be an integer"))?;
            (today.checked_sub_days(Days::new(days as u64)).unwrap_or(today), today)
        }
        _ => return Err(invalid("missing_parameter", "startDate and endDate are both required")),
    };
    if range.0 > range.1 {
        return Err(invalid("invalid_parameter", "startDate must be lower than endDate"));
    }
    if range.1.signed_duration_since(range.0).num_days() > 90 {
        return Err(invalid("out_of_range", "The date range can not exceed 90 days"));
    }
    Ok(range)
}

/// <https://developers.brevo.com/reference/get-account>
async fn account() -> Response {
    reply::json(
        StatusCode::OK,
        &json!({
            "organization_id": "65f0000000000000000000aa", "email": "shop@sandbox.example", "firstName": "Ana", "lastName": "Roche",
            "companyName": "Sandbox", "address": { "street": "1 rue des Alpes", "city": "Lyon", "zipCode": "69001", "country": "France" },
            "plan": [{ "type": "free", "credits": 300, "creditsType": "sendLimit" }], "relay": { "enabled": true },
        }),
    )
}
