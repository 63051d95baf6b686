//! A word with a colour and a shape: whoever sees no colours sees the shape, and whoever sees neither has the word.

use promotion::history::{Ended, Entry};
use promotion::verdict::Fate;

/// How something is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Badge {
    /// In a word or two.
    pub word: &'static str,
    /// Its colours, by the style's name for them.
    pub tone: &'static str,
    /// Its shape: the lines of an SVG path in a square of 12.
    pub shape: &'static str,
}

const CHECK: &str = "M2 6.5 5 9.5 10 3";
const CROSS: &str = "M3 3 9 9M9 3 3 9";
const BACK: &str = "M5 2 2 5 5 8M2 5H7.5A2.5 2.5 0 0 1 7.5 10H5";
const BANG: &str = "M6 2V7M6 9.6V10";
const DOTS: &str = "M2.3 6H2.7M5.8 6H6.2M9.3 6H9.7";
const DASH: &str = "M2.5 6H9.5";

impl Badge {
    /// All tasks are of the Release.
    pub const LIVE: Self = Self::new("live", "good", CHECK);
    /// ECS is at it, or nobody looked.
    pub const PROMOTED: Self = Self::new("promoted", "info", DOTS);
    /// ECS went back.
    pub const ROLLED_BACK: Self = Self::new("rolled back", "bad", BACK);
    /// It does not become live.
    pub const STUCK: Self = Self::new("stuck", "warn", BANG);
    /// A newer one came before anything was known of it.
    pub const REPLACED: Self = Self::new("replaced", "quiet", DASH);
    /// It was not done.
    pub const FAILED: Self = Self::new("failed", "bad", CROSS);
    /// It goes on by itself.
    pub const WAITING: Self = Self::new("waiting", "info", DOTS);
    /// A newer request counts.
    pub const SUPERSEDED: Self = Self::new("superseded", "quiet", DASH);
    /// It never came to be worked on.
    pub const REFUSED: Self = Self::new("refused", "bad", CROSS);
    /// The App is gone.
    pub const DELETED: Self = Self::new("deleted", "quiet", DASH);
    /// Nothing of the App runs.
    pub const NOTHING: Self = Self::new("nothing runs", "quiet", DASH);
    /// It works, though not as it was wanted.
    pub const FALLBACK: Self = Self::new("falls back", "warn", BANG);
    /// Somebody should know something.
    pub const WARNING: Self = Self::new("warning", "warn", BANG);
    /// Nobody could look.
    pub const UNREAD: Self = Self::new("could not be read", "bad", CROSS);

    const fn new(word: &'static str, tone: &'static str, shape: &'static str) -> Self {
        Self { word, tone, shape }
    }

    /// What became of a request.
    #[must_use]
    pub fn of(entry: &Entry) -> Self {
        match (entry.status, entry.verdict) {
            (Ended::Promoted, Some(Fate::Live)) => Self::LIVE,
            (Ended::Promoted, Some(Fate::RolledBack)) => Self::ROLLED_BACK,
            (Ended::Promoted, Some(Fate::Stuck)) => Self::STUCK,
            (Ended::Promoted, Some(Fate::Replaced)) => Self::REPLACED,
            (Ended::Promoted, None) => Self::PROMOTED,
            (Ended::Deleted, _) => Self::DELETED,
            (Ended::Failed, _) => Self::FAILED,
            (Ended::Waiting, _) => Self::WAITING,
            (Ended::Superseded, _) => Self::SUPERSEDED,
            (Ended::Refused, _) => Self::REFUSED,
        }
    }
}
