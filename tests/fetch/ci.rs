//! The lock file in version control: exact bytes on every machine, merges, and tidying up.

use std::sync::Arc;
use std::sync::atomic::{AtomicU8, Ordering};

use kinora::ledger::{Ledger, Mode};

use crate::server::{Answer, Server};
use crate::shop::{Shop, picture};

fn changing() -> (Server, Arc<AtomicU8>) {
    let colour = Arc::new(AtomicU8::new(1));
    let shown = Arc::clone(&colour);
    let server = Server::new(move |asked| {
        let other = asked.path.as_bytes().get(1).copied().unwrap_or_default();
        Answer::picture(&picture([shown.load(Ordering::SeqCst), other, 0]))
    });
    (server, colour)
}

/// A machine that has the lock file and no picture.
fn without_pictures(shop: &Shop) {
    std::fs::remove_dir_all(shop.files.path().join(".kinora")).expect("it was there");
}

#[test]
fn another_machine_gets_the_same_bytes() {
    let (server, _) = changing();
    let shop = Shop::at(&server, &["/a.png"]);
    shop.fetch(&[]).ends(0);
    let lock = shop.files.read("pictures.lock");
    without_pictures(&shop);
    let report = shop.report(&["--locked"], 0);
    assert_eq!(report["restored"], 1);
    assert_eq!(shop.files.read("pictures.lock"), lock);
    shop.files.kinora(&["plan", "."]).ends(0);
}

#[test]
fn locked_takes_no_other_bytes_and_no_other_urls() {
    let (server, colour) = changing();
    let shop = Shop::at(&server, &["/a.png"]);
    shop.fetch(&[]).ends(0);
    let lock = shop.files.read("pictures.lock");
    without_pictures(&shop);
    colour.store(2, Ordering::SeqCst);
    let report = shop.report(&["--locked"], 7);
    assert_eq!(report["failures"][0]["code"], "fetch::changed");
    assert_eq!(shop.kept(), 0, "other bytes are not kept");
    shop.files.write("products.csv", &format!("sku,title,photo\nn,New,{}/b.png\n", server.url));
    let report = shop.report(&["--locked"], 7);
    assert_eq!(report["failures"][0]["code"], "fetch::not_locked");
    assert_eq!(server.times("/b.png"), 0, "nobody is asked for it");
    assert_eq!(shop.files.read("pictures.lock"), lock);
}

#[test]
fn without_locked_a_picture_that_changed_meanwhile_is_taken_and_said() {
    let (server, colour) = changing();
    let shop = Shop::at(&server, &["/a.png"]);
    shop.fetch(&[]).ends(0);
    without_pictures(&shop);
    colour.store(2, Ordering::SeqCst);
    let ended = shop.fetch(&[]).ends(0);
    assert!(ended.stdout.contains("changed  "), "{}", ended.stdout);
}

#[test]
fn two_people_s_additions_merge() {
    let (server, _) = changing();
    let shop = Shop::at(&server, &["/a.png"]);
    shop.fetch(&[]).ends(0);
    let mine = shop.files.read("pictures.lock");
    shop.files.write("products.csv", &format!("sku,title,photo\nn,New,{}/b.png\n", server.url));
    std::fs::remove_file(shop.files.path().join("pictures.lock")).expect("it was there");
    shop.fetch(&[]).ends(0);
    let theirs = shop.files.read("pictures.lock");
    // As a merge leaves it that keeps the lines of both.
    shop.files.write("pictures.lock", &format!("{mine}{theirs}"));
    let both = format!("sku,title,photo\np,P,{0}/a.png\nn,New,{0}/b.png\n", server.url);
    shop.files.write("products.csv", &both);
    let asked = server.asked().len();
    let report = shop.report(&["--locked"], 0);
    assert_eq!((report["here"].as_u64(), server.asked().len()), (Some(2), asked));
}

