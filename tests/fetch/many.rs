//! Many pictures: all of them come, none too many at once, and an end comes when it is asked for.

use std::time::Duration;

use crate::server::{Answer, Server};
use crate::shop::{Shop, picture};

#[test]
fn two_thousand_pictures_come_and_a_host_has_never_more_than_its_limit() {
    let server = Server::new(|asked| {
        let n: u32 =
            asked.path.trim_matches(|c: char| !c.is_ascii_digit()).parse().expect("a number");
        let [_, r, g, b] = n.to_be_bytes();
        Answer::picture(&picture([r, g, b])).holding(Duration::from_millis(1))
    });
    let paths: Vec<String> = (0..2000).map(|n| format!("/{n}.png")).collect();
    let paths: Vec<&str> = paths.iter().map(String::as_str).collect();
    let shop = Shop::at(&server, &paths);
    shop.says("{allow_hosts: [\"127.0.0.1\"], per_host: 3}");
    let report = shop.report(&[], 0);
    assert_eq!(report["new"], 2000);
    assert_eq!((shop.kept(), shop.locked().len()), (2000, 2000));
    let most = server.most_at_once();
    assert!((2..=3).contains(&most), "{most} at once");
    // Sorted, whatever came first.
    let locked = shop.locked();
    let urls: Vec<&str> = locked.iter().filter_map(|line| line["url"].as_str()).collect();
    assert!(urls.is_sorted());
    let again = shop.report(&[], 0);
    assert_eq!((again["here"].as_u64(), server.asked().len()), (Some(2000), 2000));
}

#[test]
fn only_so_many_come_at_once_from_all_hosts() {
    let servers: Vec<Server> = (0..3)
        .map(|n| {
            Server::new(move |_| {
                Answer::picture(&picture([n, 0, 0])).holding(Duration::from_millis(20))
            })
        })
        .collect();
    let urls = servers.iter().flat_map(|server| (0..10).map(|n| format!("{}/{n}.png", server.url)));
    let shop = Shop::of(&urls.collect::<Vec<_>>());
    shop.says("{allow_hosts: [\"127.0.0.1\"], per_host: 8, at_once: 2}");
    assert_eq!(shop.report(&[], 0)["new"], 30);
    assert!(servers.iter().all(|server| server.most_at_once() <= 2));
}

#[test]
fn an_interrupted_fetch_keeps_what_came_and_goes_on() {
    let server = Server::new(|asked| {
        let hold = if asked.path == "/0.png" { 0 } else { 30_000 };
        let hold = if asked.before == 0 { hold } else { 0 };
        Answer::picture(&picture([1, 2, 3])).holding(Duration::from_millis(hold))
    });
    let shop = Shop::at(&server, &["/0.png", "/1.png"]);
    shop.says("{allow_hosts: [\"127.0.0.1\"], timeout: 60s}");
    let child = shop.files.start(&["fetch", ".", "--json"]);
    while shop.kept() == 0 || server.times("/1.png") == 0 {
        std::thread::sleep(Duration::from_millis(20));
    }
    let id = child.id().to_string();
    std::process::Command::new("kill").args(["-INT", &id]).status().expect("a signal");
    let output = child.wait_with_output().expect("it ends");
    assert_eq!(output.status.code(), Some(9), "{}", String::from_utf8_lossy(&output.stderr));
    let report: serde_json::Value = serde_json::from_slice(&output.stdout).expect("JSON");
    assert_eq!((report["new"].as_u64(), report["stopped"].as_u64()), (Some(1), Some(1)));
    assert_eq!(shop.locked().len(), 1, "what came is in the lock file");
    let report = shop.report(&[], 0);
    assert_eq!((report["here"].as_u64(), report["new"].as_u64()), (Some(1), Some(1)));
}

#[test]
fn two_processes_do_not_fetch_into_one_workspace() {
    let server =
        Server::new(|_| Answer::picture(&picture([1, 2, 3])).holding(Duration::from_secs(30)));
    let shop = Shop::at(&server, &["/0.png"]);
    shop.says("{allow_hosts: [\"127.0.0.1\"], timeout: 60s}");
    let mut first = shop.files.start(&["fetch", "."]);
    while server.asked().is_empty() {
        std::thread::sleep(Duration::from_millis(20));
    }
    let second = shop.fetch(&[]).ends(10);
    assert!(second.stderr.contains("another `kinora fetch`"), "{}", second.stderr);
    first.kill().expect("it is killed");
    first.wait().expect("it ended");
}
