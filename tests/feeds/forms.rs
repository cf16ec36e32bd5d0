//! XML, JSON lines and folders of pictures: what is read out of them, and what is refused.

use std::path::Path;

use kinora::diagnostic::render_text;
use kinora::feed::{Each, Feed, FeedFormat, FeedOptions, FeedProblem, open};
use kinora::limits::Limits;
use kinora::manifest::{LoadOptions, load};

fn folder() -> tempfile::TempDir {
    tempfile::tempdir().expect("a temporary folder")
}

fn write(dir: &Path, name: &str, bytes: impl AsRef<[u8]>) {
    let path = dir.join(name);
    std::fs::create_dir_all(path.parent().expect("a file has a folder")).expect("a folder");
    std::fs::write(path, bytes).expect("a file");
}

/// Everything that a feed gives, as a person would list it.
fn list(feed: Result<Feed, FeedProblem>) -> String {
    let mut lines = Vec::new();
    let mut feed = match feed {
        Ok(feed) => feed,
        Err(problem) => return refused(&problem),
    };
    let names: Vec<String> =
        feed.columns().iter().map(|c| c.attribute.clone().unwrap_or_default()).collect();
    loop {
        let batch = match feed.next_batch() {
            Ok(Some(batch)) => batch,
            Ok(None) => break,
            Err(problem) => {
                lines.push(refused(&problem));
                break;
            }
        };
        for entry in &batch.entries {
            let cells = names.iter().enumerate().filter_map(|(column, name)| {
                let text = entry.row.get(column).filter(|text| !text.is_empty())?;
                Some(format!("  {name}: {}", text.replace('\n', "⏎")))
            });
            lines.push(format!("row {}, line {}", entry.first_row, batch.line(entry)));
            lines.extend(cells);
            let images: Vec<&str> = entry.images.iter().map(|image| &*image.address).collect();
            lines.push(format!("  pictures: {}", images.join(" ")));
        }
        for bad in &batch.bad {
            lines.push(format!("bad, line {}: {} {}", bad.line, bad.code, bad.reason));
        }
    }
    lines.extend(feed.notes().iter().map(|note| format!("note: {}", note.message)));
    lines.join("\n")
}

fn refused(problem: &FeedProblem) -> String {
    let at = problem.at.map(|at| format!(" at {}", at.start)).unwrap_or_default();
    format!("refused{at}: {} {}", problem.code, problem.message)
}

/// What a file of these bytes gives.
fn of_file(name: &str, bytes: impl AsRef<[u8]>) -> String {
    let dir = folder();
    write(dir.path(), name, bytes);
    list(open(&dir.path().join(name), &FeedOptions::default(), &Limits::default()))
}

fn of_folder(dir: &Path, pattern: Option<&str>) -> String {
    let options = FeedOptions { pattern: pattern.map(str::to_owned), ..FeedOptions::default() };
    list(open(dir, &options, &Limits::default()))
}

fn utf16(text: &str) -> Vec<u8> {
    let units = std::iter::once(0xFEFF).chain(text.encode_utf16());
    units.flat_map(u16::to_le_bytes).collect()
}

mod xml {
    use super::*;

    fn rss(items: &str) -> String {
        format!(
            "<?xml version=\"1.0\"?>\n<rss version=\"2.0\" \
             xmlns:g=\"http://base.google.com/ns/1.0\"><channel>\n{items}\n</channel></rss>\n"
        )
    }

    #[test]
    fn a_merchant_feed_gives_products_with_what_their_items_say() {
        let feed = rss("<item><g:id>M1</g:id><g:item_group_id>mug</g:item_group_id>\
             <title>Terra mug</title><description><![CDATA[<p>Clay.</p><p>Glazed &amp; fired.</p>]]>\
             </description><link>https://s.example/mug</link>\
             <g:image_link>https://s.example/1.jpg</g:image_link>\
             <g:additional_image_link>https://s.example/2,b.jpg</g:additional_image_link>\
             <g:additional_image_link>https://s.example/3.jpg</g:additional_image_link>\
             <g:price>12.00 EUR</g:price><g:availability>in_stock</g:availability></item>\n\
             <item><g:id>M2</g:id><g:item_group_id>mug</g:item_group_id><title>Terra mug</title>\
             <g:image_link>https://s.example/4.jpg</g:image_link><g:price>11.00 EUR</g:price>\
             </item>\n<item><g:id>L1</g:id><title>Lamp</title></item>");
        insta::assert_snapshot!(of_file("feed.xml", feed), @r"");
    }

