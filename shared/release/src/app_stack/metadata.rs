//! What a template says of itself under `Metadata`: what the properties of its resources do not say, and the next rendering
//! has to know.

use serde::{Deserialize, Serialize};

/// The member of `Metadata` in which [`super::Before`] finds what the properties do not say.
pub(super) const NOTES: &str = "Convox";

/// The member of `Metadata` that says what of convox.yml the roles follow.
pub(super) const ACCESS: &str = "ConvoxAccess";

/// The member of `Metadata` that says which resources left last.
pub(super) const REMOVED: &str = "ConvoxRemoved";

/// What the properties of a resource do not say.
#[derive(Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, rename_all = "camelCase")]
pub(super) struct Note {
    /// The logical id of the database, cache or file system.
    pub(super) id: String,
    /// What a message may call the resource.
    pub(super) shown: String,
    /// The resource whose generated password opens it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) login: Option<String>,
    /// Whether it was a read replica once: then what a new database is given would replace it.
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    pub(super) promoted: bool,
    /// The Release that replaced what stood there by a new, empty one. It stays written down, so that the promote says so when
    /// it is done too: by then nothing differs any more.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) replaced_for: Option<String>,
    /// Whether a replica is encrypted, which follows from its source.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) encrypted: Option<bool>,
}

/// A resource that convox.yml has no more.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct RemovedResource {
    /// What a message may call it.
    pub name: String,
    /// What becomes of what it holds.
    pub data: DataAfter,
}

/// What becomes of the data of a resource that is removed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub enum DataAfter {
    /// They stay in a final snapshot.
    FinalSnapshot,
    /// Nothing of them stays.
    Gone,
}

impl DataAfter {
    pub(super) fn in_words(self) -> &'static str {
        match self {
            Self::FinalSnapshot => "its data stay in a final snapshot only",
            Self::Gone => "its data are gone for good",
        }
    }
}

/// The last that left, with the request that they left for.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub(super) struct Removed {
    pub(super) request: String,
    pub(super) resources: Vec<RemovedResource>,
}
