//! The command line, as clap reads it.

use std::path::PathBuf;

use clap::{Args, Parser, Subcommand, ValueEnum};
use rust_decimal::Decimal;

/// Turns a shop's catalogue of still pictures into video clips, in bulk, and never spends a
/// credit that nobody approved.
#[derive(Debug, Parser)]
#[command(name = "kinora", version, max_term_width = 100, after_help = after_help())]
pub struct Arguments {
    #[command(flatten)]
    pub global: Global,
    #[command(subcommand)]
    pub command: Command,
}

/// Options of every command.
#[derive(Debug, Clone, Args)]
pub struct Global {
    /// Print data, findings and progress as JSON
    #[arg(long, global = true)]
    pub json: bool,
    /// Raise or lower a limit, for instance `--limit jobs=5000000`; of plan, approve and run, a
    /// number alone is a pilot: only the first N jobs that would run
    #[arg(long, global = true, value_name = "N|NAME=VALUE", value_parser = parse_limit)]
    pub limit: Vec<LimitOption>,
    /// When to colour text
    #[arg(long, global = true, value_enum, default_value_t = Color::Auto)]
    pub color: Color,
    /// Columns of text output; the terminal's own by default
    #[arg(long, global = true, value_name = "COLUMNS", value_parser = clap::value_parser!(u16).range(40..=400))]
    pub width: Option<u16>,
}

/// One `--limit`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum LimitOption {
    /// Of what may be read and made at all, by its name.
    Named(String, u64),
    /// Of the jobs of this plan.
    Jobs(u64),
}

/// Which part of a plan is meant; the whole where nothing is said.
#[derive(Debug, Clone, Default, Args)]
pub struct SelectArgs {
    /// Only jobs whose subject (`set.id`), shot, model or address fits this glob; may be repeated
    #[arg(long, value_name = "PATTERN", value_parser = glob::Pattern::new)]
    pub only: Vec<glob::Pattern>,
    /// Only subjects whose pictures, or whose date named by the set's `updated:`, are of then or
    /// later: a day or time (UTC), a length of time before now such as 7d, or last-run
    #[arg(long, value_name = "DATE|DURATION|last-run")]
    pub since: Option<String>,
}

/// When to colour text.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum Color {
    /// On a terminal, unless NO_COLOR is set
    Auto,
    /// Always
    Always,
    /// Never
    Never,
}

/// The commands.
#[derive(Debug, Subcommand)]
pub enum Command {
    /// A first manifest that works as it is: for a shop's export, a folder of pictures, or alone
    Init(super::init::InitArgs),
    /// Load and validate everything; spend nothing, touch no network
    Check(CheckArgs),
    /// Fetch the pictures that have URLs, and note in pictures.lock what they are
    Fetch(super::fetch::FetchArgs),
    /// The dry run: jobs, routes, estimates, what changed, warnings
    Plan(PlanArgs),
    /// Record that a person accepts the plan, up to a ceiling
    Approve(ApproveArgs),
    /// Approvals: list them, revoke one, take one in that travelled, make a key to sign with
    Approvals(super::approvals::ApprovalsArgs),
    /// Make the clips that are approved; goes on where it stopped
    Run(RunArgs),
    /// What the ledger says now
    Status(StatusArgs),
    /// Submissions of unknown outcome: list them, settle them by evidence or by word
    Resolve(super::resolve::ResolveArgs),
    /// Look at clips again: does each still show what its references show?
    Verify(super::verify::VerifyArgs),
    /// Say that clips are as they should be
    Accept(super::words::AcceptArgs),
    /// Say that clips are not to be shown, and whether to make them again
    Reject(super::words::RejectArgs),
    /// What was made, as text, JSON, CSV, Markdown or a page to look at
    Report(ReportArgs),
    /// What was made, for shops and feeds: results, Shopify, Google, evidence, contact sheets
    Export(super::export::ExportArgs),
    /// Verify the ledger, export it, back it up
    Ledger(super::ledger::LedgerArgs),
    /// The models, those that can be used with the keys at hand first; abilities and prices
    Models(ModelsArgs),
    /// Where clips can be shown: shapes, pixels, lengths, safe zones, and where each figure is from
    Channels(ChannelsArgs),
    /// What models cost, since when that is known and from where; ask the providers anew
    Prices(super::prices::PricesArgs),
    /// The whole run against simulated providers, for nothing: do bills and ledger agree?
    Rehearse(super::rehearse::RehearseArgs),
    /// Simulate a provider on this machine, for any program that speaks its API; spend nothing
    Simulate(super::simulate::SimulateArgs),
    /// The providers that can make clips, what they can do, and which key they need
    Providers(ProvidersArgs),
    /// Print the JSON Schema of a file that Kinora reads or writes
    Schema(SchemaArgs),
    /// Decode a clip's frames; Kinora starts it itself
    #[command(name = kinora::media::frames::COMMAND, hide = true)]
    DecodeFrames(super::decode_frames::DecodeFramesArgs),
    /// Hold pictures together by a model; Kinora starts it itself
    #[cfg(feature = "onnx")]
    #[command(name = kinora::verification::judges::ONNX_COMMAND, hide = true)]
    JudgeOnnx(super::judge_onnx::JudgeOnnxArgs),
}

