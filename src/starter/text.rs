//! The text of a first manifest.

use std::fmt::Write;

use super::look::Look;
use super::{PICTURE_PATH, PILOT};
use crate::feed::{Each, FeedFormat};

/// What a first manifest is written for.
#[derive(Debug, Clone, Copy)]
pub struct Start<'a> {
    /// The catalogue's name.
    pub name: &'a str,
    /// The feed, if there is one: its path from the manifest's folder, and what is in it.
    pub feed: Option<(&'a str, &'a Look)>,
    /// The folder outside the manifest's own in which the feed is, if it is outside.
    pub outside: Option<&'a str>,
}

/// The manifest. It loads as it is.
pub fn manifest(start: &Start<'_>) -> String {
    let mut out = String::new();
    head(&mut out, start);
    match start.feed {
        Some((from, look)) => {
            set_of_feed(&mut out, from, look);
            shots_of_feed(&mut out, look);
        }
        None => out.push_str(&without_feed()),
    }
    out
}

fn head(out: &mut String, start: &Start<'_>) {
    let what = match start.feed {
        Some((from, _)) => format!("Clips of what is in {}", one_line(from)),
        None => "Clips of what a shop has".to_owned(),
    };
    let name = scalar(start.name);
    let _ = write!(
        out,
        "# {what}.\n\
         #\n\
         #   kinora check    says what is wrong, here or in the feed; free\n\
         #   kinora plan     every clip that would be made, and what it would cost; free\n\
         #   kinora run      makes them, once you have said yes to the plan\n\
         #\n\
         # `kinora schema manifest` prints the schema of this file, for editors that complete keys.\n\
         \n\
         kinora: 1\n\
         name: {name}\n"
    );
    if let Some(outside) = start.outside {
        let _ = writeln!(out, "\nallow: {{roots: [{}]}} # where the feed is", scalar(outside));
    }
    out.push_str(
        "\ndefaults:\n\
         \x20 model: animatic # made on this computer from the pictures: no key, no charge\n\
         \x20 # model: auto   # the cheapest model that can, at providers whose keys are set;\n\
         \x20 #               # `kinora models` lists them with their prices\n\
         \x20 duration: 4     # seconds\n\
         \x20 resolution: 720p\n\
         \n\
         # What may be spent at most, before you name a model that costs something:\n\
         # budget: {unit: USD, per_run: 20, per_job: 1}\n",
    );
}

fn set_of_feed(out: &mut String, from: &str, look: &Look) {
    let _ = write!(
        out,
        "\nsubjects:\n  products:\n    kind: product\n    from: {}\n    format: {}\n",
        scalar(from),
        format_word(look.format)
    );
    if let Some(pattern) = &look.pattern {
        let _ = writeln!(out, "    pattern: {}", scalar(pattern));
    }
    match (look.format, look.each) {
        (FeedFormat::Shopify | FeedFormat::Woocommerce | FeedFormat::Google, Each::Product) => {
            out.push_str(
                "    # each: variant # a subject for each variant, not for each product\n",
            );
        }
        (_, Each::Variant) => out.push_str("    each: variant\n"),
        _ => {}
    }
    if let Some(id) = &look.id {
        let counts = if look.id_counts { ", but looks like a row's number" } else { "" };
        let _ = writeln!(
            out,
            "    id: \"{{{{ {id} }}}}\" # names the clips; it must stay the same{counts}"
        );
    }
    select(out, look);
    if look.bad > 0 {
        let _ = writeln!(
            out,
            "    bad_rows: {{allow: {}}} # so many can't be used now; without this line they are \
             errors",
            look.bad
        );
    }
    references(out, look);
}

fn select(out: &mut String, look: &Look) {
    let mut lines = Vec::new();
    let mut written = false;
    if look.without > 0
        && look.without < look.entries
        && let Some(column) = &look.picture
    {
        lines.push(format!("where: {column} # those with a picture"));
        written = true;
    }
    if look.entries - look.without > PILOT {
        let of = look.entries;
        lines.push(format!("sample: {PILOT} # a pilot; take this line away for all {of}"));
        written = true;
    }
    let knows = |names: &[&str]| look.attributes.iter().any(|a| names.contains(&a.as_str()));
    if knows(&["price", "regular_price", "variant_price"]) {
        lines.push("# price: {min: 20}".to_owned());
    }
    if knows(&["availability", "in_stock", "stock", "inventory_quantity", "quantity"]) {
        lines.push("# in_stock: true".to_owned());
    }
    if knows(&["tags"]) {
        lines.push("# tags: [new]".to_owned());
    }
    if lines.is_empty() {
        return;
    }
    // A mapping of comments alone would be empty.
    out.push_str(if written { "    select:\n" } else { "    # select:\n" });
    for line in lines {
        let line = if written { line } else { format!("# {}", line.trim_start_matches("# ")) };
        let _ = writeln!(out, "      {line}");
    }
}

