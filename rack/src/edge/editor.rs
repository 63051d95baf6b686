//! An environment in the caller's editor: in memory where the system has such a place, for the caller alone, removed always.

use std::fs;
use std::io::{self, Write as _};
use std::os::unix::fs::{OpenOptionsExt as _, PermissionsExt as _};
use std::path::{Path, PathBuf};

use rustix::fs::statfs;
use tempfile::TempDir;
use tokio::process::Command;
use tokio::signal::unix::{SignalKind, signal};
use zeroize::Zeroizing;

use crate::error::RackError;
use names::error_chain::Chain;

/// `TMPFS_MAGIC` and `RAMFS_MAGIC` of Linux (`statfs(2)`).
const IN_MEMORY: [i128; 2] = [0x0102_1994, 0x8584_58f6];
/// How lines begin that say what is wrong: comments of a .env file.
const TOLD: &str = "#! ";

/// Where the file of an edit can be, the best place first; the last one is always there.
pub fn places(runtime: Option<String>, temporary: PathBuf) -> Vec<PathBuf> {
    let in_memory = runtime
        .map(PathBuf::from)
        .into_iter()
        .chain([PathBuf::from("/dev/shm")]);
    let in_memory = in_memory.filter(|place| is_in_memory(place));
    in_memory.chain([temporary]).collect()
}

/// Whether what is written there never comes to a disk, but for swap.
#[must_use]
pub fn is_in_memory(place: &Path) -> bool {
    statfs(place).is_ok_and(|seen| IN_MEMORY.contains(&i128::from(seen.f_type)))
}

/// Lets the caller edit a text, and reads what became of it; none where it is left as it was. What a signal ends leaves nothing
/// behind either.
///
/// What `read` refuses is shown once more with the reason above it, where somebody is there to mend it (`asks_again`): whatever
/// was typed is still there. Who leaves it as it is then gives up.
///
/// # Errors
///
/// [`RackError`] when there is no place for the file, the editor fails, or what was edited cannot be read.
pub async fn edited<T>(
    text: &str,
    editor: &str,
    places: &[PathBuf],
    asks_again: bool,
    read: impl Fn(&str) -> Result<T, RackError>,
) -> Result<Option<T>, RackError> {
    // A folder of its own, so that what the editor writes beside the file goes too.
    let folder = places.iter().find_map(|place| folder(place).ok());
    let folder = folder
        .ok_or_else(|| system("make a folder for the edit", io::ErrorKind::NotFound.into()))?;
    let path = folder.path().join("env");
    let edited = rounds(&path, text, editor, asks_again, read).await;
    folder
        .close()
        .map_err(|err| system("remove the file of the edit", err))?;
    edited
}

async fn rounds<T>(
    path: &Path,
    text: &str,
    editor: &str,
    asks_again: bool,
    read: impl Fn(&str) -> Result<T, RackError>,
) -> Result<Option<T>, RackError> {
    let mut shown = Zeroizing::new(text.to_owned());
    let mut refused = None;
    loop {
        write(path, &shown).map_err(|err| system("write the file for the edit", err))?;
        run(editor, path).await?;
        let edited = fs::read_to_string(path).map(Zeroizing::new);
        let edited = edited.map_err(|err| system("read what was edited", err))?;
        if *edited == *shown {
            return refused.map_or(Ok(None), Err);
        }
        match read(&edited) {
            Err(err) if asks_again => {
                shown = told(&err, &edited, &read);
                refused = Some(err);
            }
            read => return read.map(Some),
        }
    }
}

/// Into a new file that nobody else reads.
fn write(path: &Path, text: &str) -> io::Result<()> {
    match fs::remove_file(path) {
        Err(err) if err.kind() != io::ErrorKind::NotFound => return Err(err),
        _ => {}
    }
    let mut file = fs::OpenOptions::new();
    let file = file.write(true).create_new(true).mode(0o600).open(path);
    file?.write_all(text.as_bytes())
}

/// What was edited, below what is wrong with it; what an earlier round said is gone. Numbers of lines are those of the whole.
fn told<T>(
    err: &RackError,
    edited: &str,
    read: impl Fn(&str) -> Result<T, RackError>,
) -> Zeroizing<String> {
    let lines = edited.split_inclusive('\n');
    let lines = lines.skip_while(|line| line.starts_with(TOLD));
    let rest: Zeroizing<String> = Zeroizing::new(lines.collect());
    let below = |err: &RackError| {
        let why = Chain(err).to_string();
        let why = why.lines().map(|line| format!("{TOLD}{line}\n"));
        Zeroizing::new(why.collect::<String>() + &rest)
    };
    let whole = below(err);
    match read(&whole) {
        Err(err) => below(&err),
        Ok(_) => whole,
    }
}

fn folder(place: &Path) -> io::Result<TempDir> {
    let mut folder = tempfile::Builder::new();
    let folder = folder.prefix("rack-edit-");
    let for_me_alone = fs::Permissions::from_mode(0o700);
    folder.permissions(for_me_alone).tempdir_in(place)
}

