//! What databases are copied from: `snapshot` and `readSourceDB` of convox.yml. Pure.
//!
//! Whoever names one gets all that is in it, so it is the App's own, or one that the Rack's owner allows.

use manifest::resources::{Database, ReadSource, Resource, ResourceKind};
use names::AppId;
use names::arn_pattern::is_like;
use serde_json::Value;

use super::checks::Checks;
use super::notice::Notice;
use super::problem::PlanProblem;
use crate::config::Config;
use crate::facts::{Facts, Wanted};

/// A database or a snapshot that convox.yml names.
struct Copied<'a> {
    option: &'static str,
    /// The property of an `AWS::RDS::DBInstance` that it becomes.
    property: &'static str,
    /// The kind of resource in its ARN.
    kind: &'static str,
    /// Identifier or ARN.
    name: &'a str,
}

impl Checks {
    /// Refuses sources that are another App's or anybody's, and that `AppDatabaseArns` does not allow. Whatever a database that
    /// stands was once copied from is copied no more.
    pub(super) fn copied(&mut self, config: &Config, wanted: &Wanted<'_>, facts: &Facts) {
        let stack = facts.stack.as_ref();
        let standing = stack.filter(|stack| stack.has_come_up());
        let standing = standing.map(|stack| &stack.template);
        for resource in &facts.release.resources.list {
            let ResourceKind::Database(database) = &resource.kind else {
                continue;
            };
            let Some(copied) = copied(database) else {
                continue;
            };
            let arn = copied.arn(&facts.cluster.arn);
            let mut allowed = config.app_database_arns.iter();
            if standing.is_some_and(|template| copied.was(template)) {
                continue;
            }
            if part(&arn, REGION) != part(&facts.cluster.arn, REGION) {
                self.of_other_region(resource, database);
            }
            if is_own(wanted.id, &facts.cluster.arn, &arn)
                || allowed.any(|pattern| is_like(pattern, &arn))
            {
                continue;
            }
            self.problem(PlanProblem::DatabaseNotAllowed {
                line: resource.line,
                resource: &resource.shown,
                option: copied.option,
                own: &wanted.id.stack(),
            });
        }
    }

    /// From another region: RDS restores none of its snapshots, and makes an encrypted replica only with a key that convox.yml cannot
    /// name.
    ///
    /// Sources: RDS API reference, `RestoreDBInstanceFromDBSnapshot` (`DBSnapshotIdentifier`) and `CreateDBInstanceReadReplica`
    /// (`KmsKeyId`); hashicorp/terraform#11538 has the words of the refusal.
    fn of_other_region(&mut self, resource: &Resource, database: &Database) {
        let (line, resource) = (resource.line, resource.shown.as_str());
        if database.snapshot.is_some() {
            self.problem(PlanProblem::SnapshotElsewhere { line, resource });
        } else if database.encrypted == Some(true) {
            self.problem(PlanProblem::ReplicaElsewhere { line, resource });
        } else if database.encrypted.is_none() {
            self.warn(Notice::SourceElsewhere { line, resource });
        }
    }
}

/// What a database is copied from, unless that is a resource of the same convox.yml.
fn copied(database: &Database) -> Option<Copied<'_>> {
    if let Some(name) = &database.snapshot {
        return Some(Copied {
            option: "snapshot",
            property: "DBSnapshotIdentifier",
            kind: "snapshot",
            name,
        });
    }
    match &database.read_source {
        Some(ReadSource::Instance(name)) => Some(Copied {
            option: "readSourceDB",
            property: "SourceDBInstanceIdentifier",
            kind: "db",
            name,
        }),
        Some(ReadSource::Resource(_)) | None => None,
    }
}

