//! Product exports of Shopify, of either generation of headers.
//!
//! A product is the rows with one handle that follow each other: the first has the product and
//! its first variant, the others have further variants, further pictures, or both.

use std::borrow::Cow;

use super::columns::{Slugs, folded};
use super::entry::{Each, FeedImage};
use super::open::FeedColumn;
use super::product::{
    Attributes, ForSale, Options, Product, Value, cell, uncovered, variant_title,
};
use super::reading::{Maker, Member, Reading, Refusal, Together, distinct};
use super::row::AttributeType::{Auto, List, Text};
use super::source::WrittenColumn;

/// Columns by what they mean; names of the older headers and of those since 2024, as slugs.
/// Source: https://help.shopify.com/en/manual/products/import-export/using-csv and exports.
struct Meaning {
    handle: usize,
    title: Option<usize>,
    body: Option<usize>,
    tags: Option<usize>,
    published: Option<usize>,
    sku: Option<usize>,
    barcode: Option<usize>,
    price: Option<usize>,
    compare_at: Option<usize>,
    stock: Option<ForSale>,
    image: Option<usize>,
    position: Option<usize>,
    alt: Option<usize>,
    variant_image: Option<usize>,
    options: Options,
}

/// What only variants have, in the headers of today; the older ones begin with `Variant`.
const OF_VARIANTS: [&str; 13] = [
    "cost_per_item",
    "charge_tax",
    "tax_code",
    "unit_price_total_measure",
    "unit_price_total_measure_unit",
    "unit_price_base_measure",
    "unit_price_base_measure_unit",
    "inventory_tracker",
    "continue_selling_when_out_of_stock",
    "weight_value_grams",
    "weight_unit_for_display",
    "requires_shipping",
    "fulfillment_service",
];

/// The columns that say whether a variant can be sold; where no quantity is written, nobody can
/// say. Source: https://help.shopify.com/en/manual/products/import-export/using-csv
fn stock(slugs: &Slugs) -> Option<ForSale> {
    Some(ForSale {
        quantity: slugs.find(&["variant_inventory_qty", "inventory_quantity"])?,
        tracker: slugs.find(&["variant_inventory_tracker", "inventory_tracker"]),
        policy: slugs.find(&["variant_inventory_policy", "continue_selling_when_out_of_stock"]),
    })
}

/// Whether these columns are those of such an export.
pub(super) fn is(slugs: &Slugs) -> bool {
    let any = |names: &[&str]| slugs.find(names).is_some();
    let handle = any(&["handle", "url_handle"]);
    let product = ["body_html", "variant_sku", "variant_price", "image_src", "option1_value"];
    let today = ["product_image_url", "compare_at_price", "option1_value", "inventory_quantity"];
    handle && any(&["title"]) && (any(&product) || any(&today))
}

/// Reads such an export.
pub(super) struct Shopify {
    each: Each,
    meaning: Meaning,
    headers: Vec<String>,
    attributes: Attributes,
}

impl Shopify {
    /// `None` where the column is missing that says which rows belong together.
    pub fn new(written: &[WrittenColumn], each: Each) -> Option<Self> {
        let slugs = Slugs::of(written);
        let option = |n: usize| {
            let name = slugs.find(&[&format!("option{n}_name")])?;
            Some((name, slugs.find(&[&format!("option{n}_value")])?))
        };
        let meaning = Meaning {
            handle: slugs.find(&["handle", "url_handle"])?,
            title: slugs.find(&["title"]),
            body: slugs.find(&["body_html", "description", "body"]),
            tags: slugs.find(&["tags"]),
            published: slugs.find(&["published", "published_on_online_store"]),
            sku: slugs.find(&["variant_sku", "sku"]),
            barcode: slugs.find(&["variant_barcode", "variant_barcodes", "barcode", "barcodes"]),
            price: slugs.find(&["variant_price", "price"]),
            compare_at: slugs.find(&["variant_compare_at_price", "compare_at_price"]),
            stock: stock(&slugs),
            image: slugs.find(&["image_src", "product_image_url"]),
            position: slugs.find(&["image_position"]),
            alt: slugs.find(&["image_alt_text"]),
            variant_image: slugs.find(&["variant_image", "variant_image_url"]),
            options: (1..=3).filter_map(option).collect(),
        };
        let attributes = attributes(&meaning, written, &slugs, each);
        let headers = written.iter().map(|c| c.header.clone()).collect();
        Some(Shopify { each, meaning, headers, attributes })
    }

