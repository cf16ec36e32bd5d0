//! What is no picture, or may not be asked for: said at its row, with what to do.

use std::time::Duration;

use crate::server::{Answer, Server};
use crate::shop::{Failure, Shop, large_picture, picture};

/// Fetches one picture that fails.
fn failing(server: &Server) -> Failure {
    let shop = Shop::at(server, &["/a.png"]);
    let failure = shop.failure();
    assert_eq!(failure.at, "products.csv:2:1", "{failure:?}");
    assert!(!shop.files.path().join("pictures.lock").exists());
    assert_eq!(shop.files.files(".kinora/pictures", "part").len(), 0);
    failure
}

fn saying(answer: Answer) -> Failure {
    failing(&Server::new(move |_| answer.clone()))
}

#[test]
fn a_web_page_is_no_picture_whatever_it_calls_itself() {
    let page = Answer::picture(b"<!doctype html><html><title>Sign in</title>");
    let failure = saying(page);
    assert_eq!(failure.code, "fetch::not_a_picture");
    assert_eq!(failure.message, "gives a web page (HTML), not a picture");
    assert_eq!(failure.tries, 1);
}

#[test]
fn a_login_is_named_by_where_it_is() {
    let server = Server::new(|asked| match asked.path.as_str() {
        "/a.png" => Answer::to("/login?then=a.png&token=canary"),
        _ => Answer::status(200).body(b"<html>"),
    });
    let message = failing(&server).message;
    assert!(message.contains(&format!("(after a redirect to {}/login)", server.url)), "{message}");
}

#[test]
fn other_files_are_named_as_what_they_are() {
    for (body, says) in [
        (&b"%PDF-1.7"[..], "a PDF document"),
        (b"<svg xmlns='http://www.w3.org/2000/svg'/>", "an SVG drawing"),
        (b"{\"error\": \"no such picture\"}", "JSON"),
        (b"PK\x03\x04", "a zip archive"),
        (b"\x1F\x8B\x08\0\0\0", "a compressed file (gzip)"),
        (b"", "an empty body"),
        (b"just text", "no picture that can be read"),
    ] {
        let failure = saying(Answer::picture(body));
        assert_eq!(failure.code, "fetch::not_a_picture");
        assert!(failure.message.contains(says), "{failure:?}");
    }
}

#[test]
fn a_packed_body_is_refused_since_nobody_asked_for_it() {
    let packed = Answer::picture(b"\x1F\x8B\x08\0\0\0\0\0").with("content-encoding", "gzip");
    let failure = saying(packed);
    assert_eq!((failure.code.as_str(), failure.tries), ("fetch::packed", 1));
}

#[test]
fn statuses_that_stay_are_not_tried_again() {
    for (status, code, says) in [
        (404, "fetch::gone", "answers 404 Not Found"),
        (410, "fetch::gone", "answers 410 Gone"),
        (401, "fetch::denied", "answers 401 Unauthorized"),
        (403, "fetch::denied", "answers 403 Forbidden"),
        (204, "fetch::status", "answers 204 No Content, without a picture"),
        (400, "fetch::status", "answers 400 Bad Request, without a picture"),
    ] {
        let failure = saying(Answer::status(status));
        assert_eq!((failure.code.as_str(), failure.tries), (code, 1), "{status}");
        assert_eq!(failure.message, says);
    }
}

#[test]
fn a_server_that_asks_for_a_long_wait_is_left_alone() {
    let server = Server::new(|_| {
        Answer::status(429).with("retry-after", "3600").holding(Duration::from_millis(50))
    });
    let paths: Vec<String> = (0..20).map(|n| format!("/{n}.png")).collect();
    let paths: Vec<&str> = paths.iter().map(String::as_str).collect();
    let shop = Shop::at(&server, &paths);
    let report = shop.report(&[], 7);
    assert_eq!(report["failed"], 20);
    assert_eq!(report["failures"][0]["code"], "fetch::busy");
    // Four were on their way when the first was answered.
    assert!(server.asked().len() <= 4, "{}", server.asked().len());
    let last = report["failures"][19]["message"].as_str().expect("a message");
    assert!(last.contains("was not asked"), "{last}");
    assert!(last.contains("asks to wait 3600 s"), "{last}");
}

#[test]
fn too_large_is_refused_by_what_is_announced_and_by_what_comes() {
    for unknown_length in [false, true] {
        let server = Server::new(move |_| {
            let answer = Answer::picture(&large_picture());
            if unknown_length { answer.with("transfer-encoding", "chunked") } else { answer }
        });
        let shop = Shop::at(&server, &["/a.png"]);
        shop.says("{allow_hosts: [\"127.0.0.1\"], max_bytes: 100000}");
        let failure = shop.failure();
        assert_eq!((failure.code.as_str(), failure.tries), ("fetch::too_large", 1));
        assert!(failure.message.contains("at most 100 kB are taken"), "{failure:?}");
    }
}

