//! What whole files become.

use proptest::prelude::*;

use super::*;
use environment::EnvironmentObject;

pub(super) fn environment(text: &str) -> Environment {
    match environment::read(text.as_bytes()).unwrap() {
        EnvironmentObject::Plain(read) => read.environment,
        EnvironmentObject::Sealed(_) => panic!("a plain environment"),
    }
}

pub(super) fn loaded(text: &str, values: &str) -> Manifest {
    load("convox.yml", text.as_bytes(), &environment(values))
        .unwrap_or_else(|error| panic!("{text}\n{error}"))
}

fn error(text: &str, values: &str) -> ManifestError {
    load("convox.yml", text.as_bytes(), &environment(values)).expect_err(text)
}

/// All that is wrong, a line each.
pub(super) fn refused(text: &str, values: &str) -> String {
    match error(text, values) {
        ManifestError::Invalid { file, problems, .. } => {
            let lines = problems.iter().map(|problem| format!("{file}, {problem}"));
            lines.collect::<Vec<_>>().join("\n")
        }
        error => error.to_string(),
    }
}

/// `count` lines, made from their numbers.
pub(super) fn lines(count: usize, line: impl Fn(usize) -> String) -> String {
    (0..count).map(line).collect::<Vec<_>>().join("\n")
}

/// The Service `web` with `body`, a flow mapping.
pub(super) fn web(body: &str, values: &str) -> (Service, Vec<String>) {
    let manifest = loaded(&format!("services: {{web: {body}}}"), values);
    (manifest.services[0].clone(), manifest.warnings)
}

#[test]
fn an_app_loads() {
    let text = "\u{FEFF}environment:\r\n  - LOG=info\r\nparams:\r\n  SecretsManagerEnv: Yes\r\nservices:\r\n  web:\r\n    \
        build: .\r\n    port: 3000\r\n  worker:\r\n    image: ${IMAGE}\r\n    environment: [KEY, \"*\"]\r\n\
        timers:\r\n  clean:\r\n    schedule: 0 3 * * ?\r\n    command: bin/clean\r\n    service: worker\r\n";
    let manifest = loaded(text, "IMAGE=busybox\nKEY=1\n");
    let names: Vec<&str> = manifest
        .services
        .iter()
        .map(|service| service.name.as_str())
        .collect();
    assert_eq!(names, ["web", "worker"]);
    let worker = manifest.service("worker").unwrap();
    assert_eq!(worker.image.as_deref(), Some("busybox"));
    assert_eq!(worker.env_keys(), ["*", "KEY", "LOG"]);
    assert_eq!(worker.line, 9);
    let timer = &manifest.timers[0];
    assert_eq!(
        (timer.name.as_str(), timer.service.as_str()),
        ("clean", "worker")
    );
    assert_eq!(
        (timer.command.as_str(), timer.schedule_line),
        ("bin/clean", 14)
    );
    assert_eq!(timer.cron().unwrap().expression, "cron(0 3 * * ? *)");
    assert_eq!(manifest.params["SecretsManagerEnv"].value, "Yes");
    assert_eq!(manifest.interpolated, BTreeSet::from(["IMAGE".to_owned()]));
    assert_eq!(manifest.warnings, [""; 0]);
}

#[test]
fn what_is_found_later_is_shown_as_if_it_were_found_at_once() {
    let text = "params:\n  A: 1\nresources:\n  db:\n    type: ${TYPE}\n";
    let manifest = loaded(text, "TYPE=hush\n");
    let problem = |path: &str, (line, column)| Problem {
        line,
        column,
        path: path.to_owned(),
        message: "is odd".to_owned(),
        help: None,
        excerpt: None,
    };
    let placed = &manifest.resources[0].resource_type;
    let found = vec![
        problem(&placed.path, placed.place),
        problem("params.A", (2, manifest.params["A"].column)),
    ];
    let message = manifest.invalid(found).to_string();
    for want in [
        "error: `params.A` is odd\n --> convox.yml:2:6\n",
        "error: `resources.db.type` is odd\n --> convox.yml:5:11\n",
        "5 |     type: ${TYPE}\n  |           ^^^^^^^",
    ] {
        assert!(message.contains(want), "{message}");
    }
    assert!(message.find("params.A") < message.find("resources.db"));
    assert_eq!(manifest.file(), "convox.yml");
}

