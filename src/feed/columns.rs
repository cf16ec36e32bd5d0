//! What columns are called: in files, and in templates.

use super::source::WrittenColumn;

/// The attribute that a column is when nothing else is said: its header where that can stand
/// in a template as it is, else its slug (`Product Name` → `product_name`).
pub(crate) fn attribute_name(header: &str) -> Option<String> {
    let word = |c: char| c.is_ascii_alphanumeric() || c == '_';
    let whole = header.chars().all(word) && !header.starts_with(|c: char| c.is_ascii_digit());
    if whole && !header.is_empty() {
        return Some(header.to_owned());
    }
    slug(header)
}

/// A header in small letters, with `_` for everything else: `Variant Price (EUR)` →
/// `variant_price_eur`.
pub(super) fn slug(header: &str) -> Option<String> {
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

/// What a shop calls a variant, as a part of an id: letters and digits of any script in small
/// letters, with `-` for everything else (`Größe 42 / Rød` → `größe-42-rød`).
pub(super) fn folded(text: &str) -> String {
    let mut folded = String::with_capacity(text.len());
    for c in text.chars() {
        if c.is_alphanumeric() {
            folded.extend(c.to_lowercase());
        } else if !folded.is_empty() && !folded.ends_with('-') {
            folded.push('-');
        }
    }
    folded.truncate(folded.trim_end_matches('-').len());
    folded
}

/// A shop's columns by their slugs.
pub(super) struct Slugs(Vec<String>);

impl Slugs {
    pub fn of(columns: &[WrittenColumn]) -> Self {
        Self::called(columns.iter().map(|c| slug(&c.header).unwrap_or_default()))
    }

    /// The slugs of columns, in order.
    pub fn called(slugs: impl Iterator<Item = String>) -> Self {
        Slugs(slugs.collect())
    }

    /// The first column that has one of these names, the earlier name before the later.
    pub fn find(&self, names: &[&str]) -> Option<usize> {
        names.iter().find_map(|name| self.0.iter().position(|slug| slug == name))
    }

    /// All columns of this name.
    pub fn all<'s>(&'s self, name: &'s str) -> impl Iterator<Item = usize> + 's {
        self.0.iter().enumerate().filter(move |(_, slug)| *slug == name).map(|(i, _)| i)
    }

    pub fn get(&self, column: usize) -> &str {
        &self.0[column]
    }

    /// Whether there is a column of each of these names.
    pub fn have(&self, names: &[&str]) -> bool {
        names.iter().all(|name| self.find(&[name]).is_some())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_variants_are_called_keeps_its_letters() {
        assert_eq!(folded("Größe 42 / Rød"), "größe-42-rød");
        assert_eq!(folded("42"), "42");
        assert_eq!(folded("(赤・大)"), "赤-大");
        assert_eq!(folded("/ !"), "");
    }

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
