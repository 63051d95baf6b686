//! A Rack that `template.yaml` itself makes, in an emulator that runs its functions: uploads promote as they do on AWS.

use std::collections::BTreeMap;
use std::net::Ipv4Addr;
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use aws_sdk_cloudformation::types::{Capability, Parameter, Stack, StackStatus};
use aws_sdk_s3::config::RequestChecksumCalculation;
use aws_sdk_s3::primitives::ByteStream;
use double::Proxy;
use tokio::task::{JoinHandle, JoinSet};

use super::{DEFAULT_ACCOUNT, Names, World};
use crate::emulator::{Emulator, Setup, free_address};
use crate::package;

const NAME: &str = "myrack";
/// Where the packages of the functions are put, as `sam deploy` does.
const ARTIFACTS: &str = "artifacts";
/// What convox.yml of the examples names.
const OF_THE_EXAMPLES: [(&str, &str); 2] = [
    ("AppEnvironmentFileArns", "arn:aws:s3:::demo-*"),
    ("AppSecretArns", "arn:aws:secretsmanager:*:*:secret:demo/*"),
];
/// How long an operation on an App's stack takes: long enough to be seen.
const STACK_OPERATION: Duration = Duration::from_millis(500);
const STACK_LIMIT: Duration = Duration::from_mins(1);
const PAUSE: Duration = Duration::from_millis(50);

/// A deployed Rack. It ends with the value, or with the process that started it.
#[derive(Debug)]
pub struct Deployed {
    /// Its account, clients and proxy.
    pub world: World,
    /// What its stack gives.
    pub outputs: BTreeMap<String, String>,
    /// Ends the operations on Apps' stacks.
    ending: JoinHandle<()>,
    _emulator: Emulator,
}

/// Where a deployed Rack keeps its files.
#[derive(Debug, Clone, Copy)]
pub struct Site<'s> {
    /// The home of emulator and functions.
    pub home: &'s Path,
    /// What gets their output.
    pub log: &'s Path,
}

impl Deployed {
    /// Starts an emulator and creates the Rack in it, with some parameters of the template besides the usual.
    ///
    /// # Panics
    ///
    /// When the stack is not created, with CloudFormation's reasons.
    pub async fn start(site: Site<'_>, parameters: &[(&'static str, &str)]) -> Self {
        let template = package::as_the_emulator_reads(&package::template());
        let mut packages = JoinSet::new(); // made while the emulator starts
        for function in package::functions(&template) {
            packages.spawn_blocking(move || {
                let package = package::zipped(&function);
                (function, package)
            });
        }
        let address = free_address(Ipv4Addr::LOCALHOST);
        let proxy = Proxy::start(&format!("http://{address}"), DEFAULT_ACCOUNT).await;
        let emulator = Emulator::start_as(&Setup {
            address,
            home: site.home,
            log: site.log,
            functions_endpoint: Some(proxy.endpoint()),
        })
        .await;
        let ending = proxy.end_stacks_after(STACK_OPERATION);
        let names = Names {
            account: DEFAULT_ACCOUNT.to_owned(),
            rack: NAME.to_owned(),
            bucket: String::new(),
            cluster: NAME.to_owned(),
        };
        let mut world = World::behind(proxy, names).await;
        world.create_cluster().await;
        world.put_artifacts(&template, packages).await;
        let outputs = world.create_stack(parameters).await;
        let output = |name: &str| outputs.get(name).cloned().unwrap_or_default();
        world.bucket = output("SettingsBucket");
        world.key_arn = output("EnvironmentKeyArn");
        Self {
            world,
            outputs,
            ending,
            _emulator: emulator,
        }
    }
}

impl Drop for Deployed {
    fn drop(&mut self) {
        self.ending.abort();
    }
}

impl World {
    async fn put_artifacts(&self, template: &str, mut packages: JoinSet<(String, Arc<Vec<u8>>)>) {
        let bucket = self.s3.create_bucket().bucket(ARTIFACTS);
        bucket.send().await.expect("cannot create a bucket");
        while let Some(package) = packages.join_next().await {
            let (function, package) = package.expect("a package is made");
            let key = format!("{function}.zip");
            self.put_artifact(&key, package.to_vec()).await;
        }
        // Too large for a request of its own.
        let in_bucket = |function: &str| format!("s3://{ARTIFACTS}/{function}.zip");
        let template = package::with_sources(template, in_bucket);
        self.put_artifact("template.yaml", template.into_bytes())
            .await;
    }

    async fn put_artifact(&self, key: &str, body: Vec<u8>) {
        let put = self.s3.put_object().bucket(ARTIFACTS).key(key);
        let put = put.body(ByteStream::from(body)).customize();
        // Nobody checks sums and signatures, which take seconds of an unoptimized build.
        let unchecked = aws_sdk_s3::config::Builder::new()
            .request_checksum_calculation(RequestChecksumCalculation::WhenRequired);
        let put = put.config_override(unchecked).disable_payload_signing();
        put.send().await.expect("cannot write an artifact");
    }

    async fn create_stack(&self, different: &[(&'static str, &str)]) -> BTreeMap<String, String> {
        let mut parameters = self.parameters();
        let different = different.iter().chain(&OF_THE_EXAMPLES);
        parameters.extend(different.map(|(name, value)| (*name, (*value).to_owned())));
        let parameters = parameters.into_iter().map(|(name, value)| {
            let parameter = Parameter::builder().parameter_key(name);
            parameter.parameter_value(value).build()
        });
        let create = self.cloudformation.create_stack().stack_name(NAME);
        let create = create
            .template_url(format!(
                "https://s3.amazonaws.com/{ARTIFACTS}/template.yaml"
            ))
            .capabilities(Capability::CapabilityIam)
            .capabilities(Capability::CapabilityAutoExpand)
            .set_parameters(Some(parameters.collect()));
        create.send().await.expect("cannot create the Rack's stack");
        let created = tokio::time::timeout(STACK_LIMIT, self.created()).await;
        let created = created.expect("the Rack's stack was not created in time");
        let outputs = created.outputs.unwrap_or_default().into_iter();
        let outputs = outputs.filter_map(|output| Some((output.output_key?, output.output_value?)));
        outputs.collect()
    }

    /// The Rack's stack, once it is there.
    async fn created(&self) -> Stack {
        loop {
            let described = self.cloudformation.describe_stacks().stack_name(NAME);
            let described = described.send().await;
            let stacks = described.expect("cannot read the Rack's stack").stacks;
            let stack = stacks.unwrap_or_default().into_iter().next();
            let stack = stack.expect("CloudFormation knows the Rack's stack");
            match &stack.stack_status {
                Some(StackStatus::CreateComplete) => return stack,
                Some(StackStatus::CreateInProgress) => tokio::time::sleep(PAUSE).await,
                status => panic!(
                    "the Rack's stack is {status:?}: {}",
                    self.failures().await.join("; ")
                ),
            }
        }
    }

    async fn failures(&self) -> Vec<String> {
        let events = self.cloudformation.describe_stack_events();
        let events = events.stack_name(NAME).send().await;
        let events = events.expect("cannot read the events of the Rack's stack");
        let failed = events.stack_events().iter().filter(|event| {
            let status = event.resource_status();
            status.is_some_and(|status| status.as_str().ends_with("FAILED"))
        });
        failed
            .map(|event| {
                let id = event.logical_resource_id().unwrap_or_default();
                let reason = event.resource_status_reason().unwrap_or_default();
                format!("{id}: {reason}")
            })
            .collect()
    }
}
