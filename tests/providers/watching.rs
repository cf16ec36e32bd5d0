//! Every reply to a poll leads to a named state; only the card's words and rules end a job.

use std::time::Duration;

use futures_util::future::join_all;
use kinora::providers::{Failure, Polled, Provider, RemoteId, Retry};
use serde_json::{Value as Json, json};

use crate::server::{Answer, hang, json as answer, status, text};
use crate::world::{World, job, now};

async fn polled_with(patch: Json, reply: Answer) -> Polled {
    World::new(patch, move |_| reply.clone()).await.poll().await
}

async fn polled(reply: Answer) -> Polled {
    polled_with(json!({}), reply).await
}

fn failure(polled: Polled) -> Failure {
    match polled {
        Polled::Failed(failure) => failure,
        other => panic!("not failed: {other:?}"),
    }
}

fn no_answer(polled: Polled) -> String {
    match polled {
        Polled::NoAnswer { message } => message,
        other => panic!("an answer: {other:?}"),
    }
}

#[tokio::test]
async fn words_are_states_and_unknown_ones_are_reported() {
    let running = |percent, word: Option<&str>| Polled::Running {
        percent,
        unknown_word: word.map(str::to_owned),
        throttled: false,
    };
    let state = |body| polled(answer(body));
    assert_eq!(state(json!({"status": "waiting"})).await, running(None, None));
    let working = json!({"status": "working", "progress": 37.9});
    assert_eq!(state(working).await, running(Some(37), None));
    let odd = json!({"status": "Dreaming", "progress": "400%"});
    assert_eq!(state(odd).await, running(Some(100), Some("Dreaming")));
}

#[tokio::test]
async fn no_reply_but_the_card_s_words_ends_a_job() {
    let cases: [(Answer, &str); 10] = [
        (text("nonsense"), "not JSON"),
        (text("<html>"), "HTML"),
        (text(""), "empty"),
        (answer(json!({"status": {"x": 1}})), "no state at $.status"),
        (answer(json!([])), "no state at $.status"),
        (answer(json!({"status": "done"})).status(404), "test answers 404"),
        (status(401), "test answers 401"),
        (status(500).body("<html>"), "test answers 500: <html>"),
        (answer(json!({"status": "done", "x": "y".repeat(2 << 20)})), "longer than"),
        (answer(json!({"status": "failed"})).cut_after(10), "broke off"),
    ];
    for (reply, expected) in cases {
        let message = no_answer(polled(reply).await);
        assert!(message.contains(expected), "{message} / {expected}");
    }
    let message = no_answer(World::impatient(json!({}), |_| hang()).await.poll().await);
    assert_eq!(message, "no answer within 0.3 s");
}

#[tokio::test]
async fn a_clip_is_ready_with_its_expiry_and_cost() {
    let patch = json!({
        "output": {"lifetime_s": 3600},
        "cost": {"after": {"at": "$.usage[*].amount", "times_value": "worth", "unit": "USD"}},
        "values": {"worth": "0.5"},
    });
    let reply = answer(json!({
        "status": "done", "video": {"url": "https://cdn.example/c.mp4"},
        "usage": [{"amount": 0.1}, {"amount": 0.2}],
    }));
    let Polled::Ready { expires, cost } = polled_with(patch, reply).await else {
        panic!("it is ready");
    };
    // It may have been made right after the poll before, three seconds ago.
    assert_eq!(expires, now().checked_add(jiff::SignedDuration::from_secs(3600 - 3)).ok());
    assert_eq!(cost.map(|cost| cost.to_string()).as_deref(), Some("0.15 USD"));
}

#[tokio::test]
async fn a_clip_s_life_begins_when_the_provider_says_that_it_was_made() {
    let expires = |at: Json| async move {
        let patch = json!({"output": {"lifetime_s": 3600, "finished_at": "$.finished"}});
        let video = json!({"url": "https://cdn.example/c.mp4"});
        let reply = answer(json!({"status": "done", "video": video, "finished": at}));
        let Polled::Ready { expires, .. } = polled_with(patch, reply).await else {
            panic!("it is ready");
        };
        expires.expect("it ends").duration_since(now()).as_secs()
    };
    let made = now().as_second() - 600;
    assert_eq!(expires(json!(made)).await, 3000);
    assert_eq!(expires(json!(made * 1000)).await, 3000);
    assert_eq!(expires(json!("2026-11-22T20:50:00+01:00")).await, 3000);
    // A clock that is ahead gives no longer life; no time at all is as if none were asked for.
    assert_eq!(expires(json!(made + 86_400)).await, 3600);
    assert_eq!(expires(json!("soon")).await, 3597);
    assert_eq!(expires(json!(null)).await, 3597);
}

