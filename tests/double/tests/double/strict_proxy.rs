//! The proxy as a program of its own, and that it passes on what it has no rule for.

use std::io::{BufRead, BufReader, Write};
use std::process::{Child, Command, Stdio};
use std::time::Duration;

use aws_config::retry::RetryConfig;
use aws_config::timeout::TimeoutConfig;
use aws_sdk_secretsmanager::Client;
use aws_sdk_secretsmanager::error::SdkError;
use http_body_util::{BodyExt, Full};
use hyper::body::Bytes;
use hyper::header::{AUTHORIZATION, CONTENT_TYPE};
use hyper::{Method, Request};
use hyper_util::client::legacy::Client as HttpClient;
use hyper_util::rt::TokioExecutor;
use rig::{World, emulator};
use serde_json::{Value, json};

/// The running program. Dropped, its input closes and it ends.
struct Program(Child, BufReader<std::process::ChildStdout>);

impl Program {
    fn start(account: &str) -> (Self, Value) {
        let url = emulator::shared().url();
        let mut program = Command::new(env!("CARGO_BIN_EXE_strict-proxy"))
            .args(["--upstream", &url, "--account", account])
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()
            .unwrap();
        let output = BufReader::new(program.stdout.take().unwrap());
        let mut program = Self(program, output);
        let doors = program.answer();
        (program, doors)
    }

    fn command(&mut self, command: &str) -> Value {
        writeln!(self.0.stdin.as_mut().unwrap(), "{command}").unwrap();
        self.answer()
    }

    fn answer(&mut self) -> Value {
        let mut line = String::new();
        self.1.read_line(&mut line).unwrap();
        serde_json::from_str(&line).unwrap()
    }
}

impl Drop for Program {
    fn drop(&mut self) {
        drop(self.0.stdin.take());
        assert!(self.0.wait().unwrap().success());
    }
}

/// A client of one door that tries once and waits two seconds.
fn client(world: &World, doors: &Value, door: &str) -> Client {
    let timeouts = TimeoutConfig::builder().operation_timeout(Duration::from_secs(2));
    let config = world.front_door().into_builder();
    let config = config
        .endpoint_url(doors[door].as_str().unwrap())
        .retry_config(RetryConfig::disabled())
        .timeout_config(timeouts.build());
    Client::new(&config.build())
}

#[tokio::test]
async fn the_program_hangs_a_service_on_command_and_ends_with_its_input() {
    let world = World::new().await;
    let (mut program, doors) = Program::start(&world.account);
    let (front, back) = (
        client(&world, &doors, "front"),
        client(&world, &doors, "back"),
    );
    let create = back.create_secret().name("r/a").secret_string("1");
    let arn = create.send().await.unwrap().arn.unwrap();
    assert!(arn.contains(&world.account), "{arn}");
    let read = |client: &Client| client.get_secret_value().secret_id("r/a").send();
    read(&front).await.unwrap();

    assert_eq!(
        program.command("hang secretsmanager"),
        json!({"hangs": "secretsmanager"})
    );
    let hanging = read(&front).await;
    assert!(
        matches!(hanging, Err(SdkError::TimeoutError(_))),
        "{hanging:?}"
    );
    read(&back).await.expect("the back door has no faults");
    assert_eq!(program.command("lift"), json!({"hangs": null}));
    read(&front).await.unwrap();

    let (service, operation) = ("secretsmanager", "GetSecretValue");
    let call =
        |status: Option<u16>| json!({"service": service, "operation": operation, "status": status});
    let calls = [call(Some(200)), call(None), call(Some(200))];
    assert_eq!(program.command("calls"), json!({"calls": calls}));
    assert!(program.command("sing")["error"].is_string());
}

/// One call of SQS, straight to the emulator.
async fn sqs(world: &World, operation: &str, body: &Value) -> Value {
    let scope = format!("{}/20261122/us-east-1/sqs/aws4_request", world.account);
    let request = Request::post("/")
        .header(
            AUTHORIZATION,
            format!("AWS4-HMAC-SHA256 Credential={scope}, SignedHeaders=host, Signature=0"),
        )
        .header(CONTENT_TYPE, "application/x-amz-json-1.0")
        .header("x-amz-target", format!("AmazonSQS.{operation}"))
        .body(body.to_string());
    let (status, _, answer) = answer(&emulator::shared().url(), &request.unwrap()).await;
    assert_eq!(status, 200, "{answer}");
    serde_json::from_str(&answer).unwrap()
}

