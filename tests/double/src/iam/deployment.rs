//! One deployed stack: its parameters and the names of what it created.

use std::collections::BTreeMap;

use serde_json::Value;

use super::policy::{Policy, Rule};
use super::resolve::{Resolver, TemplateError};
use super::template::template;
use crate::REGION;

const PARTITION: &str = "aws";
const URL_SUFFIX: &str = "amazonaws.com";

/// A stack, as a function's own settings describe it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Deployment {
    /// The account.
    pub account: String,
    /// The Rack.
    pub rack: String,
    /// The settings bucket.
    pub bucket: String,
    /// The cluster as it was configured: a name or an ARN.
    pub cluster: String,
    /// The key of the settings bucket.
    pub environment_key: String,
    /// Whether the stack created that key, or got it as a parameter.
    pub creates_key: bool,
    /// The customer key of secrets.
    pub secret_key: Option<String>,
    /// The customer key that secrets had before.
    pub former_secret_key: Option<String>,
    /// `FARGATE` or `EC2`.
    pub launch_type: String,
    /// The secrets and the environment files that convox.yml may name, comma separated.
    pub named: [String; 2],
    /// The sources of events that command Apps, comma separated, and the bus that takes them; empty: the defaults.
    pub commands: [String; 2],
    /// The policies of keys that it was given, by their ARNs; one that is not here leaves all to IAM.
    pub key_policies: BTreeMap<String, Value>,
    /// Whether tasks may read environments without naming a version.
    pub reads_no_versions: bool,
    /// Who may write the state beside the functions.
    pub state_operator: String,
    /// Actions that these may give, comma separated.
    pub app_policy_actions: String,
    /// The permissions boundary of the roles of Apps.
    pub boundary: String,
    /// The VPC of the subnets.
    pub vpc: String,
    /// What its entrance was given, by the names of parameters; what is not there has its default.
    pub entrance: BTreeMap<String, String>,
    /// The managed policies that roles of Apps may get, comma separated.
    pub app_policies: String,
    /// The ARNs of its roles, by logical id.
    pub roles: BTreeMap<&'static str, String>,
}

impl Deployment {
    /// The stack whose function has these variables.
    #[must_use]
    pub fn of(settings: &[(String, String)]) -> Self {
        let settings: BTreeMap<_, _> = settings.iter().cloned().collect();
        let get = |name: &str| settings.get(name).cloned().unwrap_or_default();
        let account = get("AWS_ACCESS_KEY_ID");
        let created = format!("arn:{PARTITION}:kms:{REGION}:{account}:key/of-the-stack");
        let given = settings.get("ENVIRONMENT_KEY_ARN").cloned();
        let rack = get("RACK");
        let of_function = |name| format!("arn:{PARTITION}:iam::{account}:role/{rack}-{name}");
        Self {
            rack: get("RACK"),
            bucket: get("SETTINGS_BUCKET"),
            cluster: get("CLUSTER"),
            creates_key: given.is_none(),
            environment_key: given.unwrap_or(created),
            secret_key: settings.get("SECRET_KEY_ARN").cloned(),
            former_secret_key: settings.get("FORMER_SECRET_KEY_ARN").cloned(),
            launch_type: get("LAUNCH_TYPE"),
            named: [get("APP_SECRET_ARNS"), get("APP_ENVIRONMENT_FILE_ARNS")],
            commands: [get("EVENT_SOURCES"), get("COMMAND_BUS")],
            key_policies: BTreeMap::new(),
            reads_no_versions: get("CONVOX_WRAPPER") == "Yes",
            state_operator: get("STATE_OPERATOR_ARN"),
            vpc: get("VPC"),
            entrance: [
                ("PublicListenerArn", get("PUBLIC_LISTENER_ARN")),
                ("InternalListenerArn", get("INTERNAL_LISTENER_ARN")),
            ]
            .map(|(name, value)| (name.to_owned(), value))
            .into(),
            app_policies: get("APP_POLICY_ARNS"),
            app_policy_actions: get("APP_POLICY_ACTIONS"),
            boundary: get("APP_BOUNDARY_ARN"),
            roles: BTreeMap::from([
                ("AppDeletionRole", of_function("app-deletion")),
                ("AppStackRole", get("APP_STACK_ROLE_ARN")),
                ("FailureCountRole", of_function("failure-count")),
                ("ProcessRunRole", of_function("process-run")),
                ("PromoteRole", of_function("promote")),
                ("TaskExecutionRole", get("TASK_EXECUTION_ROLE_ARN")),
                ("TaskRole", get("TASK_ROLE_ARN")),
                ("TimerRole", get("TIMER_ROLE_ARN")),
            ]),
            account,
        }
    }

