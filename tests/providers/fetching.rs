//! Clips arrive whole or not at all, wherever the connection breaks and whatever is sent instead.

use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use data_encoding::BASE64;
use kinora::providers::{Fetched, Polled};
use serde_json::{Value as Json, json};

use crate::server::{Answer, Seen, hang, json as answer, status, text};
use crate::world::{World, clip};

/// A server whose job is done, and whose clip's URL answers what `reply` says for each download
/// in turn (counted from 0).
async fn done(
    patch: Json,
    reply: impl Fn(&Seen, usize) -> Answer + Send + Sync + 'static,
) -> World {
    World::new(patch, job_done(reply)).await
}

fn job_done(
    reply: impl Fn(&Seen, usize) -> Answer + Send + Sync + 'static,
) -> impl Fn(&Seen) -> Answer + Send + Sync + 'static {
    let downloads = AtomicUsize::new(0);
    move |seen| {
        if seen.path == "/jobs/j1" {
            let host = seen.header("host").unwrap_or_default();
            let url = format!("http://{host}/clip.mp4?signature=s3cret");
            return answer(json!({"status": "done", "video": { "url": url }}));
        }
        reply(seen, downloads.fetch_add(1, Ordering::SeqCst))
    }
}

fn message(fetched: Fetched) -> String {
    match fetched {
        Fetched::Interrupted { message } => message,
        other => panic!("not interrupted: {other:?}"),
    }
}

fn denial(fetched: Fetched) -> String {
    match fetched {
        Fetched::Denied { message } => message,
        other => panic!("not denied: {other:?}"),
    }
}

/// A server that knows ranges.
fn ranged(seen: &Seen, whole: &[u8]) -> Answer {
    let etag = "\"v1\"";
    let start: Option<usize> = seen
        .header("range")
        .filter(|_| seen.header("if-range") == Some(etag))
        .and_then(|range| range.strip_prefix("bytes=")?.strip_suffix('-')?.parse().ok());
    match start {
        Some(start) => status(206)
            .body(&whole[start..])
            .header("content-range", format!("bytes {start}-{}/{}", whole.len() - 1, whole.len())),
        None => text(whole).header("etag", etag),
    }
}

#[tokio::test]
async fn a_clip_is_written_whole() {
    let whole = clip(300_000);
    let sent = whole.clone();
    let world = done(json!({}), move |_, _| text(sent.clone())).await;
    assert_eq!(world.fetch().await, Fetched::Complete);
    assert_eq!(std::fs::read(world.target()).expect("it is there"), whole);
}

#[tokio::test]
async fn a_url_that_a_poll_gave_is_not_asked_for_again() {
    let world = done(json!({}), |_, _| text(clip(100))).await;
    assert!(matches!(world.poll().await, Polled::Ready { .. }));
    assert_eq!(world.fetch().await, Fetched::Complete);
    assert_eq!(world.server.to("/jobs/j1").len(), 1);
}

#[tokio::test]
async fn a_download_that_breaks_goes_on_where_it_broke() {
    let whole = clip(200_000);
    let sent = whole.clone();
    let world = done(json!({}), move |seen, download| {
        let reply = ranged(seen, &sent);
        if download < 3 { reply.cut_after(40_000) } else { reply }
    })
    .await;
    assert_eq!(world.fetch().await, Fetched::Complete);
    assert_eq!(std::fs::read(world.target()).expect("it is there"), whole);
    let ranges: Vec<_> = world.server.to("/clip.mp4");
    let ranges: Vec<_> = ranges.iter().map(|seen| seen.header("range")).collect();
    assert_eq!(ranges, [None, Some("bytes=40000-"), Some("bytes=80000-"), Some("bytes=120000-")]);
}

#[tokio::test]
async fn a_server_that_knows_no_ranges_sends_it_all_again() {
    let whole = clip(50_000);
    let sent = whole.clone();
    let world = done(json!({}), move |_, download| {
        let reply = text(sent.clone()).header("last-modified", "Sun, 22 Nov 2026 20:00:00 GMT");
        if download == 0 { reply.cut_after(20_000) } else { reply }
    })
    .await;
    assert_eq!(world.fetch().await, Fetched::Complete);
    assert_eq!(std::fs::read(world.target()).expect("it is there"), whole);
}

