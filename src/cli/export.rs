//! `kinora export`: what was made, for shops, feeds and the record.

use std::path::PathBuf;

use clap::{Args, ValueEnum};
use kinora::diagnostic::{Finding, Findings, Severity, render_json};
use kinora::exit::Exit;
use kinora::export::{self, Book, ExportError, Exported, Inputs, Wanted, What};
use kinora::ledger::Ledger;
use kinora::plan;
use kinora::report::count;

use super::args::{Global, ManifestArg};
use super::output::Output;
use super::planning::plan_aside;
use super::workspace::{Workspace, ledger_failure, workspace_with_ledger};
use super::{Failure, Outcome};

/// Options of `export`.
#[derive(Debug, Args)]
pub struct ExportArgs {
    #[command(flatten)]
    manifest: ManifestArg,
    /// The folder; the manifest's `export: {to: …}` by default, else `export` beside it
    #[arg(long, value_name = "DIR")]
    to: Option<PathBuf>,
    /// Only these, with commas between them; all that the manifest says enough for by default
    #[arg(long, value_enum, value_delimiter = ',', value_name = "WHAT,…")]
    what: Vec<Asked>,
}

/// What can be exported.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
enum Asked {
    /// A CSV of every subject and job, in the catalogue's order
    Results,
    /// The inputs of Shopify's calls that take the clips
    Shopify,
    /// A supplemental feed with video_link for Google Merchant Center
    Google,
    /// A JSON file a clip: what made it, of what, when, under whose approval
    Evidence,
    /// Posters of all clips on a few pictures
    Sheet,
}

impl From<Asked> for What {
    fn from(asked: Asked) -> Self {
        match asked {
            Asked::Results => What::Results,
            Asked::Shopify => What::Shopify,
            Asked::Google => What::Google,
            Asked::Evidence => What::Evidence,
            Asked::Sheet => What::Sheet,
        }
    }
}

/// Runs it.
pub fn export(arguments: &ExportArgs, global: &Global, output: &Output) -> Outcome {
    let given = &arguments.manifest.manifest;
    workspace_with_ledger(given)?;
    let (workspace, ledger) = Workspace::load(given, global, output)?;
    let what = asked(arguments, &workspace)?;
    let (wanted, unplanned) = wanted(&workspace, &ledger)?;
    let book = Book::open(&workspace.catalogue, &ledger, wanted).map_err(|e| ledger_failure(&e))?;
    let settings = &workspace.catalogue.export;
    let to = arguments.to.clone();
    let to = to.unwrap_or_else(|| workspace.catalogue.workspace.join(&settings.to));
    let mut findings = Findings::default();
    findings.merge(unplanned);
    let inputs = Inputs { book: &book, rack: &workspace.rack, what: &what, to: &to };
    let mut exported = export::export(&inputs, &mut findings).map_err(|e| match e {
        ExportError::Ledger(error) => ledger_failure(&error),
        other => Failure::new(Exit::Internal, other.to_string()),
    })?;
    findings.sort();
    exported.findings =
        render_json(&findings, &workspace.sources).into_iter().map(Into::into).collect();
    if output.json {
        output.data_if_read(&serde_json::to_string_pretty(&exported).expect("texts are JSON"));
    } else {
        output.findings(&findings, &workspace.sources);
        output.data_if_read(&said(&exported));
    }
    Ok(if findings.count(Severity::Error) > 0 { Exit::InvalidManifest } else { Exit::Done })
}

/// What is to be exported; everything that the manifest says enough for where nothing is asked.
fn asked(arguments: &ExportArgs, workspace: &Workspace) -> Result<Vec<What>, Failure> {
    let settings = &workspace.catalogue.export;
    if arguments.what.contains(&Asked::Google) && settings.google.is_none() {
        return Err(Failure::new(
            Exit::Usage,
            "a feed for Google needs to know where clips are hosted; say so in the manifest: \
             export: {google: {video_link: \"https://cdn.example.com/{{ file }}\"}}",
        ));
    }
    if !arguments.what.is_empty() {
        return Ok(arguments.what.iter().map(|asked| (*asked).into()).collect());
    }
    let shopify = settings.shopify.is_some().then_some(What::Shopify);
    let google = settings.google.is_some().then_some(What::Google);
    let all = [Some(What::Results), shopify, google, Some(What::Evidence), Some(What::Sheet)];
    Ok(all.into_iter().flatten().collect())
}

/// What a plan makes now. What was made can be exported all the same where there can be no plan.
fn wanted(workspace: &Workspace, ledger: &Ledger) -> Result<(Option<Wanted>, Findings), Failure> {
    let known = ledger.known_jobs().map_err(|e| ledger_failure(&e))?;
    let mut wanted = Wanted::default();
    let sink = |job: &plan::PlannedJob, change: &plan::Change| wanted.add(job, change);
    let (plan, found) = plan_aside(workspace, ledger, &known, sink)?;
    let mut findings = Findings::default();
    if plan.is_some() {
        return Ok((Some(wanted), findings));
    }
    let first = found.items().iter().find(|finding| finding.severity == Severity::Error);
    let why = first.map_or_else(String::new, |finding| format!(" ({})", finding.message));
    let message = format!(
        "no plan can be made now{why}, so jobs that were never begun are not in the export"
    );
    findings.push(
        Finding::warning("export::no_plan", message)
            .help(format!("`kinora check {}` says what is wrong", workspace.given)),
    );
    Ok((None, findings))
}

/// For people: what is where.
fn said(exported: &Exported) -> String {
    let mut text = format!(
        "exported to {}: {}, {}, {}\n",
        exported.to,
        count(exported.subjects, "subject"),
        count(exported.jobs, "job"),
        count(exported.clips, "clip")
    );
    let width = exported.files.iter().map(|file| file.path.len()).max().unwrap_or_default();
    for file in &exported.files {
        let of = match file.what {
            What::Results => count(file.entries, "line"),
            What::Shopify => count(file.entries, "video"),
            What::Google => count(file.entries, "product"),
            What::Evidence => count(file.entries, "clip"),
            What::Sheet => count(file.entries, "job"),
        };
        text.push_str(&format!("  {:width$}  {of}\n", file.path));
    }
    text
}
