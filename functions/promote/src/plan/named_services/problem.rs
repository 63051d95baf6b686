//! Why an ECS service that `app.json` names cannot be moved, and what of it is kept: in words, with what to do.

use names::error_type::ErrorType;
use names::{LENT_TO, ServiceName};
use release::problem::UserError;

/// An ECS service that `app.json` names and that cannot run the Service.
#[derive(Debug, thiserror::Error)]
pub(in crate::plan) enum Unfit<'a> {
    /// It is of another cluster than the Rack's.
    #[error(
        "app.json names the ECS service `{written}` for `{service}`, and that is not in this Rack's cluster, {cluster}; name \
         one that is"
    )]
    Elsewhere {
        written: &'a str,
        service: &'a ServiceName,
        cluster: &'a str,
    },
    /// There is none of that name.
    #[error(
        "app.json names the ECS service `{written}` for `{service}`, and the cluster {cluster} has no such service"
    )]
    Missing {
        written: &'a str,
        service: &'a ServiceName,
        cluster: &'a str,
    },
    /// Each promote would move it back and forth between several Services.
    #[error(
        "{services} would all run as the ECS service `{ecs}`, which can run one of them; name another in app.json for each \
         but one, or none: then one is created"
    )]
    OfSeveral { services: String, ecs: &'a str },
    /// It has the name of another Service's own.
    #[error(
        "app.json names the ECS service `{ecs}` for `{service}`, and that is the one of the Service `{other}` of this App; \
         name another, or none: then one is created"
    )]
    OfAnotherService {
        ecs: &'a str,
        service: &'a str,
        other: ServiceName,
    },
    /// It belongs to another App.
    #[error(
        "{} carries the tags {tags}, so it is another App's and is left alone; name another, or none: then one is created",
        named(ecs, service)
    )]
    OfAnotherApp {
        ecs: &'a str,
        service: &'a ServiceName,
        tags: String,
    },
    /// It runs what another App was promoted to.
    #[error(
        "{} runs {definition}, which carries the tags {tags}, so it is lent to another App; take it out of the app.json of that App \
         and move it to a task definition that is no App's, or name another",
        named(ecs, service)
    )]
    RunsAnotherApp {
        ecs: &'a str,
        service: &'a ServiceName,
        definition: &'a str,
        tags: String,
    },
    /// Its owner has lent it to another App.
    #[error(
        "{} carries the tag {LENT_TO}={other}, so it is lent to that App and is left alone; name another, or let its owner \
         lend it to this one: {}",
        named(ecs, service),
        lend(arn, borrower)
    )]
    LentToAnother {
        ecs: &'a str,
        service: &'a ServiceName,
        other: &'a str,
        arn: &'a str,
        borrower: String,
    },
    /// Its owner has lent it to nobody.
    #[error(
        "{} is not lent to this App: it needs the tag {LENT_TO}={borrower}, which its owner gives it: {}",
        named(ecs, service),
        lend(arn, borrower)
    )]
    NotLent {
        ecs: &'a str,
        service: &'a ServiceName,
        arn: &'a str,
        borrower: String,
    },
    /// It runs on what convox.yml cannot name.
    #[error(
        "{} runs on {launch_type}, and what convox.yml describes runs on Fargate or EC2 instances; name another, or none: \
         then one is created",
        named(ecs, service)
    )]
    LaunchType {
        ecs: &'a str,
        service: &'a ServiceName,
        launch_type: &'a str,
    },
    /// It runs on Windows.
    #[error(
        "{} runs on {system}, and what convox.yml describes runs on Linux; name another, or none: then one is created",
        named(ecs, service)
    )]
    Windows {
        ecs: &'a str,
        service: &'a ServiceName,
        system: &'a str,
    },
    /// A release command that would be started without a network.
    #[error(
        "`services.{service}.release` cannot run as the ECS service `{ecs}`, which app.json names for it, does: on EC2 instances \
         with the network mode awsvpc; leave out `release`, or name another, or none: then one is created"
    )]
    Command {
        ecs: &'a str,
        service: &'a ServiceName,
    },
    /// An agent needs a DAEMON.
    #[error(
        "`services.{service}.agent` is to run once on each instance, and the ECS service `{ecs}`, which app.json names for it, is a \
         REPLICA, which ECS never changes; name a DAEMON, or none: then one is created, or leave out `agent`"
    )]
    Replica {
        ecs: &'a str,
        service: &'a ServiceName,
    },
}

impl UserError for Unfit<'_> {
    fn error_type(&self) -> ErrorType {
        match self {
            Self::Elsewhere { .. } => ErrorType::EcsServiceElsewhere,
            Self::Missing { .. } => ErrorType::EcsServiceMissing,
            Self::OfSeveral { .. } | Self::OfAnotherService { .. } => ErrorType::EcsServiceShared,
            Self::OfAnotherApp { .. } | Self::RunsAnotherApp { .. } => ErrorType::EcsServiceNotOurs,
            Self::LentToAnother { .. } | Self::NotLent { .. } => ErrorType::EcsServiceNotLent,
            Self::LaunchType { .. } | Self::Command { .. } => ErrorType::LaunchTypeMismatch,
            Self::Windows { .. } => ErrorType::WindowsService,
            Self::Replica { .. } => ErrorType::SchedulingStrategyMismatch,
        }
    }
}

/// What the user should know of an ECS service that `app.json` names, or named.
#[derive(Debug, thiserror::Error)]
pub(in crate::plan) enum Kept<'a> {
    /// It runs on something else than convox.yml asks for.
    #[error(
        "{} keeps what it runs on ({found}) although convox.yml asks for {wanted}",
        named(ecs, service)
    )]
    Capacity {
        ecs: &'a str,
        service: &'a ServiceName,
        found: &'a str,
        wanted: &'a str,
    },
    /// It runs once on each instance.
    #[error(
        "{} stays a DAEMON: one task on each instance, whatever `scale` says",
        named(ecs, service)
    )]
    Daemon {
        ecs: &'a str,
        service: &'a ServiceName,
    },
    /// ECS Exec is its owner's to switch on.
    #[error(
        "{} keeps ECS Exec off although convox.yml has `exec`; its owner switches it on: aws ecs update-service \
         --enable-execute-command --force-new-deployment --service {ecs}",
        named(ecs, service)
    )]
    Exec {
        ecs: &'a str,
        service: &'a ServiceName,
    },
    /// How its tasks are replaced is its owner's to say.
    #[error(
        "{} keeps how ECS replaces its tasks, although convox.yml has `deployment`; its owner sets it: aws ecs update-service \
         --deployment-configuration … --service {ecs}",
        named(ecs, service)
    )]
    Deployment {
        ecs: &'a str,
        service: &'a ServiceName,
    },
    /// What it runs cannot be read.
    #[error(
        "what the ECS service `{ecs}` runs ({definition}) cannot be read, so neither its platform nor names of its ports are kept, \
         and what else of it is lost is not known"
    )]
    Unreadable { ecs: &'a str, definition: &'a str },
    /// It is named no more, and still runs this App.
    #[error(
        "app.json no longer names the ECS service `{ecs}`, and it stays on {definition} with this App's environment; move it to another \
         task definition or remove it: the App cannot be deleted before"
    )]
    LeftBehind { ecs: &'a str, definition: &'a str },
}

fn named(ecs: &str, service: &ServiceName) -> String {
    format!("the ECS service `{ecs}`, which app.json names for `{service}`,")
}

fn lend(arn: &str, borrower: &str) -> String {
    format!("aws ecs tag-resource --resource-arn {arn} --tags key={LENT_TO},value={borrower}")
}
