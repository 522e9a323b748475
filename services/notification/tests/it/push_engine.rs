//! Push services that fail, are busy or do not know a browser any more, by a clock that is moved.

use chrono::TimeDelta;
use postrider_domain::{IdGen, NotificationId, SystemIds};
use postrider_notification::actions::Owner;
use postrider_notification::channels::web_push::PushHosts;
use postrider_notification::channels::webhook::Reach;
use postrider_notification::rules::custom::{Custom, custom};
use postrider_notification::rules::webhook::DeliveryState;
use postrider_notification::store::preferences::{self, Change};
use postrider_notification::store::push_subscriptions::{self, Subscription};
use postrider_storage::Statement;
use serde_json::{Value, json};
use uuid::Uuid;

use crate::harness::vapid;
use crate::push::{AUTH, P256DH, read};
use crate::receiver::{Receiver, Reply};
use crate::webhook_engine::Lab;

postrider_storage::row! {
    #[derive(Debug, Clone, PartialEq)]
    pub struct Sent {
        pub state: DeliveryState,
        pub error: Option<String>,
        pub status_code: Option<i32>,
        pub wait: Option<i64>,
    }
}

impl Lab {
    /// One whose user wants pushes.
    pub async fn with_push(reach: Reach) -> Self {
        let lab = Self::new("https://hooks.example", reach).await;
        lab.set(json!({ "channels": ["push"], "pushEnabled": true })).await;
        lab
    }

    pub async fn set(&self, settings: Value) {
        let (tenant, user) = (&self.account.tenant, &self.account.user);
        let tx = self.world.db.db.tenant(tenant).await.unwrap();
        let change = Change { id: Uuid::from_u128(1), tenant, user, account: None, settings, now: self.now() };
        preferences::change(&tx, change).await.unwrap();
        tx.commit().await.unwrap();
    }

    pub async fn browser(&self, endpoint: &str) -> Uuid {
        let new = Subscription {
            id: SystemIds.uuid(),
            user_id: self.account.user.clone(),
            endpoint: endpoint.to_owned(),
            p256dh: P256DH.to_owned(),
            auth: AUTH.to_owned(),
            server_key: vapid().public().unwrap().to_owned(),
            expires_at: None,
            created_at: self.now(),
            updated_at: self.now(),
        };
        let tx = self.world.db.db.tenant(&self.account.tenant).await.unwrap();
        let id = push_subscriptions::put(&tx, &self.account.tenant, &new).await.unwrap().id;
        tx.commit().await.unwrap();
        id
    }

    pub async fn browsers(&self) -> Vec<Uuid> {
        let (tenant, user) = (&self.account.tenant, &self.account.user);
        let tx = self.world.db.db.tenant(tenant).await.unwrap();
        let ids = push_subscriptions::ids(&tx, tenant, user).await.unwrap();
        tx.commit().await.unwrap();
        ids
    }

    pub async fn raise(&self, title: &str) -> NotificationId {
        let (tenant, user) = (&self.account.tenant, &self.account.user);
        let mut tx = self.world.db.db.tenant(tenant).await.unwrap();
        let values = preferences::effective(&tx, tenant, user, None).await.unwrap().preferences;
        let given = Custom {
            title: title.to_owned(),
            message: "m".to_owned(),
            sender_email: None,
            sender_name: None,
            data: json!({}),
        };
        let draft = custom(given, title.to_owned(), &values, self.now());
        let owner = Owner { tenant, user, trace: None };
        let raised = self.engine.actions.raise(&mut tx, owner, None, draft).await.unwrap().unwrap();
        tx.commit().await.unwrap();
        raised.id
    }

