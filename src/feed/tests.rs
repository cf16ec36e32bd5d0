//! What holds for every feed, however its bytes fall into reads.

use std::path::Path;

use proptest::prelude::*;

use super::open::open_in_reads_of;
use super::{Each, FeedFormat, FeedOptions, FeedProblem};
use crate::encoding::READ_BYTES;
use crate::limits::Limits;

/// Everything that is seen of a feed, as text.
#[derive(Debug, PartialEq, Eq, Default)]
struct Seen {
    entries: Vec<String>,
    bad: Vec<String>,
    problem: Option<FeedProblem>,
}

fn read(path: &Path, read_bytes: usize, options: &FeedOptions) -> Seen {
    let mut seen = Seen::default();
    let mut feed = match open_in_reads_of(read_bytes, path, options, &Limits::default()) {
        Ok(feed) => feed,
        Err(problem) => return Seen { problem: Some(problem), ..seen },
    };
    loop {
        match feed.next_batch() {
            Ok(None) => break,
            Err(problem) => {
                seen.problem = Some(problem);
                break;
            }
            Ok(Some(batch)) => {
                for entry in &batch.entries {
                    let cells: Vec<_> =
                        (0..feed.columns().len()).map(|column| entry.row.get(column)).collect();
                    let (line, raw) = (batch.line(entry), batch.raw(entry));
                    let spots: Vec<_> =
                        (0..feed.columns().len()).map(|column| batch.spot(entry, column)).collect();
                    seen.entries.push(format!(
                        "{cells:?} {:?} {:?} {} {line} {raw} {:?} {spots:?}",
                        entry.tags, entry.images, entry.first_row, entry.at
                    ));
                }
                seen.bad.extend(batch.bad.iter().map(|row| format!("{row:?}")));
            }
        }
    }
    seen
}

fn written(rows: &[Vec<String>]) -> Vec<u8> {
    let mut writer = csv::WriterBuilder::new().flexible(true).from_writer(Vec::new());
    for row in rows {
        writer.write_record(row).expect("memory");
    }
    writer.into_inner().expect("memory")
}

/// A file with these bytes, while it is looked at.
fn with_file<T>(bytes: &[u8], look: impl FnOnce(&Path) -> T) -> T {
    let dir = tempfile::tempdir().expect("a temporary folder");
    let path = dir.path().join("feed");
    std::fs::write(&path, bytes).expect("a file");
    look(&path)
}

fn texts(row: &[&str]) -> Vec<String> {
    row.iter().map(|text| (*text).to_owned()).collect()
}

/// Rows of Shopify products, sometimes with a handle that comes back.
fn shopify() -> impl Strategy<Value = Vec<u8>> {
    let row = ("[a-c]{1}", "[A-Z]{0,2}", "[0-9]{0,2}", "[a-z\",\n é]{0,9}", 0..4u8);
    proptest::collection::vec(row, 1..30).prop_map(|rows| {
        let header = [
            "Handle",
            "Title",
            "Variant SKU",
            "Variant Price",
            "Body (HTML)",
            "Image Src",
            "Image Position",
        ];
        let mut out = vec![texts(&header)];
        let mut handle = String::new();
        for (name, title, price, body, picture) in rows {
            if picture != 1 || handle.is_empty() {
                handle = name;
            }
            let image = format!("https://x.test/{picture}.jpg");
            out.push(texts(&[
                &handle,
                &title,
                &title,
                &price,
                &body,
                &image,
                &picture.to_string(),
            ]));
        }
        written(&out)
    })
}

/// Rows of WooCommerce products whose variations stand anywhere.
fn woocommerce() -> impl Strategy<Value = Vec<u8>> {
    let row = (1..9u8, 0..4u8, "[a-z é\n]{0,6}", "[0-9]{0,2}");
    proptest::collection::vec(row, 1..30).prop_map(|rows| {
        let header =
            ["ID", "Type", "SKU", "Name", "Published", "Regular price", "Images", "Parent"];
        let mut out = vec![texts(&header)];
        for (index, (number, kind, name, price)) in rows.into_iter().enumerate() {
            let (id, sku) = (number.to_string(), format!("s{index}"));
            let parent = format!("id:{number}");
            let row = match kind {
                0 => [&*id, "variable", &*id, &*name, "1", "", "a.jpg, b.jpg", ""],
                1 => ["", "simple", &*sku, &*name, "1", &*price, "c.jpg", ""],
                2 => ["", "variation", &*sku, &*name, "1", &*price, "", &*parent],
                _ => ["", "variation", &*sku, &*name, "1", &*price, "d.jpg", &*id],
            };
            out.push(texts(&row));
        }
        written(&out)
    })
}

