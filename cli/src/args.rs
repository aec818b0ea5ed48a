//! The command line as a whole: global flags and the list of commands. Each command's flags stand in its own file.

use std::path::PathBuf;

use clap::{Parser, Subcommand};

use crate::commands::{
    audit, batch, cluster, completion, explain, factors, founding, generate, import, lookout, matcher, overrides,
    people, pki, playground, root_key, screen, sign_on, witness,
};
use crate::output::Form;

const ABOUT: &str = "Is anybody looking for this traveller, document, vehicle, vessel or aircraft?";

const EXAMPLES: &str = r#"Examples:
  Start a cluster of three nodes here, and use it from another terminal:
    portcullis playground --nodes 3 --data-dir /tmp/demo --ready-file /tmp/demo-ready.json
    export PORTCULLIS_CONTEXT=/tmp/demo/context.json
  Bring in a list and ask:
    portcullis import --format ofac-sdn lists/ofac
    portcullis screen --name "Ivan Petrov" --dob 1970 --nationality RUS
  Prove that nobody altered the audit log:
    portcullis audit verify

Answers go to stdout, everything else to stderr. With --output json an answer is one document on one line."#;

/// The command line.
#[derive(Debug, Parser)]
#[command(
    name = "portcullis",
    version,
    about = ABOUT,
    after_help = format!("{EXAMPLES}\n\n{}", crate::error::EXIT_CODES),
    after_long_help = format!("{EXAMPLES}\n\n{}\n\n{}", crate::context::CONTEXT_HELP, crate::error::EXIT_CODES),
    arg_required_else_help = true
)]
pub struct Cli {
    /// Context file: endpoints and who asks.
    #[arg(long, global = true, env = "PORTCULLIS_CONTEXT", value_name = "FILE")]
    pub context: Option<PathBuf>,
    /// Act as this identity of the context; else a command takes the one whose duty it is.
    #[arg(long = "as", global = true, value_name = "USER")]
    pub identity: Option<String>,
    /// Form of answers on stdout.
    #[arg(long, global = true, value_enum, default_value_t)]
    pub output: Form,
    #[command(subcommand)]
    pub command: Command,
}

/// The commands.
#[derive(Debug, Subcommand)]
pub enum Command {
    /// Start a local cluster of several node processes.
    Playground(playground::Args),
    /// Bring in a source list: create, update and remove what differs.
    Import(import::Args),
    /// Ask whether anybody looks for a traveller, document, vehicle, vessel or aircraft.
    Screen(screen::Args),
    /// Say why a lookout comes up for a question, or does not, word by word.
    #[command(after_help = explain::HELP)]
    Explain(explain::Args),
    /// Ask for each row of a CSV file; goes on where it left off.
    Batch(batch::Args),
    /// Create, read and change lookouts.
    #[command(subcommand)]
    Lookout(lookout::Command),
    /// Say of whom a lookout is not about, so that he is not stopped again for it.
    #[command(subcommand)]
    Override(overrides::Command),
    /// Look after accounts: request, approve, certify, suspend, grant, read.
    #[command(subcommand)]
    User(Box<people::user::Command>),
    /// Make and change agencies.
    #[command(subcommand)]
    Agency(people::agency::Command),
    /// Make and change roles: what a job carries of functions.
    #[command(subcommand)]
    Role(people::role::Command),
    /// Draft, review, approve and end agreements with agencies.
    #[command(subcommand)]
    Agreement(Box<people::agreement::Command>),
    /// Draft, accept and end memoranda, by which an owner opens records to others.
    #[command(subcommand)]
    Memorandum(Box<people::memorandum::Command>),
    /// Read, check, propose and approve the policies by which access is decided.
    #[command(subcommand)]
    Policy(people::policy::Command),
    /// Certify an account for another year; short for `user certify`.
    Certify(people::user_change::OfUser),
    /// Suspend an account, at once and on every node; short for `user suspend`.
    Suspend(people::user_change::Suspend),
    /// Grant a role or a function to an account; short for `user grant`.
    Grant(people::user_change::Grant),
    /// Read, verify and export the audit log.
    #[command(subcommand)]
    Audit(audit::Command),
    /// Look after the cluster.
    #[command(subcommand)]
    Cluster(cluster::Command),
    /// Decide from which score on records are hits, and see first what that would change.
    #[command(subcommand)]
    Matcher(matcher::Command),
    /// Begin a session: read and acknowledge the banner.
    #[command(after_help = sign_on::LOGIN_HELP)]
    Login(sign_on::LoginArgs),
    /// Set your own password, for stations where you have no certificate.
    #[command(after_help = factors::PASSWORD_HELP)]
    Password(factors::PasswordArgs),
    /// End the session.
    Logout(sign_on::LogoutArgs),
    /// Who you are to the cluster, what you may use and what you lack.
    Whoami,
    /// Look at sessions, lock and unlock your own, end somebody's.
    #[command(subcommand)]
    Session(sign_on::SessionCommand),
    /// Make the first accounts of a new cluster.
    #[command(subcommand, after_help = founding::HELP)]
    Founding(founding::Command),
    /// Issue and revoke the certificates of nodes, users and systems.
    #[command(subcommand, after_help = pki::HELP)]
    Pki(pki::Command),
    /// Make the root key of a cluster, or have a key service keep it.
    #[command(subcommand, after_help = root_key::HELP)]
    RootKey(root_key::Command),
    /// Watch audit logs of others and cosign what only grew.
    #[command(after_help = witness::HELP)]
    Witness(witness::Args),
    /// Make synthetic lists, travellers and their truth, from a seed.
    #[command(subcommand)]
    Generate(generate::Command),
    /// Print the completion script of a shell.
    Completion(completion::Args),
}

