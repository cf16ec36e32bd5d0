//! Plans that tests show: a first one, a mixed one, one with nothing to do, an empty one.

use std::collections::BTreeMap;

use crate::diagnostic::Severity;
use crate::models::Route;
use crate::plan::{
    AmountsJson, ApprovalLine, BudgetLine, Changes, FindingOut, Group, JobLine, PLAN_FORMAT, Part,
    PictureTally, PlanSummary, PriceUsed, Tally,
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
        plan: "5f0c9a17".repeat(8),
        unit: "credits".into(),
        all: Tally { seconds: "0".into(), ..Tally::default() },
        to_run: Tally { seconds: "0".into(), ..Tally::default() },
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
        choices: Vec::new(),
        prices: vec![],
        dearest: vec![],
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
            by: "mara@example.com".into(),
            at: "2026-08-20T09:30:00Z".into(),
            ceiling: "20,000 credits".into(),
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
