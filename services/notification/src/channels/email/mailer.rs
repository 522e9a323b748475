//! The way out: SMTP, one mail at a time on a connection, with an end to everything.
//!
//! What came of an attempt is certain but in one case: the content was on its way, and no answer came. The server may
//! have taken it then, and only the Message-ID tells the mail's reader that a second one is the same.

use std::error::Error as _;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use lettre::transport::smtp::Error;
use lettre::transport::smtp::authentication::{Credentials, Mechanism};
use lettre::transport::smtp::client::{AsyncSmtpConnection, TlsParameters};
use lettre::transport::smtp::commands::{Data, Mail, Rcpt};
use lettre::transport::smtp::extension::{ClientId, Extension, MailParameter};
use parking_lot::Mutex;
use tokio::time::{Instant, timeout};

use super::letter::Letter;
use super::settings::{MailSettings, Security};
use crate::rules::mail_attempt::{Attempt, Trouble};

/// To have a connection.
const CONNECT: Duration = Duration::from_secs(10);
/// From the first byte to the answer; less than a claim lives.
pub const TOTAL: Duration = Duration::from_secs(45);
/// A connection that was not used for so long is closed: servers do the same, without a word.
const IDLE: Duration = Duration::from_secs(20);
/// "Mailbox name not allowed": the server cannot carry this address.
const NO_SUCH_NAME: u16 = 553;

/// Sends mails. Clones share its connections.
#[derive(Clone)]
pub struct Mailer(Arc<Inner>);

struct Inner {
    settings: MailSettings,
    total: Duration,
    tls: TlsParameters,
    hello: ClientId,
    idle: Mutex<Vec<(AsyncSmtpConnection, Instant)>>,
}

impl Mailer {
    /// Introduces itself by the domain of our sender.
    ///
    /// # Errors
    /// TLS cannot be set up.
    pub fn new(settings: MailSettings, total: Duration) -> Result<Self, Error> {
        let mut tls = TlsParameters::builder(settings.host.clone());
        for root in &settings.roots {
            tls = tls.add_root_certificate(root.clone());
        }
        let (tls, hello) = (tls.build_rustls()?, ClientId::Domain(settings.domain().to_owned()));
        Ok(Self(Arc::new(Inner { settings, total, tls, hello, idle: Mutex::default() })))
    }

    /// The server and our name.
    pub fn settings(&self) -> &MailSettings {
        &self.0.settings
    }

    /// Tries once.
    pub async fn send(&self, letter: &Letter) -> Attempt {
        let under_way = AtomicBool::new(false);
        match timeout(self.0.total, self.deliver(letter, &under_way)).await {
            Ok(Ok(())) => Attempt::Accepted,
            Ok(Err(failed)) => judge(&failed, under_way.load(Ordering::Relaxed)),
            Err(_elapsed) if under_way.load(Ordering::Relaxed) => Attempt::Doubtful,
            Err(_elapsed) => Attempt::Later { why: Trouble::Timeout, code: None },
        }
    }

    async fn deliver(&self, letter: &Letter, under_way: &AtomicBool) -> Result<(), Failed> {
        let mut connection = self.begun(letter).await?;
        connection.command(Rcpt::new(letter.to.clone(), Vec::new())).await.map_err(Failed::Mail)?;
        connection.command(Data).await.map_err(Failed::Mail)?;
        under_way.store(true, Ordering::Relaxed);
        connection.message(&letter.bytes).await.map_err(Failed::Mail)?;
        self.0.idle.lock().push((connection, Instant::now()));
        Ok(())
    }

    /// A connection on which a mail of ours was begun. One that was left over may have died meanwhile: then a new one.
    async fn begun(&self, letter: &Letter) -> Result<AsyncSmtpConnection, Failed> {
        if let Some(mut left) = self.left_over()
            && left.command(self.mail(&left, letter)?).await.is_ok()
        {
            return Ok(left);
        }
        let mut fresh = self.connected().await?;
        fresh.command(self.mail(&fresh, letter)?).await.map_err(Failed::Server)?;
        Ok(fresh)
    }

