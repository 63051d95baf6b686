//! What whole `resources:` become.

use proptest::prelude::*;

use super::*;
use crate::Manifest;
use environment::EnvironmentObject;

fn manifest(text: &str, values: &str) -> Manifest {
    let EnvironmentObject::Plain(read) = environment::read(values.as_bytes()).unwrap() else {
        panic!("a plain environment");
    };
    crate::load("convox.yml", text.as_bytes(), &read.environment)
        .unwrap_or_else(|error| panic!("{text}\n{error}"))
}

fn taken(text: &str, values: &str) -> Resources {
    read(&manifest(text, values)).unwrap_or_else(|problems| panic!("{text}\n{problems:#?}"))
}

/// All that is wrong, a line each.
fn refused(text: &str, values: &str) -> Vec<String> {
    match read(&manifest(text, values)) {
        Ok(_) => Vec::new(),
        Err(problems) => problems.iter().map(ToString::to_string).collect(),
    }
}

/// One resource, called `db`.
fn db(resource_type: &str, options: &str) -> String {
    format!("resources: {{db: {{type: {resource_type}, options: {{{options}}}}}}}")
}

fn database(resource_type: &str, options: &str) -> Database {
    match taken(&db(resource_type, options), "V=250\n")
        .list
        .remove(0)
        .kind
    {
        ResourceKind::Database(database) => database,
        _ => panic!("a database"),
    }
}

fn cache(resource_type: &str, options: &str) -> Cache {
    match taken(&db(resource_type, options), "").list.remove(0).kind {
        ResourceKind::Cache(cache) => cache,
        _ => panic!("a cache"),
    }
}

fn file_system(options: &str) -> FileSystem {
    match taken(&db("efs", options), "").list.remove(0).kind {
        ResourceKind::FileSystem(file_system) => file_system,
        _ => panic!("a file system"),
    }
}

#[test]
fn without_options_all_are_convoxs_defaults() {
    for (resource_type, engine) in [
        ("postgres", DatabaseEngine::Postgres),
        ("mysql", DatabaseEngine::MySql),
        ("mariadb", DatabaseEngine::MariaDb),
    ] {
        let want = Database {
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
        };
        assert!(database(resource_type, "") == want, "{resource_type}");
        assert_eq!(engine.name(), resource_type);
    }
    for (resource_type, engine) in [
        ("redis", CacheEngine::Redis),
        ("valkey", CacheEngine::Valkey),
        ("memcached", CacheEngine::Memcached),
    ] {
        let want = Cache {
            engine,
            version: None,
            class: None,
            nodes: 1,
            durable: false,
            encrypted: false,
            auto_minor_version_upgrade: true,
        };
        assert!(cache(resource_type, "") == want, "{resource_type}");
        assert_eq!(engine.name(), resource_type);
    }
    let want = FileSystem {
        encrypted: false,
        owner_gid: 1000,
        owner_uid: 1000,
        path: "/".to_owned(),
        permissions: "0777".to_owned(),
    };
    assert!(file_system("") == want);
}

#[test]
fn every_option_of_a_database_counts() {
    let got = database(
        "postgres",
        "version: 14.10, class: db.m6g.large, storage: '${V}', encrypted: 'yes', durable: on, iops: 3000, \
         deletionProtection: true, backupRetentionPeriod: 7, preferredBackupWindow: 23:45-00:15, \
         autoMinorVersionUpgrade: false, parameterGroupName: my-group, snapshot: 'arn:aws:rds:x:1:snapshot:y', \
         urlParameters: 'sslmode=require&x=${V}'",
    );
    let want = Database {
        engine: DatabaseEngine::Postgres,
        version: Some("14.10".to_owned()),
        class: Some("db.m6g.large".to_owned()),
        storage: Some(250),
        encrypted: Some(true),
        durable: true,
        iops: Some(3000),
        deletion_protection: true,
        backup_retention_days: 7,
        preferred_backup_window: Some("23:45-00:15".to_owned()),
        auto_minor_version_upgrade: false,
        parameter_group: Some("my-group".to_owned()),
        snapshot: Some("arn:aws:rds:x:1:snapshot:y".to_owned()),
        read_source: None,
        url_parameters: UrlParameters::new("sslmode=require&x=250"),
    };
    assert!(got == want);
    let blank = "iops: 0, storage: , version: ~, snapshot: '${NOT_SET}', readSourceDB: '', parameterGroupName: '', urlParameters: ''";
    assert!(database("mysql", blank) == database("mysql", ""));
}