#[test]
fn empty_bodies_are_defaults() {
    for text in [
        "",
        "# nothing\n",
        "services:\n",
        "services: {}\ntimers:\nparams: ~\nenvironment:\nresources: {}\n",
    ] {
        let manifest = loaded(text, "");
        let source = manifest.source.clone();
        let empty = Manifest {
            source,
            ..Manifest::empty()
        };
        assert!(manifest == empty, "{text}");
    }
    let (service, warnings) = web("", "");
    let empty = "{build: , command: , environment: , health: , image: , init: , links: , port: , scale: , domain: }";
    assert!(service == web(empty, "").0);
    assert!(service.build == Some(Build::default()));
    assert!(service.scale == Scale::default());
    assert_eq!(
        (service.health.path.as_str(), service.health.interval),
        ("/", 5)
    );
    assert_eq!((service.health.grace, service.health.timeout), (5, 4));
    assert!(
        service.port.is_none()
            && service.command.is_empty()
            && !service.init
            && !service.privileged
    );
    assert_eq!(warnings, [""; 0]);
}

#[test]
fn images_are_given_or_built() {
    for (body, image, build) in [
        ("{image: 'busybox:1'}", Some("busybox:1"), None),
        ("{image: 8.0}", Some("8.0"), None),
        ("{build: api}", None, Some(("api", "Dockerfile", 0))),
        (
            "{build: {path: api, manifest: D2, args: [A=1]}}",
            None,
            Some(("api", "D2", 1)),
        ),
        ("{build: {manifest: D2}}", None, Some((".", "D2", 0))),
        ("{image: '', build: ''}", None, Some((".", "Dockerfile", 0))),
        (
            "{image: x, build: y}",
            Some("x"),
            Some(("y", "Dockerfile", 0)),
        ),
    ] {
        let service = web(body, "").0;
        assert_eq!(service.image.as_deref(), image, "{body}");
        let got = service
            .build
            .as_ref()
            .map(|b| (b.path.as_str(), b.manifest.as_str(), b.args.len()));
        assert_eq!(got, build, "{body}");
    }
}

#[test]
fn a_release_command_is_a_text_or_a_list_and_no_agent_has_one() {
    for (body, want) in [
        ("{release: bin/migrate}", &["sh", "-c", "bin/migrate"][..]),
        ("{release: [bin/seed, 1]}", &["bin/seed", "1"]),
        ("{release: }", &[]),
        ("{command: bin/web}", &[]),
    ] {
        assert_eq!(web(body, "").0.release, want, "{body}");
    }
    let message = error("services: {web: {agent: true, release: bin/migrate}}", "").to_string();
    let says = "is that of an agent, whose ports are taken on every instance";
    assert!(message.contains(says), "{message}");
}

#[test]
fn commands_are_texts_or_lists() {
    for (body, want) in [
        ("{command: bin/web -p 1}", &["sh", "-c", "bin/web -p 1"][..]),
        ("{command: true}", &["sh", "-c", "true"]),
        ("{command: [sleep, 10, '']}", &["sleep", "10", ""]),
        ("{command: []}", &[]),
        ("{command: ''}", &[]),
        ("{command: '${NOT_SET}'}", &[]),
    ] {
        assert_eq!(web(body, "").0.command, want, "{body}");
    }
}