    /// Oldest first.
    pub async fn pushes(&self) -> Vec<Sent> {
        let tx = self.world.db.db.tenant(&self.account.tenant).await.unwrap();
        let text = "SELECT state, error, status_code, extract(epoch FROM due_at - $1)::bigint AS wait \
                    FROM deliveries WHERE channel = 'push' ORDER BY created_at, id";
        let found = Statement::dynamic(text.to_owned()).bind(self.now()).load(&tx).await.unwrap();
        tx.commit().await.unwrap();
        found
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_browser_is_forgotten_when_its_push_service_does_not_know_it_and_only_then() {
    let (gone, other) = (Receiver::start().await, Receiver::start().await);
    for status in [404, 410] {
        let lab = Lab::with_push(Reach::Anywhere).await;
        lab.browser(&gone.url).await;
        let kept = lab.browser(&other.url).await;
        gone.replies([Reply::Status(status)]);
        lab.raise("one").await;
        lab.engine.work().await.unwrap();
        assert_eq!(lab.browsers().await, [kept], "{status}");
        let mut ended: Vec<_> = lab.pushes().await.into_iter().map(|sent| (sent.state, sent.error)).collect();
        ended.sort_by_key(|(state, _)| state.as_str());
        let gone = Some("subscription_gone".to_owned());
        assert_eq!(ended, [(DeliveryState::Delivered, None), (DeliveryState::Failed, gone)], "{status}");
    }
    let busy = Receiver::start().await;
    for reply in [400, 401, 403, 405, 413, 429, 500, 503]
        .map(Reply::Status)
        .into_iter()
        .chain([Reply::Redirect("https://push.example/".to_owned()), Reply::Hang])
    {
        let lab = Lab::with_push(Reach::Anywhere).await;
        let kept = lab.browser(&busy.url).await;
        busy.replies([reply.clone()]);
        lab.raise("one").await;
        lab.engine.work().await.unwrap();
        assert_eq!(lab.browsers().await, [kept], "{reply:?}");
        let sent = lab.pushes().await.remove(0);
        assert_eq!((sent.state, sent.wait), (DeliveryState::Pending, Some(5)), "{reply:?}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn one_that_subscribed_anew_meanwhile_is_kept() {
    let service = Receiver::start().await;
    let lab = Lab::with_push(Reach::Anywhere).await;
    let id = lab.browser(&service.url).await;
    let tx = lab.world.db.db.tenant(&lab.account.tenant).await.unwrap();
    let before = push_subscriptions::find(&tx, &lab.account.tenant, id).await.unwrap().unwrap();
    tx.commit().await.unwrap();
    lab.clock.advance(TimeDelta::seconds(1));
    assert_eq!(lab.browser(&service.url).await, id);
    let tx = lab.world.db.db.tenant(&lab.account.tenant).await.unwrap();
    assert!(!push_subscriptions::forget(&tx, &lab.account.tenant, &before).await.unwrap());
    tx.commit().await.unwrap();
    assert_eq!(lab.browsers().await, [id]);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_busy_service_is_asked_again_when_it_says_and_for_a_day() {
    let service = Receiver::start().await;
    let lab = Lab::with_push(Reach::Anywhere).await;
    lab.browser(&service.url).await;
    service.replies([Reply::Later(429, "3600"), Reply::Status(413), Reply::Status(201)]);
    lab.raise("one").await;
    lab.engine.work().await.unwrap();
    assert_eq!(lab.pushes().await[0].wait, Some(3_600));
    lab.clock.advance(TimeDelta::seconds(3_599));
    lab.engine.work().await.unwrap();
    assert_eq!(service.seen().len(), 1);
    lab.clock.advance(TimeDelta::seconds(1));
    lab.engine.work().await.unwrap();
    lab.clock.advance(TimeDelta::seconds(30));
    lab.engine.work().await.unwrap();
    let seen = service.seen();
    assert_eq!((seen.len(), lab.pushes().await[0].state), (3, DeliveryState::Delivered));
    // The same message to the service, which keeps the latest only; what is left of its life; less of it where it was too
    // large.
    assert_eq!(seen[0].header("topic"), seen[2].header("topic"));
    assert_eq!((seen[0].header("ttl"), seen[2].header("ttl")), ("86400".to_owned(), "82770".to_owned()));
    assert_eq!(
        (&read(&seen[0]).await["title"], &read(&seen[2]).await["title"]),
        (&json!("one"), &json!("New notification"))
    );
    // In the end it is no news any more.
    lab.raise("two").await;
    service.replies((0..20).map(|_| Reply::Status(500)));
    while let Some(wait) = lab.pushes().await[1].wait {
        lab.clock.advance(TimeDelta::seconds(wait));
        lab.engine.work().await.unwrap();
    }
    let sent = lab.pushes().await.remove(1);
    assert_eq!((sent.state, sent.status_code), (DeliveryState::Failed, Some(500)));
    assert_eq!(lab.browsers().await.len(), 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn no_push_goes_into_our_own_network_whatever_a_row_says() {
    let inside = Receiver::start().await;
    for endpoint in [inside.url.as_str(), "https://127.0.0.1:8443/", "https://localhost:8443/", "https://[::1]/"] {
        let lab = Lab::with_push(Reach::Public).await;
        lab.browser(endpoint).await;
        lab.raise("one").await;
        lab.engine.work().await.unwrap();
        assert_eq!(lab.pushes().await[0].error.as_deref(), Some("address_refused"), "{endpoint}");
        assert_eq!(lab.browsers().await.len(), 1);
    }
    assert!(inside.seen().is_empty());
}

#[tokio::test(flavor = "multi_thread")]
async fn no_push_goes_to_a_host_that_is_no_push_service_any_more() {
    let former = Receiver::start().await;
    let mut lab = Lab::with_push(Reach::Anywhere).await;
    lab.browser(&former.url).await;
    lab.raise("one").await;
    lab.engine.push_hosts = PushHosts::parse(["push.example", "*.0.0.example"]).unwrap();
    lab.engine.work().await.unwrap();
    assert_eq!(lab.pushes().await[0].error.as_deref(), Some("address_refused"));
    assert_eq!((former.seen().len(), lab.browsers().await.len()), (0, 1));
}