#[tokio::test]
async fn the_program_ends_stack_operations_by_itself_and_the_rules_let_their_events_through() {
    let world = World::new().await;
    let queue = sqs(&world, "CreateQueue", &json!({"QueueName": "intake"})).await;
    let arn = format!("arn:aws:sqs:us-east-1:{}:intake", world.account);
    let pattern = json!({
        "source": ["aws.cloudformation"],
        "detail": {"status-details": {"status": ["CREATE_COMPLETE"]}},
    });
    let rule = world.eventbridge.put_rule().name("stacks");
    let rule = rule.event_pattern(pattern.to_string()).send().await;
    rule.unwrap();
    let target = aws_sdk_eventbridge::types::Target::builder().id("intake");
    let target = target.arn(arn).build().unwrap();
    let targets = world.eventbridge.put_targets().rule("stacks");
    targets.targets(target).send().await.unwrap();

    let (_program, doors) = Program::start(&world.account);
    let config = world.front_door().into_builder();
    let config = config.endpoint_url(doors["front"].as_str().unwrap());
    let client = aws_sdk_cloudformation::Client::new(&config.build());
    let created = super::stacks::create(&client, &super::stacks::template(1)).await;
    let stack = created.unwrap().stack_id.unwrap();
    let receive = json!({"QueueUrl": queue["QueueUrl"], "WaitTimeSeconds": 10});
    let received = sqs(&world, "ReceiveMessage", &receive).await;
    let body = received["Messages"][0]["Body"].as_str().unwrap();
    let event: Value = serde_json::from_str(body).unwrap();
    assert_eq!(event["detail"]["stack-id"], stack);
    let status = &event["detail"]["status-details"]["status"];
    assert_eq!(status, "CREATE_COMPLETE");
}

#[tokio::test]
async fn what_the_proxy_has_no_rule_for_passes_on_unchanged() {
    let world = World::new().await;
    let post = |service: &str, content_type: &str, body: &str| {
        let scope = format!(
            "{}/20261122/us-east-1/{service}/aws4_request",
            world.account
        );
        let signed =
            format!("AWS4-HMAC-SHA256 Credential={scope}, SignedHeaders=host, Signature=0");
        Request::post("/")
            .header(AUTHORIZATION, signed)
            .header(CONTENT_TYPE, content_type)
            .body(body.to_owned())
    };
    let (json_type, form) = (
        "application/x-amz-json-1.0",
        "application/x-www-form-urlencoded",
    );
    let health = Request::builder().uri("/_ministack/health");
    let preflight = Request::builder()
        .method(Method::OPTIONS)
        .uri("/a/b?c=%20d");
    for request in [
        post("iam", form, "Action=ListRoles&Version=2010-05-08"),
        post(
            "cloudformation",
            form,
            "Action=ListStacks&Version=2010-05-15",
        ),
        post("ec2", form, "Action=NoSuchAction&Version=2016-11-15"),
        post("ecs", json_type, "no json"),
        post("events", json_type, "{}"),
        health.body(String::new()),
        preflight.body(String::new()),
    ] {
        let request = request.unwrap();
        let through = answer(world.proxy.endpoint(), &request).await;
        let directly = answer(&emulator::shared().url(), &request).await;
        assert_eq!(through, directly, "{request:?}");
    }
    assert_eq!(world.proxy.calls().len(), 7);
}

/// Status, type and body, without the id that each answer has of its own.
async fn answer(endpoint: &str, request: &Request<String>) -> (u16, String, String) {
    let (mut head, body) = request.clone().into_parts();
    head.uri = format!("{endpoint}{}", head.uri).parse().unwrap();
    let request = Request::from_parts(head, Full::new(Bytes::from(body)));
    let client = HttpClient::builder(TokioExecutor::new()).build_http::<Full<Bytes>>();
    let response = client.request(request).await.unwrap();
    let status = response.status().as_u16();
    let content_type = response.headers().get(CONTENT_TYPE).cloned();
    let content_type = content_type.map_or_else(String::new, |it| it.to_str().unwrap().to_owned());
    let body = response.into_body().collect().await.unwrap().to_bytes();
    let body = String::from_utf8_lossy(&body).into_owned();
    (status, content_type, without_request_id(&body))
}

fn without_request_id(body: &str) -> String {
    let lower = body.to_ascii_lowercase(); // EC2 spells it `RequestID`
    match (lower.find("<requestid>"), lower.find("</requestid>")) {
        (Some(start), Some(end)) => format!("{}{}", &body[..start], &body[end..]),
        _ => body.to_owned(),
    }
}
