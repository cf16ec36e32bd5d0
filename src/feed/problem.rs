//! What stops a whole feed, and what is worth saying of one that is read.

use super::entry::Spot;

/// Why a feed can't be opened or read on. Nothing of it can be used.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct FeedProblem {
    /// Stable, for programs: `feed::open_quote`.
    pub code: &'static str,
    /// What happened, one sentence without a full stop.
    pub message: String,
    /// Where; absent where it is about the whole file.
    pub at: Option<Spot>,
    /// What the label under its place says.
    pub label: String,
    /// What to do about it.
    pub help: Option<String>,
}

impl FeedProblem {
    /// About the whole file.
    pub fn new(code: &'static str, message: impl Into<String>) -> Self {
        let label = "this file".to_owned();
        FeedProblem { code, message: message.into(), at: None, label, help: None }
    }

    /// Says where, and what the label there says.
    #[must_use]
    pub fn at(mut self, at: Spot, label: impl Into<String>) -> Self {
        self.at = Some(at);
        self.label = label.into();
        self
    }

    /// Another label for the whole file.
    #[must_use]
    pub fn label(mut self, label: impl Into<String>) -> Self {
        self.label = label.into();
        self
    }

    /// Says what to do.
    #[must_use]
    pub fn help(mut self, help: impl Into<String>) -> Self {
        self.help = Some(help.into());
        self
    }

    /// The system refuses to read on, in its words.
    pub fn unreadable(error: &std::io::Error) -> Self {
        FeedProblem::new("feed::unreadable", format!("the feed can't be read: {error}"))
    }
}

/// Something that was decided about a feed by looking at it, and may be wrong.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct FeedNote {
    /// Stable, for programs: `feed::encoding`.
    pub code: &'static str,
    /// What was decided, one sentence without a full stop.
    pub message: String,
    /// What to write where it is wrong.
    pub help: String,
    /// What it is about; absent where it is the whole file.
    pub at: Option<Spot>,
}
