//! A shop whose pictures are at a server, and the pictures themselves.

use serde_json::Value;

use crate::server::Server;
use crate::workspace::{Ended, Workspace};

/// A shop with one picture for each product, by the URL in its feed.
pub struct Shop {
    pub files: Workspace,
}

const MANIFEST: &str = r#"kinora: 1
name: shop
fetch: {allow_hosts: ["127.0.0.1"], timeout: 5s}
defaults: {model: animatic, duration: 0.5, resolution: 240p, fps: 12, aspect: "1:1"}
subjects:
  products:
    kind: product
    from: products.csv
    id: "{{ sku }}"
    references:
      - {name: hero, image: "{{ photo }}"}
shots:
  - id: turn
    for: products
    prompt: "{{ title }} turns slowly"
"#;

impl Shop {
    /// Of one server, with a product for each path.
    pub fn at(server: &Server, paths: &[&str]) -> Self {
        let urls: Vec<String> = paths.iter().map(|path| format!("{}{path}", server.url)).collect();
        Self::of(&urls)
    }

    /// With a product for each URL.
    pub fn of(urls: &[String]) -> Self {
        let shop = Shop { files: Workspace::with(MANIFEST) };
        let row = |(n, url): (usize, &String)| format!("p{n},Product {n},\"{url}\"\n");
        let rows: String = (1..).zip(urls).map(row).collect();
        shop.files.write("products.csv", &format!("sku,title,photo\n{rows}"));
        shop
    }

    /// Changes what the manifest says of fetching.
    pub fn says(&self, fetch: &str) {
        let from = "fetch: {allow_hosts: [\"127.0.0.1\"], timeout: 5s}";
        self.files.edit("kinora.yaml", from, &format!("fetch: {fetch}"));
    }

    /// Fetches, with options.
    pub fn fetch(&self, options: &[&str]) -> Ended {
        let mut arguments = vec!["fetch", "."];
        arguments.extend(options);
        self.files.kinora(&arguments)
    }

    /// Fetches, and gives the report.
    pub fn report(&self, options: &[&str], exit: i32) -> Value {
        let mut arguments = vec!["--json"];
        arguments.extend(options);
        self.fetch(&arguments).ends(exit).json()
    }

    /// The one failure of a fetch.
    pub fn failure(&self) -> Failure {
        let report = self.report(&[], 7);
        assert_eq!(report["failed"], 1, "{report}");
        let failure = &report["failures"][0];
        let text = |key: &str| failure[key].as_str().unwrap_or_default().to_owned();
        Failure {
            code: text("code"),
            message: text("message"),
            at: text("at"),
            tries: failure["tries"].as_u64().unwrap_or_default(),
        }
    }

    /// The lock file's lines, by URL.
    pub fn locked(&self) -> Vec<Value> {
        let text = std::fs::read_to_string(self.files.path().join("pictures.lock"));
        let text = text.unwrap_or_default();
        text.lines().skip(1).map(|line| serde_json::from_str(line).expect("JSON")).collect()
    }

    /// Files of pictures.
    pub fn kept(&self) -> usize {
        self.files.files(".kinora/pictures", "png").len()
    }
}

/// Why a picture could not be fetched.
#[derive(Debug)]
pub struct Failure {
    pub code: String,
    pub message: String,
    pub at: String,
    pub tries: u64,
}

/// A picture of one colour.
pub fn picture(colour: [u8; 3]) -> Vec<u8> {
    encoded(image::RgbImage::from_pixel(160, 160, image::Rgb(colour)))
}

/// A picture of some megabytes, which no packing makes smaller.
pub fn large_picture() -> Vec<u8> {
    let mut state = 1u32;
    let mut noise = || {
        state = state.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
        (state >> 24) as u8
    };
    encoded(image::RgbImage::from_fn(1000, 1000, |_, _| image::Rgb([noise(), noise(), noise()])))
}

fn encoded(picture: image::RgbImage) -> Vec<u8> {
    let mut bytes = std::io::Cursor::new(Vec::new());
    picture.write_to(&mut bytes, image::ImageFormat::Png).expect("it encodes");
    bytes.into_inner()
}
