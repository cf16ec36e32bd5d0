//! Templates and expressions: the one module that knows the template engine.
//!
//! What lives here: strict compiling and rendering with a step limit, and errors with their
//! range in the template. What never does: which variables exist and what they mean.

use std::collections::BTreeSet;
use std::ops::Range;

use minijinja::value::Value;
use minijinja::{AutoEscape, Environment, ErrorKind, Expression, Template, UndefinedBehavior};

use crate::diagnostic::nearest;
use crate::limits::Limits;

pub use minijinja::value::{Enumerator, Object, ObjectRepr, Value as TemplateValue};

/// Why a template or expression can't be compiled or filled in.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TemplateError {
    /// What kind of problem it is.
    pub kind: TemplateErrorKind,
    /// What happened, one sentence without a full stop.
    pub message: String,
    /// Bytes of the template that it is about, where the engine knows.
    pub range: Option<Range<usize>>,
    /// What to do, where this module knows.
    pub help: Option<String>,
}

/// Kinds of template problems that callers tell apart.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum TemplateErrorKind {
    /// It doesn't parse.
    Syntax,
    /// It names something that isn't there.
    Undefined,
    /// It takes more steps than `template_fuel` allows.
    OutOfFuel,
    /// It uses a filter or test that doesn't exist.
    UnknownFilter,
    /// Anything else: a wrong type, a value that can't be called, …
    Other,
}

/// The filters that prompts and paths are written with; the engine doesn't tell their names.
const FILTERS: [&str; 26] = [
    "abs",
    "capitalize",
    "count",
    "default",
    "first",
    "float",
    "format",
    "int",
    "join",
    "last",
    "length",
    "list",
    "lower",
    "map",
    "max",
    "min",
    "reject",
    "replace",
    "reverse",
    "round",
    "select",
    "sort",
    "split",
    "title",
    "trim",
    "upper",
];

/// Compiles templates whose sources live for `'s`. Shared by reference between threads.
pub struct Engine<'s> {
    env: Environment<'s>,
}

impl<'s> Engine<'s> {
    /// A strict engine: an undefined variable is an error, nothing is escaped, and no template
    /// takes more than `template_fuel` steps.
    pub fn new(limits: &Limits) -> Self {
        let mut env = Environment::new();
        env.set_undefined_behavior(UndefinedBehavior::Strict);
        env.set_auto_escape_callback(|_| AutoEscape::None);
        env.set_debug(true);
        env.set_fuel(Some(limits.template_fuel));
        Engine { env }
    }

    /// Compiles a template.
    pub fn template(&self, source: &'s str) -> Result<Compiled<'_, 's>, TemplateError> {
        if !source.contains('{') {
            return Ok(Compiled::Literal(source));
        }
        let template = self.env.template_from_str(source).map_err(|e| convert(&e))?;
        Ok(Compiled::Template(template))
    }

    /// Compiles an expression such as `price > 20 and "new" in tags`.
    pub fn expression(&self, source: &'s str) -> Result<Condition<'_, 's>, TemplateError> {
        self.env.compile_expression(source).map(Condition).map_err(|e| convert(&e))
    }
}

/// A compiled template.
pub enum Compiled<'e, 's> {
    /// Text without any tag.
    Literal(&'s str),
    /// A template.
    Template(Template<'e, 's>),
}

impl Compiled<'_, '_> {
    /// Fills it in.
    pub fn render(&self, context: Value) -> Result<String, TemplateError> {
        match self {
            Compiled::Literal(text) => Ok((*text).to_owned()),
            Compiled::Template(template) => template.render(context).map_err(|e| convert(&e)),
        }
    }

    /// The variables that it reads and doesn't set, as dotted paths (`subject.title`), sorted.
    pub fn undeclared(&self) -> BTreeSet<String> {
        match self {
            Compiled::Literal(_) => BTreeSet::new(),
            Compiled::Template(template) => {
                template.undeclared_variables(true).into_iter().collect()
            }
        }
    }
}

/// A compiled expression.
pub struct Condition<'e, 's>(Expression<'e, 's>);

impl Condition<'_, '_> {
    /// Whether it holds.
    pub fn holds(&self, context: Value) -> Result<bool, TemplateError> {
        self.0.eval(context).map(|value| value.is_true()).map_err(|e| convert(&e))
    }

