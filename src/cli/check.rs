//! `kinora check`: load and validate everything, spend nothing, touch no network.

use kinora::diagnostic::{Findings, Sources, render_json};
use kinora::exit::Exit;
use kinora::manifest::Missing;
use kinora::plan::Breach;
use kinora::report::{check_sentences, count};
use serde_json::json;

use super::Outcome;
use super::args::{CheckArgs, Global};
use super::guard::{line, said_by_check};
use super::output::Output;
use super::planning::plan_whole;
use super::references;
use super::workspace::Workspace;

/// Runs it.
pub fn check(arguments: &CheckArgs, global: &Global, output: &Output) -> Outcome {
    let manifest = &arguments.manifest.manifest;
    let (mut workspace, ledger) = Workspace::load(manifest, global, output)?;
    // What is not fetched yet is for `fetch`: everything else is checked all the same.
    workspace.missing = Missing::LeaveOut;
    if arguments.references {
        let sheet = arguments.contact_sheet.as_deref();
        return references::references(&mut workspace, &ledger, sheet, output);
    }
    let plan = plan_whole(&mut workspace, &ledger, output, |_, _| ())?;
    if output.json {
        let breaches: Vec<&Breach> = said_by_check(&plan.summary).collect();
        output.data(&json_of(&workspace.findings, &workspace.sources, &breaches));
        return Ok(Exit::Done);
    }
    output.findings(&workspace.findings, &workspace.sources);
    for breach in said_by_check(&plan.summary) {
        output.say(&format!("kinora: guardrail {}", line(breach)));
    }
    let awaited = workspace.catalogue.pictures.iter().filter(|(_, p)| p.is_awaited()).count();
    let valid = match awaited {
        0 => "all valid".to_owned(),
        n => format!("all valid, but {} not fetched yet", count(n as u64, "picture")),
    };
    let subjects: usize = workspace.catalogue.sets.iter().map(|s| s.subjects.len()).sum();
    output.data(&format!(
        "{}: {}, {}, {}, {}; {valid}",
        workspace.given,
        count(subjects as u64, "subject"),
        count(workspace.catalogue.pictures.len() as u64, "picture"),
        count(workspace.catalogue.shots.len() as u64, "shot"),
        count(plan.summary.all.jobs, "job"),
    ));
    for said in check_sentences(&plan.summary) {
        output.data(&format!("consistency: {said}"));
    }
    Ok(Exit::Done)
}

/// Findings for programs.
pub fn findings_json(findings: &Findings, sources: &Sources) -> String {
    json_of(findings, sources, &[])
}

fn json_of(findings: &Findings, sources: &Sources, breaches: &[&Breach]) -> String {
    let left_out: serde_json::Map<String, serde_json::Value> =
        findings.left_out().map(|(code, n)| (code.to_owned(), json!(n))).collect();
    let all = json!({
        "format_version": "1.0",
        "valid": !findings.has_errors(),
        "findings": render_json(findings, sources),
        "breaches": breaches,
        "left_out": left_out,
    });
    format!("{all:#}\n")
}
