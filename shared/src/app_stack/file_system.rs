//! `efs`: a file system, its access point, and a mount target in each subnet.

use serde_json::json;

use super::before::Note;
use super::logical_id::logical_id;
use super::outputs;
use super::rendering::Rendering;
use super::template::{AtItsEnd, get_att, reference};
use crate::names::hash8;
use crate::resources::{FileSystem, Resource};

/// Kinds of logical ids.
pub(super) const FILE_SYSTEM: &str = "FileSystem";
pub(super) const ACCESS_POINT: &str = "AccessPoint";
pub(super) const MOUNT_TARGET: &str = "MountTarget";
/// What NFS listens on (EFS user guide, "Using VPC security groups").
const PORT: u16 = 2049;

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
    let message = "is deleted with all its files when it leaves convox.yml or the App is deleted: AWS makes no snapshot of a file system";
    stack.notice(resource, message);
    let properties = json!({
        "Encrypted": files.encrypted,
        "FileSystemTags": stack.template.tags_with(&resource.tags),
    });
    stack
        .template
        .add_data(&id, "AWS::EFS::FileSystem", AtItsEnd::Delete, properties);
    add_access_point(stack, resource, files, &id);
    add_mount_targets(stack, resource, &id);
    let output = Rendering::id(resource, outputs::FILE_SYSTEM);
    stack.template.output(&output, get_att(&id, "FileSystemId"));
    let note = Note {
        id,
        ..Note::default()
    };
    stack.note(resource, note);
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
