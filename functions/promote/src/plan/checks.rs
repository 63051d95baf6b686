//! What the user has to mend, all of it at once.

use std::collections::BTreeMap;
use std::fmt::Display;

use aws::ecs::EcsService;
use chrono::{DateTime, Datelike as _, Utc};
use manifest::capacity::Capacity;
use manifest::{Service, Timer};
use release::entrance::Connector;
use release::problem::ReleaseProblem;
use release::release_checks;
use release::task_definition::{self, Launch};

use super::notice::Notice;
use super::problem::PlanProblem;
use super::ties::{self, Container};
use super::{Process, Runs, StackPlan, ingress, named_services};
use crate::config::Config;
use crate::error::PromoteError;
use crate::facts::{Facts, Wanted, ecs_service_name};

/// Problems as they are found.
#[derive(Default)]
pub(super) struct Checks {
    pub(super) problems: Vec<ReleaseProblem>,
    warnings: Vec<String>,
    pub(super) draining: Option<String>,
    pub(super) deploying: Option<String>,
}

impl Checks {
    /// What a Release meets before any of its processes is looked at.
    pub(super) fn of_release(config: &Config, wanted: &Wanted<'_>, facts: &Facts) -> Self {
        let mut checks = Self::default();
        checks.removals(wanted, facts);
        let of_release = facts.release.problems.iter().chain(&facts.refused);
        checks.problems.extend(of_release.cloned());
        if let Some(stranded) = &facts.stranded {
            checks.problem(stranded.clone().until("promote again"));
        }
        checks.emptied(wanted, facts);
        checks.variables(facts);
        checks.named_arns(config, wanted, facts);
        checks.commands(wanted, facts);
        checks
    }

    pub(super) fn problem(&mut self, problem: impl Into<ReleaseProblem>) {
        let problem = problem.into();
        if !self.problems.contains(&problem) {
            self.problems.push(problem);
        }
    }

    pub(super) fn warn(&mut self, warning: impl Display) {
        self.warnings.push(warning.to_string());
    }

    /// The warnings, what was `said` before first, and the stack, if nothing stops the promote; there is no stack only with a
    /// problem noted.
    pub(super) fn into_result(
        self,
        stack: Option<StackPlan>,
        said: Vec<String>,
    ) -> Result<(Vec<String>, StackPlan), PromoteError> {
        let problems = self.problems;
        let mut warnings = said;
        warnings.extend(self.warnings);
        match stack {
            Some(stack) if problems.is_empty() => Ok((warnings, stack)),
            _ => Err(PromoteError::Input { problems, warnings }),
        }
    }

    /// Required variables: all Services, all names.
    pub(super) fn variables(&mut self, facts: &Facts) {
        let missing = facts
            .release
            .manifest
            .missing_variables(&facts.release.environment.environment);
        let missing = release_checks::missing_variables(missing, &facts.release.environment);
        self.problems.extend(missing.map(ReleaseProblem::from));
    }

    /// A file in a form of others is read as one that says nothing: it would take all variables from what runs.
    pub(super) fn emptied(&mut self, wanted: &Wanted<'_>, facts: &Facts) {
        let Some(applied) = wanted.applied.filter(|_| facts.is_emptied(wanted)) else {
            return;
        };
        let object = wanted.environment_key();
        self.problem(PlanProblem::EmptyEnvironment {
            object: &object,
            applied: &applied.release,
            form: facts.release.environment.likely_form,
        });
    }

    /// Convox refuses a link to an unknown Service when it renders.
    pub(super) fn links(
        &mut self,
        config: &Config,
        facts: &Facts,
        addresses: &BTreeMap<String, String>,
    ) {
        for service in &facts.release.manifest.services {
            if let Some(problem) = release_checks::unknown_link(&facts.release.manifest, service) {
                self.problems.push(problem.into());
            }
            let is_lent = |linked: &Service| {
                let named = &facts.release.settings.services;
                named.contains_key(&linked.name)
            };
            let mut without = Vec::new();
            for link in &service.links {
                let Some(linked) = facts.release.manifest.service(link) else {
                    continue;
                };
                if linked.gateway && !is_lent(linked) {
                    let service = &service.name;
                    self.problem(PlanProblem::LinkToGateway { service, link });
                } else if !addresses.contains_key(link) {
                    without.push(format!("`{link}`"));
                }
            }
            if !without.is_empty() && config.release.router_host.is_none() {
                let (service, links) = (&service.name, &without.join(", "));
                self.warn(Notice::NoRouterHost { service, links });
            }
        }
    }

