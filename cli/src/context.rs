//! The context file: where the cluster is, who asks, and defaults.

use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use channel::{Files, Secured, Settings};
use client::{Client, Config, Network, SessionFile, Tcp};
use model::access::function::Function;
use serde::{Deserialize, Serialize};

use crate::error::CliError;
use crate::identity::{Identity, chosen};
use crate::output::note;
use crate::system::{SystemClock, SystemEntropy};

/// The file's form, as `--help` shows it.
pub const CONTEXT_HELP: &str = r#"Context file (JSON; --context FILE or PORTCULLIS_CONTEXT; `portcullis playground` writes one):
  {"endpoints": ["127.0.0.1:20001", "127.0.0.1:20003"], "user": "officer", "agency": "CBP", "port": "2404",
   "purpose": "primary"}
  All endpoints of the cluster belong in it: a command goes on to the next when one does not answer.
  "tls": {"ca": "pki/ca.pem", "certificate": "pki/user-officer.pem", "key": "pki/user-officer.key"}: who is believed and what is
  shown; paths are looked for from the context file on. Without it nothing is encrypted (nodes with --plain-text).
  "acknowledges": "SHA-256 of the banner": you have read it and log on with it by yourself; without it, `portcullis login`.
  "identities": [{"user", "purpose", "tls", "duties": ["audit-read"]}]: a command takes the first whose duty it is, and says so.
  Sessions lie in "sessions" beside the context file.
  Optional: "audit_policy": "file" that says whose signatures under the audit log are believed, "deadline_ms" of a call (10000), "playground": {"control": "path of a unix socket"}."#;

/// Between two looks at the files of a client that runs for long.
const LOOK_EVERY: Duration = Duration::from_secs(60);

/// What a context file holds.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Context {
    pub endpoints: Vec<String>,
    pub user: String,
    pub agency: String,
    pub port: String,
    pub purpose: String,
    /// Without it nothing is encrypted: for nodes that were started with --plain-text.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub tls: Option<TlsContext>,
    /// SHA-256 of the banner that its user has read and acknowledges at each log-on.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub acknowledges: Option<String>,
    /// Further identities: a command takes the first whose duty it is, else that of the user above.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub identities: Vec<Identity>,
    /// Whom an auditor believes of the audit log, a C2SP tlog-policy.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub audit_policy: Option<PathBuf>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub deadline_ms: Option<u64>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub playground: Option<PlaygroundContext>,
}

/// Who is believed, and what is shown to the nodes.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct TlsContext {
    /// The authorities of the nodes, PEM.
    pub ca: PathBuf,
    /// The user's own certificate, PEM.
    pub certificate: PathBuf,
    pub key: PathBuf,
}

/// How the playground of this cluster is reached.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct PlaygroundContext {
    pub control: PathBuf,
}

impl Context {
    /// Reads a context file; what it does not know is refused by name.
    pub fn read(path: &Path) -> Result<Self, CliError> {
        let text = std::fs::read_to_string(path).map_err(|error| CliError::path(path, error))?;
        let mut context =
            Self::parse(&text).map_err(|reason| CliError::Usage(format!("{}: {reason}", path.display())))?;
        if let Some(dir) = path.parent() {
            // So that the directory may move.
            let all = context.tls.iter_mut().chain(context.identities.iter_mut().map(|identity| &mut identity.tls));
            let files = all.flat_map(|tls| [&mut tls.ca, &mut tls.certificate, &mut tls.key]);
            let files = files.chain(context.audit_policy.iter_mut());
            files.for_each(|file| *file = dir.join(&file));
        }
        Ok(context)
    }

    fn parse(text: &str) -> Result<Self, String> {
        serde_json::from_str(text).map_err(|error| error.to_string())
    }

    /// The file's text.
    pub fn to_text(&self) -> Result<String, CliError> {
        crate::output::json(self).map(|text| text + "\n")
    }

    /// The same context as one of its identities.
    fn taken_as(&self, identity: &Identity) -> Self {
        Self {
            user: identity.user.clone(),
            purpose: identity.purpose.clone().unwrap_or_else(|| self.purpose.clone()),
            tls: Some(identity.tls.clone()),
            ..self.clone()
        }
    }

