//! Files that the program keeps for its user: known servers, certificates, bans.
//!
//! Under its own name there is a whole file or none at any time, whenever the power fails. Only its owner may read it.

use std::fs::{self, DirBuilder, OpenOptions};
use std::io::{self, ErrorKind, Write};
use std::os::unix::fs::{DirBuilderExt, OpenOptionsExt};
use std::path::{Path, PathBuf};

/// Writes a file. It takes the place of the one that is there.
pub(crate) fn replace(path: &Path, text: &str) -> io::Result<()> {
    by_draft(path, text, |draft| fs::rename(draft, path))
}

/// Writes a file, unless there is one: of several programs that do so at the same time, all use what the first one has written.
pub(crate) fn create(path: &Path, text: &str) -> io::Result<()> {
    by_draft(path, text, |draft| match fs::hard_link(draft, path) {
        Err(e) if e.kind() == ErrorKind::AlreadyExists => Ok(()),
        linked => linked,
    })
}

/// Makes a directory for such files, and those above it.
pub(crate) fn make_directory(path: &Path) -> io::Result<()> {
    DirBuilder::new().recursive(true).mode(0o700).create(path)
}

/// Writes a draft beside a file, and lets `publish` give it the file's name.
fn by_draft(path: &Path, text: &str, publish: impl FnOnce(&Path) -> io::Result<()>) -> io::Result<()> {
    let draft = draft_of(path)?;
    // One that is left over may have other permissions, or be a link to somewhere else.
    let _ = fs::remove_file(&draft);
    let published = OpenOptions::new().write(true).create_new(true).mode(0o600).open(&draft).and_then(|mut file| {
        file.write_all(text.as_bytes())?;
        file.sync_all()?;
        publish(&draft)
    });
    // After a rename it is not there.
    let _ = fs::remove_file(&draft);
    published
}

/// Each process has a draft of its own.
fn draft_of(path: &Path) -> io::Result<PathBuf> {
    let mut name = path.file_name().ok_or(ErrorKind::InvalidFilename)?.to_owned();
    name.push(format!(".{}.new", std::process::id()));
    Ok(path.with_file_name(name))
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::os::unix::fs::{PermissionsExt, symlink};

    #[test]
    fn a_file_is_its_owners_alone_and_leaves_nothing_beside_it() {
        let directory = std::env::temp_dir().join(format!("tertulia-files-{}", std::process::id()));
        make_directory(&directory.join("deep")).expect("a temporary directory");
        make_directory(&directory).expect("one that is there");
        let (path, other) = (directory.join("file"), directory.join("other"));
        // Whoever may write there must not make us write elsewhere.
        fs::write(&other, "precious").expect("a temporary file");
        symlink(&other, draft_of(&path).expect("it has a name")).expect("a temporary link");
        create(&path, "one").expect("there is none");
        create(&path, "two").expect("the first one stays");
        assert_eq!(fs::read_to_string(&path).expect("it is there"), "one");
        fs::set_permissions(&path, fs::Permissions::from_mode(0o644)).expect("it is ours");
        replace(&path, "three").expect("it is replaced");
        assert_eq!(fs::read_to_string(&path).expect("it is there"), "three");
        assert_eq!(fs::metadata(&path).expect("it is there").permissions().mode() & 0o777, 0o600);
        assert_eq!(fs::read_to_string(&other).expect("it is there"), "precious");
        assert!(replace(&directory.join("deep"), "").is_err() && create(&directory.join("no/file"), "").is_err());
        assert!(replace(Path::new("/"), "").is_err());
        assert_eq!(fs::read_dir(&directory).expect("it is there").count(), 3, "no draft is left");
        fs::remove_dir_all(&directory).expect("it is there");
    }
}
