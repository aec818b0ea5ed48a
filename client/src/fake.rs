//! A cluster in memory for tests: each address is a tonic server behind a pipe, with a script of how it behaves.

use std::collections::{BTreeMap, VecDeque};
use std::convert::Infallible;
use std::future::{Ready, ready};
use std::io;
use std::sync::{Arc, Mutex};
use std::task::{Context, Poll};
use std::time::Duration;

use model::time::{Clock, Entropy, UnixMillis};
use proto::transport::{Accepted, BoxFuture, Listener, Network, Remote, Stream};
use proto::v1;
use proto::v1::import_request::Step;
use tonic::body::Body;
use tonic::codegen::http;
use tonic::server::{Grpc, NamedService, StreamingService, UnaryService};
use tonic::{Request, Response, Status, Streaming};
use tonic_prost::ProstCodec;

/// How a node meets a call.
#[derive(Clone)]
pub enum Behaviour {
    /// No connection.
    Down,
    /// Takes the call and never answers.
    Hang,
    /// Answers with this status.
    Fail(Status),
    /// Answers.
    Work,
    /// Answers a question, but not with all that it should know.
    Part,
    /// An import: takes so many batches, acknowledges all but the last, and breaks the stream.
    BreakAfter(usize),
}

/// A node: what it does with each call to come, the last one repeated; and what it was asked.
#[derive(Default)]
pub struct Node {
    pub script: VecDeque<Behaviour>,
    pub calls: Vec<String>,
}

impl Node {
    fn next(&mut self) -> Behaviour {
        let next = self.script.front().cloned().unwrap_or(Behaviour::Down);
        if self.script.len() > 1 {
            self.script.pop_front();
        }
        next
    }
}

/// The cluster.
#[derive(Clone, Default)]
pub struct Fake {
    pub nodes: Arc<Mutex<BTreeMap<String, Node>>>,
}

impl Fake {
    /// A cluster with a script for each node, `n1:1`, `n2:1` and so on.
    pub fn new<const N: usize>(scripts: [&[Behaviour]; N]) -> Self {
        let fake = Self::default();
        for (at, script) in scripts.into_iter().enumerate() {
            let node = Node { script: script.iter().cloned().collect(), calls: Vec::new() };
            fake.nodes.lock().expect("lock").insert(format!("n{}:1", at + 1), node);
        }
        fake
    }

    /// What a node was asked.
    pub fn calls(&self, node: &str) -> Vec<String> {
        self.nodes.lock().expect("lock")[node].calls.clone()
    }

    fn is_next_part(&self, node: &str) -> bool {
        matches!(self.nodes.lock().expect("lock")[node].script.front(), Some(Behaviour::Part))
    }

    fn next(&self, node: &str, call: String) -> Behaviour {
        let mut nodes = self.nodes.lock().expect("lock");
        let node = nodes.get_mut(node).expect("node");
        node.calls.push(call);
        node.next()
    }
}

impl Network for Fake {
    fn connect<'a>(&'a self, address: &'a str) -> BoxFuture<'a, io::Result<Box<dyn Stream>>> {
        Box::pin(async move {
            {
                let mut nodes = self.nodes.lock().expect("lock");
                let node = nodes.get_mut(address).ok_or(io::ErrorKind::AddrNotAvailable)?;
                if matches!(node.script.front(), None | Some(Behaviour::Down)) {
                    node.next();
                    return Err(io::ErrorKind::ConnectionRefused.into());
                }
            }
            let (ours, theirs) = tokio::io::duplex(1 << 16);
            let accepted = Accepted::new(Box::new(theirs), Remote::unproven("test".to_string()));
            let incoming = tokio_stream::once(Ok::<_, io::Error>(accepted));
            let service = |name| Served { fake: self.clone(), node: address.to_string(), name };
            let server = tonic::transport::Server::builder()
                .add_service(Screening(service("screening")))
                .add_service(Lookouts(service("lookouts")))
                .add_service(Cluster(service("cluster")))
                .add_service(Imports(service("imports")))
                .add_service(Sessions(service("sessions")));
            tokio::spawn(async move { server.serve_with_incoming(incoming).await });
            Ok(Box::new(ours) as Box<dyn Stream>)
        })
    }

