//! A Release as the settings bucket holds it: read, opened and loaded.

use futures_util::future::{try_join, try_join_all};

use aws::call_error::{CallError, ErrorClass};
use aws::data_keys::DataKeys;
use aws::settings_bucket::{Object, SettingsBucket};
use environment::{EnvironmentError, EnvironmentObject, ReadEnvironment};
use manifest::OfRack;
use manifest::app_settings::{AppSettings, Build, SettingsError};
use manifest::param_names::READONLY_ROOT;
use manifest::precedence::YesNo;
use manifest::resources::{self, Resources};
use manifest::{Manifest, ManifestError};
use names::error_type::{ErrorCode, ErrorType};
use names::{AppId, ReleaseId, keys};
use release::problem::{ReleaseProblem, UserError};

use crate::intake::Failure;

/// One version of a Release, and where it is.
#[derive(Debug, Clone, Copy)]
pub struct ReleaseObjects<'a> {
    /// The settings bucket.
    pub bucket: &'a SettingsBucket,
    /// What opens envelopes, where the Rack has a key.
    pub data_keys: Option<&'a DataKeys>,
    /// The App.
    pub id: &'a AppId,
    /// The Release.
    pub release: &'a ReleaseId,
    /// The S3 version of its environment.
    pub env_version_id: &'a str,
    /// Whether that is a draft, which nobody has promoted yet.
    pub is_draft: bool,
    /// The Rack, as far as convox.yml depends on it.
    pub rack: OfRack,
}

/// The objects of a Release, unread.
pub struct RawRelease {
    /// The environment.
    pub environment: Object,
    settings: Option<Object>,
    build: Option<Object>,
    manifest: Option<Object>,
    app_manifest: Option<Object>,
}

/// What they say.
pub struct ReadRelease {
    /// `app.json`.
    pub settings: AppSettings,
    /// `build.json`.
    pub build: Build,
    /// The environment and what its reader had to say.
    pub environment: ReadEnvironment,
    /// The manifest.
    pub manifest: Manifest,
    /// Its resources; none where something is wrong with them.
    pub resources: Resources,
    /// What is wrong with its resources and params, beside what else may be wrong with the Release.
    pub problems: Vec<ReleaseProblem>,
    /// Whether containers may not write to their own file system.
    pub readonly_root: bool,
    /// The manifest's bytes, where the Release has none of its own yet.
    pub manifest_to_copy: Option<Vec<u8>>,
}

/// Why a Release cannot be read.
#[derive(Debug, thiserror::Error)]
pub enum ReleaseError {
    /// A call failed, for good or for now.
    #[error(transparent)]
    Call(#[from] CallError),
    /// The user's to mend.
    #[error("{}", problem.message)]
    Input {
        /// What is wrong.
        problem: ReleaseProblem,
        /// What else is to be said of the Release, as far as it was read.
        warnings: Vec<String>,
    },
    /// KMS does not open an envelope.
    #[error(
        "the environment {object} is an envelope that this Rack's environment key does not open; seal it with that key, \
         or write the environment in plain form"
    )]
    Envelope {
        /// The object.
        object: String,
        /// What KMS said.
        source: CallError,
    },
}

impl Failure for ReleaseError {
    /// The user's errors fail again.
    fn class(&self) -> ErrorClass {
        match self {
            Self::Call(call) | Self::Envelope { source: call, .. } => call.class(),
            Self::Input { .. } => ErrorClass::Permanent,
        }
    }

    fn error_type(&self) -> ErrorCode {
        match self {
            Self::Call(call) => call.error_type(),
            Self::Input { problem, .. } => problem.error_type.into(),
            Self::Envelope { .. } => ErrorType::EnvelopeUndecryptable.into(),
        }
    }

    fn warnings(&self) -> &[String] {
        match self {
            Self::Input { warnings, .. } => warnings,
            _ => &[],
        }
    }
}

