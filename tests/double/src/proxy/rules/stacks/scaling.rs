//! What Application Auto Scaling refuses of a template: to scale an ECS service that does not stand.
//!
//! Source: Application Auto Scaling API reference, `RegisterScalableTarget`, `ValidationException`; message: as reported
//! (hashicorp/terraform-provider-aws#240).

use serde_json::{Value, json};

use super::super::super::Shared;
use super::super::{array, text};
use crate::stacks::Effect;

const TARGET: &str = "AWS::ApplicationAutoScaling::ScalableTarget";
const DESCRIBE: &str = "AmazonEC2ContainerServiceV20141113.DescribeServices";

/// The effect of an operation whose template scales what is not there; `before` is the template that it takes the place of.
pub(super) async fn refused(shared: &Shared, body: &Value, before: &Value) -> Option<Effect> {
    let template: Value = serde_json::from_str(text(body, "TemplateBody")).ok()?;
    for (name, resource) in template["Resources"].as_object()? {
        let properties = &resource["Properties"];
        let is_new = *properties != before["Resources"][name]["Properties"];
        if text(resource, "Type") != TARGET || !is_new {
            continue;
        }
        let mut parts = text(properties, "ResourceId").split('/').skip(1);
        let (cluster, service) = (parts.next(), parts.next());
        let question = json!({"cluster": cluster, "services": [service]});
        let answer = shared
            .upstream
            .call(&shared.account, "ecs", DESCRIBE, &question);
        let answer = answer.await;
        let services = array(&answer, "services");
        if services.iter().any(|service| service["status"] == "ACTIVE") {
            continue;
        }
        let reason =
            "ECS service doesn't exist (Service: ApplicationAutoScaling, Status Code: 400)";
        return Some(Effect::failed(
            name.clone(),
            TARGET.to_owned(),
            reason.to_owned(),
        ));
    }
    None
}
