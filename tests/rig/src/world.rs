//! What one test gets: an account of its own in the shared emulator, and everything the functions need in it.

mod deployed;
mod settings;

pub use deployed::{Deployed, Site};

use std::path::Path;
use std::sync::Arc;

use aws_config::{AppName as CallerName, SdkConfig};
use aws_sdk_ecs::types::{
    AssignPublicIp, AwsVpcConfiguration, Compatibility, ContainerDefinition, LaunchType,
    NetworkConfiguration, NetworkMode, Tag,
};
use aws_sdk_s3::operation::get_object::GetObjectError;
use aws_sdk_s3::primitives::ByteStream;
use aws_sdk_s3::types::{BucketVersioningStatus, VersioningConfiguration};
use double::access::{self, SECRET_ACCESS_KEY};
use double::iam::{Deployment, Judged};
use double::proxy::{Event, Injection, Life, Proxy};
use double::{REGION, unique};
use names::{AppName, ReleaseId, keys};

use crate::emulator::Emulator;
use crate::function::Function;
use crate::{binaries, credentials, emulator, envelope};

/// The emulator's own: the stacks of Apps take only what is there.
pub const SUBNETS: [&str; 2] = ["subnet-00000001", "subnet-00000002"];
const VPC: &str = "vpc-00000001";
/// The emulator's for access keys that are no account's.
const DEFAULT_ACCOUNT: &str = "000000000000";
/// The functions that a rule of the template tells of stacks.
const HEARERS: [&str; 2] = ["app-deletion", "promote"];
const SECURITY_GROUP: &str = "sg-1";

/// An account, a Rack in it, and clients for the test's own access: not recorded, without faults.
#[derive(Debug)]
pub struct World {
    /// Twelve digits; also the access key id, by which the emulator isolates accounts.
    pub account: String,
    /// The Rack's name.
    pub rack: String,
    /// The settings bucket, versioned.
    pub bucket: String,
    /// The ECS cluster's name.
    pub cluster: String,
    /// The environment key.
    pub key_arn: String,
    /// Where a task asks for its role's keys; nowhere in memory.
    task_credentials: Option<String>,
    /// What the program under test talks to; at its end it judges the functions' calls by the template's policies.
    pub proxy: Judged,
    /// S3.
    pub s3: aws_sdk_s3::Client,
    /// Secrets Manager; the same secrets as the program under test sees.
    pub secrets_manager: aws_sdk_secretsmanager::Client,
    /// ECS.
    pub ecs: aws_sdk_ecs::Client,
    /// `EventBridge`.
    pub eventbridge: aws_sdk_eventbridge::Client,
    /// `EventBridge` Scheduler.
    pub scheduler: aws_sdk_scheduler::Client,
    /// KMS.
    pub kms: aws_sdk_kms::Client,
    /// `CloudFormation`; the same stacks as the program under test sees.
    pub cloudformation: aws_sdk_cloudformation::Client,
}

/// What a World is called.
struct Names {
    account: String,
    rack: String,
    bucket: String,
    cluster: String,
}

impl Names {
    /// Names that no other test has.
    fn unique() -> Self {
        let account = unique::account();
        Self {
            rack: format!("rack-{}", unique::word(8)),
            bucket: format!("settings-{account}"),
            cluster: format!("cluster-{}", unique::word(8)),
            account,
        }
    }
}

/// Where AWS is, for a program of this process in each of its lives.
pub type Access = Box<dyn Fn(&Arc<Life>) -> SdkConfig>;

impl World {
    /// A new account with bucket, cluster and key; the first one of a process starts the emulator.
    pub async fn new() -> Self {
        Self::on(emulator::shared()).await
    }

    /// The same in an emulator of the caller's.
    pub async fn on(emulator: &Emulator) -> Self {
        let names = Names::unique();
        let proxy = Proxy::start(&emulator.url(), &names.account).await;
        let world = Self::behind(proxy, names).await;
        world.furnished().await
    }

