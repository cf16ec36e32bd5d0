//! Exports of shops, as they are: products, variants, pictures, in every encoding.

mod rows;

use std::collections::BTreeMap;
use std::path::Path;

use kinora::encoding::Encoding;
use kinora::feed::{self, BadRow, Each, FeedFormat, FeedOptions, FeedProblem};
use kinora::limits::Limits;

/// A product or a variant, for tests.
#[derive(Debug, Clone, PartialEq, Eq)]
struct Product {
    attributes: BTreeMap<String, String>,
    tags: Vec<String>,
    /// `address` or `address (alt)`.
    images: Vec<String>,
    row: u64,
    line: u64,
    raw: String,
}

impl Product {
    fn get(&self, name: &str) -> &str {
        self.attributes.get(name).unwrap_or_else(|| panic!("no `{name}` in {:?}", self.attributes))
    }
}

#[derive(Debug)]
struct Read {
    format: FeedFormat,
    encoding: Encoding,
    products: Vec<Product>,
    bad: Vec<BadRow>,
    notes: Vec<&'static str>,
}

impl Read {
    fn ids(&self) -> Vec<&str> {
        self.products.iter().map(|p| p.get("id")).collect()
    }

    fn product(&self, id: &str) -> &Product {
        let found = self.products.iter().find(|p| p.get("id") == id);
        found.unwrap_or_else(|| panic!("no `{id}` in {:?}", self.ids()))
    }

    /// Row, code and column of what is wrong.
    fn wrong(&self) -> Vec<(u64, &str, &str)> {
        let column = |row: &BadRow| row.column.is_some();
        let bad = self.bad.iter().map(|row| {
            let name = if column(row) { row.column.as_deref().unwrap_or("") } else { "" };
            (row.row, row.code, name)
        });
        bad.collect()
    }
}

fn read_file(path: &Path, options: &FeedOptions) -> Result<Read, FeedProblem> {
    let mut feed = feed::open(path, options, &Limits::default())?;
    let names: Vec<String> =
        feed.columns().iter().map(|c| c.attribute.clone().unwrap_or_default()).collect();
    let (mut products, mut bad) = (Vec::new(), Vec::new());
    while let Some(batch) = feed.next_batch()? {
        for entry in &batch.entries {
            let image = |image: &feed::FeedImage| match &image.alt {
                Some(alt) => format!("{} ({alt})", image.address),
                None => image.address.to_string(),
            };
            let cell = |(column, name): (usize, &String)| {
                Some((name.clone(), entry.row.get(column)?.to_owned()))
            };
            products.push(Product {
                attributes: names.iter().enumerate().filter_map(cell).collect(),
                tags: entry.tags.iter().map(|t| t.to_string()).collect(),
                images: entry.images.iter().map(image).collect(),
                row: entry.first_row,
                line: batch.line(entry),
                raw: batch.raw(entry).to_owned(),
            });
        }
        bad.extend(batch.bad);
    }
    let notes = feed.notes().iter().map(|note| note.code).collect();
    Ok(Read { format: feed.format(), encoding: feed.encoding(), products, bad, notes })
}

fn read_bytes(bytes: &[u8], options: &FeedOptions) -> Read {
    let dir = tempfile::tempdir().expect("a temporary folder");
    let path = dir.path().join("feed");
    std::fs::write(&path, bytes).expect("a file");
    read_file(&path, options).unwrap_or_else(|problem| panic!("{problem:?}"))
}

fn read(text: &str) -> Read {
    read_bytes(text.as_bytes(), &FeedOptions::default())
}

fn variants(text: &str) -> Read {
    read_bytes(text.as_bytes(), &FeedOptions { each: Each::Variant, ..Default::default() })
}

