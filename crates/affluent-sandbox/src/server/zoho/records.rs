//! Records of a module page by page, and what was deleted of it.
//! <https://www.zoho.com/crm/developer/docs/api/v8/get-records.html>
//! <https://www.zoho.com/crm/developer/docs/api/v8/get-deleted-records.html>

use std::sync::Arc;

use axum::body::Body;
use axum::extract::{Extension, Path, Query, State};
use axum::http::{HeaderMap, StatusCode, header};
use axum::response::Response;
use serde_json::{Map, Value, json};

use super::super::ask::{Asked, Refusal};
use super::super::guard::Serve;
use super::super::{Shared, reply};
use super::error;
use crate::clock;
use crate::draw::Draw;
use crate::world::Document;

/// Records that pages reach without a token.
const DISCRETE: usize = 2_000;
/// Records that tokens reach.
const REACH: usize = 100_000;

fn invalid(code: &str, message: &str, details: &Value) -> Refusal {
    error(StatusCode::BAD_REQUEST, code, message, details).into()
}

fn no_module() -> Refusal {
    invalid("INVALID_MODULE", "the module name given seems to be invalid", &json!({ "resource_path_index": 0 }))
}

/// What comes where nothing matches: no body at all.
fn nothing(headers: &HeaderMap) -> Response {
    let mut response = Response::new(Body::empty());
    let unchanged = headers.contains_key(header::IF_MODIFIED_SINCE);
    *response.status_mut() = if unchanged { StatusCode::NOT_MODIFIED } else { StatusCode::NO_CONTENT };
    response
}

/// The instant of `If-Modified-Since`, which Zoho wants in ISO 8601.
fn since(headers: &HeaderMap) -> Result<Option<i64>, Refusal> {
    let Some(value) = headers.get(header::IF_MODIFIED_SINCE) else { return Ok(None) };
    let details = json!({ "param_name": "If-Modified-Since" });
    let refusal = || invalid("PATTERN_NOT_MATCHED", "Please check whether the input values are correct", &details);
    value.to_str().ok().filter(|text| text.contains('T')).and_then(clock::parse).map(Some).ok_or_else(refusal)
}

fn per_page(query: &Asked) -> Result<usize, Refusal> {
    let details = json!({ "param_name": "per_page", "limit": 200 });
    query.size("per_page", 200, 200).ok_or_else(|| invalid("INVALID_DATA", "invalid data", &details))
}

/// What a list is ordered by.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Order {
    Id,
    Created,
    Modified,
}

impl Order {
    fn of(query: &Asked) -> Result<Self, Refusal> {
        Ok(match query.get("sort_by") {
            None | Some("id") => Self::Id,
            Some("Created_Time") => Self::Created,
            Some("Modified_Time") => Self::Modified,
            Some(_) => {
                let details =
                    json!({ "param_name": "sort_by", "supported_values": ["id", "Created_Time", "Modified_Time"] });
                return Err(invalid("INVALID_DATA", "invalid data", &details));
            }
        })
    }

    fn place(self, document: &Document) -> (i64, u64) {
        match self {
            Self::Id => (0, document.key),
            Self::Created => (document.created, document.key),
            Self::Modified => (document.updated, document.key),
        }
    }

    fn name(self) -> &'static str {
        match self {
            Self::Id => "id",
            Self::Created => "Created_Time",
            Self::Modified => "Modified_Time",
        }
    }
}

/// A page token: the parameters it is bound to, how many records were passed, and the last of them.
struct Token {
    bound: u64,
    passed: usize,
    last: (i64, u64),
}

impl Token {
    fn of(text: &str) -> Option<Self> {
        let mut parts = text.split('.');
        let mut number = || i64::from_str_radix(parts.next()?, 16).ok();
        Some(Self { bound: number()? as u64, passed: number()? as usize, last: (number()?, number()? as u64) })
    }

    fn text(&self) -> String {
        format!("{:x}.{:x}.{:x}.{:x}", self.bound, self.passed, self.last.0, self.last.1)
    }
}

/// The parameters that may not change between pages.
fn bound(module: &str, query: &Asked, since: Option<i64>) -> u64 {
    let mut text = format!("{module} {since:?}");
    for (name, value) in query.without(&["page_token", "page"]) {
        text.push(' ');
        text.push_str(name);
        text.push('=');
        text.push_str(value);
    }
    Draw::of(0, &text, &[]).bits() >> 8
}

/// The fields of the record that were asked for; those that it does not have are passed over.
fn chosen(document: &Document, fields: &[&str]) -> Value {
    let body = document.body.as_object();
    let field = |name: &&str| Some(((*name).to_owned(), body?.get(*name)?.clone()));
    let mut record: Map<String, Value> = fields.iter().filter_map(field).collect();
    record.insert("id".to_owned(), document.id.as_str().into());
    record.into()
}

