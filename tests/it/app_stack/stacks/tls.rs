//! A delivered URL opens a PostgreSQL that takes TLS only.

use std::collections::BTreeMap;
use std::fmt::Write as _;

use manifest::resources::{Database, DatabaseEngine, ResourceKind, UrlParameters};
use release::app_stack::StackOutputs;
use rig::postgres::Postgres;
use rig::{World, proof};

use super::query::Aws;
use super::{apply, database, rack, resource};

/// The delivered URL, with the server here in place of the one that the emulator only names.
fn reached(link: &BTreeMap<String, String>, server: &Postgres) -> String {
    let named = format!("@{}:{}/", link["HOST"], link["PORT"]);
    let here = format!("@{}/", server.authority());
    let url = link["URL"].replace(&named, &here);
    assert_ne!(url, link["URL"]);
    url
}

/// As a value of `urlParameters`.
fn encoded(text: &str) -> String {
    text.bytes().fold(String::new(), |mut encoded, byte| {
        let _ = write!(encoded, "%{byte:02X}"); // writing to a String cannot fail
        encoded
    })
}

#[tokio::test]
async fn a_delivered_url_opens_a_postgresql_that_takes_tls_only() {
    let world = World::new().await;
    let aws = Aws::new(&world.account);
    let rack = rack(&aws);
    let main = |url_parameters| {
        let database = Database {
            url_parameters,
            ..database(DatabaseEngine::Postgres)
        };
        resource("main", ResourceKind::Database(database))
    };
    let template = rack.render(&[main(None)], None).template;
    let outputs = apply(&aws, &rack.id, "CreateStack", &template);
    let secret = StackOutputs::read(outputs).link_secret("main").unwrap();
    let link = || aws.secret(secret.as_str()).unwrap();
    let server = match Postgres::start(&link()["PASS"]) {
        Ok(server) => server,
        Err(why) => return proof::covered(&format!("TLS-only PostgreSQL: skipped, {why}")),
    };

    let plain = reached(&link(), &server);
    assert_eq!(server.session(&plain).as_deref(), Ok("t"));
    // It is the server that refuses, so what came before was TLS by the client's own choice.
    let refused = server
        .session(&format!("{plain}?sslmode=disable"))
        .unwrap_err();
    assert!(refused.contains("no encryption"), "{refused}");

    let other = Postgres::start("0").unwrap();
    for (root, opens) in [
        (server.root_certificate(), true),
        (other.root_certificate(), false),
    ] {
        let root = encoded(root.to_str().unwrap());
        let parameters = UrlParameters::new(&format!("sslmode=verify-full&sslrootcert={root}"));
        let standing = aws.template(&rack.id.stack());
        let template = rack.render(&[main(parameters)], Some(&standing)).template;
        apply(&aws, &rack.id, "UpdateStack", &template);
        let session = server.session(&reached(&link(), &server));
        match session {
            Ok(encrypted) => assert!(opens && encrypted == "t", "{encrypted}"),
            Err(refused) => assert!(
                !opens && refused.contains("certificate verify failed"),
                "{refused}"
            ),
        }
    }
    proof::covered("TLS-only PostgreSQL: delivered URLs opened it, encrypted and verified");
}
