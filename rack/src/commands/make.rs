//! A new Release: what one before it has, with a changed environment or other files, written with the caller's rights.

use std::fmt::Write as _;
use std::path::Path;

use chrono::Utc;
use environment::{Environment, KeyChanges};
use names::{AppName, ReleaseId, keys};
use promotion::{Desired, Promotion, WorkKind};
use serde::Serialize;
use serde_json::{Value, json};

use super::follow::{Followed, follow};
use super::{Answer, Shell, releases};
use crate::cli::Making;
use crate::core::changes::{key_lines, other_images};
use crate::core::table::section;
use crate::core::wait::Asked;
use crate::core::{history, release_name, settings};
use crate::edge::objects::Put;
use crate::error::RackError;

/// What a new Release starts from.
pub struct Base {
    app: AppName,
    /// The Release; none where nothing is live.
    release: Option<ReleaseId>,
    /// Its environment.
    pub environment: Environment,
    is_sealed: bool,
    manifest: Option<Vec<u8>>,
    build: Option<Vec<u8>>,
    /// The newest request when it was read; a later one is somebody else's.
    last_request: Option<String>,
}

/// The answer of what makes a Release.
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Made {
    app: String,
    /// None where nothing changes.
    release: Option<String>,
    from: Option<String>,
    keys: KeyChanges,
    images: Vec<String>,
    draft: bool,
    /// Releases that others made at the same moment: the last one lacks what the others change.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    meanwhile: Vec<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    promote: Option<Followed>,
}

impl Base {
    /// What is said of a variable that it has not got.
    pub fn lacks(&self, key: &str) -> RackError {
        let release = self.release.as_ref();
        RackError::NoKey {
            app: self.app.to_string(),
            release: release.map_or_else(|| "no Release".to_owned(), ToString::to_string),
            key: key.to_owned(),
        }
    }
}

/// Reads what a new Release starts from.
pub async fn base(shell: &Shell, making: &Making) -> Result<Base, RackError> {
    let (app, state) = if making.create {
        let app = shell.app()?;
        let state = shell.objects.state(&app).await?;
        (app, state)
    } else {
        shell.known().await?
    };
    let release = match &making.from {
        Some(from) => Some(ReleaseId::new(from)?),
        None => live(&app, &state)?,
    };
    let last_request = request_of(&state);
    // A change of what is not there would be an App of the changed variable alone, without its convox.yml.
    if release.is_none() && !making.create {
        return Err(RackError::NothingToChange {
            app: app.to_string(),
            is_deleted: super::is_deleted(&state),
        });
    }
    let Some(of) = release else {
        return Ok(Base {
            app,
            release: None,
            environment: Environment::default(),
            is_sealed: false,
            manifest: None,
            build: None,
            last_request,
        });
    };
    let opened = shell.environments().open(&app, &of).await?;
    let manifest = shell
        .objects
        .read(&keys::release_manifest(&app, &of))
        .await?;
    let build = shell.objects.read(&keys::build(&app, &of)).await?;
    Ok(Base {
        app,
        release: Some(of),
        environment: opened.environment,
        is_sealed: opened.is_sealed,
        manifest: manifest.map(|object| object.bytes),
        build: build.map(|object| object.bytes),
        last_request,
    })
}

/// The live Release, unless somebody is about to change that.
fn live(app: &AppName, state: &Promotion) -> Result<Option<ReleaseId>, RackError> {
    let open = state.desired.as_ref().filter(|desired| desired.is_open());
    if let Some(desired) = open {
        let what = match desired.promotes() {
            Some((release, _)) => format!("{release} of {app} is being promoted"),
            None => format!("{app} is being deleted"),
        };
        return Err(RackError::Meanwhile { what });
    }
    Ok(state
        .applied
        .as_ref()
        .map(|applied| applied.release.clone()))
}

fn request_of(state: &Promotion) -> Option<String> {
    state
        .desired
        .as_ref()
        .map(|desired| desired.order.request_id.clone())
}

