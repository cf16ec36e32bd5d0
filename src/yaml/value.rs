//! Types that decode with their places, and exact decimals.

use std::borrow::Cow;
use std::fmt;
use std::marker::PhantomData;
use std::ops::Range;
use std::sync::Arc;

use rust_decimal::Decimal;
use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};
use serde::de::{MapAccess, SeqAccess, Visitor};
use serde::{Deserialize, Deserializer};

use super::decode::{JSON, MANY, PLACED, TEXT};
use super::node::locate;
use crate::diagnostic::{Place, SourceId, Sources};

/// A value with its place.
#[derive(Debug, Clone, PartialEq)]
pub struct Placed<T> {
    /// The value.
    pub value: T,
    /// Where.
    pub place: Place,
}

/// A text with its place.
#[derive(Debug, Clone)]
pub struct Text {
    /// The text.
    pub text: Arc<str>,
    /// Where.
    pub place: Place,
    /// Whether the text stands in the file byte for byte from `place.start` on.
    pub literal: bool,
}

impl Text {
    /// Where a range of the text stands in the file: exactly where possible, else the whole.
    pub fn part(&self, range: Range<usize>, sources: &Sources) -> Place {
        Self::part_of(&self.text, self.place, self.literal, range, sources)
    }

    /// [`Text::part`] for a text that is kept in another form.
    pub fn part_of(
        text: &str,
        place: Place,
        literal: bool,
        range: Range<usize>,
        sources: &Sources,
    ) -> Place {
        let exact = |range: Range<usize>| {
            let length = u32::try_from(range.end.saturating_sub(range.start)).unwrap_or(0);
            place.part(range.start as u64, length)
        };
        if literal && range.end <= text.len() {
            return exact(range);
        }
        let written = sources.get(place.source).text.as_deref().and_then(|whole| {
            let start = usize::try_from(place.start).ok()?;
            whole.get(start..start + place.length as usize)
        });
        written.and_then(|w| locate(w, text, range)).map_or(place, exact)
    }
}

impl std::ops::Deref for Text {
    type Target = str;

    fn deref(&self) -> &str {
        &self.text
    }
}

impl fmt::Display for Text {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.text)
    }
}

/// One value, or a list of them.
#[derive(Debug, Clone)]
pub struct OneOrMany<T> {
    /// The values.
    pub items: Vec<T>,
    /// Whether it was written as a list.
    pub list: bool,
}

impl<T> Default for OneOrMany<T> {
    fn default() -> Self {
        OneOrMany { items: Vec::new(), list: true }
    }
}

/// A mapping in the order of the file.
#[derive(Debug, Clone)]
pub struct Table<V>(pub Vec<(Text, V)>);

impl<V> Default for Table<V> {
    fn default() -> Self {
        Table(Vec::new())
    }
}

/// A value of any form, as it is: numbers and truth values are what they look like.
#[derive(Debug, Clone, PartialEq)]
pub struct Json(pub serde_json::Value);

/// Text that people also write as a bare number or truth value; it is kept as written. For
/// schemas only, by `schemars(with = …)`.
pub struct Loose;

/// A decimal, written as a number or as text. For schemas only.
pub struct Exact;

/// A day, `YYYY-MM-DD`. For schemas only.
pub struct Day;

/// A name that prompts and templates use. For schemas only, as most names keep their place.
pub struct Name;

/// A list of decimals. For schemas only.
pub struct Decimals;

// ---- decoding

struct PlacedVisitor<T>(PhantomData<T>);

impl<'de, T: Deserialize<'de>> Deserialize<'de> for Placed<T> {
    fn deserialize<D: Deserializer<'de>>(d: D) -> Result<Self, D::Error> {
        d.deserialize_tuple_struct(PLACED, 5, PlacedVisitor(PhantomData))
            .map(|(value, place, _)| Placed { value, place })
    }
}

impl<'de> Deserialize<'de> for Text {
    fn deserialize<D: Deserializer<'de>>(d: D) -> Result<Self, D::Error> {
        d.deserialize_tuple_struct(TEXT, 5, PlacedVisitor::<String>(PhantomData))
            .map(|(text, place, literal)| Text { text: Arc::from(text), place, literal })
    }
}

impl<'de, T: Deserialize<'de>> Visitor<'de> for PlacedVisitor<T> {
    type Value = (T, Place, bool);

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a value with its place")
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut seq: A) -> Result<Self::Value, A::Error> {
        let source = part(&mut seq)?;
        let start = part(&mut seq)?;
        let length = part(&mut seq)?;
        let literal = part(&mut seq)?;
        let value = part(&mut seq)?;
        Ok((value, Place::new(SourceId(source), start, length), literal))
    }
}

impl<'de> Deserialize<'de> for Json {
    fn deserialize<D: Deserializer<'de>>(d: D) -> Result<Self, D::Error> {
        struct Tree;
        impl Visitor<'_> for Tree {
            type Value = Json;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("any value")
            }

            fn visit_str<E: serde::de::Error>(self, text: &str) -> Result<Json, E> {
                serde_json::from_str(text).map(Json).map_err(E::custom)
            }
        }
        d.deserialize_tuple_struct(JSON, 0, Tree)
    }
}

