//! Whom an auditor believes: a policy file (C2SP tlog-policy), named by a flag or by the context.

use std::path::{Path, PathBuf};

use model::audit::note::Note;
use model::audit::trust::{Believed, Trust};

use crate::context::{Context, Globals};
use crate::error::CliError;

/// The policy of a file.
pub fn read(path: &Path) -> Result<Trust, CliError> {
    let text = std::fs::read_to_string(path).map_err(|error| CliError::path(path, error))?;
    Trust::parse(&text).map_err(|error| CliError::flag("--policy", format!("{}: {error}", path.display())))
}

/// The policy that was named, else that of the context, if there is a context and it names one.
pub fn chosen(globals: &Globals, named: Option<&Path>) -> Result<Option<Trust>, CliError> {
    let path: Option<PathBuf> = match (named, &globals.context) {
        (Some(path), _) => Some(path.to_path_buf()),
        (None, Some(context)) if context.exists() => Context::read(context)?.audit_policy,
        (None, _) => None,
    };
    path.as_deref().map(read).transpose()
}

/// Checks a checkpoint; what does not hold is a failed verification.
pub fn check(trust: &Trust, note: &Note) -> Result<Believed, CliError> {
    trust.check(note).map_err(|error| CliError::Verification(error.to_string()))
}
