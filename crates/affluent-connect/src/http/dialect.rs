//! The query languages in which a stream can be asked for in the order of (cursor, id), from a place in it on.

use affluent_spec::connector::{Next, Search, Soql};
use chrono::{DateTime, SecondsFormat, Utc};
use serde_json::json;

use super::body::{Path, path};
use super::client::Call;
use super::plan::StreamPlan;
use crate::SourceError;

/// A query language.
pub(crate) enum Dialect {
    /// The search endpoint of the `HubSpot` CRM.
    Search(Search),
    /// SOQL.
    Soql {
        /// The parameter that carries the query.
        parameter: String,
        /// The query to complete.
        soql: Soql,
        /// The cursor's field.
        cursor: String,
        /// The field that identifies a record.
        id: String,
    },
}

/// A read by a job.
pub(crate) struct JobPlan {
    /// Where jobs are made.
    pub(crate) post: String,
    /// Reads of more records go by a job.
    pub(crate) above: u64,
    /// The request that tells how many there are, up to one more than that.
    pub(crate) count: Call,
    /// What the job does: the same as the path of the stream's request.
    pub(crate) operation: String,
    /// What it asks for, in no order: one would keep the server from cutting the work into parts.
    pub(crate) query: String,
}

/// A stretch of the order, from its lower end on.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Stretch {
    /// Everything.
    All,
    /// Cursors at or after that value.
    From(DateTime<Utc>),
    /// Cursors after that value.
    After(DateTime<Utc>),
    /// Cursors equal to that value, ids after that one, in the order of ids.
    At(DateTime<Utc>, Option<String>),
}

impl Stretch {
    /// Whether a record of that cursor comes before the stretch.
    pub(crate) fn lies_after(&self, cursor: DateTime<Utc>) -> bool {
        match self {
            Self::All => false,
            Self::From(at) | Self::At(at, _) => cursor < *at,
            Self::After(at) => cursor <= *at,
        }
    }
}

impl Dialect {
    /// The fields to ask for, unless the server says that it has fewer.
    pub(crate) fn fields<'a>(&self, plan: &'a StreamPlan) -> Vec<&'a str> {
        match self {
            Self::Search(_) => plan.properties(),
            Self::Soql { .. } => plan.field_names(),
        }
    }

    /// The request that tells which fields there are, where there is one: an array of objects with a `name` at `fields`.
    pub(crate) fn describe(&self, plan: &StreamPlan) -> Option<Result<Call, SourceError>> {
        let Self::Soql { soql, .. } = self else { return None };
        soql.describe.as_deref().map(|path| plan.get_call(path))
    }

    /// The request for the first page of a stretch; `after` is a token of the server, for a page that was empty.
    pub(crate) fn call(
        &self,
        plan: &StreamPlan,
        fields: &[&str],
        stretch: &Stretch,
        after: Option<&str>,
    ) -> Result<Call, SourceError> {
        match self {
            Self::Search(search) => plan.post_call(&search.post, &search_body(search, fields, stretch, after)),
            Self::Soql { parameter, soql: template, cursor, id } => {
                let (condition, order) = soql_stretch(cursor, id, stretch);
                let tail = format!(" ORDER BY {order} LIMIT {}", template.limit);
                plan.soql_call(parameter, soql(fields, template, &tail, condition.as_deref()))
            }
        }
    }

    /// How what lies from `since` on (all without it) is read by a job, where the manifest has jobs for it. Its results are
    /// CSV, which says no more of an empty cell than that it is null and has no place for JSON.
    pub(crate) fn job(
        &self,
        plan: &StreamPlan,
        fields: &[&str],
        since: Option<DateTime<Utc>>,
    ) -> Result<Option<JobPlan>, SourceError> {
        let Self::Soql { parameter, soql: template, cursor, id } = self else { return Ok(None) };
        let Some(bulk) = template.bulk.as_ref().filter(|_| !plan.has_json()) else { return Ok(None) };
        let above = plan.words().settings.count(&bulk.above);
        if above == 0 {
            return Ok(None);
        }
        let (condition, _) = soql_stretch(cursor, id, &since.map_or(Stretch::All, Stretch::From));
        // There is no need to count beyond the number that decides.
        let enough = format!(" LIMIT {}", u64::from(above) + 1);
        let count = plan.soql_call(parameter, soql(&["COUNT()"], template, &enough, condition.as_deref()))?;
        Ok(Some(JobPlan {
            post: bulk.post.clone(),
            above: u64::from(above),
            operation: count.target.rsplit('/').next().unwrap_or_default().to_owned(),
            count,
            query: soql(fields, template, "", condition.as_deref()),
        }))
    }

    /// Records in a page that is full.
    pub(crate) fn limit(&self) -> usize {
        match self {
            Self::Search(search) => search.limit as usize,
            Self::Soql { soql, .. } => soql.limit as usize,
        }
    }

    /// Whether the server counts a limited page as the end, so that a full one may have a successor all the same.
    pub(crate) fn ends_at_limit(&self) -> bool {
        matches!(self, Self::Soql { .. })
    }

    /// The request for the newest record, which tells where the order ends now. Only where lists are read otherwise.
    pub(crate) fn newest(&self, plan: &StreamPlan) -> Option<Result<Call, SourceError>> {
        let Self::Search(search) = self else { return None };
        let body = json!({
            "filterGroups": [],
            "sorts": [{ "propertyName": search.property, "direction": "DESCENDING" }],
            "properties": [search.property],
            "limit": 1,
        });
        Some(plan.post_call(&search.post, &body))
    }

    /// The path in an answer of what is there only when more follows: as for lists, where the manifest says so.
    pub(crate) fn more(&self, plan: &StreamPlan) -> Path {
        match (plan.next(), self) {
            (Some(Next::Token { from, .. } | Next::Url(from)), _) => path(from),
            (_, Self::Search(_)) => path("paging.next.after"),
            (_, Self::Soql { .. }) => path("nextRecordsUrl"),
        }
    }
}

