//! `kinora accept` and `kinora reject`: what a person says of clips.
//!
//! What never lives here: what follows from it for plans, runs and exports.

use std::collections::BTreeSet;
use std::ffi::OsString;
use std::path::PathBuf;

use clap::Args;
use glob::Pattern;
use kinora::address::Address;
use kinora::approval;
use kinora::clock::{Clock, SystemClock};
use kinora::exit::Exit;
use kinora::ledger::{Ledger, NewWord, Said, Unsaid, Verdict, Which};
use kinora::plan::Request;
use kinora::report::{self, SaidView, WordsReport};

use super::output::Output;
use super::run::sitting_here;
use super::workspace::{ledger_failure, read_ledger, workspace_of};
use super::{Failure, Outcome};

/// Options of `accept`.
#[derive(Debug, Args)]
pub struct AcceptArgs {
    #[command(flatten)]
    pub about: AboutArgs,
    /// Take the clip of this attempt, as reports number them; the newest by default
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u32).range(1..))]
    pub attempt: Option<u32>,
}

/// Options of `reject`.
#[derive(Debug, Args)]
pub struct RejectArgs {
    #[command(flatten)]
    pub about: AboutArgs,
    /// Ask for another clip of the same: the next plan has it, with another seed, to be approved
    #[arg(long)]
    pub retake: bool,
}

/// Of which clips, and who says it.
#[derive(Debug, Args)]
pub struct AboutArgs {
    /// Jobs: addresses as `report` shows them, or globs that fit a subject (`set.id`), shot, model
    /// or address
    #[arg(required = true, value_name = "JOB")]
    pub jobs: Vec<String>,
    /// The manifest, or a folder that holds a `kinora.yaml`
    #[arg(long, value_name = "PATH", default_value = ".")]
    pub manifest: PathBuf,
    /// Who says so, for the record; whoever is logged in by default
    #[arg(long, value_name = "NAME")]
    pub by: Option<String>,
    /// Why, for the record
    #[arg(long, value_name = "TEXT")]
    pub note: Option<String>,
}

/// The arguments with addresses that begin with `-/`, those of jobs without a subject, behind
/// everything that may be an option; of these commands alone, which take several.
pub fn addresses_last(given: impl Iterator<Item = OsString>) -> Vec<OsString> {
    let mut given: Vec<OsString> = given.collect();
    let is_ours = given.iter().skip(1).find(|text| !text.to_string_lossy().starts_with('-'));
    let is_ours = is_ours.is_some_and(|name| name == "accept" || name == "reject");
    if !is_ours || given.iter().any(|text| text == "--") {
        return given;
    }
    let addresses: Vec<OsString> =
        given.extract_if(.., |text| text.to_string_lossy().starts_with("-/")).collect();
    if !addresses.is_empty() {
        given.push("--".into());
    }
    given.extend(addresses);
    given
}

/// Runs `accept`.
pub fn accept(arguments: &AcceptArgs, output: &Output) -> Outcome {
    say(&arguments.about, Verdict::Accepted, (false, arguments.attempt), output)
}

/// Runs `reject`.
pub fn reject(arguments: &RejectArgs, output: &Output) -> Outcome {
    say(&arguments.about, Verdict::Rejected, (arguments.retake, None), output)
}

fn say(
    about: &AboutArgs,
    verdict: Verdict,
    (retake, attempt): (bool, Option<u32>),
    output: &Output,
) -> Outcome {
    let wrong = |option: &'static str| {
        move |why: String| Failure::new(Exit::Usage, format!("{option}: {why}"))
    };
    let by = about.by.clone().unwrap_or_else(sitting_here);
    let by = approval::person(&by).map_err(wrong("--by"))?;
    let note = about.note.as_deref().map(approval::remark).transpose();
    let note = note.map_err(wrong("--note"))?.flatten();
    let ledger = read_ledger(&workspace_of(&about.manifest)?)?;
    let meant = Meant::of(&about.jobs, &ledger)?;
    let at = SystemClock.now();
    let words = meant.jobs().map(|(address, must)| {
        let (address, by, note) = (address.clone(), by.clone(), note.clone());
        (NewWord { address, verdict, retake, attempt, by, note, at }, must)
    });
    let said = ledger.say(words.collect()).map_err(|e| ledger_failure(&e))?;
    let both: Vec<_> = meant.jobs().zip(&said).collect();
    let refused =
        |((_, must), said): &&((&Address, bool), &Result<Said, Unsaid>)| *must && said.is_err();
    if let Some(((address, _), Err(why))) = both.iter().find(refused) {
        return Err(Failure::new(Exit::Usage, format!("{address}: {why}; nothing was changed")));
    }
    let views = both.iter().map(|((address, _), said)| match said {
        Ok(said) => SaidView::of(address.as_str(), said),
        Err(why) => SaidView::passed(address.as_str(), why),
    });
    let report = WordsReport::new(views.collect());
    if output.json {
        output.data_if_read(&report::words_json(&report).expect("a report is always JSON"));
    } else {
        output.data_if_read(&report::words_text(&report));
    }
    if report.said == 0 {
        return Err(Failure::new(Exit::Usage, "no clip was spoken of; nothing was changed"));
    }
    Ok(Exit::Done)
}

/// The jobs that are meant: by their addresses, which must be there, and by patterns.
#[derive(Default)]
struct Meant {
    named: BTreeSet<Address>,
    fitting: BTreeSet<Address>,
}

impl Meant {
    fn of(given: &[String], ledger: &Ledger) -> Result<Meant, Failure> {
        let mut meant = Meant::default();
        let mut patterns = Vec::new();
        for text in given {
            let address = Address::from_stored(text);
            let known = ledger.job(&address).map_err(|e| ledger_failure(&e))?.is_some();
            if known {
                meant.named.insert(address);
                continue;
            }
            let pattern = Pattern::new(text)
                .map_err(|e| Failure::new(Exit::Usage, format!("`{text}` is no pattern: {e}")))?;
            patterns.push((text, pattern, false));
        }
        if patterns.is_empty() {
            return Ok(meant);
        }
        ledger
            .each_attempt(Which::Latest, |attempt| {
                // A request that can't be read back is what `kinora report` says.
                let Ok(request) = serde_json::from_str::<Request>(&attempt.request) else { return };
                let mut fits = false;
                for (_, pattern, met) in &mut patterns {
                    let subject = request.subject.as_deref();
                    let one = pattern.matches(attempt.address.as_str())
                        || pattern.matches(&request.shot)
                        || pattern.matches(&request.model)
                        || subject.is_some_and(|subject| pattern.matches(subject));
                    *met |= one;
                    fits |= one;
                }
                if fits && !meant.named.contains(&attempt.address) {
                    meant.fitting.insert(attempt.address);
                }
            })
            .map_err(|e| ledger_failure(&e))?;
        if let Some((text, ..)) = patterns.iter().find(|(.., met)| !met) {
            let what = format!(
                "the ledger has no job that `{text}` fits; `kinora report` lists them; nothing was \
                 changed"
            );
            return Err(Failure::new(Exit::Usage, what));
        }
        Ok(meant)
    }

    /// Each job, and whether nothing is to be recorded unless it can be spoken of.
    fn jobs(&self) -> impl Iterator<Item = (&Address, bool)> {
        let named = self.named.iter().map(|address| (address, true));
        named.chain(self.fitting.iter().map(|address| (address, false)))
    }
}
