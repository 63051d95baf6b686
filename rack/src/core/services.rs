//! ECS services as they stand, and how far a move to a task definition has come.

use serde::Serialize;

/// An ECS service, as far as the tool looks.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct SeenService {
    /// Its name.
    pub name: String,
    /// How many tasks it is to run.
    pub desired: i32,
    /// How many run.
    pub running: i32,
    /// Whether ECS goes back by itself when a deployment fails.
    pub goes_back: bool,
    /// Whether ECS moves requests between target groups: how far it is with that is what the Rack finds out.
    pub shifts: bool,
    /// The stage at which its deployment waits for somebody, as ECS spells it.
    pub paused: Option<String>,
    /// Its deployments.
    pub deployments: Vec<SeenDeployment>,
}

/// One deployment of an ECS service.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct SeenDeployment {
    /// Whether it is the one that ECS moves to.
    pub is_primary: bool,
    /// Its revision.
    pub task_definition: String,
    /// `IN_PROGRESS`, `COMPLETED`, `FAILED`; none where ECS does not deploy.
    pub rollout: Option<String>,
    /// ECS's words.
    pub reason: Option<String>,
    /// How many tasks it is to run.
    pub desired: i32,
    /// How many of them run.
    pub running: i32,
    /// How many failed.
    pub failed: i32,
}

/// How far the move of a service to a revision has come.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(
    tag = "phase",
    rename_all = "camelCase",
    rename_all_fields = "camelCase"
)]
pub enum Phase {
    /// ECS is at it.
    Moving {
        /// Tasks of the revision that run.
        running: i32,
        /// Tasks that are to run.
        desired: i32,
        /// Tasks that failed.
        failed: i32,
        /// The stage at which it waits for `rack promote --continue`.
        #[serde(skip_serializing_if = "Option::is_none")]
        paused: Option<String>,
    },
    /// All tasks are of the revision.
    Live,
    /// ECS went back.
    RolledBack {
        /// ECS's words.
        reason: String,
    },
    /// It will not come to be.
    Failed {
        /// Why.
        reason: String,
    },
    /// Something else moved the service meanwhile.
    MovedOn {
        /// What it moves to.
        task_definition: String,
    },
}

impl Phase {
    /// Whether it stays so.
    #[must_use]
    pub fn is_final(&self) -> bool {
        !matches!(self, Self::Moving { .. })
    }

    /// For people.
    #[must_use]
    pub fn in_words(&self) -> String {
        match self {
            Self::Moving {
                running,
                desired,
                failed,
                paused,
            } => {
                let failed = (*failed > 0).then(|| format!(", {failed} failed"));
                let paused = paused.as_ref();
                let paused =
                    paused.map(|stage| format!("; paused at {stage}: rack promote --continue"));
                let (failed, paused) = (failed.unwrap_or_default(), paused.unwrap_or_default());
                format!("{running} of {desired} tasks run{failed}{paused}")
            }
            Self::Live => "live".to_owned(),
            Self::RolledBack { reason } => format!("rolled back: {reason}"),
            Self::Failed { reason } => format!("failed: {reason}"),
            Self::MovedOn { task_definition } => {
                format!("something else moved it to {task_definition}")
            }
        }
    }
}

impl SeenService {
    /// The deployment that ECS moves to.
    #[must_use]
    pub fn primary(&self) -> Option<&SeenDeployment> {
        self.deployments
            .iter()
            .find(|deployment| deployment.is_primary)
    }

    /// How far the move to the revision `target` is, which came after `before`.
    #[must_use]
    pub fn phase(&self, target: &str, before: Option<&str>) -> Phase {
        let Some(primary) = self.primary() else {
            return Phase::Failed {
                reason: "it has no deployment".to_owned(),
            };
        };
        if primary.task_definition == target {
            return self.moving(primary);
        }
        let failed = self.deployments.iter().find(|deployment| {
            deployment.task_definition == target && deployment.rollout.as_deref() == Some("FAILED")
        });
        let reason = failed
            .or(Some(primary))
            .and_then(|told| told.reason.clone());
        let reason = reason.filter(|reason| !reason.is_empty());
        let reason = reason.unwrap_or_else(|| "ECS gives no reason".to_owned());
        if failed.is_some() || before == Some(primary.task_definition.as_str()) {
            return Phase::RolledBack { reason };
        }
        let task_definition = primary.task_definition.clone();
        Phase::MovedOn { task_definition }
    }