/// What keeps a Release from being read and is its user's to mend.
#[derive(Debug, thiserror::Error)]
enum Unreadable {
    #[error("the environment {object} is gone; write it again")]
    EnvironmentGone { object: String },
    #[error("the environment {object}: {wrong}")]
    InvalidEnvironment {
        object: String,
        /// In the message, so no source.
        wrong: EnvironmentError,
    },
    #[error(
        "the environment {object} is an envelope and this Rack has no environment key; set EnvironmentKeyArn, or write the \
         environment in plain form"
    )]
    NoEnvironmentKey { object: String },
    #[error(
        "there is no manifest: write `{own}`, or `{of_app}` for all Releases, and then the environment again, since only that \
         starts a promote"
    )]
    NoManifest { own: String, of_app: String },
    #[error(transparent)]
    Manifest(ManifestError),
    #[error(transparent)]
    Settings(SettingsError),
    #[error("{file}:{line}: `params.{READONLY_ROOT}` is `{shown}`; it is `Yes` or `No`")]
    NotYesOrNo {
        file: String,
        line: usize,
        shown: String,
    },
}

impl UserError for Unreadable {
    fn error_type(&self) -> ErrorType {
        match self {
            Self::EnvironmentGone { .. } => ErrorType::EnvironmentGone,
            Self::InvalidEnvironment { .. } => ErrorType::InvalidEnvironment,
            Self::NoEnvironmentKey { .. } => ErrorType::EnvironmentKeyMissing,
            Self::NoManifest { .. } => ErrorType::ManifestMissing,
            Self::Manifest(_) => ErrorType::InvalidManifest,
            Self::Settings(SettingsError::Shape { .. }) => ErrorType::InvalidSettings,
            Self::Settings(SettingsError::Value(_)) | Self::NotYesOrNo { .. } => {
                ErrorType::InvalidParameter
            }
        }
    }
}

impl From<Unreadable> for ReleaseError {
    fn from(unreadable: Unreadable) -> Self {
        Self::Input {
            problem: unreadable.into(),
            warnings: Vec::new(),
        }
    }
}

impl ReleaseError {
    fn after(mut self, said: Vec<String>) -> Self {
        if let Self::Input { warnings, .. } = &mut self {
            warnings.splice(..0, said);
        }
        self
    }
}

