//! The parent: starts the child, waits no longer than it may take, and reads no more than it may say.
//!
//! What never lives here: a look into the clip.

use std::fs::File;
use std::io::{Read, copy, sink};
use std::path::Path;
use std::process::{Child, Command, ExitStatus, Stdio};
use std::sync::mpsc::{RecvTimeoutError, channel};
use std::thread;
use std::time::{Duration, Instant};

use image::RgbImage;

use super::answer::{self, Answer, Plan, plain};
use super::child::Request;
use super::{Bounds, COMMAND, ClipProblem, Decoding, FramesProblem, Sampled, Wanted, ffmpeg};

/// Bytes of the child's complaints that are kept.
const MOST_SAID: u64 = 4 << 10;

/// Between two looks at whether a child has ended that said all it had to say.
const LOOK: Duration = Duration::from_millis(2);

/// What a child said, and how it ended.
struct Ended {
    status: ExitStatus,
    answer: Vec<u8>,
    complaints: String,
}

pub(super) fn sample(
    decoding: &Decoding,
    clip: &Path,
    wanted: Wanted,
) -> Result<Sampled, FramesProblem> {
    let plan = match ask(decoding, clip, wanted, false)? {
        Answer::Frames(sampled) => return Ok(sampled),
        Answer::Problem(problem) => return Err(problem),
        Answer::NotDecoded(plan) => plan,
    };
    match &decoding.ffmpeg {
        Some(program) => by_ffmpeg(decoding, program, clip, wanted, plan),
        None => Err(FramesProblem::NotInspected(plan.codec)),
    }
}

/// One key frame, in at most so many pixels.
pub(super) fn poster(
    decoding: &Decoding,
    clip: &Path,
    longest_side: u32,
) -> Result<RgbImage, FramesProblem> {
    let wanted = Wanted { samples: 1, longest_side };
    match ask(decoding, clip, wanted, true)? {
        Answer::Frames(sampled) => {
            let first = sampled.samples.into_iter().next();
            let none = || FramesProblem::Answer("it has no frame".to_owned());
            first.map(|sample| sample.picture).ok_or_else(none)
        }
        Answer::Problem(problem) => Err(problem),
        Answer::NotDecoded(plan) => Err(FramesProblem::NotInspected(plan.codec)),
    }
}

/// Asks a child of this program.
fn ask(
    decoding: &Decoding,
    clip: &Path,
    wanted: Wanted,
    poster: bool,
) -> Result<Answer, FramesProblem> {
    let bounds = &decoding.bounds;
    let request = Request { wanted, bounds: *bounds, places: Vec::new(), poster };
    let mut command = command(&decoding.program, &request)?;
    command.stdin(open(clip)?);
    let ended = run(command, answer::most_bytes(wanted), bounds.wall)?;
    if !ended.status.success() {
        return Err(death(&ended, bounds));
    }
    answer::read(&ended.answer, wanted)
}

fn by_ffmpeg(
    decoding: &Decoding,
    program: &Path,
    clip: &Path,
    wanted: Wanted,
    plan: Plan,
) -> Result<Sampled, FramesProblem> {
    let places = plan.frames.iter().map(|(index, _)| *index).collect();
    let request = Request { wanted, bounds: decoding.bounds, places, poster: false };
    let clip = std::path::absolute(clip).map_err(|e| ClipProblem::Unreadable(e.to_string()))?;
    let mut command = command(&decoding.program, &request)?;
    command.args([program, &clip]).stdin(Stdio::null());
    let ended = run(command, answer::most_bytes(wanted), decoding.bounds.wall)?;
    if ended.status.success() {
        return ffmpeg::read(&ended.answer, wanted, plan);
    }
    match death(&ended, &decoding.bounds) {
        // It ended by itself: what it says is about the clip.
        FramesProblem::Crashed(what) if ended.status.code().is_some() => {
            Err(FramesProblem::Undecodable(format!("ffmpeg: {what}")))
        }
        other => Err(other),
    }
}

fn open(clip: &Path) -> Result<File, ClipProblem> {
    let unreadable = |e: std::io::Error| match e.kind() {
        std::io::ErrorKind::NotFound => ClipProblem::Missing,
        _ => ClipProblem::Unreadable(e.to_string()),
    };
    // To open a pipe would wait for somebody who writes.
    if !std::fs::metadata(clip).map_err(unreadable)?.is_file() {
        return Err(ClipProblem::Unreadable("it is no file".to_owned()));
    }
    File::open(clip).map_err(unreadable)
}

