//! Errors of a provider, read by its card's rules. Pure.

use std::cell::LazyCell;

use super::reply::Reply;
use super::secrets::Mask;
use crate::protocol::{Class, ErrorRule, Errors, Stage};
use crate::wire::Scope;

/// Characters of a provider's own message that are kept.
const MESSAGE: usize = 500;

/// Characters of a code or an id.
const CODE: usize = 100;

/// What an error reply means.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Verdict {
    /// Its class.
    pub class: Class,
    /// Whether it is charged all the same.
    pub charged: bool,
    /// Whether it surely was not accepted.
    pub not_accepted: bool,
    /// Whether a rule of the card says so, rather than the status alone.
    pub ruled: bool,
}

/// What the provider says about an error: code, message and id of the request, clean.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(super) struct Said {
    /// Code.
    pub code: Option<String>,
    /// Message.
    pub message: Option<String>,
    /// Id of the request.
    pub request_id: Option<String>,
}

impl Said {
    /// Reads a reply.
    pub fn of(errors: &Errors, reply: &Reply, mask: &Mask) -> Said {
        let body = reply.body();
        let first = |pointers: &[crate::wire::Pointer], header: Option<&String>| {
            let of_body = pointers.iter().find_map(|pointer| pointer.text(body));
            let of_header = || reply.headers.get(&header?.to_ascii_lowercase()).cloned();
            of_body.or_else(of_header).filter(|text| !text.trim().is_empty())
        };
        let short = |text: String| mask.excerpt(&text, CODE);
        Said {
            code: first(&errors.code, errors.code_header.as_ref()).map(short),
            message: first(&errors.message, None).map(|text| mask.excerpt(&text, MESSAGE)),
            request_id: first(&errors.request_id, errors.request_id_header.as_ref()).map(short),
        }
    }

    /// As people read it: the message, else the body's beginning, with code and request id.
    pub fn words(&self, reply: &Reply, mask: &Mask) -> String {
        let mut text = match &self.message {
            Some(message) => message.clone(),
            None => reply.excerpt(mask),
        };
        let code = self.code.as_ref().filter(|code| !text.contains(code.as_str()));
        let code = code.map(|code| format!("code {code}"));
        let request = self.request_id.as_ref().map(|id| format!("request {id}"));
        let beside: Vec<String> = code.into_iter().chain(request).collect();
        if !beside.is_empty() {
            text.push_str(&format!(" ({})", beside.join(", ")));
        }
        text
    }
}

/// What a rule of the card says of a reply; the first that fits decides.
pub(super) fn by_rule(
    errors: &Errors,
    stage: Stage,
    reply: &Reply,
    said: &Said,
    known: &Scope,
) -> Option<Verdict> {
    // Most replies fit no rule by status and stage alone; what conditions see is only then made.
    let scope = LazyCell::new(|| {
        let names = reply.scope(known);
        minijinja::context! {
            code => said.code.as_deref(), message => said.message.as_deref(), ..names
        }
    });
    let fits = |pattern: &String| {
        let code = said.code.as_deref();
        code.is_some_and(|code| glob::Pattern::new(pattern).is_ok_and(|p| p.matches(code)))
    };
    // A rule for everything is about jobs that failed; of a submission it would say that whatever
    // is not understood was surely not taken.
    let says_nothing =
        |rule: &ErrorRule| rule.status.is_empty() && rule.code.is_empty() && rule.when.is_none();
    let rule = errors.rules.iter().find(|rule| {
        if stage == Stage::Submit && says_nothing(rule) {
            return false;
        }
        (rule.status.is_empty() || rule.status.contains(&reply.status))
            && (rule.at.is_empty() || rule.at.contains(&stage))
            && (rule.code.is_empty() || rule.code.iter().any(fits))
            && rule.when.as_ref().is_none_or(|when| when.holds(&scope))
    })?;
    Some(Verdict {
        class: rule.class,
        charged: rule.charged,
        not_accepted: rule.not_accepted,
        ruled: true,
    })
}

/// What the status alone says, as documented on [`Errors::rules`]; absent for 1xx to 3xx.
pub(super) fn by_status(stage: Stage, status: u16) -> Option<Verdict> {
    let class = match status {
        401 | 403 => Class::Auth,
        402 => Class::Payment,
        429 => Class::RateLimited,
        408 | 500..=599 if stage == Stage::Submit => Class::OutcomeUnknown,
        408 | 500..=599 => Class::Transient,
        400..=499 => Class::Invalid,
        _ => return None,
    };
    Some(Verdict { class, charged: false, not_accepted: false, ruled: false })
}
