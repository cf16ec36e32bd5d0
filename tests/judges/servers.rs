//! Servers: what travels, what may come back, and when they are asked once more.

use std::io::{BufRead as _, BufReader, Read as _, Write as _};
use std::net::{TcpListener, TcpStream};
use std::sync::{Arc, Mutex};

use data_encoding::BASE64;
use kinora::manifest::JudgeUrl;
use serde_json::Value;

use super::*;

/// What one request brought: its headers, in lower case, and its body.
type Asked = (String, Value);

/// Answers in their order, the last again and again; an empty one never comes.
struct Server {
    url: String,
    asked: Arc<Mutex<Vec<Asked>>>,
}

impl Server {
    fn answering(answers: &[String]) -> Self {
        let socket = TcpListener::bind("127.0.0.1:0").expect("a free port");
        let url = format!("http://{}/judge?key=canary-url", socket.local_addr().expect("bound"));
        let asked = Arc::new(Mutex::new(Vec::new()));
        let (for_thread, answers) = (Arc::clone(&asked), answers.to_vec());
        std::thread::spawn(move || {
            let mut kept = Vec::new();
            for (at, stream) in socket.incoming().enumerate() {
                let mut stream = stream.expect("a connection");
                for_thread.lock().expect("whole").push(read(&mut stream));
                let answer = &answers[at.min(answers.len() - 1)];
                let _ = stream.write_all(answer.as_bytes());
                if answer.is_empty() {
                    kept.push(stream);
                }
            }
        });
        Server { url, asked }
    }

    fn asked(&self) -> Vec<Asked> {
        self.asked.lock().expect("whole").clone()
    }

    fn rule(&self) -> JudgeRule {
        rule(JudgeBy::Url { at: JudgeUrl::Written(self.url.clone()), token: None })
    }
}

fn read(stream: &mut TcpStream) -> Asked {
    let mut reader = BufReader::new(stream);
    let mut head = String::new();
    while !head.ends_with("\r\n\r\n") {
        assert!(reader.read_line(&mut head).expect("a line") > 0, "{head}");
    }
    let head = head.to_lowercase();
    let length = head.split("content-length: ").nth(1).and_then(|rest| rest.lines().next());
    let mut body = vec![0; length.and_then(|text| text.parse().ok()).expect("a length")];
    reader.read_exact(&mut body).expect("the body");
    (head, serde_json::from_slice(&body).expect("JSON"))
}

fn reply(status: &str, headers: &str, body: &str) -> String {
    format!("HTTP/1.1 {status}\r\ncontent-length: {}\r\n{headers}\r\n{body}", body.len())
}

fn fine(score: u8) -> String {
    reply("200 OK", "", &format!("{{\"score\": {score}}}"))
}

#[test]
fn a_server_gets_pictures_and_no_paths() {
    let server = Server::answering(&[fine(85)]);
    let mut stage = Stage::new();
    stage.environment.insert("TOKEN".to_owned(), "canary-token".to_owned());
    stage.environment.insert("AT".to_owned(), server.url.clone());
    let (at, token) = (JudgeUrl::In("AT".to_owned()), Some("TOKEN".to_owned()));
    assert_eq!(line(&stage.one(rule(JudgeBy::Url { at, token }))), "label pass 85 ");
    let (head, told) = server.asked().remove(0);
    assert!(head.starts_with("post /judge?key=canary-url http/1.1"), "{head}");
    assert!(head.contains("authorization: bearer canary-token"), "{head}");
    let schema = jsonschema::validator_for(&kinora::verification::judges::question_schema());
    assert!(schema.expect("a schema").is_valid(&told), "{told}");
    assert!(!told.to_string().contains(stage.path().to_str().expect("text")), "{told}");
    let frames = told["frames"].as_array().expect("frames");
    assert_eq!(frames.len(), 3);
    let pictures = frames.iter().chain(told["references"].as_array().expect("references"));
    for picture in pictures {
        let jpeg = picture["jpeg"].as_str().expect("a picture");
        let jpeg = BASE64.decode(jpeg.as_bytes()).expect("base64");
        image::load_from_memory(&jpeg).expect("a picture");
    }
}

#[test]
fn of_many_frames_sixteen_travel() {
    let server = Server::answering(&[fine(85)]);
    let mut stage = Stage::new();
    let frame = stage.frames[0].clone();
    stage.frames = (0..64).map(|at| Sample { index: at, at_ms: at, ..frame.clone() }).collect();
    stage.found[0].frame = 63;
    stage.one(server.rule());
    let (_, told) = server.asked().remove(0);
    let times: Vec<u64> = told["frames"]
        .as_array()
        .expect("frames")
        .iter()
        .map(|frame| frame["at_ms"].as_u64().expect("a time"))
        .collect();
    assert_eq!((times.len(), times[0], times[15]), (16, 0, 63));
    assert_eq!(told["found"][0]["frame"], 15, "places are those of what travels");
}

