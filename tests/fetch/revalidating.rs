//! Asking whether pictures changed, and what a plan makes of it.

use std::sync::Arc;
use std::sync::atomic::{AtomicU8, Ordering};

use crate::server::{Answer, Server};
use crate::shop::{Shop, picture};

/// A server whose picture is of a colour that can be changed, and which knows validators.
fn changing(named: bool) -> (Server, Arc<AtomicU8>) {
    Server::with_state(1, move |colour, asked| {
        let etag = format!("\"v{colour}\"");
        if named && asked.header("if-none-match") == Some(&etag) {
            return Answer::status(304).with("etag", &etag);
        }
        let answer = Answer::picture(&picture([colour, 0, 0]));
        if named { answer.with("etag", &etag) } else { answer }
    })
}

#[test]
fn what_is_still_the_same_is_not_sent_again() {
    let (server, _) = changing(true);
    let shop = Shop::at(&server, &["/a.png"]);
    shop.fetch(&[]).ends(0);
    let lock = shop.files.read("pictures.lock");
    let report = shop.report(&["--revalidate"], 0);
    assert_eq!((report["same"].as_u64(), report["bytes"].as_u64()), (Some(1), Some(0)));
    assert_eq!(server.asked()[1].header("if-none-match"), Some("\"v1\""));
    assert_eq!(shop.files.read("pictures.lock"), lock, "a night without news changes nothing");
}

#[test]
fn a_server_that_names_nothing_sends_it_again_and_nothing_changes() {
    let (server, _) = changing(false);
    let shop = Shop::at(&server, &["/a.png"]);
    shop.fetch(&[]).ends(0);
    let (lock, file) =
        (shop.files.read("pictures.lock"), shop.files.files(".kinora/pictures", "png"));
    let time = || file[0].metadata().and_then(|facts| facts.modified()).expect("a time");
    let before = time();
    let report = shop.report(&["--revalidate"], 0);
    assert_eq!(report["same"].as_u64(), Some(1), "{report}");
    assert_eq!((shop.files.read("pictures.lock"), time()), (lock, before));
}

#[test]
fn a_picture_that_changed_at_the_shop_shows_up_in_the_next_plan() {
    let (server, colour) = changing(true);
    let shop = Shop::at(&server, &["/a.png", "/b.png"]);
    shop.fetch(&[]).ends(0);
    shop.files.kinora(&["run", ".", "--yes"]).ends(0);
    assert_eq!(shop.files.files("clips", "mp4").len(), 2);
    colour.store(2, Ordering::SeqCst);
    // The shop may do what it likes: a plan names the bytes that were fetched.
    let plan = shop.files.kinora(&["plan", ".", "--json"]).ends(0).json();
    assert_eq!(plan["changes"]["done"], 2, "{}", plan["changes"]);
    let report = shop.report(&["--revalidate"], 0);
    assert_eq!(report["changed"], 2);
    assert_ne!(report["changes"][0]["before"], report["changes"][0]["now"]);
    let plan = shop.files.kinora(&["plan", ".", "--json"]).ends(0).json();
    assert_eq!(plan["changes"]["changed"], 2, "{}", plan["changes"]);
    assert_eq!(plan["jobs"][0]["why"], serde_json::json!(["reference"]));
    assert_eq!(plan["jobs"][0]["pictures"][0], format!("{}/a.png", server.url));
    let text = shop.files.kinora(&["plan", "."]).ends(0).stdout;
    assert!(text.contains("reference"), "{text}");
}

#[test]
fn a_picture_that_is_gone_at_the_shop_is_kept_here() {
    let (server, gone) = Server::with_state(0, |gone, _| match gone {
        0 => Answer::picture(&picture([1, 1, 1])),
        _ => Answer::status(404),
    });
    let shop = Shop::at(&server, &["/a.png"]);
    shop.fetch(&[]).ends(0);
    gone.store(1, Ordering::SeqCst);
    let report = shop.report(&["--revalidate"], 7);
    assert_eq!(report["failures"][0]["kept"], true);
    assert_eq!(shop.locked().len(), 1);
    shop.files.kinora(&["plan", "."]).ends(0);
}
