//! Databases that take connections over TLS only: what their URL says, and who is told.

use super::*;

fn database(engine: DatabaseEngine, version: Option<&str>) -> Database {
    Database {
        engine,
        version: version.map(str::to_owned),
        encrypted: Some(true),
        ..postgres()
    }
}

fn with_parameters(text: &str) -> Database {
    Database {
        url_parameters: UrlParameters::new(text),
        ..postgres()
    }
}

fn url(template: &Value) -> String {
    let secret = &properties(template, "MainLink")["SecretString"]["Fn::Sub"];
    let variables: Value = serde_json::from_str(secret.as_str().unwrap()).unwrap();
    variables["URL"].as_str().unwrap().to_owned()
}

#[test]
fn a_url_ends_in_the_parameters_of_convox_yml_and_in_nothing_else() {
    let rack = Rack::new();
    let plain = rack.template(&[db("main", postgres())], None);
    let wanted = "postgres://app:{{resolve:secretsmanager:${MainCredentials.Id}:SecretString:password}}\
        @${MainDatabase.Endpoint.Address}:${MainDatabase.Endpoint.Port}/app";
    assert_eq!(url(&plain), wanted);
    let parameters = "sslmode=verify-full&sslrootcert=/etc/ssl/rds.pem";
    let changed = rack.template(&[db("main", with_parameters(parameters))], Some(&plain));
    assert_eq!(url(&changed), format!("{wanted}?{parameters}"));
    let digest = |template: &Value| template["Outputs"]["MainUrlParameters"]["Value"].clone();
    assert_eq!(digest(&plain), Value::Null);
    let other = rack.template(&[db("main", with_parameters("sslmode=require"))], None);
    assert!(digest(&changed).is_string());
    assert_ne!(digest(&changed), digest(&other));
    // What was taken back is gone.
    let back = rack.template(&[db("main", postgres())], Some(&changed));
    assert_eq!(back, plain);
    let keep = BTreeSet::from(["main".to_owned()]);
    let kept = Rack { keep, ..rack }.template(&[], Some(&changed));
    assert_eq!(
        (url(&kept), digest(&kept)),
        (url(&changed), digest(&changed))
    );
}

#[test]
fn a_database_that_comes_to_refuse_plain_connections_says_so_once() {
    let rack = Rack::new();
    let notices = |database: Database, before: Option<&Value>| {
        let rendered = rack.render(&[db("main", database)], before);
        let notices = rendered.ok().unwrap().notices;
        notices
            .iter()
            .filter(|notice| notice.contains("over TLS only"))
            .count()
    };
    let (postgres, mysql, mariadb) = (
        DatabaseEngine::Postgres,
        DatabaseEngine::MySql,
        DatabaseEngine::MariaDb,
    );
    for (database, want) in [
        (database(postgres, None), 1),
        (database(postgres, Some("15")), 1),
        (database(postgres, Some("14.10")), 0),
        (database(mysql, None), 0),
        (database(mysql, Some("9.7")), 1),
        (database(mariadb, None), 0),
        (database(mariadb, Some("11.8")), 1),
        (
            Database {
                parameter_group: Some("own".to_owned()),
                ..database(postgres, None)
            },
            0,
        ),
        (with_parameters("sslmode=require"), 0),
    ] {
        let version = database.version.clone();
        let engine = database.engine.name();
        assert_eq!(notices(database, None), want, "{engine} {version:?}");
    }
    let old = rack.template(&[db("main", database(postgres, Some("14")))], None);
    let new = rack.template(&[db("main", database(postgres, Some("17")))], None);
    for (before, want) in [(&old, 1), (&new, 0)] {
        assert_eq!(notices(database(postgres, Some("17")), Some(before)), want);
    }
    assert_eq!(
        notices(database(postgres, None), Some(&old)),
        0,
        "it keeps its version"
    );
}
