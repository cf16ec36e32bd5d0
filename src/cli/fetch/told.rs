//! Failures at the places of those who can mend them: the row of a feed, or the manifest.

use std::collections::HashMap;

use kinora::diagnostic::{Finding, Findings, Place};
use kinora::fetch::{Fetched, Wanted};
use kinora::manifest::Reference;
use kinora::media::PictureId;
use kinora::plan::written_at;
use kinora::report::{FetchFailure, FetchReport};

use crate::cli::output::Output;
use crate::cli::workspace::Workspace;

/// Failures whose line and column are looked up for programs: each reads its feed up to there.
const PLACED: usize = 200;

/// Who names a picture first.
struct Named {
    who: String,
    /// The subject's row, or the shot.
    place: Place,
    /// The reference.
    reference: Place,
}

/// Puts the failures into the report, and shows them, unless the report does (`reported`).
pub(super) fn say_failures<'a>(
    workspace: &Workspace,
    all: impl Iterator<Item = (PictureId, (&'a Wanted, &'a Fetched))>,
    reported: bool,
    report: &mut FetchReport,
    output: &Output,
) {
    let failed: Vec<_> =
        all.filter(|(_, (_, fetched))| matches!(fetched, Fetched::Failed { .. })).collect();
    if failed.is_empty() {
        return;
    }
    let mut named: HashMap<PictureId, Option<Named>> =
        failed.iter().map(|(id, _)| (*id, None)).collect();
    find(workspace, &mut named);
    let mut findings = Findings::default();
    for (at, (id, (picture, fetched))) in failed.into_iter().enumerate() {
        let Fetched::Failed { problem, tries } = fetched else { continue };
        let named = named.get(&id).and_then(Option::as_ref);
        let who = named.map_or(String::new(), |named| named.who.clone());
        let mut message = format!("`{}` {}", picture.url, problem.message);
        if picture.here {
            message.push_str("; what was fetched before is kept");
        }
        let mut finding = Finding::error(problem.code, message).help(problem.help);
        if let Some(named) = named {
            finding = finding.at(named.place, format!("for `{}`", named.who));
            if named.reference != named.place {
                finding = finding.also(named.reference, "this reference");
            }
        }
        findings.push(finding);
        report.failures.push(FetchFailure {
            url: picture.url.clone(),
            code: problem.code.to_owned(),
            message: problem.message.clone(),
            help: problem.help.to_owned(),
            tries: *tries,
            subject: who,
            at: named
                .filter(|_| reported && at < PLACED)
                .map(|named| written_at(named.place, &workspace.sources)),
            kept: picture.here,
        });
    }
    findings.sort();
    if !reported {
        output.findings(&findings, &workspace.sources);
    }
}

/// Looks who names each picture first.
fn find(workspace: &Workspace, named: &mut HashMap<PictureId, Option<Named>>) {
    let catalogue = &workspace.catalogue;
    let mut left = named.len();
    let mut look = |references: &[Reference], place: Place, who: &dyn Fn() -> String| {
        for reference in references {
            if let Some(found @ None) = named.get_mut(&reference.picture) {
                *found = Some(Named { who: who(), place, reference: reference.place });
                left -= 1;
            }
        }
        left > 0
    };
    for set in &catalogue.sets {
        for subject in &set.subjects {
            let who = || format!("{}.{}", set.name, subject.id);
            if !look(&subject.references, subject.place, &who) {
                return;
            }
        }
    }
    for shot in &catalogue.shots {
        if !look(&shot.references, shot.place, &|| shot.id.to_string()) {
            return;
        }
    }
}
