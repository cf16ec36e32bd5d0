//! `kinora ledger`: verify it, export it, back it up.

use std::io::{BufWriter, ErrorKind, Write};
use std::path::PathBuf;

use clap::{Args, Subcommand};
use kinora::exit::Exit;
use kinora::ledger::{self, Checked, ClipCheck, ExportError, Fault, Verified};
use kinora::report::count;

use super::args::ManifestArg;
use super::output::Output;
use super::workspace::{ledger_failure, workspace_with_ledger};
use super::{Failure, Outcome};

/// The parts of `ledger`.
#[derive(Debug, Args)]
pub struct LedgerArgs {
    #[command(subcommand)]
    which: Which,
}

#[derive(Debug, Subcommand)]
enum Which {
    /// Check that everything in the ledger agrees, and that its clips are on disk unchanged
    Verify(VerifyArgs),
    /// Every approval, run and event as lines of JSON
    Export(ManifestArg),
    /// A whole copy of the ledger, also while a run writes to it
    Backup(BackupArgs),
}

#[derive(Debug, Args)]
struct VerifyArgs {
    #[command(flatten)]
    manifest: ManifestArg,
    /// Leave the clips on disk alone
    #[arg(long, conflicts_with = "quick")]
    no_clips: bool,
    /// Of the clips on disk, compare only whether they are there and how long they are
    #[arg(long)]
    quick: bool,
}

#[derive(Debug, Args)]
struct BackupArgs {
    /// The new file; nothing is overwritten
    file: PathBuf,
    #[command(flatten)]
    manifest: ManifestArg,
}

/// Runs it.
pub fn ledger(arguments: &LedgerArgs, output: &Output) -> Outcome {
    match &arguments.which {
        Which::Verify(verify) => self::verify(verify, output),
        Which::Export(manifest) => export(manifest),
        Which::Backup(backup) => self::backup(backup, output),
    }
}

fn verify(arguments: &VerifyArgs, output: &Output) -> Outcome {
    let workspace = workspace_with_ledger(&arguments.manifest.manifest)?;
    let clips = match (arguments.no_clips, arguments.quick) {
        (true, _) => ClipCheck::Skip,
        (false, true) => ClipCheck::Length,
        (false, false) => ClipCheck::Digest,
    };
    let mut verified = Verified::default();
    let mut each = |fault: Fault| {
        if !output.json {
            output.say(&said(&fault));
        }
        verified.add(fault);
    };
    let checked = ledger::verify(&workspace, clips, &mut each).map_err(|e| ledger_failure(&e))?;
    verified.checked = checked;
    let text = if output.json {
        serde_json::to_string_pretty(&verified).expect("what was found is always JSON")
    } else {
        summary(&checked, verified.found)
    };
    // The exit code tells more than the words.
    output.data_if_read(&text);
    Ok(if verified.found == 0 { Exit::Done } else { Exit::Internal })
}

/// A fault as people read it.
fn said(fault: &Fault) -> String {
    let at = match (&fault.job, fault.attempt) {
        (Some(job), Some(attempt)) => format!("{job} (attempt {attempt}): "),
        (Some(job), None) => format!("{job}: "),
        _ => String::new(),
    };
    format!("kinora: {at}{}\n        {}", fault.message, fault.advice)
}

fn summary(checked: &Checked, found: u64) -> String {
    let verdict = match found {
        0 => "everything agrees".to_owned(),
        1 => "1 thing is wrong".to_owned(),
        n => format!("{n} things are wrong"),
    };
    format!(
        "ledger: {verdict}; checked: {}, {}, {}, {}, {}, {} on disk ({} read)",
        count(checked.jobs, "job"),
        count(checked.attempts, "attempt"),
        count(checked.events, "event"),
        count(checked.totals, "total"),
        count(checked.plans, "plan"),
        count(checked.clips, "clip"),
        count(checked.clip_bytes, "byte")
    )
}

fn export(manifest: &ManifestArg) -> Outcome {
    let workspace = workspace_with_ledger(&manifest.manifest)?;
    let mut out = BufWriter::new(std::io::stdout().lock());
    let ended = ledger::export(&workspace, &mut out).and_then(|_| Ok(out.flush()?));
    match ended {
        Ok(()) => Ok(Exit::Done),
        // Whoever reads has had enough.
        Err(ExportError::Out(error)) if error.kind() == ErrorKind::BrokenPipe => Ok(Exit::Done),
        Err(ExportError::Ledger(error)) => Err(ledger_failure(&error)),
        Err(error) => Err(Failure::new(Exit::Internal, error.to_string())),
    }
}

fn backup(arguments: &BackupArgs, output: &Output) -> Outcome {
    let workspace = workspace_with_ledger(&arguments.manifest.manifest)?;
    let made = ledger::backup(&workspace, &arguments.file).map_err(|e| ledger_failure(&e))?;
    output.data(&if output.json {
        serde_json::to_string(&made).expect("a backup is always JSON")
    } else {
        format!(
            "backup: {}, {} bytes, {} events of ledger {}",
            made.file.display(),
            made.bytes,
            made.events,
            made.lineage
        )
    });
    Ok(Exit::Done)
}
