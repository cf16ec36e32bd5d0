//! Settling outside of a run what is in doubt or can't end: by evidence that providers keep, or by
//! a person's word. A run that goes on settles by itself what it can; this is for what is left.
//!
//! What never lives here: the rules of evidence (that is `evidence`), what people may say (that is
//! `word`), steps that are not the pure function's, submissions.

mod word;

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use std::time::Duration;

use jiff::Timestamp;
use serde_json::{Value, json};

use super::doors::Books;
use super::evidence::{AROUND, Trace, Verdict, replay_until, verdict};
use super::job::{Event, Life, Violation, basis_of, transition};
use crate::ledger::{AttemptRecord, JobState, LedgerError, Transition};
use crate::money::Micros;
use crate::plan::Request;
use crate::protocol::ProviderCard;
use crate::providers::{AttemptKey, LookupKind, Provider, RemoteId};

pub use word::{Word, by_word};

/// An attempt that was in flight when as many processes in a row stopped is parked: runs take it up
/// last and alone, because it may be what stops them.
pub const PARKED_AFTER: u32 = 2;

/// What is said of an attempt whose process is gone and left nothing else.
const CUT_OFF: &str = "the process stopped between the intent and the provider's answer";

/// What is said of a fetch whose process is gone.
const FETCH_CUT_OFF: &str = "the process stopped while the clip was fetched";

/// Why an attempt needs a look.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Doubt {
    /// Nobody knows whether the provider has it.
    Unknown,
    /// The same: its process is gone, and whether the request left nobody knows.
    CutOff,
    /// The provider has it, but it was in flight when several processes in a row stopped.
    Parked,
}

/// How a provider can help to settle.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Means {
    /// For how long it knows a request again by its key.
    pub replay: Option<Duration>,
    /// By what its list tells our submissions.
    pub lookup: Option<LookupKind>,
}

impl Means {
    /// What a provider offers.
    pub fn of(provider: &dyn Provider) -> Self {
        Means { replay: provider.replay_window(), lookup: provider.lookup_kind() }
    }

    /// What the box's own provider offers: it knows a job by its content, for ever.
    pub fn of_the_animatic() -> Self {
        Means { replay: Some(Duration::MAX), lookup: None }
    }

    /// What a provider offers by its card, whether it can be spoken to or not.
    pub fn of_card(card: &ProviderCard) -> Self {
        let replay = card.idempotency.as_ref().map(|known| Duration::from_secs(known.window_s));
        Means { replay, lookup: card.lookup.as_ref().map(|list| (&list.matching).into()) }
    }
}

/// An attempt that needs a look.
#[derive(Debug, Clone)]
pub struct Doubtful {
    /// Its row.
    pub attempt: AttemptRecord,
    /// What was asked.
    pub request: Request,
    /// Its name towards the provider.
    pub key: AttemptKey,
    /// Why it needs a look.
    pub doubt: Doubt,
    /// How its provider can help.
    pub means: Means,
    /// Until when the next run may send it again under its key.
    pub replay_until: Option<Timestamp>,
}

impl Doubtful {
    /// Whether it is not known that the provider has it.
    pub fn is_unknown(&self) -> bool {
        self.doubt != Doubt::Parked
    }

    /// What is known about why, for people.
    pub fn evidence(&self) -> &str {
        match (&self.attempt.message, self.doubt) {
            (_, Doubt::CutOff) => CUT_OFF,
            (Some(message), _) => message,
            (None, _) => "nothing was written down",
        }
    }

    /// The provider's id, where it is known.
    pub fn remote_id(&self) -> Option<String> {
        self.attempt.remote_id.as_deref().map(|stored| RemoteId::from_stored(stored).id)
    }

    fn trace(&self) -> Trace<'_> {
        Trace {
            account: &self.attempt.account,
            request: &self.request,
            started: self.attempt.started,
        }
    }
}

