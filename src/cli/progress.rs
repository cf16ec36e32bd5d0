//! How a run looks while it goes: bars on a terminal, plain lines elsewhere, JSON for programs.

use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::io::{IsTerminal, Write};
use std::time::{Duration, Instant};

use indicatif::{ProgressBar, ProgressDrawTarget, ProgressState, ProgressStyle};
use kinora::ledger::ClipVerdict;
use kinora::money::display_value;
use kinora::run::{BrokenRule, RunEvent, Skip};
use rust_decimal::Decimal;

use super::output::Output;

/// Without a terminal, a line at most this often while all goes well.
const LINE_EVERY: Duration = Duration::from_secs(10);

/// The progress of one run.
pub struct Progress {
    bar: ProgressBar,
    output: Output,
    mode: Mode,
    total: u64,
    ended: u64,
    spent: Decimal,
    /// Reserved by job, for those that are in flight.
    reserved: HashMap<String, Decimal>,
    unit: String,
    began: Instant,
    last_line: Option<Instant>,
    /// Jobs that did not fit a limit, by limit.
    over: BTreeMap<String, u64>,
    /// Guardrails of which it was said before the run that they warn.
    warned: BTreeSet<String>,
    /// Clips that are not what their channel asks, by channel.
    unsuited: BTreeMap<String, u64>,
    /// When it was last said that somebody does not answer.
    silence: Option<Instant>,
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Mode {
    Bar,
    Lines,
    Json,
}

impl Progress {
    /// Progress over `total` jobs.
    pub fn new(total: u64, output: &Output) -> Self {
        let mode = if output.json {
            Mode::Json
        } else if std::io::stderr().is_terminal() {
            Mode::Bar
        } else {
            Mode::Lines
        };
        let bar = ProgressBar::new(total);
        if mode == Mode::Bar {
            let style = ProgressStyle::with_template(
                "{bar:32} {pos}/{len} clips  {rate}  eta {eta}  {wide_msg}",
            );
            let style = style.unwrap_or_else(|_| ProgressStyle::default_bar());
            bar.set_style(style.with_key(
                "rate",
                |state: &ProgressState, out: &mut dyn std::fmt::Write| {
                    let _ = write!(out, "{:.1}/s", state.per_sec());
                },
            ));
            bar.enable_steady_tick(Duration::from_millis(250));
        } else {
            bar.set_draw_target(ProgressDrawTarget::hidden());
        }
        Progress {
            bar,
            output: *output,
            mode,
            total,
            ended: 0,
            spent: Decimal::ZERO,
            reserved: HashMap::new(),
            unit: String::new(),
            began: Instant::now(),
            last_line: None,
            over: BTreeMap::new(),
            warned: BTreeSet::new(),
            unsuited: BTreeMap::new(),
            silence: None,
        }
    }

    /// The same after some guardrails warned of the plan: what is known is not said again.
    #[must_use]
    pub fn after_warnings(self, rules: impl Iterator<Item = String>) -> Self {
        Progress { warned: rules.collect(), ..self }
    }

    /// Takes note of one event.
    pub fn event(&mut self, event: &RunEvent) {
        self.count(event);
        match self.mode {
            Mode::Json => {
                if let Ok(line) = serde_json::to_string(event) {
                    // A reader that went away does not stop a run.
                    let _ = writeln!(std::io::stdout(), "{line}");
                }
            }
            Mode::Bar => {
                self.bar.set_position(self.ended);
                self.bar.set_message(self.money());
                for words in self.trouble(event) {
                    self.bar.suspend(|| self.output.say(&words));
                }
            }
            Mode::Lines => {
                for words in self.trouble(event) {
                    self.output.say(&words);
                }
                self.plain_line(matches!(event, RunEvent::Ended(_)));
            }
        }
    }