fn references(out: &mut String, look: &Look) {
    if look.pictures == 0 {
        let id = look.id.as_deref().unwrap_or("id");
        let _ = write!(
            out,
            "    # The feed names no pictures. Where they are files:\n\
             \x20   # references:\n\
             \x20   #   - {{name: hero, image: \"images/{{{{ {id} }}}}.jpg\"}}\n"
        );
        return;
    }
    if look.urls > 0 {
        out.push_str("    # Pictures behind URLs are fetched once, by `kinora fetch`.\n");
    }
    let optional = if leaves_some_without(look) { ", optional: true" } else { "" };
    let _ = writeln!(out, "    references:\n      - {{name: hero, feed: first{optional}}}");
    if look.several > 0 {
        out.push_str(
            "      - {name: detail, feed: 2, optional: true} # `others` means all but the first\n",
        );
    }
}

/// Whether subjects may lack a picture, because no column tells which do.
fn leaves_some_without(look: &Look) -> bool {
    look.without > 0 && look.picture.is_none()
}

fn shots_of_feed(out: &mut String, look: &Look) {
    let title = look.title.as_deref().unwrap_or("subject.id");
    let hero = look.pictures > 0;
    let uses = |names: &str| match hero {
        true => format!("    use: [{names}]\n"),
        false => String::new(),
    };
    let ground = if hero { "" } else { "on a plain ground, soft daylight, " };
    let _ = write!(
        out,
        "\n# What is made of each of them. `{{{{ … }}}}` is filled in from the feed, `@hero` is a \
         picture.\nshots:\n\
         \x20 - id: grid # square, for the shop's pages\n\
         \x20   for: products\n{}\
         \x20   aspect: \"1:1\"\n\
         \x20   prompt: \"{{{{ {title} }}}}, {ground}slow push in\"\n\
         \n\
         \x20 - id: reel # upright, for phones\n\
         \x20   for: products\n{}\
         \x20   aspect: \"9:16\"\n",
        uses("hero"),
        uses(if look.several > 0 { "hero, detail" } else { "hero" }),
    );
    if hero && look.several > 0 {
        let _ = write!(
            out,
            "    prompt: >-\n\
             \x20     {{{{ {title} }}}}: @hero, slow pan right{{% if \"detail\" in \
             subject.references %}}, then @detail, closer{{% endif %}}\n"
        );
    } else {
        let _ =
            writeln!(out, "    prompt: \"{{{{ {title} }}}}, {ground}the camera cranes up slowly\"");
    }
}

fn without_feed() -> String {
    format!(
        "\n# What there is. Products of a shop come from its export instead:\n\
         #   kinora init --from products.csv\n\
         subjects:\n\
         \x20 products:\n\
         \x20   kind: product\n\
         \x20   items:\n\
         \x20     - id: mug\n\
         \x20       attributes: {{title: A stoneware mug}}\n\
         \x20       references: [{{name: hero, image: {PICTURE_PATH}}}]\n\
         \n\
         # What is made of each. `{{{{ … }}}}` is filled in from the attributes, `@hero` is a picture.\n\
         shots:\n\
         \x20 - id: grid # square, for the shop's pages\n\
         \x20   for: products\n\
         \x20   aspect: \"1:1\"\n\
         \x20   prompt: \"{{{{ title }}}}: @hero, slow push in\"\n\
         \n\
         \x20 - id: reel # upright, for phones\n\
         \x20   for: products\n\
         \x20   aspect: \"9:16\"\n\
         \x20   prompt: \"{{{{ title }}}} turns slowly, soft daylight\"\n"
    )
}

/// How manifests name a format.
pub(super) fn format_word(format: FeedFormat) -> &'static str {
    match format {
        FeedFormat::Shopify => "shopify",
        FeedFormat::Woocommerce => "woocommerce",
        FeedFormat::Google => "google",
        FeedFormat::Csv => "csv",
        FeedFormat::Jsonl => "jsonl",
        FeedFormat::Folder => "folder",
    }
}

/// A text as a YAML scalar: as it is where nothing in it means anything to YAML.
fn scalar(text: &str) -> String {
    let plain = |c: char| c.is_alphanumeric() || matches!(c, '_' | '-' | '.' | '/');
    let word = text.starts_with(|c: char| c.is_alphabetic() || matches!(c, '.' | '/'));
    let reserved = ["true", "false", "null", "yes", "no", "on", "off", "y", "n", ".", ".."];
    if word && text.chars().all(plain) && !reserved.contains(&text.to_lowercase().as_str()) {
        return text.to_owned();
    }
    // JSON's strings are YAML's.
    serde_json::Value::from(text).to_string()
}

/// A text that can't end the comment it stands in.
fn one_line(text: &str) -> String {
    text.replace(char::is_control, " ")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn texts_are_quoted_where_yaml_would_read_something_else() {
        assert_eq!(scalar("products.csv"), "products.csv");
        assert_eq!(scalar("../feeds/a-b.csv"), "../feeds/a-b.csv");
        for text in ["no", "1.0", "a b", "{id}", "-", "a: b", "a\nb", "", "#1", "&x", ".5e3 "] {
            assert_eq!(scalar(text), serde_json::Value::from(text).to_string());
        }
    }
}
