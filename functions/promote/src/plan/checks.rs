//! What the user has to mend, all of it at once.

use chrono::{DateTime, Datelike as _, Utc};
use shared::ecs::EcsService;
use shared::exec_limits;
use shared::manifest::{Service, Timer};
use shared::names::keys;
use shared::platform::Needs;
use shared::release_checks::{self, Problem};
use shared::task_definition::{
    self, EnvSource, Launch, Release, TASK_DEFINITION_MAX_BYTES, TaskDefinition,
};

use super::ties::{self, Container};
use super::{Process, Runs, StackPlan, named_services};
use crate::config::Config;
use crate::error::PromoteError;
use crate::gather::{Gathered, Wanted, ecs_service_name};

/// Problems as they are found.
#[derive(Default)]
pub(super) struct Checks {
    pub(super) problems: Vec<Problem>,
    warnings: Vec<String>,
    draining: Option<String>,
}

/// What was looked at of a rendered definition: rendering is most of the work of a plan, and each is made once.
pub(super) struct Rendered<'p> {
    /// Whose it is.
    pub(super) process: &'p Process<'p>,
    /// Its bytes, as ECS counts them.
    pub(super) size: usize,
    /// What it needs of what runs it.
    pub(super) needs: Needs,
    /// What of the environment its container cannot be started with, where S3 delivers.
    pub(super) refused: Vec<Problem>,
}

impl Checks {
    pub(super) fn problem(&mut self, error_type: &'static str, message: impl Into<String>) {
        let problem = Problem::new(error_type, message);
        if !self.problems.contains(&problem) {
            self.problems.push(problem);
        }
    }

    pub(super) fn warn(&mut self, warning: String) {
        self.warnings.push(warning);
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
        match (stack, self.draining) {
            (Some(_), Some(service)) if problems.is_empty() => {
                Err(PromoteError::Draining { service })
            }
            (Some(stack), None) if problems.is_empty() => Ok((warnings, stack)),
            _ => Err(PromoteError::Input { problems, warnings }),
        }
    }

    /// Required variables: all Services, all names.
    pub(super) fn variables(&mut self, gathered: &Gathered) {
        let missing = gathered
            .manifest
            .missing_variables(&gathered.environment.environment);
        self.problems.extend(release_checks::missing_variables(
            &missing,
            &gathered.environment,
        ));
    }

    /// A file in a form of others is read as one that says nothing: it would take all variables from what runs.
    pub(super) fn emptied(&mut self, wanted: &Wanted<'_>, gathered: &Gathered) {
        let Some(applied) = wanted.applied.filter(|_| gathered.environment_emptied) else {
            return;
        };
        let object = keys::environment(&wanted.id.app, wanted.release);
        let form = gathered.environment.likely_form.map_or_else(
            || "write `KEY=value` lines or one JSON object of strings".to_owned(),
            |form| form.to_string(),
        );
        self.problem(
            "EmptyEnvironment",
            format!(
                "`{object}` gives no variable at all, and the applied Release {} has some; {form}; if it is meant to be \
                 empty, request the promote with `\"allowRemoval\": true`",
                applied.release
            ),
        );
    }

    /// Convox refuses a link to an unknown Service when it renders.
    pub(super) fn links(&mut self, config: &Config, gathered: &Gathered) {
        for service in &gathered.manifest.services {
            if let Some(problem) = release_checks::unknown_link(&gathered.manifest, service) {
                self.problems.push(problem);
            }
            if !service.links.is_empty() && config.router_host.is_none() {
                self.warnings.push(format!(
                    "`services.{}.links` has no effect: the Rack has no RouterHost",
                    service.name
                ));
            }
        }
    }

