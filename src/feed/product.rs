//! What shops' exports have in common: a product, its variants, and how an attribute is got from
//! their records.

use std::borrow::Cow;

use rust_decimal::Decimal;

use super::columns::{Slugs, slug};
use super::entry::FeedImage;
use super::html;
use super::open::FeedColumn;
use super::reading::{Maker, Member};
use super::row::AttributeType;
use super::source::{Record, WrittenColumn};
use super::words::{in_stock, written_amount};

/// What parts the values of a list in one cell.
const PART: &str = ", ";

/// How an attribute is got. Of a product it is what the product has, else the first of its
/// records that has it; of a variant it may be its own.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Value {
    /// The id that the format gives.
    Id,
    /// The product's.
    Product(usize),
    /// The variant's own, even where that is empty.
    Own(usize),
    /// The variant's own, else the product's.
    OwnElse(usize),
    /// As `Own`, without the apostrophe that keeps spreadsheets from reading a number.
    Code(usize),
    /// All that its records have, each once.
    All(usize),
    /// As `All`, without apostrophes.
    Codes(usize),
    /// The product's, HTML made text.
    Html(usize),
    /// As `Product`, where line breaks are written as `\n`.
    Escaped(usize),
    /// As `Html`, where line breaks are written as `\n`.
    EscapedHtml(usize),
    /// The first that says that it is in stock, else the first.
    Available(usize),
    /// The lowest amount; of each record, that in the first column that has one. Where none can
    /// be read, what is written there.
    Lowest(Vec<usize>),
    /// The highest amount.
    Highest(Vec<usize>),
    /// The amount here in the record with the lowest one.
    OfLowest(usize, Vec<usize>),
    /// The currency behind an amount.
    Currency(Vec<usize>),
    /// How many there are in all: what is owed of one is not taken from another.
    Sum(usize),
    /// `true` where one of the variants can be sold, else `false`; a quantity that is no number
    /// as it stands.
    ForSale(ForSale),
    /// How many variants there are.
    Count,
    /// Address of the first picture.
    Image,
    /// What its options are called.
    OptionNames,
    /// What the variant is among the others: `Small / Blue`.
    Variant,
}

/// Columns that say whether a variant can be sold.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct ForSale {
    pub quantity: usize,
    /// Who counts it; nobody where it is empty.
    pub tracker: Option<usize>,
    /// Whether it is sold when none is left.
    pub policy: Option<usize>,
}

impl ForSale {
    /// Whether a variant can be sold; its quantity where that is no number.
    fn of<'b>(&self, variant: Member<'b>) -> Result<bool, Cow<'b, str>> {
        let quantity = cell(variant, self.quantity);
        let counted = self.tracker.is_none_or(|column| !cell(variant, column).is_empty());
        let policy = self.policy.map(|column| cell(variant, column)).unwrap_or_default();
        let goes_on = ["continue", "true"].iter().any(|word| policy.eq_ignore_ascii_case(word));
        if !counted || goes_on || quantity.is_empty() {
            return Ok(true);
        }
        quantity.parse::<Decimal>().map(|number| number > Decimal::ZERO).map_err(|_| quantity)
    }
}

/// Columns of names and values of options.
pub(super) type Options = Vec<(usize, usize)>;

/// A product, or one of its variants.
pub(super) struct Product<'p, 'b> {
    /// Its records, that of the product itself first.
    pub all: &'p [Member<'b>],
    /// Those that are variants.
    pub variants: &'p [Member<'b>],
    /// The variant, where one is asked for.
    pub own: Option<Member<'b>>,
    pub id: &'p str,
    pub images: &'p [FeedImage],
    pub options: &'p Options,
}