    fn listen<'a>(&'a self, _: &'a str) -> BoxFuture<'a, io::Result<Box<dyn Listener>>> {
        Box::pin(ready(Err(io::ErrorKind::Unsupported.into())))
    }
}

#[derive(Clone)]
struct Served {
    fake: Fake,
    node: String,
    name: &'static str,
}

impl Served {
    async fn meet<T>(&self, call: String, answer: T) -> Result<Response<T>, Status> {
        match self.fake.next(&self.node, call) {
            Behaviour::Work | Behaviour::Part => Ok(Response::new(answer)),
            Behaviour::Fail(status) => Err(status),
            Behaviour::Hang => std::future::pending().await,
            Behaviour::Down | Behaviour::BreakAfter(_) => Err(Status::internal(self.name)),
        }
    }
}

macro_rules! served {
    ($name:ident, $path:literal, $this:ident, $request:ident => $answer:expr) => {
        #[derive(Clone)]
        struct $name(Served);

        impl NamedService for $name {
            const NAME: &'static str = $path;
        }

        impl tower::Service<http::Request<Body>> for $name {
            type Response = http::Response<Body>;
            type Error = Infallible;
            type Future = BoxFuture<'static, Result<http::Response<Body>, Infallible>>;

            fn poll_ready(&mut self, _: &mut Context<'_>) -> Poll<Result<(), Infallible>> {
                Poll::Ready(Ok(()))
            }

            fn call(&mut self, $request: http::Request<Body>) -> Self::Future {
                let $this = self.clone();
                Box::pin(async move { Ok($answer) })
            }
        }
    };
}

served!(Screening, "portcullis.v1.Screening", this, request => {
    Grpc::new(ProstCodec::default()).unary(this, request).await
});
served!(Lookouts, "portcullis.v1.Lookouts", this, request => {
    Grpc::new(ProstCodec::default()).unary(this, request).await
});
served!(Cluster, "portcullis.v1.Cluster", this, request => {
    Grpc::new(ProstCodec::default()).unary(this, request).await
});
served!(Imports, "portcullis.v1.Imports", this, request => {
    Grpc::new(ProstCodec::default()).streaming(this, request).await
});

served!(Sessions, "portcullis.v1.Sessions", this, request => {
    if request.uri().path().ends_with("/Prove") {
        let codec = ProstCodec::<v1::ChangeResponse, v1::ProveSessionRequest>::default();
        Grpc::new(codec).unary(this, request).await
    } else {
        let codec = ProstCodec::<v1::LogOnResponse, v1::LogOnRequest>::default();
        Grpc::new(codec).unary(this, request).await
    }
});

impl UnaryService<v1::LogOnRequest> for Sessions {
    type Response = v1::LogOnResponse;
    type Future = BoxFuture<'static, Result<Response<v1::LogOnResponse>, Status>>;
    fn call(&mut self, _: Request<v1::LogOnRequest>) -> Self::Future {
        let served = self.0.clone();
        let begun = v1::LogOnResponse { session: "ab".to_string(), ..Default::default() };
        Box::pin(async move { served.meet("log-on".to_string(), begun).await })
    }
}

impl UnaryService<v1::ProveSessionRequest> for Sessions {
    type Response = v1::ChangeResponse;
    type Future = BoxFuture<'static, Result<Response<v1::ChangeResponse>, Status>>;
    fn call(&mut self, _: Request<v1::ProveSessionRequest>) -> Self::Future {
        let served = self.0.clone();
        Box::pin(async move { served.meet("prove".to_string(), v1::ChangeResponse::default()).await })
    }
}

impl UnaryService<v1::ScreenRequest> for Screening {
    type Response = v1::ScreenResponse;
    type Future = BoxFuture<'static, Result<Response<v1::ScreenResponse>, Status>>;
    fn call(&mut self, request: Request<v1::ScreenRequest>) -> Self::Future {
        let served = self.0.clone();
        Box::pin(async move {
            let user = request.metadata().get(proto::metadata::USER).expect("user").to_str().expect("text").to_string();
            assert!(request.metadata().get("grpc-timeout").is_some());
            let partial = served.fake.is_next_part(&served.node);
            served.meet(user, v1::ScreenResponse { partial, ..Default::default() }).await
        })
    }
}

