//! The options of a file system. Source of the bounds: EFS API reference, `CreateAccessPoint`, `PosixUser`,
//! `RootDirectory` and `CreationInfo`.

use super::options::{Known, Options};
use super::{FileSystem, defaults};

const PATH_LENGTH_MAX: usize = 100;
const PATH_FOLDERS_MAX: usize = 4;

/// What a file system can say.
pub(super) const KNOWN: Known = Known {
    resource_type: "efs",
    used: &["encrypted", "owner-gid", "owner-uid", "path", "permissions"],
    unused: &["autoMinorVersionUpgrade", "password"],
};

/// Reads the options. What is wrong is noted, and left out.
pub(super) fn read(options: &mut Options<'_, '_>) -> FileSystem {
    let owner = "use a numeric id from 0 to 4294967295";
    let mut owner = |name| {
        options
            .number(name, 0..=u32::MAX, owner)
            .unwrap_or(defaults::OWNER)
    };
    let (group, user) = (owner("owner-gid"), owner("owner-uid"));
    FileSystem {
        encrypted: options.flag("encrypted").unwrap_or(false),
        owner_gid: group,
        owner_uid: user,
        path: path(options),
        permissions: permissions(options),
    }
}

fn path(options: &mut Options<'_, '_>) -> String {
    let Some(text) = options.get("path") else {
        return defaults::PATH.to_owned();
    };
    if !is_path(&text.value) {
        let help =
            "use an absolute path of at most four folders and 100 characters, such as `/shared`";
        options.wrong(text, help);
    }
    text.value.clone()
}

fn is_path(text: &str) -> bool {
    let Some(folders) = text.strip_prefix('/') else {
        return false;
    };
    let is_folder = |folder: &str| {
        let refused = |c: char| c.is_control() || "$#<>;`|&?{}^*".contains(c);
        !folder.is_empty() && !folder.starts_with('.') && !folder.contains(refused)
    };
    let short = text.len() <= PATH_LENGTH_MAX && folders.split('/').count() <= PATH_FOLDERS_MAX;
    folders.is_empty() || short && folders.split('/').all(is_folder)
}

fn permissions(options: &mut Options<'_, '_>) -> String {
    let Some(text) = options.get("permissions") else {
        return defaults::PERMISSIONS.to_owned();
    };
    // As written: YAML, and with it Convox, makes 511 of an unquoted 0777, which EFS would take for r-x--x--x.
    let written = text.written.text.trim();
    let digits = written.strip_prefix("0o").unwrap_or(written);
    let octal = digits.bytes().all(|byte| (b'0'..=b'7').contains(&byte));
    if !octal || !(3..=4).contains(&digits.len()) {
        options.wrong(text, "use three or four octal digits, such as `0777`");
    }
    digits.to_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_path_is_what_efs_takes() {
        let long = format!("/{}", "a".repeat(PATH_LENGTH_MAX));
        for (text, want) in [
            ("/", true),
            ("/root-directory", true),
            ("/a/b/c/d", true),
            ("/a/b/c/d/e", false),
            ("/a b", true),
            ("a", false),
            ("", false),
            ("/a/", false),
            ("//a", false),
            ("/../a", false),
            ("/a;b", false),
            ("/a\nb", false),
            (&long, false),
        ] {
            assert_eq!(is_path(text), want, "{text}");
        }
    }
}
