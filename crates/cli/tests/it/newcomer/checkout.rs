//! A checkout in a folder of its own: the repository's Makefile and scripts, and the programs as they were built.

use std::net::{Ipv4Addr, TcpListener};
use std::path::{Path, PathBuf};
use std::process::{Output, Stdio};
use std::time::Duration;

use postrider_cli::stack::{Member, Ports};
use postrider_domain::Secret;
use postrider_gmail_sim::{MailboxSpec, SimConfig, SimServer};
use tempfile::TempDir;
use tokio::io::{AsyncBufReadExt as _, AsyncReadExt as _, AsyncWriteExt as _, BufReader};
use tokio::process::Command;
use tokio::time::timeout;

/// Longest that one command may take: `make up` makes a database, starts two servers and migrates five schemas.
const LONG: Duration = Duration::from_secs(180);
/// Bases are tried from here: other tests' stacks end below, ephemeral ports begin above the last server's.
const FIRST: u16 = 27_000;
/// Postgres, RabbitMQ, its management, Erlang's two.
const SERVERS: [u16; 5] = [432, 672, 673, 674, 675];

pub struct Checkout {
    dir: TempDir,
    base: u16,
    pub google: SimServer,
    /// Id and secret of its OAuth client.
    pub client: (String, Secret),
    http: reqwest::Client,
}

/// How a command ended.
pub struct Said {
    pub code: Option<i32>,
    pub out: String,
    pub told: String,
}

impl Said {
    fn of(output: &Output) -> Self {
        let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
        Self { code: output.status.code(), out: text(&output.stdout), told: text(&output.stderr) }
    }

    /// What it said, if it did what it should.
    #[track_caller]
    pub fn well(self) -> String {
        assert_eq!(self.code, Some(0), "{}\n{}", self.out, self.told);
        self.out
    }
}

fn repository() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../..")
}

fn free_base() -> u16 {
    let free = |port: u16| TcpListener::bind((Ipv4Addr::LOCALHOST, port)).is_ok();
    let all = |base: u16| {
        let members = Member::SERVICES.into_iter().flat_map(move |member| Ports { base }.all_of(member, 0));
        members.chain(SERVERS.map(|offset| base + offset))
    };
    (FIRST..31_000).step_by(1_000).find(|base| all(*base).all(free)).expect("a free block of ports")
}

impl Checkout {
    pub async fn new() -> Self {
        postrider_runtime::tls::install();
        // Below the build's folder: the servers' own user must be able to reach it.
        let dir = TempDir::new_in(env!("CARGO_TARGET_TMPDIR")).unwrap();
        let mut copy = std::process::Command::new("cp");
        copy.args(["-r", "Makefile", "scripts"]).arg(dir.path()).current_dir(repository());
        assert!(copy.status().unwrap().success());
        let config = SimConfig { mailboxes: vec![MailboxSpec::new("me@example.com", 12)], ..SimConfig::default() };
        let client = (config.oauth.client_id.clone(), Secret::new(config.oauth.client_secret.clone()));
        let google = SimServer::start(config).await.unwrap();
        let http = reqwest::Client::builder().no_proxy().redirect(reqwest::redirect::Policy::none()).build().unwrap();
        Self { dir, base: free_base(), google, client, http }
    }

    pub fn env_file(&self, lines: &[String]) {
        std::fs::write(self.dir.path().join(".env"), lines.join("\n") + "\n").unwrap();
    }

    pub fn add_to_env_file(&self, lines: &str) {
        let path = self.dir.path().join(".env");
        let before = std::fs::read_to_string(&path).unwrap();
        std::fs::write(path, before + lines).unwrap();
    }

    /// A command in the checkout, with nothing of this process's environment but where programs are, and the exports by which
    /// the simulated Google stands in.
    fn command(&self, program: impl AsRef<std::ffi::OsStr>) -> Command {
        let mut command = Command::new(program);
        command.current_dir(self.dir.path()).env_clear().stdin(Stdio::null()).kill_on_drop(true);
        for name in ["PATH", "HOME", "LANG"] {
            command.envs(std::env::var_os(name).map(|value| (name, value)));
        }
        let at = |path: &str| format!("{}{path}", self.google.base_url());
        command.env("PORT_BASE", self.base.to_string());
        command.env("GOOGLE_AUTH_URL", at("/o/oauth2/v2/auth")).env("GOOGLE_TOKEN_URL", at("/token"));
        command.env("GOOGLE_REVOKE_URL", at("/revoke")).env("GOOGLE_JWKS_URL", at("/oauth2/v3/certs"));
        command.env("GMAIL_API_URL", at("/")).env("PUBSUB_API_URL", at("/"));
        command
    }

