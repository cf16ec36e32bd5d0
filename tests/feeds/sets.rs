//! Sets from feeds: which products become subjects, with which pictures, and what becomes of rows
//! that can't be used.

mod bad_rows;

use std::path::Path;

use kinora::diagnostic::{Severity, render_text};
use kinora::manifest::{Catalogue, LoadOptions, Loaded, Subject, load};

/// A workspace with files; pictures are only looked at, so any byte will do.
fn workspace(files: &[(&str, &str)]) -> tempfile::TempDir {
    let dir = tempfile::tempdir().expect("a temporary folder");
    for (name, text) in files {
        let path = dir.path().join(name);
        std::fs::create_dir_all(path.parent().expect("a file has a folder")).expect("a folder");
        std::fs::write(path, text).expect("a file");
    }
    dir
}

fn open(dir: &Path) -> Loaded {
    load(&dir.join("kinora.yaml"), &LoadOptions::default())
}

fn shown(loaded: &Loaded) -> String {
    render_text(&loaded.findings, &loaded.sources, 100, false)
}

/// A manifest with one set, read from `feed.csv`, and one shot with this prompt.
fn manifest(set: &str, prompt: &str) -> String {
    format!(
        "kinora: 1\nsubjects:\n  products:\n    kind: product\n    from: feed.csv\n{}\n\
         shots:\n  - {{id: turn, for: products, prompt: \"{prompt}\"}}\n",
        set.lines().map(|line| format!("    {line}\n")).collect::<String>()
    )
}

struct Case {
    _dir: tempfile::TempDir,
    loaded: Loaded,
}

fn case(set: &str, feed: &str) -> Case {
    with_prompt(set, feed, "It turns.")
}

fn with_prompt(set: &str, feed: &str, prompt: &str) -> Case {
    let dir = workspace(&[
        ("kinora.yaml", &manifest(set, prompt)),
        ("feed.csv", feed),
        ("a.jpg", "a"),
        ("b.jpg", "b"),
        ("c.jpg", "c"),
    ]);
    let loaded = open(dir.path());
    Case { _dir: dir, loaded }
}

impl Case {
    fn catalogue(&self) -> &Catalogue {
        self.loaded.catalogue.as_ref().unwrap_or_else(|| panic!("{}", shown(&self.loaded)))
    }

    fn subjects(&self) -> &[Subject] {
        &self.catalogue().sets[0].subjects
    }

    fn ids(&self) -> Vec<&str> {
        self.subjects().iter().map(|s| &*s.id).collect()
    }

    fn errors(&self) -> Vec<(&str, &str)> {
        let items = self.loaded.findings.items().iter();
        let errors = items.filter(|f| f.severity == Severity::Error);
        errors.map(|f| (f.code, f.message.as_str())).collect()
    }

    /// The message and help of the finding with a code.
    fn said(&self, code: &str) -> (&str, &str) {
        let found = self.loaded.findings.items().iter().find(|f| f.code == code);
        let found = found.unwrap_or_else(|| panic!("no {code} in\n{}", shown(&self.loaded)));
        (&found.message, found.help.as_deref().unwrap_or_default())
    }
}

const SHOP: &str = "\
sku,title,tags,product_type,price,availability,video_link,vendor
s1,Mug,\"kitchen, new\",Home > Kitchen,12.00 EUR,in stock,,Acme
s2,Lamp,new,Home > Light,49.00 EUR,out of stock,,Acme
s3,Hoodie,summer,Clothing > Hoodies,59.00 EUR,in stock,https://cdn.example.com/s3.mp4,Bolt
s4,Cap,\"summer, new\",Clothing,19.00 EUR,in stock,,Bolt
s5,Socks,,Clothing > Socks,,in stock,,Bolt
";

fn selected(select: &str) -> Case {
    case(&format!("id: \"{{{{ sku }}}}\"\nselect: {{{select}}}"), SHOP)
}

mod selection {
    use super::*;

    #[test]
    fn products_are_chosen_by_what_shops_know_of_them() {
        let cases: [(&str, &[&str]); 14] = [
            ("tags: new", &["s1", "s2", "s4"]),
            ("tags: [summer, new]", &["s4"]),
            ("collection: clothing", &["s3", "s4", "s5"]),
            ("collection: [Kitchen, Socks]", &["s1", "s5"]),
            ("collection: Home > Light", &["s2"]),
            ("price: {min: 19}", &["s2", "s3", "s4"]),
            ("price: {max: 19.00}", &["s1", "s4"]),
            ("price: {min: 20, max: 50}", &["s2"]),
            ("in_stock: true", &["s1", "s3", "s4", "s5"]),
            ("in_stock: false", &["s2"]),
            ("without_video: true", &["s1", "s2", "s4", "s5"]),
            ("without_video: false", &["s1", "s2", "s3", "s4", "s5"]),
            ("where: vendor == \"Bolt\" and \"summer\" in tags", &["s3", "s4"]),
            ("where: subject.id != \"s1\" and \"s\" in id, in_stock: true", &["s3", "s4", "s5"]),
        ];
        for (select, expected) in cases {
            assert_eq!(selected(select).ids(), expected, "{select}");
        }
    }

