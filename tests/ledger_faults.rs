//! The ledger under a failing disk: the real program, whose n-th write, sync, truncation, opening or
//! naming of a ledger's file fails, and whose power is cut at the n-th change, for n = 1, 2, 3, …
//! until a run passes untouched.
//!
//! After every failure: the exit code and the message are exact; what the run had said was done
//! is done; a run without faults finishes; `kinora ledger verify` finds nothing; no job was accepted
//! twice and every clip is there.
//!
//! The first 3 are taken one by one, later ones in steps that grow. `KINORA_FAULTS=all` takes
//! every one (some minutes). Needs Linux, `LD_PRELOAD` and a C compiler as `cc`; says so and does
//! nothing where they are missing.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::process::{Command, Output, Stdio};
use std::sync::OnceLock;

use kinora::address::Address;
use kinora::ledger::{ClipCheck, JobState, Ledger, Mode, verify};
use serde_json::Value;

const JOBS: usize = 3;

const MANIFEST: &str = r#"kinora: 1
name: shop
defaults: {model: animatic, duration: 0.5, resolution: 240p, fps: 12}
subjects:
  products:
    kind: product
    items: [{id: mug, references: [{name: hero, image: mug.png}]}]
shots:
  - {id: turn, for: products, takes: 3, prompt: "@hero turns slowly"}
"#;

/// The shared object that makes files fail, built once; absent where it can't be.
fn shim() -> Option<&'static Path> {
    static SHIM: OnceLock<Option<PathBuf>> = OnceLock::new();
    SHIM.get_or_init(|| {
        if !cfg!(target_os = "linux") {
            eprintln!("skipped: faults are injected by LD_PRELOAD, which only Linux has");
            return None;
        }
        let source = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/ledger_faults/shim.c");
        let object = Path::new(env!("CARGO_TARGET_TMPDIR")).join("ledger_faults.so");
        let built = Command::new("cc")
            .args(["-O1", "-Wall", "-Werror", "-shared", "-fPIC", "-o"])
            .args([&object, &source])
            .args(["-ldl", "-lpthread"])
            .status();
        match built {
            Ok(status) => {
                assert!(status.success(), "{} compiles", source.display());
                Some(object)
            }
            Err(error) => {
                eprintln!("skipped: no C compiler `cc`: {error}");
                None
            }
        }
    })
    .as_deref()
}

/// What is to fail.
#[derive(Clone, Copy)]
struct Fault {
    /// `open`, `write`, `sync`, `truncate`, `name`, or `change`: a write or a sync.
    op: &'static str,
    /// `once`, `onward`, `short` or `crash`.
    mode: &'static str,
    /// What the system says.
    errno: i32,
}

const EIO: i32 = 5;
const ENOSPC: i32 = 28;
const EROFS: i32 = 30;

fn kinora(folder: &Path, arguments: &[&str]) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_kinora"));
    command.current_dir(folder).args(arguments).stdin(Stdio::null());
    command.env_remove("COLUMNS").env("NO_COLOR", "1").env("USER", "tester");
    command
}

fn ends(folder: &Path, arguments: &[&str], code: i32) -> Output {
    let output = kinora(folder, arguments).output().expect("the program starts");
    let talk = String::from_utf8_lossy(&output.stderr);
    assert_eq!(output.status.code(), Some(code), "{arguments:?}: {talk}");
    output
}

fn shop() -> tempfile::TempDir {
    let dir = tempfile::tempdir().expect("a folder");
    std::fs::write(dir.path().join("kinora.yaml"), MANIFEST).expect("written");
    image::RgbImage::from_pixel(64, 64, image::Rgb([190, 90, 60]))
        .save(dir.path().join("mug.png"))
        .expect("saved");
    dir
}

/// A shop whose plan is approved.
fn approved() -> tempfile::TempDir {
    let dir = shop();
    ends(dir.path(), &["approve", ".", "--by", "ada"], 0);
    dir
}

/// Copies a workspace that nothing was made in yet, with the log of the ledger's last writes.
fn copy(from: &Path) -> tempfile::TempDir {
    let dir = tempfile::tempdir().expect("a folder");
    std::fs::create_dir(dir.path().join(".kinora")).expect("a folder");
    for folder in ["", ".kinora"] {
        for entry in std::fs::read_dir(from.join(folder)).expect("a folder") {
            let (path, name) = entry.map(|e| (e.path(), e.file_name())).expect("readable");
            if path.is_file() {
                std::fs::copy(&path, dir.path().join(folder).join(name)).expect("copied");
            }
        }
    }
    dir
}