    /// The Rack that the samples in `events/` are about, in an emulator of the caller's.
    pub async fn of_samples(emulator: &Emulator) -> Self {
        let names = Names {
            account: DEFAULT_ACCOUNT.to_owned(),
            rack: "myrack".to_owned(),
            bucket: "myrack-settings".to_owned(),
            cluster: "myrack".to_owned(),
        };
        let proxy = Proxy::start(&emulator.url(), &names.account).await;
        let world = Self::behind(proxy, names).await;
        world.furnished().await
    }

    /// The same without an emulator and without sockets, for functions in this process; it can be copied and put back.
    pub async fn in_memory() -> Self {
        let names = Names::unique();
        let proxy = Proxy::in_memory(&names.account);
        let config = access::in_process(proxy.direct_back_door(), &names.account);
        let world = Self::with_clients(names, proxy, &config, None);
        world.furnished().await
    }

    /// An account in memory for functions in other processes: what they do takes their own time, hardly any of the double's.
    pub async fn in_memory_over_http() -> Self {
        let names = Names::unique();
        let proxy = Proxy::start_in_memory(&names.account).await;
        let world = Self::behind(proxy, names).await;
        world.furnished().await
    }

    /// One with nothing in it, whose clients go through the proxy's back door.
    async fn behind(proxy: Proxy, names: Names) -> Self {
        let config = access::over_http(proxy.back_door(), &names.account);
        let keys = credentials::answer(&names.account, SECRET_ACCESS_KEY, "");
        let task_credentials = Some(credentials::serve(keys).await);
        Self::with_clients(names, proxy, &config, task_credentials)
    }

    fn with_clients(
        names: Names,
        proxy: Proxy,
        config: &SdkConfig,
        task_credentials: Option<String>,
    ) -> Self {
        let s3 = aws_sdk_s3::config::Builder::from(config).force_path_style(true);
        Self {
            account: names.account,
            rack: names.rack,
            bucket: names.bucket,
            cluster: names.cluster,
            key_arn: String::new(),
            s3: aws_sdk_s3::Client::from_conf(s3.build()),
            secrets_manager: aws_sdk_secretsmanager::Client::new(config),
            ecs: aws_sdk_ecs::Client::new(config),
            eventbridge: aws_sdk_eventbridge::Client::new(config),
            scheduler: aws_sdk_scheduler::Client::new(config),
            cloudformation: aws_sdk_cloudformation::Client::new(config),
            kms: aws_sdk_kms::Client::new(config),
            task_credentials,
            proxy: Judged::new(proxy),
        }
    }

    /// With bucket, cluster, key and the group of schedules.
    async fn furnished(mut self) -> Self {
        self.key_arn = create_key(&self.kms).await;
        self.create_bucket().await;
        self.create_cluster().await;
        let group = self.scheduler.create_schedule_group().name(&self.rack);
        group.send().await.expect("cannot create the group");
        self
    }

    /// An SDK configuration that goes through the front door: recorded as nobody's, with faults.
    #[must_use]
    pub fn front_door(&self) -> SdkConfig {
        access::over_http(self.proxy.endpoint(), &self.account)
    }

    /// The front door for a program in this process, recorded as the calls of `caller`, made for each life of the program: a
    /// fault that kills ends that.
    ///
    /// # Panics
    ///
    /// When `caller` is no name that the SDK takes.
    #[must_use]
    pub fn direct(&self, caller: &'static str) -> Access {
        let name = CallerName::new(caller).expect("a name without odd characters");
        let (door, account) = (self.proxy.direct(&Arc::default()), self.account.clone());
        Box::new(move |life| {
            let config = access::in_process(door.lived(life), &account).into_builder();
            config.app_name(name.clone()).build()
        })
    }

    /// Whether there is neither an emulator behind it nor a socket in front of it.
    #[must_use]
    pub fn is_in_memory(&self) -> bool {
        self.task_credentials.is_none()
    }

