//! What `errorType` says of a failure in reports, events, answers and states, with the cause and the cure of each. The
//! table of docs/errors.md is this table.

use std::borrow::Cow;
use std::fmt;

use serde::{Deserialize, Serialize};

use crate::bounds;

/// Error types that are explained together.
#[derive(Debug, Clone, Copy)]
pub struct Explanation {
    /// The error types.
    pub types: &'static [ErrorType],
    /// Why it fails.
    pub cause: &'static str,
    /// What to do.
    pub cure: &'static str,
}

macro_rules! error_types {
    ($($($name:ident)+: $cause:literal, $cure:literal;)+) => {
        /// What these functions call a failure. The text is the variant's name and a contract: alarms and people compare it.
        #[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
        pub enum ErrorType {
            $($(#[doc = $cause] $name,)+)+
        }

        impl ErrorType {
            /// Every error type, each once, with its cause and its cure, in Markdown.
            pub const EXPLAINED: &[Explanation] = &[$(Explanation {
                types: &[$(Self::$name),+],
                cause: $cause,
                cure: $cure,
            }),+];

            /// The text that stands as `errorType`.
            #[must_use]
            pub fn as_str(self) -> &'static str {
                match self {
                    $($(Self::$name => stringify!($name),)+)+
                }
            }
        }
    };
}

error_types! {
    InvalidName:
        "a Rack, App, Release or Service name breaks its rule",
        "rename; the message has the rule";
    ReleaseNotFound EnvironmentGone:
        "there is no environment object (any more)",
        "write it";
    ManifestMissing:
        "neither the Release nor the App has a convox.yml",
        "write it, then the environment again, which is what promotes";
    InvalidManifest:
        "convox.yml cannot be read",
        "the message shows file, line, place and what is allowed";
    EmptyManifest:
        "convox.yml names no Service, and the promote would remove what is applied",
        "write its `services`; if the removal is meant, ask with `\"allowRemoval\": true`";
    InvalidEnvironment EnvelopeUndecryptable EnvironmentKeyMissing:
        "the environment object cannot be read",
        "the message has line or key, never a value";
    InvalidSettings InvalidParameter:
        "`app.json`, `build.json` or a `SecretsManagerEnv` value",
        "the message names the level and what is allowed";
    EmptyEnvironment:
        "the environment gives no variable and the applied Release has some",
        "the message says which form was probably meant; `allowRemoval` if it is meant";
    ObjectTooLarge:
        "an object of the bucket has more than 32 MiB, and is not read",
        "write a smaller one; what was meant is hardly an environment";
    VariableTooLarge VariablesTooLarge EnvironmentTooLarge:
        "Linux or `convox-env` cannot take it, and S3 delivers",
        "the message has the variable or Service, its bytes and the limit";
    DeliveryImpossible:
        "Secrets Manager failed, and S3 cannot take its place",
        "promote again when it answers, or shorten what the message names";
    MissingVariables:
        "required variables are not set",
        "set them; the message lists all Services and names";
    NoImage InvalidImage InvalidSize InvalidDeployment:
        "convox.yml names no image, or one, a size or percentages that cannot be",
        "the message has path and what is allowed";
    Privileged AgentOnFargate UnknownLink InvalidSchedule NoSubnets NoVpc:
        "convox.yml asks for what cannot run",
        "the message has path and what is allowed";
    NoGateway:
        "`gateway` of a Service, and no ECS Gateway of the cluster takes it",
        "the message says what was looked for, and the command that associates one";
    InvalidRequest:
        "a request lacks what it has to say, or says it with something else than a text",
        "the message names the member";
    RequestAhead:
        "a request's time is more than 60 s ahead",
        "correct the clock of whoever sent it, send it again";
    AppNotFound:
        "an App is deleted that never was: no object, and nothing with its tags",
        "compare the name";
    ServiceNotFound NoRelease AppDeleted:
        "a request for a process names what is not there",
        "the message says what there is";
    CommandTooLong:
        "over 8,192 characters with ECS's JSON around it",
        "put it into a script of the image";
    RequestExpired:
        "a request for a process that is older than 45 minutes",
        "look for tasks that `convox/{app}` started, ask again if there is none";
    ReleaseCommandFailed:
        "a `release` of convox.yml ended with an exit code that is not 0, or could not start",
        "the message has Service, code and where its output is; mend it, promote again";
    NoRoom TaskRefused:
        "ECS did not place the task; the message has its reason (`RESOURCE:MEMORY`, `MISSING` …)",
        "add instances; \"API failure reasons\" in ECS's developer guide";
    RackSecret RackEnvironmentFile:
        "`secrets` or `environmentFiles` names the App's secret, or what belongs to another App",
        "declare the variable; put the value, or the file, where it is this App's";
    SecretNotAllowed EnvironmentFileNotAllowed:
        "convox.yml names what `AppSecretArns` or `AppEnvironmentFileArns` does not have",
        "let the Rack's owner add it; a file may stand under `apps/{app}/` of the bucket";
    CapacityProviderMissing:
        "the cluster does not have the capacity provider for Fargate, or Fargate Spot",
        "the message has the command that associates it";
    PlatformVersion:
        "convox.yml needs Fargate's platform 1.4.0, and a service is pinned to an older one",
        "the message has the command that unpins it";
    EcsServiceMissing EcsServiceNotOurs RuleNotOurs ScheduleNotOurs:
        "an ECS service is not there, or it, a rule or a schedule is somebody else's",
        "the message has the line for `app.json`, or what to correct";
    DeploymentController LoadBalancerMismatch:
        "an ECS service is deployed by something else, or its load balancer does not fit",
        "the message has the line for `app.json`, or what to correct";
    HostTaken ListenerFull:
        "another App has a host of the Release, or the Rack's load balancer has no room for rules",
        "the message says which; take the host out there and promote that App first";
    EcsServiceNotLent:
        "`app.json` names an ECS service whose owner has not lent it to the App",
        "the message has the command that tags it";
    EcsServiceShared EcsServiceElsewhere:
        "`app.json` names one ECS service for two Services, or one of another cluster",
        "name another, or none: then one is created";
    LaunchTypeMismatch WindowsService SchedulingStrategyMismatch:
        "an ECS service that `app.json` names runs on what convox.yml cannot describe",
        "the message says what; name another, or none";
    ServiceRegistryMismatch PortNameMismatch LaunchVolume:
        "an ECS service is tied to a container, port or volume that its Service will not have",
        "the message has what to write in convox.yml, or to correct";
    TaskDefinitionTooLarge:
        "over 64 KiB",
        "the message names the largest default; shorten it, or declare less than `*`";
    SecretTooLarge:
        "the environment takes over 65,536 bytes as JSON, so S3 delivers",
        "nothing; shorten or remove variables if it is to be a secret";
    DatabaseNotAllowed:
        "`snapshot` or `readSourceDB` names what neither the App nor `AppDatabaseArns` has",
        "let the Rack's owner add its ARN, or leave it out";
    PolicyNotAllowed:
        "`policies` names what `AppPolicyArns` does not have, or `AppPolicyActions` is empty",
        "let the Rack's owner add it, or leave it out";
    StackFailed:
        "CloudFormation could not bring the App's stack to what the Release needs",
        "the message has its reason; mend the cause, promote again";
    StackNotOurs:
        "a stack of that name has not the App's tags",
        "the message names it; delete or tag it";
    StackTooLarge:
        "the App's stack takes over 51,200 bytes",
        "let the App have fewer resources";
    RoleTooLarge:
        "more secrets and environment files than fit into a role's policy (10,240 characters)",
        "the message has the sizes; name fewer, or change half of them with each of two Releases";
    ResourceNotDeployed:
        "a process of a Service whose resources no promote has created yet",
        "promote that Release first";
    ResourceProtected:
        "a deleted App has a database with `deletionProtection`",
        "promote with `deletionProtection: false`, send `App Deleted` again";
    StackStays:
        "CloudFormation could not delete the App's stack",
        "the message has its reason; remove what holds it, send `App Deleted` again";
    ClusterMissing:
        "the Rack's cluster is not there",
        "correct the parameter `Cluster`";
    ClusterChanged:
        "the Rack's `Cluster` was changed, and ECS services of the App are in the one before",
        "set it back, or remove them there; the message has the commands";
    EnvironmentKeyDenied:
        "an object of the bucket is encrypted with a key that KMS refuses",
        "set `EnvironmentKeyArn` back, or see docs/rack-settings.md";
    SecretStillRead:
        "an App is deleted whose secret an ECS service of somebody else still reads",
        "the message names it; move it to another task definition, send `App Deleted` again";
    DefinitionStillRun:
        "an App is deleted, and an ECS service of somebody else runs a task definition of it",
        "the message names it; move it to another task definition, send `App Deleted` again";
    ClusterTooLarge:
        "a deletion could not look at all ECS services of the cluster in time",
        "nothing; it is delivered again and goes on";
    ManifestRace StateContended ServiceDraining StackAtWork ReleaseCommandAtWork:
        "somebody else is at work",
        "nothing; it is delivered again";
    DeploymentAtWork:
        "ECS is at a deployment that has to end first",
        "nothing; it is looked at again";
    StateUnreadable:
        "somebody wrote to `promotion.json`",
        "restore an older version of the object";
    DeadlineExceeded:
        "six hours of transient errors, or of waiting",
        "look at the function's log, promote or delete again";
    SecretNotOurs:
        "there is a secret of that name without the App's tags, so S3 delivers",
        "rename it, or tag it if it is meant to be this App's; promote again";
    SecretContended:
        "somebody else kept writing the App's secret",
        "promote again; a deletion is delivered again";
    SecretHasNoVersion SecretMissing SecretScheduledForDeletion:
        "the App's secret has no version of the Release, is not there, or is to be deleted",
        "promote the Release; until then S3 delivers to its processes";
    Timeout Unreachable BadResponse:
        "AWS did not answer in time, could not be reached, or answered what cannot be read",
        "nothing, where it is delivered again; if it lasts, see docs/network.md";
    Unknown:
        "AWS refused without a code",
        "the message has what was tried, on what";
    BadRequest InvalidInput NotAPromote ReportUnrendered:
        "a mistake in these functions",
        "tell their maintainers what the message and the log say";
}

impl fmt::Display for ErrorType {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

/// What stands as `errorType`: an [`ErrorType`], or the code that AWS answered. Equal are those of equal text, since a state
/// that another version wrote may hold a text that this one does not know.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(transparent)]
pub struct ErrorCode(Cow<'static, str>);

impl ErrorCode {
    /// The code that AWS answered.
    #[must_use]
    pub fn answered(code: impl Into<String>) -> Self {
        Self(Cow::Owned(code.into()))
    }

    /// At most `max_bytes` of it.
    #[must_use]
    pub fn within(self, max_bytes: usize) -> Self {
        match self.0 {
            Cow::Owned(code) => Self::answered(bounds::text(code, max_bytes)),
            ours @ Cow::Borrowed(_) => Self(ours),
        }
    }

    /// The text.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl From<ErrorType> for ErrorCode {
    fn from(ours: ErrorType) -> Self {
        Self(Cow::Borrowed(ours.as_str()))
    }
}

impl fmt::Display for ErrorCode {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}