#[tokio::test]
async fn a_range_of_another_file_is_not_joined_to_the_first() {
    let whole = clip(50_000);
    let sent = whole.clone();
    let world = done(json!({}), move |_, download| match download {
        0 => text(sent.clone()).header("etag", "\"v1\"").cut_after(20_000),
        // Not where it was asked for, then of another length.
        1 => status(206).body(clip(100)).header("content-range", "bytes 0-99/50000"),
        2 => text(sent.clone()).header("etag", "\"v2\"").cut_after(20_000),
        3 => status(206).body(clip(100)).header("content-range", "bytes 20000-20099/20100"),
        _ => text(sent.clone()),
    })
    .await;
    // Three times it is gone on with; then the run decides.
    assert!(message(world.fetch().await).contains("could not go on"));
    std::fs::remove_file(world.target()).expect("what came is there");
    assert_eq!(world.fetch().await, Fetched::Complete);
    assert_eq!(std::fs::read(world.target()).expect("it is there"), whole);
}

#[tokio::test]
async fn a_clip_that_never_comes_whole_is_interrupted() {
    let world = done(json!({}), |_, _| text(clip(9_000)).cut_after(4_000)).await;
    message(world.fetch().await);
    assert_eq!(world.server.to("/clip.mp4").len(), 4);
    let world = World::impatient(json!({}), job_done(|_, _| hang())).await;
    assert!(message(world.fetch().await).contains("no answer within"));
    let world = done(json!({}), |_, _| status(503)).await;
    assert_eq!(message(world.fetch().await), "the clip's URL answers 503");
    // Slow is not broken, as long as bytes come.
    let slow = job_done(|_, _| text(clip(60)).drip(Duration::from_millis(10)));
    let world = World::impatient(json!({}), slow).await;
    assert_eq!(world.fetch().await, Fetched::Complete);
}

#[tokio::test]
async fn what_is_no_video_is_named() {
    let long_html = format!("<html>{}", "x".repeat(100_000));
    let cases: [(Vec<u8>, &str); 6] = [
        (long_html.into_bytes(), "HTML or XML"),
        (b"<Error><Code>ExpiredToken</Code></Error>".to_vec(), "HTML or XML"),
        (b"{\"detail\": \"not found\"}".to_vec(), "JSON"),
        (Vec::new(), "an empty file"),
        (b"\x89PNG\r\n\x1a\n00000000".to_vec(), "a picture"),
        (b"soon".to_vec(), "a file of no known video format"),
    ];
    for (body, what) in cases {
        let world = done(json!({}), move |_, _| text(body.clone())).await;
        let message = message(world.fetch().await);
        assert_eq!(message, format!("the clip's URL gave {what}, not a video"));
    }
}

#[tokio::test]
async fn a_clip_beyond_the_limit_is_not_taken() {
    let world = done(json!({}), |_, _| text(clip(2 << 20))).await;
    assert_eq!(message(world.fetch().await), "the clip is longer than 1048576 bytes");
}

#[tokio::test]
async fn a_url_that_has_expired_is_refreshed_by_a_poll() {
    for code in [403, 404, 410] {
        let reply =
            move |_: &Seen, download| if download == 0 { status(code) } else { text(clip(99)) };
        let world = done(json!({"output": {"refreshed_by_poll": true}}), reply).await;
        assert!(matches!(world.poll().await, Polled::Ready { .. }));
        assert_eq!(world.fetch().await, Fetched::Complete);
        assert_eq!(world.server.to("/jobs/j1").len(), 2);
    }
}