    /// What the role `logical_id` may do: its own statements, and what the stack's bucket and key deny to everybody.
    ///
    /// # Errors
    ///
    /// [`TemplateError`] for a construct that is not known here.
    pub fn policy(&self, logical_id: &str) -> Result<Policy, TemplateError> {
        let resources = &template()["Resources"];
        if resources[logical_id]["Type"] != "AWS::IAM::Role" {
            return Err(TemplateError(format!("there is no role {logical_id}")));
        }
        let resolver = Resolver::new(template(), self);
        let mut policy = Policy {
            principal: self.attribute(logical_id, "Arn"),
            ..Policy::default()
        };
        let policies = &resources[logical_id]["Properties"]["Policies"];
        for inline in policies.as_array().into_iter().flatten() {
            let document = resolver.document(&inline["PolicyDocument"])?;
            policy.add_allowed(&document)?;
        }
        let managed = &resources[logical_id]["Properties"]["ManagedPolicyArns"];
        for named in managed.as_array().into_iter().flatten() {
            let id = named["Ref"].as_str().unwrap_or_default();
            let document = &resources[id]["Properties"]["PolicyDocument"];
            policy.add_allowed(&resolver.document(document)?)?;
        }
        let bucket = &resources["SettingsBucketPolicy"]["Properties"]["PolicyDocument"];
        policy.add_denied(&resolver.document(bucket)?)?;
        if self.creates_key {
            let key = &resources["EnvironmentKey"]["Properties"]["KeyPolicy"];
            policy.add_key(&resolver.document(key)?, &self.environment_key)?;
        }
        for (key, document) in &self.key_policies {
            policy.add_key(document, key)?;
        }
        Ok(policy)
    }

    /// What no role of an App can do more than.
    ///
    /// # Errors
    ///
    /// [`TemplateError`] for a construct that is not known here.
    pub fn boundary_policy(&self) -> Result<Policy, TemplateError> {
        let boundary = &template()["Resources"]["AppBoundary"]["Properties"];
        let resolver = Resolver::new(template(), self);
        let mut policy = Policy::default();
        policy.add_allowed(&resolver.document(&boundary["PolicyDocument"])?)?;
        Ok(policy)
    }

    /// What the settings bucket denies to `principal`, who may do anything by his own policy.
    ///
    /// # Errors
    ///
    /// [`TemplateError`] for a construct that is not known here.
    pub fn bucket_policy(&self, principal: &str) -> Result<Policy, TemplateError> {
        let mut policy = Policy {
            rules: vec![Rule::on("s3:*", "*")],
            principal: Some(principal.to_owned()),
            ..Policy::default()
        };
        let bucket = &template()["Resources"]["SettingsBucketPolicy"]["Properties"];
        let resolver = Resolver::new(template(), self);
        policy.add_denied(&resolver.document(&bucket["PolicyDocument"])?)?;
        Ok(policy)
    }

    /// Who may take the role `logical_id`, and on whose behalf.
    ///
    /// # Errors
    ///
    /// [`TemplateError`] for a construct that is not known here.
    pub fn trust(&self, logical_id: &str) -> Result<Policy, TemplateError> {
        let role = &template()["Resources"][logical_id]["Properties"];
        let resolver = Resolver::new(template(), self);
        let mut policy = Policy::default();
        policy.add_trusted(&resolver.document(&role["AssumeRolePolicyDocument"])?)?;
        Ok(policy)
    }

    /// A piece of the template as it is in this stack; null for `AWS::NoValue`.
    ///
    /// # Errors
    ///
    /// [`TemplateError`] for a construct that is not known here.
    pub fn resolved(&self, value: &Value) -> Result<Value, TemplateError> {
        let resolved = Resolver::new(template(), self).resolve(value)?;
        Ok(resolved.unwrap_or_default())
    }

    /// The logical id of a function's role: `app-deletion` has `AppDeletionRole`.
    #[must_use]
    pub fn role_of(function: &str) -> String {
        format!("{}Role", logical_id(function))
    }

