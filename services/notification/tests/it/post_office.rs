//! A user with an account, a mail server, and postmen as many as a test wants, by a clock that is moved.

use std::sync::Arc;
use std::time::Duration;

use chrono::{DateTime, TimeDelta};
use postrider_contracts::OriginKey;
use postrider_domain::{ConnectorId, MockClock, NotificationId, Seams, SystemIds, TenantId, Timestamp, UserId};
use postrider_notification::actions::{Actions, Owner};
use postrider_notification::channels::email::{MailSettings, Mailer};
use postrider_notification::channels::webhook::{Reach, WebhookSender};
use postrider_notification::deliveries::{Engine, MailIdentity, Postman};
use postrider_notification::digests::reschedule;
use postrider_notification::hints::{Announcer, Hub, ReplicaId};
use postrider_notification::jobs::{close_digests, end_quiet_hours};
use postrider_notification::metrics::Metrics;
use postrider_notification::rules::Mark;
use postrider_notification::rules::custom::{Custom, custom};
use postrider_notification::rules::mail_token::MailKey;
use postrider_notification::store::preferences::{self, Change};
use postrider_runtime::Context;
use postrider_runtime::config::PublicUrl;
use postrider_storage::{Statement, Value as Column};
use serde_json::{Value, json};

use crate::harness::{World, keys, push_hosts, vapid};
use crate::mail_server::{Links, MailServer};
use crate::producer::Account;
use crate::webhook_engine::Middle;

pub struct PostOffice {
    pub world: World,
    pub server: MailServer,
    pub clock: MockClock,
    pub seams: Seams,
    pub actions: Actions,
    pub links: Arc<Links>,
    pub account: Account,
    pub metrics: Arc<Metrics>,
}

impl PostOffice {
    /// A Monday at noon.
    pub async fn new() -> Self {
        Self::at("2026-06-01T12:00:00Z").await
    }

    pub async fn at(when: &str) -> Self {
        let (world, server) = tokio::join!(World::new(), MailServer::start());
        let clock = MockClock::at(time(when));
        let seams = Seams { clock: Arc::new(clock.clone()), ids: Arc::new(SystemIds), entropy: Arc::new(Middle) };
        let metrics = Arc::new(Metrics::new(&Context::for_tests().registry));
        let announcer = Announcer::new(Hub::default(), world.live.clone(), ReplicaId(uuid::Uuid::nil()));
        let actions = Actions::new(seams.clone(), announcer, metrics.clone(), TimeDelta::days(30)).mailing(true);
        let (account, links) = (Account::new("t1", "u1"), Arc::new(Links::default()));
        let office = Self { world, server, clock, seams, actions, links, account, metrics };
        office.connect(&office.account, "me@example.org").await;
        office
    }

    /// Gives an account its address.
    pub async fn connect(&self, account: &Account, address: &str) {
        self.sql(
            "INSERT INTO notification.accounts (tenant, account_id, user_id, email_address, version_at, created_at, updated_at) \
             VALUES ($1, $2, $3, $4, now(), now(), now())",
            (&account.tenant, account.id, &account.user, address),
        )
        .await;
    }

    async fn sql(&self, text: &str, binds: (&TenantId, ConnectorId, &UserId, &str)) {
        Statement::dynamic(text.to_owned()).binds(binds).execute(&self.world.db.admin().await).await.unwrap();
    }

    pub fn postman(&self) -> Postman {
        self.postman_by(self.server.settings())
    }

    pub fn postman_by(&self, settings: MailSettings) -> Postman {
        Postman {
            db: self.world.db.db.clone(),
            seams: self.seams.clone(),
            mailer: Mailer::new(settings, Duration::from_secs(2)).unwrap(),
            identity: identity(),
            reconnect: self.links.clone(),
            bell: self.actions.mail_bell().clone(),
            metrics: self.metrics.clone(),
            stop: tokio_util::sync::CancellationToken::new(),
        }
    }

    /// What brings webhooks and pushes.
    pub fn engine(&self) -> Engine {
        Engine {
            db: self.world.db.db.clone(),
            seams: self.seams.clone(),
            actions: self.actions.clone(),
            sender: WebhookSender::new(Reach::Anywhere, Duration::from_secs(1)).unwrap(),
            keys: keys(),
            vapid: vapid(),
            push_hosts: push_hosts(),
            bell: self.actions.bell().clone(),
            metrics: self.metrics.clone(),
        }
    }

