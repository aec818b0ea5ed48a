//! The handle of a session in a file of its owner's alone, so that all his commands on this machine share one session.

use std::fs::{File, OpenOptions, TryLockError};
use std::io::{self, Write};
use std::path::{Path, PathBuf};

use model::ids::to_hex;
use sha2::{Digest, Sha256};

use crate::SessionStore;

/// The directory, beside the context file.
const DIR: &str = "sessions";

/// The file of one user's session.
#[derive(Debug, Clone)]
pub struct SessionFile {
    path: PathBuf,
}

impl SessionFile {
    /// The file for a user of an agency, beside a context file.
    pub fn beside(context: &Path, agency: &str, user: &str) -> Self {
        let dir = context.parent().unwrap_or(Path::new("")).join(DIR);
        // A name that any file system takes; the digest tells apart what reads alike.
        let plain: String = user.chars().map(|c| if c.is_ascii_alphanumeric() || c == '-' { c } else { '_' }).collect();
        let digest = to_hex(&Sha256::digest(format!("{agency}/{user}"))[..4]);
        Self { path: dir.join(format!("{}-{digest}", plain.chars().take(64).collect::<String>())) }
    }

    fn dir(&self) -> io::Result<()> {
        let Some(dir) = self.path.parent() else { return Ok(()) };
        let mut builder = std::fs::DirBuilder::new();
        builder.recursive(true);
        #[cfg(unix)]
        std::os::unix::fs::DirBuilderExt::mode(&mut builder, 0o700);
        builder.create(dir)
    }

    fn secret(path: &Path) -> io::Result<File> {
        let mut options = OpenOptions::new();
        options.write(true).create(true).truncate(false);
        #[cfg(unix)]
        std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
        options.open(path)
    }
}

impl SessionStore for SessionFile {
    fn load(&self) -> io::Result<Option<String>> {
        match std::fs::read_to_string(&self.path) {
            Ok(text) => Ok(Some(text).filter(|text| !text.trim().is_empty())),
            Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(None),
            Err(error) => Err(error),
        }
    }

    /// Readers see the old handle or the new, never a part.
    fn save(&self, handle: Option<&str>) -> io::Result<()> {
        self.dir()?;
        let Some(handle) = handle else {
            return match std::fs::remove_file(&self.path) {
                Err(error) if error.kind() != io::ErrorKind::NotFound => Err(error),
                _ => Ok(()),
            };
        };
        let dir = self.path.parent().unwrap_or(Path::new("."));
        // Its owner's alone, as every temporary file is.
        let mut file = tempfile::Builder::new().prefix(".session-").tempfile_in(dir)?;
        file.write_all(handle.as_bytes())?;
        file.persist(&self.path).map_err(|error| error.error)?;
        Ok(())
    }

    fn try_lock(&self) -> io::Result<Option<Box<dyn Send>>> {
        self.dir()?;
        let file = Self::secret(&self.path.with_extension("lock"))?;
        match file.try_lock() {
            Ok(()) => Ok(Some(Box::new(file))),
            Err(TryLockError::WouldBlock) => Ok(None),
            Err(TryLockError::Error(error)) => Err(error),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn processes_share_a_handle_and_one_of_them_logs_on() {
        let temp = tempfile::tempdir().expect("directory");
        let of = |user: &str| SessionFile::beside(&temp.path().join("context.json"), "CBP", user);
        let (one, other) = (of("officer/7"), of("officer/7"));
        assert_eq!(one.load().expect("reads"), None);
        let lock = one.try_lock().expect("locks").expect("free");
        assert!(other.try_lock().expect("asks").is_none(), "held");
        one.save(Some("ab")).expect("writes");
        drop(lock);
        assert!(other.try_lock().expect("asks").is_some());
        assert_eq!(other.load().expect("reads").as_deref(), Some("ab"));
        assert_eq!(of("officer_7").load().expect("reads"), None, "somebody else");
        #[cfg(unix)]
        {
            use std::os::unix::fs::PermissionsExt;
            let mode = std::fs::metadata(&one.path).expect("there").permissions().mode();
            assert_eq!(mode & 0o077, 0, "nobody else's to read");
        }
        other.save(None).expect("removes");
        assert_eq!(one.load().expect("reads"), None);
    }
}
