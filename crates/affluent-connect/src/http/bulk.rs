//! Reading by a job: the server runs the query by itself and keeps the results, which are then fetched page by page.
//!
//! Bulk API 2.0 of Salesforce: <https://developer.salesforce.com/docs/atlas.en-us.api_asynch.meta/api_asynch/queries.htm>.
//! A job costs some requests whatever its size, so only reads of many records are worth one; their number is asked for first.
//! The state of every page names the job and its next page, so that a read that was cut off, or waits for too long, goes on
//! with the same job, while `at` stays what it was: where the job is gone, all of it is read again and bronze leaves out
//! what it holds. The results are in no order and no snapshot either, so the state after them is no later than the server's
//! clock before the job, as after a list.

use std::time::Duration;

use affluent_spec::connector::{Action, ErrorRule};
use bytes::Bytes;
use chrono::{DateTime, Utc};
use reqwest::Method;
use reqwest::header::HeaderMap;
use serde_json::json;
use xxhash_rust::xxh3::xxh3_64;

use super::body::{self, path};
use super::client::{Call, Reply, Unread};
use super::cursor::CursorPlan;
use super::dialect::{Dialect, JobPlan};
use super::formats;
use super::listing::highest;
use super::paging::PATIENCE_WITH_EMPTY;
use super::producer::{Deleted, Parts, Producer, RawPage, Stop};
use super::record::pick;
use super::state::{Job, State};
use crate::SourceError;
use crate::error::Class;

/// Records asked for in a page, so that one stays within some megabytes; the server may give fewer.
const PAGE: u32 = 20_000;
/// How often one looks whether a job is done before the run ends, to go on with the same job later: more than two hours.
const LOOKS: u32 = 150;
/// What a refusal says where jobs are not for this object or this organisation, though the query may be good otherwise:
/// <https://developer.salesforce.com/docs/atlas.en-us.api_asynch.meta/api_asynch/asynch_api_reference_errors.htm>.
const REFUSALS: [&str; 5] =
    ["INVALIDENTITY", "not supported by the Bulk API", "not supported in Bulk", "FEATURENOTENABLED", "API_DISABLED"];
const TRY_REST: &str = "raise the number of records above which a job is made, or set it to 0, to read page by page";

/// Reads what lies from `since` on (all without it) by a job, where it is enough for one; `state` is the one before. The
/// state after it, or `None` where it is to be read page by page.
pub(crate) async fn read(
    producer: &Producer,
    cursor: &CursorPlan,
    dialect: &Dialect,
    fields: &[&str],
    state: &State,
    since: Option<DateTime<Utc>>,
) -> Result<Option<State>, Stop> {
    let Some(plan) = dialect.job(&producer.plan, fields, since)? else { return Ok(None) };
    let name = &producer.plan.name;
    let before = State { job: None, ..state.clone() };
    let query = format!("{:016x}", xxh3_64(plan.query.as_bytes()));
    let mut reading = Reading { producer, cursor, fields, before, requests: 0, given: false };
    if let Some(job) = state.job.clone().filter(|job| job.query == query) {
        tracing::info!("{name}: going on with {}", job.path);
        match reading.results(job).await {
            Err(Stop::Error(why)) if why.class() == Class::Failed && !reading.given => {
                tracing::warn!("{name}: the job of the last read is of no more use, so it is read anew: {why}");
            }
            other => return other,
        }
    }
    let (number, began) = reading.count(&plan.count).await?;
    if number <= plan.above {
        return Ok(None);
    }
    let Some(path) = reading.make(&plan).await? else { return Ok(None) };
    tracing::info!("{name}: more than {} records, read by {path}", plan.above);
    let job = Job { path, query, began, locator: None, given: 0, highest: None };
    // From here on the job is found again, however long it takes.
    let page = RawPage {
        body: Bytes::new(),
        records: Vec::new(),
        deleted: Deleted::None,
        state: Some(State { job: Some(job.clone()), ..reading.before.clone() }),
        requests: std::mem::take(&mut reading.requests),
    };
    producer.hand_over(page, began).await?;
    reading.results(job).await
}

/// A read by a job on its way.
struct Reading<'a> {
    producer: &'a Producer,
    cursor: &'a CursorPlan,
    fields: &'a [&'a str],
    /// The state before.
    before: State,
    /// Requests that no page told of yet.
    requests: u32,
    /// Whether a page of results was handed over.
    given: bool,
}