#[test]
fn a_picture_of_too_many_pixels_is_refused_by_its_header() {
    let server = Server::new(|_| Answer::picture(&picture([1, 1, 1])));
    let shop = Shop::at(&server, &["/a.png"]);
    shop.files.edit("kinora.yaml", "name: shop", "name: shop\nlimits: {picture_pixels: 25599}");
    let failure = shop.failure();
    assert_eq!(failure.code, "fetch::too_large");
    assert!(failure.message.contains("160x160"), "{failure:?}");
}

#[test]
fn what_drips_is_given_up() {
    let server = Server::new(|_| {
        Answer::picture(&picture([1, 1, 1])).dripping(1, Duration::from_millis(200))
    });
    let shop = Shop::at(&server, &["/a.png"]);
    shop.says("{allow_hosts: [\"127.0.0.1\"], timeout: 600ms}");
    let failure = shop.failure();
    assert_eq!(failure.code, "fetch::slow");
    assert!(failure.message.contains("comes too slowly"), "{failure:?}");
}

#[test]
fn a_server_that_says_nothing_is_given_up() {
    let server = Server::new(|_| Answer::status(200).holding(Duration::from_secs(30)));
    let shop = Shop::at(&server, &["/a.png"]);
    shop.says("{allow_hosts: [\"127.0.0.1\"], timeout: 300ms}");
    let failure = shop.failure();
    assert_eq!(failure.code, "fetch::slow");
    assert_eq!(failure.message, "did not answer in time (4 tries)");
}

#[test]
fn a_picture_that_always_breaks_off_is_given_up() {
    let server = Server::new(|_| Answer::picture(&picture([1, 1, 1])).cut_after(100));
    let failure = failing(&server);
    assert_eq!((failure.code.as_str(), failure.tries), ("fetch::broken", 4));
}

#[test]
fn a_truncated_picture_is_never_kept() {
    let bytes = picture([1, 1, 1]);
    let half = bytes[..bytes.len() / 2].to_vec();
    // Its announced length is that of the half: only its bytes tell.
    let failure = saying(Answer::picture(&half));
    assert_eq!(failure.code, "fetch::damaged");
}

#[test]
fn redirects_are_followed_but_not_for_ever() {
    let server = Server::new(|asked| match asked.path.as_str() {
        "/circle" => Answer::to("/round"),
        "/round" => Answer::to("/circle"),
        "/nowhere" => Answer::status(302),
        path => match path.strip_prefix("/step/").and_then(|n| n.parse::<u32>().ok()) {
            Some(0) => Answer::picture(&picture([3, 3, 3])),
            Some(n) => Answer::to(&format!("/step/{}", n - 1)),
            None => Answer::status(404),
        },
    });
    let shop = Shop::at(&server, &["/circle", "/nowhere", "/step/10", "/step/11"]);
    let report = shop.report(&[], 7);
    assert_eq!((report["new"].as_u64(), report["failed"].as_u64()), (Some(1), Some(3)));
    let messages: Vec<&str> = report["failures"]
        .as_array()
        .expect("failures")
        .iter()
        .filter_map(|failure| failure["message"].as_str())
        .collect();
    assert_eq!(
        messages,
        [
            "redirects in a circle",
            "answers 302 Found, a redirect to nowhere",
            "redirects more than 10 times"
        ]
    );
    assert!(shop.locked()[0]["url"].as_str().is_some_and(|url| url.ends_with("/step/10")));
}

#[test]
fn all_failures_are_said_at_once_each_at_its_row() {
    let server = Server::new(|asked| match asked.path.as_str() {
        "/good.png" => Answer::picture(&picture([3, 3, 3])),
        "/page.png" => Answer::status(200).body(b"<html>"),
        _ => Answer::status(404),
    });
    let shop = Shop::at(&server, &["/gone.png", "/good.png", "/page.png"]);
    let ended = shop.fetch(&["--width", "120"]).ends(7);
    for says in [
        "fetch::gone",
        "products.csv:2:1",
        "answers 404 Not Found",
        "fetch::not_a_picture",
        "products.csv:4:1",
        "correct the URL in the feed",
        "2 errors",
    ] {
        assert!(ended.stderr.contains(says), "{says}: {}", ended.stderr);
    }
    assert!(ended.stdout.contains("3 pictures: 1 fetched, 2 failed"), "{}", ended.stdout);
    // What came stays.
    assert_eq!((shop.kept(), shop.locked().len()), (1, 1));
}