    fn moving(&self, primary: &SeenDeployment) -> Phase {
        let moving = Phase::Moving {
            running: primary.running,
            desired: primary.desired,
            failed: primary.failed,
            paused: self.paused.clone(),
        };
        match primary.rollout.as_deref() {
            _ if self.shifts && self.desired > 0 => moving,
            Some("COMPLETED") => Phase::Live,
            _ if self.desired == 0 => Phase::Live,
            // Where it goes back, it soon says so.
            Some("FAILED") if !self.goes_back => Phase::Failed {
                reason: primary.reason.clone().unwrap_or_default(),
            },
            None if self.deployments.len() == 1 && primary.running >= primary.desired => {
                Phase::Live
            }
            _ => moving,
        }
    }
}

#[cfg(test)]
pub(crate) mod tests {
    use super::*;

    /// A service with these deployments: revision, rollout; the first is the one that ECS moves to.
    pub fn service(
        deployments: &[(&str, Option<&str>)],
        desired: i32,
        goes_back: bool,
    ) -> SeenService {
        let deployments = deployments
            .iter()
            .enumerate()
            .map(|(at, (revision, rollout))| SeenDeployment {
                is_primary: at == 0,
                task_definition: (*revision).to_owned(),
                rollout: rollout.map(str::to_owned),
                reason: Some(format!("why {revision}")),
                desired,
                running: 1,
                failed: 0,
            });
        SeenService {
            name: "r_shop_web".to_owned(),
            desired,
            running: 1,
            goes_back,
            shifts: false,
            paused: None,
            deployments: deployments.collect(),
        }
    }

    #[test]
    fn what_ecs_says_of_a_move_is_what_it_is() {
        let (done, at_it, failed) = (Some("COMPLETED"), Some("IN_PROGRESS"), Some("FAILED"));
        let moving = Phase::Moving {
            running: 1,
            desired: 2,
            failed: 0,
            paused: None,
        };
        let back = |reason: &str| Phase::RolledBack {
            reason: reason.to_owned(),
        };
        for (deployments, desired, goes_back, want) in [
            (&[("new", done)][..], 2, true, Phase::Live),
            (&[("new", at_it), ("old", done)], 2, true, moving.clone()),
            (&[("new", at_it)], 0, true, Phase::Live),
            (&[("new", failed), ("old", done)], 2, true, moving.clone()),
            (
                &[("new", failed)],
                2,
                false,
                Phase::Failed {
                    reason: "why new".to_owned(),
                },
            ),
            (&[("new", None)], 1, false, Phase::Live),
            (
                &[("new", None), ("old", None)],
                1,
                false,
                Phase::Moving {
                    running: 1,
                    desired: 1,
                    failed: 0,
                    paused: None,
                },
            ),
            (&[("old", at_it), ("new", failed)], 2, true, back("why new")),
            (
                &[("older", at_it), ("new", failed)],
                2,
                true,
                back("why new"),
            ),
            (&[("old", done)], 2, true, back("why old")),
            (
                &[("newer", at_it), ("new", done)],
                2,
                true,
                Phase::MovedOn {
                    task_definition: "newer".to_owned(),
                },
            ),
            (
                &[],
                2,
                true,
                Phase::Failed {
                    reason: "it has no deployment".to_owned(),
                },
            ),
        ] {
            let got = service(deployments, desired, goes_back).phase("new", Some("old"));
            assert_eq!(got, want, "{deployments:?} {desired} {goes_back}");
        }
    }
}
