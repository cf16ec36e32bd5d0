//! A folder of YAML files that a workspace may have, read whole at every start.

use std::path::Path;
use std::sync::Arc;

use super::file::{ReadProblem, read_file};
use crate::diagnostic::{Finding, Findings, SourceId, Sources};
use crate::limits::Limits;

/// Under which codes a room reports files that it can't read.
#[derive(Debug)]
pub struct FileCodes {
    /// A file is gone or can't be read.
    pub unreadable: &'static str,
    /// There are too many files, or one is too long.
    pub limit: &'static str,
    /// A file is not UTF-8.
    pub utf8: &'static str,
}

/// The `.yaml` files of `workspace/folder` by name, as far as they can be read. `most` bounds
/// how many there may be; `what` names them in messages.
pub fn read_folder(
    workspace: &Path,
    folder: &str,
    (what, most): (&str, usize),
    codes: &FileCodes,
    limits: &Limits,
    sources: &mut Sources,
    findings: &mut Findings,
) -> Vec<(SourceId, Arc<str>)> {
    let Ok(entries) = std::fs::read_dir(workspace.join(folder)) else { return Vec::new() };
    let mut names: Vec<String> = entries
        .filter_map(|e| e.ok()?.file_name().into_string().ok())
        .filter(|n| n.ends_with(".yaml") || n.ends_with(".yml"))
        .collect();
    names.sort();
    if names.len() > most {
        let message = format!("there are {} {what} in `{folder}`", names.len());
        let finding = Finding::error(codes.limit, message);
        findings.push(finding.help(format!("{most} are the most that are read")));
        return Vec::new();
    }
    let mut read = Vec::new();
    for file in names {
        let name = format!("{folder}/{file}");
        match read_file(&workspace.join(&name), &name, limits, sources) {
            Ok(found) => read.push(found),
            Err(problem) => findings.push(unreadable(problem, &name, codes)),
        }
    }
    read
}

fn unreadable(problem: ReadProblem, name: &str, codes: &FileCodes) -> Finding {
    match problem {
        ReadProblem::Missing => Finding::error(codes.unreadable, format!("`{name}` is gone")),
        ReadProblem::Io(why) => {
            Finding::error(codes.unreadable, format!("`{name}` can't be read: {why}"))
        }
        ReadProblem::TooLong(limit) => {
            Finding::error(codes.limit, format!("`{name}` is longer than {limit} bytes"))
                .help(Limits::how_to_raise("manifest_bytes"))
        }
        ReadProblem::NotUtf8(place) => Finding::error(codes.utf8, format!("`{name}` is not UTF-8"))
            .at(place, "the first byte that is not")
            .help("save it as UTF-8"),
    }
}
