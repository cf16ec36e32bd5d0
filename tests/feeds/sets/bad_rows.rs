//! Rows that can't be used: how many may be left out, what is said of them, and their file.

use super::*;

const FEED: &str = "\
sku,price,picture
a,1,a.jpg
b,dear,b.jpg
c,3
,4,c.jpg
a,5,c.jpg
d,6,
e,7,a.jpg
";

fn set(bad_rows: &str) -> String {
    format!(
        "id: \"{{{{ sku }}}}\"\nattributes: {{price: {{type: number}}}}\n\
         references: [{{image: \"{{{{ picture }}}}\"}}]\nbad_rows: {bad_rows}"
    )
}

fn codes(case: &Case) -> Vec<(u64, &str)> {
    let [rejects] = &case.loaded.rejects[..] else { panic!("one feed was read") };
    rejects.rows.iter().map(|row| (row.row, row.code)).collect()
}

const WRONG: [(u64, &str); 5] = [
    (3, "feed::cell_type"),
    (4, "feed::ragged"),
    (5, "feed::bad_id"),
    (6, "feed::duplicate_id"),
    (7, "reference::empty_path"),
];

#[test]
fn by_itself_every_bad_row_is_an_error() {
    let case = case(&set("stop"), FEED);
    assert!(case.loaded.catalogue.is_none());
    let mut found: Vec<&str> = case.errors().iter().map(|(code, _)| *code).collect();
    let mut wrong = WRONG.map(|(_, code)| code);
    found.sort_unstable();
    wrong.sort_unstable();
    assert_eq!(found, wrong);
    assert_eq!(codes(&case), WRONG, "they are also for the rejects file");
}

#[test]
fn as_many_as_are_allowed_are_left_out() {
    for allowed in ["{allow: 5}", "{allow: all}", "{allow: \"72%\"}"] {
        let case = case(&set(allowed), FEED);
        assert_eq!(case.ids(), ["a", "e"], "{allowed}");
        assert_eq!(codes(&case), WRONG);
        let (message, help) = case.said("feed::bad_rows");
        assert_eq!(message, "5 rows of 7 in the feed of `products` can't be used and are left out");
        assert_eq!(help, "what is wrong with each: .kinora/rejects/products.csv");
        let pictures: Vec<&str> = case.catalogue().pictures.iter().map(|(_, p)| &*p.path).collect();
        assert_eq!(pictures, ["a.jpg"], "no picture of a row that is left out");
    }
}

#[test]
fn more_than_are_allowed_are_errors_all_the_same() {
    for allowed in ["{allow: 4}", "{allow: \"70%\"}", "{allow: 0}"] {
        let case = case(&set(allowed), FEED);
        assert!(case.loaded.catalogue.is_none(), "{allowed}");
        assert_eq!(case.errors().len(), 6);
        assert_eq!(codes(&case), WRONG);
    }
    let (case, what) = (case(&set("{allow: 4}"), FEED), "4 may be left out");
    let (message, _) = case.said("feed::bad_rows");
    assert!(message.ends_with(what), "{message}");
}

#[test]
fn a_row_is_kept_as_it_stands_in_the_feed() {
    let case = case(&set("{allow: all}"), FEED);
    let rows = &case.loaded.rejects[0].rows;
    let seen: Vec<(u64, Option<&str>, &str)> =
        rows.iter().map(|r| (r.line, r.column.as_deref(), r.raw.trim_end())).collect();
    assert_eq!(seen[0], (3, Some("price"), "b,dear,b.jpg"));
    assert_eq!((seen[1].0, seen[1].2), (4, "c,3"));
    assert_eq!(seen[3], (6, Some("sku"), "a,5,c.jpg"));
}

#[test]
fn what_is_allowed_must_be_readable() {
    for wrong in ["{allow: some}", "{allow: \"101%\"}", "{allow: -1}"] {
        let case = case(&set(wrong), "sku,price,picture\na,1,a.jpg\n");
        let codes: Vec<&str> = case.errors().iter().map(|(code, _)| *code).collect();
        assert_eq!(codes, ["manifest::wrong_value"], "{wrong}");
    }
}

#[test]
fn rejects_go_nowhere_else_than_into_a_csv_file_of_the_workspace() {
    for (file, code) in
        [("../x.csv", "reference::outside"), ("kinora.yaml", "manifest::wrong_value")]
    {
        let case = case(&set(&format!("{{allow: all, file: {file}}}")), FEED);
        let codes: Vec<&str> = case.errors().iter().map(|(code, _)| *code).collect();
        assert_eq!(codes, [code], "{file}");
    }
}