/// Makes the Release that has `environment`, and promotes it unless it is to be a draft.
pub async fn make(
    shell: &Shell,
    base: Base,
    environment: Environment,
    making: &Making,
) -> Result<Answer, RackError> {
    let manifest = match &making.manifest {
        Some(path) => Some(super::file(path)?.to_vec()),
        None => base.manifest.clone(),
    };
    let build = build(&base, making)?;
    are_services(&making.image, manifest.as_deref(), &environment)?;
    let is_same = environment == base.environment && base.release.is_some();
    let mut made = Made {
        app: base.app.to_string(),
        release: None,
        from: base.release.as_ref().map(ToString::to_string),
        keys: base.environment.changes_to(&environment),
        images: {
            let [before, after] = [&base.build, &build].map(|it| json_of(it.as_deref()));
            other_images(before.as_ref(), after.as_ref())
        },
        draft: making.no_promote,
        meanwhile: Vec::new(),
        promote: None,
    };
    if is_same && manifest == base.manifest && build == base.build {
        let text = format!("nothing changes in {}\n", base.app);
        return Ok(Answer::of(&made, text));
    }
    let object = shell
        .environments()
        .object(&environment, base.is_sealed)
        .await?;
    let (release, version) = write(shell, &base, (manifest, build), object, making).await?;
    made.release = Some(release.to_string());
    let mut exit = crate::exit::Exit::Done;
    if !making.no_promote {
        if making.from.is_none() {
            made.meanwhile = meanwhile(shell, &base, &release).await.unwrap_or_default();
        }
        let waiting = &making.waiting;
        let asked = Asked::Open("asked for".to_owned());
        let followed = follow(shell, (&base.app, &release), &version, asked, waiting).await?;
        exit = followed.verdict.exit();
        made.promote = Some(followed);
    }
    let text = made.text();
    Ok(Answer::of(&made, text).ends(exit))
}

/// Writes the objects of a new Release, its environment last; its name and the environment's S3 version.
async fn write(
    shell: &Shell,
    base: &Base,
    (manifest, build): (Option<Vec<u8>>, Option<Vec<u8>>),
    object: Vec<u8>,
    making: &Making,
) -> Result<(ReleaseId, String), RackError> {
    let app = &base.app;
    'names: for name in release_name::from(Utc::now()) {
        let release = name?;
        if shell
            .objects
            .is_taken(&keys::release(app, &release))
            .await?
        {
            continue;
        }
        let files = [
            (keys::release_manifest(app, &release), &manifest),
            (keys::build(app, &release), &build),
        ];
        for (key, bytes) in files {
            if let Some(bytes) = bytes
                && shell.objects.put_new(&key, bytes.clone()).await? == Put::Taken
            {
                continue 'names;
            }
        }
        let key = if making.no_promote {
            keys::draft(app, &release)
        } else {
            unless_changed(shell, base, making).await?;
            keys::environment(app, &release)
        };
        if let Put::Written(version) = shell.objects.put_new(&key, object.clone()).await? {
            return Ok((release, version));
        }
    }
    Err(RackError::NoName)
}

/// Whoever starts from what is live must not undo what somebody else asked for meanwhile.
async fn unless_changed(shell: &Shell, base: &Base, making: &Making) -> Result<(), RackError> {
    if making.from.is_some() {
        return Ok(());
    }
    let state = shell.objects.state(&base.app).await?;
    if request_of(&state) == base.last_request {
        let folders = releases::folders(shell, &base.app).await?;
        let others = history::not_taken_up(&folders, &state, None);
        return others.first().map_or(Ok(()), |other| {
            let what = format!(
                "{other} of {} was asked for and is not taken up yet",
                base.app
            );
            Err(RackError::Meanwhile { what })
        });
    }
    let desired = state.desired.as_ref();
    let what = match desired.map(|desired| desired.work.kind()) {
        Some(WorkKind::Delete) => format!("somebody deleted {} meanwhile", base.app),
        _ => format!(
            "somebody promoted another Release of {} meanwhile",
            base.app
        ),
    };
    Err(RackError::Meanwhile { what })
}