    #[test]
    fn tags_are_the_same_in_any_case() {
        assert_eq!(selected("tags: [Summer, NEW]").ids(), ["s4"]);
        let feed = "sku,tags\na,\"Größe, Neu\"\nb,größe\nc,GRÖSSE\n";
        let case = case("id: \"{{ sku }}\"\nselect: {tags: GRößE}", feed);
        assert_eq!(case.ids(), ["a", "b"]);
    }

    #[test]
    fn what_an_export_says_of_products_is_found() {
        let woo = "ID,Type,SKU,Name,Published,Regular price,Categories,Images\n\
                   1,simple,a,A,1,\"12,50\",\"New\\, hot, Sale\",a.jpg\n\
                   2,simple,b,B,1,\"1.250,00\",\"Sale, hot\",a.jpg\n\
                   3,simple,c,C,1,on request,Sale,a.jpg\n";
        let chosen = |select: &str, feed: &str| case(&format!("select: {{{select}}}"), feed);
        assert_eq!(chosen("collection: \"New, hot\"", woo).ids(), ["a"]);
        assert_eq!(chosen("where: \"'New, hot' in categories\"", woo).ids(), ["a"]);
        let errors = chosen("price: {max: 20}", woo);
        let message = "row 4, column `Regular price`: `on request` is no price";
        assert_eq!(errors.errors(), [("feed::price", message)]);
        let readable = woo.replace("on request", "13");
        assert_eq!(chosen("price: {max: 20}", &readable).ids(), ["a", "c"]);
        let google = "id\ttitle\timage_link\titem_group_id\tavailability\n\
                      a1\tA\ta.jpg\ta\tout_of_stock\na2\tA\tb.jpg\ta\tin_stock\n\
                      b1\tB\tb.jpg\tb\tout_of_stock\n";
        assert_eq!(chosen("in_stock: true", google).ids(), ["a"]);
    }

    #[test]
    fn what_is_left_out_is_counted_and_said() {
        let case = selected("in_stock: true, collection: Clothing, price: {min: 10}");
        assert_eq!(case.ids(), ["s3", "s4"]);
        let (message, help) = case.said("feed::selected");
        assert_eq!(message, "2 of 5 in the feed of `products` are selected");
        assert_eq!(help, "left out: 2 by collection, 1 by price");
        let facts = case.catalogue().sets[0].feed.as_ref().expect("it is from a feed");
        assert_eq!((facts.given, facts.left_out, facts.bad), (5, 3, 0));
    }

    #[test]
    fn a_selection_that_nothing_fits_is_a_warning() {
        let case = selected("tags: winter");
        assert_eq!(case.ids(), [""; 0]);
        let (message, help) = case.said("feed::nothing_selected");
        assert_eq!(message, "0 of 5 in the feed of `products` are selected");
        assert_eq!(help, "left out: 5 by tags");
    }

    #[test]
    fn a_cell_with_nothing_to_compare_leaves_its_product_out() {
        let set = "id: \"{{ sku }}\"\nselect: {where: stock > 2}";
        let case = case(set, "sku,stock\na,3\nb,\nc,1\nd,many\n");
        assert_eq!(case.ids(), ["a"]);
        let (_, help) = case.said("feed::selected");
        assert_eq!(help, "left out: 1 by where, 2 by where (nothing to compare in the cell)");
    }

    #[test]
    fn what_is_left_out_needs_no_picture() {
        let set = "id: \"{{ sku }}\"\nselect: {tags: new}\n\
                   references: [{image: \"{{ picture }}\"}]";
        let case = case(set, "sku,tags,picture\na,new,a.jpg\nb,old,\nc,old,missing.jpg\n");
        assert_eq!(case.ids(), ["a"]);
    }

    #[test]
    fn the_columns_that_it_looks_at_can_be_named() {
        let set = "id: \"{{ sku }}\"\n\
                   attributes: {collection: Label 0, price: Amount}\n\
                   select: {collection: Pilot, price: {max: 10}, without_video: Clip}";
        let feed = "sku,Label 0,Amount,Clip\na,Pilot,9.50,\nb,Pilot,11,\nc,,1,\nd,Pilot,2,x.mp4\n";
        assert_eq!(case(set, feed).ids(), ["a"]);
    }

