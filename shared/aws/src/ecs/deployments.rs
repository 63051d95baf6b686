//! How ECS replaces the tasks of a service, in its own types.
//!
//! Source: ECS API reference, `DeploymentConfiguration` and what it is made of.

use aws_sdk_ecs::error::BuildError;
use aws_sdk_ecs::types::{
    CanaryConfiguration, DeploymentAlarms, DeploymentCircuitBreaker, DeploymentConfiguration,
    DeploymentLifecycleHook, DeploymentLifecycleHookAction, DeploymentLifecycleHookStage,
    DeploymentLifecycleHookTargetType, DeploymentLifecycleHookTimeoutConfiguration,
    DeploymentStrategy, LinearConfiguration, ThresholdConfiguration, ThresholdType,
};
use manifest::{Breaker, Course, Deployment, Pause, Stage, Strategy, Threshold};

/// As ECS answers it: its own percentages where it says none, and nothing of the course where that is what the ECS services of Apps
/// have by themselves.
pub(super) fn seen(configuration: Option<&DeploymentConfiguration>) -> Deployment {
    let percent = |percent: Option<i32>| percent.and_then(|percent| u32::try_from(percent).ok());
    let minimum = configuration.and_then(|it| percent(it.minimum_healthy_percent()));
    let maximum = configuration.and_then(|it| percent(it.maximum_percent()));
    let course = configuration.map(course);
    Deployment {
        minimum: minimum.unwrap_or(100),
        maximum: maximum.unwrap_or(200),
        course: course.filter(|course| *course != Course::default()),
    }
}

fn course(configuration: &DeploymentConfiguration) -> Course {
    let alarms = configuration.alarms().filter(|alarms| alarms.enable());
    let alarms = alarms.map(|alarms| alarms.alarm_names().to_vec());
    let mut alarms = alarms.unwrap_or_default();
    alarms.sort_unstable();
    let strategy = strategy(configuration);
    let breaker = breaker(configuration.deployment_circuit_breaker());
    Course {
        strategy,
        // Of the others ECS has none, so it says nothing there.
        breaker: if strategy.shifts() {
            Breaker::default()
        } else {
            breaker
        },
        alarms,
        pause: pause(configuration),
    }
}

/// The first that is one; hooks that call functions are nobody's business here.
fn pause(configuration: &DeploymentConfiguration) -> Option<Pause> {
    let mut hooks = configuration.lifecycle_hooks().iter();
    let kind = Some(&DeploymentLifecycleHookTargetType::Pause);
    let hook = hooks.find(|hook| hook.target_type() == kind)?;
    let stages = hook.lifecycle_stages().iter();
    let mut stages: Vec<Stage> = stages.filter_map(|it| Stage::of(it.as_str())).collect();
    stages.sort_unstable();
    let timeout = hook.timeout_configuration();
    let minutes = timeout.and_then(DeploymentLifecycleHookTimeoutConfiguration::timeout_in_minutes);
    let minutes = minutes.and_then(|minutes| u32::try_from(minutes).ok());
    let action = timeout.and_then(|it| it.action());
    Some(Pause {
        stages,
        timeout: minutes.unwrap_or(1440),
        goes_on: action == Some(&DeploymentLifecycleHookAction::Continue),
    })
}

fn told_pause(pause: &Pause) -> DeploymentLifecycleHook {
    let action = if pause.goes_on {
        DeploymentLifecycleHookAction::Continue
    } else {
        DeploymentLifecycleHookAction::Rollback
    };
    let timeout = DeploymentLifecycleHookTimeoutConfiguration::builder()
        .timeout_in_minutes(number(pause.timeout))
        .action(action);
    let stages = pause.stages.iter();
    let stages = stages.map(|stage| DeploymentLifecycleHookStage::from(stage.name()));
    DeploymentLifecycleHook::builder()
        .target_type(DeploymentLifecycleHookTargetType::Pause)
        .set_lifecycle_stages(Some(stages.collect()))
        .timeout_configuration(timeout.build())
        .build()
}

