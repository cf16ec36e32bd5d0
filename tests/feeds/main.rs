//! Feeds: from a shop's export to subjects.

mod sets;