#[test]
fn ports_scales_and_health_have_their_forms() {
    for (port, want) in [
        ("3000", "http:3000"),
        ("'3000'", "http:3000"),
        ("https:5443", "https:5443"),
        ("{port: 50051, scheme: grpc}", "grpc:50051"),
        ("{port: 'https:443'}", "https:443"),
        ("${PORT}", "http:8080"),
        ("'https:${PORT}'", "https:8080"),
        ("${NOT_SET}", ""),
        ("0", ""),
    ] {
        let port_of = web(&format!("{{port: {port}}}"), "PORT=8080\n").0.port;
        let got = port_of
            .map(|port| format!("{}:{}", port.scheme, port.port))
            .unwrap_or_default();
        assert_eq!(got, want, "{port}");
    }
    for (scale, want) in [
        ("3", (3, 3, 256, 512)),
        ("0", (0, 0, 256, 512)),
        ("'3'", (3, 3, 256, 512)),
        ("2-5", (2, 5, 256, 512)),
        ("{count: 0, cpu: 0, memory: 0}", (0, 0, 256, 512)),
        (
            "{count: 1-4, cpu: '512', memory: 1024.0}",
            (1, 4, 512, 1024),
        ),
        ("{count: {min: 2, max: '4'}}", (2, 4, 256, 512)),
        ("{count: {min: 2}}", (2, 2, 256, 512)),
        ("{count: {max: 2}}", (0, 2, 256, 512)),
        ("{count: , cpu: 512}", (1, 1, 512, 512)),
        ("{count: '${N}-${N}'}", (7, 7, 256, 512)),
    ] {
        let got = web(&format!("{{scale: {scale}}}"), "N=7\n").0.scale;
        assert_eq!((got.min, got.max, got.cpu, got.memory), want, "{scale}");
    }
    for (health, want) in [
        ("/up", ("/up", 5, 5, 4)),
        ("{interval: 10}", ("/", 10, 10, 9)),
        (
            "{path: /up, interval: '10', grace: 0, timeout: 3}",
            ("/up", 10, 10, 3),
        ),
        ("{grace: 60, timeout: 0}", ("/", 5, 60, 4)),
    ] {
        let got = web(&format!("{{health: {health}}}"), "").0.health;
        assert_eq!(
            (got.path.as_str(), got.interval, got.grace, got.timeout),
            want,
            "{health}"
        );
    }
}

#[test]
fn booleans_are_yaml_1_1() {
    for (text, want) in [
        ("y", true),
        ("Yes", true),
        ("ON", true),
        ("'true'", true),
        ("off", false),
        ("N", false),
    ] {
        let service = web(&format!("{{init: {text}, privileged: {text}}}"), "").0;
        assert_eq!((service.init, service.privileged), (want, want), "{text}");
    }
    assert!(web("{init: '${FLAG}'}", "FLAG=on\n").0.init);
}

#[test]
fn declarations_combine_as_convox_does() {
    let text = "environment: [SHARED=1, NEEDED, FOO=x]\nservices:\n  web: {environment: [FOO=y, [IN=list, '*']]}\n  \
        worker: {environment: [NEEDED=default, 'EQ=a=b', 'EMPTY=', 'FROM=${V}']}\n";
    let manifest = loaded(text, "V=\"a: b # c\nNEEDED=\n");
    let (web, worker) = (&manifest.services[0], &manifest.services[1]);
    assert_eq!(web.env_keys(), ["*", "FOO", "IN", "NEEDED", "SHARED"]);
    assert_eq!(web.env_defaults()["FOO"], "y");
    assert!(web.takes_all() && web.declares("ANYTHING"));
    assert!(!worker.takes_all() && worker.declares("NEEDED") && !worker.declares("ANYTHING"));
    let defaults = worker.env_defaults();
    assert_eq!(
        (
            defaults["FOO"].as_str(),
            defaults["EQ"].as_str(),
            defaults["EMPTY"].as_str()
        ),
        ("x", "a=b", "")
    );
    assert_eq!(defaults["FROM"], "\"a: b # c");
    assert!(
        manifest
            .missing_variables(&environment("NEEDED=\n"))
            .is_empty()
    );
}

#[test]
fn all_missing_variables_of_all_services_are_named() {
    let text = "environment: [B, ALL]\nservices:\n  web: {environment: [A, B=1]}\n  job: {environment: ['ALL=1', '${V}']}\n";
    let manifest = loaded(text, "V=sesame\n");
    let want = BTreeMap::from([
        ("job".to_owned(), vec!["${V}".to_owned(), "B".to_owned()]),
        ("web".to_owned(), vec!["A".to_owned(), "B".to_owned()]),
    ]);
    assert_eq!(manifest.missing_variables(&environment("ALL=\n")), want);
}

