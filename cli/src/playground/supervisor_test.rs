//! What a playground does with requests about nodes that die, and when it cannot say what it did.

use super::*;
use crate::output::Form;

type Requests = mpsc::UnboundedReceiver<Waiting>;

/// A playground whose one node is a process that runs until it is killed.
fn playground(dir: &std::path::Path) -> (Supervisor, mpsc::UnboundedReceiver<Exited>, Requests) {
    let (dir, entropy) = (Dir(dir.to_path_buf()), SystemEntropy::open().expect("entropy"));
    let layout = Layout::create(&dir, 1, 1, &entropy).expect("creates");
    let (exited, exits) = mpsc::unbounded_channel();
    let (again, waiting) = mpsc::unbounded_channel();
    let script = ["-c".to_string(), "cat".to_string()];
    let running = Running::start("/bin/sh".as_ref(), &script, &dir.log(1), (1, 0), exited.clone()).expect("starts");
    let settings = Settings {
        control: dir.0.join("control.sock"),
        ready_file: Some(dir.0.join("missing").join("ready.json")),
        dir,
        layout,
        fresh: false,
        program: "/bin/cat".into(),
        ready_within: Duration::from_secs(1),
        restart: false,
        output: Output::new(Form::Json),
        entropy,
        witnesses: Vec::new(),
    };
    let playground = Supervisor {
        settings,
        pids: BTreeMap::from([(1, running.pid)]),
        running: BTreeMap::from([(1, running)]),
        pauses: BTreeMap::new(),
        generation: 0,
        serves: true,
        exited,
        restarts: mpsc::unbounded_channel().0,
        again,
    };
    (playground, exits, waiting)
}

fn restart(since: Instant) -> (Waiting, oneshot::Receiver<Reply>) {
    let (reply, answer) = oneshot::channel();
    (Waiting { request: Request::RestartNode { id: 1 }, reply, since }, answer)
}

#[tokio::test]
async fn a_restart_right_after_a_kill_waits_for_the_end_and_stands_without_its_ready_file() {
    let dir = tempfile::tempdir().expect("directory");
    let (mut playground, mut exits, mut requests) = playground(dir.path());
    let killed = playground.pids[&1];
    let (request, mut answer) = restart(Instant::now());
    playground.meet(request);
    let again = requests.recv().await.expect("asked again");
    assert!(answer.try_recv().is_err(), "nothing is said while the process may be dying");
    let kill = std::process::Command::new("kill").args(["-9", &killed.to_string()]).status();
    assert!(kill.expect("runs").success());
    playground.ended(exits.recv().await.expect("heard")).expect("goes on");
    playground.meet(again);
    let Ok(Reply::Started { id: 1, pid, .. }) = answer.await else { panic!("it was not restarted") };
    assert_ne!(pid, killed);
    playground.stop_all(&mut exits).await;
}

#[tokio::test]
async fn a_node_that_goes_on_running_is_not_restarted() {
    let dir = tempfile::tempdir().expect("directory");
    let (mut playground, mut exits, _requests) = playground(dir.path());
    let (request, answer) = restart(Instant::now().checked_sub(REAP.0).expect("a time"));
    playground.meet(request);
    assert!(matches!(answer.await, Ok(Reply::Error(text)) if text.contains("is running")));
    playground.stop_all(&mut exits).await;
}
