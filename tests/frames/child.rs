//! The child: it limits itself, and whatever becomes of it has a name.

use super::*;

/// A program that does something else than decoding.
#[cfg(unix)]
fn instead(script: &str) -> FramesProblem {
    use std::os::unix::fs::PermissionsExt;
    let folder = tempfile::tempdir().expect("a folder");
    let program = folder.path().join("child");
    std::fs::write(&program, format!("#!/bin/sh\n{script}\n")).expect("it is written");
    let mode = std::fs::Permissions::from_mode(0o755);
    std::fs::set_permissions(&program, mode).expect("it can be run");
    let bounds = Bounds { wall: Duration::from_secs(2), ..Bounds::default() };
    let decoding = Decoding::by(program).within(bounds);
    let wanted = Wanted { samples: 2, longest_side: 16 };
    loop {
        let problem = soon(|| decoding.sample(&made("tiny.mp4"), wanted)).expect_err("no frames");
        // Another test's child, just forked, may still hold the script open for writing.
        if !matches!(&problem, FramesProblem::NotStarted(why) if why.contains("busy")) {
            return problem;
        }
        std::thread::sleep(Duration::from_millis(20));
    }
}

#[cfg(unix)]
#[test]
fn a_child_that_hangs_is_killed() {
    assert_eq!(instead("exec sleep 600"), FramesProblem::TooLong(2));
    let closed = instead("exec >&- 2>&-; exec sleep 600");
    assert_eq!(closed, FramesProblem::TooLong(2), "even when it said all it had to say");
}

#[cfg(unix)]
#[test]
fn a_child_that_says_too_much_or_nonsense_is_not_believed() {
    let told = instead("exec cat /dev/zero").to_string();
    assert!(
        told.contains("longer than was asked for") || told.contains("makes no sense"),
        "{told}"
    );
    assert!(matches!(instead("echo hello"), FramesProblem::Answer(_)));
    assert!(matches!(instead("exit 0"), FramesProblem::Answer(_)));
    let complains = instead("yes >&2 & sleep 0.3; kill $!; exit 1");
    assert!(matches!(complains, FramesProblem::Crashed(_)), "{complains}");
}

#[cfg(unix)]
#[test]
fn the_death_of_a_child_is_told() {
    let died = |script| instead(script).to_string();
    assert_eq!(died("kill -SEGV $$"), "its decoder broke down: it died of signal 11");
    assert_eq!(died("kill -KILL $$"), "its decoder broke down: it died of signal 9");
    assert_eq!(died("echo no such thing >&2; exit 3"), "its decoder broke down: no such thing");
    let memory = instead("echo 'memory allocation of 7 bytes failed' >&2; kill -ABRT $$");
    assert!(matches!(memory, FramesProblem::OutOfMemory(_)), "{memory}");
    assert_eq!(instead("kill -XCPU $$"), FramesProblem::TooLong(60));
    let none = Decoding::by(PathBuf::from("/no/such/kinora"));
    let none = none.sample(&made("tiny.mp4"), Wanted::default()).expect_err("there is none");
    assert!(matches!(none, FramesProblem::NotStarted(_)), "{none}");
}

#[test]
fn a_child_that_needs_more_memory_than_it_may_take_says_so() {
    let folder = tempfile::tempdir().expect("a folder");
    let path = written(&folder, &own_clip(4, 1280, 720));
    let bounds = Bounds { memory: 16 << 20, ..small_bounds() };
    let made = soon(|| decoding().within(bounds).sample(&path, Wanted::default()));
    if cfg!(target_os = "linux") {
        assert_eq!(made, Err(FramesProblem::OutOfMemory(16 << 20)));
    }
}

/// What the child is, while it waits for somebody to take its answer.
#[cfg(target_os = "linux")]
mod seen_from_outside {
    use std::io::Read;
    use std::process::{Command, Stdio};

    use super::*;

    /// The child's `status` and `limits`, its peak reached, and the names of its environment.
    fn watched(clip: &Path, memory: u64) -> (String, String) {
        let request = format!(
            r#"{{"wanted":{{"samples":14,"longest_side":640}},
                "bounds":{{"memory":{memory},"cpu_seconds":60,"wall":{{"secs":60,"nanos":0}}}},"places":[]}}"#
        );
        let mut child = Command::new(env!("CARGO_BIN_EXE_kinora"))
            .args(["decode-frames", &request])
            .env_clear()
            .env("MIMALLOC_ARENA_RESERVE", "0")
            .stdin(std::fs::File::open(clip).expect("a clip"))
            .stdout(Stdio::piped())
            .spawn()
            .expect("it starts");
        // All is decoded when the first byte comes; the rest does not fit into the pipe.
        let mut first = [0; 1];
        child.stdout.as_mut().expect("a pipe").read_exact(&mut first).expect("an answer");
        let about = |what: &str| {
            std::fs::read_to_string(format!("/proc/{}/{what}", child.id())).expect("it lives")
        };
        let seen = (about("status"), about("limits"));
        child.kill().expect("it can be killed");
        child.wait().expect("it ends");
        seen
    }

    fn kib(status: &str, name: &str) -> u64 {
        let line = status.lines().find(|line| line.starts_with(name)).expect("the line is there");
        line.split_whitespace().nth(1).and_then(|n| n.parse().ok()).expect("a number")
    }

    #[test]
    fn it_stays_within_its_memory_and_has_its_limits() {
        let folder = tempfile::tempdir().expect("a folder");
        let path = written(&folder, &own_clip(30, 1080, 1920));
        let memory = Bounds::default().memory;
        let (status, limits) = watched(&path, memory);
        let peak = kib(&status, "VmPeak:") * 1024;
        let resident = kib(&status, "VmHWM:") * 1024;
        println!("peak {} MiB, resident {} MiB", peak >> 20, resident >> 20);
        assert!(peak <= memory, "{status}");
        assert!(resident <= 200 << 20, "{status}");
        let limit = |name: &str, value: &str| {
            let line = limits.lines().find(|line| line.starts_with(name)).expect("the limit");
            assert!(line[name.len()..].trim_start().starts_with(value), "{line}");
        };
        limit("Max address space", &memory.to_string());
        limit("Max data size", &memory.to_string());
        limit("Max core file size", "0");
        limit("Max file size", "0");
        limit("Max cpu time", "60");
    }
}

#[test]
fn its_command_is_not_in_the_help_and_says_who_starts_it() {
    let kinora = |arguments: &[&str]| {
        let mut command = std::process::Command::new(env!("CARGO_BIN_EXE_kinora"));
        command.args(arguments).stdin(std::process::Stdio::null()).output().expect("it runs")
    };
    let help = String::from_utf8_lossy(&kinora(&["--help"]).stdout).into_owned();
    assert!(!help.contains("decode-frames"), "{help}");
    let alone = kinora(&["decode-frames"]);
    assert!(!alone.status.success());
    assert!(String::from_utf8_lossy(&alone.stderr).contains("never by hand"));
}
