//! What the user has to mend before a Release can be promoted: in words, with what to do.

use environment::LikelyForm;
use manifest::ManifestError;
use manifest::schedule::ScheduleError;
use names::error_type::ErrorType;
use names::{AppName, ReleaseId, ServiceName, TimerName};
use release::app_stack::{INLINE_POLICIES_MAX, TEMPLATE_BODY_MAX_BYTES};
use release::problem::UserError;
use release::task_definition::TASK_DEFINITION_MAX_BYTES;

/// How a removal is asked for that is meant.
pub(super) const OTHERWISE: &str =
    "If the removal is meant, send `Release Promote Requested` with `\"allowRemoval\": true`";

/// How a database is copied from another region.
pub(super) const COPY: &str = "copy a snapshot of it into this region (`aws rds copy-db-snapshot`, \
                               with a key of this region where it is encrypted), and name that as \
                               `snapshot`";

/// A Release that cannot be promoted as it is.
#[derive(Debug, thiserror::Error)]
pub(crate) enum PlanProblem<'a> {
    /// There is nothing to promote of a Release that is asked for.
    #[error("Release `{release}` of App `{app}` has no environment: write `{key}`")]
    NoEnvironment {
        app: &'a AppName,
        release: &'a ReleaseId,
        key: &'a str,
    },
    /// There is nothing to try of a dry run.
    #[error("Release `{release}` has no environment: write `{key}`, or `draft` beside it")]
    ReleaseNotFound {
        release: &'a ReleaseId,
        key: &'a str,
    },
    /// A file in a form of others says nothing, and would take all variables from what runs.
    #[error(
        "`{object}` gives no variable at all, and the applied Release {applied} has some; {}; if it is meant to be \
         empty, request the promote with `\"allowRemoval\": true`",
        form_meant(*.form)
    )]
    EmptyEnvironment {
        object: &'a str,
        applied: &'a ReleaseId,
        form: Option<LikelyForm>,
    },
    /// convox.yml names no Service, and something would go with them.
    #[error(
        "{file} names no Service, and this promote would remove {removes}; write its `services`. {OTHERWISE}, and to delete \
         the App, `App Deleted`"
    )]
    EmptyManifest { file: &'a str, removes: &'a str },
    /// A misspelt key is why convox.yml names no Service; the message has its place.
    #[error("{0}")]
    MisspeltServices(ManifestError),
    /// An ECS service has the name of one of ours.
    #[error(
        "the ECS service `{ecs}` exists without the tags convox:rack and convox:app of this App, so it is left alone; to \
         move it anyway, name it in app.json: {{\"services\": {{\"{service}\": \"{ecs}\"}}}}"
    )]
    EcsServiceNotOurs {
        ecs: &'a str,
        service: &'a ServiceName,
    },
    /// Something else than ECS's rolling deployments moves an ECS service.
    #[error(
        "the ECS service `{ecs}` is deployed by {controller}, so its task definition cannot be changed here; \
         use one with the rolling deployment controller (ECS) for `{service}`"
    )]
    DeploymentController {
        ecs: &'a str,
        controller: &'a str,
        service: &'a ServiceName,
    },
    /// A rule has the name of one of ours.
    #[error(
        "the EventBridge rule `{rule}` exists without the tags convox:rack and convox:app of this App, so it \
         is somebody else's; rename the Timer `{timer}`, or tag the rule if it is meant to be this App's"
    )]
    RuleNotOurs { rule: &'a str, timer: &'a TimerName },
    /// A schedule has the name of one of ours.
    #[error(
        "the schedule `{schedule}` of EventBridge Scheduler exists without the description `{note}`, so it is somebody else's; \
         rename the Timer `{timer}`, or give the schedule that description if it is meant to be this App's"
    )]
    ScheduleNotOurs {
        schedule: &'a str,
        timer: &'a TimerName,
        note: &'a str,
    },
    /// A Timer that EventBridge would not run.
    #[error("{at}")]
    InvalidSchedule { at: &'a str, source: ScheduleError },
    /// A stack has the name of the App's.
    #[error(
        "the CloudFormation stack `{stack}` exists without the tags convox:rack and convox:app of this App, so it is \
         somebody else's; delete or tag it"
    )]
    StackNotOurs { stack: &'a str },
    /// CloudFormation tried and could not.
    #[error(
        "CloudFormation could not bring the stack `{stack}` to what this Release needs: {reason}; mend the cause, then \
         promote again"
    )]
    StackFailed { stack: &'a str, reason: &'a str },
    /// CloudFormation takes no template that large.
    #[error(
        "the App's stack takes {size} bytes and CloudFormation takes {TEMPLATE_BODY_MAX_BYTES}; let the App have fewer \
         resources"
    )]
    StackTooLarge { size: usize },
    /// This Release names too much for the policy of a role.
    #[error(
        "the role that starts the App's tasks would have a policy of {alone} characters, and IAM takes \
         {INLINE_POLICIES_MAX} characters of policies for a role; name fewer secrets and \
         environment files: several values as keys of one secret, or in the App's environment"
    )]
    RoleTooLarge { alone: usize },
    /// This Release and the one before name too much together.
    #[error(
        "the role that starts the App's tasks would have a policy of {joined} characters, since it also reads what the Release before \
         names, whose tasks may still start, and IAM takes {INLINE_POLICIES_MAX} characters of policies for a role; \
         this Release alone takes {alone}: promote the change of secrets and environment \
         files in two steps, half of them with each Release"
    )]
    RoleTooLargeForTwo { joined: usize, alone: usize },
    /// A target group is in a network.
    #[error(
        "the App is reached through the Rack's load balancers, and the Rack names no network; set its parameter Vpc"
    )]
    NoVpc,
    /// The cluster has no gateway.
    #[error(
        "convox.yml, `services.{service}.gateway`: no gateway is associated with cluster `{cluster}` (ecs \
         ListGatewayClusterAssociations, ACTIVE); associate one: aws ecs associate-gateway-with-cluster --cluster {cluster} \
         --gateway NAME, or leave out `gateway`"
    )]
    NoGateway {
        service: &'a ServiceName,
        cluster: &'a str,
    },
    /// The cluster has none of the kind.
    #[error(
        "convox.yml, `services.{service}.gateway`: none of the gateways of cluster `{cluster}` is {access}; associate one that is \
         (aws ecs associate-gateway-with-cluster), or change `internal`"
    )]
    NoGatewayOf {
        service: &'a ServiceName,
        cluster: &'a str,
        access: &'a str,
    },
    /// Gateways send to tasks with addresses of their own.
    #[error(
        "convox.yml, `services.{service}.gateway`: its tasks run on instances, and gateways send to tasks with network interfaces of \
         their own; let it run on Fargate, or leave out `gateway`"
    )]
    GatewayOnInstances { service: &'a ServiceName },
    /// The address of what gateways reach is ECS's to give.
    #[error(
        "convox.yml, `services.{service}.links`: `{link}` is reached through a gateway, whose host ECS gives once the Service \
         stands; leave out the link, and put the address that `rack status` shows into the environment"
    )]
    LinkToGateway {
        service: &'a ServiceName,
        link: &'a str,
    },
    /// Fargate needs a network, and the Rack has none.
    #[error("{who} runs on Fargate and the Rack names no subnets; set its parameter Subnets")]
    NoSubnets { who: &'a str },
    /// The cluster cannot place what convox.yml asks for.
    #[error(
        "{who} runs on the capacity provider {provider} and cluster `{cluster}` does not have it; associate it: aws ecs \
         put-cluster-capacity-providers --cluster {cluster} --capacity-providers {all}, with the default strategy that the \
         cluster has now"
    )]
    CapacityProviderMissing {
        who: &'a str,
        provider: &'a str,
        cluster: &'a str,
        all: &'a str,
    },
    /// A database is copied from what is another App's or anybody's.
    #[error(
        "convox.yml line {line}, `resources.{resource}.options.{option}` names what is not called `{own}-…`, as this App's own is, and \
         what the Rack's parameter AppDatabaseArns does not have; let the Rack's owner add its ARN, or leave it out"
    )]
    DatabaseNotAllowed {
        line: usize,
        resource: &'a str,
        option: &'a str,
        own: &'a str,
    },
    /// RDS restores no snapshot of another region.
    #[error(
        "convox.yml line {line}, `resources.{resource}.options.snapshot` names one of another region, and RDS restores those \
         of its own alone; {COPY}"
    )]
    SnapshotElsewhere { line: usize, resource: &'a str },
    /// RDS makes an encrypted replica only with a key of its own region.
    #[error(
        "convox.yml line {line}, `resources.{resource}.options.readSourceDB` names a database of another region, and \
         `encrypted` is true: RDS makes such a replica with a key of this region alone, and convox.yml has no option for it; \
         {COPY}, or let the App read the database where it is"
    )]
    ReplicaElsewhere { line: usize, resource: &'a str },
    /// Policies that could give nothing.
    #[error(
        "`{path}` names policies, and the Rack's parameter AppPolicyActions has no actions that they could give, so they \
         would give none; let the Rack's owner set it, or leave them out"
    )]
    NoPolicyActions { path: &'a str },
    /// Policies that the Rack's owner lets no App have.
    #[error(
        "`{path}` names policies that the Rack's parameter AppPolicyArns does not have; let the Rack's owner add them, or \
         leave them out"
    )]
    PolicyNotAllowed { path: &'a str },
    /// ECS could replace no task, and refuses that.
    #[error(
        "convox.yml, `services.{service}.deployment`: with minimum {minimum} and maximum {maximum} ECS can neither stop a task first nor \
         start one, and refuses it; use a `minimum` under 100{}",
        if *.is_daemon { "" } else { " or a `maximum` over 100" }
    )]
    InvalidDeployment {
        service: &'a ServiceName,
        minimum: u32,
        maximum: u32,
        is_daemon: bool,
    },
    /// ECS moves no requests for the Service.
    #[error("convox.yml, `services.{service}.deployment.strategy` is `{strategy}`, and {why}")]
    NotShifted {
        service: &'a ServiceName,
        strategy: &'a str,
        why: NotShifted,
    },
    /// The role by which ECS moves requests would be too large.
    #[error(
        "convox.yml has {count} pairs of target groups for which ECS would move requests, one for each Service and side with another \
         `strategy` than `rolling`, and {most} are the most that fit into a role; let fewer have one"
    )]
    TooManyPairs { count: usize, most: usize },
    /// People get into no container that nothing can be written in.
    #[error(
        "convox.yml, `services.{service}.exec`: ECS Exec writes into the container, and EnableContainerReadonlyRootFilesystem is \
         `Yes`; leave out one of the two"
    )]
    ExecReadonly { service: &'a ServiceName },
    /// An ECS service is pinned to a platform that lacks what convox.yml asks for.
    #[error(
        "the ECS service `{ecs}` is pinned to Fargate platform {version}, and {needs} need 1.4.0; {}",
        unpin(cluster, ecs)
    )]
    PlatformVersion {
        ecs: &'a str,
        version: &'a str,
        needs: &'a str,
        cluster: &'a str,
    },
    /// ECS takes no definition that large.
    #[error(
        "the task definition of {name} takes {size} bytes and ECS takes {TASK_DEFINITION_MAX_BYTES}; \
         shorten its command, its defaults or its declarations"
    )]
    TaskDefinitionTooLarge { name: &'a str, size: usize },
    /// ECS takes no command that long.
    #[error(
        "`services.{service}.release` takes {size} characters as ECS counts them, and ECS takes 8192; put it into a script of \
         the image"
    )]
    CommandTooLong {
        service: &'a ServiceName,
        size: usize,
    },
    /// Secrets Manager was wanted and failed, and S3 cannot take its place.
    #[error(
        "Secrets Manager cannot be used ({failure}), and S3 cannot take its place: {why}, or promote it again when Secrets \
         Manager answers"
    )]
    DeliveryImpossible { failure: &'a str, why: &'a str },
}

