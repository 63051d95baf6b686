//! What the user should know of a deletion although it goes on.

/// A warning of a deletion.
#[derive(Debug, thiserror::Error)]
pub(crate) enum Notice {
    /// A secret has the name of the App's.
    #[error(
        "the secret `{secret}` lacks the tags convox:rack and convox:app of this App, so it is somebody else's and stays"
    )]
    SecretNotOurs { secret: String },
    /// A stack has the name of the App's.
    #[error(
        "the stack `{stack}` lacks the tags convox:rack and convox:app of this App, so it is somebody else's and stays"
    )]
    StackNotOurs { stack: String },
    /// The window was opened by somebody, and nobody says how long it is.
    #[error(
        "the secret was scheduled for deletion before, and Secrets Manager does not say until when it can be restored: its \
         DeletedDate is {date}, and a window is 7 to 30 days long (30 where the deletion of an App opened it)"
    )]
    WindowUnknown { date: String },
}
