//! The program's life: start, wait for the stop signal, free the port.

use postrider_gmail_sim::{SimConfig, SimServer};
use postrider_runtime::{ConfigErrors, Context, Env, Service, Shutdown};

/// A running simulator.
pub(crate) struct App {
    server: SimServer,
    shutdown: Shutdown,
}

impl Service for App {
    const NAME: &'static str = "gmail-sim";
    const ABOUT: &'static str = "A simulated Google: OAuth, the Gmail API, Pub/Sub push. Listens on loopback only.";
    type Config = SimConfig;
    type Deps = ();

    fn load(env: &Env) -> Result<SimConfig, ConfigErrors> {
        crate::settings::load(env)
    }

    fn deps(_config: &SimConfig, _cx: &Context) -> anyhow::Result<()> {
        Ok(())
    }

    async fn build(config: SimConfig, (): (), cx: Context) -> anyhow::Result<Self> {
        let config = SimConfig { clock: cx.seams.clock.clone(), ..config };
        Ok(Self { server: SimServer::start(config).await?, shutdown: cx.shutdown })
    }

    async fn run(self) -> anyhow::Result<()> {
        self.shutdown.soft.cancelled().await;
        self.server.shutdown().await;
        Ok(())
    }
}