    pub(super) fn services<'a>(
        &mut self,
        config: &'a Config,
        wanted: &Wanted<'_>,
        facts: &'a Facts,
    ) -> Vec<Process<'a>> {
        self.one_service_each(wanted, facts);
        let services = facts.release.manifest.services.iter();
        services
            .map(|service| self.service(config, wanted, facts, service))
            .collect()
    }

    fn service<'a>(
        &mut self,
        config: &Config,
        wanted: &Wanted<'_>,
        facts: &'a Facts,
        service: &'a Service,
    ) -> Process<'a> {
        let named = facts.release.settings.services.get(&service.name);
        let name = ecs_service_name(wanted.id, &facts.release.settings, service);
        // A name that ECS would refuse is found when it is rendered.
        let name = name.unwrap_or_default();
        let found = facts.surroundings.services.get(&name);
        match (named, found) {
            (Some(named), found) => {
                self.named_service(wanted, facts, service, (named, found));
            }
            (None, Some(found)) if !wanted.id.owns(&found.tags) => {
                self.problem(PlanProblem::EcsServiceNotOurs {
                    ecs: &found.name,
                    service: &service.name,
                });
            }
            _ => {}
        }
        let capacity = match (named, found) {
            (Some(_), Some(found)) => found.capacity,
            (None, Some(found)) => self.moved_to(config, facts, service, found),
            (_, None) => {
                let who = format!("Service `{}`", service.name);
                self.placed_on(config, facts, &who, service.capacity)
            }
        };
        let running = found.and_then(|found| facts.surroundings.named.running.get(&found.name));
        let launch = match (named, found) {
            (Some(_), Some(found)) => named_services::launch(found, running),
            _ => launch_of(service, capacity),
        };
        if let Some(found) = found {
            self.ecs_service(wanted, facts, (service, found), &launch);
        }
        let ecs_service = name;
        let process = Process {
            service,
            capacity,
            launch,
            runs: Runs::Service { ecs_service, found },
        };
        if found.is_none_or(|found| wanted.id.owns(&found.tags)) {
            self.deployment(config, &process);
            self.count(wanted, &process);
        }
        if service.exec && facts.release.readonly_root {
            let service = &service.name;
            self.problem(PlanProblem::ExecReadonly { service });
        }
        process
    }

    fn ecs_service(
        &mut self,
        wanted: &Wanted<'_>,
        facts: &Facts,
        (service, found): (&Service, &EcsService),
        launch: &Launch,
    ) {
        let (name, ecs) = (&service.name, &found.name);
        if found.controller != "ECS" {
            self.problem(PlanProblem::DeploymentController {
                ecs,
                controller: &found.controller,
                service: name,
            });
        }
        if found.is_draining() {
            self.draining = Some(ecs.clone());
        }
        let ports = task_definition::port_mappings(service, launch);
        let container = Container {
            name: name.as_str(),
            ports: &ports,
        };
        let outputs = facts.stack.as_ref().map(|stack| stack.outputs.clone());
        let applied = wanted.applied;
        let applied = applied.and_then(|applied| applied.services.get(name.as_str()));
        let before = applied.and_then(|applied| applied.balancing.as_ref());
        // What is ours is attached anew where it has to be.
        let foreign = ingress::foreign(found, &outputs.unwrap_or_default(), before);
        let unmet = ties::unmet(ecs, &foreign, &found.ties, &container);
        self.problems
            .extend(unmet.into_iter().map(ReleaseProblem::from));
    }

    pub(super) fn timers<'a>(
        &mut self,
        config: &Config,
        wanted: &Wanted<'_>,
        facts: &'a Facts,
    ) -> Vec<Process<'a>> {
        let timers = facts.release.manifest.timers.iter();
        timers
            .filter_map(|timer| self.timer(config, wanted, facts, timer))
            .collect()
    }

    fn timer<'a>(
        &mut self,
        config: &Config,
        wanted: &Wanted<'_>,
        facts: &'a Facts,
        timer: &'a Timer,
    ) -> Option<Process<'a>> {
        let service = facts.release.manifest.service(timer.service.as_str())?;
        let who = format!("Timer `{}`", timer.name);
        let capacity = self.placed_on(config, facts, &who, timer.capacity);
        let rule = wanted.id.rule(&timer.name);
        let default = config.timers_on_scheduler.then(|| "UTC".to_owned());
        let timezone = timer.timezone.clone().or(default);
        let seen = facts.surroundings.rules.get(&rule);
        let scheduled = facts.surroundings.schedules.get(&rule);
        let (own, own_scheduled) = (
            seen.filter(|seen| wanted.id.owns(&seen.tags)),
            scheduled.filter(|seen| seen.is_of(wanted.id)),
        );
        // What has the name and is of the other kind is nobody's business.
        if timezone.is_none() && seen.is_some() && own.is_none() {
            self.problem(PlanProblem::RuleNotOurs {
                rule: &rule,
                timer: &timer.name,
            });
        }
        if timezone.is_some() && scheduled.is_some() && own_scheduled.is_none() {
            self.problem(PlanProblem::ScheduleNotOurs {
                schedule: &rule,
                timer: &timer.name,
                note: &wanted.id.schedule_note(),
            });
        }
        let schedule = self.schedule(timer, facts.now);
        let mut launch = Launch::rack_default(capacity.launch_type());
        launch.runtime_platform = named_services::platform_of(facts, service);
        Some(Process {
            service,
            capacity,
            launch,
            runs: Runs::Timer {
                timer,
                rule,
                schedule,
                timezone,
                seen: own,
                scheduled: own_scheduled,
            },
        })
    }

    fn schedule(&mut self, timer: &Timer, now: DateTime<Utc>) -> String {
        let at = format!(
            "convox.yml line {}, `timers.{}.schedule`",
            timer.schedule_line, timer.name
        );
        match timer.cron() {
            Ok(checked) => {
                let warnings = checked.warnings.into_iter();
                self.warnings
                    .extend(warnings.map(|warning| format!("{at}: {warning}")));
                let last_year = checked.last_year.map(i32::from);
                if last_year.is_some_and(|year| year < now.year()) {
                    self.warn(Notice::ScheduleOver { at: &at });
                }
                checked.expression
            }
            Err(source) => {
                self.problem(PlanProblem::InvalidSchedule { at: &at, source });
                String::new()
            }
        }
    }
}

/// How the Rack launches tasks of a Service, with the name of the port by which gateways find them.
fn launch_of(service: &Service, capacity: Capacity) -> Launch {
    let mut launch = Launch::rack_default(capacity.launch_type());
    let port = service.port.as_ref().filter(|_| service.gateway);
    let named = port.map(|port| (port.port, Connector::port()));
    launch.port_names.extend(named);
    launch
}
