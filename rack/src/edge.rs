//! AWS and the machine, in the words of the tool.

pub mod bounded;
pub mod ecs;
pub mod editor;
pub mod environments;
pub mod files;
pub mod functions;
pub mod gateways;
pub mod objects;
pub mod pauses;
pub mod rack;
pub mod sdk;
pub mod terminal;
