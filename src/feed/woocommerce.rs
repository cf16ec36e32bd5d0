//! Product exports of WooCommerce.
//!
//! Every row is a product or a variation. A variation names its parent by id (`id:123`) or by SKU,
//! and may stand anywhere in the file.

use super::columns::{Slugs, folded};
use super::entry::{Each, FeedImage};
use super::open::FeedColumn;
use super::product::{Attributes, Options, Product, Value, cell, uncovered, variant_title};
use super::reading::{Kin, Maker, Member, Reading, Refusal, Together, distinct, key};
use super::row::AttributeType::{Auto, List, Text};
use super::source::{Record, WrittenColumn};
use super::translated;

/// Columns by what they mean.
/// Source: https://github.com/woocommerce/woocommerce/wiki/Product-CSV-Import-Schema
struct Meaning {
    id: Option<usize>,
    kind: usize,
    sku: Option<usize>,
    name: usize,
    description: Option<usize>,
    short_description: Option<usize>,
    sale_price: Option<usize>,
    regular_price: Option<usize>,
    categories: Option<usize>,
    tags: Option<usize>,
    images: Option<usize>,
    stock: Option<usize>,
    barcode: Option<usize>,
    parent: Option<usize>,
    options: Options,
}

/// Whether these columns are those of such an export.
pub(super) fn is(slugs: &Slugs) -> bool {
    slugs.have(&["type", "name"])
        && slugs.find(&["sku", "id"]).is_some()
        && slugs.find(&["regular_price", "parent", "attribute_1_name", "categories"]).is_some()
        && slugs.find(&["published", "is_featured", "in_stock", "parent"]).is_some()
}

/// Reads such an export.
pub(super) struct Woocommerce {
    each: Each,
    meaning: Meaning,
    headers: Vec<String>,
    attributes: Attributes,
}

impl Woocommerce {
    /// `None` where columns are missing that say what a row is.
    pub fn new(written: &[WrittenColumn], each: Each) -> Option<Self> {
        let slugs = translated::slugs(written);
        let option = |n: usize| {
            let name = slugs.find(&[&format!("attribute_{n}_name")])?;
            let value = [format!("attribute_{n}_value_s"), format!("attribute_{n}_value")];
            Some((name, slugs.find(&[&value[0], &value[1]])?))
        };
        let meaning = Meaning {
            id: slugs.find(&["id"]),
            kind: slugs.find(&["type"])?,
            sku: slugs.find(&["sku"]),
            name: slugs.find(&["name"])?,
            description: slugs.find(&["description"]),
            short_description: slugs.find(&["short_description"]),
            sale_price: slugs.find(&["sale_price"]),
            regular_price: slugs.find(&["regular_price"]),
            categories: slugs.find(&["categories"]),
            tags: slugs.find(&["tags"]),
            images: slugs.find(&["images"]),
            stock: slugs.find(&["stock"]),
            barcode: slugs.find(&["gtin_upc_ean_or_isbn"]),
            parent: slugs.find(&["parent"]),
            options: (1..=20).map_while(option).collect(),
        };
        let attributes = attributes(&meaning, written, &slugs, each);
        let headers = written.iter().map(|c| c.header.clone()).collect();
        Some(Woocommerce { each, meaning, headers, attributes })
    }

    /// A row's type may be followed by others: `variation, virtual`. Those of subscriptions are
    /// `variable-subscription` and `subscription_variation`.
    fn is_a(&self, record: Record<'_>, wanted: impl Fn(&str) -> bool) -> bool {
        let kinds = record.get(self.meaning.kind).unwrap_or_default();
        kinds.split(',').any(|kind| wanted(kind.trim()))
    }

    fn is_variation(&self, record: Record<'_>) -> bool {
        let variation = |word: &str| word.eq_ignore_ascii_case("variation");
        self.is_a(record, |kind| kind.rsplit('_').next().is_some_and(variation))
    }

    fn is_variable(&self, record: Record<'_>) -> bool {
        let variable = |word: &str| word.eq_ignore_ascii_case("variable");
        self.is_a(record, |kind| kind.split('-').next().is_some_and(variable))
    }

    fn text(record: Record<'_>, column: Option<usize>) -> String {
        column.and_then(|c| record.get(c)).unwrap_or_default().trim().to_owned()
    }

