//! `kinora init`: a first manifest for every form of feed, which works as it is.

use std::path::Path;
use std::process::Command;

/// A folder in which the program is run.
struct Shop(tempfile::TempDir);

/// What a command said, and how it ended.
struct Ran {
    said: String,
    talk: String,
    code: i32,
}

impl Shop {
    fn new(files: &[(&str, &str)]) -> Self {
        let shop = Shop(tempfile::tempdir().expect("a temporary folder"));
        for (name, text) in files {
            shop.write(name, text.as_bytes());
        }
        shop
    }

    fn write(&self, name: &str, bytes: &[u8]) {
        let path = self.path().join(name);
        std::fs::create_dir_all(path.parent().expect("a file has a folder")).expect("a folder");
        std::fs::write(path, bytes).expect("a file");
    }

    /// Pictures that can be opened, under these names.
    fn with_pictures(self, names: &[&str]) -> Self {
        names.iter().for_each(|name| self.write(name, kinora::starter::PICTURE));
        self
    }

    fn path(&self) -> &Path {
        self.0.path()
    }

    fn read(&self, name: &str) -> String {
        std::fs::read_to_string(self.path().join(name)).expect("it is there")
    }

    fn kinora(&self, arguments: &[&str]) -> Ran {
        let out = Command::new(env!("CARGO_BIN_EXE_kinora"))
            .args(arguments)
            .current_dir(self.path())
            .env("COLUMNS", "100")
            .env_remove("NO_COLOR")
            .output()
            .expect("the program runs");
        let text = |bytes: Vec<u8>| String::from_utf8(bytes).expect("UTF-8");
        Ran {
            said: text(out.stdout),
            talk: text(out.stderr),
            code: out.status.code().expect("it ended by itself"),
        }
    }

    /// Runs `init` and says what it told; the manifest must then be planned without an error or a
    /// warning.
    fn init(&self, arguments: &[&str], clips: &str) -> String {
        let told = self.told(arguments);
        let plan = self.kinora(&["plan"]);
        assert_eq!(plan.code, 0, "{}\n{}", plan.talk, self.read("kinora.yaml"));
        assert!(!plan.talk.contains("warning"), "{}", plan.talk);
        assert!(plan.said.contains(clips), "{}", plan.said);
        told
    }

    fn told(&self, arguments: &[&str]) -> String {
        let ran = self.kinora(&[&["init"], arguments].concat());
        assert_eq!(ran.code, 0, "{}{}", ran.said, ran.talk);
        ran.said
    }

    /// The part of the manifest between two lines.
    fn part(&self, from: &str, to: &str) -> String {
        let text = self.read("kinora.yaml");
        let start = text.find(from).expect("the part begins");
        let end = text[start..].find(to).map_or(text.len(), |end| start + end);
        text[start..end].trim_end().to_owned()
    }
}

const SHOPIFY: &str = "\
Handle,Title,Body (HTML),Vendor,Tags,Option1 Name,Option1 Value,Variant SKU,Variant Price,Image Src,Image Position,Image Alt Text
mug,Terra mug,<p>Clay.</p>,Acme,\"new, kitchen\",Size,Small,M1,12.00,pictures/mug-1.jpg,1,front
mug,,,,,,Large,M2,14.00,pictures/mug-2.jpg,2,side
lamp,Lykta lamp,,Acme,light,Title,Default Title,L1,49.00,,,
";

