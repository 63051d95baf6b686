//! What a task definition needs of what runs it, and which versions of Fargate and of the ECS agent have it.
//!
//! Source: ECS developer guide, "Pass Secrets Manager secrets through Amazon ECS environment variables" and "Pass
//! environment variables to an Amazon ECS container" (considerations: platform 1.4.0, agents 1.37.0 and 1.39.0), "Monitor Amazon
//! ECS containers with ECS Exec" (prerequisites: platform 1.4.0, agent 1.50.2).

use crate::task_definition::{Secrets, TaskDefinition};

/// The first platform of Fargate on Linux that has either.
const PLATFORM: Version = [1, 4, 0];
const AGENT_REFERENCES: Version = [1, 37, 0];
const AGENT_FILES: Version = [1, 39, 0];
const AGENT_EXEC: Version = [1, 50, 2];
/// `arn:partition:secretsmanager:region:account:secret:id` has so many colons; with parts there are more.
const COLONS_OF_ARN: usize = 6;

type Version = [u32; 3];

/// What is used of what older ones lack: newer ways to give variables, and ECS Exec.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Needs {
    /// A JSON key or a version in a reference of `secrets`.
    pub references: bool,
    /// `environmentFiles`.
    pub files: bool,
    /// ECS Exec.
    pub exec: bool,
}

impl Needs {
    /// Everything.
    pub const ALL: Self = Self {
        references: true,
        files: true,
        exec: true,
    };

    /// What a definition needs.
    #[must_use]
    pub fn of(definition: &TaskDefinition) -> Self {
        let has_parts = |secrets: &Secrets| {
            let mut others = secrets.others.values();
            secrets.of_app.is_some() || others.any(|from| from.matches(':').count() > COLONS_OF_ARN)
        };
        let containers = &definition.container_definitions;
        Self {
            references: containers
                .iter()
                .any(|container| has_parts(&container.secrets)),
            files: containers
                .iter()
                .any(|container| !container.environment_files.is_empty()),
            exec: false, // that is no definition's
        }
    }

    /// What either needs.
    #[must_use]
    pub fn and(self, other: Self) -> Self {
        Self {
            references: self.references || other.references,
            files: self.files || other.files,
            exec: self.exec || other.exec,
        }
    }

    /// Whether it needs anything at all.
    #[must_use]
    pub fn any(self) -> bool {
        self.references || self.files || self.exec
    }

    /// Whether a platform version of Fargate, as an ECS service states it, is too old. `LATEST` is none.
    #[must_use]
    pub fn exceed_platform(self, version: &str) -> bool {
        self.any() && is_older(version, PLATFORM)
    }

    /// Whether a version of the ECS agent is too old.
    #[must_use]
    pub fn exceed_agent(self, version: &str) -> bool {
        (self.references && is_older(version, AGENT_REFERENCES))
            || (self.files && is_older(version, AGENT_FILES))
            || (self.exec && is_older(version, AGENT_EXEC))
    }

    /// The oldest agent that has all of it.
    #[must_use]
    pub fn agent(self) -> &'static str {
        match (self.exec, self.files) {
            (true, _) => "1.50.2",
            (false, true) => "1.39.0",
            (false, false) => "1.37.0",
        }
    }

    /// What it is, in words.
    #[must_use]
    pub fn words(self) -> String {
        let all = [
            (self.references, "`secrets` with a JSON key or a version"),
            (self.files, "`environmentFiles`"),
            (self.exec, "`exec`"),
        ];
        let used = all.iter().filter(|(is_used, _)| *is_used);
        let used: Vec<&str> = used.map(|(_, words)| *words).collect();
        used.join(", and ")
    }
}

/// A text that is no version is not older than anything.
fn is_older(version: &str, than: Version) -> bool {
    let mut numbers = version.trim_start_matches('v').split('.');
    let mut number = || numbers.next()?.parse::<u32>().ok();
    let (Some(major), Some(minor), Some(patch)) = (number(), number(), number()) else {
        return false;
    };
    [major, minor, patch] < than
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn versions_are_compared_by_number() {
        let (references, files) = (true, true);
        let keys = Needs {
            references,
            ..Needs::default()
        };
        let files = Needs {
            files,
            ..Needs::default()
        };
        for (agent, old_for_keys, old_for_files) in [
            ("1.0.0", true, true),
            ("1.4.0", true, true),
            ("1.36.9", true, true),
            ("v1.36.0", true, true),
            ("1.37.0", false, true),
            ("1.38.99", false, true),
            ("1.39.0", false, false),
            ("1.105.1", false, false),
            ("2.0.0", false, false),
            ("", false, false),
            ("1.2", false, false),
        ] {
            assert_eq!(keys.exceed_agent(agent), old_for_keys, "{agent}");
            assert_eq!(files.exceed_agent(agent), old_for_files, "{agent}");
            let both = keys.and(files);
            assert_eq!(both.exceed_agent(agent), old_for_files, "{agent}");
            assert!(!Needs::default().exceed_agent(agent), "{agent}");
        }
        let exec = Needs {
            exec: true,
            ..Needs::default()
        };
        for (agent, old) in [("1.50.1", true), ("1.50.2", false), ("1.39.0", true)] {
            assert_eq!(exec.exceed_agent(agent), old, "{agent}");
            assert_eq!(exec.and(keys).exceed_agent(agent), old, "{agent}");
        }
        assert_eq!((exec.agent(), files.agent()), ("1.50.2", "1.39.0"));
        assert_eq!(
            Needs::ALL.words(),
            "`secrets` with a JSON key or a version, and `environmentFiles`, and `exec`"
        );
        for (platform, old) in [
            ("1.0.0", true),
            ("1.3.0", true),
            ("1.4.0", false),
            ("LATEST", false),
        ] {
            assert_eq!(keys.exceed_platform(platform), old, "{platform}");
            assert_eq!(files.exceed_platform(platform), old, "{platform}");
            assert!(!Needs::default().exceed_platform(platform), "{platform}");
        }
    }
}
