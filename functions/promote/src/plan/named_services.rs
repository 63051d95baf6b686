//! ECS services that `app.json` names: which may be moved, and what of them is kept. Pure.

mod problem;

use std::collections::{BTreeMap, BTreeSet};

use aws::ecs::{EcsService, SeenDefinition};
use manifest::Service;
use manifest::app_settings::NamedService;
use manifest::capacity::LaunchType;
use names::{AppId, LENT_TO, ServiceName};
use release::problem::ReleaseProblem;
use release::task_definition::{Launch, RuntimePlatform};

use problem::{Kept, Unfit};

use super::checks::Checks;
use super::with_commands;
use crate::facts::{Facts, Wanted, ecs_service_name};

/// The tags that say whose something is.
const OWNER_TAGS: [&str; 2] = ["convox:rack", "convox:app"];

impl Checks {
    /// No two Services of a Release are one ECS service: each promote would move it back and forth between them.
    pub(super) fn one_service_each(&mut self, wanted: &Wanted<'_>, facts: &Facts) {
        let services = facts.release.manifest.services.iter();
        let run_by = services.filter_map(|service| {
            let name = ecs_service_name(wanted.id, &facts.release.settings, service).ok()?;
            Some((service.name.as_str(), name))
        });
        let run_by: Vec<(&str, String)> = run_by.collect();
        let shared = shared(wanted.id, &run_by).into_iter();
        self.problems.extend(shared.map(ReleaseProblem::from));
    }

    /// Whether the ECS service that `app.json` names for a Service may be moved.
    pub(super) fn named_service(
        &mut self,
        wanted: &Wanted<'_>,
        facts: &Facts,
        service: &Service,
        (named, found): (&NamedService, Option<&EcsService>),
    ) {
        let cluster = &facts.cluster.arn;
        let (name, written) = (&service.name, &named.written);
        if !named.can_be_in(cluster) {
            self.problem(Unfit::Elsewhere {
                written,
                service: name,
                cluster,
            });
            return;
        }
        let Some(found) = found else {
            self.problem(Unfit::Missing {
                written,
                service: name,
                cluster,
            });
            return;
        };
        let running = facts.surroundings.named.running.get(&found.name);
        let unfit = not_lent(wanted.id, service, found, running).into_iter();
        let unfit = unfit.chain(mismatched(service, found, running));
        let commands = with_commands(wanted, facts);
        let mut commands = commands.iter().filter(|it| it.name == service.name);
        let command = commands.next().and_then(|it| without_network(it, found));
        let unfit = unfit.chain(command);
        self.problems.extend(unfit.map(ReleaseProblem::from));
        self.kept(service, found, running);
    }

    /// What the ECS service keeps although convox.yml says something else.
    fn kept(&mut self, service: &Service, found: &EcsService, running: Option<&SeenDefinition>) {
        let (wanted, agent, exec) = (service.capacity, &service.agent, service.exec);
        let course = service.deployment.course.as_ref();
        let (service, ecs) = (&service.name, &found.name);
        if let Some(wanted) = wanted.filter(|wanted| *wanted != found.capacity) {
            self.warn(Kept::Capacity {
                ecs,
                service,
                found: found.capacity.name(),
                wanted: wanted.name(),
            });
        }
        if exec && !found.exec {
            self.warn(Kept::Exec { ecs, service });
        }
        if course.is_some_and(|course| Some(course) != found.deployment.whole().course.as_ref()) {
            self.warn(Kept::Deployment { ecs, service });
        }
        if found.is_daemon && agent.is_none() {
            self.warn(Kept::Daemon { ecs, service });
        }
        if running.is_none() && found.controller == "ECS" {
            let definition = &found.task_definition;
            self.warn(Kept::Unreadable { ecs, definition });
        }
    }
}

/// How the tasks of an ECS service that `app.json` names are launched: as they are.
pub(super) fn launch(found: &EcsService, running: Option<&SeenDefinition>) -> Launch {
    let mut launch = Launch::rack_default(found.capacity.launch_type());
    if found.awsvpc {
        "awsvpc".clone_into(&mut launch.network_mode);
    }
    if let Some(running) = running {
        launch.network_mode.clone_from(&running.network_mode);
        launch
            .runtime_platform
            .clone_from(&running.runtime_platform);
        launch.port_names = running.port_names();
    }
    launch
}

