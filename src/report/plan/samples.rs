//! Plans that tests show: a first one, a mixed one, one with nothing to do, an empty one.

use std::collections::BTreeMap;

use crate::diagnostic::Severity;
use crate::manifest::{Bounds, ConsistencyRule, OnFail, Role};
use crate::models::Route;
use crate::plan::{
    Actual, AmountsJson, ApprovalLine, Breach, BudgetLine, Changes, Checked, Comparison, DearJob,
    FinanceLine, FindingOut, Group, JobDifference, JobLine, NotCompared, PLAN_FORMAT, Part,
    PictureTally, PlanSummary, PriceUsed, Severity as Serious, Tally, WallTime,
};

pub fn credits(value: &str) -> AmountsJson {
    AmountsJson::from([("credits".to_owned(), value.to_owned())])
}

pub fn tally(jobs: u64, seconds: &str, estimate: Option<&str>) -> Tally {
    Tally {
        jobs,
        seconds: seconds.into(),
        estimate: estimate.map(credits).unwrap_or_default(),
        ..Tally::default()
    }
}

pub fn with_text(tally: Tally, as_text: &str, extra: &str) -> Tally {
    Tally { as_text: credits(as_text), image_extra: credits(extra), ..tally }
}

pub fn group(name: &str, tally: Tally) -> Group {
    Group { name: name.into(), tally }
}

pub fn empty() -> PlanSummary {
    PlanSummary {
        format_version: PLAN_FORMAT.into(),
        name: "spring-storefront".into(),
        manifest: "storefront.yaml".into(),
        named: Default::default(),
        plan: "5f0c9a17".repeat(8),
        unit: "credits".into(),
        all: Tally { seconds: "0".into(), ..Tally::default() },
        to_run: Tally { seconds: "0".into(), ..Tally::default() },
        not_compared: Default::default(),
        changes: Changes::default(),
        by_shot: vec![],
        by_set: vec![],
        by_subject: vec![],
        subjects: 0,
        by_model: vec![],
        by_provider: vec![],
        by_route: vec![],
        by_kind: vec![],
        finance: vec![],
        checked: Vec::new(),
        choices: Vec::new(),
        crops: Vec::new(),
        prices: vec![],
        dearest: vec![],
        dearest_with_retakes: None,
        wall_time: None,
        actuals: vec![],
        budgets: vec![],
        breaches: vec![],
        selection: None,
        since_approval: None,
        approval: None,
        pictures: PictureTally::default(),
        findings: vec![],
        findings_left_out: BTreeMap::new(),
    }
}

pub fn first() -> PlanSummary {
    let free = |jobs, seconds| with_text(tally(jobs, seconds, Some("0")), "0", "0");
    PlanSummary {
        all: free(38, "190"),
        to_run: free(38, "190"),
        changes: Changes { new: 38, ..Changes::default() },
        by_shot: vec![
            group("turn", free(16, "80")),
            group("reel", free(16, "80")),
            group("in-use", free(5, "25")),
            group("mood", tally(1, "5", Some("0"))),
        ],
        by_model: vec![group("animatic", free(38, "190"))],
        by_route: vec![
            group("text", tally(1, "5", Some("0"))),
            group("image", free(32, "160")),
            group("references", free(5, "25")),
        ],
        by_kind: vec![group("product", free(37, "185")), group("none", tally(1, "5", Some("0")))],
        prices: vec![PriceUsed {
            model: "animatic".into(),
            unit: "credits".into(),
            as_of: "2026-01-01".into(),
            source: "ships in the box, free of charge".into(),
            ..PriceUsed::default()
        }],
        budgets: vec![BudgetLine {
            name: "per_run".into(),
            limit: "2000".into(),
            used: "0".into(),
            fits: true,
        }],
        pictures: PictureTally { files: 31, probed: 31, cached: 0 },
        ..empty()
    }
}