const OLDER: &str = "\
Handle,Title,Body (HTML),Vendor,Product Category,Type,Tags,Published,Option1 Name,Option1 Value,Option2 Name,Option2 Value,Variant SKU,Variant Grams,Variant Inventory Qty,Variant Price,Variant Compare At Price,Variant Barcode,Image Src,Image Position,Image Alt Text,Variant Image,Status,Material (product.metafields.custom.material)
mug,Red Mug,\"<p>A <b>red</b> mug.</p>\n<ul><li>300 ml</li></ul>\",Clay & Co,Home > Cups,Mug,\"sale, red\",true,Size,Small,Finish,Matte,'001,300,4,12.50,15,'4006381333931,https://x.test/2.jpg,2,From the side,https://x.test/4.jpg,active,clay
mug,,,,,,,,,Large,,Matte,'002,450,-1,9.00,,,https://x.test/1.jpg,1,From the front,,,
mug,,,,,,,,,,,,,,,,,,https://x.test/3.jpg,3,,,,
bowl,Bowl,,,,,,false,Title,Default Title,,,,,,20,,,,,,,draft,
";

const TODAY: &str = "\
Title,URL handle,Description,Vendor,Product category,Type,Tags,Published on online store,Status,SKU,Barcode,Option1 name,Option1 value,Option1 Linked To,Option2 name,Option2 value,Price,Compare-at price,Inventory quantity,Weight value (grams),Product image URL,Image position,Image alt text,Variant image URL,Material (product.metafields.custom.material)
Red Mug,mug,\"<p>A <b>red</b> mug.</p>\n<ul><li>300 ml</li></ul>\",Clay & Co,Home > Cups,Mug,\"sale, red\",true,active,001,4006381333931,Size,Small,,Finish,Matte,12.50,15,4,300,https://x.test/2.jpg,2,From the side,https://x.test/4.jpg,clay
,mug,,,,,,,,002,,,Large,,,Matte,9.00,,-1,450,https://x.test/1.jpg,1,From the front,,
,mug,,,,,,,,,,,,,,,,,,,https://x.test/3.jpg,3,,,
Bowl,bowl,,,,,,false,draft,,,Title,Default Title,,,,20,,,,,,,,
";

#[test]
fn shopify_products_are_the_same_by_either_generation_of_headers() {
    let older = read(OLDER);
    let today = read(TODAY);
    assert_eq!((older.format, today.format), (FeedFormat::Shopify, FeedFormat::Shopify));
    assert_eq!((older.wrong(), today.wrong()), (vec![], vec![]));
    for name in [
        "id",
        "handle",
        "title",
        "description",
        "body_html",
        "vendor",
        "type",
        "product_category",
        "tags",
        "published",
        "status",
        "price",
        "price_max",
        "compare_at_price",
        "sku",
        "skus",
        "barcode",
        "stock",
        "variants",
        "options",
        "option1_name",
        "option1_value",
        "image",
        "custom_material",
    ] {
        for id in ["mug", "bowl"] {
            assert_eq!(older.product(id).get(name), today.product(id).get(name), "{name} of {id}");
        }
    }
    assert_eq!(older.product("mug").images, today.product("mug").images);
}

#[test]
fn a_shopify_product_is_all_its_rows() {
    let older = read(OLDER);
    assert_eq!(older.ids(), ["mug", "bowl"]);
    let mug = older.product("mug");
    assert_eq!(
        mug.images,
        [
            "https://x.test/1.jpg (From the front)",
            "https://x.test/2.jpg (From the side)",
            "https://x.test/3.jpg",
            "https://x.test/4.jpg",
        ]
    );
    assert_eq!(mug.tags, ["sale", "red"]);
    let said = |name: &str| mug.get(name).to_owned();
    assert_eq!(said("price"), "9.00", "the lowest");
    assert_eq!(said("price_max"), "12.50");
    assert_eq!(said("compare_at_price"), "", "of the cheapest variant");
    assert_eq!((said("sku"), said("skus")), ("001".to_owned(), "001, 002".to_owned()));
    assert_eq!((said("stock"), said("variants")), ("4".to_owned(), "2".to_owned()));
    assert_eq!(
        (said("options"), said("option1_value")),
        ("Size, Finish".into(), "Small, Large".into())
    );
    assert_eq!((said("custom_material"), said("variant_grams")), ("clay".into(), "300".into()));
    assert!(said("body_html").contains("<b>red</b>"));
    assert!(said("description").contains("A red mug."), "{}", said("description"));
    assert!(!said("description").contains('<'), "{}", said("description"));
    assert_eq!((mug.row, mug.line), (2, 2));
    let bowl = older.product("bowl");
    assert_eq!((bowl.get("options"), bowl.get("variants"), bowl.get("price")), ("", "1", "20"));
    assert_eq!((bowl.row, bowl.line), (5, 6), "a line break in a cell is a line, and no row");
    assert!(bowl.raw.starts_with("bowl,Bowl,,"), "{}", bowl.raw);
}

