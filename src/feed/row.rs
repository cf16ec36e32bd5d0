//! Attributes of subjects, packed: one allocation a subject, names shared by the set.

use std::sync::Arc;

/// The names of a set's attributes, and what type each has in expressions.
#[derive(Debug, Clone, Default)]
pub struct Columns {
    names: Vec<Box<str>>,
    types: Vec<AttributeType>,
    /// Names of all columns, where rows only keep some of them.
    known: Option<Vec<Box<str>>>,
}

/// How an attribute is read in `where:` expressions. In prompts it is always its exact text.
#[derive(
    Debug,
    Clone,
    Copy,
    PartialEq,
    Eq,
    Default,
    serde::Serialize,
    serde::Deserialize,
    schemars::JsonSchema,
)]
#[serde(rename_all = "snake_case")]
pub enum AttributeType {
    /// A number where it is written like one (`12`, `-0.5`), else text (`00123`, `12e4`).
    #[default]
    Auto,
    /// Text, even if it looks like a number (`00123`).
    Text,
    /// A number; anything else is an error at its cell.
    Number,
    /// `true` or `false`; anything else is an error at its cell.
    Boolean,
    /// A list, split at commas, semicolons or bars.
    List,
}

impl Columns {
    /// Columns by name.
    pub fn new(columns: impl IntoIterator<Item = (String, AttributeType)>) -> Arc<Self> {
        let (names, types) = columns.into_iter().map(|(n, t)| (n.into_boxed_str(), t)).unzip();
        Arc::new(Columns { names, types, known: None })
    }

    /// Some of these columns alone, in the order given; all names stay known.
    pub fn narrowed(&self, positions: &[usize]) -> Arc<Self> {
        Arc::new(Columns {
            names: positions.iter().map(|p| self.names[*p].clone()).collect(),
            types: positions.iter().map(|p| self.types[*p]).collect(),
            known: Some(self.known.as_ref().unwrap_or(&self.names).clone()),
        })
    }

    /// Names of all columns, also of those that rows don't keep, in the order of the feed.
    pub fn known(&self) -> impl Iterator<Item = &str> + Clone {
        self.known.as_ref().unwrap_or(&self.names).iter().map(|n| &**n)
    }

    /// Position of a column.
    pub fn position(&self, name: &str) -> Option<usize> {
        self.names.iter().position(|n| &**n == name)
    }

    /// Names of the columns that rows have, in their order.
    pub fn names(&self) -> impl Iterator<Item = &str> {
        self.names.iter().map(|n| &**n)
    }

    /// Type of the column at `position`.
    pub fn type_of(&self, position: usize) -> AttributeType {
        self.types[position]
    }
}

/// One subject's attributes: as many cells as its set has columns; a missing one is absent.
#[derive(Debug, Clone, Default)]
pub struct Row {
    text: Box<str>,
    /// End of each cell in `text`; the top bit marks an absent cell.
    ends: Box<[u32]>,
}

const ABSENT: u32 = 1 << 31;

impl Row {
    /// Packs cells, in the order of the columns. The limit on cell and row sizes keeps the sum
    /// below 2 GiB.
    pub fn pack<'a>(cells: impl IntoIterator<Item = Option<&'a str>>) -> Self {
        let mut packer = Packer::default();
        cells.into_iter().for_each(|cell| packer.push(cell));
        packer.finish()
    }

    /// The cell at `position`.
    pub fn get(&self, position: usize) -> Option<&str> {
        let end = *self.ends.get(position)?;
        if end & ABSENT != 0 {
            return None;
        }
        let start = position.checked_sub(1).map_or(0, |p| self.ends[p] & !ABSENT);
        Some(&self.text[start as usize..end as usize])
    }
}

/// Packs rows one after another, in the same memory.
#[derive(Debug, Default)]
pub(crate) struct Packer {
    text: String,
    ends: Vec<u32>,
}

impl Packer {
    /// The next cell, in the order of the columns.
    pub fn push(&mut self, cell: Option<&str>) {
        self.text.push_str(cell.unwrap_or(""));
        let end = u32::try_from(self.text.len()).ok().filter(|n| n & ABSENT == 0);
        let end = end.expect("limits on feeds keep one row below 2 GiB");
        self.ends.push(if cell.is_none() { end | ABSENT } else { end });
    }

    /// The row; the next cell begins another. Absent cells at its end need no room.
    pub fn finish(&mut self) -> Row {
        let there = self.ends.iter().rposition(|end| end & ABSENT == 0).map_or(0, |last| last + 1);
        let row = Row { text: Box::from(&*self.text), ends: Box::from(&self.ends[..there]) };
        self.text.clear();
        self.ends.clear();
        row
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_absent_cell_differs_from_an_empty_one() {
        let row = Row::pack([Some("a"), None, Some(""), Some("dé")]);
        assert_eq!(row.get(0), Some("a"));
        assert_eq!(row.get(1), None);
        assert_eq!(row.get(2), Some(""));
        assert_eq!(row.get(3), Some("dé"));
        assert_eq!(row.get(4), None);
    }
}
