//! From `main` to the exit code.

use std::ffi::OsString;
use std::io::Write;
use std::process::ExitCode;
use std::time::Duration;

use postrider_contracts::Topology;
use postrider_domain::Seams;

use crate::cli::{Cli, Command};
use crate::config::{ConfigErrors, Env, all};
use crate::context::Context;
use crate::service::Service;
use crate::{healthcheck, lifecycle, open_files, telemetry, tls, topology};

const FAILED: u8 = 1;
const WRONG_SETTINGS: u8 = 2;
const STOPPED_HARD: u8 = 3;
/// What a service may still do after the hard stop: log, close sockets.
const LAST_WORDS: Duration = Duration::from_secs(2);

/// Runs a service's command line with the process's arguments and environment. The whole of every `main`.
pub fn run<S: Service>() -> ExitCode {
    run_with::<S>(std::env::args_os(), Env::process())
}

/// The same with given arguments (the first is the program's name) and settings.
pub fn run_with<S: Service>(args: impl IntoIterator<Item = OsString>, env: Result<Env, ConfigErrors>) -> ExitCode {
    let cli = match Cli::read(S::NAME, S::ABOUT, args) {
        Ok(cli) => cli,
        Err(error) => {
            let _closed_pipe = error.print();
            return u8::try_from(error.exit_code()).map_or(ExitCode::FAILURE, ExitCode::from);
        }
    };
    tls::install();
    let env = match env {
        Ok(env) => env,
        Err(errors) => return wrong_settings(&errors),
    };
    let runtime = match tokio::runtime::Builder::new_multi_thread().enable_all().build() {
        Ok(runtime) => runtime,
        Err(error) => return failed(&anyhow::Error::new(error).context("no threads for the runtime")),
    };
    let code = runtime.block_on(Box::pin(dispatch::<S>(cli.command, &env)));
    // Threads stuck in blocking work must not keep the process alive.
    runtime.shutdown_timeout(LAST_WORDS);
    code
}

async fn dispatch<S: Service>(command: Command, env: &Env) -> ExitCode {
    let done = match command {
        Command::Topology => say(&topology::render(&Topology::CURRENT)),
        Command::CheckConfig => return check_config::<S>(env),
        Command::Serve => return serve_command::<S>(env).await,
        Command::Migrate => with_settings(env, |env| S::migrate(env)).await,
        Command::DeadLetters(command) => with_settings(env, |env| S::dead_letters(env, command)).await,
        Command::RotateKeys => with_settings(env, |env| S::rotate_keys(env)).await,
        Command::Healthcheck => healthcheck::ask(S::NAME, env).await.and_then(|answer| say(&answer)),
    };
    match done {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => match error.downcast::<ConfigErrors>() {
            Ok(errors) => wrong_settings(&errors),
            Err(error) => failed(&error),
        },
    }
}

/// Runs a one-off command with logs on and names checked.
async fn with_settings<'a, F, Fut>(env: &'a Env, work: F) -> anyhow::Result<()>
where
    F: FnOnce(&'a Env) -> Fut,
    Fut: Future<Output = anyhow::Result<()>>,
{
    env.check()?;
    telemetry::init(env)?;
    work(env).await
}

fn check_config<S: Service>(env: &Env) -> ExitCode {
    let checked = env.check().err();
    let loaded = S::load(env).err();
    let _logs = telemetry::Settings::load(env);
    let traces = telemetry::traces::Collector::load(env).err();
    let _closed_pipe = say(&env.table());
    match ConfigErrors::join(checked.into_iter().chain(loaded).chain(traces)) {
        None => ExitCode::SUCCESS,
        Some(errors) => wrong_settings(&errors),
    }
}

async fn serve_command<S: Service>(env: &Env) -> ExitCode {
    let settings = all((
        env.check().and_then(|()| telemetry::traces::init(env, S::NAME)),
        S::load(env),
        env.parse_or("STOP_DEADLINE_SECONDS", lifecycle::DEFAULT_DEADLINE.as_secs()),
    ));
    let (traces, config, deadline) = match settings {
        Ok(settings) => settings,
        Err(errors) => return wrong_settings(&errors),
    };
    let signals = match lifecycle::os_signals() {
        Ok(signals) => signals,
        Err(error) => return failed(&anyhow::Error::new(error).context("cannot listen for SIGTERM")),
    };
    open_files::raise();
    let cx = Context::new(S::NAME, Seams::system());
    let sending = traces.start(&cx.registry);
    let watching = lifecycle::watch(cx.shutdown.clone(), signals, Duration::from_secs(deadline));
    let serving = Box::pin(serve::<S>(config, cx.clone()));
    tokio::pin!(watching);
    let ended = tokio::select! {
        ended = serving => Some(ended),
        () = &mut watching => None,
    };
    sending.finish().await;
    match ended {
        Some(Ok(())) => ExitCode::SUCCESS,
        Some(Err(error)) => failed(&error),
        None => {
            tracing::warn!(tasks.running = cx.tasks.running(), "stopped hard");
            ExitCode::from(STOPPED_HARD)
        }
    }
}

/// Builds and runs a service until it stops, then waits for its background tasks. The hard stop is the caller's: drop
/// this future.
///
/// # Errors
/// What the service's `deps`, `build` or `run` returned; its tasks are stopped first.
async fn serve<S: Service>(config: S::Config, cx: Context) -> anyhow::Result<()> {
    serve_with::<S>(config, S::deps, cx).await
}

/// The same with other things outside than the service's own. For programs that run several services in one process;
/// [`run`] does it for the others.
///
/// # Errors
/// What `deps`, the service's `build` or its `run` returned; its tasks are stopped first.
pub async fn serve_with<S: Service>(
    config: S::Config,
    deps: impl FnOnce(&S::Config, &Context) -> anyhow::Result<S::Deps>,
    cx: Context,
) -> anyhow::Result<()> {
    let ended = async {
        let deps = deps(&config, &cx)?;
        let service = tokio::select! {
            service = Box::pin(S::build(config, deps, cx.clone())) => service?,
            () = cx.shutdown.soft.cancelled() => return Ok(()),
        };
        tracing::info!(service = S::NAME, version = env!("CARGO_PKG_VERSION"), "{} runs", S::NAME);
        Box::pin(service.run()).await
    }
    .await;
    if let Err(error) = &ended {
        tracing::error!(error = %format!("{error:#}"), "{} failed; stopping its tasks", S::NAME);
    }
    cx.shutdown.stop_softly();
    tokio::select! {
        () = cx.tasks.finished() => {}
        () = after_hard_stop(&cx) => {}
    }
    tracing::info!(service = S::NAME, "{} stopped", S::NAME);
    ended
}

async fn after_hard_stop(cx: &Context) {
    cx.shutdown.hard.cancelled().await;
    tokio::time::sleep(LAST_WORDS).await;
}

fn say(text: &str) -> anyhow::Result<()> {
    let mut out = std::io::stdout().lock();
    out.write_all(text.as_bytes())?;
    Ok(out.flush()?)
}

fn complain(text: &str) {
    let _closed_pipe = writeln!(std::io::stderr().lock(), "{text}");
}

fn wrong_settings(errors: &ConfigErrors) -> ExitCode {
    complain(&format!("The settings are not usable:\n{errors}"));
    ExitCode::from(WRONG_SETTINGS)
}

fn failed(error: &anyhow::Error) -> ExitCode {
    complain(&format!("error: {error:#}"));
    ExitCode::from(FAILED)
}
