//! Wire: the small language in which cards say what goes over the wire and what comes back.
//!
//! What lives here: expressions, shapes (JSON with expressions in it), fillings (text with
//! expressions in it) and pointers into replies. What never does: which provider says what, HTTP.

mod expression;
mod named;
mod pointer;
mod reading;
mod shape;

pub use expression::{Expr, NAMES, Scope, WireError, scope_of};
pub use named::names_after;
pub use pointer::Pointer;
pub use reading::{Reading, Sighting, sent_as};
pub use shape::{FILE_KEY, Filling, Shape};

use crate::yaml::{CustomForm, Node};

/// The forms that a card's schema names and this language checks.
pub const FORMS: &[CustomForm] = &[
    CustomForm { name: "expression", check: |node| text_form(node, |t| Expr::parse(t).map(drop)) },
    CustomForm { name: "jsonpath", check: |node| text_form(node, |t| Pointer::parse(t).map(drop)) },
    CustomForm { name: "filling", check: |node| text_form(node, |t| Filling::parse(t).map(drop)) },
    CustomForm { name: "shape", check: shape::problems },
];

fn text_form(
    node: &Node,
    parse: impl Fn(&str) -> Result<(), String>,
) -> Vec<(crate::diagnostic::Place, String)> {
    match node.text() {
        Some(text) => parse(text).err().map(|why| (node.place, why)).into_iter().collect(),
        None => vec![(node.place, "one piece of text is expected".to_owned())],
    }
}
