//! Pictures go by the first way that is possible; uploads are steps, and their handles are kept.

use data_encoding::BASE64;
use futures_util::future::join_all;
use kinora::providers::{Prepared, Provider, Retry, Submission};
use serde_json::{Value as Json, json};

use crate::server::{Answer, Seen, json as answer, status};
use crate::world::{World, attempt, job, png};

fn accept(seen: &Seen) -> Answer {
    assert_eq!(seen.path, "/jobs");
    answer(json!({"id": "j1"}))
}

fn refused(submission: Submission) -> (String, Retry, String) {
    match submission {
        Submission::Refused(refusal) => (refusal.cause, refusal.retry, refusal.message),
        other => panic!("not refused: {other:?}"),
    }
}

/// Tells the server's URL, as the client wrote it.
fn host(seen: &Seen) -> String {
    format!("http://{}", seen.header("host").unwrap_or_default())
}

/// Asks for an upload's place, sends the bytes there, tells that they are there.
fn uploading() -> Json {
    json!({
        "images": {
            "transports": ["upload"],
            "upload": {
                "lifetime_s": 86400,
                "handle": "${captured.handle}",
                "steps": [
                    {
                        "path": "/uploads",
                        "body": {"json": {"name": "${picture.file_name}", "size": "${picture.bytes}"}},
                        "capture": {"fields": "$.fields", "headers": "$.headers"},
                        "capture_headers": {"url": "X-Upload-URL"},
                    },
                    {
                        "path": "${captured.url}", "method": "PUT", "auth": false,
                        "headers": {"Content-Type": "${picture.media_type}"},
                        "headers_from": "captured.headers",
                        "body": "bytes",
                    },
                    {
                        "path": "/uploads/done",
                        "body": {"multipart_fields": {"fields": "captured.fields", "file": "file"}},
                        "accepted": "body.ok",
                        "capture": {"handle": "$.handle"},
                    },
                    {"path": "/never", "when": "captured.handle == 'other'"},
                ],
            },
        },
        "rehearsal": {"upload": [{}, {}, {}, {}]},
    })
}

fn uploads(seen: &Seen) -> Answer {
    match seen.path.as_str() {
        "/uploads" => {
            // The place is at another host.
            let place = host(seen).replace("127.0.0.1", "localhost") + "/place?signature=s3cret";
            let fields = json!({"policy": "p", "key": 7});
            answer(json!({"fields": fields, "headers": {"X-Signed": "yes", "Host": "evil"}}))
                .header("X-Upload-URL", place)
        }
        "/place" => status(200),
        "/uploads/done" => answer(json!({"ok": true, "handle": "up://1"})),
        _ => accept(seen),
    }
}

#[tokio::test]
async fn a_picture_goes_by_its_url_or_inside_the_request() {
    let world = World::new(json!({}), accept).await;
    let bytes = png(b"picture");
    let data_uri = format!("data:image/png;base64,{}", BASE64.encode(&bytes));
    let by_url = world.with_picture(&bytes, Some("https://shop.example/a.png"));
    world.submit_this(&by_url).await;
    let inside = world.with_picture(&bytes, None);
    world.submit_this(&inside).await;
    let sent: Vec<Json> =
        world.server.seen().iter().map(|seen| seen.json()["image"].clone()).collect();
    assert_eq!(sent, [json!("https://shop.example/a.png"), json!(data_uri)]);
}

#[tokio::test]
async fn a_picture_that_changed_or_is_gone_is_never_sent() {
    let world = World::new(json!({}), accept).await;
    let request = world.with_picture(&png(b"planned"), None);
    let path = world.folder.path().join(&request.references[0].path);
    std::fs::write(&path, png(b"changed")).expect("written");
    let (cause, retry, message) = refused(world.submit_this(&request).await);
    assert_eq!((cause.as_str(), retry), ("picture", Retry::Never));
    assert!(message.contains("has changed since it was planned"), "{message}");
    std::fs::remove_file(path).expect("removed");
    let (.., message) = refused(world.submit_this(&request).await);
    assert!(message.contains("does not exist"), "{message}");
    assert_eq!(world.server.seen().len(), 0);
}

