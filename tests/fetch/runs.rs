//! Runs fetch what they need before they plan, and never for a plan file what it doesn't name.

use std::sync::Arc;
use std::sync::atomic::{AtomicU8, Ordering};

use crate::server::{Answer, Server};
use crate::shop::{Shop, picture};

fn changing() -> (Server, Arc<AtomicU8>) {
    let colour = Arc::new(AtomicU8::new(1));
    let shown = Arc::clone(&colour);
    let server = Server::new(move |asked| {
        let other = asked.path.as_bytes().get(1).copied().unwrap_or_default();
        let colour = shown.load(Ordering::SeqCst);
        Answer::picture(&picture([colour * 100, other, 0])).with("etag", &format!("\"{colour}\""))
    });
    (server, colour)
}

#[test]
fn a_run_fetches_what_is_missing_before_it_plans() {
    let (server, _) = changing();
    let shop = Shop::at(&server, &["/a.png", "/b.png"]);
    let ended = shop.files.kinora(&["run", ".", "--yes"]).ends(0);
    assert!(ended.stderr.contains("before planning: 2 pictures: 2 fetched"), "{}", ended.stderr);
    assert_eq!((shop.files.files("clips", "mp4").len(), shop.locked().len()), (2, 2));
    // What a process planned that fetched, the next one plans too.
    let plan = shop.files.kinora(&["plan", ".", "--json"]).ends(0).json();
    assert_eq!(plan["changes"]["done"], 2);
    shop.files.kinora(&["run", ".", "--yes"]).ends(0);
    assert_eq!(server.asked().len(), 2);
}

#[test]
fn an_unattended_run_does_too() {
    let (server, _) = changing();
    let shop = Shop::at(&server, &["/a.png"]);
    let policy = "kinora: 1\nunattended: {approve: {max_total: 0}}";
    shop.files.edit("kinora.yaml", "kinora: 1", policy);
    let ended = shop.files.kinora(&["run", ".", "--unattended"]).ends(0);
    assert_eq!(shop.files.files("clips", "mp4").len(), 1, "{}", ended.stderr);
}

#[test]
fn a_run_may_ask_every_night_whether_pictures_changed() {
    let (server, colour) = changing();
    let shop = Shop::at(&server, &["/a.png"]);
    shop.says("{allow_hosts: [\"127.0.0.1\"], before_run: revalidate}");
    shop.files.kinora(&["run", ".", "--yes"]).ends(0);
    colour.store(2, Ordering::SeqCst);
    let clip = std::fs::read(&shop.files.files("clips", "mp4")[0]).expect("a clip");
    let ended = shop.files.kinora(&["run", ".", "--yes"]).ends(0);
    assert!(ended.stderr.contains("1 changed"), "{}", ended.stderr);
    let clips = shop.files.files("clips", "mp4");
    assert!(clips.iter().any(|path| std::fs::read(path).is_ok_and(|now| now != clip)));
}

#[test]
fn a_run_that_may_fetch_nothing_says_what_is_missing() {
    let (server, _) = changing();
    let shop = Shop::at(&server, &["/a.png"]);
    shop.says("{allow_hosts: [\"127.0.0.1\"], before_run: nothing}");
    let ended = shop.files.kinora(&["run", ".", "--yes"]).ends(3);
    assert!(ended.stderr.contains("plan::not_fetched"), "{}", ended.stderr);
    assert_eq!(server.asked().len(), 0);
}

#[test]
fn a_picture_that_can_t_be_fetched_stops_the_run_before_anything_is_spent() {
    let server = Server::new(|asked| match asked.path.as_str() {
        "/a.png" => Answer::picture(&picture([1, 1, 1])),
        _ => Answer::status(404),
    });
    let shop = Shop::at(&server, &["/a.png", "/gone.png"]);
    let ended = shop.files.kinora(&["run", ".", "--yes"]).ends(3);
    assert!(ended.stderr.contains("fetch::gone"), "{}", ended.stderr);
    assert!(ended.stderr.contains("plan::not_fetched"), "{}", ended.stderr);
    assert!(shop.files.files("clips", "mp4").is_empty());
    // A part of the plan that needs it not can run.
    shop.files.kinora(&["run", ".", "--yes", "--only", "products.p1"]).ends(0);
    assert_eq!(shop.files.files("clips", "mp4").len(), 1);
}

#[test]
fn a_pilot_fetches_for_its_jobs_alone() {
    let (server, _) = changing();
    let paths: Vec<String> = (10..40).map(|n| format!("/{n}.png")).collect();
    let paths: Vec<&str> = paths.iter().map(String::as_str).collect();
    let shop = Shop::at(&server, &paths);
    shop.files.kinora(&["run", ".", "--yes", "--limit", "3"]).ends(0);
    assert_eq!((shop.files.files("clips", "mp4").len(), server.asked().len()), (3, 3));
    shop.files.kinora(&["run", ".", "--yes", "--limit", "3"]).ends(0);
    assert_eq!((shop.files.files("clips", "mp4").len(), server.asked().len()), (6, 6));
}

