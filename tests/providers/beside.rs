//! Beside a job's road: lost submissions are looked for, jobs cancelled, limits read.

use std::collections::BTreeSet;

use kinora::providers::http::Cancelled;
use kinora::providers::{Lookup, Provider, RemoteId};
use serde_json::{Value as Json, json};

use crate::server::{Answer, Seen, json as answer, status, text};
use crate::world::{World, attempt, job, now};

fn looking(matching: Json) -> Json {
    json!({
        "submit": {"capture": {"url": "$.url"}},
        "lookup": {
            "request": {"path": "/list", "query": {"since": "${since}", "until": "${until}"}},
            "items": "$.items[*]", "id": "$.id", "match": matching,
            "conclusive": true, "window_s": 3600,
        },
        "rehearsal": {"lookup": {}},
    })
}

/// Seconds after which nothing can arrive any more: the submission's time (30 s, and a little for
/// its body), what may be on its way then, and clocks that differ.
const SETTLED: i64 = 30 + 1 + 120 + 60;

/// Asked when nothing can arrive any more.
async fn found(patch: Json, script: impl Fn(&Seen) -> Answer + Send + Sync + 'static) -> Lookup {
    found_after(SETTLED, patch, script).await
}

async fn found_after(
    seconds: i64,
    patch: Json,
    script: impl Fn(&Seen) -> Answer + Send + Sync + 'static,
) -> Lookup {
    let world = World::new(patch, script).await;
    world.clock.wait(seconds);
    world.provider.lookup(&job(), &attempt(), now(), &BTreeSet::from(["taken".to_owned()])).await
}

fn entry(id: &str, mark: &str) -> Json {
    json!({"id": id, "mark": mark, "model": "one", "url": format!("https://x.example/{id}")})
}

#[tokio::test]
async fn a_submission_is_known_by_its_marker() {
    let marker = || looking(json!({"marker": "$.mark"}));
    let list = |ids: &[&str]| {
        let mut items: Vec<Json> = ids.iter().map(|id| entry(id, attempt().as_str())).collect();
        items.push(entry("another", "other mark"));
        move |_: &Seen| answer(json!({"items": items}))
    };
    let Lookup::Found(id) = found(marker(), list(&["j1"])).await else { panic!("it is there") };
    assert_eq!(id.id, "j1");
    assert_eq!(id.captured["url"], json!("https://x.example/j1"));
    assert_eq!(found(marker(), list(&[])).await, Lookup::Absent { conclusive: true });
    assert_eq!(found(marker(), list(&["j1", "j2"])).await, Lookup::Ambiguous(2));
}

#[tokio::test]
async fn the_time_is_asked_for_with_room_for_clocks() {
    let world = World::new(looking(json!({"marker": "$.mark"})), |_| answer(json!({"items": []})));
    let world = world.await;
    world.provider.lookup(&job(), &attempt(), now(), &BTreeSet::new()).await;
    let query = world.server.seen().remove(0).query;
    assert_eq!(
        query,
        "since=2026-11-22T19%3A59%3A00%2B00%3A00&until=2026-11-22T20%3A03%3A30.104%2B00%3A00"
    );
}

#[tokio::test]
async fn a_submission_is_known_by_what_it_says_or_by_being_the_only_one() {
    let echo = || looking(json!({"echo": {"at": "$.input"}}));
    let ours = json!({"model": "one", "prompt": job().prompt, "seed": job().settings.seed});
    let said =
        |input: Json| move |_: &Seen| answer(json!({"items": [{"id": "j1", "input": input}]}));
    assert!(matches!(found(echo(), said(ours.clone())).await, Lookup::Found(_)));
    let mut other = ours;
    other["seed"] = json!(1);
    assert_eq!(found(echo(), said(other)).await, Lookup::Absent { conclusive: true });

    let count = looking(json!({"count": {"model": "$.model"}}));
    let lookup = found(count, |_| answer(json!({"items": [entry("j1", ""), entry("taken", "")]})));
    assert!(matches!(lookup.await, Lookup::Found(id) if id.id == "j1"));
}

