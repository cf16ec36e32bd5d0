//! Every reply to a submission leads to one of three outcomes, and no id is lost.

use std::time::Duration;

use kinora::money::Amount;
use kinora::providers::{Provider, Refusal, RemoteId, Retry, Submission};
use serde_json::{Value as Json, json};

use crate::server::{Answer, hang, json as answer, nobody, raw, silent, status, text};
use crate::world::{Parts, World, attempt, job, sent};

async fn outcome_with(patch: Json, reply: Answer) -> Submission {
    World::new(patch, move |_| reply.clone()).await.submit().await
}

async fn outcome(reply: Answer) -> Submission {
    outcome_with(json!({}), reply).await
}

async fn impatient(reply: Answer) -> Submission {
    World::impatient(json!({}), move |_| reply.clone()).await.submit().await
}

async fn outcome_at(base_url: String) -> Submission {
    let folder = tempfile::tempdir().expect("a folder");
    let parts = Parts { limits: crate::world::impatient(), ..Parts::at(&base_url, json!({})) };
    let provider = parts.provider(folder.path()).expect("it is set up");
    sent(&provider, &job()).await
}

fn evidence(submission: Submission) -> String {
    match submission {
        Submission::Unknown { evidence } => evidence,
        other => panic!("not unknown: {other:?}"),
    }
}

fn refusal(submission: Submission) -> Refusal {
    match submission {
        Submission::Refused(refusal) => refusal,
        other => panic!("not refused: {other:?}"),
    }
}

fn id(submission: Submission) -> String {
    match submission {
        Submission::Accepted { id, .. } => id.id,
        other => panic!("not accepted: {other:?}"),
    }
}

fn error(code: &str) -> Json {
    json!({"error": {"code": code, "message": "it says why"}})
}

#[tokio::test]
async fn an_id_in_a_good_reply_is_an_acceptance() {
    assert_eq!(id(outcome(answer(json!({"id": "j1"}))).await), "j1");
    assert_eq!(id(outcome(answer(json!({"id": 4711})).status(201)).await), "4711");
    assert_eq!(id(outcome(text("\u{feff}{\"id\": \"j1\"}")).await), "j1");
}

#[tokio::test]
async fn what_the_card_captures_and_the_price_come_with_it() {
    let patch = json!({
        "submit": {"capture": {"status_url": "$.urls.status"}},
        "cost": {"at_submit": {"at": "$.credits", "times": 0.005, "unit": "USD"}},
    });
    let reply =
        answer(json!({"id": "j1", "urls": {"status": "https://x.example/s"}, "credits": 35}));
    let Submission::Accepted { id, most } = outcome_with(patch, reply).await else {
        panic!("it is accepted");
    };
    assert_eq!(id.captured["status_url"], json!("https://x.example/s"));
    assert_eq!(most.as_ref().map(Amount::to_string).as_deref(), Some("0.175 USD"));
    assert_eq!(RemoteId::from_stored(&id.to_stored()), id);
}

#[tokio::test]
async fn a_good_status_without_a_readable_id_is_unknown_and_shows_what_came() {
    let cases: [(Answer, &str); 9] = [
        (text("all fine, id j1"), "the reply is not JSON; body: all fine, id j1"),
        (text("<html>id j1</html>"), "the reply is HTML, not JSON; body: <html>id j1</html>"),
        (text("{\"id\": \"j1\", \"mo"), "the reply is not JSON; body: {\"id\": \"j1\", \"mo"),
        (text(""), "the reply is empty; body: an empty body"),
        (answer(json!({"id": {"x": 1}})), "the reply has no id at $.id; body: {\"id\":{\"x\":1}}"),
        (answer(json!({"id": ""})), "the reply has no id at $.id"),
        (answer(json!({"id": null})), "the reply has no id at $.id"),
        (answer(json!(["j1"])), "the reply has no id at $.id; body: [\"j1\"]"),
        (answer(json!(7)), "the reply has no id at $.id; body: 7"),
    ];
    for (reply, expected) in cases {
        let evidence = evidence(outcome(reply).await);
        assert!(evidence.starts_with("HTTP 200: "), "{evidence}");
        assert!(evidence.contains(expected), "{evidence} / {expected}");
    }
}

