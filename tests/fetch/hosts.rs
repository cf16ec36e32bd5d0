//! Whom the program asks, and what it tells them: a feed is written by others.

use crate::server::{Answer, Server};
use crate::shop::{Shop, picture};

fn serving() -> Server {
    Server::new(|_| Answer::picture(&picture([5, 5, 5])))
}

#[test]
fn private_addresses_are_not_asked_unless_the_manifest_names_them() {
    let server = serving();
    let port = server.url.rsplit_once(':').map_or("", |(_, port)| port).to_owned();
    let hosts = [
        "127.0.0.1",
        "2130706433",
        "0x7f000001",
        "017700000001",
        "127.1",
        "localhost",
        "[::1]",
        "[::ffff:127.0.0.1]",
        "[::ffff:7f00:1]",
        "0.0.0.0",
    ];
    let urls: Vec<String> =
        hosts.iter().map(|host| format!("http://{host}:{port}/a.png")).collect();
    let shop = Shop::of(&urls);
    shop.says("{timeout: 5s}");
    let report = shop.report(&[], 7);
    // Five of them are ways of writing one address, which is one picture.
    let failures = report["failures"].as_array().expect("failures");
    assert_eq!(failures.len(), 5, "{report}");
    for failure in failures {
        assert_eq!(failure["code"], "fetch::private", "{failure}");
        assert_eq!(failure["tries"], 1);
    }
    assert_eq!(server.asked().len(), 0, "nobody was asked");
}

#[test]
fn the_metadata_service_of_a_cloud_is_not_asked() {
    let shop = Shop::of(&["http://169.254.169.254/latest/meta-data/iam.jpg".to_owned()]);
    shop.says("{timeout: 5s}");
    let failure = shop.failure();
    assert_eq!(failure.code, "fetch::private");
}

#[test]
fn a_redirect_to_a_private_address_is_not_followed() {
    let inside = serving();
    let port = inside.url.rsplit_once(':').map_or("", |(_, port)| port).to_owned();
    let targets = [
        format!("http://localhost:{port}/a.png"),
        format!("http://[::ffff:127.0.0.1]:{port}/a.png"),
        "http://10.0.0.1/a.png".to_owned(),
        "http://169.254.169.254/latest".to_owned(),
    ];
    let to = targets.clone();
    let server = Server::new(move |asked| {
        let n: usize = asked.path.trim_start_matches('/').parse().expect("a number");
        Answer::to(&to[n])
    });
    let shop = Shop::at(&server, &["/0", "/1", "/2", "/3"]);
    let report = shop.report(&[], 7);
    for failure in report["failures"].as_array().expect("failures") {
        assert_eq!(failure["code"], "fetch::private", "{failure}");
        let message = failure["message"].as_str().expect("a message");
        assert!(message.starts_with("redirects to http://"), "{message}");
    }
    assert_eq!(report["failed"].as_u64(), Some(targets.len() as u64));
    assert_eq!(inside.asked().len(), 0);
}

#[test]
fn redirects_to_other_schemes_are_not_followed() {
    let server = Server::new(|asked| {
        Answer::to(match asked.path.as_str() {
            "/file" => "file:///etc/passwd",
            "/ftp" => "ftp://127.0.0.1/a.png",
            _ => "http://user:pass@127.0.0.1/a.png",
        })
    });
    let shop = Shop::at(&server, &["/file", "/ftp", "/user"]);
    let report = shop.report(&[], 7);
    for failure in report["failures"].as_array().expect("failures") {
        assert_eq!(failure["code"], "fetch::redirect", "{failure}");
        assert!(!failure["message"].as_str().expect("a message").contains("pass@"), "{failure}");
    }
}

#[test]
fn headers_of_the_manifest_go_to_their_host_alone() {
    let other = serving();
    let elsewhere = other.url.clone();
    let server = Server::new(move |asked| match asked.path.as_str() {
        "/away.png" => Answer::to(&format!("{elsewhere}/a.png")),
        _ if asked.header("x-token") == Some("canary-7f") => Answer::picture(&picture([5, 5, 5])),
        _ => Answer::status(401),
    });
    let shop = Shop::at(&server, &["/a.png", "/away.png"]);
    let host = server.url.trim_start_matches("http://");
    shop.says(&format!(
        "{{allow_hosts: [\"127.0.0.1\"], headers: {{\"{host}\": {{X-Token: \"env:SHOP_TOKEN\"}}}}}}"
    ));
    let unset = shop.fetch(&[]).ends(2);
    assert!(unset.stderr.contains("SHOP_TOKEN is not set"), "{}", unset.stderr);
    let mut command = shop.files.command(&["fetch", ".", "--json"]);
    let output = command.env("SHOP_TOKEN", "canary-7f").output().expect("it starts");
    assert_eq!(output.status.code(), Some(0), "{}", String::from_utf8_lossy(&output.stderr));
    assert!(server.asked().iter().all(|asked| asked.header("x-token") == Some("canary-7f")));
    let told = other.asked();
    assert_eq!(told.len(), 1);
    assert_eq!(told[0].header("x-token"), None, "another host hears nothing");
    // Nor does it stand in any file.
    let lock = shop.files.read("pictures.lock");
    let said = [output.stdout, output.stderr, lock.into_bytes()].concat();
    assert!(!String::from_utf8_lossy(&said).contains("canary"));
}

