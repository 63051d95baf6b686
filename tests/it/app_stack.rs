//! The stack of an App: its templates are what CloudFormation takes, and what comes out of them is what tasks need.

mod examples;
mod generated;
mod lint;
mod reached;
mod roles;
mod scaled;
mod stacks;

use std::collections::{BTreeMap, BTreeSet};

use environment::{EnvKey, Environment};
pub use lint::{has_rules_inside, types};
use manifest::resources::{
    self, Cache, CacheEngine, Database, DatabaseEngine, FileSystem, ReadSource, Resource,
    ResourceKind,
};
use manifest::{Manifest, Service};
use names::{AppId, AppName, RackName, ReleaseId};
use release::app_stack::{
    Before, Ingress, Needs, RackNeeds, Rendered, Scaled, StackInputs, render,
};
use serde_json::Value;
use yaml::Problem;

/// What the templates of one App are made from.
struct Rack {
    id: AppId,
    needs: Needs,
    key: Option<&'static str>,
    subnets: Vec<String>,
    vpc: String,
    groups: Vec<String>,
    allow_replacement: bool,
    unversioned_reads: bool,
    scaled: Vec<Service>,
}

impl Rack {
    fn new(rack: &str) -> Self {
        Self {
            id: AppId {
                rack: RackName::new(rack).unwrap(),
                app: AppName::new("shop").unwrap(),
            },
            needs: Needs::default(),
            key: None,
            subnets: ["subnet-0123456789abcdef0", "subnet-0123456789abcdef1"]
                .map(str::to_owned)
                .into(),
            vpc: "vpc-0123456789abcdef0".to_owned(),
            groups: vec!["sg-0123456789abcdef0".to_owned()],
            allow_replacement: false,
            unversioned_reads: false,
            scaled: Vec::new(),
        }
    }

    fn try_render(
        &self,
        resources: &[Resource],
        before: Option<&Value>,
    ) -> Result<Rendered, Vec<Problem>> {
        self.try_render_reached(resources, None, before)
    }

    fn try_render_reached(
        &self,
        resources: &[Resource],
        ingress: Option<Ingress<'_>>,
        before: Option<&Value>,
    ) -> Result<Rendered, Vec<Problem>> {
        let scaled = self.scaled.iter().map(|service| Scaled {
            service,
            ecs_service: "myrack_shop_web",
            cluster: "apps",
        });
        let inputs = StackInputs {
            scaled: &scaled.collect::<Vec<_>>(),
            id: &self.id,
            release: &ReleaseId::new("R1").unwrap(),
            request_id: "request-1",
            needs: &self.needs,
            keep: &BTreeSet::new(),
            boundary_arn: "arn:aws:iam::123456789012:policy/convox/myrack/boundary",
            settings_bucket: "settings-bucket",
            unversioned_reads: self.unversioned_reads,
            environment_key_arn: self.key,
            secret_key_arn: self.key,
            log_retention_days: 30,
            subnets: &self.subnets,
            vpc_id: Some(&self.vpc),
            security_groups: &self.groups,
            let_in: &BTreeSet::new(),
            mounted_by_role: true,
            ingress,
            before_settings: &RackNeeds::default(),
            allow_replacement: self.allow_replacement,
        };
        render(&inputs, resources, before.map(Before::read).as_ref())
    }

    fn render(&self, resources: &[Resource], before: Option<&Value>) -> Rendered {
        let rendered = self.try_render(resources, before);
        rendered
            .map_err(|problems| problems.iter().map(ToString::to_string).collect::<Vec<_>>())
            .unwrap()
    }
}

/// A convox.yml, with the environment that it interpolates.
fn load(text: &str, values: &[(&str, &str)]) -> Manifest {
    let pair =
        |(key, value): &(&str, &str)| (EnvKey::new(key).unwrap(), (*value).to_owned().into());
    let environment: Environment = values.iter().map(pair).collect();
    manifest::load("convox.yml", text.as_bytes(), &environment).unwrap()
}

/// The resources of a convox.yml in which nothing is wrong.
fn read(text: &str, values: &[(&str, &str)]) -> Vec<Resource> {
    let manifest = load(text, values);
    match resources::read(&manifest) {
        Ok(read) => read.list,
        Err(problems) => panic!("{}", manifest.invalid(problems)),
    }
}

fn resource(name: &str, kind: ResourceKind) -> Resource {
    Resource {
        name: name.to_owned(),
        shown: name.to_owned(),
        line: 1,
        kind,
        tags: BTreeMap::from([("Team".to_owned(), "data".to_owned())]),
    }
}

fn database(engine: DatabaseEngine) -> Database {
    Database {
        engine,
        version: None,
        class: None,
        storage: None,
        encrypted: None,
        durable: false,
        iops: None,
        deletion_protection: false,
        backup_retention_days: 1,
        preferred_backup_window: None,
        auto_minor_version_upgrade: true,
        parameter_group: None,
        snapshot: None,
        read_source: None,
        url_parameters: None,
    }
}

fn replica(engine: DatabaseEngine, of: &str) -> Database {
    Database {
        read_source: Some(ReadSource::Resource(of.to_owned())),
        ..database(engine)
    }
}

fn cache(engine: CacheEngine) -> Cache {
    Cache {
        engine,
        version: None,
        class: None,
        nodes: 1,
        durable: false,
        encrypted: false,
        auto_minor_version_upgrade: true,
    }
}

fn files(path: &str) -> FileSystem {
    FileSystem {
        encrypted: false,
        owner_gid: 1000,
        owner_uid: 1000,
        path: path.to_owned(),
        permissions: "0777".to_owned(),
    }
}
