//! The variables that the template gives to the functions (design 2.7), and a task's access to AWS.

use std::collections::BTreeMap;

use double::REGION;
use double::access::SECRET_ACCESS_KEY;

use super::{SECURITY_GROUP, SUBNETS, VPC, World};
use crate::tools;

const REGISTRY: &str = "123456789012.dkr.ecr.us-east-1.amazonaws.com/apps";
/// The group that the VPC has from the beginning.
const DEFAULT_GROUP: &str = "sg-00000001";

impl World {
    /// The functions' whole environment, with some variables set differently or added; an empty value unsets one.
    #[must_use]
    pub fn settings(&self, different: &[(&str, &str)]) -> Vec<(String, String)> {
        let mut settings = self.access(self.proxy.endpoint());
        settings.extend(self.rack_settings());
        for (name, value) in different {
            settings.insert((*name).to_owned(), (*value).to_owned());
        }
        settings.retain(|_, value| !value.is_empty());
        settings.into_iter().collect()
    }

    /// What the agent and `convox-env` reach AWS with: not recorded, without faults.
    #[must_use]
    pub fn task_access(&self) -> BTreeMap<String, String> {
        let mut access = self.access(self.proxy.back_door());
        access.extend(owned([
            (
                "CONVOX_ENV_TEST_CREDENTIALS",
                self.task_credentials.as_deref().unwrap_or_default(),
            ),
            ("CONVOX_ENV_TEST_ENDPOINT", self.proxy.back_door()),
        ]));
        access
    }

    /// What a Rack's stack is created with: the parameters of `template.yaml` that have no default, and this machine's architecture.
    #[must_use]
    pub fn parameters(&self) -> BTreeMap<&'static str, String> {
        BTreeMap::from([
            ("Architecture", tools::architecture().to_owned()),
            ("Cluster", self.cluster.clone()),
            ("Rack", self.rack.clone()),
            ("Registry", REGISTRY.to_owned()),
            ("SecurityGroups", DEFAULT_GROUP.to_owned()),
            ("Subnets", SUBNETS.join(",")),
            ("Vpc", VPC.to_owned()),
        ])
    }

    fn access(&self, endpoint: &str) -> BTreeMap<String, String> {
        owned([
            ("AWS_ACCESS_KEY_ID", &self.account),
            ("AWS_ENDPOINT_URL", endpoint),
            ("AWS_REGION", REGION),
            ("AWS_SECRET_ACCESS_KEY", SECRET_ACCESS_KEY),
        ])
    }

    fn rack_settings(&self) -> BTreeMap<String, String> {
        let role = |name: &str| format!("arn:aws:iam::{}:role/{}-{name}", self.account, self.rack);
        let boundary = format!(
            "arn:aws:iam::{}:policy/convox/{}/boundary",
            self.account, self.rack
        );
        let dead_letters = format!("arn:aws:sqs:{REGION}:{}:TimerDeadLetterQueue", self.account);
        let registry = format!("{}.dkr.ecr.{REGION}.amazonaws.com/apps", self.account);
        owned([
            ("APP_ENVIRONMENT_FILE_ARNS", "arn:aws:s3:::*"),
            ("APP_BOUNDARY_ARN", &boundary),
            ("APP_POLICY_ACTIONS", "*"),
            ("APP_POLICY_ARNS", "arn:aws:iam::aws:policy/*"),
            ("APP_SECRET_ARNS", "arn:aws:secretsmanager:*:*:secret:*"),
            ("APP_STACK_ROLE_ARN", &role("app-stack")),
            ("ASSIGN_PUBLIC_IP", "DISABLED"),
            ("CLUSTER", &self.cluster),
            ("ENVIRONMENT_KEY_ARN", &self.key_arn),
            ("LAUNCH_TYPE", "FARGATE"),
            ("LOG_RETENTION_DAYS", "30"),
            ("RACK", &self.rack),
            ("REGISTRY", &registry),
            ("RELEASE_STUCK_MINUTES", "30"),
            ("ROUTER_HOST", "router.example"),
            ("SECRETS_MANAGER_ENV", "No"),
            ("SECRETS_MANAGER_TIMEOUT_SECONDS", "10"),
            ("SECRET_KEY_ARN", ""),
            ("SECURITY_GROUPS", SECURITY_GROUP),
            ("SETTINGS_BUCKET", &self.bucket),
            ("SUBNETS", &SUBNETS.join(",")),
            ("TASK_EXECUTION_ROLE_ARN", &role("execution")),
            ("TASK_ROLE_ARN", &role("task")),
            ("TIMER_DEAD_LETTER_ARN", &dead_letters),
            ("TIMER_ROLE_ARN", &role("timer")),
            ("VPC", VPC),
        ])
    }
}

fn owned<const N: usize>(pairs: [(&str, &str); N]) -> BTreeMap<String, String> {
    let pairs = pairs.into_iter();
    pairs
        .map(|(name, value)| (name.to_owned(), value.to_owned()))
        .collect()
}
