//! `kinora approve X.plan`: a person accepts the plan that a file holds.
//!
//! The file is proven first, and the plan is not made again: `kinora run X.plan` does that, and
//! refuses what differs. Where the ledger of the plan is not here, the approval is only written to
//! a file, to be taken in where it is.

use std::path::Path;

use kinora::approval::{ApprovalFile, keep_file};
use kinora::exit::Exit;
use kinora::ledger::Ledger;
use kinora::manifest::{self, Catalogue, LoadOptions};
use kinora::money::Amount;
use kinora::plan::file::{Header, PlanReader};
use kinora::plan::quoted;

use super::{
    Words, ceiling_under, estimate_of, refuse_unpriced_in, say, say_retries, say_too_low,
    write_approval,
};
use crate::cli::approving::{copy_failure, put_down, refuse_what_does_not_hold, rules};
use crate::cli::args::{ApproveArgs, Global};
use crate::cli::guard::{refuse_denied_in, refuse_increase, say_warned};
use crate::cli::output::{Output, write_file};
use crate::cli::plan_file::unusable;
use crate::cli::run::manifest_of;
use crate::cli::select::is_narrowed;
use crate::cli::workspace::{invalid, ledger_failure, limits, read_ledger};
use crate::cli::{Failure, Outcome};

/// Runs it.
pub(super) fn approve_file(
    arguments: &ApproveArgs,
    global: &Global,
    words: &Words,
    output: &Output,
) -> Outcome {
    let path = &arguments.what;
    if is_narrowed(&arguments.select, global) {
        let what = "a plan file is approved as it is; what narrows a plan belongs to `kinora plan`";
        return Err(Failure::new(Exit::Usage, what));
    }
    let header = proven(path, global)?;
    let lineage = header.origin.ledger.lineage.clone().ok_or_else(|| {
        let what = "was planned before its workspace had a ledger; plan again";
        Failure::new(Exit::PlanStale, format!("{}: {what}", path.display()))
    })?;
    refuse_denied_in(&header.summary, &header.plan)?;
    refuse_unpriced_in(&header.summary)?;
    if !output.json {
        say_warned(&header.summary, output);
    }
    // Who approves may have nothing here but the file.
    let manifest = manifest_of(&header, path, arguments.manifest_of_plan.as_deref());
    let catalogue = match (manifest, &arguments.manifest_of_plan) {
        (Ok(manifest), _) => Some(load(&manifest, global, output)?),
        (Err(missing), Some(_)) => return Err(missing),
        (Err(_), None) => None,
    };
    let here = catalogue.as_ref().map(|c| ledger_here(&c.workspace, &lineage)).transpose()?;
    let Some((ledger, catalogue)) = here.flatten().zip(catalogue.as_ref()) else {
        return for_elsewhere(arguments, words, &header, &lineage, catalogue.as_ref(), output);
    };
    let folder = &catalogue.workspace;
    let wanted = ceiling_under(&header.plan, &header.summary, &ledger)?;
    let new = words.given(wanted).sealed(header.plan, &header.summary, &lineage);
    refuse_what_does_not_hold(&new, &rules(catalogue, &lineage))?;
    keep_file(folder, &header.plan, path).map_err(|e| copy_failure(&e))?;
    refuse_increase(catalogue, &ledger, &header.plan)?;
    let approval = put_down(&ledger, folder, new)?;
    if let Some(path) = &arguments.output {
        write_approval(&approval, &lineage, path, output)?;
    }
    let next = format!("`kinora run {}` makes it", quoted(&path.display().to_string()));
    say(&approval, &next, wanted, &header.summary, output);
    say_retries(&approval, &header.summary, wanted, output);
    Ok(Exit::Done)
}

/// A plan file's header, once all of the file was read and agrees with it.
pub(in crate::cli) fn proven(path: &Path, global: &Global) -> Result<Header, Failure> {
    let header = PlanReader::open(path, &limits(global)).and_then(PlanReader::verify);
    header.map_err(|e| unusable(&e))
}

/// The ledger with this lineage, if it is in this folder.
fn ledger_here(folder: &Path, lineage: &str) -> Result<Option<Ledger>, Failure> {
    if !Ledger::exists(folder).map_err(|e| ledger_failure(&e))? {
        return Ok(None);
    }
    let ledger = read_ledger(folder)?;
    let found = ledger.lineage().map_err(|e| ledger_failure(&e))?;
    Ok((found.as_deref() == Some(lineage)).then_some(ledger))
}

fn load(manifest: &Path, global: &Global, output: &Output) -> Result<Catalogue, Failure> {
    let options = LoadOptions { limits: limits(global), ..LoadOptions::default() };
    let mut loaded = manifest::load(manifest, &options);
    let catalogue = loaded.catalogue.take();
    catalogue.ok_or_else(|| invalid(&mut loaded.findings, &loaded.sources, output))
}

/// The plan's ledger is somewhere else: the approval becomes a file, and nothing is recorded.
fn for_elsewhere(
    arguments: &ApproveArgs,
    words: &Words,
    header: &Header,
    lineage: &str,
    catalogue: Option<&Catalogue>,
    output: &Output,
) -> Outcome {
    let Some(path) = &arguments.output else {
        let what = format!(
            "{}: the ledger of this plan ({}) is not in this workspace, so the approval can't be \
             recorded here; with `-o FILE` it becomes a file, and `kinora approvals import` takes it \
             in where the ledger is",
            arguments.what.display(),
            lineage.get(..8).unwrap_or(lineage)
        );
        return Err(Failure::new(Exit::PlanStale, what));
    };
    let wanted = estimate_of(&header.summary)?;
    let new = words.given(wanted).sealed(header.plan, &header.summary, lineage);
    if let Some(catalogue) = catalogue {
        refuse_what_does_not_hold(&new, &rules(catalogue, lineage))?;
    }
    let file = ApprovalFile::of(&new, lineage);
    let file = file.ok_or_else(|| Failure::new(Exit::Internal, "an approval without a digest"))?;
    write_file(path, file.to_text().as_bytes()).map_err(|e| Failure::new(Exit::Internal, e))?;
    let text = match output.json {
        true => serde_json::to_string(&file).expect("texts are JSON"),
        false => format!(
            "plan {} approved by {} up to {}, in {} alone: the plan's ledger is not here; \
             `kinora approvals import {}` takes it in where the ledger is",
            header.plan.short(),
            new.by,
            Amount::new(new.ceiling.to_decimal(), new.unit.clone()),
            path.display(),
            path.display()
        ),
    };
    output.data(&text);
    say_too_low(new.ceiling, wanted, &header.summary, output);
    Ok(Exit::Done)
}
