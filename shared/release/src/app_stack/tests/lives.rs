//! Stacks of any resources, each template rendered over the one before.

use proptest::prelude::*;
use serde_json::Value;

use super::*;

fn nulls(value: &Value) -> usize {
    match value {
        Value::Null => 1,
        Value::Array(items) => items.iter().map(nulls).sum(),
        Value::Object(members) => members.values().map(nulls).sum(),
        _ => 0,
    }
}

/// A resource in plain numbers and flags, which can be shown.
#[derive(Debug, Clone)]
struct Sketch {
    resource_type: usize,
    storage: Option<u32>,
    encrypted: Option<bool>,
    days: u32,
    source: Option<&'static str>,
    /// Each at random.
    options: [bool; 8],
}

fn sketches() -> impl Strategy<Value = BTreeMap<String, Sketch>> {
    let sources = proptest::sample::select(vec![
        None,
        None,
        None,
        Some("main"),
        Some("other"),
        Some("foreign"),
    ]);
    let numbers = (0..10_usize, proptest::option::of(20_u32..200), 0_u32..5);
    let sketch = (numbers, any::<Option<bool>>(), sources, any::<[bool; 8]>());
    let sketch = sketch.prop_map(|(numbers, encrypted, source, options)| Sketch {
        resource_type: numbers.0,
        storage: numbers.1,
        encrypted,
        days: numbers.2,
        source,
        options,
    });
    proptest::collection::btree_map("main|other|third-db|third_db|4", sketch, 0..4)
}

impl Sketch {
    fn kind(&self) -> ResourceKind {
        let [
            version,
            class,
            durable,
            protected,
            minor,
            iops,
            window,
            snapshot,
        ] = self.options;
        let text = |given: bool, text: &str| given.then(|| text.to_owned());
        let engines = [
            DatabaseEngine::Postgres,
            DatabaseEngine::MySql,
            DatabaseEngine::MariaDb,
        ];
        let caches = [
            CacheEngine::Redis,
            CacheEngine::Valkey,
            CacheEngine::Memcached,
        ];
        match self.resource_type {
            0 => ResourceKind::FileSystem(FileSystem {
                encrypted: class,
                ..files()
            }),
            number @ 1..=3 => ResourceKind::Cache(Cache {
                nodes: self.days + 1,
                durable,
                encrypted: class && number < 3,
                version: text(version, "7.1"),
                ..cache(caches[number - 1])
            }),
            number => ResourceKind::Database(Database {
                engine: engines[number.saturating_sub(7)],
                version: text(version, "16"),
                class: text(class, "db.m5.large"),
                storage: self.storage,
                encrypted: self.encrypted,
                durable,
                iops: iops.then_some(3000),
                deletion_protection: protected && number == 4,
                backup_retention_days: self.days,
                preferred_backup_window: text(window, "03:00-04:00"),
                auto_minor_version_upgrade: minor,
                parameter_group: text(minor, "group"),
                snapshot: text(snapshot && self.source.is_none(), "snapshot-1"),
                read_source: self.source.map(|name| match name {
                    "foreign" => ReadSource::Instance(name.to_owned()),
                    name => ReadSource::Resource(name.to_owned()),
                }),
                url_parameters: text(version, "sslmode=require")
                    .and_then(|text| UrlParameters::new(&text)),
            }),
        }
    }
}

/// A database, and one that is its replica or was or will be.
fn pairs() -> impl Strategy<Value = BTreeMap<String, Sketch>> {
    let plain = |source| Sketch {
        resource_type: 4,
        storage: None,
        encrypted: None,
        days: 1,
        source,
        options: [false; 8],
    };
    let sources = proptest::sample::select(vec![None, Some("main")]);
    (any::<bool>(), sources).prop_map(move |(has_source, source)| {
        let main = has_source || source.is_some();
        let main = main.then(|| ("main".to_owned(), plain(None)));
        let copy = ("copy".to_owned(), plain(source));
        main.into_iter().chain([copy]).collect()
    })
}

type Step = (BTreeMap<String, Sketch>, bool, bool);

/// Resources, whether they may be replaced, and whether what leaves is kept.
fn lives(resources: BoxedStrategy<BTreeMap<String, Sketch>>) -> impl Strategy<Value = Vec<Step>> {
    proptest::collection::vec((resources, any::<bool>(), any::<bool>()), 1..6)
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(2000))]

    /// A stack's life: each step is rendered over what the one before left, where nothing is refused.
    #[test]
    fn a_template_is_a_fixed_point_and_whole(
        steps in prop_oneof![lives(sketches().boxed()), lives(pairs().boxed())]
    ) {
        let mut before: Option<Value> = None;
        for (sketches, allow_replacement, keeps) in steps {
            let resources: Vec<Resource> = sketches.iter().map(|(name, sketch)| resource(name, sketch.kind())).collect();
            let keep = if keeps { ["main", "other"].map(str::to_owned).into() } else { BTreeSet::new() };
            let rack = Rack { allow_replacement, keep, key: keeps.then_some("arn:aws:kms:us-east-1:1:key/k"), ..Rack::new() };
            let Ok(mut rendered) = rack.render(&resources, before.as_ref()) else {
                continue;
            };
            prop_assert_eq!(dangling(&rendered.template), [""; 0]);
            prop_assert_eq!(nulls(&rendered.template), 0);
            if rendered.more {
                let next = rack.render(&resources, Some(&rendered.template)).ok().unwrap();
                prop_assert_ne!(&next.template, &rendered.template);
                prop_assert!(!next.more);
                rendered = next;
            }
            let again = rack.render(&resources, Some(&rendered.template));
            let again = again.map_err(|problems| said(&problems)).unwrap();
            prop_assert_eq!(&again.template, &rendered.template);
            prop_assert!(!again.more);
            before = Some(rendered.template);
        }
    }
}
