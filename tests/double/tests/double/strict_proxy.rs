//! The proxy tells the emulator's rules of stacks, and passes on what it has no rule for.

use std::time::Duration;

use http_body_util::{BodyExt, Full};
use hyper::body::Bytes;
use hyper::header::{AUTHORIZATION, CONTENT_TYPE};
use hyper::{Method, Request};
use hyper_util::client::legacy::Client as HttpClient;
use hyper_util::rt::TokioExecutor;
use rig::{World, emulator};
use serde_json::{Value, json};

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
async fn stack_operations_end_by_themselves_and_the_rules_let_their_events_through() {
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

    let _ending = world.proxy.end_stacks_after(Duration::from_millis(500));
    let client = aws_sdk_cloudformation::Client::new(&world.front_door());
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