pub(super) async fn records(
    State(shared): State<Arc<Shared>>,
    Extension(serve): Extension<Serve>,
    Path(module): Path<String>,
    Query(query): Query<Asked>,
    headers: HeaderMap,
) -> Result<Response, Refusal> {
    let world = shared.world();
    let documents = world.documents("zoho", &module).ok_or_else(no_module)?;
    let fields = query.words("fields");
    if fields.is_empty() {
        let details = json!({ "param_name": "fields" });
        return Err(invalid("REQUIRED_PARAM_MISSING", "required param is missing", &details));
    }
    if fields.len() > 50 {
        return Err(invalid("LIMIT_EXCEEDED", "limit exceeded", &json!({ "limit": 50, "param_name": "fields" })));
    }
    let (since, limit, order) = (since(&headers)?, per_page(&query)?, Order::of(&query)?);
    let descending = query.get("sort_order") != Some("asc");
    let bound = bound(&module, &query, since);
    let token = match query.get("page_token") {
        None => None,
        Some(text) => Some(Token::of(text).filter(|token| token.bound == bound).ok_or_else(|| {
            let message = "The page_token given seems to be invalid or input param is added or altered or deleted";
            invalid("TOKEN_BOUND_DATA_MISMATCH", message, &json!({ "param_name": "page_token" }))
        })?),
    };
    let page = query.size("page", 1, usize::MAX).unwrap_or(1);
    if token.is_none() && page * limit > DISCRETE {
        let message = "You can only get the first 2000 records without using page_token param";
        return Err(invalid("DISCRETE_PAGINATION_LIMIT_EXCEEDED", message, &json!({ "limit": DISCRETE })));
    }
    let reach = shared.limits.zoho_reach.unwrap_or(REACH);
    if token.as_ref().is_some_and(|token| token.passed + limit > reach) {
        let message = format!("You can only get upto {reach} records using page_token param");
        return Err(invalid("PAGINATION_LIMIT_EXCEEDED", &message, &json!({ "param_name": "page_token" })));
    }
    // Converted leads are in a list only when it is asked for them.
    let converted = query.get("converted").unwrap_or("false");
    let shown = |document: &&Document| {
        let is = document.body.get("Converted__s").and_then(Value::as_bool).unwrap_or(false);
        document.deleted.is_none()
            && since.is_none_or(|since| document.updated >= since)
            && (converted == "both" || is == (converted == "true"))
    };
    let mut rows: Vec<&Document> = documents.iter().filter(shown).collect();
    rows.sort_by_key(|document| order.place(document));
    if descending {
        rows.reverse();
    }
    let start = match &token {
        None => ((page - 1) * limit).min(rows.len()),
        Some(token) if descending => rows.partition_point(|document| order.place(document) >= token.last),
        Some(token) => rows.partition_point(|document| order.place(document) <= token.last),
    };
    let rest = &rows[start..];
    if rest.is_empty() {
        return Ok(nothing(&headers));
    }
    let given = &rest[..serve.cut(limit).min(rest.len())];
    let passed = token.as_ref().map_or((page - 1) * limit, |token| token.passed) + given.len();
    let last = given.last().map(|document| order.place(document)).or(token.map(|token| token.last));
    let before_all = if descending { (i64::MAX, i64::MAX as u64) } else { (0, 0) };
    let next = Token { bound, passed, last: last.unwrap_or(before_all) };
    let more = given.len() < rest.len();
    Ok(reply::json(
        StatusCode::OK,
        &json!({
            "data": given.iter().map(|document| chosen(document, &fields)).collect::<Vec<_>>(),
            "info": {
                "call": false, "per_page": limit, "count": given.len(), "page": page, "email": false,
                "sort_by": order.name(), "sort_order": if descending { "desc" } else { "asc" },
                "more_records": more, "next_page_token": more.then(|| next.text()), "previous_page_token": null,
                "page_token_expiry": more.then(|| crate::world::zoho_stamp(world.now() + clock::DAY)),
            },
        }),
    ))
}

pub(super) async fn deleted(
    State(shared): State<Arc<Shared>>,
    Path(module): Path<String>,
    Query(query): Query<Asked>,
    headers: HeaderMap,
) -> Result<Response, Refusal> {
    let world = shared.world();
    let documents = world.documents("zoho", &module).ok_or_else(no_module)?;
    let (since, limit) = (since(&headers)?, per_page(&query)?);
    let page = query.size("page", 1, usize::MAX).unwrap_or(1);
    // A third was taken out of the bin too: of those only id and instant are left.
    let permanent = |document: &Document| document.key.is_multiple_of(3);
    let wanted = |document: &Document| match query.get("type") {
        Some("recycle") => !permanent(document),
        Some("permanent") => permanent(document),
        _ => true,
    };
    let gone = documents.iter().filter_map(|document| Some((document.deleted?, document)));
    let mut rows: Vec<_> =
        gone.filter(|(at, document)| since.is_none_or(|since| *at >= since) && wanted(document)).collect();
    rows.sort_by_key(|(at, document)| std::cmp::Reverse((*at, document.key)));
    let rest = rows.get((page - 1) * limit..).unwrap_or_default();
    if rest.is_empty() {
        return Ok(nothing(&headers));
    }
    let user = |document: &Document| {
        (!permanent(document)).then(|| json!({ "name": "Ana Roche", "id": "4150868000000225013" }))
    };
    let given = &rest[..limit.min(rest.len())];
    let data: Vec<_> = given
        .iter()
        .map(|(at, document)| {
            json!({
                "id": document.id, "deleted_time": crate::world::zoho_stamp(*at), "display_name": null,
                "type": if permanent(document) { "permanent" } else { "recycle" },
                "deleted_by": user(document), "created_by": user(document),
            })
        })
        .collect();
    let info =
        json!({ "per_page": limit, "count": data.len(), "page": page, "more_records": given.len() < rest.len() });
    Ok(reply::json(StatusCode::OK, &json!({ "data": data, "info": info })))
}
