//! What somebody may do to a plan file that was approved: each is refused, and nothing is spent.

use std::fmt::Write;

use serde_json::{Value, json};

use crate::file::{Lines, approved_shop, begun, lineage, pack, paid_shop};

/// What is done to a file: its bytes afterwards.
type Deed = fn(Lines, Vec<u8>) -> Vec<u8>;

fn changed(mut lines: Lines, change: fn(&mut Lines)) -> Vec<u8> {
    change(&mut lines);
    lines.packed()
}

fn sealed(mut lines: Lines, change: fn(&mut Lines)) -> Vec<u8> {
    change(&mut lines);
    lines.seal();
    lines.packed()
}

fn named(mut lines: Lines, change: fn(&mut Lines)) -> Vec<u8> {
    change(&mut lines);
    lines.name_and_seal();
    lines.packed()
}

const OTHER: &str = "AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA";

/// A third of every amount, wherever it is told.
fn cheaper(lines: &mut Lines) {
    lines.replace("\"estimate\":\"3\"", "\"estimate\":\"1\"");
    lines.replace("\"as_text\":\"2.5\"", "\"as_text\":\"0.5\"");
    for (from, to) in [("12", "4"), ("6", "2"), ("10", "2"), ("5", "1")] {
        lines.replace(&format!("{{\"credits\":\"{from}\"}}"), &format!("{{\"credits\":\"{to}\"}}"));
    }
}

fn swap_jobs(lines: &mut Lines) {
    let jobs = lines.at("job");
    lines.0.swap(jobs[2], jobs[3]);
}

/// Takes the last job out, wherever it is counted.
fn one_less(lines: &mut Lines) {
    let last = *lines.at("job").last().expect("jobs");
    lines.0.remove(last);
    lines.replace("\"jobs\":4,\"seconds\":\"2\"", "\"jobs\":3,\"seconds\":\"1.5\"");
    lines.replace("\"compared\":4", "\"compared\":3");
    lines.replace("\"new\":4", "\"new\":3");
    let credits = |n: &str| format!("{{\"credits\":\"{n}\"}}");
    for (from, to) in [("12", "9"), ("10", "7.5"), ("2", "1.5")] {
        lines.replace(&credits(from), &credits(to));
    }
}

/// Says of a job that it was made, wherever that is counted.
fn one_done(lines: &mut Lines) {
    lines.nth("job", 3)["change"] = json!("done");
    let all = lines.header()["summary"]["all"].clone();
    let text = lines.text();
    let mut less = all.clone();
    for (key, value) in [("jobs", json!(3)), ("seconds", json!("1.5")), ("compared", json!(3))] {
        less[key] = value;
    }
    for key in ["estimate", "low", "high"] {
        less[key] = json!({"credits": "9"});
    }
    (less["as_text"], less["image_extra"]) = (json!({"credits": "7.5"}), json!({"credits": "1.5"}));
    let inside = |tally: &Value| tally.to_string().trim_matches(['{', '}']).to_owned();
    let text = text.replace(&inside(&all), &inside(&less));
    lines.0 = text.lines().map(|line| serde_json::from_str(line).expect("JSON")).collect();
    lines.header()["summary"]["all"] = all.clone();
    let last = lines.0.len() - 1;
    lines.0[last]["end"]["all"] = all;
    lines.replace("\"new\":4", "\"new\":3");
    lines.replace("\"done\":0", "\"done\":1");
}

