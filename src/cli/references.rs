//! `kinora check --references`: every reference picture looked at before money is spent.

use std::collections::BTreeMap;
use std::io::Cursor;
use std::path::{Path, PathBuf};

use image::ImageFormat;
use indicatif::{ProgressBar, ProgressStyle};
use kinora::diagnostic::Severity;
use kinora::exit::Exit;
use kinora::inspect::{
    Code, Judged, Judging, Kept, Looked, Looking, ReferenceFinding, SheetPicture, Thumbnails, Uses,
    contact_sheet, judge, look,
};
use kinora::ledger::Ledger;
use kinora::manifest::Missing;
use kinora::media::PictureId;
use kinora::report::{
    self, ReferencesFacts, ReferencesReport, count, figures_line, references_json, references_text,
};
use rayon::prelude::*;

use super::output::{Output, write_file};
use super::planning::plan_whole;
use super::workspace::Workspace;
use super::{Failure, Outcome};

/// Pictures on one sheet; a larger one is hard to open.
const ON_A_SHEET: usize = 40;
/// Sheets that are written at most.
const SHEETS: usize = 10;

/// Runs it.
pub fn references(
    workspace: &mut Workspace,
    ledger: &Ledger,
    sheet: Option<&Path>,
    output: &Output,
) -> Outcome {
    // What is not fetched yet is counted; all else is looked at.
    workspace.missing = Missing::LeaveOut;
    let looked = measured(workspace, output);
    let mut uses = Uses::default();
    let catalogue = workspace.catalogue.clone();
    // Whatever the plan says is said in words; the JSON is this report's.
    let talk = Output { json: false, ..*output };
    let plan = plan_whole(workspace, ledger, &talk, |job, _| uses.job(job, &catalogue));
    let planned = match plan {
        Ok(_) => {
            output.findings(&workspace.findings, &workspace.sources);
            None
        }
        Err(failure) if failure.exit == Exit::InvalidManifest => Some(failure),
        Err(failure) => return Err(failure),
    };
    let judged = judge(Judging {
        catalogue: &catalogue,
        looked: &looked,
        uses: &uses,
        planned: &workspace.findings,
    });
    let report = ReferencesReport::new(ReferencesFacts {
        manifest: &workspace.given,
        catalogue: &catalogue,
        sources: &workspace.sources,
        looked: &looked,
        uses: &uses,
        judged: &judged,
        planned: planned.is_none(),
    });
    match output.json {
        true => output.data(&references_json(&report).expect("a report is always JSON")),
        false => output.data(&references_text(&report, output.width, output.color)),
    }
    if let Some(file) = sheet {
        sheets(workspace, &uses, &judged, &report, file, output)?;
    }
    match planned {
        // What is wrong was shown already, and why it ends so.
        Some(failure) => Err(failure),
        None if report.counts.contains_key(&Severity::Error) => Ok(Exit::InvalidManifest),
        None => Ok(Exit::Done),
    }
}

/// Measures of every picture, by way of those that are kept.
fn measured(workspace: &Workspace, output: &Output) -> Looked {
    let catalogue = &workspace.catalogue;
    let kept = Kept::load(&catalogue.workspace);
    let looking = Looking {
        pictures: &catalogue.pictures,
        workspace: &catalogue.workspace,
        kept: &kept,
        limits: &catalogue.limits,
    };
    let bar = progress(catalogue.pictures.len() as u64);
    let looked = look(looking, || bar.inc(1));
    bar.finish_and_clear();
    if looked.decoded > 0 {
        let measures = looked.by_digest(&catalogue.pictures);
        if let Err(problem) = Kept::store(&catalogue.workspace, measures) {
            output.say(&format!(
                "kinora: what was measured was not kept for the next time: {problem}"
            ));
        }
    }
    looked
}

/// Seen on a terminal only.
fn progress(pictures: u64) -> ProgressBar {
    let style = ProgressStyle::with_template("looking at pictures {bar:30} {pos}/{len} {eta}");
    let bar = ProgressBar::new(pictures);
    match style {
        Ok(style) => bar.with_style(style),
        Err(_) => bar,
    }
}

