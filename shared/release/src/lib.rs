//! What a Release becomes: task definitions, the template of its App's stack, and what is checked before either.

pub mod app_stack;
pub mod entrance;
pub mod exec_limits;
pub mod named_arns;
pub mod platform;
pub mod problem;
pub mod release_checks;
pub mod stack_state;
pub mod task_definition;
pub mod timer_rule;
