//! A server as a judge: pictures go there by POST, a score comes back.
//!
//! It follows no redirect, since pictures and a token go only where the manifest says, and reads no
//! more of an answer than it may be long. Where the server was away or busy it is asked once more,
//! inside the same time. What never lives here: what an answer means.

use std::time::{Duration, Instant};

use reqwest::StatusCode;
use reqwest::header::{ACCEPT, CONTENT_TYPE, RETRY_AFTER};
use url::Url;

use super::answer::{self, Said};
use super::child::MOST_ANSWER;
use super::question::Question;
use super::{Judged, hidden};
use crate::clock::{Clock as _, SystemClock};
use crate::digest::Digest;
use crate::environment::Environment;
use crate::manifest::{JudgeUrl, is_this_machine, judge_url};

/// Bytes of a question at most.
const MOST_QUESTION: usize = 16 << 20;
/// How long a server that was away gets to come back, where it doesn't say.
const PAUSE: Duration = Duration::from_millis(500);

/// A server, ready to be asked.
#[derive(Debug)]
pub(super) struct Server {
    url: Url,
    token: Option<String>,
    /// Values that no note repeats.
    secrets: Vec<String>,
}

/// Why one try failed.
struct Failed {
    why: String,
    /// How long to wait before another try, which may go better.
    again: Option<Duration>,
}

impl Failed {
    fn for_good(why: impl Into<String>) -> Self {
        Failed { why: why.into(), again: None }
    }
}

impl Server {
    /// Where it is, and with which token.
    ///
    /// # Errors
    /// What the environment lacks, in words.
    pub fn new(
        at: &JudgeUrl,
        token: Option<&str>,
        environment: &dyn Environment,
    ) -> Result<Self, String> {
        let value = |name: &str| {
            let value = environment.get(name).map(|value| value.trim().to_owned());
            value.filter(|v| !v.is_empty()).ok_or_else(|| format!("`{name}` is not set"))
        };
        let mut secrets = Vec::new();
        let url = match at {
            JudgeUrl::Written(url) => url.clone(),
            JudgeUrl::In(name) => {
                let url = value(name)?;
                secrets.push(url.clone());
                url
            }
        };
        let url = judge_url(&url).map_err(|why| format!("its URL {why}"))?;
        let token = token.map(value).transpose()?;
        secrets.extend(token.clone());
        Ok(Server { url, token, secrets })
    }

    /// Asks it, and once more where it was away or busy.
    pub fn ask(&self, name: &str, judged: &Judged<'_>, wall: Duration) -> Result<Said, String> {
        if judged.frames.is_empty() {
            return Err("there are no frames to send".to_owned());
        }
        let question = Question::with_pictures(name, judged)?;
        let question = serde_json::to_vec(&question).map_err(|e| e.to_string())?;
        if question.len() > MOST_QUESTION {
            return Err(format!("its question is longer than {} MiB", MOST_QUESTION >> 20));
        }
        let answer = self.answer(question, wall).map_err(|why| hidden(&why, &self.secrets))?;
        let mut said = answer::read(&answer).map_err(|why| hidden(&why, &self.secrets))?;
        said.note = hidden(&said.note, &self.secrets);
        Ok(said)
    }

    /// Its answer's bytes. A thread and a runtime of its own: whoever calls may be a thread of
    /// another runtime, and is to wait.
    fn answer(&self, question: Vec<u8>, wall: Duration) -> Result<Vec<u8>, String> {
        let ask = || {
            let runtime = tokio::runtime::Builder::new_current_thread()
                .enable_all()
                .build()
                .map_err(|e| format!("it can't be asked: {e}"))?;
            runtime.block_on(async {
                let tried = tokio::time::timeout(wall, self.tries(question, wall)).await;
                tried.unwrap_or_else(|_| Err(format!("no answer in {} s", wall.as_secs_f64())))
            })
        };
        std::thread::scope(|scope| {
            let asked = scope.spawn(ask).join();
            asked.unwrap_or_else(|_| Err("it can't be asked: its thread broke down".to_owned()))
        })
    }

    async fn tries(&self, question: Vec<u8>, wall: Duration) -> Result<Vec<u8>, String> {
        let began = Instant::now();
        let builder = crate::net::builder();
        let builder = if is_this_machine(&self.url) { builder.no_proxy() } else { builder };
        let client = builder.build().map_err(crate::net::words)?;
        let question = bytes::Bytes::from(question);
        let first = self.once(&client, &question).await;
        let failed = match first {
            Ok(answer) => return Ok(answer),
            Err(failed) => failed,
        };
        let left = wall.saturating_sub(began.elapsed());
        let Some(pause) = failed.again.filter(|pause| *pause < left) else {
            return Err(failed.why);
        };
        tokio::time::sleep(pause).await;
        self.once(&client, &question).await.map_err(|failed| failed.why)
    }

    async fn once(
        &self,
        client: &reqwest::Client,
        question: &bytes::Bytes,
    ) -> Result<Vec<u8>, Failed> {
        let mut request = client
            .post(self.url.clone())
            .header(CONTENT_TYPE, "application/json")
            .header(ACCEPT, "application/json")
            // The same for both tries, so that a server can tell.
            .header("idempotency-key", Digest::of(question).to_string())
            .body(question.clone());
        if let Some(token) = &self.token {
            request = request.bearer_auth(token);
        }
        let sent = request.send().await;
        let mut response = sent.map_err(|error| Failed {
            again: error.is_connect().then_some(PAUSE),
            why: crate::net::words(error),
        })?;
        let status = response.status();
        if status.is_redirection() {
            let why = format!("it answered {status}, and redirects are not followed");
            return Err(Failed::for_good(why));
        }
        if status != StatusCode::OK {
            let passing =
                matches!(status, StatusCode::REQUEST_TIMEOUT | StatusCode::TOO_MANY_REQUESTS)
                    || status.is_server_error();
            let asked = response.headers().get(RETRY_AFTER).and_then(|v| v.to_str().ok());
            let pause = asked
                .and_then(|text| crate::net::retry_after(text, SystemClock.now()))
                .unwrap_or(PAUSE);
            let why = format!("it answered {status}");
            return Err(Failed { why, again: passing.then_some(pause) });
        }
        let mut answer = Vec::new();
        loop {
            let chunk = response.chunk().await;
            match chunk.map_err(|e| Failed::for_good(crate::net::words(e)))? {
                None => return Ok(answer),
                Some(chunk) => answer.extend_from_slice(&chunk),
            }
            if answer.len() as u64 > MOST_ANSWER {
                let why = format!("it answers more than {} KiB", MOST_ANSWER >> 10);
                return Err(Failed::for_good(why));
            }
        }
    }
}
