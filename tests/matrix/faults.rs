//! Every call × every way in which it can fail: what the contract says comes of it, and once the fault is gone and the
//! event delivered again, the same end as without it.

use std::collections::BTreeSet;
use std::fmt;
use std::sync::Arc;

use double::Fault;
use rig::{Invocation, proof};
use serde_json::Value;

use super::calls::{Place, places};
use super::pool;
use super::rack::Rack;
use super::scenario::{Scenario, settle};
use super::situation::{Situation, of_functions};

/// How a fault may end.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Class {
    /// Another delivery can help: the function says so, or has helped itself.
    Transient,
    /// It cannot: the function ends for good.
    Permanent,
    /// Which of both depends on the error.
    Own,
}

#[derive(Clone)]
pub struct Case {
    situation: Situation,
    place: Place,
    fault: Fault,
    /// Whether it can befall any call.
    pub is_common: bool,
    /// Whether the call changes something.
    pub changes: bool,
    class: Class,
    want: Arc<Value>,
}

impl fmt::Display for Case {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}, {}, {:?}", self.situation, self.place, self.fault)
    }
}

fn error(status: u16, code: &'static str) -> Fault {
    Fault::Error { status, code }
}

/// What can befall any call.
fn common(place: &Place) -> Vec<(Fault, Class)> {
    let s3 = place.service == "s3";
    let denied = if s3 || place.service == "cloudformation" {
        error(403, "AccessDenied")
    } else {
        error(400, "AccessDeniedException")
    };
    let broken = if s3 {
        "InternalError"
    } else {
        "InternalFailure"
    };
    // A content that is wrong is the user's or the operator's to mend, wherever it comes from.
    let garbage = match place.operation.as_str() {
        "GetObject" => Class::Own,
        _ => Class::Transient,
    };
    vec![
        (Fault::Throttle, Class::Transient),
        (error(500, broken), Class::Transient),
        (denied, Class::Permanent),
        (Fault::Hang, Class::Transient),
        (Fault::Reset, Class::Transient),
        (Fault::LostAnswer, Class::Transient),
        (Fault::Garbage, garbage),
    ]
}

/// The service's own errors, call by call. Secrets Manager: facts/aws.md 2.8; ECS 1.7; `EventBridge` 4.1 and API reference;
/// S3 3.3; KMS 8; `CloudFormation` and Scheduler API references.
#[rustfmt::skip]
const OWN: [(&str, &[&str], &[&str]); 16] = [
    ("secretsmanager", &["CreateSecret"], &[
        "InvalidParameterException", "InvalidRequestException", "LimitExceededException", "EncryptionFailure",
        "ResourceExistsException", "ResourceNotFoundException", "MalformedPolicyDocumentException", "InternalServiceError",
        "PreconditionNotMetException", "DecryptionFailure",
    ]),
    ("secretsmanager", &["PutSecretValue"], &[
        "InvalidParameterException", "InvalidRequestException", "LimitExceededException", "EncryptionFailure",
        "ResourceExistsException", "ResourceNotFoundException", "InternalServiceError", "DecryptionFailure",
    ]),
    ("secretsmanager", &["GetSecretValue"], &[
        "ResourceNotFoundException", "InvalidParameterException", "InvalidRequestException", "DecryptionFailure",
        "InternalServiceError",
    ]),
    ("secretsmanager", &["UpdateSecretVersionStage"], &[
        "ResourceNotFoundException", "InvalidParameterException", "InvalidRequestException", "LimitExceededException",
        "InternalServiceError",
    ]),
    ("secretsmanager", &[], &[
        "ResourceNotFoundException", "InvalidParameterException", "InvalidRequestException", "InternalServiceError",
    ]),
    ("ecs", &["UpdateService", "DeleteService"], &[
        "ServerException", "ClientException", "InvalidParameterException", "ClusterNotFoundException",
        "ServiceNotFoundException", "ServiceNotActiveException",
    ]),
    ("ecs", &["RunTask"], &[
        "ServerException", "ClientException", "InvalidParameterException", "ClusterNotFoundException", "BlockedException",
        "ConflictException", "PlatformTaskDefinitionIncompatibilityException", "PlatformUnknownException",
        "UnsupportedFeatureException",
    ]),
    ("ecs", &[], &["ServerException", "ClientException", "InvalidParameterException", "ClusterNotFoundException"]),
    ("cloudformation", &["CreateStack"], &[
        "InsufficientCapabilitiesException", "LimitExceededException", "ValidationError",
    ]),
    ("cloudformation", &["UpdateStack"], &["InsufficientCapabilitiesException", "ValidationError"]),
    ("cloudformation", &[], &["ValidationError"]),
    ("events", &[], &[
        "InternalException", "ConcurrentModificationException", "ResourceNotFoundException", "LimitExceededException",
        "ManagedRuleException",
    ]),
    ("scheduler", &[], &[
        "ConflictException", "InternalServerException", "ResourceNotFoundException", "ServiceQuotaExceededException",
        "ThrottlingException", "ValidationException",
    ]),
    ("kms", &[], &[
        "KMSInternalException", "KeyUnavailableException", "DependencyTimeoutException", "DisabledException",
        "KMSInvalidStateException", "NotFoundException", "InvalidCiphertextException", "IncorrectKeyException",
    ]),
    ("s3", &["PutObject"], &["OperationAborted", "PreconditionFailed", "ServiceUnavailable"]),
    ("s3", &[], &["ServiceUnavailable"]),
];