/// Why ECS moves no requests for a Service.
#[derive(Debug, Clone, Copy, thiserror::Error)]
pub(crate) enum NotShifted {
    /// Nothing is sent to it.
    #[error(
        "no load balancer of the Rack sends to the Service; give it a `port`, and the Rack an entrance"
    )]
    NoLoadBalancer,
    /// What a gateway moves is not tried here.
    #[error(
        "a gateway reaches the Service, for which requests are moved by no strategy here; leave out one of the two"
    )]
    Gateway,
    /// Its own load balancers have one target group for each listener.
    #[error(
        "the Service has `nlb`, for whose listeners no requests are moved; leave out one of the two"
    )]
    Listeners,
    /// Tasks have no addresses of their own.
    #[error("its tasks run on instances; let it run on Fargate")]
    OnInstances,
    /// ECS changes one rule.
    #[error(
        "ECS changes one listener rule, which takes five hosts, all names or all patterns; let it have fewer"
    )]
    SeveralRules,
    /// Requests are counted by target group.
    #[error(
        "`scale.targets.requests` counts those of one target group, and they move to another; scale by something else"
    )]
    ByRequests,
    /// It is attached to what is no half of the pair.
    #[error(
        "its ECS service is attached to a target group of another kind, as `port` was before; promote that with \
         `strategy: rolling` first"
    )]
    AnotherKind,
}

