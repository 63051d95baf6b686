//! What stands: kept where convox.yml is silent, refused where it would be lost.

use serde_json::{Value, json};

use super::*;

#[test]
fn a_standing_resource_keeps_what_convox_yml_leaves_open() {
    let rack = Rack::new();
    let named = Database {
        version: Some("14".to_owned()),
        class: Some("db.m5.large".to_owned()),
        storage: Some(100),
        encrypted: Some(true),
        ..postgres()
    };
    let queue = Cache {
        version: Some("6.2".to_owned()),
        class: Some("cache.m5.large".to_owned()),
        ..cache(CacheEngine::Redis)
    };
    let before = rack.template(
        &[
            db("main", named),
            resource("queue", ResourceKind::Cache(queue)),
        ],
        None,
    );
    let silent = [
        db("main", postgres()),
        resource("queue", ResourceKind::Cache(cache(CacheEngine::Redis))),
    ];
    assert_eq!(rack.template(&silent, Some(&before)), before);
    let new = rack.template(&silent, None);
    let main = properties(&new, "MainDatabase");
    let got = [
        "EngineVersion",
        "DBInstanceClass",
        "AllocatedStorage",
        "StorageEncrypted",
    ];
    let want = [json!("17"), json!("db.t3.micro"), json!("20"), json!(false)];
    assert_eq!(got.map(|name| main[name].clone()), want);
}

#[test]
fn a_cache_that_stands_with_the_class_of_an_earlier_default_keeps_it() {
    let rack = Rack::new();
    for (engine, id) in [
        (CacheEngine::Redis, "QueueCache"),
        (CacheEngine::Memcached, "QueueMemcached"),
    ] {
        let of = |class: Option<&str>| {
            let class = class.map(str::to_owned);
            let queue = Cache {
                class,
                ..cache(engine)
            };
            [resource("queue", ResourceKind::Cache(queue))]
        };
        let class = |template: &Value| properties(template, id)["CacheNodeType"].clone();
        let new = rack.template(&of(None), None);
        assert_eq!(class(&new), "cache.t3.micro", "{id}");
        let before = rack.template(&of(Some("cache.t2.micro")), None);
        let silent = rack.template(&of(None), Some(&before));
        assert_eq!(silent, before, "{id}");
        let named = rack.template(&of(Some("cache.t4g.micro")), Some(&before));
        assert_eq!(class(&named), "cache.t4g.micro", "{id}");
    }
}

#[test]
fn storage_never_shrinks() {
    let rack = Rack::new();
    let of = |storage| {
        let storage = Some(storage);
        [db(
            "main",
            Database {
                storage,
                ..postgres()
            },
        )]
    };
    let before = rack.template(&of(100), None);
    let said = rack.refused(&of(50), Some(&before));
    assert!(
        said.contains("`resources.main.options.storage` is less than the database has"),
        "{said}"
    );
    let grown = rack.template(&of(200), Some(&before));
    assert_eq!(
        properties(&grown, "MainDatabase")["AllocatedStorage"],
        "200"
    );
}

#[test]
fn what_would_replace_a_resource_is_refused_unless_it_is_wanted() {
    let encrypted = Some(true);
    let mysql = Database {
        engine: DatabaseEngine::MySql,
        ..postgres()
    };
    let snapshot = Some("snapshot-1".to_owned());
    let redis = cache(CacheEngine::Redis);
    let (database, in_cache, file_system) = (
        ResourceKind::Database,
        ResourceKind::Cache,
        ResourceKind::FileSystem,
    );
    let encrypted_database = Database {
        encrypted,
        ..postgres()
    };
    let of_snapshot = Database {
        snapshot,
        ..postgres()
    };
    let encrypted_redis = Cache {
        encrypted: true,
        ..redis.clone()
    };
    let encrypted_files = FileSystem {
        encrypted: true,
        ..files()
    };
    let stands = || database(postgres());
    let (valkey, memcached) = (cache(CacheEngine::Valkey), cache(CacheEngine::Memcached));
    let cases = [
        (stands(), database(mysql), "type"),
        (stands(), database(encrypted_database), "options.encrypted"),
        (stands(), database(of_snapshot), "options.snapshot"),
        (stands(), database(replica("other")), "options.readSourceDB"),
        (stands(), in_cache(redis.clone()), "type"),
        (in_cache(redis.clone()), in_cache(valkey), "type"),
        (in_cache(redis.clone()), in_cache(memcached), "type"),
        (
            in_cache(redis),
            in_cache(encrypted_redis),
            "options.encrypted",
        ),
        (
            file_system(files()),
            file_system(encrypted_files),
            "options.encrypted",
        ),
        (file_system(files()), stands(), "type"),
    ];
    for (stands, wanted, part) in cases {
        let mut rack = Rack::new();
        let other = || db("other", postgres());
        let before = rack.template(&[resource("x", stands), other()], None);
        let wanted = [resource("x", wanted), other()];
        let said = rack.refused(&wanted, Some(&before));
        let says = format!("`resources.x.{part}` differs from what stands");
        assert!(
            said.starts_with("line 7, ") && said.contains(&says),
            "{said}"
        );
        assert!(said.contains("`allowReplacement`"), "{said}");
        assert_eq!(said.lines().count(), 1, "{said}");
        rack.allow_replacement = true;
        let rendered = rack.render(&wanted, Some(&before)).ok().unwrap();
        let said = rendered
            .notices
            .iter()
            .find(|said| said.contains("replaced"));
        let said = said.unwrap_or_else(|| panic!("{part}"));
        let starts = "line 7: `resources.x` is replaced by a new, empty one";
        assert!(said.starts_with(starts), "{said}");
        assert!(said.contains("running tasks keep the variables"), "{said}");
        // The same promote again, once the stack is ready; then another Release.
        let before = rendered.template;
        let again = rack.render(&wanted, Some(&before)).ok().unwrap();
        assert!(again.notices.contains(said), "{part}");
        assert_eq!(again.template, before);
        rack.release = ReleaseId::new("R2").unwrap();
        let next = rack.render(&wanted, Some(&before)).ok().unwrap();
        assert!(!next.notices.concat().contains("replaced"), "{part}");
        assert_eq!(next.template, before);
    }
}