/// One that nobody knows here is as good as rolling: then ECS is told what convox.yml says.
fn strategy(configuration: &DeploymentConfiguration) -> Strategy {
    let minutes = |minutes: Option<i32>| {
        let minutes = minutes.and_then(|minutes| u32::try_from(minutes).ok());
        minutes.unwrap_or_default()
    };
    let bake = minutes(configuration.bake_time_in_minutes());
    match configuration.strategy() {
        Some(DeploymentStrategy::BlueGreen) => Strategy::BlueGreen { bake },
        Some(DeploymentStrategy::Canary) => {
            let canary = configuration.canary_configuration();
            Strategy::Canary {
                tenths: tenths(canary.and_then(CanaryConfiguration::canary_percent)),
                step_bake: minutes(
                    canary.and_then(CanaryConfiguration::canary_bake_time_in_minutes),
                ),
                bake,
            }
        }
        Some(DeploymentStrategy::Linear) => {
            let linear = configuration.linear_configuration();
            Strategy::Linear {
                tenths: tenths(linear.and_then(LinearConfiguration::step_percent)),
                step_bake: minutes(linear.and_then(LinearConfiguration::step_bake_time_in_minutes)),
                bake,
            }
        }
        _ => Strategy::Rolling,
    }
}

#[expect(
    clippy::cast_possible_truncation,
    clippy::cast_sign_loss,
    reason = "it is clamped to what ECS takes"
)]
fn tenths(percent: Option<f64>) -> u32 {
    let tenths = percent.unwrap_or_default() * 10.0;
    tenths.round().clamp(0.0, 1000.0) as u32
}

fn breaker(breaker: Option<&DeploymentCircuitBreaker>) -> Breaker {
    let usual = Breaker::default();
    let threshold = breaker.and_then(DeploymentCircuitBreaker::threshold_configuration);
    Breaker {
        enable: breaker.is_some_and(DeploymentCircuitBreaker::enable),
        rollback: breaker.is_some_and(DeploymentCircuitBreaker::rollback),
        threshold: threshold
            .and_then(seen_threshold)
            .unwrap_or(usual.threshold),
        reset_on_healthy_task: breaker
            .and_then(DeploymentCircuitBreaker::reset_on_healthy_task)
            .unwrap_or(usual.reset_on_healthy_task),
    }
}

/// `None` for a kind that nobody knows here.
fn seen_threshold(threshold: &ThresholdConfiguration) -> Option<Threshold> {
    let value = u32::try_from(threshold.value()).ok()?;
    match threshold.r#type() {
        ThresholdType::Count => Some(Threshold::Count(value)),
        ThresholdType::BoundedPercent => Some(Threshold::BoundedPercent(value)),
        ThresholdType::UnboundedPercent => Some(Threshold::UnboundedPercent(value)),
        _ => None,
    }
}

/// As ECS is told it: with the percentages of convox.yml, and ECS goes back by itself where tasks do not start. Where convox.yml
/// says nothing else, ECS is told nothing else.
///
/// # Errors
///
/// [`BuildError`] where the SDK misses a part.
pub(super) fn told(deployment: &Deployment) -> Result<DeploymentConfiguration, BuildError> {
    let configuration = DeploymentConfiguration::builder()
        .minimum_healthy_percent(number(deployment.minimum))
        .maximum_percent(number(deployment.maximum));
    let Some(course) = &deployment.course else {
        let breaker = DeploymentCircuitBreaker::builder()
            .enable(true)
            .rollback(true);
        return Ok(configuration
            .deployment_circuit_breaker(breaker.build())
            .build());
    };
    let has_alarms = !course.alarms.is_empty();
    let alarms = DeploymentAlarms::builder()
        .set_alarm_names(Some(course.alarms.clone()))
        .enable(has_alarms)
        .rollback(has_alarms)
        .build()?;
    let breaker = if course.strategy.shifts() {
        let none = DeploymentCircuitBreaker::builder();
        none.enable(false).rollback(false).build()
    } else {
        told_breaker(course.breaker)?
    };
    let configuration = configuration
        .deployment_circuit_breaker(breaker)
        .alarms(alarms)
        .set_lifecycle_hooks(Some(course.pause.iter().map(told_pause).collect()));
    let percent = |tenths: u32| f64::from(tenths) / 10.0;
    Ok(match course.strategy {
        Strategy::Rolling => configuration.strategy(DeploymentStrategy::Rolling),
        Strategy::BlueGreen { bake } => configuration
            .strategy(DeploymentStrategy::BlueGreen)
            .bake_time_in_minutes(number(bake)),
        Strategy::Canary {
            tenths,
            step_bake,
            bake,
        } => configuration
            .strategy(DeploymentStrategy::Canary)
            .bake_time_in_minutes(number(bake))
            .canary_configuration(
                CanaryConfiguration::builder()
                    .canary_percent(percent(tenths))
                    .canary_bake_time_in_minutes(number(step_bake))
                    .build(),
            ),
        Strategy::Linear {
            tenths,
            step_bake,
            bake,
        } => configuration
            .strategy(DeploymentStrategy::Linear)
            .bake_time_in_minutes(number(bake))
            .linear_configuration(
                LinearConfiguration::builder()
                    .step_percent(percent(tenths))
                    .step_bake_time_in_minutes(number(step_bake))
                    .build(),
            ),
    }
    .build())
}