    /// The variables that it reads, as dotted paths, sorted.
    pub fn undeclared(&self) -> BTreeSet<String> {
        self.0.undeclared_variables(true).into_iter().collect()
    }
}

fn convert(error: &minijinja::Error) -> TemplateError {
    let kind = match error.kind() {
        ErrorKind::SyntaxError => TemplateErrorKind::Syntax,
        ErrorKind::UndefinedError => TemplateErrorKind::Undefined,
        ErrorKind::OutOfFuel => TemplateErrorKind::OutOfFuel,
        ErrorKind::UnknownFilter | ErrorKind::UnknownTest => TemplateErrorKind::UnknownFilter,
        _ => TemplateErrorKind::Other,
    };
    let detail = error.detail().map_or_else(|| error.kind().to_string(), str::to_owned);
    let unknown = detail.strip_prefix("filter ").and_then(|d| d.strip_suffix(" is unknown"));
    let (message, help) = match (kind, unknown) {
        (TemplateErrorKind::OutOfFuel, _) => ("the template takes too many steps".to_owned(), None),
        (_, Some(name)) => (format!("there is no filter `{name}`"), Some(nearest_filter(name))),
        _ => (detail, None),
    };
    TemplateError { kind, message, range: error.range(), help }
}

fn nearest_filter(name: &str) -> String {
    match nearest(name, FILTERS) {
        Some(meant) => format!("did you mean `{meant}`?"),
        None => format!("filters: {}", FILTERS.join(", ")),
    }
}

/// A variable that an expression puts in order with a literal, and asks nothing else about.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Ordered {
    /// Its dotted path.
    pub name: String,
    /// Whether the literal is a number; else it is text.
    pub with_number: bool,
    /// Where it stands.
    pub range: Range<usize>,
}

/// The variables of an expression that are only ever put in order with literals: `price > 20`.
/// The engine orders values of different kinds somehow, so that an empty cell would be above
/// any number; who asks more about a variable (`price is number and price > 20`) knows.
pub fn ordered(expression: &str) -> Vec<Ordered> {
    let tokens = tokens(expression);
    let is_order = |t: Option<&(Token, Range<usize>)>| {
        t.is_some_and(|(token, range)| {
            *token == Token::Sign && expression[range.clone()].starts_with(['<', '>'])
        })
    };
    let literal = |t: Option<&(Token, Range<usize>)>| match t?.0 {
        Token::Number => Some(true),
        Token::Text => Some(false),
        _ => None,
    };
    let mut found: Vec<Ordered> = Vec::new();
    let mut asked_more: BTreeSet<&str> = BTreeSet::new();
    for (i, (token, range)) in tokens.iter().enumerate() {
        if *token != Token::Name {
            continue;
        }
        let name = &expression[range.clone()];
        let back = |n: usize| i.checked_sub(n).and_then(|i| tokens.get(i));
        let after = literal(tokens.get(i + 2)).filter(|_| is_order(tokens.get(i + 1)));
        let before = literal(back(2)).filter(|_| is_order(back(1)));
        match after.or(before) {
            Some(with_number) => {
                let (name, range) = (name.to_owned(), range.clone());
                found.push(Ordered { name, with_number, range });
            }
            None => {
                asked_more.insert(name);
            }
        }
    }
    found.retain(|o| !asked_more.contains(o.name.as_str()));
    found
}

/// What an expression is made of, as far as [`ordered`] needs it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Token {
    Name,
    Number,
    Text,
    Sign,
}

fn tokens(expression: &str) -> Vec<(Token, Range<usize>)> {
    let mut tokens = Vec::new();
    let mut at = 0;
    while let Some(first) = expression[at..].chars().next() {
        let rest = &expression[at..];
        let run = |part: fn(char) -> bool| rest.find(|c| !part(c)).unwrap_or(rest.len());
        let (token, length) = match first {
            c if c.is_whitespace() => (None, c.len_utf8()),
            '"' | '\'' => {
                let end = rest[1..].find(first).map_or(rest.len(), |end| end + 2);
                (Some(Token::Text), end)
            }
            c if c.is_ascii_digit() => {
                (Some(Token::Number), run(|c| c.is_ascii_alphanumeric() || c == '.' || c == '_'))
            }
            c if c.is_alphabetic() || c == '_' => {
                (Some(Token::Name), run(|c| c.is_alphanumeric() || c == '_' || c == '.'))
            }
            '<' | '>' | '=' | '!' => (Some(Token::Sign), run(|c| "<>=!".contains(c))),
            // The sign of a number is part of it.
            '-' if rest[1..].starts_with(|c: char| c.is_ascii_digit()) => (None, 1),
            c => (Some(Token::Sign), c.len_utf8()),
        };
        tokens.extend(token.map(|token| (token, at..at + length)));
        at += length;
    }
    tokens
}

