//! `kinora verify`: clips that were made, looked at again beside their references.
//!
//! What never lives here: what is compared, and what a score means.

use std::num::NonZeroUsize;
use std::path::{Path, PathBuf};

use clap::Args;
use glob::Pattern;
use indicatif::{ProgressBar, ProgressStyle};
use kinora::clock::{Clock, SystemClock};
use kinora::environment::{ProcessEnvironment, own_program};
use kinora::exit::Exit;
use kinora::ledger::Ledger;
use kinora::limits::Limits;
use kinora::manifest::JudgeRule;
use kinora::media::frames::find_ffmpeg;
use kinora::plan;
use kinora::report::{self, VerifyReport};
use kinora::verification::judges::Judges;
use kinora::verification::{Round, Rules, Standing, Verifier};

use super::args::Global;
use super::output::Output;
use super::planning::plan_aside;
use super::workspace::{
    Workspace, find_manifest, ledger_failure, limits, read_ledger, workspace_with_ledger,
};
use super::{Failure, Outcome};

/// Options of `verify`.
#[derive(Debug, Args)]
pub struct VerifyArgs {
    /// Only jobs whose subject (`set.id`), shot, model or address fits this glob; may be repeated
    #[arg(long, value_name = "PATTERN", value_parser = Pattern::new)]
    pub only: Vec<Pattern>,
    /// Only clips that this version's measure has not looked at yet
    #[arg(long)]
    pub new: bool,
    /// Clips looked at at once; as many as there are cores by default
    #[arg(long, value_name = "N")]
    pub threads: Option<NonZeroUsize>,
    /// The manifest, or a folder that holds a `kinora.yaml`
    #[arg(long, value_name = "PATH", default_value = ".")]
    pub manifest: PathBuf,
}

/// Runs it.
pub fn verify(arguments: &VerifyArgs, global: &Global, output: &Output) -> Outcome {
    let folder = workspace_with_ledger(&arguments.manifest)?;
    let ledger = read_ledger(&folder)?;
    let standing = Standing::of(&ledger, &arguments.only, arguments.new);
    let standing = standing.map_err(|e| ledger_failure(&e))?;
    if let Some(at) = standing.unmet.first() {
        let what = format!(
            "--only: the ledger has no job that `{}` fits; `kinora report` lists them",
            arguments.only[*at]
        );
        return Err(Failure::new(Exit::Usage, what));
    }
    let (rules, limits, judges) = if standing.clips.is_empty() {
        (Rules::new(), limits(global), Vec::new())
    } else {
        todays(&arguments.manifest, global, output)?
    };
    let cores = std::thread::available_parallelism().unwrap_or(NonZeroUsize::MIN);
    let round = Round {
        ledger: &ledger,
        verifier: &verifier(&folder, &limits, &judges)?,
        rules: &rules,
        threads: arguments.threads.unwrap_or(cores),
        now: &|| SystemClock.now(),
    };
    let bar = progress(standing.clips.len() as u64);
    let checked = round.go(&standing, &|_| bar.inc(1));
    bar.finish_and_clear();
    let checked = checked.map_err(|e| ledger_failure(&e))?;
    let outliers = round.outliers(&standing, &checked).map_err(|e| ledger_failure(&e))?;
    let given = find_manifest(&arguments.manifest)?;
    let given = given.strip_prefix(".").unwrap_or(&given).display().to_string();
    let report = VerifyReport::new(&given, &standing, checked, outliers);
    if output.json {
        output.data_if_read(&report::verify_json(&report).expect("a report is always JSON"));
    } else {
        output.data_if_read(&report::verify_text(&report, output.width, output.color));
    }
    Ok(if report.needs_a_person() { Exit::ClipsFailed } else { Exit::Done })
}

/// Who looks at the clips of a workspace, with the judges of its manifest.
pub(in crate::cli) fn verifier(
    folder: &Path,
    limits: &Limits,
    judges: &[JudgeRule],
) -> Result<Verifier, Failure> {
    let program = own_program().map_err(|e| {
        Failure::new(Exit::Internal, format!("this program's own file can't be found: {e}"))
    })?;
    let judges = Judges::new(judges, folder, &program, &ProcessEnvironment);
    let verifier = Verifier::new(folder, program, limits).with_judges(judges);
    Ok(verifier.with_ffmpeg(find_ffmpeg(&ProcessEnvironment)))
}

/// What today's manifest has to say of clips.
type Today = (Rules, Limits, Vec<JudgeRule>);

/// The rules, limits and judges of today's manifest. Clips can be looked at all the same where it doesn't
/// load, or no plan can be made: under the rules that they were made by.
fn todays(given: &Path, global: &Global, output: &Output) -> Result<Today, Failure> {
    let talk = Output { json: false, ..*output };
    let as_made = |why: &str| {
        output.say(&format!(
            "kinora: {why}; each clip is held against what was asked when it was made"
        ));
    };
    let (workspace, ledger) = match Workspace::load(given, global, &talk) {
        Ok(loaded) => loaded,
        Err(failure) if failure.exit == Exit::InvalidManifest => {
            as_made("the manifest doesn't load");
            return Ok((Rules::new(), limits(global), Vec::new()));
        }
        Err(failure) => return Err(failure),
    };
    let Some(rules) = rules(&workspace, &ledger)? else {
        as_made("no plan can be made now");
        let catalogue = workspace.catalogue;
        return Ok((Rules::new(), catalogue.limits.clone(), catalogue.judges.clone()));
    };
    let catalogue = workspace.catalogue;
    Ok((rules, catalogue.limits.clone(), catalogue.judges.clone()))
}

/// The rule of each job as a plan has it now; absent where no plan can be made.
fn rules(workspace: &Workspace, ledger: &Ledger) -> Result<Option<Rules>, Failure> {
    let known = ledger.known_jobs().map_err(|e| ledger_failure(&e))?;
    let mut rules = Rules::new();
    let sink = |job: &plan::PlannedJob, _: &plan::Change| {
        if !known.contains_key(&job.key) {
            return;
        }
        let request = job.request(&workspace.catalogue);
        if let Some(rule) = request.and_then(|request| request.consistency) {
            rules.insert(job.key, rule);
        }
    };
    let (plan, _) = plan_aside(workspace, ledger, &known, sink)?;
    Ok(plan.map(|_| rules))
}

/// Seen on a terminal only.
fn progress(clips: u64) -> ProgressBar {
    let style = ProgressStyle::with_template("looking at clips {bar:30} {pos}/{len} {eta}");
    let bar = ProgressBar::new(clips);
    match style {
        Ok(style) => bar.with_style(style),
        Err(_) => bar,
    }
}