fn command(program: &Path, request: &Request) -> Result<Command, FramesProblem> {
    let text = serde_json::to_string(request)
        .map_err(|e| FramesProblem::NotStarted(format!("the request can't be written: {e}")))?;
    let mut command = Command::new(program);
    // Keys of providers are in the environment, and nothing that the child needs: on Windows, where
    // programs don't start without some of it, they are left out by name elsewhere.
    #[cfg(not(windows))]
    command.env_clear();
    command
        .arg(COMMAND)
        .arg(text)
        // Memory that is only reserved counts against the limit, too.
        .env("MIMALLOC_ARENA_RESERVE", "0")
        .stdout(Stdio::piped())
        .stderr(Stdio::piped());
    Ok(command)
}

fn run(mut command: Command, most: u64, wall: Duration) -> Result<Ended, FramesProblem> {
    let deadline = Instant::now() + wall;
    let not_started = |e: &dyn std::fmt::Display| FramesProblem::NotStarted(e.to_string());
    let mut child = command.spawn().map_err(|e| not_started(&e))?;
    let (Some(stdout), Some(mut stderr)) = (child.stdout.take(), child.stderr.take()) else {
        end(&mut child);
        return Err(not_started(&"it has no output"));
    };
    let (tell, told) = channel();
    thread::spawn(move || {
        let mut answer = Vec::new();
        let read = stdout.take(most + 1).read_to_end(&mut answer);
        // Nobody listens any more when it took too long.
        let _ = tell.send(read.map(|_| answer));
    });
    let complaints = thread::spawn(move || {
        let mut text = Vec::new();
        let _ = stderr.by_ref().take(MOST_SAID).read_to_end(&mut text);
        // Whoever is not listened to would wait.
        let _ = copy(&mut stderr, &mut sink());
        String::from_utf8_lossy(&text).into_owned()
    });
    let answer = told.recv_timeout(wall);
    let too_much = matches!(&answer, Ok(Ok(answer)) if answer.len() as u64 > most);
    let status = if too_much || answer.is_err() { None } else { wait(&mut child, deadline) };
    end(&mut child);
    let complaints = complaints.join().unwrap_or_default();
    match (answer, status) {
        (Ok(Ok(_)), _) if too_much => {
            Err(FramesProblem::Answer("it is longer than was asked for".to_owned()))
        }
        (Ok(Ok(answer)), Some(status)) => Ok(Ended { status, answer, complaints }),
        (Ok(Err(error)), _) => Err(FramesProblem::Answer(error.to_string())),
        (Err(RecvTimeoutError::Timeout), _) | (Ok(Ok(_)), None) => {
            Err(FramesProblem::TooLong(wall.as_secs()))
        }
        (Err(RecvTimeoutError::Disconnected), _) => {
            Err(FramesProblem::Answer("nobody read it".to_owned()))
        }
    }
}

/// Its end, if it comes before the deadline.
fn wait(child: &mut Child, deadline: Instant) -> Option<ExitStatus> {
    loop {
        match child.try_wait() {
            Ok(Some(status)) => return Some(status),
            Ok(None) if Instant::now() < deadline => thread::sleep(LOOK),
            _ => return None,
        }
    }
}

/// Sees to it that it runs no longer. One that has ended already can't be killed, which is as well.
fn end(child: &mut Child) {
    let _ = child.kill();
    let _ = child.wait();
}

/// What the death of a child means.
fn death(ended: &Ended, bounds: &Bounds) -> FramesProblem {
    let complaints = plain(ended.complaints.trim().lines().last().unwrap_or_default());
    // What Rust's and C++'s allocators say before they give up.
    let memory = ["memory allocation of", "bad_alloc", "Cannot allocate memory"];
    if memory.iter().any(|words| ended.complaints.contains(words)) {
        return FramesProblem::OutOfMemory(bounds.memory);
    }
    #[cfg(unix)]
    {
        use std::os::unix::process::ExitStatusExt;
        if let Some(signal) = ended.status.signal() {
            if signal == rustix::process::Signal::XCPU.as_raw() {
                return FramesProblem::TooLong(bounds.cpu_seconds);
            }
            return FramesProblem::Crashed(format!("it died of signal {signal}"));
        }
    }
    FramesProblem::Crashed(match complaints.is_empty() {
        true => format!("it ended with {}", ended.status),
        false => complaints,
    })
}
