//! What the functions have in common: settings, intake, and the way of every message through an App's state.

pub mod answer;
pub mod counting;
pub mod history;
pub mod intake;
pub mod logs;
pub mod owners;
pub mod rack_settings;
#[cfg(feature = "kms")]
pub mod release;
pub mod release_settings;
pub mod state_store;
#[cfg(feature = "ecs")]
pub mod stranded;
#[cfg(feature = "ecs")]
pub mod unwanted;
pub mod variables;
pub mod verdict;
pub mod work;
