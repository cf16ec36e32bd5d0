//! Sums: whatever the catalogue, the cards and the ledger, every grouping adds up to the whole, at
//! every field; and a part of a plan never costs more than the plan.

use std::collections::BTreeMap;
use std::sync::{Arc, LazyLock};

use proptest::prelude::*;
use rust_decimal::Decimal;
use serde_json::json;

use super::builder::{Build, Planned, amount, card};
use crate::ledger::{JobState, KnownJobs};
use crate::manifest::{Consistency, ConsistencyRule, OnFail, Selection, SubjectKind, SubjectRef};
use crate::models::{Priced, Route, Shelf};
use crate::money::{Micros, Unit};
use crate::plan::diff::Standing;
use crate::plan::tally::{ChunkTally, Tallies};
use crate::plan::{
    Change, Narrowing, NotCompared, PlanSummary, PlannedJob, Reach, SubjectSums, Sums, Tally, Used,
};

/// Models of several providers; each has something that sums must not trip over.
static SHELF: LazyLock<Shelf> = LazyLock::new(|| {
    let of = |provider: &'static str, name: &str, change: &dyn Fn(&mut serde_json::Value)| {
        card(name, |c| {
            c["provider"] = json!(provider);
            c["options"] = json!({"auto_duration": {"title": "the model decides"}});
            change(c);
        })
    };
    [
        of("alpha", "alpha/full", &|_| {}),
        of("alpha", "alpha/no-text", &|c| {
            c["routes"].as_object_mut().expect("routes").remove("text");
        }),
        of("beta", "beta/unpriced", &|c| c["price"] = json!(null)),
        of("beta", "beta/in-usd", &|c| c["price"]["unit"] = json!("USD")),
        // A clip by text costs more than one by a picture, whatever its length.
        of("beta", "beta/upside-down", &|c| {
            c["price"]["charges"] = json!([
                {"per": "clip", "amount": "2.000001", "routes": ["text"]},
                {"per": "clip", "amount": "0.333333"},
            ]);
        }),
        // Less than the ledger can hold: rounded up, for each job.
        of("gamma", "gamma/tiny", &|c| {
            c["price"]["charges"] = json!([{"per": "second", "amount": "0.00000013"}]);
        }),
        // Nobody knows the price by text.
        of("gamma", "gamma/pictures-only", &|c| {
            c["price"]["charges"] = json!([
                {"per": "second", "amount": "1.25", "routes": ["image", "frames", "references"]},
            ]);
        }),
    ]
    .into_iter()
    .collect()
});

const MODELS: [&str; 7] = [
    "alpha/full",
    "alpha/no-text",
    "beta/unpriced",
    "beta/in-usd",
    "beta/upside-down",
    "gamma/tiny",
    "gamma/pictures-only",
];

/// A shot of a random catalogue.
#[derive(Debug, Clone)]
struct Draw {
    /// Set 0 or 1; 2 for a shot that stands alone.
    set: u32,
    model: usize,
    prompt: usize,
    takes: u32,
    shapes: bool,
    auto: bool,
    seconds: u32,
    /// How often a clip that fails is made again.
    retakes: u32,
}

#[derive(Debug, Clone)]
struct Shop {
    subjects: [usize; 2],
    shots: Vec<Draw>,
    /// What may be tried again for money: `retries` where `pay_again` is on.
    retries: Option<u32>,
}

fn shop() -> impl Strategy<Value = Shop> {
    let length = (any::<bool>(), 2u32..11);
    let draw = (0u32..3, 0..MODELS.len(), 0usize..3, 1u32..4, any::<bool>(), length, 0u32..4);
    let draw = draw.prop_map(|(set, model, prompt, takes, shapes, (auto, seconds), retakes)| {
        Draw { set, model, prompt, takes, shapes, auto, seconds, retakes }
    });
    let shots = prop::collection::vec(draw, 1..7);
    let subjects = [0usize..30, 0usize..8];
    (subjects, shots, prop::option::of(0u32..4)).prop_map(|(subjects, shots, retries)| Shop {
        subjects,
        shots,
        retries,
    })
}

