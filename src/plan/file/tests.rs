//! Plan files as they are written and read: what was planned comes back, and what was changed is
//! noticed.

use std::io::{Read, Write};
use std::path::Path;

use proptest::prelude::*;

use super::*;
use crate::ledger::{JobState, KnownJobs};
use crate::limits::Limits;
use crate::manifest::{SubjectKind, SubjectRef, With};
use crate::plan::tests::builder::{Build, Planned};
use crate::plan::{Comparer, Money, NowFacts, Stale, StaleCheck, covers};

/// What a plan was made from, in tests.
fn origin() -> Origin {
    Origin {
        manifest: "kinora.yaml".to_owned(),
        files: Vec::new(),
        cards: Vec::new(),
        prices: Vec::new(),
        ledger: LedgerMark { lineage: Some("a1b2".to_owned()), serial: 7 },
    }
}

fn written(planned: &Planned) -> Vec<u8> {
    let mut writer = PlanWriter::new(origin()).expect("a temporary file");
    for (job, change) in &planned.jobs {
        writer.job(job, change, &planned.catalogue).expect("written");
    }
    let mut file = Vec::new();
    writer.finish(&planned.plan().summary, &mut file).expect("written");
    file
}

fn reader(file: Vec<u8>) -> Result<PlanReader, PlanFileError> {
    PlanReader::new(Path::new("x.plan"), std::io::Cursor::new(file), &Limits::default())
}

fn read(file: Vec<u8>) -> Result<Vec<FileJob>, PlanFileError> {
    reader(file)?.collect()
}

fn unpacked(file: &[u8]) -> String {
    let mut text = String::new();
    zstd::Decoder::new(file).expect("zstd").read_to_string(&mut text).expect("text");
    text
}

fn packed(text: impl AsRef<[u8]>) -> Vec<u8> {
    let mut encoder = zstd::Encoder::new(Vec::new(), 3).expect("zstd");
    encoder.write_all(text.as_ref()).expect("in memory");
    encoder.finish().expect("in memory")
}

/// A shop in which texts, pictures, settings and prices differ in every way that they can.
fn shop(products: &[(String, String, usize)], seeds: Vec<u64>, word: &str) -> Build {
    let names = ["hero", "detail-1", "detail-2", "last:last_frame"];
    let mut build = Build::new().set("products", SubjectKind::Product);
    for (i, (title, colour, pictures)) in products.iter().enumerate() {
        let cells = [Some(title.as_str()), Some(colour.as_str()), Some("12")];
        build = build.subject(&format!("p{i}"), cells, &names[..*pictures]);
    }
    let build = build.set("cast", SubjectKind::Character).subject(
        "mia",
        [Some("Mia {0}"), None, None],
        &["face"],
    );
    let negative = build_negative(word);
    build
        .shot(
            "turn",
            "{{ title }} in {{ colour }} turns, {{ word }}".replace("{{ word }}", word).as_str(),
            |shot| {
                shot.takes = 2;
                shot.seeds = seeds;
            },
        )
        .axis("aspect", &["1:1", "9:16"])
        .shot("loud", "{{ title | upper }} spins {{ take }}", |shot| shot.takes = 3)
        .shot("host", "the host lifts it up", |shot| {
            let choices = vec![SubjectRef { set: 1, subject: 0 }];
            shot.with.push(With { alias: "host".into(), choices, place: shot.place });
            shot.selects[0].subject = Some(0);
        })
        .shot("plain", "it rolls away", |_| {})
        .model("unpriced")
        .change(|build| {
            let negative = build.template(&negative);
            let shot = build.catalogue.shots.last_mut().expect("a shot");
            shot.negative_prompt = Some(negative);
        })
        .shot("mood", "a street at dawn, slow pan", |shot| shot.selects.clear())
}

fn build_negative(word: &str) -> String {
    format!("{word} of {{{{ colour }}}}")
}

/// The same plan against a ledger in which some jobs are in other states, or of other requests.
fn after(build: impl Fn() -> Build, states: &[Option<(JobState, bool)>]) -> Planned {
    let first = build().plan();
    let whole = first.known(JobState::Done);
    let mut known = KnownJobs::new();
    for ((job, _), state) in first.jobs.iter().zip(states.iter().cycle()) {
        let Some((state, same)) = state else { continue };
        let mut entry = whole[&job.key];
        entry.state = *state;
        if !same {
            entry.fingerprint = [9; 16];
        }
        known.insert(job.key, entry);
    }
    build().plan_after(&known)
}

fn states() -> impl Strategy<Value = Vec<Option<(JobState, bool)>>> {
    let all = [JobState::Done, JobState::Failed, JobState::Unknown, JobState::Submitted];
    let state = prop::option::of((prop::sample::select(all.to_vec()), any::<bool>()));
    prop::collection::vec(state, 1..7)
}

