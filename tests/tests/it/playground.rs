//! What the playground and the command line do beside the main job.

use std::time::Duration;

use portcullis_tests::{Cli, Playground, PlaygroundOptions, wait_for};

#[test]
fn a_playground_that_restarts_its_nodes_brings_back_one_that_was_killed() {
    let playground = Playground::start_with(PlaygroundOptions { restart: true, ..Default::default() });
    let cli = playground.cli();
    for id in [2, 3] {
        let before = playground.node(id);
        playground.kill(id);
        let after =
            wait_for(&format!("the ready file names the new process of node {id}"), Duration::from_secs(30), || {
                Some(playground.node(id)).filter(|node| node.pid != before.pid)
            });
        assert_eq!((&after.grpc, &after.http), (&before.grpc, &before.http), "where it was");
        playground.wait_ready(id);
        let create = ["lookout", "create", "--name", "Calliope Rademaker", "--action", "refer", "--reason", "r"];
        assert_eq!(playground.cli_of(id).json(&create)["change"], "created");
    }
    assert_eq!(cli.run(&["lookout", "list", "--all"]).ok().lines().len(), 2);
    assert_eq!(playground.said().matches("is started again").count(), 2, "{}", playground.said());
}

#[test]
fn every_shell_gets_its_completion() {
    for (shell, sign) in [
        ("bash", "complete -F"),
        ("zsh", "#compdef portcullis"),
        ("fish", "complete -c portcullis"),
        ("elvish", "edit:completion:arg-completer[portcullis]"),
        ("powershell", "Register-ArgumentCompleter"),
    ] {
        let script = Cli::new().run(&["completion", shell]).ok().stdout;
        assert!(script.contains(sign), "{shell}: {script}");
        for command in ["playground", "screen", "transfer-leader", "--freshness"] {
            assert!(script.contains(command.trim_start_matches('-')), "{shell} knows {command}");
        }
    }
    Cli::new().run(&["completion", "no-shell"]).fails(2, &["no-shell"]);
}