/// Clips that are made again where they fail their check, others that are held, and some that are not
/// checked.
pub fn retaken() -> PlanSummary {
    let bounded = |jobs, seconds, expected, with_retakes: &str| Tally {
        low: credits(expected),
        high: credits(with_retakes),
        with_retakes: credits(with_retakes),
        ..tally(jobs, seconds, Some(expected))
    };
    let products = bounded(120, "600", "1200", "3600");
    let cast = Tally { with_retakes: AmountsJson::new(), ..bounded(20, "100", "250.5", "250.5") };
    let all = bounded(142, "710", "1460.5", "3860.5");
    let bounds = |min, fail_below| Bounds { min, fail_below };
    let retake = ConsistencyRule {
        bounds: bounds(80, 60),
        roles: BTreeMap::from([(Role::Identity, bounds(90, 70)), (Role::Style, bounds(50, 0))]),
        on_fail: OnFail::Retake,
        max_retakes: 2,
        ffmpeg: false,
    };
    let hold = ConsistencyRule { on_fail: OnFail::Hold, ..ConsistencyRule::default() };
    let checked = |jobs, rule: &ConsistencyRule, at: &str| Checked {
        jobs,
        rule: rule.clone(),
        at: (!at.is_empty()).then(|| at.to_owned()),
    };
    PlanSummary {
        all: all.clone(),
        to_run: all,
        changes: Changes { new: 142, ..Changes::default() },
        by_shot: vec![group("turn", products.clone()), group("in-use", cast.clone())],
        by_set: vec![group("products", products.clone()), group("cast", cast.clone())],
        checked: vec![
            checked(1, &ConsistencyRule::default(), ""),
            checked(120, &retake, "storefront.yaml:9:16"),
            checked(19, &hold, "shots/cast.yaml:31:18"),
        ],
        dearest: vec![DearJob {
            address: "products.mug/turn/-/1".into(),
            model: "fal/seedance-2.0".into(),
            route: Route::Image,
            estimate: "12.53".into(),
        }],
        ..empty()
    }
}

pub fn mixed() -> PlanSummary {
    let run = Tally {
        unpriced: 3,
        ..with_text(tally(1_240, "6215.5", Some("15537.5")), "12400", "3137.5")
    };
    let turn = with_text(tally(800, "4000", Some("10000")), "8000", "2000");
    let in_use =
        Tally { unpriced: 2, ..with_text(tally(420, "2100", Some("5500")), "4362.5", "1137.5") };
    let finding = |severity, code: &str, message: &str, help: &str, at: &str| FindingOut {
        code: code.into(),
        severity,
        message: message.into(),
        help: (!help.is_empty()).then(|| help.into()),
        at: (!at.is_empty()).then(|| at.into()),
    };
    PlanSummary {
        manifest: "shops/spring storefront.yaml".into(),
        all: tally(1_289, "6460.5", Some("16000")),
        to_run: run,
        changes: Changes {
            new: 1_200,
            changed: 31,
            changed_by: BTreeMap::from([(Part::Prompt, 20), (Part::Reference, 15)]),
            done: 44,
            in_flight: 3,
            to_retry: 9,
            unknown: 2,
            orphaned: 12,
            orphaned_examples: vec![
                "products.mug-terra-discontinued/turn/aspect=9:16/1".into(),
                "products.teapot-blabar/turn/aspect=1:1/1".into(),
            ],
        },
        by_shot: vec![
            group("turn", turn.clone()),
            group("in-use-with-a-host-at-the-kitchen-table", in_use),
            group("mood", tally(19, "114", Some("37.5"))),
            group("試作", Tally { unpriced: 1, ..tally(1, "1.5", None) }),
        ],
        by_model: vec![
            group(
                "fal/seedance-2.0",
                with_text(tally(1_237, "6200.5", Some("15537.5")), "12400", "3137.5"),
            ),
            group("acme/preview", Tally { unpriced: 3, ..tally(3, "15", None) }),
        ],
        by_route: vec![group("text", tally(19, "114", Some("37.5"))), group("image", turn)],
        by_kind: vec![group("product", tally(1_221, "6101.5", Some("15500")))],
        prices: vec![PriceUsed {
            model: "fal/seedance-2.0".into(),
            unit: "credits".into(),
            as_of: "2026-08-14".into(),
            source: "the provider's price page".into(),
            ..PriceUsed::default()
        }],
        budgets: vec![
            BudgetLine {
                name: "per_run".into(),
                limit: "2000".into(),
                used: "0".into(),
                fits: false,
            },
            BudgetLine {
                name: "per_month".into(),
                limit: "100000".into(),
                used: "4120.5".into(),
                fits: true,
            },
        ],
        approval: Some(ApprovalLine {
            id: 3,
            by: "mara@example.com".into(),
            at: "2026-08-20T09:30:00Z".into(),
            ceiling: "20,000 credits".into(),
            expires: Some("2026-12-01T00:00:00Z".into()),
            carried_from: None,
            signed: true,
        }),
        findings: vec![
            finding(
                Severity::Warning,
                "plan::identity_at_risk",
                "`mood` shows products.mug-terra, but has no reference of it: its looks are up to the model",
                "attach a picture with the role identity",
                "shops/spring storefront.yaml:31:7",
            ),
            finding(
                Severity::Advice,
                "plan::unused_reference",
                "`@detail` is attached to 420 jobs and never mentioned; dropping it saves 210 credits",
                "mention it in the prompt, or take it out of `references`",
                "shops/spring storefront.yaml:18:9",
            ),
            finding(
                Severity::Advice,
                "plan::no_motion",
                "this prompt only describes looks",
                "",
                "",
            ),
        ],
        findings_left_out: BTreeMap::from([("plan::no_motion".to_owned(), 450)]),
        ..first()
    }
}