#[test]
fn every_option_of_a_cache_and_a_file_system_counts() {
    let got = cache(
        "redis",
        "engine: valkey, version: 8, class: cache.t3.micro, nodes: 2, durable: true, encrypted: true, \
         autoMinorVersionUpgrade: no",
    );
    let want = Cache {
        engine: CacheEngine::Valkey,
        version: Some("8.0".to_owned()),
        class: Some("cache.t3.micro".to_owned()),
        nodes: 2,
        durable: true,
        encrypted: true,
        auto_minor_version_upgrade: false,
    };
    assert!(got == want);
    for (options, want) in [
        ("permissions: 0777", "0777"),
        ("permissions: '0750'", "0750"),
        ("permissions: 750", "750"),
        ("permissions: 0o755", "755"),
    ] {
        assert_eq!(file_system(options).permissions, want, "{options}");
    }
    for options in [
        "owner-gid: 33, owner-uid: 4294967295",
        "ownerGid: 33, OwnerUid: 4294967295",
    ] {
        let got = file_system(&format!("{options}, path: /a/b, encrypted: true"));
        assert_eq!((got.owner_gid, got.owner_uid), (33, u32::MAX), "{options}");
        assert_eq!((got.path.as_str(), got.encrypted), ("/a/b", true));
    }
}

