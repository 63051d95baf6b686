//! The secret, or the fallback to S3: Secrets Manager never blocks a promote.

use std::borrow::Cow;

use aws::secrets::{SecretError, Written};
use names::error_chain::Chain;
use names::error_type::ErrorCode;
use promotion::{Outcome, OutcomeResult};

use super::Job;
use crate::edge::Edge;
use crate::plan::{self, Route, SecretPlan, SecretStep};
use crate::progress::Progress;

impl<E: Edge> Job<'_, E> {
    /// Writes the secret through, or falls back to S3; the way that is left for Services and Timers.
    pub(super) async fn settle_route(&self, progress: &mut Progress) -> Cow<'_, Route<'_>> {
        let route = match &self.plan.secret {
            SecretStep::Off => {
                progress.outcome = Some(Outcome {
                    result: OutcomeResult::Off,
                    error_type: None,
                });
                None
            }
            SecretStep::Impossible(why) => {
                self.fall_back(why.error_type().into(), &why.to_string(), progress);
                None
            }
            SecretStep::Unreadable(err) => {
                self.fail_secret(err, progress);
                None
            }
            SecretStep::Write(plan) => {
                let newest = &self.facts.surroundings.newest;
                let written = self.write_secret(plan, progress).await;
                written.map(|written| plan.route.filled(&written, newest))
            }
        };
        route.unwrap_or_else(|| {
            progress.warnings.push(plan::s3_reminder(self.facts));
            Cow::Borrowed(&self.plan.s3)
        })
    }

    async fn write_secret(
        &self,
        plan: &SecretPlan<'_>,
        progress: &mut Progress,
    ) -> Option<Written> {
        match self.edge.write_secret(self.wanted.id, plan).await {
            Ok(written) => {
                if written.changed {
                    self.touch_secret(progress);
                }
                progress.outcome = Some(Outcome {
                    result: OutcomeResult::Ok,
                    error_type: None,
                });
                Some(written)
            }
            Err(err) => {
                self.fail_secret(&err, progress);
                None
            }
        }
    }

    fn touch_secret(&self, progress: &mut Progress) {
        let name = self.wanted.id.secret();
        progress.touched.secret = true;
        progress.wrote.push(format!("the secret `{name}`"));
    }

    fn fail_secret(&self, err: &SecretError, progress: &mut Progress) {
        // A write that was not answered may still have landed.
        if !matches!(err, SecretError::NotOurs { .. }) {
            self.touch_secret(progress);
        }
        self.fall_back(err.error_type(), &Chain(err).to_string(), progress);
    }

    fn fall_back(&self, error_type: ErrorCode, reason: &str, progress: &mut Progress) {
        tracing::warn!(
            app.name = %self.wanted.id.app,
            release.id = %self.wanted.release,
            error.kind = %error_type,
            "secret write failed, using S3 for this Release: {reason}"
        );
        progress.warnings.push(plan::not_used(reason));
        progress.outcome = Some(Outcome {
            result: OutcomeResult::Failed,
            error_type: Some(error_type),
        });
    }
}
