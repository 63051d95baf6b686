//! What `DescribeStackEvents` tells of.

/// One line of a stack's history.
#[derive(Debug, Clone)]
pub(super) struct StackEvent {
    pub(super) id: String,
    pub(super) resource: String,
    pub(super) resource_type: String,
    pub(super) physical_id: String,
    pub(super) status: String,
    pub(super) reason: String,
    /// Of the operation that it belongs to.
    pub(super) token: Option<String>,
    pub(super) time: String,
}
