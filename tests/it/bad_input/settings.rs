//! Settings of the App, the build and the Rack.

use super::{Bad, Rack};

#[tokio::test]
async fn settings_that_cannot_be_meant_are_refused_with_their_file_or_level() {
    let mut rack = Rack::new().await;
    for (name, file, content, error_type, says) in [
        (
            "a generation that is none",
            "/app.json",
            r#"{"generation": "3"}"#,
            "InvalidSettings",
            &[
                "apps/shop/app.json",
                "`generation` is \"3\"",
                "\"1\" or \"2\"",
            ][..],
        ),
        (
            "a generation that is no text",
            "/app.json",
            r#"{"generation": 2}"#,
            "InvalidSettings",
            &["`generation` is 2", "as text"],
        ),
        (
            "broken app.json",
            "/app.json",
            "{",
            "InvalidSettings",
            &["apps/shop/app.json", "line 1"],
        ),
        (
            "the App's param",
            "/app.json",
            r#"{"params": {"SecretsManagerEnv": "yes"}}"#,
            "InvalidParameter",
            &[
                "apps/shop/app.json (the App's params)",
                "`yes`",
                "`Yes` nor `No`",
            ],
        ),
        (
            "broken build.json",
            "build.json",
            r#"{"images": []}"#,
            "InvalidSettings",
            &["build.json", "line 1", "\"images\""],
        ),
    ] {
        let files = &[(file, content)];
        let bad = Bad {
            name,
            files,
            environment: None,
            error_type,
            says,
        };
        rack.refuses(bad).await;
    }
}

#[tokio::test]
async fn what_the_rack_lacks_is_named_with_its_parameter() {
    let mut rack = Rack::new().await;
    let yes = ("SECRETS_MANAGER_ENV", "Yes");
    for (different, error_type, says) in [
        (
            ("SECRETS_MANAGER_ENV", "yes"),
            "InvalidParameter",
            &[
                "the Rack (the stack's parameter)",
                "`yes`",
                "`Yes` nor `No`",
            ][..],
        ),
        (
            ("SUBNETS", ""),
            "NoSubnets",
            &[
                "Timer `cleanup` runs on Fargate",
                "Timer `report`",
                "parameter Subnets",
            ],
        ),
        (
            ("CLUSTER", "nowhere"),
            "ClusterMissing",
            &["`nowhere`", "create it", "Cluster parameter"],
        ),
    ] {
        let function = rack.world.start("promote", &[yes, different]);
        let bad = Bad {
            name: different.0,
            files: &[],
            environment: None,
            error_type,
            says,
        };
        rack.refused_by(Some(&function), bad).await;
    }
}

#[tokio::test]
async fn an_app_without_a_manifest_is_told_where_to_write_one() {
    let mut rack = Rack::new().await;
    let manifest = rack.world.s3.delete_object().bucket(&rack.world.bucket);
    let manifest = manifest.key("apps/shop/convox.yml").send().await;
    manifest.unwrap();
    rack.refuses(Bad {
        name: "no manifest",
        files: &[],
        environment: None,
        error_type: "ManifestMissing",
        says: &[
            "`apps/shop/releases/R01/convox.yml`",
            "`apps/shop/convox.yml`",
        ],
    })
    .await;
}
