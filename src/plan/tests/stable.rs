//! Addresses, order and fingerprints: what stays the same, and what must not.

use std::collections::{BTreeMap, BTreeSet};
use std::ops::ControlFlow;
use std::sync::Arc;

use proptest::prelude::*;

use super::builder::{Build, Planned, access, shelf};
use crate::ledger::KnownJobs;
use crate::media::PictureId;
use crate::plan::{Part, Planner};

fn with_rows(rows: &[usize]) -> Planned {
    let mut build = Build::new().set("products", crate::manifest::SubjectKind::Product);
    for row in rows {
        let (id, title) = (format!("p{row}"), format!("Thing {row}"));
        build = build.subject(&id, [Some(&title), None, None], &["hero"]);
    }
    let build = build.shot("turn", "{{ title }} turns", |shot| shot.takes = 2);
    build.axis("aspect", &["1:1", "9:16"]).shot("spin", "@hero spins", |_| {}).plan()
}

fn by_address(planned: &Planned) -> BTreeMap<String, (String, String, String)> {
    let jobs = planned.jobs.iter();
    jobs.map(|(job, _)| {
        let fingerprint = job.fingerprint.whole.to_string();
        (job.address.to_string(), (fingerprint, job.out.clone(), job.prompt.clone()))
    })
    .collect()
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(16))]

    #[test]
    fn moving_rows_changes_no_job(mut rows in Just((0..30).collect::<Vec<usize>>()).prop_shuffle()) {
        let moved = with_rows(&rows);
        rows.sort_unstable();
        let sorted = with_rows(&rows);
        prop_assert_eq!(by_address(&moved).len(), moved.jobs.len());
        prop_assert_eq!(by_address(&moved), by_address(&sorted));
    }
}

#[test]
fn jobs_come_by_shot_then_subject_then_variant_then_take() {
    let planned = with_rows(&[0, 1]);
    assert_eq!(
        planned.addresses(),
        [
            "products.p0/turn/aspect=1:1/1",
            "products.p0/turn/aspect=1:1/2",
            "products.p0/turn/aspect=9:16/1",
            "products.p0/turn/aspect=9:16/2",
            "products.p1/turn/aspect=1:1/1",
            "products.p1/turn/aspect=1:1/2",
            "products.p1/turn/aspect=9:16/1",
            "products.p1/turn/aspect=9:16/2",
            "products.p0/spin/-/1",
            "products.p1/spin/-/1",
        ]
    );
}

#[test]
fn a_stream_gives_the_same_jobs_in_the_same_order() {
    let rows: Vec<usize> = (0..900).collect();
    let planned = with_rows(&rows);
    let planner = &planned.plan().planner;
    let streamed: Vec<String> =
        planner.stream(Arc::new(KnownJobs::new())).map(|p| p.job.address.to_string()).collect();
    assert_eq!(streamed, planned.addresses());
    assert_eq!(streamed.iter().collect::<BTreeSet<_>>().len(), 900 * 5);
    let some: Vec<_> = planner.stream(Arc::new(KnownJobs::new())).take(3).collect();
    assert_eq!(some.len(), 3);
}

#[test]
fn a_subject_selected_twice_has_its_jobs_once() {
    let build = Build::new().products(&[]).shot("turn", "it turns", |shot| {
        let one = crate::manifest::Selection { set: 0, subject: Some(1) };
        shot.selects.insert(0, one.clone());
        shot.selects.push(one);
    });
    assert_eq!(build.plan().addresses(), ["products.cup/turn/-/1", "products.mug/turn/-/1"]);
}

#[test]
fn walking_stops_when_it_is_told_to() {
    let rows: Vec<usize> = (0..3000).collect();
    let catalogue = with_rows(&rows).catalogue;
    let planner = Planner::new(&catalogue, &shelf(), &access()).0.expect("no errors");
    let mut seen = 0;
    planner.for_each(&KnownJobs::new(), |jobs| {
        seen += jobs.len();
        ControlFlow::Break(())
    });
    assert!((1..=512).contains(&seen));
}

/// Which parts of the only job differ after a change of the catalogue.
fn differing(change: impl FnOnce(Build) -> Build) -> Vec<Part> {
    let base = || {
        let build = Build::new().products(&["hero"]).shot("turn", "@hero turns", |shot| {
            shot.seeds = vec![1];
        });
        build.condition("colour == 'red'")
    };
    let before = base().plan().only().fingerprint;
    let after = change(base()).plan().only().fingerprint;
    assert_eq!(before.whole == after.whole, before.parts == after.parts);
    after.differences(&before.parts)
}

#[test]
fn a_fingerprint_changes_with_its_part_and_nothing_else() {
    assert_eq!(differing(|b| b), []);
    assert_eq!(differing(|b| b.model("no-mentions")), [Part::Model, Part::Prompt]);
    let prompt = |mut b: Build| {
        b.catalogue.shots[0].prompt = b.template("@hero spins");
        b
    };
    assert_eq!(differing(prompt), [Part::Prompt]);
    let seed = |mut b: Build| {
        b.catalogue.shots[0].seeds = vec![2];
        b
    };
    assert_eq!(differing(seed), [Part::Settings]);
    let bytes = |mut b: Build| {
        let other = crate::digest::Digest::of(b"other bytes");
        if let Some(Ok(facts)) = &mut b.catalogue.pictures.items_mut()[0].facts {
            facts.digest = other;
        }
        b
    };
    assert_eq!(differing(bytes), [Part::Reference]);
    // A file under another path with the same bytes is the same request.
    let moved = |mut b: Build| {
        let digest = b.catalogue.pictures.facts(PictureId(0)).expect("probed").digest;
        let id = b.picture("elsewhere.jpg");
        if let Some(Ok(facts)) = &mut b.catalogue.pictures.items_mut()[id.0 as usize].facts {
            facts.digest = digest;
        }
        b.catalogue.sets[0].subjects[0].references[0].picture = id;
        b
    };
    assert_eq!(differing(moved), []);
    let out = |mut b: Build| {
        b.catalogue.out = b.template("other/{{ job.short }}.mp4");
        b
    };
    assert_eq!(differing(out), []);
}