#[tokio::test]
async fn a_job_that_waits_for_the_account_says_so() {
    let patch = || {
        json!({"poll": {"states": {
            "words": {"queued": ["waiting", "full"]}, "throttled": ["full"],
        }}})
    };
    for (word, full) in [("waiting", false), ("full", true), ("working", false)] {
        let polled = polled_with(patch(), answer(json!({ "status": word }))).await;
        let expected = Polled::Running { percent: None, unknown_word: None, throttled: full };
        assert_eq!(polled, expected, "{word}");
    }
}

#[tokio::test]
async fn a_failure_has_its_class_and_says_whether_it_is_charged() {
    let failed =
        |code: &str| answer(json!({"status": "failed", "error": {"code": code, "message": "why"}}));
    let read = |failure: Failure| (failure.cause, failure.charged, failure.retry);
    let name = str::to_owned;
    assert_eq!(
        read(failure(polled(failed("NSFW.x")).await)),
        (name("policy"), false, Retry::Never)
    );
    assert_eq!(read(failure(polled(failed("PAID")).await)), (name("policy"), true, Retry::Never));
    assert_eq!(
        read(failure(polled(failed("INTERNAL")).await)),
        (name("transient"), false, Retry::After(None))
    );
    let unheard = failure(polled(failed("UNHEARD")).await);
    assert_eq!(unheard.message, "test: why (code UNHEARD)");
    // What the card doesn't know counts as paid: given back, it would be spent again.
    assert_eq!(read(unheard), (name("failed"), true, Retry::Never));
    let end = |word: &str| polled(answer(json!({"status": word})));
    assert_eq!(read(failure(end("cancelled").await)), (name("cancelled"), false, Retry::Never));
    assert_eq!(read(failure(end("old").await)), (name("expired"), true, Retry::Never));
    assert_eq!(read(failure(end("lost").await)), (name("vanished"), false, Retry::After(None)));
}

#[tokio::test]
async fn a_success_without_a_clip_means_what_the_card_says() {
    let empty = || answer(json!({"status": "done", "video": null, "why": "filtered"}));
    // A card that says nothing of it may look at the wrong place: the job stays as it is.
    assert!(matches!(polled(empty()).await, Polled::NoAnswer { .. }));
    let patch = json!({"output": {"none": {"class": "policy", "message": ["$.why"]}}});
    let said = failure(polled_with(patch, empty()).await);
    assert_eq!((said.cause.as_str(), said.charged), ("policy", false));
    assert!(said.message.ends_with("there is no clip: filtered"), "{}", said.message);
}

#[tokio::test]
async fn rules_read_states_from_status_and_body() {
    let patch = || {
        json!({"poll": {"states": {"at": null, "words": null, "rules": [
            {"when": "status == 202", "is": "running"},
            {"when": "status == 410", "is": "vanished"},
            {"when": "body.error", "is": "failed"},
            {"when": "body.done and body.name == id", "is": "succeeded"},
        ]}}})
    };
    let with = |reply| polled_with(patch(), reply);
    let running = Polled::Running { percent: None, unknown_word: None, throttled: false };
    assert_eq!(with(status(202)).await, running);
    assert_eq!(with(answer(json!({}))).await, running);
    // A reply that no rule knows is shown, like a word that no list has.
    let odd = with(answer(json!({"name": "j1", "state": "dreaming"}))).await;
    let word = "{\"name\":\"j1\",\"state\":\"dreaming\"}".to_owned();
    let expected = Polled::Running { percent: None, unknown_word: Some(word), throttled: false };
    assert_eq!(odd, expected);
    assert_eq!(failure(with(status(410)).await).cause, "vanished");
    assert_eq!(failure(with(answer(json!({"error": {"code": "NSFW"}}))).await).cause, "policy");
    let done = json!({"done": true, "name": "j1", "video": {"url": "https://cdn.example/c"}});
    assert!(matches!(with(answer(done)).await, Polled::Ready { .. }));
}

