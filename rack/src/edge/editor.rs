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

/// `TMPFS_MAGIC` and `RAMFS_MAGIC` of Linux (`statfs(2)`).
const IN_MEMORY: [i128; 2] = [0x0102_1994, 0x8584_58f6];

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

/// Lets the caller edit a text; none where it is left as it was. What a signal ends leaves nothing behind either.
///
/// # Errors
///
/// [`RackError`] when there is no place for the file, or the editor fails.
pub async fn edited(
    text: &str,
    editor: &str,
    places: &[PathBuf],
) -> Result<Option<Zeroizing<String>>, RackError> {
    // A folder of its own, so that what the editor writes beside the file goes too.
    let folder = places.iter().find_map(|place| folder(place).ok());
    let folder = folder
        .ok_or_else(|| system("make a folder for the edit", io::ErrorKind::NotFound.into()))?;
    let path = folder.path().join("env");
    let file = fs::OpenOptions::new()
        .write(true)
        .create_new(true)
        .mode(0o600)
        .open(&path);
    let mut file = file.map_err(|err| system("make a file for the edit", err))?;
    file.write_all(text.as_bytes())
        .map_err(|err| system("write the file for the edit", err))?;
    drop(file);
    let ended = run(editor, &path).await;
    let edited = ended.and_then(|()| {
        let read = fs::read_to_string(&path).map(Zeroizing::new);
        read.map_err(|err| system("read what was edited", err))
    });
    folder
        .close()
        .map_err(|err| system("remove the file of the edit", err))?;
    Ok(Some(edited?).filter(|edited| edited.as_str() != text))
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
        let edited = edited("A=1\n", editor, &[place.to_owned()]).await?;
        Ok(edited.map(|text| text.to_string()))
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
