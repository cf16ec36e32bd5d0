//! What evidence may settle: the rules by which a submission in doubt is known to have arrived,
//! or not to have.
//!
//! Pure: a run that settles by itself and a person's `kinora resolve` go by the same rules. What
//! never lives here: asking a provider, writing to the ledger.

use std::time::Duration;

use jiff::{SignedDuration, Timestamp};

use crate::plan::Request;
use crate::providers::{Lookup, LookupKind, RemoteId};

/// Two submissions begun no further apart may both be what an entry of a provider's list shows:
/// clocks differ by up to a minute on either side, and a large body takes minutes to arrive.
const SAME_TIME: SignedDuration = SignedDuration::from_mins(15);

/// What was given up this long ago can't be what a provider's list shows of a submission in doubt
/// now, as far as lists are searched.
pub const AROUND: SignedDuration = SignedDuration::from_hours(48);

/// What the rules need to know of a submission in doubt.
#[derive(Debug, Clone, Copy)]
pub struct Trace<'a> {
    /// Account at the provider; empty where there is only one.
    pub account: &'a str,
    /// What was asked.
    pub request: &'a Request,
    /// When its intent was written.
    pub started: Timestamp,
}

impl Trace<'_> {
    /// Whether a provider's list can't tell these two apart, so that what is found for one may be
    /// the other. Both are in doubt, or one of them is being submitted just now.
    pub fn is_alike(&self, other: &Trace<'_>, kind: LookupKind) -> bool {
        let (a, b) = (self.request, other.request);
        if a.provider != b.provider || self.account != other.account || a.model != b.model {
            return false;
        }
        match kind {
            // Each has a key of its own.
            LookupKind::Marker => false,
            LookupKind::Echo => echoes_alike(a, b),
            LookupKind::Count => self.started.duration_since(other.started).abs() <= SAME_TIME,
        }
    }

    /// How many of `others` a provider's list can't tell from this one.
    pub fn alike<'b>(
        &self,
        others: impl IntoIterator<Item = Trace<'b>>,
        kind: LookupKind,
    ) -> usize {
        others.into_iter().filter(|other| self.is_alike(other, kind)).count()
    }
}

/// Whether the echo of one request may be taken for the other's. Not by their fingerprints: not
/// all that is in one is sent. A clip may take its picture's shape, for instance, and then the
/// aspect that tells two jobs apart is in neither request. And an entry fits when everything of
/// ours is in it, so a request without pictures may be found in one that has them.
fn echoes_alike(a: &Request, b: &Request) -> bool {
    let digests = |r: &Request| r.references.iter().map(|r| r.digest).collect::<Vec<_>>();
    let pictures = a.references.is_empty() || b.references.is_empty() || digests(a) == digests(b);
    // A seed is in a request only where the model takes one.
    let seeds = match (a.settings.seed, b.settings.seed) {
        (Some(one), Some(other)) => one == other,
        _ => true,
    };
    a.prompt == b.prompt && pictures && seeds
}

/// What a lookup settles.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Verdict {
    /// The provider has it, as this.
    Accepted(RemoteId),
    /// It never arrived, and can't arrive any more.
    Refused,
    /// Nothing: it stays in doubt and keeps its reservation. Why, for people.
    Stays(String),
}

/// What a lookup of this kind settles, when the provider's list can't tell the submission from
/// `alike` others that are in doubt too.
pub fn verdict(kind: LookupKind, found: Lookup, alike: usize) -> Verdict {
    if alike > 0 {
        let others = if alike == 1 { "1 other".to_owned() } else { format!("{alike} others") };
        return Verdict::Stays(format!(
            "searched {}, the provider's list can't tell it from {others} in doubt, so it settles \
             none of them",
            how(kind)
        ));
    }
    match found {
        Lookup::Found(id) => Verdict::Accepted(id),
        Lookup::Absent { conclusive: true } => Verdict::Refused,
        Lookup::Absent { conclusive: false } => Verdict::Stays(
            "the provider does not list it, which does not prove that it never arrived".to_owned(),
        ),
        Lookup::Ambiguous(0) => {
            Verdict::Stays("the provider's list could not be read to its end".to_owned())
        }
        Lookup::Ambiguous(n) => Verdict::Stays(format!(
            "searched {}, the provider's list has {n} that may be it",
            how(kind)
        )),
        Lookup::Failed { message } => {
            Verdict::Stays(format!("the provider could not be asked: {message}"))
        }
    }
}

/// By what a list is searched, in words.
pub fn how(kind: LookupKind) -> &'static str {
    match kind {
        LookupKind::Marker => "by our own key",
        LookupKind::Echo => "by the request echoed",
        LookupKind::Count => "by model and time",
    }
}