/// A manifest.
#[derive(Debug, Clone, Args)]
pub struct ManifestArg {
    /// The manifest, or a folder that holds a `kinora.yaml`
    #[arg(default_value = ".")]
    pub manifest: PathBuf,
}

/// Options of `check`.
#[derive(Debug, Args)]
pub struct CheckArgs {
    #[command(flatten)]
    pub manifest: ManifestArg,
    /// Look at every reference picture, too: sharpness, subject, background, lettering, pictures
    /// that are there twice, and what the plan's models make of each
    #[arg(long)]
    pub references: bool,
    /// Write the pictures of which something is said to a PNG to look at
    #[arg(long, value_name = "FILE.png", requires = "references")]
    pub contact_sheet: Option<PathBuf>,
}

/// Options of `plan`.
#[derive(Debug, Args)]
pub struct PlanArgs {
    #[command(flatten)]
    pub manifest: ManifestArg,
    #[command(flatten)]
    pub select: SelectArgs,
    /// How to show it
    #[arg(long, value_enum)]
    pub format: Option<PlanFormat>,
    /// Write it to a file; the format follows from .plan, .html, .json, .csv, .md or .txt
    #[arg(short, long, value_name = "FILE")]
    pub output: Option<PathBuf>,
    /// Say how it differs from the plan in this file, instead of from the plan approved last
    #[arg(long, value_name = "OTHER.plan")]
    pub compare: Option<PathBuf>,
}

/// Forms of the dry-run report.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum PlanFormat {
    /// For a terminal
    Text,
    /// The whole plan, for programs
    Json,
    /// One line a job
    Csv,
    /// For a pull request
    #[value(alias = "md")]
    Markdown,
    /// A page for whoever decides on the money
    Html,
    /// CSV for the accounts: one line a set of subjects and model, which sum to the plan
    Finance,
    /// The whole plan in one file, to be approved and run
    Plan,
}

/// Options of `approve`.
#[derive(Debug, Args)]
pub struct ApproveArgs {
    /// The manifest, a folder that holds a `kinora.yaml`, or a plan file
    #[arg(value_name = "MANIFEST|PLAN", default_value = ".")]
    pub what: PathBuf,
    #[command(flatten)]
    pub select: SelectArgs,
    /// The manifest that a plan file is of, where it is not where it was
    #[arg(long = "manifest", value_name = "PATH")]
    pub manifest_of_plan: Option<PathBuf>,
    /// Who approves; with `approvers` in the manifest, a name of it
    #[arg(long, value_name = "NAME")]
    pub by: String,
    /// The most that may be spent under this plan, in the workspace's unit; the plan's own
    /// estimate with retakes by default
    #[arg(long, value_name = "AMOUNT", allow_negative_numbers = true)]
    pub ceiling: Option<String>,
    /// When it ends: a day (to its end, UTC), a time, or a duration such as 36h or 14d
    #[arg(long, value_name = "DATE|DURATION")]
    pub expires: Option<String>,
    /// Why, for the record
    #[arg(long, value_name = "TEXT")]
    pub note: Option<String>,
    /// Sign it with this key, as `kinora approvals new-key` makes one
    #[arg(long, value_name = "FILE")]
    pub key: Option<PathBuf>,
    /// Write it to a file too, which can be committed, and taken in elsewhere by
    /// `kinora approvals import`
    #[arg(short, long, value_name = "FILE")]
    pub output: Option<PathBuf>,
}

