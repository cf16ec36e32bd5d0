//! The examples of docs/judges.md are the files that run here.

use std::io::{BufRead as _, BufReader};
use std::process::{Child, Command, Stdio};

use super::*;

const DOCS: &str = include_str!("../../docs/judges.md");

/// The block of code after `<!-- example:NAME -->`.
fn example(name: &str) -> &'static str {
    let marker = format!("<!-- example:{name} -->\n```");
    let (_, rest) = DOCS.split_once(&marker).unwrap_or_else(|| panic!("docs lost {name}"));
    let (_, code) = rest.split_once('\n').expect("a block");
    code.split("```").next().expect("its end")
}

fn has_python() -> bool {
    let ran = Command::new("python3").arg("--version").output();
    let there = ran.is_ok_and(|ran| ran.status.success());
    if !there {
        println!("skipped: there is no python3");
    }
    there
}

/// A judge of the documentation's manifest, with its example in the workspace.
fn documented(stage: &Stage, name: &str) -> JudgeRule {
    let folder = stage.path().join("judges");
    std::fs::create_dir_all(&folder).expect("a folder");
    for file in ["size.sh", "middle.py"] {
        std::fs::write(folder.join(file), example(file)).expect("a file");
    }
    let (_, manifest) = DOCS.split_once("```yaml\n").expect("a manifest");
    let manifest = manifest.split("```").next().expect("its end");
    let path = stage.path().join("kinora.yaml");
    std::fs::write(&path, format!("kinora: 1\n{manifest}")).expect("a file");
    let loaded = kinora::manifest::load(&path, &Default::default());
    let rules = loaded.catalogue.expect("the documentation's manifest loads").judges;
    assert_eq!(rules.len(), 3);
    rules.into_iter().find(|rule| rule.name == name).expect("it is there")
}

#[cfg(unix)]
#[test]
fn the_judge_in_sh_looks_at_the_clips_size() {
    let mut stage = Stage::new();
    let mut rule = documented(&stage, "size");
    assert_eq!(line(&stage.one(rule.clone())), "size pass 100 ");
    let JudgeBy::Command { words, .. } = &mut rule.by else { panic!("it is a program") };
    words[2] = "5".to_owned();
    stage.request.prompt = "a \"quoted\" prompt".to_owned();
    assert_eq!(line(&stage.one(rule)), "size fail 0 6 bytes are more than 5");
}

#[cfg(unix)]
#[test]
fn the_judge_in_python_looks_at_what_was_found() {
    if !has_python() {
        return;
    }
    let mut stage = Stage::new();
    let rule = documented(&stage, "middle");
    // The middle of 10 to 30, of 64 pixels.
    assert_eq!(line(&stage.one(rule.clone())), "middle review 62 38% off the middle at 0.5 s");
    stage.found.clear();
    assert_eq!(line(&stage.one(rule)), "middle pass 100 ");
}

/// Ends the server with the test.
struct Running(Child);

impl Drop for Running {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

#[test]
fn the_server_in_python_gets_frames() {
    if !has_python() {
        return;
    }
    let stage = Stage::new();
    // It says its port, which nobody else has then.
    let code = example("server.py").replace(
        "HTTPServer((\"127.0.0.1\", int(sys.argv[1])), Judge).serve_forever()",
        "s = HTTPServer((\"127.0.0.1\", 0), Judge)\nprint(s.server_port, flush=True)\ns.serve_forever()",
    );
    assert!(code.contains("server_port"), "the example's last line is another");
    let server = Command::new("python3").args(["-c", &code]).stdout(Stdio::piped()).spawn();
    let mut server = Running(server.expect("it starts"));
    let mut port = String::new();
    let out = server.0.stdout.take().expect("its output");
    BufReader::new(out).read_line(&mut port).expect("its port");
    let url = format!("http://127.0.0.1:{}/", port.trim());
    let at = kinora::manifest::JudgeUrl::Written(url);
    let said = stage.one(rule(JudgeBy::Url { at, token: None }));
    assert_eq!((said.verdict, said.score), (ClipVerdict::Pass, Some(100)), "{}", said.note);
    assert!(said.note.starts_with("3 frames, "), "{}", said.note);
}