impl serde::Serialize for Json {
    fn serialize<S: serde::Serializer>(&self, s: S) -> Result<S::Ok, S::Error> {
        self.0.serialize(s)
    }
}

impl JsonSchema for Json {
    fn schema_name() -> Cow<'static, str> {
        "Any".into()
    }

    fn json_schema(_: &mut SchemaGenerator) -> Schema {
        json_schema!(true)
    }
}

fn part<'de, T: Deserialize<'de>, A: SeqAccess<'de>>(seq: &mut A) -> Result<T, A::Error> {
    let missing = || serde::de::Error::custom("only a YAML file gives places");
    seq.next_element()?.ok_or_else(missing)
}

impl<'de, T: Deserialize<'de>> Deserialize<'de> for OneOrMany<T> {
    fn deserialize<D: Deserializer<'de>>(d: D) -> Result<Self, D::Error> {
        struct Many<T>(PhantomData<T>);
        impl<'de, T: Deserialize<'de>> Visitor<'de> for Many<T> {
            type Value = OneOrMany<T>;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("one value or a list")
            }

            fn visit_seq<A: SeqAccess<'de>>(self, mut seq: A) -> Result<Self::Value, A::Error> {
                let list = part(&mut seq)?;
                let mut items = Vec::new();
                while let Some(item) = seq.next_element()? {
                    items.push(item);
                }
                Ok(OneOrMany { items, list })
            }
        }
        d.deserialize_tuple_struct(MANY, 0, Many(PhantomData))
    }
}

impl<'de, V: Deserialize<'de>> Deserialize<'de> for Table<V> {
    fn deserialize<D: Deserializer<'de>>(d: D) -> Result<Self, D::Error> {
        struct Entries<V>(PhantomData<V>);
        impl<'de, V: Deserialize<'de>> Visitor<'de> for Entries<V> {
            type Value = Table<V>;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("a mapping")
            }

            fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Self::Value, A::Error> {
                let mut entries = Vec::new();
                while let Some(entry) = map.next_entry()? {
                    entries.push(entry);
                }
                Ok(Table(entries))
            }

            fn visit_unit<E: serde::de::Error>(self) -> Result<Self::Value, E> {
                Ok(Table::default())
            }
        }
        d.deserialize_any(Entries(PhantomData))
    }
}

// ---- schemas

impl<T: JsonSchema> JsonSchema for Placed<T> {
    fn inline_schema() -> bool {
        T::inline_schema()
    }

    fn schema_name() -> Cow<'static, str> {
        T::schema_name()
    }

    fn json_schema(generator: &mut SchemaGenerator) -> Schema {
        T::json_schema(generator)
    }
}

macro_rules! inline_schema {
    ($($name:ident $(<$v:ident>)?: $generator:ident => $schema:expr;)+) => {$(
        impl$(<$v: JsonSchema>)? JsonSchema for $name$(<$v>)? {
            fn inline_schema() -> bool {
                true
            }

            fn schema_name() -> Cow<'static, str> {
                stringify!($name).into()
            }

            fn json_schema($generator: &mut SchemaGenerator) -> Schema {
                $schema
            }
        }
    )+};
}

inline_schema! {
    Text: _g => json_schema!({ "type": "string" });
    Loose: _g => json_schema!({ "type": ["string", "number", "boolean"] });
    Exact: _g => json_schema!({
        "type": ["number", "string"],
        "format": "decimal",
        "pattern": "^-?[0-9]+(\\.[0-9]+)?$"
    });
    Day: _g => json_schema!({ "type": "string", "format": "date" });
    Name: _g => json_schema!({
        "type": "string",
        "format": "name",
        "pattern": "^\\p{L}[\\p{L}\\p{N}_-]*$"
    });
    Decimals: g => {
        let items = g.subschema_for::<Exact>();
        json_schema!({ "type": "array", "items": items })
    };
    OneOrMany<T>: g => {
        let one = g.subschema_for::<T>();
        json_schema!({ "anyOf": [one, { "type": "array", "items": one }] })
    };
    Table<V>: g => {
        let value = g.subschema_for::<V>();
        json_schema!({ "type": "object", "additionalProperties": value })
    };
}

// ---- decimals

/// A decimal read from its text, exactly; never by way of a float.
pub fn decimal<'de, D: Deserializer<'de>>(d: D) -> Result<Decimal, D::Error> {
    exact(&String::deserialize(d)?)
}

/// A decimal that may be absent.
pub fn optional_decimal<'de, D: Deserializer<'de>>(d: D) -> Result<Option<Decimal>, D::Error> {
    Option::<String>::deserialize(d)?.map(|text| exact(&text)).transpose()
}

/// A list of decimals.
pub fn decimals<'de, D: Deserializer<'de>>(d: D) -> Result<Vec<Decimal>, D::Error> {
    Vec::<String>::deserialize(d)?.iter().map(|text| exact(text)).collect()
}

fn exact<E: serde::de::Error>(text: &str) -> Result<Decimal, E> {
    Decimal::from_str_exact(text.trim())
        .map_err(|_| E::custom(format!("`{text}` is no decimal number")))
}
