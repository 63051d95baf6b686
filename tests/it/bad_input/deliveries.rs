//! Secrets of the user's own and environment files that cannot be meant.

use super::{Bad, Rack};
use crate::app;

/// A Service `web` with `body` in place of all else, in a convox.yml of the Release's own.
fn manifest(body: &str) -> String {
    format!("services:\n  web:\n    image: a\n{body}")
}

#[tokio::test]
async fn references_that_cannot_be_meant_are_refused_before_any_write() {
    let mut rack = Rack::new().await;
    let secret = |name: &str, account: &str| {
        format!("arn:aws:secretsmanager:us-east-1:{account}:secret:{name}-AbCdEf")
    };
    let (account, name) = (rack.world.account.clone(), rack.world.rack.clone());
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
            "eleven files",
            eleven,
            "InvalidManifest",
            vec!["`services.web.environmentFiles` has 11 files and ECS takes 10"],
        ),
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
