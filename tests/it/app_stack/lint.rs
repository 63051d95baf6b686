//! cfn-lint, which knows the schemas and many rules of the services, finds nothing in any template.

use std::collections::BTreeSet;
use std::fs;
use std::path::Path;
use std::process::Command;

use environment::Environment;
use manifest::resources::{
    Cache, CacheEngine, Database, DatabaseEngine, FileSystem, ReadSource, Resource, ResourceKind,
};
use release::app_stack::Needs;
use rig::proof;
use serde_json::Value;
use tempfile::TempDir;

use super::{Rack, cache, database, files, replica, resource};

const ENGINES: [DatabaseEngine; 3] = [
    DatabaseEngine::Postgres,
    DatabaseEngine::MySql,
    DatabaseEngine::MariaDb,
];
const KEY: &str = "arn:aws:kms:us-east-1:123456789012:key/01234567-89ab-cdef-0123-456789abcdef";

/// Of each partition that can be had one, and of AWS's own one that is new and has not every class of machine.
const REGIONS: [&str; 5] = [
    "us-east-1",
    "eu-west-1",
    "eu-north-1",
    "cn-north-1",
    "us-gov-west-1",
];

/// What cfn-lint says about each file of `folder`.
pub fn findings(folder: &Path, regions: &[&str]) -> Vec<String> {
    let repository = Path::new(env!("CARGO_MANIFEST_DIR")).parent().unwrap();
    let program = repository.join(".venv/sam/bin/cfn-lint");
    assert!(
        program.exists(),
        "{} is missing: run `make tools` once",
        program.display()
    );
    let output = Command::new(program)
        .args(["--format", "json", "--regions"])
        .args(regions)
        // Its lists have whole versions only; RDS takes `17` and `8.4` for the newest minor one.
        .args(["--ignore-checks", "E3691", "W3691"])
        .arg("--template")
        .arg(folder.join("*.json"))
        .output()
        .unwrap();
    let found: Value = serde_json::from_slice(&output.stdout)
        .unwrap_or_else(|_| panic!("{}", String::from_utf8_lossy(&output.stderr)));
    let one = |found: &Value| {
        let path = &found["Location"]["Path"];
        let (file, rule) = (&found["Filename"], &found["Rule"]["Id"]);
        format!("{file} {rule} {path}: {}", found["Message"])
    };
    found.as_array().unwrap().iter().map(one).collect()
}

/// Databases of every engine: the plain one, and each option by itself and with others.
fn databases() -> Vec<Resource> {
    let mut all = Vec::new();
    for engine in ENGINES {
        for bits in 0..32_u32 {
            let bit = |n: u32| bits & (1 << n) != 0;
            let kind = ResourceKind::Database(Database {
                class: bit(0).then(|| "db.m5.large".to_owned()),
                storage: (bit(1) || bit(3)).then_some(400),
                encrypted: bit(2).then_some(bit(1)),
                iops: bit(3).then_some(12_000),
                durable: bit(4),
                deletion_protection: bit(0),
                backup_retention_days: bits % 4,
                preferred_backup_window: bit(1).then(|| "03:00-04:00".to_owned()),
                auto_minor_version_upgrade: !bit(2),
                parameter_group: bit(3).then(|| "my-group".to_owned()),
                snapshot: (bits % 5 == 4).then(|| "my-snapshot".to_owned()),
                ..database(engine)
            });
            all.push(resource(&format!("db-{}", all.len()), kind));
        }
    }
    all
}

fn others() -> Vec<Resource> {
    let mut all = Vec::new();
    for engine in [CacheEngine::Redis, CacheEngine::Valkey] {
        for (nodes, durable) in [(1, false), (2, false), (3, true)] {
            for encrypted in [false, true] {
                let class = durable.then(|| "cache.m5.large".to_owned());
                let kind = ResourceKind::Cache(Cache {
                    class,
                    nodes,
                    durable,
                    encrypted,
                    ..cache(engine)
                });
                all.push(resource(&format!("cache-{}", all.len()), kind));
            }
        }
    }
    for nodes in [1, 3] {
        let kind = ResourceKind::Cache(Cache {
            nodes,
            ..cache(CacheEngine::Memcached)
        });
        all.push(resource(&format!("memcached{nodes}"), kind));
    }
    for encrypted in [false, true] {
        let kind = ResourceKind::FileSystem(FileSystem {
            encrypted,
            ..files("/data")
        });
        all.push(resource(&format!("files-{encrypted}"), kind));
    }
    all
}

fn needs(text: &str) -> Needs {
    let manifest = manifest::load("convox.yml", text.as_bytes(), &Environment::default());
    Needs::of(&manifest.unwrap()).unwrap()
}

