//! What becomes of a promote, seen to its end where somebody waits for it. It only looks: ending it changes nothing.

use std::collections::BTreeMap;
use std::time::{Duration, Instant};

use aws::call_error::{CallError, ErrorClass};
use futures_util::future::try_join;
use names::{AppName, ReleaseId, keys};
use promotion::Promotion;
use serde::Serialize;

use super::Shell;
use crate::cli::Waiting;
use crate::core::report::SeenVerdict;
use crate::core::services::{Phase, SeenService};
use crate::core::wait::{Asked, Target, Verdict, Watch, asked};
use crate::edge::terminal::Progress;
use crate::error::RackError;

/// How a promote ended, as far as it was seen.
#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Followed {
    /// The Release.
    pub release: String,
    /// The request.
    pub request_id: String,
    /// How it ended.
    pub verdict: Verdict,
    /// Why, or what it waits for.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub reason: Option<String>,
    /// How far each Service that moves has come.
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    pub services: BTreeMap<String, Phase>,
    /// How long it was waited for.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub seconds: Option<u64>,
}

impl Followed {
    /// For people.
    #[must_use]
    pub fn text(&self) -> String {
        let reason = self.reason.as_ref().map(|reason| format!(": {reason}"));
        let mut text = format!(
            "{} {}{}\n",
            self.release,
            self.verdict.in_words(),
            reason.unwrap_or_default()
        );
        if self.verdict != Verdict::Live {
            text.extend(
                self.services
                    .iter()
                    .map(|(name, phase)| format!("  {name}: {}\n", phase.in_words())),
            );
        }
        text
    }
}

/// Says what became of a request of which `asked` is known, and waits for its end where it should.
pub async fn follow(
    shell: &Shell,
    (app, release): (&AppName, &ReleaseId),
    request_id: &str,
    asked: Asked,
    waiting: &Waiting,
) -> Result<Followed, RackError> {
    let follower = Follower {
        shell,
        app,
        release,
        request_id,
        waiting,
        began: Instant::now(),
    };
    if waiting.wait {
        follower.to_the_end(asked).await
    } else {
        Ok(follower.as_it_is(asked))
    }
}

struct Follower<'f> {
    shell: &'f Shell,
    app: &'f AppName,
    release: &'f ReleaseId,
    request_id: &'f str,
    waiting: &'f Waiting,
    began: Instant,
}

