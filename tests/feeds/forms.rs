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
        insta::assert_snapshot!(of_file("feed.xml", feed), @r"
        row 1, line 3
          id: mug
          title: Terra mug
          description: Clay.⏎Glazed & fired.
          item_group_id: mug
          price: 11.00
          price_max: 12.00
          currency: EUR
          skus: M1, M2
          variants: 2
          image: https://s.example/1.jpg
          link: https://s.example/mug
          availability: in_stock
          pictures: https://s.example/1.jpg https://s.example/2,b.jpg https://s.example/3.jpg https://s.example/4.jpg
        row 3, line 5
          id: L1
          title: Lamp
          skus: L1
          variants: 1
          pictures:
        ");
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
        let read_as = "the feed is not UTF-8; it is read as Windows-1252";
        assert_eq!(wrong, format!("  title: Größe; note: {read_as}"));
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
        insta::assert_snapshot!(of_file("feed.xml", bomb), @r"
        row 3, line 5
          id: three
          title: café € <b> A&B
          skus: three
          variants: 1
          pictures: 
        bad, line 3: feed::entity row 1, column `title`: nobody knows what `&b;` stands for
        bad, line 4: feed::entity row 2, column `title`: nobody knows what `&f;` stands for
        ");
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
        insta::assert_snapshot!(listed.join("\n"), @r"
        refused at 132: feed::xml this is not well-formed XML: ill-formed document: expected `</g:id>`, but `</channel>` was found
        refused at 104: feed::xml this is not well-formed XML: ill-formed document: expected `</g:id>`, but `</g:title>` was found
        refused at 0: feed::xml_root the XML is no product feed: its first element is `html`
        refused at 0: feed::xml this is not well-formed XML: syntax error: tag not closed: `>` not found before end of input
        refused at 194: feed::limit elements stand in each other more than 64 deep
        refused at 103: feed::limit a text or tag has more than 1048576 bytes
        ");
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
        insta::assert_snapshot!(of_file("feed.jsonl", feed), @r"
        row 1, line 1
          id: a
          title: Mug
          price_amount: 12.50
          price_currency: EUR
          images: https://s.example/1,a.jpg,https://s.example/2.jpg
          tags: new,red
          pictures: https://s.example/1,a.jpg https://s.example/2.jpg
        row 4, line 4
          id: 90071992547409931
          new: true
          image: lamp.jpg
          pictures: lamp.jpg
        bad, line 3: feed::json row 3: the line is not JSON: EOF while parsing an object
        bad, line 5: feed::json row 5: the line is no JSON object
        bad, line 6: feed::json row 6, column `id`: the line has this name twice
        ");
    }

    #[test]
    fn a_list_of_objects_says_how_to_make_lines_of_it() {
        insta::assert_snapshot!(of_file("feed.json", "[{\"id\":1},\n{\"id\":2}]"), @r"refused at 0: feed::json_array the file is one JSON list, not an object a line");
    }

    #[test]
    fn the_encoding_is_found() {
        let line = "{\"id\":\"a\",\"title\":\"Größe\"}\n";
        let listed = of_file("feed.jsonl", utf16(line));
        assert!(listed.contains("title: Größe") && !listed.contains("note"), "{listed}");
        let western: Vec<u8> = line.chars().map(|c| c as u8).collect();
        let listed = of_file("feed.jsonl", western);
        let note = "note: the feed is not UTF-8; it is read as Windows-1252";
        assert!(listed.contains("title: Größe") && listed.contains(note), "{listed}");
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
        insta::assert_snapshot!(of_folder(dir.path(), None), @r"
        row 1, line 1
          id: Lampe Größe
          name: Lampe Größe
          folder: Lampe Größe
          views: a,in use-kitchen
          pictures: 2
          pictures: Lampe Größe/a.png Lampe Größe/in use/kitchen.png
        row 2, line 5
          id: mug-terra
          name: mug terra
          folder: mug-terra
          views: front,detail-2,detail-10
          pictures: 3
          pictures: mug-terra/front.webp mug-terra/detail-2.JPG mug-terra/detail-10.jpg
        ");
    }

    #[test]
    fn a_picture_that_belongs_to_nobody_is_a_bad_row() {
        let dir = folder();
        for name in ["mug/front.jpg", "logo.png"] {
            write(dir.path(), name, "x");
        }
        insta::assert_snapshot!(of_folder(dir.path(), None), @r"
        row 1, line 2
          id: mug
          name: mug
          folder: mug
          views: front
          pictures: 1
          pictures: mug/front.jpg
        bad, line 1: feed::file_name row 1: the picture is in no folder of its own
        ");
    }

    #[test]
    fn files_alone_are_a_subject_each_or_are_grouped_by_a_pattern() {
        let dir = folder();
        for name in ["mug-1.jpg", "mug-2.jpg", "lamp-red-1.jpg", "odd.jpg"] {
            write(dir.path(), name, "x");
        }
        insta::assert_snapshot!(of_folder(dir.path(), None), @r"
        row 1, line 1
          id: lamp-red-1
          name: lamp red 1
          views: main
          pictures: 1
          pictures: lamp-red-1.jpg
        row 2, line 2
          id: mug-1
          name: mug 1
          views: main
          pictures: 1
          pictures: mug-1.jpg
        row 3, line 3
          id: mug-2
          name: mug 2
          views: main
          pictures: 1
          pictures: mug-2.jpg
        row 4, line 4
          id: odd
          name: odd
          views: main
          pictures: 1
          pictures: odd.jpg
        ");
        insta::assert_snapshot!(of_folder(dir.path(), Some("{id}-{view}.jpg")), @r"
        row 1, line 1
          id: lamp-red
          name: lamp red
          views: 1
          pictures: 1
          pictures: lamp-red-1.jpg
        row 2, line 2
          id: mug
          name: mug
          views: 1,2
          pictures: 2
          pictures: mug-1.jpg mug-2.jpg
        bad, line 4: feed::file_name row 4: the name of the file does not fit the pattern
        ");
        insta::assert_snapshot!(of_folder(dir.path(), Some("{view}.jpg")), @r"refused: feed::pattern the pattern `{view}.jpg` has no `{id}`");
    }

    #[test]
    fn what_the_pattern_names_is_an_attribute() {
        let dir = folder();
        for name in ["kitchen/mug_Terra_1.jpg", "kitchen/mug_Terra_2.jpg", "light/l1_Lykta_1.jpg"] {
            write(dir.path(), name, "x");
        }
        insta::assert_snapshot!(of_folder(dir.path(), Some("{category}/{id}_{name}_{view}")), @r"
        row 1, line 3
          id: l1
          folder: light
          views: 1
          pictures: 1
          category: light
          name: Lykta
          pictures: light/l1_Lykta_1.jpg
        row 2, line 1
          id: mug
          folder: kitchen
          views: 1,2
          pictures: 2
          category: kitchen
          name: Terra
          pictures: kitchen/mug_Terra_1.jpg kitchen/mug_Terra_2.jpg
        ");
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
        insta::assert_snapshot!(of_folder(dir.path(), None), @r"
        row 1, line 1
          id: mug
          name: mug
          folder: mug
          views: front
          pictures: 1
          pictures: mug/front.jpg
        bad, line 2: feed::file_name row 2: the name of the file is not text
        bad, line 3: feed::file_name row 3: the name of the file is not text
        ");
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
        insta::assert_snapshot!(shown("feed.jsonl", &[("feed.jsonl", lines)]), @r#"
        feed::json

          × row 2: the line is not JSON: expected `,` or `}`
           ╭─[feed.jsonl:2:18]
         2 │ {"id":2,"size": 1o}
           ·                  ┬
           ·                  ╰── here
           ╰────
          help: each line must be one JSON object of its own
        "#);
    }

    #[test]
    fn of_an_element() {
        let text =
            "<rss>\n<item>\n  <g:id>a</g:id>\n  <g:title>&nosuch;</g:title>\n</item>\n</rss>";
        insta::assert_snapshot!(shown("feed.xml", &[("feed.xml", text)]), @r"
        feed::entity

          × row 1, column `title`: nobody knows what `&nosuch;` stands for
           ╭─[feed.xml:4:12]
         4 │   <g:title>&nosuch;</g:title>
           ·            ────┬───
           ·                ╰── entities of a document type are not read
           ╰────
          help: write the character itself, or its number (`&#233;`)
        ");
    }

    #[test]
    fn of_a_file_in_a_folder() {
        let files = [("photos/mug/a.jpg", "x"), ("photos/stray.jpg", "x")];
        insta::assert_snapshot!(shown("photos/", &files), @r"
        feed::file_name

          × row 2: the picture is in no folder of its own
           ╭─[photos:2:1]
         1 │ mug/a.jpg
         2 │ stray.jpg
           · ────┬────
           ·     ╰── this file
           ╰────
          help: move it into the folder of what it shows, or elsewhere
        ");
    }
}
