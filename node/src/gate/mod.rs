//! The gate: who asks, for which agency, from where and why, and until when; and whether he may (SECURITY.md 1.3). Who asks is
//! whom his certificate names, and where he works is the station of his session. On a network without certificates, which is
//! on loopback alone, nobody can say who asks: there is no gate then, and a request is taken at its word.

mod admission;
mod authority;
mod denials;
mod known;
mod need;
mod second;
mod seen;

use std::sync::Arc;
use std::time::Duration;

use model::access::denial::Denial;
use model::access::function::Function;
use model::access::standing::standing_denials;
use model::admission::Priority;
use model::audit::circumstances::Circumstances;
use model::audit::event::{EventHeader, EventKind, EventPayload, Term};
use model::certificate::{Bearer, CertificateName};
use model::envelope::{Caller, Decision};
use model::error::Invalid;
use model::ids::{AgencyId, ClusterId, NodeId, PortId, Purpose, RequestId, SourceList, UserId, from_hex};
use model::limits::{DEADLINE_DEFAULT_MS, DEADLINE_MAX_MS};
use model::session::{Handle, Session};
use model::time::{Clock, Entropy, UnixMillis};
use proto::metadata;
use proto::transport::Remote;
use tokio::time::Instant;
use tonic::metadata::MetadataMap;

pub use admission::{Admission, AdmissionMetrics, Capacity, OpenStream, Summaries};
pub use authority::{AccessMetrics, Authorised, Authority, Proof};
pub use denials::{DenialMetrics, Denials, Teller, counts_as};
pub use need::Need;
pub use second::Second;
pub use seen::Seen;

use crate::cut::{Cut, Cuts};
use crate::error::ApiError;

/// Time kept back of a deadline to answer in.
const ANSWER_MARGIN: Duration = Duration::from_millis(20);

/// Lets requests in.
#[derive(Clone)]
pub struct Gate {
    cluster: ClusterId,
    node: NodeId,
    clock: Arc<dyn Clock>,
    entropy: Arc<dyn Entropy>,
    /// None on a network without certificates.
    authority: Option<Arc<Authority>>,
    cuts: Cuts,
}

/// A request that was let in.
#[derive(Debug, Clone)]
pub struct Admitted {
    pub caller: Caller,
    /// This request's own id; a write's id where it brings one.
    pub request: RequestId,
    /// The evaluation time: stamped once, part of answer and event.
    pub at: UnixMillis,
    /// The source list that the request is about, if it is about one.
    pub source: Option<SourceList>,
    /// What is asked, for its event.
    pub terms: Vec<Term>,
    /// Whom the request names, where the certificate names somebody else: it is refused as the bearer's.
    pub claimed: Option<UserId>,
    /// What it was let in on; None on a node without a gate, and for what needs no account.
    pub authorised: Option<Authorised>,
    proof: Proof,
    handle: Option<Handle>,
    /// Whoever asks says that he can wait.
    gives_way: bool,
    /// What the caller sees of the records.
    pub cut: Cut,
    /// Those of its event, once it is known who asks.
    circumstances: Option<Circumstances>,
    arrived: Instant,
    end: Instant,
}

impl Gate {
    /// The gate of a node.
    pub fn new(
        (cluster, node): (ClusterId, NodeId),
        clock: Arc<dyn Clock>,
        entropy: Arc<dyn Entropy>,
        authority: Option<Arc<Authority>>,
    ) -> Self {
        Self { cluster, node, clock, entropy, authority, cuts: Cuts::default() }
    }

    /// The same gate, whose callers see what this says.
    pub fn with_cuts(self, cuts: Cuts) -> Self {
        Self { cuts, ..self }
    }

