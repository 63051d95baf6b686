//! What others do with what is the App's: ECS, Secrets Manager, and people with tools of their own.

use rig::chance::Chance;

use super::outside::{Outside, Secret};

/// Labels that somebody else attaches to versions of the secret.
const LABELS: [&str; 3] = ["AWSPENDING", "audit", "green"];

impl Outside {
    /// Somebody does something; in words, what.
    pub fn interfere(&mut self, chance: &mut Chance, now: i64) -> Option<&'static str> {
        self.changes += 1;
        match chance.below(8) {
            0..=2 => {
                let can = self.can_go_back();
                let name = can.get(chance.below(can.len()))?;
                self.go_back(name, now);
                Some("ECS goes back")
            }
            3 => {
                self.complete_deployments();
                Some("deployments end")
            }
            4 => {
                self.secret.as_mut()?.delete_unlabelled();
                Some("versions vanish")
            }
            5 | 6 => self.secret.as_mut()?.label_otherwise(chance),
            _ => {
                self.secret.as_mut()?.overwrite()?;
                Some("versions of somebody else")
            }
        }
    }
}

impl Secret {
    /// Somebody takes all labels of their own away, or attaches one to any version.
    fn label_otherwise(&mut self, chance: &mut Chance) -> Option<&'static str> {
        if !self.foreign.is_empty() && chance.once_in(2) {
            self.foreign.clear();
            return Some("labels taken away");
        }
        let label = chance.one_of(&LABELS);
        let ids: Vec<&String> = self.versions.keys().collect();
        let id = ids.get(chance.below(ids.len()))?;
        let id = (*id).clone();
        if !self.has_room() {
            return None;
        }
        self.foreign.insert(label.to_owned(), id);
        Some("labels of somebody else")
    }

    /// Somebody attaches one more label to the current version, if there is room.
    pub fn audit(&mut self) {
        if self.has_room() {
            let label = format!("audit {}", self.foreign.len());
            self.foreign.insert(label, self.current.clone());
        }
    }

    /// Somebody writes a version of their own, which is current then.
    fn overwrite(&mut self) -> Option<()> {
        if self.is_deleted || !self.has_room() {
            return None;
        }
        let id = format!("of somebody else, {}", self.versions.len());
        self.versions.insert(id.clone(), self.version("{}"));
        self.make_current(&id);
        self.is_overwritten = true;
        Some(())
    }
}

impl Outside {
    /// Somebody breaks something of the App's; in words, what.
    pub fn break_something(&mut self, chance: &mut Chance) -> Option<&'static str> {
        self.changes += 1;
        match chance.below(12) {
            0 => {
                let name = one_of(self.services.keys(), chance)?;
                self.services.remove(&name);
                Some("a service deleted")
            }
            1 | 2 => self.move_otherwise(chance),
            3 => {
                let name = one_of(self.rules.keys(), chance)?;
                self.rules.remove(&name);
                Some("a rule deleted")
            }
            4 => {
                let name = one_of(self.rules.keys(), chance)?;
                "rate(1 day)".clone_into(&mut self.rules.get_mut(&name)?.schedule);
                Some("a rule rescheduled")
            }
            5 => {
                let name = one_of(self.rules.keys(), chance)?;
                self.rules.get_mut(&name)?.target = None;
                Some("a rule without target")
            }
            6 | 7 => {
                let place = chance.below(self.revisions.len());
                self.revisions.get_mut(place)?.is_active = false;
                Some("a revision deregistered")
            }
            8 => {
                self.secret.take()?;
                Some("the secret deleted")
            }
            9 => {
                self.secret.as_mut()?.is_deleted = true;
                Some("the secret scheduled for deletion")
            }
            10 => {
                let secret = self.secret.as_mut()?;
                let id = one_of(secret.kept.iter(), chance)?;
                secret.kept.remove(&id);
                Some("an own label taken away")
            }
            _ => {
                let secret = self.secret.as_mut()?;
                let id = one_of(secret.versions.keys(), chance)?;
                secret.make_current(&id);
                Some("another version made current")
            }
        }
    }

    /// Somebody moves a service to any of its revisions.
    fn move_otherwise(&mut self, chance: &mut Chance) -> Option<&'static str> {
        let name = one_of(self.services.keys(), chance)?;
        let revisions = self.revisions.iter();
        let revisions = revisions.filter(|it| it.is_active && it.definition.family == name);
        let arn = one_of(revisions.map(|revision| &revision.arn), chance)?;
        let seen = &mut self.services.get_mut(&name)?.seen;
        seen.may_run = [arn.clone(), seen.task_definition.clone()].into();
        seen.task_definition = arn;
        Some("a service moved")
    }
}

fn one_of<'a>(all: impl Iterator<Item = &'a String>, chance: &mut Chance) -> Option<String> {
    let all: Vec<&String> = all.collect();
    all.get(chance.below(all.len())).map(|one| (*one).clone())
}
