//! One picture: asked for, taken into a file within its limits, gone on with where it broke, and
//! looked at.

use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use reqwest::Response;
use reqwest::header::{
    CONTENT_ENCODING, CONTENT_RANGE, ETAG, HeaderMap, HeaderName, HeaderValue, IF_MODIFIED_SINCE,
    IF_NONE_MATCH, IF_RANGE, LAST_MODIFIED, RANGE, RETRY_AFTER,
};
use tokio::sync::Semaphore;
use tokio::time::{Instant, timeout_at};
use url::Url;

use super::client::{Answer, Client, slow, status_words};
use super::filling::Filling;
use super::problem::{Problem, Trouble, size};
use super::sniff;
use crate::clock::Clock;
use crate::limits::Limits;
use crate::media::{Facts, Locked, PictureProblem, probe};
use crate::net::{content_range, retry_after, shown, validator, words};

/// Longest that a server may stay silent in the middle of a picture.
const SILENCE: Duration = Duration::from_secs(30);

/// Longer marks are not kept in the lock file.
const LONGEST_MARK: usize = 256;

/// What one try came to.
#[derive(Debug)]
pub(super) enum Came {
    /// The server says that it is what the lock file names.
    Same,
    /// It came whole.
    Picture(Box<Whole>),
}

/// A picture that came whole.
#[derive(Debug)]
pub(super) struct Whole {
    pub file: PathBuf,
    pub facts: Facts,
    pub etag: Option<String>,
    pub last_modified: Option<String>,
}

/// How pictures are taken.
pub(super) struct Downloader {
    pub client: Client,
    pub clock: Arc<dyn Clock>,
    /// How long one try may take.
    pub timeout: Duration,
    /// Most bytes of a picture.
    pub max_bytes: u64,
    /// Limits of pictures.
    pub limits: Limits,
    /// How many are looked at at once: each is read whole for that.
    pub looking: Semaphore,
}

impl Downloader {
    /// Tries once. `known` is what the lock file says and is here, where the server is to be asked
    /// whether it is still the same.
    pub async fn attempt(
        &self,
        url: &Url,
        known: Option<&Locked>,
        filling: &mut Filling,
    ) -> Result<Came, Trouble> {
        let until = Instant::now() + self.timeout;
        let asked = conditions(known, filling);
        let Answer { mut response, from } = self.client.get(url, &asked, until).await?;
        let status = response.status().as_u16();
        match status {
            304 if known.is_some() && filling.came == 0 => return Ok(Came::Same),
            200 => {
                filling.restart();
                filling.total = response.content_length();
                filling.validator = validator(response.headers());
            }
            206 if goes_on(&response, filling) => {}
            206 | 416 => {
                filling.restart();
                let message = format!("answers {status}, and can't go on where it broke off");
                return Err(Trouble::for_now(broken(message)));
            }
            _ => return Err(self.refusal(&response)),
        }
        self.fits(&response, filling)?;
        let encoding = response.headers().get(CONTENT_ENCODING).and_then(|v| v.to_str().ok());
        if let Some(encoding) = encoding.filter(|e| !e.eq_ignore_ascii_case("identity")) {
            let encoding: String = encoding.chars().take(40).collect();
            let message = format!("comes packed ({encoding}), though nobody asked for that");
            let help = "have the server send pictures as they are";
            return Err(Trouble::ForGood(Problem::new("fetch::packed", message, help)));
        }
        let text = |name: HeaderName| {
            let value = response.headers().get(name)?.to_str().ok()?;
            (value.len() <= LONGEST_MARK).then(|| value.to_owned())
        };
        let (etag, last_modified) = (text(ETAG), text(LAST_MODIFIED));
        self.take(&mut response, filling, from.as_ref(), until).await?;
        let (file, facts) = self.look(filling, from.as_ref()).await?;
        Ok(Came::Picture(Box::new(Whole { file, facts, etag, last_modified })))
    }

    /// Whether what is announced is within the limit.
    fn fits(&self, response: &Response, filling: &Filling) -> Result<(), Trouble> {
        let announced = response.content_length().map(|rest| match response.status().as_u16() {
            206 => filling.came.saturating_add(rest),
            _ => rest,
        });
        match filling.total.max(announced).filter(|bytes| *bytes > self.max_bytes) {
            Some(bytes) => Err(Trouble::ForGood(self.too_large(&size(bytes)))),
            None => Ok(()),
        }
    }