/// What asks for so many retakes of a clip that fails.
fn retaken(retakes: u32) -> Consistency {
    let on_fail = if retakes > 0 { OnFail::Retake } else { OnFail::Flag };
    let rule = ConsistencyRule { on_fail, max_retakes: retakes, ..ConsistencyRule::default() };
    Consistency { rule: Some(Arc::new(rule)), place: None }
}

impl Shop {
    fn build(&self) -> Build {
        let mut build = Build::new().set("products", SubjectKind::Product);
        for n in 0..self.subjects[0] {
            build = build.subject(&format!("p{n}"), [Some("T"), None, None], &["hero"]);
        }
        build = build.set("cast", SubjectKind::Character);
        for n in 0..self.subjects[1] {
            build = build.subject(&format!("c{n}"), [Some("T"), None, None], &["hero", "face"]);
        }
        let prompts = ["it turns", "@hero turns", "{{ title }} turns"];
        for (i, draw) in self.shots.iter().enumerate() {
            let alone = draw.set > 1;
            let prompt = if alone { "it turns" } else { prompts[draw.prompt] };
            let place = build.place("auto");
            build = build.shot(&format!("s{i}"), prompt, |shot| {
                shot.takes = draw.takes;
                shot.settings.consistency = retaken(draw.retakes);
                shot.selects = match alone {
                    true => Vec::new(),
                    false => vec![Selection { set: draw.set, subject: None }],
                };
                match draw.auto {
                    true => shot.settings.auto_duration = Some(place),
                    false => {
                        let value = Decimal::from(draw.seconds);
                        shot.settings.duration = Some(crate::manifest::Placed { value, place });
                    }
                }
            });
            build = build.model(MODELS[draw.model]);
            if draw.shapes {
                build = build.axis("aspect", &["1:1", "9:16"]);
            }
        }
        build.catalogue.pay_again = self.retries.is_some();
        build.catalogue.retries = self.retries.unwrap_or(3);
        let ready = |provider: &'static str| (provider, Reach::Ready);
        build.access = ["alpha", "beta", "gamma"].map(ready).into_iter().collect();
        build
    }

    fn plan(&self, known: &KnownJobs) -> Option<Planned> {
        self.plan_part(known, Narrowing::default())
    }

    /// `None` where the catalogue can't be planned: a shot that stands alone can't enter a model
    /// without a text route.
    fn plan_part(&self, known: &KnownJobs, narrowing: Narrowing) -> Option<Planned> {
        let mut build = self.build();
        build.narrowing = narrowing;
        Some(build.plan_with(&SHELF, known, Used::default())).filter(|p| p.plan.is_some())
    }
}

/// Every field of a tally, as numbers.
type Fields = (u64, u64, u64, [Decimal; 7]);

fn fields(tally: &Tally) -> Fields {
    let of = |by_unit: &BTreeMap<String, String>| -> Decimal {
        assert!(by_unit.keys().all(|unit| unit == "credits"), "{by_unit:?}");
        by_unit.values().map(|text| amount(text)).sum()
    };
    let amounts = [
        amount(&tally.seconds),
        of(&tally.estimate),
        of(&tally.low),
        of(&tally.high),
        of(&tally.as_text),
        of(&tally.image_extra),
        // Where no clip is made again it is the estimate, and not said.
        match tally.with_retakes.is_empty() {
            true => of(&tally.estimate),
            false => of(&tally.with_retakes),
        },
    ];
    (tally.jobs, tally.unpriced, tally.compared, amounts)
}

fn total<'t>(tallies: impl IntoIterator<Item = &'t Tally>) -> Fields {
    tallies.into_iter().map(fields).fold(Fields::default(), |mut sum, part| {
        sum.0 += part.0;
        sum.1 += part.1;
        sum.2 += part.2;
        sum.3.iter_mut().zip(part.3).for_each(|(sum, part)| *sum += part);
        sum
    })
}

/// The same, job by job.
fn one_by_one<'j>(jobs: impl Iterator<Item = &'j PlannedJob>) -> Fields {
    let mut sum = Fields::default();
    for job in jobs {
        sum.0 += 1;
        sum.3[0] += job.settings.duration;
        let Priced::Known(amount) = &job.estimate else {
            sum.1 += 1;
            continue;
        };
        sum.3[1] += amount.value;
        sum.3[2] += job.spread.low;
        sum.3[3] += job.spread.high;
        sum.3[6] += job.with_retakes().expect("it is priced");
        if let Some(text) = job.text_estimate {
            sum.2 += 1;
            sum.3[4] += text;
            sum.3[5] += amount.value - text;
        }
    }
    sum
}