#[test]
fn a_plan_file_runs_on_the_bytes_that_it_names_or_not_at_all() {
    let (server, colour) = changing();
    let shop = Shop::at(&server, &["/a.png"]);
    shop.fetch(&[]).ends(0);
    shop.files.kinora(&["plan", ".", "-o", "night.plan"]).ends(0);
    shop.files.kinora(&["approve", "night.plan", "--by", "me"]).ends(0);
    let forget = || {
        std::fs::remove_dir_all(shop.files.path().join(".kinora/pictures")).expect("it was there");
    };
    // Another machine, and the shop has another picture by now.
    forget();
    colour.store(2, Ordering::SeqCst);
    let ended = shop.files.kinora(&["run", "night.plan"]).ends(6);
    assert!(
        ended.stderr.contains("gives other bytes than pictures.lock names"),
        "{}",
        ended.stderr
    );
    assert!(shop.files.files("clips", "mp4").is_empty());
    colour.store(1, Ordering::SeqCst);
    shop.files.kinora(&["run", "night.plan"]).ends(0);
    assert_eq!(shop.files.files("clips", "mp4").len(), 1);
}

#[test]
fn a_plan_file_fetches_for_its_own_jobs_alone() {
    let (server, _) = changing();
    let shop = Shop::at(&server, &["/a.png", "/b.png"]);
    shop.fetch(&[]).ends(0);
    shop.files.kinora(&["plan", ".", "--only", "products.p1", "-o", "one.plan"]).ends(0);
    shop.files.kinora(&["approve", "one.plan", "--by", "me"]).ends(0);
    std::fs::remove_dir_all(shop.files.path().join(".kinora/pictures")).expect("it was there");
    shop.files.kinora(&["run", "one.plan"]).ends(0);
    assert_eq!((server.times("/a.png"), server.times("/b.png")), (2, 1));
    assert_eq!(shop.files.files("clips", "mp4").len(), 1);
}

#[test]
fn a_run_takes_no_other_bytes_than_the_lock_file_names() {
    let (server, colour) = changing();
    let shop = Shop::at(&server, &["/a.png"]);
    shop.files.kinora(&["run", ".", "--yes"]).ends(0);
    let lock = shop.files.read("pictures.lock");
    // The folder is lost, and the server packs its pictures anew.
    std::fs::remove_dir_all(shop.files.path().join(".kinora/pictures")).expect("it was there");
    colour.store(2, Ordering::SeqCst);
    let feed = shop.files.read("products.csv");
    shop.files.write("products.csv", &format!("{feed}p2,New,{}/b.png\n", server.url));
    let ended = shop.files.kinora(&["run", ".", "--yes"]).ends(3);
    assert!(ended.stderr.contains("fetch::changed"), "{}", ended.stderr);
    assert!(ended.stderr.contains("kinora fetch --revalidate"), "{}", ended.stderr);
    assert_eq!(shop.files.files("clips", "mp4").len(), 1, "nothing is made again");
    let line = |lock: &str| lock.lines().find(|line| line.contains("/a.png")).map(str::to_owned);
    assert_eq!(line(&shop.files.read("pictures.lock")), line(&lock));
    assert_eq!(shop.locked().len(), 2, "what it doesn't name is entered");
    // A person takes what the server has now, and sees what follows.
    assert_eq!(shop.report(&[], 0)["changed"], 1);
    let plan = shop.files.kinora(&["plan", ".", "--json"]).ends(0).json();
    assert_eq!(plan["changes"]["changed"], 1, "{}", plan["changes"]);
}

#[test]
fn a_run_that_asks_about_pictures_takes_the_new_ones_though_the_folder_is_lost() {
    let (server, colour) = changing();
    let shop = Shop::at(&server, &["/a.png"]);
    shop.says("{allow_hosts: [\"127.0.0.1\"], before_run: revalidate}");
    shop.files.kinora(&["run", ".", "--yes"]).ends(0);
    std::fs::remove_dir_all(shop.files.path().join(".kinora/pictures")).expect("it was there");
    colour.store(2, Ordering::SeqCst);
    let ended = shop.files.kinora(&["run", ".", "--yes"]).ends(0);
    assert!(ended.stderr.contains("1 changed"), "{}", ended.stderr);
}

