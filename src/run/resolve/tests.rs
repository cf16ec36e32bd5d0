//! Settling, against a real ledger and a provider that answers as told.

use std::path::Path;
use std::sync::Mutex;

use jiff::SignedDuration;

use super::*;
use crate::address::Address;
use crate::digest::Digest;
use crate::ledger::{Basis, Ledger, Mode, NewApproval, NewAttempt, NewRun};
use crate::money::{Micros, Unit};
use crate::providers::{Answer, Fetched, Lookup, Polled, Prepared, Submission, Terms};

fn now() -> Timestamp {
    "2026-11-23T12:00:00Z".parse().expect("a time")
}

fn block<T>(work: impl Future<Output = T>) -> T {
    let runtime = tokio::runtime::Builder::new_current_thread().build().expect("a runtime");
    runtime.block_on(work)
}

/// A ledger with a run in it.
struct Shop {
    _folder: tempfile::TempDir,
    ledger: Ledger,
    run: i64,
}

impl Shop {
    fn new() -> Self {
        let folder = tempfile::tempdir().expect("a folder");
        let ledger = Ledger::open(folder.path(), Mode::Run).expect("a ledger");
        let unit = Unit::default();
        let (plan, at) = (Digest::of(b"plan"), now());
        let approval = NewApproval::new(plan, "Ada", micros(1000), unit.clone(), at);
        let approval = ledger.approve(approval).expect("written");
        let plan = Some(Digest::of(b"plan"));
        let run = NewRun { plan, approval: Some(approval), unit, at: now() };
        let run = ledger.begin_run(run).wait().expect("written");
        Shop { _folder: folder, ledger, run }
    }

    /// An attempt whose intent is durable, begun so many minutes ago.
    fn submitting(&self, name: &str, prompt: &str, minutes: i64) -> i64 {
        let address = Address::new(None, name, None, 1);
        let request = serde_json::json!({
            "address": address, "model": "fal/m", "provider": "fal", "route": "text",
            "prompt": prompt,
            "settings": {"duration": "5", "aspect": "1:1", "resolution": "720p", "width": 720,
                "height": 720, "fps": 24, "seed": null},
            "references": [], "out": "clips/a.mp4", "fingerprint": "00".repeat(32), "shot": name,
        });
        let begun = self.ledger.begin_attempt(NewAttempt {
            address,
            run: self.run,
            plan: Digest::of(b"plan"),
            fingerprint: Digest::of(name.as_bytes()),
            parts: [0; 4],
            retake: 0,
            provider: "fal".to_owned(),
            model: "fal/m".to_owned(),
            account: String::new(),
            request: request.to_string(),
            reserved: micros(10),
            at: now() - SignedDuration::from_mins(minutes),
        });
        begun.wait().expect("written").attempt
    }

    fn apply(&self, attempt: i64, event: Event, id: Option<&str>) {
        let before = self.attempt(attempt);
        let life =
            Life { state: Some(before.state), reserved: before.reserved, settled: before.settled };
        let id = id.map(RemoteId::plain);
        let said = (id.as_ref(), "the answer timed out", json!({}));
        block(step(&self.ledger, &before, life, event, said, now())).expect("lawful");
    }

    fn unknown(&self, name: &str, prompt: &str, minutes: i64) -> i64 {
        let attempt = self.submitting(name, prompt, minutes);
        self.apply(attempt, Event::Doubt, None);
        attempt
    }

    fn attempt(&self, attempt: i64) -> AttemptRecord {
        self.ledger.attempt(attempt).expect("readable").expect("there")
    }

    fn list(&self) -> Vec<Doubtful> {
        list(&self.ledger, &BTreeMap::new(), now()).expect("readable")
    }

    fn say(&self, attempt: i64, word: Word) -> Result<Settled, ResolveError> {
        block(by_word(&self.ledger, attempt, &word, (" Ada ", "seen"), now()))
    }

    fn ask(&self, desk: Desk) -> Vec<Settled> {
        let provider: Arc<dyn Provider> = Arc::new(desk);
        let providers = BTreeMap::from([("fal".to_owned(), provider)]);
        let asked = block(by_lookup(&self.ledger, &providers, now())).expect("asked");
        asked.into_iter().map(|asked| asked.settled).collect()
    }
}

fn micros(whole: i64) -> Micros {
    Micros::from_stored(whole * 1_000_000).expect("not negative")
}

/// A provider that says of each shot what it is told to say.
struct Desk {
    kind: Option<LookupKind>,
    says: BTreeMap<&'static str, Lookup>,
    taken: Arc<Mutex<BTreeSet<String>>>,
}

