//! The desk of an unattended run: what is known of it so far, its log, and its one ending.
//!
//! What never lives here: what a run does, and the words for its ending.

use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, MutexGuard, OnceLock};
use std::time::Duration;

use jiff::Timestamp;
use kinora::clock::{Clock, SystemClock};
use kinora::digest::FieldHasher;
use kinora::environment::{Environment, ProcessEnvironment};
use kinora::exit::Exit;
use kinora::ledger::Approval;
use kinora::manifest::{Notify, NotifyOn, NotifyTo, Unattended, peek_unattended};
use kinora::notify::{Patience, Told, Untold, command, webhook};
use kinora::plan::{OutsidePolicy, PlanSummary};
use kinora::report::{ApprovalOutline, LogEvent, OUTCOME_FORMAT, OutcomeJson, PlanOutline};
use kinora::run::RunSummary;

use super::super::log::Log;
use super::words;
use crate::cli::Failure;
use crate::cli::args::{Global, RunArgs};
use crate::cli::output::Output;
use crate::cli::workspace::{Workspace, find_manifest, limits};

/// How a run ended.
pub(super) struct Ending {
    /// All that it ended with; the one that needs a person most is the exit code.
    ends: Vec<Exit>,
    /// What is said where it did not come to its own end.
    failure: Option<Failure>,
    /// What stopped it, where something did.
    stopped: Option<Stopped>,
}

/// What stopped a run.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Stopped {
    /// A signal.
    Signal,
    /// Its deadline.
    Deadline,
}

impl Ending {
    /// It came to its end.
    pub fn of(ends: Vec<Exit>) -> Self {
        Ending { ends, failure: None, stopped: None }
    }

    /// It ended with what was dispatched.
    pub fn after_run(ends: Vec<Exit>, deadline: bool) -> Self {
        let stopped = if deadline { Stopped::Deadline } else { Stopped::Signal };
        let stopped = ends.contains(&Exit::Interrupted).then_some(stopped);
        Ending { ends, failure: None, stopped }
    }

    /// It was stopped before anything was dispatched.
    pub fn stopped(deadline: bool) -> Self {
        Ending::after_run(vec![Exit::Interrupted], deadline)
    }

    /// It failed.
    pub fn failed(failure: Failure) -> Self {
        Ending { ends: vec![failure.exit], failure: Some(failure), stopped: None }
    }
}

/// What is known so far.
#[derive(Default)]
struct Known {
    name: Option<String>,
    /// The manifest's path, for commands.
    given: String,
    /// Pictures that are not here, since they could not be fetched.
    not_fetched: u64,
    plan: Option<PlanOutline>,
    approval: Option<ApprovalOutline>,
    outside: Vec<OutsidePolicy>,
    run: Option<RunSummary>,
}

/// The desk.
pub(super) struct Desk {
    id: String,
    began: Timestamp,
    manifest: PathBuf,
    /// Options that narrow the plan, for commands that a person is told.
    narrowed: String,
    log_path: Option<PathBuf>,
    log: OnceLock<Arc<Log>>,
    notify: Result<Option<Notify>, String>,
    known: Mutex<Known>,
    /// The exit code, once the ending was told. Whoever tells it holds the lock meanwhile.
    ended: Mutex<Option<Exit>>,
    output: Output,
}

impl Desk {
    /// Sets it up with what the manifest says of unattended runs, wrong as it may be otherwise.
    pub fn new(arguments: &RunArgs, global: &Global, output: &Output) -> Self {
        let given = &arguments.manifest.manifest;
        let manifest = find_manifest(given).unwrap_or_else(|_| given.clone());
        let says = peek_unattended(&manifest, &limits(global)).unwrap_or_default();
        let Unattended { notify, log, .. } = says;
        let folder = manifest.parent().unwrap_or(Path::new(""));
        let folder = folder.strip_prefix(".").unwrap_or(folder);
        let log_path = arguments.log.clone().or_else(|| log.map(|log| folder.join(log)));
        let notify = match &arguments.notify {
            None => Ok(notify),
            Some(written) => NotifyTo::webhook(written)
                .map(|to| Some(Notify { to, on: notify.map_or(NotifyOn::Always, |n| n.on) }))
                .map_err(|why| format!("--notify: {why}")),
        };
        let began = SystemClock.now();
        let shown = manifest.strip_prefix(".").unwrap_or(&manifest).display().to_string();
        let known = Known { given: shown, ..Known::default() };
        Desk {
            id: id_of(&manifest, began),
            began,
            narrowed: words::narrowed(&arguments.select, global),
            manifest,
            log_path,
            log: OnceLock::new(),
            notify,
            known: Mutex::new(known),
            ended: Mutex::new(None),
            output: *output,
        }
    }