/// What waits for a deployment that ECS is at.
#[derive(Debug, Clone, Copy, thiserror::Error)]
pub(super) enum Deploying<'a> {
    /// ECS takes these only at rest.
    #[error(
        "ECS is at a deployment of `{ecs}`, and takes another strategy or other load balancers after that"
    )]
    Strategy { ecs: &'a str },
    /// CloudFormation would write weights that ECS is moving.
    #[error("ECS is at a deployment of `{ecs}`, and its listener rule changes after that")]
    Rule { ecs: &'a str },
}

impl UserError for PlanProblem<'_> {
    fn error_type(&self) -> ErrorType {
        match self {
            Self::NoEnvironment { .. } | Self::ReleaseNotFound { .. } => ErrorType::ReleaseNotFound,
            Self::EmptyEnvironment { .. } => ErrorType::EmptyEnvironment,
            Self::SnapshotElsewhere { .. }
            | Self::ReplicaElsewhere { .. }
            | Self::ExecReadonly { .. } => ErrorType::InvalidManifest,
            Self::EmptyManifest { .. } | Self::MisspeltServices(_) => ErrorType::EmptyManifest,
            Self::EcsServiceNotOurs { .. } => ErrorType::EcsServiceNotOurs,
            Self::DeploymentController { .. } => ErrorType::DeploymentController,
            Self::RuleNotOurs { .. } => ErrorType::RuleNotOurs,
            Self::ScheduleNotOurs { .. } => ErrorType::ScheduleNotOurs,
            Self::InvalidSchedule { .. } => ErrorType::InvalidSchedule,
            Self::StackNotOurs { .. } => ErrorType::StackNotOurs,
            Self::StackFailed { .. } => ErrorType::StackFailed,
            Self::StackTooLarge { .. } => ErrorType::StackTooLarge,
            Self::RoleTooLarge { .. } | Self::RoleTooLargeForTwo { .. } => ErrorType::RoleTooLarge,
            Self::NoVpc => ErrorType::NoVpc,
            Self::NoGateway { .. } | Self::NoGatewayOf { .. } | Self::GatewayOnInstances { .. } => {
                ErrorType::NoGateway
            }
            Self::LinkToGateway { .. } => ErrorType::UnknownLink,
            Self::NoSubnets { .. } => ErrorType::NoSubnets,
            Self::CapacityProviderMissing { .. } => ErrorType::CapacityProviderMissing,
            Self::DatabaseNotAllowed { .. } => ErrorType::DatabaseNotAllowed,
            Self::NoPolicyActions { .. } | Self::PolicyNotAllowed { .. } => {
                ErrorType::PolicyNotAllowed
            }
            Self::InvalidDeployment { .. }
            | Self::NotShifted { .. }
            | Self::TooManyPairs { .. } => ErrorType::InvalidDeployment,
            Self::PlatformVersion { .. } => ErrorType::PlatformVersion,
            Self::TaskDefinitionTooLarge { .. } => ErrorType::TaskDefinitionTooLarge,
            Self::CommandTooLong { .. } => ErrorType::CommandTooLong,
            Self::DeliveryImpossible { .. } => ErrorType::DeliveryImpossible,
        }
    }
}

fn form_meant(form: Option<LikelyForm>) -> String {
    form.map_or_else(
        || "write `KEY=value` lines or one JSON object of strings".to_owned(),
        |form| form.to_string(),
    )
}

/// The command that lets an ECS service on Fargate run on today's platform.
pub(super) fn unpin(cluster: &str, ecs: &str) -> String {
    format!(
        "unpin it with `aws ecs update-service --cluster {cluster} --service {ecs} \
         --platform-version LATEST`"
    )
}
