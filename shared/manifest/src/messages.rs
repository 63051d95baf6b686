//! What a message says and where its caret is: at the words that are to be changed.

use super::tests::{environment, loaded, refused};
use super::*;

/// The error as it is shown.
fn shown(text: &str, values: &str) -> String {
    let loaded = load("convox.yml", text.as_bytes(), &environment(values));
    loaded.expect_err(text).to_string()
}

#[test]
fn a_variable_that_is_not_set_is_named_where_it_stands() {
    let timer = |schedule: &str, service: &str| {
        format!(
            "services: {{web: {{image: a}}}}\ntimers:\n  t:\n    command: x\n    schedule: {schedule}\n    service: {service}\n"
        )
    };
    for (text, want) in [
        (
            timer("${WHEN}", "web"),
            "convox.yml, line 5, column 15: `timers.t.schedule` is `${WHEN}`, which is empty: set the variable",
        ),
        (
            timer("'${WHEN}'", "web"),
            "`timers.t.schedule` is `${WHEN}`, which is empty",
        ),
        (
            timer("0 3 * * ?", "${WHO}"),
            "convox.yml, line 6, column 14: `timers.t.service` is `${WHO}`, which is empty",
        ),
        (
            "services: {web: {nlb: [{port: '${PORT}'}]}}".to_owned(),
            "`services.web.nlb[0].port` is `${PORT}`, which is empty",
        ),
    ] {
        let error = refused(&text, "");
        assert!(error.contains(want), "{text}: {error}");
    }
}

#[test]
fn what_a_timer_lacks_is_said_at_its_name() {
    let error = refused(
        "services: {web: {image: a}}\ntimers:\n  t:\n    command: x\n    service: web\n",
        "",
    );
    assert!(
        error.contains("line 3, column 3: `timers.t` has no `schedule`"),
        "{error}"
    );
}

#[test]
fn a_file_that_is_no_manifest_is_said_to_be_none_and_not_repeated() {
    for text in ["FROM sesame\nRUN sesame\n", "KEY=sesame\nOTHER=sesame\n"] {
        let error = shown(text, "");
        let want = "error: the whole file is a text";
        assert!(error.starts_with(want), "{error}");
        assert!(!error.contains("sesame"), "{error}");
    }
    let error = shown("- a\n", "");
    assert!(
        error.starts_with("error: the whole file is a list"),
        "{error}"
    );
}

#[test]
fn a_key_without_a_colon_is_shown_itself() {
    for (text, line, shows) in [
        (
            "services:\n  web:\n    image a\n    port: 3000\n",
            3,
            "image a",
        ),
        (
            "services:\n  web:\n    image: a\n    port 3000\n  api: {image: b}\n",
            4,
            "port 3000",
        ),
    ] {
        let error = shown(text, "");
        assert!(
            error.contains(&format!("--> convox.yml:{line}:5")),
            "{error}"
        );
        assert!(error.contains(shows), "{error}");
        assert!(
            error.contains("a key needs a colon and a space behind it"),
            "{error}"
        );
    }
}

#[test]
fn carets_of_agents_and_listeners_are_at_those_keys() {
    let text = "services:\n  web:\n    image: a\n    agent: true\n    nlb: [{port: 1}]\n";
    let error = refused(text, "");
    assert!(
        error.contains("line 4, column 12: `services.web.agent` stands beside `nlb` listeners"),
        "{error}"
    );
    let text = "services:\n  web:\n    image: a\n    nlb: [{port: 1}]\n  api:\n    image: a\n    nlb: [{port: 1}]\n";
    let error = refused(text, "");
    assert!(
        error.contains("line 7, column 5: `services.api` has in `nlb[0]` a port"),
        "{error}"
    );
}

#[test]
fn a_gpu_is_not_taken_for_a_cpu_and_a_health_check_is_said_to_have_no_effect() {
    let text = "services:\n  web:\n    image: a\n    health: /up\n    scale: {gpu: 1}\n";
    let warnings = loaded(text, "").warnings;
    let has = |part: &str| warnings.iter().any(|warning| warning.contains(part));
    assert!(
        has("`services.web.scale.gpu` is not a key of convox.yml and is ignored: no GPU"),
        "{warnings:?}"
    );
    assert!(!has("did you mean"), "{warnings:?}");
    assert!(
        has("read, but has no effect: `services.web.health`"),
        "{warnings:?}"
    );
}

#[test]
fn a_default_inside_a_variable_is_a_warning_with_its_line() {
    let text = "services:\n  web:\n    image: a:${TAG:-sesame} # ${COMMENT:-x}\n    port: ${PORT:-3000}\n    command: run ${A} ${A.B}\n";
    let manifest = loaded(text, "A=1\n");
    for (line, name) in [(3, "TAG"), (4, "PORT")] {
        let want = format!("convox.yml, line {line}: `${{{name}…}}` names no variable");
        let said = |warning: &String| warning.starts_with(&want);
        assert!(
            manifest.warnings.iter().any(said),
            "{want}: {:?}",
            manifest.warnings
        );
    }
    assert_eq!(manifest.warnings.len(), 2, "{:?}", manifest.warnings);
    assert!(!format!("{:?}", manifest.warnings).contains("sesame"));
}
