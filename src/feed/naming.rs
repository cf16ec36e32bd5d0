//! What each column of a feed is called: every one has a name, and no two the same.
//!
//! What never lives here: what is said of columns whose headers were of no use.

use std::collections::hash_map::Entry;
use std::collections::{HashMap, HashSet};

use super::open::FeedColumn;

/// A column's name, and where it comes from.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Called {
    /// Letters of a to z, digits and `_`.
    pub name: String,
    pub from: NameFrom,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum NameFrom {
    /// The manifest says so.
    Manifest,
    /// It is called so by itself.
    Column,
    /// Its place: nothing in its header can be a name.
    Place,
    /// It would be called as this column is, which stands before it.
    Twin(usize),
    /// It would be called as the manifest calls this one: a person has to decide.
    Clash(usize),
}

/// Names all columns. `told` are the names that the manifest gives, one for each column; columns
/// beyond its end have none.
pub(crate) fn called(columns: &[FeedColumn], told: &[Option<&str>]) -> Vec<Called> {
    let told = |index: usize| told.get(index).copied().flatten();
    let of_manifest = (0..columns.len()).filter_map(|index| Some((told(index)?, index)));
    let of_manifest: HashMap<&str, usize> = of_manifest.collect();
    // A name that is made up must not be one that another column has by itself.
    let own = columns.iter().filter_map(|column| column.attribute.as_deref());
    let taken = own.chain(of_manifest.keys().copied());
    let mut taken: HashSet<String> = taken.map(str::to_owned).collect();
    let mut free = |name: String| {
        let numbered = (2..).map(|n: u32| format!("{name}_{n}"));
        let mut all = std::iter::once(name.clone()).chain(numbered);
        let free = all.find(|name| !taken.contains(name)).expect("there are fewer columns");
        taken.insert(free.clone());
        free
    };
    let mut first: HashMap<&str, usize> = HashMap::new();
    let mut name = |index: usize| {
        if let Some(name) = told(index) {
            return (name.to_owned(), NameFrom::Manifest);
        }
        let Some(own) = columns[index].attribute.as_deref() else {
            return (free(format!("column_{}", index + 1)), NameFrom::Place);
        };
        if let Some(named) = of_manifest.get(own) {
            return match columns[index].header {
                Some(_) => (own.to_owned(), NameFrom::Clash(*named)),
                // Nobody wrote a column that a format makes of others; its name is given away.
                None => (free(format!("feed_{own}")), NameFrom::Column),
            };
        }
        match first.entry(own) {
            Entry::Vacant(mine) => {
                mine.insert(index);
                (own.to_owned(), NameFrom::Column)
            }
            Entry::Occupied(first) => (free(own.to_owned()), NameFrom::Twin(*first.get())),
        }
    };
    let names = (0..columns.len()).map(&mut name);
    names.map(|(name, from)| Called { name, from }).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::feed::{AttributeType, Spot};

    fn names(headers: &[(&str, bool)], told: &[Option<&str>]) -> Vec<String> {
        let column = |(header, written): &(&str, bool)| FeedColumn {
            attribute: Some((*header).to_owned()).filter(|header| !header.is_empty()),
            header: written.then(|| (*header).to_owned()),
            at: written.then(Spot::default),
            kind: AttributeType::Auto,
        };
        let columns: Vec<FeedColumn> = headers.iter().map(column).collect();
        called(&columns, told).into_iter().map(|called| called.name).collect()
    }

    #[test]
    fn no_two_columns_are_called_the_same() {
        let written = |names: &[&'static str]| names.iter().map(|n| (*n, true)).collect::<Vec<_>>();
        assert_eq!(
            names(&written(&["a", "", "a", "a_2", "", "a", "column_2"]), &[]),
            ["a", "column_2_2", "a_3", "a_2", "column_5", "a_4", "column_2"]
        );
        let told = [None, Some("b"), None, Some("a_2")];
        assert_eq!(names(&written(&["a", "", "a"]), &told[..2]), ["a", "b", "a_2"]);
        assert_eq!(names(&written(&["a", "", "a", "c"]), &told), ["a", "b", "a_3", "a_2"]);
        assert_eq!(names(&[("id", false), ("sku", true)], &[None, Some("id")]), ["feed_id", "id"]);
    }
}
