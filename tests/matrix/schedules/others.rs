//! What others do with what is the App's: ECS, Secrets Manager, and people with tools of their own.

use rig::chance::Chance;

use super::outside::{Outside, Secret};

/// Labels that somebody else attaches to versions of the secret.
const LABELS: [&str; 3] = ["AWSPENDING", "audit", "green"];

impl Outside {
    /// Somebody does something; in words, what.
    pub fn interfere(&mut self, chance: &mut Chance) -> Option<&'static str> {
        self.changes += 1;
        match chance.below(8) {
            0..=2 => {
                let can = self.can_go_back();
                let name = can.get(chance.below(can.len()))?;
                self.go_back(name);
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