#[test]
fn what_convox_leaves_out_without_a_word_is_a_warning() {
    for (body, want) in [
        (
            "{imag: x}",
            "convox.yml, line 1: `services.web.imag` is not a key of convox.yml and is ignored, did you mean `image`?",
        ),
        (
            "{annotations: x}",
            "convox.yml, line 1: `services.web.annotations` is not a key of convox.yml and is ignored",
        ),
        (
            "{environment: [KEY: sesame]}",
            "convox.yml, line 1: `services.web.environment[0]` is a mapping and is ignored: write `- KEY=sesame`",
        ),
        (
            "{environment: [KEY: ]}",
            "convox.yml, line 1: `services.web.environment[0]` is a mapping and is ignored: write `- KEY=`",
        ),
        (
            "{environment: [{A: 1, B: 2}]}",
            "convox.yml, line 1: `services.web.environment[0]` is a mapping and is ignored: write one `- NAME=value` for each",
        ),
        (
            "{environment: [A: [1]]}",
            "convox.yml, line 1: `services.web.environment[0]` is a mapping and is ignored: `- A=value` is probably meant",
        ),
        (
            "{scale: {min: 2}}",
            "convox.yml, line 1: `services.web.scale.min` is not a key of convox.yml and is ignored: write `count: {min: 1, max: 3}`",
        ),
        (
            "{environment: [A=1, 8080]}",
            "convox.yml, line 1: `services.web.environment[1]` is `8080` and is ignored: put it in quotes if it is a name",
        ),
        (
            "{environment: [Y]}",
            "convox.yml, line 1: `services.web.environment[0]` is `Y` and is ignored: put it in quotes if it is a name",
        ),
        (
            "{environment: ['=1']}",
            "convox.yml, line 1: `services.web.environment[0]` is ignored: it has no name, write `NAME` or `NAME=value`",
        ),
        (
            "{environment: ['${NOT_SET}', \"${NOT_SET}\"]}",
            "convox.yml, line 1: `services.web.environment[0]` is ignored: it has no name, write `NAME` or `NAME=value`",
        ),
        (
            "{scale: {cpu: 0.5}}",
            "convox.yml, line 1: `services.web.scale.cpu` is `0.5`, which is not a whole number from 0 to 2147483647, and is ignored",
        ),
        (
            "{init: true, init: false}",
            "convox.yml, line 1: `services.web.init` stands there twice, the last one counts",
        ),
        (
            "{scale: 3-2}",
            "convox.yml, line 1: `services.web.scale` has a minimum above its maximum",
        ),
        (
            "{domain: a.example.org, agent: {ports: [1]}, sticky: no, volumes: [], drain: }",
            "convox.yml: read, but has no effect: `services.web.domain`, `services.web.sticky`",
        ),
    ] {
        assert_eq!(
            web(body, "").1.first().map(String::as_str),
            Some(want),
            "{body}"
        );
    }
}

#[test]
fn keys_without_effect_are_kept_and_named_once() {
    let text = "resources: {db: {type: postgres}}\nservices:\n  web: {domain: a, scale: {targets: {cpu: 70}}}\n  b: {sticky: no, drain: 5, nlb: [{port: 1}]}\n\
        timers:\n  t: {schedule: 0 0 * * ?, command: x, service: b, policies: ['arn:aws:iam::aws:policy/p']}\n";
    let manifest = loaded(text, "");
    let want = "convox.yml: read, but has no effect: `services.web.domain`, `services.web.scale.targets`, \
        `services.b.sticky`";
    // What `nlb` has uses the others.
    assert_eq!(manifest.warnings, [want]);
    assert_eq!(manifest.services[0].domains[0].name, "a");
    let rack = OfRack { has_entrance: true };
    let manifest = load_in(rack, "convox.yml", text.as_bytes(), &Environment::default()).unwrap();
    let want = "convox.yml: read, but has no effect: `services.web.scale.targets`";
    assert_eq!(manifest.warnings, [want], "with a load balancer");
    assert_eq!(
        (
            manifest.resources[0].name.as_str(),
            manifest.resources[0].line
        ),
        ("db", 1)
    );
}

