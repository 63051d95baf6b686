//! Secrets of the user's own and environment files: on both deliveries a task sees the same.

use rig::{World, canary};
use serde_json::Value;

use super::{Racks, expected};
use crate::{app, stacks};

const FIRST: &str = "1111111111111111111111111111111111";
const SECOND: &str = "2222222222222222222222222222222222";

/// A secret of the user's with two versions of its passwords, and its ARN.
async fn secret(world: &World, name: &str, [first, second]: [&str; 2]) -> String {
    let value = |password: &str| format!(r#"{{"password": "{password}", "n": "1"}}"#);
    let client = &world.secrets_manager;
    let create = client
        .create_secret()
        .name(name)
        .secret_string(value(first));
    let created = create.client_request_token(FIRST).send().await.unwrap();
    let put = client
        .put_secret_value()
        .secret_id(name)
        .secret_string(value(second));
    put.client_request_token(SECOND).send().await.unwrap();
    created.arn.unwrap()
}

fn warnings(report: &Value) -> Vec<&str> {
    let warnings = report["warnings"].as_array().unwrap().iter();
    warnings.map(|warning| warning.as_str().unwrap()).collect()
}

#[tokio::test]
async fn own_secrets_in_all_forms_and_files_reach_a_task_on_both_deliveries() {
    let racks = Racks::start().await;
    let world = &racks.world;
    let (first, second) = (canary::value("first"), canary::value("second"));
    let arn = secret(world, "db/main", [&first, &second]).await;
    let first_file = "# comment\nFILE=one\nBOTH=first\nTOKEN=file\nDEFAULT=file\nRACK=file\nPASSWORD=file\nQ=\"q\"\r\n";
    world.put("files/one.env", first_file).await;
    world
        .put("files/two.env", "BOTH=second\nTWO=2\nUNDECLARED=file\n")
        .await;
    let file = |name: &str| format!("arn:aws:s3:::{}/files/{name}.env", world.bucket);
    let manifest = format!(
        r#"
services:
  web:
    image: i
    environment: [TOKEN, REQUIRED, DEFAULT=d, PASSWORD=d]
    environmentFiles: ["{one}", "{two}"]
    secrets:
      WHOLE: {arn}
      PASSWORD: "{arn}:password::"
      OLD: "{arn}:password:AWSPREVIOUS:"
      PINNED: {{arn: "{arn}", jsonKey: password, versionId: "{FIRST}"}}
      REQUIRED: "${{DB}}:n::"
      TOKEN: "{arn}:password::"
      SERVICE: "{arn}:n::"
  all:
    image: i
    environment: ["*"]
    secrets: {{UNDECLARED: "{arn}:n::", MINE: "{arn}:n::"}}
  none:
    image: i
timers:
  nightly: {{schedule: "0 3 * * *", command: c, service: web}}
"#,
        one = file("one"),
        two = file("two"),
    );
    let token = canary::value("TOKEN");
    let environment = app::pairs([("TOKEN", &token), ("UNDECLARED", "u"), ("DB", &arn)]);
    let lines = format!("TOKEN={token}\nUNDECLARED=u\nDB={arn}\n");
    let seen = racks.promote("shop", &manifest, lines.as_bytes()).await;

    let whole = format!(r#"{{"password": "{second}", "n": "1"}}"#);
    for container in ["services.web", "timers.nightly"] {
        let mut want = app::pairs([
            ("FILE", "one"),
            ("BOTH", "first"),
            ("TWO", "2"),
            ("Q", "\"q\""),
            ("UNDECLARED", "file"),
        ]);
        want.extend(expected(
            &["DEFAULT=d"],
            racks.automatic("shop", "web"),
            &environment,
        ));
        want.extend(app::pairs([
            ("WHOLE", whole.as_str()),
            ("PASSWORD", &second),
            ("OLD", &first),
            ("PINNED", &first),
            ("REQUIRED", "1"),
            ("SERVICE", "1"),
            ("TOKEN", &token),
        ]));
        assert_eq!(seen.wrong(container, &want), [""; 0], "{container}");
    }
    let mut want = expected(&["*"], racks.automatic("shop", "all"), &environment);
    want.extend(app::pairs([("MINE", "1")]));
    assert_eq!(seen.wrong("services.all", &want), [""; 0]);
    let want = racks.automatic("shop", "none");
    assert_eq!(seen.wrong("services.none", &want), [""; 0]);
    racks.assert_no_value_got_out(&seen);
}

#[tokio::test]
async fn the_role_that_starts_tasks_may_read_what_convox_yml_names_and_nothing_is_to_be_set_for_it()
{
    let racks = Racks::start().await;
    let world = &racks.world;
    let arn = secret(world, "db/main", ["1", "2"]).await;
    // Of AWS the App may have anything for itself, whatever delivers it; convox-env reads with the task's role.
    let file = "FILE=one\nAWS_ENDPOINT_URL_S3=http://127.0.0.1:1\nAWS_SESSION_TOKEN=of-the-app\n";
    world.put("files/one.env", file).await;
    let bucket = format!("arn:aws:s3:::{}", world.bucket);
    let manifest = format!(
        "services:\n  web:\n    image: i\n    environmentFiles: ['{bucket}/files/one.env']\n    \
         environment: [DB, AWS_ACCESS_KEY_ID=210987654321, AWS_DEFAULT_REGION=eu-west-1]\n    secrets:\n      \
         A: '${{DB}}:n::'\n      AWS_PROFILE: '{arn}:n::'\n      AWS_REGION: '{arn}:n::'\n      \
         AWS_SECRET_ACCESS_KEY: '{arn}:n::'\n"
    );
    let seen = racks
        .promote("shop", &manifest, format!("DB={arn}").as_bytes())
        .await;
    for report in &seen.reports {
        let warnings = warnings(report);
        assert!(
            !warnings.iter().any(|warning| warning.contains("role")),
            "{warnings:#?}"
        );
    }
    for (delivery, seen) in [("S3", &seen.s3), ("Secrets Manager", &seen.secrets_manager)] {
        let web = &seen["services.web"];
        for (name, value) in [
            ("DB", arn.as_str()),
            ("AWS_ACCESS_KEY_ID", "210987654321"),
            ("AWS_DEFAULT_REGION", "eu-west-1"),
            ("AWS_ENDPOINT_URL_S3", "http://127.0.0.1:1"),
            ("AWS_PROFILE", "1"),
            ("AWS_REGION", "1"),
            ("AWS_SECRET_ACCESS_KEY", "1"),
            ("AWS_SESSION_TOKEN", "of-the-app"),
        ] {
            let seen = web.get(name).map(String::as_str);
            assert_eq!(seen, Some(value), "{name} through {delivery}");
        }
    }
    let template = stacks::template(world).await;
    let role = template["Resources"]["ExecutionRole"].to_string();
    for named in [arn, format!("{bucket}/files/one.env"), bucket] {
        assert!(
            role.contains(&format!("\"{named}\"")),
            "{named} is not in {role}"
        );
    }
}
