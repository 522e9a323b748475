use super::*;

/// What a name stands for, until a test says otherwise.
type Zone = Arc<Mutex<io::Result<Vec<&'static str>>>>;

fn urls(urls: &[&str]) -> Vec<Url> {
    urls.iter().map(|url| Url::parse(url).unwrap()).collect()
}

fn fixed() -> Replicas {
    Replicas::new(&urls(&["http://10.0.0.1:8013/", "http://10.0.0.2:8013/"]), Arc::new(|_, _| panic!("no name here")))
}

fn named(zone: &Zone) -> Replicas {
    let zone = zone.clone();
    let lookup = move |host: String, port: u16| {
        assert_eq!(host, "sockets");
        let found = match &*zone.lock() {
            Ok(found) => Ok(found.iter().map(|ip| (ip.parse::<IpAddr>().unwrap(), port).into()).collect()),
            Err(error) => Err(io::Error::from(error.kind())),
        };
        std::future::ready(found).boxed()
    };
    Replicas::new(&urls(&["http://sockets:8013/"]), Arc::new(lookup))
}

async fn hosts(replicas: &Replicas) -> Vec<String> {
    let mut hosts: Vec<_> = replicas.for_session(None).await.unwrap().into_iter().map(|one| one.host).collect();
    hosts.sort();
    hosts
}

#[tokio::test]
async fn new_sessions_take_turns_and_old_ones_stay() {
    let replicas = fixed();
    let mut first = Vec::new();
    for _ in 0..4 {
        first.push(replicas.for_session(None).await.unwrap()[0].host.clone());
    }
    assert_eq!(first, ["10.0.0.1", "10.0.0.2", "10.0.0.1", "10.0.0.2"]);
    let tag = sticky::tag("10.0.0.2:8013");
    for _ in 0..3 {
        assert_eq!(replicas.for_session(Some(&tag)).await.unwrap()[0].host, "10.0.0.2");
    }
    assert_eq!(replicas.for_session(Some("gone")).await, Err(NoReplica::Gone));
}

#[tokio::test]
async fn a_new_session_may_fall_back_to_the_others() {
    assert_eq!(fixed().for_session(None).await.unwrap().len(), 2);
    let none = Replicas::new(&[], Arc::new(|_, _| panic!("no name here")));
    assert_eq!(none.for_session(None).await, Err(NoReplica::None));
}

#[test]
fn sessions_are_tagged_where_there_is_or_may_be_a_choice() {
    let one = |url: &str| Replicas::new(&urls(&[url]), Arc::new(|_, _| panic!("not asked"))).has_choice();
    assert!(fixed().has_choice() && one("http://sockets:8013/"));
    assert!(!one("http://127.0.0.1:8013/") && !one("http://[::1]:8013/"));
}

#[tokio::test]
async fn replicas_that_come_are_found_and_those_that_go_are_left() {
    let zone: Zone = Arc::new(Mutex::new(Ok(vec!["10.0.0.1"])));
    let replicas = named(&zone);
    replicas.read().await.unwrap();
    assert_eq!(hosts(&replicas).await, ["10.0.0.1"]);
    let old = sticky::tag("10.0.0.1:8013");
    // A replica is added: its sessions, and those of the old one, find their way.
    *zone.lock() = Ok(vec!["10.0.0.2", "10.0.0.1", "fd00::1", "fd00::2"]);
    replicas.read().await.unwrap();
    assert_eq!(hosts(&replicas).await, ["10.0.0.1", "10.0.0.2"], "addresses of one family, each once");
    let new = sticky::tag("10.0.0.2:8013");
    for (tag, host) in [(&old, "10.0.0.1"), (&new, "10.0.0.2")] {
        assert_eq!(replicas.for_session(Some(tag)).await.unwrap()[0].host, host);
    }
    // The first one goes: its sessions are told to begin anew.
    *zone.lock() = Ok(vec!["10.0.0.2"]);
    replicas.read().await.unwrap();
    assert_eq!(replicas.for_session(Some(&old)).await, Err(NoReplica::Gone));
    assert_eq!(hosts(&replicas).await, ["10.0.0.2"]);
}

#[tokio::test]
async fn a_session_of_a_replica_not_seen_yet_makes_the_name_read_again() {
    let zone: Zone = Arc::new(Mutex::new(Ok(vec!["10.0.0.1"])));
    let replicas = named(&zone);
    replicas.read().await.unwrap();
    *zone.lock() = Ok(vec!["10.0.0.1", "10.0.0.2"]);
    let new = sticky::tag("10.0.0.2:8013");
    assert_eq!(replicas.for_session(Some(&new)).await, Err(NoReplica::Gone), "read just now");
    *replicas.read_at.lock() = Instant::now().checked_sub(AGAIN);
    assert_eq!(replicas.for_session(Some(&new)).await.unwrap()[0].host, "10.0.0.2");
}

#[tokio::test]
async fn a_name_that_cannot_be_read_keeps_what_it_stood_for() {
    let zone: Zone = Arc::new(Mutex::new(Err(io::ErrorKind::NotFound.into())));
    let replicas = named(&zone);
    assert!(replicas.read().await.unwrap_err().to_string().contains("sockets"));
    assert_eq!(hosts(&replicas).await, ["sockets"], "asked by name when it is connected to");
    for empty in [Ok(vec!["10.0.0.1"]), Err(io::ErrorKind::TimedOut.into()), Ok(vec![])] {
        *zone.lock() = empty;
        let _unread = replicas.read().await;
        assert_eq!(hosts(&replicas).await, ["10.0.0.1"]);
    }
}