impl Reading<'_> {
    /// How many records there are, and the server's clock.
    async fn count(&mut self, call: &Call) -> Result<(u64, DateTime<Utc>), Stop> {
        let began = Utc::now();
        let reply = self
            .asked(call, |bytes| {
                let told = scalar(bytes, "totalSize")?.and_then(|told| told.parse::<u64>().ok());
                told.ok_or_else(|| Unread::Unexpected("the answer tells no number at `totalSize`".into()))
            })
            .await?;
        Ok((reply.value, reply.time.unwrap_or(began)))
    }

    /// Makes the job: its path, or none where the server has no jobs for such a query.
    async fn make(&mut self, plan: &JobPlan) -> Result<Option<String>, Stop> {
        let body = json!({
            "operation": plan.operation,
            "query": plan.query,
            "contentType": "CSV",
            "columnDelimiter": "COMMA",
            "lineEnding": "LF",
        });
        let mut call = self.producer.plan.post_call(&plan.post, &body)?;
        let rule =
            |status, text: &str| ErrorRule { status, contains: Some(text.to_owned()), then: Action::Empty, hint: None };
        call.rules = REFUSALS.iter().flat_map(|text| [rule(400, text), rule(403, text)]).collect();
        let reply = self
            .asked(&call, |bytes| {
                if bytes.is_empty() {
                    return Ok(None);
                }
                let id = scalar(bytes, "id")?;
                let id = id.filter(|id| !id.is_empty() && id.bytes().all(|byte| byte.is_ascii_alphanumeric()));
                id.map(Some).ok_or_else(|| Unread::Unexpected("the answer names no job at `id`".into()))
            })
            .await?;
        if reply.value.is_none() {
            let name = &self.producer.plan.name;
            tracing::info!("{name}: the server has no jobs for this query, so it is read page by page");
        }
        Ok(reply.value.map(|id| format!("{}/{id}", plan.post)))
    }

    /// Hands the results of a job over, once it is done. The state after it, or `None` where the server finds only now that
    /// it has no jobs for such a query.
    async fn results(&mut self, mut job: Job) -> Result<Option<State>, Stop> {
        let name = &self.producer.plan.name;
        let Some(number) = self.done(&job.path).await? else { return Ok(None) };
        tracing::info!("{name}: {} gives {number} records", job.path);
        let mut empty = 0;
        loop {
            let (parts, next) = self.page(&job).await?;
            if next.is_some() && next == job.locator && !parts.records.is_empty() {
                return Err(self.broken(&job, "names the same page again".to_owned()).into());
            }
            empty = if parts.records.is_empty() { empty + 1 } else { 0 };
            if empty > PATIENCE_WITH_EMPTY {
                return Err(self.broken(&job, "gives one empty page after another".to_owned()).into());
            }
            job.given += parts.records.len() as u64;
            if next.is_none() && job.given < number {
                let what = format!("processed {number} records and gave {}", job.given);
                return Err(self.broken(&job, what).with_hint("run again: the job is made anew").into());
            }
            let shaped = self.producer.shaped(parts)?;
            job.highest = job.highest.max(highest(self.cursor, &shaped));
            job.locator = next;
            let ended = job.locator.is_none();
            let after = if ended {
                self.before.reached(job.highest.map(|highest| highest.min(job.began)))
            } else {
                State { job: Some(job.clone()), ..self.before.clone() }
            };
            self.producer.give(shaped, Some(after.clone())).await?;
            self.given = true;
            if ended {
                self.delete(&job).await;
                return Ok(Some(after));
            }
        }
    }

    /// Waits for a job to be done: the number of records that it has, or none where it was not for this query.
    async fn done(&mut self, path: &str) -> Result<Option<u64>, Stop> {
        let (patience, name) = (self.producer.client.patience(), &self.producer.plan.name);
        let call = self.producer.plan.get_call(path)?;
        let mut wait = patience.first;
        for _ in 0..LOOKS {
            tokio::time::sleep(wait).await;
            wait = grown(wait, patience.longest);
            let told = self.asked(&call, told).await?.value;
            match told.state.as_str() {
                "JobComplete" => return Ok(Some(told.number)),
                "Failed" | "Aborted" if REFUSALS.iter().any(|text| told.error.contains(text)) => {
                    tracing::info!("{name}: {path} is not for this query, so it is read page by page: {}", told.error);
                    return Ok(None);
                }
                "Failed" | "Aborted" => {
                    let what = format!("the job is {}: {}", told.state, told.error);
                    return Err(SourceError::failed(path, what).with_hint(TRY_REST).into());
                }
                state => tracing::info!("{name}: {path} is {state}, {} records so far", told.number),
            }
        }
        Err(SourceError::temporary(path, "the job is not done yet")
            .with_hint("run again later: the job goes on by itself, and the next run with it")
            .into())
    }

    /// A page of results, and what names the next one.
    async fn page(&mut self, job: &Job) -> Result<(Parts, Option<String>), Stop> {
        let mut call = self.producer.plan.get_call(&format!("{}/results", job.path))?;
        call.query.push(("maxRecords".to_owned(), PAGE.to_string()));
        call.query.extend(job.locator.iter().map(|locator| ("locator".to_owned(), locator.clone())));
        let began = Utc::now();
        let Reply { value: (body, records), time, headers, .. } = self.asked(&call, formats::csv).await?;
        let told = header(&headers, "sforce-numberofrecords").and_then(|told| told.parse::<usize>().ok());
        if told.is_some_and(|told| told != records.len()) {
            let what = format!("gave a page of {} records and tells of {}", records.len(), told.unwrap_or_default());
            return Err(self.broken(job, what).into());
        }
        if let Some(first) = records.first() {
            let paths: Vec<_> = self.fields.iter().map(|field| vec![(*field).to_owned()]).collect();
            let found = pick(&body[first.clone()], &paths);
            if let Some((missing, _)) = self.fields.iter().zip(&found).find(|(_, place)| place.is_none()) {
                return Err(self.broken(job, format!("gave a page without the column `{missing}`")).into());
            }
        }
        let next = match header(&headers, "sforce-locator") {
            Some("null") => None,
            Some(locator) if !locator.is_empty() => Some(locator.to_owned()),
            _ => return Err(self.broken(job, "does not say whether another page follows".to_owned()).into()),
        };
        let parts = Parts {
            body,
            records,
            scalars: Vec::new(),
            also: Vec::new(),
            links: Vec::new(),
            asked: call.target,
            blank: false,
            time: time.unwrap_or(began),
            requests: std::mem::take(&mut self.requests),
        };
        Ok((parts, next))
    }

    /// Frees what the server keeps of a job. It would go by itself after a week, so a refusal harms nothing.
    async fn delete(&mut self, job: &Job) {
        let deleted = match self.producer.plan.get_call(&job.path) {
            Ok(call) => self.asked(&Call { method: Method::DELETE, ..call }, |_| Ok(())).await.map(drop),
            Err(error) => Err(error),
        };
        if let Err(error) = deleted {
            tracing::info!("{}: the job was read and could not be deleted: {error}", self.producer.plan.name);
        }
    }

    async fn asked<T>(
        &mut self,
        call: &Call,
        read: impl Fn(&Bytes) -> Result<T, Unread>,
    ) -> Result<Reply<T>, SourceError> {
        let reply = self.producer.client.fetch(call, read).await?.reply()?;
        self.requests += reply.requests;
        Ok(reply)
    }

    fn broken(&self, job: &Job, what: String) -> SourceError {
        SourceError::failed(&self.producer.plan.name, format!("{} {what}", job.path))
    }
}

