//! Reports that tests show.

use crate::export::Weakest;
use crate::ledger::{ClipVerdict, JobState, Verdict};
use crate::manifest::{OnFail, Role};
use crate::models::Route;
use crate::report::run::{
    CheckView, ClipView, JobView, ReferenceView, RunReport, SettingsView, WordView,
};
use crate::verification::{Detail, DetailPart, JudgeDetail, OverTimeDetail, ReferenceDetail};

pub fn job(subject: &str, shot: &str, state: JobState) -> JobView {
    let done = state == JobState::Done;
    JobView {
        address: format!("{subject}/{shot}/aspect=9:16/1"),
        subject: Some(subject.into()),
        shot: shot.into(),
        variant: Some("aspect=9:16".into()),
        take: 1,
        state,
        model: "fal/seedance-2.0".into(),
        provider: "fal".into(),
        route: Route::Image,
        prompt: "@hero turns slowly on marble,\nsoft daylight".into(),
        negative_prompt: None,
        settings: SettingsView {
            duration: 5.into(),
            aspect: "9:16".into(),
            resolution: "720p".into(),
            width: 720,
            height: 1280,
            fps: Some(24),
            seed: Some(7),
        },
        references: vec![ReferenceView {
            name: "hero".into(),
            role: Role::Identity,
            path: "images/front.jpg".into(),
            source: None,
            thumbnail: None,
        }],
        clip: done.then(|| ClipView {
            path: format!("clips/{subject}/{shot}.mp4"),
            poster: None,
            bytes: 812_345,
            width: 720,
            height: 1280,
            duration_ms: 5_000,
            digest: "cd".repeat(32),
        }),
        channel: None,
        unsuited: Vec::new(),
        word: None,
        on_fail: None,
        check: None,
        retakes: 0,
        cost: (!state.is_open())
            .then(|| if done { "12.5" } else { "0" }.parse().expect("a decimal")),
        basis: (!state.is_open()).then_some(crate::ledger::Basis::Estimate),
        reserved: state.is_open().then(|| "12.5".parse().expect("a decimal")),
        estimate: None,
        attempt: 1,
        message: match state {
            JobState::Failed => Some("the provider says: the picture shows a brand".into()),
            JobState::Unknown => Some("the connection broke after the request was sent".into()),
            _ => None,
        },
        remote_id: (!matches!(state, JobState::Unknown | JobState::Refused))
            .then(|| "4f1c-9a".to_owned()),
        key: (state == JobState::Unknown)
            .then(|| "8c1d2f30-5b7a-8e44-9d10-2a6b7c8d9e0f".to_owned()),
        interruptions: 0,
        written_off: false,
        started: "2026-08-20T09:30:00Z".parse().ok(),
        updated: "2026-08-20T09:31:10Z".parse().ok(),
        finished: if state.is_open() { None } else { "2026-08-20T09:31:10Z".parse().ok() },
    }
}

pub fn report() -> RunReport {
    let mut report = empty();
    for (subject, shot, state) in [
        ("products.mug-terra", "turn", JobState::Done),
        ("products.mug-terra", "reel", JobState::Done),
        ("products.teapot-blabar", "turn", JobState::Failed),
        ("products.candle-amber", "turn", JobState::Unknown),
        ("products.dropper-linnea", "turn", JobState::Submitted),
    ] {
        report.add(job(subject, shot, state));
    }
    report
}

pub fn empty() -> RunReport {
    let generated = "2026-08-20T09:40:00Z".parse().expect("a time");
    RunReport::new("spring-storefront", "credits", generated)
}

/// A clip of a subject that was held against its references, and may have been spoken of.
pub fn checked(subject: &str, check: Option<CheckView>, word: Option<WordView>) -> JobView {
    JobView { on_fail: Some(OnFail::Flag), check, word, ..job(subject, "turn", JobState::Done) }
}

pub fn part(name: &str, score: u8, note: &str) -> DetailPart {
    DetailPart { name: name.into(), score, note: note.into() }
}