impl Follower<'_> {
    fn as_it_is(&self, asked: Asked) -> Followed {
        match asked {
            Asked::Open(reason) if reason == "asked for" => self.ended(Verdict::Requested, None),
            Asked::Open(reason) => self.ended(Verdict::Waiting, Some(reason)),
            Asked::Promoted(_) => self.ended(Verdict::Promoted, None),
            Asked::Failed(reason) => self.ended(Verdict::Failed, Some(reason)),
            Asked::Superseded(reason) => self.ended(Verdict::Superseded, Some(reason)),
        }
    }

    async fn to_the_end(&self, mut asked: Asked) -> Result<Followed, RackError> {
        let mut progress = Progress::new();
        let targets = loop {
            match asked {
                Asked::Promoted(targets) => break targets,
                Asked::Open(reason) => {
                    progress.show(vec![format!("{}: {reason}", self.release)]);
                    if self.is_over() {
                        return Ok(self.ended(Verdict::TimedOut, Some(reason)));
                    }
                }
                ended => return Ok(self.ended_at(self.as_it_is(ended))),
            }
            self.pause().await;
            asked = self.look().await?;
        };
        self.services(targets, &mut progress).await
    }

    async fn services(
        &self,
        targets: Vec<Target>,
        progress: &mut Progress,
    ) -> Result<Followed, RackError> {
        let mut watch = Watch::new(targets);
        let mut cluster = None;
        loop {
            if let Some(verdict) = watch.verdict() {
                let reason = self.reason(cluster.as_deref(), &watch).await;
                return Ok(self.watched(verdict, reason, &watch));
            }
            if cluster.is_none() {
                cluster = self.cluster().await?;
            }
            let open = watch.open();
            let seen = async {
                match &cluster {
                    Some(cluster) => self.seen(cluster, &open).await,
                    None => Ok(None),
                }
            };
            let (told, seen) = try_join(self.told(), seen).await?;
            if let Some(seen) = seen {
                watch.look(&seen);
            }
            if let Some((verdict, told)) = told {
                watch.take(&told);
                progress.show(watch.lines());
                return Ok(self.watched(verdict, told.message, &watch));
            }
            progress.show(watch.lines());
            if watch.verdict().is_none() {
                if self.is_over() {
                    return Ok(self.watched(Verdict::TimedOut, None, &watch));
                }
                self.pause().await;
            }
        }
    }

    /// The ECS services of these names. Who may not see pauses is told the rest.
    async fn seen(
        &self,
        cluster: &str,
        names: &[String],
    ) -> Result<Option<Vec<SeenService>>, RackError> {
        let mut seen = passing(self.shell.ecs.services(cluster, names).await)?;
        if let Some(services) = &mut seen {
            let _ = super::pauses::note(self.shell, cluster, services).await;
        }
        Ok(seen)
    }

    /// The verdict of the Rack itself, which knows why.
    async fn told(&self) -> Result<Option<(Verdict, SeenVerdict)>, RackError> {
        let key = keys::report(self.app, self.release);
        let report = passing(self.shell.objects.report(&key).await)?.flatten();
        let report = report.filter(|report| report.request_id == self.request_id);
        let told = report.and_then(|report| report.verdict);
        Ok(told.and_then(|told| Some((Verdict::told(&told)?, told))))
    }

    /// Why a Service is not live, by its tasks that stopped. Who may not see them is told the rest.
    async fn reason(&self, cluster: Option<&str>, watch: &Watch) -> Option<String> {
        let secret = self.shell.id(self.app).secret();
        for target in watch.fallen() {
            let service = (target.service.as_str(), target.runs_as.as_str());
            let stopped = self.shell.ecs.stopped(cluster?, service).await;
            let mut stopped = stopped.unwrap_or_default().into_iter();
            let of_target = stopped.find(|it| it.task_definition == target.task_definition);
            if let Some(stopped) = of_target {
                let why = stopped.told(&secret).message;
                return Some(format!("Service `{}`: {why}", target.service));
            }
        }
        None
    }

    async fn cluster(&self) -> Result<Option<String>, RackError> {
        let state = self.state().await?;
        Ok(state.and_then(|state| state.applied?.cluster))
    }

    /// The state; none where AWS has no time just now.
    async fn state(&self) -> Result<Option<Promotion>, RackError> {
        match self.shell.objects.state(self.app).await {
            Err(RackError::Call(err)) => passing(Err(err)),
            state => state.map(Some),
        }
    }

    async fn look(&self) -> Result<Asked, RackError> {
        let busy = || Asked::Open("AWS does not answer just now".to_owned());
        let Some(state) = self.state().await? else {
            return Ok(busy());
        };
        let key = keys::report(self.app, self.release);
        let report = passing(self.shell.objects.report(&key).await)?;
        Ok(report.map_or_else(busy, |report| {
            asked(self.request_id, report.as_ref(), &state)
        }))
    }

    fn is_over(&self) -> bool {
        self.began.elapsed() >= self.waiting.timeout
    }

    async fn pause(&self) {
        let left = self.waiting.timeout.saturating_sub(self.began.elapsed());
        tokio::time::sleep(self.waiting.every.min(left.max(Duration::from_millis(1)))).await;
    }

    fn ended(&self, verdict: Verdict, reason: Option<String>) -> Followed {
        Followed {
            release: self.release.to_string(),
            request_id: self.request_id.to_owned(),
            verdict,
            reason,
            services: BTreeMap::new(),
            seconds: None,
        }
    }

    fn watched(&self, verdict: Verdict, reason: Option<String>, watch: &Watch) -> Followed {
        let services = watch.phases();
        self.ended_at(Followed {
            services,
            ..self.ended(verdict, reason)
        })
    }

    fn ended_at(&self, followed: Followed) -> Followed {
        let seconds = Some(self.began.elapsed().as_secs());
        Followed {
            seconds,
            ..followed
        }
    }
}

/// What another look can mend is no end of the wait.
fn passing<T>(seen: Result<T, CallError>) -> Result<Option<T>, RackError> {
    match seen {
        Ok(seen) => Ok(Some(seen)),
        Err(err) if err.class() == ErrorClass::Transient => Ok(None),
        Err(err) => Err(err.into()),
    }
}
