//! A program as a judge: paths on its standard input, a score on its standard output.
//!
//! Its environment is cleared: keys of providers are in Kinora's, and nothing that a judge needs but
//! what lets programs start and find themselves, and what the manifest lists. What never lives here:
//! what an answer means.

use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::Duration;

use super::answer::{self, Said};
use super::question::{Question, write_frames};
use super::{Judged, child, hidden};
use crate::environment::Environment;

/// What every program gets of the environment, where it is set.
const PASSED: [&str; 8] = ["PATH", "HOME", "USER", "LANG", "LC_ALL", "LC_CTYPE", "TZ", "TMPDIR"];
/// Windows starts no program without these.
#[cfg(windows)]
const PASSED_ON_WINDOWS: [&str; 7] =
    ["SystemRoot", "SystemDrive", "TEMP", "TMP", "PATHEXT", "USERPROFILE", "ComSpec"];

/// A program with its arguments, ready to be asked.
#[derive(Debug)]
pub(super) struct Program {
    program: PathBuf,
    arguments: Vec<String>,
    environment: Vec<(String, String)>,
    /// Values that no note repeats.
    secrets: Vec<String>,
    /// Where it is started.
    folder: PathBuf,
}

impl Program {
    /// `words` is never empty; the first, where it is a path, is relative to `folder`.
    pub fn new(
        words: &[String],
        listed: &[String],
        folder: &Path,
        environment: &dyn Environment,
    ) -> Self {
        let (program, arguments) = match words.split_first() {
            Some((program, arguments)) => (program.as_str(), arguments.to_vec()),
            None => ("", Vec::new()),
        };
        let passed = PASSED.iter();
        #[cfg(windows)]
        let passed = passed.chain(&PASSED_ON_WINDOWS);
        let names = passed.copied().chain(listed.iter().map(String::as_str));
        let value = |name: &str| Some((name.to_owned(), environment.get(name)?));
        // Whether a relative program is looked for here or there differs from system to system.
        let is_path = program.contains(std::path::is_separator);
        let program = if is_path { folder.join(program) } else { PathBuf::from(program) };
        Program {
            program: std::path::absolute(&program).ok().filter(|_| is_path).unwrap_or(program),
            arguments,
            environment: names.filter_map(value).collect(),
            secrets: listed.iter().filter_map(|name| environment.get(name)).collect(),
            folder: folder.to_owned(),
        }
    }

    /// Asks it, once: what it does may not bear to be done twice.
    pub fn ask(&self, name: &str, judged: &Judged<'_>, wall: Duration) -> Result<Said, String> {
        // Removed when this function ends, whatever comes of it.
        let frames = tempfile::Builder::new().prefix("kinora-judge-").tempdir();
        let frames = frames.map_err(|e| format!("there is no place for its frames: {e}"))?;
        let files = write_frames(judged, frames.path())?;
        let question = Question::with_paths(name, judged, &self.folder, &files)?;
        let question = serde_json::to_vec(&question).map_err(|e| e.to_string())?;
        let mut command = Command::new(&self.program);
        command
            .args(&self.arguments)
            .current_dir(&self.folder)
            .env_clear()
            .envs(self.environment.iter().map(|(name, value)| (name, value)));
        let ended = child::run(command, &question, wall).map_err(|why| why.to_string())?;
        if !ended.status.success() {
            let last = ended.complaints.trim().lines().last().unwrap_or_default();
            let why = match last.is_empty() {
                true => format!("it ended with {}", ended.status),
                false => format!("it ended with {}: {last}", ended.status),
            };
            return Err(hidden(&why, &self.secrets));
        }
        let mut said = answer::read(&ended.answer).map_err(|why| hidden(&why, &self.secrets))?;
        said.note = hidden(&said.note, &self.secrets);
        Ok(said)
    }
}