#[tokio::test]
async fn a_reply_that_is_cut_huge_or_slow_is_unknown() {
    let whole = json!({"id": "j1", "rest": "x".repeat(100)});
    let cut = evidence(outcome(answer(whole.clone()).cut_after(20)).await);
    assert!(cut.contains("the reply broke off") && cut.contains("{\"id\":\"j1\""), "{cut}");
    let huge = answer(json!({"id": "j1", "rest": "x".repeat(20 << 20)}));
    let huge = evidence(outcome(huge).await);
    assert!(huge.contains("longer than 1048576 bytes") && huge.contains("\"j1\""), "{huge}");
    let drip = evidence(impatient(answer(whole).drip(Duration::from_millis(15))).await);
    assert!(drip.contains("stopped in its middle") && drip.contains("\"j1\""), "{drip}");
    let headers = answer(json!({"id": "j1"})).header("x-big", "y".repeat(2 << 20));
    assert!(evidence(outcome(headers).await).contains("did not answer it"));
    let deep = text(format!("{{\"id\":\"j1\",\"x\":{}", "[".repeat(100_000)));
    assert!(evidence(outcome(deep).await).contains("\"j1\""));
}

#[tokio::test]
async fn no_answer_after_the_request_left_is_unknown() {
    assert!(evidence(impatient(hang()).await).contains("no answer within 0.6 s"));
    for reply in [&b""[..], b"HTTP/1.1 200 O", b"HTTP/1.1 200 OK\r\nContent-Le", b"garbage\r\n\r\n"]
    {
        let evidence = evidence(outcome_at(format!("http://127.0.0.1:{}", raw(reply).await)).await);
        assert!(evidence.contains("test did not answer it"), "{evidence}");
    }
}

#[tokio::test]
async fn a_connection_that_was_never_made_is_refused_and_may_be_tried_again() {
    let places = [
        format!("http://127.0.0.1:{}", nobody().await),
        // No TLS is spoken there, or nothing at all.
        format!("https://127.0.0.1:{}", raw(b"HTTP/1.1 400 Bad Request\r\n\r\n").await),
        format!("https://127.0.0.1:{}", silent().await),
        "https://nobody.invalid".to_owned(),
    ];
    for place in places {
        let refusal = refusal(outcome_at(place).await);
        assert_eq!((refusal.cause.as_str(), refusal.retry), ("unreachable", Retry::After(None)));
        assert!(refusal.message.starts_with("test can't be reached: "), "{}", refusal.message);
    }
}

#[tokio::test]
async fn an_error_status_means_what_everybody_means_by_it() {
    let cases = [
        (400, "invalid"),
        (401, "auth"),
        (402, "payment"),
        (403, "auth"),
        (404, "invalid"),
        (413, "invalid"),
        (422, "invalid"),
        (451, "invalid"),
    ];
    for (code, cause) in cases {
        for body in ["", "<html>no</html>", "{\"error\":{\"message\":\"it says why\"}}"] {
            let refusal = refusal(outcome(status(code).body(body)).await);
            assert_eq!((refusal.cause.as_str(), refusal.retry), (cause, Retry::Never), "{code}");
            assert!(refusal.message.contains(&format!("test answers {code}")), "{refusal:?}");
        }
    }
    for code in [408, 500, 502, 503, 504, 302] {
        let reply = status(code).header("x-request-id", "req-1");
        let evidence = evidence(outcome(reply).await);
        assert!(evidence.starts_with(&format!("HTTP {code}, request req-1: ")), "{evidence}");
    }
}

#[tokio::test]
async fn too_many_requests_say_when_to_come_back() {
    let at = |retry: &str| status(429).header("retry-after", retry);
    let retry = |submission| refusal(submission).retry;
    assert_eq!(retry(outcome(at("7")).await), Retry::After(Some(7_000)));
    let date = "Sun, 22 Nov 2026 20:01:00 GMT";
    assert_eq!(retry(outcome(at(date)).await), Retry::After(Some(60_000)));
    assert_eq!(retry(outcome(at("999999")).await), Retry::After(Some(3_600_000)));
    assert_eq!(retry(outcome(status(429)).await), Retry::After(None));
}

