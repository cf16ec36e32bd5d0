//! Addresses, order and fingerprints: what stays the same, and what must not.

use std::collections::{BTreeMap, BTreeSet};
use std::ops::ControlFlow;
use std::sync::Arc;

use proptest::prelude::*;

use super::builder::{Build, Planned, access, card, shelf};
use crate::ledger::KnownJobs;
use crate::manifest::{Bounds, Consistency, ConsistencyRule, OnFail};
use crate::media::PictureId;
use crate::models::{BUILT_IN, Route};
use crate::plan::{Part, Planner, Used};

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
    if before.whole == after.whole { Vec::new() } else { after.differences(&before.parts) }
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
    assert_eq!(differing(|b| asking(b, 95, 0)), []);
    assert_eq!(differing(|b| asking(b, 80, 3)), []);
}

/// The same shop, where clips pass from a score and may be made again so often.
fn asking(mut build: Build, min: u8, max_retakes: u32) -> Build {
    let on_fail = if max_retakes > 0 { OnFail::Retake } else { OnFail::Flag };
    let bounds = Bounds { min, fail_below: min - 20 };
    let rule = ConsistencyRule { bounds, on_fail, max_retakes, ..ConsistencyRule::default() };
    let rule = Some(std::sync::Arc::new(rule));
    build.catalogue.shots[0].settings.consistency = Consistency { rule, place: None };
    build
}

#[test]
fn an_approval_is_of_what_may_be_paid_and_not_of_a_score() {
    let planned = |min, retakes| {
        let build = Build::new().products(&["hero"]).shot("turn", "@hero turns", |_| {});
        asking(build, min, retakes).plan()
    };
    let (usual, strict) = (planned(80, 0), planned(95, 0));
    assert_eq!(usual.plan().digest, strict.plan().digest);
    assert_eq!(strict.jobs[0].0.consistency.as_ref().map(|rule| rule.bounds.min), Some(95));
    let request = strict.jobs[0].0.request(&strict.catalogue).expect("its pictures are there");
    assert_eq!(request.consistency.map(|rule| rule.bounds.min), Some(95));
    let (once, twice) = (planned(80, 1), planned(80, 2));
    let mut digests = [&usual, &once, &twice].map(|p| p.plan().digest).to_vec();
    digests.dedup();
    assert_eq!(digests.len(), 3, "each may come to another sum");
    let [before, after] = [&usual, &twice].map(|planned| &planned.plan().summary.to_run);
    assert_eq!((&before.estimate, &before.low), (&after.estimate, &after.low));
    assert!(before.with_retakes.is_empty() && after.with_retakes == after.high);
    let told = &twice.plan().summary.checked;
    assert_eq!((told.len(), told[0].jobs, told[0].rule.max_retakes), (1, 2, 2));
}

#[test]
fn clips_without_a_picture_and_those_of_the_stand_in_are_not_checked_by_themselves() {
    let own = card("stand-in", |c| c["provider"] = BUILT_IN.into());
    let shelf = || shelf().iter().map(|card| (**card).clone()).chain([own.clone()]).collect();
    let checked = |model: &str, route: Option<Route>, written: bool| {
        let build = Build::new().products(&["hero"]).shot("turn", "it turns", |shot| {
            shot.route = route.map(|route| (route, shot.place));
            shot.settings.consistency.place = written.then_some(shot.place);
        });
        let build = build.model(model);
        let planned = build.plan_with(&shelf(), &KnownJobs::new(), Used::default());
        assert_eq!(planned.jobs.len(), 2, "{:?}", planned.findings);
        planned.jobs.iter().filter(|(job, _)| job.consistency.is_some()).count()
    };
    assert_eq!(checked("first-frame", None, false), 2);
    assert_eq!(checked("first-frame", Some(Route::Text), true), 0, "nothing to hold it against");
    assert_eq!(checked("stand-in", None, false), 0);
    assert_eq!(checked("stand-in", None, true), 2);
}
