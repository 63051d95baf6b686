//! The ECS agent's view: from a registered task definition to the variables that each container sees.
//!
//! By the agent's published rules (facts/aws.md 1.1, 1.3, 1.11), and on the S3 path through the real `convox-env`. It takes
//! SDK clients, so that anything that speaks for AWS can stand behind it. It never prints a value.

mod convox_env;
mod entrypoint;
mod env_file;
mod go_print;
mod reference;
mod secrets;

use std::collections::BTreeMap;
use std::fmt;
use std::path::{Path, PathBuf};

use aws_sdk_ecs::types::{ContainerDefinition, Secret, TaskDefinition};

use crate::binaries;
use crate::credentials;
use crate::world::World;

/// What a container's name leads to: its variables.
pub type Containers<T> = BTreeMap<String, BTreeMap<String, T>>;

/// What starts containers.
#[derive(Debug)]
pub struct Agent {
    /// ECS.
    pub ecs: aws_sdk_ecs::Client,
    /// Secrets Manager.
    pub secrets_manager: aws_sdk_secretsmanager::Client,
    /// S3, for environment files.
    pub s3: aws_sdk_s3::Client,
    /// The variables with which `convox-env` reaches AWS, as a task has its role.
    pub access: BTreeMap<String, String>,
    /// What starts the container's command.
    pub convox_env: Entrypoint,
}

/// `convox-env`, where a container has it.
#[derive(Debug)]
pub enum Entrypoint {
    /// The built program.
    Built(PathBuf),
    /// What it does, done in this process; it asks KMS to open envelopes.
    Model(aws_sdk_kms::Client),
}

impl Entrypoint {
    /// The built program.
    ///
    /// # Panics
    ///
    /// Of an account in memory, where none can run.
    #[must_use]
    pub fn program(&self) -> &Path {
        match self {
            Self::Built(program) => program,
            Self::Model(_) => panic!("no program runs in an account in memory"),
        }
    }
}

/// A variable as the container sees it.
#[derive(Clone, PartialEq, Eq)]
pub struct Variable {
    /// Its value.
    pub value: String,
    /// What put it there.
    pub origin: Origin,
}

/// Where a variable comes from.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Origin {
    /// `environment` of the container definition.
    Environment,
    /// A file of `environmentFiles`, with its ARN.
    EnvironmentFile(String),
    /// `secrets` of the container definition, with the reference.
    Secrets(String),
    /// The environment object, through `convox-env`.
    ConvoxEnv,
}

/// Why the task could not start, in the agent's words.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LaunchFailure(pub String);

impl fmt::Display for LaunchFailure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl std::error::Error for LaunchFailure {}

impl fmt::Debug for Variable {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Variable")
            .field("origin", &self.origin)
            .finish_non_exhaustive()
    }
}

impl fmt::Display for Origin {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Environment => f.write_str("environment"),
            Self::EnvironmentFile(arn) => write!(f, "environmentFiles {arn}"),
            Self::Secrets(value_from) => write!(f, "secrets {value_from}"),
            Self::ConvoxEnv => f.write_str("convox-env"),
        }
    }
}

/// What each container of a task would see, by container name.
///
/// # Errors
///
/// [`LaunchFailure`] when the task would not start.
pub async fn task_sees(
    world: &World,
    task_definition: &str,
) -> Result<Containers<String>, LaunchFailure> {
    let agent = Agent {
        ecs: world.ecs.clone(),
        secrets_manager: world.secrets_manager.clone(),
        s3: world.s3.clone(),
        access: world.task_access(),
        convox_env: if world.is_in_memory() {
            Entrypoint::Model(world.kms.clone())
        } else {
            Entrypoint::Built(binaries::built("convox-env"))
        },
    };
    let seen = agent.launch(task_definition).await?;
    let values = |variables: BTreeMap<String, Variable>| {
        let values = variables.into_iter();
        values
            .map(|(name, variable)| (name, variable.value))
            .collect()
    };
    let containers = seen.into_iter();
    Ok(containers
        .map(|(name, variables)| (name, values(variables)))
        .collect())
}