/// A plan of which everything is known that can be: bounds, groups, an earlier approval, broken
/// guardrails, what jobs cost before.
pub fn reviewed() -> PlanSummary {
    let sums = |jobs, seconds, [low, expected, high]: [&str; 3], pictures: Option<[&str; 2]>| {
        let tally = Tally {
            low: credits(low),
            high: credits(high),
            ..tally(jobs, seconds, Some(expected))
        };
        match pictures {
            Some([text, extra]) => Tally { compared: jobs, ..with_text(tally, text, extra) },
            None => tally,
        }
    };
    let products = sums(1_200, "6000", ["11000", "12500", "25000"], Some(["10000", "2500"]));
    let cast = sums(120, "600", ["1800.5", "2000.5", "2000.5"], Some(["1500", "500.5"]));
    let street = sums(20, "120", ["40", "40", "40"], None);
    let run = Tally {
        compared: 1_320,
        ..sums(1_340, "6720", ["12840.5", "14540.5", "27040.5"], Some(["11500", "3000.5"]))
    };
    let line = |set: &str, kind: &str, provider: &str, model: &str, tally: &Tally| FinanceLine {
        set: set.into(),
        kind: kind.into(),
        provider: provider.into(),
        model: model.into(),
        tally: tally.clone(),
    };
    let dear = |address: &str, estimate: &str| DearJob {
        address: address.into(),
        model: "acme/hero-2".into(),
        route: Route::References,
        estimate: estimate.into(),
    };
    let difference = |address: &str, what: &str, why: Vec<Part>, before: &str, now: &str| {
        let some = |text: &str| (!text.is_empty()).then(|| text.to_owned());
        JobDifference {
            address: address.into(),
            difference: what.into(),
            why,
            before: some(before),
            now: some(now),
        }
    };
    let breach = |rule: &str, severity, message: &str, at: &str, examples: &[&str]| Breach {
        rule: rule.into(),
        severity,
        message: message.into(),
        at: at.into(),
        jobs: (!examples.is_empty()).then_some(40),
        examples: examples.iter().map(|e| (*e).to_owned()).collect(),
    };
    PlanSummary {
        all: tally(1_400, "7000", Some("15000")),
        to_run: run,
        not_compared: NotCompared { no_text_route: 12, text_unpriced: 8 },
        changes: Changes {
            new: 1_300,
            changed: 40,
            changed_by: BTreeMap::from([(Part::Prompt, 30), (Part::Reference, 10)]),
            done: 60,
            ..Changes::default()
        },
        by_shot: vec![
            group("turn", products.clone()),
            group("in-use", cast.clone()),
            group("mood", street.clone()),
        ],
        by_set: vec![
            group("products", products.clone()),
            group("cast", cast.clone()),
            group("none", street.clone()),
        ],
        by_subject: (0..8)
            .map(|i| {
                let one = ["150", "180", "360"];
                group(&format!("products.mug-{i}"), sums(12, "60", one, Some(["150", "30"])))
            })
            .collect(),
        subjects: 640,
        by_model: vec![
            group("acme/hero-2", cast.clone()),
            group("fal/seedance-2.0", {
                let both =
                    sums(1_220, "6120", ["11040", "12540", "25040"], Some(["10000", "2500"]));
                Tally { compared: 1_200, ..both }
            }),
        ],
        by_provider: vec![group("acme", cast.clone()), group("fal", products.clone())],
        by_route: vec![group("text", street.clone()), group("image", products.clone())],
        by_kind: vec![group("product", products.clone()), group("character", cast.clone())],
        finance: vec![
            line("products", "product", "fal", "fal/seedance-2.0", &products),
            line("cast", "character", "acme", "acme/hero-2", &cast),
            line("none", "none", "fal", "fal/seedance-2.0", &street),
        ],
        prices: vec![
            PriceUsed {
                model: "acme/hero-2".into(),
                unit: "USD".into(),
                as_of: "2026-03-02".into(),
                source: "prices.yaml".into(),
                from: crate::models::PriceFrom::default(),
                valid_until: Some("2026-12-31".into()),
                rate: Some("100".into()),
                rate_as_of: Some("2026-08-01".into()),
            },
            PriceUsed {
                model: "fal/seedance-2.0".into(),
                unit: "credits".into(),
                as_of: "2026-08-14".into(),
                source: "the provider's price page".into(),
                from: crate::models::PriceFrom::default(),
                ..PriceUsed::default()
            },
        ],
        dearest: vec![
            dear("cast.mia/in-use/aspect=9:16/1", "48.25"),
            dear("cast.mia/in-use/aspect=1:1/1", "48.25"),
            dear("cast.jon/in-use/aspect=9:16/1", "32"),
        ],
        wall_time: Some(WallTime {
            seconds: 7_560,
            slowest: "acme/hero-2".into(),
            measured: 0,
            unknown: 20,
        }),
        actuals: vec![
            Actual {
                model: "fal/seedance-2.0".into(),
                attempts: 420,
                estimated: "4200".into(),
                charged: "4305.5".into(),
                error_percent: Some("2.5".into()),
            },
            Actual {
                model: "acme/hero-2".into(),
                attempts: 6,
                estimated: "96.5".into(),
                charged: "90".into(),
                error_percent: Some("-6.7".into()),
            },
        ],
        breaches: vec![
            breach(
                "max_increase_percent",
                Serious::Warn,
                "the plan costs 16.3 % more than the plan approved last; 10 % are allowed",
                "shop.yaml:44:5",
                &[],
            ),
            breach(
                "max_per_job",
                Serious::Deny,
                "40 jobs cost more than 30 credits, the dearest 48.25",
                "shop.yaml:42:5",
                &["cast.mia/in-use/aspect=9:16/1", "cast.mia/in-use/aspect=1:1/1"],
            ),
        ],
        selection: Some("subjects of `products` and `cast` that changed since 2026-11-01".into()),
        since_approval: Some(Comparison {
            with: "77".repeat(32),
            label: "the plan that ana approved on 2026-11-20".into(),
            jobs_before: 1_302,
            jobs_now: 1_340,
            total_before: credits("12500"),
            total_now: credits("14540.5"),
            with_retakes_before: AmountsJson::new(),
            with_retakes_now: AmountsJson::new(),
            increase_percent: Some("16.3".into()),
            added: 40,
            removed: 2,
            changed: 3,
            dearer: 5,
            cheaper: 0,
            same: 1_292,
            made: 0,
            examples: vec![
                difference("cast.mia/in-use/aspect=9:16/1", "added", vec![], "", "48.25"),
                difference(
                    "products.mug-0/turn/aspect=9:16/1",
                    "changed",
                    vec![Part::Prompt],
                    "10",
                    "12.5",
                ),
                difference("products.mug-old/turn/aspect=9:16/1", "removed", vec![], "10", ""),
            ],
        }),
        approval: None,
        ..mixed_findings()
    }
}

