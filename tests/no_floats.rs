//! No float holds an amount: not in the sources of money, planning, the ledger and the budget, and
//! not in anything that they write.

use std::path::{Path, PathBuf};

use serde_json::Value;

/// Where amounts are held, added and written. A file or folder below `src`.
const MONEY: &[&str] = &[
    "money.rs",
    "models/price.rs",
    "models/price",
    "models/price_file.rs",
    "models/price_file",
    "models/quote.rs",
    "plan",
    "plan.rs",
    "ledger",
    "ledger.rs",
    "approval",
    "approval.rs",
    "run/budget",
    "run/budget.rs",
    "run/job.rs",
    "run/event.rs",
    "run/dispatch.rs",
    "run/drive.rs",
    "report/actuals.rs",
    "report/plan",
    "report/run/model.rs",
    "report/run/csv.rs",
    "report/run/summary.rs",
    "report/run/text.rs",
    "rehearsal/bill.rs",
    "rehearsal/bill",
    "cli/approve.rs",
    "cli/approve",
    "export/book.rs",
    "export/evidence.rs",
    "export/results.rs",
    "manifest/feed_select",
    "manifest/feed_select.rs",
    "manifest/typed.rs",
];

/// What may stand there all the same, each with why it holds no amount.
const HARMLESS: &[(&str, &str, &str)] = &[(
    "manifest/typed.rs",
    "text.parse::<f64>()",
    "a cell of a feed, as templates and conditions see it",
)];

fn source() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("src")
}

fn files(path: &Path, found: &mut Vec<PathBuf>) {
    if path.is_file() {
        found.push(path.to_owned());
        return;
    }
    let Ok(folder) = std::fs::read_dir(path) else { return };
    let mut inside: Vec<PathBuf> = folder.map(|entry| entry.expect("readable").path()).collect();
    inside.sort();
    inside.iter().for_each(|path| files(path, found));
}

/// Whether code speaks of floats: a type, a conversion, or a number with a point.
fn floats(code: &str) -> bool {
    let names = code.split(|c: char| !c.is_alphanumeric() && c != '_');
    let by_name = names.clone().any(|name| {
        name == "f32"
            || name == "f64"
            || name.ends_with("_f32")
            || name.ends_with("_f64")
            || name.contains("_f64_")
            || name.contains("_f32_")
            || name.ends_with("f64") && name.starts_with(|c: char| c.is_ascii_digit())
            || name.ends_with("f32") && name.starts_with(|c: char| c.is_ascii_digit())
    });
    by_name || has_float_literal(code)
}

/// `1.5`, but neither `1..5`, `pair.0.1` nor `1.max(2)`.
fn has_float_literal(code: &str) -> bool {
    let bytes = code.as_bytes();
    (1..bytes.len().saturating_sub(1)).any(|at| {
        if bytes[at] != b'.' || !bytes[at - 1].is_ascii_digit() || !bytes[at + 1].is_ascii_digit() {
            return false;
        }
        let before = &code[..at];
        let number = before.trim_end_matches(|c: char| c.is_ascii_digit() || c == '_');
        !number.ends_with(|c: char| c.is_alphanumeric() || c == '.' || c == '_')
    })
}

/// Code without what stands in quotes and without comments; its lines stay where they are.
fn without_texts(text: &str) -> String {
    let mut code = String::new();
    let mut rest = text;
    while let Some(c) = rest.chars().next() {
        let skipped = match c {
            '/' if rest.starts_with("//") => rest.find('\n').unwrap_or(rest.len()),
            '"' => quoted(rest),
            'r' if !code.ends_with(|c: char| c.is_alphanumeric() || c == '_') => raw(rest),
            '\'' if rest.starts_with("'\\") => rest[3..].find('\'').map_or(1, |end| end + 4),
            '\'' if rest[1..].chars().nth(1) == Some('\'') => {
                2 + rest[1..].chars().next().map_or(0, char::len_utf8)
            }
            _ => 0,
        };
        let part = &rest[..skipped.max(c.len_utf8())];
        match skipped {
            0 => code.push(c),
            _ => code.extend(part.chars().filter(|c| *c == '\n')),
        }
        rest = &rest[part.len()..];
    }
    code
}

/// Bytes of a text in quotes at the beginning.
fn quoted(text: &str) -> usize {
    let mut escaped = false;
    for (at, c) in text.char_indices().skip(1) {
        match c {
            '"' if !escaped => return at + 1,
            '\\' => escaped = !escaped,
            _ => escaped = false,
        }
    }
    text.len()
}

/// Bytes of a raw text at the beginning; 0 where there is none.
fn raw(text: &str) -> usize {
    let hashes = text[1..].bytes().take_while(|b| *b == b'#').count();
    let Some(inside) = text[1 + hashes..].strip_prefix('"') else { return 0 };
    let end = format!("\"{}", "#".repeat(hashes));
    inside.find(&end).map_or(text.len(), |at| 2 + hashes + at + end.len())
}

#[test]
fn code_about_money_has_no_floats() {
    let (mut looked_at, mut found) = (0, Vec::new());
    let mut used = vec![false; HARMLESS.len()];
    for part in MONEY {
        let mut all = Vec::new();
        files(&source().join(part), &mut all);
        for file in all.iter().filter(|file| file.extension().is_some_and(|e| e == "rs")) {
            looked_at += 1;
            let name = file.strip_prefix(source()).expect("below it").display().to_string();
            let text = std::fs::read_to_string(file).expect("readable");
            let code = without_texts(&text);
            let lines = code.lines().zip(text.lines()).zip(1..);
            for ((_, line), number) in lines.filter(|((code, _), _)| floats(code)) {
                let excused =
                    HARMLESS.iter().position(|(f, part, _)| name == *f && line.contains(part));
                match excused {
                    Some(at) => used[at] = true,
                    None => found.push(format!("src/{name}:{number}: {}", line.trim())),
                }
            }
        }
    }
    assert!(looked_at > 60, "only {looked_at} files were looked at: has something moved?");
    assert!(found.is_empty(), "floats where money is:\n{}", found.join("\n"));
    assert!(used.iter().all(|used| *used), "an excuse that nothing needs: {HARMLESS:?}");
}