    /// Lets a request in, or says what is missing.
    pub fn admit(&self, metadata: &MetadataMap, remote: Option<&Remote>) -> Result<Admitted, ApiError> {
        let text = |key: &'static str| -> Result<&str, Invalid> {
            let value = metadata.get(key).ok_or_else(|| {
                Invalid::new(key, "is missing; the context file names user, agency, port and purpose".into())
            })?;
            value.to_str().map_err(|_| Invalid::new(key, "is not printable ASCII".into()))
        };
        let (user, agency) = (UserId::new(text(metadata::USER)?)?, AgencyId::new(text(metadata::AGENCY)?)?);
        let certificate = remote.and_then(|remote| remote.certificate.as_ref()).map(|shown| shown.fingerprint);
        let person = Proof::Person { certificate };
        let (user, claimed, proof) = match self.proven(remote, &user, &agency) {
            None => (user, None, person),
            Some(Ok(name)) => match name.bearer {
                Bearer::Service(..) => (user, None, Proof::System { name: name.to_string() }),
                Bearer::Terminal(_, station) => (user, None, Proof::Terminal { certificate, station }),
                _ => (user, None, person),
            },
            Some(Err(Some(proven))) => (proven, Some(user), person),
            // A card of another issuer names none of ours: its names stand in the account of its holder.
            Some(Err(None)) => match self.holder(remote)? {
                None => return Err(ApiError::NotAUser),
                Some(holder) if holder == user => (user, None, person),
                Some(holder) => (holder, Some(user), person),
            },
        };
        let handle = match metadata.get(metadata::SESSION) {
            None => None,
            Some(_) => {
                let bytes = from_hex(text(metadata::SESSION)?).and_then(|bytes| Handle::try_from(bytes).ok());
                let bad = || Invalid::new(metadata::SESSION, "expected 64 hexadecimal digits".into());
                Some(bytes.ok_or_else(bad)?)
            }
        };
        let caller = Caller {
            user,
            agency,
            port: PortId::new(text(metadata::PORT)?)?,
            purpose: Purpose::new(text(metadata::PURPOSE)?)?,
            node: self.node,
        };
        let wanted = metadata.get("grpc-timeout").and_then(|value| value.to_str().ok()).and_then(timeout);
        let longest = Duration::from_millis(DEADLINE_MAX_MS);
        let deadline = wanted.unwrap_or(Duration::from_millis(DEADLINE_DEFAULT_MS)).min(longest);
        let at = self.clock.now();
        let request = RequestId::new(at, self.entropy.sixteen());
        Ok(Admitted {
            cut: self.cuts.of(&caller),
            caller,
            request,
            at,
            source: None,
            terms: Vec::new(),
            claimed,
            authorised: None,
            proof,
            handle,
            gives_way: metadata.get(metadata::PRIORITY).is_some_and(|value| value == metadata::BATCH),
            circumstances: None,
            arrived: Instant::now(),
            end: Instant::now() + deadline.saturating_sub(ANSWER_MARGIN),
        })
    }

    /// Whether the certificate names this user, or this system of this agency; else whom it names. None: there is none.
    fn proven(
        &self,
        remote: Option<&Remote>,
        user: &UserId,
        agency: &AgencyId,
    ) -> Option<Result<CertificateName, Option<UserId>>> {
        let certificate = remote?.certificate.as_ref()?;
        let names = certificate.names.iter().filter_map(|name| name.parse::<CertificateName>().ok());
        let mut another = None;
        for name in names.filter(|name| name.cluster == self.cluster) {
            let (named, of) = match &name.bearer {
                Bearer::User(named) => (named, None),
                Bearer::Service(of, named) => (named, Some(of)),
                // It proves where somebody works, and nothing of who he is.
                Bearer::Terminal(of, _) if of == agency => return Some(Ok(name)),
                Bearer::Terminal(..) => continue,
                // A node asks its peers and never for records of its own.
                Bearer::Node(_) => continue,
            };
            if named == user && of.is_none_or(|of| of == agency) {
                return Some(Ok(name));
            }
            another = Some(named.clone());
        }
        Some(Err(another))
    }

    /// The cluster.
    pub fn cluster(&self) -> ClusterId {
        self.cluster
    }

    /// Whose account holds a name of the certificate, among those that are not of this cluster: these say themselves whose they are.
    fn holder(&self, remote: Option<&Remote>) -> Result<Option<UserId>, ApiError> {
        let shown = remote.and_then(|remote| remote.certificate.as_ref());
        let Some((authority, shown)) = self.authority.as_ref().zip(shown) else { return Ok(None) };
        let ours = |name: &&String| name.parse::<CertificateName>().is_ok_and(|name| name.cluster == self.cluster);
        for name in shown.names.iter().filter(|name| !ours(name)) {
            if let Some(user) = authority.holder(name)? {
                return Ok(Some(user));
            }
        }
        Ok(None)
    }

    /// The time now.
    pub fn now(&self) -> UnixMillis {
        self.clock.now()
    }

    /// What decides, on a node that has a gate.
    pub fn authority(&self) -> Option<&Authority> {
        self.authority.as_deref()
    }

    /// Lets a request in by its rules, or says which one refuses it.
    pub async fn authorise(&self, admitted: &mut Admitted, need: Need) -> Result<(), ApiError> {
        if let Proof::Terminal { station, .. } = &admitted.proof
            && *station != admitted.caller.port
        {
            return Err(ApiError::OtherTerminal { station: station.to_string() });
        }
        let Some(authority) = &self.authority else { return Ok(()) };
        let (at, left) = (admitted.at, admitted.left()?);
        let who = (&admitted.proof, admitted.handle.as_ref());
        let mut circumstances = None;
        let authorised = authority.authorise(&admitted.caller, who, need, (at, left), &mut circumstances).await;
        admitted.circumstances = circumstances;
        admitted.authorised = authorised?;
        if let Some(on) = &admitted.authorised
            && let Some(function) = on.function
        {
            let second = authority.second(on, &admitted.caller, function, admitted.at);
            let grants = on.known.grants(function, admitted.at);
            admitted.cut = Cut::Gated { grants, function, second: Some(Arc::new(second)) };
        }
        Ok(())
    }

    /// A fresh decision on a write that is about to be proposed; None for what was let in without one.
    pub fn decide(&self, admitted: &Admitted) -> Result<Option<Decision>, ApiError> {
        match (&self.authority, &admitted.authorised) {
            (Some(authority), Some(before)) => {
                Ok(Some(authority.again(before, &admitted.caller, self.clock.now())?.decision()))
            }
            _ => Ok(None),
        }
    }

    /// Whether the caller may use a function now, for what is told to himself.
    pub fn may_use(&self, admitted: &Admitted, function: Function) -> bool {
        let Some((authority, on)) = self.authority.as_ref().zip(admitted.authorised.as_ref()) else { return false };
        authority.would_allow(on, &admitted.caller, function, admitted.at)
    }

    /// What shuts the caller's account now.
    pub fn lacks(&self, admitted: &Admitted) -> Vec<Denial> {
        let Some(on) = &admitted.authorised else { return Vec::new() };
        if on.session.is_none() { Vec::new() } else { standing_denials(&on.known.principal, admitted.at) }
    }

    /// Fills with randomness.
    pub fn fill(&self, bytes: &mut [u8]) {
        self.entropy.fill(bytes);
    }

    /// Whether the caller may do something to a record, on a node that has a gate.
    pub fn may(&self, admitted: &Admitted, act: access::Act, object: access::Object) -> Result<(), ApiError> {
        match (&self.authority, &admitted.authorised) {
            (Some(authority), Some(on)) => authority.may(on, &admitted.caller, act, Some(object), admitted.at),
            _ => Ok(()),
        }
    }

    /// Another request id, for a part of a request.
    pub fn request_id(&self) -> RequestId {
        RequestId::new(self.clock.now(), self.entropy.sixteen())
    }
}

