//! A Service or Timer of the Release, and what runs it.

use aws::ecs::EcsService;
use aws::event_rules::SeenRule;
use aws::schedules::SeenSchedule;
use manifest::capacity::Capacity;
use manifest::{Count, Deployment, Service, Timer};
use names::AppId;
use promotion::{Applied, Definition};
use release::task_definition::{self, EnvSource, Launch, Release, RenderError, TaskDefinition};

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
    /// An EventBridge rule, or a schedule of EventBridge Scheduler.
    Timer {
        /// The Timer.
        timer: &'a Timer,
        /// The rule's name, and the schedule's.
        rule: String,
        /// `cron(…)` or `rate(…)`.
        schedule: String,
        /// The time zone of a schedule; `None`: a rule runs it.
        timezone: Option<String>,
        /// The App's rule as it stands, if it does.
        seen: Option<&'a SeenRule>,
        /// The App's schedule as it stands, if it does.
        scheduled: Option<&'a SeenSchedule>,
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

    /// Whether it is to have tasks that run all the time: one that is scaled to none has nothing to wait for.
    #[must_use]
    pub fn has_tasks(&self) -> bool {
        let count = match &self.runs {
            Runs::Service {
                found: Some(found), ..
            } => found.desired_count,
            Runs::Service { found: None, .. } => self.service.scale.min,
            Runs::Timer { .. } => return false,
        };
        self.is_daemon() || count > 0
    }

    /// How many tasks convox.yml says; none where there is one on every instance, and of a Timer.
    #[must_use]
    pub fn count(&self) -> Option<Count> {
        let is_counted = !self.is_timer() && !self.is_daemon();
        is_counted.then(|| self.service.scale.count())
    }

    /// The same of what is the App's own; an ECS service that app.json names keeps its number.
    #[must_use]
    pub fn own_count(&self, id: &AppId) -> Option<Count> {
        let is_own = self.own_capacity(id).is_some();
        self.count().filter(|_| is_own)
    }

    /// How its tasks are replaced, as ECS is told it.
    #[must_use]
    pub fn deployment(&self) -> Deployment {
        let wanted = self.service.deployment.clone();
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
            Runs::Timer {
                timezone,
                seen,
                scheduled,
                ..
            } => {
                let by_rule = seen.and_then(|seen| seen.target.as_ref());
                let by_schedule = scheduled.and_then(SeenSchedule::target);
                let target = if timezone.is_some() {
                    by_schedule.or(by_rule)
                } else {
                    by_rule.or(by_schedule)
                };
                target.map(|target| target.task_definition.as_str())
            }
        }
    }

    /// What is put back with its definition; an ECS service that app.json names keeps what it runs on.
    #[must_use]
    pub fn own_capacity(&self, id: &AppId) -> Option<Capacity> {
        let theirs = match &self.runs {
            Runs::Service { found, .. } => found.is_some_and(|found| !id.owns(&found.tags)),
            Runs::Timer { .. } => false,
        };
        (!theirs).then_some(self.capacity)
    }

    /// The percentages that are put back with it; an ECS service that app.json names keeps its own.
    #[must_use]
    pub fn own_deployment(&self, id: &AppId) -> Option<Deployment> {
        let is_own = self.own_capacity(id).is_some();
        (is_own && !self.is_timer()).then(|| self.deployment())
    }

    /// Whether convox.yml switches ECS Exec on for what is the App's own; an ECS service that app.json names keeps its own.
    #[must_use]
    pub fn own_exec(&self, id: &AppId) -> bool {
        let is_own = self.own_capacity(id).is_some();
        is_own && !self.is_timer() && self.service.exec
    }

    /// The ECS service, or the rule or the schedule.
    #[must_use]
    pub fn runs_as(&self) -> &str {
        match &self.runs {
            Runs::Service { ecs_service, .. } => ecs_service,
            Runs::Timer { rule, .. } => rule,
        }
    }

    /// When a Timer runs.
    #[must_use]
    pub fn schedule(&self) -> Option<&str> {
        match &self.runs {
            Runs::Service { .. } => None,
            Runs::Timer { schedule, .. } => Some(schedule),
        }
    }

    /// The time zone of a Timer that a schedule runs.
    #[must_use]
    pub fn timezone(&self) -> Option<&str> {
        match &self.runs {
            Runs::Service { .. } => None,
            Runs::Timer { timezone, .. } => timezone.as_deref(),
        }
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
    pub(super) fn uses_the_stack(&self) -> bool {
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
    /// [`RenderError`], the same whatever the source.
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
