//! Polls of many jobs in one request: those that come within a moment go out together.

use std::collections::{BTreeMap, HashMap};
use std::sync::{Mutex, MutexGuard, PoisonError};

use futures_util::future::join_all;
use tokio::sync::oneshot;

use super::driver::Driver;
use super::reply::Reply;
use crate::models::Route;
use crate::plan::Request;
use crate::protocol::{Batch, Call};
use crate::providers::RemoteId;
use crate::wire::{Scope, scope_of};

/// Polls that wait, by what their request is about beside the ids.
#[derive(Default)]
pub(super) struct Gathering {
    waiting: Mutex<BTreeMap<Group, Vec<Waiting>>>,
    /// Whether the request differs from model to model.
    by_model: bool,
}

/// Model and route, where they make a difference.
type Group = Option<(String, Route)>;

struct Waiting {
    id: String,
    answer: oneshot::Sender<Result<Reply, String>>,
}

/// What came of asking for several.
enum Asked {
    /// An answer, which may not speak of all of them.
    Told(Reply),
    /// The provider can't make sense of the request: one of its ids may be the reason.
    Refused(String),
    /// No answer.
    Nothing(String),
}

impl Gathering {
    /// For a card's batches.
    pub fn new(batch: Option<&Batch>) -> Self {
        Gathering {
            waiting: Mutex::default(),
            by_model: batch.is_some_and(|batch| names_the_model(&batch.request)),
        }
    }

    fn waiting(&self) -> MutexGuard<'_, BTreeMap<Group, Vec<Waiting>>> {
        self.waiting.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Whether anything of a request is made of its model or route.
fn names_the_model(call: &Call) -> bool {
    let query = call.query.values().map(|shape| shape.source().to_string());
    let headers = call.headers.values().map(|header| header.source().to_owned());
    let body = call.body.iter().map(|body| body.source().to_string());
    let mut texts = query.chain(headers).chain(body).chain([call.path.source().to_owned()]);
    texts.any(|text| ["model", "route", "values"].iter().any(|name| text.contains(name)))
}

impl Driver {
    /// The reply about one job out of a request for many; absent when the reply does not speak
    /// of it, so that the job is to be asked for alone.
    ///
    /// # Errors
    /// When the request for many got no answer, in words.
    pub async fn gathered(
        &self,
        batch: &Batch,
        request: &Request,
        id: &RemoteId,
    ) -> Result<Option<Reply>, String> {
        let by_model = self.gathering.by_model;
        let group: Group = by_model.then(|| (request.model.clone(), request.route));
        let (answer, mut reply) = oneshot::channel();
        let first = {
            let mut waiting = self.gathering.waiting();
            let group = waiting.entry(group.clone()).or_default();
            group.push(Waiting { id: id.id.clone(), answer });
            group.len() == 1
        };
        // The first asks for all that came meanwhile. Should it be dropped while it waits, the
        // others see no answer in time and ask alone.
        if first {
            tokio::time::sleep(self.client.limits().gather).await;
            let all = self.gathering.waiting().remove(&group).unwrap_or_default();
            let facts = if by_model { self.facts.of(request) } else { self.facts.plain() };
            Box::pin(self.ask_for(batch, all, &facts.names)).await;
            return reply.try_recv().ok().transpose();
        }
        let limits = self.client.limits();
        let patience = limits.gather + limits.read;
        let reply = tokio::time::timeout(patience, reply).await;
        if reply.is_err() {
            // Whoever was first is gone: the next one becomes it.
            self.gathering.waiting().remove(&group);
        }
        reply.ok().and_then(Result::ok).transpose()
    }

    /// Asks for jobs, as many in a request as the provider takes, and tells whoever waits.
    async fn ask_for(&self, batch: &Batch, mut all: Vec<Waiting>, names: &Scope) {
        let most = usize::try_from(batch.most).unwrap_or(usize::MAX).max(1);
        let mut chunks = Vec::new();
        while !all.is_empty() {
            let rest = all.split_off(all.len().min(most));
            chunks.push(std::mem::replace(&mut all, rest));
        }
        join_all(chunks.into_iter().map(|chunk| self.ask_chunk(batch, chunk, names))).await;
    }

    /// Asks for the jobs of one request. Where the provider refuses it, one id may be the reason
    /// (an id that it has forgotten, for instance), and the others must not wait for ever because
    /// of it: each half is asked for alone, down to single jobs, which then ask for themselves.
    async fn ask_chunk(&self, batch: &Batch, chunk: Vec<Waiting>, names: &Scope) {
        // Enough to find two bad ids; whoever is left waits for the next round.
        let mut splits = 4 * chunk.len().ilog2() + 2;
        let mut chunks = vec![chunk];
        while let Some(mut chunk) = chunks.pop() {
            match self.ask_together(batch, &chunk, names).await {
                Asked::Told(reply) => tell(batch, &reply, chunk),
                // A single one is let go, and so asks for itself.
                Asked::Refused(_) if chunk.len() == 1 => drop(chunk),
                Asked::Refused(_) if splits > 0 => {
                    splits -= 1;
                    let rest = chunk.split_off(chunk.len() / 2);
                    chunks.extend([rest, chunk].into_iter().filter(|half| half.len() > 1));
                }
                Asked::Refused(message) | Asked::Nothing(message) => {
                    for waiting in chunk {
                        // Whoever waited may be gone.
                        let _ = waiting.answer.send(Err(message.clone()));
                    }
                }
            }
        }
    }

    async fn ask_together(&self, batch: &Batch, chunk: &[Waiting], names: &Scope) -> Asked {
        let ids: Vec<&str> = chunk.iter().map(|waiting| waiting.id.as_str()).collect();
        let known = minijinja::context! { ids => scope_of(&ids), ..names.clone() };
        match self.ask(&batch.request, &known).await {
            Err(message) => Asked::Nothing(message),
            Ok(reply) if reply.is_ok() => match reply.trouble() {
                Some(why) => Asked::Nothing(why),
                None => Asked::Told(reply),
            },
            // These are about the one who asks or about the moment, not about an id.
            Ok(reply) if matches!(reply.status, 401..=403 | 407 | 408 | 425 | 429) => {
                Asked::Nothing(self.http_error(&reply))
            }
            Ok(reply) if (400..500).contains(&reply.status) => {
                Asked::Refused(self.http_error(&reply))
            }
            Ok(reply) => Asked::Nothing(self.http_error(&reply)),
        }
    }
}

/// Tells each who waits what a reply says of its job. Of whom it does not speak asks alone.
fn tell(batch: &Batch, reply: &Reply, chunk: Vec<Waiting>) {
    let entries: HashMap<String, &serde_json::Value> = batch
        .items
        .all(reply.body())
        .into_iter()
        .filter_map(|entry| Some((batch.id.text(entry)?, entry)))
        .collect();
    for waiting in chunk {
        if let Some(entry) = entries.get(&waiting.id) {
            // Whoever waited may be gone.
            let _ = waiting.answer.send(Ok(reply.about(entry)));
        }
    }
}