#[tokio::test]
async fn an_upload_takes_its_steps_and_the_key_goes_to_the_provider_alone() {
    let world = World::new(uploading(), uploads).await;
    let bytes = png(&[0, 255, 13, 10, 7]);
    let request = world.with_picture(&bytes, Some("https://shop.example/a.png"));
    let submission = world.submit_this(&request).await;
    assert!(matches!(submission, Submission::Accepted { .. }), "{submission:?}");
    let seen = world.server.seen();
    let paths: Vec<_> = seen.iter().map(|seen| seen.path.as_str()).collect();
    assert_eq!(paths, ["/uploads", "/place", "/uploads/done", "/jobs"]);
    assert_eq!(seen[0].json(), json!({"name": "hero.png", "size": bytes.len()}));
    assert_eq!(seen[1].method, "PUT");
    assert_eq!(seen[1].body, bytes);
    assert_eq!(seen[1].header("content-type"), Some("image/png"));
    assert_eq!(seen[1].header("x-signed"), Some("yes"));
    assert_eq!(seen[1].query, "signature=s3cret");
    assert!(seen[1].header("host").is_some_and(|host| host.starts_with("localhost")));
    let keys: Vec<bool> = seen.iter().map(|seen| seen.header("authorization").is_some()).collect();
    assert_eq!(keys, [true, false, true, true]);
    assert_eq!(seen[3].json()["image"], json!("up://1"));
}

#[tokio::test]
async fn a_form_has_the_fields_that_were_given_and_then_the_picture() {
    let world = World::new(uploading(), uploads).await;
    let bytes = png(&[0, 255, 13, 10, 7]);
    world.submit_this(&world.with_picture(&bytes, None)).await;
    let seen = world.server.to("/uploads/done").remove(0);
    let kind = seen.header("content-type").unwrap_or_default();
    let boundary = kind.strip_prefix("multipart/form-data; boundary=").expect("a form");
    let expected = [
        format!(
            "--{boundary}\r\nContent-Disposition: form-data; name=\"key\"\r\n\r\n7\r\n\
             --{boundary}\r\nContent-Disposition: form-data; name=\"policy\"\r\n\r\np\r\n\
             --{boundary}\r\nContent-Disposition: form-data; name=\"file\"; \
             filename=\"hero.png\"\r\nContent-Type: image/png\r\n\r\n"
        )
        .as_bytes(),
        &bytes,
        format!("\r\n--{boundary}--\r\n").as_bytes(),
    ]
    .concat();
    assert_eq!(seen.text(), String::from_utf8_lossy(&expected));
    assert_eq!(seen.body, expected);
    assert_eq!(seen.header("content-length"), Some(expected.len().to_string().as_str()));
}

#[tokio::test]
async fn a_picture_is_uploaded_once_for_all_jobs() {
    let world = World::new(uploading(), uploads).await;
    let request = world.with_picture(&png(b"same"), None);
    join_all((0..5).map(|_| world.submit_this(&request))).await;
    world.submit_this(&world.with_picture(&png(b"other"), None)).await;
    assert_eq!(world.server.to("/place").len(), 2);
    assert_eq!(world.server.to("/jobs").len(), 6);
}

#[tokio::test]
async fn a_handle_is_used_while_it_is_good() {
    let world = World::new(uploading(), uploads).await;
    let request = world.with_picture(&png(b"same"), None);
    // It is good for 24 hours, of which a tenth is left for the provider's queue.
    for (hours, uploads) in [(0, 1), (21, 1), (1, 2), (21, 2), (1, 3)] {
        world.clock.forward(hours);
        world.submit_this(&request).await;
        assert_eq!(world.server.to("/place").len(), uploads, "{hours}");
    }
}

#[tokio::test]
async fn pictures_go_before_the_submission_which_is_one_request() {
    let world = World::new(uploading(), uploads).await;
    let request = world.with_picture(&png(b"early"), None);
    let prepared = world.provider.prepare(&request).await.expect("it can be made ready");
    assert_eq!(world.server.seen().len(), 3);
    assert_eq!(world.server.to("/jobs").len(), 0);
    // The picture may go now: what was made ready is sent.
    std::fs::remove_file(world.folder.path().join(&request.references[0].path)).expect("removed");
    let submission = world.provider.submit(&request, &attempt(), prepared).await;
    assert!(matches!(submission, Submission::Accepted { .. }), "{submission:?}");
    assert_eq!(world.server.seen().len(), 4);
}