    /// Its SKU, else its number in the shop.
    fn id_of(&self, member: Member<'_>) -> (String, usize) {
        for column in self.meaning.sku.into_iter().chain(self.meaning.id) {
            let text = uncovered(cell(member, column));
            if !text.is_empty() {
                return (text.into_owned(), column);
            }
        }
        (String::new(), self.meaning.sku.or(self.meaning.id).unwrap_or(self.meaning.name))
    }

    fn images(&self, members: &[Member<'_>]) -> Vec<FeedImage> {
        let mut images: Vec<FeedImage> = Vec::new();
        for member in members {
            let Some(column) = self.meaning.images else { break };
            for part in parts(&cell(*member, column)) {
                if !images.iter().any(|image| *image.address == *part) {
                    images.push(FeedImage { address: part.into_boxed_str(), alt: None });
                }
            }
        }
        images
    }

    fn tags(&self, member: Member<'_>) -> Box<[Box<str>]> {
        let tags = self.meaning.tags.map(|column| parts(&cell(member, column))).unwrap_or_default();
        distinct(tags.iter().map(String::as_str))
    }

    fn orphan(&self, member: Member<'_>, maker: &mut Maker<'_>) {
        let parent = Self::text(member.record, self.meaning.parent);
        let column = self.meaning.parent.unwrap_or(self.meaning.kind);
        let what = match parent.is_empty() {
            true => "the variation names no parent".to_owned(),
            false => format!("no variable product is `{parent}`"),
        };
        let why = Refusal {
            code: "feed::no_parent",
            what,
            label: "this parent".to_owned(),
            help:
                "a variation names its product by `id:` and number, or by SKU; export both together"
                    .to_owned(),
            also: None,
        };
        maker.refuse(member, Some((column, &self.headers[column])), why);
    }

    fn doubled(&self, member: Member<'_>, first: Member<'_>, maker: &mut Maker<'_>) {
        let (id, column) = self.id_of(member);
        let why = Refusal {
            code: "feed::comes_back",
            what: format!("the product `{id}` was there before"),
            label: "again here".to_owned(),
            help: "one of them must go, or get an id and SKU of its own".to_owned(),
            also: Some((first.record.spot(self.id_of(first).1), "first here".to_owned())),
        };
        maker.refuse(member, Some((column, &self.headers[column])), why);
    }
}

fn attributes(
    meaning: &Meaning,
    written: &[WrittenColumn],
    slugs: &Slugs,
    each: Each,
) -> Attributes {
    let mut out = Attributes::default();
    out.add(written, "id", Text, meaning.sku.or(meaning.id), Value::Id);
    let mut add = |name: &str, kind, column: Option<usize>, value: &dyn Fn(usize) -> Value| {
        if let Some(column) = column {
            out.add(written, name, kind, Some(column), value(column));
        }
    };
    let prices: Vec<usize> = meaning.sale_price.into_iter().chain(meaning.regular_price).collect();
    let price = prices.last().copied();
    add("product_id", Text, meaning.id, &Value::Own);
    add("title", Auto, Some(meaning.name), &Value::Product);
    add("description", Text, meaning.description, &Value::EscapedHtml);
    add("body_html", Text, meaning.description, &Value::Escaped);
    add("short_description", Text, meaning.short_description, &Value::EscapedHtml);
    add("type", Auto, Some(meaning.kind), &Value::Product);
    add("categories", List, meaning.categories, &Value::Product);
    add("tags", List, meaning.tags, &Value::Product);
    add("price", Auto, price, &|_| Value::Lowest(prices.clone()));
    add("price_max", Auto, price, &|_| Value::Highest(prices.clone()));
    add("regular_price", Auto, meaning.regular_price, &|c| Value::OfLowest(c, prices.clone()));
    add("sale_price", Auto, meaning.sale_price, &|c| Value::OfLowest(c, prices.clone()));
    add("sku", Text, meaning.sku, &Value::Code);
    add("skus", List, meaning.sku, &Value::Codes);
    add("barcode", Text, meaning.barcode, &Value::OwnElse);
    add("stock", Auto, meaning.stock, &Value::Sum);
    for (index, (name, value)) in meaning.options.iter().enumerate() {
        let number = index + 1;
        add(&format!("attribute_{number}_name"), Auto, Some(*name), &Value::Product);
        // The product lists all values that there are; a variation has one of them.
        add(&format!("attribute_{number}_value"), Text, Some(*value), &Value::Own);
    }
    out.add(written, "variants", Auto, None, Value::Count);
    out.add(written, "options", List, None, Value::OptionNames);
    if each == Each::Variant {
        out.add(written, "variant_title", Text, None, Value::Variant);
    }
    out.add(written, "image", Text, meaning.images, Value::Image);
    out.others(written, slugs, |_, column| Value::OwnElse(column));
    out
}

impl Reading for Woocommerce {
    fn columns(&self) -> &[FeedColumn] {
        &self.attributes.columns
    }

