//! Polls of many jobs in one request: those that come within a moment go out together.

use std::collections::HashMap;
use std::sync::{Mutex, MutexGuard, PoisonError};

use futures_util::future::join_all;
use serde_json::{Map, Value as Json, json};
use tokio::sync::oneshot;

use super::driver::Driver;
use super::reply::Reply;
use crate::protocol::Batch;
use crate::providers::RemoteId;

/// Polls that wait, by what their request is about beside the ids.
#[derive(Default)]
pub(super) struct Gathering(Mutex<HashMap<String, Vec<Waiting>>>);

struct Waiting {
    id: String,
    answer: oneshot::Sender<Result<Reply, String>>,
}

impl Gathering {
    fn waiting(&self) -> MutexGuard<'_, HashMap<String, Vec<Waiting>>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
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
        id: &RemoteId,
        known: &Map<String, Json>,
    ) -> Result<Option<Reply>, String> {
        let mut shared = known.clone();
        shared.remove("id");
        shared.remove("captured");
        let group = json!(shared).to_string();
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
            self.ask_for(batch, all, &shared).await;
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
    async fn ask_for(&self, batch: &Batch, mut all: Vec<Waiting>, shared: &Map<String, Json>) {
        let most = usize::try_from(batch.most).unwrap_or(usize::MAX).max(1);
        let mut chunks = Vec::new();
        while !all.is_empty() {
            let rest = all.split_off(all.len().min(most));
            chunks.push(std::mem::replace(&mut all, rest));
        }
        join_all(chunks.into_iter().map(|chunk| self.ask_chunk(batch, chunk, shared))).await;
    }

    async fn ask_chunk(&self, batch: &Batch, chunk: Vec<Waiting>, shared: &Map<String, Json>) {
        let mut known = shared.clone();
        let ids: Vec<&str> = chunk.iter().map(|waiting| waiting.id.as_str()).collect();
        known.insert("ids".to_owned(), json!(ids));
        let reply = self.ask(&batch.request, &known).await.and_then(|reply| {
            match reply.trouble().filter(|_| reply.is_ok()) {
                Some(why) => Err(why),
                None if reply.is_ok() => Ok(reply),
                None => Err(self.http_error(&reply)),
            }
        });
        let reply = match reply {
            Ok(reply) => reply,
            Err(message) => {
                for waiting in chunk {
                    // Whoever waited may be gone.
                    let _ = waiting.answer.send(Err(message.clone()));
                }
                return;
            }
        };
        let mut entries: HashMap<String, &Json> = HashMap::new();
        for entry in batch.items.all(reply.body()) {
            if let Some(id) = batch.id.text(entry) {
                entries.insert(id, entry);
            }
        }
        for waiting in chunk {
            if let Some(entry) = entries.get(&waiting.id) {
                // Whoever waited may be gone.
                let _ = waiting.answer.send(Ok(reply.about(entry)));
            }
        }
    }
}
