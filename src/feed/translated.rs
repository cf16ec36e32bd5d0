//! WooCommerce's columns in other languages: its exporter writes headers in the language of the
//! person who exports. What stands in the columns (`variation`, `id:123`) is never translated.
//!
//! What lives here: the headers of those columns that say what a row is and that all shops'
//! exports share. Every other column keeps its own name.

use super::columns::{Slugs, slug};
use super::source::WrittenColumn;

/// A language's headers as [`folded`], by the slugs of the English ones; `#` is a number. Where
/// translations have changed over the years, all of them are here.
/// Source: exports and importers of shops in these languages, seen in November 2026.
const LANGUAGES: [&[(&str, &str)]; 5] = [
    &[
        // German
        ("typ", "type"),
        ("artikelnummer", "sku"),
        ("gtin_upc_ean_oder_isbn", "gtin_upc_ean_or_isbn"),
        ("veröffentlicht", "published"),
        ("kurzbeschreibung", "short_description"),
        ("beschreibung", "description"),
        ("vorrätig", "in_stock"),
        ("bestand", "stock"),
        ("lager", "stock"),
        ("angebotspreis", "sale_price"),
        ("regulärer_preis", "regular_price"),
        ("kategorien", "categories"),
        ("schlagwörter", "tags"),
        ("bilder", "images"),
        ("übergeordnetes_produkt", "parent"),
        ("attribut_#_name", "attribute_#_name"),
        ("attribut_#_wert_e", "attribute_#_value_s"),
    ],
    &[
        // French
        ("ugs", "sku"),
        ("gtin_upc_ean_ou_isbn", "gtin_upc_ean_or_isbn"),
        ("nom", "name"),
        ("publié", "published"),
        ("description_courte", "short_description"),
        ("en_stock", "in_stock"),
        ("tarif_promo", "sale_price"),
        ("tarif_régulier", "regular_price"),
        ("catégories", "categories"),
        ("étiquettes", "tags"),
        ("nom_de_l_attribut_#", "attribute_#_name"),
        ("valeur_s_de_l_attribut_#", "attribute_#_value_s"),
    ],
    &[
        // Spanish
        ("tipo", "type"),
        ("gtin_upc_ean_o_isbn", "gtin_upc_ean_or_isbn"),
        ("nombre", "name"),
        ("publicado", "published"),
        ("descripción_corta", "short_description"),
        ("descripción", "description"),
        ("existencias", "in_stock"),
        ("en_inventario", "in_stock"),
        ("inventario", "stock"),
        ("precio_rebajado", "sale_price"),
        ("precio_normal", "regular_price"),
        ("categorías", "categories"),
        ("etiquetas", "tags"),
        ("imágenes", "images"),
        ("superior", "parent"),
        ("principal", "parent"),
        ("nombre_del_atributo_#", "attribute_#_name"),
        ("valor_es_del_atributo_#", "attribute_#_value_s"),
    ],
    &[
        // Italian
        ("tipo", "type"),
        ("cod", "sku"),
        ("gtin_upc_ean_o_isbn", "gtin_upc_ean_or_isbn"),
        ("nome", "name"),
        ("pubblicato", "published"),
        ("breve_descrizione", "short_description"),
        ("descrizione", "description"),
        ("magazzino", "stock"),
        ("prezzo_in_offerta", "sale_price"),
        ("prezzo_di_listino", "regular_price"),
        ("categorie", "categories"),
        ("tag", "tags"),
        ("etichette", "tags"),
        ("immagine", "images"),
        ("immagini", "images"),
        ("genitore", "parent"),
        ("nome_dell_attributo_#", "attribute_#_name"),
        ("valore_dell_attributo_#", "attribute_#_value_s"),
        ("attributo_#_nome", "attribute_#_name"),
        ("attributo_#_valore_i", "attribute_#_value_s"),
        ("attributo_#_valuta_e", "attribute_#_value_s"),
    ],
    &[
        // Dutch
        ("artikelnummer", "sku"),
        ("gtin_upc_ean_of_isbn", "gtin_upc_ean_or_isbn"),
        ("naam", "name"),
        ("gepubliceerd", "published"),
        ("korte_beschrijving", "short_description"),
        ("korte_omschrijving", "short_description"),
        ("beschrijving", "description"),
        ("op_voorraad", "in_stock"),
        ("voorraad", "stock"),
        ("actieprijs", "sale_price"),
        ("reguliere_prijs", "regular_price"),
        ("categorieën", "categories"),
        ("afbeeldingen", "images"),
        ("hoofd", "parent"),
        ("naam_eigenschap_#", "attribute_#_name"),
        ("waarde_eigenschap_#", "attribute_#_value_s"),
    ],
];

/// The columns' slugs as they are in English: in the language that has most of these headers.
pub(super) fn slugs(written: &[WrittenColumn]) -> Slugs {
    let folded: Vec<(String, String)> = written.iter().map(|c| folded(&c.header)).collect();
    let known = |language: &[(&str, &str)]| {
        folded.iter().filter(|(text, _)| language.iter().any(|(own, _)| own == text)).count()
    };
    // Of equals, the first.
    let language = LANGUAGES.iter().rev().max_by_key(|language| known(language));
    let columns = written.iter().zip(&folded).map(|(column, (text, number))| {
        let english = language.and_then(|l| l.iter().find(|(own, _)| own == text));
        let own = || slug(&column.header).unwrap_or_default();
        english.map_or_else(own, |(_, english)| english.replace('#', number))
    });
    Slugs::called(columns)
}

/// A header in small letters, those beyond ASCII kept, with `_` for everything that is no letter
/// and `#` for its number; and the number.
fn folded(header: &str) -> (String, String) {
    let (mut text, mut number) = (String::new(), String::new());
    for c in header.chars() {
        if c.is_ascii_digit() {
            if !text.ends_with('#') {
                text.push('#');
            }
            number.push(c);
        } else if c.is_alphabetic() {
            text.extend(c.to_lowercase());
        } else if !text.is_empty() && !text.ends_with('_') {
            text.push('_');
        }
    }
    text.truncate(text.trim_end_matches('_').len());
    (text, number)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::feed::Spot;

    #[test]
    fn every_language_has_what_says_what_a_row_is() {
        // What is the same in English needs no line of its own.
        let same: [&[&str]; 5] = [
            &["name"],
            &["type", "description", "stock", "images", "parent"],
            &["sku"],
            &["in_stock"],
            &["type", "tags"],
        ];
        let wanted = [
            "type",
            "sku",
            "gtin_upc_ean_or_isbn",
            "name",
            "published",
            "short_description",
            "description",
            "in_stock",
            "stock",
            "sale_price",
            "regular_price",
            "categories",
            "tags",
            "images",
            "parent",
            "attribute_#_name",
            "attribute_#_value_s",
        ];
        for (language, same) in LANGUAGES.iter().zip(same) {
            for name in wanted {
                let there = language.iter().any(|(_, english)| *english == name);
                assert!(there != same.contains(&name), "{name}: {language:?}");
            }
        }
    }

    #[test]
    fn an_english_header_stays_as_it_is() {
        let headers = ["ID", "Type", "SKU", "In stock?", "Attribute 12 value(s)", "Meta: a b"];
        let written: Vec<WrittenColumn> = headers
            .iter()
            .map(|header| WrittenColumn { header: (*header).to_owned(), at: Spot::default() })
            .collect();
        let (plain, english) = (Slugs::of(&written), slugs(&written));
        (0..headers.len()).for_each(|column| assert_eq!(plain.get(column), english.get(column)));
    }
}