/// What is done, with the exit code that follows: 3 where the file is wrong in itself, 6 where it
/// is whole, and not what would run.
const DEEDS: &[(&str, i32, Deed)] = &[
    ("an amount is lowered", 3, |l, _| changed(l, |l| l.nth("form", 0)["estimate"] = json!("1"))),
    ("an amount is lowered, sealed again", 3, |l, _| {
        sealed(l, |l| l.nth("form", 0)["estimate"] = json!("1"))
    }),
    ("every amount is lowered, sealed again", 3, |l, _| sealed(l, cheaper)),
    ("every amount is lowered, the plan named anew", 6, |l, _| named(l, cheaper)),
    ("an amount is below zero", 3, |l, _| {
        sealed(l, |l| l.nth("form", 0)["estimate"] = json!("-3"))
    }),
    ("low is above the estimate", 3, |l, _| sealed(l, |l| l.nth("form", 0)["low"] = json!("4"))),
    ("a price is taken away", 3, |l, _| {
        sealed(l, |l| {
            l.nth("form", 0).as_object_mut().expect("a form").remove("estimate");
        })
    }),
    ("a job is taken out", 3, |l, _| {
        changed(l, |l| {
            let last = *l.at("job").last().expect("jobs");
            l.0.remove(last);
        })
    }),
    ("a job is taken out, sealed again", 3, |l, _| {
        sealed(l, |l| {
            let last = *l.at("job").last().expect("jobs");
            l.0.remove(last);
        })
    }),
    ("a job is taken out, the plan named anew", 6, |l, _| named(l, one_less)),
    ("a job comes twice", 3, |l, _| {
        sealed(l, |l| {
            let last = *l.at("job").last().expect("jobs");
            let again = l.0[last].clone();
            l.0.insert(last, again);
        })
    }),
    ("jobs change places", 3, |l, _| changed(l, swap_jobs)),
    ("jobs change places, sealed again", 3, |l, _| sealed(l, swap_jobs)),
    ("jobs change places, the plan named anew", 6, |l, _| named(l, swap_jobs)),
    ("a fingerprint is another", 3, |l, _| changed(l, |l| l.nth("job", 1)["d"] = json!(OTHER))),
    ("a prompt is another, sealed again", 3, |l, _| {
        sealed(l, |l| l.nth("form", 1)["prompt"] = json!("{0} stands still"))
    }),
    ("a picture has another digest, sealed again", 3, |l, _| {
        sealed(l, |l| l.nth("picture", 0)["digest"] = json!(OTHER))
    }),
    ("a fingerprint is another, the plan named anew", 3, |l, _| {
        named(l, |l| l.nth("job", 1)["d"] = json!(OTHER))
    }),
    ("a fingerprint is too short", 3, |l, _| sealed(l, |l| l.nth("job", 1)["d"] = json!("AAAA"))),
    ("the plan's digest is another", 3, |l, _| {
        sealed(l, |l| l.header()["plan"] = json!("0".repeat(64)))
    }),
    ("a total of the last line is another", 3, |l, _| {
        changed(l, |l| l.nth("end", 0)["to_run"]["estimate"] = json!({"credits": "1"}))
    }),
    ("a total of the summary is another", 3, |l, _| {
        sealed(l, |l| l.header()["summary"]["to_run"]["estimate"] = json!({"credits": "1"}))
    }),
    ("a group of the summary is another", 3, |l, _| {
        sealed(l, |l| {
            l.header()["summary"]["by_model"][0]["estimate"] = json!({"credits": "1"});
        })
    }),
    ("a change is counted that no job has", 3, |l, _| {
        sealed(l, |l| l.header()["summary"]["changes"]["done"] = json!(4))
    }),
    ("a job is called made that is not", 6, |l, _| sealed(l, one_done)),
    ("the ledger has another name", 6, |l, _| {
        sealed(l, |l| l.header()["ledger"]["lineage"] = json!("0".repeat(32)))
    }),
    ("the ledger's name is changed, and nothing else", 3, |l, _| {
        changed(l, |l| l.header()["ledger"]["lineage"] = json!("0".repeat(32)))
    }),
    ("the serial is raised", 6, |l, _| {
        sealed(l, |l| l.header()["ledger"]["serial"] = json!(1_000))
    }),
    ("the serial is changed, and nothing else", 3, |l, _| {
        changed(l, |l| l.header()["ledger"]["serial"] = json!(1_000))
    }),
    ("a picture has another digest, and nothing else", 3, |l, _| {
        changed(l, |l| l.nth("picture", 0)["digest"] = json!(OTHER))
    }),
    ("a setting is another, sealed again", 3, |l, _| {
        sealed(l, |l| l.nth("form", 0)["fps"] = json!(30))
    }),
    ("a picture has another path", 6, |l, _| {
        sealed(l, |l| l.nth("picture", 0)["path"] = json!("images/other.png"))
    }),
    ("a file has another digest", 6, |l, _| {
        sealed(l, |l| l.header()["files"][1]["digest"] = json!("0".repeat(64)))
    }),
    ("a file is left out", 6, |l, _| {
        sealed(l, |l| {
            l.header()["files"].as_array_mut().expect("files").pop();
        })
    }),
    ("a card has another digest", 6, |l, _| {
        sealed(l, |l| l.header()["cards"][0]["digest"] = json!("0".repeat(64)))
    }),
    ("a price is of another day", 6, |l, _| {
        sealed(l, |l| l.header()["prices"][0]["as_of"] = json!("2026-11-22"))
    }),
    ("the major version is newer", 3, |l, _| {
        sealed(l, |l| l.header()["format_version"] = json!("2.0"))
    }),
    ("the version is none", 3, |l, _| sealed(l, |l| l.header()["format_version"] = json!("new"))),
    ("a line is of no kind", 3, |l, _| {
        sealed(l, |l| {
            l.0.insert(1, json!({"extra": 1}));
        })
    }),
    ("a line points past what is there", 3, |l, _| sealed(l, |l| l.nth("job", 0)["f"] = json!(9))),
    ("a second header", 3, |l, _| {
        sealed(l, |l| {
            let header = l.0[0].clone();
            l.0.insert(1, header);
        })
    }),
    ("no last line", 3, |l, _| {
        changed(l, |l| {
            l.0.pop();
        })
    }),
    ("a line after the last", 3, |l, _| {
        changed(l, |l| l.0.push(json!({"job": {"f": 0, "s": 0, "d": OTHER}})))
    }),
    ("another frame after the last", 3, |_, mut bytes| {
        bytes.extend(pack("{\"extra\":1}\n"));
        bytes
    }),
    ("bytes after the last", 3, |_, mut bytes| {
        bytes.extend(b"and some more");
        bytes
    }),
    ("the bytes are cut short", 3, |_, mut bytes| {
        bytes.truncate(bytes.len() - 20);
        bytes
    }),
    ("a byte in the middle is another", 3, |_, mut bytes| {
        let middle = bytes.len() / 2;
        bytes[middle] ^= 0x10;
        bytes
    }),
    ("nothing is left", 3, |_, _| Vec::new()),
    ("it is not packed", 3, |l, _| l.text().into_bytes()),
    ("it is packed with gzip", 3, |_, _| {
        b"\x1f\x8b\x08\0\0\0\0\0\0\x03\x03\0\0\0\0\0\0\0\0\0".to_vec()
    }),
    ("it is another packed file", 3, |_, _| pack("a diary\n")),
    ("a line is not UTF-8", 3, |l, _| {
        let mut text = l.text().into_bytes();
        let end = text.iter().rposition(|b| *b == b'}').expect("a line");
        text.splice(end..end, *b",\"x\":\"\xff\"");
        pack(text)
    }),
    ("a line is not JSON", 3, |l, _| pack(l.text().replacen("{\"job\"", "{job", 1))),
    ("a line without an end", 3, |l, _| {
        let first = l.text().lines().next().expect("a header").to_owned();
        pack([first.as_bytes(), b"\n", &vec![b' '; 64 << 20]].concat())
    }),
    ("a window of 128 MB", 3, |l, _| {
        let mut encoder = zstd::Encoder::new(Vec::new(), 3).expect("zstd");
        encoder.window_log(27).expect("zstd");
        std::io::Write::write_all(&mut encoder, l.text().as_bytes()).expect("in memory");
        encoder.finish().expect("in memory")
    }),
];

