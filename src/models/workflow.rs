//! Workflows: the graph of a model card, read from its file, and whether its slots are there.
//!
//! What lives here: reading and judging a graph when its card is loaded. What never does: what
//! goes into the slots, servers.

use std::path::Path;

use serde_json::Value as Json;

use super::api::Workflow;
use crate::diagnostic::{Finding, Findings, Place, Sources};
use crate::limits::Limits;
use crate::yaml::{self, Node, ReadProblem};

/// Reads the graph of a workflow, if a file holds it, and checks that every slot is there.
/// Returns the file's text, for whoever must know when it changes.
pub(super) fn load(
    workflow: &mut Workflow,
    card: &Node,
    workspace: &Path,
    limits: &Limits,
    sources: &mut Sources,
    findings: &mut Findings,
) -> Option<std::sync::Arc<str>> {
    let place = |keys: &[&str]| {
        let keys = ["api", "workflow"].iter().chain(keys).copied();
        yaml::place_of(card, keys)
    };
    let mut text = None;
    match (&workflow.file, &workflow.graph) {
        (Some(_), Some(_)) | (None, None) => {
            let message = "a workflow is either in a file or on the card";
            let finding = Finding::error("card::wrong_value", message);
            let finding = finding.at(place(&[]), "this workflow");
            findings.push(finding.help("write `file:` or `graph:`, and only one of them"));
            return None;
        }
        (Some(file), None) => match read(file, workspace, limits, sources) {
            Ok((read, graph)) => {
                text = Some(read);
                workflow.graph = Some(yaml::Json(graph));
            }
            Err(problem) => {
                findings.push(problem.finding(file, place(&["file"])));
                return None;
            }
        },
        (None, Some(_)) => {}
    }
    let graph = workflow.graph.as_ref().map(|graph| &graph.0).unwrap_or(&Json::Null);
    if let Some((message, help)) = no_graph(graph) {
        let key = if workflow.file.is_some() { "file" } else { "graph" };
        let finding = Finding::error("card::workflow", message);
        findings.push(finding.at(place(&[key]), "this graph").help(help));
        return text;
    }
    for pointer in workflow.slots.keys().filter(|pointer| graph.pointer(pointer).is_none()) {
        let message = format!("the workflow has nothing at `{pointer}`");
        let finding = Finding::error("card::workflow_slot", message);
        let finding = finding.at(place(&["slots", pointer]), "this slot");
        findings.push(finding.help(whats_there(graph, pointer)));
    }
    text
}

/// Why a file gives no graph.
enum Problem {
    Outside,
    Unreadable(ReadProblem),
    NoJson(String, Place),
}

fn read(
    file: &str,
    workspace: &Path,
    limits: &Limits,
    sources: &mut Sources,
) -> Result<(std::sync::Arc<str>, Json), Problem> {
    let plain = |part: &str| !part.is_empty() && part != "." && part != "..";
    if Path::new(file).is_absolute() || !file.split('/').all(plain) {
        return Err(Problem::Outside);
    }
    let path = workspace.join(file);
    if let (Ok(real), Ok(root)) = (path.canonicalize(), workspace.canonicalize())
        && !real.starts_with(root)
    {
        return Err(Problem::Outside);
    }
    let (source, text) =
        yaml::read_file(&path, file, limits, sources).map_err(Problem::Unreadable)?;
    match serde_json::from_str(&text) {
        Ok(graph) => Ok((text, graph)),
        Err(error) => {
            let place = Place::new(source, offset_of(&text, error.line(), error.column()), 1);
            let why = error.to_string();
            // Its place is shown, so its words need not say it again.
            let why = why.split(" at line ").next().unwrap_or(&why).to_owned();
            Err(Problem::NoJson(why, place))
        }
    }
}

/// The byte at a line and column, both counted from 1.
fn offset_of(text: &str, line: usize, column: usize) -> u64 {
    let before: usize = text.split_inclusive('\n').take(line.saturating_sub(1)).map(str::len).sum();
    (before + column.saturating_sub(1)).min(text.len()) as u64
}

impl Problem {
    fn finding(self, file: &str, place: Place) -> Finding {
        match self {
            Problem::Outside => {
                Finding::error("card::workflow", format!("`{file}` is outside the workspace"))
                    .at(place, "this file")
                    .help("write a path below the manifest's folder, without `..`")
            }
            Problem::Unreadable(ReadProblem::Missing) => {
                Finding::error("card::workflow", format!("there is no file `{file}`"))
                    .at(place, "this file")
                    .help("a workflow's file is looked for from the manifest's folder")
            }
            Problem::Unreadable(ReadProblem::Io(why)) => {
                Finding::error("card::workflow", format!("`{file}` can't be read: {why}"))
                    .at(place, "this file")
            }
            Problem::Unreadable(ReadProblem::TooLong(limit)) => {
                Finding::error("card::limit", format!("`{file}` is longer than {limit} bytes"))
                    .at(place, "this file")
                    .help(Limits::how_to_raise("manifest_bytes"))
            }
            Problem::Unreadable(ReadProblem::NotUtf8(wrong)) => {
                Finding::error("card::utf8", format!("`{file}` is not UTF-8"))
                    .at(wrong, "the first byte that is not")
                    .also(place, "named here")
            }
            Problem::NoJson(why, wrong) => {
                Finding::error("card::workflow", format!("`{file}` is no JSON: {why}"))
                    .at(wrong, "here")
                    .also(place, "named here")
                    .help("export the workflow again, in API format")
            }
        }
    }
}

