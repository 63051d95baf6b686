//! What an ECS service or a rule is told so that it runs a revision. Pure.

use aws::ecs::{Change, EcsService};
use aws::event_rules::SeenRule;
use aws::schedules::SeenSchedule;
use manifest::{Course, Deployment, DeploymentChange};
use promotion::Was;
use release::entrance::{Balancing, Connector};
use release::timer_rule::{Network, Placement, TimerRule, TimerSchedule, TimerTarget};

use super::revision::Draft;
use super::{Process, Runs, count, strategies};

/// What the ECS service or the rule of a process is told.
#[derive(Clone)]
pub enum Action<'a> {
    /// The ECS service is created.
    Create(NewEcsService),
    /// The ECS service is moved to the revision.
    Move(ServiceMove<'a>),
    /// The rule or the schedule of a Timer is created, or made to say this.
    Put(TimerPut<'a>),
}

/// An ECS service to be.
#[derive(Clone)]
pub struct NewEcsService {
    /// Its name.
    pub name: String,
    /// How many tasks it runs.
    pub count: u32,
    /// Whether it runs one on every instance instead.
    pub is_daemon: bool,
    /// How its tasks are replaced.
    pub deployment: Deployment,
    /// Where they run.
    pub placement: Placement,
    /// Whether people get into its containers by ECS Exec.
    pub exec: bool,
    /// The load balancers that send to it.
    pub balancing: Balancing,
    /// What attaches it to gateways.
    pub connectors: Vec<Connector>,
}

/// An ECS service that stands, and what changes beside its revision.
#[derive(Clone)]
pub struct ServiceMove<'a> {
    /// The service as it stands.
    pub found: &'a EcsService,
    /// How its tasks are replaced from now on.
    pub deployment: Option<Deployment>,
    /// What they run on from now on.
    pub placement: Option<Placement>,
    /// Their network from now on, where that alone changes.
    pub network: Option<Network>,
    /// Whether people get into its containers by ECS Exec from now on.
    pub exec: Option<bool>,
    /// The load balancers that send to it from now on.
    pub balancing: Option<Balancing>,
    /// What attaches it to gateways from now on.
    pub connectors: Option<Vec<Connector>>,
    /// How many tasks it runs from now on.
    pub count: Option<u32>,
}

/// What runs a Timer, a rule or a schedule, but for the revision that it starts.
#[derive(Clone)]
pub struct TimerPut<'a> {
    /// Its name; the rule and the schedule of a Timer have the same.
    pub name: String,
    /// The App's rule of that name as it stands.
    pub rule: Option<&'a SeenRule>,
    /// The App's schedule of that name as it stands.
    pub scheduled: Option<&'a SeenSchedule>,
    /// `cron(…)` or `rate(…)`.
    pub schedule: String,
    /// The time zone of a schedule; `None`: a rule runs it.
    pub timezone: Option<String>,
    /// The cluster.
    pub cluster_arn: String,
    /// The role that the task is started with.
    pub role_arn: String,
    /// Where the task runs.
    pub placement: Placement,
    /// The queue of what a schedule could not start.
    pub dead_letter_arn: String,
    /// Whether what is created is not to fire.
    pub is_disabled: bool,
}

/// One call, or two, that bring a Timer to what runs it: in this order, so that at no moment nothing runs it.
#[derive(Debug, PartialEq)]
pub enum TimerStep<'a> {
    /// The rule is created, or made to say this.
    PutRule {
        /// What it says.
        rule: TimerRule,
        /// The rule as it stands.
        seen: Option<&'a SeenRule>,
        /// Whether one that is created is not to fire.
        is_disabled: bool,
    },
    /// The schedule is created, or made to say this.
    PutSchedule {
        /// What it says.
        schedule: TimerSchedule,
        /// The schedule as it stands.
        seen: Option<&'a SeenSchedule>,
        /// Whether one that is created is not to fire.
        is_disabled: bool,
    },
    /// The rule goes: the schedule stands.
    RemoveRule,
    /// The schedule goes: the rule stands.
    RemoveSchedule,
}

impl TimerStep<'_> {
    /// Whether it ends what ran the Timer so far.
    #[must_use]
    pub fn removes(&self) -> bool {
        matches!(self, Self::RemoveRule | Self::RemoveSchedule)
    }
}

