//! Downloads as servers and networks really are.

use std::time::Duration;

use crate::server::{Answer, Server};
use crate::shop::{Shop, large_picture, picture};

#[test]
fn what_is_fetched_is_kept_under_its_digest_and_named_by_the_lock_file() {
    let server = Server::new(|_| {
        Answer::picture(&picture([200, 10, 10]))
            .with("etag", "\"v1\"")
            .with("last-modified", "Sun, 01 Nov 2026 10:00:00 GMT")
    });
    let shop = Shop::at(&server, &["/a.png", "/b.png?size=full"]);
    let report = shop.report(&[], 0);
    assert_eq!((report["new"].as_u64(), report["lock_written"].as_bool()), (Some(2), Some(true)));
    let locked = shop.locked();
    assert_eq!(locked.len(), 2);
    assert_eq!(locked[0]["url"], format!("{}/a.png", server.url));
    assert_eq!(locked[0]["etag"], "\"v1\"");
    assert_eq!(locked[0]["format"], "png");
    let digest = locked[0]["digest"].as_str().expect("a digest");
    let file = format!(".kinora/pictures/{}/{digest}.png", &digest[..2]);
    let bytes = std::fs::read(shop.files.path().join(file)).expect("it is kept");
    assert_eq!(bytes, picture([200, 10, 10]));
    // Both URLs have the same bytes, which are kept once.
    assert_eq!((shop.kept(), &locked[1]["digest"]), (1, &locked[0]["digest"]));
    // Nothing else is left.
    assert!(shop.files.files(".kinora/pictures", "part").is_empty());
    assert!(shop.files.files(".kinora/pictures", "jsonl").is_empty());
}

#[test]
fn what_is_here_is_not_asked_for_again() {
    let server = Server::new(|_| Answer::picture(&picture([1, 2, 3])));
    let shop = Shop::at(&server, &["/a.png"]);
    shop.fetch(&[]).ends(0);
    let lock = shop.files.read("pictures.lock");
    let report = shop.report(&[], 0);
    assert_eq!((report["here"].as_u64(), report["lock_written"].as_bool()), (Some(1), Some(false)));
    assert_eq!(server.asked().len(), 1);
    assert_eq!(shop.files.read("pictures.lock"), lock);
}

#[test]
fn a_download_that_breaks_goes_on_where_it_broke() {
    let bytes = large_picture();
    let whole = bytes.len();
    let server = Server::new(move |asked| {
        let answer = Answer::part(asked, "\"v1\"", &bytes);
        if asked.before == 0 { answer.cut_after(2_000_000) } else { answer }
    });
    let shop = Shop::at(&server, &["/large.png"]);
    let report = shop.report(&[], 0);
    assert_eq!(report["bytes"].as_u64(), Some(whole as u64));
    let asked = server.asked();
    assert_eq!(asked.len(), 2);
    assert_eq!(asked[1].header("if-range"), Some("\"v1\""));
    let from = asked[1].from().expect("a range");
    assert!((1_000_000..=2_000_000).contains(&from), "{from}");
}

#[test]
fn a_picture_that_changed_while_its_download_broke_is_taken_anew() {
    let (old, new) = (large_picture(), picture([9, 9, 9]));
    let server = Server::new(move |asked| match asked.before {
        0 => Answer::part(asked, "\"v1\"", &old).cut_after(2_000_000),
        _ => Answer::part(asked, "\"v2\"", &new),
    });
    let shop = Shop::at(&server, &["/a.png"]);
    shop.fetch(&[]).ends(0);
    assert_eq!(shop.locked()[0]["bytes"].as_u64(), Some(picture([9, 9, 9]).len() as u64));
}

#[test]
fn a_server_that_goes_on_elsewhere_is_not_believed() {
    let bytes = large_picture();
    let server = Server::new(move |asked| match asked.before {
        0 => Answer::part(asked, "\"v1\"", &bytes).cut_after(2_000_000),
        // Bytes from another place than was asked for.
        1 => Answer::status(206)
            .with("content-range", &format!("bytes 10-{}/{}", bytes.len() - 1, bytes.len()))
            .body(&bytes[10..]),
        _ => Answer::picture(&bytes).with("etag", "\"v1\""),
    });
    let shop = Shop::at(&server, &["/a.png"]);
    shop.fetch(&[]).ends(0);
    assert_eq!(server.asked()[2].from(), None, "it begins again");
}