fn products() -> impl Strategy<Value = Vec<(String, String, usize)>> {
    let product = ("[A-Za-z{} éß\"\\\\0-9]{0,12}", "(red|blue|a  b|x)", 1usize..=4);
    prop::collection::vec(product, 1..14)
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(48))]

    #[test]
    fn a_plan_read_again_is_the_plan_that_was_written(
        products in products(), states in states(), seeds in prop::collection::vec(any::<u64>(), 0..2),
        word in "(slowly|p1|\\{\\{ '\\{' \\}\\}id)",
    ) {
        let planned = after(|| shop(&products, seeds.clone(), &word), &states);
        let unit = planned.plan().summary.unit.clone();
        let file = written(&planned);
        prop_assert_eq!(&file, &written(&planned), "same plan, same bytes");
        let jobs = read(file.clone()).expect("a good file");
        prop_assert_eq!(jobs.len(), planned.jobs.len());
        for (read, (job, change)) in jobs.iter().zip(&planned.jobs) {
            prop_assert_eq!(read.line(&unit), job.line(change, &planned.catalogue));
            prop_assert_eq!(&read.change, change);
            prop_assert_eq!(read.key, job.key);
            prop_assert_eq!(read.fingerprint, job.fingerprint.whole);
            prop_assert_eq!(read.request_name(), job.fingerprint);
            prop_assert_eq!(read.money(), Money::of(job));
            prop_assert_eq!(read.negative_prompt(), job.negative_prompt.clone());
            prop_assert_eq!(read.settings(), job.settings.clone());
        }
        let header = reader(file).expect("a good file").verify().expect("a good file");
        prop_assert_eq!(header.plan, planned.plan().digest);
    }

    #[test]
    fn any_byte_that_is_changed_is_noticed(at in any::<prop::sample::Index>(), bit in 0u8..8) {
        let good = written(&shop(&[("Mug".into(), "red".into(), 1)], Vec::new(), "x").plan());
        let mut file = good.clone();
        let at = at.index(file.len());
        file[at] ^= 1 << bit;
        // Some bits of the packing's own header say nothing of what is packed.
        prop_assert!(read(file.clone()).is_err() || unpacked(&file) == unpacked(&good));
    }

    #[test]
    fn any_byte_of_the_lines_that_is_changed_is_noticed(
        at in any::<prop::sample::Index>(), byte in any::<u8>(),
    ) {
        let file = written(&shop(&[("Mug".into(), "red".into(), 1)], Vec::new(), "x").plan());
        let mut text = unpacked(&file).into_bytes();
        let at = at.index(text.len());
        prop_assume!(text[at] != byte);
        text[at] = byte;
        prop_assert!(read(packed(text)).is_err());
    }

    #[test]
    fn a_file_that_is_cut_anywhere_is_noticed(at in any::<prop::sample::Index>()) {
        let mut file = written(&shop(&[("Mug".into(), "red".into(), 1)], Vec::new(), "x").plan());
        file.truncate(at.index(file.len()));
        prop_assert!(read(file).is_err());
    }

    #[test]
    fn any_bytes_are_refused_and_nothing_panics(lines in "(\\{\"(form|job|end|subject|picture)\":.{0,30}\n){0,4}") {
        let file = written(&shop(&[("Mug".into(), "red".into(), 1)], Vec::new(), "x").plan());
        let text = unpacked(&file);
        let header = text.lines().next().expect("a header");
        let whole = [header, "\n", &lines].concat();
        prop_assert!(read(packed(whole)).is_err());
        prop_assert!(read(lines.into_bytes()).is_err());
    }
}

fn mugs() -> Build {
    shop(&[("Mug".into(), "red".into(), 1), ("Cup".into(), "blue".into(), 2)], Vec::new(), "x")
}

/// The plan of the mugs against a ledger that has every job in one state, of the planned request
/// or of another one.
fn standing(state: Option<(JobState, bool)>) -> Planned {
    after(mugs, &[state])
}

fn on_disk(planned: &Planned) -> tempfile::NamedTempFile {
    let mut file = tempfile::NamedTempFile::new().expect("a file");
    file.write_all(&written(planned)).expect("written");
    file
}

/// Why the plan of `before` can't run now, beside what a test has no workspace for.
fn stale(before: &Planned, now: &Planned) -> Vec<(Stale, u64)> {
    let file = on_disk(before);
    let limits = Limits::default();
    let reader = PlanReader::open(file.path(), &limits).expect("a plan file");
    let mut check = StaleCheck::new(reader, &limits).expect("a good file");
    for (job, change) in &now.jobs {
        check.job(job, change);
    }
    let shelf = crate::plan::tests::builder::shelf();
    // What tests write names no file and no price.
    let made_from = origin();
    let catalogue = &now.catalogue;
    let facts = NowFacts { origin: &made_from, shelf: &shelf, catalogue };
    let reasons = check.finish(now.plan(), &facts).expect("the file is there");
    let about = |reason: &Stale| !matches!(reason, Stale::CardChanged | Stale::PriceChanged);
    reasons.iter().filter(|r| about(&r.reason)).map(|r| (r.reason, r.count)).collect()
}

