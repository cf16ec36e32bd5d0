//! The log of an unattended run: a line of JSON for every step, added to a file.
//!
//! What never lives here: what is told; turning files over (whoever keeps logs does that: a line is
//! written whole, and the file is opened once a run).

use std::fs::{File, OpenOptions};
use std::io::Write as _;
use std::path::Path;
use std::sync::Mutex;
use std::sync::atomic::{AtomicBool, Ordering};

use kinora::clock::{Clock, SystemClock};
use kinora::report::{LogEntry, LogEvent, LogLine};
use kinora::run::RunEvent;

use crate::cli::output::Output;

/// A log that can be written to from any thread.
pub(in crate::cli) struct Log {
    /// The start of the program that writes.
    id: String,
    /// Absent where nothing is logged.
    file: Option<Mutex<File>>,
    /// Whether it was said that it can't be written.
    said: AtomicBool,
    output: Output,
}

impl Log {
    /// A log at `path`, which is made if it isn't there; without a path, nothing is kept.
    ///
    /// # Errors
    /// When it can't be opened, in words.
    pub(super) fn open(id: &str, path: Option<&Path>, output: &Output) -> Result<Self, String> {
        let open = |path: &Path| {
            let opened = OpenOptions::new().create(true).append(true).open(path);
            opened.map_err(|e| format!("the log {} can't be opened: {e}", path.display()))
        };
        let file = path.map(open).transpose()?.map(Mutex::new);
        Ok(Log { id: id.to_owned(), file, said: AtomicBool::new(false), output: *output })
    }

    /// Adds an event of a run.
    pub(super) fn run(&self, event: &RunEvent) {
        if self.file.is_some() {
            self.add(LogEntry::Run(event.clone()));
        }
    }

    /// Adds a step of the program.
    pub(super) fn own(&self, event: LogEvent) {
        self.add(LogEntry::Own(event));
    }

    fn add(&self, entry: LogEntry) {
        let Some(file) = &self.file else { return };
        let line = LogLine { at: SystemClock.now().to_string(), id: self.id.clone(), entry };
        let mut text = serde_json::to_string(&line).expect("a line is always JSON");
        text.push('\n');
        let mut file = file.lock().unwrap_or_else(|poisoned| poisoned.into_inner());
        // In one write, so that lines of two programs never mix.
        if let Err(error) = file.write_all(text.as_bytes())
            && !self.said.swap(true, Ordering::Relaxed)
        {
            self.output.say(&format!("kinora: the log can't be written: {error}; the run goes on"));
        }
    }
}
