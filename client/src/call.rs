//! One call: attempts over the endpoints until one is answered or the deadline has passed.

use std::future::Future;
use std::time::Duration;

use model::ids::RequestId;
use model::limits::MESSAGE_BYTES_MAX;
use proto::metadata;
use tokio::time::Instant;
use tonic::metadata::MetadataValue;
use tonic::transport::Channel;
use tonic::{Request, Response, Status};

use crate::Client;
use crate::endpoints::Kind;
use crate::error::{BUSY, ClientError, Failure, SLOW_DOWN};
use crate::session::{SESSION_NEEDED, STEP_UP_NEEDED};

/// Bytes of an answer that are taken: a node's messages are bounded, and a margin covers their frame.
pub(crate) const ANSWER_BYTES_MAX: usize = MESSAGE_BYTES_MAX + 64 * 1024;

/// Endpoints that are asked after one that answered, but not with all that it should know. Few, so that a part of the cluster
/// that nobody reaches does not multiply the questions to the rest.
const ELSEWHERE_MAX: usize = 2;

/// How a call is carried out.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Plan {
    /// One attempt at most.
    pub attempt: Duration,
    /// All attempts at most.
    pub deadline: Duration,
    pub effect: Effect,
    pub kind: Kind,
    /// Whether it is asked in a session; one is begun first where there is none.
    pub session: bool,
}

/// What an attempt that may have been carried out means for the call.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Effect {
    /// It changes nothing, so it is repeated and its outcome is never unknown.
    Question,
    /// It is repeated under its request id, with which it happens once.
    Write(RequestId),
    /// Nothing makes it happen once, so what may have been done is not repeated.
    Change,
}

/// What a call has gone through, so that its end says the truth about the outcome.
struct Course {
    effect: Effect,
    maybe_done: bool,
}

impl Course {
    fn finish(&self, mut error: ClientError, settled: bool) -> ClientError {
        if let Effect::Write(id) = self.effect {
            error.request_id = Some(id);
        }
        error.outcome_unknown = self.effect != Effect::Question && self.maybe_done && !settled;
        error
    }
}

/// The pause that a node asked for, longer each time that it asks again, and up to half more so that those who were told the
/// same do not come back together.
fn come_again(ms: u64, told_before: u32, random: u8) -> Duration {
    let asked = Duration::from_millis(ms) * 2_u32.pow(told_before.min(2));
    asked + asked / 2 * u32::from(random) / 255
}

/// The pause before the next round over all endpoints.
pub(crate) struct Backoff {
    next: Duration,
    max: Duration,
}

impl Backoff {
    pub(crate) fn new((first, max): (Duration, Duration)) -> Self {
        Self { next: first, max }
    }

    /// Half of the pause is fixed and half drawn, so that clients that failed together do not come back together.
    pub(crate) fn pause(&mut self, random: u8) -> Duration {
        let pause = self.next / 2 + self.next / 2 * u32::from(random) / 255;
        self.next = (self.next * 2).min(self.max);
        pause
    }
}

impl Client {
    /// The plan of reading.
    pub(crate) fn read(&self) -> Plan {
        let config = &self.shared.config;
        let (effect, kind) = (Effect::Question, Kind::Reading);
        Plan { attempt: config.attempt, deadline: config.deadline, effect, kind, session: true }
    }

    /// The plan of a question about somebody.
    pub(crate) fn question(&self) -> Plan {
        Plan { kind: if self.gives_way { Kind::Batch } else { Kind::Question }, ..self.read() }
    }

    /// The plan of a write.
    pub(crate) fn write(&self, id: RequestId) -> Plan {
        let config = &self.shared.config;
        let (effect, kind) = (Effect::Write(id), Kind::Write);
        Plan { attempt: config.attempt_write, deadline: config.deadline, effect, kind, session: true }
    }

    /// The plan of a change of the cluster: it takes what the slowest group takes.
    pub(crate) fn change(&self) -> Plan {
        let deadline = Duration::from_millis(model::limits::DEADLINE_MAX_MS);
        Plan { attempt: deadline, deadline, effect: Effect::Change, kind: Kind::Control, session: true }
    }

    /// A request with who asks and until when.
    pub(crate) fn request<M>(&self, message: M, timeout: Duration) -> Request<M> {
        let identity = &self.shared.identity;
        let mut request = Request::new(message);
        request.set_timeout(timeout);
        let fields = request.metadata_mut();
        fields.insert(metadata::USER, identity.user.clone());
        fields.insert(metadata::AGENCY, identity.agency.clone());
        fields.insert(metadata::PORT, identity.port.clone());
        fields.insert(metadata::PURPOSE, identity.purpose.clone());
        if self.gives_way {
            fields.insert(metadata::PRIORITY, MetadataValue::from_static(metadata::BATCH));
        }
        if let Some(session) = self.shared.keeper.current() {
            fields.insert(metadata::SESSION, session);
        }
        request
    }

    /// Sends a message until it is answered, or must not be repeated.
    pub(crate) async fn unary<M, R, F, Sent>(&self, plan: Plan, message: M, send: F) -> Result<R, ClientError>
    where
        M: Clone,
        F: Fn(Channel, Request<M>) -> Sent,
        Sent: Future<Output = Result<Response<R>, Status>>,
    {
        self.unary_whole(plan, message, send, |_| true).await
    }