#[tokio::test]
async fn a_second_read_of_the_poll_is_seen_beside_the_first() {
    let patch = || {
        json!({"poll": {
            "also": {"path": "/queue"},
            "states": {"at": null, "words": null, "rules": [
                {"when": "body[id]", "is": "succeeded"},
                {"when": "id in body.also.running", "is": "running"},
                {"when": "true", "is": "vanished"},
            ]},
        }})
    };
    let queue = |running: Json| {
        move |seen: &crate::server::Seen| match seen.path.as_str() {
            "/queue" => answer(json!({ "running": running })),
            _ => answer(json!({})),
        }
    };
    let world = World::new(patch(), queue(json!(["j1"]))).await;
    assert!(matches!(world.poll().await, Polled::Running { .. }));
    let asked: Vec<String> = world.server.seen().into_iter().map(|seen| seen.path).collect();
    assert_eq!(asked.last().map(String::as_str), Some("/queue"), "after the first: {asked:?}");
    let world = World::new(patch(), queue(json!([]))).await;
    assert_eq!(failure(world.poll().await).cause, "vanished");
    // While the second read fails, nothing is known.
    let world = World::new(patch(), |seen| match seen.path.as_str() {
        "/queue" => status(500),
        _ => answer(json!({})),
    });
    no_answer(world.await.poll().await);
}

fn two_stages() -> Json {
    json!({
        "poll": {"capture": {"file": "$.file_id"}},
        "result": [
            {
                "request": {"path": "/files/${captured.file}"},
                "accepted": "body.code == 0",
                "capture": {"name": "$.name"},
            },
            {"request": {"path": "/links", "query": {"name": "${captured.name}"}}},
        ],
        "errors": {"rules": [
            {"status": [422], "at": ["result"], "class": "policy", "charged": true},
        ]},
        "rehearsal": {"result": [{"body": {"code": 0, "name": "n"}}, {"body": {"video": {"url": "${url}"}}}]},
    })
}

#[tokio::test]
async fn a_clip_s_place_may_be_some_reads_away() {
    let world = World::new(two_stages(), |seen| match seen.path.as_str() {
        "/jobs/j1" => answer(json!({"status": "done", "file_id": 77})),
        "/files/77" => answer(json!({"code": 0, "name": "a&b"})),
        "/links" => answer(json!({"video": {"url": "https://cdn.example/c.mp4"}})),
        other => panic!("{other}"),
    });
    let world = world.await;
    assert!(matches!(world.poll().await, Polled::Ready { .. }));
    assert_eq!(world.server.to("/links")[0].query, "name=a%26b");
}

#[tokio::test]
async fn a_success_whose_result_says_no_is_a_failure_only_by_a_rule() {
    let at_files = |reply: Answer| {
        World::new(two_stages(), move |seen| match seen.path.as_str() {
            "/jobs/j1" => answer(json!({"status": "done", "file_id": 77})),
            _ => reply.clone(),
        })
    };
    let refused = answer(json!({"error": {"message": "unsafe"}})).status(422);
    let failed = failure(at_files(refused).await.poll().await);
    assert_eq!((failed.cause.as_str(), failed.charged), ("policy", true));
    for reply in [status(404), status(500), answer(json!({"code": 9})), text("<html>")] {
        no_answer(at_files(reply).await.poll().await);
    }
}

fn batched() -> Json {
    json!({"poll": {"batch": {
        "request": {"path": "/jobs", "query": {"ids": "${ids | join(',')}"}},
        "most": 3,
        "items": "$.list[*]",
        "id": "$.id",
    }}})
}

