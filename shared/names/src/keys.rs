//! Object keys of the settings bucket.

use crate::{AppName, NameError, ReleaseId};

/// How far the schedule's walk through all Apps has come; no App's.
pub const WALK: &str = "reconcile.json";

/// Which App has which hosts and rule priorities of the Rack's load balancers; no App's.
pub const ENTRANCE: &str = "entrance.json";

/// The folder of an App's objects, with its `/`.
#[must_use]
pub fn app(app: &AppName) -> String {
    format!("apps/{app}/")
}

/// The environment of a Release; writing it starts a promote.
#[must_use]
pub fn environment(app: &AppName, release: &ReleaseId) -> String {
    format!("apps/{app}/releases/{release}/env")
}

/// An environment of a Release that is not promoted yet; writing it starts nothing.
#[must_use]
pub fn draft(app: &AppName, release: &ReleaseId) -> String {
    format!("apps/{app}/releases/{release}/draft")
}

/// The folder of the objects of a Release, with its `/`.
#[must_use]
pub fn release(app: &AppName, release: &ReleaseId) -> String {
    format!("apps/{app}/releases/{release}/")
}

/// The manifest of a Release.
#[must_use]
pub fn release_manifest(app: &AppName, release: &ReleaseId) -> String {
    format!("apps/{app}/releases/{release}/convox.yml")
}

/// The manifest for Releases that bring none.
#[must_use]
pub fn app_manifest(app: &AppName) -> String {
    format!("apps/{app}/convox.yml")
}

/// The build of a Release.
#[must_use]
pub fn build(app: &AppName, release: &ReleaseId) -> String {
    format!("apps/{app}/releases/{release}/build.json")
}

/// What the promote of a Release did.
#[must_use]
pub fn report(app: &AppName, release: &ReleaseId) -> String {
    format!("apps/{app}/releases/{release}/report.json")
}

/// The settings of an App.
#[must_use]
pub fn app_settings(app: &AppName) -> String {
    format!("apps/{app}/app.json")
}

/// What is wanted, what is applied, who is at work.
#[must_use]
pub fn promotion(app: &AppName) -> String {
    format!("apps/{app}/state/promotion.json")
}

/// The revisions of a Release, once it was live.
#[must_use]
pub fn record(app: &AppName, release: &ReleaseId) -> String {
    format!("apps/{app}/state/releases/{release}.json")
}

/// The folder of what is kept of each request, with its `/`.
#[must_use]
pub fn history(app: &AppName) -> String {
    format!("apps/{app}/history/")
}

/// The list of the newest requests.
#[must_use]
pub fn history_index(app: &AppName) -> String {
    format!("{}index.json", history(app))
}

/// Where the Releases are marked whose verdict is not known yet, of all Apps.
pub const UNSETTLED: &str = "unsettled/";

/// The mark of a request's Release, by the key of its record in the history.
#[must_use]
pub fn unsettled(app: &AppName, record: &str) -> String {
    let file = record.rsplit('/').next().unwrap_or_default();
    format!("{UNSETTLED}{app}/{file}")
}

/// Whose mark that is; `None` for any other key.
#[must_use]
pub fn parse_unsettled(key: &str) -> Option<AppName> {
    let (app, _) = key.strip_prefix(UNSETTLED)?.split_once('/')?;
    AppName::new(app).ok()
}

/// The failure counter.
#[must_use]
pub fn failures(app: &AppName) -> String {
    format!("apps/{app}/state/failures.json")
}

/// Whose environment an object key names; `None` for any other key.
///
/// The inner error is for a key of the right shape with names that break their rules. `*` of an
/// EventBridge pattern also matches `/`, so `apps/a/b/releases/c/env` can arrive here.
#[must_use]
pub fn parse_environment(key: &str) -> Option<Result<(AppName, ReleaseId), NameError>> {
    let (app, release) = key
        .strip_prefix("apps/")?
        .strip_suffix("/env")?
        .split_once("/releases/")?;
    Some(AppName::new(app).and_then(|app| Ok((app, ReleaseId::new(release)?))))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_environment_keys_are_read_as_such() {
        for (key, want) in [
            ("apps/shop/releases/R1/env", Some(Ok("shop R1"))),
            ("apps/shop/releases/R1/env.bak", None),
            ("apps/shop/releases/R1/draft", None),
            ("apps/shop/env", None),
            ("other/shop/releases/R1/env", None),
            ("apps/shop/releases/R1/report.json", None),
            ("apps/Shop/releases/R1/env", Some(Err("App"))),
            ("apps/a/b/releases/R1/env", Some(Err("App"))),
            ("apps/shop/releases/a b/env", Some(Err("Release"))),
            ("apps/shop/releases/a/releases/b/env", Some(Err("Release"))),
        ] {
            let got = parse_environment(key);
            match (got, want) {
                (None, None) => {}
                (Some(Ok((app, release))), Some(Ok(want))) => {
                    assert_eq!(format!("{app} {release}"), want);
                }
                (Some(Err(err)), Some(Err(kind))) => {
                    assert!(err.to_string().contains(kind), "{key}: {err}");
                }
                (got, _) => panic!("{key}: {got:?}"),
            }
        }
    }
}
