//! The outcome of a submission: accepted, refused or unknown (M4). Pure.
//!
//! Refused is said only where it is sure that nothing was taken: no byte left, or the provider
//! says so. Everything else without an id is unknown, and its evidence holds what is known.

use std::collections::BTreeMap;
use std::time::Duration;

use serde_json::Value as Json;

use super::client::Trouble;
use super::cost;
use super::errors::{Said, Verdict, by_rule, by_status};
use super::reply::Reply;
use super::secrets::Mask;
use crate::protocol::{Class, ProviderCard, Stage};
use crate::providers::{Refusal, RemoteId, Retry, Submission};
use crate::wire::{Expr, Pointer, Scope};

/// What a reply is judged by.
pub(super) struct Bench<'a> {
    /// The provider's card.
    pub card: &'a ProviderCard,
    /// What expressions see beside the reply.
    pub known: Scope,
    /// The card's values with the model's.
    pub values: &'a BTreeMap<String, Json>,
    /// Hides secrets.
    pub mask: &'a Mask,
}

/// The outcome of a submission that was tried.
pub(super) fn submission(bench: &Bench<'_>, answer: Result<Reply, Trouble>) -> Submission {
    let reply = match answer {
        Ok(reply) => reply,
        Err(trouble) => return unanswered(bench, &trouble),
    };
    let said = Said::of(&bench.card.errors, &reply, bench.mask);
    // Half an error is no error that rules could read: its code may have said anything.
    if let Some(why) = &reply.cut {
        return unknown(bench, &reply, &said, why);
    }
    let ruled = by_rule(&bench.card.errors, Stage::Submit, &reply, &said, &bench.known);
    if reply.is_ok() {
        return answered(bench, &reply, &said, ruled);
    }
    if matches!(reply.status, 307 | 308) && ruled.is_none() {
        // RFC 9110, 15.4.8: nothing was done here; the request is to be sent elsewhere.
        let message = format!(
            "{} answers {} and sends elsewhere; correct its base_url",
            bench.card.provider, reply.status
        );
        return refused(Class::Invalid.as_str(), Retry::Never, message);
    }
    if repeats_a_key(bench.card, &reply, &said, ruled.as_ref()) {
        let why = "the provider has seen this attempt's key before, so it may have the job";
        return unknown(bench, &reply, &said, why);
    }
    match ruled.or_else(|| by_status(Stage::Submit, reply.status)) {
        Some(verdict) => by_verdict(bench, &reply, &said, &verdict),
        None => unknown(bench, &reply, &said, "the status says neither yes nor no"),
    }
}

/// Whether an error says that the attempt's key was used before: for a request that is still being
/// worked on, or for another body. A rule of the card that says so wins.
fn repeats_a_key(card: &ProviderCard, reply: &Reply, said: &Said, ruled: Option<&Verdict>) -> bool {
    if card.idempotency.is_none() || ruled.is_some_and(|verdict| verdict.not_accepted) {
        return false;
    }
    let names_it = |text: &Option<String>| {
        text.as_ref().is_some_and(|text| text.to_ascii_lowercase().contains("idempoten"))
    };
    let conflict = reply.status == 409 && ruled.is_none();
    conflict || (400..500).contains(&reply.status) && (names_it(&said.code) || names_it(&said.message))
}

fn unanswered(bench: &Bench<'_>, trouble: &Trouble) -> Submission {
    let provider = &bench.card.provider;
    let why = bench.mask.clean(trouble.message());
    match trouble {
        Trouble::Unreachable(_) => {
            let message = format!("{provider} can't be reached: {why}");
            refused("unreachable", Retry::After(None), message)
        }
        Trouble::Forbidden(_) => refused("forbidden", Retry::Never, why),
        Trouble::NoReply(_) => {
            let evidence = format!("the request left, and {provider} did not answer it: {why}");
            Submission::Unknown { evidence }
        }
    }
}

/// A reply with a 2xx status.
fn answered(bench: &Bench<'_>, reply: &Reply, said: &Said, ruled: Option<Verdict>) -> Submission {
    let submit = &bench.card.submit;
    let id = submit.id.text(reply.body());
    let holds = |predicate: &Expr| predicate.holds(&reply.scope(&bench.known));
    let accepted = submit.accepted.as_ref().is_none_or(holds);
    match id {
        Some(id) if accepted => {
            let mut captured = captured(&submit.capture, reply.body(), bench.mask);
            let costs = &bench.card.cost;
            let of = |at: &crate::protocol::CostAt| cost::amount(at, reply.body(), bench.values);
            let fixed = costs.at_submit.as_ref().and_then(of);
            if let Some(fixed) = &fixed {
                cost::keep(fixed, &mut captured);
            }
            let most = costs.at_create.as_ref().and_then(of).or(fixed);
            Submission::Accepted { id: RemoteId { id, captured }, most }
        }
        Some(id) => match ruled.filter(|verdict| verdict.not_accepted && !verdict.charged) {
            Some(verdict) => by_verdict(bench, reply, said, &verdict),
            None => {
                let why = format!("the reply has the id {id}, but not the look of an acceptance");
                unknown(bench, reply, said, &why)
            }
        },
        None => match ruled {
            Some(verdict) => by_verdict(bench, reply, said, &verdict),
            None => {
                let missing = || format!("the reply has no id at {}", submit.id.source());
                let why = reply.trouble().unwrap_or_else(missing);
                unknown(bench, reply, said, &why)
            }
        },
    }
}

