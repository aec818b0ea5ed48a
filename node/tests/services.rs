//! The standard services beside our own: health, as load balancers ask for it, and reflection, as tools do.

#![allow(clippy::unwrap_used, clippy::expect_used, reason = "a failed expectation is the result of a test")]

mod cluster;

use cluster::{Cluster, until};
use tonic::transport::Channel;
use tonic_health::pb::HealthCheckRequest;
use tonic_health::pb::health_check_response::ServingStatus;
use tonic_health::pb::health_client::HealthClient;
use tonic_reflection::pb::v1::ServerReflectionRequest;
use tonic_reflection::pb::v1::server_reflection_client::ServerReflectionClient;
use tonic_reflection::pb::v1::server_reflection_request::MessageRequest;
use tonic_reflection::pb::v1::server_reflection_response::MessageResponse;

async fn health(channel: &Channel, service: &str) -> ServingStatus {
    let request = HealthCheckRequest { service: service.into() };
    HealthClient::new(channel.clone()).check(request).await.unwrap().into_inner().status()
}

#[test]
fn health_follows_whether_the_node_can_answer() {
    const SERVICES: [&str; 2] = ["", "portcullis.v1.Screening"];
    let mut cluster = Cluster::start();
    cluster.run(3, async |channel| {
        for service in SERVICES {
            until("it serves", async || health(&channel, service).await == ServingStatus::Serving).await;
        }
    });
    cluster.cut_off(1);
    cluster.run(3, async |channel| {
        until("two of three serve", async || health(&channel, "").await == ServingStatus::Serving).await;
    });
    cluster.cut_off(2);
    cluster.run(3, async |channel| {
        for service in SERVICES {
            until("one of three does not serve", async || health(&channel, service).await == ServingStatus::NotServing)
                .await;
        }
    });
}

#[test]
fn reflection_names_every_service() {
    let cluster = Cluster::start();
    let services = cluster.run(1, async |channel| {
        let message_request = Some(MessageRequest::ListServices(String::new()));
        let request = ServerReflectionRequest { host: String::new(), message_request };
        let mut client = ServerReflectionClient::new(channel);
        let asked = futures_util::stream::iter([request]);
        let mut answers = client.server_reflection_info(asked).await.unwrap().into_inner();
        match answers.message().await.unwrap().unwrap().message_response {
            Some(MessageResponse::ListServicesResponse(list)) => list.service,
            other => panic!("{other:?}"),
        }
    });
    let names: Vec<&str> = services.iter().map(|service| service.name.as_str()).collect();
    let people = ["Users", "Agencies", "Roles", "Agreements", "Memoranda", "AccessPolicies"];
    for service in ["Lookouts", "Imports", "Screening", "Overrides", "Audit", "Cluster"].into_iter().chain(people) {
        let name = format!("portcullis.v1.{service}");
        assert!(names.contains(&name.as_str()), "{name} is not among {names:?}");
    }
    assert!(!names.iter().any(|name| name.contains("Peer")), "the peers' protocol is nobody's else: {names:?}");
}
