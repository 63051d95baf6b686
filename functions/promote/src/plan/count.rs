//! How many tasks an ECS service is to run. Pure.
//!
//! convox.yml says it when it changes, as in Convox; in between the number is whoever's who scales the service. So what it said
//! is written down with what is applied, and compared.

use manifest::Count;

use super::checks::Checks;
use super::notice::Notice;
use super::{Process, Runs};
use crate::facts::Wanted;

/// The number that the ECS service of a process gets now, where that is another one than it has.
pub(super) fn change(process: &Process<'_>, of: &Wanted<'_>) -> Option<u32> {
    let Runs::Service {
        found: Some(found), ..
    } = &process.runs
    else {
        return None;
    };
    let wanted = process.count()?.fixed()?;
    let count = match of.applied.map(|applied| process.applied(applied)) {
        // What stands there may be scaled by somebody: the state is lost, or no promote has ended yet. Never to fewer.
        None => Some(wanted.max(found.desired_count)),
        // Nothing applied has it, so a request left it that did not end.
        Some(None) => Some(wanted),
        Some(Some(before)) => {
            let changes = before.count.is_some_and(|said| said != Count::of(wanted));
            // One that did not end may have changed it, and nobody put it back.
            let left = before.was.as_ref().filter(|_| of.interrupted);
            let left = left.and_then(|was| was.count);
            if changes { Some(wanted) } else { left }
        }
    };
    count.filter(|count| *count != found.desired_count)
}

impl Checks {
    /// Says where nobody knows whether convox.yml changed.
    pub(super) fn count(&mut self, wanted: &Wanted<'_>, process: &Process<'_>) {
        let Runs::Service {
            found: Some(found), ..
        } = &process.runs
        else {
            return;
        };
        let said = wanted.applied.and_then(|it| process.applied(it)?.count);
        let Some(count) = process.count().and_then(Count::fixed) else {
            return;
        };
        let stays = change(process, wanted).is_none() && found.desired_count != count;
        if stays && said.is_none() {
            self.warn(Notice::CountStays {
                ecs: &found.name,
                service: &process.service.name,
                runs: found.desired_count,
                count,
            });
        }
    }
}