#[test]
fn only_what_came_of_the_plan_itself_may_have_changed_in_the_ledger() {
    use JobState::{Done, Failed, Submitted, Unknown};
    let all = standing(None).jobs.len() as u64;
    let same = |state| Some((state, true));
    let other = |state| Some((state, false));
    /// A job's state in the ledger, and whether of the planned request; absent where it has none.
    type Held = Option<(JobState, bool)>;
    let then_now: &[(Held, Held, Option<Stale>)] = &[
        (None, None, None),
        (None, same(Done), None),
        (None, same(Submitted), None),
        (None, same(Unknown), None),
        (None, same(Failed), None),
        (None, other(Done), Some(Stale::LedgerMoved)),
        (same(Failed), same(Done), None),
        (same(Failed), None, Some(Stale::OlderLedger)),
        (same(Failed), other(Done), Some(Stale::LedgerMoved)),
        (other(Done), same(Done), None),
        (other(Done), other(Done), None),
        (other(Done), None, Some(Stale::OlderLedger)),
        (same(Done), same(Done), None),
        (same(Done), None, Some(Stale::NotDone)),
        (same(Done), same(Failed), Some(Stale::NotDone)),
        (same(Submitted), same(Submitted), None),
        (same(Submitted), same(Done), None),
        (same(Submitted), same(Failed), Some(Stale::WouldStart)),
        (same(Unknown), same(Failed), Some(Stale::WouldStart)),
        (other(Submitted), other(Done), Some(Stale::WouldStart)),
    ];
    for (then, now, wanted) in then_now {
        let found = stale(&standing(*then), &standing(*now));
        let wanted: Vec<_> = wanted.iter().map(|reason| (*reason, all)).collect();
        assert_eq!(found, wanted, "{then:?}, then {now:?}");
    }
}

#[test]
fn a_comparison_is_over_what_would_run_and_says_what_was_made() {
    let compared = |before: &Planned, now: &Planned| {
        let file = on_disk(before);
        let limits = Limits::default();
        let reader = PlanReader::open(file.path(), &limits).expect("a plan file");
        let mut with = Comparer::with(reader, "before", &limits).expect("a good file");
        now.jobs.iter().for_each(|(job, change)| with.job(job, change));
        with.finish(&now.catalogue.budget.unit).expect("the file is there")
    };
    let (whole, made) = (standing(None), standing(Some((JobState::Done, true))));
    let all = whole.jobs.len() as u64;
    let same = compared(&whole, &whole);
    assert_eq!((same.same, same.jobs_now, same.increase_percent.as_deref()), (all, all, Some("0")));
    let nothing_left = compared(&whole, &made);
    assert_eq!((nothing_left.made, nothing_left.removed, nothing_left.jobs_now), (all, 0, 0));
    let all_new = compared(&made, &whole);
    assert_eq!((all_new.added, all_new.jobs_before, all_new.increase_percent), (all, 0, None));
    let fewer = Build::new().products(&["hero"]).shot("turn", "{{ title }} turns", |_| {}).plan();
    let other = compared(&whole, &fewer);
    assert_eq!(other.removed, all);
    assert_eq!(other.examples.len(), 10);
    assert!(other.examples.iter().all(|e| !e.address.is_empty()), "{:?}", other.examples);
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(12))]

    #[test]
    fn a_part_of_an_approved_plan_is_covered_at_no_higher_price(
        keep in prop::collection::vec(any::<bool>(), 1..9), more in 0i64..3, strange in any::<bool>(),
        by_retries in any::<bool>(),
    ) {
        let planned = standing(None);
        let file = on_disk(&planned);
        let limits = Limits::default();
        let unit = &planned.plan().summary.unit;
        let priced = planned.jobs.iter().filter(|(job, _)| job.estimate.known().is_some());
        let kept = priced.zip(keep.iter().cycle()).filter(|(_, keep)| **keep);
        let mut would_run: Vec<_> = kept
            .map(|((job, _), _)| {
                let more = rust_decimal::Decimal::from(more);
                let money = Money::of(job).map(|m| match by_retries {
                    true => Money { high: m.high + more, ..m },
                    false => Money { estimate: m.estimate + more, high: m.high + more, ..m },
                });
                (job.key, job.fingerprint.whole, money)
            })
            .collect();
        let count = would_run.len() as u64;
        if strange {
            let digest = crate::digest::Digest::of(b"strange");
            let zero = rust_decimal::Decimal::ZERO;
            let free = Money { estimate: zero, low: zero, high: zero };
            would_run.push((crate::address::JobKey::of("a/b/c/1"), digest, Some(free)));
        }
        let open = || PlanReader::open(file.path(), &limits).expect("a plan file");
        let covered = covers(open(), &limits, unit, would_run.iter().copied()).expect("a good file");
        prop_assert_eq!(covered.all(), !strange && (more == 0 || count == 0));
        prop_assert_eq!(covered.absent, u64::from(strange));
        prop_assert_eq!(covered.dearer, if more > 0 { count } else { 0 });
        let other = covers(open(), &limits, "points", would_run.into_iter()).expect("a good file");
        prop_assert!(!other.all());
    }
}