#[test]
fn what_is_wrong_is_said_with_what_is_allowed() {
    let storage = "use a number of GiB from 20 to 65536, without a unit";
    let window = "use `hh24:mi-hh24:mi` in UTC, at least 30 minutes long, such as `03:00-04:00`";
    for (resource_type, options, option, want) in [
        ("postgres", "storag: 1", "storag", "is not an option of postgres: did you mean `storage`?".to_owned()),
        ("postgres", "readSourceDb: x", "readSourceDb", "is not an option of postgres: did you mean `readSourceDB`?".to_owned()),
        ("memcached", "durable: true", "durable", "is not an option of memcached: use one of `autoMinorVersionUpgrade`, `class`, `nodes`, `version`".to_owned()),
        ("efs", "uid: 1", "uid", "is not an option of efs: use one of `encrypted`, `owner-gid`, `owner-uid`, `path`, `permissions`".to_owned()),
        ("efs", "owner-gid: 1, ownerGid: 2", "ownerGid", "stands there twice, in two spellings: keep one of them".to_owned()),
        ("mysql", "password: x", "password", "cannot be chosen: leave it out: the password is generated, and reaches the Services that link to the resource".to_owned()),
        ("redis", "password: x", "password", "cannot be chosen: leave it out: the password is generated, and reaches the Services that link to the resource".to_owned()),
        ("postgres", "storage: 100GB", "storage", format!("is `100GB`: {storage}")),
        ("postgres", "storage: 19", "storage", format!("is `19`: {storage}")),
        ("postgres", "storage: 65537", "storage", format!("is `65537`: {storage}")),
        ("postgres", "storage: 20.5", "storage", format!("is `20.5`: {storage}")),
        ("postgres", "storage: '${NOT_SET}'", "storage", format!("is `${{NOT_SET}}`, which is empty: {storage}")),
        ("postgres", "storage: ''", "storage", format!("is empty: {storage}")),
        ("postgres", "encrypted: maybe", "encrypted", "is `maybe`: use `true` or `false`".to_owned()),
        ("postgres", "durable: 1", "durable", "is `1`: use `true` or `false`".to_owned()),
        ("postgres", "iops: 500, storage: 100", "iops", "is `500`: use a whole number from 1000 to 256000, or 0 for none".to_owned()),
        ("postgres", "iops: 1000, storage: 99", "iops", "is `1000`, and the storage is too small for it: set `storage` to 100 or more".to_owned()),
        ("postgres", "iops: 1000", "iops", "is `1000`, without `storage`: set `storage` too, to 100 or more".to_owned()),
        ("postgres", "iops: 100001, storage: 100", "iops", "is `100001`: use at most 1000 for each GiB of `storage`".to_owned()),
        ("postgres", "backupRetentionPeriod: 36", "backupRetentionPeriod", "is `36`: use a number of days from 0 (no backups) to 35".to_owned()),
        ("postgres", "preferredBackupWindow: 03:00-03:29", "preferredBackupWindow", format!("is `03:00-03:29`: {window}")),
        ("postgres", "preferredBackupWindow: 3-4", "preferredBackupWindow", format!("is `3-4`: {window}")),
        ("postgres", "parameterGroupName: a b", "parameterGroupName", "is `a b`: use the name of a DB parameter group".to_owned()),
        ("mysql", "urlParameters: '?ssl=true'", "urlParameters", "is `?ssl=true`: use `key=value`, several joined by `&`, without the `?`, such as `sslmode=require`: anything but letters, digits and `-_.~,/:` as `%` and two digits, at most 512 characters".to_owned()),
        ("postgres", "class: t3.micro", "class", "is `t3.micro`: use a class of RDS, such as `db.t3.micro`".to_owned()),
        ("postgres", "class: db.", "class", "is `db.`: use a class of RDS, such as `db.t3.micro`".to_owned()),
        ("redis", "class: db.t3.micro", "class", "is `db.t3.micro`: use a class of ElastiCache, such as `cache.t3.micro`".to_owned()),
        ("postgres", "version: new", "version", "is `new`: use a major version such as `17`, or a full one such as `17.2`".to_owned()),
        ("mysql", "version: 8", "version", "is `8`: use major and minor version, such as `8.4` or `8.4.3`".to_owned()),
        ("mariadb", "version: 11", "version", "is `11`: use major and minor version, such as `11.4` or `11.4.3`".to_owned()),
        ("memcached", "version: 1.6", "version", "is `1.6`: use all three numbers, such as `1.4.34` or `1.6.22`".to_owned()),
        ("valkey", "version: 6.x", "version", "is `6.x`: use a version such as `8.1`".to_owned()),
        ("postgres", "readSourceDB: '#convox.resource.x'", "readSourceDB", "is `#convox.resource.x`: use `#convox.resources.` and the name of a resource, or the identifier or ARN of a DB instance".to_owned()),
        ("postgres", "snapshot: x, readSourceDB: y", "snapshot", "stands beside `readSourceDB`: use one of the two: a read replica is a copy of its source".to_owned()),
        ("redis", "durable: true", "durable", "is `true`, with one node: set `nodes` to 2 or more, failover needs another node".to_owned()),
        ("redis", "nodes: 7", "nodes", "is `7`: use a number of nodes from 1 to 6".to_owned()),
        ("redis", "nodes: 0", "nodes", "is `0`: use a number of nodes from 1 to 6".to_owned()),
        ("memcached", "nodes: 41", "nodes", "is `41`: use a number of nodes from 1 to 40".to_owned()),
        ("redis", "engine: memcached", "engine", "is `memcached`: use `redis` or `valkey`".to_owned()),
        ("efs", "owner-uid: -1", "owner-uid", "is `-1`: use a numeric id from 0 to 4294967295".to_owned()),
        ("efs", "owner-uid: 4294967296", "owner-uid", "is `4294967296`: use a numeric id from 0 to 4294967295".to_owned()),
        ("efs", "path: data", "path", "is `data`: use an absolute path of at most four folders and 100 characters, such as `/shared`".to_owned()),
        ("efs", "permissions: 888", "permissions", "is `888`: use three or four octal digits, such as `0777`".to_owned()),
        ("efs", "permissions: 07", "permissions", "is `07`: use three or four octal digits, such as `0777`".to_owned()),
        ("postgres", "snapshot: '{{resolve:ssm:x}}'", "snapshot", "holds `{{`, with which a reference of CloudFormation begins: leave it out, CloudFormation would read what it names".to_owned()),
    ] {
        let got = refused(&db(resource_type, options), "");
        let want = format!("`resources.db.options.{option}` {want}");
        assert_eq!(got.len(), 1, "{options}: {got:?}");
        assert!(got[0].ends_with(&want), "{options}: {got:?} is not {want}");
    }
}