#[test]
fn a_shopify_export() {
    let shop = Shop::new(&[("export.csv", SHOPIFY)])
        .with_pictures(&["pictures/mug-1.jpg", "pictures/mug-2.jpg"]);
    insta::assert_snapshot!(shop.init(&["--from", "export.csv", "--name", "spring"], "2 clips"), @r"
    export.csv: a Shopify export, UTF-8: 2 products, 2 pictures, 1 without one
    written: kinora.yaml
    next: look at it, then `kinora plan` (the dry run; free)
    ");
    insta::assert_snapshot!(shop.read("kinora.yaml"), @r#"
    # Clips of what is in export.csv.
    #
    #   kinora check    says what is wrong, here or in the feed; free
    #   kinora plan     every clip that would be made, and what it would cost; free
    #   kinora run      makes them, once you have said yes to the plan
    #
    # `kinora schema manifest` prints the schema of this file, for editors that complete keys.

    kinora: 1
    name: spring

    defaults:
      model: animatic # made on this computer from the pictures: no key, no charge
      # model: auto   # the cheapest model that can, at providers whose keys are set;
      #               # `kinora models` lists them with their prices
      duration: 4     # seconds
      resolution: 720p

    # What may be spent at most, before you name a model that costs something:
    # budget: {unit: USD, per_run: 20, per_job: 1}

    subjects:
      products:
        kind: product
        from: export.csv
        format: shopify
        # each: variant # a subject for each variant, not for each product
        id: "{{ handle }}" # names the clips; it must stay the same
        select:
          where: image # those with a picture
          # price: {min: 20}
          # tags: [new]
        references:
          - {name: hero, feed: first}
          - {name: detail, feed: 2, optional: true} # `others` means all but the first

    # What is made of each of them. `{{ … }}` is filled in from the feed, `@hero` is a picture.
    shots:
      - id: grid # square, for the shop's pages
        for: products
        use: [hero]
        aspect: "1:1"
        prompt: "{{ title }}, slow push in"

      - id: reel # upright, for phones
        for: products
        use: [hero, detail]
        aspect: "9:16"
        prompt: >-
          {{ title }}: @hero, slow pan right{% if "detail" in subject.references %}, then @detail, closer{% endif %}
    "#);
}

#[test]
fn variants_of_a_shopify_export() {
    let shop = Shop::new(&[("export.csv", SHOPIFY)])
        .with_pictures(&["pictures/mug-1.jpg", "pictures/mug-2.jpg"]);
    insta::assert_snapshot!(shop.init(&["--from", "export.csv", "--variants"], "4 clips"), @r"
    export.csv: a Shopify export, UTF-8: 3 variants, 4 pictures, 1 without one
    written: kinora.yaml
    next: look at it, then `kinora plan` (the dry run; free)
    ");
    insta::assert_snapshot!(shop.part("subjects:", "\n# What is made"), @r#"
    subjects:
      products:
        kind: product
        from: export.csv
        format: shopify
        each: variant
        id: "{{ id }}" # names the clips; it must stay the same
        select:
          where: image # those with a picture
          # price: {min: 20}
          # tags: [new]
        references:
          - {name: hero, feed: first}
          - {name: detail, feed: 2, optional: true} # `others` means all but the first
    "#);
}

#[test]
fn a_woocommerce_export() {
    let feed = "\
ID,Type,SKU,Name,Published,Regular price,Categories,Tags,Images,Parent
1,simple,M1,Terra mug,1,12,Kitchen,new,\"pictures/mug-1.jpg, pictures/mug-2.jpg\",
2,simple,L1,Lykta lamp,1,49,Home > Light,,pictures/lamp.jpg,
";
    let shop = Shop::new(&[("export.csv", feed)]).with_pictures(&[
        "pictures/mug-1.jpg",
        "pictures/mug-2.jpg",
        "pictures/lamp.jpg",
    ]);
    insta::assert_snapshot!(shop.init(&["--from", "export.csv"], "4 clips"), @r"
    export.csv: a WooCommerce export, UTF-8: 2 products, 3 pictures
    written: kinora.yaml
    next: look at it, then `kinora plan` (the dry run; free)
    ");
    insta::assert_snapshot!(shop.part("subjects:", "\n# What is made"), @r#"
    subjects:
      products:
        kind: product
        from: export.csv
        format: woocommerce
        # each: variant # a subject for each variant, not for each product
        id: "{{ id }}" # names the clips; it must stay the same
        # select:
          # price: {min: 20}
          # tags: [new]
        references:
          - {name: hero, feed: first}
          - {name: detail, feed: 2, optional: true} # `others` means all but the first
    "#);
}

#[test]
fn a_merchant_feed_as_xml_and_as_values() {
    let xml = "<rss xmlns:g=\"http://base.google.com/ns/1.0\"><channel>\n<item><g:id>M1</g:id>\
         <title>Terra mug</title><link>https://s.example/m</link>\
         <g:image_link>pictures/mug.jpg</g:image_link></item>\n</channel></rss>";
    let shop = Shop::new(&[("feed.xml", xml)]).with_pictures(&["pictures/mug.jpg"]);
    insta::assert_snapshot!(shop.init(&["--from", "feed.xml"], "2 clips"), @r"
    feed.xml: a Google Merchant feed, UTF-8: 1 product, 1 picture
    written: kinora.yaml
    next: look at it, then `kinora plan` (the dry run; free)
    ");
    insta::assert_snapshot!(shop.part("subjects:", "\n# What is made"), @r#"
    subjects:
      products:
        kind: product
        from: feed.xml
        format: google
        # each: variant # a subject for each variant, not for each product
        id: "{{ id }}" # names the clips; it must stay the same
        references:
          - {name: hero, feed: first}
    "#);
    let tsv = "id\ttitle\tlink\timage_link\nM1\tTerra mug\thttps://s.example/m\tpictures/mug.jpg\n";
    let shop = Shop::new(&[("feed.txt", tsv)]).with_pictures(&["pictures/mug.jpg"]);
    insta::assert_snapshot!(shop.init(&["--from", "feed.txt"], "2 clips"), @r"
    feed.txt: a Google Merchant feed, UTF-8: 1 product, 1 picture
    written: kinora.yaml
    next: look at it, then `kinora plan` (the dry run; free)
    ");
}

#[test]
fn values_of_ones_own_with_a_column_that_names_rows() {
    let feed = "Article No;Product Name;Photo\n007;Terra mug;pictures/mug.jpg\n008;Lamp;pictures/mug.jpg\n";
    let shop = Shop::new(&[("ours.csv", feed)]).with_pictures(&["pictures/mug.jpg"]);
    insta::assert_snapshot!(shop.init(&["--from", "ours.csv"], "4 clips"), @r"
    ours.csv: separated values, UTF-8: 2 rows, 2 pictures
    written: kinora.yaml
    next: look at it, then `kinora plan` (the dry run; free)
    ");
    insta::assert_snapshot!(shop.part("subjects:", "\n# What is made"), @r#"
    subjects:
      products:
        kind: product
        from: ours.csv
        format: csv
        id: "{{ article_no }}" # names the clips; it must stay the same
        references:
          - {name: hero, feed: first}
    "#);
}

#[test]
fn columns_without_a_name() {
    let feed = ",商品コード,title,Photo,title,\n0,A1,Mug,pictures/mug.jpg,x,\n1,A2,Lamp,pictures/mug.jpg,y,\n";
    let shop = Shop::new(&[("ours.csv", feed)]).with_pictures(&["pictures/mug.jpg"]);
    // The first counts rows, and of the others nobody knows that they name products.
    let refused = shop.kinora(&["init", "--from", "ours.csv"]);
    assert_eq!(refused.code, 3, "{}", refused.said);
    let named = "its columns: column_1, column_2, title, Photo, title_2, column_6";
    assert!(refused.talk.contains(named), "{}", refused.talk);
    let feed =
        "商品コード,title,Photo,title,\nA1,Mug,pictures/mug.jpg,x,\nA2,Lamp,pictures/mug.jpg,y,\n";
    shop.write("ours.csv", feed.as_bytes());
    insta::assert_snapshot!(shop.init(&["--from", "ours.csv"], "4 clips"), @r"
    ours.csv: separated values, UTF-8: 2 rows, 2 pictures
    written: kinora.yaml
    next: look at it, then `kinora plan` (the dry run; free)
    ");
    assert_eq!(shop.part("    id:", " #"), "    id: \"{{ column_1 }}\"");
}

#[test]
fn the_number_of_a_row_names_a_product_only_where_nothing_else_does() {
    let shop = Shop::new(&[]);
    let id = |feed: &str| {
        shop.write("ours.csv", feed.as_bytes());
        let ran = shop.kinora(&["init", "--force", "--from", "ours.csv"]);
        if ran.code != 0 {
            return ran.talk;
        }
        format!("{}\n{}", shop.part("    id:", "\n"), ran.said)
    };
    let names = |feed: &str, id_is: &str, counts: bool| {
        let said = id(feed);
        assert!(said.contains(&format!("id: \"{{{{ {id_is} }}}}\" #")), "{said}");
        assert_eq!(said.contains("looks like a row's number"), counts, "{said}");
    };
    names("id,sku,title\n1,A,Mug\n2,B,Lamp\n3,C,Pot\n", "sku", false);
    names("id,sku,title\n0,A,Mug\n1,B,Lamp\n", "sku", false);
    names("id,sku,title\n17,A,Mug\n18,B,Lamp\n", "id", false);
    names("id,sku,title\n2,A,Mug\n1,B,Lamp\n", "id", false);
    // One row is no count, and a row that is left out changes nothing.
    names("id,sku,title\n1,A,Mug\n", "id", false);
    names("id,sku,title\n1,A,Mug\n2,B\n3,C,Pot\n", "sku", false);
    names("id,title\n1,Mug\n2,Lamp\n", "id", true);
    let refused = id("nr,title\n1,Mug\n2,Lamp\n");
    assert!(refused.contains("but `nr` counts the rows; give the feed one"), "{refused}");
    let refused = id("sku,title\nA,Mug\nB,Lamp\nA,Pot\n");
    assert!(refused.contains("but `sku` has `A` again in row 4;"), "{refused}");
    let refused = id("title,sku\nMug,A\nMug,\n");
    assert!(refused.contains("but `sku` is empty in row 3;"), "{refused}");
}

#[test]
fn json_lines_with_a_bad_one() {
    let feed = "{\"sku\":\"a\",\"title\":\"Mug\",\"image\":\"pictures/mug.jpg\"}\n{\"sku\":\n";
    let shop = Shop::new(&[("feed.jsonl", feed)]).with_pictures(&["pictures/mug.jpg"]);
    let told = shop.told(&["--from", "feed.jsonl"]);
    insta::assert_snapshot!(told, @r"
    feed.jsonl: JSON lines, UTF-8: 1 row, 1 picture
    1 row can't be used, and the manifest allows that; `kinora check` says why
      row 2: the line is not JSON: EOF while parsing a value
    written: kinora.yaml
    next: look at it, then `kinora plan` (the dry run; free)
    ");
    insta::assert_snapshot!(shop.part("subjects:", "\n# What is made"), @r#"
    subjects:
      products:
        kind: product
        from: feed.jsonl
        format: jsonl
        id: "{{ sku }}" # names the clips; it must stay the same
        bad_rows: {allow: 1} # so many can't be used now; without this line they are errors
        references:
          - {name: hero, feed: first}
    "#);
    assert_eq!(shop.kinora(&["check"]).code, 0);
}

#[test]
fn a_folder_of_folders() {
    let shop = Shop::new(&[]).with_pictures(&[
        "photos/mug terra/front.jpg",
        "photos/mug terra/side.jpg",
        "photos/lamp/front.jpg",
    ]);
    insta::assert_snapshot!(shop.init(&["--from", "photos"], "4 clips"), @r"
    photos: a folder of pictures: 2 subjects, 3 pictures
    written: kinora.yaml
    next: look at it, then `kinora plan` (the dry run; free)
    ");
    insta::assert_snapshot!(shop.part("subjects:", "\n# What is made"), @r#"
    subjects:
      products:
        kind: product
        from: photos
        format: folder
        id: "{{ id }}" # names the clips; it must stay the same
        references:
          - {name: hero, feed: first}
          - {name: detail, feed: 2, optional: true} # `others` means all but the first
    "#);
}

#[test]
fn a_folder_of_files_whose_names_say_what_they_show() {
    let shop = Shop::new(&[]).with_pictures(&[
        "photos/mug-terra-1.jpg",
        "photos/mug-terra-2.jpg",
        "photos/lamp-1.jpg",
        "photos/lamp-2.jpg",
    ]);
    insta::assert_snapshot!(shop.init(&["--from", "photos/"], "4 clips"), @r"
    photos/: a folder of pictures: 2 subjects, 4 pictures
    its files are named like {id}-{view}
    written: kinora.yaml
    next: look at it, then `kinora plan` (the dry run; free)
    ");
    insta::assert_snapshot!(shop.part("subjects:", "\n# What is made"), @r#"
    subjects:
      products:
        kind: product
        from: photos
        format: folder
        pattern: "{id}-{view}"
        id: "{{ id }}" # names the clips; it must stay the same
        references:
          - {name: hero, feed: first}
          - {name: detail, feed: 2, optional: true} # `others` means all but the first
    "#);
}

#[test]
fn folders_are_read_as_people_sort_them() {
    let shop = Shop::new(&[]).with_pictures(&[
        "photos/kitchen/mug/front.jpg",
        "photos/kitchen/mug/side.jpg",
        "photos/kitchen/pot/front.jpg",
        "photos/light/lamp/front.jpg",
        "photos/light/lamp/side.jpg",
        "photos/light/torch/1.jpg",
        // A view has a folder of its own, so that `front` comes back.
        "views/mug/front/1.jpg",
        "views/mug/side/1.jpg",
        "views/lamp/front/1.jpg",
        "views/lamp/side/1.jpg",
        // Products with folders of their own for a picture or two.
        "own/mug/1.jpg",
        "own/mug/large/2.jpg",
        "own/lamp/1.jpg",
        // What a camera calls them, and products whose names begin alike.
        "camera/IMG_0001.jpg",
        "camera/IMG_0002.jpg",
        "camera/IMG_0003.jpg",
        "names/mug-terra.jpg",
        "names/mug-sol.jpg",
        "names/lamp-lykta.jpg",
        "names/lamp-stor.jpg",
        // Some have more views than others.
        "flat/A1_1.jpg",
        "flat/A1_2.jpg",
        "flat/A1_3.jpg",
        "flat/B2_1.jpg",
    ]);
    let facts = |folder: &str| {
        let told = shop.told(&["--force", "--json", "--from", folder]);
        let told: serde_json::Value = serde_json::from_str(&told).expect("JSON");
        let feed = &told["feed"];
        format!("{} {} {}", feed["pattern"], feed["entries"], feed["pictures"])
    };
    assert_eq!(facts("photos"), "\"{category}/{id}/{view}\" 4 6");
    assert_eq!(facts("views"), "null 2 4");
    assert_eq!(facts("own"), "null 2 3");
    assert_eq!(facts("camera"), "null 3 3");
    assert_eq!(facts("names"), "null 4 4");
    assert_eq!(facts("flat"), "\"{id}_{view}\" 2 4");
}

#[test]
fn without_a_feed_there_is_a_picture_to_begin_with() {
    let shop = Shop::new(&[]);
    insta::assert_snapshot!(shop.init(&[".", "--name", "first"], "2 clips"), @r"
    written: pictures/mug.jpg
    written: kinora.yaml
    next: look at it, then `kinora plan` (the dry run; free)
    ");
    insta::assert_snapshot!(shop.part("subjects:", "never"), @r#"
    subjects:
      products:
        kind: product
        items:
          - id: mug
            attributes: {title: A stoneware mug}
            references: [{name: hero, image: pictures/mug.jpg}]

    # What is made of each. `{{ … }}` is filled in from the attributes, `@hero` is a picture.
    shots:
      - id: grid # square, for the shop's pages
        for: products
        aspect: "1:1"
        prompt: "{{ title }}: @hero, slow push in"

      - id: reel # upright, for phones
        for: products
        aspect: "9:16"
        prompt: "{{ title }} turns slowly, soft daylight"
    "#);
}

#[test]
fn a_feed_elsewhere_is_allowed_by_name() {
    let shop = Shop::new(&[("feeds/ours.csv", "sku,title\na,Mug\nb,Lamp\n")]);
    shop.told(&["work/spring", "--from", "feeds/ours.csv"]);
    let manifest = shop.read("work/spring/kinora.yaml");
    assert!(manifest.contains("from: ../../feeds/ours.csv"), "{manifest}");
    assert!(manifest.contains("allow: {roots: [../../feeds]}"), "{manifest}");
    let check = shop.kinora(&["check", "work/spring"]);
    assert_eq!(check.code, 0, "{}", check.talk);
}

#[test]
fn a_large_feed_begins_with_a_pilot() {
    let rows: String = (0..100).map(|n| format!("s{n},Mug {n},pictures/mug.jpg\n")).collect();
    let shop = Shop::new(&[("ours.csv", &format!("sku,title,image\n{rows}"))])
        .with_pictures(&["pictures/mug.jpg"]);
    shop.init(&["--from", "ours.csv"], "40 clips");
    insta::assert_snapshot!(shop.part("    select:", "    references:"), @r"
    select:
      sample: 20 # a pilot; take this line away for all 100
    ");
}

#[test]
fn products_without_a_picture_are_left_out_at_first() {
    let feed = "{\"sku\":\"a\",\"images\":[\"pictures/mug.jpg\"]}\n{\"sku\":\"b\",\"images\":[]}\n\
                {\"sku\":\"c\",\"images\":\"\"}\n{\"sku\":\"d\"}\n";
    let shop = Shop::new(&[("feed.jsonl", feed)]).with_pictures(&["pictures/mug.jpg"]);
    shop.init(&["--from", "feed.jsonl"], "2 clips");
    insta::assert_snapshot!(shop.part("    select:", "    references:"), @r"
    select:
      where: images # those with a picture
    ");
}

#[test]
fn what_a_person_should_know_of_a_feed_is_said() {
    let feed = "ID,Typ,SKU,Nazwa,Obrazki,Rodzic,Image\n10,variable,k,Koszula,,,a.jpg\n\
                11,variation,k-s,Koszula S,,id:10,pictures/mug.jpg\n12,variation,k-l,L,,id:10,b.jpg\n";
    let shop = Shop::new(&[("shop/pl.csv", feed)]).with_pictures(&["shop/pictures/mug.jpg"]);
    insta::assert_snapshot!(shop.told(&["--from", "shop/pl.csv"]), @r"
    shop/pl.csv: separated values, UTF-8: 3 rows, 3 pictures
    this may be a WooCommerce export in a language that is not known, in which no variation finds its product: export it again with the account set to English
    2 pictures are not where the feed says, for instance a.jpg; `kinora check` says more
    written: kinora.yaml
    next: look at it, then `kinora plan` (the dry run; free)
    ");
}

#[test]
fn pictures_behind_urls_are_fetched_next() {
    let feed = "sku,title,image\na,Mug,https://s.example/a.jpg\n";
    let shop = Shop::new(&[("ours.csv", feed)]);
    insta::assert_snapshot!(shop.told(&["--from", "ours.csv"]), @r"
    ours.csv: separated values, UTF-8: 1 row, 1 picture
    written: kinora.yaml
    next: look at it, then `kinora fetch` (1 picture behind URLs), then `kinora plan`
    ");
    let check = shop.kinora(&["check"]);
    assert_eq!(check.code, 0, "{}", check.talk);
    assert!(check.talk.contains("kinora fetch"), "{}", check.talk);
}

#[test]
fn what_is_there_is_never_lost() {
    let shop = Shop::new(&[("kinora.yaml", "mine")]);
    let refused = shop.kinora(&["init"]);
    assert_eq!(refused.code, 2);
    assert!(refused.talk.contains("kinora.yaml is there already"), "{}", refused.talk);
    assert_eq!(shop.read("kinora.yaml"), "mine");
    shop.told(&["--force"]);
    assert_eq!(shop.read("kinora.yaml.1"), "mine");
    shop.write("pictures/mug.jpg", b"another");
    shop.told(&["--force"]);
    assert!(shop.path().join("kinora.yaml.2").exists());
    assert_eq!(shop.read("pictures/mug.jpg"), "another");
}

#[test]
fn nothing_is_written_for_a_feed_that_cannot_be_used() {
    let cases = [
        ("nothing.csv", None, 2),
        ("empty.csv", Some("sku,title\n"), 3),
        ("twins.csv", Some("colour,size\nred,1\nred,1\n"), 3),
        ("list.json", Some("[{\"id\":1}]"), 3),
        ("page.xml", Some("<html/>"), 3),
    ];
    let shop = Shop::new(&[]);
    let mut said = String::new();
    for (name, text, code) in cases {
        if let Some(text) = text {
            shop.write(name, text.as_bytes());
        }
        let ran = shop.kinora(&["init", "--from", name]);
        assert_eq!(ran.code, code, "{name}: {}{}", ran.said, ran.talk);
        said.push_str(&ran.talk);
        assert!(!shop.path().join("kinora.yaml").exists(), "{name}");
    }
    insta::assert_snapshot!(said, @r"
    kinora: there is no feed nothing.csv; nothing was written
    kinora: empty.csv has no products; nothing was written
    kinora: twins.csv: no column can name a product: it must be different in every row and more than its number, but `colour` has `red` again in row 3; give the feed one (sku, handle, id, …); its columns: colour, size; nothing was written
    kinora: list.json: the file is one JSON list, not an object a line (write an object a line, for instance with `jq -c '.[]' FILE > FILE.jsonl`); nothing was written
    kinora: page.xml: the XML is no product feed: its first element is `html` (Google Merchant feeds begin with `<rss>` or `<feed>`; export it as such, or as CSV); nothing was written
    ");
}

#[test]
fn programs_are_told_the_same() {
    let feed = "sku,title,image\na,Mug,https://s.example/a.jpg\nb,Lamp,\n";
    let shop = Shop::new(&[("ours.csv", feed)]);
    let told: serde_json::Value =
        serde_json::from_str(&shop.told(&["--json", "--from", "ours.csv"])).expect("JSON");
    assert_eq!(told["manifest"], "kinora.yaml");
    assert_eq!(told["feed"]["format"], "csv");
    assert_eq!(told["feed"]["entries"], 2);
    assert_eq!(told["feed"]["without_pictures"], 1);
    assert_eq!(told["feed"]["id"], "sku");
    assert_eq!(told["next"][0], "kinora fetch");
}