#[test]
fn the_other_keys_of_a_service_have_their_defaults() {
    let (bare, _) = web("{}", "");
    assert_eq!((bare.drain, bare.termination_grace), (30, 30));
    assert!(bare.sticky && !bare.internal && !bare.internal_and_external && !bare.singleton);
    assert!(bare.test.is_none() && bare.tags.is_empty() && bare.policies.is_empty());
    let (full, _) = web(
        "{drain: '60', termination: {grace: 45}, sticky: no, internalAndExternal: true, singleton: on, \
         test: make test, tags: {Team: 1.0}, policies: ['arn:aws-cn:iam::123456789012:policy/a/b']}",
        "",
    );
    assert_eq!((full.drain, full.termination_grace), (60, 45));
    assert!(!full.sticky && full.internal && full.internal_and_external && full.singleton);
    assert_eq!(
        (full.test.as_deref(), full.tags["Team"].as_str()),
        (Some("make test"), "1")
    );
    assert_eq!(full.policies, ["arn:aws-cn:iam::123456789012:policy/a/b"]);
    let (zero, _) = web("{drain: 0, termination: {grace: 0}, internal: true}", "");
    assert_eq!(
        (zero.drain, zero.termination_grace, zero.internal),
        (30, 30, true)
    );
    for policy in [
        "ReadOnlyAccess",
        "arn:aws:iam::aws:role/x",
        "arn:aws:iam::12:policy/x",
        "arn:aws:iam::aws:policy/Łódź",
    ] {
        let (service, warnings) = web(&format!("{{policies: ['{policy}']}}"), "");
        assert_eq!(service.policies, [policy]);
        assert!(
            warnings[0].contains("is not the ARN of an IAM policy"),
            "{warnings:?}"
        );
    }
}

#[test]
fn what_cannot_run_is_refused_with_place_path_and_rule() {
    for (text, want) in [
        (
            "[]",
            "line 1, column 1: the whole file is a list: use a mapping of keys to values",
        ),
        (
            "services: [web]",
            "line 1, column 11: `services` is a list: use a mapping of keys to values",
        ),
        (
            "services:\n  my_web: {}",
            "line 2, column 3: `services.my_web` cannot be used: the Service name `my_web` is not valid: use a-z, 0-9 and -, start with a letter",
        ),
        (
            "services:\n  web: x",
            "line 2, column 8: `services.web` is `x`: use a mapping of keys to values",
        ),
        (
            "services: {web: {port: http}}",
            "line 1, column 24: `services.web.port` is `http`: use a number from 1 to 65535, `scheme:number`, or a mapping of `port` and `scheme`",
        ),
        (
            "services: {web: {port: 65536}}",
            "`services.web.port` is `65536`: use a number",
        ),
        (
            "services: {web: {port: {scheme: https}}}",
            "`services.web.port` has no `port`",
        ),
        (
            "services: {web: {scale: 2+}}",
            "`services.web.scale` is `2+`: use a number, a range",
        ),
        (
            "services: {web: {scale: {count: {min: x}}}}",
            "`services.web.scale.count.min` is `x`: use a whole number",
        ),
        (
            "services: {web: {init: maybe}}",
            "`services.web.init` is `maybe`: use `true` or `false`",
        ),
        (
            "services: {web: {health: 5}}",
            "`services.web.health` is `5`: use a path such as",
        ),
        (
            "services: {web: {image: [a]}}",
            "`services.web.image` is a list: use a text",
        ),
        (
            "services: {web: {drain: soon}}",
            "`services.web.drain` is `soon`: use a number of seconds",
        ),
        (
            "services: {web: {termination: 30}}",
            "`services.web.termination` is `30`: use a mapping",
        ),
        (
            "services: {web: {links: api}}",
            "`services.web.links` is `api`: use a list of texts",
        ),
        (
            "services: {web: {command: {a: b}}}",
            "`services.web.command` is a mapping: use a text, or a list of texts",
        ),
        (
            "services: {web: {command: [a, ~]}}",
            "`services.web.command[1]` is `~`: use a text",
        ),
        (
            "services: {web: {environment: {KEY: sesame}}}",
            "`services.web.environment` is a mapping: use a list, `- KEY=value`",
        ),
        ("params: [a]", "`params` is a list: use a mapping"),
        ("params: {a: [b]}", "`params.a` is a list: use a text"),
        (
            "timers: {a b: {}}",
            "`timers.a b` cannot be used: the Timer name `a b` is not valid: use A-Z",
        ),
        (
            "timers: {t: }",
            "`timers.t` has no `command`: a Timer needs `command`, `schedule` and `service`",
        ),
        (
            "services: {web: , api: }\ntimers: {t: {command: x, schedule: x, service: wbe}}",
            "line 2, column 48: `timers.t.service` names the Service `wbe`, which is not in `services`: did you mean `web`?",
        ),
        (
            "services: {worker: }\ntimers: {t: {command: x, schedule: x, service: worke}}",
            "names the Service `worke`, which is not in `services`: did you mean `worker`?",
        ),
    ] {
        let error = refused(text, "");
        assert!(error.starts_with("convox.yml, line "), "{text}: {error}");
        assert!(error.contains(want), "{text}: {error}");
    }
}