impl ReleaseObjects<'_> {
    /// Reads all objects.
    ///
    /// # Errors
    ///
    /// [`ReleaseError`], also where that version of the environment is gone.
    pub async fn raw(&self) -> Result<RawRelease, ReleaseError> {
        let (app, release) = (&self.id.app, self.release);
        let others = [
            keys::app_settings(app),
            keys::build(app, release),
            keys::release_manifest(app, release),
            keys::app_manifest(app),
        ];
        let read = async |key: &String| Ok(self.bucket.read(key).await?);
        let others = try_join_all(others.iter().map(read));
        let (environment, others) = try_join(self.environment_bytes(), others).await?;
        let mut others = others.into_iter();
        let mut next = || others.next().flatten();
        Ok(RawRelease {
            environment,
            settings: next(),
            build: next(),
            manifest: next(),
            app_manifest: next(),
        })
    }

    /// The environment alone.
    ///
    /// # Errors
    ///
    /// As [`ReleaseObjects::raw`] and [`ReleaseObjects::read`].
    pub async fn environment(&self) -> Result<ReadEnvironment, ReleaseError> {
        let object = self.environment_bytes().await?;
        self.open(&object).await
    }

    /// Reads what the objects say.
    ///
    /// # Errors
    ///
    /// [`ReleaseError`], the first thing that is wrong.
    pub async fn read(&self, raw: &RawRelease) -> Result<ReadRelease, ReleaseError> {
        let mut said = Vec::new();
        let read = self.read_saying(raw, &mut said).await;
        read.map_err(|err| err.after(said))
    }

    /// Reads what the objects say; `said` gets the warnings of what was read whole, also where something else is wrong.
    async fn read_saying(
        &self,
        raw: &RawRelease,
        said: &mut Vec<String>,
    ) -> Result<ReadRelease, ReleaseError> {
        let (app, release) = (&self.id.app, self.release);
        let settings = read_or_default(
            raw.settings.as_ref(),
            &keys::app_settings(app),
            AppSettings::read,
        )?;
        said.extend(settings.warnings.iter().cloned());
        let build = read_or_default(raw.build.as_ref(), &keys::build(app, release), Build::read)?;
        let environment = self.open(&raw.environment).await?;
        said.extend(environment.warnings.iter().cloned());
        let (file, object, copy) = match (&raw.manifest, &raw.app_manifest) {
            (Some(own), _) => (keys::release_manifest(app, release), own, false),
            (None, Some(of_app)) => (keys::app_manifest(app), of_app, true),
            (None, None) => return Err(self.no_manifest()),
        };
        let manifest = manifest::load_in(self.rack, &file, &object.bytes, &environment.environment);
        let invalid = |err: ManifestError| {
            let warnings = err.warnings().to_vec();
            ReleaseError::from(Unreadable::Manifest(err)).after(warnings)
        };
        let manifest = manifest.map_err(invalid)?;
        let mut problems = Vec::new();
        let resources = resources::read(&manifest).unwrap_or_else(|found| {
            problems.push(Unreadable::Manifest(manifest.invalid(found)).into());
            Resources::default()
        });
        let readonly_root = readonly_root(&file, &manifest).unwrap_or_else(|problem| {
            problems.push(problem.into());
            false
        });
        Ok(ReadRelease {
            resources,
            problems,
            readonly_root,
            settings,
            build,
            environment,
            manifest,
            manifest_to_copy: copy.then(|| object.bytes.clone()),
        })
    }

    /// The object of the environment, unread.
    ///
    /// # Errors
    ///
    /// As [`ReleaseObjects::raw`].
    pub async fn environment_bytes(&self) -> Result<Object, ReleaseError> {
        let key = self.environment_key();
        let object = self.bucket.read_version(&key, self.env_version_id).await?;
        object.ok_or_else(|| {
            let object = self.shown();
            Unreadable::EnvironmentGone { object }.into()
        })
    }

    /// Reads what the object of the environment says.
    ///
    /// # Errors
    ///
    /// As [`ReleaseObjects::read`].
    pub async fn open(&self, object: &Object) -> Result<ReadEnvironment, ReleaseError> {
        let invalid = |wrong| Unreadable::InvalidEnvironment {
            object: self.shown(),
            wrong,
        };
        let envelope = match environment::read(&object.bytes) {
            Ok(EnvironmentObject::Plain(environment)) => return Ok(environment),
            Ok(EnvironmentObject::Sealed(envelope)) => envelope,
            Err(err) => return Err(invalid(err).into()),
        };
        let Some(data_keys) = self.data_keys else {
            let object = self.shown();
            return Err(Unreadable::NoEnvironmentKey { object }.into());
        };
        let opened = data_keys.open(envelope.encrypted_data_key()).await;
        let data_key = opened.map_err(|source| ReleaseError::Envelope {
            object: self.shown(),
            source,
        })?;
        Ok(envelope.open(&data_key).map_err(invalid)?)
    }

    fn environment_key(&self) -> String {
        let key = if self.is_draft {
            keys::draft
        } else {
            keys::environment
        };
        key(&self.id.app, self.release)
    }

    /// The environment object, for messages.
    fn shown(&self) -> String {
        let key = self.environment_key();
        let (bucket, version) = (self.bucket.name(), self.env_version_id);
        format!("s3://{bucket}/{key} (version {version})")
    }

    fn no_manifest(&self) -> ReleaseError {
        let (app, release) = (&self.id.app, self.release);
        let no_manifest = Unreadable::NoManifest {
            own: keys::release_manifest(app, release),
            of_app: keys::app_manifest(app),
        };
        no_manifest.into()
    }
}

fn read_or_default<T: Default>(
    object: Option<&Object>,
    file: &str,
    read: impl Fn(&str, &[u8]) -> Result<T, SettingsError>,
) -> Result<T, ReleaseError> {
    let read = object.map(|object| read(file, &object.bytes)).transpose();
    let read = read.map_err(Unreadable::Settings)?;
    Ok(read.unwrap_or_default())
}

fn readonly_root(file: &str, manifest: &Manifest) -> Result<bool, Unreadable> {
    let Some(param) = manifest.params.get(READONLY_ROOT) else {
        return Ok(false);
    };
    let value = YesNo::of(&param.value).ok_or_else(|| Unreadable::NotYesOrNo {
        file: file.to_owned(),
        line: param.line,
        shown: param.shown.clone(),
    })?;
    Ok(value.is_yes())
}