/// What came of a command under a fault.
struct Struck {
    code: Option<i32>,
    stdout: String,
    stderr: String,
    /// Whether the fault struck at all, and at what.
    at: Option<String>,
}

fn strike(folder: &Path, arguments: &[&str], fault: Fault, n: u64, shim: &Path) -> Struck {
    let log = folder.join("fault.log");
    let output = kinora(folder, arguments)
        .env("LD_PRELOAD", shim)
        .env("FAULT_OP", fault.op)
        .env("FAULT_MODE", fault.mode)
        .env("FAULT_ERRNO", fault.errno.to_string())
        .env("FAULT_AT", n.to_string())
        .env("FAULT_SEED", (n * 7919 + 13).to_string())
        .env("FAULT_LOG", &log)
        .output()
        .expect("the program starts");
    Struck {
        code: output.status.code(),
        stdout: String::from_utf8_lossy(&output.stdout).into_owned(),
        stderr: String::from_utf8_lossy(&output.stderr).into_owned(),
        at: std::fs::read_to_string(log).ok(),
    }
}

/// Everything that must hold once a later run has finished.
fn nothing_is_lost(folder: &Path) {
    ends(folder, &["run", ".", "--yes"], 0);
    ends(folder, &["ledger", "verify", "."], 0);
    let lines = ends(folder, &["ledger", "export", "."], 0).stdout;
    let mut happened = BTreeMap::<(String, String), u32>::new();
    for line in String::from_utf8(lines).expect("text").lines() {
        let line: Value = serde_json::from_str(line).expect("JSON");
        if let (Some(job), Some(kind)) = (line["job"].as_str(), line["kind"].as_str()) {
            *happened.entry((kind.to_owned(), job.to_owned())).or_default() += 1;
        }
    }
    for kind in ["accepted", "done"] {
        let jobs: Vec<u32> =
            happened.iter().filter(|((k, _), _)| k == kind).map(|(_, n)| *n).collect();
        assert_eq!(jobs, [1; JOBS], "{kind}: {happened:?}");
    }
}

/// Whatever a run said was done is done in the ledger that it left.
fn what_was_said_is_kept(folder: &Path, stdout: &str) {
    let ledger = Ledger::open(folder, Mode::Read).expect("readable");
    for line in stdout.lines() {
        // The last line may be cut off with the process.
        let Ok(event) = serde_json::from_str::<Value>(line) else { continue };
        if event["event"] == "done" {
            let job = Address::from_stored(event["job"].as_str().expect("an address"));
            let state = ledger.job(&job).expect("readable").map(|job| job.state);
            assert_eq!(state, Some(JobState::Done), "{job}");
        }
    }
    drop(ledger);
    let mut wrong = Vec::new();
    verify(folder, ClipCheck::Digest, &mut |fault| wrong.push(fault)).expect("readable");
    assert_eq!(wrong, []);
}

/// The next n: every one, or steps that grow, smaller ones where each n has a chance of its own.
fn after(n: u64, all: bool, dense: bool) -> u64 {
    match n {
        _ if all || n < 3 => n + 1,
        _ if dense => n + n / 3,
        _ => n * 2,
    }
}

/// Runs under a fault at n = 1, 2, 3, … until it no longer strikes. `told` are the messages that the
/// fault may lead to; a fault that SQLite can do without leads to none.
fn until_untouched(fault: Fault, told: &[&str]) {
    let Some(shim) = shim() else { return };
    let all = std::env::var_os("KINORA_FAULTS").is_some_and(|v| v == "all");
    let template = approved();
    let (mut n, mut struck, mut failed) = (1u64, 0, 0);
    loop {
        let shop = copy(template.path());
        let run = strike(shop.path(), &["run", ".", "--json"], fault, n, shim);
        let Some(at) = &run.at else {
            assert_eq!(run.code, Some(0), "{n}: {}", run.stderr);
            break;
        };
        struck += 1;
        let context = format!("{} {} at {n} ({at}): {}", fault.mode, fault.op, run.stderr);
        if run.code != Some(0) {
            failed += 1;
            let code = if fault.mode == "crash" { 137 } else { 1 };
            assert_eq!(run.code, Some(code), "{context}");
            let is_told = |what: &&str| run.stderr.contains(*what);
            assert!(told.is_empty() || told.iter().any(is_told), "{context}");
        }
        what_was_said_is_kept(shop.path(), &run.stdout);
        nothing_is_lost(shop.path());
        n = after(n, all, fault.mode == "crash");
    }
    assert!(struck > 0, "{} {} struck at nothing", fault.mode, fault.op);
    eprintln!(
        "{} {}: struck at {struck} of the first {n}, {failed} runs failed, none lost anything",
        fault.mode, fault.op
    );
}