#[test]
fn no_two_sets_have_one_file_for_them() {
    let sets = |mugs: &str, lamps: &str| {
        let set = |name: &str, bad_rows: &str| {
            format!(
                "  {name}: {{kind: product, from: feed.csv, id: \"{{{{ sku }}}}\"{bad_rows}}}\n"
            )
        };
        let (mugs, lamps) = (set("mugs", mugs), set("lamps", lamps));
        let text = format!("kinora: 1\nsubjects:\n{mugs}{lamps}shots: []\n");
        let dir = workspace(&[("kinora.yaml", &text), ("feed.csv", "sku\na\n")]);
        Case { loaded: open(dir.path()), _dir: dir }
    };
    let to = |file: &str| format!(", bad_rows: {{allow: 1, file: {file}}}");
    assert!(sets(&to("a.csv"), &to("b.csv")).errors().is_empty());
    assert!(sets("", &to("a.csv")).errors().is_empty());
    let usual = to(".kinora/rejects/lamps.csv");
    for (mugs, lamps) in
        [(&*to("a.csv"), &*to("./a.csv")), (&usual, ""), (&usual, ", bad_rows: {allow: all}")]
    {
        let case = sets(mugs, lamps);
        let errors = case.errors();
        let [(code, message)] = &errors[..] else { panic!("{mugs} {lamps}: {errors:?}") };
        assert_eq!(*code, "manifest::wrong_value");
        assert!(message.starts_with("the bad rows of `mugs` are written to"), "{message}");
    }
    insta::assert_snapshot!(shown(&sets(&to("a.csv"), &to("a.csv")).loaded), @r#"
    manifest::wrong_value

      × the bad rows of `mugs` are written to `a.csv` too
       ╭─[kinora.yaml:4:86]
     3 │   mugs: {kind: product, from: feed.csv, id: "{{ sku }}", bad_rows: {allow: 1, file: a.csv}}
     4 │   lamps: {kind: product, from: feed.csv, id: "{{ sku }}", bad_rows: {allow: 1, file: a.csv}}
       ·                                                                                      ──┬──
       ·                                                                                        ╰── this file again
     5 │ shots: []
       ╰────
      help: give each set a file of its own
       see also kinora.yaml:3:85: the file of `mugs`
    "#);
}

mod by_the_program {
    use super::*;
    use std::process::{Command, Output};

    fn check(dir: &Path) -> Output {
        let mut kinora = Command::new(env!("CARGO_BIN_EXE_kinora"));
        kinora.args(["check", "."]).current_dir(dir).output().expect("kinora runs")
    }

    fn files(bad_rows: &str, feed: &str) -> tempfile::TempDir {
        let manifest = manifest(&set(bad_rows), "It turns.");
        workspace(&[("kinora.yaml", &manifest), ("feed.csv", feed), ("a.jpg", "a")])
    }

    #[test]
    fn rejects_are_written_and_go_when_there_are_none() {
        // Pictures of one byte are an error of their own, so that only optional ones are here.
        let set = "id: \"{{ sku }}\"\nbad_rows: {allow: \"50%\", file: bad/rows.csv}";
        let manifest = manifest(set, "It turns.");
        let dir =
            workspace(&[("kinora.yaml", &manifest), ("feed.csv", "sku,n\na,1\nb\n=c,1,2\nd,4\n")]);
        let file = dir.path().join("bad/rows.csv");
        let output = check(dir.path());
        assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
        let text = std::fs::read_to_string(&file).expect("the rejects file");
        insta::assert_snapshot!(text, @r#"
        "file","row","line","column","code","reason","help","text"
        "feed.csv",3,3,"","feed::ragged","row 3 has 1 cell, but the header has 2","a cell that contains the delimiter or a line break must be in double quotes","b"
        "feed.csv",4,4,"","feed::ragged","row 4 has 3 cells, but the header has 2","a cell that contains the delimiter or a line break must be in double quotes","'=c,1,2"
        "#);
        std::fs::write(dir.path().join("feed.csv"), "sku,n\na,1\n").expect("a mended feed");
        assert!(check(dir.path()).status.success());
        assert!(!file.exists(), "nothing is wrong any more");
    }

    #[test]
    fn rejects_are_written_when_nothing_is_allowed_too() {
        let dir = files("stop", FEED);
        let output = check(dir.path());
        assert!(!output.status.success());
        let said = String::from_utf8_lossy(&output.stderr);
        assert!(said.contains("5 bad rows of `products`: .kinora/rejects/products.csv"), "{said}");
        let text = std::fs::read_to_string(dir.path().join(".kinora/rejects/products.csv"));
        assert_eq!(text.expect("the rejects file").lines().count(), 6);
    }

    #[test]
    fn another_file_is_not_written_over() {
        let dir = files("{allow: all, file: feed.csv}", FEED);
        let output = check(dir.path());
        assert!(!output.status.success());
        let said = String::from_utf8_lossy(&output.stderr);
        assert!(said.contains("is there and no rejects file"), "{said}");
        assert_eq!(std::fs::read_to_string(dir.path().join("feed.csv")).expect("it"), FEED);
    }
}
