//! Feeds that nobody in particular wrote: every record is an entry, every column its own.

use super::columns::{attribute_name, slug};
use super::entry::FeedImage;
use super::open::FeedColumn;
use super::reading::{Maker, Member, Reading, distinct};
use super::row::AttributeType;
use super::source::WrittenColumn;

/// Names under which pictures stand in catalogues that people make themselves, without what parts
/// or numbers them: `image_2_url` and `imageUrl` are both `imageurl`.
const PICTURES: [&str; 36] = [
    "image",
    "images",
    "imageurl",
    "imageurls",
    "imagesurl",
    "imagelink",
    "imagesrc",
    "imagessrc",
    "img",
    "imgurl",
    "imgsrc",
    "sourceimageurl",
    "mainimage",
    "mainimageurl",
    "productimage",
    "productimages",
    "productimageurl",
    "picture",
    "pictures",
    "pictureurl",
    "photo",
    "photos",
    "photourl",
    "additionalimage",
    "additionalimages",
    "additionalimagelink",
    "bild",
    "bilder",
    "bildurl",
    "produktbild",
    "foto",
    "fotos",
    "imagen",
    "imagenes",
    "immagine",
    "afbeelding",
];

/// Columns as they are.
pub(super) struct Plain {
    columns: Vec<FeedColumn>,
    id: usize,
    tags: Option<usize>,
    pictures: Vec<usize>,
}

impl Plain {
    pub fn new(written: &[WrittenColumn]) -> Self {
        let columns: Vec<FeedColumn> = written.iter().map(column).collect();
        let by_name =
            |name: &str| columns.iter().position(|c| c.attribute.as_deref() == Some(name));
        let names = |c: &WrittenColumn| {
            let mut slug = slug(&c.header).unwrap_or_default();
            slug.retain(|c| c.is_ascii_alphabetic());
            slug
        };
        let pictures = written.iter().enumerate().filter(|(_, c)| PICTURES.contains(&&*names(c)));
        let pictures = pictures.map(|(column, _)| column).collect();
        Plain { id: by_name("id").unwrap_or(0), tags: by_name("tags"), pictures, columns }
    }
}

/// A column as the file has it.
pub(super) fn column(written: &WrittenColumn) -> FeedColumn {
    FeedColumn {
        attribute: attribute_name(&written.header),
        header: Some(written.header.clone()),
        at: Some(written.at),
        kind: AttributeType::Auto,
    }
}

impl Reading for Plain {
    fn columns(&self) -> &[FeedColumn] {
        &self.columns
    }

    fn origin(&self, column: usize) -> Option<usize> {
        Some(column)
    }

    fn entries(&self, group: &[Member<'_>], maker: &mut Maker<'_>) {
        for member in group {
            let record = member.record;
            maker.as_written(record, self.columns.len());
            let tags = self.tags.and_then(|column| record.get(column)).unwrap_or_default();
            let tags = distinct(tags.split([',', ';', '|']));
            let mut images: Vec<FeedImage> = Vec::new();
            for column in &self.pictures {
                let text = record.get(*column).unwrap_or_default();
                for address in addresses(&text) {
                    // A main picture often stands among the others once more.
                    if images.iter().any(|image| *image.address == *address) {
                        continue;
                    }
                    images.push(FeedImage { address: Box::from(address), alt: None });
                }
            }
            maker.entry(*member, record.number(), self.id, tags, images.into_boxed_slice());
        }
    }
}

/// The pictures that a cell names: one, or several parted by bars, line breaks, or by commas,
/// semicolons or spaces before another URL. A comma may as well belong to an address.
pub(super) fn addresses(text: &str) -> impl Iterator<Item = &str> {
    let mut rest = text;
    let parts = std::iter::from_fn(move || {
        if rest.is_empty() {
            return None;
        }
        let end = part_end(rest);
        let (part, after) = rest.split_at(end);
        rest = after.trim_start_matches([',', ';', '|', '\n', '\r', ' ', '\t']);
        Some(part.trim().trim_end_matches([',', ';']).trim_end())
    });
    parts.filter(|part| !part.is_empty())
}

fn part_end(text: &str) -> usize {
    for (at, c) in text.char_indices() {
        let after = text[at + c.len_utf8()..].trim_start();
        let url = || after.starts_with("http://") || after.starts_with("https://");
        match c {
            '|' | '\n' | '\r' => return at,
            ',' | ';' | ' ' | '\t' if url() => return at,
            _ => {}
        }
    }
    text.len()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_cell_may_name_several_pictures() {
        let found = |text: &'static str| addresses(text).collect::<Vec<_>>();
        assert_eq!(found("a.jpg"), ["a.jpg"]);
        assert_eq!(found("photos/red, large.jpg"), ["photos/red, large.jpg"]);
        assert_eq!(found("a.jpg|b.jpg"), ["a.jpg", "b.jpg"]);
        assert_eq!(
            found("https://x.test/1.jpg?w=1,2, https://x.test/2.jpg https://x.test/3.jpg"),
            ["https://x.test/1.jpg?w=1,2", "https://x.test/2.jpg", "https://x.test/3.jpg"]
        );
        assert!(found("  ").is_empty());
    }
}