#[tokio::test]
async fn where_a_list_tells_times_only_those_of_the_submission_count() {
    let mut patch = looking(json!({"count": {"model": "$.model"}}));
    patch["lookup"]["submitted"] = json!("$.at");
    let at = |id: &str, seconds_after: i64| {
        let mut entry = entry(id, "");
        entry["at"] = json!(now().as_second() + seconds_after);
        entry
    };
    let items = json!({"items": [at("yesterday", -86_400), at("j1", 5), at("later", 86_400)]});
    let lookup = found(patch.clone(), move |_| answer(items.clone())).await;
    assert!(matches!(lookup, Lookup::Found(id) if id.id == "j1"));
    let items = json!({"items": [at("yesterday", -86_400)]});
    let lookup = found(patch, move |_| answer(items.clone())).await;
    assert_eq!(lookup, Lookup::Absent { conclusive: true });
}

#[tokio::test]
async fn a_list_is_read_to_its_end() {
    let paged = |paging: Json| {
        let mut patch = looking(json!({"marker": "$.mark"}));
        patch["lookup"]["paging"] = paging;
        patch
    };
    let pages = |seen: &Seen| match seen.query.contains("cursor=two") {
        false => answer(json!({"items": [], "next": "two"})),
        true => answer(json!({"items": [entry("j1", attempt().as_str())], "next": "two"})),
    };
    let cursor = paged(json!({"parameter": "cursor", "next": "$.next"}));
    assert!(matches!(found(cursor, pages).await, Lookup::Found(_)));
    let going_on_at = |host: &'static str| {
        move |seen: &Seen| match seen.path.as_str() {
            "/list" => {
                let here = seen.header("host").unwrap_or_default().replace("127.0.0.1", host);
                answer(json!({"items": [], "next": format!("http://{here}/list2")}))
            }
            _ => answer(json!({"items": [entry("j1", attempt().as_str())]})),
        }
    };
    let next_url = || paged(json!({"parameter": "cursor", "next": "$.next"}));
    assert!(matches!(found(next_url(), going_on_at("127.0.0.1")).await, Lookup::Found(_)));
    assert!(matches!(found(next_url(), going_on_at("localhost")).await, Lookup::Failed { .. }));
    let counted = paged(json!({"parameter": "page", "first": 1}));
    let pages = |seen: &Seen| match seen.query.rsplit("page=").next() {
        Some("1") => answer(json!({"items": [entry("x", "other")]})),
        Some("2") => answer(json!({"items": [entry("j1", attempt().as_str())]})),
        _ => answer(json!({"items": []})),
    };
    assert!(matches!(found(counted.clone(), pages).await, Lookup::Found(_)));
    // A list without an end proves nothing.
    let endless = |_: &Seen| answer(json!({"items": [entry("x", "other")]}));
    assert_eq!(found(counted, endless).await, Lookup::Absent { conclusive: false });
}

#[tokio::test]
async fn entries_of_another_time_are_not_ours_and_a_second_list_is_read_too() {
    let mut patch = looking(json!({"count": {"model": "$.model"}}));
    patch["lookup"]["submitted"] = json!("$.at");
    patch["lookup"]["also"] = json!({"path": "/archive"});
    patch["lookup"]["items"] = json!("$['items', 'also'][*]");
    let at = |id: &str, at: Json| json!({"id": id, "model": "one", "at": at});
    let lookup = found(patch, move |seen| match seen.path.as_str() {
        "/list" => answer(json!({"items": [at("old", json!(1_795_374_000))]})),
        _ => answer(json!([
            at("j1", json!("2026-11-22T20:00:01Z")),
            at("new", json!(1_795_381_200_000_u64))
        ])),
    });
    assert!(matches!(lookup.await, Lookup::Found(id) if id.id == "j1"));
}