#[test]
fn each_shopify_variant_has_what_is_its_own() {
    let read = variants(OLDER);
    assert_eq!(read.ids(), ["001", "002", "bowl"]);
    let (small, large) = (read.product("001"), read.product("002"));
    assert_eq!((small.get("price"), large.get("price")), ("12.50", "9.00"));
    assert_eq!(
        (small.get("variant_title"), large.get("variant_title")),
        ("Small / Matte", "Large / Matte")
    );
    assert_eq!(
        (large.get("title"), large.get("vendor"), large.get("stock")),
        ("Red Mug", "Clay & Co", "0")
    );
    assert_eq!((large.get("barcode"), large.get("custom_material")), ("", "clay"));
    assert_eq!(small.images[0], "https://x.test/4.jpg", "its own first");
    assert_eq!(large.images[0], "https://x.test/1.jpg (From the front)");
    assert_eq!((small.row, large.row, large.line), (2, 3, 4));
}

#[test]
fn variants_without_a_sku_are_called_by_their_options() {
    let read = variants(
        "Handle,Title,Option1 Name,Option1 Value,Variant SKU,Variant Price\n\
         mug,Mug,Size,Extra Large,,1\nmug,,,Small,,2\n",
    );
    assert_eq!(read.ids(), ["mug-extra-large", "mug-small"]);
}

#[test]
fn a_first_line_may_say_what_parts_cells() {
    for (line, part) in [("sep=;", ";"), ("SEP=,", ","), ("\"sep=^\"", "^"), ("sep=\t", "\t")] {
        for end in ["\n", "\r\n", "\r"] {
            let (header, row) = (["id", "title"].join(part), ["1", "Mug red"].join(part));
            let text = [line, &header, &row, "short"].join(end) + end;
            let read = read(&text);
            assert_eq!(read.ids(), ["1"], "{text:?}");
            assert_eq!(read.product("1").get("title"), "Mug red", "{text:?}");
            assert_eq!((read.products[0].row, read.products[0].line), (2, 3), "{text:?}");
            assert_eq!((read.bad[0].row, read.bad[0].line), (3, 4), "{text:?}");
            let at = text.find("short").map(|at| at as u64);
            assert_eq!(Some(read.bad[0].at.start), at, "{text:?}");
        }
    }
}

#[test]
fn a_picture_named_twice_is_one() {
    let read = read("id,image,images\nmug,1.jpg,1.jpg|2.jpg|2.jpg\n");
    assert_eq!(read.product("mug").images, ["1.jpg", "2.jpg"]);
}

#[test]
fn shopify_rows_that_are_no_product_are_said_with_their_places() {
    let read = read(
        "Handle,Title,Variant Price,Image Src\n\
         mug,Mug,1,\nbowl,Bowl,2,\n,Lost,3,\n,,,\nmug,,4,\nmug,,5,\nplate,,6,\nshort\ncup,Cup,7,\n",
    );
    assert_eq!(read.ids(), ["mug", "bowl", "cup"]);
    assert_eq!(
        read.wrong(),
        [
            (4, "feed::no_handle", "Handle"),
            (6, "feed::comes_back", "Handle"),
            (7, "feed::comes_back", "Handle"),
            (8, "feed::no_title", "Title"),
            (9, "feed::ragged", ""),
        ]
    );
    let back = &read.bad[1];
    assert_eq!(back.also.as_ref().map(|(at, _)| at.start), Some(37), "where it was first");
    assert_eq!((&*back.raw, back.line), ("mug,,4,", 6));
    assert!(back.reason.contains("`mug`"), "{}", back.reason);
}

