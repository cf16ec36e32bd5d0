//! A judge as a process: what it is told on its standard input, no longer and no more than it may.
//!
//! Input and output are files, so that a program which reads nothing, or leaves children behind that
//! hold its output open, can hold up nobody; how long they have become is looked at while it runs. On
//! Unix it leads a process group, which is ended with it: its children, too, unless they left the group.
//! What never lives here: what an answer means.

use std::fs::File;
use std::io::{Read as _, Seek as _, SeekFrom, Write as _};
use std::process::{Child, Command, ExitStatus, Stdio};
use std::time::{Duration, Instant};

/// Bytes of an answer at most.
pub(super) const MOST_ANSWER: u64 = 64 << 10;
/// Bytes of complaints after which it is ended; a log is no complaint.
const MOST_COMPLAINTS: u64 = 16 << 20;
/// Bytes of the end of its complaints that are read.
const TAIL: u64 = 4 << 10;
/// Between two looks at whether it has ended: at first, and at most.
const LOOK: Duration = Duration::from_millis(1);
const LONGEST_LOOK: Duration = Duration::from_millis(20);

/// A process that ended by itself.
#[derive(Debug)]
pub(super) struct Ended {
    pub status: ExitStatus,
    /// What it printed, at most [`MOST_ANSWER`].
    pub answer: Vec<u8>,
    /// The end of its complaints.
    pub complaints: String,
}

/// Why there is none, in words.
#[derive(Debug, PartialEq, Eq, thiserror::Error)]
pub(super) enum NotEnded {
    #[error("it can't be started: {0}")]
    NotStarted(String),
    #[error("no answer in {} s", .0.as_secs_f64())]
    TooLong(Duration),
    #[error("it answers more than {} KiB", MOST_ANSWER >> 10)]
    TooMuch,
    #[error("it prints more than {} MiB of complaints", MOST_COMPLAINTS >> 20)]
    TooLoud,
    #[error("it can't be waited for: {0}")]
    Lost(String),
}

/// Runs it to its end, or ends it.
pub(super) fn run(command: Command, input: &[u8], wall: Duration) -> Result<Ended, NotEnded> {
    let deadline = Instant::now() + wall;
    let mut files = Files::new(input).map_err(|e| NotEnded::NotStarted(e.to_string()))?;
    let mut group =
        Group::start(command, &files).map_err(|e| NotEnded::NotStarted(e.to_string()))?;
    let lost = |e: std::io::Error| NotEnded::Lost(e.to_string());
    let mut look = LOOK;
    loop {
        // Before the sizes are looked at: what ends between the two has its last bytes counted.
        let ended = group.has_ended().map_err(lost)?;
        if length(&files.answer).map_err(lost)? > MOST_ANSWER {
            return Err(NotEnded::TooMuch);
        }
        if length(&files.complaints).map_err(lost)? > MOST_COMPLAINTS {
            return Err(NotEnded::TooLoud);
        }
        if ended {
            break;
        }
        let left = deadline.saturating_duration_since(Instant::now());
        if left.is_zero() {
            return Err(NotEnded::TooLong(wall));
        }
        std::thread::sleep(look.min(left));
        look = (look * 2).min(LONGEST_LOOK);
    }
    let status = group.end().map_err(lost)?;
    Ok(Ended {
        status,
        answer: files.answer().map_err(lost)?,
        complaints: files.complaints().unwrap_or_default(),
    })
}

/// How long a file is by now.
fn length(file: &File) -> std::io::Result<u64> {
    file.metadata().map(|facts| facts.len())
}

/// Its input and output: files without a name.
struct Files {
    input: File,
    answer: File,
    complaints: File,
}

impl Files {
    fn new(input: &[u8]) -> std::io::Result<Self> {
        let mut file = tempfile::tempfile()?;
        file.write_all(input)?;
        file.rewind()?;
        Ok(Files { input: file, answer: tempfile::tempfile()?, complaints: tempfile::tempfile()? })
    }