    #[test]
    fn each_item_is_an_entry_where_variants_are_asked_for() {
        let feed = rss("<item><g:id>M1</g:id><g:item_group_id>mug</g:item_group_id></item>\
             <item><g:id>M2</g:id><g:item_group_id>mug</g:item_group_id></item>");
        let dir = folder();
        write(dir.path(), "feed.xml", feed);
        let options = FeedOptions { each: Each::Variant, ..FeedOptions::default() };
        let listed = list(open(&dir.path().join("feed.xml"), &options, &Limits::default()));
        assert!(listed.contains("id: M1") && listed.contains("id: M2"), "{listed}");
    }

    #[test]
    fn any_encoding_that_the_bytes_or_the_declaration_tell() {
        let item = "<rss><item><g:id>a</g:id><title>Größe</title></item></rss>";
        let of_title = |bytes: &[u8]| {
            let listed = of_file("feed.xml", bytes);
            let kept = |line: &&str| line.contains("title") || line.starts_with("note");
            listed.lines().filter(kept).collect::<Vec<_>>().join("; ")
        };
        let western = |declared: &str| -> Vec<u8> {
            let text = format!("<?xml version=\"1.0\" encoding=\"{declared}\"?>{item}");
            text.chars().map(|c| u8::try_from(u32::from(c)).expect("Latin-1")).collect()
        };
        assert_eq!(of_title(item.as_bytes()), "  title: Größe");
        assert_eq!(of_title(&utf16(item)), "  title: Größe");
        assert_eq!(of_title(&western("ISO-8859-1")), "  title: Größe");
        // Declared as what it is not: the bytes are believed.
        let says = |name: &str| format!("<?xml version=\"1.0\" encoding=\"{name}\"?>{item}");
        let lied = of_title(says("utf-16").as_bytes());
        assert!(lied.starts_with("  title: Größe; note: the XML says that it is utf-16"), "{lied}");
        assert!(of_title(&utf16(&says("utf-8"))).starts_with("  title: Größe"));
        let wrong = of_title(&western("utf-8"));
        assert!(wrong.starts_with("  title: Größe"), "{wrong}");
        let unknown = of_title(says("klingon").as_bytes());
        assert!(unknown.contains("note: the XML says that it is klingon"), "{unknown}");
    }

    #[test]
    fn entities_of_a_document_type_spoil_their_own_item_only() {
        let bomb = "<!DOCTYPE rss [<!ENTITY a \"lol\"><!ENTITY b \"&a;&a;&a;&a;&a;&a;&a;&a;\">\
             <!ENTITY f SYSTEM \"file:///etc/hostname\">]>\n<rss>\n\
             <item><g:id>one</g:id><title>&b;</title></item>\n\
             <item><g:id>two</g:id><title>&f;</title></item>\n\
             <item><g:id>three</g:id><title>caf&eacute; &#8364; &lt;b&gt; A&B</title></item>\n</rss>";
        insta::assert_snapshot!(of_file("feed.xml", bomb), @r"");
    }

    #[test]
    fn what_is_no_feed_or_ends_too_early_is_refused_where_it_breaks() {
        let cases = [
            rss("<item><g:id>1</g:id></item><item><g:id>2"),
            rss("<item><g:id>1</g:title></item>"),
            "<html><body><p>404</p></body></html>".to_owned(),
            "<".to_owned(),
            format!("<rss>{}", "<x>".repeat(10_000)),
            rss(&format!("<item><g:id>{}</g:id></item>", "x".repeat(5 << 20))),
        ];
        let listed: Vec<String> = cases.iter().map(|case| of_file("feed.xml", case)).collect();
        insta::assert_snapshot!(listed.join("\n"), @r"");
    }

    #[test]
    fn a_feed_without_items_has_no_products() {
        assert_eq!(
            of_file("feed.xml", rss("<item><g:id>1</g:id></item>").replace("item", "thing")),
            ""
        );
    }
}

