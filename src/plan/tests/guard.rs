//! Guardrails against sums that are made the simple way.

use std::collections::BTreeMap;

use proptest::prelude::*;
use rust_decimal::Decimal;

use super::builder::{Build, Planned, amount, shelf};
use crate::ledger::{JobState, KnownJobs};
use crate::manifest::{Guardrails, Rule, Settings, Severity, SubjectKind};
use crate::money::Micros;
use crate::plan::summary::Comparison;
use crate::plan::{Held, Used};
use crate::yaml::Placed;

/// What a manifest may say, as small numbers; severities by turns.
#[derive(Debug, Clone)]
struct Story {
    /// Seconds and model of each shot.
    shots: Vec<(u8, usize)>,
    takes: u32,
    /// Which jobs are done already.
    done: Vec<bool>,
    limits: Vec<u8>,
    held: Vec<u8>,
    before: u8,
}

const MODELS: [&str; 3] = ["animatic", "first-frame", "unpriced"];

/// Two products without pictures, so that every job goes by text, at a credit a second.
fn catalogue(story: &Story) -> Build {
    let mut build = Build::new().products(&[]);
    for (n, (seconds, model)) in story.shots.iter().enumerate() {
        build = build.shot(&format!("shot-{n}"), "it turns", |shot| shot.takes = story.takes);
        let place = build.place("seconds");
        let duration = Some(Placed { value: Decimal::from(*seconds), place });
        let shot = build.catalogue.shots.last_mut().expect("just pushed");
        shot.settings = Settings { duration, ..Settings::default() };
        build = build.model(MODELS[*model]);
    }
    build
}

fn planned(story: &Story, change: impl FnOnce(&mut Build)) -> Planned {
    let all = catalogue(story).plan().known(JobState::Done);
    let done = |known: &i64| {
        let at = usize::try_from(*known).expect("rows count from 1");
        story.done.get(at % story.done.len()).copied().unwrap_or_default()
    };
    let known: KnownJobs = all.into_iter().filter(|(_, known)| done(&known.job)).collect();
    catalogue(story).change(change).plan_with(&shelf(), &known, Used::default())
}

fn rules(build: &mut Build, limits: &[u8]) -> Guardrails {
    let mut rule = |n: usize| {
        let place = build.place("rule");
        let severity = if n.is_multiple_of(2) { Severity::Deny } else { Severity::Warn };
        Some(Rule { value: Decimal::from(limits[n]), severity, place })
    };
    Guardrails {
        max_total: rule(0),
        max_per_job: rule(1),
        max_per_subject: rule(2),
        max_per_model: rule(3),
        max_per_day: rule(4),
        max_per_month: rule(5),
        max_increase_percent: rule(6),
        max_jobs: rule(7).map(|rule| Rule {
            value: u64::from(limits[7]),
            severity: rule.severity,
            place: rule.place,
        }),
        unpriced: rule(8).map(|rule| Rule {
            value: (),
            severity: rule.severity,
            place: rule.place,
        }),
        ..Guardrails::default()
    }
}

fn story() -> impl Strategy<Value = Story> {
    let limits = proptest::collection::vec(0u8..60, 9);
    let held = proptest::collection::vec(0u8..20, 6);
    let shots = proptest::collection::vec((2u8..10, 0usize..3), 1..4);
    let done = proptest::collection::vec(any::<bool>(), 1..5);
    (shots, 1u32..3, done, limits, held, 0u8..60).prop_map(
        |(shots, takes, done, limits, held, before)| Story {
            shots,
            takes,
            done,
            limits,
            held,
            before,
        },
    )
}