    pub(super) fn services<'a>(
        &mut self,
        config: &'a Config,
        wanted: &Wanted<'_>,
        gathered: &'a Gathered,
    ) -> Vec<Process<'a>> {
        self.one_service_each(wanted, gathered);
        let services = gathered.manifest.services.iter();
        services
            .map(|service| self.service(config, wanted, gathered, service))
            .collect()
    }

    fn service<'a>(
        &mut self,
        config: &Config,
        wanted: &Wanted<'_>,
        gathered: &'a Gathered,
        service: &'a Service,
    ) -> Process<'a> {
        let named = gathered.settings.services.get(&service.name);
        let name = ecs_service_name(wanted.id, &gathered.settings, service);
        let name = name.unwrap_or_default(); // a name that ECS would refuse is found when it is rendered
        let found = gathered.around.services.get(&name);
        match (named, found) {
            (Some(named), found) => {
                self.named_service(wanted, gathered, service, (named, found));
            }
            (None, Some(found)) if !wanted.id.owns(&found.tags) => {
                self.problem("EcsServiceNotOurs", not_ours(service, found));
            }
            _ => {}
        }
        let capacity = match (named, found) {
            (Some(_), Some(found)) => found.capacity,
            (None, Some(found)) => self.moved_to(config, gathered, service, found),
            (_, None) => {
                let who = format!("Service `{}`", service.name);
                self.placed_on(config, gathered, &who, service.capacity)
            }
        };
        let running = found.and_then(|found| gathered.around.named.running.get(&found.name));
        let launch = match (named, found) {
            (Some(_), Some(found)) => named_services::launch(found, running),
            _ => Launch::rack_default(capacity.launch_type()),
        };
        if let Some(found) = found {
            self.ecs_service(service, found, &launch);
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
        }
        process
    }

    fn ecs_service(&mut self, service: &Service, found: &EcsService, launch: &Launch) {
        let (name, ecs) = (&service.name, &found.name);
        if found.controller != "ECS" {
            let controller = &found.controller;
            self.problem("DeploymentController", format!(
                "the ECS service `{ecs}` is deployed by {controller}, so its task definition cannot be changed here; \
                 use one with the rolling deployment controller (ECS) for `{name}`"
            ));
        }
        if found.is_draining() {
            self.draining = Some(ecs.clone());
        }
        let ports = task_definition::port_mappings(service, launch);
        let container = Container {
            name: name.as_str(),
            ports: &ports,
        };
        let unmet = ties::unmet(ecs, &found.load_balancers, &found.ties, &container);
        self.problems.extend(unmet);
    }

    pub(super) fn timers<'a>(
        &mut self,
        config: &Config,
        wanted: &Wanted<'_>,
        gathered: &'a Gathered,
    ) -> Vec<Process<'a>> {
        let timers = gathered.manifest.timers.iter();
        timers.filter_map(|timer| {
            let service = gathered.manifest.services.iter().find(|service| service.name == timer.service)?;
            let who = format!("Timer `{}`", timer.name);
            let capacity = self.placed_on(config, gathered, &who, timer.capacity);
            let rule = wanted.id.rule(&timer.name);
            let seen = gathered.around.rules.get(&rule);
            if seen.is_some_and(|seen| !wanted.id.owns(&seen.tags)) {
                self.problem("RuleNotOurs", format!(
                    "the EventBridge rule `{rule}` exists without the tags convox:rack and convox:app of this App, so it \
                     is somebody else's; rename the Timer `{}`, or tag the rule if it is meant to be this App's", timer.name
                ));
            }
            let schedule = self.schedule(timer, gathered.now);
            let mut launch = Launch::rack_default(capacity.launch_type());
            launch.runtime_platform = named_services::platform_of(gathered, service);
            Some(Process { service, capacity, launch, runs: Runs::Timer { timer, rule, schedule, seen } })
        }).collect()
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
                    self.warn(format!(
                        "{at}: the last year that it names is over, so it never runs"
                    ));
                }
                checked.expression
            }
            Err(err) => {
                self.problem("InvalidSchedule", format!("{at}: {err}"));
                String::new()
            }
        }
    }

    /// Renders every definition, so that no error is left for later.
    pub(super) fn rendered<'p>(
        &mut self,
        processes: &'p [Process<'_>],
        release: &Release<'_>,
        source: &EnvSource,
    ) -> Vec<Rendered<'p>> {
        let mut rendered = Vec::with_capacity(processes.len());
        for process in processes {
            match process.render(release, source) {
                Ok(definition) => rendered.push(Rendered {
                    process,
                    size: definition.size_bytes(),
                    needs: Needs::of(&definition),
                    refused: refused_by_linux(process, release, source, &definition),
                }),
                Err(err) => self.problem(err.error_type(), err.with_line(process.service)),
            }
        }
        rendered
    }

    /// What no container can be started with.
    pub(super) fn start(&mut self, gathered: &Gathered, rendered: &[Rendered<'_>]) {
        for problem in rendered.iter().flat_map(|rendered| &rendered.refused) {
            self.problem(problem.error_type, problem.message.clone());
        }
        if let Some(message) = exec_limits::object_too_large(gathered.environment_bytes) {
            self.problem("EnvironmentTooLarge", message);
        }
    }

    pub(super) fn size(&mut self, rendered: &[Rendered<'_>]) {
        if let Some(Rendered { process, size, .. }) = too_large(rendered) {
            let name = described(process);
            self.problem("TaskDefinitionTooLarge", format!(
                "the task definition of {name} takes {size} bytes and ECS takes {TASK_DEFINITION_MAX_BYTES}; \
                 shorten its command, its defaults or its declarations"
            ));
        }
    }
}

/// `convox-env` starts the App; with Secrets Manager ECS does, and takes less of it anyway.
fn refused_by_linux(
    process: &Process<'_>,
    release: &Release<'_>,
    source: &EnvSource,
    definition: &TaskDefinition,
) -> Vec<Problem> {
    match source {
        EnvSource::SecretsManager { .. } => Vec::new(),
        EnvSource::S3 { .. } => exec_limits::too_large(
            process.name(),
            process.service,
            release.environment,
            definition,
        ),
    }
}

/// The largest definition, where ECS would refuse it; of equal ones the last.
pub(super) fn too_large<'r, 'p>(rendered: &'r [Rendered<'p>]) -> Option<&'r Rendered<'p>> {
    let largest = rendered.iter().max_by_key(|rendered| rendered.size);
    largest.filter(|largest| largest.size > TASK_DEFINITION_MAX_BYTES)
}

/// Its name, and where the most room may go.
fn described(process: &Process<'_>) -> String {
    let name = process.name();
    match process.service.largest_default() {
        None => format!("`{name}`"),
        Some((variable, size)) => {
            format!("`{name}` (its largest default is `{variable}` with {size} bytes)")
        }
    }
}

fn not_ours(service: &Service, found: &EcsService) -> String {
    format!(
        "the ECS service `{0}` exists without the tags convox:rack and convox:app of this App, so it is left alone; to \
         move it anyway, name it in app.json: {{\"services\": {{\"{1}\": \"{0}\"}}}}",
        found.name, service.name
    )
}
