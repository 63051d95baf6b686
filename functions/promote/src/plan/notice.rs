//! What the user should know of a promote although it does not stop it: in words, with what to do.

use names::ServiceName;
use release::app_stack::MANAGED_POLICIES;
use release::task_definition::TASK_DEFINITION_MAX_BYTES;

use super::problem::{COPY, unpin};

/// A warning of a plan.
#[derive(Debug, thiserror::Error)]
pub(crate) enum Notice<'a> {
    /// Secrets Manager was wanted and S3 delivers.
    #[error("Secrets Manager is not used for this Release: {reason}")]
    SecretNotUsed { reason: &'a str },
    /// Tasks read their own version, and people another one.
    #[error(
        "AWSCURRENT of the secret is not on the version of this Release, so whoever reads the secret without a version reads an \
         older one; tasks read the right one; promote again: {reason}"
    )]
    NotCurrent { reason: &'a str },
    /// A key that revisions of before refer to, by references that name no version.
    #[error(
        "`{key}` is removed and SecretsManagerEnvVersion is `Current`: tasks of revisions of before, those that ECS goes \
         back to among them, cannot start any more in these Services: {names}"
    )]
    KeyRemoved { key: &'a str, names: &'a str },
    /// A label that nothing needs any more.
    #[error(
        "version {version_id} of the secret could not be forgotten, which the next promote tries again: {reason}"
    )]
    NotForgotten {
        version_id: &'a str,
        reason: &'a str,
    },
    /// S3 could not take Secrets Manager's place.
    #[error(
        "while Secrets Manager is out this Release cannot be promoted, and no process of it started: S3 delivery takes \
         its place then, and {why}"
    )]
    NoFallback { why: &'a str },
    /// A definition that ECS takes with references, and not with what S3 delivery needs.
    #[error(
        "the task definition of `{name}` takes {size} bytes there, with its defaults and once more the names of its \
         variables, where ECS takes {TASK_DEFINITION_MAX_BYTES}; shorten or leave out some"
    )]
    DefinitionTooLargeForS3 { name: &'a str, size: usize },
    /// Links are made from a host that the Rack does not have.
    #[error(
        "`services.{service}.links` has no effect for {links}: no load balancer of the Rack leads there, and the Rack has no \
         RouterHost"
    )]
    NoRouterHost {
        service: &'a ServiceName,
        links: &'a str,
    },
    /// An ECS service of `app.json` keeps what reaches it.
    #[error(
        "`services.{service}.gateway` has no effect: an ECS service that app.json names keeps what reaches it"
    )]
    GatewayNotOurs { service: &'a ServiceName },
    /// It is attached to gateways, and convox.yml wants that no more.
    #[error(
        "`services.{service}` leaves the gateways that reach it, and its address there ends with this promote"
    )]
    GatewayLeft { service: &'a ServiceName },
    /// Where a gateway stands is not known to fit.
    #[error(
        "`services.{service}.gateway`: {gateways} and the tasks are in different subnets. ECS takes the Service only where a \
         gateway is in the VPC of its tasks and in each of their Availability Zones, and refuses it otherwise; the Rack reads no \
         subnets, so compare them: aws ec2 describe-subnets --subnet-ids {subnets} --query \
         'Subnets[].[SubnetId,VpcId,AvailabilityZone]' --output text"
    )]
    GatewayElsewhere {
        service: &'a ServiceName,
        gateways: &'a str,
        subnets: &'a str,
    },
    /// Gateways of one kind only.
    #[error(
        "`services.{service}`: no gateway of cluster `{cluster}` is {access}, so it is not reached that way until one is associated \
         and the Service changes"
    )]
    NotAtAll {
        service: &'a ServiceName,
        cluster: &'a str,
        access: &'a str,
    },
    /// A default of what promotes set themselves.
    #[error("`services.{service}.environment`: `{name}` is reserved, its default has no effect")]
    ReservedDefault {
        service: &'a ServiceName,
        name: &'a str,
    },
    /// `app.json` names an ECS service for nobody.
    #[error("app.json names an ECS service for `{service}`, and convox.yml has no such Service")]
    NamedForNobody { service: &'a ServiceName },
    /// A schedule of years that are over.
    #[error("{at}: the last year that it names is over, so it never runs")]
    ScheduleOver { at: &'a str },
    /// ECS moves to Fargate, and not back.
    #[error(
        "the ECS service `{ecs}` stays on Fargate, since ECS cannot move it to instances; to have it there, remove it \
         and promote again: aws ecs delete-service --force --cluster {cluster} --service {ecs}"
    )]
    StaysOnFargate { ecs: &'a str, cluster: &'a str },
    /// ECS makes no DAEMON of a REPLICA, or the other way round.
    #[error(
        "the ECS service `{ecs}` {} and `services.{service}` {}; ECS cannot change that of a service that stands, so \
         it stays as it is; to have it otherwise, remove it and promote again: aws ecs delete-service --force --cluster {cluster} \
         --service {ecs}",
        if *.is_daemon { "runs once on every instance" } else { "runs a number of tasks" },
        if *.is_daemon { "has no `agent` any more" } else { "is an `agent` now" }
    )]
    StrategyStays {
        ecs: &'a str,
        service: &'a ServiceName,
        is_daemon: bool,
        cluster: &'a str,
    },
    /// Nothing says when there are to be more.
    #[error(
        "`services.{service}.scale` is a range without `targets`, so nothing scales between {min} and {max}, and {min} is its \
         count"
    )]
    RangeWithoutTargets {
        service: &'a ServiceName,
        min: u32,
        max: u32,
    },
    /// No load balancer sends to it.
    #[error(
        "`services.{service}.scale.targets.requests` has no effect, since no load balancer sends to the Service"
    )]
    RequestsNotCounted { service: &'a ServiceName },
    /// Without a task there is no use of anything.
    #[error(
        "`services.{service}.scale` has a minimum of 0: where no task runs, `cpu`, `memory` and `requests` have no value, and \
         only a `custom` metric brings one back"
    )]
    ScalesToNone { service: &'a ServiceName },
    /// What convox.yml said before is not known, so neither is whether it changes.
    #[error(
        "the ECS service `{ecs}` goes on with {runs} tasks although `services.{service}.scale` says {count}: what it said before is \
         not written down, and somebody may have scaled it; the next change of it counts"
    )]
    CountStays {
        ecs: &'a str,
        service: &'a ServiceName,
        runs: u32,
        count: u32,
    },
    /// A DAEMON has no room for more than one task on an instance.
    #[error(
        "convox.yml, `services.{service}.deployment`: ECS runs an `agent` once on every instance and takes at most 100 as \
         `maximum`, so 100 is what it is told"
    )]
    AgentMaximum { service: &'a ServiceName },
    /// ECS would wait for room that never comes.
    #[error(
        "convox.yml, `services.{service}.deployment`: a minimum of {minimum} with a maximum of {maximum} leaves ECS no room to \
         replace tasks; use a `minimum` of at most 100 and a larger `maximum`"
    )]
    NoRoomToReplace {
        service: &'a ServiceName,
        minimum: u32,
        maximum: u32,
    },
    /// ECS takes a strategy only for what is attached to two target groups already.
    #[error(
        "`services.{service}.deployment.strategy`: this Release is deployed rolling, with which the ECS service gets its second target \
         group; the next one is `{strategy}`"
    )]
    StrategyStarts {
        service: &'a ServiceName,
        strategy: &'a str,
    },
    /// The other way round.
    #[error(
        "`services.{service}.deployment.strategy` is `rolling` again: the ECS service leaves its second target group with the next \
         promote, and the one after that removes it"
    )]
    StrategyEnds { service: &'a ServiceName },
    /// Alarms that nobody has looked up.
    #[error(
        "`services.{service}.deployment.alarms`: {count} of them are new to the ECS service. ECS takes names of alarms that are not \
         there, and then watches nothing; the Rack reads no alarms, so see that `aws cloudwatch describe-alarms` knows them"
    )]
    AlarmsUnseen {
        service: &'a ServiceName,
        count: usize,
    },
    /// A source of another region that may be encrypted.
    #[error(
        "convox.yml line {line}, `resources.{resource}.options.readSourceDB` names a database of another region: where it is \
         encrypted RDS makes no replica of it here, and the stack fails; {COPY}"
    )]
    SourceElsewhere { line: usize, resource: &'a str },
    /// A definition that somebody made by hand is replaced.
    #[error(
        "the ECS service `{ecs}`, which app.json names for `{name}`, runs {running}; a definition made from convox.yml \
         takes its place whole, and this goes: {lost}"
    )]
    DefinitionReplaced {
        ecs: &'a str,
        name: &'a str,
        running: &'a str,
        lost: &'a str,
    },
    /// An ECS service that `app.json` named is nobody's to remove.
    #[error(
        "convox.yml has no Service `{service}` any more, and the ECS service `{ecs}` that app.json named for it runs on as it \
         is; stop it yourself if it is not needed"
    )]
    NamedServiceLeft { service: &'a str, ecs: &'a str },
    /// Nothing is wanted.
    #[error("{file} names no Service, so nothing runs")]
    NothingRuns { file: &'a str },
    /// Groups of the Rack that are let in for tasks of Releases before alone.
    #[error(
        "the App's resources let in the security groups {groups} until the next promote, for tasks that still run there; whatever else \
         connects by them, such as another App, is shut out then"
    )]
    LetInOnceMore { groups: &'a str },
    /// Tasks cannot be in the App's own group.
    #[error(
        "the Rack's SecurityGroups are {count}, and a task takes no more, so there is no room for the App's own: its resources let \
         in those of the Rack, and with them tasks of other Apps; let the Rack have one less"
    )]
    NoRoomForGroup { count: usize },
    /// An ECS service of others reaches the resources by groups that others are in too.
    #[error(
        "`services.{service}`: the ECS service `{ecs}` keeps its network, so the App's resources let in what it shares with \
         the Rack of its security groups {groups}, and with that tasks of other Apps; give it the App's own group: {own}"
    )]
    LetInWithOthers {
        service: &'a ServiceName,
        ecs: &'a str,
        groups: &'a str,
        own: &'a str,
    },
    /// An ECS service of others does not reach the resources that it links.
    #[error(
        "`services.{service}.resources`: the ECS service `{ecs}` is in the security groups {groups}, which the resources do \
         not let in; give it the App's own group: {own}"
    )]
    NotLetIn {
        service: &'a ServiceName,
        ecs: &'a str,
        groups: &'a str,
        own: &'a str,
    },
    /// More policies than IAM attaches, unless its quota was raised.
    #[error(
        "`{path}` makes a role with {count} policies{}; IAM attaches {MANAGED_POLICIES} to a role unless the account's quota \
         \"Managed policies attached to an IAM role\" was raised, and CloudFormation fails where it was not",
        kept_policies(*.kept)
    )]
    ManyPolicies {
        path: &'a str,
        count: usize,
        /// How many of them are there for the Release before alone.
        kept: usize,
    },
    /// Tasks on a pinned platform would not start.
    #[error(
        "the ECS service `{ecs}` is pinned to Fargate platform {version}, which cannot read single keys of the App's \
         secret, and its tasks will not start; {}",
        unpin(cluster, ecs)
    )]
    PinnedPlatform {
        ecs: &'a str,
        version: &'a str,
        cluster: &'a str,
    },
    /// A size that Fargate may have by now.
    #[error(
        "`{path}`: Fargate had no size of cpu {cpu} with memory {memory} when this was written; ECS refuses it where that is still so"
    )]
    BeyondFargate {
        path: &'a str,
        cpu: u32,
        memory: u32,
    },
    /// The agents of the cluster's instances could not be asked for.
    #[error(
        "whether the ECS agents of the cluster's instances are new enough ({agent} or later) is not known: {reason}"
    )]
    AgentsUnknown { agent: &'a str, reason: &'a str },
    /// Instances whose agents know too little.
    #[error(
        "the ECS agent of container instances is older than {agent}, which {needs} need, and tasks that are placed there will not \
         start; update it on {instances}"
    )]
    OldAgents {
        agent: &'a str,
        needs: &'a str,
        instances: &'a str,
    },
}

fn kept_policies(kept: usize) -> String {
    if kept == 0 {
        return String::new();
    }
    format!(", {kept} of them for the Release before, whose tasks may still start")
}