    #[test]
    fn a_column_that_is_not_there_is_an_error_with_the_way_out() {
        let set = "id: \"{{ sku }}\"\nselect: {price: {min: 1}, in_stock: true, \
                   without_video: Clip, collection: A, where: sice > 2}";
        let case = case(set, "sku,size\na,3\n");
        let mut errors = case.errors();
        errors.sort_unstable();
        assert_eq!(
            errors,
            [
                ("feed::no_column", "no column of the feed is known to hold collections"),
                ("feed::no_column", "no column of the feed is known to hold prices"),
                ("feed::no_column", "no column of the feed is known to hold stocks"),
                ("feed::unknown_column", "the feed has no column `Clip`"),
                ("template::undefined", "`sice` is not defined: `products` has no such attribute"),
            ]
        );
        let (_, help) = case.said("feed::no_column");
        assert!(help.ends_with("columns: sku, size"), "{help}");
    }

    #[test]
    fn what_nobody_can_read_is_a_bad_row() {
        let case = case(
            "id: \"{{ sku }}\"\nselect: {price: {min: 1}, in_stock: true}",
            "sku,price,stock\na,3,2\nb,dear,1\nc,4,some\n",
        );
        assert_eq!(
            case.errors(),
            [
                ("feed::price", "row 3, column `price`: `dear` is no price"),
                (
                    "feed::stock",
                    "row 4, column `stock`: `some` says neither that it is in stock nor that it \
                     isn't"
                ),
            ]
        );
    }
}

mod samples {
    use super::*;

    fn feed(ids: impl Iterator<Item = u32>) -> String {
        let rows = ids.map(|id| format!("p{id},{}\n", if id % 2 == 0 { "even" } else { "odd" }));
        format!("sku,tags\n{}", rows.collect::<String>())
    }

    fn sampled(sample: &str, feed: &str) -> Vec<String> {
        let set = format!("id: \"{{{{ sku }}}}\"\nselect: {{tags: even, sample: {sample}}}");
        case(&set, feed).ids().into_iter().map(str::to_owned).collect()
    }

    #[test]
    fn the_same_products_are_taken_whatever_their_order() {
        let forwards = sampled("5", &feed(0..1000));
        let mut backwards = sampled("5", &feed((0..1000).rev()));
        backwards.reverse();
        assert_eq!(forwards.len(), 5);
        assert_eq!(forwards, backwards);
        assert!(forwards.iter().all(|id| id[1..].parse::<u32>().is_ok_and(|n| n % 2 == 0)));
    }

    #[test]
    fn another_seed_takes_others_and_more_keep_the_first() {
        let feed = feed(0..1000);
        let five = sampled("5", &feed);
        assert_eq!(sampled("{count: 5}", &feed), five);
        assert_ne!(sampled("{count: 5, seed: 1}", &feed), five);
        let ten = sampled("10", &feed);
        assert!(five.iter().all(|id| ten.contains(id)));
    }

    #[test]
    fn a_sample_larger_than_the_feed_is_all_of_it() {
        assert_eq!(sampled("5000", &feed(0..10)).len(), 5);
    }

    #[test]
    fn what_is_not_in_it_needs_no_picture() {
        let set = "id: \"{{ sku }}\"\nselect: {sample: 1}\n\
                   references: [{image: \"{{ sku }}.jpg\"}]";
        // One of three exists, whichever it is that is taken.
        let case = case(set, "sku\na\nb\nc\n");
        assert_eq!(case.ids().len(), 1);
        assert_eq!(case.catalogue().pictures.len(), 1);
        let (_, help) = case.said("feed::selected");
        assert_eq!(help, "left out: 2 by sample");
    }
}

mod pictures {
    use super::*;

    /// Two products with pictures, by the columns of a Google Merchant feed.
    const FEED: &str = "\
id\ttitle\tdescription\tlink\timage_link\tadditional_image_link\tavailability\tprice
m1\tMug\tWhite\thttps://shop.example.com/m1\ta.jpg\tb.jpg|c.jpg\tin_stock\t12.00 EUR
m2\tLamp\tTall\thttps://shop.example.com/m2\tb.jpg\t\tin_stock\t49.00 EUR
";

    fn names(subject: &Subject, case: &Case) -> Vec<(String, String)> {
        let name = |r: &kinora::manifest::Reference| {
            (r.name.to_string(), case.catalogue().pictures.get(r.picture).path.to_string())
        };
        subject.references.iter().map(name).collect()
    }

