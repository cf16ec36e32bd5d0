//! `kinora models`: what can be planned with, and what it costs.

use std::path::Path;

use kinora::diagnostic::Sources;
use kinora::exit::Exit;
use kinora::models::{ModelCard, Shelf};
use kinora::report;
use serde_json::json;

use super::Outcome;
use super::args::{Global, ModelsArgs};
use super::output::Output;
use super::workspace::{invalid, limits};

/// Runs it.
pub fn models(arguments: &ModelsArgs, global: &Global, output: &Output) -> Outcome {
    let given = arguments.workspace.as_path();
    let folder = if given.is_dir() { given } else { given.parent().unwrap_or(Path::new(".")) };
    let mut sources = Sources::default();
    let (shelf, mut findings) = Shelf::load(folder, &limits(global), &mut sources);
    if findings.has_errors() {
        return Err(invalid(&mut findings, &sources, output));
    }
    output.findings(&findings, &sources);
    if output.json {
        let cards: Vec<&ModelCard> = shelf.iter().map(|card| card.as_ref()).collect();
        output.data(&format!("{:#}", json!({ "format_version": "1.0", "models": cards })));
        return Ok(Exit::Done);
    }
    output.data(&report::models_text(&shelf, output.width, output.color));
    Ok(Exit::Done)
}
