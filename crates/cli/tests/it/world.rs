//! A whole stack of its own on the tests' servers: real processes, and the simulated Google.

use std::collections::BTreeMap;
use std::net::{Ipv4Addr, TcpListener};

use postrider_cli::doctor::Installation;
use postrider_cli::gateway::Gateway;
use postrider_cli::stack::{Member, Ports, Stack, StackOptions};
use postrider_runtime::Env;
use postrider_storage::{Spec, migrate};
use postrider_testing::TestVhost;
use postrider_testing::db::TestDb;
use serde_json::Value;
use tempfile::TempDir;

/// Bases are tried from here: those of the end-to-end tests end below, ephemeral ports begin above.
const FIRST: u16 = 20_000;
const STEP: u16 = 100;
const SLOTS: u16 = 60;

/// Fields drop in order: the processes before what they use.
pub struct World {
    pub stack: Stack,
    pub http: reqwest::Client,
    pub db: TestDb,
    _broker: TestVhost,
    _dir: TempDir,
}

impl World {
    /// Starts everything with further settings.
    pub async fn start(more: &[(&str, &str)]) -> Self {
        Self::with(true, more).await
    }

    /// Starts the services alone, with these settings and no other Google than they name.
    pub async fn without_simulator(settings: &[(&str, &str)]) -> Self {
        Self::with(false, settings).await
    }

    async fn with(simulator: bool, more: &[(&str, &str)]) -> Self {
        postrider_runtime::tls::install();
        let (db, broker) = tokio::join!(TestDb::fresh(Spec::GATEWAY, || migrate::NONE), TestVhost::fresh());
        let dir = tempfile::tempdir().unwrap();
        let mut options = StackOptions::new(dir.path(), free_base(), db.admin_url.clone(), broker.amqp_url()).unwrap();
        options.simulator = simulator;
        for (name, value) in more {
            options = options.with(name, *value);
        }
        let mut stack = Stack::new(options.with("GMAIL_SIM_SIZES", "small")).unwrap();
        stack.migrate().await.unwrap();
        stack.start_all(|_| ()).await.unwrap();
        let http = reqwest::Client::builder().no_proxy().redirect(reqwest::redirect::Policy::none()).build().unwrap();
        Self { stack, http, db, _broker: broker, _dir: dir }
    }

    pub fn gateway(&self) -> Gateway {
        Gateway::new(self.stack.url(Member::Gateway), self.stack.token("t", "u").unwrap()).unwrap()
    }

    /// The installation as `doctor` and `google check` find it from its settings.
    pub fn installation(&self) -> Installation {
        let mut settings = BTreeMap::new();
        for member in self.stack.members() {
            for (name, value) in self.stack.env_of(member).unwrap() {
                settings.entry(name).or_insert(value);
            }
        }
        let options = self.stack.options();
        settings.insert("DATABASE_URL".to_owned(), options.database_url.expose().to_owned());
        Installation {
            env: Env::from_pairs(settings),
            programs: BTreeMap::new(),
            folder: options.bin_dir.clone(),
            ports: options.ports,
            data: options.dir.clone(),
            management: None,
            one_process: false,
        }
    }

    /// A call to the simulator's own side.
    pub async fn sim(&self, method: reqwest::Method, path: &str, body: Value) -> Value {
        let url = format!("{}/_sim{path}", self.stack.url(Member::GmailSim));
        let answer = self.http.request(method, url).json(&body).send().await.unwrap();
        assert!(answer.status().is_success(), "{path}: {}", answer.status());
        answer.json().await.unwrap_or_default()
    }

    /// Where a page sends the browser.
    pub async fn sent_to(&self, page: &str) -> String {
        let answer = self.http.get(page).send().await.unwrap();
        assert!(answer.status().is_redirection(), "{page}: {}", answer.text().await.unwrap());
        answer.headers()["location"].to_str().unwrap().to_owned()
    }
}

pub fn free_base() -> u16 {
    let start = u16::try_from(std::process::id() % u32::from(SLOTS)).unwrap();
    let free = |base: &u16| {
        let ports = Ports { base: *base };
        let members = Member::SERVICES.into_iter().chain([Member::GmailSim]);
        let mut all = members.flat_map(|member| (0..2).flat_map(move |replica| ports.all_of(member, replica)));
        all.all(|port| TcpListener::bind((Ipv4Addr::LOCALHOST, port)).is_ok())
    };
    (0..SLOTS).map(|slot| FIRST + (start + slot) % SLOTS * STEP).find(free).unwrap()
}