    fn too_large(&self, what: &str) -> Problem {
        let message = format!("has {what}; at most {} are taken", size(self.max_bytes));
        let help = "publish a smaller picture; or raise the limit by `fetch: {max_bytes: …}` and \
                    `limits: {picture_bytes: …}`";
        Problem::new("fetch::too_large", message, help)
    }

    /// Takes the body, or its rest.
    async fn take(
        &self,
        response: &mut Response,
        filling: &mut Filling,
        from: Option<&Url>,
        until: Instant,
    ) -> Result<(), Trouble> {
        let had = filling.came;
        loop {
            let silence = (Instant::now() + SILENCE).min(until);
            let piece = match timeout_at(silence, response.chunk()).await {
                Ok(Ok(Some(piece))) => piece,
                Ok(Ok(None)) => break,
                Ok(Err(error)) => {
                    let came = size(filling.came);
                    let message = format!("broke off after {came}: {}", words(error));
                    return Err(Trouble::for_now(broken(message)));
                }
                Err(_) => {
                    let (came, time) = (size(filling.came - had), self.timeout.as_secs_f64());
                    let what = format!("comes too slowly: {came} in a try of {time} s");
                    return Err(Trouble::for_now(slow(what)));
                }
            };
            if filling.came + piece.len() as u64 > self.max_bytes {
                filling.restart();
                return Err(Trouble::ForGood(self.too_large("more bytes than that")));
            }
            filling.write(&piece).map_err(unwritable)?;
            // What is no picture is not taken to its end.
            if filling.start.len() >= sniff::NEEDED {
                is_possible(filling, from)?;
            }
        }
        match filling.total {
            Some(total) if total != filling.came => {
                let message = format!("broke off after {} of {}", size(filling.came), size(total));
                if filling.came > total {
                    filling.restart();
                }
                Err(Trouble::for_now(broken(message)))
            }
            _ => is_possible(filling, from),
        }
    }

    /// Looks at the bytes: only they say what came.
    async fn look(
        &self,
        filling: &mut Filling,
        from: Option<&Url>,
    ) -> Result<(PathBuf, Facts), Trouble> {
        let file = filling.finish().map_err(unwritable)?;
        let _place = self.looking.acquire().await;
        let (limits, path) = (self.limits.clone(), file.clone());
        let probed = tokio::task::spawn_blocking(move || probe(&path, &limits)).await;
        let problem = match probed {
            Ok(Ok(facts)) => return Ok((file, facts)),
            Ok(Err(problem)) => problem,
            Err(_) => PictureProblem::Unreadable("looking at it broke down".to_owned()),
        };
        filling.restart();
        let after = after(from);
        Err(match problem {
            PictureProblem::TooLarge { what, limit } => {
                let help = match limit {
                    "picture_pixels" => {
                        "publish a smaller picture, or raise the limit `picture_pixels`"
                    }
                    _ => "publish a smaller picture, or raise the limit `picture_bytes`",
                };
                let message = format!("gives a picture that is too large: {what}{after}");
                Trouble::ForGood(Problem::new("fetch::too_large", message, help))
            }
            // It may have been cut short on its way, where nobody said its length.
            PictureProblem::Damaged(why) => {
                let help = "open it in a browser: is it whole there? Then run `kinora fetch` again; \
                            if not, publish it anew";
                let message = format!("gives a damaged picture: {why}{after}");
                Trouble::for_now(Problem::new("fetch::damaged", message, help))
            }
            PictureProblem::Undecodable { what, help } => {
                let message = format!("gives a picture that can't be read: {what}{after}");
                Trouble::ForGood(Problem::new("fetch::not_a_picture", message, help))
            }
            PictureProblem::NotAPicture(why) => {
                let help =
                    "give the URL of a JPEG, PNG or WebP picture, as a browser shows it alone";
                let message = format!("gives no picture that can be read: {why}{after}");
                Trouble::ForGood(Problem::new("fetch::not_a_picture", message, help))
            }
            other => {
                let message = format!("was fetched, and can't be used: {other}");
                Trouble::ForGood(Problem::new("fetch::not_written", message, DISK))
            }
        })
    }

