//! What a template keeps, refuses and never does, whatever is rendered over whatever.

mod inputs;
mod lives;
mod reach;
mod replicas;
mod standing;
mod tls;

use std::collections::{BTreeMap, BTreeSet};

use serde_json::Value;

use super::template::named_ids;
use super::*;
use manifest::resources::{
    Cache, CacheEngine, Database, DatabaseEngine, FileSystem, ReadSource, Resource, ResourceKind,
    UrlParameters,
};
use names::{AppName, RackName, ReleaseId};

fn resource(name: &str, kind: ResourceKind) -> Resource {
    Resource {
        name: name.to_owned(),
        shown: name.to_owned(),
        line: 7,
        kind,
        tags: BTreeMap::new(),
    }
}

fn postgres() -> Database {
    Database {
        engine: DatabaseEngine::Postgres,
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

fn files() -> FileSystem {
    FileSystem {
        encrypted: false,
        owner_gid: 1000,
        owner_uid: 1000,
        path: "/".to_owned(),
        permissions: "0777".to_owned(),
    }
}

/// The inputs, owned.
struct Rack {
    id: AppId,
    release: ReleaseId,
    needs: Needs,
    keep: BTreeSet<String>,
    subnets: Vec<String>,
    groups: Vec<String>,
    let_in: BTreeSet<String>,
    mounted_by_role: bool,
    before_settings: RackNeeds,
    vpc: Option<&'static str>,
    key: Option<&'static str>,
    allow_replacement: bool,
    request: &'static str,
}

impl Rack {
    fn new() -> Self {
        Self {
            id: AppId {
                rack: RackName::new("myrack").unwrap(),
                app: AppName::new("shop").unwrap(),
            },
            release: ReleaseId::new("R1").unwrap(),
            needs: Needs::default(),
            keep: BTreeSet::new(),
            subnets: ["subnet-1", "subnet-2", "subnet-3"]
                .map(str::to_owned)
                .into(),
            groups: vec!["sg-1".to_owned()],
            let_in: BTreeSet::new(),
            mounted_by_role: true,
            before_settings: RackNeeds::default(),
            vpc: Some("vpc-1"),
            key: None,
            allow_replacement: false,
            request: "request-1",
        }
    }

    fn render(
        &self,
        resources: &[Resource],
        before: Option<&Value>,
    ) -> Result<Rendered, Vec<Problem>> {
        let inputs = StackInputs {
            id: &self.id,
            release: &self.release,
            request_id: self.request,
            needs: &self.needs,
            keep: &self.keep,
            boundary_arn: "arn:aws:iam::123456789012:policy/convox/myrack/boundary",
            settings_bucket: "bucket",
            unversioned_reads: false,
            environment_key_arn: self.key,
            secret_key_arn: self.key,
            log_retention_days: 30,
            subnets: &self.subnets,
            vpc_id: self.vpc,
            security_groups: &self.groups,
            let_in: &self.let_in,
            before_settings: &self.before_settings,
            mounted_by_role: self.mounted_by_role,
            ingress: None,
            scaled: &[],
            allow_replacement: self.allow_replacement,
        };
        render(&inputs, resources, before.map(Before::read).as_ref())
    }

    fn template(&self, resources: &[Resource], before: Option<&Value>) -> Value {
        let rendered = self.render(resources, before);
        rendered
            .map_err(|problems| said(&problems))
            .unwrap()
            .template
    }

    /// What is wrong, one problem a line.
    fn refused(&self, resources: &[Resource], before: Option<&Value>) -> String {
        match self.render(resources, before) {
            Ok(_) => panic!("nothing is refused"),
            Err(problems) => said(&problems),
        }
    }
}

fn said(problems: &[Problem]) -> String {
    let lines: Vec<String> = problems.iter().map(ToString::to_string).collect();
    lines.join("\n")
}

fn db(name: &str, database: Database) -> Resource {
    resource(name, ResourceKind::Database(database))
}

fn replica(of: &str) -> Database {
    Database {
        read_source: Some(ReadSource::Resource(of.to_owned())),
        version: Some("17".to_owned()),
        ..postgres()
    }
}

fn properties<'t>(template: &'t Value, id: &str) -> &'t Value {
    &template["Resources"][id]["Properties"]
}

/// What a part of `template` names and `template` does not have.
fn dangling(template: &Value) -> Vec<String> {
    let mut ids = named_ids(template);
    ids.retain(|id| template["Resources"][id].is_null());
    ids
}