    /// An SDK configuration for the emulator itself, whose stacks hold anything, and not only what Apps ask for.
    #[must_use]
    pub fn past_the_proxy(&self) -> SdkConfig {
        access::over_http(&emulator::shared().url(), &self.account)
    }

    /// The front door, recorded as the calls of `caller`.
    #[must_use]
    pub fn front_door_as(&self, caller: &'static str) -> SdkConfig {
        let name = CallerName::new(caller).expect("a name without odd characters");
        let config = self.front_door().into_builder();
        config.app_name(name).build()
    }

    /// Starts the built function `name` with [`World::settings`], with some set differently. Blocks the thread.
    #[must_use]
    pub fn start(&self, name: &str, different: &[(&str, &str)]) -> Function {
        self.start_program(&binaries::built(name), different)
    }

    /// The same for a binary that is built already; its file has the function's name.
    #[must_use]
    pub fn start_program(&self, bootstrap: &Path, different: &[(&str, &str)]) -> Function {
        let name = bootstrap.file_name().unwrap_or_default().to_string_lossy();
        let settings = self.settings(different);
        self.proxy.expect(&name, Deployment::of(&settings));
        let function = Function::start_program(bootstrap, &settings, 120);
        if HEARERS.contains(&&*name) {
            function.hearing(self.proxy.stack_ear(&name))
        } else {
            function
        }
    }

    /// Writes an object to the settings bucket and answers its version id.
    pub async fn put(&self, key: &str, bytes: impl Into<Vec<u8>>) -> String {
        let body = ByteStream::from(bytes.into());
        let put = self
            .s3
            .put_object()
            .bucket(&self.bucket)
            .key(key)
            .body(body);
        let put = put.send().await.expect("cannot write an object");
        self.proxy.uploaded(&self.bucket, key);
        put.version_id.expect("the bucket is versioned")
    }

    /// Reads an object of the settings bucket; none when there is none.
    pub async fn get(&self, key: &str) -> Option<Vec<u8>> {
        match self
            .s3
            .get_object()
            .bucket(&self.bucket)
            .key(key)
            .send()
            .await
        {
            Ok(object) => {
                let body = object.body.collect().await.expect("cannot read an object");
                Some(body.to_vec())
            }
            Err(error)
                if error
                    .as_service_error()
                    .is_some_and(GetObjectError::is_no_such_key) =>
            {
                None
            }
            Err(error) => panic!("cannot read {key}: {error:?}"),
        }
    }

    /// Writes a Release's environment as lines and answers the object's version id.
    pub async fn put_env(&self, app: &str, release: &str, variables: &[(&str, &str)]) -> String {
        let app = AppName::new(app).expect("a valid App name");
        let release = ReleaseId::new(release).expect("a valid Release id");
        let lines: Vec<String> = variables
            .iter()
            .map(|(key, value)| format!("{key}={value}\n"))
            .collect();
        self.put(&keys::environment(&app, &release), lines.concat())
            .await
    }

    /// Seals an environment as Convox does, with the environment key.
    pub async fn seal(&self, plain: &[u8]) -> Vec<u8> {
        envelope::seal(&self.kms, &self.key_arn, plain).await
    }

    /// The same, made by libsodium.
    pub async fn seal_with_libsodium(&self, plain: &[u8]) -> Vec<u8> {
        envelope::seal_with_libsodium(&self.kms, &self.key_arn, plain).await
    }

    /// Creates a Fargate service that runs a dummy task definition, and answers its ARN.
    pub async fn create_ecs_service(&self, name: &str, tags: &[(&str, &str)]) -> String {
        let tag = |(key, value): &(&str, &str)| Tag::builder().key(*key).value(*value).build();
        let service = self
            .ecs
            .create_service()
            .cluster(&self.cluster)
            .service_name(name)
            .task_definition(self.register_dummy().await)
            .launch_type(LaunchType::Fargate)
            .network_configuration(Self::network())
            .desired_count(1)
            .set_tags(Some(tags.iter().map(tag).collect()))
            .send()
            .await
            .expect("cannot create an ECS service");
        let arn = service.service.and_then(|service| service.service_arn);
        arn.expect("ECS answers the service's ARN")
    }

