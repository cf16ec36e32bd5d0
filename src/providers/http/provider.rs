//! The driver as the run knows it: a provider like any other.

use std::collections::BTreeSet;
use std::path::Path;
use std::time::Duration;

use jiff::Timestamp;

use super::control::Cancelled;
use super::driver::{Driver, HttpSetup, SetupProblem};
use super::quotes::PriceAnswer;
use crate::plan::Request;
use crate::protocol::Match;
use crate::providers::{
    Answer, AttemptKey, Fetched, Lookup, LookupKind, Polled, Prepared, Provider, Refusal, RemoteId,
    Submission, Terms,
};

impl From<&Match> for LookupKind {
    fn from(matching: &Match) -> Self {
        match matching {
            Match::Marker(_) => LookupKind::Marker,
            Match::Echo { .. } => LookupKind::Echo,
            Match::Count { .. } => LookupKind::Count,
        }
    }
}

/// A provider that is spoken to over HTTP as its card says.
pub struct HttpProvider(Driver);

impl HttpProvider {
    /// From its card and what the workspace says of it. Opens no connection.
    ///
    /// # Errors
    /// What is missing or wrong, for people.
    pub fn new(setup: HttpSetup) -> Result<Self, SetupProblem> {
        Driver::new(setup).map(HttpProvider)
    }

    /// The base URL that is used.
    pub fn base_url(&self) -> &str {
        &self.0.base_url
    }

    /// Asks the provider to cancel a job.
    pub async fn cancel(&self, id: &RemoteId, request: &Request) -> Cancelled {
        self.0.cancel(id, request).await
    }

    /// Asks what these of its models cost, by name. Spends nothing and submits nothing.
    ///
    /// # Errors
    /// Why the provider can't be asked, in words, without a key.
    pub async fn price_answers(&self, models: &[String]) -> Result<Vec<PriceAnswer>, String> {
        self.0.price_answers(models).await
    }

    /// How many jobs the account takes at once; absent where the provider does not say.
    pub async fn live_in_flight(&self) -> Option<u32> {
        self.0.live_in_flight().await
    }
}

impl Provider for HttpProvider {
    fn name(&self) -> &str {
        &self.0.card.provider
    }

    fn replay_window(&self) -> Option<Duration> {
        self.0.replay_window()
    }

    fn terms(&self) -> Terms {
        let limits = &self.0.card.limits;
        Terms {
            in_flight: limits.at_once(),
            per_minute: limits.per_minute,
            per_day: limits.per_day,
        }
    }

    fn account(&self) -> &str {
        &self.0.account
    }

    fn poll_interval_ms(&self) -> u64 {
        u64::from(self.0.card.poll.every_s) * 1000
    }

    fn prepare<'a>(&'a self, request: &'a Request) -> Answer<'a, Result<Prepared, Refusal>> {
        Box::pin(self.0.prepare(request))
    }

    fn submit<'a>(
        &'a self,
        request: &'a Request,
        key: &'a AttemptKey,
        prepared: Prepared,
    ) -> Answer<'a, Submission> {
        Box::pin(self.0.submit(request, key, prepared))
    }

    fn lookup_kind(&self) -> Option<LookupKind> {
        self.0.card.lookup.as_ref().map(|recipe| LookupKind::from(&recipe.matching))
    }

    fn lookup<'a>(
        &'a self,
        request: &'a Request,
        key: &'a AttemptKey,
        started: Timestamp,
        taken: &'a BTreeSet<String>,
    ) -> Answer<'a, Lookup> {
        Box::pin(self.0.lookup(request, key, started, taken))
    }

    fn poll<'a>(&'a self, id: &'a RemoteId, request: &'a Request) -> Answer<'a, Polled> {
        Box::pin(self.0.poll(id, request))
    }

    fn fetch<'a>(
        &'a self,
        id: &'a RemoteId,
        request: &'a Request,
        to: &'a Path,
    ) -> Answer<'a, Fetched> {
        Box::pin(self.0.fetch(id, request, to))
    }
}