    fn mail(&self, connection: &AsyncSmtpConnection, letter: &Letter) -> Result<Mail, Failed> {
        let mut parameters = Vec::new();
        if !AsRef::<str>::as_ref(&letter.to).is_ascii() {
            if !connection.server_info().supports_feature(Extension::SmtpUtfEight) {
                return Err(Failed::Address);
            }
            parameters.push(MailParameter::SmtpUtfEight);
        }
        Ok(Mail::new(Some(self.0.settings.from.email.clone()), parameters))
    }

    fn left_over(&self) -> Option<AsyncSmtpConnection> {
        let mut idle = self.0.idle.lock();
        idle.retain(|(_, since)| since.elapsed() < IDLE);
        idle.pop().map(|(connection, _)| connection)
    }

    async fn connected(&self) -> Result<AsyncSmtpConnection, Failed> {
        let Inner { settings, tls, hello, .. } = self.0.as_ref();
        let implicit = (settings.security == Security::Implicit).then(|| tls.clone());
        let server = (settings.host.as_str(), settings.port);
        let mut connection = AsyncSmtpConnection::connect_tokio1(server, Some(CONNECT), hello, implicit, None)
            .await
            .map_err(Failed::Connect)?;
        let offered = connection.can_starttls();
        match settings.security {
            Security::Required if !offered => return Err(Failed::NoTls),
            Security::Required | Security::Opportunistic if offered => {
                connection.starttls(tls.clone(), hello).await.map_err(Failed::Tls)?;
            }
            Security::Required | Security::Opportunistic | Security::Implicit | Security::None => {}
        }
        // Over a line without TLS no password goes, whatever the server offers.
        if let Some((user, password)) = &settings.credentials {
            if !connection.is_encrypted() {
                return Err(Failed::NoTls);
            }
            let credentials = Credentials::new(user.expose().to_owned(), password.expose().to_owned());
            connection.auth(&[Mechanism::Plain, Mechanism::Login], &credentials).await.map_err(Failed::Login)?;
        }
        Ok(connection)
    }
}

/// Where it failed. What the server says is looked at for its code alone.
enum Failed {
    Connect(Error),
    /// It has to be TLS, and the server offers none.
    NoTls,
    Tls(Error),
    Login(Error),
    /// The server wants no mail of ours.
    Server(Error),
    /// The server does not want this mail.
    Mail(Error),
    /// The server cannot carry this address.
    Address,
}

fn judge(failed: &Failed, under_way: bool) -> Attempt {
    let later = |why, error: Option<&Error>| Attempt::Later { why, code: error.and_then(code) };
    match failed {
        Failed::Connect(error) if error.is_tls() => later(Trouble::Tls, Some(error)),
        Failed::Connect(error) if error.is_timeout() => later(Trouble::Timeout, Some(error)),
        Failed::Connect(error) => later(if is_tls(error) { Trouble::Tls } else { Trouble::Connect }, Some(error)),
        Failed::NoTls => later(Trouble::Tls, None),
        Failed::Tls(error) => later(Trouble::Tls, Some(error)),
        Failed::Login(error) => later(Trouble::Login, Some(error)),
        // Whatever it is, it is not about the one mail: the others would be lost with it.
        Failed::Server(error) => later(trouble(error), Some(error)),
        Failed::Address => Attempt::Refused { code: NO_SUCH_NAME },
        Failed::Mail(error) => match code(error) {
            Some(code) if error.is_permanent() => Attempt::Refused { code },
            Some(_) => later(Trouble::Status, Some(error)),
            None if under_way => Attempt::Doubtful,
            None => later(trouble(error), None),
        },
    }
}

fn code(error: &Error) -> Option<u16> {
    error.status().map(u16::from)
}

fn trouble(error: &Error) -> Trouble {
    if code(error).is_some() { Trouble::Status } else { Trouble::Broken }
}

/// A certificate that is refused while connecting is told as a broken connection.
fn is_tls(error: &Error) -> bool {
    error.source().is_some_and(|cause| {
        let text = cause.to_string();
        text.contains("certificate") || text.contains("TLS") || text.contains("tls")
    })
}