    fn pair(name: &str, path: &str) -> (String, String) {
        (name.to_owned(), path.to_owned())
    }

    #[test]
    fn references_take_them_as_the_feed_has_them() {
        let case = case(
            "references:\n  - {name: hero, feed: first}\n  - {name: detail, feed: others, optional: true}\n\
             \x20 - {name: back, role: last_frame, feed: 3, optional: true}",
            FEED,
        );
        assert_eq!(case.ids(), ["m1", "m2"]);
        let [mug, lamp] = case.subjects() else { panic!("two products") };
        assert_eq!(
            names(mug, &case),
            [
                pair("hero", "a.jpg"),
                pair("detail-1", "b.jpg"),
                pair("detail-2", "c.jpg"),
                pair("back", "c.jpg")
            ]
        );
        assert_eq!(names(lamp, &case), [pair("hero", "b.jpg")]);
    }

    #[test]
    fn a_product_without_one_is_said_unless_it_is_optional() {
        let case = case("references: [{name: back, feed: 2}]", FEED);
        assert_eq!(
            case.errors(),
            [(
                "reference::no_feed_picture",
                "`products.m2`: the feed does not name a picture number 2"
            )]
        );
    }

    #[test]
    fn the_first_row_of_each_is_known() {
        let case = case("", FEED);
        let rows: Vec<u32> = case.subjects().iter().map(|s| s.first_row).collect();
        assert_eq!(rows, [2, 3]);
    }

    const SCATTERED: &str = "\
ID,Type,SKU,Name,Published,Regular price,Images,Parent
2,variation,small,Mug,1,1,,id:1
,simple,bowl,Bowl,1,2,a.jpg,
1,variable,mug,Mug,1,,b.jpg,
";

    #[test]
    fn products_stand_in_the_order_of_their_first_rows() {
        for more in ["", "select: {sample: 2}"] {
            let case = case(&format!("references: [{{feed: first}}]\n{more}"), SCATTERED);
            assert_eq!(case.ids(), ["mug", "bowl"], "{more}");
            let rows: Vec<u32> = case.subjects().iter().map(|s| s.first_row).collect();
            assert_eq!(rows, [2, 3], "{more}");
        }
    }

    #[test]
    fn what_is_wrong_with_a_product_is_said_of_its_own_row() {
        let feed = SCATTERED.replace("b.jpg", "");
        let case = case("references: [{feed: first}]\nbad_rows: {allow: all}", &feed);
        let [row] = &case.loaded.rejects[0].rows[..] else { panic!("{:?}", case.loaded.rejects) };
        assert_eq!((row.row, row.line, &*row.raw), (4, 4, "1,variable,mug,Mug,1,,,"));
    }

    #[test]
    fn feed_and_image_exclude_each_other_and_items_have_no_feed() {
        let both = case("references: [{image: a.jpg, feed: first}]", FEED);
        assert_eq!(
            both.errors(),
            [("reference::image_and_images", "a reference has either `image` or `feed`")]
        );
        let dir = workspace(&[(
            "kinora.yaml",
            "kinora: 1\nsubjects: {cast: {kind: character, select: {tags: a}, items: \
             [{id: mia, references: [{feed: first}]}]}}\nshots: [{id: s, for: cast, prompt: p}]\n",
        )]);
        let codes = open(dir.path());
        let codes: Vec<&str> = codes.findings.items().iter().map(|f| f.code).collect();
        assert_eq!(codes, ["manifest::only_for_feeds"; 2]);
    }
}

mod headers {
    use super::*;