/// The first row that fits; one without operations is for all others of its service.
fn own(place: &Place) -> &'static [&'static str] {
    let (service, operation) = (place.service.as_str(), place.operation.as_str());
    let mut rows = OWN.iter();
    let row = rows.find(|(of, operations, _)| {
        *of == service && (operations.is_empty() || operations.contains(&operation))
    });
    row.unwrap_or_else(|| panic!("{service} has errors of its own"))
        .2
}

fn status_of(code: &str) -> u16 {
    match code {
        "InternalServiceError"
        | "ServerException"
        | "InternalException"
        | "InternalServerException"
        | "KMSInternalException" => 500,
        "OperationAborted" => 409,
        "PreconditionFailed" => 412,
        "ServiceUnavailable" => 503,
        _ => 400,
    }
}

/// Answers that are no failures: what is looked for, or to be removed, is not there.
fn is_an_answer(place: &Place, code: &str) -> bool {
    matches!(
        (place.operation.as_str(), code),
        (
            "DescribeSecret"
                | "DescribeRule"
                | "ListTargetsByRule"
                | "GetSchedule"
                | "DeleteSchedule",
            "ResourceNotFoundException"
        ) | (
            "DeleteService",
            "ServiceNotFoundException" | "ServiceNotActiveException"
        )
    )
}

fn faults(place: &Place) -> Vec<(Fault, Class)> {
    let mut faults = common(place);
    // Their success has no content, so that any success is one.
    let has_content =
        !["DeleteRule", "DeleteSchedule", "DeleteStack"].contains(&place.operation.as_str());
    faults.retain(|(fault, _)| *fault != Fault::Garbage || has_content);
    let own = own(place).iter().filter(|code| !is_an_answer(place, code));
    faults.extend(own.map(|code| (error(status_of(code), code), Class::Own)));
    if ["PutEvents", "PutTargets", "RemoveTargets"].contains(&place.operation.as_str()) {
        let code = "InternalFailure";
        faults.push((Fault::FailedEntries { code }, Class::Transient));
    }
    faults
}

/// Every call of every scenario of these functions, each kind of call of one in the first that makes it; of the bucket, those
/// that a promote makes without waiting.
pub async fn cases(rack: &Rack, situations: &[Situation]) -> Vec<Case> {
    let (mut cases, mut covered) = (Vec::new(), BTreeSet::new());
    for &situation in situations {
        let Situation { scenario, change } = situation;
        let baseline = situation.baseline(rack).await;
        let want = Arc::new(baseline.end.seen);
        for (place, call) in places(&baseline.calls).into_iter().zip(&baseline.calls) {
            let known = scenario.waits() && place.service == "s3";
            if !known && covered.insert((scenario.function(), change, place.clone())) {
                let common = common(&place).len();
                let faults = faults(&place).into_iter().enumerate();
                cases.extend(faults.map(|(number, (fault, class))| Case {
                    situation,
                    place: place.clone(),
                    fault,
                    is_common: number < common,
                    changes: call.changes_something(),
                    class,
                    want: Arc::clone(&want),
                }));
            }
        }
    }
    cases
}

/// What fails really too: in each way that is common to all, the first call of each service in a promote, and of KMS in a run.
fn sample(cases: &[Case]) -> Vec<Case> {
    let mut covered = BTreeSet::new();
    let picks = |case: &&Case| {
        let of_scenario = match case.situation.scenario {
            Scenario::Changed => true,
            Scenario::RunOther => case.place.service == "kms",
            _ => false,
        };
        let entries = matches!(case.fault, Fault::FailedEntries { .. });
        let kind = match &case.fault {
            Fault::Error { status, .. } => format!("{status}"),
            other => format!("{other:?}"),
        };
        of_scenario
            && (case.is_common || entries)
            && covered.insert((case.place.service.clone(), kind))
    };
    cases.iter().filter(picks).cloned().collect()
}

#[test]
fn whatever_fails_the_contract_holds_and_the_end_is_the_same() {
    prove(&["promote", "app-deletion", "failure-count"]);
}

#[test]
fn whatever_fails_a_process_is_started_once() {
    prove(&["process-run"]);
}

fn prove(functions: &[&str]) {
    let _alone = super::alone();
    let cases = pool::once(async |rack| cases(rack, &of_functions(functions)).await);
    let calls: BTreeSet<_> = cases
        .iter()
        .map(|case| (case.situation.scenario.function(), case.place.clone()))
        .collect();
    let on_processes = if super::all_on_processes() {
        cases.clone()
    } else {
        sample(&cases)
    };
    let what = format!("faults of {}", functions.join(", "));
    let count = pool::each(pool::Place::Memory, &what, cases, &run);
    let what_fails = format!("{what}, on processes");
    let real = pool::each(pool::Place::Processes, &what_fails, on_processes, &run);
    let calls = calls.len();
    proof::covered(&format!(
        "{what}: {count} cases at {calls} calls, each recovered; {real} of them on processes too"
    ));
}

