//! What a container cannot be started with where `convox-env` hands it its variables: limits of Linux, and of what is read.
//!
//! Secrets Manager meets neither: a secret holds 64 KiB, and ECS starts the container itself with it.
//!
//! Source: execve(2), "Limits on size of arguments and environment" (`MAX_ARG_STRLEN`; a quarter of the soft limit of the
//! stack, at most 6 MiB), measured on Linux 6.18 with pages of 4 KiB: a variable of 131,072 bytes starts and one of 131,073
//! does not; of 8 MiB of stack, which containers have unless their host says otherwise, variables and arguments take 2 MiB.

use std::collections::BTreeSet;

use crate::problem::UserError;
use crate::task_definition::TaskDefinition;
use environment::{EnvKey, Environment, OBJECT_MAX_BYTES};
use manifest::Service;
use names::error_type::ErrorType;

/// One variable: its name, `=`, its value, and the byte that ends it.
pub const VARIABLE_MAX_BYTES: usize = 131_072;
/// All variables and arguments, each with the byte that ends it and its pointer.
pub const ALL_MAX_BYTES: usize = 2 * 1024 * 1024;

const POINTER_BYTES: usize = 8;

/// What no container can be started with.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum BeyondLimits {
    /// `convox-env` reads no object that large.
    #[error(
        "the environment object has {bytes} bytes and containers read at most {OBJECT_MAX_BYTES}; leave out what no \
         container needs"
    )]
    Object {
        /// The object's bytes.
        bytes: usize,
    },
    /// Linux takes no variable that long.
    #[error(
        "the variable `{key}` takes {bytes} bytes with its name and Linux takes {VARIABLE_MAX_BYTES} of one \
         variable; shorten it, or have the container read it from somewhere else"
    )]
    Variable {
        /// Its name.
        key: EnvKey,
        /// The bytes of both.
        bytes: usize,
    },
    /// Linux does not take as much of variables and arguments together.
    #[error(
        "the variables of `{name}` take {bytes} bytes and Linux takes {ALL_MAX_BYTES} of variables and arguments; let \
         the Service declare those that it needs instead of `*`, or shorten them"
    )]
    Variables {
        /// The Service or the Timer.
        name: String,
        /// The bytes of all.
        bytes: usize,
    },
}

impl UserError for BeyondLimits {
    fn error_type(&self) -> ErrorType {
        match self {
            Self::Object { .. } => ErrorType::EnvironmentTooLarge,
            Self::Variable { .. } => ErrorType::VariableTooLarge,
            Self::Variables { .. } => ErrorType::VariablesTooLarge,
        }
    }
}

/// Why the object of an environment cannot be read by a container.
#[must_use]
pub fn object_too_large(bytes: usize) -> Option<BeyondLimits> {
    (bytes > OBJECT_MAX_BYTES).then_some(BeyondLimits::Object { bytes })
}

/// What of `environment` the container of `definition` cannot be started with; `name` is the Service's or the Timer's.
///
/// Images have variables too, and what `secrets` of convox.yml hold is not known here: what is found is too much for certain.
#[must_use]
pub fn too_large(
    name: &str,
    service: &Service,
    environment: &Environment,
    definition: &TaskDefinition,
) -> Vec<BeyondLimits> {
    let delivered: BTreeSet<&EnvKey> = service.declared_of(environment).collect();
    let value = |key: &EnvKey| environment.get(key.as_str()).map_or("", |v| v.expose());
    let mut beyond = Vec::new();
    let mut all = 0;
    for &key in &delivered {
        let bytes = variable(key.as_str(), value(key));
        all += bytes + POINTER_BYTES;
        if bytes > VARIABLE_MAX_BYTES {
            let key = key.clone();
            beyond.push(BeyondLimits::Variable { key, bytes });
        }
    }
    for container in &definition.container_definitions {
        let own = container.environment.iter();
        let own = own.filter(|(name, _)| !delivered.iter().any(|key| key.as_str() == *name));
        all += own
            .map(|(name, value)| variable(name, value) + POINTER_BYTES)
            .sum::<usize>();
        let arguments = container.command.iter();
        all += arguments
            .map(|argument| argument.len() + 1 + POINTER_BYTES)
            .sum::<usize>();
    }
    if all > ALL_MAX_BYTES && beyond.is_empty() {
        beyond.push(BeyondLimits::Variables {
            name: name.to_owned(),
            bytes: all,
        });
    }
    beyond
}

fn variable(name: &str, value: &str) -> usize {
    name.len() + value.len() + 2
}

#[cfg(test)]
mod tests {
    use super::*;
    use environment::EnvValue;

    #[test]
    fn only_what_containers_read_is_an_object() {
        assert_eq!(object_too_large(OBJECT_MAX_BYTES), None);
        assert!(object_too_large(OBJECT_MAX_BYTES + 1).is_some());
    }

    #[test]
    fn the_kernel_of_this_machine_takes_a_variable_as_large_and_no_larger() {
        for (bytes, want) in [(VARIABLE_MAX_BYTES, true), (VARIABLE_MAX_BYTES + 1, false)] {
            let value = EnvValue::from("x".repeat(bytes - "A".len() - 2));
            assert_eq!(variable("A", value.expose()), bytes);
            let started = std::process::Command::new("true")
                .env_clear()
                .env("A", value.expose())
                .status();
            assert_eq!(started.is_ok(), want, "{bytes}");
        }
    }
}
