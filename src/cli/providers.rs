//! `kinora providers`: who can make clips, and what a key is needed for.

use std::path::Path;

use kinora::clock::{Clock, SystemClock};
use kinora::diagnostic::Sources;
use kinora::environment::ProcessEnvironment;
use kinora::exit::Exit;
use kinora::models::Shelf;
use kinora::protocol::Rack;
use kinora::report;
use serde_json::json;

use super::Outcome;
use super::args::{Global, ProvidersArgs, ProvidersFormat};
use super::output::Output;
use super::workspace::{invalid, limits};

/// Runs it.
pub fn providers(arguments: &ProvidersArgs, global: &Global, output: &Output) -> Outcome {
    let given = arguments.workspace.as_path();
    let folder = if given.is_dir() { given } else { given.parent().unwrap_or(Path::new(".")) };
    let (mut sources, limits) = (Sources::default(), limits(global));
    let (rack, mut findings) = Rack::load(folder, &limits, &mut sources);
    let (shelf, of_models) = Shelf::load(folder, SystemClock.today(), &limits, &mut sources);
    findings.merge(of_models);
    if findings.has_errors() {
        return Err(invalid(&mut findings, &sources, output));
    }
    output.findings(&findings, &sources);
    let lines = report::provider_lines(&rack, &shelf, &ProcessEnvironment);
    let text = match (output.json, arguments.format) {
        (true, _) | (_, Some(ProvidersFormat::Json)) => {
            format!("{:#}", json!({ "format_version": "1.0", "providers": lines }))
        }
        (_, Some(ProvidersFormat::Markdown)) => report::providers_markdown(&lines),
        (_, Some(ProvidersFormat::Text) | None) => {
            report::providers_text(&lines, output.width, output.color)
        }
    };
    output.data(&text);
    Ok(Exit::Done)
}
