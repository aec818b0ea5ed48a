//! Passwords and codes: typed without echo, or read from files by scripts; and the command that sets a password.

use std::io::IsTerminal;
use std::path::{Path, PathBuf};

use client::v1;
use client::v1::set_password_request::By;
use model::password::Password;
use model::time::Clock;
use model::totp::{CodeDigest, CodeSecret, step_of};
use serde::Serialize;

use crate::context::Globals;
use crate::error::CliError;
use crate::files::write_secret;
use crate::output::note;
use crate::system::SystemClock;

/// By which factors somebody proves who he is; none: by his certificate.
#[derive(Debug, Clone, Default, clap::Args)]
pub struct FactorArgs {
    /// Prove yourself by password and code, which are asked for.
    #[arg(long)]
    pub password: bool,
    /// The password is the first line of this file; for scripts, which keep it from others.
    #[arg(long, value_name = "FILE")]
    pub password_file: Option<PathBuf>,
    /// Codes are made of the authenticator in this file (otpauth://..., or its secret); for scripts. The two files together are
    /// both factors: keep them apart.
    #[arg(long, value_name = "FILE")]
    pub totp_file: Option<PathBuf>,
}

impl FactorArgs {
    /// The factors, asked for where no file holds them.
    pub fn read(&self) -> Result<Option<v1::Factors>, CliError> {
        if !self.password && self.password_file.is_none() && self.totp_file.is_none() {
            return Ok(None);
        }
        let password = match &self.password_file {
            Some(file) => first_line(file)?,
            None => asked("Password: ", "--password-file")?,
        };
        let code = match &self.totp_file {
            Some(file) => code_of(file)?,
            None => asked("Code: ", "--totp-file")?.replace(' ', ""),
        };
        Ok(Some(v1::Factors { password, code }))
    }
}

/// Flags of `password`.
#[derive(Debug, clap::Args)]
pub struct PasswordArgs {
    /// The one-time secret that your control officer issued (`portcullis user enrol`): sets your first password and your
    /// authenticator. Else you show the password and a code of before.
    #[arg(long, value_name = "FILE", conflicts_with_all = ["password", "password_file", "totp_file"])]
    pub enrolment: Option<PathBuf>,
    /// The new password is the first line of this file; asked for if left out.
    #[arg(long, value_name = "FILE")]
    pub new_password_file: Option<PathBuf>,
    /// Where a new authenticator is written, which else is printed.
    #[arg(long, value_name = "FILE", requires = "enrolment")]
    pub authenticator: Option<PathBuf>,
    #[command(flatten)]
    pub factors: FactorArgs,
}

pub const PASSWORD_HELP: &str = "\
A password has 12 characters at least; there are no rules of signs and digits, but what everybody tries first is refused. Several words
that do not belong together are easy to keep. Your sessions by the password of before end.

Examples:
  portcullis password --enrolment officer.enrolment      then take what is printed into your authenticator
  portcullis password                                    with the password and a code of before
  portcullis login --password";

#[derive(Serialize)]
struct Set {
    user: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    authenticator: Option<String>,
}

/// Sets one's own password.
pub async fn password(globals: &Globals, args: PasswordArgs) -> Result<(), CliError> {
    let client = globals.client()?;
    let by = match &args.enrolment {
        Some(file) => By::Enrolment(first_line(file)?),
        None => {
            let factors = FactorArgs { password: true, ..args.factors }.read()?;
            By::Factors(factors.unwrap_or_default())
        }
    };
    let new_password = match &args.new_password_file {
        Some(file) => first_line(file)?,
        None => {
            let new = asked("New password: ", "--new-password-file")?;
            if asked("The same again: ", "--new-password-file")? != new {
                return Err(CliError::Failed("these are two passwords: nothing is changed".into()));
            }
            new
        }
    };
    let user = client.config().user.clone();
    // By the rules before anything is sent, so that a bad one is named at once, and no code is spent on it.
    let by_rule = Password::new("new password", &new_password)?;
    by_rule.check_new("new password", &model::ids::UserId::new(&user)?)?;
    let message = v1::SetPasswordRequest { request_id: String::new(), by: Some(by), new_password };
    let set = client.set_password(message).await?;
    let authenticator = Some(set.authenticator).filter(|text| !text.is_empty());
    if let Some((file, text)) = args.authenticator.as_ref().zip(authenticator.as_ref()) {
        write_secret(file, &(text.clone() + "\n"))?;
    }
    let shown = Set { user, authenticator: authenticator.filter(|_| args.authenticator.is_none()) };
    globals.output.show(&shown, |set| match &set.authenticator {
        None => format!("the password of {} is set", set.user),
        Some(text) => format!(
            "the password of {} is set; take this into your authenticator, it is not shown again:\n{text}",
            set.user
        ),
    })
}

fn asked(prompt: &str, flag: &str) -> Result<String, CliError> {
    if !std::io::stdin().is_terminal() {
        return Err(CliError::Usage(format!("nobody is there to type: give {flag}")));
    }
    note(prompt.trim_end());
    rpassword::read_password().map_err(|error| CliError::io("terminal", error))
}

fn first_line(path: &Path) -> Result<String, CliError> {
    let text = std::fs::read_to_string(path).map_err(|error| CliError::path(path, error))?;
    Ok(text.lines().next().unwrap_or_default().to_string())
}

/// The code of now of an authenticator in a file.
fn code_of(path: &Path) -> Result<String, CliError> {
    let secret = secret_in(&first_line(path)?);
    let secret =
        secret.ok_or_else(|| CliError::Usage(format!("{}: holds no authenticator of ours", path.display())))?;
    Ok(secret.code(step_of(SystemClock.now())))
}

fn secret_in(text: &str) -> Option<CodeSecret> {
    let field = |name: &str| text.split(['?', '&']).find_map(|part| part.strip_prefix(name));
    let digest = if field("algorithm=") == Some("SHA256") { CodeDigest::Sha256 } else { CodeDigest::Sha1 };
    CodeSecret::of_base32(digest, field("secret=").unwrap_or(text).trim())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_authenticator_is_read_as_it_is_given_or_by_its_secret_alone() {
        for digest in [CodeDigest::Sha1, CodeDigest::Sha256] {
            let secret = CodeSecret::new(digest, [7; 20]);
            assert_eq!(secret_in(&secret.address("Portcullis", "officer")), Some(secret));
        }
        let secret = CodeSecret::new(CodeDigest::Sha1, [7; 20]);
        assert_eq!(secret_in(&secret.base32()), Some(secret));
        assert_eq!(secret_in("otpauth://totp/x?secret=AA&period=30"), None);
    }
}