impl Admitted {
    /// SHA-256 of the certificate of a person's connection.
    pub fn certificate(&self) -> Option<[u8; 32]> {
        match &self.proof {
            Proof::Person { certificate } => *certificate,
            Proof::Terminal { .. } | Proof::System { .. } => None,
        }
    }

    /// SHA-256 of the certificate of a connection that people work on: a person's own, or a terminal's.
    pub fn connection(&self) -> Option<[u8; 32]> {
        match &self.proof {
            Proof::Terminal { certificate, .. } => *certificate,
            _ => self.certificate(),
        }
    }

    /// Whether the connection is a terminal's: who asks is whom the request names, until a session proves it.
    pub fn at_terminal(&self) -> bool {
        matches!(self.proof, Proof::Terminal { .. })
    }

    /// The handle that the request shows, be it good or not.
    pub fn handle(&self) -> Option<&Handle> {
        self.handle.as_ref()
    }

    /// The session that the request came in.
    pub fn session(&self) -> Option<&Session> {
        self.authorised.as_ref().and_then(|on| on.session.as_ref())
    }

    /// What the request comes before, and after.
    fn priority(&self, need: Need) -> Priority {
        let purpose = &self.caller.purpose;
        Priority::of(need.function(purpose), purpose, self.gives_way && need == Need::Question)
    }

    /// What is left of the request's time.
    pub fn left(&self) -> Result<Duration, ApiError> {
        let left = self.end.saturating_duration_since(Instant::now());
        if left.is_zero() { Err(ApiError::Deadline) } else { Ok(left) }
    }

    /// Ends the request's time later: for streams, each step of which has its own.
    pub fn renewed(&self, deadline: Duration) -> Self {
        Self { end: Instant::now() + deadline, ..self.clone() }
    }

    /// The payload of this request's event, so far as it is known before the answer.
    pub fn payload(&self) -> EventPayload {
        EventPayload { terms: self.terms.clone(), ..EventPayload::default() }
    }

    /// The header of this request's event.
    pub fn event(&self, kind: EventKind) -> EventHeader {
        let header = EventHeader::new(kind, self.request, &self.caller, self.at);
        let circumstances = self.circumstances.clone().map(|it| Circumstances {
            micros: u64::try_from(self.arrived.elapsed().as_micros()).unwrap_or(u64::MAX),
            ..it
        });
        EventHeader { source: self.source.as_ref().map(ToString::to_string), circumstances, ..header }
    }
}