impl<'p, 'b> Product<'p, 'b> {
    /// An attribute's text; empty where there is none.
    pub fn value(&self, value: &Value) -> Cow<'_, str> {
        match value {
            Value::Id => Cow::Borrowed(self.id),
            Value::Product(column) => self.first(*column),
            Value::Own(column) => match self.own {
                Some(own) => cell(own, *column),
                None => self.first(*column),
            },
            Value::OwnElse(column) => match self.own.map(|own| cell(own, *column)) {
                Some(text) if !text.is_empty() => text,
                _ => self.first(*column),
            },
            Value::Code(column) => uncovered(self.value(&Value::Own(*column))),
            Value::All(column) => self.list(*column, |text| text),
            Value::Codes(column) => self.list(*column, uncovered),
            Value::Html(column) => Cow::Owned(plain(&self.first(*column))),
            Value::Escaped(column) => unescaped(self.first(*column)),
            Value::EscapedHtml(column) => Cow::Owned(plain(&unescaped(self.first(*column)))),
            Value::Available(column) => {
                let mut texts = self.all.iter().map(|member| cell(*member, *column));
                let there = texts.find(|t| !t.is_empty() && in_stock(t) == Some(true));
                there.unwrap_or_else(|| self.first(*column))
            }
            Value::Lowest(columns) => match self.lowest(columns) {
                Some((_, text)) => text,
                None => self.no_amount(columns),
            },
            Value::Highest(columns) => {
                let highest = self.amounts(columns).max_by_key(|(_, amount, _)| *amount);
                highest.map_or_else(|| self.no_amount(columns), |(_, _, text)| text)
            }
            Value::OfLowest(column, amounts) => match self.lowest(amounts) {
                Some((member, _)) => match amount_in(cell(member, *column)) {
                    Ok((_, text)) | Err(text) => text,
                },
                None => self.value(&Value::Own(*column)),
            },
            Value::Currency(columns) => self.currency(columns),
            Value::Sum(column) => self.sum(*column),
            Value::ForSale(columns) => self.for_sale(columns),
            Value::Count => Cow::Owned(self.variants.len().to_string()),
            Value::Image => Cow::Borrowed(self.images.first().map_or("", |image| &*image.address)),
            Value::OptionNames => {
                let mut names: Vec<Cow<'_, str>> = Vec::new();
                for (name, value) in self.options {
                    let name = self.first(*name);
                    if !name.is_empty() && !is_default(&name, &self.first(*value)) {
                        names.push(name);
                    }
                }
                Cow::Owned(names.join(PART))
            }
            Value::Variant => Cow::Owned(
                self.own
                    .map_or(String::new(), |own| variant_title(own.record, self.options, " / ")),
            ),
        }
    }

    /// Of the first record that has something there.
    fn first(&self, column: usize) -> Cow<'b, str> {
        let found = self.all.iter().map(|member| cell(*member, column)).find(|t| !t.is_empty());
        found.unwrap_or_default()
    }

    /// Those that an amount or a number is looked for in: the variants, else the product.
    fn priced(&self) -> &[Member<'b>] {
        match &self.own {
            Some(own) => std::slice::from_ref(own),
            None if self.variants.is_empty() => self.all,
            None => self.variants,
        }
    }

    fn amounts<'c>(
        &'c self,
        columns: &'c [usize],
    ) -> impl Iterator<Item = (Member<'b>, Decimal, Cow<'b, str>)> + 'c {
        let of = move |members: &'c [Member<'b>]| {
            members.iter().filter_map(move |member| {
                let found = columns.iter().find_map(|c| amount_in(cell(*member, *c)).ok());
                found.map(|(amount, text)| (*member, amount, text))
            })
        };
        let own = of(self.priced());
        // A variable product may have its price, and its variants none.
        let mut own = own.peekable();
        let otherwise = own.peek().is_none().then(|| of(self.all));
        own.chain(otherwise.into_iter().flatten())
    }

    fn lowest(&self, columns: &[usize]) -> Option<(Member<'b>, Cow<'b, str>)> {
        let lowest = self.amounts(columns).min_by_key(|(_, amount, _)| *amount)?;
        Some((lowest.0, lowest.2))
    }

    /// What stands where no amount could be read.
    fn no_amount(&self, columns: &[usize]) -> Cow<'b, str> {
        let mut texts = self.priced().iter().flat_map(|m| columns.iter().map(|c| cell(*m, *c)));
        texts.find(|text| !text.is_empty()).unwrap_or_default()
    }

    fn currency(&self, columns: &[usize]) -> Cow<'_, str> {
        let texts = self.all.iter().flat_map(|m| columns.iter().map(|c| cell(*m, *c)));
        let letters = |text: &str| {
            // It may stand right beside the amount: `EUR12.00`.
            let amount = |c: char| c.is_ascii_digit() || matches!(c, '.' | ',');
            let mut words = text.split_whitespace().map(|word| word.trim_matches(amount));
            let letters = |w: &&str| !w.is_empty() && w.chars().all(|c| c.is_ascii_alphabetic());
            words.find(letters).map(str::to_owned)
        };
        texts.filter_map(|text| letters(&text)).next().map_or(Cow::Borrowed(""), Cow::Owned)
    }

    fn sum(&self, column: usize) -> Cow<'_, str> {
        let numbers = |members: &[Member<'b>]| {
            let texts = members.iter().map(|m| cell(*m, column));
            let numbers = texts.filter_map(|text| text.parse::<Decimal>().ok());
            numbers.map(|n| n.max(Decimal::ZERO)).reduce(Decimal::saturating_add)
        };
        let sum = numbers(self.priced()).or_else(|| numbers(self.all));
        sum.map_or(Cow::Borrowed(""), |sum| Cow::Owned(sum.normalize().to_string()))
    }

    fn for_sale(&self, columns: &ForSale) -> Cow<'b, str> {
        // Rows of further pictures count nothing.
        let sold = match self.own.is_none() && self.variants.is_empty() {
            true => &self.all[..self.all.len().min(1)],
            false => self.priced(),
        };
        let mut unread = None;
        for variant in sold {
            match columns.of(*variant) {
                Ok(true) => return Cow::Borrowed("true"),
                Ok(false) => {}
                Err(quantity) => unread = unread.or(Some(quantity)),
            }
        }
        unread.unwrap_or(Cow::Borrowed("false"))
    }

    fn list(&self, column: usize, mend: impl Fn(Cow<'b, str>) -> Cow<'b, str>) -> Cow<'b, str> {
        if let Some(own) = self.own {
            return mend(cell(own, column));
        }
        let mut parts: Vec<Cow<'b, str>> = Vec::new();
        for member in self.all {
            let part = mend(cell(*member, column));
            if !part.is_empty() && !parts.contains(&part) {
                parts.push(part);
            }
        }
        match parts.len() {
            0 => Cow::Borrowed(""),
            1 => parts.swap_remove(0),
            _ => Cow::Owned(parts.join(PART)),
        }
    }
}

