//! Reports that tests show.

use crate::ledger::JobState;
use crate::manifest::Role;
use crate::models::Route;
use crate::report::run::{ClipView, JobView, ReferenceView, RunReport, SettingsView};

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