/// What others asked for between the look at what is live and the write of `release`. It is asked for already, so a look that fails
/// takes nothing back.
async fn meanwhile(
    shell: &Shell,
    base: &Base,
    release: &ReleaseId,
) -> Result<Vec<String>, RackError> {
    let state = shell.objects.state(&base.app).await?;
    let folders = releases::folders(shell, &base.app).await?;
    let others = history::not_taken_up(&folders, &state, Some(release));
    let desired = state.desired.as_ref().and_then(Desired::promotes);
    let taken_up = desired.map(|(taken_up, _)| taken_up);
    let taken_up = taken_up.filter(|it| *it != release && request_of(&state) != base.last_request);
    Ok(others
        .into_iter()
        .chain(taken_up.map(ToString::to_string))
        .collect())
}

fn json_of(bytes: Option<&[u8]>) -> Option<Value> {
    bytes.and_then(|bytes| serde_json::from_slice(bytes).ok())
}

/// An image of what is no Service changes nothing, and nobody would say so.
fn are_services(
    images: &[String],
    manifest: Option<&[u8]>,
    environment: &Environment,
) -> Result<(), RackError> {
    let Some(services) = manifest.and_then(|manifest| settings::services(manifest, environment))
    else {
        return Ok(());
    };
    let named = images.iter().filter_map(|pair| pair.split_once('='));
    let unknown = named.map(|(service, _)| service);
    let unknown = unknown.filter(|name| !services.iter().any(|service| service == name));
    unknown.take(1).try_for_each(|name| {
        let known = services.join(", ");
        let what = format!("convox.yml has no Service `{name}`; it has {known}");
        Err(RackError::Use(what))
    })
}

fn build(base: &Base, making: &Making) -> Result<Option<Vec<u8>>, RackError> {
    let bytes = match &making.build {
        Some(path) => Some(super::file(path)?.to_vec()),
        None => base.build.clone(),
    };
    if making.image.is_empty() {
        return Ok(bytes);
    }
    let path = making.build.as_deref().unwrap_or(Path::new("build.json"));
    let wrong = || RackError::NoObject {
        path: path.display().to_string(),
    };
    let mut build: Value = match &bytes {
        Some(bytes) => serde_json::from_slice(bytes).map_err(|_| wrong())?,
        None => json!({}),
    };
    let members = build.as_object_mut().ok_or_else(wrong)?;
    let images = members.entry("images").or_insert_with(|| json!({}));
    let images = images.as_object_mut().ok_or_else(wrong)?;
    for pair in &making.image {
        let pair = pair
            .split_once('=')
            .filter(|(service, image)| !service.is_empty() && !image.is_empty());
        let (service, image) =
            pair.ok_or_else(|| RackError::Use("--image takes SERVICE=IMAGE".to_owned()))?;
        images.insert(service.to_owned(), image.into());
    }
    Ok(Some(format!("{build:#}\n").into_bytes()))
}

impl Made {
    fn text(&self) -> String {
        let from = self
            .from
            .as_ref()
            .map(|from| format!(", from {from}"))
            .unwrap_or_default();
        let release = self.release.as_deref().unwrap_or_default();
        let mut text = format!("{release} of {}{from}\n{}", self.app, key_lines(&self.keys));
        text.push_str(&section("Images that differ", &self.images));
        for other in &self.meanwhile {
            let _ = writeln!(
                text,
                "{other} was asked for at the same moment, and neither has what the other changes: look with `rack env diff {other} {release}`"
            );
        }
        if let Some(followed) = &self.promote {
            text.push_str(&followed.text());
        } else {
            let (look, live) = (
                format!("rack plan {release}"),
                format!("rack promote {release}"),
            );
            let _ = writeln!(text, "a draft: look with `{look}`, go live with `{live}`");
        }
        text
    }
}