/// Until when a request may simply be sent again under its key, if that is still to come: the
/// provider's `window` counts from the intent.
pub fn replay_until(
    window: Option<Duration>,
    started: Timestamp,
    now: Timestamp,
) -> Option<Timestamp> {
    let window = SignedDuration::try_from(window?).unwrap_or(SignedDuration::MAX);
    let until = started.saturating_add(window).unwrap_or(Timestamp::MAX);
    // A clock that jumped back makes nothing younger than it is: the age is taken as it stands.
    let age = now.duration_since(started).abs();
    (age < window).then_some(until)
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    const KINDS: [LookupKind; 3] = [LookupKind::Marker, LookupKind::Echo, LookupKind::Count];

    fn request(prompt: &str, aspect: &str, seed: Option<u64>, picture: Option<&str>) -> Request {
        let references: Vec<serde_json::Value> = picture
            .map(|digest| {
                json!({"name": "hero", "role": "identity", "path": "a.png", "format": "png",
                    "digest": digest.repeat(32), "width": 512, "height": 512})
            })
            .into_iter()
            .collect();
        let request = json!({
            "address": "products.mug/turn/-/1", "model": "fal/seedance-2.0", "provider": "fal",
            "route": "image", "prompt": prompt,
            "settings": {"duration": "5", "aspect": aspect, "resolution": "720p", "width": 720,
                "height": 1280, "fps": 24, "seed": seed},
            "references": references, "out": "clips/a.mp4", "fingerprint": "00".repeat(32),
            "shot": "turn",
        });
        serde_json::from_value(request).expect("a request")
    }

    fn at(text: &str) -> Timestamp {
        text.parse().expect("a time")
    }

    fn trace(request: &Request) -> Trace<'_> {
        Trace { account: "", request, started: at("2026-11-23T10:00:00Z") }
    }

    #[test]
    fn a_key_of_its_own_tells_even_equal_requests_apart() {
        let one = request("turns", "9:16", None, Some("ab"));
        assert!(!trace(&one).is_alike(&trace(&one), LookupKind::Marker));
    }

    #[test]
    fn an_echo_tells_apart_what_is_surely_in_the_request_and_nothing_else() {
        let one = request("turns", "9:16", Some(1), Some("ab"));
        let alike = |other: &Request| trace(&one).is_alike(&trace(other), LookupKind::Echo);
        assert!(alike(&one));
        assert!(alike(&request("turns", "1:1", Some(1), Some("ab"))), "its shape may not be sent");
        assert!(alike(&request("turns", "9:16", None, Some("ab"))));
        assert!(alike(&request("turns", "9:16", Some(1), None)), "it may be found in the other");
        assert!(!alike(&request("turns", "9:16", Some(2), Some("ab"))), "another take");
        assert!(!alike(&request("turns", "9:16", Some(1), Some("cd"))), "another product");
        assert!(!alike(&request("falls", "9:16", Some(1), Some("ab"))));
    }

    #[test]
    fn an_echo_is_no_younger_for_being_late() {
        let one = request("turns", "9:16", None, None);
        let late = Trace { started: at("2026-11-25T10:00:00Z"), ..trace(&one) };
        assert!(trace(&one).is_alike(&late, LookupKind::Echo));
        assert!(!trace(&one).is_alike(&late, LookupKind::Count));
    }

    #[test]
    fn a_count_tells_apart_models_accounts_and_hours_only() {
        let (one, other) =
            (request("turns", "9:16", Some(1), None), request("b", "1:1", None, None));
        let soon = Trace { started: at("2026-11-23T10:04:00Z"), ..trace(&other) };
        assert!(trace(&one).is_alike(&soon, LookupKind::Count));
        assert!(soon.is_alike(&trace(&one), LookupKind::Count));
        let elsewhere = Trace { account: "second", ..soon };
        assert!(!trace(&one).is_alike(&elsewhere, LookupKind::Count));
        let mut model = other.clone();
        model.model = "fal/wan-2.7".to_owned();
        assert!(!trace(&one).is_alike(&trace(&model), LookupKind::Count));
    }

    #[test]
    fn what_is_found_is_accepted_and_what_surely_is_not_there_is_refused() {
        let id = RemoteId::plain("r-1");
        for kind in KINDS {
            assert_eq!(verdict(kind, Lookup::Found(id.clone()), 0), Verdict::Accepted(id.clone()));
            assert_eq!(verdict(kind, Lookup::Absent { conclusive: true }, 0), Verdict::Refused);
        }
    }

    #[test]
    fn everything_else_stays_and_says_why() {
        for kind in KINDS {
            for found in [
                Lookup::Absent { conclusive: false },
                Lookup::Ambiguous(0),
                Lookup::Ambiguous(2),
                Lookup::Failed { message: "HTTP 500".to_owned() },
            ] {
                assert!(matches!(verdict(kind, found, 0), Verdict::Stays(why) if !why.is_empty()));
            }
        }
    }

    #[test]
    fn nothing_settles_what_can_not_be_told_from_another_in_doubt() {
        for found in [Lookup::Found(RemoteId::plain("r-1")), Lookup::Absent { conclusive: true }] {
            for alike in [1, 2] {
                let said = verdict(LookupKind::Count, found.clone(), alike);
                assert!(
                    matches!(&said, Verdict::Stays(why) if why.contains("can't tell")),
                    "{said:?}"
                );
            }
        }
    }

    #[test]
    fn a_replay_is_open_until_its_window_ends_by_either_clock() {
        let hour = Some(Duration::from_secs(3600));
        let started = at("2026-11-23T10:00:00Z");
        let until = |now: &str| replay_until(hour, started, at(now));
        assert_eq!(until("2026-11-23T10:59:59Z"), Some(at("2026-11-23T11:00:00Z")));
        assert_eq!(until("2026-11-23T11:00:00Z"), None);
        assert_eq!(until("2026-11-22T10:00:00Z"), None, "the clock jumped back: nobody knows");
        assert_eq!(replay_until(None, started, started), None);
        let ever = replay_until(Some(Duration::MAX), started, at("2030-01-01T00:00:00Z"));
        assert_eq!(ever, Some(Timestamp::MAX));
    }
}
