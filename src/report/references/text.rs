//! Pictures and findings as text for a terminal.

use std::collections::BTreeMap;

use super::{FindingView, ModelView, PictureView, ReferencesReport};
use crate::diagnostic::Severity;
use crate::inspect::{Background, Code, ReferenceFinding};
use crate::manifest::Catalogue;
use crate::media::PictureId;
use crate::report::layout::{Ink, Paper};
use crate::report::phrase::{count, grouped, listed, plain};

/// Findings of one code that are shown.
const SHOWN: usize = 6;
/// Owners of one picture that are named.
const OWNERS: usize = 2;

/// The report for a terminal of `width` columns.
pub fn references_text(report: &ReferencesReport, width: usize, colour: bool) -> String {
    let paper = Paper::new(width, colour);
    let mut blocks = vec![head(report, paper)];
    blocks.extend(by_code(report, paper));
    blocks.push(models(report, paper));
    blocks.push(last(report, paper));
    let shown: Vec<String> =
        blocks.into_iter().filter(|b| !b.is_empty()).map(|b| b.join("\n") + "\n").collect();
    shown.join("\n")
}

fn head(report: &ReferencesReport, paper: Paper) -> Vec<String> {
    let pictures = &report.pictures;
    let title = format!("{}: {}", report.manifest, count(pictures.len() as u64, "picture"));
    let mut lines = vec![paper.ink(Ink::Strong, &plain(&title))];
    let mut formats: BTreeMap<&str, u64> = BTreeMap::new();
    for file in pictures.iter().filter_map(|p| p.file.as_ref()) {
        *formats.entry(&file.format).or_default() += 1;
    }
    let mut parts: Vec<String> =
        formats.iter().map(|(format, n)| format!("{} {format}", grouped(*n))).collect();
    let sides = |pick: fn(u32, u32) -> u32| {
        pictures.iter().filter_map(|p| p.file.as_ref()).map(move |f| pick(f.width, f.height))
    };
    if let (Some(least), Some(most)) = (sides(u32::min).min(), sides(u32::max).max()) {
        parts.push(format!(
            "sides of {} to {} pixels",
            grouped(least.into()),
            grouped(most.into())
        ));
    }
    let grounds = |wanted: fn(&Background) -> bool| {
        let seen = pictures.iter().filter_map(|p| p.measures.as_ref());
        seen.filter(|m| wanted(&m.background)).count() as u64
    };
    let of = [
        (grounds(|b| matches!(b, Background::Plain(_))), "before a plain background"),
        (grounds(|b| matches!(b, Background::Transparent)), "cut out"),
        (grounds(|b| matches!(b, Background::Busy)), "before a busy one"),
    ];
    parts.extend(
        of.iter().filter(|(n, _)| *n > 0).map(|(n, what)| format!("{} {what}", grouped(*n))),
    );
    if !parts.is_empty() {
        lines.extend(paper.prose("  ", &parts.join(", ")));
    }
    if report.kept > 0 {
        let text = format!(
            "{} measured now, {} known from before",
            grouped(report.decoded),
            grouped(report.kept)
        );
        lines.extend(paper.prose("  ", &text).iter().map(|line| paper.ink(Ink::Quiet, line)));
    }
    if !report.planned {
        let text = "The plan does not stand, so what models make of pictures is told only of jobs without an error";
        lines.extend(paper.prose("  ", text).iter().map(|line| paper.ink(Ink::Warn, line)));
    }
    lines
}

fn word(severity: Severity) -> (Ink, &'static str) {
    match severity {
        Severity::Error => (Ink::Bad, "error"),
        Severity::Warning => (Ink::Warn, "warning"),
        Severity::Advice => (Ink::Quiet, "advice"),
    }
}

fn by_code(report: &ReferencesReport, paper: Paper) -> Vec<Vec<String>> {
    let mut groups: BTreeMap<(Severity, Code), Vec<&FindingView>> = BTreeMap::new();
    for finding in &report.findings {
        groups.entry((finding.severity, finding.code)).or_default().push(finding);
    }
    groups.into_iter().map(|((severity, code), all)| group(severity, code, &all, paper)).collect()
}

