//! `rack`, the command-line tool, on the Rack of the demo: each question takes one command.

use crate::console::{check, say, step};
use crate::looks;
use crate::shop::Shop;

/// What `up` prints of it, once R1 is uploaded.
pub const QUESTIONS: [&str; 9] = [
    "rack status",
    "rack page --output target/rack.html",
    "rack releases",
    "rack plan",
    "rack who-reads SESSION_SECRET",
    "rack why",
    "rack env set GREETING=hello --wait",
    "rack env diff R1",
    "rack rollback --wait",
];

/// Asks it what the story has shown so far: R1 runs again.
pub async fn answers(shop: &Shop<'_>) {
    step("the same as `rack` tells it, the command-line tool");
    let status = asked(shop, "rack status").await;
    check(
        status.contains("Release      R1") && status.contains("SecretsManager, decided by"),
        "R1 is live, through Secrets Manager, and who decided that",
    );
    looks::settled(shop.rack.world()).await;
    let releases = asked(shop, "rack releases").await;
    check(
        releases.contains("R1       live") && releases.contains("R2       promoted"),
        "its Releases, and what became of each",
    );
    let diff = asked(shop, "rack env diff R1 R3").await;
    check(
        diff.contains("+ ADDED_LATER"),
        "R3 had the variable that R1 has not",
    );
    let readers = asked(shop, "rack who-reads SESSION_SECRET").await;
    check(
        readers.contains("service web") && !readers.contains("service worker"),
        "web reads SESSION_SECRET, worker does not",
    );
    let plan = asked(shop, "rack plan R3").await;
    check(plan.contains("+ ADDED_LATER"), "R3 would bring it back");
    let why = asked(shop, "rack why").await;
    check(
        why == "nothing is known to be wrong with shop\n",
        "nothing is wrong",
    );
}

/// The last Release runs; a variable more, and back.
pub async fn changes(shop: &Shop<'_>) {
    step("one variable is one command of `rack`, and so is the way back");
    shop.next_second().await;
    let set = asked(shop, "rack env set GREETING_OF_RACK=hello --wait").await;
    check(
        set.contains("from R9\n+ GREETING_OF_RACK\n") && set.contains(" is live\n"),
        "a Release from R9 with one variable more, waited for until it is live",
    );
    let plan = asked(shop, "rack plan R9").await;
    check(plan.contains("- GREETING_OF_RACK"), "R9 would take it away");
    let back = asked(shop, "rack rollback --wait").await;
    check(back.contains("R9 is live\n"), "R9 is live again");
    check(
        !shop.secret().await.contains_key("GREETING_OF_RACK"),
        "the secret has the environment of R9",
    );
}

/// Asks, and shows the answer.
async fn asked(shop: &Shop<'_>, line: &str) -> String {
    let answer = shop.rack.shell.run(line).await;
    for line in answer.lines() {
        say(&format!("      {line}"));
    }
    answer
}