#[test]
fn a_problem_shows_the_line_and_never_the_value() {
    let text = "resources:\n  db:\n    type: postgres\n    options:\n      storage: ${SIZE}\n      ${KEY}: 1\n";
    let manifest = manifest(text, "SIZE=hush-a\nKEY=hush-b\n");
    let Err(problems) = read(&manifest) else {
        panic!("a problem");
    };
    let message = manifest.invalid(problems).to_string();
    for want in [
        "error: `resources.db.options.storage` is `${SIZE}`\n --> convox.yml:5:16\n",
        "5 |       storage: ${SIZE}\n  |                ^^^^^^^",
        "error: `resources.db.options.${KEY}` is not an option of postgres\n --> convox.yml:6:7\n",
    ] {
        assert!(message.contains(want), "{message}");
    }
    assert!(!message.contains("hush"), "{message}");
}

#[test]
fn a_type_is_one_of_seven() {
    for (resource_type, want) in [
        ("postgress", "is `postgress`: did you mean `postgres`?"),
        (
            "kafka",
            "is `kafka`: use one of `postgres`, `mysql`, `mariadb`, `redis`, `valkey`, `memcached`, `efs`",
        ),
        ("${T}", "is `${T}`: use one of"),
    ] {
        let got = refused(&db(resource_type, "storage: x"), "T=hush\n");
        assert_eq!(got.len(), 1, "{got:?}");
        let want = format!("`resources.db.type` {want}");
        assert!(got[0].contains(&want), "{got:?}");
    }
}

#[test]
fn a_name_becomes_variables_and_an_id() {
    let name =
        "use letters, digits, `-` and `_`, start with a letter or digit, at most 100 characters";
    let other = "give one of them a name that differs in more than `-`, `_` and capitals";
    let neither = "can name neither variables nor a resource of CloudFormation";
    let long = "a".repeat(101);
    for (entries, want) in [
        (
            "a b: {type: redis}",
            format!("`resources.a b` {neither}: {name}"),
        ),
        (
            "-a: {type: redis}",
            format!("`resources.-a` {neither}: {name}"),
        ),
        (
            "ä: {type: redis}",
            format!("`resources.ä` {neither}: {name}"),
        ),
        (
            "'${V}': {type: redis}",
            format!("`resources.${{V}}` {neither}: {name}"),
        ),
        (
            "a-b: {type: redis}, a_b: {type: redis}",
            format!("`resources.a_b` has the same variables as `resources.a-b`: {other}"),
        ),
        (
            "mydb: {type: redis}, myDb: {type: mysql}",
            format!("`resources.myDb` has the same variables as `resources.mydb`: {other}"),
        ),
        (
            "convox-env: {type: redis}",
            "`resources.convox-env` has variables that are read by `convox-env`, and would send it astray: give it another name"
                .to_owned(),
        ),
    ] {
        let got = refused(&format!("resources: {{{entries}}}"), "V=hu/sh\n");
        assert_eq!(got.len(), 1, "{got:?}");
        assert!(got[0].ends_with(&want), "{got:?} is not {want}");
    }
    assert_eq!(
        refused(&format!("resources: {{{long}: {{type: redis}}}}"), "").len(),
        1
    );
    let apart = "resources: {my-db: {type: redis}, myDb: {type: redis}, my_db: {type: efs}, MyDb: {type: efs}, convox_env: {type: efs}}";
    assert_eq!(refused(apart, ""), [""; 0]);
    assert_eq!(variable_prefix("main-db_2"), "MAIN_DB_2");
}

