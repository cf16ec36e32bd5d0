//! Settling by a person's word: what can be said of an attempt where it stands, and what follows.
//!
//! What never lives here: evidence, and writing (that is `resolve`).

use jiff::Timestamp;
use serde_json::json;

use super::{CUT_OFF, ResolveError, Settled, ids_of, write};
use crate::ledger::{AttemptRecord, JobState};
use crate::providers::RemoteId;
use crate::run::doors::Books;

/// Characters of a provider's id, a name or a reason at most.
const LONGEST: usize = 1000;

/// What a person says of a submission.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Word {
    /// The provider has it under this id. Of what is in doubt.
    Accepted(String),
    /// The provider never took it. Of what is in doubt, or stands under an id that was wrong.
    Refused,
    /// The provider has it no more, or nothing under its id, and there will be no clip. Its money
    /// counts as spent.
    Gone,
}

/// Settles one attempt by a person's word. Who says so and why is kept with the event and the
/// attempt.
pub async fn by_word(
    books: &dyn Books,
    attempt: i64,
    word: &Word,
    (by, why): (&str, &str),
    at: Timestamp,
) -> Result<Settled, ResolveError> {
    let attempt = books.attempt(attempt)?.ok_or(ResolveError::NoAttempt(attempt))?;
    may_be_said(&attempt, word)?;
    let (by, why) = (part("the name", by)?, part("the reason", why)?);
    let (settled, claim) = match word {
        Word::Accepted(id) => {
            let id = part("the provider's id", id)?;
            let provider = &attempt.provider;
            if ids_of(books, provider, Timestamp::MIN)?.contains(id) {
                let (provider, id) = (provider.clone(), id.to_owned());
                let job = attempt.address.to_string();
                return Err(ResolveError::Taken { provider, id, job });
            }
            (Settled::Accepted(RemoteId::plain(id)), format!("{by} says it was taken as {id}"))
        }
        Word::Refused => {
            let wrongly = id_of(&attempt).map_or_else(String::new, |id| format!(", not as {id}"));
            (Settled::Refused, format!("{by} says it was not taken{wrongly}"))
        }
        Word::Gone => {
            // What is submitted is not settled yet; what was ready is.
            let spent = match attempt.state {
                JobState::Submitted => attempt.reserved,
                _ => attempt.settled,
            };
            (Settled::Gone(spent), format!("{by} says the provider has it no more"))
        }
    };
    let before = match (&attempt.message, attempt.state) {
        (Some(message), _) => format!(" (before that: {message})"),
        (None, JobState::Submitting | JobState::Unknown) => format!(" (before that: {CUT_OFF})"),
        (None, _) => String::new(),
    };
    let message = format!("{claim}: {why}{before}");
    let detail = json!({ "settled_by": "word", "by": by, "why": why });
    write(books, &attempt, &settled, &message, detail, at).await?;
    Ok(settled)
}

/// Whether a word fits an attempt where it stands. The error says which one would.
fn may_be_said(attempt: &AttemptRecord, word: &Word) -> Result<(), ResolveError> {
    let (job, state) = (attempt.address.to_string(), attempt.state);
    let provider = &attempt.provider;
    let advice = match (state, word) {
        (JobState::Submitting | JobState::Unknown, Word::Accepted(_) | Word::Refused)
        | (JobState::Submitted, Word::Refused | Word::Gone)
        | (JobState::Ready | JobState::Fetching, Word::Gone) => return Ok(()),
        (JobState::Submitting | JobState::Unknown, Word::Gone) => format!(
            "whether {provider} took it is not known yet. Say --refused if it surely never did; if \
             it did, say --accepted with its id, and then --gone"
        ),
        (JobState::Submitted, Word::Accepted(_)) => {
            let id = id_of(attempt).unwrap_or_default();
            format!(
                "it stands as {provider}'s {id} already. If that is wrong, say --refused if \
                 {provider} surely never took it, under any id, or --gone if it may have, so that \
                 its money counts as spent"
            )
        }
        (JobState::Ready | JobState::Fetching, Word::Accepted(_) | Word::Refused) => format!(
            "{provider} has made its clip, and the next run fetches it. Say --gone if the clip is \
             surely gone"
        ),
        (JobState::Done | JobState::Refused | JobState::Failed | JobState::Lost, _) => {
            return Err(ResolveError::NotInDoubt { job, state });
        }
    };
    Err(ResolveError::OtherWord { job, state, advice })
}

fn id_of(attempt: &AttemptRecord) -> Option<String> {
    attempt.remote_id.as_deref().map(|stored| RemoteId::from_stored(stored).id)
}

/// A part of a word, without the blanks around it.
fn part<'a>(what: &'static str, text: &'a str) -> Result<&'a str, ResolveError> {
    let text = text.trim();
    let wrong = |why: &str| Err(ResolveError::Word { what, why: why.to_owned() });
    if text.is_empty() {
        return wrong("is empty");
    }
    if text.chars().count() > LONGEST {
        return wrong(&format!("is longer than {LONGEST} characters"));
    }
    if text.chars().any(char::is_control) {
        return wrong("has characters in it that can't be printed");
    }
    Ok(text)
}
