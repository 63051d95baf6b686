//! cfn-lint, which knows the schemas and many rules of the services, finds nothing in any template.

use std::fs;
use std::path::Path;
use std::process::Command;

use integration_tests::proof;
use serde_json::Value;
use shared::app_stack::Needs;
use shared::environment::Environment;
use shared::manifest;
use shared::resources::{
    Cache, CacheEngine, Database, DatabaseEngine, FileSystem, Kind, ReadSource, Resource,
};

use super::{Rack, cache, database, files, replica, resource};

const ENGINES: [DatabaseEngine; 3] = [
    DatabaseEngine::Postgres,
    DatabaseEngine::MySql,
    DatabaseEngine::MariaDb,
];
const KEY: &str = "arn:aws:kms:us-east-1:123456789012:key/01234567-89ab-cdef-0123-456789abcdef";

/// What cfn-lint says about each file of `folder`.
fn findings(folder: &Path) -> Vec<String> {
    let repository = Path::new(env!("CARGO_MANIFEST_DIR")).parent().unwrap();
    let program = repository.join(".venv/sam/bin/cfn-lint");
    assert!(
        program.exists(),
        "{} is missing: run `make tools` once",
        program.display()
    );
    let output = Command::new(program)
        .args(["--format", "json", "--regions", "us-east-1"])
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
            let kind = Kind::Database(Database {
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
                let kind = Kind::Cache(Cache {
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
        let kind = Kind::Cache(Cache {
            nodes,
            ..cache(CacheEngine::Memcached)
        });
        all.push(resource(&format!("memcached{nodes}"), kind));
    }
    for encrypted in [false, true] {
        let kind = Kind::FileSystem(FileSystem {
            encrypted,
            ..files("/data")
        });
        all.push(resource(&format!("files-{encrypted}"), kind));
    }
    all
}

fn needs() -> Needs {
    let text = "services:\n  web:\n    image: i\n    secrets: {A: 'arn:aws:secretsmanager:us-east-1:123456789012:secret:db/main-AbCd12:k::'}\n    \
                environmentFiles: ['arn:aws:s3:::bucket/a.env']\n    policies: ['arn:aws:iam::aws:policy/ReadOnlyAccess']\n";
    let manifest = manifest::load("convox.yml", text.as_bytes(), &Environment::default());
    Needs::of(&manifest.unwrap()).unwrap()
}

/// An App with keys, and with everything that convox.yml can name.
pub(super) fn full() -> Rack {
    Rack {
        needs: needs(),
        key: Some(KEY),
        ..Rack::new("myrack")
    }
}

/// The steps of a replica's life, with a promotion whose source leaves.
fn replicas(rack: &Rack, engine: DatabaseEngine) -> Vec<Value> {
    let main = || resource("main", Kind::Database(database(engine)));
    let copy = |database| resource("copy", Kind::Database(database));
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

#[test]
fn cfn_lint_finds_nothing() {
    let (plain, full) = (Rack::new("myrack"), full());
    let mut templates = vec![
        plain.render(&[], None).template,
        full.render(&[], None).template,
    ];
    let all = [databases(), others()].concat();
    let chunks = all.chunks(8);
    templates.extend(chunks.map(|some| full.render(some, None).template));
    for engine in ENGINES {
        templates.extend(replicas(&plain, engine));
    }
    let folder = tempfile::tempdir().unwrap();
    for (number, template) in templates.iter().enumerate() {
        let file = folder.path().join(format!("{number}.json"));
        fs::write(file, serde_json::to_vec_pretty(template).unwrap()).unwrap();
    }
    let found = findings(folder.path());
    assert!(found.is_empty(), "{}", found.join("\n"));
    let (templates, resources) = (templates.len(), all.len());
    proof::tell(&format!(
        "cfn-lint: {templates} templates with {resources} combinations of options, no finding"
    ));
}