/// A check of one reference with these parts.
pub fn check(verdict: ClipVerdict, parts: Vec<DetailPart>) -> CheckView {
    let score = parts.iter().map(|part| part.score).min();
    let reference = ReferenceDetail {
        name: "hero".into(),
        role: Role::Identity,
        verdict,
        score,
        parts: parts.clone(),
        present: 96,
        worst_ms: Some(3_200),
        lab: Some([612, 34, 181]),
        marks: Vec::new(),
    };
    let moved = [part("motion", 100, ""), part("steadiness", 97, "")];
    let detail = Detail {
        notes: Vec::new(),
        parts: parts.into_iter().chain(moved).collect(),
        references: vec![reference],
        over_time: Some(OverTimeDetail { drift: 4, ..OverTimeDetail::default() }),
        judges: Vec::new(),
        evidence: Some(".kinora/evidence/cdcdcdcdcdcdcdcd-3.jpg".into()),
    };
    with_detail(verdict, score, detail)
}

pub fn with_detail(verdict: ClipVerdict, score: Option<u8>, detail: Detail) -> CheckView {
    CheckView {
        verdict,
        score,
        weakest: Weakest::of(verdict, score, &detail),
        unlike: None,
        measure: "kinora 3".into(),
        at: "2026-08-20T09:31:20Z".parse().expect("a time"),
        detail,
    }
}

pub fn word(verdict: Verdict, retake: bool, note: Option<&str>) -> WordView {
    WordView {
        verdict,
        retake,
        by: "Ada".into(),
        note: note.map(str::to_owned),
        at: "2026-08-20T09:38:00Z".parse().expect("a time"),
    }
}

/// Clips with every verdict, some spoken of, one made again, one held, one not looked at yet.
pub fn judged() -> RunReport {
    use ClipVerdict::{Fail, NotInspected, Pass, Review};
    let mut report = empty();
    let garbled = "52 % of the finest structure differs where it is worst";
    let held = JobView {
        on_fail: Some(OnFail::Hold),
        ..checked("products.tin-skog", Some(check(Fail, vec![part("detail", 31, garbled)])), None)
    };
    let pink = "colours are 8.4 apart on the average, 19.0 where it is worst";
    let colour = vec![part("colour", 44, pink), part("shape", 98, ""), part("detail", 90, "")];
    let mut again = checked("products.mug-terra", Some(check(Fail, colour.clone())), None);
    (again.retakes, again.attempt) = (1, 2);
    // One of four clips of a lamp is of another colour than its siblings.
    let lamp = |shot: &str, lab: [i16; 3], verdict, colour| {
        let mut of = check(verdict, vec![part("colour", colour, "")]);
        of.detail.references[0].lab = Some(lab);
        let mut lamp = checked("products.lamp-måne", Some(of), None);
        lamp.address = format!("products.lamp-måne/{shot}/aspect=9:16/1");
        lamp.shot = shot.into();
        lamp
    };
    let judge = JudgeDetail {
        name: "brand".into(),
        verdict: Review,
        score: Some(66),
        note: "the wordmark is cut at the right".into(),
    };
    let fine = check(Pass, vec![part("colour", 93, ""), part("shape", 97, "")]);
    let mut cut =
        with_detail(Review, Some(66), Detail { judges: vec![judge], ..fine.detail.clone() });
    cut.detail.evidence = None;
    let blind = with_detail(
        NotInspected,
        None,
        Detail { notes: vec!["its codec, hev1, can't be decoded".into()], ..Detail::default() },
    );
    for job in [
        checked("products.bottle-hav", Some(fine.clone()), None),
        again,
        held,
        checked("products.watch-nord", Some(blind), None),
        lamp("turn", [700, 20, 150], Pass, 92),
        lamp("reel", [704, 22, 149], Pass, 93),
        lamp("hero", [640, 190, 60], Review, 71),
        lamp("wide", [698, 18, 152], Pass, 91),
        checked("products.dropper-linnea", Some(cut), None),
        checked(
            "products.candle-amber",
            Some(check(Fail, colour)),
            Some(word(Verdict::Accepted, false, Some("the light in the shop is that warm"))),
        ),
        checked("products.teapot-blabar", Some(fine), Some(word(Verdict::Rejected, true, None))),
        checked("products.tray-ask", None, None),
    ] {
        report.add(job);
    }
    report.find_outliers();
    report
}