impl Agent {
    /// One that reaches AWS as the `AWS_*` variables of this process say; `convox-env` is the one built next to it.
    pub async fn from_environment() -> Self {
        let http_client = aws_smithy_http_client::Builder::new().build_http();
        let config = aws_config::defaults(aws_config::BehaviorVersion::latest())
            .http_client(http_client)
            .load()
            .await;
        let s3 = aws_sdk_s3::config::Builder::from(&config).force_path_style(true);
        Self {
            ecs: aws_sdk_ecs::Client::new(&config),
            secrets_manager: aws_sdk_secretsmanager::Client::new(&config),
            s3: aws_sdk_s3::Client::from_conf(s3.build()),
            access: Self::access().await,
            convox_env: Entrypoint::Built(binaries::beside("convox-env")),
        }
    }

    /// `convox-env` takes its keys from a task's role alone, so those of this process are served as one's.
    async fn access() -> BTreeMap<String, String> {
        let of_task = |(name, _): &(String, String)| {
            name.starts_with("AWS_") || name.starts_with("CONVOX_ENV_TEST_")
        };
        let mut access: BTreeMap<String, String> = std::env::vars().filter(of_task).collect();
        let of = |name: &str| access.get(name).cloned().unwrap_or_default();
        if !access.contains_key("CONVOX_ENV_TEST_CREDENTIALS") {
            let (id, secret) = (of("AWS_ACCESS_KEY_ID"), of("AWS_SECRET_ACCESS_KEY"));
            let answer = credentials::answer(&id, &secret, &of("AWS_SESSION_TOKEN"));
            let url = credentials::serve(answer).await;
            let endpoint = access.get("AWS_ENDPOINT_URL").cloned();
            let endpoint = endpoint.map(|url| ("CONVOX_ENV_TEST_ENDPOINT".to_owned(), url));
            access.extend(endpoint);
            access.insert("CONVOX_ENV_TEST_CREDENTIALS".to_owned(), url);
        }
        access
    }

    /// What each container of a task would see, and where each variable comes from.
    ///
    /// # Errors
    ///
    /// [`LaunchFailure`] when the task would not start.
    pub async fn launch(
        &self,
        task_definition: &str,
    ) -> Result<Containers<Variable>, LaunchFailure> {
        let definition = self.describe(task_definition).await?;
        let mut seen = Containers::new();
        for (container, variables) in self.given(&definition).await? {
            seen.insert(container, convox_env::run(self, variables).await?);
        }
        Ok(seen)
    }

    /// What ECS itself gives to each container of a task.
    ///
    /// # Errors
    ///
    /// [`LaunchFailure`] when the task would not start.
    pub async fn given(
        &self,
        definition: &TaskDefinition,
    ) -> Result<Containers<Variable>, LaunchFailure> {
        let containers = definition.container_definitions();
        let references = containers
            .iter()
            .flat_map(ContainerDefinition::secrets)
            .map(Secret::value_from);
        let resolved = secrets::resolve(&self.secrets_manager, references).await?;
        let mut given = Containers::new();
        for container in containers {
            let files = env_file::read(&self.s3, container.environment_files()).await?;
            let variables = merge(container, files, &resolved);
            given.insert(container.name().unwrap_or_default().to_owned(), variables);
        }
        Ok(given)
    }

    /// A registered task definition.
    ///
    /// # Errors
    ///
    /// [`LaunchFailure`] when there is none.
    pub async fn describe(&self, task_definition: &str) -> Result<TaskDefinition, LaunchFailure> {
        let request = self.ecs.describe_task_definition();
        let described = request.task_definition(task_definition).send().await;
        let described =
            described.map_err(|error| LaunchFailure(format!("{task_definition}: {error:?}")))?;
        let definition = described.task_definition;
        definition.ok_or_else(|| LaunchFailure(format!("{task_definition}: there is none")))
    }
}

/// `secrets` overwrite `environment`, and both what stands in files. Source: facts/aws.md 1.3.
fn merge(
    container: &ContainerDefinition,
    files: BTreeMap<String, Variable>,
    resolved: &BTreeMap<String, String>,
) -> BTreeMap<String, Variable> {
    let mut variables = files;
    for pair in container.environment() {
        let value = pair.value().unwrap_or_default().to_owned();
        let origin = Origin::Environment;
        variables.insert(
            pair.name().unwrap_or_default().to_owned(),
            Variable { value, origin },
        );
    }
    for secret in container.secrets() {
        let value = resolved[secret.value_from()].clone();
        let origin = Origin::Secrets(secret.value_from().to_owned());
        variables.insert(secret.name().to_owned(), Variable { value, origin });
    }
    variables
}