#[test]
fn whatever_is_done_to_an_approved_plan_file_is_refused_and_nothing_is_spent() {
    let shop = approved_shop();
    let good = std::fs::read(shop.path().join("shop.plan")).expect("it is there");
    let name = lineage(&shop);
    let mut told = String::new();
    for (what, code, deed) in DEEDS {
        let lines = Lines::of(&shop.path().join("shop.plan"));
        let bytes = deed(lines, good.clone());
        assert_ne!(bytes, good, "{what}");
        std::fs::write(shop.path().join("tampered.plan"), bytes).expect("written");
        let ended = shop.kinora(&["run", "tampered.plan"]).ends(*code);
        assert!(ended.stdout.is_empty(), "{what}: {}", ended.stdout);
        let mut said = ended.stderr.replace(&name, "LINEAGE");
        // What the decoder calls a harmed byte depends on the bytes, and so on the ledger's name.
        if what.starts_with("a byte in the middle") {
            let (before, _) = said.rsplit_once(": ").expect("a cause");
            said = format!("{before}: WHY");
        }
        writeln!(told, "# {what} (exit {code})\n{}", said.trim_end()).expect("in memory");
    }
    insta::assert_snapshot!(told);
    assert_eq!(begun(&shop), 0, "nothing was begun");
    assert!(shop.files("clips", "mp4").is_empty());
    // What was approved still runs.
    shop.kinora(&["run", "shop.plan"]).ends(0);
    assert_eq!(begun(&shop), 4);
}

