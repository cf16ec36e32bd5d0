//! What is written on the card is what goes over the wire.

use std::time::Duration;

use kinora::providers::{Provider, RemoteId, Submission};
use serde_json::json;

use crate::server::{Seen, json as answer};
use crate::world::{CANARY, World, attempt, job, png};

#[tokio::test]
async fn a_submission_is_sent_as_the_card_says() {
    let patch = json!({"submit": {"forms": {"text": {
        "path": "/v1/${model}/jobs",
        "query": {"async": true, "tag": ["a b", "ü&="], "none": "${negative_prompt}"},
        "headers": {"X-Attempt": "${attempt}", "X-None": "${negative_prompt}"},
        "body": {"model": null, "prompt": null, "text": "${prompt}", "seconds": "${duration}", "seed": "${seed}", "n": "${fps}"},
    }}}});
    let world = World::new(patch, |_| answer(json!({"id": "j1"}))).await;
    world.submit().await;
    let seen = world.server.seen().remove(0);
    assert_eq!((seen.method.as_str(), seen.path.as_str()), ("POST", "/v1/one/jobs"));
    assert_eq!(seen.query, "async=true&tag=a+b&tag=%C3%BC%26%3D");
    let body = "{\"seed\":9007199254740993,\"text\":\"a “quiet” street\\nat dawn\",\"seconds\":5}";
    assert_eq!(seen.text(), body);
    assert_eq!(seen.header("content-type"), Some("application/json"));
    assert_eq!(seen.header("content-length"), Some(body.len().to_string().as_str()));
    assert_eq!(seen.header("authorization"), Some(format!("Key {CANARY}").as_str()));
    assert_eq!(seen.header("x-version"), Some("7"));
    assert_eq!(seen.header("x-attempt"), Some(attempt().as_str()));
    assert_eq!(seen.header("x-none"), None);
    assert!(seen.header("user-agent").is_some_and(|agent| agent.starts_with("kinora/")));
}

#[tokio::test]
async fn a_form_carries_texts_and_the_picture_s_bytes() {
    let patch = json!({
        "images": {"transports": ["file"]},
        "submit": {"forms": {"image": {
            "path": "/videos", "encoding": "multipart",
            "body": {
                "model": null, "image": null,
                "prompt": "${prompt}", "seconds": "${duration | string}",
                "input_reference": {"$file": "first"}, "tags[]": ["a", "b"],
            },
        }}},
    });
    let world = World::new(patch, |_| answer(json!({"id": "j1"}))).await;
    let bytes = png(&[0, 1, 2, 255, 254, 13, 10, 45, 45]);
    let submission = world.submit_this(&world.with_picture(&bytes, None)).await;
    assert!(matches!(submission, Submission::Accepted { .. }), "{submission:?}");
    let seen = world.server.seen().remove(0);
    let kind = seen.header("content-type").unwrap_or_default();
    let boundary = kind.strip_prefix("multipart/form-data; boundary=").expect("a form");
    let text = |name: &str, text: &str| {
        format!("--{boundary}\r\nContent-Disposition: form-data; name=\"{name}\"\r\n\r\n{text}\r\n")
    };
    let expected = [
        text("prompt", "a “quiet” street\nat dawn").into_bytes(),
        text("seconds", "5").into_bytes(),
        format!(
            "--{boundary}\r\nContent-Disposition: form-data; name=\"input_reference\"; \
             filename=\"hero.png\"\r\nContent-Type: image/png\r\n\r\n"
        )
        .into_bytes(),
        bytes,
        b"\r\n".to_vec(),
        text("tags[]", "a").into_bytes(),
        text("tags[]", "b").into_bytes(),
        format!("--{boundary}--\r\n").into_bytes(),
    ]
    .concat();
    assert_eq!(seen.text(), String::from_utf8_lossy(&expected));
    assert_eq!(seen.body, expected);
}

#[tokio::test]
async fn a_poll_is_a_read_without_a_body() {
    let world = World::new(json!({}), |_| answer(json!({"status": "working"}))).await;
    world.provider.poll(&RemoteId::plain("a b/c?d"), &job()).await;
    let seen = world.server.seen().remove(0);
    assert_eq!((seen.method.as_str(), seen.path.as_str()), ("GET", "/jobs/a%20b/c%3Fd"));
    assert_eq!((seen.body.len(), seen.query.as_str()), (0, ""));
    assert_eq!(seen.header("content-type"), None);
}

#[tokio::test]
async fn a_connection_that_idled_takes_no_submission() {
    let world = World::new(json!({}), |_| answer(json!({"id": "j1"}))).await;
    let ports = |world: &World| -> Vec<u16> {
        world.server.seen().iter().map(|seen| seen.client_port).collect()
    };
    world.submit().await;
    world.submit().await;
    let at_once = ports(&world);
    assert_eq!(at_once[0], at_once[1], "one that was used just now is used again");
    // More than the second for which it counts as alive.
    tokio::time::sleep(Duration::from_millis(1200)).await;
    world.submit().await;
    assert_ne!(ports(&world)[2], at_once[0], "one that idled is not");
}

#[tokio::test]
async fn a_connection_that_the_server_closes_takes_nothing_more() {
    let closing = |_: &Seen| answer(json!({"id": "j1"})).header("connection", "close");
    let world = World::new(json!({}), closing).await;
    world.submit().await;
    world.submit().await;
    let seen = world.server.seen();
    assert_ne!(seen[0].client_port, seen[1].client_port);
}

#[tokio::test]
async fn body_limits_hold_and_what_the_card_and_the_workspace_say_is_told() {
    let patch = json!({"limits": {"body_bytes": 50, "in_flight": 3}});
    let world = World::new(patch, |_| answer(json!({"id": "j1"}))).await;
    let Submission::Refused(refusal) = world.submit().await else { panic!("it is too large") };
    assert_eq!(refusal.cause, "invalid");
    assert!(refusal.message.contains("test takes 50 at most"), "{}", refusal.message);
    assert_eq!(world.server.seen().len(), 0);
    assert_eq!(world.provider.terms().in_flight, 3);
    assert_eq!(world.provider.poll_interval_ms(), 3000);
    assert_eq!((world.provider.name(), world.provider.account()), ("test", "studio"));
}