mod json_lines {
    use super::*;

    #[test]
    fn objects_become_rows_and_bad_lines_stand_apart() {
        let feed = "{\"id\":\"a\",\"title\":\"Mug\",\"price\":{\"amount\":12.50,\"currency\":\"EUR\"},\
             \"images\":[\"https://s.example/1,a.jpg\",\"https://s.example/2.jpg\"],\"tags\":[\"new\",\"red\"]}\r\n\
             \r\n\
             {\"id\":\"b\",\"title\":\"Lamp\"\r\n\
             {\"id\":90071992547409931,\"new\":true,\"title\":null,\"image\":\"lamp.jpg\"}\r\n\
             [1,2]\r\n\
             {\"id\":\"c\",\"id\":\"d\"}";
        insta::assert_snapshot!(of_file("feed.jsonl", feed), @r"");
    }

    #[test]
    fn a_list_of_objects_says_how_to_make_lines_of_it() {
        insta::assert_snapshot!(of_file("feed.json", "[{\"id\":1},\n{\"id\":2}]"), @r"");
    }

    #[test]
    fn the_encoding_is_found() {
        let listed = of_file("feed.jsonl", utf16("{\"id\":\"a\",\"title\":\"Größe\"}\n"));
        assert!(listed.contains("title: Größe"), "{listed}");
    }

    #[test]
    fn values_used_as_names_are_refused_before_they_fill_the_memory() {
        let lines: String = (0..5000).map(|n| format!("{{\"name{n}\":1}}\n")).collect();
        let listed = of_file("feed.jsonl", lines);
        assert!(listed.contains("feed::limit the items have more than 4096 names"), "{listed}");
    }

    #[test]
    fn a_file_of_many_blocks_comes_whole_and_in_order() {
        let line = |n: usize| format!("{{\"id\":\"p{n}\",\"text\":\"{}\"}}\n", "x".repeat(n % 700));
        let dir = folder();
        write(dir.path(), "feed.jsonl", (0..3000).map(line).collect::<String>());
        let path = dir.path().join("feed.jsonl");
        let mut feed =
            open(&path, &FeedOptions::default(), &Limits::default()).expect("a good feed");
        let mut next = 0;
        while let Some(batch) = feed.next_batch().expect("a good feed") {
            for entry in &batch.entries {
                assert_eq!(entry.row.get(0), Some(format!("p{next}").as_str()));
                assert_eq!(entry.row.get(1).map(str::len), Some(next % 700));
                assert_eq!(entry.first_row, next as u64 + 1);
                next += 1;
            }
        }
        assert_eq!(next, 3000);
        let bytes = std::fs::read(&path).expect("it is there");
        assert_eq!(feed.digest(), kinora::digest::Digest::of(&bytes));
    }
}

mod folders {
    use super::*;

    #[test]
    fn each_folder_is_a_subject_and_its_pictures_are_in_order() {
        let dir = folder();
        for name in [
            "mug-terra/detail-10.jpg",
            "mug-terra/detail-2.JPG",
            "mug-terra/front.webp",
            "mug-terra/.hidden.jpg",
            "mug-terra/notes.txt",
            "Lampe Größe/in use/kitchen.png",
            "Lampe Größe/a.png",
            ".thumbs/a.jpg",
            "__MACOSX/mug-terra/front.jpg",
        ] {
            write(dir.path(), name, "x");
        }
        insta::assert_snapshot!(of_folder(dir.path(), None), @r"");
    }

    #[test]
    fn a_picture_that_belongs_to_nobody_is_a_bad_row() {
        let dir = folder();
        for name in ["mug/front.jpg", "logo.png"] {
            write(dir.path(), name, "x");
        }
        insta::assert_snapshot!(of_folder(dir.path(), None), @r"");
    }

    #[test]
    fn files_alone_are_a_subject_each_or_are_grouped_by_a_pattern() {
        let dir = folder();
        for name in ["mug-1.jpg", "mug-2.jpg", "lamp-red-1.jpg", "odd.jpg"] {
            write(dir.path(), name, "x");
        }
        insta::assert_snapshot!(of_folder(dir.path(), None), @r"");
        insta::assert_snapshot!(of_folder(dir.path(), Some("{id}-{view}.jpg")), @r"");
        insta::assert_snapshot!(of_folder(dir.path(), Some("{view}.jpg")), @r"");
    }

