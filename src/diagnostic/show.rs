//! Findings as people read them (miette) and as programs read them (JSON).

use std::fmt::Write as _;

use miette::{
    Diagnostic, GraphicalReportHandler, GraphicalTheme, LabeledSpan, MietteError,
    MietteSpanContents, NarratableReportHandler, SourceCode, SourceSpan, SpanContents,
};
use schemars::JsonSchema;
use serde::Serialize;

use super::place::{Window, printable};
use super::{Finding, Findings, Place, Severity, Sources};

/// A place as programs read it.
#[derive(Debug, Clone, Serialize, JsonSchema)]
pub struct PlaceJson {
    /// The file, relative to the workspace where possible.
    pub file: String,
    /// Line, from 1.
    pub line: usize,
    /// Column in characters, from 1.
    pub column: usize,
    /// First byte, from 0.
    pub offset: u64,
    /// Length in bytes.
    pub length: u32,
    /// What the label under the value says.
    pub label: String,
}

/// A finding as programs read it.
#[derive(Debug, Clone, Serialize, JsonSchema)]
pub struct FindingJson {
    /// Stable code, `room::what`.
    pub code: String,
    /// `error`, `warning` or `advice`.
    pub severity: Severity,
    /// What happened.
    pub message: String,
    /// What to do about it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub help: Option<String>,
    /// Where.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub place: Option<PlaceJson>,
    /// Other places that explain it.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub related: Vec<PlaceJson>,
    /// The picture that it is about, by its path in the workspace.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub picture: Option<String>,
}

/// All findings as programs read them.
pub fn render_json(findings: &Findings, sources: &Sources) -> Vec<FindingJson> {
    let place = |(place, label): &(Place, String)| {
        let (line, column) = sources.window(place).map_or((0, 0), |w| (w.line, w.column));
        PlaceJson {
            file: sources.get(place.source).name.to_string(),
            line,
            column,
            offset: place.start,
            length: place.length,
            label: label.clone(),
        }
    };
    findings
        .items()
        .iter()
        .map(|f| FindingJson {
            code: f.code.to_owned(),
            severity: f.severity,
            message: f.message.clone(),
            help: f.help.clone(),
            place: f.place.as_ref().map(place),
            related: f.related.iter().map(place).collect(),
            picture: f.picture.as_deref().map(str::to_owned),
        })
        .collect()
}

/// All findings as people read them, `width` columns wide; colour only when `colour`.
pub fn render_text(findings: &Findings, sources: &Sources, width: usize, colour: bool) -> String {
    let theme = if colour { GraphicalTheme::unicode() } else { GraphicalTheme::unicode_nocolor() };
    let handler = GraphicalReportHandler::new_themed(theme).with_width(width).with_links(false);
    let mut out = String::new();
    for finding in findings.items() {
        let shown = Shown::new(finding, sources);
        // Rendering into a String fails only if a source can't be read; then the plain form
        // without snippets still tells everything.
        let mut one = String::new();
        if handler.render_report(&mut one, &shown).is_err() {
            one.clear();
            let _ = NarratableReportHandler::new().render_report(&mut one, &shown.without_source());
        }
        out.push_str(&one);
        for (place, label) in &finding.related {
            if let Some(w) = sources.window(place) {
                let name = &sources.get(place.source).name;
                let _ = writeln!(out, "   see also {name}:{}:{}: {label}", w.line, w.column);
            }
        }
        out.push('\n');
    }
    for (code, count) in findings.left_out() {
        let _ = writeln!(out, "… and {count} more of {code}");
    }
    out
}

/// One finding with the lines around its place, as miette wants it.
#[derive(Debug)]
struct Shown<'a> {
    finding: &'a Finding,
    source: Option<WindowSource>,
    label: &'a str,
}

impl<'a> Shown<'a> {
    fn new(finding: &'a Finding, sources: &Sources) -> Self {
        let source = finding.place.as_ref().and_then(|(place, _)| {
            let window = sources.window(place)?;
            Some(WindowSource { name: sources.get(place.source).name.to_string(), window })
        });
        let label = finding.place.as_ref().map_or("", |(_, label)| label.as_str());
        Shown { finding, source, label }
    }

    fn without_source(&self) -> Shown<'a> {
        Shown { finding: self.finding, source: None, label: "" }
    }
}

impl std::fmt::Display for Shown<'_> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(&printable(self.finding.message.clone()))
    }
}

impl std::error::Error for Shown<'_> {}

impl Diagnostic for Shown<'_> {
    fn code<'b>(&'b self) -> Option<Box<dyn std::fmt::Display + 'b>> {
        Some(Box::new(self.finding.code))
    }

    fn severity(&self) -> Option<miette::Severity> {
        Some(match self.finding.severity {
            Severity::Error => miette::Severity::Error,
            Severity::Warning => miette::Severity::Warning,
            Severity::Advice => miette::Severity::Advice,
        })
    }

    fn help<'b>(&'b self) -> Option<Box<dyn std::fmt::Display + 'b>> {
        let help = self.finding.help.clone().map(printable)?;
        Some(Box::new(help))
    }

    fn source_code(&self) -> Option<&dyn SourceCode> {
        self.source.as_ref().map(|s| s as &dyn SourceCode)
    }

    fn labels(&self) -> Option<Box<dyn Iterator<Item = LabeledSpan> + '_>> {
        let source = self.source.as_ref()?;
        let span = SourceSpan::new(source.window.offset.into(), source.window.length);
        let label = (!self.label.is_empty()).then(|| printable(self.label.to_owned()));
        Some(Box::new(std::iter::once(LabeledSpan::new_primary_with_span(label, span))))
    }
}

/// The window as a miette source that knows its real line numbers.
#[derive(Debug)]
struct WindowSource {
    name: String,
    window: Window,
}

impl SourceCode for WindowSource {
    fn read_span<'a>(
        &'a self,
        span: &SourceSpan,
        context_lines_before: usize,
        context_lines_after: usize,
    ) -> Result<Box<dyn SpanContents<'a> + 'a>, MietteError> {
        let text: &'a str = &self.window.text;
        let inner = text.read_span(span, context_lines_before, context_lines_after)?;
        // Asked without context, miette wants the place itself for the header; it counts bytes,
        // people count characters.
        let own_place = context_lines_before == 0 && span.offset() == self.window.offset;
        let column = if own_place { self.window.column - 1 } else { inner.column() };
        Ok(Box::new(MietteSpanContents::new_named(
            self.name.clone(),
            inner.data(),
            *inner.span(),
            inner.line() + self.window.first_line - 1,
            column,
            inner.line_count(),
        )))
    }
}