    /// A client of this cluster; the handle of its session is kept beside the context file.
    pub fn client(&self, path: &Path) -> Result<Client, CliError> {
        let Self { endpoints, user, agency, port, purpose, tls, deadline_ms, acknowledges, .. } = self;
        let mut config = Config::new(endpoints.clone(), user, agency, port, purpose);
        config.acknowledges = acknowledges.clone();
        let sessions = Arc::new(SessionFile::beside(path, agency, user));
        if let Some(ms) = deadline_ms {
            config.deadline = Duration::from_millis(*ms);
        }
        let entropy = SystemEntropy::open().map_err(|error| CliError::io("randomness", error))?;
        let clock = Arc::new(SystemClock);
        let network: Arc<dyn Network> = match tls {
            None => Arc::new(Tcp),
            Some(TlsContext { ca, certificate, key }) => {
                let (certificate, key, authorities) = (certificate.clone(), key.clone(), ca.clone());
                // The nodes look at who comes; whom they admit no more, they close themselves.
                let files = Files { certificate, key, authorities, revoked: Vec::new() };
                let settings = Settings { files, look_every: LOOK_EVERY, clock: clock.clone() };
                let secured = Secured::over(Arc::new(Tcp), settings);
                Arc::new(secured.map_err(|error| CliError::Usage(format!("context, tls: {error}")))?)
            }
        };
        Ok(Client::connect_with(config, network, clock, Arc::new(entropy), sessions)?)
    }
}

/// What every command is given: the form of output and the context, read when it is first needed.
#[derive(Debug, Clone)]
pub struct Globals {
    pub context: Option<PathBuf>,
    /// The identity of the context that acts, where one was named.
    pub identity: Option<String>,
    pub output: crate::output::Output,
}

impl Globals {
    /// Path of the context file.
    pub fn context_path(&self) -> Result<&Path, CliError> {
        self.context.as_deref().ok_or_else(|| {
            CliError::Usage(
                "no context: name a context file by --context FILE or PORTCULLIS_CONTEXT (`portcullis playground` \
                 writes one)"
                    .to_string(),
            )
        })
    }

    /// The context.
    pub fn context(&self) -> Result<Context, CliError> {
        Context::read(self.context_path()?)
    }

    /// A client of the context's cluster, for its user.
    pub fn client(&self) -> Result<Client, CliError> {
        let context = self.context()?;
        let Some(user) = self.identity.as_ref().filter(|user| **user != context.user) else {
            return context.client(self.context_path()?);
        };
        let named = context.identities.iter().find(|identity| identity.user == *user);
        let identity = named.ok_or_else(|| {
            let there: Vec<&str> = context.identities.iter().map(|identity| &*identity.user).collect();
            CliError::flag("--as", format!("{user} is none of the context's identities ({})", there.join(", ")))
        })?;
        context.taken_as(identity).client(self.context_path()?)
    }

    /// A client for a function: of the identity whose duty it is, where the context holds several.
    pub fn client_for(&self, function: Function) -> Result<Client, CliError> {
        if self.identity.is_some() {
            return self.client();
        }
        let context = self.context()?;
        let Some(identity) = chosen(&context.identities, &context.user, function) else { return self.client() };
        if identity.user != context.user {
            note(format!("acting as {} ({function})", identity.user));
        }
        context.taken_as(identity).client(self.context_path()?)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const FULL: &str = r#"{"endpoints":["127.0.0.1:1"],"user":"u","agency":"a","port":"p","purpose":"x","playground":{"control":"/s"}}"#;

    #[tokio::test]
    async fn a_context_reads_as_it_is_written() {
        let context = Context::parse(FULL).expect("parses");
        assert_eq!(context.to_text().expect("encodes"), format!("{FULL}\n"));
        assert!(context.client(Path::new("c")).is_ok());
    }

    #[test]
    fn unknown_and_missing_fields_are_named() {
        let error = Context::parse(&FULL.replace("agency", "agencie")).expect_err("unknown");
        assert!(error.contains("unknown field `agencie`"), "{error}");
        let error = Context::parse(r#"{"endpoints":[],"user":"u","agency":"a","port":"p"}"#).expect_err("missing");
        assert!(error.contains("missing field `purpose`"), "{error}");
    }

    #[tokio::test]
    async fn endpoints_and_codes_are_checked_before_anything_is_sent() {
        for (from, to) in
            [("127.0.0.1:1", "nowhere"), ("127.0.0.1:1", ":5"), ("\"u\"", "\"u v\""), ("[\"127.0.0.1:1\"]", "[]")]
        {
            let context = Context::parse(&FULL.replace(from, to)).expect("parses");
            let error = context.client(Path::new("c")).map(|_| ()).expect_err(to);
            assert_eq!(error.exit(), crate::error::Exit::Usage, "{to}");
        }
    }
}
