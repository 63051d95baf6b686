//! Create or restore what is missing, put the version, then see that its own label keeps it and that it is current.

use std::time::Duration;

use aws_sdk_secretsmanager::operation::put_secret_value::PutSecretValueError;
use aws_sdk_secretsmanager::types::Tag;

use super::standing::{INVALID_REQUEST, SecretWrite, ValueWrite};
use super::version::{Stages, own_label};
use super::{AppSecret, CURRENT, Found, Key, SecretError, Written, failed};
use names::{SecretArn, short_label};

/// Lost races after which the write gives up.
const STARTS: usize = 5;
/// The pause between two looks at a version that is not visible yet; it doubles.
const FIRST_LOOK: Duration = Duration::from_millis(50);

/// What a version is to hold.
#[derive(Clone, Copy)]
pub struct Target<'a> {
    /// The JSON object.
    pub value: &'a str,
    /// The ids that the version can have, in the order in which they are tried. They are the `ClientRequestToken`s.
    pub ids: &'a [String],
    /// Whether task definitions name the version by its short label.
    pub by_label: bool,
    /// Versions whose own labels are taken away first, since there is no room for another one.
    pub make_room: &'a [String],
}

impl AppSecret<'_> {
    /// Makes `first`; where that loses a race, or is not known, what stands says how it goes on.
    pub(super) async fn write(
        &self,
        target: Target<'_>,
        mut first: Option<SecretWrite>,
    ) -> Result<Written, SecretError> {
        let mut ids = target.ids;
        for _ in 0..STARTS {
            let write = match (first.take(), ids) {
                (Some(write), _) => write,
                (None, [next, ..]) => {
                    let standing = self.standing(target.value, ids).await?;
                    standing.write(next, self.secrets.key_arn.as_deref())
                }
                (None, []) => break,
            };
            match self.try_write(write, target).await? {
                Tried::Written(written) => return Ok(written),
                Tried::Lost => {}
                Tried::Taken(version_id) => {
                    let taken = ids.iter().position(|id| *id == version_id);
                    ids = ids.get(taken.map_or(1, |taken| taken + 1)..).unwrap_or(&[]);
                }
            }
        }
        Err(SecretError::Contended {
            name: self.id.secret(),
        })
    }

    async fn try_write(
        &self,
        write: SecretWrite,
        target: Target<'_>,
    ) -> Result<Tried, SecretError> {
        let (arn, other_key, stages, then) = match write {
            SecretWrite::Create { version_id } => {
                let Some(arn) = self.create().await? else {
                    return Ok(Tried::Lost);
                };
                let first = SecretWrite::first(arn, version_id);
                return Box::pin(self.try_write(first, target)).await;
            }
            SecretWrite::Existing {
                arn,
                other_key,
                stages,
                then,
            } => (arn, other_key, stages, then),
        };
        if let ValueWrite::Restore { version_id } = then {
            let arn = self.restore(other_key.as_ref()).await?;
            let put = self.put(arn, &stages, target, version_id).await?;
            return self.visible(put).await;
        }
        self.encrypt_anew(&arn, other_key.as_ref()).await?;
        match then {
            ValueWrite::Label { version_id } => {
                let lacks = Lacks {
                    own: !stages.keeps(&version_id),
                    short: target.by_label && !stages.has_short_label(&version_id),
                    current: stages.current() != Some(&version_id),
                };
                if lacks.own || lacks.short {
                    self.make_room(&arn, &stages, target).await?;
                }
                let changed = lacks.own || lacks.short || lacks.current;
                let labelled = self.label(arn, &stages, version_id, lacks).await?;
                Ok(Tried::Written(Written {
                    changed,
                    ..labelled
                }))
            }
            ValueWrite::First { version_id } => {
                let put = self.put(arn, &stages, target, version_id).await?;
                self.visible(put).await
            }
            ValueWrite::Put { version_id } | ValueWrite::Restore { version_id } => {
                self.put(arn, &stages, target, version_id).await
            }
            ValueWrite::ReadAgain => Ok(Tried::Lost),
            ValueWrite::Unreadable(err) => Err(err),
        }
    }

    /// Creates the secret without a value, since a version that is created with it has no label of its own (API reference,
    /// `CreateSecret`). `None`: the race was lost, the name is taken or still going away.
    pub(super) async fn create(&self) -> Result<Option<SecretArn>, SecretError> {
        let tags = self.id.tags();
        let tags = tags.iter();
        let tags = tags.map(|(key, value)| Tag::builder().key(key).value(value).build());
        let request = self.client().create_secret().name(self.id.secret());
        let request = request
            .description(format!(
                "Environment of the App {} on the Rack {}",
                self.id.app, self.id.rack
            ))
            .set_kms_key_id(self.secrets.key_arn.clone())
            .set_tags(Some(tags.collect()));
        match request.send().await {
            Ok(answer) => Ok(Some(SecretArn::returned(answer.arn.unwrap_or_default()))),
            // InvalidRequest: scheduled for deletion in the meantime (API reference, `CreateSecret`).
            Err(err)
                if err.as_service_error().is_some_and(|e| {
                    e.is_resource_exists_exception() || e.is_invalid_request_exception()
                }) =>
            {
                tokio::time::sleep(FIRST_LOOK).await;
                Ok(None)
            }
            Err(err) => Err(failed("create", &self.id.secret(), &err)),
        }
    }

    async fn restore(&self, other_key: Option<&Key>) -> Result<SecretArn, SecretError> {
        let name = self.id.secret();
        let restored = self.client().restore_secret().secret_id(&name).send().await;
        let arn = restored
            .map_err(|err| failed("restore", &name, &err))?
            .arn
            .unwrap_or_default();
        let arn = SecretArn::returned(arn);
        self.encrypt_anew(&arn, other_key).await?;
        Ok(arn)
    }

    async fn put(
        &self,
        arn: SecretArn,
        stages: &Stages,
        target: Target<'_>,
        version_id: String,
    ) -> Result<Tried, SecretError> {
        self.make_room(&arn, stages, target).await?;
        let own = own_label(&version_id);
        let short = target.by_label.then(|| short_label(&version_id));
        let request = self
            .client()
            .put_secret_value()
            .secret_id(arn.as_str())
            .secret_string(target.value)
            .client_request_token(&version_id)
            .version_stages(CURRENT)
            .version_stages(&own);
        let request = match short {
            Some(short) => request.version_stages(short),
            None => request,
        };
        let answer = match request.send().await {
            Ok(answer) => answer,
            // That id holds something else, or did once.
            Err(err)
                if err
                    .as_service_error()
                    .is_some_and(PutSecretValueError::is_resource_exists_exception) =>
            {
                return Ok(Tried::Taken(version_id));
            }
            Err(err) => return Err(failed("write", &self.id.secret(), &err)),
        };
        // A repeated token is no write and attaches nothing: labels stay where later writes have left them.
        let has = |label: &str| answer.version_stages().iter().any(|stage| stage == label);
        let lacks = Lacks {
            own: !has(&own),
            short: short.is_some_and(|short| !has(short)),
            current: !has(CURRENT),
        };
        let written = self.label(arn, stages, version_id, lacks).await?;
        Ok(Tried::Written(written))
    }

    async fn make_room(
        &self,
        arn: &SecretArn,
        stages: &Stages,
        target: Target<'_>,
    ) -> Result<(), SecretError> {
        for version_id in target.make_room {
            self.forget(arn, version_id, stages.has_short_label(version_id))
                .await?;
        }
        Ok(())
    }

    /// Attaches what a version lacks of its labels and `AWSCURRENT`.
    async fn label(
        &self,
        arn: SecretArn,
        stages: &Stages,
        version_id: String,
        lacks: Lacks,
    ) -> Result<Written, SecretError> {
        let own = lacks.own.then(|| own_label(&version_id));
        let short = lacks.short.then(|| short_label(&version_id).to_owned());
        for label in own.into_iter().chain(short) {
            let mut holders = stages.0.iter();
            let holder = holders.find(|(_, labels)| labels.contains(&label));
            let holder = holder.map(|(holder, _)| holder.as_str());
            self.move_label(&arn, &label, holder, Some(&version_id))
                .await?;
        }
        let not_current = if lacks.current {
            self.to_current(&arn, stages, &version_id).await.err()
        } else {
            None
        };
        Ok(Written {
            arn,
            version_id,
            changed: true,
            not_current,
        })
    }

    /// Makes a version current; where `stages` are out of date, by what stands now.
    async fn to_current(
        &self,
        arn: &SecretArn,
        stages: &Stages,
        version_id: &str,
    ) -> Result<(), SecretError> {
        let moved = self.move_label(arn, CURRENT, stages.current(), Some(version_id));
        let Err(first) = moved.await else {
            return Ok(());
        };
        let Found::Active(stands) = self.find().await? else {
            return Err(first);
        };
        match stands.stages.current() {
            Some(current) if current == version_id => Ok(()),
            current if current != stages.current() => {
                let moved = self.move_label(arn, CURRENT, current, Some(version_id));
                moved.await
            }
            _ => Err(first),
        }
    }

    /// Waits until what was written can be read, so that no task looks for it in vain; the caller's limit ends the wait.
    async fn visible(&self, tried: Tried) -> Result<Tried, SecretError> {
        let Tried::Written(written) = &tried else {
            return Ok(tried);
        };
        let mut pause = FIRST_LOOK;
        loop {
            match self.value(written.arn.as_str(), &written.version_id).await {
                Ok(Some(_)) => return Ok(tried),
                Ok(None) => {}
                // A restored secret can still look deleted for a moment.
                Err(SecretError::Call(call)) if call.code() == INVALID_REQUEST => {}
                Err(err) => return Err(err),
            }
            tokio::time::sleep(pause).await;
            pause = (pause * 2).min(Duration::from_secs(1));
        }
    }
}

/// The labels that a version is to have and has not.
#[derive(Clone, Copy)]
struct Lacks {
    own: bool,
    short: bool,
    current: bool,
}

/// What came of one way.
enum Tried {
    /// The version holds the value.
    Written(Written),
    /// A race was lost.
    Lost,
    /// The version of that id holds something else.
    Taken(String),
}
