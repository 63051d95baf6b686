//! The examples of Convox's documentation, "Resources": from convox.yml to whole templates.

use serde_json::Value;

use super::{Rack, read};
use crate::snapshots::{Variant, assert_rendered};

fn snapshot(name: &str, template: &Value) {
    let variant = Variant::new("template", template);
    assert_rendered(&format!("stack-{name}"), &[variant]);
}

/// The template of a new stack.
fn rendered(text: &str, values: &[(&str, &str)], rack: &str) -> Value {
    let resources = read(text, values);
    Rack::new(rack).render(&resources, None).template
}

#[test]
fn one_database() {
    let text = "
resources:
  mydb:
    type: postgres
    options:
      storage: 100
services:
  web:
    resources:
      - mydb
";
    snapshot("mydb", &rendered(text, &[], "myrack"));
}

#[test]
fn four_resources() {
    let text = "
resources:
  maindb:
    type: mysql
  gisdb:
    type: postgres
    options:
      version: 12
  queue:
    type: redis
  cache:
    type: redis
services:
  web:
    resources:
      - maindb
      - gisdb
      - queue
      - cache
";
    snapshot("four-resources", &rendered(text, &[], "myrack"));
}

#[test]
fn a_primary_and_its_replica() {
    let primary = r#"
resources:
  primary-db:
    type: mysql
    options:
      version: "8.0"
      class: db.t3.medium
      storage: 50
      encrypted: true
      durable: true
"#;
    let replica = r##"  read-replica:
    type: mysql
    options:
      readSourceDB: "#convox.resources.primary-db"
      version: "8.0"
      class: db.t3.medium
      storage: 50
      encrypted: true
"##;
    let rack = Rack::new("myrack");
    let first = rack.render(&read(primary, &[]), None).template;
    let both = read(&format!("{primary}{replica}"), &[]);
    let second = rack.render(&both, Some(&first)).template;
    snapshot("primary-and-replica", &second);
}

#[test]
fn a_file_system() {
    let text = r#"
resources:
  sharedvolume:
    type: efs
    options:
      path: "/root-directory"
services:
  web:
    volumes:
      - sharedvolume:/app/dir
    resources:
      - sharedvolume
"#;
    snapshot("sharedvolume", &rendered(text, &[], "myrack"));
}

#[test]
fn storage_of_two_environments() {
    let text = "
resources:
  mydb:
    type: postgres
    options:
      storage: ${POSTGRES_STORAGE_SIZE}
";
    let variants = [("staging", "50"), ("production", "200")].map(|(rack, storage)| {
        let template = rendered(text, &[("POSTGRES_STORAGE_SIZE", storage)], rack);
        Variant::new(rack, &template)
    });
    assert_rendered("stack-mydb-of-two-racks", &variants);
}