/// What the server tells of a job.
struct Told {
    state: String,
    /// Records that it has by now.
    number: u64,
    error: String,
}

fn told(bytes: &Bytes) -> Result<Told, Unread> {
    let paths = [path("state"), path("numberRecordsProcessed"), path("errorMessage")];
    let found = body::locate(bytes, None, &paths).map_err(Unread::Garbled)?.scalars;
    let mut found = found.into_iter();
    let mut next = || found.next().flatten();
    let state = next().ok_or_else(|| Unread::Unexpected("the answer tells no `state` of the job".into()))?;
    let number = next().and_then(|number| number.parse().ok());
    if number.is_none() && state == "JobComplete" {
        return Err(Unread::Unexpected("the answer tells no number at `numberRecordsProcessed`".into()));
    }
    Ok(Told {
        state,
        number: number.unwrap_or_default(),
        error: next().unwrap_or_else(|| "no reason is given".to_owned()),
    })
}

/// A member of an answer.
fn scalar(bytes: &Bytes, member: &str) -> Result<Option<String>, Unread> {
    Ok(body::locate(bytes, None, &[path(member)]).map_err(Unread::Garbled)?.scalars.pop().flatten())
}

fn header<'a>(headers: &'a HeaderMap, name: &str) -> Option<&'a str> {
    headers.get(name)?.to_str().ok()
}

/// The wait after this one.
fn grown(wait: Duration, longest: Duration) -> Duration {
    wait.saturating_mul(2).min(longest)
}
