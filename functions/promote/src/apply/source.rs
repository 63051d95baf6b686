//! The secret, or the fallback to S3: Secrets Manager never blocks a promote. And the revisions that read the one or the other.

use std::borrow::Cow;
use std::time::{Duration, Instant};

use aws::secrets::{SecretError, SecretWrite, Written};
use futures_util::future::join;
use manifest::precedence::{EnvDelivery, EnvVersion};
use names::error_chain::Chain;
use names::error_type::ErrorCode;
use promotion::{Definition, Outcome, OutcomeResult};

use super::Job;
use super::register::Registered;
use crate::edge::Edge;
use crate::error::PromoteError;
use crate::plan::{self, Route, SecretPlan, SecretStep};
use crate::progress::Progress;

/// What tasks read, and the revisions that do.
pub(super) struct Settled<'r> {
    /// The steps of Services and Timers.
    pub(super) route: Cow<'r, Route<'r>>,
    /// Their revisions, in the same order.
    pub(super) definitions: Vec<Definition>,
    /// The version of the secret that holds the environment.
    pub(super) written: Option<Written>,
    /// What is left of the write: that version stands, and only has to be called `AWSCURRENT`, which no task needs.
    not_current: Option<&'r SecretPlan<'r>>,
}

impl<E: Edge> Job<'_, E> {
    /// Writes the secret through, or falls back to S3, and registers what is new for the way that is left: where it is known
    /// which version the secret will have, beside the write.
    pub(super) async fn settle(
        &self,
        progress: &mut Progress,
    ) -> Result<Settled<'_>, PromoteError> {
        let SecretStep::Write(secret) = &self.plan.secret else {
            let route = self.without_secret(progress);
            return self.settled(Cow::Borrowed(route), None, progress).await;
        };
        let stands = secret.write.stands(secret.by_label);
        if let Some(stands) = stands.filter(|_| self.facts.env_version == EnvVersion::Release) {
            let route = Cow::Borrowed(&secret.route);
            let settled = self.settled(route, Some(stands), progress).await?;
            return Ok(Settled {
                not_current: Some(secret),
                ..settled
            });
        }
        let (write, took) = match self.begin_write(secret).await {
            Ok(begun) => begun,
            Err(err) => {
                self.fail_secret(&err, progress);
                let route = Cow::Borrowed(self.through_s3(progress));
                return self.settled(route, None, progress).await;
            }
        };
        let ahead = self.route_ahead(secret, write.as_ref());
        if let Some(route) = &ahead {
            progress.note_registrations(route);
        }
        let writes = timed(
            self.edge
                .write_secret(self.wanted.id, secret, (write, took)),
        );
        let registers = timed(async {
            match &ahead {
                Some(route) => self.register_all(route, &Registered::default()).await,
                None => Registered::default(),
            }
        });
        let ((written, took), (ahead, took_ahead)) = join(writes, registers).await;
        progress.took("secret", took);
        let route = self.route_after(secret, written, progress);
        let started = Instant::now();
        let definitions = self.register(&route, &ahead, progress).await;
        progress.took("taskDefinitions", took_ahead + started.elapsed());
        Ok(Settled {
            route,
            definitions: definitions?,
            written: progress.written.clone(),
            not_current: None,
        })
    }

    async fn settled<'r>(
        &self,
        route: Cow<'r, Route<'r>>,
        written: Option<Written>,
        progress: &mut Progress,
    ) -> Result<Settled<'r>, PromoteError> {
        let none = Registered::default();
        let definitions = self.register(&route, &none, progress).await?;
        Ok(Settled {
            route,
            definitions,
            written,
            not_current: None,
        })
    }

    /// Makes the version current that only lacks that, and says how long it took.
    pub(super) async fn make_current(
        &self,
        settled: &Settled<'_>,
    ) -> Option<(Result<Written, SecretError>, Duration)> {
        let secret = settled.not_current?;
        let write = (Some(secret.write.clone()), secret.took);
        Some(timed(self.edge.write_secret(self.wanted.id, secret, write)).await)
    }

    /// What came of that: no task minds a failure.
    pub(super) fn note_current(
        &self,
        current: Result<Written, SecretError>,
        progress: &mut Progress,
    ) {
        let err = match current {
            Ok(written) => {
                self.note_written(written, progress);
                return;
            }
            Err(err) => err,
        };
        // A move that was not answered may still have landed.
        self.touch_secret(progress);
        let reason = Chain(&err).to_string();
        progress.warnings.push(plan::not_current(&reason));
        progress.outcome = Some(Outcome {
            result: OutcomeResult::Failed,
            error_type: Some(err.error_type()),
        });
    }

    /// What is left to be written, and the time that was spent: a secret that is not there is created, since AWS makes up a part
    /// of its ARN. Where somebody else was quicker, what is left is not known.
    async fn begin_write(
        &self,
        secret: &SecretPlan<'_>,
    ) -> Result<(Option<SecretWrite>, Duration), SecretError> {
        let SecretWrite::Create { version_id } = &secret.write else {
            return Ok((Some(secret.write.clone()), secret.took));
        };
        let (created, took) = timed(self.edge.create_secret(self.wanted.id, secret.took)).await;
        let first = |arn| SecretWrite::first(arn, version_id.clone());
        Ok((created?.map(first), secret.took + took))
    }

    /// The way that is registered beside the write, where that is expected to succeed as `write` says: one that fails costs its
    /// registrations twice, and ECS takes one a second. After one that failed the secret comes first.
    fn route_ahead<'r>(
        &self,
        secret: &'r SecretPlan<'_>,
        write: Option<&SecretWrite>,
    ) -> Option<Cow<'r, Route<'r>>> {
        let write = write.filter(|_| self.facts.env_version == EnvVersion::Release)?;
        if let Some(first) = write.as_first() {
            let newest = &self.facts.surroundings.newest;
            return Some(secret.route.filled(&first, newest));
        }
        let applied = self.wanted.applied;
        let is_well = applied.is_some_and(|it| it.delivery == EnvDelivery::SecretsManager);
        (is_well && write.is_known()).then_some(Cow::Borrowed(&secret.route))
    }

    /// The way where no secret is written.
    fn without_secret(&self, progress: &mut Progress) -> &Route<'_> {
        match &self.plan.secret {
            SecretStep::Impossible(why) => {
                self.fall_back(why.error_type().into(), &why.to_string(), progress);
            }
            SecretStep::Unreadable(err) => self.fail_secret(err, progress),
            SecretStep::Off | SecretStep::Write(_) => {
                progress.outcome = Some(Outcome {
                    result: OutcomeResult::Off,
                    error_type: None,
                });
            }
        }
        self.through_s3(progress)
    }

    fn through_s3(&self, progress: &mut Progress) -> &Route<'_> {
        progress.warnings.extend(self.plan.s3_reminder());
        &self.plan.s3
    }

    /// The way that is left after the write.
    fn route_after<'r>(
        &'r self,
        secret: &'r SecretPlan<'_>,
        written: Result<Written, SecretError>,
        progress: &mut Progress,
    ) -> Cow<'r, Route<'r>> {
        let written = match written {
            Ok(written) => self.note_written(written, progress),
            Err(err) => {
                self.fail_secret(&err, progress);
                None
            }
        };
        match written {
            Some(written) => secret
                .route
                .filled(&written, &self.facts.surroundings.newest),
            None => Cow::Borrowed(self.through_s3(progress)),
        }
    }

    /// A version that is not current delivers all the same, where tasks read it by its id.
    fn note_written(&self, written: Written, progress: &mut Progress) -> Option<Written> {
        if written.changed {
            self.touch_secret(progress);
        }
        let error_type = match &written.not_current {
            None => None,
            Some(err) if self.facts.env_version == EnvVersion::Current => {
                self.fail_secret(err, progress);
                return None;
            }
            Some(err) => {
                let reason = Chain(err).to_string();
                progress.warnings.push(plan::not_current(&reason));
                Some(err.error_type())
            }
        };
        let failed = error_type.is_some();
        progress.outcome = Some(Outcome {
            result: if failed {
                OutcomeResult::Failed
            } else {
                OutcomeResult::Ok
            },
            error_type,
        });
        progress.written = Some(written.clone());
        Some(written)
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

/// What came of it, and how long it took.
pub(super) async fn timed<T>(work: impl Future<Output = T>) -> (T, Duration) {
    let started = Instant::now();
    let result = work.await;
    (result, started.elapsed())
}