/// Writes the sheets: `FILE.png`, `FILE-2.png`, …
fn sheets(
    workspace: &Workspace,
    uses: &Uses,
    judged: &Judged,
    report: &ReferencesReport,
    file: &Path,
    output: &Output,
) -> Result<(), Failure> {
    let pictures = worst_first(judged);
    if pictures.is_empty() {
        output.say("no contact sheet: nothing is said of any picture");
        return Ok(());
    }
    let thumbnails = Thumbnails::new(&workspace.catalogue.limits);
    let total = pictures.len();
    let pages = total.div_ceil(ON_A_SHEET).min(SHEETS);
    for (page, on_it) in pictures.chunks(ON_A_SHEET).take(SHEETS).enumerate() {
        let shown: Vec<SheetPicture> = on_it
            .par_iter()
            .with_max_len(1)
            .map(|(id, findings)| on_sheet(workspace, &thumbnails, uses, report, (*id, findings)))
            .collect();
        let name = &workspace.catalogue.name;
        let mut note = format!(
            "{} of {} with something said of them, worst first",
            count(total as u64, "picture"),
            report.pictures.len()
        );
        if pages > 1 {
            note.push_str(&format!("; sheet {} of {pages}", page + 1));
        }
        let drawn = contact_sheet(&format!("References of {name}"), &note, &shown);
        let mut png = Cursor::new(Vec::new());
        drawn
            .write_to(&mut png, ImageFormat::Png)
            .map_err(|e| Failure::new(Exit::Internal, format!("the contact sheet: {e}")))?;
        let path = numbered(file, page);
        write_file(&path, &png.into_inner()[..]).map_err(|e| Failure::new(Exit::Internal, e))?;
        output.say(&format!("written: {}", path.display()));
    }
    let left = total.saturating_sub(ON_A_SHEET * SHEETS);
    if left > 0 {
        output.say(&format!("{} more are in the report alone", count(left as u64, "picture")));
    }
    Ok(())
}

fn numbered(file: &Path, page: usize) -> PathBuf {
    if page == 0 {
        return file.to_owned();
    }
    let stem = file.file_stem().unwrap_or_default().to_string_lossy();
    let ending = file.extension().map_or("png".into(), |e| e.to_string_lossy());
    file.with_file_name(format!("{stem}-{}.{ending}", page + 1))
}

/// Pictures with their findings, those with the worst and with most first.
fn worst_first(judged: &Judged) -> Vec<(PictureId, Vec<&ReferenceFinding>)> {
    let mut by_picture: BTreeMap<PictureId, Vec<&ReferenceFinding>> = BTreeMap::new();
    for finding in &judged.findings {
        by_picture.entry(finding.picture).or_default().push(finding);
        // Whoever looks at copies wants to see all of them.
        if finding.code == Code::Duplicate || finding.code == Code::FramesDiffer {
            for other in &finding.others {
                by_picture.entry(*other).or_default().push(finding);
            }
        }
    }
    let mut all: Vec<_> = by_picture.into_iter().collect();
    all.sort_by_key(|(id, findings)| {
        let of = |severity| findings.iter().filter(|f| f.severity == severity).count();
        let [errors, warnings, advice] =
            [Severity::Error, Severity::Warning, Severity::Advice].map(of);
        let first = findings.iter().map(|f| (f.severity, f.code, f.picture)).min();
        (
            std::cmp::Reverse(errors),
            std::cmp::Reverse(warnings),
            first,
            std::cmp::Reverse(advice),
            *id,
        )
    });
    all
}

fn on_sheet(
    workspace: &Workspace,
    thumbnails: &Thumbnails,
    uses: &Uses,
    report: &ReferencesReport,
    (id, findings): (PictureId, &[&ReferenceFinding]),
) -> SheetPicture {
    let catalogue = &workspace.catalogue;
    let picture = catalogue.pictures.get(id);
    let facts = catalogue.pictures.facts(id);
    let image = facts.and_then(|facts| {
        let path = catalogue.workspace.join(&*picture.path);
        thumbnails.of(&path, (facts.width, facts.height))
    });
    let view = report.pictures.get(id.0 as usize);
    let measures = view.and_then(|view| view.measures.as_ref());
    let says = |code: Code| findings.iter().any(|f| f.code == code);
    let mut frames = Vec::new();
    if let Some(measures) = measures {
        let subject = [Code::SubjectSmall, Code::SubjectCut, Code::Faint].into_iter().any(says);
        frames.extend(measures.subject.filter(|_| subject).map(|subject| subject.bounds));
        frames.extend(measures.marks.filter(|_| says(Code::Marks)).map(|marks| marks.bounds));
    }
    let cuts = findings.iter().find(|f| matches!(f.code, Code::CropCutsSubject | Code::Cropped));
    SheetPicture {
        image,
        path: picture.name().to_owned(),
        figures: view.map(figures_line).unwrap_or_default(),
        labels: findings.iter().map(|f| (f.severity, report::label(f, catalogue))).collect(),
        frames,
        crop: cuts.and_then(|f| crop(uses, f)),
    }
}

/// The part of a picture that is kept by the narrowest crop for the finding's model.
fn crop(uses: &Uses, finding: &ReferenceFinding) -> Option<[f32; 4]> {
    let of = uses.iter().map(|used| &used.handling).filter(|handling| {
        handling.picture == finding.picture && finding.model.as_deref() == Some(&*handling.model)
    });
    let making = of.filter_map(|handling| handling.recipe.making());
    let narrow =
        making.min_by_key(|m| u64::from(m.window.size.width) * u64::from(m.window.size.height))?;
    let (window, source) = (narrow.window, narrow.source);
    let share = |at: u32, side: u32| at as f32 / side.max(1) as f32;
    Some([
        share(window.x, source.width),
        share(window.y, source.height),
        share(window.x + window.size.width, source.width),
        share(window.y + window.size.height, source.height),
    ])
}
