//! Feeds: from a shop's export to subjects.

mod exports;
mod forms;
mod init;
mod sets;
