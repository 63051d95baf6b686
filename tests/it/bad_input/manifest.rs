//! A convox.yml that cannot be meant.

use super::{Bad, Rack, good};

fn bad<'a>(
    name: &'a str,
    files: &'a [(&'a str, &'a str)],
    error_type: &'a str,
    says: &'a [&'a str],
) -> Bad<'a> {
    Bad {
        name,
        files,
        environment: None,
        error_type,
        says,
    }
}

#[tokio::test]
async fn a_manifest_that_cannot_be_meant_is_refused_with_its_place() {
    let mut rack = Rack::new().await;
    for case in [
        bad(
            "broken YAML",
            &[("convox.yml", "services:\n  web:\n    image: [a\n")],
            "InvalidManifest",
            &["--> apps/shop/releases/R01/convox.yml:", "not valid YAML"],
        ),
        bad(
            "two things wrong, one of them with a value",
            &[(
                "convox.yml",
                "services:\n  web:\n    image: a\n    port: ${TOKEN}\n  Worker:\n    image: a\n",
            )],
            "InvalidManifest",
            &[
                "convox.yml:4:11",
                "4 |     port: ${TOKEN}",
                "`services.web.port`",
                "convox.yml:5:3",
                "Worker",
            ],
        ),
        bad(
            "a weekday that AWS does not have",
            &[(
                "convox.yml",
                "services:\n  web:\n    image: a\ntimers:\n  t:\n    schedule: \"0 3 * * 0\"\n    command: c\n    service: web\n",
            )],
            "InvalidSchedule",
            &["line 6", "`timers.t.schedule`", "write `SUN` for 0"],
        ),
        bad(
            "a time zone that nobody knows",
            &[(
                "convox.yml",
                "services:\n  web:\n    image: a\ntimers:\n  t:\n    schedule: \"0 3 * * ?\"\n    timezone: Berlin\n    command: c\n    service: web\n",
            )],
            "InvalidManifest",
            &[
                "convox.yml:7:",
                "`timers.t.timezone` is `Berlin`, which is no time zone",
                "did you mean `Europe/Berlin`?",
            ],
        ),
        bad(
            "a schedule from the environment",
            &[(
                "convox.yml",
                "services:\n  web:\n    image: a\ntimers:\n  t:\n    schedule: ${TOKEN}\n    command: c\n    service: web\n",
            )],
            "InvalidSchedule",
            &["line 6", "`timers.t.schedule`", "five"],
        ),
        bad(
            "a Timer of no Service",
            &[(
                "convox.yml",
                "services:\n  web:\n    image: a\ntimers:\n  t:\n    schedule: \"0 3 * * ?\"\n    command: c\n    service: wep\n",
            )],
            "InvalidManifest",
            &["convox.yml:8:14", "`timers.t.service`", "web"],
        ),
    ] {
        rack.refuses(case).await;
    }
}

#[tokio::test]
async fn a_convox_yml_that_lost_its_services_deletes_nothing() {
    let mut rack = Rack::new().await;
    let manifest = crate::app::MANIFEST;
    let misspelt = manifest
        .replace("\nservices:", "\nservicess:")
        .replace("\ntimers:", "\nTimers:");
    let timer = manifest.replace("\ntimers:", "\ntiemrs:");
    for (name, text, error_type, says) in [
        ("no byte", "", "EmptyManifest", "names no Service"),
        (
            "a comment",
            "# generated\n",
            "EmptyManifest",
            "`metrics`, `web`, `worker`",
        ),
        (
            "nothing under services",
            "services:\n",
            "EmptyManifest",
            "the Timers `cleanup`, `report`",
        ),
        (
            "a misspelt services",
            &misspelt,
            "EmptyManifest",
            "did you mean `services`?",
        ),
        (
            "a misspelt timers",
            &timer,
            "InvalidManifest",
            "did you mean `timers`?",
        ),
    ] {
        let files = [("convox.yml", text)];
        rack.refuses(bad(name, &files, error_type, &[says, "allowRemoval"]))
            .await;
    }
}

#[tokio::test]
async fn options_of_resources_are_named_beside_what_else_is_wrong() {
    let mut rack = Rack::new().await;
    let manifest = "services:\n  web:\n    image: a\n    environment: [MISSING]\n    scale: {cpu: 256, memory: 4096}\nresources:\n  db:\n    type: postgres\n    options: {storag: 20}\n";
    let says = [
        "MISSING",
        "convox.yml line 5: Service `web`: Fargate has no size of cpu 256",
        "`resources.db.options.storag` is not an option of postgres",
    ];
    let files = [("convox.yml", manifest)];
    rack.refuses(bad(
        "an option, a size and a variable",
        &files,
        "InvalidManifest",
        &says,
    ))
    .await;
}

