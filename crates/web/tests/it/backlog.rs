//! Connections that come faster than they are accepted.

use std::time::Duration;

use postrider_runtime::Context;
use postrider_web::{Health, Server, ServerConfig};
use tokio::net::TcpStream;
use tokio::time::timeout;

/// More than the standard library's 128, fewer than a test may have open files.
const CROWD: usize = 600;

#[tokio::test]
async fn a_crowd_waits_to_be_accepted_instead_of_being_turned_away() {
    let any = "127.0.0.1:0".parse().unwrap();
    let config = ServerConfig { name: "test", listen: any, admin: any, body_limit: 1 };
    // Bound and not serving: nobody accepts.
    let server = Server::bind(config, &Context::for_tests(), Health::new(), |_| {}).unwrap();
    let mut crowd = Vec::new();
    for n in 0..CROWD {
        // Beyond the backlog the kernel is silent, and the client's first repeat comes after a second.
        let connected = timeout(Duration::from_millis(900), TcpStream::connect(server.addr())).await;
        crowd.push(connected.unwrap_or_else(|_late| panic!("the backlog ends at {n}")).unwrap());
    }
    assert_eq!(crowd.len(), CROWD);
}