/// A source and a replica, `main` and `copy`.
fn pair(resource_type: &str, of_main: &str, of_copy: &str) -> String {
    let copy = format!("readSourceDB: '#convox.resources.main', {of_copy}");
    format!(
        "resources: {{main: {{type: {resource_type}, options: {{{of_main}}}}}, copy: {{type: {resource_type}, options: {{{copy}}}}}}}"
    )
}

#[test]
fn a_replica_reads_from_a_resource_that_is_like_it() {
    for (resource_type, of_main, of_copy) in [
        (
            "mysql",
            "version: '8.0', encrypted: true, durable: true, storage: 50",
            "version: 8.0, encrypted: true, storage: 60",
        ),
        ("postgres", "version: 12", "version: '12', durable: true"),
        (
            "mariadb",
            "version: 10.11",
            "version: 10.11, encrypted: false",
        ),
    ] {
        let list = taken(&pair(resource_type, of_main, of_copy), "").list;
        let ResourceKind::Database(copy) = &list[1].kind else {
            panic!("a database");
        };
        assert!(copy.read_source == Some(ReadSource::Resource("main".to_owned())));
    }
    for (of_main, of_copy, want) in [
        (
            "version: 8.0",
            "version: 8.4",
            "copy.options.version` is not the version of `main`, which this is a read replica of: use the same version in both",
        ),
        (
            "version: 8.0",
            "",
            "copy.options.readSourceDB` makes this a read replica, and it has no `version`: set the version of `main` here too",
        ),
        (
            "",
            "version: 8.0",
            "copy.options.readSourceDB` names `main`, which has no `version`: set `resources.main.options.version` to the version of this",
        ),
        (
            "version: 8.0",
            "version: 8.0, encrypted: true",
            "copy.options.encrypted` is on, and `main` is not encrypted: leave it out, or use a source that was created with `encrypted: true`",
        ),
        (
            "version: 8.0, storage: 50",
            "version: 8.0, storage: 40",
            "copy.options.storage` is less than the storage of `main`: use as much as the source has, or more",
        ),
        (
            "version: 8.0, backupRetentionPeriod: 0",
            "version: 8.0",
            "copy.options.readSourceDB` names `main`, which has no automated backups: set `resources.main.options.backupRetentionPeriod` to 1 or more, RDS replicates only with backups",
        ),
    ] {
        let got = refused(&pair("mysql", of_main, of_copy), "");
        assert_eq!(got.len(), 1, "{got:?}");
        assert!(got[0].ends_with(want), "{got:?} is not {want}");
    }
}

#[test]
fn a_replica_names_another_resource_of_its_type() {
    let resources = |source: &str| {
        format!(
            "resources: {{main: {{type: mysql, options: {{version: 8.0}}}}, queue: {{type: redis}}, \
             copy: {{type: mysql, options: {{version: 8.0, readSourceDB: '#convox.resources.{source}'}}}}}}"
        )
    };
    for (source, want) in [
        (
            "copy",
            "names the resource itself: name the database to read from",
        ),
        (
            "maim",
            "is `#convox.resources.maim`, and `resources` has nothing of that name: did you mean `#convox.resources.main`?",
        ),
        (
            "other",
            "is `#convox.resources.other`, and `resources` has nothing of that name: use one of `main`, `queue`, `copy`",
        ),
        (
            "",
            "is `#convox.resources.`, and `resources` has nothing of that name: use one of `main`, `queue`, `copy`",
        ),
        (
            "queue",
            "names a resource of type `redis`: name one of type `mysql`, as this is",
        ),
    ] {
        let got = refused(&resources(source), "");
        let want = format!("`resources.copy.options.readSourceDB` {want}");
        assert_eq!(got.len(), 1, "{got:?}");
        assert!(got[0].ends_with(&want), "{got:?} is not {want}");
    }
}

