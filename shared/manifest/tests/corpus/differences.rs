//! Where this loader means something else than Convox's, and why.

/// One listed difference.
pub struct Difference {
    /// The cases it shows in, all of them.
    pub cases: &'static [&'static str],
    /// The field of `expected.json`, and all below it; `*` is any one name.
    pub field: &'static str,
    /// Why it is better this way.
    pub reason: &'static str,
}

/// All of them.
pub const DIFFERENCES: &[Difference] = &[
    Difference {
        cases: &["convox-examples-node-frontend-backend-interpolated-comment"],
        field: "services.frontend.domains",
        reason: "a value is put into its scalar, not into the raw text, so a `#` in it starts no comment",
    },
    Difference {
        cases: &["copotrzebne-pl-copotrzebne-frontend-interpolated-bool"],
        field: "ok",
        reason: "a domain is a text, so a value `on` in a list of domains is no boolean that the file is refused for",
    },
    Difference {
        cases: &["copotrzebne-pl-copotrzebne-frontend-unset-interpolation"],
        field: "ok",
        reason: "a domain that interpolates to nothing is left out with a warning, as it is in the form with commas",
    },
    Difference {
        cases: &["frsechet-convox-overwrite-env-var-missing-required"],
        field: "missing",
        reason: "all missing variables of all Services are named, not those of the first Service that lacks one",
    },
    Difference {
        cases: &["lz430-app"],
        field: "services.*.effectiveEnvironment",
        reason: "`# A=1` and `export A=1` in an environment file name no variable; warnings say so",
    },
    Difference {
        cases: &["timezhero-laravel-production-ready"],
        field: "timers.scheduler.cron",
        reason: "a crontab schedule gets the `?` without which AWS refuses it",
    },
];
