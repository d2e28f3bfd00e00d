//! The pages of a list, asked for one after the other.

use std::collections::HashMap;
use std::ops::Range;

use bytes::Bytes;
use futures::future::try_join_all;

use super::body::{Path, scalars};
use super::client::{Call, Client};
use super::offsets::Joint;
use super::paging::Walk;
use super::plan::StreamPlan;
use super::producer::{Parts, Stop, ask};
use super::record::merge;
use super::request::{ListPlan, Scope};
use crate::SourceError;

/// How often the parts of a page that do not belong together are asked for.
const TRIES: usize = 3;
const QUIETER: &str = "records change faster than they are read: run again when there is less going on";

/// A list on its way.
pub(crate) struct Pages<'a> {
    client: &'a Client,
    plan: &'a StreamPlan,
    list: &'a ListPlan,
    /// The request of each part of the names, or the only one.
    calls: Vec<Call>,
    walk: Walk,
    /// What else is asked of each answer.
    also: Vec<Path>,
}

impl<'a> Pages<'a> {
    /// The pages of `list` from the first one on, or from the one that is named so.
    pub(crate) fn new(
        client: &'a Client,
        plan: &'a StreamPlan,
        list: &'a ListPlan,
        scope: &Scope,
        at: Option<String>,
    ) -> Result<Self, SourceError> {
        let parts = if list.chunked { plan.chunks.len().max(1) } else { 1 };
        let words = plan.words();
        let calls = (0..parts).map(|chunk| list.call(&words, &Scope { chunk, ..scope.clone() }));
        Ok(Self {
            client,
            plan,
            list,
            calls: calls.collect::<Result<_, _>>()?,
            walk: Walk::new(list.next.as_ref(), plan.key_paths(), at),
            also: Vec::new(),
        })
    }

    /// The same, each answer asked for the scalars at those paths as well.
    pub(crate) fn asking(mut self, also: Vec<Path>) -> Self {
        self.also = also;
        self
    }

    /// Changes the requests of the pages to come.
    pub(crate) fn alter(&mut self, change: impl Fn(&mut Call) -> Result<(), SourceError>) -> Result<(), SourceError> {
        self.calls.iter_mut().try_for_each(change)
    }

    /// Takes other requests for the pages to come.
    pub(crate) fn resume(&mut self, scope: &Scope) -> Result<(), SourceError> {
        let words = self.plan.words();
        for (chunk, call) in self.calls.iter_mut().enumerate() {
            *call = self.list.call(&words, &Scope { chunk, ..scope.clone() })?;
        }
        Ok(())
    }

    /// Whether the page fetched last is the last one.
    pub(crate) fn ended(&self) -> bool {
        self.walk.ended()
    }

    /// What names the next page.
    pub(crate) fn at(&self) -> Option<&str> {
        self.walk.at()
    }

    /// The number of the page fetched last, from 1 on.
    pub(crate) fn number(&self) -> u64 {
        self.walk.pages()
    }

    /// The next page, or none after the last.
    pub(crate) async fn fetch(&mut self) -> Result<Option<Parts>, Stop> {
        if self.walk.ended() {
            return Ok(None);
        }
        let own = self.walk.asked();
        let asked: Vec<Path> = own.iter().chain(&self.also).cloned().collect();
        let mut parts = self.joining(&asked).await?;
        parts.also = parts.scalars.split_off(own.len());
        let place = format!("{} {}", self.calls[0].method, parts.asked.split('?').next().unwrap_or_default());
        self.walk.pass(&mut parts).map_err(|what| SourceError::failed(place, what))?;
        Ok(Some(parts))
    }

    /// The page that goes on where the one before it ended.
    async fn joining(&mut self, asked: &[Path]) -> Result<Parts, Stop> {
        let mut requests = 0;
        loop {
            let parts = self.page(asked).await?;
            requests += parts.requests;
            match self.walk.join(&parts) {
                Joint::Fits => return Ok(Parts { requests, ..parts }),
                Joint::Gap => {}
                Joint::Restless => {
                    let what = "records come and go, or change their places, faster than the list is read";
                    return Err(SourceError::temporary(&self.plan.name, what).with_hint(QUIETER).into());
                }
            }
        }
    }

    async fn page(&self, asked: &[Path]) -> Result<Parts, Stop> {
        let calls: Vec<Call> =
            self.calls.iter().map(|call| self.walk.ask(call.clone())).collect::<Result<_, SourceError>>()?;
        if let [call] = calls.as_slice() {
            return ask(self.client, self.list, call, asked).await;
        }
        let mut requests = 0;
        for _ in 0..TRIES {
            let pages = try_join_all(calls.iter().map(|call| ask(self.client, self.list, call, asked))).await?;
            requests += pages.iter().map(|page| page.requests).sum::<u32>();
            if let Some(whole) = joined(self.plan, pages) {
                return Ok(Parts { requests, ..whole });
            }
        }
        let what = format!("the parts of a page do not have the same records, {TRIES} times in a row");
        Err(SourceError::temporary(&self.plan.name, what).with_hint(QUIETER).into())
    }
}

/// The parts of a page put together by key; none where a record is missing in one, or has changed meanwhile.
fn joined(plan: &StreamPlan, pages: Vec<Parts>) -> Option<Parts> {
    let mut identity = plan.key_paths();
    identity.extend(plan.cursor.iter().map(|cursor| cursor.path.clone()));
    let mut pages = pages.into_iter();
    let mut first = pages.next()?;
    for other in pages {
        let found: HashMap<Vec<Option<String>>, &Range<usize>> =
            other.records.iter().map(|range| (scalars(&other.body[range.clone()], &identity), range)).collect();
        if found.len() != first.records.len() {
            return None;
        }
        let (mut made, mut records) = (Vec::with_capacity(first.body.len() + other.body.len()), Vec::new());
        for range in &first.records {
            let record = &first.body[range.clone()];
            let more = found.get(&scalars(record, &identity))?;
            let start = made.len();
            merge(&mut made, record, &other.body[(*more).clone()]);
            records.push(start..made.len());
        }
        first = Parts { body: Bytes::from(made), records, ..first };
    }
    Some(first)
}
