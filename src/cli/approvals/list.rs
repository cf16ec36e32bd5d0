//! The list of approvals: who, when, up to how much, what is spent under each, and whether it holds.

use kinora::approval::{copy_path, holds};
use kinora::exit::Exit;
use kinora::ledger::{Approval, Ledger, Mode, Period};
use kinora::manifest::{self, LoadOptions};
use kinora::money::{Amount, Micros, display_value};

use crate::cli::Outcome;
use crate::cli::approve::said_json;
use crate::cli::approving::rules;
use crate::cli::args::{Global, ManifestArg};
use crate::cli::output::Output;
use crate::cli::workspace::{
    find_manifest, invalid, ledger_failure, limits, workspace_with_ledger,
};

/// Runs it.
pub(super) fn list(manifest: &ManifestArg, global: &Global, output: &Output) -> Outcome {
    let folder = workspace_with_ledger(&manifest.manifest)?;
    let options = LoadOptions { limits: limits(global), ..LoadOptions::default() };
    let mut loaded = manifest::load(&find_manifest(&manifest.manifest)?, &options);
    let Some(catalogue) = loaded.catalogue.take() else {
        return Err(invalid(&mut loaded.findings, &loaded.sources, output));
    };
    let ledger = Ledger::open(&folder, Mode::Read).map_err(|e| ledger_failure(&e))?;
    let lineage = ledger.lineage().map_err(|e| ledger_failure(&e))?.unwrap_or_default();
    let rules = rules(&catalogue, &lineage);
    let mut lines = Vec::new();
    for approval in ledger.approvals().map_err(|e| ledger_failure(&e))?.into_iter().rev() {
        let spent = ledger.spent(Period::Plan(approval.plan)).map_err(|e| ledger_failure(&e))?;
        let objection = holds(&approval, &rules).err().map(|why| why.to_string());
        let has_copy = copy_path(&folder, &approval.plan).is_file();
        lines.push(Listed { approval, spent, objection, has_copy });
    }
    if output.json {
        let all: Vec<serde_json::Value> = lines.iter().map(Listed::json).collect();
        output.data(&serde_json::json!({ "lineage": lineage, "approvals": all }).to_string());
    } else if lines.is_empty() {
        output.data("nothing was ever approved here");
    } else {
        let texts: Vec<String> = lines.iter().map(Listed::text).collect();
        output.data(&texts.join("\n"));
    }
    Ok(Exit::Done)
}

struct Listed {
    approval: Approval,
    /// Held under its plan, by whichever approval of it.
    spent: Micros,
    objection: Option<String>,
    has_copy: bool,
}

impl Listed {
    fn json(&self) -> serde_json::Value {
        let a = &self.approval;
        let mut said = said_json(a);
        said["spent"] = self.spent.to_decimal().to_string().into();
        said["holds"] = self.objection.is_none().into();
        said["plan_copy"] = self.has_copy.into();
        if let Some(why) = &self.objection {
            said["why_not"] = why.clone().into();
        }
        if let Some(shown) = &a.shown {
            said["shown"] = serde_json::to_value(shown).expect("texts are JSON");
        }
        if let Some(r) = &a.revoked {
            let (by, at, note) = (&r.by, r.at.to_string(), &r.note);
            said["revoked"] = serde_json::json!({ "by": by, "at": at, "note": note });
        }
        said
    }

    fn text(&self) -> String {
        let a = &self.approval;
        let mut lines = Vec::new();
        let state = match &self.objection {
            None => "holds".to_owned(),
            Some(why) => format!("does not hold: {why}"),
        };
        lines.push(format!("approval {}: plan {}, {state}", a.id, a.plan.short()));
        let ceiling = Amount::new(a.ceiling.to_decimal(), a.unit.clone());
        let spent = display_value(self.spent.to_decimal());
        let signed = if a.signature.is_some() { ", signed" } else { "" };
        let how = match a.origin {
            kinora::ledger::Origin::Person => "",
            kinora::ledger::Origin::Asked => ", when a run asked",
            kinora::ledger::Origin::Yes => ", with --yes",
            kinora::ledger::Origin::Policy => ", the standing policy",
        };
        lines.push(format!("  by {} at {}{how}{signed}", a.by, a.at));
        lines.push(format!("  up to {ceiling}, of which {spent} is spent or held"));
        let end = a.expires.map_or("no end".to_owned(), |at| format!("until {at}"));
        let jobs = a.shown.as_ref().map(|shown| {
            format!(", for {} jobs of {} at {}", shown.jobs, shown.name, shown.estimate)
        });
        lines.push(format!("  {end}{}", jobs.unwrap_or_default()));
        if let Some(note) = &a.note {
            lines.push(format!("  \u{201c}{note}\u{201d}"));
        }
        if self.objection.is_none() && !self.has_copy {
            let what = "its copy of the plan is gone: it holds for exactly this plan alone";
            lines.push(format!("  {what}"));
        }
        lines.join("\n")
    }
}