/// Options of `run`.
#[derive(Debug, Args)]
pub struct RunArgs {
    #[command(flatten)]
    pub manifest: ManifestArg,
    #[command(flatten)]
    pub select: SelectArgs,
    /// The manifest of a plan file, where it is neither where it was planned nor beside the file
    #[arg(long = "manifest", value_name = "PATH")]
    pub manifest_of_plan: Option<PathBuf>,
    /// Approve the plan as it stands, up to its own estimate with retakes, without asking
    #[arg(long, conflicts_with = "unattended")]
    pub yes: bool,
    /// Take in this approval file first, as `kinora approvals import` does
    #[arg(long, value_name = "FILE", conflicts_with_all = ["yes", "unattended"])]
    pub approval: Option<PathBuf>,
    /// For cron: never ask; approve by the manifest's standing policy alone, log and notify as it
    /// says, and print the outcome as one line of JSON
    #[arg(long)]
    pub unattended: bool,
    /// Spend at most this in this run, in the workspace's unit
    #[arg(long, value_name = "AMOUNT", allow_negative_numbers = true)]
    pub max_spend: Option<Decimal>,
    /// Start nothing more from then on: a time of day or moment (UTC, or with its offset), or a
    /// length of time from now such as 90m
    #[arg(long, value_name = "TIME|DURATION")]
    pub deadline: Option<String>,
    /// Add every step to this file, a line of JSON each; the manifest's `log` by default
    #[arg(long, value_name = "FILE", requires = "unattended")]
    pub log: Option<PathBuf>,
    /// Tell this webhook how it ended (a URL, or env:NAME), whatever the manifest says
    #[arg(long, value_name = "URL|env:NAME", requires = "unattended")]
    pub notify: Option<String>,
    /// Write the page to look at when the run ends
    #[arg(long, value_name = "FILE.html")]
    pub report: Option<PathBuf>,
}

/// Options of `status`.
#[derive(Debug, Args)]
pub struct StatusArgs {
    #[command(flatten)]
    pub manifest: ManifestArg,
}

/// Options of `report`.
#[derive(Debug, Args)]
pub struct ReportArgs {
    #[command(flatten)]
    pub manifest: ManifestArg,
    /// How to show it
    #[arg(long, value_enum)]
    pub format: Option<ReportFormat>,
    /// Write it to a file; the format follows from .html, .json, .csv, .md or .txt
    #[arg(short, long, value_name = "FILE")]
    pub output: Option<PathBuf>,
}

/// Forms of the report.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum ReportFormat {
    /// For a terminal
    Text,
    /// Everything, for programs
    Json,
    /// One line a job
    Csv,
    /// For a pull request
    #[value(alias = "md")]
    Markdown,
    /// A page with the clips; of a plan file, one for whoever decides on the money
    Html,
    /// CSV for the accounts: one line a set of subjects and model
    Finance,
}

/// Options of `models`.
#[derive(Debug, Args)]
pub struct ModelsArgs {
    /// A manifest, or the folder that holds one: prices are for its defaults, and its own cards
    /// in `models/` and `providers/` count too
    #[arg(value_name = "MANIFEST|FOLDER", default_value = ".")]
    pub workspace: PathBuf,
    /// Only models that can be used with the keys in the environment
    #[arg(long)]
    pub usable: bool,
}