/// Where a variable stands in a template: the first whole occurrence of its dotted path. The
/// engine tells which variables are read, but not where.
pub fn find_variable(source: &str, path: &str) -> Option<Range<usize>> {
    let is_word = |c: char| c.is_alphanumeric() || c == '_';
    let mut from = 0;
    while let Some(found) = source[from..].find(path) {
        let (start, end) = (from + found, from + found + path.len());
        let before = source[..start].chars().next_back();
        let after = source[end..].chars().next();
        let inside_tag = source[..start].rfind('{') > source[..start].rfind('}');
        let whole = !before.is_some_and(|c| is_word(c) || c == '.') && !after.is_some_and(is_word);
        if whole && (inside_tag || !source.contains('{')) {
            return Some(start..end);
        }
        from = end;
    }
    None
}

#[cfg(test)]
mod tests {
    use super::*;
    use minijinja::context;

    fn limits() -> Limits {
        Limits::default()
    }

    #[test]
    fn an_undefined_variable_is_an_error_at_its_place() {
        let engine = Engine::new(&limits());
        let template = engine.template("a {{ colour }} mug").expect("it parses");
        let error = template.render(context! { title => "x" }).expect_err("strict");
        assert_eq!(error.kind, TemplateErrorKind::Undefined);
        assert_eq!(error.range, Some(5..11));
    }

    #[test]
    fn a_syntax_error_has_its_range() {
        let engine = Engine::new(&limits());
        let error = engine.template("a {{ colour | }} mug").err().expect("it doesn't parse");
        assert_eq!(error.kind, TemplateErrorKind::Syntax);
        assert!(error.range.is_some());
    }

    #[test]
    fn an_unknown_filter_names_the_nearest_one() {
        let engine = Engine::new(&limits());
        let template = engine.template("a {{ colour | uper }} mug").expect("it parses");
        let error = template.render(context! { colour => "x" }).expect_err("no such filter");
        assert_eq!(error.kind, TemplateErrorKind::UnknownFilter);
        assert_eq!(error.message, "there is no filter `uper`");
        assert_eq!(error.help.as_deref(), Some("did you mean `upper`?"));
    }

    #[test]
    fn every_filter_that_is_proposed_exists() {
        let engine = Engine::new(&limits());
        for name in FILTERS {
            let source = format!("{{{{ value | {name} }}}}");
            let template = engine.template(&source).expect("it parses");
            let kind = template.render(context! { value => "x" }).map_err(|e| e.kind);
            assert_ne!(kind, Err(TemplateErrorKind::UnknownFilter), "{name}");
        }
    }

    #[test]
    fn an_endless_template_runs_out_of_fuel() {
        let engine = Engine::new(&limits());
        let source =
            "{% for i in range(9999) %}{% for j in range(9999) %}x{% endfor %}{% endfor %}";
        let template = engine.template(source).expect("it parses");
        let error = template.render(context! {}).expect_err("too many steps");
        assert_eq!(error.kind, TemplateErrorKind::OutOfFuel);
    }

    #[test]
    fn variables_are_known_before_any_row_is_filled_in() {
        let engine = Engine::new(&limits());
        let template =
            engine.template("{{ title }} of {{ host.name | upper }}").expect("it parses");
        let names: Vec<String> = template.undeclared().into_iter().collect();
        assert_eq!(names, ["host.name", "title"]);
        assert_eq!(find_variable("title: {{ title }}", "title"), Some(10..15));
    }

    #[test]
    fn what_is_only_put_in_order_is_found() {
        let names = |source| -> Vec<(String, bool)> {
            ordered(source).into_iter().map(|o| (o.name, o.with_number)).collect()
        };
        assert_eq!(names("price > 20 and 'a' in tags"), [("price".to_owned(), true)]);
        assert_eq!(names("-5 <= subject.price"), [("subject.price".to_owned(), true)]);
        assert_eq!(names("since >= '2026-01-01'"), [("since".to_owned(), false)]);
        assert_eq!(names("price is number and price > 20"), []);
        assert_eq!(names("price == 20 or size > price"), []);
        assert_eq!(names("'price > 20' == title"), []);
    }

    proptest::proptest! {
        #[test]
        fn any_text_can_be_looked_through(text in "[a-z0-9<>='\"\\- .é]{0,30}|\\PC{0,20}") {
            for found in ordered(&text) {
                proptest::prop_assert_eq!(&text[found.range], found.name);
            }
        }
    }

    #[test]
    fn expressions_compare_numbers_and_look_into_lists() {
        let engine = Engine::new(&limits());
        let condition = engine.expression("price > 20 and 'new' in tags").expect("it parses");
        assert_eq!(condition.holds(context! { price => 21, tags => ["new"] }), Ok(true));
        assert_eq!(condition.holds(context! { price => 19, tags => ["new"] }), Ok(false));
    }
}
