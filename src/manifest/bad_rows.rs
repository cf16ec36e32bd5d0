//! `bad_rows:` of a set: how many rows of its feed may be bad.
//!
//! What never lives here: the rows themselves (those are in `rejects`); what is wrong with one.

use rust_decimal::Decimal;
use schemars::JsonSchema;
use serde::de::value::MapAccessDeserializer;
use serde::{Deserialize, Deserializer};

use super::load::Loader;
use super::references;
use crate::diagnostic::{Finding, Place};
use crate::yaml::{Loose, ONE_OR_MAP, Placed, Text};

/// What is done about rows that can't be used.
#[derive(Debug)]
pub enum RawBadRows {
    /// Every bad row is an error.
    Stop,
    /// So many are left out.
    Allow {
        /// `all`, a number, or a part of all rows.
        allow: Text,
        /// Where they are written.
        file: Option<Text>,
    },
}

/// Rows that can't be used are left out, as long as they are no more than allowed.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
#[schemars(rename = "BadRows")]
struct AllowForm {
    /// How many may be left out: a number, a part of all rows such as "1%", or `all`.
    #[schemars(with = "Loose")]
    allow: Text,
    /// The file to which they are written, with what is wrong with each; the path is relative to
    /// this file. `.kinora/rejects/SET.csv` if not given.
    file: Option<Text>,
}

impl<'de> Deserialize<'de> for RawBadRows {
    fn deserialize<D: Deserializer<'de>>(d: D) -> Result<Self, D::Error> {
        /// The word, or a mapping.
        struct Form;
        impl<'de> serde::de::Visitor<'de> for Form {
            type Value = RawBadRows;

            fn expecting(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                f.write_str("`stop`, or a mapping with `allow`")
            }

            fn visit_seq<A: serde::de::SeqAccess<'de>>(
                self,
                mut seq: A,
            ) -> Result<RawBadRows, A::Error> {
                // The schema lets no other word through.
                seq.next_element::<String>()?;
                Ok(RawBadRows::Stop)
            }

            fn visit_map<A: serde::de::MapAccess<'de>>(
                self,
                map: A,
            ) -> Result<RawBadRows, A::Error> {
                let form = AllowForm::deserialize(MapAccessDeserializer::new(map))?;
                Ok(RawBadRows::Allow { allow: form.allow, file: form.file })
            }
        }
        d.deserialize_tuple_struct(ONE_OR_MAP, 1, Form)
    }
}

impl JsonSchema for RawBadRows {
    fn inline_schema() -> bool {
        true
    }

    fn schema_name() -> std::borrow::Cow<'static, str> {
        "BadRows".into()
    }

    fn json_schema(generator: &mut schemars::SchemaGenerator) -> schemars::Schema {
        let form = generator.subschema_for::<AllowForm>();
        schemars::json_schema!({ "anyOf": [{
            "type": "string",
            "const": "stop",
            "x-help": "write `stop`, or `{allow: N}` with how many bad rows may be left out: a \
                       number, a part such as \"1%\", or `all`",
        }, form] })
    }
}

/// How many bad rows may be left out.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Allowance {
    /// None: each is an error.
    None,
    /// So many.
    Rows(u64),
    /// So many of a hundred.
    Percent(Decimal),
    /// Any number.
    All,
}

/// What is done about a feed's bad rows.
#[derive(Debug)]
pub(super) struct Policy {
    pub allowance: Allowance,
    /// The `allow:` value.
    pub place: Option<Place>,
    /// Shown path of the file to which they are written.
    pub file: String,
}

impl Allowance {
    fn parse(text: &str) -> Option<Self> {
        let text = text.trim();
        if text == "all" {
            return Some(Allowance::All);
        }
        let Some(percent) = text.strip_suffix('%') else {
            return text.parse().ok().map(Allowance::Rows);
        };
        let percent = Decimal::from_str_exact(percent.trim()).ok()?;
        let possible = Decimal::ZERO <= percent && percent <= Decimal::ONE_HUNDRED;
        possible.then_some(Allowance::Percent(percent))
    }

    /// Whether so many bad ones among so many in all are allowed.
    pub fn covers(self, bad: u64, all: u64) -> bool {
        match self {
            Allowance::None => bad == 0,
            Allowance::Rows(rows) => bad <= rows,
            Allowance::Percent(percent) => {
                Decimal::from(bad) * Decimal::ONE_HUNDRED <= Decimal::from(all) * percent
            }
            Allowance::All => true,
        }
    }