    /// What a person should hear of at once. What is the same of thousands of jobs is said once,
    /// and counted.
    fn trouble(&mut self, event: &RunEvent) -> Vec<String> {
        match event {
            RunEvent::OverBudget { limit, .. } if self.over[&limit.to_string()] > 1 => vec![],
            RunEvent::Skipped { guardrail: Some(broken), .. }
                if self.over[&denied_by(broken)] > 1 =>
            {
                vec![]
            }
            RunEvent::Guardrail { rule, .. } if self.warned.contains(rule) => vec![],
            RunEvent::Unsuited { channel, .. } if self.unsuited[channel] > 1 => vec![],
            RunEvent::NoAnswer { .. } => {
                let often = self.silence.is_some_and(|at| at.elapsed() < LINE_EVERY);
                if often {
                    return vec![];
                }
                self.silence = Some(Instant::now());
                trouble(event).into_iter().collect()
            }
            RunEvent::Ended(_) => {
                let many = self.over.iter().filter(|(_, jobs)| **jobs > 1);
                let over = many.map(|(limit, jobs)| {
                    format!("budget   {jobs} jobs in all did not fit {limit}")
                });
                let many = self.unsuited.iter().filter(|(_, clips)| **clips > 1);
                over.chain(many.map(|(channel, clips)| {
                    format!("channel  {clips} clips in all are not what {channel} asks")
                }))
                .collect()
            }
            event => trouble(event).into_iter().collect(),
        }
    }

    /// Clears the bar.
    pub fn end(self) {
        self.bar.finish_and_clear();
    }

    fn count(&mut self, event: &RunEvent) {
        let amount = |text: &str| text.parse::<Decimal>().unwrap_or_default();
        match event {
            RunEvent::Started { unit, .. } => self.unit.clone_from(unit),
            RunEvent::Submitted { job, reserved, .. } => {
                self.reserved.insert(job.clone(), amount(reserved));
            }
            RunEvent::Done { job, cost, .. } | RunEvent::Failed { job, cost, .. } => {
                self.reserved.remove(job);
                self.spent += amount(cost);
                self.ended += 1;
            }
            RunEvent::Refused { job, .. } | RunEvent::Lost { job, .. } => {
                self.reserved.remove(job);
                self.ended += 1;
            }
            // An unknown outcome keeps its reservation.
            RunEvent::Unknown { job, reserved, .. } => {
                self.reserved.insert(job.clone(), amount(reserved));
                self.ended += 1;
            }
            RunEvent::WrittenOff { job, cost, .. } => {
                self.reserved.remove(job);
                self.spent += amount(cost);
                self.ended += 1;
            }
            RunEvent::OverBudget { limit, .. } => {
                *self.over.entry(limit.to_string()).or_default() += 1;
                self.ended += 1;
            }
            RunEvent::Skipped { guardrail, .. } => {
                if let Some(broken) = guardrail {
                    *self.over.entry(denied_by(broken)).or_default() += 1;
                }
                self.ended += 1;
            }
            RunEvent::Unsuited { channel, .. } => {
                *self.unsuited.entry(channel.clone()).or_default() += 1;
            }
            // It was counted as ended when it was refused or failed.
            RunEvent::Retry { .. } | RunEvent::Checked { retake: true, .. } => {
                self.ended = self.ended.saturating_sub(1);
            }
            RunEvent::Ended(summary) => self.spent = amount(&summary.spent),
            _ => {}
        }
    }

    fn money(&self) -> String {
        let reserved: Decimal = self.reserved.values().sum();
        let (spent, reserved) = (display_value(self.spent), display_value(reserved));
        format!("{spent} {unit} spent, {reserved} reserved", unit = self.unit)
    }