impl Copied<'_> {
    /// Its ARN, in lower case as RDS has identifiers; an identifier alone is of the account and the region of the cluster.
    fn arn(&self, cluster_arn: &str) -> String {
        let name = self.name.to_ascii_lowercase();
        if name.starts_with("arn:") {
            return name;
        }
        let mut cluster = cluster_arn.split(':');
        let partition = cluster.nth(1).unwrap_or_default();
        let (region, account) = (cluster.nth(1), cluster.next());
        let (region, account) = (region.unwrap_or_default(), account.unwrap_or_default());
        format!(
            "arn:{partition}:rds:{region}:{account}:{}:{name}",
            self.kind
        )
    }

    /// Whether something that stands was made from it.
    fn was(&self, template: &Value) -> bool {
        let resources = template["Resources"].as_object();
        let mut resources = resources.into_iter().flat_map(|all| all.values());
        resources.any(|one| {
            let value = one["Properties"].get(self.property);
            value.and_then(Value::as_str) == Some(self.name)
        })
    }
}

/// The parts of an ARN that say where.
const REGION: usize = 3;
const ACCOUNT: usize = 4;

fn part(arn: &str, place: usize) -> &str {
    arn.split(':').nth(place).unwrap_or_default()
}

/// Whether it is called as CloudFormation calls what is in the App's stack; RDS puts `rds:` before snapshots of its own.
fn is_own(id: &AppId, cluster_arn: &str, arn: &str) -> bool {
    let name = arn.splitn(7, ':').nth(6).unwrap_or_default();
    let name = name.strip_prefix("rds:").unwrap_or(name);
    let own = name.strip_prefix(&id.stack());
    part(arn, ACCOUNT) == part(cluster_arn, ACCOUNT)
        && own.is_some_and(|rest| rest.starts_with('-'))
}

#[cfg(test)]
mod tests {
    use names::{AppName, RackName};
    use serde_json::json;

    use super::*;

    const CLUSTER: &str = "arn:aws-cn:ecs:cn-north-1:123456789012:cluster/main";

    fn id(app: &str) -> AppId {
        AppId {
            rack: RackName::new("myrack").unwrap(),
            app: AppName::new(app).unwrap(),
        }
    }

    fn snapshot(name: &str) -> Copied<'_> {
        Copied {
            option: "snapshot",
            property: "DBSnapshotIdentifier",
            kind: "snapshot",
            name,
        }
    }

    #[test]
    fn an_identifier_is_of_the_racks_account_and_region() {
        let whole = "arn:aws:rds:eu-west-1:210987654321:snapshot:theirs";
        let here = "arn:aws-cn:rds:cn-north-1:123456789012:snapshot:by-hand";
        assert_eq!(snapshot("By-Hand").arn(CLUSTER), here);
        assert_eq!(snapshot(whole).arn(CLUSTER), whole);
    }

    #[test]
    fn what_is_called_after_the_stack_of_the_app_is_its_own_and_nothing_else() {
        let (shop, other) = (id("shop").stack(), id("shop-eu").stack());
        for (name, want) in [
            (format!("{shop}-snapshot-main-1a2b"), true),
            (format!("{}-SNAPSHOT-MAIN-1A2B", shop.to_uppercase()), true),
            (format!("rds:{shop}-main-1a2b-2026-11-29-03-04"), true),
            (
                format!("arn:aws-cn:rds:cn-northwest-1:123456789012:snapshot:{shop}-main"),
                true,
            ),
            (
                format!("arn:aws-cn:rds:cn-north-1:210987654321:snapshot:{shop}-main"),
                false,
            ),
            (shop.clone(), false),
            (format!("{shop}x-main"), false),
            (format!("{other}-main-1a2b"), false),
            (format!("x-{shop}-main"), false),
            (format!("awsbackup:{shop}-main"), false),
            ("by-hand".to_owned(), false),
            (String::new(), false),
        ] {
            let arn = snapshot(&name).arn(CLUSTER);
            assert_eq!(is_own(&id("shop"), CLUSTER, &arn), want, "{name}");
        }
    }

    #[test]
    fn what_a_standing_database_was_made_from_is_known_by_its_property() {
        let template = json!({"Resources": {
            "Group": {"Type": "AWS::EC2::SecurityGroup"},
            "Main": {"Properties": {"DBSnapshotIdentifier": "by-hand"}},
        }});
        assert!(snapshot("by-hand").was(&template));
        assert!(!snapshot("another").was(&template));
        assert!(!snapshot("by-hand").was(&Value::Null));
        let replica = Copied {
            property: "SourceDBInstanceIdentifier",
            ..snapshot("by-hand")
        };
        assert!(!replica.was(&template));
    }
}