    /// In words: "the 10 that are allowed".
    pub fn words(self) -> String {
        match self {
            Allowance::None => "none".to_owned(),
            Allowance::Rows(rows) => rows.to_string(),
            Allowance::Percent(percent) => format!("{percent}%"),
            Allowance::All => "all".to_owned(),
        }
    }
}

impl Loader<'_> {
    /// What a set says of bad rows; `folder` is that of its manifest.
    pub(super) fn bad_rows(
        &mut self,
        set: &str,
        raw: Option<&Placed<RawBadRows>>,
        folder: &str,
    ) -> Policy {
        let standard = || format!(".kinora/rejects/{set}.csv");
        let Some(RawBadRows::Allow { allow, file }) = raw.map(|raw| &raw.value) else {
            let file = self.own_file(set, standard(), None);
            return Policy { allowance: Allowance::None, place: None, file };
        };
        let allowance = Allowance::parse(allow).unwrap_or_else(|| {
            let message = format!("`{}` is no number of rows", &**allow);
            self.findings.push(
                Finding::error("manifest::wrong_value", message)
                    .at(allow.place, "how many?")
                    .help("write a number, a part such as \"1%\", or `all`"),
            );
            // One finding is enough.
            Allowance::All
        });
        let told = file.as_ref().and_then(|written| {
            self.rejects_file(written, folder).map(|shown| (shown, Some(written.place)))
        });
        let (shown, place) = told.unwrap_or_else(|| (standard(), None));
        let file = self.own_file(set, shown, place);
        Policy { allowance, place: Some(allow.place), file }
    }

    /// Gives a file to a set; that of another would be overwritten, or taken away when this set
    /// has no bad rows. `place` is where the manifest names it.
    fn own_file(&mut self, set: &str, shown: String, place: Option<Place>) -> String {
        let Some((other, others)) = self.rejects_files.get(&shown) else {
            self.rejects_files.insert(shown.clone(), (set.to_owned(), place));
            return shown;
        };
        let message = format!("the bad rows of `{other}` are written to `{shown}` too");
        let finding = Finding::error("manifest::wrong_value", message);
        // Without either, two sets would have the same name.
        let finding = match (place, *others) {
            (Some(place), Some(others)) => {
                finding.at(place, "this file again").also(others, format!("the file of `{other}`"))
            }
            (Some(place), None) | (None, Some(place)) => finding.at(place, "the same file"),
            (None, None) => finding,
        };
        self.findings.push(finding.help("give each set a file of its own"));
        shown
    }

    /// Where rejects go: never over a file that was read.
    fn rejects_file(&mut self, written: &Text, folder: &str) -> Option<String> {
        let Ok(shown) = self.workspace.resolve(folder, written.trim()) else {
            self.findings.push(references::outside("", written, written.place));
            return None;
        };
        let path = self.workspace.path(&shown);
        let parent = path.parent().filter(|parent| parent.exists());
        if parent.is_some_and(|parent| !self.workspace.contains(parent)) {
            self.findings.push(references::linked_outside("", written, written.place));
            return None;
        }
        if !shown.to_lowercase().ends_with(".csv") {
            self.findings.push(
                Finding::error("manifest::wrong_value", format!("`{shown}` is no CSV file"))
                    .at(written.place, "bad rows are written to it")
                    .help("give it a name of its own that ends in .csv"),
            );
            return None;
        }
        Some(shown)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_allowed_is_allowed_exactly() {
        let covers =
            |text: &str, bad, all| Allowance::parse(text).expect("an allowance").covers(bad, all);
        assert!(covers("1%", 10, 1000) && !covers("1%", 11, 1000));
        assert!(covers("0.5 %", 1, 200) && !covers("0.5%", 2, 200));
        assert!(covers("3", 3, 3) && !covers("3", 4, 1_000_000));
        assert!(covers("0", 0, 10) && !covers("0", 1, 10));
        assert!(covers("all", u64::MAX, u64::MAX));
        for text in ["-1", "101%", "some", "", "1.5", "%"] {
            assert_eq!(Allowance::parse(text), None, "{text}");
        }
    }
}