    fn origin(&self, column: usize) -> Option<usize> {
        self.attributes.origin(column)
    }

    fn together(&self) -> Together {
        Together::Families
    }

    fn kin(&self, record: Record<'_>) -> Kin {
        if self.is_variation(record) {
            let parent = Self::text(record, self.meaning.parent);
            return match parent.strip_prefix("id:") {
                Some(id) => Kin::Child(key(&["id", id.trim()])),
                None => Kin::Child(key(&["sku", bare(&parent)])),
            };
        }
        if !self.is_variable(record) {
            return Kin::Alone;
        }
        let known = |kind: &str, column| {
            Some(Self::text(record, column))
                .filter(|t| !t.is_empty())
                .map(|text| key(&[kind, bare(&text)]))
        };
        Kin::Parent([known("id", self.meaning.id), known("sku", self.meaning.sku)])
    }

    fn entries(&self, group: &[Member<'_>], maker: &mut Maker<'_>) {
        let (children, mut parents): (Vec<Member<'_>>, Vec<Member<'_>>) =
            group.iter().copied().partition(|member| self.is_variation(member.record));
        if parents.is_empty() {
            return children.iter().for_each(|child| self.orphan(*child, maker));
        }
        for again in parents.split_off(1) {
            self.doubled(again, parents[0], maker);
        }
        let parent = parents[0];
        let all: Vec<Member<'_>> = [parent].into_iter().chain(children.iter().copied()).collect();
        let alone = [parent];
        let variants = if children.is_empty() { &alone[..] } else { &children[..] };
        let first_row = all.iter().map(|m| m.record.number()).min().unwrap_or_default();
        let (id, at) = self.id_of(parent);
        let images = self.images(&all);
        let tags = self.tags(parent);
        let product = Product {
            all: &all,
            variants,
            own: None,
            id: &id,
            images: &images,
            options: &self.meaning.options,
        };
        if self.each == Each::Product || children.is_empty() {
            self.attributes.fill(&product, maker);
            return maker.entry(parent, first_row, at, tags, images.into_boxed_slice());
        }
        for child in &children {
            let (mut id, mut at) = self.id_of(*child);
            if id.is_empty() {
                let title = variant_title(child.record, &self.meaning.options, "-");
                id = format!("{}-{}", product.id, folded(&title));
                at = self.meaning.name;
            }
            let mut own = self.images(&[*child, parent]);
            if own.is_empty() {
                own.clone_from(&images);
            }
            let one = Product { own: Some(*child), id: &id, images: &own, ..product };
            self.attributes.fill(&one, maker);
            let own = own.into_boxed_slice();
            maker.entry(*child, child.record.number(), at, tags.clone(), own);
        }
    }
}

/// A SKU without the apostrophe that keeps spreadsheets from running it.
fn bare(sku: &str) -> &str {
    sku.strip_prefix('\'').unwrap_or(sku)
}

/// The parts of a list; a comma behind a backslash belongs to its part.
fn parts(text: &str) -> Vec<String> {
    let mut parts = vec![String::new()];
    let mut letters = text.chars().peekable();
    while let Some(letter) = letters.next() {
        match letter {
            '\\' if letters.peek() == Some(&',') => {
                letters.next();
                parts.last_mut().expect("it begins with one").push(',');
            }
            ',' => parts.push(String::new()),
            letter => parts.last_mut().expect("it begins with one").push(letter),
        }
    }
    let parts = parts.iter().map(|part| part.trim().to_owned());
    parts.filter(|part| !part.is_empty()).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_comma_behind_a_backslash_belongs_to_its_part() {
        assert_eq!(parts("red\\, large, blue ,, "), ["red, large", "blue"]);
        assert!(parts("").is_empty());
    }
}
