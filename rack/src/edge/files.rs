//! Files that the tool leaves.

use std::fs::{self, Permissions};
use std::io::{self, Write as _};
use std::os::unix::fs::PermissionsExt as _;
use std::path::Path;

use tempfile::Builder;

use crate::error::RackError;

/// Writes a file whole: whoever reads it meanwhile sees what was there before. What is no file, such as a device, is written to.
///
/// # Errors
///
/// [`RackError::Write`] when it cannot be written.
pub fn replace(path: &Path, bytes: &[u8]) -> Result<(), RackError> {
    let written = match fs::canonicalize(path) {
        Ok(there) if there.is_file() => renamed(&there, bytes),
        Ok(there) => fs::write(there, bytes),
        Err(_) => renamed(path, bytes), // not there
    };
    written.map_err(|source| RackError::Write {
        path: path.display().to_string(),
        source,
    })
}

fn renamed(path: &Path, bytes: &[u8]) -> io::Result<()> {
    let folder = path
        .parent()
        .filter(|folder| !folder.as_os_str().is_empty());
    let folder = folder.unwrap_or(Path::new("."));
    // As any file that is made: the caller's umask decides.
    let mut builder = Builder::new();
    let builder = builder.permissions(Permissions::from_mode(0o666));
    let mut file = builder.prefix(".rack-").tempfile_in(folder)?;
    file.write_all(bytes)?;
    file.persist(path).map_err(|err| err.error)?;
    Ok(())
}