#[test]
fn a_replica_of_a_replica_is_for_engines_that_have_it() {
    let chain = |resource_type: &str, version: &str, first: &str| {
        let entry = |name: &str, source: &str| {
            format!("{name}: {{type: {resource_type}, options: {{version: {version}{source}}}}}")
        };
        let of = |name: &str| format!(", readSourceDB: '#convox.resources.{name}'");
        let entries = [
            entry("a", first),
            entry("b", &of("a")),
            entry("c", &of("b")),
        ];
        format!("resources: {{{}}}", entries.join(", "))
    };
    for (resource_type, version) in [("mysql", "8.0"), ("mariadb", "11.4"), ("postgres", "14")] {
        assert_eq!(refused(&chain(resource_type, version, ""), ""), [""; 0]);
    }
    let got = refused(&chain("postgres", "13", ""), "");
    assert_eq!(got.len(), 1, "{got:?}");
    let want = "`resources.c.options.readSourceDB` names `b`, which is a read replica itself: postgres allows that from version 14 on";
    assert!(got[0].ends_with(want), "{got:?}");

    let circle = refused(
        &chain("mysql", "8.0", ", readSourceDB: '#convox.resources.c'"),
        "",
    );
    assert_eq!(circle.len(), 3, "{circle:?}");
    assert!(
        circle[0].contains("reads from `c`, which reads from this again"),
        "{circle:?}"
    );
}

#[test]
fn notices_say_what_aws_does_by_itself() {
    let pinned = |version: &str| {
        format!(
            "convox.yml, line 1: `resources.db.options.version` is `{version}`, and RDS moves it to newer minor versions by \
             itself: set `AutoMinorVersionUpgrade: false` in `params`, or name the major version only"
        )
    };
    let option = |name: &str, rest: &str| {
        format!("convox.yml, line 1: `resources.db.options.{name}` {rest}")
    };
    for (resource_type, options, want) in [
        ("postgres", "", vec![]),
        (
            "postgres",
            "encrypted: true, version: 17.2",
            vec![pinned("17.2")],
        ),
        (
            "mysql",
            "encrypted: true, version: 8.4.3",
            vec![pinned("8.4.3")],
        ),
        (
            "mysql",
            "encrypted: true, version: '${V}'",
            vec![pinned("${V}")],
        ),
        (
            "mysql",
            "encrypted: true, version: 8.4.3, autoMinorVersionUpgrade: false",
            vec![],
        ),
        ("mysql", "encrypted: true, version: 8.4", vec![]),
        (
            "mysql",
            "encrypted: true, version: 5.6",
            vec![option(
                "version",
                "is `5.6`: RDS creates no mysql of that version any more, the default is `8.4`",
            )],
        ),
        (
            "mysql",
            "encrypted: true, class: db.t2.micro",
            vec![option(
                "class",
                "is `db.t2.micro`: RDS does not offer it for the current versions of mysql, `db.t3` is its successor",
            )],
        ),
        (
            "memcached",
            "encrypted: true",
            vec![option("encrypted", "has no effect on memcached")],
        ),
        (
            "efs",
            "autoMinorVersionUpgrade: true",
            vec![option("autoMinorVersionUpgrade", "has no effect on efs")],
        ),
    ] {
        let got = taken(&db(resource_type, options), "V=8.4.3\n").notices;
        assert_eq!(got, want, "{options}");
    }
}

#[test]
fn the_param_decides_on_minor_versions_where_no_option_does() {
    let with = |param: &str, options: &str| {
        format!(
            "params: {{AutoMinorVersionUpgrade: {param}}}\n{}",
            db("mysql", options)
        )
    };
    for (param, options, want) in [
        ("false", "", false),
        ("No", "", false),
        ("'no'", "", false),
        ("true", "", true),
        ("", "", true),
        ("Yes", "autoMinorVersionUpgrade: false", false),
        ("No", "autoMinorVersionUpgrade: true", true),
    ] {
        let ResourceKind::Database(database) = &taken(&with(param, options), "").list[0].kind
        else {
            panic!("a database");
        };
        assert_eq!(
            database.auto_minor_version_upgrade, want,
            "{param} {options}"
        );
    }
    assert_eq!(
        refused(&with("maybe", ""), ""),
        ["line 1, column 35: `params.AutoMinorVersionUpgrade` is `maybe`: use `true` or `false`"]
    );
}