#[test]
fn a_merge_conflict_is_said_with_its_line() {
    let (server, _) = changing();
    let shop = Shop::at(&server, &["/a.png"]);
    shop.fetch(&[]).ends(0);
    let lock = shop.files.read("pictures.lock");
    shop.files.write("pictures.lock", &format!("{lock}<<<<<<< HEAD\n"));
    let ended = shop.files.kinora(&["plan", "."]).ends(3);
    assert!(ended.stderr.contains("merge conflict in line 3"), "{}", ended.stderr);
}

#[test]
fn a_lock_file_can_t_make_the_program_read_elsewhere() {
    let (server, _) = changing();
    let shop = Shop::at(&server, &["/a.png"]);
    shop.fetch(&[]).ends(0);
    let lock = shop.files.read("pictures.lock");
    let digest = shop.locked()[0]["digest"].as_str().expect("a digest").to_owned();
    shop.files.write("pictures.lock", &lock.replace(&digest, "../../../../../../etc/passwd"));
    let ended = shop.files.kinora(&["plan", "."]).ends(3);
    assert!(ended.stderr.contains("damaged in line 2"), "{}", ended.stderr);
}

#[test]
fn pruning_removes_what_nothing_names() {
    let (server, _) = changing();
    let shop = Shop::at(&server, &["/a.png", "/b.png"]);
    shop.fetch(&[]).ends(0);
    assert_eq!(shop.kept(), 2);
    shop.files.write(".kinora/pictures/ab/notes.txt", "mine");
    shop.files.write("products.csv", &format!("sku,title,photo\np,P,{}/a.png\n", server.url));
    let report = shop.report(&["--prune"], 0);
    assert_eq!(report["pruned"]["urls"], 1);
    assert_eq!(report["pruned"]["files"], 1);
    assert_eq!((shop.kept(), shop.locked().len()), (1, 1));
    assert!(shop.files.path().join(".kinora/pictures/ab/notes.txt").exists());
    shop.files.kinora(&["plan", "."]).ends(0);
}

#[test]
fn nothing_is_removed_while_a_run_works() {
    let (server, _) = changing();
    let shop = Shop::at(&server, &["/a.png", "/b.png"]);
    shop.fetch(&[]).ends(0);
    shop.files.write("products.csv", &format!("sku,title,photo\np,P,{}/a.png\n", server.url));
    let run = Ledger::open(shop.files.path(), Mode::Run).expect("nobody else has it");
    let ended = shop.fetch(&["--prune"]).ends(10);
    assert!(ended.stderr.contains("lock"), "{}", ended.stderr);
    assert_eq!((shop.kept(), shop.locked().len()), (2, 2));
    shop.fetch(&[]).ends(0);
    drop(run);
    shop.fetch(&["--prune"]).ends(0);
    assert_eq!((shop.kept(), shop.locked().len()), (1, 1));
}

#[test]
fn locked_takes_nothing_from_a_killed_process_and_leaves_it_for_the_next() {
    let (server, colour) = changing();
    let shop = Shop::at(&server, &["/a.png"]);
    shop.fetch(&[]).ends(0);
    let lock = shop.files.read("pictures.lock");
    colour.store(2, Ordering::SeqCst);
    shop.fetch(&["--revalidate"]).ends(0);
    let newer = shop.files.read("pictures.lock");
    // The process that fetched the newer picture was killed, some days later than the other.
    let day = shop.locked()[0]["fetched"].as_str().expect("a day").to_owned();
    let line = newer.lines().nth(1).expect("a line").replace(&day, "2999-01-01");
    shop.files.write("pictures.lock", &lock);
    shop.files.write(".kinora/pictures/journal.jsonl", &format!("{line}\n"));
    shop.fetch(&["--locked"]).ends(0);
    assert_eq!(shop.files.read("pictures.lock"), lock);
    shop.fetch(&[]).ends(0);
    assert_ne!(shop.files.read("pictures.lock"), lock);
}