const WOO: &str = "\
ID,Type,SKU,Name,Published,In stock?,Stock,Sale price,Regular price,Description,Categories,Tags,Images,Parent,Attribute 1 name,Attribute 1 value(s),Meta: _brand
11,\"variation, virtual\",shirt-s,Shirt - Small,1,1,2,,15,,,,https://x.test/s.jpg,id:10,Size,Small,
10,variable,shirt,Shirt,1,1,,,,<p>Soft.</p>,\"Clothes > Shirts, New\\, hot\",\"summer, cotton\",\"https://x.test/1.jpg, https://x.test/2.jpg\",,Size,\"Small, Large\",Acme
20,simple,mug,Mug,1,1,7,8,10,,Home,,https://x.test/mug.jpg,,,,
12,variation,,Shirt - Large,1,1,3,12,16,,,,,shirt,Size,Large,
30,external,link,Elsewhere,1,1,,,99,,,,,,,,
13,variation,lost,Lost,1,1,,,1,,,,,id:99,Size,Small,
40,\"grouped\",,Set,1,1,,,,,,,,,,,
";

#[test]
fn woocommerce_variations_find_their_product_wherever_they_stand() {
    let read = read(WOO);
    assert_eq!(read.format, FeedFormat::Woocommerce);
    assert_eq!(read.wrong(), [(7, "feed::no_parent", "Parent")]);
    assert_eq!(read.ids().len(), 4);
    let shirt = read.product("shirt");
    assert_eq!(
        shirt.images,
        ["https://x.test/1.jpg", "https://x.test/2.jpg", "https://x.test/s.jpg"]
    );
    assert_eq!(shirt.tags, ["summer", "cotton"]);
    let said = |name: &str| shirt.get(name);
    assert_eq!((said("price"), said("price_max"), said("stock")), ("12", "15", "5"));
    assert_eq!((said("variants"), said("title"), said("description")), ("2", "Shirt", "Soft."));
    assert_eq!((said("attribute_1_value"), said("meta_brand")), ("Small, Large", "Acme"));
    assert_eq!(shirt.row, 2, "the first row of the family");
    assert_eq!(
        (read.product("mug").get("price"), read.product("mug").get("regular_price")),
        ("8", "10")
    );
    assert_eq!(read.product("40").get("title"), "Set", "without a SKU it goes by its number");
    assert_eq!(read.product("link").get("type"), "external");
}

#[test]
fn each_woocommerce_variation_has_what_its_product_has() {
    let read = variants(WOO);
    let small = read.product("shirt-s");
    assert_eq!((small.get("title"), small.get("price"), small.get("stock")), ("Shirt", "15", "2"));
    assert_eq!((small.get("attribute_1_value"), small.get("meta_brand")), ("Small", "Acme"));
    assert_eq!(small.images[0], "https://x.test/s.jpg");
    assert_eq!(small.tags, ["summer", "cotton"]);
    assert_eq!(read.product("12").get("price"), "12", "without a SKU it goes by its number");
    assert_eq!(read.ids().len(), 5);
}

