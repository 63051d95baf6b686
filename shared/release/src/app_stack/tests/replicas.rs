//! Read replicas: what they take from their source, and how they become databases of their own.

use serde_json::{Value, json};

use super::*;

#[test]
fn a_replica_follows_its_source_and_becomes_a_database_of_its_own() {
    let rack = Rack::new();
    let encrypted = Some(true);
    let main = || {
        db(
            "main",
            Database {
                encrypted,
                ..postgres()
            },
        )
    };
    let both = [main(), db("copy", replica("main"))];
    let said = rack.refused(&both, None);
    assert!(
        said.contains("`resources.copy.options.readSourceDB` names `main`, which is not there yet"),
        "{said}"
    );
    let first = rack.template(&[main()], None);
    let second = rack.template(&both, Some(&first));
    let copy = properties(&second, "CopyDatabase");
    assert_eq!(
        copy["SourceDBInstanceIdentifier"],
        json!({"Ref": "MainDatabase"})
    );
    let link = properties(&second, "CopyLink")["SecretString"]["Fn::Sub"]
        .as_str()
        .unwrap();
    assert!(
        link.contains("${MainCredentials.Id}:SecretString:password"),
        "{link}"
    );
    assert!(second["Resources"]["CopyCredentials"].is_null());

    // It is promoted, and its source leaves at once.
    let alone = [db(
        "copy",
        Database {
            version: Some("17".to_owned()),
            ..postgres()
        },
    )];
    let promoted = rack.render(&alone, Some(&second)).ok().unwrap();
    assert!(promoted.more);
    let backed_up = rack.render(&alone, Some(&promoted.template)).ok().unwrap();
    assert!(!backed_up.more);
    for (template, days) in [
        (&promoted.template, Value::Null),
        (&backed_up.template, json!(1)),
    ] {
        let copy = properties(template, "CopyDatabase");
        assert_eq!(copy["BackupRetentionPeriod"], days);
        for never in [
            "SourceDBInstanceIdentifier",
            "DBName",
            "MasterUsername",
            "MasterUserPassword",
            "StorageEncrypted",
        ] {
            assert!(copy[never].is_null(), "{never}");
        }
        let link = properties(template, "CopyLink")["SecretString"]["Fn::Sub"]
            .as_str()
            .unwrap();
        assert!(link.contains("${MainCredentials.Id}"), "{link}");
        assert!(!properties(template, "MainCredentials").is_null());
        assert!(template["Resources"]["MainDatabase"].is_null());
        assert_eq!(
            template["Resources"]["CopyDatabase"]["DeletionPolicy"],
            "Snapshot"
        );
    }
    let again = rack.render(&alone, Some(&backed_up.template)).ok().unwrap();
    assert_eq!(again.template, backed_up.template);
}

#[test]
fn a_replica_is_as_its_source_allows() {
    let rack = Rack::new();
    let main = || {
        db(
            "main",
            Database {
                storage: Some(100),
                ..postgres()
            },
        )
    };
    let before = rack.template(&[main()], None);
    for (wanted, says) in [
        (
            Database {
                version: Some("16".to_owned()),
                ..replica("main")
            },
            "version` is not the version of `main`",
        ),
        (
            Database {
                encrypted: Some(true),
                ..replica("main")
            },
            "`main` is not encrypted",
        ),
        (
            Database {
                storage: Some(50),
                ..replica("main")
            },
            "storage` is less than `main` has",
        ),
    ] {
        let said = rack.refused(&[main(), db("copy", wanted)], Some(&before));
        assert!(said.contains(says) && said.lines().count() == 1, "{said}");
    }
    let of_another = Database {
        read_source: Some(ReadSource::Instance("other-db".to_owned())),
        ..postgres()
    };
    let rendered = rack.render(&[db("copy", of_another)], None).ok().unwrap();
    let link = properties(&rendered.template, "CopyLink")["SecretString"]["Fn::Sub"]
        .as_str()
        .unwrap();
    let link: Value = serde_json::from_str(link).unwrap();
    assert_eq!(
        link["URL"],
        "postgres://${CopyDatabase.Endpoint.Address}:${CopyDatabase.Endpoint.Port}/app"
    );
    assert_eq!((&link["USER"], &link["PASS"]), (&json!(""), &json!("")));
    assert!(
        rendered.notices[0].contains("no login is known"),
        "{:?}",
        rendered.notices
    );
}

#[test]
fn circles_of_replicas_end() {
    let mut rack = Rack::new();
    let before = rack.template(&[db("a", postgres()), db("b", postgres())], None);
    rack.allow_replacement = true;
    let _ = rack.render(
        &[db("a", replica("b")), db("b", replica("a"))],
        Some(&before),
    );
}
