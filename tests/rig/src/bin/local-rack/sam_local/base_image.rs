//! The image that functions run in: this machine's own shell and C library, so that what was built here runs, and nothing has
//! to be pulled.
//!
//! SAM CLI adds AWS's Runtime Interface Emulator to it and mounts the function; neither needs more.

use std::collections::BTreeMap;
use std::io;
use std::path::{Path, PathBuf};
use std::process::Command;

use tar::{Builder, EntryType, Header};

use rig::children::which;

/// What the layer of SAM CLI runs.
const PROGRAMS: [&str; 5] = ["sh", "mv", "chmod", "cp", "rm"];
const FOLDERS: [&str; 4] = ["tmp", "opt", "var/task", "var/rapid"];
const CERTIFICATES: &str = "/etc/ssl/certs/ca-certificates.crt";

/// The image as a tar archive, with the libraries that `function` needs.
///
/// # Panics
///
/// When a file of it cannot be read.
pub fn stand_in(function: &Path) -> Vec<u8> {
    archive(function).expect("cannot make an image of this machine's files")
}

fn archive(function: &Path) -> io::Result<Vec<u8>> {
    let mut archive = Builder::new(Vec::new());
    for folder in FOLDERS {
        let mut header = Header::new_gnu();
        header.set_entry_type(EntryType::Directory);
        header.set_mode(0o1777);
        header.set_size(0);
        archive.append_data(&mut header, folder, io::empty())?;
    }
    for (name, file) in files(function)? {
        archive.append_path_with_name(file, name)?; // follows links
    }
    archive.into_inner()
}

fn files(function: &Path) -> io::Result<BTreeMap<PathBuf, PathBuf>> {
    let missing = |name| io::Error::other(format!("there is no {name} on this machine"));
    let mut files = BTreeMap::new();
    for name in PROGRAMS {
        let program = which(name).ok_or_else(|| missing(name))?;
        files.insert(Path::new("bin").join(name), program);
    }
    let programs: Vec<&Path> = files
        .values()
        .map(PathBuf::as_path)
        .chain([function])
        .collect();
    let listed = Command::new("ldd").args(programs).output()?;
    let mut further: Vec<PathBuf> = libraries(&String::from_utf8_lossy(&listed.stdout));
    further.push(CERTIFICATES.into());
    for file in further.into_iter().filter(|file| file.exists()) {
        let name = file.strip_prefix("/").unwrap_or(&file);
        files.insert(name.to_owned(), file.clone());
    }
    Ok(files)
}

/// The files that `ldd` lists, `libc.so.6 => /lib/libc.so.6 (0x00)` for example.
fn libraries(listed: &str) -> Vec<PathBuf> {
    let lines = listed
        .lines()
        .filter(|line| line.starts_with(char::is_whitespace));
    lines
        .filter_map(|line| {
            let (library, _) = line.split_once(" (")?;
            let path = library.rsplit(" => ").next()?.trim();
            path.starts_with('/').then(|| PathBuf::from(path))
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn libraries_are_those_that_are_files() {
        let listed = "/bin/sh:\n\tlinux-vdso.so.1 (0x00007ffc)\n\tlibc.so.6 => /lib/x/libc.so.6 (0x00007f)\n\
                      \t/lib64/ld-linux-x86-64.so.2 (0x00007f)\n\tlibnone.so => not found\n/bin/mv:\n\tstatically linked\n";
        let want = ["/lib/x/libc.so.6", "/lib64/ld-linux-x86-64.so.2"];
        assert_eq!(libraries(listed), want.map(PathBuf::from));
    }

    #[test]
    fn an_image_has_a_shell_its_libraries_and_the_folders() {
        let image = stand_in(Path::new("/bin/sh"));
        let mut archive = tar::Archive::new(image.as_slice());
        let entries = archive.entries().unwrap();
        let names: Vec<String> = entries
            .map(|entry| entry.unwrap().path().unwrap().display().to_string())
            .collect();
        for name in ["var/task", "bin/sh", "bin/mv"] {
            assert!(
                names.iter().any(|it| it.trim_end_matches('/') == name),
                "{names:?}"
            );
        }
        assert!(
            names.iter().any(|name| name.contains("libc.so")),
            "{names:?}"
        );
    }
}