async fn run(editor: &str, path: &Path) -> Result<(), RackError> {
    // `EDITOR` may have arguments (`code --wait`): as git does, a shell takes it apart.
    let mut command = Command::new("/bin/sh");
    command
        .args(["-c", &format!("{editor} \"$@\""), editor])
        .arg(path)
        .kill_on_drop(true);
    let listen = |kind| signal(kind).map_err(|err| system("listen to signals", err));
    // The terminal tells these to the editor too, which may have another use for the first.
    let _interrupt = listen(SignalKind::interrupt())?;
    let (mut end, mut hangup) = (
        listen(SignalKind::terminate())?,
        listen(SignalKind::hangup())?,
    );
    let mut child = command
        .spawn()
        .map_err(|err| failed("the editor does not start", Some(err)))?;
    let status = tokio::select! {
        status = child.wait() => status.map_err(|err| system("wait for the editor", err))?,
        _ = end.recv() => return Err(failed("the edit was ended", None)),
        _ = hangup.recv() => return Err(failed("the terminal is gone", None)),
    };
    if status.success() {
        Ok(())
    } else {
        Err(failed("the editor ended with an error", None))
    }
}

fn failed(what: &str, source: Option<io::Error>) -> RackError {
    let what = what.to_owned();
    RackError::Editor { what, source }
}

fn system(what: &'static str, source: io::Error) -> RackError {
    RackError::System { what, source }
}

#[cfg(test)]
mod tests {
    use super::*;

    async fn edit(editor: &str, place: &Path) -> Result<Option<String>, RackError> {
        edits(editor, place, false).await
    }

    async fn edits(
        editor: &str,
        place: &Path,
        asks_again: bool,
    ) -> Result<Option<String>, RackError> {
        let wrong = |line: &str| line.contains("wrong") && !line.starts_with('#');
        let read = |text: &str| match text.lines().position(wrong) {
            None => Ok(text.to_owned()),
            Some(line) => Err(RackError::Use(format!("line {}: wrong", line + 1))),
        };
        edited("A=1\n", editor, &[place.to_owned()], asks_again, read).await
    }

    #[tokio::test]
    async fn what_cannot_be_read_is_shown_again_with_the_reason_and_nothing_typed_is_lost() {
        let place = tempfile::tempdir().unwrap();
        let seen = place.path().join("seen");
        // First a mistake, then another one, then it is mended.
        let editor = format!(
            "sh -c 'cat \"$0\" >> {0}; if grep -q wronger \"$0\"; then sed -i s/wronger/right/ \"$0\"; \
             elif grep -q wrong \"$0\"; then sed -i s/wrong$/wronger/ \"$0\"; else echo B=wrong >> \"$0\"; fi'",
            seen.display()
        );
        let got = edits(&editor, place.path(), true).await.unwrap();
        assert_eq!(got.unwrap(), "#! line 3: wrong\nA=1\nB=right\n");
        let seen = fs::read_to_string(&seen).unwrap();
        let want = "A=1\n#! line 3: wrong\nA=1\nB=wrong\n#! line 3: wrong\nA=1\nB=wronger\n";
        assert_eq!(seen, want);
        // Nobody is there to mend it; then somebody who leaves it so.
        for asks_again in [false, true] {
            let editor = "sh -c 'grep -q wrong \"$0\" || echo B=wrong >> \"$0\"'";
            let err = edits(editor, place.path(), asks_again).await.unwrap_err();
            assert_eq!(err.to_string(), "line 2: wrong");
        }
        assert_eq!(fs::read_dir(place.path()).unwrap().count(), 1);
    }

    #[tokio::test]
    async fn nothing_of_an_edit_is_left_however_it_ends() {
        let place = tempfile::tempdir().unwrap();
        for (editor, want) in [
            ("true", Some(None)),
            ("printf 'B=2\\n' >", Some(Some("B=2\n"))),
            (
                "sh -c 'cp \"$0\" \"$0.swp\"; echo C=3 >> \"$0\"'",
                Some(Some("A=1\nC=3\n")),
            ),
            ("false", None),
            ("rm", None),
            ("no-such-editor", None),
        ] {
            let got = edit(editor, place.path()).await;
            assert_eq!(
                got.ok(),
                want.map(|text| text.map(str::to_owned)),
                "{editor}"
            );
            assert_eq!(fs::read_dir(place.path()).unwrap().count(), 0, "{editor}");
        }
    }

    #[tokio::test]
    async fn nobody_else_reads_the_file() {
        let place = tempfile::tempdir().unwrap();
        let modes = place.path().join("modes");
        let editor = format!(
            "sh -c 'stat -c %a \"$0\" \"$(dirname \"$0\")\" > {}'",
            modes.display()
        );
        edit(&editor, place.path()).await.unwrap();
        assert_eq!(fs::read_to_string(&modes).unwrap(), "600\n700\n");
    }

    #[test]
    fn the_file_is_in_memory_where_there_is_such_a_place() {
        let places = places(Some("/proc".to_owned()), PathBuf::from("/tmp"));
        assert_eq!(places.last(), Some(&PathBuf::from("/tmp")));
        assert!(!places.contains(&PathBuf::from("/proc")));
        assert_eq!(
            places.contains(&PathBuf::from("/dev/shm")),
            is_in_memory(Path::new("/dev/shm"))
        );
    }
}
