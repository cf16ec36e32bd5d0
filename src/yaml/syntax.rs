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
    let place = visible(text, offset, source);
    let help = quoting_help(text, offset).unwrap_or(help);
    let finding = Finding::error("yaml::syntax", message).at(place, label);
    if help.is_empty() { finding } else { finding.help(help) }
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
