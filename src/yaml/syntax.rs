//! The parser's complaints, in words for people who don't know YAML's grammar.

use serde_saphyr::granit_parser::{ErrorKind, ScanError};

use crate::diagnostic::{Finding, Place, SourceId};

/// A finding for a text that does not parse.
pub(super) fn explain(error: &ScanError, text: &str, source: SourceId) -> Finding {
    let offset = error.marker().byte_offset().unwrap_or(text.len()).min(text.len());
    let (message, label, help) = words(error.kind());
    let label = if offset == text.trim_end().len() || offset == text.len() {
        "the file ends here".to_owned()
    } else {
        label.to_owned()
    };
    let mut place = visible(text, offset, source);
    if matches!(error.kind(), ErrorKind::UnknownQuotedScalarEscape) {
        place = escape_after(text, offset, source).unwrap_or(place);
    }
    let help = quoting_help(text, offset).or_else(|| deeper_help(text, offset)).unwrap_or(help);
    let mut finding = Finding::error("yaml::syntax", message).at(place, label);
    if let Some((at, what)) = left_open(error.kind(), text, offset)
        && at as u64 != place.start
    {
        finding = finding.also(Place::new(source, at as u64, 1), what);
    }
    if help.is_empty() { finding } else { finding.help(help) }
}

/// The first escape from `offset` on that YAML doesn't know.
fn escape_after(text: &str, offset: usize, source: SourceId) -> Option<Place> {
    let mut rest = text[offset..].char_indices();
    while let Some((i, c)) = rest.next() {
        if c == '\\' {
            let (_, escaped) = rest.next()?;
            if !"0abtnvfre \"/\\N_LPxuU\t\n".contains(escaped) {
                let length = u32::try_from(1 + escaped.len_utf8()).ok()?;
                return Some(Place::new(source, (offset + i) as u64, length));
            }
        }
    }
    None
}

/// What was opened before an error that only shows because it was never closed.
fn left_open(kind: &ErrorKind, text: &str, offset: usize) -> Option<(usize, &'static str)> {
    let before = &text[..offset];
    match kind {
        ErrorKind::InvalidTrailingDoubleQuotedScalar
        | ErrorKind::InvalidTrailingSingleQuotedScalar => {
            let mut starts = before.lines().scan(0, |at, line| {
                let start = *at;
                *at += line.len() + 1;
                Some((start, line))
            });
            let (start, line) = starts.find(|(_, line)| line.matches('"').count() % 2 == 1)?;
            Some((start + line.rfind('"')?, "this quote may be the one that is not closed"))
        }
        ErrorKind::ExpectedFlowMappingSeparator
        | ErrorKind::ExpectedFlowSequenceSeparator
        | ErrorKind::UnclosedFlowCollection { .. }
        | ErrorKind::MismatchedFlowCollectionEnd { .. } => {
            let mut open = Vec::new();
            for (i, c) in before.char_indices() {
                match c {
                    '{' | '[' => open.push(i),
                    '}' | ']' => drop(open.pop()),
                    _ => {}
                }
            }
            Some((open.pop()?, "opened here"))
        }
        _ => None,
    }
}

/// A key that stands deeper than the key above it, which already has its value.
fn deeper_help(text: &str, offset: usize) -> Option<&'static str> {
    let start = text[..offset].rfind('\n').map_or(0, |i| i + 1);
    let key = &text[start..offset];
    let above = text[..start].trim_end().rsplit('\n').next()?;
    let column = |line: &str| line.len() - line.trim_start_matches([' ', '-']).len();
    let is_key = !key.trim().is_empty() && !key.trim().contains([' ', '"', '\'']);
    (is_key && above.contains(": ") && column(key) > column(above)).then_some(
        "this line stands deeper than the key above it, which already has its value; keys of one \
         mapping stand exactly below each other",
    )
}

