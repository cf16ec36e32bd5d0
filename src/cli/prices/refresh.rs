//! `kinora prices refresh`: asks the providers, shows what differs, and writes what a person takes.

use std::collections::BTreeMap;
use std::io::{BufRead, IsTerminal, Write};
use std::path::Path;
use std::sync::Arc;

use kinora::diagnostic::{Sources, nearest};
use kinora::exit::Exit;
use kinora::models::{ModelCard, ModelPrices, PRICE_FILE, Price, Shelf, Verdict, price_file_text};
use kinora::report::{
    self, PriceOutcome, REFRESH_FORMAT, RefreshLine, RefreshReport, price_changes,
};

use super::ask::{Answered, Unanswered, ask};
use super::{Place, RefreshArgs};
use crate::cli::args::Global;
use crate::cli::output::{Output, write_file};
use crate::cli::{Failure, Outcome};

/// Runs it.
pub(super) fn refresh(arguments: &RefreshArgs, global: &Global, output: &Output) -> Outcome {
    let place = Place::load(&arguments.list.workspace, global, output)?;
    let models = meant(arguments, &place)?;
    let mut answers = ask(&place, &models, output)?;
    // What differs, and what is confirmed and only has a new day.
    let (mut taken, mut confirmed) = (BTreeMap::new(), BTreeMap::new());
    let mut lacks_key = false;
    let mut lines = Vec::new();
    for card in &models {
        let Some(answer) = answers.remove(&card.model) else { continue };
        lacks_key |= matches!(answer, Err(Unanswered::Failed { key: true, .. }));
        let by_name = arguments.take.contains(&card.model);
        let (line, price) = line(&place, card, answer, by_name);
        let to = if line.outcome == PriceOutcome::Same { &mut confirmed } else { &mut taken };
        to.extend(price.map(|price| (card.model.clone(), price)));
        lines.push(line);
    }
    let path = place.folder.join(PRICE_FILE);
    let shown = path.strip_prefix(".").unwrap_or(&path).display().to_string();
    let mut report = RefreshReport {
        format_version: REFRESH_FORMAT.to_owned(),
        day: place.day,
        file: shown,
        written: false,
        models: lines,
    };
    if !output.json {
        output.data_if_read(&report::refresh_text(&report, output.width, output.color));
    }
    let had_comments = has_comments(&path);
    let counts = (taken.len() as u64, confirmed.len() as u64);
    taken.append(&mut confirmed);
    if !taken.is_empty() && (arguments.yes || asked(counts, &report.file, output)) {
        write(&place, taken)?;
        report.written = true;
    }
    if output.json {
        output.data_if_read(&report::refresh_json(&report).expect("a report is always JSON"));
    }
    say(&report, had_comments, arguments, output);
    Ok(exit(&report, lacks_key))
}

/// The models that are meant, each on the shelf.
fn meant(arguments: &RefreshArgs, place: &Place) -> Result<Vec<Arc<ModelCard>>, Failure> {
    let mut names = place.models(arguments.list.all);
    for name in &arguments.take {
        if place.shelf.get(name).is_none() {
            let known = place.shelf.iter().map(|card| &card.model[..]);
            let help = nearest(name, known)
                .map_or(String::new(), |near| format!("; did you mean `{near}`?"));
            let message = format!("--take: there is no model `{name}`{help}");
            return Err(Failure::new(Exit::Usage, message));
        }
        names.insert(name.clone());
    }
    let cards = names.iter().filter_map(|name| place.shelf.get(name));
    // What runs in the box costs what the box says.
    let asked = cards.filter(|card| card.provider != kinora::models::BUILT_IN);
    Ok(asked.cloned().collect())
}

