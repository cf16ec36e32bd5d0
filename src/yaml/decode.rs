//! Tree → types, by serde. Every scalar is handed over as its text or parsed from it exactly;
//! places travel through [`super::Placed`] and [`super::Text`].

use std::fmt;

use serde::de::value::StrDeserializer;
use serde::de::{
    DeserializeOwned, DeserializeSeed, Deserializer, EnumAccess, IntoDeserializer, MapAccess,
    SeqAccess, VariantAccess, Visitor,
};
use serde::forward_to_deserialize_any;

use super::node::{Entry, Node, Value};
use crate::diagnostic::Place;

/// Name by which [`super::Placed`] asks for a value with its place.
pub(super) const PLACED: &str = "$kinora::Placed";
/// Name by which [`super::Text`] asks for a text with its place.
pub(super) const TEXT: &str = "$kinora::Text";
/// Name by which [`super::OneOrMany`] asks for one value as a list of one.
pub(super) const MANY: &str = "$kinora::Many";

/// Name by which [`super::Json`] asks for a tree as it is, as JSON text.
pub(super) const JSON: &str = "$kinora::Json";

/// Name by which a type asks for a scalar as a list of one, and for a mapping as it is.
pub const ONE_OR_MAP: &str = "$kinora::OneOrMap";

/// Why a tree does not fit a type; after a schema check this is an oversight in the schema.
#[derive(Debug)]
pub struct DecodeError {
    /// What happened.
    pub message: String,
    /// Where.
    pub place: Option<Place>,
}

impl fmt::Display for DecodeError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.message)
    }
}

impl std::error::Error for DecodeError {}

impl serde::de::Error for DecodeError {
    fn custom<T: fmt::Display>(message: T) -> Self {
        DecodeError { message: message.to_string(), place: None }
    }
}

/// Decodes a tree.
pub fn decode<T: DeserializeOwned>(node: &Node) -> Result<T, DecodeError> {
    at(node, T::deserialize(FromNode(node)))
}

/// An error without a place gets that of the innermost value it came out of.
fn at<T>(node: &Node, result: Result<T, DecodeError>) -> Result<T, DecodeError> {
    result.map_err(|e| DecodeError { place: e.place.or(Some(node.place)), ..e })
}

#[derive(Clone, Copy)]
struct FromNode<'n>(&'n Node);

impl<'n> FromNode<'n> {
    fn text(self) -> Result<&'n str, DecodeError> {
        self.0.text().ok_or_else(|| serde::de::Error::custom("text is expected"))
    }

    fn parse<T: std::str::FromStr>(self, what: &str) -> Result<T, DecodeError> {
        let text = self.text()?;
        text.parse().map_err(|_| serde::de::Error::custom(format!("`{text}` is not {what}")))
    }
}

macro_rules! parsed {
    ($($method:ident => $visit:ident, $what:literal;)+) => {$(
        fn $method<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, DecodeError> {
            visitor.$visit(self.parse($what)?)
        }
    )+};
}

impl<'de> Deserializer<'de> for FromNode<'de> {
    type Error = DecodeError;

    fn deserialize_any<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, DecodeError> {
        match &self.0.value {
            Value::Null => visitor.visit_unit(),
            Value::Scalar(scalar) => visitor.visit_borrowed_str(&scalar.text),
            Value::List(items) => visitor.visit_seq(Items(items.iter())),
            Value::Map(entries) => visitor.visit_map(Entries { rest: entries.iter(), value: None }),
        }
    }

    parsed! {
        deserialize_bool => visit_bool, "true or false";
        deserialize_i8 => visit_i8, "a whole number";
        deserialize_i16 => visit_i16, "a whole number";
        deserialize_i32 => visit_i32, "a whole number";
        deserialize_i64 => visit_i64, "a whole number";
        deserialize_u8 => visit_u8, "a whole number";
        deserialize_u16 => visit_u16, "a whole number";
        deserialize_u32 => visit_u32, "a whole number";
        deserialize_u64 => visit_u64, "a whole number";
        deserialize_f32 => visit_f32, "a number";
        deserialize_f64 => visit_f64, "a number";
    }

    fn deserialize_option<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, DecodeError> {
        match self.0.value {
            Value::Null => visitor.visit_none(),
            _ => visitor.visit_some(self),
        }
    }

    fn deserialize_newtype_struct<V: Visitor<'de>>(
        self,
        _name: &'static str,
        visitor: V,
    ) -> Result<V::Value, DecodeError> {
        visitor.visit_newtype_struct(self)
    }

    fn deserialize_tuple_struct<V: Visitor<'de>>(
        self,
        name: &'static str,
        _len: usize,
        visitor: V,
    ) -> Result<V::Value, DecodeError> {
        match name {
            PLACED | TEXT => visitor.visit_seq(WithPlace { node: self.0, next: 0 }),
            JSON => visitor.visit_string(super::node::json_of(self.0).to_string()),
            MANY => {
                let (list, items) = match &self.0.value {
                    Value::Null => (true, [].iter()),
                    Value::List(items) => (true, items.iter()),
                    _ => (false, std::slice::from_ref(self.0).iter()),
                };
                visitor.visit_seq(Many { flag: Some(list), items: Items(items) })
            }
            ONE_OR_MAP if self.0.text().is_some() => {
                visitor.visit_seq(Items(std::slice::from_ref(self.0).iter()))
            }
            _ => self.deserialize_any(visitor),
        }
    }

    fn deserialize_enum<V: Visitor<'de>>(
        self,
        _name: &'static str,
        _variants: &'static [&'static str],
        visitor: V,
    ) -> Result<V::Value, DecodeError> {
        match self.0.entries() {
            [] => visitor.visit_enum(self.text()?.into_deserializer()),
            [entry] => visitor.visit_enum(Variant(entry)),
            _ => Err(serde::de::Error::custom("one key is expected")),
        }
    }

    forward_to_deserialize_any! {
        i128 u128 char str string bytes byte_buf unit unit_struct seq tuple map struct identifier
        ignored_any
    }
}

