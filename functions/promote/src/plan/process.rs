//! A Service or Timer of the Release, and what runs it.

use std::collections::BTreeSet;

use shared::capacity::Capacity;
use shared::ecs::EcsService;
use shared::event_rules::SeenRule;
use shared::manifest::{Deployment, Service, Timer};
use shared::promotion::{Applied, Definition};
use shared::task_definition::{self, EnvSource, Launch, Release, RenderError, TaskDefinition};

/// A Service or a Timer of the Release.
pub struct Process<'a> {
    /// The Service, or the one that the Timer names.
    pub service: &'a Service,
    /// What its tasks run on.
    pub capacity: Capacity,
    /// How its tasks are launched.
    pub launch: Launch,
    /// What becomes of its definition.
    pub runs: Runs<'a>,
}

/// What runs a definition.
pub enum Runs<'a> {
    /// An ECS service.
    Service {
        /// Its name.
        ecs_service: String,
        /// The service as it stands; `None`: it is created.
        found: Option<&'a EcsService>,
    },
    /// An EventBridge rule.
    Timer {
        /// The Timer.
        timer: &'a Timer,
        /// The rule's name.
        rule: String,
        /// `cron(…)` or `rate(…)`.
        schedule: String,
        /// The rule as it stands, if it does.
        seen: Option<&'a SeenRule>,
    },
}

impl Process<'_> {
    /// The Service's or the Timer's name.
    #[must_use]
    pub fn name(&self) -> &str {
        match &self.runs {
            Runs::Service { .. } => self.service.name.as_str(),
            Runs::Timer { timer, .. } => timer.name.as_str(),
        }
    }

    /// Where convox.yml has it: `services.web`, `timers.nightly`.
    #[must_use]
    pub fn path(&self) -> String {
        let kind = if self.is_timer() {
            "timers"
        } else {
            "services"
        };
        format!("{kind}.{}", self.name())
    }

    /// Whether it is a Timer.
    #[must_use]
    pub fn is_timer(&self) -> bool {
        matches!(self.runs, Runs::Timer { .. })
    }

    /// Whether it runs once on every instance: as what stands does, since ECS cannot change that.
    #[must_use]
    pub fn is_daemon(&self) -> bool {
        match &self.runs {
            Runs::Service {
                found: Some(found), ..
            } => found.is_daemon,
            Runs::Service { found: None, .. } => self.service.agent.is_some(),
            Runs::Timer { .. } => false,
        }
    }

    /// How its tasks are replaced, as ECS is told it.
    #[must_use]
    pub fn deployment(&self) -> Deployment {
        let wanted = self.service.deployment;
        if self.is_daemon() {
            wanted.of_daemon()
        } else {
            wanted
        }
    }

    /// The revision that runs now, if any does.
    #[must_use]
    pub fn running(&self) -> Option<&str> {
        match &self.runs {
            Runs::Service { found, .. } => found.map(|found| found.task_definition.as_str()),
            Runs::Timer { seen, .. } => seen
                .and_then(|seen| seen.target.as_ref())
                .map(|target| target.task_definition.as_str()),
        }
    }

    /// The task definition that it is to run. A Service or Timer of an App that was promoted before it had a stack of its
    /// own keeps what it runs, with the Rack's roles and log group, until something else changes too, or that is `dead`.
    ///
    /// # Errors
    ///
    /// As [`Process::render`].
    pub fn definition(
        &self,
        release: &Release<'_>,
        source: &EnvSource,
        applied: Option<&Applied>,
        dead: &BTreeSet<String>,
    ) -> Result<TaskDefinition, RenderError> {
        let of_stack = self.render(release, source)?;
        let known = applied.and_then(|applied| self.applied(applied));
        let Some(known) = known.filter(|known| !dead.contains(&known.arn)) else {
            return Ok(of_stack);
        };
        if known.digest == of_stack.digest() || self.uses_the_stack() {
            return Ok(of_stack);
        }
        let bare = Release {
            stack: None,
            ..*release
        };
        let bare = self.render(&bare, source)?;
        Ok(if known.digest == bare.digest() {
            bare
        } else {
            of_stack
        })
    }

    /// What of the applied Release is the same Service or Timer.
    #[must_use]
    pub fn applied<'a>(&self, applied: &'a Applied) -> Option<&'a Definition> {
        let of_kind = if self.is_timer() {
            &applied.timers
        } else {
            &applied.services
        };
        of_kind.get(self.name())
    }

    /// Whether its tasks need of the App's stack what the Rack has not.
    fn uses_the_stack(&self) -> bool {
        let own_role = match &self.runs {
            Runs::Service { .. } => !self.service.policies.is_empty(),
            Runs::Timer { timer, .. } => !timer.policies.is_empty(),
        };
        own_role || !self.service.resources.is_empty()
    }

    /// Renders its task definition.
    ///
    /// # Errors
    ///
    /// [`RenderError`]; a plan has none, whatever the source.
    pub fn render(
        &self,
        release: &Release<'_>,
        source: &EnvSource,
    ) -> Result<TaskDefinition, RenderError> {
        match &self.runs {
            Runs::Service { .. } => {
                task_definition::service(release, self.service, &self.launch, source)
            }
            Runs::Timer { timer, .. } => {
                task_definition::timer(release, timer, self.service, &self.launch, source)
            }
        }
    }
}