#[test]
fn woocommerce_exports_are_the_same_in_every_language() {
    let headers = [
        "ID,Typ,Artikelnummer,Name,Veröffentlicht,Vorrätig?,Bestand,Angebotspreis,Regulärer Preis,\
         Beschreibung,Kategorien,Schlagwörter,Bilder,Übergeordnetes Produkt,Attribut 1 Name,\
         Attribut 1 Wert(e),Meta: _brand",
        "ID,Type,UGS,Nom,Publié,En stock ?,Stock,Tarif promo,Tarif régulier,Description,Catégories,\
         Étiquettes,Images,Parent,Nom de l’attribut 1,Valeur(s) de l’attribut 1 ,Meta: _brand",
        "ID,Tipo,SKU,Nombre,Publicado,¿Existencias?,Inventario,Precio rebajado,Precio normal,\
         Descripción,Categorías,Etiquetas,Imágenes,Superior,Nombre del atributo 1,\
         Valor(es) del atributo 1,Meta: _brand",
        "ID,Tipo,COD,Nome,Pubblicato,In stock?,Magazzino,Prezzo in offerta,Prezzo di listino,\
         Descrizione,Categorie,Tag,Immagine,Genitore,Nome dell'attributo 1,Valore dell'attributo 1,\
         Meta: _brand",
        "ID,Type,SKU,Naam,Gepubliceerd,Op voorraad?,Voorraad,Actieprijs,Reguliere prijs,\
         Beschrijving,Categorieën,Tags,Afbeeldingen,Hoofd,Naam eigenschap 1,Waarde eigenschap 1,\
         Meta: _brand",
    ];
    let (_, rows) = WOO.split_once('\n').expect("a header");
    let english = read(WOO);
    for header in headers {
        let translated = read(&format!("{header}\n{rows}"));
        assert_eq!(translated.format, FeedFormat::Woocommerce, "{header}");
        assert_eq!(translated.products, english.products, "{header}");
        let (_, code, _) = translated.wrong()[0];
        assert_eq!(code, "feed::no_parent", "{header}");
    }
}

/// A WooCommerce export of few columns.
fn woo(rows: &str) -> String {
    format!(
        "ID,Type,SKU,Name,Published,Sale price,Regular price,Description,Categories,Parent\n{rows}"
    )
}

#[test]
fn prices_with_a_decimal_comma_or_a_currency_are_numbers() {
    let rows = "1,simple,mug,Mug,1,\"12,50\",\"1.234,50\",,,\n2,simple,cup,Cup,1,,on request,,,\n";
    let shop = read(&woo(rows));
    let (mug, cup) = (shop.product("mug"), shop.product("cup"));
    assert_eq!((mug.get("price"), mug.get("price_max")), ("12.50", "12.50"));
    assert_eq!((mug.get("sale_price"), mug.get("regular_price")), ("12.50", "1234.50"));
    assert_eq!((cup.get("price"), cup.get("price_max")), ("on request", "on request"), "as it is");
    let google = read(
        "id\ttitle\timage_link\titem_group_id\tprice\n\
         a\tA\t\tg\t1,234.50 USD\nb\tB\t\tg\t999,00 USD\nc\tC\t\t\tEUR12.00\n",
    );
    let (group, alone) = (google.product("g"), google.product("c"));
    assert_eq!((group.get("price"), group.get("price_max")), ("999.00", "1234.50"));
    assert_eq!((group.get("currency"), alone.get("currency")), ("USD", "EUR"));
    assert_eq!(alone.get("price"), "12.00");
}

#[test]
fn woocommerce_writes_line_breaks_of_descriptions_as_letters() {
    let rows = "1,simple,a,A,1,,1,Soft.\\nWarm: C:\\\\new.,,\n\
                2,simple,b,B,1,,1,<p>Soft.</p>\\n<p>Warm.</p>,,\n";
    let shop = read(&woo(rows));
    let (plain, html) = (shop.product("a"), shop.product("b"));
    assert_eq!(plain.get("description"), "Soft.\nWarm: C:\\new.");
    assert_eq!(html.get("description"), "Soft.\nWarm.");
    assert_eq!(html.get("body_html"), "<p>Soft.</p>\n<p>Warm.</p>");
    let other = read("sku,title,description\na,A,C:\\new\n");
    assert_eq!(other.products[0].get("description"), "C:\\new", "only WooCommerce does");
}

#[test]
fn woocommerce_subscriptions_have_variations_too() {
    let rows = "1,variable-subscription,box,Box,1,,,,,\n\
                2,subscription_variation,box-s,Small,1,,9,,,id:1\n\
                3,\"Subscription_Variation, virtual\",box-l,Large,1,,12,,,box\n\
                4,subscription,tea,Tea,1,,5,,,\n";
    let shop = read(&woo(rows));
    assert_eq!((shop.wrong(), shop.ids()), (vec![], vec!["box", "tea"]));
    let tea = shop.product("box");
    assert_eq!((tea.get("variants"), tea.get("price"), tea.get("price_max")), ("2", "9", "12"));
    assert_eq!(variants(&woo(rows)).ids(), ["box-s", "box-l", "tea"]);
}

