//! Search: filters, one sort, pages by offset, and the cap of 10,000 results.
//! <https://developers.hubspot.com/docs/api-reference/search/guide>

use std::cmp::Ordering;
use std::sync::Arc;

use axum::extract::{Extension, Path, State};
use axum::http::StatusCode;
use axum::response::Response;
use bytes::Bytes;
use serde::Deserialize;
use serde_json::{Value, json};

use super::super::guard::Serve;
use super::super::{Shared, reply};
use super::{Refusal, chosen, invalid, record, table};
use crate::clock;
use crate::world::{Kind, Row, Table};

/// Results beyond this many cannot be paged to.
const CAP: usize = 10_000;
/// Characters a request may have.
const MAX_REQUEST: usize = 3_000;

#[derive(Deserialize, Default)]
#[serde(rename_all = "camelCase", default)]
struct Search {
    filter_groups: Vec<Group>,
    sorts: Vec<Value>,
    properties: Vec<String>,
    limit: Option<usize>,
    after: Option<Value>,
}

#[derive(Deserialize)]
struct Group {
    filters: Vec<Filter>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Filter {
    property_name: String,
    operator: String,
    value: Option<Value>,
    high_value: Option<Value>,
    #[serde(default)]
    values: Vec<Value>,
}

/// A value in the order of its property's type.
#[derive(Debug, Clone, PartialEq, PartialOrd)]
enum Sortable {
    Number(f64),
    Text(String),
}

fn typed(kind: Kind, text: &str) -> Option<Sortable> {
    match kind {
        Kind::Id | Kind::Number => text.trim().parse().ok().map(Sortable::Number),
        Kind::Created | Kind::Updated | Kind::Instant | Kind::Date => {
            clock::parse(text).map(|at| Sortable::Number(at as f64))
        }
        _ => Some(Sortable::Text(text.to_lowercase())),
    }
}

fn value_of(table: &Table, row: &Row, field: usize) -> Option<Sortable> {
    match table.object.fields[field].kind {
        Kind::Id => Some(Sortable::Number(row.key as f64)),
        Kind::Created | Kind::Updated | Kind::Instant => {
            table.instant(row, field).map(|at| Sortable::Number(at as f64))
        }
        kind => typed(kind, &table.value(row, field)?),
    }
}

/// A filter checked against the object, its operands typed.
struct Test {
    field: usize,
    operator: Operator,
    operands: Vec<Sortable>,
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Operator {
    Lt,
    Lte,
    Gt,
    Gte,
    Eq,
    Neq,
    Between,
    In,
    NotIn,
    Has,
    HasNot,
}

fn test(table: &Table, filter: &Filter) -> Result<Test, Refusal> {
    let name = &filter.property_name;
    let field = table
        .field(name)
        .ok_or_else(|| invalid(&format!("There was a problem with the request. Property {name} does not exist")))?;
    let operator = match filter.operator.as_str() {
        "LT" => Operator::Lt,
        "LTE" => Operator::Lte,
        "GT" => Operator::Gt,
        "GTE" => Operator::Gte,
        "EQ" => Operator::Eq,
        "NEQ" => Operator::Neq,
        "BETWEEN" => Operator::Between,
        "IN" => Operator::In,
        "NOT_IN" => Operator::NotIn,
        "HAS_PROPERTY" => Operator::Has,
        "NOT_HAS_PROPERTY" => Operator::HasNot,
        other => return Err(invalid(&format!("Invalid operator: {other}"))),
    };
    let given: Vec<&Value> = match operator {
        Operator::Between => [&filter.value, &filter.high_value].into_iter().flatten().collect(),
        Operator::In | Operator::NotIn => filter.values.iter().collect(),
        Operator::Has | Operator::HasNot => Vec::new(),
        _ => filter.value.iter().collect(),
    };
    let wanted = match operator {
        Operator::Between => 2,
        Operator::Has | Operator::HasNot => 0,
        _ => 1,
    };
    if given.len() < wanted {
        return Err(invalid(&format!("operator {} of {name} needs a value", filter.operator)));
    }
    let kind = table.object.fields[field].kind;
    let read = |value: &Value| {
        let text = value.as_str().map_or_else(|| value.to_string(), str::to_owned);
        typed(kind, &text).ok_or_else(|| invalid(&format!("{text} is no value of property {name}")))
    };
    let operands = given.into_iter().map(read).collect::<Result<_, _>>()?;
    Ok(Test { field, operator, operands })
}

impl Test {
    fn passes(&self, table: &Table, row: &Row) -> bool {
        let value = value_of(table, row, self.field);
        let Some(value) = value else {
            return matches!(self.operator, Operator::HasNot | Operator::Neq | Operator::NotIn);
        };
        let order = |i: usize| self.operands.get(i).and_then(|operand| value.partial_cmp(operand));
        match self.operator {
            Operator::Lt => order(0).is_some_and(Ordering::is_lt),
            Operator::Lte => order(0).is_some_and(Ordering::is_le),
            Operator::Gt => order(0).is_some_and(Ordering::is_gt),
            Operator::Gte => order(0).is_some_and(Ordering::is_ge),
            Operator::Eq => order(0).is_some_and(Ordering::is_eq),
            Operator::Neq => !order(0).is_some_and(Ordering::is_eq),
            Operator::Between => order(0).is_some_and(Ordering::is_ge) && order(1).is_some_and(Ordering::is_le),
            Operator::In => self.operands.contains(&value),
            Operator::NotIn => !self.operands.contains(&value),
            Operator::Has => true,
            Operator::HasNot => false,
        }
    }
}

/// The one sort allowed: (field, descending).
fn sort_of(table: &Table, sorts: &[Value]) -> Result<Option<(usize, bool)>, Refusal> {
    let [] = sorts else {
        let [sort] = sorts else { return Err(invalid("Only one sort is allowed")) };
        let name = sort.as_str().or_else(|| sort["propertyName"].as_str()).unwrap_or_default();
        if !["ASCENDING", "DESCENDING"].contains(&sort["direction"].as_str().unwrap_or("ASCENDING")) {
            return Err(invalid(&format!("{} is no direction of a sort", sort["direction"])));
        }
        let down = sort["direction"] == "DESCENDING" || name.starts_with('-');
        let field = table.field(name.trim_start_matches('-'));
        let field = field.ok_or_else(|| invalid(&format!("Property {name} does not exist")))?;
        return Ok(Some((field, down)));
    };
    Ok(None)
}

pub(super) async fn search(
    State(shared): State<Arc<Shared>>,
    Extension(serve): Extension<Serve>,
    Path(object): Path<String>,
    body: Bytes,
) -> Result<Response, Refusal> {
    let world = shared.world();
    let table = table(&world, &object)?;
    if body.len() > MAX_REQUEST {
        return Err(invalid("The request is longer than 3000 characters"));
    }
    let search: Search = serde_json::from_slice(&body).map_err(|e| invalid(&format!("Invalid input JSON: {e}")))?;
    let limit = search.limit.unwrap_or(10);
    if !(1..=200).contains(&limit) {
        return Err(invalid("limit must be between 1 and 200"));
    }
    let after = match &search.after {
        None | Some(Value::Null) => Some(0),
        Some(Value::String(text)) if text.is_empty() => Some(0),
        Some(Value::String(text)) => text.parse().ok(),
        Some(other) => other.as_u64().map(|n| n as usize),
    };
    let after = after.ok_or_else(|| invalid("after must be a number from paging.next.after"))?;
    if after + limit > CAP {
        return Err(invalid("The maximum number of results of a search is 10000: after and limit go beyond it"));
    }
    let filters: usize = search.filter_groups.iter().map(|g| g.filters.len()).sum();
    if search.filter_groups.len() > 5 || filters > 18 || search.filter_groups.iter().any(|g| g.filters.len() > 6) {
        return Err(invalid("A search takes 5 filter groups, 6 filters in each, 18 filters in all"));
    }
    let groups: Vec<Vec<Test>> = search
        .filter_groups
        .iter()
        .map(|group| group.filters.iter().map(|filter| test(table, filter)).collect())
        .collect::<Result<_, _>>()?;
    let sort = sort_of(table, &search.sorts)?;

    let matches = |row: &&Row| {
        row.deleted.is_none()
            && (groups.is_empty() || groups.iter().any(|all| all.iter().all(|test| test.passes(table, row))))
    };
    let mut rows: Vec<&Row> = table.rows.iter().filter(matches).collect();
    match sort {
        // Equal values stay in the order of ids.
        Some((field, down)) => {
            let mut keyed: Vec<_> = rows.into_iter().map(|row| (value_of(table, row, field), row)).collect();
            keyed.sort_by(|(a, _), (b, _)| {
                let order = a.partial_cmp(b).unwrap_or(Ordering::Equal);
                if down { order.reverse() } else { order }
            });
            rows = keyed.into_iter().map(|(_, row)| row).collect();
        }
        None => rows.sort_by_key(|row| row.created),
    }
    let properties = chosen(table, &search.properties);
    let end = (after + serve.cut(limit)).min(rows.len());
    let page = rows.get(after..end).unwrap_or_default();
    let results: Vec<_> = page.iter().map(|row| record(table, row, &properties, None)).collect();
    let mut answer = json!({ "total": rows.len(), "results": results });
    if end < rows.len() {
        answer["paging"] = json!({ "next": { "after": end.to_string() } });
    }
    Ok(reply::json(StatusCode::OK, &answer))
}
