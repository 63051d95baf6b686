//! What the tool decides and how it says it: data in, data out.

pub mod changes;
pub mod dotenv;
pub mod history;
pub mod import;
pub mod members;
pub mod object;
pub mod page;
pub mod plan;
pub mod readers;
pub mod release_name;
pub mod report;
pub mod services;
pub mod settings;
pub mod status;
pub mod table;
pub mod wait;
pub mod why;