#[test]
fn woocommerce_products_that_share_a_sku_are_two_products() {
    let rows = "1,variable,shirt,Shirt,1,,,,,\n2,variable,shirt,Blouse,1,,,,,\n\
                3,variation,a,A,1,,9,,,id:1\n4,variation,b,B,1,,10,,,id:2\n\
                5,variation,c,C,1,,11,,,shirt\n2,variable,other,Again,1,,,,,\n";
    let shop = read(&woo(rows));
    let found: Vec<_> =
        shop.products.iter().map(|p| (p.get("title"), p.get("variants"), p.get("price"))).collect();
    assert_eq!(found, [("Shirt", "2", "9"), ("Blouse", "1", "10")], "a SKU means the first");
    assert_eq!(shop.wrong(), [(7, "feed::comes_back", "SKU")]);
}

#[test]
fn woocommerce_codes_lose_the_apostrophe_that_guards_them() {
    let rows = "1,variable,'-cup,Cup,1,,,,,\n2,variation,'=s,S,1,,9,,,'-cup\n\
                3,variation,+l,L,1,,10,,,-cup\n";
    let shop = read(&woo(rows));
    assert_eq!((shop.wrong(), shop.ids()), (vec![], vec!["-cup"]));
    let cup = shop.product("-cup");
    assert_eq!((cup.get("sku"), cup.get("skus")), ("-cup", "-cup, =s, +l"));
    assert_eq!(variants(&woo(rows)).ids(), ["=s", "+l"]);
}

const GOOGLE: &str = "\
id\ttitle\tdescription\tlink\timage_link\tadditional_image_link\tlifestyle_image_link\titem_group_id\tprice\tavailability\tcustom_label_0\tproduct_type
s-red\tShirt red\tSoft\thttps://x.test/s\thttps://x.test/r.jpg\thttps://x.test/r1.jpg,https://x.test/r2.jpg\thttps://x.test/life.jpg\tshirt\t15.00 EUR\tin_stock\tnew\tClothes > Shirts
mug\tMug\t\thttps://x.test/m\thttps://x.test/m.jpg\t\t\t\t8.00 EUR\tout_of_stock\t\t
s-blue\tShirt blue\tSoft\thttps://x.test/s\thttps://x.test/b.jpg\t\t\tshirt\t12.00 EUR\tin_stock\t\t
";

#[test]
fn google_items_of_a_group_are_one_product() {
    let read = read(GOOGLE);
    assert_eq!(read.format, FeedFormat::Google);
    assert_eq!(read.wrong(), []);
    let shirt = read.product("shirt");
    assert_eq!(
        shirt.images,
        [
            "https://x.test/r.jpg",
            "https://x.test/r1.jpg",
            "https://x.test/r2.jpg",
            "https://x.test/life.jpg",
            "https://x.test/b.jpg",
        ]
    );
    assert_eq!(
        (shirt.get("price"), shirt.get("price_max"), shirt.get("currency")),
        ("12.00", "15.00", "EUR")
    );
    assert_eq!((shirt.get("skus"), shirt.get("variants")), ("s-red, s-blue", "2"));
    assert_eq!(shirt.tags, ["Clothes", "Shirts", "new"]);
    assert_eq!(read.product("mug").get("availability"), "out_of_stock");
    let sold = |from: &str| GOOGLE.replacen("in_stock", from, 1);
    for (first, group) in [("out_of_stock", "in_stock"), ("", "in_stock")] {
        let shirt = self::read(&sold(first)).product("shirt").get("availability").to_owned();
        assert_eq!(shirt, group, "one of them is in stock");
    }
    let none = self::read(&GOOGLE.replace("in_stock", "preorder"));
    assert_eq!(none.product("shirt").get("availability"), "preorder");
    let items = variants(GOOGLE);
    assert_eq!(items.ids(), ["s-red", "mug", "s-blue"]);
    assert_eq!(items.product("s-blue").get("item_group_id"), "shirt");
}