    /// Makes calls of the program under test fail from now on; of several injections that fit, the oldest acts.
    pub fn inject(&self, injection: Injection) {
        self.proxy.inject(injection);
    }

    /// Waits until a program under test makes such a call.
    pub async fn until_called(&self, service: &str, operation: &str) {
        let is_called = async || (self.proxy.count(service, operation) > 0).then_some(());
        crate::eventually(operation, is_called).await;
    }

    /// From now on the cluster has the container instance `id`, with a version of the ECS agent.
    pub fn add_instance(&self, id: &str, agent_version: &str) {
        let (account, cluster) = (&self.account, &self.cluster);
        let arn = format!("arn:aws:ecs:{REGION}:{account}:container-instance/{cluster}/{id}");
        self.proxy.add_instance(&arn, agent_version);
    }

    /// The subnets and the group of [`World::settings`], as ECS wants them for Fargate.
    #[must_use]
    pub fn network() -> NetworkConfiguration {
        let vpc = AwsVpcConfiguration::builder()
            .set_subnets(Some(SUBNETS.map(ToOwned::to_owned).to_vec()))
            .security_groups(SECURITY_GROUP)
            .assign_public_ip(AssignPublicIp::Disabled);
        let vpc = vpc.build().expect("there are subnets");
        NetworkConfiguration::builder()
            .awsvpc_configuration(vpc)
            .build()
    }

    /// The events that the program under test sent and `EventBridge` accepted, without those that tell of a wait, since the first
    /// promote of any App waits for its stack, and without those that tell that a Release is live, as one that moves nothing is at
    /// once.
    #[must_use]
    pub fn events(&self) -> Vec<Event> {
        let mut events = self.all_events();
        let is_aside = |kind: &str| kind.ends_with(" Waiting") || kind == "Release Live";
        events.retain(|event| !is_aside(&event.detail_type));
        events
    }

    /// The same with all.
    #[must_use]
    pub fn all_events(&self) -> Vec<Event> {
        self.proxy.events()
    }

    async fn register_dummy(&self) -> String {
        let container = ContainerDefinition::builder()
            .name("dummy")
            .image("dummy")
            .build();
        let registered = self
            .ecs
            .register_task_definition()
            .family("dummy")
            .requires_compatibilities(Compatibility::Fargate)
            .network_mode(NetworkMode::Awsvpc)
            .cpu("256")
            .memory("512")
            .container_definitions(container)
            .send()
            .await
            .expect("cannot register the dummy task definition");
        let arn = registered
            .task_definition
            .and_then(|registered| registered.task_definition_arn);
        arn.expect("ECS answers the task definition's ARN")
    }

    async fn create_cluster(&self) {
        let cluster = self.ecs.create_cluster().cluster_name(&self.cluster);
        cluster.send().await.expect("cannot create the cluster");
    }

    async fn create_bucket(&self) {
        let bucket = self.s3.create_bucket().bucket(&self.bucket);
        bucket.send().await.expect("cannot create the bucket");
        let versioned = VersioningConfiguration::builder()
            .status(BucketVersioningStatus::Enabled)
            .build();
        let versioning = self.s3.put_bucket_versioning().bucket(&self.bucket);
        let versioning = versioning.versioning_configuration(versioned).send().await;
        versioning.expect("cannot make the bucket versioned");
    }
}

async fn create_key(kms: &aws_sdk_kms::Client) -> String {
    let key = kms
        .create_key()
        .send()
        .await
        .expect("cannot create a KMS key");
    key.key_metadata
        .and_then(|key| key.arn)
        .expect("KMS answers the key's ARN")
}