impl Action<'_> {
    /// Whether something is made that was not there.
    #[must_use]
    pub fn creates(&self) -> bool {
        match self {
            Self::Create(_) => true,
            Self::Move(_) => false,
            Self::Put(timer) => timer.creates(),
        }
    }

    /// The number of tasks before and from now on, where it changes.
    #[must_use]
    pub fn counts(&self) -> Option<(u32, u32)> {
        match self {
            Self::Move(moved) => Some((moved.found.desired_count, moved.count?)),
            Self::Create(_) | Self::Put(_) => None,
        }
    }

    /// What of an ECS service's deployments changes.
    #[must_use]
    pub fn deployment(&self) -> Vec<DeploymentChange> {
        match self {
            Self::Move(moved) => {
                let told = moved.deployment.as_ref();
                let changes = told.map(|told| told.changes_from(&moved.found.deployment));
                changes.unwrap_or_default()
            }
            Self::Create(_) | Self::Put(_) => Vec::new(),
        }
    }

    /// What a Timer is moved from, where the other kind runs it so far: `rule` or `schedule`.
    #[must_use]
    pub fn moves_from(&self) -> Option<&'static str> {
        match self {
            Self::Put(timer) => timer.moves_from(),
            Self::Create(_) | Self::Move(_) => None,
        }
    }

    /// Whether it changes anything, where the revision is one that is there. What drains is made anew.
    pub(super) fn is_needed(&self, definition: &str) -> bool {
        match self {
            Self::Create(_) => true,
            Self::Move(moved) => {
                moved.found.task_definition != definition
                    || moved.found.is_draining()
                    || moved.change() != Change::default()
            }
            Self::Put(timer) => !timer.steps(definition).is_empty(),
        }
    }
}

impl ServiceMove<'_> {
    /// What changes beside the revision.
    #[must_use]
    pub fn change(&self) -> Change<'_> {
        Change {
            deployment: self.deployment.as_ref(),
            placement: self.placement.as_ref(),
            network: self.network.as_ref(),
            exec: self.exec,
            balancing: self.balancing.as_ref(),
            connectors: self.connectors.as_deref(),
            count: self.count,
        }
    }

    /// What of it is its user's where convox.yml does not change, and is changed, as it stands.
    #[must_use]
    pub fn changes(&self) -> Was {
        Was {
            exec: self.exec.map(|_| self.found.exec),
            count: self.count.map(|_| self.found.desired_count),
            deployment: self.course_before(),
            balancing: self
                .balancing
                .as_ref()
                .map(|_| self.found.balancing.clone()),
        }
    }
}

impl ServiceMove<'_> {
    /// How tasks were replaced, whole, where more than the percentages changes.
    fn course_before(&self) -> Option<Deployment> {
        let found = &self.found.deployment;
        let changed = self.deployment.as_ref();
        let changed = changed.filter(|changed| changed.has_another_course(found));
        changed.map(|_| found.whole())
    }
}

impl<'a> TimerPut<'a> {
    /// Whether what is to run it does not stand.
    #[must_use]
    pub fn creates(&self) -> bool {
        match self.timezone {
            None => self.rule.is_none(),
            Some(_) => self.scheduled.is_none(),
        }
    }

    /// What it is moved from where the other kind stands: `rule` or `schedule`.
    #[must_use]
    pub fn moves_from(&self) -> Option<&'static str> {
        match self.timezone {
            None => self.scheduled.map(|_| "schedule"),
            Some(_) => self.rule.map(|_| "rule"),
        }
    }

    /// What is done so that this and nothing else starts `definition`.
    ///
    /// What is to run it is put before the other kind goes: whoever dies between the two leaves both, and whoever comes next
    /// finds both and ends it. The other way round no run would be started in between.
    #[must_use]
    pub fn steps(&self, definition: &str) -> Vec<TimerStep<'a>> {
        let is_disabled = self.is_disabled;
        let rule = self.rule(definition);
        let mut steps = Vec::new();
        if let Some(timezone) = &self.timezone {
            let schedule = TimerSchedule {
                rule,
                timezone: timezone.clone(),
                dead_letter_arn: self.dead_letter_arn.clone(),
            };
            if !self.scheduled.is_some_and(|seen| seen.says(&schedule)) {
                steps.push(TimerStep::PutSchedule {
                    schedule,
                    seen: self.scheduled,
                    is_disabled,
                });
            }
            steps.extend(self.rule.map(|_| TimerStep::RemoveRule));
        } else {
            if !self.rule.is_some_and(|seen| seen.says(&rule)) {
                steps.push(TimerStep::PutRule {
                    rule,
                    seen: self.rule,
                    is_disabled,
                });
            }
            steps.extend(self.scheduled.map(|_| TimerStep::RemoveSchedule));
        }
        steps
    }

    /// All that the rule says, where it starts `definition`.
    #[must_use]
    pub fn rule(&self, definition: &str) -> TimerRule {
        TimerRule {
            schedule: self.schedule.clone(),
            target: TimerTarget {
                cluster_arn: self.cluster_arn.clone(),
                role_arn: self.role_arn.clone(),
                task_definition: definition.to_owned(),
                placement: self.placement.clone(),
            },
        }
    }
}

/// Whether what runs a Timer does not fire: what comes in its place does not either.
pub(crate) fn is_disabled(rule: Option<&SeenRule>, scheduled: Option<&SeenSchedule>) -> bool {
    rule.is_some_and(SeenRule::is_disabled) || scheduled.is_some_and(SeenSchedule::is_disabled)
}