/// The bytes that a program would write that saves text so.
fn saved(text: &str, encoding: &str) -> Vec<u8> {
    let utf16 = |unit: fn(u16) -> [u8; 2]| text.encode_utf16().flat_map(unit).collect::<Vec<u8>>();
    match encoding {
        "utf-16le" => utf16(u16::to_le_bytes),
        "utf-16be" => utf16(u16::to_be_bytes),
        name => {
            let encoding = encoding_rs::Encoding::for_label(name.as_bytes()).expect("an encoding");
            encoding.encode(text).0.into_owned()
        }
    }
}

#[test]
fn exports_are_the_same_in_every_encoding_and_with_every_line_end() {
    let mended = |text: &str| {
        text.replace("Red Mug", "Röd Mugg à 5 €").replace("mug,", "mügg,").replace("Soft", "Söft")
    };
    for text in [OLDER, TODAY, WOO, GOOGLE].map(mended) {
        let expected = read(&text);
        for line_end in ["\n", "\r\n", "\r"] {
            let text = text.replace('\n', line_end);
            for encoding in ["utf-8", "utf-16le", "utf-16be", "windows-1252"] {
                for mark in ["", "\u{feff}"] {
                    if encoding == "windows-1252" && !mark.is_empty() {
                        continue;
                    }
                    let bytes = saved(&format!("{mark}{text}"), encoding);
                    let found = read_bytes(&bytes, &FeedOptions::default());
                    let plain = |read: &Read| {
                        let all = read.products.iter().map(|p| {
                            let lines = |t: &String| t.replace(line_end, "\n");
                            let attributes = p.attributes.iter();
                            let all: Vec<_> =
                                attributes.map(|(k, v)| (k.clone(), lines(v))).collect();
                            (all, p.images.clone(), p.tags.clone(), p.row, p.line)
                        });
                        all.collect::<Vec<_>>()
                    };
                    let what = format!("{encoding} {mark:?} {line_end:?}");
                    assert_eq!(plain(&found), plain(&expected), "{what}");
                    assert_eq!(found.encoding.name().to_lowercase(), encoding, "{what}");
                    let noted = encoding == "windows-1252";
                    assert_eq!(found.notes.contains(&"feed::encoding"), noted, "{what}");
                }
            }
        }
    }
}

#[test]
fn an_encoding_that_is_told_is_believed() {
    let bytes = saved("sku,title\nmug,マグ\n", "shift_jis");
    let told = FeedOptions { encoding: Encoding::by_name("shift_jis"), ..Default::default() };
    assert_eq!(read_bytes(&bytes, &told).products[0].get("title"), "マグ");
}

#[test]
fn delimiters_are_found() {
    for delimiter in [',', '\t', ';', '|'] {
        let text = "id,title,note\nmug,\"Red, small; or | large\",x\n".replace(',', "\u{1}");
        let text = text.replace("Red\u{1}", "Red,").replace('\u{1}', &delimiter.to_string());
        let found = read(&text);
        assert_eq!(found.format, FeedFormat::Csv);
        assert_eq!(found.products[0].get("title"), "Red, small; or | large", "{delimiter:?}");
    }
}

#[test]
fn pictures_are_found_under_the_names_that_people_give_their_columns() {
    let headers = [
        "image",
        "Image URL",
        "imageUrl",
        "imageLink",
        "mainimage",
        "Main Image URL",
        "img",
        "image_0_url",
        "Image 2 URL",
        "product_image",
        "product-image-url",
        "picture_url",
        "photo_url",
        "Bild",
        "Foto 3",
    ];
    for header in headers {
        let read = read(&format!("sku,{header}\na,x.jpg\n"));
        assert_eq!(read.products[0].images, ["x.jpg"], "{header}");
    }
    for header in ["image_alt_text", "Image position", "images_count", "imagery", "thumbnail"] {
        let read = read(&format!("sku,{header}\na,x.jpg\n"));
        assert!(read.products[0].images.is_empty(), "{header}");
    }
}