    /// Opens the log, before anything is done that should stand in it.
    pub fn open_log(&self) -> Result<(), Failure> {
        if let Err(why) = &self.notify {
            return Err(Failure::new(Exit::Usage, why.clone()));
        }
        let talk = Output { json: false, ..self.output };
        let log = Log::open(&self.id, self.log_path.as_deref(), &talk)
            .map_err(|why| Failure::new(Exit::Internal, why))?;
        log.own(LogEvent::Begin {
            kinora: env!("CARGO_PKG_VERSION").to_owned(),
            manifest: self.manifest.display().to_string(),
            process: std::process::id(),
        });
        self.log.get_or_init(|| Arc::new(log));
        Ok(())
    }

    /// The log.
    pub fn log(&self) -> Arc<Log> {
        let nothing = || Log::open(&self.id, None, &self.output).expect("no file is opened");
        Arc::clone(self.log.get_or_init(|| Arc::new(nothing())))
    }

    fn known(&self) -> MutexGuard<'_, Known> {
        // Every field is set at once, so a panic leaves none half changed.
        self.known.lock().unwrap_or_else(|poisoned| poisoned.into_inner())
    }

    /// The manifest was read.
    pub fn named(&self, workspace: &Workspace) {
        let mut known = self.known();
        known.name = Some(workspace.catalogue.name.clone());
        known.given.clone_from(&workspace.given);
    }

    /// So many pictures could not be fetched.
    pub fn not_fetched(&self, pictures: u64) {
        self.known().not_fetched = pictures;
    }

    /// The plan is known.
    pub fn planned(&self, summary: &PlanSummary) {
        let outline = PlanOutline::of(summary);
        self.known().plan = Some(outline.clone());
        self.log().own(LogEvent::Plan { plan: Box::new(outline) });
    }

    /// The plan is approved.
    pub fn approved(&self, approval: &Approval) {
        let outline = ApprovalOutline {
            plan: approval.plan.to_string(),
            by: approval.by.clone(),
            origin: approval.origin.as_str().to_owned(),
            ceiling: approval.ceiling.to_decimal().normalize().to_string(),
            unit: approval.unit.to_string(),
            expires: approval.expires.map(|at| at.to_string()),
        };
        self.known().approval = Some(outline.clone());
        self.log().own(LogEvent::Approval { approval: outline });
    }

    /// The plan needs a person.
    pub fn outside(&self, reasons: Vec<OutsidePolicy>) {
        self.known().outside.clone_from(&reasons);
        self.log().own(LogEvent::Outside { reasons });
    }

    /// Something was dispatched, and this came of it.
    pub fn ran(&self, summary: RunSummary) {
        self.known().run = Some(summary);
    }

    /// Tells how it ended: on stdout, in the log, by the notification. Once; whoever comes second
    /// waits for the first, and gets the same exit code.
    pub fn end(&self, ending: Ending) -> Exit {
        let mut ended = self.ended.lock().unwrap_or_else(|poisoned| poisoned.into_inner());
        if let Some(exit) = *ended {
            return exit;
        }
        let exit = Exit::of_most_need(ending.ends.iter().copied());
        // Set before anything is sent: a panic on the way must not send it twice.
        *ended = Some(exit);
        let outcome = self.outcome(exit, ending);
        let text = serde_json::to_string(&outcome).expect("an outcome is always JSON");
        self.say(&outcome);
        self.output.data_if_read(&text);
        let attention = outcome.attention;
        self.log().own(LogEvent::End { outcome: Box::new(outcome) });
        self.tell(attention, &text);
        exit
    }

    fn outcome(&self, exit: Exit, ending: Ending) -> OutcomeJson {
        let known = std::mem::take(&mut *self.known());
        let facts = words::Facts {
            given: &known.given,
            narrowed: &self.narrowed,
            not_fetched: known.not_fetched,
            plan: known.plan.as_ref(),
            run: known.run.as_ref(),
            outside: &known.outside,
            stopped: ending.stopped,
        };
        let (message, needs) = match &ending.failure {
            Some(failure) => words::of_failure(failure, &facts),
            None => (words::message(exit, &facts), words::needs(&ending.ends, &facts)),
        };
        let (errors, errors_in_all) =
            ending.failure.map_or_else(Default::default, |f| (f.errors, f.errors_in_all));
        OutcomeJson {
            format_version: OUTCOME_FORMAT.to_owned(),
            id: self.id.clone(),
            kinora: env!("CARGO_PKG_VERSION").to_owned(),
            manifest: self.manifest.display().to_string(),
            name: known.name,
            began: self.began.to_string(),
            ended: SystemClock.now().to_string(),
            exit: exit.code(),
            result: exit.word().to_owned(),
            attention: exit != Exit::Done,
            message,
            needs,
            plan: known.plan,
            approval: known.approval,
            outside_policy: known.outside,
            run: known.run,
            errors,
            errors_in_all,
        }
    }

    /// The same for whoever reads stderr.
    fn say(&self, outcome: &OutcomeJson) {
        self.output.say(&format!("kinora: {}", outcome.message));
        for reason in &outcome.outside_policy {
            let at = reason.at.as_ref().map(|at| format!(" ({at})")).unwrap_or_default();
            self.output.say(&format!("  {}: {}{at}", reason.bound, reason.message));
        }
        for need in &outcome.needs {
            self.output.say(&format!("  → {need}"));
        }
    }

    /// Sends the notification. Its failure is said and changes nothing.
    fn tell(&self, attention: bool, text: &str) {
        let Ok(Some(notify)) = &self.notify else { return };
        if notify.on == NotifyOn::Attention && !attention {
            return;
        }
        let (to, told) = self.send(&notify.to, text.as_bytes());
        let event = match told {
            Ok(Told { tries, said }) => LogEvent::Notified { to, tries, said },
            Err(Untold { tries, why, said }) => {
                self.output
                    .say(&format!("kinora: nobody was told by {to}: {why} (tries: {tries})"));
                LogEvent::NotNotified { to, tries, why, said }
            }
        };
        self.log().own(event);
    }

    fn send(&self, to: &NotifyTo, body: &[u8]) -> (String, Result<Told, Untold>) {
        let url = match to {
            NotifyTo::Command(words) => {
                let folder = self.manifest.parent().filter(|p| !p.as_os_str().is_empty());
                let folder = folder.unwrap_or(Path::new("."));
                let name = words.first().cloned().unwrap_or_default();
                return (name, command::run(words, folder, body, Patience::default()));
            }
            NotifyTo::Webhook(url) => url.clone(),
            NotifyTo::WebhookIn(name) => match ProcessEnvironment.get(name) {
                Some(url) => url.trim().to_owned(),
                None => {
                    let why = format!("{name} is not set in the environment");
                    return (format!("env:{name}"), Err(Untold { tries: 0, why, said: None }));
                }
            },
        };
        (webhook::shown(&url), post(&url, &self.id, body))
    }
}

fn post(url: &str, id: &str, body: &[u8]) -> Result<Told, Untold> {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build();
    let runtime =
        runtime.map_err(|e| Untold { tries: 0, why: format!("no runtime: {e}"), said: None })?;
    let told = runtime.block_on(webhook::post(url, id, body, Patience::default()));
    // A name that is still being looked up holds up nobody.
    runtime.shutdown_timeout(Duration::from_millis(100));
    told
}

/// A name of this start of the program: no other has the same manifest, moment and process.
fn id_of(manifest: &Path, began: Timestamp) -> String {
    let manifest = manifest.canonicalize().unwrap_or_else(|_| manifest.to_owned());
    let mut name = FieldHasher::new("start");
    name.field(manifest.as_os_str().as_encoded_bytes())
        .field(&began.as_nanosecond().to_le_bytes())
        .field(&std::process::id().to_le_bytes());
    name.finish().to_string().chars().take(16).collect()
}