/// The ledger after some of the jobs ended one way or another.
fn known(planned: &Planned, states: &[u8]) -> KnownJobs {
    let ends = [JobState::Done, JobState::Failed, JobState::Submitted, JobState::Unknown];
    let all = planned.known(JobState::Done);
    let keep = |n: usize| states.get(n % states.len().max(1)).and_then(|s| ends.get(*s as usize));
    let kept = planned.jobs.iter().enumerate().filter_map(|(n, (job, _))| {
        let mut known = *all.get(&job.key)?;
        known.state = *keep(n)?;
        Some((job.key, known))
    });
    kept.collect()
}

fn check_groups(summary: &PlanSummary) -> Result<(), TestCaseError> {
    let whole = fields(&summary.to_run);
    let groupings = [
        &summary.by_shot,
        &summary.by_set,
        &summary.by_kind,
        &summary.by_model,
        &summary.by_provider,
        &summary.by_route,
    ];
    for grouping in groupings {
        prop_assert_eq!(total(grouping.iter().map(|group| &group.tally)), whole);
        let names: std::collections::BTreeSet<&str> =
            grouping.iter().map(|group| group.name.as_str()).collect();
        prop_assert_eq!(names.len(), grouping.len(), "each name comes once");
    }
    prop_assert_eq!(total(summary.finance.iter().map(|line| &line.tally)), whole);
    let alone = summary.by_set.iter().filter(|group| group.name == "none");
    let by_subject = summary.by_subject.iter().chain(alone).map(|group| &group.tally);
    prop_assert_eq!(total(by_subject), whole);
    prop_assert_eq!(summary.by_subject.len() as u64, summary.subjects);
    Ok(())
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(48))]

    #[test]
    fn every_grouping_adds_up_to_the_whole_at_every_field(
        shop in shop(),
        states in prop::collection::vec(0u8..6, 0..12),
    ) {
        let Some(first) = shop.plan(&KnownJobs::new()) else { return Ok(()) };
        check_groups(&first.plan().summary)?;
        let later = shop.plan(&known(&first, &states)).expect("it could be planned before");
        let summary = &later.plan().summary;
        check_groups(summary)?;
        let runs = later.jobs.iter().filter(|(_, change)| change.runs()).map(|(job, _)| job);
        prop_assert_eq!(one_by_one(runs), fields(&summary.to_run));
        prop_assert_eq!(one_by_one(later.jobs.iter().map(|(job, _)| job)), fields(&summary.all));
        let NotCompared { no_text_route, text_unpriced } = summary.not_compared;
        let told = summary.to_run.compared + summary.to_run.unpriced + no_text_route + text_unpriced;
        prop_assert_eq!(told, summary.to_run.jobs, "every job is compared, or it is said why not");
    }

    #[test]
    fn an_estimate_lies_between_the_least_and_the_most(shop in shop()) {
        let Some(planned) = shop.plan(&KnownJobs::new()) else { return Ok(()) };
        let attempts = Decimal::from(shop.retries.unwrap_or(0) + 1);
        for (job, _) in &planned.jobs {
            let Priced::Known(amount) = &job.estimate else {
                prop_assert_eq!(job.spread, crate::plan::Spread::default());
                continue;
            };
            prop_assert!(job.spread.low <= amount.value && amount.value <= job.spread.high);
            let retakes = match job.attached.is_empty() {
                true => 0,
                false => shop.shots[job.shot as usize].retakes,
            };
            prop_assert_eq!(job.retakes(), retakes, "without a picture there is nothing to check");
            let clips = Decimal::from(retakes + 1);
            prop_assert_eq!(job.with_retakes(), Some(amount.value * clips));
            prop_assert_eq!(job.spread.high, amount.value * clips * attempts);
            let auto = !job.settings.options.is_empty();
            prop_assert!(auto || job.spread.low == amount.value, "only open lengths may be less");
            prop_assert_eq!(Micros::from_decimal(amount.value).map(Micros::to_decimal), Ok(amount.value.normalize()));
        }
        let [_, estimate, low, high, _, _, with_retakes] = fields(&planned.plan().summary.to_run).3;
        prop_assert!(low <= estimate && estimate <= with_retakes && with_retakes <= high);
    }

    #[test]
    fn a_part_of_a_plan_is_the_same_jobs_and_never_costs_more(
        shop in shop(),
        first in prop::option::of(0u64..20),
        only in prop::option::of(prop::sample::select(vec!["s0", "s1", "products.p1*", "beta/*", "cast.*"])),
        states in prop::collection::vec(0u8..6, 0..12),
    ) {
        let Some(fresh) = shop.plan(&KnownJobs::new()) else { return Ok(()) };
        let known = known(&fresh, &states);
        let whole = shop.plan(&known).expect("it could be planned before");
        let only = only.map(|only| glob::Pattern::new(only).expect("a pattern"));
        let narrowing = Narrowing { first, only: only.into_iter().collect(), ..Narrowing::default() };
        // A pattern that fits nothing is an error of its own.
        let Some(part) = shop.plan_part(&known, narrowing) else { return Ok(()) };
        let (of_part, of_whole) = (&part.plan().summary, &whole.plan().summary);
        let (few, all) = (fields(&of_part.to_run), fields(&of_whole.to_run));
        prop_assert!(few.0 <= all.0 && few.1 <= all.1 && few.2 <= all.2);
        for field in [0, 1, 2, 3, 4, 6] {
            prop_assert!(few.3[field] <= all.3[field], "field {field}: {few:?} of {all:?}");
        }
        prop_assert!(first.is_none_or(|most| few.0 <= most));
        check_groups(of_part)?;
        let jobs: BTreeMap<&str, &PlannedJob> =
            whole.jobs.iter().map(|(job, _)| (job.address.as_str(), job)).collect();
        for (job, _) in &part.jobs {
            let same = jobs.get(job.address.as_str()).expect("a job of the whole");
            prop_assert_eq!(&job.fingerprint, &same.fingerprint);
            prop_assert_eq!(&job.estimate, &same.estimate);
            prop_assert_eq!(job.spread, same.spread);
        }
    }

    #[test]
    fn the_order_in_which_parts_are_merged_changes_no_sum(
        shop in shop(),
        cuts in prop::collection::vec(0usize..200, 0..8),
        turn in 0usize..9,
    ) {
        let Some(planned) = shop.plan(&KnownJobs::new()) else { return Ok(()) };
        let mut cuts: Vec<usize> = cuts.into_iter().map(|at| at.min(planned.jobs.len())).collect();
        cuts.extend([0, planned.jobs.len()]);
        cuts.sort_unstable();
        let chunks = || -> Vec<ChunkTally> {
            let parts = cuts.windows(2).map(|ends| &planned.jobs[ends[0]..ends[1]]);
            parts.map(|jobs| {
                let mut chunk = ChunkTally::default();
                jobs.iter().for_each(|(job, _)| chunk.add(job, &Standing::New));
                chunk
            }).collect()
        };
        let merged = |chunks: Vec<ChunkTally>| -> Tallies {
            let mut all = Tallies::default();
            chunks.into_iter().for_each(|chunk| all.take(chunk));
            all
        };
        let straight = merged(chunks());
        let mut turned = chunks();
        let by = turn % turned.len();
        turned.rotate_left(by);
        let turned = merged(turned);
        let subjects = |of: &Tallies| of.subjects.iter().map(|(at, s)| (at, *s)).collect::<Vec<_>>();
        prop_assert_eq!(subjects(&straight), subjects(&turned));
        let models = |of: &Tallies| {
            let by = of.cells.by_model().into_iter();
            by.map(|(model, sums)| (model.to_owned(), sums)).collect::<Vec<_>>()
        };
        prop_assert_eq!(models(&straight), models(&turned));
        let whole = straight.cells.sum(|_| true);
        prop_assert_eq!(whole, turned.cells.sum(|_| true));
        prop_assert_eq!(fields(&whole.tally(&Unit::default())), fields(&planned.plan().summary.all));
        prop_assert_eq!(straight.dearest.most(), turned.dearest.most());
    }

    #[test]
    fn the_dearest_are_the_dearest(shop in shop()) {
        let Some(planned) = shop.plan(&KnownJobs::new()) else { return Ok(()) };
        let mut all: Vec<(Decimal, &str, Route)> = planned
            .jobs
            .iter()
            .filter_map(|(job, _)| Some((job.estimate.known()?.value, job.address.as_str(), job.route)))
            .collect();
        // Stable: of equally dear ones the first of the plan.
        all.sort_by_key(|(value, ..)| std::cmp::Reverse(*value));
        all.truncate(5);
        let summary = &planned.plan().summary;
        let said: Vec<(Decimal, &str, Route)> =
            summary.dearest.iter().map(|d| (amount(&d.estimate), d.address.as_str(), d.route)).collect();
        prop_assert_eq!(said, all);
        let sums: Vec<Decimal> = summary.by_subject.iter().map(|g| fields(&g.tally).3[1]).collect();
        prop_assert!(sums.is_sorted_by(|a, b| a >= b));
    }
}