#[test]
fn all_problems_are_told_at_once_in_file_order() {
    let error = refused(
        "timers:\n  t: {command: x, service: web}\nservices:\n  web: {port: x}\n  B: {init: x}\n",
        "",
    );
    let lines: Vec<&str> = error.lines().collect();
    assert_eq!(lines.len(), 4, "{error}");
    for (line, want) in lines
        .iter()
        .zip(["line 2,", "line 4,", "line 5,", "line 5,"])
    {
        assert!(line.starts_with(&format!("convox.yml, {want}")), "{error}");
    }
}

#[test]
fn what_is_no_text_or_no_yaml_is_refused() {
    let environment = environment("");
    let error = |text: &[u8]| {
        load("convox.yml", text, &environment)
            .unwrap_err()
            .to_string()
    };
    assert_eq!(
        error(b"a: 1\nb: \xFF\n"),
        "convox.yml, line 2 is not UTF-8, save the file as UTF-8"
    );
    assert_eq!(
        error(&vec![b' '; SIZE_MAX + 1]),
        "convox.yml is 409601 bytes long, 409600 are allowed"
    );
    let private = error("a: \u{E000}".as_bytes());
    assert!(
        private.starts_with("convox.yml, line 1, column 4 holds the private-use character U+E000"),
        "{private}"
    );
}

#[test]
fn an_error_shows_the_line_marks_the_place_and_helps() {
    let text = "services:\r\n  web:\r\n    port: ${PORT} # the port\r\n  Worker: {}\r\n";
    let want = "\
error: `services.web.port` is `${PORT}`
 --> convox.yml:3:11
  |
3 |     port: ${PORT} # the port
  |           ^^^^^^^
  |
  = help: use a number from 1 to 65535, `scheme:number`, or a mapping of `port` and `scheme`

error: `services.Worker` cannot be used: the Service name `Worker` is not valid: use a-z, 0-9 and -, start with a letter
 --> convox.yml:4:3
  |
4 |   Worker: {}
  |   ^^^^^^";
    assert_eq!(error(text, "PORT=sesame\n").to_string(), want);
    let want = "\
error: this is not valid YAML: mapping values are not allowed in this context
 --> convox.yml:3:15
  |
3 |     command: a: b
  |               ^
  |
  = help: a text that contains `: ` needs quotes";
    assert_eq!(
        error("services:\n  web:\n    command: a: b\n", "").to_string(),
        want
    );
}

#[test]
fn params_keep_their_text() {
    let text = "params: {A: Yes, B: 'No', C: 1, D: 8.0, E: , F: '${V}', A: No}";
    let params = loaded(text, "V=sesame\n").params;
    for (name, value, shown) in [
        ("A", "No", "No"),
        ("B", "No", "No"),
        ("C", "1", "1"),
        ("D", "8.0", "8.0"),
        ("E", "", ""),
        ("F", "sesame", "${V}"),
    ] {
        assert_eq!(
            (params[name].value.as_str(), params[name].shown.as_str()),
            (value, shown),
            "{name}"
        );
    }
}

#[test]
fn anchors_and_merge_keys_work() {
    let text = "services:\n  web: &web {image: x, scale: 2, environment: &env [A=1]}\n  \
        job: {<<: *web, scale: 0, environment: [*env, B=1]}\n";
    let job = loaded(text, "").services[1].clone();
    assert_eq!((job.image.as_deref(), job.scale.min), (Some("x"), 0));
    assert_eq!(job.env_keys(), ["A", "B"]);
}