#[tokio::test]
async fn polls_of_a_moment_go_out_together() {
    let world = World::new(batched(), |seen| match seen.path.as_str() {
        "/jobs" => {
            let query: Vec<_> = url::form_urlencoded::parse(seen.query.as_bytes()).collect();
            let ids = query[0].1.split(',');
            // The fourth is not listed.
            let list =
                ids.filter(|id| *id != "j4").map(|id| json!({"id": id, "status": "working"}));
            answer(json!({ "list": list.collect::<Vec<_>>() }))
        }
        "/jobs/j4" => answer(json!({"id": "j4", "status": "waiting"})),
        other => panic!("{other}"),
    })
    .await;
    let ids: Vec<RemoteId> = (1..=5).map(|i| RemoteId::plain(format!("j{i}"))).collect();
    let request = job();
    let polls = join_all(ids.iter().map(|id| world.provider.poll(id, &request))).await;
    let running = Polled::Running { percent: None, unknown_word: None, throttled: false };
    assert!(polls.iter().all(|polled| *polled == running), "{polls:?}");
    assert_eq!(world.server.to("/jobs").len(), 2);
    assert_eq!(world.server.to("/jobs/j4").len(), 1);
    assert_eq!(world.server.seen().len(), 3);
}

#[tokio::test]
async fn a_batch_that_fails_answers_nobody_and_one_that_is_dropped_stops_nobody() {
    let world = World::new(batched(), |_| status(429)).await;
    let (one, two) = (RemoteId::plain("j1"), RemoteId::plain("j2"));
    let request = job();
    let polls = join_all([&one, &two].map(|id| world.provider.poll(id, &request))).await;
    polls.into_iter().for_each(|polled| assert!(no_answer(polled).contains("429")));
    assert_eq!(world.server.seen().len(), 1);

    let world = World::impatient(batched(), |seen| match seen.path.as_str() {
        "/jobs/j2" => answer(json!({"status": "waiting"})),
        other => panic!("{other}"),
    })
    .await;
    let mut first = world.provider.poll(&one, &request);
    let second = world.provider.poll(&two, &request);
    let brief = tokio::time::timeout(Duration::from_millis(20), &mut first).await;
    assert!(brief.is_err());
    let (second, ()) = tokio::join!(second, async {
        tokio::time::sleep(Duration::from_millis(10)).await;
        drop(first);
    });
    assert!(matches!(second, Polled::Running { .. }), "{second:?}");
}

#[tokio::test]
async fn one_id_that_is_refused_keeps_no_other_from_its_answer() {
    let mut patch = batched();
    patch["poll"]["batch"]["most"] = json!(100);
    let world = World::new(patch, |seen| match seen.path.as_str() {
        "/jobs" => {
            let query: Vec<_> = url::form_urlencoded::parse(seen.query.as_bytes()).collect();
            let ids: Vec<&str> = query[0].1.split(',').collect();
            if ids.contains(&"j13") {
                return status(404);
            }
            let list = ids.iter().map(|id| json!({"id": id, "status": "working"}));
            answer(json!({ "list": list.collect::<Vec<_>>() }))
        }
        // The bad one, and the one that was left alone beside it.
        "/jobs/j13" => status(404),
        "/jobs/j12" | "/jobs/j14" => answer(json!({"status": "working"})),
        other => panic!("{other}"),
    })
    .await;
    let ids: Vec<RemoteId> = (1..=40).map(|i| RemoteId::plain(format!("j{i}"))).collect();
    let request = job();
    let polls = join_all(ids.iter().map(|id| world.provider.poll(id, &request))).await;
    let running = Polled::Running { percent: None, unknown_word: None, throttled: false };
    for (id, polled) in ids.iter().zip(polls) {
        match id.id.as_str() {
            "j13" => assert!(no_answer(polled).contains("404")),
            _ => assert_eq!(polled, running, "{id}"),
        }
    }
    // Each step halves what is left: 40, 20, 10, 5, 3 or 2, and then alone.
    assert!(world.server.to("/jobs").len() <= 11, "{}", world.server.to("/jobs").len());
}

#[tokio::test]
async fn a_job_is_polled_where_its_acceptance_said() {
    let patch = json!({
        "submit": {"capture": {"status_url": "$.status_url"}},
        "poll": {"request": {"path": "${captured.status_url}"}},
    });
    let world = World::new(patch, |_| answer(json!({"status": "working"}))).await;
    let mut id = RemoteId::plain("j1");
    id.captured.insert("status_url".to_owned(), json!(format!("{}/s/1", world.server.url())));
    assert!(matches!(world.provider.poll(&id, &job()).await, Polled::Running { .. }));
    let seen = world.server.to("/s/1").remove(0);
    assert_eq!(seen.header("authorization"), Some("Key canary-4711-secret"));
}
