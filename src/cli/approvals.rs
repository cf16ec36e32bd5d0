//! `kinora approvals`: list them, revoke one, take one in that travelled, make a key to sign with.

mod import;
mod list;

use std::path::PathBuf;

use clap::{Args, Subcommand};
use kinora::approval::{person, remark};
use kinora::exit::Exit;
use kinora::ledger::{Ledger, LedgerError, Mode, Revocation};
use kinora::money::Amount;
use kinora::signing::SecretKey;

pub(in crate::cli) use self::import::take_in;
use super::approving::now;
use super::args::{Global, ManifestArg};
use super::output::Output;
use super::workspace::{ledger_failure, workspace_with_ledger};
use super::{Failure, Outcome};

/// The parts of `approvals`.
#[derive(Debug, Args)]
pub struct ApprovalsArgs {
    #[command(subcommand)]
    which: Which,
}

#[derive(Debug, Subcommand)]
enum Which {
    /// Every approval, newest first: who, when, up to how much, what is spent, and whether it holds
    List(ManifestArg),
    /// Take an approval back: nothing more begins under it, not even in a run that goes on
    Revoke(RevokeArgs),
    /// Take in an approval that was given elsewhere
    Import(ImportArgs),
    /// Make a key that signs approvals, and print its public part for the manifest
    NewKey(NewKeyArgs),
}

#[derive(Debug, Args)]
struct RevokeArgs {
    /// The approval's number, as `kinora approvals list` shows it
    id: i64,
    #[command(flatten)]
    manifest: ManifestArg,
    /// Who revokes it
    #[arg(long, value_name = "NAME")]
    by: String,
    /// Why, for the record
    #[arg(long, value_name = "TEXT")]
    note: Option<String>,
}

#[derive(Debug, Args)]
struct ImportArgs {
    /// The approval file
    file: PathBuf,
    #[command(flatten)]
    manifest: ManifestArg,
    /// The plan file that it approves, where the manifest does not give that plan now
    #[arg(long, value_name = "FILE")]
    plan: Option<PathBuf>,
}

#[derive(Debug, Args)]
struct NewKeyArgs {
    /// The new file; nothing is overwritten
    file: PathBuf,
}

/// Runs it.
pub fn approvals(arguments: &ApprovalsArgs, global: &Global, output: &Output) -> Outcome {
    match &arguments.which {
        Which::List(manifest) => list::list(manifest, global, output),
        Which::Revoke(revoke) => self::revoke(revoke, output),
        Which::Import(import) => {
            import::import(&import.file, &import.manifest, import.plan.as_deref(), global, output)
        }
        Which::NewKey(key) => new_key(key, output),
    }
}

/// Needs the ledger alone: whoever wants to stop a run must not have to mend a manifest first.
fn revoke(arguments: &RevokeArgs, output: &Output) -> Outcome {
    let wrong = |option: &'static str| {
        move |why: String| Failure::new(Exit::Usage, format!("{option}: {why}"))
    };
    let by = person(&arguments.by).map_err(wrong("--by"))?;
    let note =
        arguments.note.as_deref().map(remark).transpose().map_err(wrong("--note"))?.flatten();
    let folder = workspace_with_ledger(&arguments.manifest.manifest)?;
    let ledger = Ledger::open(&folder, Mode::Read).map_err(|e| ledger_failure(&e))?;
    let revocation = Revocation { by, at: now(), note };
    let is_new = ledger.revoke(arguments.id, revocation).map_err(|e| match e {
        LedgerError::NoApproval { .. } => Failure::new(Exit::Usage, e.to_string()),
        e => ledger_failure(&e),
    })?;
    let approval = ledger.approval(arguments.id).map_err(|e| ledger_failure(&e))?;
    let Some((approval, revoked)) = approval.and_then(|a| a.revoked.clone().map(|r| (a, r))) else {
        return Err(Failure::new(Exit::Internal, "a revocation that was written is not there"));
    };
    output.data(&if output.json {
        serde_json::json!({
            "id": approval.id,
            "plan": approval.plan.to_string(),
            "revoked": { "by": revoked.by, "at": revoked.at.to_string(), "note": revoked.note },
            "before": !is_new,
        })
        .to_string()
    } else {
        let before = if is_new { "is revoked" } else { "was revoked before" };
        format!(
            "approval {} by {} (plan {}, up to {}) {before} by {} at {}; nothing more begins under it",
            approval.id,
            approval.by,
            approval.plan.short(),
            Amount::new(approval.ceiling.to_decimal(), approval.unit),
            revoked.by,
            revoked.at
        )
    });
    Ok(Exit::Done)
}

fn new_key(arguments: &NewKeyArgs, output: &Output) -> Outcome {
    let key = SecretKey::create(&arguments.file).map_err(|e| Failure::new(Exit::Usage, e))?;
    if output.json {
        let file = arguments.file.display().to_string();
        let said = serde_json::json!({ "file": file, "key": key.public().to_string() });
        output.data(&said.to_string());
        return Ok(Exit::Done);
    }
    output.data(&key.public().to_string());
    output.say(&format!(
        "kinora: the key is in {}; keep it out of the repository. In the manifest:\n\n\
         approvers:\n  NAME: {{key: \"{}\"}}\n",
        arguments.file.display(),
        key.public()
    ));
    Ok(Exit::Done)
}