#[tokio::test]
async fn the_card_s_rules_win_over_the_status() {
    let policy = refusal(outcome(answer(error("NSFW.prompt")).status(500)).await);
    assert_eq!((policy.cause.as_str(), policy.retry), ("policy", Retry::Never));
    assert_eq!(policy.message, "test answers 500: it says why (code NSFW.prompt)");
    let busy = refusal(outcome(answer(error("BUSY")).status(500)).await);
    assert_eq!((busy.cause.as_str(), busy.retry), ("transient", Retry::After(None)));
    evidence(outcome(answer(error("INTERNAL")).status(400)).await);
    // What is charged is not given back by calling it refused.
    let paid = evidence(outcome(answer(error("PAID")).status(400)).await);
    assert!(paid.contains("charges it all the same"), "{paid}");
}

#[tokio::test]
async fn an_error_inside_a_good_status_is_read_by_the_rules() {
    let policy = refusal(outcome(answer(error("NSFW")).status(200)).await);
    assert_eq!(policy.cause, "policy");
    evidence(outcome(answer(error("NEVER_SEEN")).status(200)).await);
}

#[tokio::test]
async fn an_id_in_a_reply_that_does_not_look_like_an_acceptance_is_kept_as_evidence() {
    let patch = || json!({"submit": {"accepted": "body.code == 0"}});
    let good = answer(json!({"id": "j1", "code": 0}));
    assert_eq!(id(outcome_with(patch(), good).await), "j1");
    let odd = evidence(outcome_with(patch(), answer(json!({"id": "j1", "code": 9}))).await);
    assert!(odd.contains("the reply has the id j1"), "{odd}");
    let mut body = error("NSFW");
    body["id"] = json!("j1");
    assert!(evidence(outcome_with(patch(), answer(body)).await).contains("the id j1"));
}

#[tokio::test]
async fn a_submission_is_sent_once_whatever_comes_back() {
    for reply in [status(503), status(429), status(307).header("location", "/jobs2"), hang()] {
        let world = World::impatient(json!({}), move |_| reply.clone()).await;
        let _ = world.submit().await;
        assert_eq!(world.server.seen().len(), 1);
    }
}

#[tokio::test]
async fn an_attempt_key_goes_along_where_the_provider_knows_it() {
    let patch = json!({"idempotency": {"header": "Idempotency-Key", "window_s": 86400}});
    let world = World::new(patch, |_| answer(json!({"id": "j1"}))).await;
    world.submit().await;
    let seen = world.server.seen().remove(0);
    assert_eq!(seen.header("idempotency-key"), Some(attempt().as_str()));
}

#[tokio::test]
async fn a_submission_is_repeated_only_while_it_surely_arrives_in_time() {
    let window = |seconds: u64| async move {
        let patch = json!({"idempotency": {"header": "Idempotency-Key", "window_s": seconds}});
        World::new(patch, |_| status(500)).await.provider.replay_window()
    };
    // The tests' submissions take 30 s and 3.4 s for the largest body, may be on their way for
    // 120 s more, and clocks may differ by 60 s.
    let margin = Duration::from_secs(86400) - window(86400).await.expect("a day is enough");
    assert!((213..215).contains(&margin.as_secs()), "{margin:?}");
    assert_eq!(window(200).await, None);
    assert_eq!(World::new(json!({}), |_| status(500)).await.provider.replay_window(), None);
}

#[tokio::test]
async fn a_key_that_was_used_before_is_no_refusal() {
    let keyed = || json!({"idempotency": {"header": "Idempotency-Key", "window_s": 86400}});
    let reused = json!({"error": {"code": "idempotency_key_reuse", "message": "other body"}});
    for reply in [status(409), answer(reused.clone()).status(422), answer(reused).status(400)] {
        let evidence = evidence(outcome_with(keyed(), reply).await);
        assert!(evidence.contains("has seen this attempt's key before"), "{evidence}");
    }
    // Where no key goes along, or the card knows better, it is what it is elsewhere.
    assert_eq!(refusal(outcome(status(409)).await).cause, "invalid");
    let mut ruled = keyed();
    ruled["errors"] = json!({"rules": [
        {"status": [409], "class": "concurrency_full", "not_accepted": true},
    ]});
    assert_eq!(refusal(outcome_with(ruled, status(409)).await).cause, "concurrency_full");
    assert_eq!(refusal(outcome_with(keyed(), status(422)).await).cause, "invalid");
}
