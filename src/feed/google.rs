//! Google Merchant feeds: items, which may belong together in groups.
//!
//! What they say is the same as tab-separated values and as XML.

use std::borrow::Cow;

use super::columns::Slugs;
use super::entry::{Each, FeedImage};
use super::open::FeedColumn;
use super::plain::addresses;
use super::product::{Attributes, Options, Product, Value, cell};
use super::reading::{Kin, Maker, Member, Reading, Together, distinct, key};
use super::row::AttributeType::{Auto, List, Text};
use super::source::{Record, WrittenColumn};

/// Columns by what they mean. Source: https://support.google.com/merchants/answer/7052112
struct Meaning {
    id: usize,
    group: Option<usize>,
    /// In the order in which their pictures are shown.
    images: Vec<usize>,
    tags: Vec<usize>,
    options: Options,
}

/// Whether these columns are those of such a feed.
pub(super) fn is(slugs: &Slugs) -> bool {
    let more = ["link", "availability", "item_group_id", "additional_image_link", "gtin"];
    slugs.have(&["id", "title", "image_link"]) && slugs.find(&more).is_some()
}

/// Reads such a feed.
pub(super) struct Google {
    each: Each,
    meaning: Meaning,
    attributes: Attributes,
}

impl Google {
    /// `None` where items have no id.
    pub fn new(written: &[WrittenColumn], each: Each) -> Option<Self> {
        let slugs = Slugs::of(written);
        let pictures = ["image_link", "additional_image_link", "lifestyle_image_link"];
        let labels = (0..5).filter_map(|n| slugs.find(&[&format!("custom_label_{n}")]));
        let meaning = Meaning {
            id: slugs.find(&["id"])?,
            group: slugs.find(&["item_group_id"]),
            images: pictures.iter().flat_map(|name| slugs.all(name)).collect(),
            tags: slugs.find(&["product_type"]).into_iter().chain(labels).collect(),
            options: Vec::new(),
        };
        let attributes = attributes(&meaning, written, &slugs);
        Some(Google { each, meaning, attributes })
    }

    fn images(&self, members: &[Member<'_>]) -> Vec<FeedImage> {
        let mut images: Vec<FeedImage> = Vec::new();
        for (member, column) in
            members.iter().flat_map(|m| self.meaning.images.iter().map(move |c| (m, *c)))
        {
            for address in addresses(&cell(*member, column)) {
                if !images.iter().any(|image| *image.address == *address) {
                    images.push(FeedImage { address: Box::from(address), alt: None });
                }
            }
        }
        images
    }

    /// Labels, and what the shop calls the kind: `Home > Garden, Sale`.
    fn tags(&self, members: &[Member<'_>]) -> Box<[Box<str>]> {
        let texts: Vec<Cow<'_, str>> = members
            .iter()
            .flat_map(|member| self.meaning.tags.iter().map(move |column| cell(*member, *column)))
            .collect();
        distinct(texts.iter().flat_map(|text| text.split([',', '>'])))
    }

    fn group(&self, record: Record<'_>) -> Option<String> {
        let text = record.get(self.meaning.group?)?.trim().to_owned();
        (!text.is_empty()).then_some(text)
    }
}

fn attributes(meaning: &Meaning, written: &[WrittenColumn], slugs: &Slugs) -> Attributes {
    let mut out = Attributes::default();
    out.add(written, "id", Text, Some(meaning.id), Value::Id);
    let mut add = |name: &str, kind, column: Option<usize>, value: &dyn Fn(usize) -> Value| {
        if let Some(column) = column {
            out.add(written, name, kind, Some(column), value(column));
        }
    };
    add("title", Auto, slugs.find(&["title"]), &Value::OwnElse);
    add("description", Text, slugs.find(&["description"]), &Value::Html);
    add("item_group_id", Text, meaning.group, &Value::Product);
    let price = slugs.find(&["price"]);
    let prices = || price.into_iter().collect::<Vec<_>>();
    add("price", Auto, price, &|_| Value::Lowest(prices()));
    add("price_max", Auto, price, &|_| Value::Highest(prices()));
    add("currency", Auto, price, &|_| Value::Currency(prices()));
    let sale = slugs.find(&["sale_price"]);
    add("sale_price", Auto, sale, &|c| Value::Lowest(vec![c]));
    add("brand", Auto, slugs.find(&["brand"]), &Value::OwnElse);
    add("gtin", Text, slugs.find(&["gtin"]), &Value::Code);
    add("mpn", Text, slugs.find(&["mpn"]), &Value::Code);
    add("skus", List, Some(meaning.id), &Value::All);
    out.add(written, "variants", Auto, None, Value::Count);
    let image = slugs.find(&["image_link"]);
    out.add(written, "image", Text, image, Value::Image);
    for column in meaning.images.iter().skip(1) {
        out.without(*column);
    }
    out.others(written, slugs, |name, column| match name {
        "availability" => Value::Available(column),
        _ => Value::OwnElse(column),
    });
    out
}

impl Reading for Google {
    fn columns(&self) -> &[FeedColumn] {
        &self.attributes.columns
    }

    fn origin(&self, column: usize) -> Option<usize> {
        self.attributes.origin(column)
    }

    fn together(&self) -> Together {
        let grouped = self.each == Each::Product && self.meaning.group.is_some();
        if grouped { Together::Families } else { Together::Alone }
    }

    fn kin(&self, record: Record<'_>) -> Kin {
        self.group(record).map_or(Kin::Alone, |group| Kin::Mate(key(&[&group])))
    }

    fn entries(&self, group: &[Member<'_>], maker: &mut Maker<'_>) {
        let Some(first) = group.first() else { return };
        let own = cell(*first, self.meaning.id);
        let (id, at) = match self.group(first.record) {
            Some(name) if self.each == Each::Product => {
                (Cow::Owned(name), self.meaning.group.unwrap_or(self.meaning.id))
            }
            _ => (own, self.meaning.id),
        };
        let images = self.images(group);
        let product = Product {
            all: group,
            variants: group,
            own: None,
            id: &id,
            images: &images,
            options: &self.meaning.options,
        };
        self.attributes.fill(&product, maker);
        let tags = self.tags(group);
        maker.entry(*first, first.record.number(), at, tags, images.into_boxed_slice());
    }
}