    fn answer(&mut self) -> std::io::Result<Vec<u8>> {
        let mut bytes = Vec::new();
        self.answer.rewind()?;
        (&mut self.answer).take(MOST_ANSWER).read_to_end(&mut bytes)?;
        Ok(bytes)
    }

    fn complaints(&mut self) -> std::io::Result<String> {
        let start = length(&self.complaints)?.saturating_sub(TAIL);
        self.complaints.seek(SeekFrom::Start(start))?;
        let mut bytes = Vec::new();
        (&mut self.complaints).take(TAIL).read_to_end(&mut bytes)?;
        Ok(String::from_utf8_lossy(&bytes).into_owned())
    }
}

/// A process and, on Unix, the group that it leads. Dropped, it runs no longer.
struct Group {
    child: Child,
    /// Whether it was waited for: from then on its number may be another's.
    waited: bool,
}

impl Group {
    fn start(mut command: Command, files: &Files) -> std::io::Result<Self> {
        command
            .stdin(Stdio::from(files.input.try_clone()?))
            .stdout(Stdio::from(files.answer.try_clone()?))
            .stderr(Stdio::from(files.complaints.try_clone()?));
        #[cfg(unix)]
        std::os::unix::process::CommandExt::process_group(&mut command, 0);
        Ok(Group { child: command.spawn()?, waited: false })
    }

    /// Whether it has ended. It is not waited for yet: until then, nobody else gets its number, so
    /// that its group can be ended without a doubt whose group that is.
    #[cfg(unix)]
    fn has_ended(&mut self) -> std::io::Result<bool> {
        use rustix::process::{Pid, WaitId, WaitIdOptions, waitid};
        let options = WaitIdOptions::EXITED | WaitIdOptions::NOHANG | WaitIdOptions::NOWAIT;
        Ok(waitid(WaitId::Pid(Pid::from_child(&self.child)), options)?.is_some())
    }

    #[cfg(not(unix))]
    fn has_ended(&mut self) -> std::io::Result<bool> {
        self.child.try_wait().map(|status| status.is_some())
    }

    /// Ends it and its group. What has ended can't be killed, which is as well.
    fn end(&mut self) -> std::io::Result<ExitStatus> {
        #[cfg(unix)]
        {
            use rustix::process::{Pid, Signal, kill_process_group};
            let _ = kill_process_group(Pid::from_child(&self.child), Signal::KILL);
        }
        let _ = self.child.kill();
        self.waited = true;
        self.child.wait()
    }
}

impl Drop for Group {
    fn drop(&mut self) {
        if !self.waited {
            let _ = self.end();
        }
    }
}

#[cfg(all(test, unix))]
mod tests {
    use super::*;

    fn sh(script: &str, wall: u64) -> Result<Ended, NotEnded> {
        let mut command = Command::new("sh");
        command.args(["-c", script]);
        run(command, b"told\n", Duration::from_millis(wall))
    }

    #[test]
    fn it_is_told_and_heard() {
        let ended = sh("cat; echo no >&2; exit 3", 5_000).expect("it ends");
        assert_eq!(ended.answer, b"told\n");
        assert_eq!(ended.complaints, "no\n");
        assert_eq!(ended.status.code(), Some(3));
    }

    #[test]
    fn too_long_too_much_and_too_loud_are_ended() {
        assert!(matches!(sh("sleep 60", 100), Err(NotEnded::TooLong(_))));
        assert!(matches!(sh("yes", 60_000), Err(NotEnded::TooMuch)));
        assert!(matches!(sh("yes >&2", 60_000), Err(NotEnded::TooLoud)));
        let missing = run(Command::new("kinora-no-such-program"), b"", Duration::from_secs(1));
        assert!(matches!(missing, Err(NotEnded::NotStarted(_))));
    }
}