/// What is said of one model, and the price that would be written for it.
fn line(
    place: &Place,
    card: &ModelCard,
    answer: Answered,
    by_name: bool,
) -> (RefreshLine, Option<Price>) {
    let mut line = RefreshLine {
        model: card.model.clone(),
        provider: card.provider.clone(),
        outcome: PriceOutcome::Failed,
        why: None,
        source: None,
        changes: Vec::new(),
        notes: Vec::new(),
    };
    let answer = match answer {
        Ok(answer) => answer,
        Err(Unanswered::NoList(why)) => {
            line.outcome = PriceOutcome::NotAsked;
            line.why = Some(why);
            return (line, None);
        }
        Err(Unanswered::Failed { why, .. }) => {
            line.why = Some(why);
            return (line, None);
        }
    };
    line.source = Some(answer.source.clone());
    line.notes = answer.abilities.iter().flat_map(|can| can.differences(card)).collect();
    let quote = match answer.quote {
        Ok(quote) => quote,
        Err(why) => {
            line.why = Some(why);
            return (line, None);
        }
    };
    let before = card.price.as_ref();
    let proposal = quote.propose(card, before, place.day, &answer.source);
    line.notes.extend(proposal.notes);
    if place.shelf.price_file().is_some_and(|file| {
        file.models.get(&card.model).is_some_and(|prices| !prices.prices.is_empty())
    }) {
        line.outcome = PriceOutcome::Doubtful;
        line.why = Some(format!(
            "{PRICE_FILE} has several lists for it, with the days on which they hold; one would \
             take the place of all"
        ));
    }
    let example = proposal.example;
    let differs = |price: &Price| price_changes(before, price, example.as_ref());
    let taken = match proposal.verdict {
        Verdict::Same(price) => {
            line.outcome = PriceOutcome::Same;
            // A list of its own for each season has its days from a person.
            let price = price.filter(|_| line.why.take().is_none());
            return (line, price.filter(|price| before.is_none_or(|b| b.as_of < price.as_of)));
        }
        Verdict::Unusable(why) => {
            line.outcome = PriceOutcome::Failed;
            line.why = Some(why);
            None
        }
        Verdict::Take(price) | Verdict::Doubtful(price, _) if by_name => {
            line.changes = differs(&price);
            line.why = None;
            Some(price)
        }
        Verdict::Take(price) if line.why.is_none() => {
            line.changes = differs(&price);
            Some(price)
        }
        Verdict::Take(price) => {
            line.changes = differs(&price);
            None
        }
        Verdict::Doubtful(price, why) => {
            line.outcome = PriceOutcome::Doubtful;
            line.why = Some(why);
            line.changes = differs(&price);
            None
        }
    };
    if taken.is_some() {
        let known = before.is_some();
        line.outcome = if known { PriceOutcome::Changed } else { PriceOutcome::New };
    }
    (line, taken)
}

/// Whether a person at a terminal says yes to so many prices that differ and so many confirmed ones.
fn asked((differing, confirmed): (u64, u64), file: &str, output: &Output) -> bool {
    if !std::io::stdin().is_terminal() || output.json {
        return false;
    }
    let mut parts = Vec::new();
    if differing > 0 {
        parts.push(report::count(differing, "price"));
    }
    if confirmed > 0 {
        parts.push(format!("today's date of {confirmed} confirmed"));
    }
    let mut err = std::io::stderr().lock();
    let _ = write!(err, "Write {} to {file}? Type yes: ", parts.join(" and "));
    let _ = err.flush();
    drop(err);
    let mut answer = String::new();
    let read = std::io::stdin().lock().read_line(&mut answer);
    read.is_ok() && answer.trim().eq_ignore_ascii_case("yes")
}

/// Writes the file with these prices in it; all others stay.
fn write(place: &Place, taken: BTreeMap<String, Price>) -> Result<(), Failure> {
    let mut file = place.shelf.price_file().cloned().unwrap_or_default();
    file.kinora_prices = 1;
    file.models.extend(taken.into_iter().map(|(model, price)| (model, ModelPrices::one(price))));
    let text = price_file_text(&file);
    let path = place.folder.join(PRICE_FILE);
    let fail = |what: String| Failure::new(Exit::Internal, what);
    write_file(&path, text.as_bytes()).map_err(fail)?;
    // What was written must be read back as what was meant.
    let (shelf, findings) =
        Shelf::load(&place.folder, place.day, &place.limits, &mut Sources::default());
    match shelf.price_file() == Some(&file) && !findings.has_errors() {
        true => Ok(()),
        false => Err(fail(format!(
            "{}: what was written is not read back as it was meant; look at it before anything is \
             spent",
            path.display()
        ))),
    }
}

/// Whether a person has put comments into the file, which are not kept.
fn has_comments(path: &Path) -> bool {
    let text = std::fs::read_to_string(path).unwrap_or_default();
    text.lines().any(|line| line.trim_start().starts_with('#') || line.contains(" # "))
}

/// What became of it, for the person.
fn say(report: &RefreshReport, had_comments: bool, arguments: &RefreshArgs, output: &Output) {
    if report.written {
        output.say(&format!("written: {}", report.file));
        if had_comments {
            output.say(&format!("kinora: comments that stood in {} are gone", report.file));
        }
    } else if report.differing() > 0 {
        let way = if arguments.yes { "" } else { "; --yes writes it" };
        output.say(&format!("kinora: {} is as it was{way}", report.file));
    }
}

/// How it ended: what failed first, then what waits for a person.
fn exit(report: &RefreshReport, lacks_key: bool) -> Exit {
    if lacks_key {
        return Exit::Usage;
    }
    if report.has(PriceOutcome::Failed) {
        return Exit::Internal;
    }
    let waits = report.differing() > 0 && !report.written;
    if waits || report.has(PriceOutcome::Doubtful) {
        return Exit::ApprovalNeeded;
    }
    Exit::Done
}