pub async fn run(rack: &Rack, number: usize, case: Case) {
    let Case {
        situation,
        place,
        fault,
        ..
    } = &case;
    let scenario = situation.scenario;
    let (app, event) = rack.situation(*situation, number).await;
    let injection = fault
        .clone()
        .on(&place.service, &place.operation)
        .after(place.before);
    let injection = match fault {
        Fault::LostAnswer => injection.times(1),
        _ => injection,
    };
    rack.world.inject(injection);
    let ended = rack.quick(scenario.function()).invoke(&event).await;
    rack.world.proxy.lift();
    let said = format!("{case} -> {ended:?}");
    scenario.assert_served(rack, &said);
    let told = app.told(&rack.world);
    let state = app.state(&rack.world, "promotion").await;
    case.assert_contract(&ended, &state, &told, &said);

    settle(rack, &app, scenario, &event).await;
    let seen = app.seen(&rack.world).await;
    if seen == *case.want {
        return;
    }
    // What ended for good, or through S3, is mended by asking again.
    let state = app.state(&rack.world, "promotion").await;
    let for_good = state["desired"]["status"] == "failed";
    let through_s3 = state["applied"]["delivery"] == "S3";
    let once = scenario.function() == "process-run"; // it has no state to ask for again
    assert!(
        !once && (for_good || through_s3),
        "{said}: the redelivery does not lead to the same end:\n{seen:#}\ninstead of\n{:#}",
        case.want
    );
    let again = scenario.again(rack, &app);
    settle(rack, &app, scenario, &again).await;
    let seen = app.seen(&rack.world).await;
    let [seen, want] = [seen, (*case.want).clone()].map(|seen| {
        let seen = scenario.apart_from_steps(seen);
        if scenario.is_put_back() {
            runs(&seen)
        } else {
            seen
        }
    });
    assert_eq!(seen, want, "{said}: asked again");
}

/// What runs, whatever was asked for last.
fn runs(seen: &Value) -> Value {
    serde_json::json!([
        seen["services"],
        seen["rules"],
        seen["schedules"],
        seen["secret"],
        seen["applied"]
    ])
}

impl Case {
    fn assert_contract(
        &self,
        ended: &Invocation,
        state: &Value,
        told: &BTreeSet<String>,
        said: &str,
    ) {
        let of_state = self.place.service == "s3" || self.place.operation == "PutEvents";
        let function = self.situation.scenario.function();
        let secret = self.place.service == "secretsmanager"
            && ["promote", "process-run"].contains(&function);
        match ended {
            Invocation::Error { error_type, .. } => {
                assert_ne!(
                    self.class,
                    Class::Permanent,
                    "{said}: delivered again in vain"
                );
                assert!(!secret, "{said}: Secrets Manager never blocks a promote");
                assert!(!error_type.starts_with("Runtime."), "{said}");
                assert!(!error_type.starts_with("Sandbox."), "{said}");
                // What is put back fails rightly, and a later write of the state, or the event, is what failed here.
                let ended_before = self.situation.scenario.is_put_back() && of_state;
                assert!(
                    ended_before || state["desired"]["status"] != "failed",
                    "{said}"
                );
                assert!(
                    state["lease"].is_null() || of_state,
                    "{said}: the lease is given back"
                );
            }
            Invocation::Answer(answer) if answer["status"] == "failed" => {
                let put_back = self.situation.scenario.is_put_back();
                assert!(
                    self.class != Class::Transient || put_back,
                    "{said}: given up too early"
                );
                assert!(
                    !secret || put_back,
                    "{said}: Secrets Manager never blocks a promote"
                );
                assert!(
                    answer["errorType"].is_string() && answer["message"].is_string(),
                    "{said}"
                );
                if function == "process-run" {
                    assert!(told.contains("Process Failed"), "{said}: {told:?}");
                } else if !of_state {
                    assert_eq!(state["desired"]["status"], "failed", "{said}");
                    assert_eq!(state["lease"], Value::Null, "{said}");
                    assert!(
                        function != "promote" || told.contains("Release Promote Failed"),
                        "{said}"
                    );
                }
            }
            Invocation::Answer(answer) => {
                let status = answer["status"].as_str().unwrap_or_default();
                assert!(
                    ["promoted", "deleted", "counted", "started"].contains(&status),
                    "{said}"
                );
                if secret && answer["delivery"] == "S3" {
                    assert!(answer["fallback"]["errorType"].is_string(), "{said}");
                    assert!(
                        function != "promote" || told.contains("Secret Write Failed"),
                        "{said}: {told:?}"
                    );
                }
            }
        }
    }
}