fn group(severity: Severity, code: Code, all: &[&FindingView], paper: Paper) -> Vec<String> {
    let (ink, word) = word(severity);
    let title = format!("{word}: {} ({})", code.title(), code.as_str());
    let mut pictures: Vec<&str> = all.iter().map(|f| f.picture.as_str()).collect();
    pictures.dedup();
    let title = format!("{title}, {}", count(pictures.len() as u64, "picture"));
    let mut lines = vec![paper.ink(ink, &title)];
    for finding in all.iter().take(SHOWN) {
        let picture = format!("{}{}", finding.picture, owners(&finding.of));
        lines.extend(paper.prose("  ", &picture));
        let model = finding.model.as_ref().map_or_else(String::new, |model| format!("{model}: "));
        lines.extend(paper.prose("      ", &format!("{model}{}", finding.message)));
    }
    if all.len() > SHOWN {
        lines.push(format!("  and {} more", grouped((all.len() - SHOWN) as u64)));
    }
    // What to do is said once; where it differs from picture to picture, for each kind once.
    let mut helps: Vec<&str> = all.iter().map(|f| f.help.as_str()).collect();
    helps.sort_unstable();
    helps.dedup();
    for help in helps.into_iter().take(3) {
        lines.extend(paper.prose("  → ", help));
    }
    lines
}

fn owners(of: &[String]) -> String {
    let more = of.len().saturating_sub(OWNERS);
    let named = of.iter().take(OWNERS).cloned().collect::<Vec<_>>().join(", ");
    match (named.is_empty(), more) {
        (true, _) => String::new(),
        (_, 0) => format!("  ({named})"),
        (_, more) => format!("  ({named} and {more} more)"),
    }
}

fn models(report: &ReferencesReport, paper: Paper) -> Vec<String> {
    if report.models.is_empty() {
        return Vec::new();
    }
    let mut lines = vec![paper.ink(Ink::Strong, "What each model gets")];
    for model in &report.models {
        lines.extend(paper.prose("  ", &model_line(model)));
    }
    lines
}

fn model_line(model: &ModelView) -> String {
    let mut parts = Vec::new();
    if model.as_they_are > 0 {
        parts.push(format!("{} as they are", grouped(model.as_they_are)));
    }
    parts.extend(
        model.changed.iter().map(|(change, n)| format!("{} {}", grouped(*n), change.as_str())),
    );
    if model.with_findings > 0 {
        parts.push(format!("{} with a finding", grouped(model.with_findings)));
    }
    let routes: Vec<String> = model.routes.iter().map(|route| route.as_str().to_owned()).collect();
    format!(
        "{} ({}): {}, {}",
        model.model,
        listed(&routes),
        count(model.pictures, "picture"),
        parts.join(", ")
    )
}

fn last(report: &ReferencesReport, paper: Paper) -> Vec<String> {
    let said: Vec<String> = report
        .counts
        .iter()
        .map(|(severity, n)| match severity {
            Severity::Error => count(*n, "error"),
            Severity::Warning => count(*n, "warning"),
            Severity::Advice => format!("{} of advice", count(*n, "piece")),
        })
        .collect();
    if said.is_empty() {
        return vec![paper.ink(Ink::Good, "Nothing speaks against any of them.")];
    }
    let touched = report.findings.iter().map(|f| f.picture.as_str());
    let touched = touched.collect::<std::collections::BTreeSet<_>>().len() as u64;
    paper.prose("", &format!("{} about {}", listed(&said), count(touched, "picture")))
}

/// A picture's figures in a line, for contact sheets: `1200×800 jpeg, edges 0.9 px, fills 61 %`.
pub fn figures_line(picture: &PictureView) -> String {
    let mut parts = Vec::new();
    if let Some(file) = &picture.file {
        parts.push(format!("{}×{} {}", file.width, file.height, file.format));
    }
    if let Some(measures) = &picture.measures {
        if let Some(edge) = measures.sharpness.edge {
            parts.push(format!("edges {edge:.1} px"));
        }
        match (measures.background, &measures.subject) {
            (Background::Busy, _) => parts.push("busy".to_owned()),
            (_, Some(subject)) => parts.push(format!("fills {:.0} %", subject.extent() * 100.0)),
            (_, None) => parts.push("plain".to_owned()),
        }
    }
    parts.join(", ")
}

/// A finding in a few words, for contact sheets.
pub fn label(finding: &ReferenceFinding, catalogue: &Catalogue) -> String {
    let title = finding.code.title();
    let figure =
        |unit: &str| finding.figure.map_or_else(String::new, |f| format!(" ({f:.1}{unit})"));
    match finding.code {
        Code::Unreadable => finding.message.clone(),
        Code::Exposure => finding.message.split(':').next().unwrap_or(title).to_owned(),
        Code::Blurred => format!("blurred: edges{}", figure(" px")),
        Code::Small => format!("{title}{}", figure(" times")),
        Code::Duplicate => {
            let picture = |id: &PictureId| catalogue.pictures.get(*id).path.to_string();
            let others = finding.others.first().map_or_else(String::new, |other| {
                let first = picture(&finding.picture);
                format!(": {first}, {}", picture(other))
            });
            format!("{title}{others}")
        }
        _ => title.to_owned(),
    }
}