#[tokio::test]
async fn finding_nothing_proves_nothing_where_the_list_can_t_be_read_or_is_too_short() {
    let marker = || looking(json!({"marker": "$.mark"}));
    for reply in [status(500), status(404), text("<html>"), text("")] {
        let lookup = found(marker(), move |_| reply.clone()).await;
        assert!(matches!(lookup, Lookup::Failed { .. }), "{lookup:?}");
    }
    let world = World::new(marker(), |_| answer(json!({"items": []}))).await;
    let long_ago = now().checked_sub(jiff::SignedDuration::from_hours(2)).expect("a time");
    let lookup = world.provider.lookup(&job(), &attempt(), long_ago, &BTreeSet::new()).await;
    assert_eq!(lookup, Lookup::Absent { conclusive: false });
    let mut by_rule = marker();
    by_rule["errors"] = json!({"rules": [{"status": [404], "class": "not_found"}]});
    assert_eq!(found(by_rule, |_| status(404)).await, Lookup::Absent { conclusive: true });
    let none = found(json!({}), |_| status(200)).await;
    assert_eq!(none, Lookup::Failed { message: "test lists no submissions".to_owned() });
}

#[tokio::test]
async fn a_job_is_cancelled_where_the_provider_can() {
    let cancelled = |reply: Answer| async move {
        let patch = json!({
            "cancel": {"request": {"method": "DELETE", "path": "/jobs/${id}"}, "stops": ["queued"]},
            "rehearsal": {"cancel": {}},
        });
        let world = World::impatient(patch, move |_| reply.clone()).await;
        let cancelled = world.provider.cancel(&RemoteId::plain("j1"), &job()).await;
        assert_eq!(world.server.seen()[0].method, "DELETE");
        assert_eq!(world.server.seen()[0].path, "/jobs/j1");
        cancelled
    };
    assert_eq!(cancelled(status(204)).await, Cancelled::Asked);
    assert!(matches!(cancelled(status(409)).await, Cancelled::TooLate { .. }));
    assert!(matches!(cancelled(status(500)).await, Cancelled::Failed { .. }));
    assert!(matches!(cancelled(crate::server::hang()).await, Cancelled::Failed { .. }));
    let world = World::new(json!({}), |_| status(200)).await;
    let unsupported = world.provider.cancel(&RemoteId::plain("j1"), &job()).await;
    assert_eq!(unsupported, Cancelled::Unsupported);
}

#[tokio::test]
async fn of_several_limits_the_smallest_counts() {
    let live = |reply: Answer| async move {
        let patch = json!({
            "limits": {"live": {"request": {"path": "/account"}, "in_flight": "$.models.*.most"}},
            "rehearsal": {"live": {}},
        });
        World::new(patch, move |_| reply.clone()).await.provider.live_in_flight().await
    };
    let models = json!({"models": {"a": {"most": 5}, "b": {"most": "3"}, "c": {"most": null}}});
    assert_eq!(live(answer(models)).await, Some(3));
    assert_eq!(live(answer(json!({"models": {}}))).await, None);
    assert_eq!(live(status(500)).await, None);
    let world = World::new(json!({}), |_| status(200)).await;
    assert_eq!(world.provider.live_in_flight().await, None);
}

#[tokio::test]
async fn what_is_finished_may_stand_in_another_list() {
    let both = || {
        let mut patch = looking(json!({"marker": "$.mark"}));
        patch["lookup"]["also"] = json!({"path": "/finished"});
        patch["lookup"]["items"] = json!("$['items', 'also'][*]");
        patch
    };
    let finished = |seen: &Seen| match seen.path.as_str() {
        "/list" => answer(json!({"items": [entry("x", "other")]})),
        _ => answer(json!({"j1": entry("j1", attempt().as_str())})),
    };
    assert!(matches!(found(both(), finished).await, Lookup::Found(id) if id.id == "j1"));
    let nowhere = |seen: &Seen| match seen.path.as_str() {
        "/list" => answer(json!({"items": []})),
        _ => answer(json!({})),
    };
    assert_eq!(found(both(), nowhere).await, Lookup::Absent { conclusive: true });
    // Half of an answer proves nothing.
    let half = |seen: &Seen| match seen.path.as_str() {
        "/list" => answer(json!({"items": []})),
        _ => status(500),
    };
    assert!(matches!(found(both(), half).await, Lookup::Failed { .. }));
}
