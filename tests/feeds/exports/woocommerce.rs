//! WooCommerce's exports: products and their variations, in every language, as its exporter writes
//! them.

use super::*;

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
