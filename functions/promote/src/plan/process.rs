//! A Service or Timer of the Release, and what runs it.

use shared::capacity::Capacity;
use shared::ecs::EcsService;
use shared::event_rules::SeenRule;
use shared::manifest::{Service, Timer};
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