impl Desk {
    fn saying<const N: usize>(kind: LookupKind, says: [(&'static str, Lookup); N]) -> Self {
        Desk { kind: Some(kind), says: says.into(), taken: Arc::default() }
    }
}

impl Provider for Desk {
    fn name(&self) -> &str {
        "fal"
    }

    fn replay_window(&self) -> Option<Duration> {
        None
    }

    fn terms(&self) -> Terms {
        Terms { in_flight: 1, per_minute: None, per_day: None }
    }

    fn poll_interval_ms(&self) -> u64 {
        1
    }

    fn submit<'a>(
        &'a self,
        _: &'a Request,
        _: &'a AttemptKey,
        _: Prepared,
    ) -> Answer<'a, Submission> {
        panic!("nothing is submitted to settle a doubt")
    }

    fn lookup_kind(&self) -> Option<LookupKind> {
        self.kind
    }

    fn lookup<'a>(
        &'a self,
        request: &'a Request,
        _: &'a AttemptKey,
        _: Timestamp,
        taken: &'a BTreeSet<String>,
    ) -> Answer<'a, Lookup> {
        self.taken.lock().expect("no panic").extend(taken.iter().cloned());
        Box::pin(std::future::ready(self.says[request.shot.as_str()].clone()))
    }

    fn poll<'a>(&'a self, _: &'a RemoteId, _: &'a Request) -> Answer<'a, Polled> {
        panic!("nothing is polled to settle a doubt")
    }

    fn fetch<'a>(&'a self, _: &'a RemoteId, _: &'a Request, _: &'a Path) -> Answer<'a, Fetched> {
        panic!("nothing is fetched to settle a doubt")
    }
}

#[test]
fn what_needs_a_look_is_in_doubt_cut_off_or_parked() {
    let shop = Shop::new();
    shop.unknown("a", "a", 10);
    shop.submitting("b", "b", 5);
    let accepted = shop.submitting("c", "c", 5);
    shop.apply(accepted, Event::Accept, Some("r-c"));
    let doubts = |shop: &Shop| shop.list().iter().map(|one| one.doubt).collect::<Vec<_>>();
    assert_eq!(doubts(&shop), [Doubt::Unknown, Doubt::CutOff]);
    assert_eq!(shop.list()[1].evidence(), CUT_OFF);
    // Two runs that never ended.
    for _ in 0..2 {
        let run = NewRun { plan: None, approval: None, unit: Unit::default(), at: now() };
        shop.ledger.begin_run(run).wait().expect("written");
    }
    assert_eq!(doubts(&shop), [Doubt::Unknown, Doubt::CutOff, Doubt::Parked]);
    assert!(!shop.list()[2].is_unknown());
}

#[test]
fn a_replay_that_is_open_is_said() {
    let shop = Shop::new();
    shop.unknown("a", "a", 10);
    let means = |minutes: u64| {
        let replay = Some(Duration::from_secs(60 * minutes));
        BTreeMap::from([("fal".to_owned(), Means { replay, lookup: None })])
    };
    let until = |minutes| {
        let listed = list(&shop.ledger, &means(minutes), now()).expect("readable");
        listed[0].replay_until
    };
    assert_eq!(until(20), Some(now() + SignedDuration::from_mins(10)));
    assert_eq!(until(10), None);
}

#[test]
fn accepted_by_word_keeps_the_reservation_and_refused_frees_it() {
    let shop = Shop::new();
    let (taken, not) = (shop.unknown("a", "a", 10), shop.submitting("b", "b", 10));
    let word = Word::Accepted(" r-1 ".to_owned());
    assert_eq!(shop.say(taken, word), Ok(Settled::Accepted(RemoteId::plain("r-1"))));
    assert_eq!(shop.say(not, Word::Refused), Ok(Settled::Refused));
    let (taken, not) = (shop.attempt(taken), shop.attempt(not));
    assert_eq!((taken.state, taken.reserved), (JobState::Submitted, micros(10)));
    assert_eq!(taken.remote_id.as_deref(), Some("r-1"));
    let said = "Ada says it was taken as r-1: seen (before that: the answer timed out)";
    assert_eq!(taken.message.as_deref(), Some(said));
    assert_eq!((not.state, not.reserved), (JobState::Refused, Micros::ZERO));
    assert_eq!((taken.basis, not.basis), (None::<Basis>, None));
    assert!(shop.list().is_empty());
}