#[test]
fn only_what_is_kept_has_text() {
    let keep = ["title", "Variant Price"].map(str::to_owned).into_iter().collect();
    let read =
        read_bytes(OLDER.as_bytes(), &FeedOptions { keep: Some(keep), ..Default::default() });
    let mug = &read.products[0].attributes;
    assert_eq!(mug.get("title").map(String::as_str), Some("Red Mug"));
    assert_eq!(mug.get("price").map(String::as_str), Some("9.00"));
    assert_eq!(mug.get("vendor"), None);
    assert_eq!(read.products[0].images.len(), 4, "pictures are always there");
}

#[test]
fn a_format_that_is_told_and_is_not_there_is_refused() {
    let dir = tempfile::tempdir().expect("a temporary folder");
    let path = dir.path().join("feed.csv");
    std::fs::write(&path, "sku,title\nmug,Mug\n").expect("a file");
    for format in [FeedFormat::Shopify, FeedFormat::Woocommerce, FeedFormat::Google] {
        let options = FeedOptions { format: Some(format), ..Default::default() };
        let problem = read_file(&path, &options).expect_err("it is none");
        assert_eq!(problem.code, "feed::format");
        assert!(problem.help.unwrap_or_default().contains("sku, title"));
    }
    std::fs::write(&path, OLDER).expect("a file");
    let options = FeedOptions { format: Some(FeedFormat::Csv), ..Default::default() };
    let read = read_file(&path, &options).expect("it is CSV as well");
    assert_eq!((read.format, read.products.len()), (FeedFormat::Csv, 4));
}

#[test]
fn a_real_export_gives_the_products_rows_and_pictures_that_are_in_it() {
    let Some(folder) = std::env::var_os("KINORA_SHOP_EXPORTS") else {
        println!("skipped: KINORA_SHOP_EXPORTS is not set");
        return;
    };
    let folder = Path::new(&folder);
    let table = std::fs::read_to_string(folder.join("README.md")).expect("what is in the exports");
    let mut seen = 0;
    for line in table.lines().filter(|line| line.contains(".csv |")) {
        let cells: Vec<&str> = line.split('|').map(str::trim).collect();
        let [_, file, rows, products, images, ..] = cells[..] else { panic!("{line}") };
        let number = |text: &str| text.parse::<usize>().expect("a number");
        let path = folder.join(file);
        let found = read_file(&path, &FeedOptions::default()).expect("a feed");
        assert_eq!(found.format, FeedFormat::Shopify, "{file}");
        assert_eq!(found.wrong(), [], "{file}");
        assert_eq!(found.products.len(), number(products), "{file}");
        let pictured: usize = found.products.iter().map(|p| p.images.len()).sum();
        let as_rows = FeedOptions { format: Some(FeedFormat::Csv), ..Default::default() };
        let all = read_file(&path, &as_rows).expect("a feed").products;
        assert_eq!(all.len(), number(rows), "{file}");
        let with_image = all.iter().filter(|row| !row.get("image_src").is_empty()).count();
        assert_eq!(with_image, number(images), "{file}");
        let mut sources: Vec<&str> = all.iter().map(|row| row.get("image_src")).collect();
        sources.retain(|source| !source.is_empty());
        sources.sort_unstable();
        sources.dedup();
        assert_eq!(pictured, sources.len(), "no picture is lost: {file}");
        let sold = |p: &&Product| p.get("in_stock") == "true";
        assert!(found.products.iter().filter(sold).count() > 0, "{file}");
        let untracked = |id: &str| {
            let own = all.iter().filter(|row| row.get("Handle") == id);
            let mut own = own.filter(|row| !row.get("variant_price").is_empty());
            own.any(|row| row.get("variant_inventory_tracker").is_empty())
        };
        for product in found.products.iter().filter(|p| untracked(p.get("id"))) {
            assert_eq!(product.get("in_stock"), "true", "{} of {file}", product.get("id"));
        }
        let each = FeedOptions { each: Each::Variant, ..Default::default() };
        let variants = read_file(&path, &each).expect("a feed").products;
        let own = all.iter().filter(|row| !row.get("variant_price").is_empty()).count();
        assert_eq!(variants.len(), own, "a variant has a price: {file}");
        seen += 1;
    }
    assert!(seen > 0, "the table names files");
}
