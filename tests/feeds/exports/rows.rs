//! What rows of exports are together: what can be sold, what variants are called and shown by, and
//! what parts a product.

use super::*;

#[test]
fn variants_that_differ_in_letters_beyond_ascii_are_called_apart() {
    let read = variants(
        "Handle,Title,Option1 Name,Option1 Value,Variant SKU,Variant Price\n\
         mug,Mug,Colour,Rød,,1\nmug,,,Råd,,2\nmug,,,42,,3\nmug,,,赤,,4\nmug,,,青,,5\n",
    );
    assert_eq!(read.ids(), ["mug-rød", "mug-råd", "mug-42", "mug-赤", "mug-青"]);
    let woo = variants(
        "ID,Type,SKU,Name,Published,Regular price,Parent,Attribute 1 name,Attribute 1 value(s)\n\
         1,variable,mug,Mug,1,,,Colour,\n,variation,,Mug,1,1,mug,Colour,Rød / Grå\n",
    );
    assert_eq!(woo.ids(), ["mug-rød-grå"]);
}

#[test]
fn a_shopify_product_is_in_stock_where_one_variant_can_be_sold() {
    let today = "Title,URL handle,SKU,Price,Inventory tracker,Inventory quantity,\
                 Continue selling when out of stock";
    let older = "Title,Handle,Variant SKU,Variant Price,Variant Inventory Tracker,\
                 Variant Inventory Qty,Variant Inventory Policy";
    let rows = "\
Untracked,untracked,u,1,,0,deny
Continues,continues,c,1,shopify,-2,continue
Some,some,s1,1,shopify,-3,deny
,some,s2,1,shopify,3.0,deny
None,none,n1,1,shopify,0,deny
,none,n2,1,shopify,-1,deny
Unread,unread,w,1,shopify,a few,deny
";
    for header in [today, older] {
        let read = read(&format!("{header}\n{rows}"));
        assert_eq!(read.wrong(), []);
        let said = |p: &Product| (p.get("stock").to_owned(), p.get("in_stock").to_owned());
        let found: Vec<(String, String)> = read.products.iter().map(said).collect();
        let expected = [("0", "true"), ("0", "true"), ("3", "true"), ("0", "false"), ("", "a few")];
        assert_eq!(found, expected.map(|(stock, of)| (stock.to_owned(), of.to_owned())));
        let each = variants(&format!("{header}\n{rows}"));
        assert_eq!(each.product("s1").get("in_stock"), "false");
        assert_eq!(each.product("s2").get("in_stock"), "true");
    }
    let uncounted = super::read("Handle,Title,Variant Price\nmug,Mug,1\n");
    assert!(!uncounted.product("mug").attributes.contains_key("in_stock"), "nobody can say");
}

#[test]
fn a_variant_has_no_picture_that_is_anothers_alone() {
    let shopify = variants(
        "Handle,Title,Variant SKU,Variant Price,Image Src,Variant Image\n\
         mug,Mug,red,1,all.jpg,red.jpg\nmug,,blue,1,red.jpg,blue.jpg\nmug,,bare,1,blue.jpg,\n\
         cup,Cup,one,1,one.jpg,one.jpg\ncup,,two,1,,\n",
    );
    let images = |read: &Read, id: &str| read.product(id).images.join(" ");
    assert_eq!(images(&shopify, "red"), "red.jpg all.jpg");
    assert_eq!(images(&shopify, "blue"), "blue.jpg all.jpg");
    assert_eq!(images(&shopify, "bare"), "all.jpg");
    assert_eq!(images(&shopify, "two"), "one.jpg", "any rather than none");
    let woo = variants(
        "ID,Type,SKU,Name,Published,Regular price,Images,Parent\n\
         1,variable,mug,Mug,1,,all.jpg,\n2,variation,red,Mug,1,1,red.jpg,id:1\n\
         3,variation,blue,Mug,1,1,blue.jpg,id:1\n4,variation,bare,Mug,1,1,,id:1\n\
         5,variable,cup,Cup,1,,,\n6,variation,one,Cup,1,1,one.jpg,id:5\n\
         7,variation,two,Cup,1,1,,id:5\n",
    );
    assert_eq!(images(&woo, "red"), "red.jpg all.jpg");
    assert_eq!(images(&woo, "blue"), "blue.jpg all.jpg");
    assert_eq!(images(&woo, "bare"), "all.jpg");
    assert_eq!(images(&woo, "two"), "one.jpg", "any rather than none");
}

#[test]
fn rows_of_nothing_but_commas_part_no_product() {
    let read = read(
        "Handle,Title,Variant Price,Image Src\n\
         ,,,\nmug,Mug,1,1.jpg\n, ,,\nmug,,,2.jpg\n\ncup,Cup,2,\n,,,\n",
    );
    assert_eq!(read.wrong(), []);
    assert_eq!(read.ids(), ["mug", "cup"]);
    assert_eq!(read.product("mug").images, ["1.jpg", "2.jpg"]);
    assert_eq!((read.product("cup").row, read.product("cup").line), (6, 7));
}

#[test]
fn every_row_beyond_what_a_product_can_have_is_bad() {
    let mut text = "Handle,Title,Variant Price,Image Src\nmug,Mug,1,\n".to_owned();
    (0..10_004).for_each(|n| text.push_str(&format!("mug,,,{n}.jpg\n")));
    let read = read(&(text + "cup,Cup,2,\n"));
    assert_eq!(read.ids(), ["mug", "cup"]);
    let last = [10_002, 10_003, 10_004, 10_005, 10_006].map(|row| (row, "feed::limit", "Handle"));
    assert_eq!(read.wrong(), last);
    assert_eq!(read.bad.last().map(|row| row.line), Some(10_006));
}