#[test]
fn an_interpolated_value_is_in_no_message() {
    let values = "V=sesame: [open] # \"'\nQ=sesame\n";
    for body in [
        "{port: '${V}', scale: '${V}', init: '${V}', image: [], command: [{a: '${V}'}], links: '${V}'}",
        "{environment: '${V}', health: {interval: '${V}'}, build: {args: '${V}'}, port: {port: '${V}'}}",
    ] {
        let text = format!(
            "services: {{web: {body}, '${{Q}}_': , '${{V}}': x}}\ntimers: {{'${{V}}': {{service: '${{V}}'}}}}"
        );
        let error = refused(&text, values);
        assert!(
            error.contains("${V}") && !error.contains("sesame"),
            "{error}"
        );
        let error = super::tests::error(&text, values);
        assert!(!format!("{error:?} {error}").contains("sesame"));
    }
    let text = "'${Q}': 1\nparams: {'A': '${V}'}\nservices:\n  web: {'${V}': 1, image: '${V}', test: '${V}', build: {args: ['${V}']}, \
        environment: ['A=${V}', '${V}', [${Q}: 1], [['${V}']]], scale: {cpu: '${V}'}, health: {'${V}': 1, grace: '${V}'}}\n\
        timers: {t: {service: web, command: '${V}', schedule: '${V}'}}\nresources: {'${V}': {'${V}': '${V}', type: '${V}', options: {'${V}': '${V}'}, tags: {'${V}': '${V}'}}}\n";
    let manifest = loaded(text, values);
    let cron = manifest.timers[0].cron().unwrap_err().to_string();
    let missing = manifest.missing_variables(&environment(""));
    let all = format!(
        "{:?} {manifest:?} {:?} {missing:?} {cron}",
        manifest.warnings, manifest.services[0].environment
    );
    assert!(all.contains("${V}") && !all.contains("sesame"), "{all}");
}

#[test]
fn a_comment_interpolates_nothing() {
    let manifest = loaded("services: # ${V}\n  web: {} # ${V}\n", "V=a\\nb: c\n");
    assert!(manifest.interpolated.is_empty());
    assert_eq!(manifest.services.len(), 1);
}

#[test]
fn messages_have_a_bound() {
    let many = lines(500, |i| {
        format!("  s{i}: {{unknown: 1, domain: x, domain: y}}")
    });
    let warnings = loaded(&format!("services:\n{many}"), "").warnings;
    assert_eq!(warnings.len(), 52);
    assert!(
        warnings[50].ends_with("500 more warnings are left out"),
        "{}",
        warnings[50]
    );
    assert!(
        warnings[51].ends_with("and 450 more than `50`"),
        "{}",
        warnings[51]
    );
    let many = lines(500, |i| format!("  S{i}: {{}}"));
    assert_eq!(
        refused(&format!("services:\n{many}"), "").lines().count(),
        50
    );
}

#[test]
fn declarations_that_every_service_repeats_have_a_bound() {
    let names = lines(8000, |i| format!("  - KEY_{i}"));
    let services = lines(300, |i| format!("  s{i}: {{}}"));
    let error = refused(&format!("environment:\n{names}\nservices:\n{services}"), "");
    assert!(
        error.contains("`services` has 300 entries, too many for all of `environment`"),
        "{error}"
    );
}

