//! Lost submissions, looked for in each provider's own list.

use std::collections::BTreeSet;

use jiff::Timestamp;
use kinora::plan::Request;
use kinora::providers::{Lookup, LookupKind, Provider, RemoteId, Submission};
use kinora::rehearsal::{FaultKind, Faults};

use crate::stage::{self, Stage};

/// Longer than a submission can be on its way, and clocks can differ.
const SETTLED_S: i64 = 900;

/// Where nobody is asked who lists nothing, and pictures that were uploaded leave no trace.
fn example(stage: &Stage) -> Request {
    let mut request = crate::example(stage);
    for reference in &mut request.references {
        reference.url = Some(format!("https://pictures.example.com/{}", reference.name));
    }
    request
}

/// Providers with a list.
fn listing() -> Vec<String> {
    let (rack, _) = stage::cards();
    let lists = |name: &String| rack.get(name).is_some_and(|card| card.lookup.is_some());
    crate::providers().into_iter().filter(lists).collect()
}

/// Looks when nothing can arrive any more.
async fn look(stage: &Stage, request: &Request, job: usize, taken: &[&RemoteId]) -> Lookup {
    let taken: BTreeSet<String> = taken.iter().map(|id| id.id.clone()).collect();
    let started = stage.began;
    stage.later(SETTLED_S).lookup(request, &stage::key(job), started, &taken).await
}

/// The ids on the bill.
fn billed(stage: &Stage) -> Vec<String> {
    stage.simulator.bill().charges.into_iter().map(|charge| charge.id).collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_submission_whose_reply_was_lost_is_found_and_one_that_never_came_is_not() {
    let mut kinds = BTreeSet::new();
    for provider in listing() {
        let stage = Stage::of(&provider, crate::only(FaultKind::LostReply)).await;
        let request = example(&stage);
        let never = look(&stage, &request, 0, &[]).await;
        let conclusive = stage.card.lookup.as_ref().is_some_and(|lookup| lookup.conclusive);
        assert_eq!(never, Lookup::Absent { conclusive }, "{provider}");
        let submission = stage.submit(&request, 0).await;
        assert!(matches!(submission, Submission::Unknown { .. }), "{provider}: {submission:?}");
        let Lookup::Found(id) = look(&stage, &request, 0, &[]).await else {
            panic!("{provider}: it is in the list");
        };
        assert_eq!(billed(&stage), std::slice::from_ref(&id.id), "{provider}");
        // What belongs to another attempt is never this one's.
        let none = look(&stage, &request, 0, &[&id]).await;
        assert_eq!(none, Lookup::Absent { conclusive }, "{provider}");
        // It can be watched to its end.
        let polled = crate::ended(&stage, &id, &request).await;
        assert!(
            matches!(polled, kinora::providers::Polled::Ready { .. }),
            "{provider}: {polled:?}"
        );
        kinds.extend(stage.driver.lookup_kind().map(|kind| format!("{kind:?}")));
    }
    assert_eq!(kinds.len(), 3, "every kind of list is among them: {kinds:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn two_that_are_alike_are_told_apart_by_a_marker_alone() {
    for provider in listing() {
        let stage = Stage::of(&provider, crate::only(FaultKind::LostReply)).await;
        let request = example(&stage);
        for job in 0..2 {
            stage.submit(&request, job).await;
        }
        let ids = billed(&stage);
        for (job, own) in ids.iter().enumerate() {
            let lookup = look(&stage, &request, job, &[]).await;
            match stage.driver.lookup_kind() {
                Some(LookupKind::Marker) => {
                    assert!(matches!(&lookup, Lookup::Found(id) if id.id == *own), "{provider}");
                }
                _ => assert_eq!(lookup, Lookup::Ambiguous(2), "{provider}"),
            }
        }
        // Once one of them is known to be another's, the other is ours.
        let first = RemoteId::plain(ids[0].clone());
        let lookup = look(&stage, &request, 1, &[&first]).await;
        assert!(matches!(&lookup, Lookup::Found(id) if id.id == ids[1]), "{provider}: {lookup:?}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_job_of_another_model_or_of_yesterday_is_never_taken_for_ours() {
    for provider in listing() {
        let stage = Stage::of(&provider, Faults::default()).await;
        let request = example(&stage);
        let (_, shelf) = stage::cards();
        let same_request = |other: &&std::sync::Arc<kinora::models::ModelCard>| {
            other.provider == request.provider
                && other.model != request.model
                && other.routes.contains_key(&request.route)
        };
        if let Some(other) = shelf.iter().find(same_request) {
            let mut theirs = stage::request(&stage.card, other, request.route);
            theirs.references.clone_from(&request.references);
            let submission = stage.submit(&theirs, 7).await;
            assert!(
                matches!(submission, Submission::Accepted { .. }),
                "{provider}: {submission:?}"
            );
            let lookup = look(&stage, &request, 0, &[]).await;
            assert!(matches!(lookup, Lookup::Absent { .. }), "{provider}: {lookup:?}");
        }
        // An attempt that begins long after these is none of them.
        stage.submit(&request, 1).await;
        let tomorrow = Timestamp::now().checked_add(jiff::SignedDuration::from_hours(1));
        let tomorrow = tomorrow.expect("a time in range");
        let listed = stage.card.lookup.as_ref().is_some_and(|lookup| lookup.submitted.is_some());
        if listed {
            let none = BTreeSet::new();
            let driver = stage.later(3600 + SETTLED_S);
            let lookup = driver.lookup(&request, &stage::key(0), tomorrow, &none).await;
            assert!(matches!(lookup, Lookup::Absent { .. }), "{provider}: {lookup:?}");
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_list_that_lags_behind_proves_nothing() {
    for provider in listing() {
        let faults = crate::only(FaultKind::LostReply).with(FaultKind::StaleList, 1.0);
        // A second passes for its ten.
        let stage = Stage::at_speed(&provider, faults, 10.0).await;
        // Kling's is asked by the path of its polls, which know a job at once.
        let proves = provider.starts_with("kling")
            || stage.card.lookup.as_ref().is_some_and(|lookup| lookup.conclusive);
        let request = example(&stage);
        let began = std::time::Instant::now();
        stage.submit(&request, 0).await;
        let early = look(&stage, &request, 0, &[]).await;
        // Where all this took so long that the list has caught up, it shows nothing.
        let in_time = began.elapsed() < std::time::Duration::from_millis(900);
        if !proves && in_time {
            assert_eq!(early, Lookup::Absent { conclusive: false }, "{provider}");
        }
        tokio::time::sleep(std::time::Duration::from_millis(1100)).await;
        let late = look(&stage, &request, 0, &[]).await;
        assert!(matches!(late, Lookup::Found(_)), "{provider}: {late:?}");
    }
}
