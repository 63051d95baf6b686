//! Secrets of the user's own and environment files that cannot be meant.

use super::{Bad, Rack};
use crate::app::{self, APP};

/// A Service `web` with `body` in place of all else, in a convox.yml of the Release's own.
fn manifest(body: &str) -> String {
    format!("services:\n  web:\n    image: a\n{body}")
}

fn secret(name: &str, account: &str) -> String {
    format!("arn:aws:secretsmanager:us-east-1:{account}:secret:{name}-AbCdEf")
}

#[tokio::test]
async fn references_that_cannot_be_meant_are_refused_before_any_write() {
    let mut rack = Rack::new().await;
    let account = rack.world.account.clone();
    let files = (0..11).map(|n| format!("      - arn:aws:s3:::bucket/{n}.env\n"));
    let eleven = format!("    environmentFiles:\n{}", files.collect::<String>());
    let good_arn = secret("db/main", &account);
    for (what, body, error_type, says) in [
        (
            "a partial ARN, a key with a colon and an interpolated value",
            format!(
                "    secrets:\n      A: arn:aws:secretsmanager:us-east-1:{account}:secret:db\n      B: {{arn: '{good_arn}', \
                 jsonKey: 'a:b'}}\n      C: ${{TOKEN}}\n"
            ),
            "InvalidManifest",
            vec![
                "convox.yml:5:",
                "`services.web.secrets.A`",
                "six letters or digits",
                "`services.web.secrets.B` cannot be used: a JSON key that holds a colon",
                "`services.web.secrets.C` is `${TOKEN}`: it is no ARN",
            ],
        ),
        (
            "a stage and an id",
            format!(
                "    secrets: {{A: '{good_arn}:k:AWSPREVIOUS:{}'}}\n",
                "1".repeat(32)
            ),
            "InvalidManifest",
            vec![
                "`services.web.secrets.A`",
                "by its stage or by its id, not by both",
            ],
        ),
        (
            "a file of another ending, and one that is no object",
            "    environmentFiles: [arn:aws:s3:::bucket/a.txt, s3://bucket/a.env]\n".to_owned(),
            "InvalidManifest",
            vec![
                "`services.web.environmentFiles[0]`",
                "must end in `.env`",
                "`services.web.environmentFiles[1]`",
                "no ARN of an S3 object",
            ],
        ),
        (
            "a file whose name no policy can hold",
            "    environmentFiles: ['arn:aws:s3:::bucket/Zürich.env', 'arn:aws:s3:::bucket/Łódź.env']\n".to_owned(),
            "InvalidManifest",
            vec![
                "`services.web.environmentFiles[1]`",
                "its name has a character that IAM takes in no policy",
                "rename the object",
            ],
        ),
        (
            "eleven files",
            eleven,
            "InvalidManifest",
            vec!["`services.web.environmentFiles` has 11 files and ECS takes 10"],
        ),
    ] {
        let manifest = manifest(&body);
        rack.refuses(Bad {
            name: what,
            files: &[("convox.yml", &manifest)],
            environment: None,
            error_type,
            says: &says,
        })
        .await;
    }
}