/// The body of a search: <https://developers.hubspot.com/docs/api/crm/search>. One sort is allowed, and dates are compared
/// as milliseconds since the epoch.
fn search_body(search: &Search, properties: &[&str], stretch: &Stretch, after: Option<&str>) -> serde_json::Value {
    let filter = |property: &str, operator: &str, value: String| json!({ "propertyName": property, "operator": operator, "value": value });
    let ms = |instant: &DateTime<Utc>| instant.timestamp_millis().to_string();
    let (filters, sort) = match stretch {
        Stretch::All => (Vec::new(), &search.property),
        Stretch::From(at) => (vec![filter(&search.property, "GTE", ms(at))], &search.property),
        Stretch::After(at) => (vec![filter(&search.property, "GT", ms(at))], &search.property),
        Stretch::At(at, id) => {
            let mut filters = vec![filter(&search.property, "EQ", ms(at))];
            filters.extend(id.as_ref().map(|id| filter(&search.id, "GT", id.clone())));
            (filters, &search.id)
        }
    };
    let groups = if filters.is_empty() { json!([]) } else { json!([{ "filters": filters }]) };
    let mut body = json!({
        "filterGroups": groups,
        "sorts": [{ "propertyName": sort, "direction": "ASCENDING" }],
        "properties": properties,
        "limit": search.limit,
    });
    if let Some(after) = after {
        body["after"] = after.into();
    }
    body
}

/// A SOQL query: <https://developer.salesforce.com/docs/atlas.en-us.soql_sosl.meta/soql_sosl/>.
pub(crate) fn soql(fields: &[&str], template: &Soql, tail: &str, condition: Option<&str>) -> String {
    let conditions: Vec<&str> = template.condition.as_deref().into_iter().chain(condition).collect();
    let filter = if conditions.is_empty() { String::new() } else { format!(" WHERE {}", conditions.join(" AND ")) };
    format!("SELECT {} FROM {}{filter}{tail}", fields.join(", "), template.from)
}

fn soql_stretch(cursor: &str, id: &str, stretch: &Stretch) -> (Option<String>, String) {
    let literal = |at: &DateTime<Utc>| at.to_rfc3339_opts(SecondsFormat::Millis, true);
    let in_time = format!("{cursor} ASC, {id} ASC");
    match stretch {
        Stretch::All => (None, in_time),
        Stretch::From(at) => (Some(format!("{cursor} >= {}", literal(at))), in_time),
        Stretch::After(at) => (Some(format!("{cursor} > {}", literal(at))), in_time),
        Stretch::At(at, last) => {
            let mut condition = format!("{cursor} = {}", literal(at));
            if let Some(last) = last {
                let quoted = last.replace('\\', "\\\\").replace('\'', "\\'");
                condition = format!("{condition} AND {id} > '{quoted}'");
            }
            (Some(condition), format!("{id} ASC"))
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at() -> DateTime<Utc> {
        DateTime::from_timestamp_millis(1_700_000_000_123).unwrap_or_default()
    }

    #[test]
    fn writes_soql() {
        let template = Soql {
            from: "LeadHistory".into(),
            condition: Some("Field = 'Status'".into()),
            describe: None,
            limit: 2000,
            bulk: None,
        };
        let write = |stretch: &Stretch| {
            let (condition, order) = soql_stretch("CreatedDate", "Id", stretch);
            soql(&["Id", "CreatedDate"], &template, &format!(" ORDER BY {order} LIMIT 2000"), condition.as_deref())
        };
        assert_eq!(
            write(&Stretch::All),
            "SELECT Id, CreatedDate FROM LeadHistory WHERE Field = 'Status' ORDER BY CreatedDate ASC, Id ASC LIMIT 2000"
        );
        assert_eq!(
            write(&Stretch::At(at(), Some("0'1".into()))),
            "SELECT Id, CreatedDate FROM LeadHistory WHERE Field = 'Status' AND CreatedDate = 2023-11-14T22:13:20.123Z \
             AND Id > '0\\'1' ORDER BY Id ASC LIMIT 2000"
        );
    }

    #[test]
    fn writes_searches() {
        let search = Search { post: "/s".into(), property: "changed".into(), id: "hs_object_id".into(), limit: 200 };
        let body = search_body(&search, &["email"], &Stretch::From(at()), None);
        assert_eq!(
            body,
            json!({
                "filterGroups": [{ "filters": [{ "propertyName": "changed", "operator": "GTE", "value": "1700000000123" }] }],
                "sorts": [{ "propertyName": "changed", "direction": "ASCENDING" }],
                "properties": ["email"],
                "limit": 200,
            })
        );
        let body = search_body(&search, &[], &Stretch::At(at(), Some("7".into())), Some("200"));
        assert_eq!(body["sorts"][0]["propertyName"], "hs_object_id");
        assert_eq!(body["filterGroups"][0]["filters"].as_array().map(Vec::len), Some(2));
        assert_eq!(body["after"], "200");
    }
}