/// What is wrong with a graph as a whole, and what to do.
fn no_graph(graph: &Json) -> Option<(&'static str, &'static str)> {
    let export = "in ComfyUI, export the workflow in API format (Workflow, Export (API))";
    match graph.as_object() {
        Some(nodes) if nodes.get("nodes").is_some_and(Json::is_array) => {
            Some(("the workflow is in the editor's format, which the server does not run", export))
        }
        Some(nodes) if !nodes.is_empty() && nodes.values().all(|n| n["class_type"].is_string()) => {
            None
        }
        _ => Some(("a workflow is a mapping of nodes, each with its `class_type`", export)),
    }
}

/// How far a pointer leads, and what is there.
fn whats_there(graph: &Json, pointer: &str) -> String {
    let mut reached = pointer;
    while let Some((shorter, _)) = reached.rsplit_once('/') {
        reached = shorter;
        if let Some(Json::Object(there)) = graph.pointer(reached) {
            let names: Vec<String> = there.keys().take(12).map(|k| format!("`{k}`")).collect();
            let place = if reached.is_empty() { "the graph" } else { reached };
            return format!("{place} has {}", names.join(", "));
        }
    }
    "a slot is written as `/NODE/inputs/NAME`".to_owned()
}

#[cfg(test)]
mod tests {
    use crate::diagnostic::Sources;
    use crate::limits::Limits;
    use crate::models::Shelf;

    const GRAPH: &str = r#"{"10": {"class_type": "LoadImage", "inputs": {"image": "a.png"}}}"#;

    /// What is said of a card whose workflow reads so, with these files in the workspace.
    fn said(workflow: &str, files: &[(&str, &str)]) -> (Option<serde_json::Value>, Vec<String>) {
        let workspace = tempfile::tempdir().expect("a folder");
        let write = |name: &str, text: &str| {
            let path = workspace.path().join(name);
            std::fs::create_dir_all(path.parent().expect("a folder")).expect("it can be made");
            std::fs::write(path, text).expect("it can be written");
        };
        files.iter().for_each(|(name, text)| write(name, text));
        let card = format!(
            "kinora_model: 1\nmodel: own/m\nprovider: comfyui\ntitle: m\n\
             routes: {{image: {{min: 1, max: 1}}}}\ndurations: {{values: [4]}}\n\
             resolutions: {{480p: {{short_side: 480}}}}\napi:\n  workflow: {workflow}\n"
        );
        write("models/own.yaml", &card);
        let mut sources = Sources::default();
        let limits = Limits { manifest_bytes: 4096, ..Limits::default() };
        let (shelf, findings) =
            Shelf::load(workspace.path(), jiff::civil::date(2026, 11, 23), &limits, &mut sources);
        let graph = shelf.get("own/m").and_then(|card| {
            let workflow = card.api.workflow.as_ref()?;
            workflow.graph.as_ref().map(|graph| graph.0.clone())
        });
        let said = findings.items().iter().map(|finding| {
            assert!(finding.place.is_some(), "a finding has a place");
            let help = finding.help.as_deref().unwrap_or_default();
            format!("{}: {} ({help})", finding.code, finding.message)
        });
        (graph, said.collect())
    }

    #[test]
    fn a_graph_is_read_from_its_file_and_its_slots_are_there() {
        let workflow = "{file: flows/a.json, slots: {/10/inputs/image: \"${first.handle}\"}}";
        let (graph, said) = said(workflow, &[("flows/a.json", GRAPH)]);
        assert_eq!(said, Vec::<String>::new());
        assert_eq!(graph, serde_json::from_str(GRAPH).ok());
    }

    #[test]
    fn what_is_wrong_with_a_workflow_is_said_at_its_place() {
        let editor = r#"{"nodes": [], "links": []}"#;
        let long = format!("{{\"10\": \"{}\"}}", "a".repeat(5_000));
        for (workflow, file, says) in [
            ("{file: a.json, slots: {}}", None, "there is no file `a.json`"),
            ("{file: ../a.json, slots: {}}", None, "outside the workspace"),
            ("{file: /etc/a.json, slots: {}}", None, "outside the workspace"),
            ("{file: a.json, slots: {}}", Some("{\"10\": "), "is no JSON: EOF while parsing"),
            ("{file: a.json, slots: {}}", Some("[1, 2]"), "a mapping of nodes"),
            ("{file: a.json, slots: {}}", Some("{}"), "a mapping of nodes"),
            ("{file: a.json, slots: {}}", Some(editor), "the editor's format"),
            ("{file: a.json, slots: {}}", Some(&*long), "longer than 4096 bytes"),
            ("{slots: {}}", None, "either in a file or on the card"),
            ("{file: a.json, graph: {}, slots: {}}", Some(GRAPH), "either in a file or on"),
            ("{graph: {\"1\": {}}, slots: {}}", None, "a mapping of nodes"),
            (
                "{file: a.json, slots: {/10/inputs/picture: 1}}",
                Some(GRAPH),
                "nothing at `/10/inputs/picture` (/10/inputs has `image`)",
            ),
            (
                "{file: a.json, slots: {/11/inputs/image: 1}}",
                Some(GRAPH),
                "nothing at `/11/inputs/image` (the graph has `10`)",
            ),
        ] {
            let files: Vec<(&str, &str)> = file.iter().map(|text| ("a.json", *text)).collect();
            let (graph, said) = said(workflow, &files);
            assert_eq!(graph, None, "{workflow}: a card with errors is left out");
            assert!(matches!(&said[..], [one] if one.contains(says)), "{workflow}: {said:?}");
        }
    }
}
