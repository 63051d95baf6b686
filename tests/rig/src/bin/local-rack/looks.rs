//! The schedule's look whether a Release is live, sooner than on AWS: the emulator does not tell that a deployment is complete, as
//! ECS does, and nobody who tries a Rack waits for five minutes.

use std::convert::Infallible;
use std::time::Duration;

use names::keys;
use rig::World;
use serde_json::json;

use crate::console::wait_for;
use crate::unsigned;

/// How often it is looked whether a Release is waited for.
const EVERY: Duration = Duration::from_secs(1);
/// How long a verdict takes at most.
const LIMIT: Duration = Duration::from_secs(20);
/// What the stack calls the queue of promote.
const QUEUE: &str = "IntakeQueue";

/// Asks promote to look, as long as a Release is waited for. What fails is tried again the next time.
pub async fn ask(world: &World) -> Infallible {
    let look = json!({
        "detail-type": "Verdict Look", "source": "secrets-manager-env", "detail": {"rack": world.rack},
    });
    let queue = queue(world).await;
    let message = json!({"QueueUrl": queue, "MessageBody": look.to_string()});
    loop {
        tokio::time::sleep(EVERY).await;
        if is_waited_for(world).await.unwrap_or_default() {
            unsigned::json(world, "sqs", "AmazonSQS.SendMessage", &message).await;
        }
    }
}

/// Waits until nothing is waited for.
///
/// # Panics
///
/// When that takes too long.
pub async fn settled(world: &World) {
    let is_settled = async || (!is_waited_for(world).await?).then_some(());
    wait_for("the verdict of each Release", LIMIT, is_settled).await;
}

async fn is_waited_for(world: &World) -> Option<bool> {
    let marks = world.s3.list_objects_v2().bucket(&world.bucket);
    let marks = marks
        .prefix(keys::UNSETTLED)
        .max_keys(1)
        .send()
        .await
        .ok()?;
    Some(!marks.contents().is_empty())
}

async fn queue(world: &World) -> String {
    let prefix = json!({"QueueNamePrefix": format!("{}-{QUEUE}", world.rack)});
    let listed = unsigned::json(world, "sqs", "AmazonSQS.ListQueues", &prefix).await;
    let mut queues = listed["QueueUrls"].as_array().into_iter().flatten();
    let queue = queues.find_map(|url| url.as_str());
    queue
        .expect("the stack has the queue of promote")
        .to_owned()
}
