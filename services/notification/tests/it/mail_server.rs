//! A mail server that takes what it is sent, or answers what a test wants; and a connector that makes links.

use std::collections::VecDeque;
use std::sync::{Arc, Mutex};

use async_trait::async_trait;
use postrider_domain::{ConnectorId, Secret, TenantId, UserId};
use postrider_notification::channels::email::MailSettings;
use postrider_notification::reconnect::{NoLink, ReconnectLinks};
use postrider_runtime::config::Env;
use tokio::io::{AsyncBufRead, AsyncBufReadExt, AsyncRead, AsyncWrite, AsyncWriteExt, BufReader};
use tokio::net::TcpListener;
use tokio_rustls::TlsAcceptor;
use tokio_rustls::rustls::ServerConfig;
use tokio_rustls::rustls::crypto::ring::default_provider;
use tokio_rustls::rustls::pki_types::PrivatePkcs8KeyDer;

/// What it does with a mail instead of taking it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Reply {
    /// Refuses the recipient.
    Recipient(&'static str),
    /// Answers the content so, and does not take it.
    Content(&'static str),
    /// Takes it and never answers.
    TakeAndHang,
    /// Takes it and closes the connection without an answer.
    TakeAndClose,
    /// Closes the connection in the middle of the content.
    Break,
}

/// A mail it took.
#[derive(Debug, Clone)]
pub struct Taken {
    pub from: String,
    pub to: String,
    pub source: String,
    pub encrypted: bool,
    /// As which user, if it logged in.
    pub login: Option<String>,
}

impl Taken {
    /// A header, unfolded; empty if it is not there.
    pub fn header(&self, name: &str) -> String {
        let head = self.source.split("\r\n\r\n").next().unwrap_or_default().replace("\r\n ", " ");
        let found = head.lines().find_map(|line| {
            let (field, value) = line.split_once(": ")?;
            field.eq_ignore_ascii_case(name).then(|| value.to_owned())
        });
        found.unwrap_or_default()
    }

    pub fn message_id(&self) -> String {
        self.header("Message-ID")
    }

    /// Its first part, decoded.
    pub fn text(&self) -> String {
        let (_, after) = self.source.split_once("text/plain").expect("a text part");
        let (head, body) = after.split_once("\r\n\r\n").unwrap();
        let body = body.split("\r\n--").next().unwrap();
        if head.contains("base64") {
            use base64::Engine as _;
            let joined: String = body.split_whitespace().collect();
            return String::from_utf8(base64::engine::general_purpose::STANDARD.decode(joined).unwrap()).unwrap();
        }
        if !head.contains("quoted-printable") {
            return body.to_owned();
        }
        let joined = body.replace("=\r\n", "");
        let mut bytes = Vec::new();
        let mut rest = joined.as_bytes();
        while let [first, tail @ ..] = rest {
            if let (b'=', [high, low, after @ ..]) = (first, tail) {
                let hex = std::str::from_utf8(&[*high, *low]).unwrap().to_owned();
                bytes.push(u8::from_str_radix(&hex, 16).unwrap());
                rest = after;
            } else {
                bytes.push(*first);
                rest = tail;
            }
        }
        String::from_utf8(bytes).unwrap()
    }

    /// The link of a path in its text.
    pub fn link(&self, path: &str) -> String {
        let text = self.text();
        let start = text.find(path).unwrap_or_else(|| panic!("no {path} in {text}"));
        text.get(start..).unwrap().split_whitespace().next().unwrap().to_owned()
    }
}

/// What it offers.
#[derive(Clone, Default)]
pub struct Offer {
    pub starttls: bool,
    pub implicit: bool,
    pub login: bool,
}

#[derive(Clone, Default)]
struct Desk {
    taken: Arc<Mutex<Vec<Taken>>>,
    script: Arc<Mutex<VecDeque<Reply>>>,
    connections: Arc<Mutex<usize>>,
}

pub struct MailServer {
    pub port: u16,
    /// What it proves itself with, as PEM.
    pub certificate: String,
    desk: Desk,
    serving: tokio::task::JoinHandle<()>,
}

impl MailServer {
    /// One in the clear.
    pub async fn start() -> Self {
        Self::offering(Offer::default()).await
    }

    pub async fn offering(offer: Offer) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let port = listener.local_addr().unwrap().port();
        let certified = rcgen::generate_simple_self_signed(["localhost".to_owned()]).unwrap();
        let key = PrivatePkcs8KeyDer::from(certified.signing_key.serialize_der());
        let config = ServerConfig::builder_with_provider(Arc::new(default_provider()))
            .with_safe_default_protocol_versions()
            .unwrap()
            .with_no_client_auth()
            .with_single_cert(vec![certified.cert.der().clone()], key.into())
            .unwrap();
        let (desk, certificate) = (Desk::default(), certified.cert.pem());
        let (served, tls) = (desk.clone(), TlsAcceptor::from(Arc::new(config)));
        #[expect(clippy::disallowed_methods, reason = "ended with the server")]
        let serving = tokio::spawn(async move {
            let mut talks = tokio::task::JoinSet::new();
            while let Ok((stream, _)) = listener.accept().await {
                stream.set_nodelay(true).unwrap();
                *served.connections.lock().unwrap() += 1;
                let (desk, tls, offer) = (served.clone(), tls.clone(), offer.clone());
                talks.spawn(async move {
                    if offer.implicit {
                        let Ok(stream) = tls.accept(stream).await else { return };
                        talk(BufReader::new(stream), &desk, &offer, true, true).await;
                    } else if let Some(plain) = talk(BufReader::new(stream), &desk, &offer, false, true).await {
                        let Ok(stream) = tls.accept(plain.into_inner()).await else { return };
                        talk(BufReader::new(stream), &desk, &offer, true, false).await;
                    }
                });
            }
        });
        Self { port, certificate, desk, serving }
    }

    /// Settings that lead here, in the clear.
    pub fn settings(&self) -> MailSettings {
        self.settings_with(&[])
    }

    /// The same with others over them.
    pub fn settings_with(&self, more: &[(&str, &str)]) -> MailSettings {
        let url = format!("smtp://127.0.0.1:{}", self.port);
        let base =
            [("SMTP_URL", url.as_str()), ("SMTP_TLS", "none"), ("MAIL_FROM", "Postrider <mail@postrider.example>")];
        let env = Env::from_pairs(base.into_iter().chain(more.iter().copied()));
        MailSettings::load(&env).unwrap().unwrap()
    }

    /// What it does with the next mails.
    pub fn replies(&self, replies: impl IntoIterator<Item = Reply>) {
        self.desk.script.lock().unwrap().extend(replies);
    }

    pub fn taken(&self) -> Vec<Taken> {
        self.desk.taken.lock().unwrap().clone()
    }

    pub fn connections(&self) -> usize {
        *self.desk.connections.lock().unwrap()
    }

    /// Waits until it took that many.
    pub async fn took(&self, count: usize) -> Vec<Taken> {
        postrider_testing::eventually(&format!("{count} mails"), crate::harness::SOON, || async {
            let taken = self.taken();
            (taken.len() >= count).then_some(taken)
        })
        .await
    }
}