    async fn run(&self, mut command: Command) -> Said {
        let shown = format!("{command:?}");
        Said::of(&timeout(LONG, command.output()).await.unwrap_or_else(|_| panic!("it does not end: {shown}")).unwrap())
    }

    /// `make <target>`, with the programs as they were built.
    pub async fn make(&self, target: &str) -> Said {
        let mut command = self.command("make");
        command.args([target, "CARGO=true", concat!("POSTRIDER=", env!("CARGO_BIN_EXE_postrider"))]);
        self.run(command).await
    }

    pub async fn postrider(&self, arguments: &[&str]) -> Said {
        self.postrider_with(arguments, &[]).await
    }

    pub async fn postrider_with(&self, arguments: &[&str], more: &[(&str, &str)]) -> Said {
        let mut command = self.command(env!("CARGO_BIN_EXE_postrider"));
        command.args(arguments).envs(more.iter().copied());
        self.run(command).await
    }

    pub async fn script(&self, arguments: &[&str]) -> Said {
        let mut command = self.command(self.dir.path().join("scripts/services.sh"));
        command.args(arguments);
        self.run(command).await
    }

    /// A URL that the script wrote down.
    pub fn server(&self, name: &str) -> String {
        let text = std::fs::read_to_string(self.dir.path().join(".run/services.env")).unwrap();
        let line = text.lines().find_map(|line| line.strip_prefix(name)?.strip_prefix('='));
        line.unwrap().to_owned()
    }

    /// Whether something lies among its local data.
    pub fn has(&self, name: &str) -> bool {
        self.dir.path().join(".run").join(name).exists()
    }

    pub async fn sql(&self, statement: &str) {
        let mut command = self.command("psql");
        command.args(["-v", "ON_ERROR_STOP=1", "-qc", statement, "-d", &self.server("DATABASE_URL")]);
        self.run(command).await.well();
    }

    /// A key of an account that may do everything at the simulated Pub/Sub.
    pub async fn key_file(&self) -> String {
        let key = self.http.get(format!("{}/_sim/service-account", self.google.base_url())).send().await.unwrap();
        let path = self.dir.path().join("key.json");
        std::fs::write(&path, key.text().await.unwrap()).unwrap();
        path.to_str().unwrap().to_owned()
    }

    /// Waits until the doctor finds nothing.
    pub async fn until_well(&self) {
        let end = tokio::time::Instant::now() + Duration::from_secs(90);
        loop {
            let doctor = self.postrider(&["doctor"]).await;
            if doctor.code == Some(0) && !doctor.out.contains("  ! ") {
                return;
            }
            assert!(tokio::time::Instant::now() < end, "never well again: {}", doctor.out);
            tokio::time::sleep(Duration::from_millis(500)).await;
        }
    }

    /// `postrider connect` with a person before it, whose browser stands elsewhere: the address it is sent to is pasted.
    pub async fn connect(&self) -> Said {
        let mut command = self.command(env!("CARGO_BIN_EXE_postrider"));
        command.args(["connect", "--no-browser"]).stdin(Stdio::piped());
        let mut child = command.stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
        let mut lines = BufReader::new(child.stdout.take().unwrap()).lines();
        let mut out = String::new();
        let page = loop {
            let line = timeout(LONG, lines.next_line()).await.unwrap().unwrap();
            let Some(line) = line else { break None };
            out.push_str(&format!("{line}\n"));
            if let Some(page) = line.trim().strip_prefix("http") {
                break Some(format!("http{page}"));
            }
        };
        let page = page.unwrap_or_else(|| panic!("no address was shown: {out}"));
        let answer = self.http.get(page).send().await.unwrap();
        let back = answer.headers()["location"].to_str().unwrap();
        let mut typed = child.stdin.take().unwrap();
        typed.write_all(format!("{back}\n").as_bytes()).await.unwrap();
        let read = async {
            let mut rest = String::new();
            lines.into_inner().read_to_string(&mut rest).await.unwrap();
            rest
        };
        out.push_str(&timeout(LONG, read).await.unwrap());
        let ended = timeout(LONG, child.wait_with_output()).await.unwrap().unwrap();
        Said { out, ..Said::of(&ended) }
    }
}

/// Nothing that it started stays.
impl Drop for Checkout {
    fn drop(&mut self) {
        let down = std::process::Command::new(env!("CARGO_BIN_EXE_postrider"))
            .arg("down")
            .current_dir(self.dir.path())
            .env("PORT_BASE", self.base.to_string())
            .env_remove("DATABASE_URL")
            .env_remove("AMQP_URL")
            .output();
        if down.is_ok_and(|down| !down.status.success()) {
            eprintln!("{} may still run servers", self.dir.path().display());
        }
        // The servers' data may belong to a user of its own.
        let _logged_by_the_folder =
            std::process::Command::new(self.dir.path().join("scripts/services.sh")).arg("wipe").output();
    }
}