#[test]
fn one_that_was_busy_is_asked_once_more_and_never_again() {
    for (answers, said, asked) in [
        (vec![reply("503 Busy", "retry-after: 0\r\n", ""), fine(90)], "label pass 90 ", 2),
        (
            vec![reply("500 Broken", "", "")],
            "label not_inspected - it answered 500 Internal Server Error",
            2,
        ),
        (
            vec![reply("429 Later", "retry-after: 3000\r\n", ""), fine(90)],
            "label not_inspected - it answered 429 Too Many Requests",
            1,
        ),
        (
            vec![reply("401 No", "", ""), fine(90)],
            "label not_inspected - it answered 401 Unauthorized",
            1,
        ),
    ] {
        let server = Server::answering(&answers);
        assert_eq!(line(&Stage::new().one(server.rule())), said);
        let requests = server.asked();
        assert_eq!(requests.len(), asked, "{said}");
        let key = |(head, _): &Asked| -> String {
            head.lines().find(|l| l.starts_with("idempotency-key")).unwrap_or("none").to_owned()
        };
        assert!(requests.iter().all(|r| key(r) == key(&requests[0]) && key(r) != "none"));
    }
}

#[test]
fn what_is_no_answer_is_not_inspected_and_shows_no_secret() {
    let long = format!("{{\"score\": 90, \"note\": \"{}\"}}", "x".repeat(100_000));
    let elsewhere = "location: http://127.0.0.1:1/elsewhere\r\n";
    for (answer, why) in [
        (reply("200 OK", "", "<html>"), "its answer makes no sense"),
        (reply("200 OK", "", ""), "it answers nothing"),
        (reply("204 No Content", "", ""), "it answered 204"),
        (reply("200 OK", "", &long), "it answers more than 64 KiB"),
        (reply("307 Moved", elsewhere, ""), "redirects are not followed"),
        ("HTTP/1.1 200 OK\r\ncontent-length: 400\r\n\r\n{".to_owned(), "body"),
        ("nonsense\r\n\r\n".to_owned(), ""),
        (String::new(), "no answer in 1 s"),
    ] {
        let server = Server::answering(&[answer]);
        let quick = JudgeRule { timeout: Duration::from_secs(1), ..server.rule() };
        let said = Stage::new().one(quick);
        assert_eq!((said.verdict, said.score), (ClipVerdict::NotInspected, None), "{why}");
        assert!(said.note.contains(why) && !said.note.is_empty(), "{why}: {}", said.note);
        assert!(!said.note.contains("canary"), "{}", said.note);
    }
}

#[test]
fn a_server_that_is_away_or_unnamed_says_nothing_and_a_token_is_never_repeated() {
    let mut stage = Stage::new();
    let socket = TcpListener::bind("127.0.0.1:0").expect("a free port");
    let away = format!("http://{}/", socket.local_addr().expect("bound"));
    drop(socket);
    let said = stage.one(rule(JudgeBy::Url { at: JudgeUrl::Written(away), token: None }));
    assert_eq!(said.verdict, ClipVerdict::NotInspected);
    let at = || JudgeUrl::In("AT".to_owned());
    let said = stage.one(rule(JudgeBy::Url { at: at(), token: None }));
    assert_eq!(said.note, "`AT` is not set");
    stage.environment.insert("AT".to_owned(), "http://judges.example.com/canary".to_owned());
    let said = stage.one(rule(JudgeBy::Url { at: at(), token: None }));
    assert_eq!(said.note, "its URL is plain http to another machine");
    let echo = r#"{"score": 90, "note": "your key is canary-token"}"#;
    let server = Server::answering(&[reply("200 OK", "", echo)]);
    stage.environment.insert("TOKEN".to_owned(), "canary-token".to_owned());
    let at = JudgeUrl::Written(server.url.clone());
    let said = stage.one(rule(JudgeBy::Url { at, token: Some("TOKEN".to_owned()) }));
    assert_eq!(line(&said), "label pass 90 your key is •••");
}

#[test]
fn without_frames_there_is_nothing_to_send() {
    let server = Server::answering(&[fine(90)]);
    let mut stage = Stage::new();
    stage.frames.clear();
    let said = line(&stage.one(server.rule()));
    assert_eq!(said, "label not_inspected - there are no frames to send");
    assert!(server.asked().is_empty());
}

/// Judges are asked from threads of a run's runtime.
#[test]
fn a_server_can_be_asked_from_inside_a_runtime() {
    let server = Server::answering(&[fine(90)]);
    let runtime = tokio::runtime::Builder::new_current_thread().build().expect("a runtime");
    let said = runtime.block_on(async { Stage::new().one(server.rule()) });
    assert_eq!(line(&said), "label pass 90 ");
}