    /// Changes settings as the API does.
    pub async fn set(&self, account: Option<ConnectorId>, settings: Value) {
        let Account { tenant, user, .. } = &self.account;
        self.set_of(tenant, user, account, settings).await;
    }

    pub async fn set_of(&self, tenant: &TenantId, user: &UserId, account: Option<ConnectorId>, settings: Value) {
        let tx = self.world.db.db.tenant(tenant).await.unwrap();
        self.actions.lock_user(&tx, tenant, user).await.unwrap();
        let (id, now) = (self.seams.ids.uuid(), self.actions.now());
        preferences::change(&tx, Change { id, tenant, user, account, settings, now }).await.unwrap();
        reschedule(&tx, self.seams.ids.as_ref(), tenant, user, now).await.unwrap();
        tx.commit().await.unwrap();
    }

    pub async fn raise(&self, title: &str) -> String {
        self.raise_for(&self.account, None, title).await
    }

    /// A notification of that title. Returns its id.
    pub async fn raise_for(&self, who: &Account, about: Option<ConnectorId>, title: &str) -> String {
        let Account { tenant, user, .. } = who;
        let mut tx = self.world.db.db.tenant(tenant).await.unwrap();
        let values = preferences::effective(&tx, tenant, user, about).await.unwrap().preferences;
        let given = Custom {
            title: title.to_owned(),
            message: format!("about {title}"),
            sender_email: None,
            sender_name: None,
            data: json!({}),
        };
        let draft = custom(given, title.to_owned(), &values, self.actions.now());
        let raised =
            self.actions.raise(&mut tx, Owner { tenant, user, trace: None }, about, draft).await.unwrap().unwrap();
        tx.commit().await.unwrap();
        raised.id.to_string()
    }

    /// Its user marks one.
    pub async fn mark(&self, id: &str, mark: Mark) {
        let Account { tenant, user, .. } = &self.account;
        let mut tx = self.world.db.db.tenant(tenant).await.unwrap();
        let id = NotificationId(id.parse().unwrap());
        self.actions.mark(&mut tx, Owner { tenant, user, trace: None }, &[id], mark).await.unwrap();
        tx.commit().await.unwrap();
    }

    /// One replica works off what mails there are.
    pub async fn send(&self) {
        self.postman().work().await.unwrap();
    }

    pub async fn close_digests(&self) {
        close_digests(&self.world.db.db, &self.actions).await.unwrap();
    }

    pub async fn end_quiet_hours(&self) {
        end_quiet_hours(&self.world.db.db, &self.actions).await.unwrap();
    }

    /// What a query of one text column finds, in the eyes of the administrator.
    pub async fn texts(&self, query: &str) -> Vec<String> {
        let admin = self.world.db.admin().await;
        let found = Statement::dynamic(query.to_owned()).load::<Column<String>>(&admin).await.unwrap();
        found.into_iter().map(|Column(text)| text).collect()
    }

    /// State, error and doubt of all mails, in the order they were written.
    pub async fn mails(&self) -> Vec<String> {
        self.texts(
            "SELECT state || coalesce(' ' || error, '') || CASE WHEN doubtful THEN ' doubtful' ELSE '' END AS value \
             FROM notification.deliveries WHERE channel = 'email' ORDER BY id",
        )
        .await
    }

    /// As if whoever is at some mail had been silent for a minute.
    pub async fn forget_claims(&self) {
        let text = "UPDATE notification.deliveries SET claimed_until = clock_timestamp() - interval '1 second', \
                    handed_over_at = handed_over_at - interval '61 seconds' WHERE claimed_until IS NOT NULL";
        Statement::dynamic(text.to_owned()).execute(&self.world.db.admin().await).await.unwrap();
    }

    /// How often a mail was tried with that result.
    pub fn tried(&self, result: &str) -> u64 {
        self.metrics.mails.with_label_values(&[result]).get()
    }
}

pub fn origin_key() -> OriginKey {
    OriginKey::derive(b"origin")
}

pub fn identity() -> MailIdentity {
    MailIdentity {
        public: PublicUrl("https://mail.example.com".parse().unwrap()),
        keys: vec![MailKey::derive(b"links")],
        origins: vec![origin_key()],
    }
}

pub fn time(text: &str) -> Timestamp {
    DateTime::parse_from_rfc3339(text).unwrap().to_utc()
}