#[tokio::test]
async fn a_clip_is_gone_only_when_a_fresh_url_says_so_too() {
    let world = done(json!({}), |_, _| status(410)).await;
    world.poll().await;
    let fetched = world.fetch().await;
    assert!(matches!(fetched, Fetched::Gone { .. }), "{fetched:?}");
    assert_eq!(world.server.to("/clip.mp4").len(), 2);
    // A copy that lags behind answers 404 for a while.
    let world = done(json!({}), |_, _| status(404)).await;
    for _ in 0..2 {
        assert_eq!(denial(world.fetch().await), "the clip's URL answers 404");
        std::fs::remove_file(world.target()).expect("it was begun");
    }
    let fetched = world.fetch().await;
    assert!(matches!(fetched, Fetched::Gone { .. }), "{fetched:?}");
    // Who refuses it for now, or for good, nobody knows: the run, by how long the clip was kept.
    let world = done(json!({}), |_, _| status(403)).await;
    assert_eq!(denial(world.fetch().await), "the clip's URL answers 403");
    assert_eq!(world.server.to("/clip.mp4").len(), 2, "a fresh URL was asked for");
    let world = World::new(json!({}), |_| answer(json!({"status": "old"}))).await;
    assert!(matches!(world.fetch().await, Fetched::Gone { .. }));
    for reply in [status(404), status(500), answer(json!({"status": "working"})), hang()] {
        let world = World::impatient(json!({}), move |_| reply.clone()).await;
        message(world.fetch().await);
    }
}

#[tokio::test]
async fn a_job_that_was_ready_and_ended_otherwise_since_has_no_clip() {
    let ended = [
        json!({"status": "lost"}),
        json!({"status": "cancelled"}),
        json!({"status": "failed", "error": {"code": "INTERNAL", "message": "we lost it"}}),
    ];
    for body in ended {
        // At once, where its place is not remembered; and when its place refuses it.
        let later = body.clone();
        let world = World::new(json!({}), move |_| answer(later.clone())).await;
        let polls = AtomicUsize::new(0);
        let moved = World::new(json!({}), move |seen| match seen.path.as_str() {
            "/jobs/j1" if polls.fetch_add(1, Ordering::SeqCst) == 0 => {
                let host = seen.header("host").unwrap_or_default();
                let url = format!("http://{host}/clip.mp4");
                answer(json!({"status": "done", "video": {"url": url}}))
            }
            "/jobs/j1" => answer(body.clone()),
            _ => status(403),
        })
        .await;
        assert!(matches!(moved.poll().await, Polled::Ready { .. }));
        for world in [world, moved] {
            match world.fetch().await {
                Fetched::Gone { message } => assert!(message.starts_with("test: "), "{message}"),
                other => panic!("not gone: {other:?}"),
            }
        }
    }
}

#[tokio::test]
async fn a_file_that_is_there_is_not_written_over() {
    let world = done(json!({}), |_, _| text(clip(99))).await;
    std::fs::write(world.target(), b"mine").expect("written");
    assert!(message(world.fetch().await).contains("the clip's file can't be made"));
    assert_eq!(std::fs::read(world.target()).expect("it is there"), b"mine");
}

#[tokio::test]
async fn a_clip_may_stand_in_the_reply_itself() {
    let data = |text: String| {
        World::new(json!({}), move |_| answer(json!({"status": "done", "video": {"url": text}})))
    };
    let whole = clip(30_000);
    let world = data(format!("data:video/mp4;base64,{}", BASE64.encode(&whole))).await;
    world.poll().await;
    assert_eq!(world.fetch().await, Fetched::Complete);
    assert_eq!(std::fs::read(world.target()).expect("it is there"), whole);
    for (url, why) in [
        ("data:video/mp4;base64,AAA", "is damaged"),
        ("data:video/mp4,abc", "is not in base64"),
        ("data:", "has no data"),
    ] {
        let why_not = message(data(url.to_owned()).await.fetch().await);
        assert!(why_not.contains(why), "{why_not}");
    }
}

#[tokio::test]
async fn a_request_may_answer_the_bytes_where_there_is_no_url() {
    let patch = json!({"output": {"url": [], "request": {"path": "/jobs/${id}/content"}}});
    let world = World::new(patch, |seen| match seen.path.as_str() {
        "/jobs/j1" => answer(json!({"status": "done"})),
        "/jobs/j1/content" => text(clip(500)),
        other => panic!("{other}"),
    })
    .await;
    assert_eq!(world.fetch().await, Fetched::Complete);
    let seen = world.server.to("/jobs/j1/content").remove(0);
    assert_eq!(seen.header("authorization"), Some("Key canary-4711-secret"));
    assert_eq!(seen.header("x-version"), Some("7"));
}
