//! The shop: a catalogue with as many jobs as are asked for, spread over all providers, in a folder
//! that stays when something went wrong.

use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use crate::players::{CAST, Player, cards};

/// The program, in the shop's folder. Another build of it may be named.
pub fn program(folder: &Path, arguments: &[&str]) -> Command {
    let built = || PathBuf::from(env!("CARGO_BIN_EXE_kinora"));
    let path = std::env::var_os("KINORA_KILL_PROGRAM").map_or_else(built, PathBuf::from);
    let mut command = Command::new(path);
    command.current_dir(folder).args(arguments).stdin(Stdio::null());
    command.env_remove("COLUMNS").env("NO_COLOR", "1").env("USER", "tester");
    for part in &CAST {
        if let Some(key) = part.key {
            command.env(key, "opens-nothing");
        }
    }
    command
}

/// Writes pictures, feed and cards: a product for each job of one provider.
pub fn stock(folder: &Path, products: usize) {
    let write = |name: &str, text: &str| {
        let path = folder.join(name);
        std::fs::create_dir_all(path.parent().expect("inside")).expect("a folder");
        std::fs::write(path, text).expect("written");
    };
    for (name, text) in cards() {
        write(&name, &text);
    }
    std::fs::create_dir_all(folder.join("images")).expect("a folder");
    let mut feed = "sku,title\n".to_owned();
    for number in 0..products {
        feed.push_str(&format!("p{number:04},Mug {number}\n"));
        let colour = [(number % 251) as u8, (number / 251 * 40) as u8, 90];
        let picture = image::RgbImage::from_pixel(320, 320, image::Rgb(colour));
        picture.save(folder.join(format!("images/p{number:04}.png"))).expect("saved");
    }
    write("products.csv", &feed);
    // Providers are simulated from the folder's own cards before the manifest knows their URLs.
    write("kinora.yaml", "kinora: 1\n");
}

/// Writes the manifest: a shot for each provider.
pub fn open(folder: &Path, players: &[Player], in_flight: usize) {
    let mut text = "kinora: 1\nname: kill\nbudget: {unit: USD}\n".to_owned();
    text.push_str("limits:\n  providers:\n");
    for player in players {
        text.push_str(&format!("    {}: {in_flight}\n", player.part.provider));
    }
    text.push_str("providers:\n");
    for Player { part, url, .. } in players {
        let more = match part.provider {
            "fal" => format!(r#", variables: {{rest_url: "{url}", api_url: "{url}"}}"#),
            _ => String::new(),
        };
        text.push_str(&format!("  {}: {{base_url: \"{url}\"{more}}}\n", part.provider));
    }
    text.push_str(
        r#"subjects:
  products:
    kind: product
    from: products.csv
    id: "{{ sku }}"
    references:
      - {name: hero, role: first_frame, image: "images/{{ sku }}.png"}
shots:
"#,
    );
    for Player { part, .. } in players {
        let (provider, model, settings) = (part.provider, part.model, part.settings);
        text.push_str(&format!(
            "  - {{id: {provider}, for: products, model: {model}, {settings}, prompt: \"{{{{ title }}}} turns slowly for {provider}\"}}\n"
        ));
    }
    std::fs::write(folder.join("kinora.yaml"), text).expect("written");
}

/// The last lines of what the runs said.
pub fn tail(folder: &Path) -> String {
    let text = std::fs::read_to_string(folder.join("run.log")).unwrap_or_default();
    let lines: Vec<&str> = text.lines().collect();
    lines[lines.len().saturating_sub(15)..].join("\n")
}
