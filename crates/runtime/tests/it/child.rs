//! A service that runs in a process of its own: this test binary again, told by a variable to be the service.

use std::io::{BufRead, BufReader, Read};
use std::process::{Child, Command, ExitCode, Stdio};
use std::time::Duration;

use postrider_runtime::config::{Amqp, all};
use postrider_runtime::{ConfigErrors, Context, Env, Service};

const ARGS: &str = "RUNTIME_TEST_ARGS";

/// Runs until it is stopped; how it behaves at the stop is a setting.
struct Probe {
    cx: Context,
    deaf: bool,
}

struct Config {
    issuer: String,
}

impl Service for Probe {
    const NAME: &'static str = "connector";
    const ABOUT: &'static str = "Stands for a service in tests.";
    type Config = Config;
    type Deps = ();

    fn load(env: &Env) -> Result<Config, ConfigErrors> {
        let (issuer, _amqp) = all((env.required("JWT_ISSUER"), Amqp::load(env)))?;
        Ok(Config { issuer })
    }

    fn deps(_config: &Config, _cx: &Context) -> anyhow::Result<()> {
        Ok(())
    }

    async fn build(config: Config, (): (), cx: Context) -> anyhow::Result<Self> {
        match config.issuer.as_str() {
            "no-build" => anyhow::bail!("the disk is full"),
            "no-run" => cx.tasks.spawn("fails", async { anyhow::Result::<()>::Err(anyhow::anyhow!("told")) }),
            _ => cx.tasks.supervise("waits", &cx.shutdown, {
                let soft = cx.shutdown.soft.clone();
                move || soft.clone().cancelled_owned()
            }),
        };
        Ok(Self { deaf: config.issuer == "deaf", cx })
    }

    async fn run(self) -> anyhow::Result<()> {
        // Told on standard error, where the test waits for it.
        tracing::info!("probe is up");
        self.cx.shutdown.soft.cancelled().await;
        if self.deaf {
            std::future::pending::<()>().await;
        }
        Ok(())
    }
}

/// Not a test: the body of the child process. Does nothing in an ordinary run of the tests.
#[test]
fn child_process() {
    let Ok(args) = std::env::vars().find(|(name, _)| name == ARGS).map(|(_, args)| args).ok_or(()) else { return };
    let args = std::iter::once("probe").chain(args.split(' ')).map(Into::into);
    let code = postrider_runtime::run_with::<Probe>(args, Env::process());
    // `ExitCode` cannot be read, only compared by its form.
    let number = (0..=3).find(|n| format!("{:?}", ExitCode::from(*n)) == format!("{code:?}")).unwrap();
    std::process::exit(number.into());
}

pub struct Running {
    child: Child,
    errors: BufReader<std::process::ChildStderr>,
    told: String,
}

/// Starts the service with the given command and settings and nothing else in its environment.
pub fn start(args: &str, settings: &[(&str, &str)]) -> Running {
    let mut child = Command::new(std::env::current_exe().unwrap())
        .args(["--exact", "child::child_process", "--nocapture", "--test-threads=1"])
        .env_clear()
        .env(ARGS, args)
        .envs(settings.iter().copied())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    let errors = BufReader::new(child.stderr.take().unwrap());
    Running { child, errors, told: String::new() }
}

impl Running {
    /// Reads standard error up to a line with these words, which may have been told already.
    pub fn wait_for(&mut self, words: &str) {
        if self.told.contains(words) {
            return;
        }
        let mut line = String::new();
        while self.errors.read_line(&mut line).unwrap() > 0 {
            self.told.push_str(&line);
            if line.contains(words) {
                return;
            }
            line.clear();
        }
        panic!("{words:?} was never told:\n{}", self.told);
    }

    pub fn signal(&self, name: &str) {
        let status = Command::new("kill").args([&format!("-{name}"), &self.child.id().to_string()]).status().unwrap();
        assert!(status.success());
    }

    /// Waits for the end: exit code, standard output, standard error.
    pub fn end(mut self) -> (i32, String, String) {
        let mut out = String::new();
        self.child.stdout.take().unwrap().read_to_string(&mut out).unwrap();
        self.errors.read_to_string(&mut self.told).unwrap();
        let code = self.child.wait().unwrap().code().unwrap_or(-1);
        (code, out, std::mem::take(&mut self.told))
    }

    /// True if it is still there after a moment.
    pub fn survives(&mut self, moment: Duration) -> bool {
        let until = std::time::Instant::now() + moment;
        while std::time::Instant::now() < until {
            if self.child.try_wait().unwrap().is_some() {
                return false;
            }
            std::thread::sleep(Duration::from_millis(10));
        }
        true
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        let _gone = self.child.kill();
        let _gone = self.child.wait();
    }
}
