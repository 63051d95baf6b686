//! A zip archive of one executable file, stored as it is. Source: PKWARE's .ZIP File Format Specification 6.3.10, 4.3 and 4.4.
//!
//! Half a page: the crate for it would give `zeroize` another feature, and with that every build of the SDK another one.

const LOCAL: u32 = 0x0403_4b50;
const CENTRAL: u32 = 0x0201_4b50;
const END: u32 = 0x0605_4b50;
/// 2.0, the first with folders; and made on Unix, so that the mode below counts.
const VERSION: u16 = 20;
const MADE_BY: u16 = 3 << 8 | VERSION;
/// A regular file that everybody may run, as Unix has it in its upper half.
const MODE: u32 = 0o100_755 << 16;
/// The first of January 1980, the oldest date that there is.
const DATE: u16 = 1 << 5 | 1;

/// The archive.
pub(super) fn of_program(name: &str, content: &[u8]) -> Vec<u8> {
    let mut archive = Vec::with_capacity(content.len() + 256);
    archive.extend(LOCAL.to_le_bytes());
    archive.extend(common(name, content));
    archive.extend(name.as_bytes());
    archive.extend(content);
    let central = archive.len();
    archive.extend(CENTRAL.to_le_bytes());
    archive.extend(MADE_BY.to_le_bytes());
    archive.extend(common(name, content));
    archive.extend([0; 6]); // no comment, the first disk, no text
    archive.extend(MODE.to_le_bytes());
    archive.extend(0_u32.to_le_bytes()); // where the local header is
    archive.extend(name.as_bytes());
    let size = archive.len() - central;
    archive.extend(END.to_le_bytes());
    archive.extend([0, 0, 0, 0, 1, 0, 1, 0]); // of one disk, with one entry
    archive.extend(long(size).to_le_bytes());
    archive.extend(long(central).to_le_bytes());
    archive.extend([0; 2]); // no comment
    archive
}

/// What both headers say of the file.
fn common(name: &str, content: &[u8]) -> Vec<u8> {
    let size = long(content.len());
    let length = u16::try_from(name.len()).expect("the name is short");
    let mut header = Vec::new();
    for short in [VERSION, 0, 0, 0, DATE] {
        header.extend(short.to_le_bytes()); // no flags, stored, at midnight
    }
    for long in [crc32fast::hash(content), size, size] {
        header.extend(long.to_le_bytes());
    }
    header.extend(length.to_le_bytes());
    header.extend([0; 2]); // nothing extra
    header
}

fn long(number: usize) -> u32 {
    u32::try_from(number).expect("an archive of less than 4 GB")
}

#[cfg(test)]
mod tests {
    use std::fs;
    use std::process::Command;

    use super::*;
    use crate::tools;

    /// By Python's own reader, as the emulator reads packages.
    #[test]
    fn what_reads_zips_finds_the_program_with_its_mode() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("a.zip");
        let content = b"#!/bin/sh\necho it runs\n".repeat(1000);
        fs::write(&path, of_program("bootstrap", &content)).unwrap();
        let script = "import sys, zipfile\nzip = zipfile.ZipFile(sys.argv[1])\nassert zip.testzip() is None\n\
                      [entry] = zip.infolist()\nprint(entry.filename, entry.file_size, oct(entry.external_attr >> 16))";
        let mut python = Command::new(tools::python());
        let output = python.args(["-c", script]).arg(&path).output().unwrap();
        let said = String::from_utf8_lossy(&output.stderr);
        let printed = String::from_utf8_lossy(&output.stdout);
        let want = format!("bootstrap {} 0o100755", content.len());
        assert_eq!(printed.trim(), want, "{said}");
    }
}
