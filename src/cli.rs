//! The command line: one file a command; wiring and printing only.
//!
//! What never lives here: rules about manifests, money or jobs.

mod approvals;
mod approve;
mod approving;
mod args;
mod channels;
mod check;
mod decode_frames;
mod export;
mod fetch;
mod guard;
mod hosted;
mod init;
#[cfg(feature = "onnx")]
mod judge_onnx;
mod ledger;
mod made_before;
mod models;
mod output;
mod plan;
mod plan_file;
mod plan_forms;
mod planning;
mod prices;
mod progress;
mod providers;
mod references;
mod rehearse;
mod rejects;
mod report;
mod resolve;
mod run;
mod schema;
mod select;
mod signals;
mod simulate;
mod verify;
mod words;
mod workspace;

use clap::Parser;
use kinora::exit::Exit;
use kinora::plan::FindingOut;

use args::{Arguments, Command};
use output::Output;

/// Why a command ends early: its exit code and what to say.
#[derive(Debug)]
pub struct Failure {
    exit: Exit,
    message: String,
    /// Errors that were shown already, the first of them.
    errors: Vec<FindingOut>,
    /// How many errors there are in all.
    errors_in_all: u64,
}

impl Failure {
    fn new(exit: Exit, message: impl Into<String>) -> Self {
        Failure { exit, message: message.into(), errors: Vec::new(), errors_in_all: 0 }
    }
}

/// What a command gives: the exit code, or why it ended early.
type Outcome = Result<Exit, Failure>;

/// Reads the arguments, runs the command, says what went wrong.
pub fn main() -> Exit {
    let arguments = match Arguments::try_parse_from(words::addresses_last(std::env::args_os())) {
        Ok(arguments) => arguments,
        Err(error) => {
            let usage = error.use_stderr();
            let _ = error.print();
            return if usage { Exit::Usage } else { Exit::Done };
        }
    };
    let output = Output::new(&arguments.global);
    match run(arguments, &output) {
        Ok(exit) => exit,
        Err(failure) => {
            if !failure.message.is_empty() {
                output.say(&format!("kinora: {}", failure.message));
            }
            failure.exit
        }
    }
}

fn run(arguments: Arguments, output: &Output) -> Outcome {
    let global = &arguments.global;
    select::refuse_without_a_plan(&arguments)?;
    match &arguments.command {
        Command::Init(init) => init::init(init, global, output),
        Command::Check(check) => check::check(check, global, output),
        Command::Fetch(which) => fetch::fetch(which, global, output),
        Command::Plan(plan) => plan::plan(plan, global, output),
        Command::Approve(approval) => approve::approve(approval, global, output),
        Command::Approvals(which) => approvals::approvals(which, global, output),
        Command::Run(run) => run::run(run, global, output),
        Command::Status(status) => report::status(status, global, output),
        Command::Resolve(resolve) => resolve::resolve(resolve, global, output),
        Command::Verify(which) => verify::verify(which, global, output),
        Command::Accept(accept) => words::accept(accept, output),
        Command::Reject(reject) => words::reject(reject, output),
        Command::Report(report) => report::report(report, global, output),
        Command::Export(export) => export::export(export, global, output),
        Command::Ledger(which) => ledger::ledger(which, output),
        Command::Models(models) => models::models(models, global, output),
        Command::Channels(which) => channels::channels(which, global, output),
        Command::Prices(which) => prices::prices(which, global, output),
        Command::Rehearse(rehearsal) => rehearse::rehearse(rehearsal, global, output),
        Command::Simulate(simulation) => simulate::simulate(simulation, global, output),
        Command::Providers(which) => providers::providers(which, global, output),
        Command::Schema(schema) => schema::schema(schema, output),
        Command::DecodeFrames(request) => decode_frames::decode_frames(request),
        #[cfg(feature = "onnx")]
        Command::JudgeOnnx(task) => judge_onnx::judge_onnx(task),
    }
}