#[test]
fn a_server_that_goes_on_with_other_bytes_is_not_believed() {
    let (old, new) = (large_picture(), large_picture());
    let whole = new.clone();
    let server = Server::new(move |asked| match (asked.before, asked.from()) {
        (0, _) => Answer::part(asked, "\"v1\"", &old).cut_after(2_000_000),
        // It looks at the range alone, and the picture has changed to one of the same length.
        (_, Some(from)) => Answer::status(206)
            .with("content-range", &format!("bytes {from}-{}/{}", new.len() - 1, new.len()))
            .with("etag", "\"v2\"")
            .body(&new[from..]),
        _ => Answer::picture(&new).with("etag", "\"v2\""),
    });
    let shop = Shop::at(&server, &["/a.png"]);
    let report = shop.report(&[], 0);
    assert_eq!(report["bytes"].as_u64(), Some(whole.len() as u64));
    let asked = server.asked();
    assert!(asked[1].from().is_some() && asked[2].from().is_none(), "it begins again");
}

#[test]
fn a_server_s_trouble_passes() {
    let server = Server::new(|asked| match asked.before {
        0 => Answer::status(500),
        1 => Answer::status(503).with("retry-after", "1"),
        _ => Answer::picture(&picture([5, 5, 5])),
    });
    let shop = Shop::at(&server, &["/a.png"]);
    shop.fetch(&[]).ends(0);
    assert_eq!(server.asked().len(), 3);
}

#[test]
fn a_length_that_nobody_says_is_no_hindrance() {
    let server =
        Server::new(|_| Answer::picture(&picture([5, 5, 5])).with("transfer-encoding", "chunked"));
    let shop = Shop::at(&server, &["/a.png"]);
    shop.fetch(&[]).ends(0);
    assert_eq!(shop.kept(), 1);
}

#[test]
fn bytes_say_what_a_picture_is_and_not_its_type_or_name() {
    let server = Server::new(|_| {
        let answer = Answer::status(200).with("content-type", "text/html; charset=utf-8");
        answer.body(&picture([5, 5, 5]))
    });
    let shop = Shop::at(&server, &["/photo.jpg"]);
    shop.fetch(&[]).ends(0);
    assert_eq!(shop.locked()[0]["format"], "png");
}

#[test]
fn a_process_that_was_killed_loses_nothing() {
    let bytes = large_picture();
    let server = Server::new(move |asked| match asked.path.as_str() {
        "/small.png" => Answer::picture(&picture([7, 7, 7])),
        _ if asked.before == 0 => {
            Answer::part(asked, "\"v1\"", &bytes).dripping(500_000, Duration::from_millis(400))
        }
        _ => Answer::part(asked, "\"v1\"", &bytes),
    });
    let shop = Shop::at(&server, &["/small.png", "/large.png"]);
    shop.says("{allow_hosts: [\"127.0.0.1\"], timeout: 60s}");
    let mut child = shop.files.start(&["fetch", "."]);
    // Until some of it is on the disk.
    let parts = || shop.files.files(".kinora/pictures/parts", "json");
    while parts().is_empty() {
        std::thread::sleep(Duration::from_millis(20));
    }
    child.kill().expect("it is killed");
    child.wait().expect("it ended");
    assert!(!shop.files.path().join("pictures.lock").exists(), "it had no time to write it");
    let report = shop.report(&[], 0);
    assert_eq!(report["new"].as_u64(), Some(1), "the small one was here already: {report}");
    assert_eq!(server.times("/small.png"), 1);
    let asked = server.asked();
    let second =
        asked.iter().filter(|asked| asked.path == "/large.png").nth(1).expect("asked twice");
    assert!(second.from().is_some_and(|from| from >= 1_000_000), "{second:?}");
    assert_eq!(shop.locked().len(), 2);
}

#[test]
fn a_file_that_was_damaged_on_disk_is_fetched_again() {
    let server = Server::new(|_| Answer::picture(&picture([5, 5, 5])));
    let shop = Shop::at(&server, &["/a.png"]);
    shop.fetch(&[]).ends(0);
    let file = shop.files.files(".kinora/pictures", "png").remove(0);
    let mut bytes = std::fs::read(&file).expect("it is there");
    let middle = bytes.len() / 2;
    bytes[middle] ^= 0xFF;
    std::fs::write(&file, &bytes).expect("it is damaged");
    let plan = shop.files.kinora(&["plan", "."]).ends(3);
    assert!(plan.stderr.contains("plan::not_fetched"), "{}", plan.stderr);
    let report = shop.report(&[], 0);
    assert_eq!(report["restored"].as_u64(), Some(1), "{report}");
    assert_eq!(std::fs::read(&file).expect("it is there"), picture([5, 5, 5]));
    shop.files.kinora(&["plan", "."]).ends(0);
}