#[cfg(test)]
mod tests {
    use super::*;
    use clap::CommandFactory;

    #[test]
    fn the_command_line_is_consistent() {
        Cli::command().debug_assert();
    }

    #[test]
    fn the_contract_parses() {
        for line in [
            "playground --nodes 3 --data-dir D --ready-file F",
            "playground --nodes 3 --data-dir D --ready-file F --records-groups 2 --restart",
            "playground",
            "--context C playground restart-node 2",
            "playground add-node 4",
            "import --format ofac-sdn P --output json",
            "import --format un-xml P",
            "screen --name N --dob 1970 --nationality C --document X --plate P --freshness linearizable --limit 10 --threshold 0.5",
            "explain Jon Smyth --record 00 --dob 1970 --nationality C --document X --threshold 0.5 --limit 3",
            "explain --query N --record 00",
            "batch --in A --out B --concurrency 8 --threshold 0.9 --limit 10",
            "lookout create --name N --reason R --action refer --dob 1970-01-02 --alias A --alias B",
            "lookout create --name N --reason R --action refer --document passport:X1:RUS --plate AB12:TX --registration imo:1234567",
            "lookout create --name N --reason R --action refer --level 3 --label C:CBP/gangs --label C:agency:CBP",
            "lookout get 00",
            "lookout update 00 --expected-version 1 --reason R",
            "lookout remove 00",
            "lookout list --source ofac-sdn --all",
            "lookout history 00",
            "override record 00 --name N --document X --document Y --reason R --expires 2027-01-31",
            "override record 00 --name N --dob 1970-01-02 --nationality C --reason R --expires 2027-01-31T12:00:00Z --expected-version 2",
            "override end 00 11",
            "override list 00",
            "user request u --agency A --category general --control-officer s --supervisor b --supervisor c --station 2404 --dataset tecs --certificate u --name N --contact C --badge B",
            "user approve u",
            "user standing u --background bi --completed 2026-05-01 --adjudicated",
            "user standing u --course 2026-05-01 --expected-version 3",
            "user standing u --ncic 2026-05-01",
            "user standing u --opr-hold false",
            "user standing u --nationality foreign-service",
            "user certify u --request-id 00112233445566778899aabbccddeeff --expected-version 2",
            "user suspend u --cause opr",
            "user reinstate u",
            "user close u",
            "user superiors u --control-officer s --supervisor b",
            "user stations u --station 2404 --station 2405",
            "user stations u --none",
            "user grant u --role lane",
            "user revoke u --function export",
            "user open-transaction u --function export --from 2026-01-01 --to 2026-02-01",
            "user close-transaction u --function export --from 2026-01-01 --to 2026-02-01",
            "user affirm u",
            "user assign u --right primary-query:CBP:tecs --right export:CBP:tecs",
            "user show u",
            "user list --agency A --page-size 5 --all",
            "certify u",
            "suspend u --cause sco",
            "grant u --function export",
            "agency put A --name N --external true --national u --accepts-level-one true --active true",
            "agency show A",
            "agency list --all",
            "role put lane --function primary-query --function record-view",
            "role show lane --version 1",
            "role list",
            "agreement draft A moa --kind moa --function record-view --dataset tecs --level 1 --authority X --effective 2026-01-01 --expires 2027-01-01",
            "agreement review A moa",
            "agreement approve A moa --expected-version 2",
            "agreement annual-review A moa",
            "agreement end A moa",
            "agreement show A moa",
            "agreement list A",
            "memorandum draft m --owner A --class A/c --to-agency B --verb record-view --from 2026-01-01 --to 2027-01-01",
            "memorandum draft m --owner A --level-four --to-user u --to-user v --verb record-view --from 2026-01-01 --to 2027-01-01",
            "memorandum accept m",
            "memorandum end m",
            "memorandum show m",
            "memorandum list",
            "policy show --version 2",
            "policy show --proposed",
            "policy check F",
            "policy propose F",
            "policy approve --file F",
            "policy approve --sha256 00 --version 3",
            "audit tail --limit 5 --follow",
            "audit search --user U --port P --record 00 --name N --number X --kind query --kind list --verdict refused --since 2026-01-01 --until 2026-02-01 --limit 5 --from 3",
            "audit search --session 00",
            "audit activity U --since 2026-01-01",
            "audit verify",
            "audit verify --dir D",
            "audit verify --dir D --policy P",
            "audit verify --node-dir D --policy P",
            "audit verify --proof P --event E --policy T",
            "audit checkpoint",
            "audit prove --receipt 00 --out D",
            "audit prove --index 5 --dir E --out D",
            "audit export --out D",
            "witness --dir D --listen 127.0.0.1:1 --name N --log K --log L",
            "witness --dir D --name N --show-key",
            "cluster status",
            "cluster members",
            "cluster add-node 4 127.0.0.1:20009",
            "cluster remove-node 4",
            "cluster transfer-leader records-0 --to 2",
            "cluster snapshot",
            "cluster keys",
            "cluster rotate-keys --set tecs",
            "matcher policies --version 2",
            "matcher set P",
            "matcher compare --policy in-force --policy P --queries Q --purpose primary",
            "generate lists --people 100 --seed 7 --out D",
            "pki init D --cluster 00112233445566778899aabbccddeeff",
            "pki issue D node --id 1 --host h --host 127.0.0.1 --days 3",
            "pki issue D user officer",
            "pki issue D service A S",
            "pki rotate D node --id 1",
            "pki revoke D user/officer",
            "pki list D",
            "root-key create --out K",
            "root-key create --out K --key-service S",
            "root-key keep K --out L --key-service S",
            "login",
            "login --acknowledge 00",
            "logout --all",
            "whoami",
            "session list --user U",
            "session end U",
            "founding secret --secret S --digest D",
            "founding hold --secret S --founders F",
            "completion bash",
        ] {
            let words = std::iter::once("portcullis").chain(line.split(' '));
            if let Err(error) = Cli::try_parse_from(words) {
                panic!("{line}: {error}");
            }
        }
        for line in [
            "screen --freshness never",
            "explain Jon Smyth",
            "explain Jon --name Jon --record 00",
            "cluster transfer-leader records-0",
            "lookout update 00",
            "override record 00 --name N --document X --reason R",
            "override end 00",
            "user standing u",
            "user standing u --course 2026-05-01 --ncic 2026-05-01",
            "user standing u --background bi",
            "user suspend u",
            "user grant u",
            "user grant u --role lane --function export",
            "user stations u",
            "user certify u --request-id 00112233445566778899aabbccddeeff",
            "role put lane",
            "memorandum draft m --owner A --class A/c --level-four --to-user u --verb record-view --from 2026-01-01 --to 2027-01-01",
            "policy approve",
            "audit prove --out D",
            "audit prove --index 5 --receipt 00 --out D",
            "audit verify --proof P",
            "witness --dir D --name N",
            "import --format x P",
        ] {
            let words = std::iter::once("portcullis").chain(line.split(' '));
            assert_eq!(Cli::try_parse_from(words).map(|_| ()).expect_err(line).exit_code(), 2);
        }
    }
}