/// The machines that the image of a Service is built for, where an ECS service says so: its Timers run the same image.
pub(super) fn platform_of(facts: &Facts, service: &Service) -> Option<RuntimePlatform> {
    let named = facts.release.settings.services.get(&service.name)?;
    let running = facts.surroundings.named.running.get(&named.name)?;
    running.runtime_platform.clone()
}

/// What stays on a definition of this App after `app.json` has stopped naming it.
pub(super) fn left_behind(wanted: &Wanted<'_>, facts: &Facts) -> Vec<String> {
    let id = wanted.id;
    let family = format!("/{}", id.service_prefix());
    let applied = wanted.applied.map(|applied| applied.services.values());
    let run_by: BTreeSet<&str> = applied
        .into_iter()
        .flatten()
        .map(|known| known.runs_as.as_str())
        .collect();
    // One that is called as ours would be is no longer ours to move either, if it lacks our tags.
    let called_alike = facts.surroundings.unwanted.services.iter();
    let called_alike = called_alike
        .filter(|service| run_by.contains(service.name.as_str()) && !id.owns(&service.tags));
    let former = facts.surroundings.named.former.iter().chain(called_alike);
    let ours = former.filter(|service| service.task_definition.contains(&family));
    ours.map(|service| {
        let left = Kept::LeftBehind {
            ecs: &service.name,
            definition: &service.task_definition,
        };
        left.to_string()
    })
    .collect()
}

/// Services that are one ECS service, and names that are another Service's own. `run_by` is each Service and what runs it.
fn shared<'a>(id: &AppId, run_by: &'a [(&'a str, String)]) -> Vec<Unfit<'a>> {
    let mut by_ecs_service: BTreeMap<&str, Vec<String>> = BTreeMap::new();
    for (service, ecs) in run_by {
        let services = by_ecs_service.entry(ecs).or_default();
        services.push(format!("`{service}`"));
    }
    by_ecs_service.retain(|_, services| services.len() > 1);
    let of_others = run_by.iter().filter_map(|(service, ecs)| {
        let (of, other) = AppId::parse_service(&id.rack, ecs)?;
        let is_other = of == *id && other.as_str() != *service;
        let is_other = is_other && !by_ecs_service.contains_key(ecs.as_str());
        is_other.then_some(Unfit::OfAnotherService {
            ecs,
            service,
            other,
        })
    });
    let several = by_ecs_service.iter();
    let several = several.map(|(ecs, services)| Unfit::OfSeveral {
        services: services.join(" and "),
        ecs,
    });
    several.chain(of_others).collect()
}

/// Whose an ECS service or a definition is by its tags, where that is not this App.
fn another_app(id: &AppId, tags: &BTreeMap<String, String>) -> Option<String> {
    let ours = id.tags();
    let of_somebody = OWNER_TAGS
        .iter()
        .filter_map(|key| Some((*key, tags.get(*key)?)));
    let of_somebody: Vec<(&str, &String)> = of_somebody.collect();
    let foreign = of_somebody
        .iter()
        .any(|(key, value)| ours.get(*key) != Some(*value));
    let tags = of_somebody
        .iter()
        .map(|(key, value)| format!("{key}={value}"));
    foreign.then(|| tags.collect::<Vec<_>>().join(", "))
}

/// That it belongs, or is lent, to another App, or to nobody yet.
fn not_lent<'a>(
    id: &AppId,
    service: &'a Service,
    found: &'a EcsService,
    running: Option<&'a SeenDefinition>,
) -> Vec<Unfit<'a>> {
    let (service, ecs) = (&service.name, found.name.as_str());
    if let Some(tags) = another_app(id, &found.tags) {
        return vec![Unfit::OfAnotherApp { ecs, service, tags }];
    }
    let runs = running.and_then(|running| {
        let tags = another_app(id, &running.tags)?;
        Some(Unfit::RunsAnotherApp {
            ecs,
            service,
            definition: &running.arn,
            tags,
        })
    });
    untagged(id, service, found)
        .into_iter()
        .chain(runs)
        .collect()
}