#[tokio::test]
async fn a_handle_that_has_grown_old_meanwhile_is_made_anew() {
    let world = World::new(uploading(), uploads).await;
    let request = world.with_picture(&png(b"same"), None);
    let prepared = world.provider.prepare(&request).await.expect("it can be made ready");
    world.clock.forward(22);
    let late = world.provider.submit(&request, &attempt(), prepared).await;
    let (cause, retry, message) = refused(late);
    assert_eq!((cause.as_str(), retry), ("upload_expired", Retry::After(Some(0))));
    assert_eq!(
        message,
        "an uploaded picture is too old for test; it will be uploaded again"
    );
    assert_eq!(world.server.to("/jobs").len(), 0);
    let again = world.submit_this(&request).await;
    assert!(matches!(again, Submission::Accepted { .. }), "{again:?}");
    assert_eq!(world.server.to("/place").len(), 2);
}

#[tokio::test]
async fn what_is_wrong_with_a_request_is_found_before_anything_is_sent() {
    let patch = json!({"submit": {"forms": {"text": {
        "path": "/jobs/${negative_prompt}", "body": {"key": "${attempt}"},
    }}}});
    let world = World::new(patch, accept).await;
    let refusal = world.provider.prepare(&job()).await.expect_err("the path has no value");
    assert_eq!((refusal.cause.as_str(), refusal.retry), ("card", Retry::Never));
    let mut other = job();
    other.model = "test/none".to_owned();
    let refusal = world.provider.prepare(&other).await.expect_err("there is no such model");
    assert_eq!(refusal.cause, "model");
    // What somebody else made ready is nothing here.
    let submission = world.provider.submit(&job(), &attempt(), Prepared::nothing()).await;
    assert_eq!(refused(submission).0, "prepared");
    assert_eq!(world.server.seen().len(), 0);
}

#[tokio::test]
async fn a_handle_that_may_have_been_refused_is_made_anew() {
    let world = World::new(uploading(), |seen| match seen.path.as_str() {
        "/jobs" => status(422),
        _ => uploads(seen),
    })
    .await;
    let request = world.with_picture(&png(b"same"), None);
    for _ in 0..2 {
        refused(world.submit_this(&request).await);
    }
    assert_eq!(world.server.to("/place").len(), 2);
}

#[tokio::test]
async fn an_upload_that_fails_refuses_the_job_and_submits_nothing() {
    let cases: [(&str, Answer, &str, Retry); 7] = [
        ("/uploads", status(401), "auth", Retry::Never),
        (
            "/uploads",
            status(429).header("retry-after", "2"),
            "rate_limited",
            Retry::After(Some(2000)),
        ),
        ("/uploads", status(200).body("<html>"), "transient", Retry::After(None)),
        ("/place", status(503), "transient", Retry::After(None)),
        ("/place", crate::server::hang(), "transient", Retry::After(None)),
        (
            "/uploads/done",
            answer(json!({"ok": false, "handle": "x"})),
            "transient",
            Retry::After(None),
        ),
        ("/uploads/done", answer(json!({"ok": true})), "upload", Retry::Never),
    ];
    for (path, reply, cause, retry) in cases {
        let world = World::impatient(uploading(), move |seen| {
            if seen.path == path { reply.clone() } else { uploads(seen) }
        })
        .await;
        let request = world.with_picture(&png(b"p"), None);
        let (found, again, message) = refused(world.submit_this(&request).await);
        assert_eq!((found.as_str(), again), (cause, retry), "{path}: {message}");
        assert!(!message.contains("s3cret"), "{message}");
        assert_eq!(world.server.to("/jobs").len(), 0);
    }
}

#[tokio::test]
async fn a_place_for_uploads_in_a_private_network_is_not_asked() {
    for place in ["http://10.0.0.7/x", "https://169.254.169.254/x", "file:///etc/passwd"] {
        let world = World::impatient(uploading(), move |seen| match seen.path.as_str() {
            "/uploads" => answer(json!({"fields": {}})).header("X-Upload-URL", place),
            _ => panic!("{}", seen.path),
        })
        .await;
        let request = world.with_picture(&png(b"p"), None);
        let (cause, ..) = refused(world.submit_this(&request).await);
        assert_eq!(cause, "forbidden");
    }
}
