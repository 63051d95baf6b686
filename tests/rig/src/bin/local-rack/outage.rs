//! The acts of an outage that lasts: the third failure in a row warns the Rack, the next success clears the warning.

use serde_json::{Value, json};

use crate::console::{check, fact, say, step};
use crate::delivery::{READ_BY_ALL, decided, lift, refuse, run_only, through_s3};
use crate::shop::Shop;
use crate::watch::Watch;

const FAILING: [&str; 3] = ["R4", "R5", "R6"];
const CODE: &str = "SecretWriteFailing";

/// R4, R5 and R6.
pub async fn lasts(shop: &Shop<'_>, watch: &Watch<'_>) {
    let releases = FAILING.join(", ");
    step(&format!(
        "Releases {releases}, each with another LOG_LEVEL; Secrets Manager refuses, and goes on so"
    ));
    // Not R1's first promote, which has the number 1.
    let members = [("release", json!("R1")), ("seq", json!(4))];
    let rolled_back = watch.wait_for("Secret Write Succeeded", &members).await;
    check(
        shop.failures_in_a_row(&rolled_back).await == 0,
        "the failure of R2 does not count any more: R3 and R1 were written",
    );
    refuse(shop).await;
    for (number, release) in (1..).zip(FAILING) {
        let warnings = watch.all("Rack Warning", &[]).await;
        check(
            warnings.is_empty(),
            &format!("nobody is warned before {release}"),
        );
        failed_release(shop, watch, release, number).await;
    }
    let warning = watch.wait_for("Rack Warning", &[]).await;
    show("Rack Warning", &warning);
    check(
        warning["code"] == CODE,
        "its code says that secret writes fail",
    );
    check(
        warning["consecutiveFailures"] == FAILING.len(),
        "it counts three in a row",
    );
}

/// A Release that Secrets Manager fails: live all the same, and counted.
pub async fn failed_release(shop: &Shop<'_>, watch: &Watch<'_>, release: &str, in_a_row: u64) {
    // Equal bytes would be kept where they are.
    shop.upload(release, &[(READ_BY_ALL, release)]).await;
    let report = shop.report(release).await;
    let members = [("release", json!(release))];
    let failed = watch.wait_for("Secret Write Failed", &members).await;
    let failures = shop.failures_in_a_row(&failed).await;
    let (delivery, error) = (text(&report["delivery"]), text(&failed["errorType"]));
    fact(
        &format!("Release {release}"),
        format!("delivery {delivery}, {error}, failures in a row: {failures}"),
    );
    check(
        failures == in_a_row,
        &format!("the counter says {in_a_row}"),
    );
    check(
        run_only(shop, release).await && through_s3(shop).await,
        &format!("{release} is live, and nothing of it needs Secrets Manager"),
    );
}

/// R7.
pub async fn is_over(shop: &Shop<'_>, watch: &Watch<'_>) {
    step("Release R7, Secrets Manager answers again");
    lift(shop).await;
    shop.upload("R7", &[(READ_BY_ALL, "R7")]).await;
    let report = shop.report("R7").await;
    decided(&report);
    check(
        report["delivery"] == "SecretsManager",
        "R7 is delivered through Secrets Manager",
    );
    let cleared = watch.wait_for("Rack Warning Cleared", &[]).await;
    show("Rack Warning Cleared", &cleared);
    check(
        cleared["code"] == CODE,
        "the warning of secret writes is cleared",
    );
    check(
        cleared["consecutiveFailures"] == FAILING.len(),
        "it was three failures long",
    );
    let warnings = watch.all("Rack Warning", &[]).await;
    check(warnings.len() == 1, "the Rack was warned exactly once");
    let members = [("release", json!("R7"))];
    let written = watch.wait_for("Secret Write Succeeded", &members).await;
    check(
        shop.failures_in_a_row(&written).await == 0,
        "the counter says 0",
    );
}

/// Prints an event.
pub fn show(detail_type: &str, detail: &Value) {
    say(&format!("    {detail_type}"));
    for (name, value) in detail.as_object().into_iter().flatten() {
        say(&format!("      {name:<19} {}", text(value)));
    }
}

/// A value for people.
pub fn text(value: &Value) -> String {
    let text = value.as_str();
    text.map_or_else(|| value.to_string(), str::to_owned)
}