    /// A status without a picture.
    fn refusal(&self, response: &Response) -> Trouble {
        let status = response.status();
        let message = format!("answers {}", status_words(status));
        let header = response.headers().get(RETRY_AFTER).and_then(|value| value.to_str().ok());
        let wait = header.and_then(|text| retry_after(text, self.clock.now()));
        match status.as_u16() {
            401 | 403 | 407 => Trouble::ForGood(Problem::new(
                "fetch::denied",
                message,
                "is it public? A token is given by `fetch: {headers: {HOST: {Authorization: \
                 \"env:NAME\"}}}`",
            )),
            404 | 410 => Trouble::ForGood(Problem::new(
                "fetch::gone",
                message,
                "correct the URL in the feed, or mark the reference `optional: true` and empty the cell",
            )),
            429 => Trouble::ForNow {
                problem: Problem::new(
                    "fetch::busy",
                    message,
                    "run `kinora fetch` again later; `fetch: {per_host: 1}` asks less at once",
                ),
                wait,
                host: false,
            },
            408 | 425 | 500..=599 => Trouble::ForNow {
                problem: Problem::new(
                    "fetch::server",
                    message,
                    "the server has trouble; run `kinora fetch` again later",
                ),
                wait,
                host: false,
            },
            _ => Trouble::ForGood(Problem::new(
                "fetch::status",
                format!("{message}, without a picture"),
                "open it in a browser, and give the URL of the picture that is shown",
            )),
        }
    }
}

const DISK: &str = "see whether the disk has room, and .kinora can be written";

fn unwritable(error: std::io::Error) -> Trouble {
    let message = format!("could not be written: {error}");
    Trouble::ForGood(Problem::new("fetch::not_written", message, DISK))
}

fn broken(message: String) -> Problem {
    let help = "run `kinora fetch` again, which goes on where it broke off";
    Problem::new("fetch::broken", message, help)
}

/// Which other place gave it.
fn after(from: Option<&Url>) -> String {
    from.map_or(String::new(), |url| format!(" (after a redirect to {})", shown(url)))
}

fn is_possible(filling: &mut Filling, from: Option<&Url>) -> Result<(), Trouble> {
    let Some(what) = sniff::no_picture(&filling.start) else { return Ok(()) };
    filling.restart();
    let message = format!("gives {what}, not a picture{}", after(from));
    let help = "open it in a browser: pages that show a picture, and logins, have other URLs than \
                the picture itself";
    Err(Trouble::ForGood(Problem::new("fetch::not_a_picture", message, help)))
}

/// The headers by which a server sends nothing that is here already: what is here whole, or the
/// beginning that came before.
fn conditions(known: Option<&Locked>, filling: &mut Filling) -> HeaderMap {
    let mut headers = HeaderMap::new();
    let value = |text: &str| HeaderValue::from_str(text).ok();
    if filling.came > 0 {
        match (filling.validator.clone(), value(&format!("bytes={}-", filling.came))) {
            (Some(validator), Some(range)) => {
                headers.insert(RANGE, range);
                headers.insert(IF_RANGE, validator);
            }
            _ => filling.restart(),
        }
    }
    let Some(known) = known.filter(|_| filling.came == 0) else { return headers };
    let conditions = [(IF_NONE_MATCH, &known.etag), (IF_MODIFIED_SINCE, &known.last_modified)];
    for (name, text) in conditions {
        if let Some(value) = text.as_deref().and_then(value) {
            headers.insert(name, value);
        }
    }
    headers
}

/// Whether a response names other bytes than those that came before. `If-Range` asks for that, and
/// not every server knows it.
fn is_other(headers: &HeaderMap, known: Option<&HeaderValue>) -> bool {
    let Some(known) = known else { return true };
    let name = if known.as_bytes().starts_with(b"\"") { ETAG } else { LAST_MODIFIED };
    headers.get(name).is_some_and(|now| now != known)
}

/// Whether a response goes on where the file ends, with the same bytes.
fn goes_on(response: &Response, filling: &mut Filling) -> bool {
    if filling.came == 0 {
        return false;
    }
    let range = response.headers().get(CONTENT_RANGE).and_then(|value| value.to_str().ok());
    let Some((start, total)) = range.and_then(content_range) else { return false };
    let same = filling.total.zip(total).is_none_or(|(known, total)| known == total);
    filling.total = filling.total.or(total);
    start == filling.came && same && !is_other(response.headers(), filling.validator.as_ref())
}