#[test]
fn a_database_without_encryption_says_what_can_still_be_done() {
    let rack = Rack::new();
    let notices = |database: Database, before: Option<&Value>| {
        // Its TLS is then not RDS's own, of which there is another notice.
        let parameter_group = Some("group".to_owned());
        let database = Database {
            parameter_group,
            ..database
        };
        let rendered = rack.render(&[db("main", database)], before);
        rendered.ok().unwrap().notices
    };
    let encrypted = |encrypted| Database {
        encrypted: Some(encrypted),
        ..postgres()
    };
    let created =
        "line 7: `resources.main` is created without encryption: set `encrypted: true` before that";
    let stands = "line 7: `resources.main` is not encrypted, and RDS encrypts none that stands";
    let (open, closed) = (
        rack.template(&[db("main", postgres())], None),
        rack.template(&[db("main", encrypted(true))], None),
    );
    for (database, before, want) in [
        (postgres(), None, Some(created)),
        (encrypted(false), None, Some(created)),
        (encrypted(true), None, None),
        (postgres(), Some(&open), Some(stands)),
        (encrypted(false), Some(&open), Some(stands)),
        (postgres(), Some(&closed), None),
    ] {
        let got = notices(database, before);
        assert_eq!(got.len(), usize::from(want.is_some()), "{got:?}");
        assert!(
            got.concat().starts_with(want.unwrap_or_default()),
            "{got:?}"
        );
    }
}

#[test]
fn a_protected_database_neither_leaves_nor_is_replaced() {
    let mut rack = Rack::new();
    rack.allow_replacement = true;
    rack.keep.insert("main".to_owned());
    let deletion_protection = true;
    let guarded = Database {
        deletion_protection,
        ..postgres()
    };
    let before = rack.template(&[db("main", guarded.clone())], None);
    assert_eq!(protected(&before), ["main"]);
    let said = rack.refused(&[], Some(&before));
    assert!(
        said.contains("`resources.main` is not there any more, but its deletion protection is on"),
        "{said}"
    );
    let encrypted = Some(true);
    for wanted in [
        ResourceKind::Database(Database {
            encrypted,
            ..guarded.clone()
        }),
        ResourceKind::Database(Database {
            encrypted,
            ..postgres()
        }),
        ResourceKind::Cache(cache(CacheEngine::Redis)),
    ] {
        let said = rack.refused(&[resource("main", wanted)], Some(&before));
        assert!(
            said.contains("deletion protection is on: promote with `deletionProtection: false`"),
            "{said}"
        );
    }
    let open = rack.template(&[db("main", postgres())], Some(&before));
    assert_eq!(protected(&open), [""; 0]);
    assert!(rack.render(&[], Some(&open)).is_ok());
}

#[test]
fn a_snapshot_counts_once() {
    let rack = Rack::new();
    let snapshot = |name: &str| Database {
        snapshot: Some(name.to_owned()),
        ..postgres()
    };
    let before = rack.template(&[db("main", snapshot("one"))], None);
    let main = properties(&before, "MainDatabase");
    assert_eq!(main["DBSnapshotIdentifier"], "one");
    assert!(
        main["DBName"].is_null()
            && main["EngineVersion"].is_null()
            && main["AllocatedStorage"].is_null()
    );
    assert_eq!(
        rack.template(&[db("main", postgres())], Some(&before)),
        before,
        "without it RDS would start empty"
    );
    assert!(
        rack.refused(&[db("main", snapshot("two"))], Some(&before))
            .contains("options.snapshot")
    );
}

