//! The two listeners of a service.

mod admin;
mod configure;

use std::net::{SocketAddr, TcpListener};
use std::time::Duration;

use actix_web::dev::ServerHandle;
use actix_web::middleware::from_fn;
use actix_web::web::{Data, ServiceConfig};
use actix_web::{App, HttpServer};
use configure::Routes;
use postrider_domain::Seams;
use postrider_runtime::{Context, Shutdown};
use prometheus::Registry;
use socket2::{Domain, SockRef, Socket, Type};

use crate::extract::BodyLimit;
use crate::health::{self, Health};
use crate::middleware::{HttpMetrics, Observer, around};

/// Longest a client may take to send a request's head.
const HEAD_DEADLINE: Duration = Duration::from_secs(10);
/// Idle connections are closed after this; longer than common load balancers keep theirs would be wasted.
const KEEP_ALIVE: Duration = Duration::from_secs(75);
/// How long written bytes may stay unacknowledged before the kernel gives a connection up. Accepted sockets inherit it.
/// A client that stops reading while an answer flows is noticed by nothing else.
const USER_TIMEOUT: Duration = Duration::from_secs(30);
/// Connections that may wait to be accepted; the kernel takes less where `net.core.somaxconn` is lower. When a gateway
/// comes back, all clients of the one before knock at once.
const BACKLOG: i32 = 4_096;
/// actix's own limit for a graceful stop; ours ([`Shutdown::hard`]) comes first.
const GRACE_SECONDS: u64 = 3_600;

/// Where a service listens.
#[derive(Debug, Clone)]
pub struct ServerConfig {
    /// The service's name.
    pub name: &'static str,
    /// The public listener; port 0 lets the system choose.
    pub listen: SocketAddr,
    /// The admin listener.
    pub admin: SocketAddr,
    /// Largest JSON body, in bytes.
    pub body_limit: usize,
}

/// A listener that could not be opened.
#[derive(Debug, thiserror::Error)]
#[error("{name} cannot listen on {addr}: {cause}. Stop what holds the port, or set another address or PORT_BASE")]
pub struct BindError {
    pub name: &'static str,
    pub addr: SocketAddr,
    #[source]
    pub cause: std::io::Error,
}

/// Two bound listeners, not yet serving.
pub struct Server {
    config: ServerConfig,
    public: TcpListener,
    admin: TcpListener,
    addrs: (SocketAddr, SocketAddr),
    seams: Seams,
    registry: Registry,
    metrics: HttpMetrics,
    health: Health,
    routes: Routes,
}

impl std::fmt::Debug for Server {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Server({}, {:?})", self.config.name, self.addrs)
    }
}

impl Server {
    /// Opens both listeners. `configure` mounts the service's routes; it runs once for each worker thread.
    ///
    /// # Errors
    /// A port that is taken or not ours to take, with its address.
    pub fn bind(
        config: ServerConfig,
        cx: &Context,
        health: Health,
        configure: impl Fn(&mut ServiceConfig) + Clone + Send + 'static,
    ) -> Result<Self, BindError> {
        let (public, public_addr) = open(config.name, config.listen)?;
        let (admin, admin_addr) = open(config.name, config.admin)?;
        Ok(Self {
            config,
            public,
            admin,
            addrs: (public_addr, admin_addr),
            seams: cx.seams.clone(),
            registry: cx.registry.clone(),
            metrics: HttpMetrics::new(&cx.registry),
            health,
            routes: Routes(Box::new(configure)),
        })
    }

    /// Where the public listener is.
    pub fn addr(&self) -> SocketAddr {
        self.addrs.0
    }

    /// Where the admin listener is.
    pub fn admin_addr(&self) -> SocketAddr {
        self.addrs.1
    }

    /// The public listener's socket: options set on it before [`run`](Self::run) hold for every accepted connection.
    pub fn public_socket(&self) -> SockRef<'_> {
        SockRef::from(&self.public)
    }

    /// Serves until the soft stop; then takes no new connections, finishes the requests that were begun, and closes.
    /// The admin listener stays until the public one is done, so that the stop can be watched. At the hard stop both
    /// close at once.
    ///
    /// # Errors
    /// The listeners' worker threads cannot be started.
    pub async fn run(self, shutdown: impl Into<Shutdown>) -> anyhow::Result<()> {
        let shutdown: Shutdown = shutdown.into();
        let (addr, admin_addr) = self.addrs;
        let admin = admin::server(self.admin, &self.registry, &self.health, &shutdown)?;
        let observer = Data::new(Observer { seams: self.seams, metrics: self.metrics, hard: shutdown.hard.clone() });
        let (health, stop, routes, limit) = (self.health, shutdown.clone(), self.routes, self.config.body_limit);
        let app = move || {
            App::new()
                .app_data(observer.clone())
                .app_data(BodyLimit(limit))
                .wrap(from_fn(around))
                .configure(|config| health::configure(config, &health, &stop))
                .configure(|config| routes.mount(config))
        };
        let public = HttpServer::new(app)
            .client_request_timeout(HEAD_DEADLINE)
            .keep_alive(KEEP_ALIVE)
            .shutdown_timeout(GRACE_SECONDS)
            .disable_signals()
            .listen(self.public)?
            .run();
        tracing::info!(%addr, %admin_addr, "{} listens on {addr}", self.config.name);
        let (public_handle, admin_handle) = (public.handle(), admin.handle());
        let serving = async {
            let (public_end, admin_end, ()) =
                tokio::join!(public, admin, stop_in_order(&shutdown, &public_handle, &admin_handle));
            public_end.and(admin_end)
        };
        tokio::select! {
            end = serving => Ok(end?),
            // actix does not let go of a graceful stop it has begun; dropping its futures does.
            () = after_hard_stop(&shutdown) => Ok(()),
        }
    }
}

/// Requests answer 503 at the hard stop; this long the connections have to carry it out.
const LAST_ANSWERS: Duration = Duration::from_millis(500);

async fn after_hard_stop(shutdown: &Shutdown) {
    shutdown.hard.cancelled().await;
    tokio::time::sleep(LAST_ANSWERS).await;
}

async fn stop_in_order(shutdown: &Shutdown, public: &ServerHandle, admin: &ServerHandle) {
    shutdown.soft.cancelled().await;
    public.stop(true).await;
    admin.stop(false).await;
}

fn open(name: &'static str, addr: SocketAddr) -> Result<(TcpListener, SocketAddr), BindError> {
    let failed = |cause| BindError { name, addr, cause };
    let listener = listen(addr).map_err(failed)?;
    SockRef::from(&listener).set_tcp_user_timeout(Some(USER_TIMEOUT)).map_err(failed)?;
    let bound = listener.local_addr().map_err(failed)?;
    Ok((listener, bound))
}

/// As the standard library does it, but for its backlog of 128.
fn listen(addr: SocketAddr) -> std::io::Result<TcpListener> {
    let socket = Socket::new(Domain::for_address(addr), Type::STREAM, None)?;
    socket.set_reuse_address(true)?;
    socket.bind(&addr.into())?;
    socket.listen(BACKLOG)?;
    Ok(socket.into())
}