/// Whoever can write app.json must not be able to take over the service, and so the traffic, of somebody else: the tag is
/// its owner's word.
fn untagged<'a>(id: &AppId, service: &'a ServiceName, found: &'a EcsService) -> Option<Unfit<'a>> {
    if id.may_move(&found.tags) {
        return None;
    }
    let (ecs, arn, borrower) = (found.name.as_str(), found.arn.as_str(), id.borrower());
    Some(match found.tags.get(LENT_TO) {
        Some(other) => Unfit::LentToAnother {
            ecs,
            service,
            other,
            arn,
            borrower,
        },
        None => Unfit::NotLent {
            ecs,
            service,
            arn,
            borrower,
        },
    })
}

/// Where no definition made from convox.yml fits it.
fn mismatched<'a>(
    service: &'a Service,
    found: &'a EcsService,
    running: Option<&'a SeenDefinition>,
) -> Vec<Unfit<'a>> {
    let (ecs, is_agent) = (found.name.as_str(), service.agent.is_some());
    let service = &service.name;
    let mut unfit = Vec::new();
    let runs = running.map(|running| running.requires_compatibilities.as_slice());
    if let Some(launch_type) = other_launch_type(found, runs.unwrap_or_default()) {
        unfit.push(Unfit::LaunchType {
            ecs,
            service,
            launch_type,
        });
    }
    let platform = running.and_then(|running| running.runtime_platform.as_ref());
    let system = platform.and_then(|platform| platform.operating_system_family.as_deref());
    let systems = [system.unwrap_or_default(), &found.platform_family];
    if let Some(system) = systems.into_iter().find(|system| is_windows(system)) {
        unfit.push(Unfit::Windows {
            ecs,
            service,
            system,
        });
    }
    if is_agent && !found.is_daemon {
        unfit.push(Unfit::Replica { ecs, service });
    }
    unfit
}

/// Where its release command could not run: what is started on instances is told no network, and `awsvpc` needs one.
fn without_network<'a>(service: &'a Service, found: &'a EcsService) -> Option<Unfit<'a>> {
    let is_told_none = found.capacity.launch_type() == LaunchType::Ec2;
    (is_told_none && found.awsvpc).then_some(Unfit::Command {
        ecs: &found.name,
        service: &service.name,
    })
}

fn other_launch_type<'a>(found: &'a EcsService, runs: &'a [String]) -> Option<&'a str> {
    if let Some(other) = &found.other_launch_type {
        return Some(other);
    }
    let needed = match found.capacity.launch_type() {
        LaunchType::Fargate => "FARGATE",
        LaunchType::Ec2 => "EC2",
    };
    // A capacity provider alone does not say what its instances are; what runs on them does.
    let fits = runs.is_empty() || runs.iter().any(|name| name == needed);
    (!fits).then(|| runs.first().map(String::as_str)).flatten()
}

