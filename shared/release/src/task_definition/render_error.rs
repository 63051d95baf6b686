//! Why nothing can be rendered.

use manifest::Service;
use names::NameError;
use names::error_type::ErrorType;
use names::image_reference::ImageError;

use crate::problem::UserError;

/// Why a Service or Timer cannot become a task definition: the user's to mend.
#[derive(Debug, PartialEq, Eq, thiserror::Error)]
pub enum RenderError {
    /// No image can be named.
    #[error(
        "no image for Service `{service}`: name it in build.json (`images.{service}`), in convox.yml \
         (`services.{service}.image`), or set the Rack's Registry and build.json's `id` for `{{Registry}}:{service}.{{id}}`"
    )]
    NoImage {
        /// The Service.
        service: String,
    },
    /// No registry can have the image.
    #[error("the image of Service `{service}`, from {from}, {wrong}")]
    InvalidImage {
        /// The Service.
        service: String,
        /// Where it is named.
        from: String,
        /// What is wrong with it; in the message, so no source.
        wrong: ImageError,
    },
    /// Fargate has no such size.
    #[error(
        "Service `{service}`: Fargate has no size of cpu {cpu} with memory {memory}: {allowed}{next} (`services.{service}.scale`)"
    )]
    FargateSize {
        /// The Service.
        service: String,
        /// CPU units asked for.
        cpu: u32,
        /// MiB asked for.
        memory: u32,
        /// The sizes there are.
        allowed: String,
        /// The smallest that holds it, in words.
        next: String,
    },
    /// Fargate refuses privileged containers.
    #[error(
        "Service `{service}`: Fargate cannot run privileged containers; remove `services.{service}.privileged` or use EC2"
    )]
    FargatePrivileged {
        /// The Service.
        service: String,
    },
    /// Fargate has no instances that an agent could run on, one on each.
    #[error(
        "Service `{service}`: Fargate has no instances for an agent to run on; remove `services.{service}.agent` or use EC2"
    )]
    FargateAgent {
        /// The Service.
        service: String,
    },
    /// A name that ECS would refuse.
    #[error(transparent)]
    Name(NameError),
}

/// Why the container of a Service cannot be rendered, and the line of convox.yml that says so.
#[derive(Debug, PartialEq, Eq, thiserror::Error)]
#[error("convox.yml line {line}")]
pub struct RenderErrorInFile {
    line: usize,
    source: RenderError,
}

impl UserError for RenderErrorInFile {
    fn error_type(&self) -> ErrorType {
        self.source.error_type()
    }
}

impl RenderError {
    /// The error with the line of convox.yml that it is about.
    #[must_use]
    pub fn in_file(self, service: &Service) -> RenderErrorInFile {
        let line = match &self {
            Self::FargateSize { .. } => service.scale.line.unwrap_or(service.line),
            _ => service.line,
        };
        RenderErrorInFile { line, source: self }
    }

    fn error_type(&self) -> ErrorType {
        match self {
            Self::NoImage { .. } => ErrorType::NoImage,
            Self::InvalidImage { .. } => ErrorType::InvalidImage,
            Self::FargateSize { .. } => ErrorType::InvalidSize,
            Self::FargatePrivileged { .. } => ErrorType::Privileged,
            Self::FargateAgent { .. } => ErrorType::AgentOnFargate,
            Self::Name(_) => ErrorType::InvalidName,
        }
    }
}
