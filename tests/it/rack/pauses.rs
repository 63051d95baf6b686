//! `rack promote --continue`.

use serde_json::json;

use super::Desk;
use crate::app;
use crate::ingress::ENTRANCE;

const PAUSING: &str = "services:\n  web:\n    image: example/web:1\n    port: 3000\n    environment: [LOG]\n    deployment: {strategy: canary, pause: true}\n";

impl Desk {
    /// One whose App has a deployment that pauses.
    pub async fn paused() -> Self {
        let (world, promote) = app::promoting_with(PAUSING, &[], ENTRANCE).await;
        app::promoted(&world, &promote, "R1", &[("LOG", "R1")]).await;
        Self::around(world, promote)
    }
}

#[tokio::test]
async fn a_deployment_that_pauses_is_told_and_goes_on() {
    let desk = Desk::paused().await;
    let status = desk.text(&["status"]).await;
    assert!(status.contains("rack promote --continue"), "{status}");
    let why = desk.text(&["why"]).await;
    assert!(
        why.contains("pauses at PRE_PRODUCTION_TRAFFIC_SHIFT"),
        "{why}"
    );
    assert!(
        why.contains("what to do: `rack promote --continue`"),
        "{why}"
    );
    let waits = desk.says(&["promote", "--continue", "--wait"]).await;
    assert_eq!(waits.code, Some(2), "it does not wait: {}", waits.out);
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
    // From then on it pauses before each of its two steps.
    app::promoted(&desk.world, &desk.promote, "R2", &[("LOG", "R2")]).await;
    for _ in 0..2 {
        let went_on = desk.json(&["promote", "--continue"]).await;
        assert_eq!(went_on["continued"][0]["stage"], stage);
    }
    let again = desk.says(&["promote", "--continue"]).await;
    again.complains(2, "no deployment of shop pauses");
    let both = desk.says(&["promote", "R1", "--continue"]).await;
    assert_eq!(both.code, Some(2), "{}", both.err);
}
