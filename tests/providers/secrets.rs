//! Keys go to the provider's own hosts and nowhere else; signatures of URLs are shown to nobody.

use std::collections::BTreeSet;
use std::fmt::Debug;

use data_encoding::BASE64;
use kinora::providers::{Fetched, Polled, Provider, RemoteId};
use serde_json::{Value as Json, json};

use crate::server::{Answer, Seen, json as answer, status, text};
use crate::world::{CANARY, Parts, World, attempt, clip, job, now};

/// A reply that says back everything that it was sent, in several forms.
fn echo(seen: &Seen) -> Answer {
    let key = seen.header("authorization").unwrap_or_default();
    let message = format!(
        "bad key {key} / {} / {} at https://x.example/y?signature=s3cret",
        BASE64.encode(CANARY.as_bytes()),
        key.trim_start_matches("Key ").split('-').next_back().unwrap_or_default(),
    );
    answer(json!({
        "id": "j1", "status": message, "error": {"code": key, "message": message},
        "progress": key, "captured": key, "items": [{"id": "j1", "mark": key}],
    }))
    .header("x-request-id", key)
    .header("retry-after", key)
}

fn free_of_secrets(outcome: &impl Debug) {
    let shown = format!("{outcome:?}");
    for secret in [CANARY, &BASE64.encode(CANARY.as_bytes()), "s3cret"] {
        assert!(!shown.contains(secret), "{secret} in {shown}");
    }
}

#[tokio::test]
async fn nothing_that_comes_out_holds_a_key_or_a_signature() {
    let patches = [
        json!({}),
        json!({"submit": {"accepted": "body.never", "capture": {"kept": "$.captured"}}}),
        json!({"poll": {"states": {"words": {"running": ["never"]}, "at": "$.status"}}}),
        json!({"poll": {"states": {"rules": [{"when": "true", "is": "failed"}]}}}),
        json!({"poll": {"states": {"rules": [{"when": "true", "is": "succeeded"}]}}}),
        json!({"submit": {"capture": {"kept": "$.captured"}}}),
    ];
    for patch in patches {
        for code in [200, 400, 429, 500] {
            let mut patch = patch.clone();
            patch["cancel"] = json!({"request": {"path": "/cancel"}, "stops": ["queued"]});
            patch["rehearsal"] = json!({"cancel": {}});
            let world = World::new(patch, move |seen| echo(seen).status(code)).await;
            let id = RemoteId::plain("j1");
            free_of_secrets(&world.submit().await);
            free_of_secrets(&world.poll().await);
            free_of_secrets(&world.fetch().await);
            free_of_secrets(&world.provider.cancel(&id, &job()).await);
            let none = BTreeSet::new();
            free_of_secrets(&world.provider.lookup(&job(), &attempt(), now(), &none).await);
        }
    }
}

/// Two servers: the provider's, and another host's to which it sends clips and redirects.
async fn with_other(patch: Json, status_of: u16) -> World {
    World::new(patch, move |seen| {
        let host = seen.header("host").unwrap_or_default();
        let port = host.rsplit(':').next().unwrap_or_default();
        let other = format!("http://localhost:{port}/elsewhere?signature=s3cret");
        match seen.path.as_str() {
            "/jobs/j1" => answer(json!({"status": "done", "video": {"url": other}})),
            "/moved" => status(status_of).header("location", other),
            "/elsewhere" => text(clip(100)),
            path => panic!("{path}"),
        }
    })
    .await
}

fn of_elsewhere(world: &World) -> Seen {
    world.server.to("/elsewhere").remove(0)
}

#[tokio::test]
async fn the_key_does_not_go_to_another_host_even_where_the_card_wants_it() {
    let world = with_other(json!({"output": {"auth": true}}), 302).await;
    assert_eq!(world.fetch().await, Fetched::Complete);
    assert_eq!(of_elsewhere(&world).header("authorization"), None);
}

#[tokio::test]
async fn the_key_does_not_follow_a_redirect_to_another_host() {
    for code in [301, 302, 303, 307, 308] {
        let patch = json!({"output": {"url": [], "request": {"path": "/moved"}}});
        let world = with_other(patch, code).await;
        assert_eq!(world.fetch().await, Fetched::Complete, "{code}");
        let moved = world.server.to("/moved").remove(0);
        assert!(moved.header("authorization").is_some());
        let elsewhere = of_elsewhere(&world);
        assert_eq!(elsewhere.header("authorization"), None);
        assert_eq!(elsewhere.header("x-version"), None);
        assert!(!format!("{elsewhere:?}").contains(CANARY));
    }
}

