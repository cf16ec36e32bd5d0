//! Plan files as they are written and read: what was planned comes back, and what was changed is
//! noticed.

use std::io::{Read, Write};
use std::path::Path;

use proptest::prelude::*;

use super::*;
use crate::ledger::{JobState, KnownJobs};
use crate::limits::Limits;
use crate::manifest::{SubjectKind, SubjectRef, With};
use crate::plan::Money;
use crate::plan::tests::builder::{Build, Planned};

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
        let mut file = written(&shop(&[("Mug".into(), "red".into(), 1)], Vec::new(), "x").plan());
        let at = at.index(file.len());
        file[at] ^= 1 << bit;
        prop_assert!(read(file).is_err());
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