/// An App with keys, and with everything that convox.yml can name.
pub(super) fn full() -> Rack {
    let text = "services:\n  web:\n    image: i\n    secrets: {A: 'arn:aws:secretsmanager:us-east-1:123456789012:secret:db/main-AbCd12:k::'}\n    \
                environmentFiles: ['arn:aws:s3:::bucket/a.env']\n    policies: ['arn:aws:iam::aws:policy/ReadOnlyAccess']\n";
    Rack {
        needs: needs(text),
        key: Some(KEY),
        unversioned_reads: true,
        ..Rack::new("myrack")
    }
}

/// The same, and people get into the containers of a Service with a role of its own and of one without.
pub(super) fn entered() -> Rack {
    let full = full();
    let text =
        "services:\n  web:\n    image: i\n    exec: true\n  api:\n    image: i\n    exec: true\n";
    Rack {
        needs: full.needs.clone().and(needs(text)),
        ..full
    }
}

/// Every resource that a template can have.
fn every_resource() -> Vec<Value> {
    let all = [databases(), others()].concat();
    let template = full().render(&all, None).template;
    let resources = template["Resources"].as_object().unwrap().values();
    resources.cloned().collect()
}

/// The types of resources that templates have.
pub fn types() -> BTreeSet<String> {
    let resources = every_resource().into_iter();
    let types = resources.map(|resource| resource["Type"].as_str().unwrap().to_owned());
    types.collect()
}

/// Whether templates have rules inside of security groups.
pub fn has_rules_inside() -> bool {
    let resources = every_resource().into_iter();
    let mut groups = resources.filter(|one| one["Type"] == "AWS::EC2::SecurityGroup");
    groups.any(|group| {
        let rules = ["SecurityGroupIngress", "SecurityGroupEgress"];
        rules
            .iter()
            .any(|rules| !group["Properties"][rules].is_null())
    })
}

/// The steps of a replica's life, with a promotion whose source leaves.
fn replicas(rack: &Rack, engine: DatabaseEngine) -> Vec<Value> {
    let main = || resource("main", ResourceKind::Database(database(engine)));
    let copy = |database| resource("copy", ResourceKind::Database(database));
    let first = rack.render(&[main()], None).template;
    let both = [main(), copy(replica(engine, "main"))];
    let second = rack.render(&both, Some(&first)).template;
    let alone = [copy(database(engine))];
    let promoted = rack.render(&alone, Some(&second)).template;
    let backed_up = rack.render(&alone, Some(&promoted)).template;
    let of_another = Database {
        read_source: Some(ReadSource::Instance("another-db".to_owned())),
        ..database(engine)
    };
    let foreign = rack.render(&[copy(of_another)], None).template;
    vec![second, promoted, backed_up, foreign]
}

/// A file for each template.
fn written(templates: &[Value]) -> TempDir {
    let folder = tempfile::tempdir().unwrap();
    for (number, template) in templates.iter().enumerate() {
        let file = folder.path().join(format!("{number}.json"));
        fs::write(file, serde_json::to_vec_pretty(template).unwrap()).unwrap();
    }
    folder
}

/// Whoever names no class and no version gets one that every region has.
#[test]
fn cfn_lint_finds_nothing_about_what_nobody_chose_in_any_partition() {
    let rack = Rack::new("myrack");
    let databases =
        ENGINES.map(|engine| resource(engine.name(), ResourceKind::Database(database(engine))));
    let caches = [
        CacheEngine::Redis,
        CacheEngine::Valkey,
        CacheEngine::Memcached,
    ];
    let caches = caches.map(|engine| resource(engine.name(), ResourceKind::Cache(cache(engine))));
    let files = resource("files", ResourceKind::FileSystem(files("/data")));
    let all: Vec<Resource> = databases.into_iter().chain(caches).chain([files]).collect();
    let templates = [&all[..0], &all].map(|some| rack.render(some, None).template);
    let found = findings(written(&templates).path(), &REGIONS);
    assert!(found.is_empty(), "{}", found.join("\n"));
}

#[test]
fn cfn_lint_finds_nothing() {
    let (plain, full) = (Rack::new("myrack"), full());
    let mut templates = vec![
        plain.render(&[], None).template,
        full.render(&[], None).template,
        entered().render(&[], None).template,
    ];
    let all = [databases(), others()].concat();
    let chunks = all.chunks(8);
    templates.extend(chunks.map(|some| full.render(some, None).template));
    for engine in ENGINES {
        templates.extend(replicas(&plain, engine));
    }
    let found = findings(written(&templates).path(), &REGIONS[..1]);
    assert!(found.is_empty(), "{}", found.join("\n"));
    let (templates, resources) = (templates.len(), all.len());
    proof::covered(&format!(
        "cfn-lint: {templates} templates with {resources} combinations of options, no finding"
    ));
}