struct Items<'n>(std::slice::Iter<'n, Node>);

impl<'de> SeqAccess<'de> for Items<'de> {
    type Error = DecodeError;

    fn next_element_seed<T: DeserializeSeed<'de>>(
        &mut self,
        seed: T,
    ) -> Result<Option<T::Value>, DecodeError> {
        self.0.next().map(|node| at(node, seed.deserialize(FromNode(node)))).transpose()
    }
}

struct Many<'n> {
    flag: Option<bool>,
    items: Items<'n>,
}

impl<'de> SeqAccess<'de> for Many<'de> {
    type Error = DecodeError;

    fn next_element_seed<T: DeserializeSeed<'de>>(
        &mut self,
        seed: T,
    ) -> Result<Option<T::Value>, DecodeError> {
        match self.flag.take() {
            Some(list) => seed.deserialize(list.into_deserializer()).map(Some),
            None => self.items.next_element_seed(seed),
        }
    }
}

/// Source, start, length, whether literal, and the value itself.
struct WithPlace<'n> {
    node: &'n Node,
    next: u8,
}

impl<'de> SeqAccess<'de> for WithPlace<'de> {
    type Error = DecodeError;

    fn next_element_seed<T: DeserializeSeed<'de>>(
        &mut self,
        seed: T,
    ) -> Result<Option<T::Value>, DecodeError> {
        let place = self.node.place;
        self.next += 1;
        match self.next {
            1 => seed.deserialize(place.source.0.into_deserializer()).map(Some),
            2 => seed.deserialize(place.start.into_deserializer()).map(Some),
            3 => seed.deserialize(place.length.into_deserializer()).map(Some),
            4 => {
                let literal = matches!(&self.node.value, Value::Scalar(s) if s.literal);
                seed.deserialize(literal.into_deserializer()).map(Some)
            }
            5 => at(self.node, seed.deserialize(FromNode(self.node))).map(Some),
            _ => Ok(None),
        }
    }
}

struct Entries<'n> {
    rest: std::slice::Iter<'n, Entry>,
    value: Option<&'n Node>,
}

impl<'de> MapAccess<'de> for Entries<'de> {
    type Error = DecodeError;

    fn next_key_seed<K: DeserializeSeed<'de>>(
        &mut self,
        seed: K,
    ) -> Result<Option<K::Value>, DecodeError> {
        let Some(entry) = self.rest.next() else { return Ok(None) };
        self.value = Some(&entry.value);
        at(&entry.key, seed.deserialize(FromNode(&entry.key))).map(Some)
    }

    fn next_value_seed<V: DeserializeSeed<'de>>(
        &mut self,
        seed: V,
    ) -> Result<V::Value, DecodeError> {
        let node = self.value.take().expect("serde asks for a value after its key");
        at(node, seed.deserialize(FromNode(node)))
    }
}

struct Variant<'n>(&'n Entry);

impl<'de> EnumAccess<'de> for Variant<'de> {
    type Error = DecodeError;
    type Variant = FromNode<'de>;

    fn variant_seed<V: DeserializeSeed<'de>>(
        self,
        seed: V,
    ) -> Result<(V::Value, FromNode<'de>), DecodeError> {
        let name: StrDeserializer<'_, DecodeError> =
            self.0.key.text().unwrap_or_default().into_deserializer();
        Ok((at(&self.0.key, seed.deserialize(name))?, FromNode(&self.0.value)))
    }
}

impl<'de> VariantAccess<'de> for FromNode<'de> {
    type Error = DecodeError;

    fn unit_variant(self) -> Result<(), DecodeError> {
        match self.0.value {
            Value::Null => Ok(()),
            _ => Err(serde::de::Error::custom("no value is expected")),
        }
    }

    fn newtype_variant_seed<T: DeserializeSeed<'de>>(
        self,
        seed: T,
    ) -> Result<T::Value, DecodeError> {
        at(self.0, seed.deserialize(self))
    }

    fn tuple_variant<V: Visitor<'de>>(
        self,
        _len: usize,
        visitor: V,
    ) -> Result<V::Value, DecodeError> {
        at(self.0, self.deserialize_any(visitor))
    }

    fn struct_variant<V: Visitor<'de>>(
        self,
        _fields: &'static [&'static str],
        visitor: V,
    ) -> Result<V::Value, DecodeError> {
        at(self.0, self.deserialize_any(visitor))
    }
}