    fn is_variant(&self, member: Member<'_>) -> bool {
        let meaning = &self.meaning;
        let values = meaning.options.iter().map(|(_, value)| *value);
        let marks = values.chain(meaning.sku).chain(meaning.price).chain(meaning.barcode);
        marks.into_iter().any(|column| !member.record.is_empty(column))
    }

    /// Pictures by position; those that only variants name come last.
    fn images(&self, group: &[Member<'_>]) -> Vec<FeedImage> {
        let meaning = &self.meaning;
        let mut found: Vec<(u32, FeedImage)> = Vec::new();
        let has = |found: &[(u32, FeedImage)], address: &str| {
            found.iter().any(|(_, image)| *image.address == *address)
        };
        for (position, member) in group.iter().enumerate() {
            let Some(column) = meaning.image else { break };
            let address = cell(*member, column);
            if address.is_empty() || has(&found, &address) {
                continue;
            }
            let written = meaning.position.and_then(|column| cell(*member, column).parse().ok());
            // Only where no row says its position, that of the row counts.
            let position = written.unwrap_or(u32::MAX / 2 + position as u32);
            let alt = meaning.alt.map(|column| cell(*member, column)).filter(|alt| !alt.is_empty());
            let alt = alt.map(|alt| Box::from(&*alt));
            found.push((position, FeedImage { address: Box::from(&*address), alt }));
        }
        for member in group {
            let Some(column) = meaning.variant_image else { break };
            let address = cell(*member, column);
            if !address.is_empty() && !has(&found, &address) {
                found.push((u32::MAX, FeedImage { address: Box::from(&*address), alt: None }));
            }
        }
        found.sort_by_key(|(position, _)| *position);
        found.into_iter().map(|(_, image)| image).collect()
    }

    fn variant_id(&self, handle: &str, member: Member<'_>) -> String {
        let sku = self.meaning.sku.map(|column| uncovered(cell(member, column)));
        if let Some(sku) = sku.filter(|sku| !sku.is_empty()) {
            return sku.into_owned();
        }
        let title = variant_title(member.record, &self.meaning.options, "-");
        let title = folded(&title);
        if title.is_empty() { handle.to_owned() } else { format!("{handle}-{title}") }
    }

    fn refuse(
        &self,
        group: &[Member<'_>],
        column: usize,
        maker: &mut Maker<'_>,
        why: impl Fn() -> Refusal,
    ) {
        for member in group {
            maker.refuse(*member, Some((column, &self.headers[column])), why());
        }
    }
}

fn attributes(
    meaning: &Meaning,
    written: &[WrittenColumn],
    slugs: &Slugs,
    each: Each,
) -> Attributes {
    let mut out = Attributes::default();
    let id = if each == Each::Variant { meaning.sku } else { None };
    out.add(written, "id", Text, id.or(Some(meaning.handle)), Value::Id);
    out.add(written, "handle", Text, Some(meaning.handle), Value::Product(meaning.handle));
    let mut add = |name: &str, kind, column: Option<usize>, value: &dyn Fn(usize) -> Value| {
        if let Some(column) = column {
            out.add(written, name, kind, Some(column), value(column));
        }
    };
    add("title", Auto, meaning.title, &Value::Product);
    add("description", Text, meaning.body, &Value::Html);
    add("body_html", Text, meaning.body, &Value::Product);
    for name in ["vendor", "type", "product_category"] {
        add(name, Auto, slugs.find(&[name]), &Value::Product);
    }
    add("tags", List, meaning.tags, &Value::Product);
    add("published", Auto, meaning.published, &Value::Product);
    add("status", Auto, slugs.find(&["status"]), &Value::Product);
    let price = || meaning.price.into_iter().collect::<Vec<_>>();
    add("price", Auto, meaning.price, &|_| Value::Lowest(price()));
    add("price_max", Auto, meaning.price, &|_| Value::Highest(price()));
    add("compare_at_price", Auto, meaning.compare_at, &|c| Value::OfLowest(c, price()));
    add("sku", Text, meaning.sku, &Value::Code);
    add("skus", List, meaning.sku, &Value::Codes);
    add("barcode", Text, meaning.barcode, &Value::Code);
    let quantity = meaning.stock.map(|stock| stock.quantity);
    add("stock", Auto, quantity, &Value::Sum);
    if let Some(stock) = meaning.stock {
        add("in_stock", Auto, quantity, &|_| Value::ForSale(stock));
    }
    for (index, (name, value)) in meaning.options.iter().enumerate() {
        let number = index + 1;
        add(&format!("option{number}_name"), Auto, Some(*name), &Value::Product);
        add(&format!("option{number}_value"), Text, Some(*value), &Value::All);
    }
    out.add(written, "variants", Auto, None, Value::Count);
    out.add(written, "options", List, None, Value::OptionNames);
    if each == Each::Variant {
        out.add(written, "variant_title", Text, None, Value::Variant);
    }
    out.add(written, "image", Text, meaning.image, Value::Image);
    out.others(written, slugs, |slug, column| {
        let own = slug.starts_with("variant_") || slug.starts_with("option");
        if own || OF_VARIANTS.contains(&slug) { Value::Own(column) } else { Value::OwnElse(column) }
    });
    out
}

impl Reading for Shopify {
    fn columns(&self) -> &[FeedColumn] {
        &self.attributes.columns
    }

    fn origin(&self, column: usize) -> Option<usize> {
        self.attributes.origin(column)
    }

    fn together(&self) -> Together {
        Together::Runs(self.meaning.handle)
    }

    fn entries(&self, group: &[Member<'_>], maker: &mut Maker<'_>) {
        let Some(first) = group.first() else { return };
        let handle = cell(*first, self.meaning.handle);
        if handle.is_empty() {
            return self.refuse(group, self.meaning.handle, maker, no_handle);
        }
        let nameless = |title| group.iter().all(|member| cell(*member, title).is_empty());
        if let Some(title) = self.meaning.title.filter(|title| nameless(*title)) {
            return self.refuse(group, title, maker, || no_title(&handle));
        }
        let variants: Vec<Member<'_>> =
            group.iter().copied().filter(|member| self.is_variant(*member)).collect();
        let images = self.images(group);
        let tags = self.meaning.tags.map_or(Cow::Borrowed(""), |column| {
            let texts = group.iter().map(|member| cell(*member, column));
            texts.into_iter().find(|text| !text.is_empty()).unwrap_or_default()
        });
        let tags = distinct(tags.split(','));
        let mut product = Product {
            all: group,
            variants: &variants,
            own: None,
            id: &handle,
            images: &images,
            options: &self.meaning.options,
        };
        if self.each == Each::Product || variants.is_empty() {
            self.attributes.fill(&product, maker);
            let images = images.clone().into_boxed_slice();
            return maker.entry(*first, first.record.number(), self.meaning.handle, tags, images);
        }
        let pictured = self.meaning.variant_image;
        let owns: Vec<Cow<'_, str>> = variants
            .iter()
            .map(|variant| pictured.map(|column| cell(*variant, column)).unwrap_or_default())
            .collect();
        // Which pictures are those of single variants.
        let owned: Vec<bool> =
            images.iter().map(|image| owns.iter().any(|own| *own == *image.address)).collect();
        for (variant, own) in variants.iter().zip(&owns) {
            let id = self.variant_id(&handle, *variant);
            let own = of_variant(&images, &owned, own);
            product.own = Some(*variant);
            let place = self.meaning.sku.filter(|column| !variant.record.is_empty(*column));
            let place = place.unwrap_or(self.meaning.handle);
            let one = Product { id: &id, images: &own, ..product };
            self.attributes.fill(&one, maker);
            let own = own.into_boxed_slice();
            maker.entry(*variant, variant.record.number(), place, tags.clone(), own);
        }
    }
}

/// The pictures of a variant: its own, then those that are no single variant's; all where that
/// would leave none.
fn of_variant(images: &[FeedImage], owned: &[bool], own: &str) -> Vec<FeedImage> {
    let mine = images.iter().filter(|image| *image.address == *own);
    let shared = images.iter().zip(owned).filter(|(_, owned)| !**owned).map(|(image, _)| image);
    let some: Vec<FeedImage> = mine.chain(shared).cloned().collect();
    if some.is_empty() { images.to_vec() } else { some }
}

fn no_handle() -> Refusal {
    Refusal {
        code: "feed::no_handle",
        what: "the row has no handle".to_owned(),
        label: "empty".to_owned(),
        help: "every row of a product repeats its handle".to_owned(),
        also: None,
    }
}

fn no_title(handle: &str) -> Refusal {
    Refusal {
        code: "feed::no_title",
        what: format!("no row of `{handle}` has a title"),
        label: "empty".to_owned(),
        help: "the first row of a product has its title; is that row missing?".to_owned(),
        also: None,
    }
}
