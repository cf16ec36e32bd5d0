//! Expressions: `duration`, `values.size[aspect]`, `status == 200 and body.code == 0`.
//!
//! The syntax is that of the template engine's expressions. What isn't there is undefined, and so
//! is what is looked for in it: a reply of an unforeseen form makes no error, only no value.

use std::fmt;
use std::sync::{Arc, LazyLock};

use minijinja::value::{Serde, Value, ValueKind};
use minijinja::{Environment, ErrorKind, Expression, UndefinedBehavior};
use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};
use serde::{Deserialize, Deserializer, Serialize, Serializer};
use serde_json::Value as Json;

use crate::diagnostic::nearest;

/// Steps that one expression may take; a card's expressions take a few dozen.
const FUEL: u64 = 100_000;

/// Every name that some expression of a card may use. Which of them have a value depends on where
/// the expression stands: see docs/providers.md.
pub const NAMES: &[&str] = &[
    "aspect",
    "attempt",
    "body",
    "captured",
    "code",
    "cost",
    "duration",
    "first",
    "fps",
    "handles",
    "headers",
    "height",
    "id",
    "ids",
    "index",
    "item",
    "last",
    "made",
    "message",
    "model",
    "negative_prompt",
    "now",
    "options",
    "picture",
    "pictures",
    "progress",
    "prompt",
    "provider",
    "references",
    "request",
    "resolution",
    "route",
    "seed",
    "since",
    "status",
    "until",
    "url",
    "values",
    "variables",
    "width",
    "workflow",
];

static ENGINE: LazyLock<Environment<'static>> = LazyLock::new(|| {
    let mut env = Environment::new();
    env.set_undefined_behavior(UndefinedBehavior::Chainable);
    env.set_fuel(Some(FUEL));
    env
});

/// What an expression can see.
pub type Scope = Value;

/// A scope from anything that serialises to a mapping.
pub fn scope_of(names: &impl Serialize) -> Scope {
    Value::from(Serde(names))
}

/// Why an expression that parses has no value: a card's mistake, or a reply of another form.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("`{expression}`: {why}")]
pub struct WireError {
    /// The expression as written.
    pub expression: String,
    /// What happened.
    pub why: String,
}

/// A compiled expression.
#[derive(Clone)]
pub struct Expr {
    source: Arc<str>,
    compiled: Arc<Expression<'static, 'static>>,
}

impl Expr {
    /// Compiles an expression and checks the names it uses.
    ///
    /// # Errors
    /// What is wrong with it, in words.
    pub fn parse(source: &str) -> Result<Expr, String> {
        let compiled = ENGINE
            .compile_expression_owned(source.to_owned())
            .map_err(|e| format!("not an expression ({})", words(&e)))?;
        for name in compiled.undeclared_variables(false) {
            if !NAMES.contains(&name.as_str()) {
                let help = nearest(&name, NAMES.iter().copied())
                    .map_or(String::new(), |near| format!("; did you mean `{near}`?"));
                return Err(format!("there is no value named `{name}`{help}"));
            }
        }
        // Filters are only looked for when they are reached; nothing else can go wrong for sure.
        if let Err(error) = compiled.eval(())
            && matches!(
                error.kind(),
                ErrorKind::UnknownFilter | ErrorKind::UnknownTest | ErrorKind::UnknownFunction
            )
        {
            return Err(words(&error));
        }
        Ok(Expr { source: source.into(), compiled: Arc::new(compiled) })
    }

    /// As written.
    pub fn source(&self) -> &str {
        &self.source
    }

    /// The names that it uses.
    pub fn names(&self) -> impl Iterator<Item = String> {
        self.compiled.undeclared_variables(false).into_iter()
    }

    /// Its value; absent when it is undefined or none.
    ///
    /// # Errors
    /// When it can't be computed, for instance a sum of text and number.
    pub fn value(&self, scope: &Scope) -> Result<Option<Value>, WireError> {
        let value = self.compiled.eval(scope.clone()).map_err(|e| self.failed(words(&e)))?;
        Ok(Some(value).filter(|v| !matches!(v.kind(), ValueKind::Undefined | ValueKind::None)))
    }

    /// Its value as JSON; absent when it is undefined or none.
    ///
    /// # Errors
    /// As [`Expr::value`], and when the value has no JSON form.
    pub fn json(&self, scope: &Scope) -> Result<Option<Json>, WireError> {
        let Some(value) = self.value(scope)? else { return Ok(None) };
        serde_json::to_value(&value).map(Some).map_err(|e| self.failed(e.to_string()))
    }

    /// Its value as text; absent when it is undefined or none.
    ///
    /// # Errors
    /// As [`Expr::value`].
    pub fn text(&self, scope: &Scope) -> Result<Option<String>, WireError> {
        Ok(self.value(scope)?.map(|value| value.to_string()))
    }

    /// Whether it holds. What can't be computed does not hold.
    pub fn holds(&self, scope: &Scope) -> bool {
        self.value(scope).ok().flatten().is_some_and(|value| value.is_true())
    }

    fn failed(&self, why: String) -> WireError {
        WireError { expression: self.source.to_string(), why }
    }
}

fn words(error: &minijinja::Error) -> String {
    error.detail().map_or_else(|| error.kind().to_string(), str::to_owned)
}

impl fmt::Debug for Expr {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Expr({})", self.source)
    }
}

impl PartialEq for Expr {
    fn eq(&self, other: &Self) -> bool {
        self.source == other.source
    }
}

impl<'de> Deserialize<'de> for Expr {
    fn deserialize<D: Deserializer<'de>>(d: D) -> Result<Self, D::Error> {
        Expr::parse(&String::deserialize(d)?).map_err(serde::de::Error::custom)
    }
}

impl Serialize for Expr {
    fn serialize<S: Serializer>(&self, s: S) -> Result<S::Ok, S::Error> {
        s.serialize_str(&self.source)
    }
}

impl JsonSchema for Expr {
    fn schema_name() -> std::borrow::Cow<'static, str> {
        "Expression".into()
    }

    fn json_schema(_: &mut SchemaGenerator) -> Schema {
        json_schema!({
            "type": "string",
            "format": "expression",
            "description": "An expression, for instance `status == 200 and body.code == 0`."
        })
    }
}
