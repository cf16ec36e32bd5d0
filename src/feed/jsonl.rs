//! JSON lines: an object a line.
//!
//! What lives here: lines, and objects made flat: `{"price": {"amount": 12}}` is `price_amount`,
//! a list is one cell. What never does: what an attribute means.
//!
//! serde_json says whether a line is JSON. What it would read into is not kept: numbers stay as they
//! are written (`12.50`, `90071992547409931`), and every value knows where it stands.

use std::io::BufRead;

use serde::de::IgnoredAny;

use super::items::{Field, Flaw, Item, Items, Metered, join, spot};
use super::problem::FeedProblem;
use crate::limits::Limits;

/// How deep values may stand in each other.
const MOST_DEPTH: usize = 32;

/// How many values one line may have.
const MOST_VALUES: usize = 8 << 10;

/// How many of the largest cells a line may be as long as.
const MOST_CELLS: u64 = 16;

/// Reads the objects of a file.
pub(super) struct JsonLines<R> {
    reader: Metered<R>,
    limits: Limits,
    /// Where the next line starts.
    start: u64,
    /// Whether anything but white space was seen.
    begun: bool,
}

impl<R: BufRead> JsonLines<R> {
    /// From text in UTF-8.
    pub fn new(reader: R, limits: &Limits) -> Self {
        let most = limits.feed_cell_bytes.saturating_mul(MOST_CELLS);
        let reader = Metered::new(reader, most);
        JsonLines { reader, limits: limits.clone(), start: 0, begun: false }
    }

    /// The next line that is not blank: where it starts, its number, its bytes.
    fn line(&mut self) -> Result<Option<(u64, u64, Vec<u8>)>, FeedProblem> {
        let mut bytes = Vec::new();
        loop {
            bytes.clear();
            self.reader.reset();
            let (start, number) = (self.start, self.reader.line());
            if let Err(error) = self.reader.read_until(b'\n', &mut bytes) {
                if !self.reader.exceeded() {
                    return Err(FeedProblem::unreadable(&error));
                }
                let most = self.limits.feed_cell_bytes.saturating_mul(MOST_CELLS);
                return Err(FeedProblem::new(
                    "feed::limit",
                    format!("line {number} has more than {most} bytes"),
                )
                .at(spot(start, start + 1), "starts here")
                .help(Limits::how_to_raise("feed_cell_bytes")));
            }
            if bytes.is_empty() {
                return Ok(None);
            }
            self.start += bytes.len() as u64;
            if !bytes.trim_ascii().is_empty() {
                return Ok(Some((start, number, bytes)));
            }
        }
    }
}

impl<R: BufRead + Send> Items for JsonLines<R> {
    fn next_item(&mut self) -> Result<Option<Item>, FeedProblem> {
        let Some((start, number, bytes)) = self.line()? else { return Ok(None) };
        let first = !std::mem::replace(&mut self.begun, true);
        if first && bytes.trim_ascii_start().starts_with(b"[") {
            let at = start + (bytes.len() - bytes.trim_ascii_start().len()) as u64;
            return Err(FeedProblem::new(
                "feed::json_array",
                "the file is one JSON list, not an object a line",
            )
            .at(spot(at, at + 1), "the list begins here")
            .help("write an object a line, for instance with `jq -c '.[]' FILE > FILE.jsonl`"));
        }
        let text = String::from_utf8_lossy(&bytes);
        let line = text.trim_end_matches(['\n', '\r']);
        let fields = match std::str::from_utf8(&bytes) {
            Ok(_) => fields(line, start, &self.limits),
            Err(error) => Err(Flaw {
                code: "feed::utf8",
                column: None,
                what: "the line is not UTF-8".to_owned(),
                label: "this byte".to_owned(),
                help: "save the file as UTF-8".to_owned(),
                at: spot(
                    start + error.valid_up_to() as u64,
                    start + error.valid_up_to() as u64 + 1,
                ),
            }),
        };
        let at = spot(start, start + line.len() as u64);
        Ok(Some(Item { number, line: number, at, raw: line.to_owned(), fields }))
    }
}

/// The fields of one line that starts at `start`.
fn fields(line: &str, start: u64, limits: &Limits) -> Result<Vec<Field>, Flaw> {
    if let Err(error) = serde_json::from_str::<IgnoredAny>(line) {
        let at = start + byte_of(line, error.column()) as u64;
        return Err(Flaw {
            code: "feed::json",
            column: None,
            what: format!("the line is not JSON: {}", reason(&error)),
            label: "here".to_owned(),
            help: "each line must be one JSON object of its own".to_owned(),
            at: spot(at, at + 1),
        });
    }
    if !line.trim_start().starts_with('{') {
        return Err(Flaw {
            code: "feed::json",
            column: None,
            what: "the line is no JSON object".to_owned(),
            label: "not in braces".to_owned(),
            help: "each line must be one JSON object of its own".to_owned(),
            at: spot(start, start + line.len() as u64),
        });
    }
    let mut walk = Walk { line, at: 0, start, limits, groups: Vec::new(), values: 0 };
    walk.value(&mut String::new(), None, 0)?;
    let field = |group: Group| {
        let text = (!group.texts.is_empty()).then(|| join(&group.texts));
        Field { name: group.name.into_boxed_str(), text, at: group.at }
    };
    Ok(walk.groups.into_iter().map(field).collect())
}