    /// A line for logs: the first clip, then one every few seconds, and the last.
    fn plain_line(&mut self, last: bool) {
        let due = self.last_line.is_none_or(|at| at.elapsed() >= LINE_EVERY);
        if self.ended == 0 || !(due || last) {
            return;
        }
        self.last_line = Some(Instant::now());
        let seconds = self.began.elapsed().as_secs_f64().max(0.001);
        let rate = self.ended as f64 / seconds;
        let left = self.total.saturating_sub(self.ended) as f64 / rate;
        let eta = if last { String::new() } else { format!(", about {left:.0} s left") };
        let (ended, total, money) = (self.ended, self.total, self.money());
        self.output.say(&format!("{ended}/{total} jobs, {rate:.1}/s{eta}, {money}"));
    }
}

/// A guardrail as people write it.
fn denied_by(broken: &BrokenRule) -> String {
    format!("guardrails.{}", broken.rule)
}

/// What a person should hear of at once.
fn trouble(event: &RunEvent) -> Option<String> {
    Some(match event {
        RunEvent::Unsuited { job, channel, missed } => {
            format!("channel  {job}: not what {channel} asks: {}", missed.join("; "))
        }
        RunEvent::Checked { job, verdict: ClipVerdict::Fail, score, retake } => {
            let score = score.map_or_else(String::new, |score| format!(" ({score} of 100)"));
            let then = if *retake { "; it is made again" } else { "" };
            format!("differs  {job}: it does not show what its references show{score}{then}")
        }
        RunEvent::Failed { job, message, .. } => format!("failed   {job}: {message}"),
        RunEvent::Refused { job, message, .. } => format!("refused  {job}: {message}"),
        RunEvent::Unknown { job, evidence, .. } => format!("unknown  {job}: {evidence}"),
        RunEvent::Searching { job, evidence, after_ms } => {
            let seconds = after_ms.div_ceil(1000);
            format!("in doubt {job}: {evidence}; looked for again in {seconds} s")
        }
        RunEvent::WrittenOff { job, cost, evidence } => {
            format!("lost     {job}: {cost} written off: {evidence}")
        }
        RunEvent::Parked { job, interruptions } => {
            format!("parked   {job}: in flight at {interruptions} crashes in a row; taken up last")
        }
        RunEvent::Paused { model, why, for_ms } => {
            format!("paused   {model}: {why}; in {} s", for_ms.div_ceil(1000))
        }
        RunEvent::Missed { events } => format!("missed   {events} events that nobody read in time"),
        RunEvent::Lost { job, message } => format!("lost     {job}: {message}"),
        RunEvent::Retry { job, cause, after_ms, left } => {
            format!("retry    {job}: {cause}; again in {after_ms} ms, {left} tries left after that")
        }
        RunEvent::UnknownState { job, provider, word } => {
            format!("odd      {job}: {provider} says `{word}`, a state that its card does not know")
        }
        RunEvent::NotWritten { job, provider, id } => {
            format!("keep     {job}: {provider} has it as {id}; the ledger could not be written")
        }
        RunEvent::NoAnswer { job, message } => format!("no word  {job}: {message}; asked again"),
        RunEvent::Held { model, why } => {
            format!("held     {model}: {why}; nothing more of it in this run")
        }
        RunEvent::Overcharged { job, reserved, cost, .. } => {
            format!("ALARM    {job}: {cost} charged, {reserved} reserved; its model is held")
        }
        RunEvent::NoRate { job, cost } => {
            format!("no rate  {job}: its cost of {cost} can't be counted; the estimate stands")
        }
        RunEvent::OverBudget { job, limit, wanted, left } => {
            format!("budget   {job}: takes {wanted}, but {left} is left of {limit}")
        }
        RunEvent::ApprovalEnded { approval, why, in_flight } => {
            format!(
                "approval {approval} holds no more: {why}; nothing new is submitted, {in_flight} jobs in \
                 flight are finished"
            )
        }
        RunEvent::Skipped { job, why: Skip::PaidBefore, .. } => {
            format!(
                "skipped  {job}: its last attempt was charged and gave no clip; `pay_again: true` pays again"
            )
        }
        RunEvent::Skipped { job, why: Skip::NotAsked, .. } => {
            format!("skipped  {job}: a person's word leaves it as it is, said since it was planned")
        }
        RunEvent::Skipped { job, guardrail: Some(broken), .. } => {
            let BrokenRule { rule, at, message } = &**broken;
            format!("denied   {job}: {message} ({rule} at {at})")
        }
        RunEvent::Guardrail { job, rule, at, message } => {
            format!("warning  {job}: {message} ({rule} at {at}); it goes on")
        }
        RunEvent::Waiting { job, message } => format!("waiting  {job}: {message}"),
        _ => return None,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_job_that_is_tried_again_counts_once() {
        let output = Output { width: 80, color: false, talk_color: false, json: true };
        let mut progress = Progress::new(1, &output);
        let (job, cause) = (String::from("a"), String::from("busy"));
        let refused =
            RunEvent::Refused { job: job.clone(), cause: cause.clone(), message: String::new() };
        let retry = RunEvent::Retry { job: job.clone(), cause, after_ms: 1, left: 2 };
        let done = RunEvent::Done {
            job,
            clip: "a.mp4".to_owned(),
            bytes: 1,
            cost: "3".to_owned(),
            basis: None,
        };
        for event in [&refused, &retry, &refused, &retry, &done] {
            progress.count(event);
        }
        assert_eq!((progress.ended, progress.spent), (1, Decimal::from(3)));
    }
}
