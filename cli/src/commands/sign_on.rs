//! `login`, `logout`, `whoami`, `session`: a person's session.

use std::io::{BufRead, IsTerminal};

use client::v1;
use serde::Serialize;

use crate::commands::factors::FactorArgs;
use crate::context::Globals;
use crate::error::CliError;
use crate::output::note;

/// Flags of `login`.
#[derive(Debug, clap::Args)]
pub struct LoginArgs {
    /// Acknowledge the banner with this SHA-256, which you have read before; for scripts.
    #[arg(long, value_name = "SHA256")]
    pub acknowledge: Option<String>,
    #[command(flatten)]
    pub factors: FactorArgs,
}

pub const LOGIN_HELP: &str = "\
Shows the banner and asks for its acknowledgement, then begins a session that all your commands with this context share on
this machine. It ends after 15 minutes without a command, after 12 hours in any case, and with `portcullis logout`. A context
with \"acknowledges\" logs on by itself with the banner of that digest.

Without a certificate of your own, at a station whose machine has one, you log on by password and code: the context then names the
terminal's certificate. After 5 failures within 15 minutes (3 of the privileged) this way is shut, and `portcullis user unlock` by
your control officer opens it; a certificate of your own still logs on.

Examples:
  portcullis login
  portcullis login --password
  portcullis login --acknowledge 5d41402a...";

/// Flags of `logout`.
#[derive(Debug, clap::Args)]
pub struct LogoutArgs {
    /// End your sessions on all machines.
    #[arg(long)]
    pub all: bool,
}

/// The commands about sessions.
#[derive(Debug, clap::Subcommand)]
pub enum SessionCommand {
    /// Your sessions, or somebody's.
    List {
        /// Whose; needs the function session-end.
        #[arg(long)]
        user: Option<String>,
    },
    /// Lock your session, such as when you leave: nothing is answered in it until you unlock it.
    Lock,
    /// Show again what you logged on with: opens a locked session, and for 5 minutes what gives powers (grant, approve, policies).
    #[command(after_help = UNLOCK_HELP)]
    Unlock(FactorArgs),
    /// End all sessions of somebody at once, on every node.
    End { user: String },
}

const UNLOCK_HELP: &str = "\
A session that was begun by certificate is opened by the certificate; one that was begun by password by password and code.
A context with \"acknowledges\" proves itself anew where it must; it does not unlock what you locked.

Examples:
  portcullis session lock
  portcullis session unlock
  portcullis session unlock --password";

#[derive(Serialize)]
struct Proved {
    user: String,
    state: &'static str,
}

#[derive(Serialize)]
struct Begun {
    user: String,
    ends_at: String,
    idle_seconds: u32,
}

#[derive(Serialize)]
struct Ended {
    user: String,
    all: bool,
}

/// Who somebody is.
#[derive(Debug, Serialize)]
struct Who {
    user: String,
    agency: String,
    category: String,
    station: String,
    functions: Vec<String>,
    stations: Vec<String>,
    classes: Vec<String>,
    datasets: Vec<String>,
    lacks: Vec<String>,
    session_ends_at: String,
    course_until: String,
    certified_until: String,
    background_until: String,
}

impl From<v1::WhoAmIResponse> for Who {
    fn from(answer: v1::WhoAmIResponse) -> Self {
        Self {
            user: answer.user,
            agency: answer.agency,
            category: answer.category,
            station: answer.station,
            functions: answer.functions,
            stations: answer.stations,
            classes: answer.classes,
            datasets: answer.datasets,
            lacks: answer.lacks,
            session_ends_at: answer.session_ends_at,
            course_until: answer.course_until,
            certified_until: answer.certified_until,
            background_until: answer.background_until,
        }
    }
}

impl Who {
    fn to_text(&self) -> String {
        let mut text = format!("{} of {} ({}), at {}\n", self.user, self.agency, self.category, self.station);
        let mut line = |name: &str, value: String| {
            if !value.is_empty() {
                text.push_str(&format!("  {name:<12} {value}\n"));
            }
        };
        line("may use", self.functions.join(", "));
        line("lacks", self.lacks.join(", "));
        line("stations", self.stations.join(", "));
        line("classes", self.classes.join(", "));
        line("datasets", self.datasets.join(", "));
        line("session", format!("until {} at the latest", self.session_ends_at));
        line("course", format!("until {}", self.course_until));
        line("certified", format!("until {}", self.certified_until));
        line("background", format!("until {}", self.background_until));
        text
    }
}