impl<'a> Draft<'_, 'a> {
    /// What makes a process run a revision.
    pub(super) fn action(&self, process: &Process<'a>) -> Action<'a> {
        let placement = Placement::on(process.capacity, self.network);
        match &process.runs {
            Runs::Service {
                ecs_service,
                found: None,
            } => Action::Create(NewEcsService {
                name: ecs_service.clone(),
                count: process.service.scale.min,
                is_daemon: process.service.agent.is_some(),
                deployment: process.deployment(),
                placement,
                exec: process.service.exec,
                balancing: self.ingress.balancing(process).cloned().unwrap_or_default(),
                connectors: process.connectors(self.wanted.id),
            }),
            Runs::Service {
                found: Some(found), ..
            } => Action::Move(self.service_move(process, found, placement)),
            Runs::Timer {
                rule,
                schedule,
                timezone,
                seen,
                scheduled,
                ..
            } => Action::Put(TimerPut {
                name: rule.clone(),
                rule: *seen,
                scheduled: *scheduled,
                schedule: schedule.clone(),
                timezone: timezone.clone(),
                cluster_arn: self.facts.cluster.arn.clone(),
                role_arn: self.config.timer_role_arn.clone(),
                placement,
                dead_letter_arn: self.config.timer_dead_letter_arn.clone(),
                is_disabled: is_disabled(*seen, *scheduled),
            }),
        }
    }

    /// What else changes, of ours only: an ECS service that app.json names gets its task definition and nothing else.
    fn service_move(
        &self,
        process: &Process<'_>,
        found: &'a EcsService,
        placement: Placement,
    ) -> ServiceMove<'a> {
        let mut moved = ServiceMove {
            found,
            deployment: None,
            placement: None,
            network: None,
            exec: None,
            balancing: None,
            connectors: None,
            count: None,
        };
        if !self.wanted.id.owns(&found.tags) {
            return moved;
        }
        let deployment = self.deployment(process, found);
        let deployment =
            strategies::told_now(deployment, (process, found), (self.wanted, self.ingress));
        let balancing = self.ingress.balancing(process);
        let other = balancing.filter(|own| !own.is_as(&found.balancing));
        moved.balancing = other.cloned();
        let connectors = process.connectors(self.wanted.id);
        let is_attached = connectors == found.at_gateways.connectors;
        moved.connectors = (!is_attached).then_some(connectors);
        let differs = deployment.differs_from(&found.deployment);
        moved.deployment = differs.then_some(deployment);
        if found.capacity == process.capacity {
            moved.network = self.other_network(found, placement);
        } else {
            moved.placement = Some(placement);
        }
        moved.exec = self.other_exec(process, found);
        moved.count = count::change(process, self.wanted);
        moved
    }

    /// How tasks are replaced. What convox.yml says no more beside the percentages is as if it had never said it; what it never
    /// said stays as whoever set it by hand has it.
    fn deployment(&self, process: &Process<'_>, found: &EcsService) -> Deployment {
        let wanted = process.deployment();
        if wanted.course.is_some() {
            return wanted;
        }
        let applied = self.wanted.applied;
        let before = applied.and_then(|applied| process.applied(applied));
        let course = match before {
            // A request that did not end has made it, unless the state is lost.
            None => {
                let is_left = applied.is_some() || self.wanted.interrupted;
                let left = found.deployment.course.as_ref().filter(|_| is_left);
                left.map(|_| Course::default())
            }
            Some(before) => {
                let known = before.deployment.as_ref();
                let was_said = known.is_some_and(|known| known.course.is_some());
                // The same may have changed it, and nobody put it back.
                let was = before.was.as_ref().filter(|_| self.wanted.interrupted);
                let left = was.and_then(|was| was.deployment.as_ref()?.course.clone());
                if was_said {
                    Some(Course::default())
                } else {
                    left
                }
            }
        };
        Deployment { course, ..wanted }
    }

    /// ECS Exec is switched on where convox.yml says so, and off where it no longer does: whoever did by hand what it never said
    /// keeps that.
    fn other_exec(&self, process: &Process<'_>, found: &EcsService) -> Option<bool> {
        let applied = self.wanted.applied;
        let before = applied.and_then(|applied| process.applied(applied));
        let said = before.is_some_and(|before| before.exec);
        let wanted = process.service.exec;
        // A request that did not end may have switched it, and nobody put that back.
        let left = before.and_then(|before| before.was.as_ref());
        let left = left.filter(|_| self.wanted.interrupted);
        let left = left.and_then(|was| was.exec);
        let exec = if wanted || said { Some(wanted) } else { left };
        exec.filter(|exec| *exec != found.exec)
    }

    /// The network that a service of ours is to be in, where it is in another one.
    fn other_network(&self, found: &EcsService, placement: Placement) -> Option<Network> {
        let Placement::Fargate { network, .. } = placement else {
            return None;
        };
        let applied = self.wanted.applied;
        let before = applied.and_then(|applied| applied.network.as_ref());
        let seen = found.network.as_ref()?;
        network.differs_from(seen, before).then_some(network)
    }
}