proptest! {
    #[test]
    fn any_bytes_load_or_are_refused(text in prop::collection::vec(any::<u8>(), 0..200)) {
        let _ = load("convox.yml", &text, &environment("")).map_err(|error| error.to_string());
    }

    #[test]
    fn anything_like_a_manifest_loads_or_is_refused(
        pieces in prop::collection::vec(
            "services:|timers:|params:|environment:|\n|\n  |\n    |web: |port: |scale: |- |[a-z]{1,3}: |\\$\\{V\\}|&a |\\*a|<<: |[\\[\\]{},#'\"|>!?:~*&]|[0-9]{1,3}| ",
            0..40
        ),
        value in "[ -~\n]{0,12}",
    ) {
        let environment = [(environment::EnvKey::new("V").unwrap(), value.into())].into_iter().collect();
        let _ = load("convox.yml", pieces.concat().as_bytes(), &environment).map_err(|error| error.to_string());
    }

    #[test]
    fn any_key_takes_any_node(
        key in "agent|build|command|deployment|domain|drain|environment|health|links|nlb|policies|port|resources|scale|\
            sticky|tags|termination|test|volumes",
        inner in "ports|enabled|minimum|grace|port|protocol|certificate|allow_cidr|count|targets|custom|a/b|[a-z]{1,2}",
        value in "[0-9]{1,6}|[0-9]{1,3}-[0-9]{1,3}|yes|~|'[ -&(-~]{0,9}'|\\[[a-z0-9/:., ]{0,12}\\]|\\{[a-z]: [0-9]\\}|é/:|10.0.0.0/8",
    ) {
        for node in [value.clone(), format!("{{{inner}: {value}}}"), format!("[{{{inner}: {value}, port: 1}}, {value}]")] {
            let text = format!("services: {{web: {{{key}: {node}}}}}\nresources: {{{inner}: {{type: x, options: {{a: {value}}}}}}}\n");
            let _ = load("convox.yml", text.as_bytes(), &environment("")).map_err(|error| error.to_string());
        }
    }

    #[test]
    fn a_value_stays_one_text_wherever_it_stands(value in "[ -~\n\u{E9}\u{1F600}]{1,40}") {
        let environment = [(environment::EnvKey::new("V").unwrap(), value.clone().into())].into_iter().collect();
        let text = "services:\n  web:\n    command: [sh, \"<${V}>\", '<${V}>', <${V}>]\n    environment:\n      - A=${V}\n      - B=1\n";
        let manifest = load("convox.yml", text.as_bytes(), &environment).unwrap();
        let wrapped = format!("<{value}>");
        let web = &manifest.services[0];
        prop_assert_eq!(&web.command, &["sh", &wrapped, &wrapped, &wrapped]);
        prop_assert_eq!(web.env_defaults(), BTreeMap::from([("A".to_owned(), value), ("B".to_owned(), "1".to_owned())]));
    }
}

#[test]
fn whatever_comes_last_counts_as_in_convox_and_the_difference_is_named() {
    let after_own = "stands before a `<<` that has it too, and the one of `<<` counts";
    for (body, image, warning) in [
        ("{image: own, <<: *web}", "base", after_own),
        ("{<<: *web, image: own}", "own", ""),
        (
            "{<<: *web, <<: *other}",
            "other",
            "is in two `<<`, and the one of the second counts",
        ),
        ("{<<: *other, '<<': *web}", "base", "is in two `<<`"),
        ("{<<: [*web, *other]}", "base", ""),
        ("{image: own, <<: [*other, *web]}", "other", after_own),
        ("{image: base, <<: *web}", "base", ""),
        ("{<<: *web, image: own, <<: *other}", "other", after_own),
    ] {
        let text = format!(
            "web: &web {{image: base}}\nother: &other {{image: other}}\nservices:\n  app: {body}\n"
        );
        let manifest = loaded(&text, "");
        assert_eq!(manifest.services[0].image.as_deref(), Some(image), "{body}");
        let named = "convox.yml, line 4: `services.app.image`";
        let mut said = manifest.warnings.iter();
        let said = said.find(|said| said.starts_with(named));
        let said = said.map_or("", String::as_str);
        assert!(said.contains(warning), "{body}: {said}");
        assert_eq!(said.is_empty(), warning.is_empty(), "{body}: {said}");
    }
}

#[test]
fn lists_and_mappings_that_convox_may_join_are_named() {
    let text = "x: &x {environment: [A=1], scale: {cpu: 512}, command: one}\nservices:\n  app:\n    <<: *x\n    environment: [B=1]\n    scale: {cpu: 512}\n    command: two\n";
    let warnings = loaded(text, "").warnings;
    let joined: Vec<&String> = warnings
        .iter()
        .filter(|warning| warning.contains("Convox may put the two together"))
        .collect();
    assert_eq!(joined.len(), 1, "{warnings:?}");
    assert!(
        joined[0].starts_with(
            "convox.yml, line 5: `services.app.environment` is in a `<<` before it too"
        ),
        "{joined:?}"
    );
}