#[tokio::test]
async fn what_belongs_to_an_app_is_refused_before_any_write() {
    let mut rack = Rack::new().await;
    let (account, name) = (rack.world.account.clone(), rack.world.rack.clone());
    for (what, body, error_type, says) in [
        (
            "this App's own secret and another App's",
            format!(
                "    secrets:\n      A: {}\n      B: '{}:K::'\n",
                secret(&format!("{name}/{}", app::APP), &account),
                secret(&format!("{name}/other"), &account),
            ),
            "RackSecret",
            vec![
                "line 5, `services.web.secrets.A` names the secret that this App's environment is written to; declare the \
                 variable in `services.web.environment` instead",
                "line 6, `services.web.secrets.B` names a secret under",
                "belong to the Apps of this Rack",
            ],
        ),
        (
            "what belongs to another App, whatever the Rack allows",
            format!(
                "    secrets:\n      A: {}\n      B: '{}:url::'\n      C: {}\n    environmentFiles: ['arn:aws:s3:::{}/apps/other/a.env']\n",
                secret(&format!("{name}_other/db/credentials"), &account),
                secret(&format!("{name}_other/db/link"), &account),
                secret("another_shop/db/link", &account),
                rack.world.bucket,
            ),
            "RackSecret",
            vec![
                "line 5, `services.web.secrets.A` names a secret under",
                "line 6, `services.web.secrets.B` names a secret under",
                "line 7, `services.web.secrets.C` names a secret of an App of another Rack",
                "`services.web.environmentFiles[0]` names `arn:aws:s3:::",
                "belongs to another App of this Rack",
            ],
        ),
    ] {
        let manifest = manifest(&body);
        rack.refuses(Bad {
            name: what,
            files: &[("convox.yml", &manifest)],
            environment: None,
            error_type,
            says: &says,
        })
        .await;
    }
}

#[tokio::test]
async fn what_the_rack_does_not_allow_is_refused_all_at_once_and_in_the_dry_run_too() {
    let world = app::world().await;
    let account = &world.account;
    let arn =
        |name: &str| format!("arn:aws:secretsmanager:us-east-1:{account}:secret:{name}-AbCdEf");
    let (shared, theirs, rack) = (arn("shared/license"), arn("their/token"), &world.rack);
    let own = arn(&format!("{rack}_{APP}/db/link"));
    let body = format!(
        "    secrets:\n      A: {shared}\n      B: '{theirs}:K::'\n      C: ${{THEIRS}}\n      D: '{own}:url::'\n    \
         environmentFiles:\n      - arn:aws:s3:::files/shop/a.env\n      - arn:aws:s3:::files/other/a.env\n      - \
         arn:aws:s3:::{}/apps/{APP}/a.env\n",
        world.bucket
    );
    app::write_manifest(&world, "R1", manifest(&body)).await;
    let pattern = format!("arn:aws:secretsmanager:*:{account}:secret:shared/*");
    let allowed = [
        ("APP_SECRET_ARNS", pattern.as_str()),
        ("APP_ENVIRONMENT_FILE_ARNS", "arn:aws:s3:::files/shop/*"),
    ];
    let none = [("APP_SECRET_ARNS", ""), ("APP_ENVIRONMENT_FILE_ARNS", "")];
    for (settings, refused) in [(allowed, 3), (none, 5)] {
        let version = world.put_env(APP, "R1", &[("THEIRS", &theirs)]).await;
        let function = world.start("promote", &settings);
        let plan = app::dry_run(&function, "R1").await;
        let report = function.answer(&app::written(&world, "R1", &version)).await;
        for answer in [&plan, &report] {
            assert_eq!(answer["errorType"], "SecretNotAllowed", "{answer:#}");
            let message = answer["message"].as_str().unwrap();
            for part in [
                "line 6, `services.web.secrets.B` names the secret `arn:aws:secretsmanager:",
                "line 7, `services.web.secrets.C` names the secret `${THEIRS}`",
                "parameter AppSecretArns does not have",
                "`services.web.environmentFiles[1]` names `arn:aws:s3:::files/other/a.env`",
                "parameter AppEnvironmentFileArns does not have",
            ] {
                assert!(message.contains(part), "`{part}` is not in: {message}");
            }
            let count = message.matches("does not have").count();
            assert_eq!(count, refused, "{message}");
            for fine in ["secrets.D`", "environmentFiles[2]`"] {
                assert!(!message.contains(fine), "{message}");
            }
        }
    }
    // Beside state, report and event.
    let mut changes = app::changes(&world);
    changes.retain(|call| !["s3 PutObject", "events PutEvents"].contains(&call.as_str()));
    assert_eq!(changes, Vec::<String>::new());
}