const FULL: &str = "ledger.db can't be written: the disk is full; make room and start again";
const WRITE: &str = "ledger.db can't be written: the disk failed while it was written; check it and \
                     start again";
const SYNC: &str = "ledger.db can't be written: the disk failed to confirm that what was written is \
                    kept (fsync); check it and start again";
const READ_ONLY: &str = "ledger.db can't be written: the file, its folder or the disk may only be \
                         read; allow writing and start again";
const OPEN: &str = "ledger.db can't be opened: the file, its folder or the disk does not allow it";
const SHARED: &str = "ledger.db can't be shared: the disk failed to share memory";

#[test]
fn a_disk_that_is_full_for_one_write() {
    until_untouched(Fault { op: "write", mode: "once", errno: ENOSPC }, &[FULL, SHARED]);
}

#[test]
fn a_disk_that_is_full_from_one_write_on() {
    until_untouched(Fault { op: "write", mode: "onward", errno: ENOSPC }, &[FULL, SHARED]);
}

#[test]
fn a_write_that_is_cut_short() {
    until_untouched(Fault { op: "write", mode: "short", errno: ENOSPC }, &[FULL, SHARED]);
}

#[test]
fn a_write_that_the_disk_fails() {
    until_untouched(Fault { op: "write", mode: "once", errno: EIO }, &[WRITE, SHARED]);
}

#[test]
fn a_sync_that_the_disk_fails() {
    until_untouched(Fault { op: "sync", mode: "once", errno: EIO }, &[SYNC]);
}

#[test]
fn a_truncation_that_the_disk_fails() {
    until_untouched(Fault { op: "truncate", mode: "once", errno: EIO }, &[SHARED]);
}

#[test]
fn a_file_that_can_not_be_opened() {
    until_untouched(Fault { op: "open", mode: "once", errno: EIO }, &[OPEN, READ_ONLY, SHARED]);
}

#[test]
fn a_disk_that_may_only_be_read() {
    until_untouched(Fault { op: "open", mode: "onward", errno: EROFS }, &[READ_ONLY, OPEN]);
}

#[test]
fn power_that_is_cut_at_a_write_or_a_sync() {
    until_untouched(Fault { op: "change", mode: "crash", errno: 0 }, &[]);
}

/// A ledger that is being made: whatever fails, the next approval finds none, or a whole one.
#[test]
fn a_new_ledger_is_whole_or_not_there() {
    let Some(shim) = shim() else { return };
    let faults = [
        Fault { op: "write", mode: "once", errno: ENOSPC },
        Fault { op: "sync", mode: "once", errno: EIO },
        Fault { op: "open", mode: "once", errno: EIO },
        Fault { op: "name", mode: "once", errno: EIO },
        Fault { op: "change", mode: "crash", errno: 0 },
    ];
    let all = std::env::var_os("KINORA_FAULTS").is_some_and(|v| v == "all");
    for fault in faults {
        let (mut n, mut struck, mut failed) = (1u64, 0, 0);
        loop {
            let shop = shop();
            let arguments = ["approve", ".", "--by", "ada"];
            let approval = strike(shop.path(), &arguments, fault, n, shim);
            let Some(at) = approval.at else { break };
            struck += 1;
            failed += u32::from(approval.code != Some(0));
            let code = if fault.mode == "crash" { 137 } else { 1 };
            let context = format!("{} {} at {n} ({at}): {}", fault.mode, fault.op, approval.stderr);
            assert!([Some(0), Some(code)].contains(&approval.code), "{context}");
            if approval.code == Some(0) {
                let ledger = Ledger::open(shop.path(), Mode::Read).expect("readable");
                let kept = ledger.latest_approval().expect("readable");
                assert!(kept.is_some(), "{context}");
            }
            ends(shop.path(), &arguments, 0);
            ends(shop.path(), &["ledger", "verify", "."], 0);
            n = after(n, all, false);
        }
        assert!(struck > 0, "{} {} struck at nothing", fault.mode, fault.op);
        eprintln!("new ledger, {} {}: struck {struck}, failed {failed}", fault.mode, fault.op);
    }
}
