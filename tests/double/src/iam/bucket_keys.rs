//! Which key the objects of the settings bucket were written with, where it has changed.

/// The keys that the bucket had, and what was written past the front door.
#[derive(Debug, Clone, Default)]
pub(super) struct BucketKeys {
    /// The key before each change, and how many calls there were by then.
    changes: Vec<(usize, String)>,
    /// What tests have written themselves.
    uploads: Vec<Upload>,
}

#[derive(Debug, Clone)]
struct Upload {
    /// How many calls there were by then.
    calls: usize,
    /// How many changes there were by then.
    changes: usize,
    /// Bucket and key, as a call has them.
    path: String,
}

impl BucketKeys {
    /// From now on, after so many calls, the key is another one than `before`.
    pub(super) fn change(&mut self, calls: usize, before: &str) {
        self.changes.push((calls, before.to_owned()));
    }

    /// After so many calls an object was written past the front door.
    pub(super) fn uploaded(&mut self, calls: usize, path: String) {
        let changes = self.changes.len();
        self.uploads.push(Upload {
            calls,
            changes,
            path,
        });
    }

    /// The key that the call of that number wrote with; none for the key of today.
    pub(super) fn of_call(&self, number: usize) -> Option<&str> {
        let passed = self.changes.iter().filter(|(calls, _)| *calls <= number);
        self.after(passed.count())
    }

    /// What was written between the call before that number and this one, each with its key; none for the key of today.
    pub(super) fn uploads_before(
        &self,
        number: usize,
    ) -> impl Iterator<Item = (&str, Option<&str>)> {
        let uploads = self.uploads.iter();
        let uploads = uploads.filter(move |upload| upload.calls == number);
        uploads.map(|upload| (upload.path.as_str(), self.after(upload.changes)))
    }

    fn after(&self, changes: usize) -> Option<&str> {
        self.changes.get(changes).map(|(_, before)| before.as_str())
    }
}