#[test]
fn nothing_is_told_beyond_what_a_picture_needs() {
    let server = serving();
    Shop::at(&server, &["/a.png"]).fetch(&[]).ends(0);
    let asked = &server.asked()[0];
    let mut names: Vec<&str> = asked.headers.keys().map(|name| name.as_str()).collect();
    names.sort_unstable();
    assert_eq!(names, ["accept", "accept-encoding", "host", "user-agent"]);
    assert_eq!(asked.header("accept-encoding"), Some("identity"));
}

#[test]
fn a_host_that_is_not_there_is_not_asked_for_every_picture() {
    let free = std::net::TcpListener::bind("127.0.0.1:0").expect("a free port");
    let port = free.local_addr().expect("bound").port();
    drop(free);
    let urls: Vec<String> = (0..200).map(|n| format!("http://127.0.0.1:{port}/{n}.png")).collect();
    let shop = Shop::of(&urls);
    let report = shop.report(&[], 7);
    assert_eq!(report["failed"], 200);
    let failures = report["failures"].as_array().expect("failures");
    assert!(failures.iter().all(|failure| failure["code"] == "fetch::unreachable"));
    let asked = failures.iter().filter(|failure| failure["tries"] != 0).count();
    assert!(asked <= 8, "{asked} were asked for");
}

#[test]
fn a_host_in_trouble_is_not_asked_for_every_picture() {
    let server = Server::new(|_| Answer::status(503));
    let paths: Vec<String> = (0..200).map(|n| format!("/{n}.png")).collect();
    let paths: Vec<&str> = paths.iter().map(String::as_str).collect();
    let shop = Shop::at(&server, &paths);
    shop.says("{allow_hosts: [\"127.0.0.1\"], per_host: 16}");
    let report = shop.report(&[], 7);
    assert_eq!(report["failed"], 200);
    let failures = report["failures"].as_array().expect("failures");
    assert!(failures.iter().all(|failure| failure["code"] == "fetch::server"));
    let asked = failures.iter().filter(|failure| failure["tries"] != 0).count();
    assert!((12..=12 + 16).contains(&asked), "{asked} were asked for");
}

#[test]
fn a_header_of_a_host_that_is_not_asked_may_be_unset() {
    let server = serving();
    let shop = Shop::at(&server, &["/a.png"]);
    let of = r#"{cdn.example.com: {X-Token: "env:SHOP_TOKEN"}}"#;
    shop.says(&format!("{{allow_hosts: [\"127.0.0.1\"], headers: {of}}}"));
    shop.fetch(&[]).ends(0);
}

#[test]
fn urls_that_can_t_be_fetched_are_said_at_loading() {
    let canary = "https://me:canary@cdn.example.com/a.jpg".to_owned();
    for (url, says) in [
        ("ftp://cdn.example.com/a.jpg".to_owned(), "is not fetched"),
        ("data:image/png;base64,AAAA".to_owned(), "holds the picture itself"),
        (canary, "holds a user or a password"),
    ] {
        let ended = Shop::of(&[url]).files.kinora(&["check", "."]).ends(3);
        assert!(ended.stderr.contains(says), "{}", ended.stderr);
        assert!(ended.stderr.contains("reference::url"), "{}", ended.stderr);
        assert!(!ended.stderr.contains("canary"), "{}", ended.stderr);
    }
}

#[test]
fn a_wrong_setting_is_said_at_its_place() {
    let shop = Shop::of(&["https://cdn.example.com/a.jpg".to_owned()]);
    shop.says(
        "{timeout: soon, allow_hosts: [\"http://x/\", \"*\"], headers: {\"a/b\": {X: y}}, per_host: 0}",
    );
    let ended = shop.files.kinora(&["check", "."]).ends(3);
    for says in ["per_host", "kinora.yaml:3:"] {
        assert!(ended.stderr.contains(says), "{says}: {}", ended.stderr);
    }
    shop.files.edit("kinora.yaml", ", per_host: 0", "");
    let ended = shop.files.kinora(&["check", "."]).ends(3);
    for says in ["`timeout` is a length", "`allow_hosts` names hosts", "`headers` are by host"] {
        assert!(ended.stderr.contains(says), "{says}: {}", ended.stderr);
    }
}
