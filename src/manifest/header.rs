//! A feed's first row: which attribute each column is.

use std::collections::HashMap;

use crate::diagnostic::{Finding, Findings, Place, nearest};
use crate::feed::AttributeType;
use crate::manifest::raw::RawAttribute;
use crate::yaml::{Placed, Table};

/// The columns of a feed.
#[derive(Debug)]
pub(crate) struct Header {
    /// As written in the file.
    pub written: Vec<String>,
    /// The attribute that each column is; more than columns only after an error.
    pub attributes: Vec<(String, AttributeType)>,
}

/// The attribute that a column is when nothing else is said: its header where that can stand
/// in a template as it is, else its slug (`Product Name` → `product_name`).
pub(crate) fn attribute_name(header: &str) -> Option<String> {
    let word = |c: char| c.is_ascii_alphanumeric() || c == '_';
    let whole = header.chars().all(word) && !header.starts_with(|c: char| c.is_ascii_digit());
    if whole && !header.is_empty() {
        return Some(header.to_owned());
    }
    let mut slug = String::new();
    for c in header.chars() {
        if c.is_ascii_alphanumeric() {
            slug.push(c.to_ascii_lowercase());
        } else if !slug.is_empty() && !slug.ends_with('_') {
            slug.push('_');
        }
    }
    let slug = slug.trim_end_matches('_');
    match slug.chars().next()? {
        '0'..='9' => Some(format!("n{slug}")),
        _ => Some(slug.to_owned()),
    }
}

impl Header {
    /// From the first row's cells with their places, and the manifest's `attributes:`.
    pub fn new(
        cells: Vec<(String, Place)>,
        mapping: &Table<Placed<RawAttribute>>,
        findings: &mut Findings,
    ) -> Self {
        let mut types: Vec<Option<(String, AttributeType)>> = vec![None; cells.len()];
        let mut lost = Vec::new();
        for (name, attribute) in &mapping.0 {
            let column = attribute.value.column.as_ref();
            let wanted = column.map_or(&**name, |c| c);
            let position = cells.iter().position(|(h, _)| h == wanted).or_else(|| {
                cells.iter().position(|(h, _)| attribute_name(h).as_deref() == Some(wanted))
            });
            match position {
                Some(position) => {
                    let kind = attribute.value.kind.unwrap_or_default();
                    types[position] = Some((name.to_string(), kind));
                }
                None => {
                    lost.push((name.to_string(), AttributeType::Auto));
                    let headers = cells.iter().map(|(h, _)| h.as_str());
                    let help = match nearest(wanted, headers.clone()) {
                        Some(meant) => format!("did you mean `{meant}`?"),
                        None => format!("its columns: {}", headers.collect::<Vec<_>>().join(", ")),
                    };
                    let place = column.map_or(name.place, |c| c.place);
                    findings.push(
                        Finding::error(
                            "feed::unknown_column",
                            format!("the feed has no column `{wanted}`"),
                        )
                        .at(place, "this column")
                        .help(help),
                    );
                }
            }
        }
        let mut header = Self::named(cells, types, findings);
        // Attributes whose column is not there were reported; prompts that use them are fine.
        header.attributes.extend(lost);
        header
    }

    fn named(
        cells: Vec<(String, Place)>,
        types: Vec<Option<(String, AttributeType)>>,
        findings: &mut Findings,
    ) -> Self {
        let mut written = Vec::new();
        let mut attributes = Vec::new();
        let mut seen: HashMap<String, (usize, Place)> = HashMap::new();
        for (index, ((header, place), given)) in cells.into_iter().zip(types).enumerate() {
            let number = index + 1;
            let named = given.or_else(|| Some((attribute_name(&header)?, AttributeType::Auto)));
            let (name, kind) = named.unwrap_or_else(|| {
                findings.push(nameless(&header, number, place));
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
            written.push(header);
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

#[cfg(test)]
mod tests {
    use super::attribute_name;

    #[test]
    fn headers_become_names_that_a_template_can_use() {
        let name = |h: &str| attribute_name(h).unwrap_or_default();
        assert_eq!(name("sku"), "sku");
        assert_eq!(name("Title"), "Title");
        assert_eq!(name("Product Name"), "product_name");
        assert_eq!(name("Variant Price (EUR)"), "variant_price_eur");
        assert_eq!(name("3D model"), "n3d_model");
        assert_eq!(name("価格"), "");
    }
}