#[test]
fn a_file_with_more_jobs_than_the_limit_is_refused_before_they_are_read() {
    let shop = approved_shop();
    let ended = shop.kinora(&["run", "shop.plan", "--limit", "jobs=3"]).ends(3);
    insta::assert_snapshot!(ended.stderr.trim_end());
    assert_eq!(begun(&shop), 0);
}

#[test]
fn what_a_newer_minor_version_added_is_left_alone() {
    let shop = approved_shop();
    let mut lines = Lines::of(&shop.path().join("shop.plan"));
    lines.header()["format_version"] = json!("1.7");
    lines.header()["mood"] = json!("hopeful");
    lines.nth("job", 2)["weather"] = json!({"sun": true});
    lines.0.insert(2, json!({"note": {"text": "for later"}}));
    lines.seal();
    std::fs::write(shop.path().join("newer.plan"), lines.packed()).expect("written");
    shop.kinora(&["run", "newer.plan"]).ends(0);
    assert_eq!(begun(&shop), 4);
}

#[test]
fn what_is_asked_of_clips_is_part_of_a_file_and_proven_as_far_as_it_is_money() {
    let shop = paid_shop();
    shop.kinora(&["plan", ".", "-o", "plain.plan"]).ends(0);
    let asked = "fps: 12, consistency: {min: 90, on_fail: retake, max_retakes: 2}}";
    shop.edit("kinora.yaml", "fps: 12}", asked);
    shop.kinora(&["plan", ".", "-o", "shop.plan"]).ends(0);
    let mut lines = Lines::of(&shop.path().join("shop.plan"));
    let run = lines.header()["summary"]["to_run"].clone();
    assert_eq!(
        (&run["with_retakes"]["credits"], &run["high"]["credits"]),
        (&json!("36"), &json!("36"))
    );
    let forms = lines.at("form");
    for form in &forms {
        let rule = &lines.0[*form]["form"]["consistency"];
        assert_eq!(
            (&rule["max_retakes"], &rule["bounds"]["min"]),
            (&json!(2), &json!(90)),
            "{rule}"
        );
    }
    // A plan file's jobs are those of a plan: as CSV, and against one without retakes.
    let csv = shop.kinora(&["report", "shop.plan", "--format", "csv"]).ends(0).stdout;
    assert_eq!(csv, shop.kinora(&["plan", ".", "--format", "csv"]).ends(0).stdout);
    assert!(csv.lines().skip(1).all(|line| line.ends_with(",9")), "{csv}");
    let plan = shop.kinora(&["plan", ".", "--json", "--compare", "plain.plan"]).ends(0).json();
    let since = &plan["since_approval"];
    let sums = ["total_before", "total_now", "with_retakes_before", "with_retakes_now"];
    assert_eq!(
        sums.map(|sum| since[sum]["credits"].clone()),
        ["12", "12", "12", "36"].map(|n| json!(n))
    );
    // Fewer retakes than the totals say.
    for form in forms {
        lines.0[form]["form"]["consistency"]["max_retakes"] = json!(1);
    }
    lines.seal();
    std::fs::write(shop.path().join("fewer.plan"), lines.packed()).expect("written");
    let refused = shop.kinora(&["report", "fewer.plan"]).ends(3);
    assert!(refused.stderr.contains("not what the jobs add up to"), "{}", refused.stderr);
}

#[test]
fn a_file_of_before_reads_as_it_did() {
    let shop = approved_shop();
    let mut lines = Lines::of(&shop.path().join("shop.plan"));
    lines.header()["format_version"] = json!("1.0");
    for form in lines.at("form") {
        assert_eq!(lines.0[form]["form"]["consistency"], Value::Null, "nothing is asked of these");
    }
    lines.seal();
    std::fs::write(shop.path().join("older.plan"), lines.packed()).expect("written");
    shop.kinora(&["run", "older.plan"]).ends(0);
    assert_eq!(begun(&shop), 4);
}