fn sums(jobs: u64, micros: i64) -> Sums {
    let estimate = Micros::from_stored(micros).expect("not negative");
    Sums { jobs, estimate, ..Sums::default() }
}

#[test]
fn subjects_above_a_limit_are_counted_and_the_dearest_named() {
    let mut subjects = SubjectSums::default();
    let at = |set, subject| SubjectRef { set, subject };
    subjects.add(at(1, 3), &sums(1, 4));
    subjects.add(at(0, 7), &sums(2, 9));
    subjects.add(at(1, 3), &sums(1, 4));
    subjects.add(at(0, 2), &sums(5, 7));
    subjects.add(at(0, 0), &sums(1, 9));
    let above = |limit: i64, examples| {
        let above = subjects.above(Micros::from_stored(limit).expect("not negative"), examples);
        let named: Vec<SubjectRef> = above.examples.iter().map(|(at, _)| *at).collect();
        (above.subjects, above.jobs, named)
    };
    assert_eq!(above(7, 10), (3, 5, vec![at(0, 0), at(0, 7), at(1, 3)]));
    assert_eq!(above(7, 1), (3, 5, vec![at(0, 0)]), "of equally dear ones the catalogue's first");
    assert_eq!(above(9, 5), (0, 0, Vec::new()), "at the limit is not above it");
    assert_eq!((subjects.len(), subjects.is_empty()), (4, false));
    let dearest: Vec<SubjectRef> = subjects.dearest(3).iter().map(|(at, _)| *at).collect();
    assert_eq!(dearest, [at(0, 0), at(0, 7), at(1, 3)]);
}