fn told_breaker(breaker: Breaker) -> Result<DeploymentCircuitBreaker, BuildError> {
    let (kind, value) = match breaker.threshold {
        Threshold::Count(value) => (ThresholdType::Count, value),
        Threshold::BoundedPercent(value) => (ThresholdType::BoundedPercent, value),
        Threshold::UnboundedPercent(value) => (ThresholdType::UnboundedPercent, value),
    };
    let threshold = ThresholdConfiguration::builder()
        .r#type(kind)
        .value(number(value))
        .build()?;
    Ok(DeploymentCircuitBreaker::builder()
        .enable(breaker.enable)
        .rollback(breaker.rollback)
        .threshold_configuration(threshold)
        .reset_on_healthy_task(breaker.reset_on_healthy_task)
        .build())
}

fn number(number: u32) -> i32 {
    i32::try_from(number).unwrap_or(i32::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn shifting(strategy: Strategy) -> Course {
        Course {
            strategy,
            ..Course::default()
        }
    }

    #[test]
    fn what_ecs_is_told_is_what_it_answers() {
        let courses = [
            Course::default(),
            Course {
                breaker: Breaker {
                    threshold: Threshold::Count(7),
                    reset_on_healthy_task: false,
                    ..Breaker::default()
                },
                alarms: vec!["errors".to_owned(), "slow".to_owned()],
                ..Course::default()
            },
            Course {
                pause: Some(Pause {
                    stages: vec![Stage::PostScaleUp, Stage::PreProductionTrafficShift],
                    timeout: 60,
                    goes_on: true,
                }),
                ..shifting(Strategy::BlueGreen { bake: 0 })
            },
            shifting(Strategy::Canary {
                tenths: 1,
                step_bake: 10,
                bake: 5,
            }),
            shifting(Strategy::Linear {
                tenths: 334,
                step_bake: 0,
                bake: 1440,
            }),
            Course {
                breaker: Breaker {
                    enable: false,
                    rollback: false,
                    threshold: Threshold::UnboundedPercent(30),
                    ..Breaker::default()
                },
                ..Course::default()
            },
        ];
        for course in courses {
            let deployment = Deployment {
                course: Some(course),
                ..Deployment::rolling(50, 150)
            };
            let seen = seen(Some(&told(&deployment).unwrap()));
            assert_eq!(seen.whole(), deployment);
        }
        let unsaid = Deployment::rolling(50, 150);
        let told = told(&unsaid).unwrap();
        assert_eq!(seen(Some(&told)), unsaid);
        assert_eq!((told.alarms(), told.strategy()), (None, None));
        let breaker = told.deployment_circuit_breaker().unwrap();
        assert_eq!(breaker.threshold_configuration(), None);
    }

    #[test]
    fn alarms_that_are_switched_off_are_none_and_no_breaker_is_one_that_is_off() {
        let alarms = DeploymentAlarms::builder()
            .alarm_names("errors")
            .enable(false)
            .rollback(false)
            .build();
        let configuration = DeploymentConfiguration::builder().alarms(alarms.unwrap());
        let course = seen(Some(&configuration.build())).course.unwrap();
        assert!(
            course.alarms.is_empty() && !course.breaker.enable,
            "{course:?}"
        );
        assert_eq!(seen(None), Deployment::rolling(100, 200));
    }
}
