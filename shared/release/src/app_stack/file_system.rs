//! `efs`: a file system, its access point, a mount target in each subnet, and who may mount it.

use serde_json::{Value, json};

use super::logical_id::logical_id;
use super::metadata::Note;
use super::outputs;
use super::rendering::Rendering;
use super::statements::{ACCESS_POINT_KEY, CLIENT_ACTIONS};
use super::template::{AtItsEnd, get_att, reference, set};
use manifest::resources::{FileSystem, Resource};
use names::hash8;

/// Kinds of logical ids.
pub(super) const FILE_SYSTEM: &str = "FileSystem";
pub(super) const ACCESS_POINT: &str = "AccessPoint";
pub(super) const MOUNT_TARGET: &str = "MountTarget";
/// What NFS listens on (EFS user guide, "Using VPC security groups").
const PORT: u16 = 2049;
/// The property that has who may mount.
const POLICY: &str = "FileSystemPolicy";

/// The logical ids of the file system of that name and of its access point.
pub(super) fn logical_ids(name: &str) -> (String, String) {
    (
        logical_id(name, FILE_SYSTEM),
        logical_id(name, ACCESS_POINT),
    )
}

pub(super) fn add(stack: &mut Rendering<'_>, resource: &Resource, files: &FileSystem) {
    stack.plain(resource, &[(".options.path", Some(&files.path))]);
    stack.check_network(resource, false);
    let id = Rendering::id(resource, FILE_SYSTEM);
    let mut parts = Vec::new();
    if stack.stands_as_another(resource, &id) {
        parts.push(".type");
    }
    let encrypted = stack.before.flag(&id, "Encrypted");
    if encrypted.is_some_and(|stands| stands != files.encrypted) {
        parts.push(".options.encrypted");
    }
    stack.replacements(resource, &parts);
    let message = "is deleted with all its files when it leaves convox.yml or the App is deleted: \
                   AWS makes no snapshot of a file system";
    stack.notice(resource, message);
    let mut properties = json!({
        "Encrypted": files.encrypted,
        "FileSystemTags": stack.template.tags_with(&resource.tags),
    });
    let stands = stack.before.has(&id);
    let has_policy = stack.before.property(&id, POLICY).is_some();
    if !stands || has_policy || stack.inputs.mounted_by_role {
        set(&mut properties, POLICY, policy());
    }
    stack
        .template
        .add_data(&id, "AWS::EFS::FileSystem", AtItsEnd::Delete, properties);
    add_access_point(stack, resource, files, &id);
    add_mount_targets(stack, resource, &id);
    let opened = &mut stack.opened.file_systems;
    opened.push(logical_ids(&resource.name));
    let output = Rendering::id(resource, outputs::FILE_SYSTEM);
    stack.template.output(&output, get_att(&id, "FileSystemId"));
    let note = Note {
        id,
        ..Note::default()
    };
    stack.note(resource, note);
}

/// A policy that allows nothing: with it, nobody mounts but who is allowed to by a policy of its own, as the App's roles are; and
/// what it denies, it denies to those too. Without one EFS lets in whoever reaches it (EFS user guide, "Using IAM to control
/// file system data access", default policy), root of every task included.
///
/// It names neither roles nor access points: they name the file system, and CloudFormation makes nothing of a circle.
fn policy() -> Value {
    let deny = |sid: &str, condition: Value| {
        json!({
            "Sid": sid,
            "Effect": "Deny",
            "Principal": {"AWS": "*"},
            "Action": CLIENT_ACTIONS,
            "Condition": condition,
        })
    };
    json!({
        "Version": "2012-10-17",
        "Statement": [
            deny("OverTlsOnly", json!({"Bool": {"aws:SecureTransport": "false"}})),
            deny("ByAccessPointOnly", json!({"Null": {ACCESS_POINT_KEY: "true"}})),
        ],
    })
}

/// Owner and permissions are of the folder when EFS creates it; containers keep the users they run as, as with Convox.
fn add_access_point(
    stack: &mut Rendering<'_>,
    resource: &Resource,
    files: &FileSystem,
    file_system: &str,
) {
    let id = Rendering::id(resource, ACCESS_POINT);
    let properties = json!({
        "FileSystemId": reference(file_system),
        "RootDirectory": {
            "Path": files.path,
            "CreationInfo": {
                "OwnerGid": files.owner_gid.to_string(),
                "OwnerUid": files.owner_uid.to_string(),
                "Permissions": files.permissions,
            },
        },
        "AccessPointTags": stack.template.tags_with(&resource.tags),
    });
    stack.template.add(&id, "AWS::EFS::AccessPoint", properties);
    let output = Rendering::id(resource, outputs::ACCESS_POINT);
    stack
        .template
        .output(&output, get_att(&id, "AccessPointId"));
}

/// EFS takes one mount target in a zone (EFS user guide, "Managing mount targets"), so of subnets in one zone CloudFormation
/// refuses the second one's: the Rack lists one for each zone.
fn add_mount_targets(stack: &mut Rendering<'_>, resource: &Resource, file_system: &str) {
    let group = stack.add_security_group(resource, PORT);
    for subnet in stack.subnet_ids() {
        let properties = json!({
            "FileSystemId": reference(file_system),
            "SubnetId": subnet,
            "SecurityGroups": [group],
        });
        let id = mount_target(resource, subnet);
        stack.template.add(&id, "AWS::EFS::MountTarget", properties);
    }
}

fn mount_target(resource: &Resource, subnet: &str) -> String {
    logical_id(&resource.name, &format!("{MOUNT_TARGET}{}", hash8(subnet)))
}