#[derive(Serialize)]
struct Sessions {
    sessions: Vec<Row>,
}

#[derive(Serialize)]
struct Row {
    id: String,
    station: String,
    path: String,
    begun_at: String,
    seen_at: String,
    state: String,
}

/// Begins a session.
pub async fn login(globals: &Globals, args: LoginArgs) -> Result<(), CliError> {
    let client = globals.client()?;
    let banner = client.banner().await?;
    let digest = match args.acknowledge {
        Some(digest) if digest == banner.sha256 => digest,
        Some(_) => {
            let text =
                format!("is not that of the banner in force, {}; read it first:\n{}", banner.sha256, banner.text);
            return Err(CliError::flag("--acknowledge", text));
        }
        None => {
            note(&banner.text);
            acknowledged()?;
            banner.sha256
        }
    };
    let begun = client.log_on(&digest, args.factors.read()?).await?;
    let user = client.config().user.clone();
    let begun = Begun { user, ends_at: begun.ends_at, idle_seconds: begun.idle_seconds };
    globals.output.show(&begun, |begun| format!("{} is logged on until {} at the latest", begun.user, begun.ends_at))
}

fn acknowledged() -> Result<(), CliError> {
    let stdin = std::io::stdin();
    if !stdin.is_terminal() {
        return Err(CliError::Usage("nobody is there to acknowledge the banner: give --acknowledge SHA256".into()));
    }
    note("Type `yes` to acknowledge it and to consent:");
    let mut line = String::new();
    stdin.lock().read_line(&mut line).map_err(|error| CliError::io("stdin", error))?;
    match line.trim() {
        "yes" => Ok(()),
        _ => Err(CliError::Failed("not acknowledged: there is no session without it".into())),
    }
}

/// Ends the session.
pub async fn logout(globals: &Globals, args: LogoutArgs) -> Result<(), CliError> {
    let client = globals.client()?;
    client.log_off(args.all).await?;
    let ended = Ended { user: client.config().user.clone(), all: args.all };
    globals.output.show(&ended, |ended| format!("{} is logged off", ended.user))
}

/// Says who asks.
pub async fn whoami(globals: &Globals) -> Result<(), CliError> {
    let who = Who::from(globals.client()?.who_am_i().await?);
    globals.output.show(&who, Who::to_text)
}

/// Looks at sessions, or ends them.
pub async fn session(globals: &Globals, command: SessionCommand) -> Result<(), CliError> {
    match command {
        SessionCommand::List { user } => {
            let client = match &user {
                None => globals.client()?,
                Some(_) => globals.client_for(model::access::function::Function::SessionEnd)?,
            };
            let rows = client.sessions(user.as_deref().unwrap_or_default()).await?.sessions.into_iter();
            let row = |it: v1::SessionRow| Row {
                id: it.id,
                station: it.station,
                path: it.path,
                begun_at: it.begun_at,
                seen_at: it.seen_at,
                state: it.state,
            };
            globals.output.show(&Sessions { sessions: rows.map(row).collect() }, |all| {
                let line = |it: &Row| {
                    format!("{}  {:<5} at {}, begun {}, seen {}", it.id, it.state, it.station, it.begun_at, it.seen_at)
                };
                let lines: Vec<String> = all.sessions.iter().map(line).collect();
                if lines.is_empty() { "no session".to_string() } else { lines.join("\n") }
            })
        }
        SessionCommand::Lock => {
            let client = globals.client()?;
            client.lock_session().await?;
            let locked = Proved { user: client.config().user.clone(), state: "locked" };
            globals
                .output
                .show(&locked, |it| format!("the session of {} is locked: portcullis session unlock", it.user))
        }
        SessionCommand::Unlock(factors) => {
            let client = globals.client()?;
            client.prove(factors.read()?).await?;
            let proved = Proved { user: client.config().user.clone(), state: "live" };
            globals
                .output
                .show(&proved, |it| format!("{} is proven anew, for 5 minutes where powers are given", it.user))
        }
        SessionCommand::End { user } => {
            let client = globals.client_for(model::access::function::Function::SessionEnd)?;
            client.end_sessions(&user).await?;
            let ended = Ended { user, all: true };
            globals.output.show(&ended, |ended| format!("the sessions of {} have ended", ended.user))
        }
    }
}