/// serde_json's words without its place, which is shown.
fn reason(error: &serde_json::Error) -> String {
    let text = error.to_string();
    text.split(" at line ").next().unwrap_or_default().to_owned()
}

/// The byte that serde_json means by a column of the only line.
fn byte_of(line: &str, column: usize) -> usize {
    let mut byte = column.saturating_sub(1).min(line.len().saturating_sub(1));
    while !line.is_char_boundary(byte) {
        byte -= 1;
    }
    byte
}

/// All values of one name.
struct Group {
    name: String,
    texts: Vec<String>,
    /// Which list they stand in, by where it begins.
    list: Option<usize>,
    at: super::entry::Spot,
}

/// Goes through a line that is known to be JSON.
struct Walk<'l> {
    line: &'l str,
    at: usize,
    start: u64,
    limits: &'l Limits,
    groups: Vec<Group>,
    values: usize,
}

impl Walk<'_> {
    /// The next byte that means something, which is not taken.
    fn peek(&mut self) -> u8 {
        let rest = &self.line.as_bytes()[self.at..];
        self.at += rest.iter().take_while(|b| b.is_ascii_whitespace()).count();
        self.line.as_bytes().get(self.at).copied().unwrap_or_default()
    }

    fn value(&mut self, name: &mut String, list: Option<usize>, depth: usize) -> Result<(), Flaw> {
        if depth > MOST_DEPTH {
            let what = format!("values stand in each other more than {MOST_DEPTH} deep");
            return Err(self.flaw("feed::limit", name, what, self.at, self.at + 1));
        }
        match self.peek() {
            b'{' => self.object(name, list, depth),
            b'[' => {
                let list = list.or(Some(self.at));
                self.each(b']', |walk| walk.value(name, list, depth + 1))
            }
            _ => self.scalar(name, list),
        }
    }

    fn object(&mut self, name: &mut String, list: Option<usize>, depth: usize) -> Result<(), Flaw> {
        self.each(b'}', |walk| {
            walk.peek();
            let key = walk.string(name)?;
            let length = name.len();
            if length > 0 {
                name.push('_');
            }
            name.push_str(key.trim());
            walk.peek();
            walk.at += 1; // the colon
            walk.value(name, list, depth + 1)?;
            name.truncate(length);
            Ok(())
        })
    }

    /// Goes over brackets and commas.
    fn each(
        &mut self,
        closing: u8,
        mut element: impl FnMut(&mut Self) -> Result<(), Flaw>,
    ) -> Result<(), Flaw> {
        self.at += 1;
        loop {
            match self.peek() {
                b',' => self.at += 1,
                0 => return Ok(()),
                found if found == closing => {
                    self.at += 1;
                    return Ok(());
                }
                _ => element(self)?,
            }
        }
    }

    fn scalar(&mut self, name: &str, list: Option<usize>) -> Result<(), Flaw> {
        let begins = self.at;
        let (text, at) = match self.peek() {
            b'"' => (Some(self.string(name)?), begins + 1..self.at - 1),
            _ => {
                let ends = |b: &u8| matches!(b, b',' | b'}' | b']') || b.is_ascii_whitespace();
                let rest = &self.line.as_bytes()[self.at..];
                self.at += rest.iter().position(|b| ends(b)).unwrap_or(rest.len());
                let written = &self.line[begins..self.at];
                ((written != "null").then(|| written.to_owned()), begins..self.at)
            }
        };
        let bytes = text.as_ref().map_or(0, String::len) as u64;
        let most = self.limits.feed_cell_bytes;
        if bytes > most {
            let what = format!("the value has more than {most} bytes");
            return Err(self.flaw("feed::limit", name, what, begins, begins + 1));
        }
        self.values += 1;
        if self.values > MOST_VALUES {
            let what = format!("the line has more than {MOST_VALUES} values");
            return Err(self.flaw("feed::limit", name, what, begins, begins + 1));
        }
        let at = spot(self.start + at.start as u64, self.start + at.end as u64);
        match self.groups.iter_mut().rev().find(|group| group.name == name) {
            None => {
                let texts = text.into_iter().collect();
                self.groups.push(Group { name: name.to_owned(), texts, list, at });
            }
            Some(group) if list.is_some() && group.list == list => group.texts.extend(text),
            Some(_) => {
                let what = "the line has this name twice".to_owned();
                return Err(self.flaw("feed::json", name, what, begins, self.at));
            }
        }
        Ok(())
    }

    /// The string that begins here, which is taken.
    fn string(&mut self, name: &str) -> Result<String, Flaw> {
        let begins = self.at;
        let bytes = self.line.as_bytes();
        let mut at = begins + 1;
        while let Some(found) = memchr::memchr2(b'"', b'\\', bytes.get(at..).unwrap_or_default()) {
            at += found;
            if bytes[at] == b'"' {
                break;
            }
            at += 2;
        }
        self.at = (at + 1).min(bytes.len());
        let written = &self.line[begins..self.at];
        serde_json::from_str(written).map_err(|error| {
            let what = format!("the text can't be read: {}", reason(&error));
            self.flaw("feed::json", name, what, begins, self.at)
        })
    }

    fn flaw(&self, code: &'static str, name: &str, what: String, from: usize, to: usize) -> Flaw {
        let help = match code {
            "feed::limit" => Limits::how_to_raise("feed_cell_bytes"),
            _ => "export the line again".to_owned(),
        };
        let column = (!name.is_empty()).then(|| name.to_owned());
        let at = spot(self.start + from as u64, self.start + to as u64);
        Flaw { code, column, what, label: "here".to_owned(), help, at }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    /// Items as a person would list them, and what ends the file.
    fn read(text: &str) -> String {
        let mut lines_of = JsonLines::new(text.as_bytes(), &Limits::default());
        let mut lines = Vec::new();
        loop {
            match lines_of.next_item() {
                Ok(Some(item)) => match &item.fields {
                    Ok(fields) => {
                        let shown = |f: &Field| {
                            let value = f.text.clone().unwrap_or_else(|| "-".to_owned());
                            let start = usize::try_from(f.at.start).expect("small");
                            let there = &text[start..start + f.at.length as usize];
                            let same = if there == value { "" } else { " (as written: other)" };
                            format!("{}={value}{same}", f.name)
                        };
                        let all: Vec<String> = fields.iter().map(shown).collect();
                        lines.push(format!("{}: {}", item.number, all.join("; ")));
                    }
                    Err(flaw) => lines.push(format!(
                        "{}@{}: {} {}",
                        item.number, flaw.at.start, flaw.code, flaw.what
                    )),
                },
                Ok(None) => break,
                Err(problem) => {
                    lines.push(format!("{}: {}", problem.code, problem.message));
                    break;
                }
            }
        }
        lines.join("\n")
    }

    #[test]
    fn objects_are_made_flat() {
        let text = r#"{"id": 90071992547409931, "price": {"amount": 12.50, "unit": "EUR"}, "new": true}

{"id":"b","tags":["red","soft"],"images":[{"src":"https://s.example/1,a.jpg","alt":"front"},{"src":"https://s.example/2.jpg","alt":null}],"none":null,"empty":[],"o":{},"t":"a\u00e9\n"}
"#;
        insta::assert_snapshot!(read(text), @r"
        1: id=90071992547409931; price_amount=12.50; price_unit=EUR; new=true
        3: id=b; tags=red,soft (as written: other); images_src=https://s.example/1%2Ca.jpg,https://s.example/2.jpg (as written: other); images_alt=front; none=- (as written: other); t=aé
         (as written: other)
        ");
    }

    #[test]
    fn a_bad_line_is_one_bad_row() {
        let deep = format!("{{\"a\":{}1{}}}", "[".repeat(100), "]".repeat(100));
        let text = format!(
            "{{\"id\":1}}\n{{\"id\":2,}}\n[1]\n\"x\"\n{{\"a\":1,\"a\":2}}\n{{\"a\":{{\"b\":1}},\"a_b\":2}}\n\
             {{\"s\":\"\\ud800\"}}\n{deep}\n{{\"id\":\n{{\"id\":3}} {{}}\nnull\n{{\"id\":4}}"
        );
        insta::assert_snapshot!(read(&text), @r"
        1: id=1
        2@17: feed::json the line is not JSON: key must be a string
        3@19: feed::json the line is no JSON object
        4@23: feed::json the line is no JSON object
        5@38: feed::json the line has this name twice
        6@60: feed::json the line has this name twice
        7@68: feed::json the text can't be read: unexpected end of hex escape
        8@115: feed::limit values stand in each other more than 32 deep
        9@291: feed::json the line is not JSON: EOF while parsing a value
        10@302: feed::json the line is not JSON: trailing characters
        11@305: feed::json the line is no JSON object
        12: id=4
        ");
        insta::assert_snapshot!(read("  [{\"id\":1}]"), @r"feed::json_array: the file is one JSON list, not an object a line");
    }

    proptest! {
        #[test]
        fn whatever_json_there_is_is_walked_to_its_end(
            values in proptest::collection::vec("[0-9a-z\"\\\\,:{}\\[\\] é]{0,12}", 0..5),
            noise in "[\\[\\]{}\",:\\\\a0-9 \n]{0,40}",
        ) {
            let object: serde_json::Map<String, serde_json::Value> = values
                .iter()
                .enumerate()
                .map(|(i, v)| (format!("k{i}"), serde_json::Value::from(v.as_str())))
                .collect();
            let line = serde_json::Value::from(object).to_string();
            let found = fields(&line, 0, &Limits::default()).expect("good JSON");
            let texts: Vec<String> = found.into_iter().filter_map(|f| f.text).collect();
            prop_assert_eq!(texts, values);
            read(&noise);
        }
    }
}