#[tokio::test]
async fn a_redirect_on_the_same_host_keeps_the_key() {
    let world = World::new(json!({}), |seen| match seen.path.as_str() {
        "/jobs/j1" => status(307).header("location", "/v2/jobs/j1"),
        _ => answer(json!({"status": "working"})),
    })
    .await;
    assert!(matches!(world.poll().await, Polled::Running { .. }));
    assert!(world.server.to("/v2/jobs/j1")[0].header("authorization").is_some());
}

#[tokio::test]
async fn redirects_end() {
    let world = World::new(json!({}), |_| status(302).header("location", "/jobs/j1")).await;
    let Polled::NoAnswer { message } = world.poll().await else { panic!("there is an answer") };
    assert_eq!(message, "more than 5 redirects");
    assert_eq!(world.server.seen().len(), 6);
}

#[tokio::test]
async fn private_addresses_are_not_asked_whoever_names_them() {
    for place in [
        "http://10.0.0.1/x?signature=s3cret",
        "https://10.0.0.1/x?signature=s3cret",
        "http://169.254.169.254/latest/meta-data",
        "https://[fd00::1]/x",
        "http://example.com/x",
        "file:///etc/passwd",
    ] {
        let world = World::new(json!({}), move |_| {
            answer(json!({"status": "done", "video": {"url": place}}))
        })
        .await;
        let fetched = world.fetch().await;
        assert!(matches!(fetched, Fetched::Interrupted { .. }), "{fetched:?}");
        free_of_secrets(&fetched);
        let redirecting = World::new(json!({}), move |_| status(302).header("location", place));
        let polled = redirecting.await.poll().await;
        assert!(matches!(polled, Polled::NoAnswer { .. }), "{polled:?}");
        free_of_secrets(&polled);
    }
}

#[tokio::test]
async fn a_signed_token_goes_in_place_of_its_secret() {
    let patch = json!({"auth": {
        "value": "Bearer {key}",
        "keys": [{"env": ["TEST_KEY", "TEST_SECRET"], "jwt": {"lifetime_s": 1800}}],
    }});
    let world = crate::world::World::with_secret(patch, "canary-signing-key", |seen| {
        let token = seen.header("authorization").unwrap_or_default().to_owned();
        status(401).body(json!({"error": {"message": token}}).to_string())
    })
    .await;
    let submission = world.submit().await;
    let seen = world.server.seen().remove(0);
    let header = seen.header("authorization").expect("it is there");
    let parts: Vec<&str> = header.trim_start_matches("Bearer ").split('.').collect();
    assert_eq!(parts.len(), 3);
    assert!(!header.contains("canary"));
    assert!(!format!("{submission:?}").contains(parts[2]), "{submission:?}");
}

#[test]
fn a_provider_that_can_t_work_says_what_is_missing() {
    let folder = tempfile::tempdir().expect("a folder");
    let problem = |change: &dyn Fn(&mut Parts)| {
        let mut parts = Parts::at(
            "http://127.0.0.1:1",
            json!({"variables": {
                "region": {"default": "eu", "choices": {"eu": "e1", "us": "u1"}},
            }}),
        );
        change(&mut parts);
        let problem = parts.provider(folder.path()).err();
        problem.map(|problem| problem.to_string()).unwrap_or_default()
    };
    let set = |name: &str, value: &str| {
        let (name, value) = (name.to_owned(), value.to_owned());
        move |parts: &mut Parts| drop(parts.variables.insert(name.clone(), value.clone()))
    };
    let shown = [
        problem(&|_| ()),
        problem(&|parts| parts.key = None),
        problem(&|parts| parts.key = Some("bad\nkey".to_owned())),
        problem(&set("region", "mars")),
        problem(&set("regoin", "eu")),
        problem(&|parts| parts.base_url = Some("http://api.example.com".to_owned())),
        problem(&|parts| parts.base_url = Some("api.example.com".to_owned())),
        problem(&|parts| parts.patch = json!({"variables": {"space": {"about": "its id"}}})),
    ];
    insta::assert_snapshot!(shown.join("\n"), @"

    the provider `test` needs a key: set TEST_KEY in the environment
    the key of the provider `test` can't be sent: it holds a line break or another character that no header can hold
    `mars` is no choice for `region` of the provider `test`; it takes `eu`, `us`
    the provider `test` has no variable `regoin`; it has `region`
    the base URL of the provider `test` can't be used: plain http is for servers on this machine only; write https
    the base URL of the provider `test` can't be used: this is no URL (relative URL without a base)
    the provider `test` needs its variable `space` (its id): write it below `providers: {test: {variables: …}}`
    ");
}