fn words(kind: &ErrorKind) -> (String, &'static str, &'static str) {
    let said = |message: &str, label, help| (message.to_owned(), label, help);
    match kind {
        ErrorKind::TabInIndentation
        | ErrorKind::TabInBlockIndentation
        | ErrorKind::TabNotAllowed
        | ErrorKind::TabInPlainScalar
        | ErrorKind::TabAtBlockScalarStart => said(
            "a tab can't indent a line in YAML",
            "here is a tab",
            "indent with spaces, two for each level",
        ),
        ErrorKind::UnclosedQuotedScalar => {
            said("a quote is opened and never closed", "not closed", "close it with the same quote")
        }
        ErrorKind::UnclosedFlowCollection { open } => (
            format!("`{open}` is opened and never closed"),
            "not closed",
            "text that starts with `{` or `[` must be in quotes",
        ),
        ErrorKind::MismatchedFlowCollectionEnd { open, close } => (
            format!("`{open}` is closed by `{close}`"),
            "the wrong bracket",
            "close each bracket with its own kind",
        ),
        ErrorKind::MappingValueNotAllowed | ErrorKind::InvalidColonPlacement => said(
            "a `:` stands where no key can be",
            "this `:`",
            "text that contains `: ` must be in quotes; a key must stand at the same column as the \
             keys beside it",
        ),
        ErrorKind::SimpleKeyExpected
        | ErrorKind::InvalidSimpleKey
        | ErrorKind::ExpectedBlockMappingKey
        | ErrorKind::MappingKeyNotAllowed => said(
            "a key with `:` is expected",
            "no key here",
            "check the columns: keys of one mapping stand exactly below each other",
        ),
        ErrorKind::ExpectedBlockSequenceEntry
        | ErrorKind::BlockSequenceEntryNotAllowed
        | ErrorKind::BlockEntryInFlowCollection => said(
            "a list entry does not fit here",
            "here",
            "entries of one list start with `- ` exactly below each other",
        ),
        ErrorKind::InvalidIndentation
        | ErrorKind::InvalidQuotedScalarIndent
        | ErrorKind::InvalidFlowScalarIndent
        | ErrorKind::InvalidBlockScalarIndent => said(
            "this line's column fits nothing above it",
            "starts at a wrong column",
            "indent with spaces, two for each level",
        ),
        ErrorKind::UnexpectedCharacter { character } => (
            format!("text can't start with `{character}` unless it is in quotes"),
            "here",
            "put the text in quotes, or on the lines after `|` or `>`",
        ),
        ErrorKind::UnknownQuotedScalarEscape => said(
            "a `\\` in double quotes starts an escape that YAML doesn't know",
            "unknown escape",
            "write `\\\\`, or use single quotes",
        ),
        ErrorKind::InvalidTrailingSingleQuotedScalar
        | ErrorKind::InvalidTrailingDoubleQuotedScalar => said(
            "something follows the closing quote",
            "not expected here",
            "put the whole value in quotes; in single quotes write a quote as `''`",
        ),
        ErrorKind::ExpectedFlowMappingSeparator | ErrorKind::ExpectedFlowSequenceSeparator => said(
            "a `,` or a closing bracket is expected",
            "here",
            "text with `{`, `[` or `,` inside brackets must be in quotes",
        ),
        other => (other.to_string(), "here", ""),
    }
}

/// Prompts often start with `{{`, `@`, or hold `: `; that is the likely cause when the line has
/// such a value without quotes.
fn quoting_help(text: &str, offset: usize) -> Option<&'static str> {
    let start = text[..offset].rfind('\n').map_or(0, |i| i + 1);
    let end = text[offset..].find('\n').map_or(text.len(), |i| offset + i);
    let (_, value) = text[start..end].split_once(": ")?;
    if value.trim_start().starts_with("{{") {
        return Some("text that starts with `{{` must be in quotes: \"{{ … }}\"");
    }
    if value.trim_start().starts_with('@') {
        return Some("text that starts with `@` must be in quotes: \"@hero …\"");
    }
    None
}

/// The character at `offset`, or the last visible one before it when that is a line's end.
fn visible(text: &str, offset: usize, source: SourceId) -> Place {
    let mut start = offset;
    while !text.is_char_boundary(start) {
        start -= 1;
    }
    if text[start..].chars().next().is_none_or(|c| c == '\n' || c == '\r') {
        let before = text[..start].trim_end();
        start = before.char_indices().next_back().map_or(0, |(i, _)| i);
    }
    let length = text[start..].chars().next().map_or(0, char::len_utf8);
    Place::new(source, start as u64, u32::try_from(length).unwrap_or(0))
}