    #[test]
    fn what_the_pattern_names_is_an_attribute() {
        let dir = folder();
        for name in ["kitchen/mug_Terra_1.jpg", "kitchen/mug_Terra_2.jpg", "light/l1_Lykta_1.jpg"] {
            write(dir.path(), name, "x");
        }
        insta::assert_snapshot!(of_folder(dir.path(), Some("{category}/{id}_{name}_{view}")), @r"");
    }

    #[cfg(unix)]
    #[test]
    fn names_that_are_no_text_and_links_in_circles_do_no_harm() {
        use std::os::unix::ffi::OsStrExt;
        let dir = folder();
        write(dir.path(), "mug/front.jpg", "x");
        write(dir.path(), "mug/two\nlines.jpg", "x");
        let odd = std::ffi::OsStr::from_bytes(b"mug/\xff.jpg");
        std::fs::write(dir.path().join(odd), "x").expect("a file");
        std::os::unix::fs::symlink(dir.path(), dir.path().join("mug/again")).expect("a link");
        insta::assert_snapshot!(of_folder(dir.path(), None), @r"");
    }

    #[test]
    fn the_digest_follows_the_names() {
        let dir = folder();
        let digest = || {
            let mut feed = open(dir.path(), &FeedOptions::default(), &Limits::default())
                .expect("a folder is read");
            while feed.next_batch().expect("a folder is read").is_some() {}
            feed.digest()
        };
        write(dir.path(), "mug/a.jpg", "x");
        let before = digest();
        write(dir.path(), "mug/notes.txt", "x");
        assert_eq!(digest(), before, "what is no picture is nothing to it");
        write(dir.path(), "mug/b.jpg", "x");
        assert_ne!(digest(), before);
    }

    #[test]
    fn a_format_that_does_not_fit_is_said() {
        let dir = folder();
        write(dir.path(), "feed.csv", "id\n1\n");
        let opened = |path: &Path, format| {
            let options = FeedOptions { format: Some(format), ..FeedOptions::default() };
            list(open(path, &options, &Limits::default()))
        };
        assert_eq!(
            opened(dir.path(), FeedFormat::Csv),
            "refused: feed::format the feed is a folder, not a file"
        );
        assert_eq!(
            opened(&dir.path().join("feed.csv"), FeedFormat::Folder),
            "refused: feed::format the feed is a file, not a folder"
        );
    }
}

/// Findings about these feeds show the text that they are about.
mod places {
    use super::*;

    fn shown(feed: &str, files: &[(&str, &str)]) -> String {
        let dir = folder();
        for (name, text) in files {
            write(dir.path(), name, text);
        }
        let manifest = format!(
            "kinora: 1\nsubjects:\n  products:\n    kind: product\n    from: {feed}\n    \
             id: \"{{{{ id }}}}\"\nshots:\n  - {{id: turn, for: products, prompt: It turns}}\n"
        );
        write(dir.path(), "kinora.yaml", manifest);
        let loaded = load(&dir.path().join("kinora.yaml"), &LoadOptions::default());
        render_text(&loaded.findings, &loaded.sources, 90, false)
    }

    #[test]
    fn of_a_line_of_json() {
        let lines = "{\"id\":1}\n{\"id\":2,\"size\": 1o}\n";
        insta::assert_snapshot!(shown("feed.jsonl", &[("feed.jsonl", lines)]), @r"");
    }

    #[test]
    fn of_an_element() {
        let text =
            "<rss>\n<item>\n  <g:id>a</g:id>\n  <g:title>&nosuch;</g:title>\n</item>\n</rss>";
        insta::assert_snapshot!(shown("feed.xml", &[("feed.xml", text)]), @r"");
    }

    #[test]
    fn of_a_file_in_a_folder() {
        let files = [("photos/mug/a.jpg", "x"), ("photos/stray.jpg", "x")];
        insta::assert_snapshot!(shown("photos/", &files), @r"");
    }
}