#[test]
fn a_run_goes_on_with_a_picture_that_is_gone_at_the_shop() {
    let gone = Arc::new(AtomicU8::new(0));
    let is_gone = Arc::clone(&gone);
    let server = Server::new(move |_| match is_gone.load(Ordering::SeqCst) {
        0 => Answer::picture(&picture([1, 1, 1])),
        _ => Answer::status(404),
    });
    let shop = Shop::at(&server, &["/a.png"]);
    shop.says("{allow_hosts: [\"127.0.0.1\"], before_run: revalidate}");
    shop.fetch(&[]).ends(0);
    gone.store(1, Ordering::SeqCst);
    let ended = shop.files.kinora(&["run", ".", "--yes"]).ends(0);
    assert!(ended.stderr.contains("what was fetched before is kept"), "{}", ended.stderr);
    assert_eq!(shop.files.files("clips", "mp4").len(), 1);
}

#[test]
fn a_run_uses_what_a_killed_process_fetched() {
    let (server, _) = changing();
    let shop = Shop::at(&server, &["/a.png"]);
    shop.fetch(&[]).ends(0);
    // As it is left by a process that did not come to write the lock file.
    let lock = shop.files.read("pictures.lock");
    let line = lock.lines().nth(1).expect("a line");
    shop.files.write(".kinora/pictures/journal.jsonl", &format!("{line}\n"));
    std::fs::remove_file(shop.files.path().join("pictures.lock")).expect("it was there");
    shop.files.kinora(&["run", ".", "--yes"]).ends(0);
    assert_eq!((shop.files.files("clips", "mp4").len(), server.asked().len()), (1, 1));
    assert_eq!(shop.files.read("pictures.lock"), lock);
}

#[test]
fn a_plan_file_whose_picture_changed_is_stale_and_says_which() {
    let (server, colour) = changing();
    let shop = Shop::at(&server, &["/a.png"]);
    shop.fetch(&[]).ends(0);
    shop.files.kinora(&["plan", ".", "-o", "night.plan"]).ends(0);
    shop.files.kinora(&["approve", "night.plan", "--by", "me"]).ends(0);
    colour.store(2, Ordering::SeqCst);
    shop.fetch(&["--revalidate"]).ends(0);
    let ended = shop.files.kinora(&["run", "night.plan"]).ends(6);
    assert!(ended.stderr.contains(&format!("{}/a.png", server.url)), "{}", ended.stderr);
}

#[test]
fn a_run_may_leave_out_what_can_t_be_fetched_and_says_so_by_its_exit_code() {
    let server = Server::new(|asked| match asked.path.as_str() {
        "/a.png" => Answer::picture(&picture([1, 1, 1])),
        _ => Answer::status(404),
    });
    let shop = Shop::at(&server, &["/a.png", "/gone.png"]);
    shop.says("{allow_hosts: [\"127.0.0.1\"], missing: leave_out}");
    let ended = shop.files.kinora(&["run", ".", "--yes"]).ends(7);
    assert!(ended.stderr.contains("fetch::gone"), "{}", ended.stderr);
    assert!(ended.stderr.contains("they are left out"), "{}", ended.stderr);
    assert_eq!(shop.files.files("clips", "mp4").len(), 1);
    let plan = shop.files.kinora(&["plan", ".", "--json"]).ends(0).json();
    assert_eq!(
        (plan["changes"]["done"].as_u64(), plan["changes"]["orphaned"].as_u64()),
        (Some(1), Some(0))
    );
}

#[test]
fn an_unattended_run_says_which_pictures_are_missing_and_what_to_do() {
    let server = Server::new(|asked| match asked.path.as_str() {
        "/a.png" => Answer::picture(&picture([1, 1, 1])),
        _ => Answer::status(404),
    });
    let shop = Shop::at(&server, &["/a.png", "/gone.png"]);
    let policy = "kinora: 1\nunattended: {approve: {max_total: 0}}";
    shop.files.edit("kinora.yaml", "kinora: 1", policy);
    let fetch = "`kinora fetch kinora.yaml`";
    let ended = shop.files.kinora(&["run", ".", "--unattended"]).ends(3);
    let outcome = ended.json();
    assert!(outcome["needs"][0].as_str().is_some_and(|need| need.contains(fetch)), "{outcome}");
    shop.says("{allow_hosts: [\"127.0.0.1\"], missing: leave_out}");
    let outcome = shop.files.kinora(&["run", ".", "--unattended"]).ends(7).json();
    let message = outcome["message"].as_str().expect("a message");
    assert!(message.starts_with("1 picture could not be fetched; 1 clip made"), "{message}");
    assert_eq!(outcome["needs"].as_array().map(Vec::len), Some(1), "{outcome}");
    assert!(outcome["needs"][0].as_str().is_some_and(|need| need.contains(fetch)), "{outcome}");
}