impl Drop for MailServer {
    fn drop(&mut self) {
        self.serving.abort();
    }
}

/// One conversation. Returns the connection if it is to go on with TLS.
async fn talk<S: AsyncRead + AsyncWrite + Unpin>(
    mut stream: BufReader<S>,
    desk: &Desk,
    offer: &Offer,
    encrypted: bool,
    greet: bool,
) -> Option<BufReader<S>> {
    if greet {
        say(&mut stream, "220 ready").await?;
    }
    let (mut from, mut to, mut login) = (String::new(), String::new(), None);
    let mut reply = None;
    loop {
        let line = line(&mut stream).await?;
        let upper = line.to_ascii_uppercase();
        if upper.starts_with("EHLO") {
            let mut said = "250-localhost\r\n".to_owned();
            if offer.starttls && !encrypted {
                said += "250-STARTTLS\r\n";
            }
            if offer.login {
                said += "250-AUTH PLAIN\r\n";
            }
            say(&mut stream, &format!("{said}250 8BITMIME")).await?;
        } else if upper == "STARTTLS" {
            say(&mut stream, "220 go on").await?;
            return Some(stream);
        } else if let Some(proof) = line.strip_prefix("AUTH PLAIN ") {
            use base64::Engine as _;
            let said = base64::engine::general_purpose::STANDARD.decode(proof).unwrap();
            let parts: Vec<String> = said.split(|b| *b == 0).map(|p| String::from_utf8(p.to_vec()).unwrap()).collect();
            if parts[2] == "wrong" {
                say(&mut stream, "535 no").await?;
                continue;
            }
            login = Some(parts[1].clone());
            say(&mut stream, "235 welcome").await?;
        } else if upper.starts_with("MAIL FROM:") {
            reply = desk.script.lock().unwrap().pop_front();
            from = between(&line);
            say(&mut stream, "250 ok").await?;
        } else if upper.starts_with("RCPT TO:") {
            to = between(&line);
            let said = if let Some(Reply::Recipient(said)) = reply { said } else { "250 ok" };
            say(&mut stream, said).await?;
        } else if upper == "DATA" {
            say(&mut stream, "354 go on").await?;
            let source = content(&mut stream, reply == Some(Reply::Break)).await?;
            let taken = Taken { from: from.clone(), to: to.clone(), source, encrypted, login: login.clone() };
            match reply.take() {
                Some(Reply::Content(said)) => say(&mut stream, said).await?,
                Some(Reply::TakeAndHang) => {
                    desk.taken.lock().unwrap().push(taken);
                    std::future::pending::<()>().await;
                }
                Some(Reply::TakeAndClose) => {
                    desk.taken.lock().unwrap().push(taken);
                    return None;
                }
                Some(Reply::Break | Reply::Recipient(_)) | None => {
                    desk.taken.lock().unwrap().push(taken);
                    say(&mut stream, "250 taken").await?;
                }
            }
        } else if upper == "QUIT" {
            say(&mut stream, "221 bye").await?;
            return None;
        } else {
            say(&mut stream, "250 ok").await?;
        }
    }
}

