//! What the manifest says, and what a provider's terms say where it says nothing.

use std::path::Path;
use std::sync::Arc;

use super::*;
use crate::manifest::Concurrency;
use crate::plan::Request;
use crate::providers::{
    Answer, AttemptKey, Fetched, Polled, Prepared, Provider, RemoteId, Submission, Terms,
};

/// A provider of which nothing is asked but its terms.
struct Quiet;

impl Provider for Quiet {
    fn name(&self) -> &str {
        "p"
    }

    fn replay_window(&self) -> Option<Duration> {
        None
    }

    fn terms(&self) -> Terms {
        Terms { in_flight: 6, per_minute: Some(60), per_day: Some(9) }
    }

    fn account(&self) -> &str {
        "team"
    }

    fn poll_interval_ms(&self) -> u64 {
        1000
    }

    fn submit<'a>(
        &'a self,
        _: &'a Request,
        _: &'a AttemptKey,
        _: Prepared,
    ) -> Answer<'a, Submission> {
        Box::pin(async { Submission::Unknown { evidence: String::new() } })
    }

    fn poll<'a>(&'a self, _: &'a RemoteId, _: &'a Request) -> Answer<'a, Polled> {
        Box::pin(async { Polled::NoAnswer { message: String::new() } })
    }

    fn fetch<'a>(&'a self, _: &'a RemoteId, _: &'a Request, _: &'a Path) -> Answer<'a, Fetched> {
        Box::pin(async { Fetched::Gone { message: String::new() } })
    }
}

fn limits(said: &Concurrency) -> PoolLimits {
    let provider: Arc<dyn Provider> = Arc::new(Quiet);
    PoolLimits::of(said, &BTreeMap::from([("p".to_owned(), provider)]), PoolPace::default())
}

#[test]
fn what_the_manifest_leaves_open_is_as_the_terms_say() {
    let none = limits(&Concurrency::default());
    assert_eq!(none.providers["p"], pool(Some(6), Some(60), Some(9)));
    assert_eq!(none.account_at["p"], "team");
    let said = Concurrency {
        in_flight: Some(3),
        providers: named([("p", pool(None, Some(200), None))]),
        models: named([("p/a", PoolLimit::at_once(2))]),
        accounts: named([("team", PoolLimit::at_once(1))]),
        ..Concurrency::default()
    };
    let limits = limits(&said);
    assert_eq!(limits.in_flight, Some(3));
    assert_eq!(limits.providers["p"], pool(Some(6), Some(200), Some(9)));
    assert_eq!((limits.models, limits.accounts), (said.models, said.accounts));
}

#[test]
fn any_limit_of_zero_is_found() {
    let zero = |change: fn(&mut Concurrency)| {
        let mut said = Concurrency { in_flight: Some(1), ..Concurrency::default() };
        change(&mut said);
        said.zero()
    };
    assert_eq!(zero(|_| {}), None);
    assert_eq!(zero(|said| said.requests = Some(0)).as_deref(), Some("requests"));
    let in_pool = |limit| zero_in(limit).expect("it is zero");
    assert_eq!(in_pool(pool(Some(0), None, None)), "models.m.in_flight");
    assert_eq!(in_pool(pool(Some(1), Some(0), None)), "models.m.per_minute");
    assert_eq!(in_pool(pool(Some(1), Some(1), Some(0))), "models.m.per_day");
}

fn zero_in(limit: PoolLimit) -> Option<String> {
    Concurrency { models: named([("m", limit)]), ..Concurrency::default() }.zero()
}