#[test]
fn a_word_that_can_not_be_changes_nothing() {
    let shop = Shop::new();
    let (one, other) = (shop.unknown("a", "a", 10), shop.unknown("b", "b", 10));
    shop.say(one, Word::Accepted("r-1".to_owned())).expect("settled");
    let accepted = |id: &str| shop.say(other, Word::Accepted(id.to_owned()));
    assert!(matches!(accepted("r-1"), Err(ResolveError::Taken { .. })));
    assert!(matches!(accepted(" "), Err(ResolveError::Word { .. })));
    assert!(matches!(accepted(&"x".repeat(1001)), Err(ResolveError::Word { .. })));
    assert!(matches!(accepted("a\u{1b}[2Jb"), Err(ResolveError::Word { .. })));
    let nobody = by_word(&shop.ledger, other, &Word::Refused, (" ", "seen"), now());
    assert!(matches!(block(nobody), Err(ResolveError::Word { what: "the name", .. })));
    assert_eq!(shop.say(99, Word::Refused), Err(ResolveError::NoAttempt(99)));
    assert_eq!((shop.attempt(other).state, shop.list().len()), (JobState::Unknown, 1));
}

impl Shop {
    /// An attempt that the provider has under this id.
    fn submitted(&self, name: &str, id: &str) -> i64 {
        let attempt = self.submitting(name, name, 10);
        self.apply(attempt, Event::Accept, Some(id));
        attempt
    }

    /// What it says when another word is the one that fits.
    fn advice(&self, attempt: i64, word: Word) -> String {
        match self.say(attempt, word) {
            Err(error @ ResolveError::OtherWord { .. }) => error.to_string(),
            other => panic!("{other:?}"),
        }
    }
}

#[test]
fn what_a_provider_has_no_more_counts_as_spent() {
    let shop = Shop::new();
    let (submitted, ready, fetching) =
        (shop.submitted("a", "r-a"), shop.submitted("b", "r-b"), shop.submitted("c", "r-c"));
    let cost = Some(micros(7));
    shop.apply(ready, Event::Finish { cost }, None);
    shop.apply(fetching, Event::Finish { cost }, None);
    shop.apply(fetching, Event::BeginFetch, None);
    assert_eq!(shop.say(submitted, Word::Gone), Ok(Settled::Gone(micros(10))));
    assert_eq!(shop.say(ready, Word::Gone), Ok(Settled::Gone(micros(7))));
    assert_eq!(shop.say(fetching, Word::Gone), Ok(Settled::Gone(micros(7))));
    let stands = |attempt| {
        let attempt = shop.attempt(attempt);
        (attempt.state, attempt.reserved, attempt.settled, attempt.basis)
    };
    let by_estimate = Some(Basis::Estimate);
    assert_eq!(stands(submitted), (JobState::Failed, Micros::ZERO, micros(10), by_estimate));
    assert_eq!(stands(ready), (JobState::Lost, Micros::ZERO, micros(7), Some(Basis::Provider)));
    assert_eq!(stands(fetching), stands(ready));
    let said = shop.attempt(submitted);
    assert_eq!(said.remote_id.as_deref(), Some("r-a"));
    let words = "Ada says the provider has it no more: seen (before that: the answer timed out)";
    assert_eq!(said.message.as_deref(), Some(words));
    let again = shop.say(submitted, Word::Gone);
    assert!(matches!(again, Err(ResolveError::NotInDoubt { state: JobState::Failed, .. })));
}

#[test]
fn an_id_that_was_wrong_is_free_again_once_its_job_is_refused() {
    let shop = Shop::new();
    let (one, other) = (shop.unknown("a", "a", 10), shop.unknown("b", "b", 10));
    let accepted = || Word::Accepted("r-1".to_owned());
    shop.say(one, accepted()).expect("settled");
    assert!(matches!(shop.say(other, accepted()), Err(ResolveError::Taken { .. })));
    assert_eq!(shop.say(one, Word::Refused), Ok(Settled::Refused));
    let refused = shop.attempt(one);
    assert_eq!((refused.state, refused.reserved), (JobState::Refused, Micros::ZERO));
    assert_eq!(refused.remote_id, None);
    let message = refused.message.expect("who and why");
    assert!(message.starts_with("Ada says it was not taken, not as r-1: seen"), "{message}");
    assert_eq!(shop.say(other, accepted()), Ok(Settled::Accepted(RemoteId::plain("r-1"))));
}

#[test]
fn a_word_that_does_not_fit_says_which_one_does() {
    let shop = Shop::new();
    let (unknown, cut_off) = (shop.unknown("a", "a", 10), shop.submitting("b", "b", 10));
    for attempt in [unknown, cut_off] {
        let advice = shop.advice(attempt, Word::Gone);
        assert!(advice.contains("Say --refused") && advice.contains("--accepted"), "{advice}");
    }
    let submitted = shop.submitted("c", "r-c");
    let advice = shop.advice(submitted, Word::Accepted("r-d".to_owned()));
    assert!(advice.contains("stands as fal's r-c already"), "{advice}");
    assert!(advice.contains("--refused") && advice.contains("--gone"), "{advice}");
    shop.apply(submitted, Event::Finish { cost: None }, None);
    for word in [Word::Refused, Word::Accepted("r-d".to_owned())] {
        let advice = shop.advice(submitted, word);
        assert!(advice.contains("Say --gone"), "{advice}");
    }
    let states = [unknown, cut_off, submitted].map(|attempt| shop.attempt(attempt).state);
    assert_eq!(states, [JobState::Unknown, JobState::Submitting, JobState::Ready]);
}