impl UnaryService<v1::CreateLookoutRequest> for Lookouts {
    type Response = v1::ChangeResponse;
    type Future = BoxFuture<'static, Result<Response<v1::ChangeResponse>, Status>>;
    fn call(&mut self, request: Request<v1::CreateLookoutRequest>) -> Self::Future {
        let served = self.0.clone();
        Box::pin(async move { served.meet(request.into_inner().request_id, v1::ChangeResponse::default()).await })
    }
}

impl UnaryService<v1::RemoveNodeRequest> for Cluster {
    type Response = v1::MembershipResponse;
    type Future = BoxFuture<'static, Result<Response<v1::MembershipResponse>, Status>>;
    fn call(&mut self, request: Request<v1::RemoveNodeRequest>) -> Self::Future {
        let served = self.0.clone();
        let call = request.into_inner().node.to_string();
        Box::pin(async move { served.meet(call, v1::MembershipResponse::default()).await })
    }
}

type Progress = std::pin::Pin<Box<dyn tokio_stream::Stream<Item = Result<v1::ImportProgress, Status>> + Send>>;

impl StreamingService<v1::ImportRequest> for Imports {
    type Response = v1::ImportProgress;
    type ResponseStream = Progress;
    type Future = Ready<Result<Response<Progress>, Status>>;

    fn call(&mut self, request: Request<Streaming<v1::ImportRequest>>) -> Self::Future {
        let served = self.0.clone();
        let mut steps = request.into_inner();
        let stream = async_stream::try_stream! {
            let mut batches = 0;
            let mut behaviour = Behaviour::Work;
            while let Some(request) = steps.message().await? {
                let mut progress = v1::ImportProgress::default();
                match request.step.expect("step") {
                    Step::Begin(begin) => behaviour = served.fake.next(&served.node, format!("begin {}", begin.import_id)),
                    Step::Batch(batch) => {
                        batches += 1;
                        progress.created = batch.entries.len() as u64;
                        let first = batch.entries.first().map_or("kept".to_string(), |entry| entry.row.to_string());
                        let call = format!("batch {first}");
                        let mut nodes = served.fake.nodes.lock().expect("lock");
                        nodes.get_mut(&served.node).expect("node").calls.push(call);
                    }
                    Step::Finish(_) => progress.removed = 9,
                }
                if matches!(behaviour, Behaviour::BreakAfter(n) if batches >= n && batches > 0) {
                    Err(Status::unavailable("stopping"))?;
                }
                yield progress;
            }
        };
        ready(Ok(Response::new(Box::pin(stream) as Progress)))
    }
}

/// A clock that stands and randomness that is none.
pub struct Still;

impl Clock for Still {
    fn now(&self) -> UnixMillis {
        UnixMillis(1_700_000_000_000)
    }
}

impl Entropy for Still {
    fn fill(&self, bytes: &mut [u8]) {
        bytes.fill(0);
    }
}

/// A client of the whole cluster that begins at `n1:1`.
pub fn client(fake: &Fake, deadline: Duration) -> crate::Client {
    client_that(fake, deadline, None)
}

/// The same, which acknowledges a banner by itself.
pub fn client_that(fake: &Fake, deadline: Duration, acknowledges: Option<&str>) -> crate::Client {
    let endpoints = fake.nodes.lock().expect("lock").keys().cloned().collect();
    let mut config = crate::Config::new(endpoints, "officer", "CBP", "2404", "primary");
    config.deadline = deadline;
    config.acknowledges = acknowledges.map(str::to_string);
    config.attempt = Duration::from_millis(100);
    config.attempt_write = Duration::from_millis(100);
    crate::Client::connect(config, Arc::new(fake.clone()), Arc::new(Still), Arc::new(Still)).expect("configuration")
}
