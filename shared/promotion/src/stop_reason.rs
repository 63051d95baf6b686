//! Why tasks of a Service do not run: the families of reasons that ECS documents, each with its sentence.
//!
//! ECS's own words go no further, since what stands in a secret, a command or an image's name can be quoted in them.
//!
//! Sources: ECS developer guide, "Stopped tasks error codes" (the names that end in `Error`), "Amazon ECS API failure reasons"
//! (`RESOURCE:…`, `AGENT`), "Resolving `ResourceInitializationError` errors", "Service event messages" (placing tasks), API
//! reference, `Task` (`stopCode`); AWS re:Post, "Why is my Amazon ECS task stopped?" (health checks, exit codes, hosts).

use serde::{Deserialize, Serialize};

use crate::launch_reason::Reason;

/// A task that stopped, as ECS describes it.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct StoppedTask {
    /// Its `stoppedReason`.
    pub reason: String,
    /// The `reason` and `exitCode` of its containers.
    pub containers: Vec<StoppedContainer>,
}

/// A container of it.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct StoppedContainer {
    /// Its `reason`.
    pub reason: String,
    /// Its `exitCode`, where it ran.
    pub exit_code: Option<i32>,
}

/// Why tasks do not run.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum StopCause {
    /// They could not read the secret.
    Secret(Reason),
    /// A container ended by itself.
    ExitCode(i32),
    /// One of the other families.
    Other(Family),
}

/// A family of reasons.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Family {
    /// The image is not there, or may not be pulled.
    Image,
    /// A container took more memory than it has.
    Memory,
    /// A health check failed.
    HealthCheck,
    /// There is no room for a task.
    NoCapacity,
    /// What a task needs before it starts could not be reached.
    Network,
    /// A volume could not be mounted.
    Volume,
    /// The log driver did not start.
    Logging,
    /// A container could not be made or started.
    Container,
    /// What the task ran on went away.
    Host,
    /// Something else that a task needs could not be set up.
    Setup,
}

/// Why a Service is not live, as it is written down and told.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Told {
    /// A stable name of the reason.
    pub cause: String,
    /// A sentence, without its full stop.
    pub message: String,
}

/// What a call that got no answer is called, in lower case.
const UNREACHED: [&str; 9] = [
    "i/o timeout",
    "context deadline exceeded",
    "dial tcp",
    "request canceled",
    "requestcanceled",
    "no such host",
    "net/http",
    "connection reset",
    "connection refused",
];

/// A part of ECS's words, in lower case, and what it means; the first that is found counts.
const SIGNS: [(&str, Family); 33] = [
    ("outofmemory", Family::Memory),
    ("cannotpull", Family::Image),
    ("pull image manifest", Family::Image),
    ("registry auth", Family::Image),
    ("cannotcreatevolume", Family::Volume),
    ("efs utils", Family::Volume),
    ("failed to mount", Family::Volume),
    ("logger args", Family::Logging),
    ("logging driver", Family::Logging),
    ("log driver", Family::Logging),
    ("elb health checks", Family::HealthCheck),
    ("container health checks", Family::HealthCheck),
    ("health checks failed", Family::HealthCheck),
    ("is unhealthy", Family::HealthCheck),
    ("capacity is unavailable", Family::NoCapacity),
    ("no capacity", Family::NoCapacity),
    ("empty capacity provider", Family::NoCapacity),
    ("resource:", Family::NoCapacity),
    ("unable to place a task", Family::NoCapacity),
    ("placement constraint", Family::NoCapacity),
    ("reached the limit on", Family::NoCapacity),
    ("network interface", Family::Network),
    ("unexpected ec2 error", Family::Network),
    ("spot task was interrupted", Family::Host),
    ("spotinterruption", Family::Host),
    ("host ec2", Family::Host),
    ("instance was stopped", Family::Host),
    ("cannotstartcontainer", Family::Container),
    ("cannotcreatecontainer", Family::Container),
    ("containerruntime", Family::Container),
    ("timeouterror", Family::Container),
    ("cannotinspectcontainer", Family::Container),
    ("resourceinitializationerror", Family::Setup),
];

impl StopCause {
    /// Reads what ECS says of a stopped task; `None` where that is no failure: a deployment that scales down, somebody's hand.
    #[must_use]
    pub fn of_task(task: &StoppedTask) -> Option<Self> {
        if let Some(secret) = Reason::parse(&task.reason) {
            return Some(Self::Secret(secret));
        }
        let containers = task.containers.iter();
        let mut of_containers = containers.filter_map(|one| family(&one.reason));
        if let Some(family) = family(&task.reason).or_else(|| of_containers.next()) {
            return Some(Self::Other(family));
        }
        let exited = task.reason.to_lowercase().contains("essential container");
        let mut codes = task.containers.iter().filter_map(|one| one.exit_code);
        codes
            .find(|code| *code != 0)
            .or_else(|| exited.then_some(0))
            .filter(|_| exited)
            .map(Self::ExitCode)
    }

    /// Reads a line of an ECS service's events, or why its deployment failed.
    #[must_use]
    pub fn of_words(words: &str) -> Option<Self> {
        family(words).map(Self::Other)
    }

