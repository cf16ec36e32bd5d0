//! Feeds: from a shop's export to subjects.

mod forms;
mod init;
mod sets;