/// A cell's text without spaces around it.
pub(super) fn cell<'b>(member: Member<'b>, column: usize) -> Cow<'b, str> {
    match member.record.get(column) {
        Some(Cow::Borrowed(text)) => Cow::Borrowed(text.trim()),
        Some(Cow::Owned(text)) => Cow::Owned(text.trim().to_owned()),
        None => Cow::Borrowed(""),
    }
}

/// A code without the apostrophe before it.
pub(super) fn uncovered(text: Cow<'_, str>) -> Cow<'_, str> {
    match text {
        Cow::Borrowed(text) => Cow::Borrowed(text.strip_prefix('\'').unwrap_or(text)),
        Cow::Owned(text) if text.starts_with('\'') => Cow::Owned(text[1..].to_owned()),
        text => text,
    }
}

/// HTML as text.
fn plain(body: &str) -> String {
    // Text without a tag or an entity is what it would become.
    match memchr::memchr2(b'<', b'&', body.as_bytes()) {
        None => body.trim().to_owned(),
        Some(_) => html::text(body),
    }
}

/// A text with the line breaks that are written as `\n`; `\\n` is a backslash and an n.
fn unescaped(text: Cow<'_, str>) -> Cow<'_, str> {
    if !text.contains("\\n") {
        return text;
    }
    let mut out = String::with_capacity(text.len());
    for (index, part) in text.split("\\\\n").enumerate() {
        out.push_str(if index == 0 { "" } else { "\\n" });
        out.push_str(&part.replace("\\n", "\n"));
    }
    Cow::Owned(out)
}

/// The amount in a cell, and how it is written as a plain number; else the cell's text.
fn amount_in(text: Cow<'_, str>) -> Result<(Decimal, Cow<'_, str>), Cow<'_, str>> {
    let Some((amount, plain)) = written_amount(&text) else { return Err(text) };
    let text = match (plain, text) {
        (None, _) => Cow::Owned(amount.to_string()),
        (Some(at), Cow::Borrowed(text)) => Cow::Borrowed(&text[at]),
        (Some(at), Cow::Owned(text)) => Cow::Owned(text[at].to_owned()),
    };
    Ok((amount, text))
}

/// A product without options has one all the same, in Shopify's exports.
fn is_default(name: &str, value: &str) -> bool {
    name == "Title" && value == "Default Title"
}

/// The values of a variant's options.
pub(super) fn variant_title(record: Record<'_>, options: &Options, between: &str) -> String {
    let mut title = String::new();
    for (name, value) in options {
        let text = record.get(*value).unwrap_or_default();
        let text = text.trim();
        let name = record.get(*name).unwrap_or_default();
        // Only the first record of a product has the names.
        if text.is_empty() || text == "Default Title" || is_default(&name, text) {
            continue;
        }
        if !title.is_empty() {
            title.push_str(between);
        }
        title.push_str(text);
    }
    title
}

/// An export's attributes: what all of its kind have first, then its other columns.
#[derive(Debug, Default)]
pub(super) struct Attributes {
    pub columns: Vec<FeedColumn>,
    values: Vec<Value>,
    origins: Vec<Option<usize>>,
    used: Vec<usize>,
}

impl Attributes {
    /// Adds one; `origin` is the written column that it comes from first.
    pub fn add(
        &mut self,
        written: &[WrittenColumn],
        name: &str,
        kind: AttributeType,
        origin: Option<usize>,
        value: Value,
    ) {
        let column = origin.map(|origin| &written[origin]);
        // What is made of several cells has no header of its own.
        let same = !matches!(
            value,
            Value::Id
                | Value::Highest(_)
                | Value::Currency(_)
                | Value::Codes(_)
                | Value::Html(_)
                | Value::EscapedHtml(_)
                | Value::ForSale(_)
        );
        self.columns.push(FeedColumn {
            attribute: Some(self.free(name)),
            header: column.filter(|_| same).map(|c| c.header.clone()),
            at: column.filter(|_| same).map(|c| c.at),
            kind,
        });
        self.values.push(value);
        self.origins.push(origin);
        self.used.extend(origin);
    }

    /// Leaves a written column out of the others.
    pub fn without(&mut self, column: usize) {
        self.used.push(column);
    }

    /// Adds every column that was not used, under its own slug.
    pub fn others(
        &mut self,
        written: &[WrittenColumn],
        slugs: &Slugs,
        value: impl Fn(&str, usize) -> Value,
    ) {
        for (column, one) in written.iter().enumerate() {
            if self.used.contains(&column) {
                continue;
            }
            let name = metafield(&one.header).unwrap_or_else(|| slugs.get(column).to_owned());
            let value = value(slugs.get(column), column);
            if name.is_empty() {
                continue;
            }
            self.add(written, &name, AttributeType::Auto, Some(column), value);
        }
    }

    /// A name that no attribute has yet.
    fn free(&self, name: &str) -> String {
        let taken = |name: &str| self.columns.iter().any(|c| c.attribute.as_deref() == Some(name));
        if !taken(name) {
            return name.to_owned();
        }
        let mut numbers = 2..;
        let numbered = numbers.find_map(|n| Some(format!("{name}_{n}")).filter(|n| !taken(n)));
        numbered.unwrap_or_else(|| name.to_owned())
    }

    pub fn origin(&self, column: usize) -> Option<usize> {
        self.origins.get(column).copied().flatten()
    }

    /// Gives the cells of an entry's row.
    pub fn fill(&self, product: &Product<'_, '_>, maker: &mut Maker<'_>) {
        for (column, value) in self.values.iter().enumerate() {
            match maker.keeps(column) {
                true => maker.cell(Some(&product.value(value))),
                false => maker.cell(None),
            }
        }
    }
}

/// The name of a metafield's column: `Colour (product.metafields.custom.colour)` is
/// `custom_colour`.
fn metafield(header: &str) -> Option<String> {
    let (_, inside) = header.rsplit_once('(')?;
    let path = inside.strip_suffix(')')?.split_once(".metafields.")?.1;
    slug(path)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn amounts_are_written_without_currency_and_with_a_point() {
        let cases = [
            ("12.00 EUR", "12.00"),
            ("EUR 12.00", "12.00"),
            ("EUR12.00", "12.00"),
            ("9.99", "9.99"),
            ("12,50", "12.50"),
            ("12,00 EUR", "12.00"),
            ("1,234.50 USD", "1234.50"),
            ("-3,00", "-3.00"),
        ];
        for (text, plain) in cases {
            for cell in [Cow::Borrowed(text), Cow::Owned(text.to_owned())] {
                assert_eq!(amount_in(cell).map(|(_, t)| t).as_deref(), Ok(plain), "{text}");
            }
        }
        assert_eq!(amount_in(Cow::Borrowed("free")), Err(Cow::Borrowed("free")));
    }

    #[test]
    fn a_line_break_may_be_written_as_a_letter() {
        let cases = [("a\\nb", "a\nb"), ("a\\\\nb\\n", "a\\nb\n"), ("C:\\temp", "C:\\temp")];
        for (text, meant) in cases {
            assert_eq!(unescaped(Cow::Borrowed(text)), meant, "{text}");
        }
    }

    #[test]
    fn metafields_are_called_by_namespace_and_key() {
        assert_eq!(
            metafield("Color (product.metafields.shopify.color-pattern)").as_deref(),
            Some("shopify_color_pattern")
        );
        assert_eq!(metafield("Weight value (grams)"), None);
    }
}
