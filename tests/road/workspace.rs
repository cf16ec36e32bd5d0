//! A throw-away workspace with a small shop in it, and the program to drive there.

use std::path::{Path, PathBuf};
use std::process::{Child, Command, Output, Stdio};
use std::time::SystemTime;

/// Two products, two aspects: four clips of half a second.
const MANIFEST: &str = r#"kinora: 1
name: shop
defaults: {model: animatic, duration: 0.5, resolution: 240p, fps: 12}
subjects:
  products:
    kind: product
    from: products.csv
    id: "{{ sku }}"
    references:
      - {name: hero, image: "images/{{ sku }}.png"}
shots:
  - id: turn
    for: products
    prompt: "{{ title }} turns slowly, the camera pushes in"
    matrix: {aspect: ["1:1", "9:16"]}
"#;

pub struct Workspace {
    folder: tempfile::TempDir,
}

impl Workspace {
    /// A shop of a mug and a bowl.
    pub fn shop() -> Self {
        Self::with(MANIFEST)
    }

    /// The same pictures and feed under another manifest.
    pub fn with(manifest: &str) -> Self {
        let shop = Workspace { folder: tempfile::tempdir().expect("a folder") };
        shop.write("kinora.yaml", manifest);
        shop.write("products.csv", "sku,title,price\nmug,Mug,12\nbowl,Bowl,7\n");
        shop.picture("images/mug.png", [190, 90, 60]);
        shop.picture("images/bowl.png", [90, 120, 60]);
        shop
    }

    pub fn path(&self) -> &Path {
        self.folder.path()
    }

    pub fn write(&self, name: &str, text: &str) {
        let path = self.path().join(name);
        std::fs::create_dir_all(path.parent().expect("inside")).expect("a folder");
        std::fs::write(path, text).expect("written");
    }

    pub fn read(&self, name: &str) -> String {
        std::fs::read_to_string(self.path().join(name)).expect("it is there")
    }

    pub fn edit(&self, name: &str, from: &str, to: &str) {
        let text = self.read(name);
        assert!(text.contains(from), "{name} holds `{from}`");
        self.write(name, &text.replace(from, to));
    }

    /// A coloured thing on a white ground.
    pub fn picture(&self, name: &str, colour: [u8; 3]) {
        let path = self.path().join(name);
        std::fs::create_dir_all(path.parent().expect("inside")).expect("a folder");
        let picture = image::RgbImage::from_fn(160, 160, |x, y| {
            let inside = (40..120).contains(&x) && (30..140).contains(&y);
            image::Rgb(if inside { colour } else { [255, 255, 255] })
        });
        picture.save(path).expect("saved");
    }

    pub fn command(&self, arguments: &[&str]) -> Command {
        let mut command = Command::new(env!("CARGO_BIN_EXE_kinora"));
        command.current_dir(self.path()).args(arguments).stdin(Stdio::null());
        command.env_remove("COLUMNS").env("NO_COLOR", "1").env("USER", "tester");
        command
    }

    /// Runs the program to its end.
    pub fn kinora(&self, arguments: &[&str]) -> Ended {
        let output = self.command(arguments).output().expect("the program starts");
        Ended::new(arguments, output)
    }

    /// Starts the program and leaves it running.
    pub fn start(&self, arguments: &[&str]) -> Child {
        let mut command = self.command(arguments);
        command.stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().expect("the program starts")
    }

    /// Files with an extension below a folder, sorted.
    pub fn files(&self, folder: &str, extension: &str) -> Vec<PathBuf> {
        let mut found = Vec::new();
        let mut folders = vec![self.path().join(folder)];
        while let Some(folder) = folders.pop() {
            for entry in std::fs::read_dir(folder).into_iter().flatten().flatten() {
                let path = entry.path();
                if path.is_dir() {
                    folders.push(path);
                } else if path.extension().is_some_and(|e| e == extension) {
                    found.push(path);
                }
            }
        }
        found.sort();
        found
    }

    /// Modification times of the clips.
    pub fn times(&self, folder: &str) -> Vec<SystemTime> {
        let time = |p: &PathBuf| p.metadata().and_then(|m| m.modified()).expect("a time");
        self.files(folder, "mp4").iter().map(time).collect()
    }
}

/// How the program ended.
pub struct Ended {
    arguments: Vec<String>,
    code: Option<i32>,
    pub stdout: String,
    pub stderr: String,
}

impl Ended {
    pub fn new(arguments: &[&str], output: Output) -> Self {
        Ended {
            arguments: arguments.iter().map(|a| (*a).to_owned()).collect(),
            code: output.status.code(),
            stdout: String::from_utf8(output.stdout).expect("text"),
            stderr: String::from_utf8(output.stderr).expect("text"),
        }
    }

    /// Asserts the exit code.
    pub fn ends(self, code: i32) -> Self {
        let Ended { arguments, stdout, stderr, .. } = &self;
        assert_eq!(self.code, Some(code), "{arguments:?}\n{stdout}\n{stderr}");
        self
    }

    pub fn json(&self) -> serde_json::Value {
        serde_json::from_str(&self.stdout).unwrap_or_else(|e| panic!("{e}: {}", self.stdout))
    }
}