fn is_windows(system: &str) -> bool {
    system.to_ascii_uppercase().starts_with("WINDOWS")
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use aws::ecs::{AtGateways, Ties};
    use environment::Environment;
    use manifest::Deployment;
    use manifest::capacity::Capacity;
    use names::error_type::ErrorType;
    use names::{AppName, RackName};
    use release::problem::UserError as _;

    use release::entrance::Balancing;

    use super::*;
    use crate::error::PromoteError;

    fn id() -> AppId {
        AppId {
            rack: RackName::new("r").unwrap(),
            app: AppName::new("shop").unwrap(),
        }
    }

    #[test]
    fn no_two_services_are_one_ecs_service() {
        for (run_by, says) in [
            (&[("web", "front"), ("worker", "back")][..], None),
            (
                &[("web", "front"), ("worker", "front")],
                Some("`web` and `worker` would all run as the ECS service `front`"),
            ),
            (
                &[("web", "r_shop_worker"), ("worker", "r_shop_worker")],
                Some("`web` and `worker` would all run as"),
            ),
            (
                &[("web", "r_shop_worker"), ("worker", "back")],
                Some("that is the one of the Service `worker`"),
            ),
            (&[("web", "r_shop_old")], Some("of the Service `old`")),
            (&[("web", "r_shop_web"), ("worker", "r_shop_worker")], None),
            (&[("web", "r_other_worker")], None),
        ] {
            let run_by: Vec<(&str, String)> = run_by
                .iter()
                .map(|(service, ecs)| (*service, (*ecs).to_owned()))
                .collect();
            let problems = shared(&id(), &run_by);
            let got = problems.first().map(ToString::to_string);
            assert_eq!(problems.len(), usize::from(says.is_some()), "{run_by:?}");
            assert_eq!(
                got.as_ref()
                    .is_some_and(|got| got.contains(says.unwrap_or_default())),
                says.is_some(),
                "{run_by:?}: {got:?}"
            );
        }
    }

    #[test]
    fn tags_of_another_app_or_rack_make_it_theirs() {
        for (tags, want) in [
            (&[][..], None),
            (&[("team", "payments")], None),
            (&[("convox:rack", "r"), ("convox:app", "shop")], None),
            (
                &[("convox:rack", "r"), ("convox:app", "other")],
                Some("convox:rack=r, convox:app=other"),
            ),
            (
                &[("convox:rack", "r2"), ("convox:app", "shop")],
                Some("convox:rack=r2, convox:app=shop"),
            ),
            (&[("convox:app", "other")], Some("convox:app=other")),
            (&[("convox:rack", "r2")], Some("convox:rack=r2")),
        ] {
            let tags = tags.iter();
            let tags: BTreeMap<String, String> = tags
                .map(|(key, value)| ((*key).to_owned(), (*value).to_owned()))
                .collect();
            assert_eq!(another_app(&id(), &tags).as_deref(), want, "{tags:?}");
        }
    }

    /// `web`, whose convox.yml says `more` of it.
    fn web(more: &str) -> Service {
        let text = format!("services: {{web: {{image: a{more}}}}}");
        let manifest = manifest::load("convox.yml", text.as_bytes(), &Environment::default());
        manifest.unwrap().services.remove(0)
    }

    /// One on `capacity` that is lent to the App, scheduled as a REPLICA.
    fn front(capacity: Capacity) -> EcsService {
        EcsService {
            name: "front".to_owned(),
            arn: "arn".to_owned(),
            status: "ACTIVE".to_owned(),
            task_definition: "front:1".to_owned(),
            gone_back_from: None,
            capacity,
            platform_version: String::new(),
            awsvpc: true,
            network: None,
            deployment: Deployment::rolling(50, 200),
            is_deploying: false,
            revisions: Vec::new(),
            exec: false,
            desired_count: 1,
            is_daemon: false,
            is_rebalanced: false,
            controller: "ECS".to_owned(),
            balancing: Balancing::default(),
            grace: 0,
            at_gateways: AtGateways::default(),
            ties: Ties::default(),
            other_launch_type: None,
            platform_family: String::new(),
            may_run: BTreeSet::new(),
            tags: [(LENT_TO.to_owned(), id().borrower())].into(),
        }
    }

    fn runs(compatibilities: &[&str], system: Option<&str>) -> SeenDefinition {
        SeenDefinition {
            arn: "front:1".to_owned(),
            requires_compatibilities: compatibilities.iter().map(|it| (*it).to_owned()).collect(),
            runtime_platform: system.map(|system| RuntimePlatform {
                cpu_architecture: None,
                operating_system_family: Some(system.to_owned()),
            }),
            ..SeenDefinition::default()
        }
    }

    #[test]
    fn what_a_definition_of_convox_yml_does_not_fit_is_refused() {
        let external = EcsService {
            other_launch_type: Some("EXTERNAL".to_owned()),
            ..front(Capacity::Ec2)
        };
        let windows = EcsService {
            platform_family: "Windows Server 2019".to_owned(),
            ..front(Capacity::Fargate)
        };
        let daemon = EcsService {
            is_daemon: true,
            ..front(Capacity::Ec2)
        };
        let agent = ", agent: true";
        for (more, found, running, want) in [
            ("", front(Capacity::Fargate), runs(&["FARGATE"], None), None),
            (
                "",
                front(Capacity::Ec2),
                runs(&["FARGATE", "EC2"], Some("LINUX")),
                None,
            ),
            ("", front(Capacity::Ec2), runs(&[], None), None),
            ("", daemon.clone(), runs(&["EC2"], None), None),
            (agent, daemon, runs(&["EC2"], None), None),
            (
                "",
                external,
                runs(&["EXTERNAL"], None),
                Some((ErrorType::LaunchTypeMismatch, "on EXTERNAL,")),
            ),
            (
                "",
                front(Capacity::Ec2),
                runs(&["MANAGED_INSTANCES"], None),
                Some((ErrorType::LaunchTypeMismatch, "on MANAGED_INSTANCES,")),
            ),
            (
                "",
                front(Capacity::Fargate),
                runs(&["FARGATE"], Some("WINDOWS_SERVER_2022_CORE")),
                Some((ErrorType::WindowsService, "on WINDOWS_SERVER_2022_CORE,")),
            ),
            (
                "",
                windows,
                runs(&["FARGATE"], None),
                Some((ErrorType::WindowsService, "on Windows Server 2019,")),
            ),
            (
                agent,
                front(Capacity::Ec2),
                runs(&["EC2"], None),
                Some((ErrorType::SchedulingStrategyMismatch, "is a REPLICA")),
            ),
        ] {
            let web = web(more);
            let problems = mismatched(&web, &found, Some(&running));
            let got = problems.first().map(Unfit::error_type);
            assert_eq!(
                got,
                want.map(|(error_type, _)| error_type),
                "{found:?} {running:?}"
            );
            assert!(problems.len() <= 1, "{problems:?}");
            for (problem, (_, says)) in problems.iter().zip(want) {
                let message = problem.to_string();
                assert!(message.contains(says), "{message}");
            }
        }
    }

    #[test]
    fn a_release_command_is_refused_where_its_task_would_get_no_network() {
        let web = web(", release: bin/migrate");
        let bridge = EcsService {
            awsvpc: false,
            ..front(Capacity::Ec2)
        };
        for (found, is_refused) in [
            (front(Capacity::Ec2), true),
            (bridge, false),
            (front(Capacity::Fargate), false),
            (front(Capacity::FargateSpot), false),
        ] {
            let problem = without_network(&web, &found);
            assert_eq!(problem.is_some(), is_refused, "{found:?}");
            if let Some(problem) = problem {
                assert_eq!(problem.error_type(), ErrorType::LaunchTypeMismatch);
                let message = problem.to_string();
                assert!(
                    message.starts_with("`services.web.release` cannot"),
                    "{message}"
                );
                assert!(message.contains("`front`"), "{message}");
            }
        }
    }

    #[test]
    fn one_that_runs_another_apps_definition_is_lent() {
        let tagged = |app: &str| {
            let tags = [("convox:rack", "r"), ("convox:app", app)];
            let tags = tags.map(|(key, value)| (key.to_owned(), value.to_owned()));
            SeenDefinition {
                tags: tags.into(),
                ..runs(&["FARGATE"], None)
            }
        };
        let (web, found) = (web(""), front(Capacity::Fargate));
        let of = |running: Option<&SeenDefinition>| {
            let problems = not_lent(&id(), &web, &found, running);
            let problems = problems.into_iter().map(ReleaseProblem::from);
            problems.collect::<Vec<_>>()
        };
        assert_eq!(of(None), []);
        assert_eq!(of(Some(&runs(&["FARGATE"], None))), []);
        assert_eq!(of(Some(&tagged("shop"))), [], "a promote before");
        let problems = of(Some(&tagged("other")));
        let [problem] = &problems[..] else {
            panic!("{problems:?}")
        };
        assert_eq!(problem.error_type, ErrorType::EcsServiceNotOurs);
        let says = "`web`, runs front:1, which carries the tags convox:rack=r, convox:app=other";
        assert!(problem.message.contains(says), "{}", problem.message);
    }

    #[test]
    fn what_it_keeps_against_convox_yml_is_said() {
        let daemon = EcsService {
            is_daemon: true,
            ..front(Capacity::Ec2)
        };
        let blue_green = EcsService {
            controller: "CODE_DEPLOY".to_owned(),
            ..front(Capacity::Ec2)
        };
        let running = runs(&[], None);
        for (more, found, running, want) in [
            ("", front(Capacity::Ec2), Some(&running), None),
            ("", daemon.clone(), Some(&running), Some("stays a DAEMON")),
            (", agent: true", daemon, Some(&running), None),
            (
                "",
                front(Capacity::Ec2),
                None,
                Some("runs (front:1) cannot be read"),
            ),
            ("", blue_green, None, None),
        ] {
            let mut checks = Checks::default();
            checks.kept(&web(more), &found, running);
            let said = match checks.into_result(None, Vec::new()) {
                Err(PromoteError::Input { warnings, .. }) => warnings,
                _ => Vec::new(),
            };
            assert_eq!(said.len(), usize::from(want.is_some()), "{said:?}");
            for (said, want) in said.iter().zip(want) {
                assert!(said.contains(want), "{said}");
            }
        }
    }
}
