//! What `kinora fetch` came to.

use schemars::JsonSchema;
use serde::Serialize;

use super::phrase::count;
use crate::digest::Digest;
use crate::fetch::{Fetched, Pruned};

/// Version of the form of [`FetchReport`].
pub const FETCH_FORMAT: &str = "1.0";

/// What `kinora fetch --json` prints.
#[derive(Debug, Clone, Default, Serialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct FetchReport {
    /// Version of this form.
    pub format_version: String,
    /// The manifest.
    pub manifest: String,
    /// Pictures with URLs that were wanted; each is counted once below.
    pub pictures: u64,
    /// They were here, and nobody was asked about them.
    pub here: u64,
    /// They were here, and their servers say that they are still the same.
    pub same: u64,
    /// They were fetched for the first time.
    pub new: u64,
    /// They were not here, and are what the lock file names.
    pub restored: u64,
    /// They are others than the lock file named; see `changes`.
    pub changed: u64,
    /// They could not be fetched; see `failures`.
    pub failed: u64,
    /// Nobody came to them before it was stopped.
    pub stopped: u64,
    /// Bytes of the pictures that came.
    pub bytes: u64,
    /// Whether the lock file was written anew.
    pub lock_written: bool,
    /// Pictures that are others than the lock file named.
    pub changes: Vec<PictureChange>,
    /// Pictures that could not be fetched.
    pub failures: Vec<FetchFailure>,
    /// What was removed, where that was asked for.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub pruned: Option<PrunedOut>,
}

/// A picture that changed.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct PictureChange {
    /// Its URL.
    pub url: String,
    /// Digest of its bytes that the lock file named.
    #[schemars(with = "String")]
    pub before: Digest,
    /// The one that it names now.
    #[schemars(with = "String")]
    pub now: Digest,
}

/// A picture that could not be fetched.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct FetchFailure {
    /// Its URL.
    pub url: String,
    /// Why, for programs: `fetch::gone`.
    pub code: String,
    /// Why; completes "the URL …".
    pub message: String,
    /// What to do.
    pub help: String,
    /// How often it was asked for.
    pub tries: u32,
    /// The first subject or shot that names it.
    pub subject: String,
    /// Where that is written, as `file:line:column`; absent beyond the first two hundred failures.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub at: Option<String>,
    /// Whether an earlier fetch left its bytes here, which plans go on using.
    pub kept: bool,
}

/// What was removed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct PrunedOut {
    /// URLs that nothing names any more, out of the lock file.
    pub urls: u64,
    /// Files.
    pub files: u64,
    /// Their bytes.
    pub bytes: u64,
}

impl From<Pruned> for PrunedOut {
    fn from(pruned: Pruned) -> Self {
        let Pruned { urls, files, bytes } = pruned;
        PrunedOut { urls, files, bytes }
    }
}

impl FetchReport {
    /// Of a manifest, with nothing in it.
    pub fn of(manifest: &str) -> Self {
        FetchReport {
            format_version: FETCH_FORMAT.to_owned(),
            manifest: manifest.to_owned(),
            ..FetchReport::default()
        }
    }

    /// Counts what became of one picture.
    pub fn add(&mut self, url: &str, fetched: &Fetched) {
        self.pictures += 1;
        let (sum, came) = match fetched {
            Fetched::Here => (&mut self.here, 0),
            Fetched::Same => (&mut self.same, 0),
            Fetched::New { bytes } => (&mut self.new, *bytes),
            Fetched::Restored { bytes } => (&mut self.restored, *bytes),
            Fetched::Changed { before, now, bytes } => {
                let (url, before, now) = (url.to_owned(), *before, *now);
                self.changes.push(PictureChange { url, before, now });
                (&mut self.changed, *bytes)
            }
            Fetched::Failed { .. } => (&mut self.failed, 0),
            Fetched::Stopped => (&mut self.stopped, 0),
        };
        *sum += 1;
        self.bytes += came;
    }

    /// Whether anything is here now that was not before.
    pub fn brought(&self) -> bool {
        self.new + self.restored + self.changed > 0
    }
}

/// Changes that a terminal shows.
const CHANGES_SHOWN: usize = 20;

/// The report for a terminal.
pub fn fetch_text(report: &FetchReport) -> String {
    let mut lines = Vec::new();
    for change in report.changes.iter().take(CHANGES_SHOWN) {
        let (before, now) = (change.before.short(), change.now.short());
        lines.push(format!("changed  {} ({before}, now {now})", change.url));
    }
    if let Some(more) = report.changes.len().checked_sub(CHANGES_SHOWN).filter(|more| *more > 0) {
        lines.push(format!("changed  {more} more; --json names them all"));
    }
    let parts = [
        (report.here, "here already"),
        (report.same, "still the same"),
        (report.new, "fetched"),
        (report.restored, "fetched again, as locked"),
        (report.changed, "changed"),
        (report.failed, "failed"),
        (report.stopped, "not come to"),
    ];
    let parts =
        parts.iter().filter(|(n, _)| *n > 0).map(|(n, what)| format!("{} {what}", grouped(*n)));
    let parts: Vec<String> = parts.collect();
    let mut line = count(report.pictures, "picture");
    if !parts.is_empty() {
        line.push_str(&format!(": {}", parts.join(", ")));
    }
    if report.bytes > 0 {
        line.push_str(&format!(" ({})", megabytes(report.bytes)));
    }
    lines.push(line);
    if let Some(pruned) = &report.pruned {
        lines.push(format!(
            "removed: {} ({}), {} out of pictures.lock",
            count(pruned.files, "file"),
            megabytes(pruned.bytes),
            count(pruned.urls, "URL"),
        ));
    }
    lines.push(String::new());
    lines.join("\n")
}

fn grouped(n: u64) -> String {
    super::phrase::grouped(n)
}

fn megabytes(bytes: u64) -> String {
    match bytes {
        0..1_000_000 => format!("{} kB", bytes.div_ceil(1000)),
        _ => format!("{}.{} MB", bytes / 1_000_000, bytes % 1_000_000 / 100_000),
    }
}

/// The report for programs.
///
/// # Errors
/// None that a report can cause.
pub fn fetch_json(report: &FetchReport) -> serde_json::Result<String> {
    Ok(serde_json::to_string_pretty(report)? + "\n")
}

/// The JSON Schema of [`fetch_json`].
pub fn fetch_schema() -> serde_json::Value {
    let mut schema = schemars::schema_for!(FetchReport);
    schema.insert("title".to_owned(), "Kinora fetch".into());
    schema.to_value()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::report::schema_file;

    #[test]
    fn the_schema_file_is_that_of_the_types() {
        schema_file::check("fetch.schema.json", &fetch_schema());
    }

    #[test]
    fn every_picture_is_counted_once() {
        let mut report = FetchReport::of("kinora.yaml");
        let (before, now) = (Digest::of(b"a"), Digest::of(b"b"));
        let all = [
            Fetched::Here,
            Fetched::Same,
            Fetched::New { bytes: 1_500_000 },
            Fetched::Restored { bytes: 1 },
            Fetched::Changed { before, now, bytes: 1 },
            Fetched::Stopped,
        ];
        all.iter().for_each(|fetched| report.add("https://a.example/x", fetched));
        assert!(report.brought());
        insta::assert_snapshot!(fetch_text(&report), @r"
        changed  https://a.example/x (17762fdd, now 10e5cf3d)
        6 pictures: 1 here already, 1 still the same, 1 fetched, 1 fetched again, as locked, 1 changed, 1 not come to (1.5 MB)
        ");
    }
}
