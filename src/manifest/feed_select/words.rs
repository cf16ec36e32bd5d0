//! What shops write into cells of categories and videos.

use crate::manifest::typed::items;

/// Whether a cell names a video.
pub(super) fn names_video(text: &str) -> bool {
    let text = text.trim();
    !text.is_empty() && !["0", "false", "no", "none"].iter().any(|no| text.eq_ignore_ascii_case(no))
}

/// A collection or category as it is looked for: the parts of its path.
#[derive(Debug)]
pub(super) struct Collection {
    parts: Vec<String>,
}

impl Collection {
    /// From what a manifest says: `Clothing` or `Clothing > Hoodies`.
    pub fn new(written: &str) -> Self {
        Collection { parts: parts(written) }
    }

    /// Whether one of the collections in a cell is it, or within it. Cells hold one path or
    /// several; Google's own categories have commas in their names.
    pub fn has(&self, cell: &str) -> bool {
        let within = |path: &str| {
            let path = parts(path);
            path.windows(self.parts.len().max(1)).any(|window| window == self.parts)
        };
        within(cell) || cell.contains([',', ';', '|']) && items(cell).any(|item| within(&item))
    }
}

fn parts(path: &str) -> Vec<String> {
    path.split('>').map(|part| part.trim().to_lowercase()).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn a_collection_has_what_is_within_it() {
        let clothing = Collection::new("clothing");
        for cell in ["Clothing", "Clothing > Hoodies", "Shop > Clothing", "Sale, Clothing > Socks"]
        {
            assert!(clothing.has(cell), "{cell}");
        }
        for cell in ["", "Clothing accessories", "Sale"] {
            assert!(!clothing.has(cell), "{cell}");
        }
        assert!(Collection::new("Clothing > Hoodies").has("Shop > Clothing > Hoodies > Zip"));
        assert!(!Collection::new("Clothing > Hoodies").has("Clothing, Hoodies"));
        for cell in ["New\\, hot", "Sale, New\\, hot > Hoodies"] {
            assert!(Collection::new("New, hot").has(cell), "{cell}");
            assert!(!Collection::new("hot").has(cell), "{cell}");
        }
        assert!(
            Collection::new("Food, Beverages & Tobacco").has("Food, Beverages & Tobacco > Food")
        );
    }

    proptest! {
        #[test]
        fn any_cell_can_be_read(text in "\\PC{0,20}") {
            let _ = Collection::new(&text).has(&text);
        }
    }
}
