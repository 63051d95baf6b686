//! What somebody does to an App's things between two promotes, past the functions.

use aws_sdk_ecs::types::{Compatibility, ContainerDefinition, NetworkMode};
use aws_sdk_eventbridge::types::RuleState;
use rig::World;

use super::app::App;

/// One thing that is edited or deleted.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Edit {
    ServiceDeleted,
    LeftServiceDeleted,
    ServiceScaled,
    ServiceOnForeignDefinition,
    DefinitionDeregistered,
    RuleDeleted,
    RuleDisabled,
    RuleRescheduled,
    TargetsRemoved,
    SecretScheduledForDeletion,
    SecretDeleted,
    SecretOverwritten,
    EverythingDeleted,
}

pub const EDITS: [Edit; 13] = [
    Edit::ServiceDeleted,
    Edit::LeftServiceDeleted,
    Edit::ServiceScaled,
    Edit::ServiceOnForeignDefinition,
    Edit::DefinitionDeregistered,
    Edit::RuleDeleted,
    Edit::RuleDisabled,
    Edit::RuleRescheduled,
    Edit::TargetsRemoved,
    Edit::SecretScheduledForDeletion,
    Edit::SecretDeleted,
    Edit::SecretOverwritten,
    Edit::EverythingDeleted,
];

/// The App's things by name.
struct Things<'w> {
    world: &'w World,
    prefix: String,
    rule: String,
    secret: String,
}

impl Edit {
    /// Makes the edit on an App that was promoted.
    pub async fn make(self, world: &World, app: &App) {
        let things = Things {
            world,
            rule: app.rule(world, "cleanup"),
            secret: app.secret(world),
            prefix: app.ecs_service(world, ""),
        };
        match self {
            Self::ServiceDeleted => things.delete_service("web").await,
            Self::LeftServiceDeleted => things.delete_service("old").await,
            Self::ServiceScaled => things.scale_service().await,
            Self::ServiceOnForeignDefinition => things.move_service().await,
            Self::DefinitionDeregistered => things.deregister().await,
            Self::RuleDeleted => things.delete_rule().await,
            Self::RuleDisabled => {
                things
                    .put_rule("cron(0 3 * * ? *)", RuleState::Disabled)
                    .await;
            }
            Self::RuleRescheduled => things.put_rule("rate(1 day)", RuleState::Enabled).await,
            Self::TargetsRemoved => things.remove_targets().await,
            Self::SecretScheduledForDeletion => things.delete_secret(false).await,
            Self::SecretDeleted => things.delete_secret(true).await,
            Self::SecretOverwritten => things.overwrite_secret().await,
            Self::EverythingDeleted => {
                things.delete_service("web").await;
                things.delete_service("old").await;
                things.delete_rule().await;
                things.delete_secret(true).await;
            }
        }
    }
}

impl Things<'_> {
    async fn delete_service(&self, name: &str) {
        let request = self.world.ecs.delete_service().cluster(&self.world.cluster);
        let request = request
            .service(format!("{}{name}", self.prefix))
            .force(true);
        request.send().await.unwrap();
    }

    async fn scale_service(&self) {
        let request = self.world.ecs.update_service().cluster(&self.world.cluster);
        let request = request
            .service(format!("{}web", self.prefix))
            .desired_count(3);
        request.send().await.unwrap();
    }

    async fn move_service(&self) {
        let container = ContainerDefinition::builder()
            .name("web")
            .image("foreign:1");
        let register = self.world.ecs.register_task_definition().family("foreign");
        let register = register.requires_compatibilities(Compatibility::Fargate);
        let register = register
            .network_mode(NetworkMode::Awsvpc)
            .cpu("256")
            .memory("512");
        let registered = register
            .container_definitions(container.build())
            .send()
            .await;
        let registered = registered.unwrap().task_definition.unwrap();
        let request = self.world.ecs.update_service().cluster(&self.world.cluster);
        let request = request.service(format!("{}web", self.prefix));
        let request = request.task_definition(registered.task_definition_arn.unwrap());
        request.send().await.unwrap();
    }

    async fn deregister(&self) {
        let request = self
            .world
            .ecs
            .describe_services()
            .cluster(&self.world.cluster);
        let described = request
            .services(format!("{}web", self.prefix))
            .send()
            .await
            .unwrap();
        let definition = described.services()[0].task_definition().unwrap();
        let request = self.world.ecs.deregister_task_definition();
        request.task_definition(definition).send().await.unwrap();
    }

    async fn remove_targets(&self) {
        let rules = &self.world.eventbridge;
        let targets = rules
            .list_targets_by_rule()
            .rule(&self.rule)
            .send()
            .await
            .unwrap();
        let ids = targets
            .targets()
            .iter()
            .map(|target| target.id().to_owned());
        let request = rules
            .remove_targets()
            .rule(&self.rule)
            .set_ids(Some(ids.collect()));
        request.send().await.unwrap();
    }

    async fn delete_rule(&self) {
        self.remove_targets().await;
        let request = self.world.eventbridge.delete_rule().name(&self.rule);
        request.send().await.unwrap();
    }

    async fn put_rule(&self, schedule: &str, state: RuleState) {
        let request = self.world.eventbridge.put_rule().name(&self.rule);
        let request = request.schedule_expression(schedule).state(state);
        request.send().await.unwrap();
    }

    async fn delete_secret(&self, at_once: bool) {
        let request = self.world.secrets_manager.delete_secret();
        let request = request.secret_id(&self.secret);
        let request = request.force_delete_without_recovery(at_once);
        request.send().await.unwrap();
    }

    async fn overwrite_secret(&self) {
        let request = self.world.secrets_manager.put_secret_value();
        let request = request.secret_id(&self.secret);
        let request = request.secret_string(r#"{"DATABASE_URL":"somebody else's"}"#);
        request.send().await.unwrap();
    }
}