/// Why something can't be settled.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum ResolveError {
    /// The ledger can't be read or written.
    #[error(transparent)]
    Ledger(#[from] LedgerError),
    /// A step was not lawful.
    #[error("a defect in Kinora, nothing was changed: {0}")]
    Unlawful(#[from] Violation),
    /// A request in the ledger can't be read back.
    #[error("the request of {job} can't be read back from the ledger: {why}")]
    Request {
        /// The job.
        job: String,
        /// Why.
        why: String,
    },
    /// The ledger has no such attempt.
    #[error("the ledger has no attempt {0}")]
    NoAttempt(i64),
    /// There is nothing to settle.
    #[error("{job} is {}, so there is nothing to settle", .state.as_str())]
    NotInDoubt {
        /// The job.
        job: String,
        /// Where it stands.
        state: JobState,
    },
    /// Another word is the one that fits.
    #[error("{job} is {}, so that can't be said of it: {advice}", .state.as_str())]
    OtherWord {
        /// The job.
        job: String,
        /// Where it stands.
        state: JobState,
        /// What fits, for people.
        advice: String,
    },
    /// A word that lacks something or has too much of it.
    #[error("{what} {why}")]
    Word {
        /// Which part of it.
        what: &'static str,
        /// What is wrong with it.
        why: String,
    },
    /// The id is another attempt's.
    #[error(
        "{provider}'s id {id} belongs to another attempt in this ledger, so it can't be {job}'s \
         too; look again"
    )]
    Taken {
        /// The provider.
        provider: String,
        /// The id.
        id: String,
        /// The job that it was given for.
        job: String,
    },
}

/// Every attempt that needs a look, oldest first. Only while no run goes on: what a run is about
/// to submit looks the same as what a stopped one left. A provider that is not in `means` is
/// settled with by word only.
pub fn list(
    books: &dyn Books,
    means: &BTreeMap<String, Means>,
    now: Timestamp,
) -> Result<Vec<Doubtful>, ResolveError> {
    let open = books.open_attempts()?;
    open.into_iter().filter_map(|attempt| doubtful(attempt, means, now).transpose()).collect()
}

fn doubtful(
    attempt: AttemptRecord,
    means: &BTreeMap<String, Means>,
    now: Timestamp,
) -> Result<Option<Doubtful>, ResolveError> {
    let doubt = match attempt.state {
        JobState::Unknown => Doubt::Unknown,
        JobState::Submitting => Doubt::CutOff,
        _ if attempt.interruptions >= PARKED_AFTER => Doubt::Parked,
        _ => return Ok(None),
    };
    let request = request_of(&attempt)?;
    let key =
        AttemptKey::of(&attempt.address, &attempt.fingerprint, attempt.number, attempt.started);
    let means = means.get(&attempt.provider).copied().unwrap_or_default();
    let replay_until = (doubt != Doubt::Parked)
        .then(|| replay_until(means.replay, attempt.started, now))
        .flatten();
    Ok(Some(Doubtful { attempt, request, key, doubt, means, replay_until }))
}

/// How something in doubt was settled, or that it was not.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Settled {
    /// The provider has it; the next run fetches its clip. The reservation stays until then.
    Accepted(RemoteId),
    /// It never arrived. Its reservation is released, and the job may be submitted again.
    Refused,
    /// The provider has it no more, and there will be no clip. This counts as spent, in the
    /// workspace's unit; the job is made again only where the manifest allows paying again.
    Gone(Micros),
    /// Nothing is settled, and the reservation stays. Why, for people.
    Stays(String),
}

/// An attempt that providers were asked about.
#[derive(Debug, Clone)]
pub struct Asked {
    /// The attempt, as it was before.
    pub doubtful: Doubtful,
    /// What came of it.
    pub settled: Settled,
}

