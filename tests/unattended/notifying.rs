//! Telling somebody: tries, redirects, commands, and that nothing of it changes what was done.

use std::time::Duration;

use kinora::notify::{Patience, webhook};

use crate::listener::Listener;
use crate::shop::{INSIDE, Shop, outcome};
use crate::workspace::Ended;

fn last_line(shop: &Shop) -> serde_json::Value {
    shop.log().pop().unwrap_or_default()
}

#[test]
fn it_is_json_with_a_key_by_which_a_second_try_is_known() {
    let shop = Shop::telling(INSIDE, Listener::answering(&["503 Busy\r\n", "200 OK\r\n"]));
    let ended = shop.runs(&[]).ends(0);
    let posted = shop.webhook.posted();
    assert_eq!(posted.len(), 2);
    assert!(posted[0].line.starts_with("POST /hook?token="), "{}", posted[0].line);
    assert_eq!(posted[0].header("content-type"), Some("application/json"));
    assert_eq!(posted[0].body, posted[1].body);
    let id = outcome(&ended)["id"].as_str().map(str::to_owned);
    for posted in &posted {
        assert_eq!(posted.header("idempotency-key"), id.as_deref());
    }
    let line = last_line(&shop);
    assert_eq!((line["event"].as_str(), line["tries"].as_u64()), (Some("notified"), Some(2)));
}

#[test]
fn nobody_there_changes_nothing_but_is_said() {
    let shop = Shop::new(INSIDE);
    let url = shop.webhook.url.clone();
    shop.files.edit("kinora.yaml", &url, "http://127.0.0.1:9/hook?token=canary-5d1e");
    let ended = shop.runs(&[]).ends(0);
    assert_eq!(shop.clips(), 4);
    assert!(ended.stderr.contains("nobody was told by http://127.0.0.1/…"), "{}", ended.stderr);
    assert!(ended.stderr.contains("(tries: 3)"), "{}", ended.stderr);
    let line = last_line(&shop);
    assert_eq!((line["event"].as_str(), line["tries"].as_u64()), (Some("not_notified"), Some(3)));
    assert!(!shop.files.read("night.jsonl").contains("canary"));
}

#[test]
fn errors_that_stay_are_not_tried_again() {
    let shop = Shop::telling(INSIDE, Listener::answering(&["404 Not Found\r\n"]));
    let ended = shop.runs(&[]).ends(0);
    assert!(ended.stderr.contains("it answered 404 Not Found (tries: 1)"), "{}", ended.stderr);
    assert_eq!(shop.webhook.posted().len(), 1);
    let shop = Shop::telling(INSIDE, Listener::answering(&["500 Oops\r\n"]));
    let ended = shop.runs(&[]).ends(0);
    assert!(ended.stderr.contains("it answered 500"), "{}", ended.stderr);
    assert_eq!(shop.webhook.posted().len(), 3);
}

#[test]
fn a_redirect_is_followed_to_the_same_place_only() {
    let same = "307 Temporary Redirect\r\nLocation: /moved\r\n";
    let shop = Shop::telling(INSIDE, Listener::answering(&[same, "200 OK\r\n"]));
    shop.runs(&[]).ends(0);
    let posted = shop.webhook.posted();
    assert_eq!(posted.len(), 2);
    assert!(posted[1].line.starts_with("POST /moved "), "{}", posted[1].line);
    assert_eq!(posted[0].body, posted[1].body);

    let other = Listener::new();
    let away = format!("308 Permanent Redirect\r\nLocation: {}\r\n", other.url);
    let shop = Shop::telling(INSIDE, Listener::answering(&[&away]));
    let ended = shop.runs(&[]).ends(0);
    assert!(ended.stderr.contains("another place (127.0.0.1)"), "{}", ended.stderr);
    assert!(other.posted().is_empty());
    let shop = Shop::telling(INSIDE, Listener::answering(&["302 Found\r\nLocation: /x\r\n"]));
    let ended = shop.runs(&[]).ends(0);
    assert!(ended.stderr.contains("a redirect that loses what is posted"), "{}", ended.stderr);
}

#[test]
fn one_that_never_answers_holds_up_nobody_for_long() {
    let silent = Listener::answering(&[""]);
    let short = Duration::from_millis(100);
    let patience = Patience { each: short, tries: 3, pause: Duration::from_millis(1) };
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build();
    let runtime = runtime.expect("a runtime");
    let untold = runtime
        .block_on(webhook::post(&silent.url, "one", b"{}", patience))
        .expect_err("nobody answers");
    assert_eq!((untold.tries, untold.why.as_str()), (3, "no answer in 0.1 s"));
    assert_eq!(silent.posted().len(), 3);
}

#[test]
fn a_url_can_come_from_the_environment() {
    let shop = Shop::new(INSIDE);
    let url = shop.webhook.url.clone();
    shop.files.edit("kinora.yaml", &format!("\"{url}\""), "env:NIGHT_HOOK");
    let arguments = ["run", ".", "--unattended"];
    let run = shop.files.command(&arguments).env("NIGHT_HOOK", &url).output();
    let ended = Ended::new(&arguments, run.expect("it starts")).ends(0);
    shop.told(&ended);
    let ended = shop.runs(&[]).ends(0);
    assert!(ended.stderr.contains("NIGHT_HOOK is not set"), "{}", ended.stderr);
    assert_eq!(shop.webhook.posted().len(), 1);
}

#[test]
fn a_command_gets_the_same_on_its_standard_input() {
    let shop = Shop::new(INSIDE);
    let notify = format!("{{webhook: \"{}\"}}", shop.webhook.url);
    let command = "{command: [sh, -c, 'cat > told.json; echo \"$0\" said', night]}";
    shop.files.edit("kinora.yaml", &notify, command);
    let ended = shop.runs(&[]).ends(0);
    let told: serde_json::Value =
        serde_json::from_str(&shop.files.read("told.json")).expect("JSON");
    assert_eq!(told, outcome(&ended));
    let line = last_line(&shop);
    assert_eq!((line["to"].as_str(), line["said"].as_str()), (Some("sh"), Some("night said")));

    shop.files.edit("kinora.yaml", "cat > told.json; echo \"$0\" said", "echo no mail; exit 3");
    let ended = shop.runs(&[]).ends(0);
    assert!(ended.stderr.contains("nobody was told by sh: it ended with"), "{}", ended.stderr);
    assert_eq!(last_line(&shop)["said"], "no mail");
}

#[test]
fn a_notification_that_cant_work_is_refused_at_once() {
    for (notify, wrong) in [
        ("{webhook: \"file:///etc/passwd\"}", "https URL"),
        ("{webhook: \"env:\"}", "env:"),
        ("{command: []}", "program"),
        ("{on: always}", "webhook"),
        ("{webhook: \"https://h.example/x\", command: [true]}", "a webhook or a command"),
    ] {
        let shop = Shop::new(INSIDE);
        let old = format!("{{webhook: \"{}\"}}", shop.webhook.url);
        shop.files.edit("kinora.yaml", &old, notify);
        let ended = shop.runs(&[]).ends(3);
        assert!(ended.stderr.contains(wrong), "{notify}: {}", ended.stderr);
    }
}