/// A gRPC timeout: digits and a unit.
fn timeout(text: &str) -> Option<Duration> {
    let (digits, unit) = text.split_at_checked(text.len().checked_sub(1)?)?;
    let number: u64 = digits.parse().ok()?;
    match unit {
        "H" => Some(Duration::from_secs(number.saturating_mul(3_600))),
        "M" => Some(Duration::from_secs(number.saturating_mul(60))),
        "S" => Some(Duration::from_secs(number)),
        "m" => Some(Duration::from_millis(number)),
        "u" => Some(Duration::from_micros(number)),
        "n" => Some(Duration::from_nanos(number)),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::env::{SystemClock, SystemEntropy};

    #[test]
    fn a_request_without_identity_is_told_what_is_missing() {
        let error = gate().admit(&MetadataMap::new(), None).expect_err("refused").to_string();
        assert!(error.contains("portcullis-user: is missing"), "{error}");
    }

    const CLUSTER: ClusterId = ClusterId([7; 16]);

    fn gate() -> Gate {
        Gate::new((CLUSTER, NodeId(1)), Arc::new(SystemClock), Arc::new(SystemEntropy), None)
    }

    fn shown(names: &[&str]) -> Remote {
        let names = names.iter().map(|name| format!("portcullis://cluster/{name}")).collect();
        let (fingerprint, not_after, policies) = ([0; 32], UnixMillis(0), Vec::new());
        let certificate = proto::transport::Certificate { names, fingerprint, not_after, policies };
        Remote { address: "test".into(), certificate: Some(Arc::new(certificate)) }
    }

    #[test]
    fn who_asks_is_whom_the_certificate_names() {
        let mut metadata = MetadataMap::new();
        for (key, value) in [
            (metadata::USER, "vetting"),
            (metadata::AGENCY, "OFAC"),
            (metadata::PORT, "2404"),
            (metadata::PURPOSE, "primary"),
        ] {
            metadata.insert(key, value.parse().expect("ASCII"));
        }
        let ask = |remote: Option<&Remote>| {
            let admitted = gate().admit(&metadata, remote).map_err(|error| error.code())?;
            Ok((admitted.caller.user.to_string(), admitted.claimed.map(|user| user.to_string())))
        };
        let other = ClusterId([8; 16]);
        let as_asked = Ok(("vetting".to_string(), None));
        assert_eq!(ask(None), as_asked, "a network without certificates");
        for names in [
            &[format!("{CLUSTER}/user/vetting")][..],
            &[format!("{CLUSTER}/service/OFAC/vetting")],
            &[format!("{CLUSTER}/user/else"), format!("{CLUSTER}/user/vetting")],
        ] {
            let names: Vec<&str> = names.iter().map(String::as_str).collect();
            assert_eq!(ask(Some(&shown(&names))), as_asked, "{names:?}");
        }
        let name = format!("{CLUSTER}/user/else");
        assert_eq!(ask(Some(&shown(&[&name]))), Ok(("else".into(), Some("vetting".into()))), "as the bearer's");
        let name = format!("{CLUSTER}/service/CBP/vetting");
        assert_eq!(ask(Some(&shown(&[&name]))), Ok(("vetting".into(), Some("vetting".into()))), "of another agency");
        let at = gate().admit(&metadata, Some(&shown(&[&format!("{CLUSTER}/terminal/OFAC/2404")]))).expect("admits");
        assert_eq!((at.caller.user.as_str(), at.at_terminal(), at.certificate()), ("vetting", true, None));
        let name = format!("{CLUSTER}/terminal/CBP/2404");
        assert_eq!(ask(Some(&shown(&[&name]))), Err("not-a-user"), "a terminal of another agency");
        for nobody in [format!("{CLUSTER}/node/1"), format!("{other}/user/vetting"), "nonsense".into()] {
            assert_eq!(ask(Some(&shown(&[&nobody]))), Err("not-a-user"), "{nobody}");
        }
        assert_eq!(ask(Some(&shown(&[]))), Err("not-a-user"));
    }

    #[test]
    fn timeouts_read_as_grpc_writes_them() {
        assert_eq!(timeout("250m"), Some(Duration::from_millis(250)));
        assert_eq!(timeout("3S"), Some(Duration::from_secs(3)));
        for text in ["", "S", "3", "3x", "-1S"] {
            assert_eq!(timeout(text), None, "{text}");
        }
    }
}
