//! Small files that are replaced whole: readers see the old content or the new, never a part.

use std::io::Write;
use std::path::Path;

use crate::error::CliError;

/// Writes a file under another name, syncs it and renames it into place.
pub fn write_atomically(path: &Path, content: &[u8]) -> Result<(), CliError> {
    let write = || {
        let dir = path.parent().filter(|dir| !dir.as_os_str().is_empty()).unwrap_or(Path::new("."));
        let mut file = tempfile::Builder::new().prefix(".portcullis-").tempfile_in(dir)?;
        file.write_all(content)?;
        file.as_file().sync_all()?;
        #[cfg(unix)]
        {
            use std::os::unix::fs::PermissionsExt;
            // A temporary file is its owner's alone; what is written here is meant to be read by others, too.
            file.as_file().set_permissions(std::fs::Permissions::from_mode(0o644))?;
        }
        file.persist(path).map_err(|error| error.error)?;
        std::fs::File::open(dir)?.sync_all()
    };
    write().map_err(|error| CliError::path(path, error))
}

/// A file that only its owner may read; one that is there already is an error, since it may open what was sealed with it.
pub fn write_secret(path: &Path, text: &str) -> Result<(), CliError> {
    let mut options = std::fs::OpenOptions::new();
    options.write(true).create_new(true);
    #[cfg(unix)]
    std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
    let write = || {
        let mut file = options.open(path)?;
        file.write_all(text.as_bytes())?;
        file.sync_all()
    };
    write().map_err(|error| CliError::path(path, error))
}
