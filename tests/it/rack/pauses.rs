//! `rack promote --continue`.

use serde_json::json;

use super::Desk;
use crate::app;
use crate::ingress::ENTRANCE;

const PAUSING: &str = "services:\n  web:\n    image: example/web:1\n    port: 3000\n    deployment: {strategy: canary, pause: true}\n";

#[tokio::test]
async fn a_deployment_that_pauses_is_told_and_goes_on() {
    let (world, promote) = app::promoting_with(PAUSING, &[], ENTRANCE).await;
    app::promoted(&world, &promote, "R1", &[]).await;
    let desk = Desk::around(world, promote);
    let status = desk.text(&["status"]).await;
    assert!(status.contains("rack promote --continue"), "{status}");
    let went_on = desk.json(&["promote", "--continue"]).await;
    let stage = "PRE_PRODUCTION_TRAFFIC_SHIFT";
    assert_eq!(
        went_on["continued"],
        json!([{"service": "web", "stage": stage}])
    );
    let count = desk.world.proxy.count("ecs", "ContinueServiceDeployment");
    assert_eq!(count, 1);
    let again = desk.says(&["promote", "--continue"]).await;
    assert!(
        again.err.contains("no deployment of shop pauses"),
        "{}",
        again.err
    );
    assert_ne!(again.code, Some(0));
    let both = desk.says(&["promote", "R1", "--continue"]).await;
    assert_eq!(both.code, Some(2), "{}", both.err);
}
