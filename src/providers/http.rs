//! The driver: speaks to hosted and self-hosted providers as their cards say.
//!
//! What lives here: a job and a card become requests, and replies become outcomes; sockets,
//! keys, uploads, downloads. What never does: anything that only one provider needs; retries of
//! submissions.

pub mod compose;
