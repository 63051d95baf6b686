//! What `RegisterTaskDefinition` refuses.

use serde_json::Value;

use super::super::Refusal;
use super::{array, client_exception, fargate, tags, text};

const SIZE_MAX: usize = 65_536;
const CONTAINERS_MAX: usize = 10;
const NAME_MAX: usize = 255;
const FILES_MAX: usize = 10;

/// Checks a whole definition, in the order in which the messages are most useful.
pub(super) fn check(definition: &Value) -> Result<(), Refusal> {
    let containers = array(definition, "containerDefinitions");
    check_size(definition)?;
    check_name("Family", text(definition, "family"))?;
    check_containers(containers)?;
    tags::check(definition, "tags")?;
    for container in containers {
        check_secrets(container, definition)?;
        check_files(container, definition)?;
    }
    check_launch(definition, containers)
}

/// Source: facts/aws.md 1.4 (64 KiB for the whole definition; message form).
fn check_size(definition: &Value) -> Result<(), Refusal> {
    let size = definition.to_string().len();
    if size <= SIZE_MAX {
        return Ok(());
    }
    Err(client_exception(format!(
        "Actual length: '{size}'. Max allowed length is '{SIZE_MAX}' bytes."
    )))
}

/// Source: facts/aws.md 1.4 (family and container name: letters, digits, `_`, `-`, at most 255).
fn check_name(what: &str, name: &str) -> Result<(), Refusal> {
    let valid = |byte: u8| byte.is_ascii_alphanumeric() || byte == b'_' || byte == b'-';
    if (1..=NAME_MAX).contains(&name.len()) && name.bytes().all(valid) {
        return Ok(());
    }
    Err(client_exception(format!(
        "{what} contains invalid characters."
    )))
}

/// Source: facts/aws.md 1.4 (at most 10); facts/toolchain.md 1.2 (an essential container is needed).
fn check_containers(containers: &[Value]) -> Result<(), Refusal> {
    if containers.len() > CONTAINERS_MAX {
        return Err(client_exception(
            "Task definition has too many containers: at most 10 are allowed.",
        ));
    }
    for (index, container) in containers.iter().enumerate() {
        let name = text(container, "name");
        check_name("Container.name", name)?;
        if containers[..index]
            .iter()
            .any(|other| text(other, "name") == name)
        {
            return Err(client_exception("Container.name should be unique."));
        }
    }
    // Essential is the default (ECS API reference, `ContainerDefinition.essential`).
    if containers
        .iter()
        .all(|container| container["essential"] == false)
    {
        return Err(client_exception(
            "Task definition does not have any essential containers.",
        ));
    }
    Ok(())
}

/// Source: facts/aws.md 1.4 (both rules and both wordings).
fn check_secrets(container: &Value, definition: &Value) -> Result<(), Refusal> {
    let secrets = array(container, "secrets");
    if !secrets.is_empty() && text(definition, "executionRoleArn").is_empty() {
        return Err(client_exception(
            "When you are specifying container secrets, you must also specify a value for 'executionRoleArn'.",
        ));
    }
    let variables = array(container, "environment");
    for (index, secret) in secrets.iter().enumerate() {
        let name = text(secret, "name");
        let taken = |others: &[Value]| others.iter().any(|other| text(other, "name") == name);
        if taken(&secrets[..index]) || taken(variables) {
            return Err(client_exception(format!(
                "The secret name must be unique and not shared with any new or existing environment variables set \
                 on the container, such as '{name}'."
            )));
        }
    }
    Ok(())
}

/// Source: facts/aws.md 1.11 (at most ten, the ending, type `s3`, ARN form, an execution role); wordings: ours.
fn check_files(container: &Value, definition: &Value) -> Result<(), Refusal> {
    let files = array(container, "environmentFiles");
    if files.len() > FILES_MAX {
        return Err(client_exception(format!(
            "environmentFiles can have at most {FILES_MAX} items, not {}.",
            files.len()
        )));
    }
    if !files.is_empty() && text(definition, "executionRoleArn").is_empty() {
        return Err(client_exception(
            "When you are specifying environmentFiles, you must also specify a value for 'executionRoleArn'.",
        ));
    }
    for file in files {
        let arn = text(file, "value");
        let object = arn
            .split_once(":s3:::")
            .and_then(|(_, object)| object.split_once('/'));
        if text(file, "type") != "s3" || !arn.starts_with("arn:") || object.is_none() {
            return Err(client_exception(format!(
                "Invalid environment file '{arn}': use an object's ARN and the type s3."
            )));
        }
        if object.is_none_or(|(_, key)| key.strip_suffix(".env").is_none()) {
            return Err(client_exception(format!(
                "Invalid environment file '{arn}': its name must end in .env."
            )));
        }
    }
    Ok(())
}

/// Source: ECS API reference, `RegisterTaskDefinition`: `cpu`, `memory`, `networkMode`, `ContainerDefinition.memory`.
fn check_launch(definition: &Value, containers: &[Value]) -> Result<(), Refusal> {
    let (cpu, memory) = (text(definition, "cpu"), text(definition, "memory"));
    let compatibilities = array(definition, "requiresCompatibilities");
    if compatibilities.iter().any(|launch| launch == "FARGATE") {
        if !fargate::exists(cpu, memory) {
            return Err(client_exception(format!(
                "No Fargate configuration exists for given values: {cpu} CPU, {memory} memory. \
                 See the Amazon ECS documentation for the valid values."
            )));
        }
        if text(definition, "networkMode") != "awsvpc" {
            return Err(client_exception(
                "Fargate only supports network mode ‘awsvpc’.",
            ));
        }
    }
    for container in containers {
        let own = ["memory", "memoryReservation"];
        if memory.is_empty() && own.iter().all(|field| container[field].is_null()) {
            return Err(client_exception(format!(
                "Invalid setting for container '{}'. At least one of 'memory' or 'memoryReservation' must be specified.",
                text(container, "name")
            )));
        }
    }
    Ok(())
}
