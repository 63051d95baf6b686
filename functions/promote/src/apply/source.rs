//! The secret, or the fallback to S3: Secrets Manager never blocks a promote.

use shared::error_chain::Chain;
use shared::promotion::{Outcome, OutcomeResult};
use shared::release_checks;
use shared::secrets::{Look, SecretError};
use shared::task_definition::EnvSource;

use super::{Job, Progress};
use crate::plan::{self, SecretStep};

/// What is written, over what.
struct SecretWrite<'a> {
    value: &'a str,
    token: &'a str,
    look: Option<Look>,
}

impl Job<'_> {
    /// Writes the secret through, or falls back to S3: Secrets Manager never blocks a promote.
    pub(super) async fn settle_source(
        &self,
        look: Option<Look>,
        progress: &mut Progress,
    ) -> EnvSource {
        let source = match &self.plan.secret {
            SecretStep::Off => {
                progress.outcome = Some(Outcome {
                    result: OutcomeResult::Off,
                    error_type: None,
                });
                None
            }
            SecretStep::Impossible {
                error_type,
                message,
            } => {
                self.fall_back(error_type, message, progress);
                None
            }
            SecretStep::Write { value, token } => {
                let write = SecretWrite { value, token, look };
                self.write_secret(write, progress).await
            }
        };
        source.unwrap_or_else(|| {
            progress.warnings.push(self.s3_reminder());
            plan::s3_source(&self.shell.config, self.wanted, self.gathered)
        })
    }

    async fn write_secret(
        &self,
        SecretWrite { value, token, look }: SecretWrite<'_>,
        progress: &mut Progress,
    ) -> Option<EnvSource> {
        let name = self.wanted.id.secret();
        let secret = self.shell.secrets.of(self.wanted.id);
        let look = match look {
            Some(look) => look,
            None => secret.look().await,
        };
        match secret.write_through(value, token, look).await {
            Ok(written) => {
                if written.changed {
                    progress.touched.secret = true;
                    progress.wrote.push(format!("the secret `{name}`"));
                }
                progress.outcome = Some(Outcome {
                    result: OutcomeResult::Ok,
                    error_type: None,
                });
                Some(EnvSource::SecretsManager {
                    secret_arn: written.arn,
                    version_id: written.version_id,
                })
            }
            Err(err) => {
                // A write that was not answered may still have landed.
                if !matches!(err, SecretError::NotOurs { .. }) {
                    progress.touched.secret = true;
                    progress.wrote.push(format!("the secret `{name}`"));
                }
                self.fall_back(err.error_type(), &Chain(&err).to_string(), progress);
                None
            }
        }
    }

    fn fall_back(&self, error_type: &str, reason: &str, progress: &mut Progress) {
        tracing::warn!(
            app.name = %self.wanted.id.app, release.id = %self.wanted.release, error.kind = error_type,
            "secret write failed, using S3 for this Release: {reason}"
        );
        progress.warnings.push(format!(
            "Secrets Manager is not used for this Release: {reason}"
        ));
        progress.outcome = Some(Outcome {
            result: OutcomeResult::Failed,
            error_type: Some(error_type.to_owned()),
        });
    }

    fn s3_reminder(&self) -> String {
        let services: Vec<&str> = self
            .gathered
            .manifest
            .services
            .iter()
            .map(|service| service.name.as_str())
            .collect();
        release_checks::s3_reminder(&services)
    }
}