    /// As [`Self::unary`]; an answer that is not whole is given only when, within the time of one more attempt, no other
    /// endpoint has a whole one: a node that just started, or that is slow, lacks what its neighbours have.
    pub(crate) async fn unary_whole<M, R, F, Sent>(
        &self,
        plan: Plan,
        message: M,
        send: F,
        whole: impl Fn(&R) -> bool,
    ) -> Result<R, ClientError>
    where
        M: Clone,
        F: Fn(Channel, Request<M>) -> Sent,
        Sent: Future<Output = Result<Response<R>, Status>>,
    {
        let mut until = Instant::now() + plan.deadline;
        if plan.session {
            self.signed_on(until).await?;
        }
        let (endpoints, kind) = (&self.shared.endpoints, plan.kind);
        let mut backoff = Backoff::new(self.shared.config.backoff);
        let mut course = Course { effect: plan.effect, maybe_done: false };
        let mut at = endpoints.current();
        let mut failed_in_round = 0;
        // What a node said last: of several failures the one that explains.
        let mut said: Option<ClientError> = None;
        // The first answer that was not whole, and how many endpoints were asked since.
        let mut part: Option<R> = None;
        let mut elsewhere = 0;
        let (mut renewed, mut proved) = (false, false);
        let mut told_to_wait = 0;
        loop {
            let asked_enough = elsewhere > ELSEWHERE_MAX.min(endpoints.len() - 1) || Instant::now() >= until;
            if let Some(part) = part.take_if(|_| asked_enough) {
                return Ok(part);
            }
            let turn = match endpoints.turn(at, kind, until).await {
                Ok(turn) => turn,
                // All have said that they are too busy, this call's attempts or those of others: nobody is asked before.
                Err(again) => {
                    if let Some(part) = part.take() {
                        return Ok(part);
                    }
                    let busy = || ClientError::busy(again.saturating_duration_since(Instant::now()));
                    return Err(course.finish(said.unwrap_or_else(busy), false));
                }
            };
            at = turn.at();
            let left = until.saturating_duration_since(Instant::now());
            let timeout = plan.attempt.min(left);
            let (address, channel) = endpoints.get(at);
            // The node gives up a little earlier than we do, so that its own error is heard rather than silence.
            let request = self.request(message.clone(), timeout);
            let session = request.metadata().get(metadata::SESSION).cloned();
            let margin = timeout / 10;
            let failure = match tokio::time::timeout(timeout + margin, send(channel, request)).await {
                Ok(Ok(response)) => {
                    let answer = response.into_inner();
                    turn.found_room();
                    if whole(&answer) {
                        endpoints.worked(at);
                        return Ok(answer);
                    }
                    if part.is_none() {
                        until = until.min(Instant::now() + plan.attempt);
                        part = Some(answer);
                    }
                    elsewhere += 1;
                    at = (at + 1) % endpoints.len();
                    continue;
                }
                Ok(Err(status)) => Failure::of(&status, address),
                Err(_) => Failure::timed_out(address, timeout),
            };
            let random = self.shared.entropy.sixteen()[0];
            let again = |told_before| failure.wait_ms.map(|ms| come_again(ms, told_before, random));
            match again(0).filter(|_| failure.error.code == BUSY) {
                // What this call was told again and again is not what others must wait.
                Some(hint) => turn.found_none(Instant::now() + hint),
                None if failure.said && failure.error.code != BUSY => turn.found_room(),
                None => drop(turn),
            }
            let again = again(told_to_wait);
            // What an earlier attempt may have done stays so, whatever comes of the session.
            if failure.error.code == SESSION_NEEDED && plan.session && !renewed {
                renewed = true;
                self.renew(session, failure.error, until).await.map_err(|error| course.finish(error, false))?;
                continue;
            }
            if failure.error.code == STEP_UP_NEEDED && plan.session && !proved {
                proved = true;
                self.step_up(session, failure.error, until).await.map_err(|error| course.finish(error, false))?;
                continue;
            }
            tracing::debug!(endpoint = address, code = failure.error.code, retry = failure.retry, "attempt failed");
            if part.is_some() {
                elsewhere += 1;
                at = (at + 1) % endpoints.len();
                continue;
            }
            course.maybe_done |= failure.maybe_done;
            if !failure.retry {
                return Err(course.finish(failure.error, failure.settles));
            }
            // Whoever gives a change again is not to meet the same dead node; who asks too much asks no other node instead.
            if failure.error.code != SLOW_DOWN {
                at = endpoints.after_failure_of(at);
                failed_in_round += 1;
            }
            if course.maybe_done && plan.effect == Effect::Change {
                return Err(course.finish(failure.error, failure.settles));
            }
            if failure.said {
                said = Some(failure.error.clone());
            }
            let mut pause = Duration::ZERO;
            if failed_in_round >= endpoints.len() {
                failed_in_round = 0;
                pause = backoff.pause(self.shared.entropy.sixteen()[0]);
            }
            if let Some(again) = again {
                told_to_wait += 1;
                pause = pause.max(again);
            }
            if Instant::now() + pause >= until {
                return Err(course.finish(said.unwrap_or(failure.error), false));
            }
            tokio::time::sleep(pause).await;
        }
    }
}
