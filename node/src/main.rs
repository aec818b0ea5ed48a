//! portcullis-node: reads the command line, starts the node, waits for a signal.

use std::io::Read;
use std::os::unix::process::CommandExt;
use std::process::{Command, ExitCode};
use std::sync::Arc;
use std::time::Duration;

use channel::{Files, Secured, Settings, root_key};
use clap::Parser;
use portcullis_node::config::{Arguments, Config};
use portcullis_node::env::{Env, Network, SystemClock, Tcp};
use portcullis_node::{Node, NodeError};
use tokio::signal::unix::{SignalKind, signal};

#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

/// How long the allocator keeps freed pages, and the variable by which it is told: it reads it before `main`.
const PURGE_DELAY: (&str, &str) = ("MIMALLOC_PURGE_DELAY", "10");

/// Between two looks at certificates and revocation lists.
const LOOK_EVERY: Duration = Duration::from_secs(2);

/// Starts this program again in the same process, with the allocator told to give freed pages back soon. By itself it keeps
/// them for a second, and a node that imports a list then holds a quarter more than it uses. What is set already stands.
fn give_pages_back_soon() {
    let (variable, delay_ms) = PURGE_DELAY;
    if std::env::var_os(variable).is_some() {
        return;
    }
    let Ok(program) = std::env::current_exe() else { return };
    // Returns only if it fails, and then the node runs as it is: it takes more memory and is no less right.
    let _ = Command::new(program).args(std::env::args_os().skip(1)).env(variable, delay_ms).exec();
}

fn main() -> ExitCode {
    give_pages_back_soon();
    if let Some(text) = portcullis_node::config::version_asked() {
        use std::io::Write;
        return match writeln!(std::io::stdout(), "{text}") {
            Ok(()) => ExitCode::SUCCESS,
            Err(_) => ExitCode::FAILURE,
        };
    }
    let words: Vec<String> = std::env::args().collect();
    if let Some(code) = portcullis_node::inspect::asked(&words) {
        return ExitCode::from(code);
    }
    let arguments = Arguments::parse();
    let filter = tracing_subscriber::EnvFilter::try_from_env("PORTCULLIS_LOG")
        .unwrap_or_else(|_| tracing_subscriber::EnvFilter::new("info,openraft=error,tantivy=warn"));
    tracing_subscriber::fmt().json().with_env_filter(filter).with_writer(std::io::stderr).init();
    let runtime = match tokio::runtime::Builder::new_multi_thread().enable_all().build() {
        Ok(runtime) => runtime,
        Err(error) => {
            tracing::error!(%error, "no runtime");
            return ExitCode::FAILURE;
        }
    };
    let root = runtime.block_on(root_key::read(&arguments.key_file, arguments.key_service.as_deref()));
    let config = match root.map_err(|error| error.to_string()) {
        Ok(root) => arguments.validate(&root).map_err(|error| error.to_string()),
        Err(error) => Err(error),
    };
    let config = match config {
        Ok(config) => config,
        Err(error) => {
            tracing::error!(error, "the configuration is refused");
            return ExitCode::from(2);
        }
    };
    match runtime.block_on(run(arguments, config)) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            tracing::error!(%error, "the node stopped");
            ExitCode::from(error.exit_code())
        }
    }
}

async fn run(arguments: Arguments, mut config: Config) -> Result<(), NodeError> {
    let network: Arc<dyn Network> = match files(&arguments) {
        None => Arc::new(Tcp),
        Some(files) => {
            let settings = Settings { files, look_every: LOOK_EVERY, clock: Arc::new(SystemClock) };
            let secured =
                Secured::over(Arc::new(Tcp), settings).map_err(|error| NodeError::Channel(error.to_string()))?;
            config.names = secured.names();
            Arc::new(secured)
        }
    };
    let env = Env::production(&arguments.data_dir, network)?;
    let node = Node::start(config, env).await?;
    tokio::select! {
        () = asked_to_stop(arguments.exit_with_stdin) => node.stop().await,
        error = node.failed() => Err(error),
    }
}

/// The files of TLS, where it is spoken.
fn files(arguments: &Arguments) -> Option<Files> {
    Some(Files {
        certificate: arguments.tls_certificate.clone()?,
        key: arguments.tls_key.clone()?,
        authorities: arguments.tls_ca.clone()?,
        revoked: arguments.tls_crl.clone(),
    })
}

async fn asked_to_stop(exit_with_stdin: bool) {
    let signalled = |kind| async move {
        match signal(kind) {
            Ok(mut signal) => drop(signal.recv().await),
            Err(_) => std::future::pending().await,
        }
    };
    let input_ended = async {
        if !exit_with_stdin {
            return std::future::pending().await;
        }
        let (ended, end) = tokio::sync::oneshot::channel();
        // A thread of its own: a blocking read must not keep the runtime from ending.
        std::thread::spawn(move || {
            let mut sink = [0; 64];
            while std::io::stdin().read(&mut sink).is_ok_and(|count| count > 0) {}
            let _ = ended.send(());
        });
        drop(end.await);
    };
    tokio::select! {
        () = signalled(SignalKind::terminate()) => {}
        () = signalled(SignalKind::interrupt()) => {}
        () = input_ended => {}
    }
}