fn options(each: Each, format: Option<FeedFormat>) -> FeedOptions {
    FeedOptions { each, format, ..FeedOptions::default() }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    #[test]
    fn products_are_the_same_wherever_reads_end(
        bytes in prop_oneof![shopify(), woocommerce()],
        read_bytes in 1..120usize,
        variants in any::<bool>(),
    ) {
        let each = if variants { Each::Variant } else { Each::Product };
        with_file(&bytes, |path| {
            let whole = read(path, READ_BYTES, &options(each, None));
            let parted = read(path, read_bytes, &options(each, None));
            prop_assert!(whole.problem.is_none(), "{:?}", whole.problem);
            prop_assert!(whole.entries.len() + whole.bad.len() > 0);
            prop_assert_eq!(&parted.entries, &whole.entries);
            let sorted = |bad: &[String]| {
                let mut bad = bad.to_vec();
                bad.sort();
                bad
            };
            prop_assert_eq!(sorted(&parted.bad), sorted(&whole.bad));
            Ok(())
        })?;
    }

    #[test]
    fn what_is_written_comes_back(
        rows in proptest::collection::vec(
            proptest::collection::vec("[a-z0-9,;|\t\"'\n\r €]{0,12}", 4), 1..20),
        read_bytes in 1..200usize,
    ) {
        let mut all = vec![texts(&["a", "b", "c", "d"])];
        all.extend(rows.iter().cloned());
        with_file(&written(&all), |path| {
            let how = FeedOptions { delimiter: Some(b','), ..options(Each::Product, None) };
            let mut feed = open_in_reads_of(read_bytes, path, &how, &Limits::default())
                .expect("a feed");
            let mut found: Vec<Vec<String>> = Vec::new();
            while let Some(batch) = feed.next_batch().expect("a feed") {
                prop_assert!(batch.bad.is_empty(), "{:?}", batch.bad);
                for entry in &batch.entries {
                    prop_assert_eq!(entry.first_row as usize, found.len() + 2);
                    let cell = |column| entry.row.get(column).expect("it was written").to_owned();
                    found.push((0..4).map(cell).collect());
                }
            }
            prop_assert_eq!(&found, &rows);
            Ok(())
        })?;
    }

    #[test]
    fn nothing_that_is_in_a_file_panics(
        header in 0..4usize,
        rest in proptest::collection::vec(
            prop_oneof![
                Just(b"\"".to_vec()), Just(b",".to_vec()), Just(b"\n".to_vec()),
                Just(b"\r\n".to_vec()), Just(vec![0]), Just(vec![0xE9]), Just(vec![0xC3, 0xA9]),
                Just(vec![0xFF, 0xFE]), Just(b"variation".to_vec()), Just(b"id:1".to_vec()),
                Just(b"a,b,c,d\n".to_vec()), Just(b"variable,1,x,1\n".to_vec()),
                Just(b"<p>&amp;".to_vec()), Just(b"99999999999999999999999999999999.9".to_vec()),
            ], 0..60),
        read_bytes in 1..50usize,
        variants in any::<bool>(),
    ) {
        let header: &[u8] = [
            &b"Handle,Title,Variant Price,Image Src\n"[..],
            b"Type,ID,Name,Published\n",
            b"id,title,image_link,item_group_id\n",
            b"",
        ][header];
        let bytes = [header, &rest.concat()].concat();
        let each = if variants { Each::Variant } else { Each::Product };
        let formats = [FeedFormat::Csv, FeedFormat::Shopify, FeedFormat::Woocommerce, FeedFormat::Google];
        with_file(&bytes, |path| {
            for format in formats.map(Some).into_iter().chain([None]) {
                read(path, read_bytes, &options(each, format));
            }
        });
    }
}
