//! What is printed, and with what the program ends.

use std::process::ExitCode;

use crate::checks::{Check, Checked, Verdict};
use crate::page;

/// Prints what is left to try, then what was looked at.
pub fn print(checked: &Checked) -> ExitCode {
    if let Some(rack) = &checked.rack {
        print!("{}", page::shown(rack));
    }
    for check in &checked.checks {
        print!("{}", shown(check));
    }
    let count = |wanted: fn(&Verdict) -> bool| {
        let verdicts = checked.checks.iter().map(|check| &check.verdict);
        verdicts.filter(|verdict| wanted(verdict)).count()
    };
    let differ = count(|verdict| matches!(verdict, Verdict::Differs(_)));
    let unseen = count(|verdict| matches!(verdict, Verdict::NotSeen));
    let all = checked.checks.len();
    println!(
        "\n{all} looked at: {} ok, {differ} differ, {unseen} not seen",
        all - differ - unseen
    );
    match (differ, unseen == all) {
        (0, false) => ExitCode::SUCCESS,
        (0, true) => ExitCode::from(2),
        _ => ExitCode::FAILURE,
    }
}

fn shown(check: &Check) -> String {
    let (word, advice) = match &check.verdict {
        Verdict::Ok => ("ok", None),
        Verdict::Differs(advice) => ("differs", Some(advice)),
        Verdict::NotSeen => ("not seen", None),
    };
    let advice = advice.map(|advice| format!("          do:       {advice}\n"));
    format!(
        "\n{word:<9} {}\n          {}\n          expected: {}\n          seen:     {}\n{}",
        check.title,
        check.command,
        check.expected,
        check.seen,
        advice.unwrap_or_default()
    )
}
