//! A stream with a parent: one read for each record of the parent's, some at a time, handed over in the parent's order.

use std::collections::VecDeque;
use std::sync::Arc;

use bytes::Bytes;
use chrono::{DateTime, Utc};
use indexmap::IndexMap;
use tokio::sync::mpsc;
use tokio_util::task::AbortOnDropHandle;

use super::body::{Path, scalars};
use super::client::Client;
use super::cursor::Way;
use super::listing::Reach;
use super::pages::Pages;
use super::plan::{DeletesPlan, ParentPlan, StreamPlan};
use super::producer::{Deleted, Parts, Producer, RawPage, Stop};
use super::request::{ListPlan, Scope};
use super::shape::{Shaped, shape};
use super::state::State;
use crate::SourceError;

/// Reads that go on at a time.
const AT_ONCE: usize = 8;
/// Pages of each that wait for their turn.
const AHEAD: usize = 2;

/// Reads the stream for every record of its parent, what is new since `since`. The state after it goes with its end: no
/// later than the server's clock when it began, since what was read first may have changed before the rest was.
pub(crate) async fn read(
    producer: &Producer,
    parent: &ParentPlan,
    state: &State,
    since: Option<DateTime<Utc>>,
) -> Result<(), Stop> {
    let start = |plan: &StreamPlan| match plan.cursor.as_ref().map(|cursor| &cursor.way) {
        Some(Way::Since { start, .. } | Way::Opaque { start, .. }) => *start,
        _ => None,
    };
    let scope = Scope { since: since.or_else(|| start(&producer.plan)), ..Scope::default() };
    let all = Scope { since: start(&parent.plan), ..Scope::default() };
    let mut parents = Pages::new(&producer.client, &parent.plan, &parent.plan.list, &all, None)?;
    let paths: Vec<Path> = parent.with.iter().map(|(_, path)| path.clone()).collect();
    let mut merged = Merged { producer, running: VecDeque::new(), highest: None };
    let mut began: Option<DateTime<Utc>> = None;
    let mut requests = 0;
    while let Some(parts) = parents.fetch().await? {
        began = began.or(Some(parts.time));
        requests += parts.requests;
        let Shaped { body, records, deleted, .. } = shape(&parent.plan, parts)?;
        for (index, range) in records.into_iter().enumerate() {
            if deleted.of(index) {
                continue;
            }
            let mut bound = IndexMap::new();
            for ((name, path), value) in parent.with.iter().zip(scalars(&body[range], &paths)) {
                let value = value.ok_or_else(|| {
                    let what = format!("a record of `{}` has no `{}`", parent.plan.name, path.join("."));
                    SourceError::failed(&producer.plan.name, what)
                })?;
                bound.insert(name.clone(), value);
            }
            if merged.running.len() >= AT_ONCE {
                merged.drain().await?;
            }
            merged.running.push_back(Child::start(producer, Scope { bound, ..scope.clone() }));
        }
    }
    while !merged.running.is_empty() {
        merged.drain().await?;
    }
    let reached = began.map_or(merged.highest, |began| merged.highest.map(|highest| highest.min(began)));
    let end = RawPage {
        body: Bytes::new(),
        records: Vec::new(),
        deleted: Deleted::None,
        state: Some(state.reached(reached)),
        requests,
    };
    producer.hand_over(end, began.unwrap_or_else(Utc::now)).await
}

/// The reads under way, in the parent's order.
struct Merged<'a> {
    producer: &'a Producer,
    running: VecDeque<Child>,
    highest: Option<DateTime<Utc>>,
}

impl Merged<'_> {
    /// Hands over all of the read that comes first.
    async fn drain(&mut self) -> Result<(), Stop> {
        let Some(mut child) = self.running.pop_front() else { return Ok(()) };
        while let Some(page) = child.pages.recv().await {
            let (page, highest, time) = page?;
            self.highest = self.highest.max(highest);
            self.producer.hand_over(page, time).await?;
        }
        child.task.await.map_err(|fault| {
            Stop::Error(SourceError::failed(&self.producer.plan.name, format!("reading stopped: {fault}")))
        })
    }
}

type ChildPage = Result<(RawPage, Option<DateTime<Utc>>, DateTime<Utc>), Stop>;

/// The read for one record of the parent.
struct Child {
    pages: mpsc::Receiver<ChildPage>,
    task: AbortOnDropHandle<()>,
}

impl Child {
    fn start(producer: &Producer, scope: Scope) -> Self {
        let (out, pages) = mpsc::channel(AHEAD);
        let (client, plan) = (Arc::clone(&producer.client), Arc::clone(&producer.plan));
        let task = tokio::spawn(async move {
            let lists = match &plan.deletes {
                DeletesPlan::Listed(deleted) => vec![(&plan.list, false), (deleted.as_ref(), true)],
                _ => vec![(&plan.list, false)],
            };
            for (list, gone) in lists {
                if let Err(stop) = send(&client, &plan, list, gone, &scope, &out).await {
                    // The other end may be gone, and then nobody wants to know.
                    let _ = out.send(Err(stop)).await;
                    return;
                }
            }
        });
        Self { pages, task: AbortOnDropHandle::new(task) }
    }
}

async fn send(
    client: &Client,
    plan: &StreamPlan,
    list: &ListPlan,
    gone: bool,
    scope: &Scope,
    out: &mpsc::Sender<ChildPage>,
) -> Result<(), Stop> {
    let mut pages = Pages::new(client, plan, list, scope, None)?;
    let mut reach = Reach::new(plan.cursor.as_ref());
    while let Some(parts) = pages.fetch().await? {
        let page = if gone {
            let Parts { body, records, requests, time, .. } = parts;
            (RawPage { body, records, deleted: Deleted::All, state: None, requests }, None, time)
        } else {
            let shaped = shape(plan, parts)?;
            reach.take(&shaped, pages.number());
            let Shaped { body, records, deleted, time, requests } = shaped;
            (RawPage { body, records, deleted, state: None, requests }, reach.end(), time)
        };
        out.send(Ok(page)).await.map_err(|_| Stop::Unheard)?;
    }
    Ok(())
}