async fn content<S: AsyncBufRead + Unpin>(stream: &mut S, breaks: bool) -> Option<String> {
    let mut source = String::new();
    loop {
        let mut line = String::new();
        if breaks || stream.read_line(&mut line).await.ok()? == 0 {
            return None;
        }
        if line == ".\r\n" {
            return Some(source);
        }
        source += line.strip_prefix('.').unwrap_or(&line);
    }
}

async fn line<S: AsyncBufRead + Unpin>(stream: &mut S) -> Option<String> {
    let mut line = String::new();
    (stream.read_line(&mut line).await.ok()? > 0).then(|| line.trim_end().to_owned())
}

async fn say<S: AsyncWrite + Unpin>(stream: &mut S, said: &str) -> Option<()> {
    stream.write_all(format!("{said}\r\n").as_bytes()).await.ok()?;
    stream.flush().await.ok()
}

fn between(line: &str) -> String {
    line.split(['<', '>']).nth(1).unwrap_or_default().to_owned()
}

/// Makes reconnect links, each once.
#[derive(Default)]
pub struct Links {
    pub made: Mutex<Vec<ConnectorId>>,
    /// Answered instead, while it is set.
    pub refuses: Mutex<Option<NoLink>>,
}

#[async_trait]
impl ReconnectLinks for Links {
    async fn mint(&self, _tenant: &TenantId, _user: &UserId, account: ConnectorId) -> Result<Secret, NoLink> {
        if let Some(no) = *self.refuses.lock().unwrap() {
            return Err(no);
        }
        let mut made = self.made.lock().unwrap();
        made.push(account);
        Ok(Secret::new(format!("https://mail.example.com/connect/secret-{}", made.len())))
    }
}