fn mixed_findings() -> PlanSummary {
    let mixed = mixed();
    PlanSummary {
        manifest: "shop.yaml".into(),
        findings: mixed.findings,
        findings_left_out: mixed.findings_left_out,
        pictures: mixed.pictures,
        ..empty()
    }
}

/// 100 shots by 60 models over 250,000 subjects, with as many of everything as there can be.
pub fn huge() -> PlanSummary {
    let base = reviewed();
    let long =
        |what: &str, i: usize| format!("{what}-{i}-{}", "with-a-name-that-is-long-".repeat(3));
    let groups = |what: &str, n: usize| -> Vec<Group> {
        (0..n)
            .map(|i| {
                let estimate = (1_000 + i * 7).to_string();
                let tally = with_text(tally(2_500, "12500", Some(&estimate)), "900", "100");
                group(&long(what, i), tally)
            })
            .collect()
    };
    let repeat = |n: usize, finding: &FindingOut| vec![finding.clone(); n];
    PlanSummary {
        to_run: Tally { jobs: 1_500_000_000, unpriced: 600_000, ..base.to_run.clone() },
        by_shot: groups("shot", 100),
        by_set: groups("set", 300),
        by_model: groups("model", 60),
        by_provider: groups("provider", 20),
        by_subject: groups("subject", 500),
        subjects: 250_000,
        prices: (0..60)
            .map(|i| PriceUsed { model: long("model", i), ..base.prices[0].clone() })
            .collect(),
        actuals: (0..60)
            .map(|i| Actual { model: long("model", i), ..base.actuals[0].clone() })
            .collect(),
        dearest: vec![base.dearest[0].clone(); 100],
        breaches: (0..400)
            .map(|i| Breach {
                rule: long("max_per_subject", i),
                examples: (0..100).map(|i| long("subject", i)).collect(),
                ..base.breaches[1].clone()
            })
            .collect(),
        budgets: (0..400)
            .map(|i| BudgetLine {
                name: long("models", i),
                limit: "1".into(),
                used: "0".into(),
                fits: false,
            })
            .collect(),
        findings: repeat(5_000, &base.findings[0]),
        since_approval: base.since_approval.clone().map(|with| Comparison {
            examples: with.examples.iter().cycle().take(5_000).cloned().collect(),
            added: 1_000_000,
            ..with
        }),
        ..base
    }
}