    /// A stable name.
    #[must_use]
    pub fn as_str(&self) -> &'static str {
        match self {
            Self::Secret(reason) => match reason.key {
                Some(_) => "SecretKey",
                None => "Secret",
            },
            Self::ExitCode(_) => "ExitCode",
            Self::Other(family) => match family {
                Family::Image => "Image",
                Family::Memory => "Memory",
                Family::HealthCheck => "HealthCheck",
                Family::NoCapacity => "NoCapacity",
                Family::Network => "Network",
                Family::Volume => "Volume",
                Family::Logging => "Logging",
                Family::Container => "Container",
                Family::Host => "Host",
                Family::Setup => "Setup",
            },
        }
    }

    /// What to do about it.
    #[must_use]
    pub fn cure(&self) -> &'static str {
        match self {
            Self::Secret(reason) => reason.cause.fix(),
            Self::ExitCode(_) => "look at the container's log",
            Self::Other(family) => family.cure(),
        }
    }

    /// What is told of it; `secret` is the App's.
    #[must_use]
    pub fn told(&self, secret: &str) -> Told {
        let message = match self {
            Self::Secret(reason) => {
                let why = reason.in_words(secret);
                format!("its tasks could not read the secret: {why}")
            }
            Self::ExitCode(0) => {
                "its container ended by itself, with exit code 0; a Service's command has to go on"
                    .to_owned()
            }
            Self::ExitCode(code) => {
                format!("its container ended with exit code {code}; its log says why")
            }
            Self::Other(family) => family.in_words().to_owned(),
        };
        Told {
            cause: self.as_str().to_owned(),
            message,
        }
    }
}

impl Told {
    /// Where alarms of the deployment went off.
    #[must_use]
    pub fn alarms(names: &[String]) -> Self {
        let names: Vec<String> = names.iter().map(|name| format!("`{name}`")).collect();
        let (these, names) = match names.as_slice() {
            [one] => ("the alarm", one.clone()),
            _ => ("the alarms", names.join(", ")),
        };
        Self {
            cause: "Alarm".to_owned(),
            message: format!("{these} {names} went off while it was deployed"),
        }
    }

    /// Where ECS says nothing that is known.
    #[must_use]
    pub fn unknown() -> Self {
        Self {
            cause: "Unknown".to_owned(),
            message: "ECS gives no reason that is known; its stopped tasks and the service's \
                      events have the details"
                .to_owned(),
        }
    }
}

impl Family {
    fn cure(self) -> &'static str {
        match self {
            Self::Image => {
                "push the image, or give the execution role the right to pull it; then promote \
                 again"
            }
            Self::Memory => "raise scale.memory, or let the program take less; then promote again",
            Self::HealthCheck => {
                "look at the container's log, and at what its health check asks for"
            }
            Self::NoCapacity => {
                "add instances or capacity to the cluster, or lower scale.count, scale.cpu or \
                 scale.memory; ECS goes on trying"
            }
            Self::Network => {
                "look at the Rack's subnets, their way to AWS's endpoints, and security groups"
            }
            Self::Volume => "look at the volume, its mount targets and their security groups",
            Self::Logging => "look at the log group, and at the execution role's rights to it",
            Self::Container => "look at the Service's command and at the image's entrypoint",
            Self::Host => "nothing: ECS starts another task",
            Self::Setup => "look at what the stopped task says in ECS, and promote again",
        }
    }

    fn in_words(self) -> &'static str {
        match self {
            Self::Image => {
                "its image could not be pulled: it is not there, or the execution role may not \
                 read it"
            }
            Self::Memory => "its container took more memory than it has; raise scale.memory",
            Self::HealthCheck => "its tasks failed their health check",
            Self::NoCapacity => "there is no capacity to run its tasks on",
            Self::Network => {
                "its tasks could not reach what they need to start; look at their subnets, \
                 endpoints and security groups"
            }
            Self::Volume => "a volume of its tasks could not be mounted",
            Self::Logging => "its log driver did not start",
            Self::Container => {
                "its container could not be started; its command may not be in the image"
            }
            Self::Host => "what its tasks ran on was taken away",
            Self::Setup => "something that its tasks need could not be set up",
        }
    }
}

