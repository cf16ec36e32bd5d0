//! A feed's columns: which attribute each is.

use std::collections::HashMap;

use crate::diagnostic::{Finding, Findings, Place, SourceId, nearest};
use crate::feed::{AttributeType, FeedColumn};
use crate::manifest::raw::RawAttribute;
use crate::yaml::{Placed, Table};

/// The columns of a feed.
#[derive(Debug)]
pub(crate) struct Header {
    /// As people know them: as written in the file, or what they are where nothing is written.
    pub written: Vec<String>,
    /// The attribute that each column is; more than columns only after an error.
    pub attributes: Vec<(String, AttributeType)>,
}

/// What is said of a column before anything is decided.
struct Given<'a> {
    columns: &'a [FeedColumn],
    source: SourceId,
    from: Place,
}

impl Given<'_> {
    fn written(&self, index: usize) -> &str {
        let column = &self.columns[index];
        column.header.as_deref().or(column.attribute.as_deref()).unwrap_or_default()
    }

    fn place(&self, index: usize) -> Place {
        let spot = self.columns[index].at;
        spot.map_or(self.from, |at| Place::new(self.source, at.start, at.length))
    }

    /// The column that the manifest calls so: by its header, else by the attribute it is.
    fn position(&self, wanted: &str) -> Option<usize> {
        let by_header = self.columns.iter().position(|c| c.header.as_deref() == Some(wanted));
        by_header
            .or_else(|| self.columns.iter().position(|c| c.attribute.as_deref() == Some(wanted)))
    }
}

impl Header {
    /// From a feed's columns and the manifest's `attributes:`. `from` stands for columns that are
    /// written nowhere.
    pub fn new(
        columns: &[FeedColumn],
        mapping: &Table<Placed<RawAttribute>>,
        source: SourceId,
        from: Place,
        findings: &mut Findings,
    ) -> Self {
        let given = Given { columns, source, from };
        let mut types: Vec<Option<(String, AttributeType)>> = vec![None; columns.len()];
        let mut lost = Vec::new();
        for (name, attribute) in &mapping.0 {
            let column = attribute.value.column.as_ref();
            let wanted = column.map_or(&**name, |c| c);
            match given.position(wanted) {
                Some(position) => {
                    let kind = attribute.value.kind.unwrap_or_default();
                    types[position] = Some((name.to_string(), kind));
                }
                None => {
                    lost.push((name.to_string(), AttributeType::Auto));
                    let place = column.map_or(name.place, |c| c.place);
                    findings.push(unknown_column(&given, wanted, place));
                }
            }
        }
        let mut header = Self::named(&given, types, findings);
        // Attributes whose column is not there were reported; prompts that use them are fine.
        header.attributes.extend(lost);
        header
    }

    fn named(
        given: &Given<'_>,
        types: Vec<Option<(String, AttributeType)>>,
        findings: &mut Findings,
    ) -> Self {
        let mut written = Vec::new();
        let mut attributes = Vec::new();
        let mut seen: HashMap<String, (usize, Place)> = HashMap::new();
        // What the manifest says of a column goes before what another is by itself.
        let taken: Vec<String> = types.iter().flatten().map(|(name, _)| name.clone()).collect();
        for (index, told) in types.into_iter().enumerate() {
            let (column, number) = (&given.columns[index], index + 1);
            let (place, title) = (given.place(index), given.written(index));
            written.push(title.to_owned());
            // Nobody wrote a column that a format makes of others; a name may be given away.
            let made = column.header.is_none();
            let by_itself = || {
                let kind = column.kind;
                let name = column.attribute.clone()?;
                let free = !(made && taken.contains(&name));
                Some((if free { name } else { format!("feed_{name}") }, kind))
            };
            let (name, kind) = told.or_else(by_itself).unwrap_or_else(|| {
                findings.push(nameless(title, number, place));
                (format!("column_{number}"), AttributeType::Auto)
            });
            if let Some((first, first_place)) = seen.get(&name) {
                findings.push(
                    Finding::error(
                        "feed::duplicate_column",
                        format!("columns {first} and {number} are both the attribute `{name}`"),
                    )
                    .at(place, format!("column {number}"))
                    .also(*first_place, format!("column {first}"))
                    .help("rename one of them in the file, or give one another name with `attributes:`"),
                );
            } else {
                seen.insert(name.clone(), (number, place));
            }
            attributes.push((name, kind));
        }
        Header { written, attributes }
    }

    /// Position of the column that `name` means: an attribute, or a header as written.
    pub fn position(&self, name: &str) -> Option<usize> {
        let by_attribute = self.attributes.iter().position(|(n, _)| n == name);
        by_attribute.or_else(|| self.written.iter().position(|h| h == name))
    }

    /// A column as people know it.
    pub fn title(&self, column: usize) -> String {
        match self.written.get(column) {
            Some(header) if !header.is_empty() => format!("`{header}`"),
            _ => format!("{}", column + 1),
        }
    }
}

fn unknown_column(given: &Given<'_>, wanted: &str, place: Place) -> Finding {
    let headers = || (0..given.columns.len()).map(|index| given.written(index));
    let help = match nearest(wanted, headers()) {
        Some(meant) => format!("did you mean `{meant}`?"),
        None => format!("its columns: {}", headers().collect::<Vec<_>>().join(", ")),
    };
    Finding::error("feed::unknown_column", format!("the feed has no column `{wanted}`"))
        .at(place, "this column")
        .help(help)
}

fn nameless(header: &str, number: usize, place: Place) -> Finding {
    if header.trim().is_empty() {
        return Finding::error("feed::empty_header", format!("column {number} has no name"))
            .at(place, "an empty header")
            .help("name the column in the first row, or remove it");
    }
    Finding::error("feed::header", format!("no attribute can be called `{header}`"))
        .at(place, "not a letter of a to z in it")
        .help(format!("give it a name: `attributes: {{name: \"{header}\"}}`"))
}