#[test]
fn what_is_still_in_use_stays_as_it_stands() {
    let mut rack = Rack::new();
    let all = [
        db("main", postgres()),
        resource(
            "queue",
            ResourceKind::Cache(Cache {
                encrypted: true,
                ..cache(CacheEngine::Redis)
            }),
        ),
        resource("files", ResourceKind::FileSystem(files())),
    ];
    let first = rack.template(&all, None);
    let with_copy = [all.as_slice(), &[db("copy", replica("main"))]].concat();
    let before = rack.template(&with_copy, Some(&first));
    rack.keep = ["copy", "main", "queue", "files", "unknown"]
        .map(str::to_owned)
        .into();
    assert_eq!(rack.template(&[], Some(&before)), before);
    rack.keep = ["copy".to_owned()].into();
    let kept = rack.template(&[], Some(&before));
    assert!(kept["Resources"]["QueueCache"].is_null());
    assert!(
        !kept["Resources"]["MainDatabase"].is_null(),
        "its source stays with it"
    );
    assert_eq!(dangling(&kept), [""; 0]);
    rack.keep.clear();
    let mut emptied = rack.template(&[], Some(&kept));
    let metadata = emptied["Metadata"].as_object_mut().unwrap();
    assert!(metadata.remove("ConvoxRemoved").is_some());
    for (section, own) in [
        ("Resources", "SecurityGroup"),
        ("Outputs", "SecurityGroupId"),
    ] {
        let section = emptied[section].as_object_mut().unwrap();
        assert!(section.remove(own).is_some(), "tasks are still in it");
    }
    assert_eq!(emptied, rack.template(&[], None));
}

#[test]
fn what_leaves_is_named_with_its_data_before_it_goes_and_by_every_attempt_that_removes_it() {
    let mut rack = Rack::new();
    let all = [
        db("main", postgres()),
        resource("files", ResourceKind::FileSystem(files())),
        db("stays", postgres()),
    ];
    let stays = [db("stays", postgres())];
    let first = rack.template(&all, None);

    rack.release = ReleaseId::new("R2").unwrap();
    rack.keep = ["main", "files"].map(str::to_owned).into();
    let kept = rack.render(&stays, Some(&first)).unwrap();
    assert_eq!(kept.removed, []);
    let said = kept.notices.join("\n");
    for part in [
        "`resources.main` is not there any more",
        "the next promote removes it, and then its data stay in a final snapshot only",
        "the next promote removes it, and then its data are gone for good",
    ] {
        assert!(said.contains(part), "{part}: {said}");
    }

    rack.release = ReleaseId::new("R3").unwrap();
    rack.keep.clear();
    let removed = [
        ("files", DataAfter::Gone),
        ("main", DataAfter::FinalSnapshot),
    ]
    .map(|(name, data)| RemovedResource {
        name: name.to_owned(),
        data,
    });
    let going = rack.render(&stays, Some(&kept.template)).unwrap();
    assert_eq!(going.removed, removed);
    let said = going.notices.join("\n");
    let part = "`resources.files` is not there any more and is removed with this Release: its data are gone";
    assert!(said.contains(part), "{said}");
    // The same promote goes on when the stack is done, and another of the Release changes nothing of it.
    let gone = rack.render(&stays, Some(&going.template)).unwrap();
    assert_eq!(
        (gone.template.clone(), gone.removed),
        (going.template, going.removed)
    );
    rack.request = "request-2";
    let next = rack.render(&stays, Some(&gone.template)).unwrap();
    assert_eq!((next.template, next.removed), (gone.template, Vec::new()));
    let said = next.notices.join("\n");
    assert!(!said.contains("not there any more"), "{said}");
}

#[test]
fn any_text_in_the_place_of_a_template_is_passed_over() {
    let rack = Rack::new();
    let main = [db("main", postgres())];
    let fresh = rack.template(&main, None);
    let id = json!({"id": "MainDatabase"});
    for before in [
        Value::Null,
        json!([]),
        json!("x"),
        json!({"Resources": [], "Outputs": 1, "Metadata": {"Convox": {"main": 3}}}),
        json!({"Resources": {"MainDatabase": 1}, "Metadata": {"Convox": []}}),
        json!({"Resources": {"MainDatabase": {"Properties": {"AllocatedStorage": [], "Engine": {}}}}, "Metadata": {"Convox": {"main": id}}}),
    ] {
        assert_eq!(rack.template(&main, Some(&before)), fresh, "{before}");
    }
}

#[test]
fn a_version_that_rds_creates_no_more_is_refused_unless_it_stands() {
    let of = |version: &str| {
        let version = Some(version.to_owned());
        let engine = DatabaseEngine::MariaDb;
        [db(
            "main",
            Database {
                engine,
                version,
                ..postgres()
            },
        )]
    };
    let rack = Rack::new();
    let said = rack.refused(&of("10.3.8"), None);
    assert!(
        said.contains(
            "`resources.main.options.version` names a version of mariadb that RDS creates no more"
        ),
        "{said}"
    );
    // One that was created while it could be.
    let mut before = rack.template(&of("10.11.6"), None);
    before["Resources"]["MainDatabase"]["Properties"]["EngineVersion"] = "10.3.8".into();
    let template = rack.template(&of("10.3.8"), Some(&before));
    assert_eq!(
        properties(&template, "MainDatabase")["EngineVersion"],
        "10.3.8"
    );
}