fn family(words: &str) -> Option<Family> {
    let lower = words.to_lowercase();
    // Names that the user chose stand in ARNs, and mean nothing.
    let words = lower.split_whitespace();
    let words: Vec<&str> = words.filter(|word| !word.contains("arn:")).collect();
    let words = words.join(" ");
    let sign = SIGNS.iter().find(|(part, _)| words.contains(part));
    let family = sign.map(|(_, family)| *family)?;
    let is_reached = !UNREACHED.iter().any(|part| words.contains(part));
    Some(match family {
        Family::Image | Family::Setup if !is_reached => Family::Network,
        family => family,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn task(reason: &str, container: &str, exit_code: Option<i32>) -> StoppedTask {
        let reason_of_container = container.to_owned();
        StoppedTask {
            reason: reason.to_owned(),
            containers: vec![StoppedContainer {
                reason: reason_of_container,
                exit_code,
            }],
        }
    }

    const EXITED: &str = "Essential container in task exited";
    /// The reason of a task, that of its container, its exit code, and the cause.
    type Stop = (&'static str, &'static str, Option<i32>, &'static str);

    const FAMILIES: &[Stop] = &[
        (
            "ResourceInitializationError: unable to pull secrets or registry auth: execution resource retrieval failed: unable \
                 to retrieve secret from asm: service call has been retried 1 time(s): retrieved secret from Secrets Manager did \
                 not contain json key DATABASE_URL",
            "",
            None,
            "SecretKey",
        ),
        (
            "ResourceInitializationError: unable to pull secrets or registry auth: execution resource retrieval failed: unable \
                 to retrieve secret from asm: context deadline exceeded",
            "",
            None,
            "Secret",
        ),
        (
            "ResourceInitializationError: unable to pull secrets or registry auth: execution resource retrieval failed: unable \
                 to retrieve ecr registry auth: service call has been retried 3 time(s): RequestError: send request failed caused \
                 by: Post https://api.ecr.us-east-1.amazonaws.com/: dial tcp 10.0.0.1:443: i/o timeout",
            "",
            None,
            "Network",
        ),
        (
            "ResourceInitializationError: unable to pull secrets or registry auth: AccessDeniedException: not authorized to \
                 perform: ecr:GetAuthorizationToken",
            "",
            None,
            "Image",
        ),
        (
            "CannotPullContainerError: pull image manifest has been retried 1 time(s): failed to resolve ref \
                 docker.io/example/web:nope: not found",
            "",
            None,
            "Image",
        ),
        (
            "CannotPullContainerError: ref pull has been retried 5 time(s): failed to do request: dial tcp: i/o timeout",
            "",
            None,
            "Network",
        ),
        (
            EXITED,
            "OutOfMemoryError: Container killed due to memory usage",
            Some(137),
            "Memory",
        ),
        (EXITED, "", Some(1), "ExitCode"),
        (EXITED, "", Some(0), "ExitCode"),
        (
            "Task failed container health checks",
            "",
            None,
            "HealthCheck",
        ),
        (
            "Task failed ELB health checks in (target-group arn:aws:elasticloadbalancing:us-east-1:1:targetgroup/efs/1)",
            "",
            Some(0),
            "HealthCheck",
        ),
        (
            "Capacity is unavailable at this time. Please try again later or in a different availability zone",
            "",
            None,
            "NoCapacity",
        ),
        ("RESOURCE:MEMORY", "", None, "NoCapacity"),
        (
            "Unexpected EC2 error while attempting to Create Network Interface in subnet",
            "",
            None,
            "Network",
        ),
        (
            "ResourceInitializationError: failed to invoke EFS utils commands to set up EFS volumes",
            "",
            None,
            "Volume",
        ),
        (
            "CannotCreateVolumeError: Get plugin: dial",
            "",
            None,
            "Volume",
        ),
        (
            "ResourceInitializationError: failed to validate logger args: create stream has been retried 1 times",
            "",
            None,
            "Logging",
        ),
        (
            "ResourceInitializationError: failed to initialize logging driver: x",
            "",
            None,
            "Logging",
        ),
        (
            "Task failed to start",
            "CannotStartContainerError: ResourceInitializationError: failed to create new container runtime task",
            None,
            "Container",
        ),
        ("ContainerRuntimeError: x", "", None, "Container"),
        (
            "DockerTimeoutError: Could not transition to started",
            "",
            None,
            "Container",
        ),
        ("Your Spot Task was interrupted.", "", None, "Host"),
        ("Host EC2 (instance i-1) terminated.", "", None, "Host"),
        ("ResourceInitializationError: x", "", None, "Setup"),
    ];

    #[test]
    fn every_family_that_ecs_documents_is_told_apart() {
        for (reason, container, exit_code, want) in FAMILIES {
            let cause = StopCause::of_task(&task(reason, container, *exit_code));
            let cause = cause.unwrap_or_else(|| panic!("{reason} {container}"));
            assert_eq!(cause.as_str(), *want, "{reason} {container}");
            let told = cause.told("myrack/shop");
            assert!(!told.message.is_empty() && !told.message.ends_with('.'));
        }
    }

    #[test]
    fn what_is_no_failure_has_no_cause() {
        for (reason, exit_code) in [
            (
                "Scaling activity initiated by (deployment ecs-svc/1)",
                Some(0),
            ),
            (
                "Scaling activity initiated by (deployment ecs-svc/1)",
                Some(143),
            ),
            ("Task stopped by user", Some(137)),
            ("", None),
        ] {
            assert_eq!(
                StopCause::of_task(&task(reason, "", exit_code)),
                None,
                "{reason}"
            );
        }
    }

    #[test]
    fn a_line_of_a_services_events_says_that_there_is_no_room() {
        let full = "(service web) was unable to place a task because no container instance met all of its requirements.";
        let cause = StopCause::of_words(full);
        assert_eq!(cause.as_ref().map(StopCause::as_str), Some("NoCapacity"));
        let steady = "(service web) has reached a steady state.";
        assert_eq!(StopCause::of_words(steady), None);
    }
}