#[tokio::test]
async fn a_service_that_cannot_be_run_is_refused_with_what_is_allowed() {
    let mut rack = Rack::new().await;
    for case in [
        bad(
            "a size that Fargate does not have",
            &[(
                "convox.yml",
                "services:\n  web:\n    image: a\n    scale:\n      cpu: 256\n      memory: 4096\n",
            )],
            "InvalidSize",
            &[
                "`web`",
                "cpu 256",
                "memory 4096",
                "512, 1024 or 2048",
                "services.web.scale",
            ],
        ),
        bad(
            "an image that no registry can have",
            &[(
                "convox.yml",
                "services:\n  web:\n    image: Example/Web:1\n  api:\n    image: https://registry.example/api:1\n  job:\n    image: \"job:${NOT_SET}\"\n",
            )],
            "InvalidImage",
            &[
                "the image of Service `web`, from convox.yml (`services.web.image`), has upper-case letters",
                "the image of Service `api`",
                "leave out everything up to `//`",
                "the image of Service `job`",
                "ends in a colon without a tag",
            ],
        ),
        bad(
            "percentages that ECS refuses",
            &[(
                "convox.yml",
                "services:\n  web:\n    image: a\n    deployment:\n      minimum: 100\n      maximum: 100\n",
            )],
            "InvalidDeployment",
            &[
                "`services.web.deployment`",
                "minimum 100 and maximum 100",
                "`maximum` over 100",
            ],
        ),
        bad(
            "a circuit breaker that counts in two ways, and an alarm by its ARN",
            &[(
                "convox.yml",
                "services:\n  web:\n    image: a\n    deployment:\n      breaker: {count: 3, percent: 5}\n      alarms:\n        \
                 - arn:aws:cloudwatch:us-east-1:123456789012:alarm:errors\n",
            )],
            "InvalidManifest",
            &[
                "`services.web.deployment.breaker.percent`",
                "leave out one of the two",
                "convox.yml:7",
                "the name of a CloudWatch alarm",
            ],
        ),
        bad(
            "privileged on Fargate",
            &[(
                "convox.yml",
                "services:\n  web:\n    image: a\n    privileged: true\n",
            )],
            "Privileged",
            &["`web`", "services.web.privileged", "EC2"],
        ),
        bad(
            "no image can be named",
            &[("convox.yml", "services:\n  web:\n    build: .\n")],
            "NoImage",
            &[
                "`web`",
                "build.json (`images.web`)",
                "`services.web.image`",
                "{Registry}:web.{id}",
            ],
        ),
        bad(
            "a param of no known value",
            &[(
                "convox.yml",
                "params:\n  SecretsManagerEnv: true\nservices:\n  web:\n    image: a\n",
            )],
            "InvalidParameter",
            &[
                "convox.yml",
                "line 2",
                "SecretsManagerEnv",
                "`true`",
                "`Yes` nor `No`",
            ],
        ),
    ] {
        rack.refuses(case).await;
    }
}

#[tokio::test]
async fn everything_that_is_missing_is_named_at_once() {
    let mut rack = Rack::new().await;
    let manifest = "environment:\n  - SHARED\nservices:\n  api:\n    image: a\n    environment:\n      - ONE\n      - TOKEN\n  web:\n    build: .\n    environment:\n      - TWO\n      - OPTIONAL=1\n";
    rack.refuses(Bad {
        name: "variables of two Services, and an image",
        files: &[("convox.yml", manifest)],
        environment: Some(good()),
        error_type: "MissingVariables",
        says: &[
            "Service `api`",
            "Service `web`",
            "ONE",
            "TWO",
            "SHARED",
            "no image for Service `web`",
        ],
    })
    .await;
    let report = crate::app::report(&rack.world, "R01").await.unwrap();
    let message = report["message"].as_str().unwrap();
    for set in ["TOKEN", "OPTIONAL"] {
        assert!(!message.contains(set), "{set} is not missing: {message}");
    }
}

#[tokio::test]
async fn a_definition_that_ecs_would_refuse_is_named_with_its_size_and_its_largest_default() {
    let mut rack = Rack::new().await;
    let long = "x".repeat(66_000);
    let manifest = format!(
        "services:\n  small:\n    image: a\n  web:\n    image: a\n    environment: [SMALL=1, 'BIG=${{TOKEN}}{long}']\n"
    );
    rack.refuses(Bad {
        name: "a large default",
        files: &[("convox.yml", &manifest)],
        environment: None,
        error_type: "TaskDefinitionTooLarge",
        says: &[
            "`web` (its largest default is `BIG=${TOKEN}",
            "65536",
            "shorten",
        ],
    })
    .await;
}
