//! Who keeps the accounts: suspended are some without cause, and lifted are suspensions by two; functions are given for seconds
//! and for good, and taken away; sessions are ended; access policies are put in force by two.

use std::time::Duration;

use client::{Client, ClientError, v1};
use model::access::function::Function;
use model::ids::RequestId;
use model::time::UnixMillis;
use v1::change_user_request::Change;

use super::{CALL_DEADLINE, Desk, Means, client_of};
use crate::history::{Answer, Call};
use crate::people;

/// What strangers are given at times.
const GIVEN: [Function; 2] = [Function::RecordList, Function::RecordHistory];
/// A function that is given for a while ends within it.
const WINDOW_MS: (u64, u64) = (1_000, 6_000);

/// Everybody whom it takes.
struct Personnel {
    desk: Desk,
    chief: Client,
    author: Client,
    approver: Client,
    /// The policies as they were before any were put.
    base: Option<String>,
}

pub(super) async fn work(desk: Desk, means: Means) {
    let world = desk.office.world.clone();
    let client = |user: &str| client_of(&world, user, &means, CALL_DEADLINE);
    let (Some(chief), Some(author), Some(approver)) =
        (client(people::CHIEF), client(people::POLICY[0]), client(people::POLICY[1]))
    else {
        desk.office.trace.mark("a client without a configuration");
        return;
    };
    let mut personnel = Personnel { desk, chief, author, approver, base: None };
    while personnel.desk.next().await {
        // Whatever it is, a failure is tried again as something else.
        drop(personnel.turn().await);
    }
}

impl Personnel {
    async fn turn(&mut self) -> Result<(), ClientError> {
        let number = self.begin("look at the accounts".into());
        let told = self.desk.client.list_users(v1::ListUsersRequest { page_size: 100, ..Default::default() }).await;
        let users = told.as_ref().map(|answer| answer.users.clone()).unwrap_or_default();
        self.end(number, told)?;
        for user in users.iter().filter(|user| user.state == "suspended") {
            if self.desk.rng.percent(60) {
                self.reinstate(user).await?;
            }
        }
        let rng = &mut self.desk.rng;
        let strangers: Vec<&v1::UserRecord> = users.iter().filter(|user| user.user.starts_with("stranger-")).collect();
        let stranger = rng.pick(&strangers).copied().cloned();
        let open = people::suspended_at_times(&self.desk.office.world);
        let open: Vec<&v1::UserRecord> =
            users.iter().filter(|user| user.state == "active" && open.contains(&user.user)).collect();
        let somebody = rng.pick(&open).copied().cloned();
        match (rng.below(10), stranger, somebody) {
            (0..=1, _, Some(user)) => self.change(&user, Change::Suspend("sco".into())).await.map(drop),
            (2..=4, Some(stranger), _) => {
                let now = UnixMillis(self.desk.client.new_request_id().time().0);
                let function = self.desk.rng.pick(&GIVEN).copied().unwrap_or(Function::RecordList);
                let length = self.desk.rng.between(WINDOW_MS.0, WINDOW_MS.1);
                let (from, to) = (now.before(1_000).rfc3339_seconds(), now.after(length + 1_000).rfc3339_seconds());
                let assignment = v1::Assignment { function: function.to_string(), from, to };
                self.change(&stranger, Change::OpenTransaction(assignment)).await.map(drop)
            }
            (5..=6, Some(stranger), _) => {
                let function = self.desk.rng.pick(&GIVEN).map(ToString::to_string).unwrap_or_default();
                let held = stranger.functions.iter().any(|granted| granted.what == function);
                let grant = v1::Grant { what: Some(v1::grant::What::Function(function)) };
                self.change(&stranger, if held { Change::Revoke(grant) } else { Change::Grant(grant) }).await.map(drop)
            }
            (7, _, Some(user)) => {
                let number = self.begin(format!("end the sessions of {}", user.user));
                let told = self.desk.client.end_sessions(&user.user).await;
                self.end(number, told).map(drop)
            }
            (8..=9, _, _) => self.put_policies().await,
            _ => Ok(()),
        }
    }

    fn begin(&self, what: String) -> usize {
        self.desk.office.history.begin(&self.desk.user, CALL_DEADLINE.as_millis() as u64, Call::Operate { what })
    }

    fn end<T>(&self, number: usize, told: Result<T, ClientError>) -> Result<T, ClientError> {
        let done = told.as_ref().map(|_| Answer::Done).map_err(Clone::clone);
        self.desk.office.history.end(number, done);
        told
    }

    async fn change(&mut self, user: &v1::UserRecord, change: Change) -> Result<v1::ChangeResponse, ClientError> {
        let mark = match &change {
            Change::Suspend(_) => "account suspended",
            Change::OpenTransaction(_) => "function given for a while",
            Change::Grant(_) => "function granted",
            Change::Revoke(_) => "function taken away",
            _ => "account changed",
        };
        let number = self.begin(format!("{mark}: {}", user.user));
        let told = self.desk.client.change_user(request(&self.desk.client, &user.user, user.version, change)).await;
        let told = self.end(number, told)?;
        self.desk.office.trace.mark(mark);
        Ok(told)
    }

    /// By the account's control officer and its supervisor, after a while: what counts until then must be refused.
    async fn reinstate(&mut self, user: &v1::UserRecord) -> Result<(), ClientError> {
        let pause = self.desk.rng.between(0, 2_000);
        tokio::time::sleep(Duration::from_millis(pause)).await;
        let first = self.change(user, Change::Reinstate(v1::Nothing {})).await?;
        let number = self.begin(format!("reinstate {}", user.user));
        let change = Change::Reinstate(v1::Nothing {});
        let told = self.chief.change_user(request(&self.chief, &user.user, first.version, change)).await;
        self.end(number, told)?;
        self.desk.office.trace.mark("account reinstated");
        Ok(())
    }

    async fn put_policies(&mut self) -> Result<(), ClientError> {
        let number = self.begin("look at the access policies".into());
        let told = self.author.access_policies(v1::GetAccessPoliciesRequest { version: 0 }).await;
        let in_force = self.end(number, told)?.policies.unwrap_or_default();
        let base = self.base.get_or_insert_with(|| people::without_curfews(&in_force.text)).clone();
        let curfews = people::CURFEWS.into_iter().filter(|_| self.desk.rng.percent(50));
        let text = curfews.fold(base, |text, function| text + &people::curfew(function));
        let number = self.begin("propose access policies".into());
        let message = v1::ProposeAccessPoliciesRequest {
            text: text.clone(),
            expected_version: in_force.version,
            ..Default::default()
        };
        let told = self.author.propose_access_policies(message).await;
        let proposed = self.end(number, told)?;
        let number = self.begin("approve access policies".into());
        let message = v1::ApproveAccessPoliciesRequest {
            version: proposed.version,
            text_sha256: people::text_digest(&text),
            ..Default::default()
        };
        let told = self.approver.approve_access_policies(message).await;
        self.end(number, told)?;
        self.desk.office.trace.mark("access policies put in force");
        Ok(())
    }
}

fn request(client: &Client, user: &str, expected_version: u64, change: Change) -> v1::ChangeUserRequest {
    let request: RequestId = client.new_request_id();
    v1::ChangeUserRequest {
        request_id: request.to_string(),
        user: user.to_string(),
        expected_version,
        change: Some(change),
    }
}