/// Asks providers about everything in doubt and settles what their evidence settles. All are
/// asked before anything is judged, so that the order in which they stand decides nothing.
pub async fn by_lookup(
    books: &dyn Books,
    providers: &BTreeMap<String, Arc<dyn Provider>>,
    at: Timestamp,
) -> Result<Vec<Asked>, ResolveError> {
    let means = providers.iter().map(|(name, p)| (name.clone(), Means::of(&**p))).collect();
    let mut doubtful = list(books, &means, at)?;
    doubtful.retain(Doubtful::is_unknown);
    let taken = ids_around(books, &doubtful)?;
    let given_up = given_up_around(books, &doubtful)?;
    let mut verdicts = Vec::with_capacity(doubtful.len());
    for one in &doubtful {
        let verdict = match providers.get(&one.attempt.provider) {
            Some(provider) => ask(&**provider, one, (&doubtful, &given_up), &taken).await,
            None => Verdict::Stays(format!("{} could not be asked", one.attempt.provider)),
        };
        verdicts.push(verdict);
    }
    let claims = claims(&doubtful, &verdicts);
    let mut asked = Vec::with_capacity(doubtful.len());
    for (doubtful, verdict) in doubtful.into_iter().zip(verdicts) {
        let settled = settle(books, &doubtful, verdict, &claims, at).await?;
        asked.push(Asked { doubtful, settled });
    }
    Ok(asked)
}

fn request_of(attempt: &AttemptRecord) -> Result<Request, ResolveError> {
    serde_json::from_str(&attempt.request)
        .map_err(|e| ResolveError::Request { job: attempt.address.to_string(), why: e.to_string() })
}

/// What was written off around the time of what is in doubt: it may have arrived all the same, and
/// be what a list shows.
fn given_up_around(
    books: &dyn Books,
    doubtful: &[Doubtful],
) -> Result<Vec<(AttemptRecord, Request)>, ResolveError> {
    let Some(oldest) = doubtful.iter().map(|one| one.attempt.started).min() else {
        return Ok(Vec::new());
    };
    let from = oldest.saturating_sub(AROUND).unwrap_or(oldest);
    let given_up = books.written_off(from)?;
    given_up.into_iter().map(|attempt| Ok((attempt.clone(), request_of(&attempt)?))).collect()
}

/// Asks about one, unless the answer could settle nothing.
async fn ask(
    provider: &dyn Provider,
    one: &Doubtful,
    (all, given_up): (&[Doubtful], &[(AttemptRecord, Request)]),
    taken: &BTreeMap<String, BTreeSet<String>>,
) -> Verdict {
    let Some(kind) = one.means.lookup else {
        return Verdict::Stays(match one.replay_until {
            Some(_) => "the next run settles it: it may be sent again under its key".to_owned(),
            None => format!("{} keeps no list that could be asked", provider.name()),
        });
    };
    let others = all.iter().filter(|other| other.attempt.id != one.attempt.id);
    let given_up = given_up.iter().map(|(attempt, request)| Trace {
        account: &attempt.account,
        request,
        started: attempt.started,
    });
    let alike = one.trace().alike(others.map(Doubtful::trace).chain(given_up), kind);
    let none = BTreeSet::new();
    let taken = taken.get(&one.attempt.provider).unwrap_or(&none);
    let found = provider.lookup(&one.request, &one.key, one.attempt.started, taken).await;
    verdict(kind, found, alike)
}

/// How many of these attempts each id was found for, by provider and id: a list that gives no
/// times may show one submission to several.
fn claims(doubtful: &[Doubtful], verdicts: &[Verdict]) -> BTreeMap<(String, String), usize> {
    let mut claims = BTreeMap::new();
    for (one, verdict) in doubtful.iter().zip(verdicts) {
        if let Verdict::Accepted(id) = verdict {
            *claims.entry((one.attempt.provider.clone(), id.id.clone())).or_default() += 1;
        }
    }
    claims
}

async fn settle(
    books: &dyn Books,
    one: &Doubtful,
    verdict: Verdict,
    claims: &BTreeMap<(String, String), usize>,
    at: Timestamp,
) -> Result<Settled, ResolveError> {
    let before = one.evidence();
    let (settled, message) = match verdict {
        Verdict::Stays(why) => return Ok(Settled::Stays(why)),
        Verdict::Accepted(id) => {
            let claim = (one.attempt.provider.clone(), id.id.clone());
            let several = claims.get(&claim).copied().unwrap_or_default();
            if several > 1 {
                let why = format!("{several} in doubt fit the one entry {id} of the list");
                return Ok(Settled::Stays(why));
            }
            let message = format!("found in the provider's list as {id} (before that: {before})");
            (Settled::Accepted(id), message)
        }
        Verdict::Refused => {
            let message = format!("the provider's list proves that it never arrived ({before})");
            (Settled::Refused, message)
        }
    };
    let detail = json!({ "settled_by": "lookup" });
    write(books, &one.attempt, &settled, &message, detail, at).await?;
    Ok(settled)
}