#[test]
fn floats_are_recognised_where_they_are() {
    for line in [
        "let cost: f64 = 0.into();",
        "fn of(x: Option<f32>)",
        "amount.to_f64()",
        "Decimal::from_f64_retain(x)",
        "let half = 0.5;",
        "x * 1_000.25",
        "2f64",
        "json.as_f64()",
    ] {
        assert!(floats(&without_texts(line)), "{line}");
    }
    for line in [
        "// the price is 0.5",
        "let text = \"0.5 f64\";",
        "let x = pair.0.1;",
        "for n in 0..5 {",
        "let version = \"1.1\";",
        "1.max(2)",
        "let buffer64 = selff;",
        "let a = \"quote \\\" 0.5\";",
        "let a = r#\"a \" 0.5\"#;",
        "let a = @\"over\nlines 0.5\";",
        "let a = ['\"', '\\'', '\\\\', 'ö']; // 0.5",
    ] {
        assert!(!floats(&without_texts(line)), "{line}");
    }
}

/// Every number of a document that is no integer, by its path.
fn fractions(value: &Value, path: &str, found: &mut Vec<String>) {
    match value {
        Value::Number(number) if !(number.is_i64() || number.is_u64()) => {
            found.push(format!("{path} = {number}"));
        }
        Value::Array(items) => {
            for (n, item) in items.iter().enumerate() {
                fractions(item, &format!("{path}[{n}]"), found);
            }
        }
        Value::Object(fields) => {
            fields
                .iter()
                .for_each(|(name, field)| fractions(field, &format!("{path}.{name}"), found));
        }
        _ => {}
    }
}

/// A shop whose amounts are as crooked as they come.
fn shop() -> tempfile::TempDir {
    let dir = tempfile::tempdir().expect("a temporary folder");
    let write = |path: &str, text: &str| {
        let path = dir.path().join(path);
        std::fs::create_dir_all(path.parent().expect("a folder")).expect("a folder");
        std::fs::write(path, text).expect("written");
    };
    write(
        "kinora.yaml",
        "kinora: 1\nname: crooked\npay_again: true\nretries: 2\n\
         budget: {per_run: 7.125, per_month: 99.999999}\n\
         defaults: {model: studio, duration: 0.5, resolution: 240p, fps: 12}\n\
         subjects:\n  products: {kind: product, items: [{id: mug}, {id: bowl}]}\n\
         shots:\n  - {id: turn, for: products, takes: 2, prompt: \"it turns slowly\"}\n  \
         - {id: mood, prompt: \"a slow pan over a street\"}\n",
    );
    write(
        "models/studio.yaml",
        "kinora_model: 1\nmodel: studio\nprovider: animatic\ntitle: The renderer, for money\n\
         routes: {text: {}, image: {min: 1, max: 1}}\n\
         durations: {range: {min: 0.5, max: 60, step: 0}}\n\
         resolutions: {240p: {short_side: 240}}\nfps: [12]\nseed: true\ntypical_seconds: 3\n\
         price:\n  unit: credits\n  as_of: 2026-11-01\n  source: a rate card\n  \
         charges: [{per: second, amount: 0.1234567}, {per: clip, amount: 0.000001}]\n",
    );
    dir
}

fn kinora(dir: &Path, arguments: &[&str]) -> String {
    let mut command = std::process::Command::new(env!("CARGO_BIN_EXE_kinora"));
    let out = command.args(arguments).current_dir(dir).output().expect("it starts");
    let said = String::from_utf8_lossy(&out.stderr);
    assert!(out.status.success(), "{arguments:?}: {said}");
    String::from_utf8(out.stdout).expect("text")
}

#[test]
fn no_number_that_is_written_has_a_fraction() {
    let dir = shop();
    let mut documents = vec![("plan", kinora(dir.path(), &["plan", ".", "--json"]))];
    let run = kinora(dir.path(), &["run", ".", "--yes", "--json"]);
    documents.extend(run.lines().map(|line| ("run", line.to_owned())));
    documents.push(("report", kinora(dir.path(), &["report", ".", "--json"])));
    documents.push(("status", kinora(dir.path(), &["status", ".", "--json"])));
    documents.push(("plan again", kinora(dir.path(), &["plan", ".", "--json"])));
    let mut found = Vec::new();
    for (name, text) in &documents {
        let value: Value =
            serde_json::from_str(text).unwrap_or_else(|e| panic!("{name}: {e}\n{text}"));
        fractions(&value, name, &mut found);
    }
    assert!(documents.len() > 10, "a run says what it does, a line a step");
    assert!(found.is_empty(), "numbers with a fraction:\n{}", found.join("\n"));
    let plan: Value = serde_json::from_str(&documents[0].1).expect("JSON");
    // 0.06172835 + 0.000001, rounded up for each of the five jobs.
    assert_eq!(plan["to_run"]["estimate"]["credits"], "0.30865");
    assert_eq!(plan["to_run"]["high"]["credits"], "0.92595");
}

#[test]
fn fractions_are_found_wherever_they_hide() {
    let value = serde_json::json!({"a": [1, {"b": 0.5}], "c": "0.5", "d": 1e300, "e": -3});
    let mut found = Vec::new();
    fractions(&value, "", &mut found);
    assert_eq!(found, [".a[1].b = 0.5", ".d = 1e+300"]);
}