#[test]
fn evidence_settles_what_it_proves_and_leaves_the_rest() {
    let shop = Shop::new();
    let known = shop.submitting("known", "known", 20);
    shop.apply(known, Event::Accept, Some("r-known"));
    let found = shop.unknown("found", "found", 10);
    let gone = shop.submitting("gone", "gone", 10);
    let open = shop.unknown("open", "open", 10);
    let id = RemoteId {
        id: "r-1".to_owned(),
        captured: BTreeMap::from([("status_url".to_owned(), json!("https://a.example/r-1"))]),
    };
    let desk = Desk::saying(
        LookupKind::Echo,
        [
            ("found", Lookup::Found(id.clone())),
            ("gone", Lookup::Absent { conclusive: true }),
            ("open", Lookup::Absent { conclusive: false }),
        ],
    );
    let taken = Arc::clone(&desk.taken);
    let settled = shop.ask(desk);
    assert_eq!(settled[..2], [Settled::Accepted(id.clone()), Settled::Refused]);
    assert!(matches!(&settled[2], Settled::Stays(why) if why.contains("does not prove")));
    assert_eq!(*taken.lock().expect("no panic"), BTreeSet::from(["r-known".to_owned()]));
    let found = shop.attempt(found);
    assert_eq!(found.remote_id.as_deref().map(RemoteId::from_stored), Some(id));
    assert_eq!((found.state, found.reserved), (JobState::Submitted, micros(10)));
    assert_eq!(shop.attempt(gone).state, JobState::Refused);
    let open = shop.attempt(open);
    assert_eq!((open.state, open.reserved), (JobState::Unknown, micros(10)));
}

#[test]
fn requests_that_are_alike_are_settled_by_no_echo_but_by_their_markers() {
    let says = || {
        [("a", Lookup::Found(RemoteId::plain("r-1"))), ("b", Lookup::Found(RemoteId::plain("r-2")))]
    };
    let shop = Shop::new();
    shop.unknown("a", "the same", 10);
    shop.unknown("b", "the same", 600);
    for settled in shop.ask(Desk::saying(LookupKind::Echo, says())) {
        assert!(matches!(&settled, Settled::Stays(why) if why.contains("1 other in doubt")));
    }
    let by_marker = shop.ask(Desk::saying(LookupKind::Marker, says()));
    assert!(by_marker.iter().all(|settled| matches!(settled, Settled::Accepted(_))));
}

#[test]
fn a_count_settles_what_stands_alone_in_its_time() {
    let shop = Shop::new();
    for (name, minutes) in [("a", 300), ("b", 10), ("c", 8)] {
        shop.unknown(name, name, minutes);
    }
    let found = |id: &str| Lookup::Found(RemoteId::plain(id));
    let says = [("a", found("r-1")), ("b", found("r-2")), ("c", found("r-3"))];
    let settled = shop.ask(Desk::saying(LookupKind::Count, says));
    assert_eq!(settled[0], Settled::Accepted(RemoteId::plain("r-1")));
    assert!(settled[1..].iter().all(|settled| matches!(settled, Settled::Stays(_))));
}

#[test]
fn one_entry_that_fits_two_settles_neither() {
    let shop = Shop::new();
    // Hours apart; but the list gives no times.
    let (one, other) = (shop.unknown("a", "a", 10), shop.unknown("b", "b", 600));
    let says =
        || [("a", Lookup::Found(RemoteId::plain("r"))), ("b", Lookup::Found(RemoteId::plain("r")))];
    for settled in shop.ask(Desk::saying(LookupKind::Count, says())) {
        assert!(matches!(&settled, Settled::Stays(why) if why.contains("2 in doubt fit")));
    }
    for attempt in [one, other] {
        assert_eq!(shop.attempt(attempt).state, JobState::Unknown);
    }
}

#[test]
fn a_provider_without_a_list_or_without_a_key_settles_nothing() {
    let shop = Shop::new();
    shop.unknown("a", "a", 10);
    let silent = Desk { kind: None, says: BTreeMap::new(), taken: Arc::default() };
    assert!(
        matches!(&shop.ask(silent)[..], [Settled::Stays(why)] if why.contains("keeps no list"))
    );
    let nobody = block(by_lookup(&shop.ledger, &BTreeMap::new(), now())).expect("asked");
    assert!(
        matches!(&nobody[0].settled, Settled::Stays(why) if why.contains("could not be asked"))
    );
}
