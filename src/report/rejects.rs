//! The rejects file: the rows of a feed that can't be used, each with what is wrong with it.

use crate::cells::{Cells, writer};
use crate::manifest::Rejects;

/// The first line of a rejects file, by which it is known.
pub const REJECTS_CSV_HEADER: [&str; 8] =
    ["file", "row", "line", "column", "code", "reason", "help", "text"];

/// The file's bytes. It is written for people, so that no cell of it runs as a formula.
pub fn rejects_csv(rejects: &Rejects) -> Vec<u8> {
    let mut out = writer(Vec::new());
    let cells = Cells::Spreadsheet;
    let mut record = |fields: [&str; 8]| {
        // Memory takes whatever is written.
        let _ = out.write_record(fields.map(|field| cells.cells_in(field)).iter().map(|f| &**f));
    };
    record(REJECTS_CSV_HEADER);
    for row in &rejects.rows {
        let (number, line) = (row.row.to_string(), row.line.to_string());
        record([
            &rejects.feed,
            &number,
            &line,
            row.column.as_deref().unwrap_or_default(),
            row.code,
            &row.reason,
            &row.help,
            row.raw.trim_end_matches(['\r', '\n']),
        ]);
    }
    if rejects.more > 0 {
        let more = format!("{} more are not listed", rejects.more);
        record([&rejects.feed, "", "", "", "feed::more", &more, "", ""]);
    }
    out.into_inner().unwrap_or_default()
}

/// Whether a file's first bytes are those of a rejects file.
pub fn is_rejects_csv(bytes: &[u8]) -> bool {
    let first = bytes.split(|b| *b == b'\n').next().unwrap_or_default();
    let mut fields = csv::ReaderBuilder::new().has_headers(false).from_reader(first);
    let mut record = csv::StringRecord::new();
    fields.read_record(&mut record).is_ok_and(|read| read) && record == REJECTS_CSV_HEADER[..]
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::feed::{BadRow, Spot};

    fn rejects(raw: &str) -> Rejects {
        let row = BadRow {
            row: 7,
            line: 9,
            column: Some("Price, net".to_owned()),
            code: "feed::cell_type",
            reason: "row 7, column `Price, net`: the cell must be a number".to_owned(),
            label: "`dear` is not".to_owned(),
            help: "change the cell".to_owned(),
            at: Spot::default(),
            also: None,
            raw: raw.into(),
        };
        Rejects {
            set: "products".to_owned(),
            feed: "products.csv".to_owned(),
            shown: ".kinora/rejects/products.csv".to_owned(),
            path: ".kinora/rejects/products.csv".into(),
            rows: vec![row],
            more: 3,
            bad: 4,
            allowed: true,
        }
    }

    #[test]
    fn a_row_stands_in_it_as_in_the_feed_and_runs_nothing() {
        let text = rejects_csv(&rejects("=A1,\"two\nlines\",dear\r\n"));
        insta::assert_snapshot!(String::from_utf8_lossy(&text), @r#"
        "file","row","line","column","code","reason","help","text"
        "products.csv",7,9,"Price, net","feed::cell_type","row 7, column `Price, net`: the cell must be a number","change the cell","'=A1,""two
        lines"",dear"
        "products.csv","","","","feed::more","3 more are not listed","",""
        "#);
        assert!(is_rejects_csv(&text));
        // A spreadsheet may part cells elsewhere than at commas.
        let text = rejects_csv(&rejects("a;=A1;\"x\n+1\";b=2;\t@c"));
        let text = String::from_utf8_lossy(&text);
        assert!(text.contains("\"a;'=A1;\"\"x\n'+1\"\";b=2;\t'@c\""), "{text}");
    }

    #[test]
    fn another_file_is_not_taken_for_it() {
        for text in ["", "sku,title\n1,Mug\n", "file,row\n", "\u{feff}file"] {
            assert!(!is_rejects_csv(text.as_bytes()), "{text}");
        }
    }
}