/// Writes what was settled, one lawful step after the other: what was left `submitting` is in
/// doubt first, and what was left `fetching` is ready.
async fn write(
    books: &dyn Books,
    attempt: &AttemptRecord,
    settled: &Settled,
    message: &str,
    mut detail: Value,
    at: Timestamp,
) -> Result<(), ResolveError> {
    let (event, remote_id) = match settled {
        Settled::Accepted(id) => (Event::FoundAccepted, Some(id)),
        Settled::Refused => (Event::FoundRefused, None),
        Settled::Gone(_) if attempt.state == JobState::Submitted => {
            (Event::Fail { charged: true }, None)
        }
        Settled::Gone(_) => (Event::Expire, None),
        Settled::Stays(_) => return Ok(()),
    };
    let mut life =
        Life { state: Some(attempt.state), reserved: attempt.reserved, settled: attempt.settled };
    let before = match attempt.state {
        JobState::Submitting => Some((Event::Doubt, CUT_OFF)),
        JobState::Fetching => Some((Event::BreakFetch, FETCH_CUT_OFF)),
        _ => None,
    };
    if let Some((event, why)) = before {
        let detail = json!({ "message": why });
        life = step(books, attempt, life, event, (None, why, detail), at).await?;
    }
    detail["message"] = message.into();
    if let Some(id) = remote_id {
        detail["id"] = id.id.as_str().into();
    }
    step(books, attempt, life, event, (remote_id, message, detail), at).await?;
    Ok(())
}

/// One step, decided by the pure function and durable when this returns.
async fn step(
    books: &dyn Books,
    attempt: &AttemptRecord,
    life: Life,
    event: Event,
    (remote_id, message, detail): (Option<&RemoteId>, &str, Value),
    at: Timestamp,
) -> Result<Life, ResolveError> {
    let (next, effects) = transition(life, event)?;
    let basis = basis_of(&effects);
    let (Some(from), Some(to)) = (life.state, next.state) else {
        return Err(Violation { state: life.state, event }.into());
    };
    books
        .apply(Transition {
            attempt: attempt.id,
            from,
            to,
            kind: event.kind(),
            reserved: next.reserved,
            settled: next.settled,
            basis,
            remote_id: remote_id.map(RemoteId::to_stored),
            message: Some(message.to_owned()),
            expires: None,
            clip: None,
            detail,
            at,
        })
        .await?;
    Ok(next)
}

/// Ids that can't be of anything in doubt, because they are of other attempts, by provider.
fn ids_around(
    books: &dyn Books,
    doubtful: &[Doubtful],
) -> Result<BTreeMap<String, BTreeSet<String>>, LedgerError> {
    let mut oldest: BTreeMap<&str, Timestamp> = BTreeMap::new();
    for one in doubtful {
        let from = one.attempt.started.saturating_sub(AROUND).unwrap_or(Timestamp::MIN);
        let oldest = oldest.entry(&one.attempt.provider).or_insert(from);
        *oldest = from.min(*oldest);
    }
    let ids = |(provider, from): (&str, Timestamp)| {
        Ok((provider.to_owned(), ids_of(books, provider, from)?))
    };
    oldest.into_iter().map(ids).collect()
}

/// Ids that a provider gave to attempts begun at `from` or later.
fn ids_of(
    books: &dyn Books,
    provider: &str,
    from: Timestamp,
) -> Result<BTreeSet<String>, LedgerError> {
    let stored = books.remote_ids(provider, from)?;
    Ok(stored.iter().map(|text| RemoteId::from_stored(text).id).collect())
}

#[cfg(test)]
mod tests;