/// Options of `channels`.
#[derive(Debug, Args)]
pub struct ChannelsArgs {
    /// A manifest or workspace whose own `channels/` folder counts too
    #[arg(value_name = "MANIFEST|FOLDER", default_value = ".")]
    pub workspace: PathBuf,
    /// Only this one
    #[arg(long, value_name = "NAME")]
    pub channel: Option<String>,
}

/// Options of `providers`.
#[derive(Debug, Args)]
pub struct ProvidersArgs {
    /// A manifest or workspace whose own `providers/` folder counts too
    #[arg(default_value = ".")]
    pub workspace: PathBuf,
    /// How to show it
    #[arg(long, value_enum)]
    pub format: Option<ProvidersFormat>,
}

/// Forms of the list of providers.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum ProvidersFormat {
    /// For a terminal
    Text,
    /// Everything, for programs
    Json,
    /// The table of the README
    #[value(alias = "md")]
    Markdown,
}

/// Options of `schema`.
#[derive(Debug, Args)]
pub struct SchemaArgs {
    /// Which
    #[arg(value_enum)]
    pub name: SchemaName,
}

/// The schemas.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum SchemaName {
    /// A manifest
    Manifest,
    /// A model card
    ModelCard,
    /// A provider card
    ProviderCard,
    /// A channel profile
    Channel,
    /// The plan, as `plan --json` prints it
    Plan,
    /// One line of a plan file
    PlanFile,
    /// The file in which an approval travels
    Approval,
    /// The report, as `report --format json` prints it
    Report,
    /// What `check --references --json` prints
    References,
    /// What `resolve --json` prints
    Resolve,
    /// What `accept --json` and `reject --json` print
    Words,
    /// What a judge is told of one clip
    JudgeQuestion,
    /// What a judge answers
    JudgeAnswer,
    /// What `verify --json` prints
    Verify,
    /// One line of `run --json`
    Events,
    /// What `run --unattended` prints in the end, and what it tells by its notification
    Outcome,
    /// One line of the log of `run --unattended`
    Log,
    /// One line of `ledger export`
    LedgerExport,
    /// What `ledger verify --json` prints
    LedgerVerify,
    /// What `export --json` prints
    Export,
    /// One line of shopify.jsonl, as `export` writes it
    ExportShopify,
    /// A file of evidence, as `export` writes it
    ExportEvidence,
    /// The file beside a clip
    Sidecar,
    /// The workspace's price file, prices.yaml
    PriceFile,
    /// What `prices --json` prints
    Prices,
    /// What `prices refresh --json` prints
    PricesRefresh,
    /// One line of the bill that `simulate --bill` writes
    Bill,
    /// What `fetch --json` prints
    Fetch,
}

fn parse_limit(text: &str) -> Result<LimitOption, String> {
    let (name, value) = match text.split_once('=') {
        Some((name, value)) => (Some(name.trim()), value),
        None => (None, text),
    };
    let value = value.trim().replace('_', "");
    let value: u64 = value.parse().map_err(|_| match name {
        Some(_) => format!("`{value}` is no whole number of at least 1"),
        None => "expected a number of jobs, or NAME=VALUE".to_owned(),
    })?;
    let Some(name) = name else {
        let none = "0 jobs would be no plan; say 1 or more";
        return if value == 0 { Err(none.into()) } else { Ok(LimitOption::Jobs(value)) };
    };
    if value == 0 {
        return Err("a limit of 0 would forbid everything; leave it out for the default".into());
    }
    let names = kinora::limits::Limits::TABLE.iter().map(|l| l.name);
    if names.clone().any(|n| n == name) {
        return Ok(LimitOption::Named(name.to_owned(), value));
    }
    let hint = kinora::diagnostic::nearest(name, names.clone())
        .map(|n| format!("; did you mean `{n}`?"))
        .unwrap_or_default();
    let all: Vec<&str> = names.collect();
    Err(format!("there is no limit `{name}`{hint} (limits: {})", all.join(", ")))
}

fn after_help() -> String {
    let mut text = String::from("Exit codes:\n");
    for (exit, meaning) in kinora::exit::Exit::TABLE {
        text.push_str(&format!("  {:>2}  {meaning}\n", exit.code()));
    }
    text
}
