//! YAML: the one module that knows the YAML crate.
//!
//! What lives here: text → values with their places, limits on depth and aliases, checking
//! against a schema with every problem reported at once, and decoding into types. What never
//! does: what a value means.

mod decode;
mod file;
mod folder;
mod form;
mod node;
mod read;
mod schema;
mod syntax;
mod value;

pub use decode::{DecodeError, ONE_OR_MAP, decode};
pub use file::{ReadProblem, read_file};
pub use folder::{FileCodes, read_folder};
pub use form::is_decimal;
pub use node::{Entry, Node, Scalar, Value, json_of, place_of};
pub use read::read;
pub use schema::{Codes, CustomForm, check};
pub use value::{
    Day, Decimals, Exact, Json, Loose, Name, OneOrMany, Placed, Table, Text, decimal, decimals,
    optional_decimal,
};
