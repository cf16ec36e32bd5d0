//! A feed's columns: which attribute each is.

use crate::diagnostic::{Finding, Findings, Place, SourceId, nearest};
use crate::feed::{AttributeType, Called, FeedColumn, NameFrom, called};
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

    /// The column that the manifest calls so: by its header, else by the attribute it is without
    /// the manifest.
    fn position(&self, wanted: &str) -> Option<usize> {
        let by_header = self.columns.iter().position(|c| c.header.as_deref() == Some(wanted));
        let by_name = || called(self.columns, &[]).iter().position(|c| c.name == wanted);
        by_header.or_else(by_name)
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
        let told: Vec<Option<&str>> =
            types.iter().map(|told| told.as_ref().map(|(name, _)| name.as_str())).collect();
        let called = called(given.columns, &told);
        say_what_is_made_up(given, &called, findings);
        for (index, one) in called.iter().enumerate() {
            if let NameFrom::Clash(named) = one.from {
                findings.push(clash(given, &one.name, named, index));
            }
        }
        let kinds = types.iter().zip(given.columns);
        let kinds =
            kinds.map(|(told, column)| told.as_ref().map_or(column.kind, |(_, kind)| *kind));
        Header {
            written: (0..called.len()).map(|index| given.written(index).to_owned()).collect(),
            attributes: called.into_iter().map(|one| one.name).zip(kinds).collect(),
        }
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

/// The manifest calls a column as another is called by itself.
fn clash(given: &Given<'_>, name: &str, named: usize, index: usize) -> Finding {
    let (named_number, number) = (named + 1, index + 1);
    let (low, high) = (named_number.min(number), named_number.max(number));
    let message = format!("columns {low} and {high} are both the attribute `{name}`");
    Finding::error("feed::duplicate_column", message)
        .at(given.place(index), format!("column {number} is called so by itself"))
        .also(given.place(named), format!("column {named_number} by `attributes:`"))
        .help("give one of them another name with `attributes:`")
}

/// Columns that are of use only under names that nobody wrote: each sort is said once, since
/// spreadsheets leave dozens of them.
fn say_what_is_made_up(given: &Given<'_>, called: &[Called], findings: &mut Findings) {
    let of = |wanted: &dyn Fn(usize, NameFrom) -> bool| -> Vec<usize> {
        (0..called.len()).filter(|index| wanted(*index, called[*index].from)).collect()
    };
    let blank = |index: usize| given.written(index).trim().is_empty();
    let empty = of(&|index, from| from == NameFrom::Place && blank(index));
    let odd = of(&|index, from| from == NameFrom::Place && !blank(index));
    let twins = of(&|_, from| matches!(from, NameFrom::Twin(_)));
    let mut say = |code, columns: &[usize], message: String, label: &str, help: &str| {
        let Some(first) = columns.first() else { return };
        let names = listed(columns, |index| format!("`{}`", called[index].name));
        let them = if columns.len() == 1 { "it" } else { "them" };
        let advice = Finding::advice(code, message)
            .at(given.place(*first), label)
            .help(format!("templates call {them} {names}{help}"));
        findings.push(match called[*first].from {
            NameFrom::Twin(first) => advice.also(given.place(first), "the first of this name"),
            _ => advice,
        });
    };
    let message = match empty[..] {
        [one] => format!("column {} has no name", one + 1),
        _ => format!("columns {} have no names", listed(&empty, |index| (index + 1).to_string())),
    };
    say("feed::empty_header", &empty, message, "an empty header", "");
    let headers = listed(&odd, |index| format!("`{}`", given.written(index)));
    let example = odd.first().map(|index| given.written(*index)).unwrap_or_default();
    say(
        "feed::header",
        &odd,
        format!("no attribute can be called {headers}"),
        "not a letter of a to z in it",
        &format!("; another name: `attributes: {{name: \"{example}\"}}`"),
    );
    let headers = listed(&twins, |index| format!("`{}`", given.written(index)));
    say(
        "feed::duplicate_column",
        &twins,
        format!("{headers}: a column before has the same name"),
        "this one comes later",
        "; `attributes:` names it otherwise",
    );
}

/// The first few, and how many more there are.
fn listed(columns: &[usize], word: impl Fn(usize) -> String) -> String {
    const SHOWN: usize = 8;
    let shown: Vec<String> = columns.iter().take(SHOWN).map(|index| word(*index)).collect();
    match columns.len().saturating_sub(SHOWN) {
        0 => shown.join(", "),
        more => format!("{} and {more} more", shown.join(", ")),
    }
}