#[test]
fn tags_are_kept_and_hold_no_reference() {
    let tagged = |tags: &str| format!("resources: {{db: {{type: redis, tags: {{{tags}}}}}}}");
    let tags = &taken(&tagged("Team: a, Cost: 1.0"), "").list[0].tags;
    assert_eq!(tags["Team"], "a");
    assert_eq!(tags["Cost"], "1");
    let some = "owner: 'a, b', 'aws:x': y, '': x, 'convox:app': other, Team: a, city: Zürich";
    let read = taken(&tagged(some), "");
    let kept: Vec<&String> = read.list[0].tags.keys().collect();
    assert_eq!(kept, ["Team", "city"]);
    for key in ["owner", "aws:x", "convox:app"] {
        let said = format!("`resources.db.tags.{key}` is left out: tags have");
        let warned = read.notices.iter().any(|notice| notice.contains(&said));
        assert!(warned, "{key}: {:?}", read.notices);
    }
    assert_eq!(read.notices.len(), 4, "{:?}", read.notices);
    let many: Vec<String> = (0..49).map(|n| format!("t{n:02}: x")).collect();
    let read = taken(&tagged(&many.join(", ")), "");
    assert_eq!((read.list[0].tags.len(), read.notices.len()), (48, 1));
    for tag in ["Team: 'a{{resolve:ssm:b}}'", "'{{a': b", "Team: '${V}'"] {
        let got = refused(&tagged(tag), "V={{hush}}\n");
        assert_eq!(got.len(), 1, "{tag}: {got:?}");
        assert!(got[0].contains("holds `{{`"), "{got:?}");
        assert!(!got[0].contains("hush"), "{got:?}");
    }
}

#[test]
fn an_app_has_as_many_passwords_as_a_template_has_room_for() {
    let resources = |count: usize, entry: &str| {
        let entries: Vec<String> = (0..count).map(|n| format!("r{n}: {{{entry}}}")).collect();
        format!("resources: {{{}}}", entries.join(", "))
    };
    for (count, entry) in [
        (20, "type: postgres"),
        (20, "type: redis, options: {encrypted: true}"),
        (50, "type: redis"),
        (50, "type: efs"),
        (50, "type: mysql, options: {readSourceDB: foreign}"),
    ] {
        assert_eq!(refused(&resources(count, entry), ""), [""; 0], "{entry}");
    }
    let got = refused(&resources(22, "type: postgres"), "");
    assert_eq!(got.len(), 1, "{got:?}");
    let want = "`resources.r20` is one of more than 20 with a password: an App has at most 20 databases and encrypted caches, more do \
        not fit into a CloudFormation template";
    assert!(got[0].ends_with(want), "{got:?}");
}

#[test]
fn a_hostile_list_of_resources_ends_with_few_words() {
    for entry in [
        "type: x",
        "type: mysql, options: {storag: 1}",
        "type: mysql, options: {version: 8.4.3}",
        "type: mysql, options: {readSourceDB: '#convox.resources.r', version: 8.4}",
        "type: redis, tags: {'{{': b}",
        "type: efs, options: {password: x}",
    ] {
        let entries: Vec<String> = (0..4000).map(|n| format!("r{n}: {{{entry}}}")).collect();
        let manifest = manifest(&format!("resources: {{{}}}", entries.join(", ")), "");
        let messages = match read(&manifest) {
            Ok(resources) => resources.notices.join("\n"),
            Err(problems) => manifest.invalid(problems).to_string(),
        };
        assert!(!messages.is_empty(), "{entry}");
        assert!(messages.len() < 64 * 1024, "{entry}: {}", messages.len());
    }
}