    /// The ARN of something in this account and region.
    #[must_use]
    pub fn arn(&self, service: &str, resource: &str) -> String {
        let account = &self.account;
        format!("arn:{PARTITION}:{service}:{REGION}:{account}:{resource}")
    }

    /// The ARN of the settings bucket, or of another one.
    #[must_use]
    pub fn bucket_arn(bucket: &str) -> String {
        format!("arn:{PARTITION}:s3:::{bucket}")
    }

    /// How KMS names a service that calls it for somebody.
    #[must_use]
    pub fn via(service: &str) -> String {
        format!("{service}.{REGION}.{URL_SUFFIX}")
    }

    /// The name in the name or ARN of a cluster.
    #[must_use]
    pub fn cluster_name(name_or_arn: &str) -> &str {
        name_or_arn.rsplit('/').next().unwrap_or(name_or_arn)
    }

    /// The ARN of a role of the stack.
    #[must_use]
    pub fn role(&self, logical_id: &str) -> &str {
        &self.roles[logical_id]
    }

    /// What `Ref` gives for a pseudo parameter, a parameter or a resource; none where the default counts.
    pub(super) fn reference(&self, name: &str) -> Option<Value> {
        let environment_key = if self.creates_key {
            ""
        } else {
            &self.environment_key
        };
        let [named_secrets, named_files] = &self.named;
        let [sources, bus] = &self.commands;
        let value = match name {
            "AWS::AccountId" => &self.account,
            "AWS::Partition" => PARTITION,
            "AWS::Region" => REGION,
            "AWS::StackName" => "a-stack",
            "AWS::URLSuffix" => URL_SUFFIX,
            "AppEnvironmentFileArns" => named_files,
            "AppBoundary" => &self.boundary,
            "AppPolicyActions" => &self.app_policy_actions,
            "AppPolicyArns" => &self.app_policies,
            "AppSecretArns" => named_secrets,
            "Cluster" => &self.cluster,
            "ConvoxWrapper" if self.reads_no_versions => "Yes",
            "CommandBus" if !bus.is_empty() => bus,
            "EnvironmentKeyArn" => environment_key,
            "EventSources" if !sources.is_empty() => sources,
            "FormerSecretKeyArn" => self.former_secret_key.as_deref().unwrap_or_default(),
            "LaunchType" => &self.launch_type,
            "Rack" => &self.rack,
            "SecretKeyArn" => self.secret_key.as_deref().unwrap_or_default(),
            "SettingsBucket" => &self.bucket,
            "StateOperatorArn" => &self.state_operator,
            "Vpc" => &self.vpc,
            name => self.entrance.get(name)?,
        };
        Some(value.into())
    }

    /// What `Fn::GetAtt` gives.
    pub(super) fn attribute(&self, logical_id: &str, attribute: &str) -> Option<String> {
        let group = |name: &str| Some(self.arn("logs", &format!("log-group:{name}:*")));
        let of_function = |name: &str| group(&format!("/aws/lambda/{}-{name}", self.rack));
        match (logical_id, attribute) {
            ("SettingsBucket", "Arn") => Some(Self::bucket_arn(&self.bucket)),
            ("EnvironmentKey", "Arn") if self.creates_key => Some(self.environment_key.clone()),
            (
                "IntakeQueue"
                | "DeletionQueue"
                | "CountQueue"
                | "ProcessRunQueue"
                | "TimerDeadLetterQueue",
                "Arn",
            ) => Some(self.arn("sqs", logical_id)),
            ("PromoteLogGroup", "Arn") => of_function("promote"),
            ("AppDeletionLogGroup", "Arn") => of_function("app-deletion"),
            ("FailureCountLogGroup", "Arn") => of_function("failure-count"),
            ("ProcessRunLogGroup", "Arn") => of_function("process-run"),
            ("TaskLogGroup", "Arn") => group(&format!("/convox/{}", self.rack)),
            (role, "Arn") => self.roles.get(role).cloned(),
            _ => None,
        }
    }
}

/// What the template calls a function's resources: `AppDeletion` for `app-deletion`.
#[must_use]
pub fn logical_id(function: &str) -> String {
    let capitalized = |word: &str| {
        let (first, rest) = word.split_at(word.len().min(1));
        first.to_uppercase() + rest
    };
    function.split('-').map(capitalized).collect()
}