#[test]
fn a_summary_lists_the_dearest_hundred_subjects_and_counts_all() {
    let mut build = Build::new().set("products", SubjectKind::Product);
    for n in 0..120 {
        build = build.subject(&format!("p{n}"), [Some("T"), None, None], &["hero"]);
    }
    let build = build.shot("all", "it turns", |_| {}).shot("few", "it turns", |shot| {
        shot.selects = vec![Selection { set: 0, subject: Some(119) }];
    });
    let planned = build.plan();
    let summary = &planned.plan().summary;
    assert_eq!((summary.subjects, summary.by_subject.len()), (120, 100));
    assert_eq!(summary.by_subject[0].name, "products.p119");
    assert_eq!(summary.by_subject[1].name, "products.p0");
}

#[test]
fn amounts_beyond_all_limits_stay_there_instead_of_starting_anew() {
    let most = sums(1, i64::MAX);
    let mut sum = most;
    sum.merge(&most);
    assert_eq!((sum.jobs, sum.estimate), (2, Micros::MAX));
}

#[test]
fn a_changed_job_costs_and_a_done_one_does_not() {
    let build = || Build::new().products(&["hero"]).shot("turn", "@hero turns", |_| {});
    let first = build().plan();
    let mut known = first.known(JobState::Done);
    let changed = known.get_mut(&first.jobs[0].0.key).expect("planned");
    changed.fingerprint = [0; 16];
    let later = build().plan_after(&known);
    assert!(matches!(later.jobs[0].1, Change::Changed { .. }));
    let summary = &later.plan().summary;
    assert_eq!((summary.all.jobs, summary.to_run.jobs, summary.subjects), (2, 1, 1));
}