fn by_verdict(bench: &Bench<'_>, reply: &Reply, said: &Said, verdict: &Verdict) -> Submission {
    if verdict.charged {
        // A refusal gives its reservation back, which would be wrong for what is charged.
        return unknown(bench, reply, said, "the provider refuses it, and charges it all the same");
    }
    let retry = match verdict.class {
        Class::Invalid | Class::Auth | Class::Payment | Class::Policy | Class::NotFound => {
            Retry::Never
        }
        Class::RateLimited | Class::ConcurrencyFull => again(reply),
        Class::Transient if verdict.not_accepted => again(reply),
        Class::Transient | Class::OutcomeUnknown => {
            return unknown(bench, reply, said, "the provider had trouble of its own");
        }
    };
    let words = said.words(reply, bench.mask);
    let message = format!("{} answers {}: {words}", bench.card.provider, reply.status);
    refused(verdict.class.as_str(), retry, message)
}

/// Later, when the provider says, or by the run's own pace.
pub(super) fn again(reply: &Reply) -> Retry {
    Retry::After(reply.retry_after().map(milliseconds))
}

fn milliseconds(wait: Duration) -> u64 {
    u64::try_from(wait.as_millis()).unwrap_or(u64::MAX)
}

fn refused(cause: &str, retry: Retry, message: String) -> Submission {
    Submission::Refused(Refusal { retry, cause: cause.to_owned(), message })
}

fn unknown(bench: &Bench<'_>, reply: &Reply, said: &Said, why: &str) -> Submission {
    let request = said.request_id.as_ref().map_or(String::new(), |id| format!(", request {id}"));
    let body = reply.evidence(bench.mask);
    let why = bench.mask.clean(why);
    Submission::Unknown { evidence: format!("HTTP {}{request}: {why}; body: {body}", reply.status) }
}

/// What a card captures of a reply, without keys.
pub(super) fn captured(
    pointers: &BTreeMap<String, Pointer>,
    body: &Json,
    mask: &Mask,
) -> BTreeMap<String, Json> {
    let found = pointers.iter().filter_map(|(name, pointer)| {
        let value = pointer.first(body)?;
        Some((name.clone(), mask.json(value.clone())))
    });
    found.collect()
}

#[cfg(test)]
mod tests {
    use std::sync::{Arc, LazyLock};

    use proptest::prelude::*;

    use super::*;
    use crate::diagnostic::Sources;
    use crate::limits::Limits;
    use crate::protocol::Rack;

    static CARD: LazyLock<Arc<ProviderCard>> = LazyLock::new(|| {
        let nowhere = std::path::Path::new("no-workspace");
        let (rack, _) = Rack::load(nowhere, &Limits::default(), &mut Sources::default());
        Arc::clone(rack.get("runway").expect("it ships"))
    });

    fn json() -> impl Strategy<Value = Json> {
        let leaf = prop_oneof![
            Just(Json::Null),
            any::<bool>().prop_map(Json::from),
            any::<i64>().prop_map(Json::from),
            any::<f64>().prop_map(Json::from),
            ".{0,20}".prop_map(Json::from),
        ];
        leaf.prop_recursive(4, 32, 5, |inner| {
            let names = prop_oneof!["id", "status", "error", "estimatedCost", "credits", ".{0,4}"];
            prop_oneof![
                prop::collection::vec(inner.clone(), 0..5).prop_map(Json::from),
                prop::collection::vec((names, inner), 0..5)
                    .prop_map(|entries| Json::Object(entries.into_iter().collect())),
            ]
        })
    }

    proptest! {
        #[test]
        fn no_reply_makes_a_panic_and_none_loses_an_id(
            status in 100u16..600,
            body in json(),
            cut in proptest::option::of("[a-z ]{0,9}"),
        ) {
            let card: &ProviderCard = &CARD;
            let mask = Mask::default();
            let (known, values) = (Scope::UNDEFINED, BTreeMap::new());
            let bench = Bench { card, known, values: &values, mask: &mask };
            let bytes = body.to_string().into_bytes();
            let json = cut.is_none().then(|| body.clone());
            let reply = Reply { status, bytes, json, cut, ..Reply::default() };
            let whole = reply.cut.is_none();
            let told = card.submit.id.text(&body);
            match submission(&bench, Ok(reply)) {
                Submission::Accepted { id, .. } => {
                    prop_assert!(whole && (200..300).contains(&status));
                    prop_assert_eq!(Some(id.id), told);
                }
                Submission::Refused(_) => prop_assert!(!(200..300).contains(&status)),
                Submission::Unknown { evidence } => {
                    let start = format!("HTTP {status}");
                    prop_assert!(evidence.starts_with(&start));
                }
            }
        }
    }
}