    #[test]
    fn columns_without_a_name_of_their_own_get_one() {
        let feed = "sku,title,,価格,Product Name,product-name,,title\na,Mug,x,5,One,Two,y,Again\n";
        let prompt = "{{ column_3 }} {{ column_4 }} {{ product_name }} {{ product_name_2 }} \
                      {{ column_7 }} {{ title_2 }}";
        let case = with_prompt("id: \"{{ sku }}\"", feed, prompt);
        let set = &case.catalogue().sets[0];
        let cells = set.columns.names().enumerate().map(|(at, name)| {
            format!("{name}={}", set.subjects[0].row.get(at).unwrap_or_default())
        });
        assert_eq!(
            cells.collect::<Vec<_>>().join(" "),
            "sku=a title=Mug column_3=x column_4=5 product_name=One product_name_2=Two \
             column_7=y title_2=Again"
        );
        insta::assert_snapshot!(shown(&case.loaded), @r#"
        feed::empty_header

          ☞ columns 3, 7 have no names
           ╭─[feed.csv:1:11]
         1 │ sku,title,,価格,Product Name,product-name,,title
           ·           ▲
           ·           ╰── an empty header
           ╰────
          help: templates call them `column_3`, `column_7`

        feed::header

          ☞ no attribute can be called `価格`
           ╭─[feed.csv:1:12]
         1 │ sku,title,,価格,Product Name,product-name,,title
           ·            ──┬─
           ·              ╰── not a letter of a to z in it
           ╰────
          help: templates call it `column_4`; another name: `attributes: {name: "価格"}`

        feed::duplicate_column

          ☞ `product-name`, `title`: a column before has the same name
           ╭─[feed.csv:1:28]
         1 │ sku,title,,価格,Product Name,product-name,,title
           ·                              ──────┬─────
           ·                                    ╰── this one comes later
           ╰────
          help: templates call them `product_name_2`, `title_2`; `attributes:` names it otherwise
           see also feed.csv:1:15: the first of this name
        "#);
    }

    #[test]
    fn the_manifest_can_call_them_otherwise() {
        let feed = "sku,,Product Name,product-name\na,x,One,Two\n";
        let attributes = "{note: column_2, name: Product Name, other: product_name_2}";
        let set = format!("id: \"{{{{ sku }}}}\"\nattributes: {attributes}");
        let case = with_prompt(&set, feed, "{{ note }} {{ name }} {{ other }}");
        let names: Vec<&str> = case.catalogue().sets[0].columns.known().collect();
        assert_eq!(names, ["sku", "note", "name", "other"]);
        assert!(case.loaded.findings.items().is_empty(), "{}", shown(&case.loaded));
        // Without the other, there is no twin any more.
        let case = with_prompt(
            "id: \"{{ sku }}\"\nattributes: {note: column_2, name: Product Name}",
            feed,
            "{{ name }} {{ product_name }}",
        );
        assert!(case.loaded.findings.items().is_empty(), "{}", shown(&case.loaded));
    }
}

mod memory {
    use super::*;

    const FEED: &str = "sku,title,colour,body,stock,changed\na,Mug,white,long,3,2026-01-01\n";

    /// The attributes whose text a subject has, after loading.
    fn kept(set: &str, prompt: &str) -> Vec<String> {
        let case = with_prompt(&format!("id: \"{{{{ sku }}}}\"\n{set}"), FEED, prompt);
        let set = &case.catalogue().sets[0];
        let names = set.columns.names().enumerate();
        let kept = names.filter(|(column, _)| set.subjects[0].row.get(*column).is_some());
        kept.map(|(_, name)| name.to_owned()).collect()
    }

    #[test]
    fn only_text_that_is_named_is_kept() {
        assert_eq!(kept("", "It turns."), ["sku", "title"]);
        assert_eq!(kept("", "{{ colour }}"), ["sku", "title", "colour"]);
        assert_eq!(kept("", "{{ subject.colour }}"), ["sku", "title", "colour"]);
        assert_eq!(kept("updated: changed", "It turns."), ["sku", "title", "changed"]);
        assert_eq!(kept("select: {where: stock > 1}", "It turns."), ["sku", "title"]);
    }

    #[test]
    fn a_subject_that_is_taken_as_a_whole_keeps_all() {
        assert_eq!(kept("", "{{ subject['bo' ~ 'dy'] }}").len(), 6);
    }

    #[test]
    fn what_is_not_kept_is_still_known() {
        let case = with_prompt("id: \"{{ sku }}\"", FEED, "{{ bod }}");
        assert_eq!(case.said("template::undefined").1, "did you mean `body`?");
    }
}

mod forms {
    use super::*;

    #[test]
    fn an_unknown_encoding_is_said() {
        let case = case("id: \"{{ sku }}\"\nencoding: utf-99", "sku\na\n");
        assert_eq!(case.errors(), [("manifest::wrong_value", "there is no encoding `utf-99`")]);
    }

    #[test]
    fn a_told_encoding_is_taken() {
        let dir = workspace(&[(
            "kinora.yaml",
            &manifest("id: \"{{ sku }}\"\nencoding: windows-1252", "{{ title }}"),
        )]);
        std::fs::write(dir.path().join("feed.csv"), b"sku,title\na,Caf\xe9\n").expect("a feed");
        let loaded = open(dir.path());
        let set =
            &loaded.catalogue.as_ref().unwrap_or_else(|| panic!("{}", shown(&loaded))).sets[0];
        let title = set.columns.position("title").expect("a title");
        assert_eq!(set.subjects[0].row.get(title), Some("Caf\u{e9}"));
    }
}