pub fn nothing_to_do() -> PlanSummary {
    PlanSummary {
        all: tally(38, "190", Some("0")),
        changes: Changes { done: 38, ..Changes::default() },
        ..empty()
    }
}

pub fn jobs() -> Vec<JobLine> {
    let job = JobLine {
        address: "products.mug-terra/turn/aspect=9:16/1".into(),
        change: "new".into(),
        why: vec![],
        subject: Some("products.mug-terra".into()),
        shot: "turn".into(),
        model: "fal/seedance-2.0".into(),
        route: Route::References,
        reason: "the prompt mentions a picture".into(),
        seconds: "5".into(),
        size: "720x1280".into(),
        fps: Some(24),
        seed: Some(7),
        references: vec!["hero".into(), "detail".into()],
        pictures: vec!["images/mug/front.jpg".into(), "images/mug/detail-1.jpg".into()],
        prompt: "@hero, \"Terra\" mug, turns | slowly,\nsoft <daylight>".into(),
        estimate: Some("12.5".into()),
        unit: Some("credits".into()),
        low: None,
        high: None,
        with_retakes: None,
        image_extra: Some("2.5".into()),
        out: "clips/mug-terra/turn-1a2b3c.mp4".into(),
        fingerprint: "ab".repeat(32),
    };
    let unpriced = JobLine {
        address: "-/mood/-/1".into(),
        change: "changed".into(),
        why: vec![Part::Prompt, Part::Settings],
        subject: None,
        shot: "mood".into(),
        model: "acme/preview".into(),
        route: Route::Text,
        reason: "no reference is attached".into(),
        references: vec![],
        pictures: vec![],
        prompt: "=a quiet street, slow pan #12".into(),
        estimate: None,
        unit: None,
        low: None,
        high: None,
        image_extra: None,
        seed: None,
        fps: None,
        ..job.clone()
    };
    let done = JobLine { change: "done".into(), ..job.clone() };
    vec![job, unpriced, done]
}