fn credits(n: u8) -> Micros {
    Micros::from_decimal(Decimal::from(n)).expect("a small amount")
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(200))]

    #[test]
    fn evaluation_agrees_with_sums_made_the_simple_way(story in story()) {
        let mut planned = planned(&story, |build| {
            let limits = story.limits.clone();
            build.catalogue.guardrails = rules(build, &limits);
        });
        let h = &story.held;
        let held = Held {
            plan: credits(h[0]),
            day: credits(h[1]),
            month: credits(h[2]),
            models: [("animatic".to_owned(), credits(h[3]))].into(),
            subjects: [("products.mug".to_owned(), credits(h[4]))].into(),
        };
        // The simple way: over the jobs, as they came.
        let runs: Vec<_> = planned.jobs.iter().filter(|(_, change)| change.runs()).collect();
        let mut total = Decimal::ZERO;
        let (mut models, mut subjects) = (BTreeMap::new(), BTreeMap::new());
        let (mut unpriced, mut dear) = (0, 0);
        for (job, _) in &runs {
            let Some(cost) = job.estimate.known().map(|amount| amount.value) else {
                unpriced += 1;
                models.entry(job.model.model.clone()).or_insert(Decimal::ZERO);
                continue;
            };
            total += cost;
            dear += u64::from(cost > Decimal::from(story.limits[1]));
            *models.entry(job.model.model.clone()).or_insert(Decimal::ZERO) += cost;
            let subject = job.subject_name(&planned.catalogue).expect("each has one");
            *subjects.entry(subject).or_insert(Decimal::ZERO) += cost;
        }
        let over = |n: usize, held: u8, sum: Decimal| {
            sum > Decimal::ZERO && sum + Decimal::from(held) > Decimal::from(story.limits[n])
        };
        let mut expected = Vec::new();
        if over(0, h[0], total) { expected.push("max_total"); }
        if dear > 0 { expected.push("max_per_job"); }
        let of_mug = |name: &String| if name == "products.mug" { h[4] } else { 0 };
        if subjects.iter().any(|(name, sum)| over(2, of_mug(name), *sum)) {
            expected.push("max_per_subject");
        }
        let of_model = |name: &String| if name == "animatic" { h[3] } else { 0 };
        for (name, sum) in &models {
            if over(3, of_model(name), *sum) { expected.push("max_per_model"); }
        }
        if over(4, h[1], total) { expected.push("max_per_day"); }
        if over(5, h[2], total) { expected.push("max_per_month"); }
        let before = Decimal::from(story.before);
        let most = before * (Decimal::ONE_HUNDRED + Decimal::from(story.limits[6]));
        if !before.is_zero() && total * Decimal::ONE_HUNDRED > most && !runs.is_empty() {
            expected.push("max_increase_percent");
        }
        if runs.len() as u64 > u64::from(story.limits[7]) { expected.push("max_jobs"); }
        if unpriced > 0 { expected.push("unpriced"); }

        let plan = planned.plan.as_mut().expect("nothing is wrong with it");
        let cost = [("credits".to_owned(), story.before.to_string())].into();
        plan.summary.since_approval =
            Some(Comparison { total_before: cost, ..Comparison::default() });
        let said = plan.judge(&held);
        prop_assert_eq!(said.is_some(), before.is_zero() && !runs.is_empty());
        let breaches = &plan.summary.breaches;
        prop_assert!(breaches.is_sorted_by_key(|b| std::cmp::Reverse(b.severity)));
        prop_assert!(breaches.iter().all(|b| b.at.starts_with("kinora.yaml:")));
        let mut found: Vec<&str> = breaches.iter().map(|b| b.rule.as_str()).collect();
        found.sort_unstable();
        expected.sort_unstable();
        prop_assert_eq!(found, expected);
    }
}

#[test]
fn a_job_with_a_real_person_is_one_even_where_the_person_is_a_further_subject() {
    let build = Build::new()
        .products(&["hero"])
        .set("cast", SubjectKind::Character)
        .subject("mia", [None, None, None], &["face"])
        .shot("hold", "@host holds @hero", |_| {})
        .with("host", &[(1, 0)]);
    let planned = build
        .change(|build| {
            build.catalogue.sets[1].subjects[0].real_person = true;
            let place = build.place("rule");
            let severity = Severity::Deny;
            build.catalogue.guardrails.consent = Some(Rule { value: (), severity, place });
        })
        .plan();
    let mut plan = planned.plan.expect("nothing is wrong with it");
    plan.judge(&Held::default());
    let breach = &plan.summary.breaches[0];
    assert_eq!((breach.jobs, &breach.examples[..]), (Some(2), &["cast.mia".to_owned()][..]));
}

#[test]
fn a_percentage_is_of_exact_amounts() {
    let judged = |before: &str, limit: &str| {
        let build = Build::new().shot("mood", "a slow pan", |_| {});
        let planned = build
            .change(|build| {
                let (value, place) = (amount(limit), build.place("rule"));
                let rule = Rule { value, severity: Severity::Deny, place };
                build.catalogue.guardrails.max_increase_percent = Some(rule);
            })
            .plan();
        let mut plan = planned.plan.expect("nothing is wrong with it");
        let cost = [("credits".to_owned(), before.to_owned())].into();
        let label = "the plan that ana approved on 2026-11-20".to_owned();
        plan.summary.since_approval =
            Some(Comparison { total_before: cost, label, ..Comparison::default() });
        plan.judge(&Held::default());
        plan.summary.breaches.iter().map(|b| b.message.clone()).collect::<Vec<_>>()
    };
    assert_eq!(judged("4", "25"), [""; 0], "it costs 5");
    assert_eq!(judged("3.999999", "25").len(), 1, "a millionth more");
    insta::assert_snapshot!(judged("4", "10.5").join(""), @"the plan costs 5 credits and the plan that ana approved on 2026-11-20 cost 4 credits: 25 percent more; the limit is 10.5 percent");
}