#[test]
fn the_pages_example_is_taken_as_it_says() {
    let page = include_str!("../../../../docs/resources.md");
    let (_, example) = page.split_once("```yaml convox\n").unwrap();
    let (example, _) = example.split_once("```").unwrap();
    let resource = taken(example, "").list.remove(0);
    let ResourceKind::Database(database) = &resource.kind else {
        panic!("a database");
    };
    assert_eq!(
        (database.engine, database.storage),
        (DatabaseEngine::Postgres, Some(100))
    );
    assert_eq!(variable_prefix(&resource.name), "MYDB");
    assert_eq!(example.lines().count(), 6);
}

#[test]
fn the_documentations_own_examples_are_taken() {
    let text = "resources:\n  maindb:\n    type: mysql\n  gisdb:\n    type: postgres\n    options:\n      version: 12\n  \
        queue:\n    type: redis\n  cache:\n    type: redis\n";
    let names = |text: &str| {
        let list = taken(text, "POSTGRES_STORAGE_SIZE=50\n").list;
        list.into_iter()
            .map(|resource| resource.name)
            .collect::<Vec<_>>()
    };
    assert_eq!(names(text), ["maindb", "gisdb", "queue", "cache"]);
    let replica = "resources:\n  primary-db:\n    type: mysql\n    options:\n      version: \"8.0\"\n      class: db.t3.medium\n      \
        storage: 50\n      encrypted: true\n      durable: true\n  replica:\n    type: mysql\n    options:\n      \
        readSourceDB: \"#convox.resources.primary-db\"\n      version: \"8.0\"\n      class: db.t3.medium\n      storage: 50\n      \
        encrypted: true\n";
    assert_eq!(names(replica), ["primary-db", "replica"]);
    assert_eq!(taken(replica, "").notices, [""; 0]);
    assert_eq!(
        names(&db("postgres", "storage: ${POSTGRES_STORAGE_SIZE}")),
        ["db"]
    );
    assert_eq!(names(&db("efs", "path: \"/root-directory\"")), ["db"]);
}

proptest! {
    #[test]
    fn any_option_is_read_without_a_panic_and_never_repeated(
        resource_type in "postgres|mysql|mariadb|redis|valkey|memcached|efs|x",
        option in "autoMinorVersionUpgrade|backupRetentionPeriod|class|deletionProtection|durable|encrypted|engine|iops|\
            nodes|owner-gid|parameterGroupName|password|path|permissions|preferredBackupWindow|readSourceDB|snapshot|\
            storage|urlParameters|version|[a-z]{1,8}",
        start in "|db\\.t2\\.|cache\\.|#convox\\.resources\\.|/|\\{\\{|[0-9]{1,6}|[0-9]{1,3}\\.[0-9]{1,3}|[0-9]{2}:[0-9]{2}-",
        rest in "[ -~\u{E9}]{0,20}",
        quote in "|'",
    ) {
        let canary = "hush-Q7x";
        let (whole, part) = (format!("{start}{rest}{canary}"), format!("{start}{rest}"));
        for value in [&whole, &part] {
            let environment = [(environment::EnvKey::new("V").unwrap(), value.clone().into())].into_iter().collect();
            let entry = format!("{{type: {resource_type}, options: {{{option}: {quote}${{V}}{quote}}}, tags: {{T: '${{V}}'}}}}");
            let text = format!("params: {{AutoMinorVersionUpgrade: '${{V}}'}}\nresources: {{a: {entry}, '${{V}}': {entry}}}\n");
            let manifest = crate::load("convox.yml", text.as_bytes(), &environment).unwrap();
            let messages = match read(&manifest) {
                Ok(resources) => resources.notices.join("\n"),
                Err(problems) => manifest.invalid(problems).to_string(),
            };
            prop_assert!(!messages.contains(canary), "{}", messages);
        }
    }
}
