//! `postrider google setup` at a simulated Google: from nothing to pushes that arrive, and from what drifted back.

use postrider_cli::commands::google::{Outcome, carry_out};
use postrider_cli::google::{Access, CallError, Names, Obstacle, PubSub, Seen, Step, Wanted, look, remedy, steps};
use postrider_domain::Secret;
use postrider_gmail_sim::{MailboxSpec, SimConfig, SimServer};
use postrider_runtime::Env;
use serde_json::{Value, json};

const ADDRESS: &str = "demo@example.com";
const PUBLIC: &str = "https://mail.acme.example";
const ENDPOINT: &str = "https://mail.acme.example/api/email/webhook/google/pubsub";
const TOPIC: &str = "projects/acme/topics/gmail";
const PUSHED: &str = "projects/acme/subscriptions/push";
const PULLED: &str = "projects/acme/subscriptions/pull";
const SIGNER: &str = "push@acme.iam.gserviceaccount.com";

/// A Google with one mailbox, and an administrator of its Pub/Sub by a service account's key file.
struct World {
    sim: SimServer,
    pubsub: PubSub,
    http: reqwest::Client,
    key_file: tempfile::NamedTempFile,
}

impl World {
    async fn start() -> Self {
        postrider_runtime::tls::install();
        let config = SimConfig { mailboxes: vec![MailboxSpec::new(ADDRESS, 0)], ..SimConfig::default() };
        let sim = SimServer::start(config).await.unwrap();
        let http = reqwest::Client::builder().no_proxy().build().unwrap();
        let key = http.get(format!("{}/_sim/service-account", sim.base_url())).send().await.unwrap();
        let key_file = tempfile::NamedTempFile::new().unwrap();
        std::fs::write(key_file.path(), key.text().await.unwrap()).unwrap();
        let access = Access::named(key_file.path().to_str().unwrap()).await.unwrap();
        let pubsub = PubSub::new(format!("{}/", sim.base_url()).parse().unwrap(), access).unwrap();
        Self { sim, pubsub, http, key_file }
    }

    async fn seen(&self, wanted: &Wanted) -> Seen {
        look(&self.pubsub, wanted).await.unwrap()
    }

    /// Takes all steps, whatever they are.
    async fn set_up(&self, wanted: &Wanted) -> Outcome {
        carry_out(&self.pubsub, wanted, |_| Ok(true)).await.unwrap()
    }

    async fn change(&self, subscription: &str, members: Value) {
        let mask = members.as_object().unwrap().keys().cloned().collect::<Vec<_>>().join(",");
        self.pubsub.change(subscription, &members, &mask).await.unwrap();
    }

    /// Gmail's answer to a watch on the topic.
    async fn watch(&self) -> u16 {
        let account = self.sim.world().account(ADDRESS).unwrap();
        let now = self.sim.world().now();
        let token = self.sim.sim().oauth.issue_access(&account, &["https://mail.google.com/"], now);
        let url = format!("{}/gmail/v1/users/me/watch", self.sim.base_url());
        let asked = self.http.post(url).bearer_auth(token).json(&json!({"topicName": TOPIC}));
        asked.send().await.unwrap().status().as_u16()
    }
}

fn env(more: &[(&'static str, &str)]) -> Env {
    let usual = [("APP_PUBLIC_URL", PUBLIC), ("GMAIL_PUBSUB_TOPIC", TOPIC)];
    Env::from_pairs(usual.into_iter().chain(more.iter().copied()).map(|(n, v)| (n.to_owned(), v.to_owned())))
}

fn pushed() -> Wanted {
    let env = env(&[("PUBSUB_SUBSCRIPTION", PUSHED), ("PUBSUB_SERVICE_ACCOUNT", SIGNER)]);
    Wanted::of(&env, &Names::default()).unwrap()
}

#[tokio::test]
async fn from_nothing_to_a_subscription_that_pushes_and_again_without_a_step() {
    let world = World::start().await;
    let wanted = pushed();
    let mut shown = Vec::new();
    let declined = carry_out(&world.pubsub, &wanted, |wanting| {
        shown = wanting.to_vec();
        Ok(false)
    });
    assert_eq!(declined.await.unwrap(), Outcome::Declined);
    assert_eq!(shown, [Step::CreateTopic, Step::LetGmailPublish, Step::CreateSubscription]);
    assert_eq!(world.seen(&wanted).await, Seen { pulls: true, ..Seen::default() }, "a no changes nothing");

    assert_eq!(world.set_up(&wanted).await, Outcome::Changed(3));
    assert_eq!(world.watch().await, 200);
    let made = world.pubsub.find(PUSHED).await.unwrap().unwrap();
    assert_eq!(made["topic"], TOPIC);
    let token = json!({"serviceAccountEmail": SIGNER, "audience": ENDPOINT});
    assert_eq!(made["pushConfig"], json!({"pushEndpoint": ENDPOINT, "oidcToken": token}));
    assert_eq!((&made["expirationPolicy"], &made["ackDeadlineSeconds"]), (&json!({}), &json!(30)));
    assert_eq!(made["retryPolicy"], json!({"minimumBackoff": "10s", "maximumBackoff": "600s"}));

    let again = carry_out(&world.pubsub, &wanted, |_| panic!("nothing is to be asked")).await.unwrap();
    assert_eq!(again, Outcome::AsItShouldBe);
}

#[tokio::test]
async fn each_thing_that_drifted_is_named_and_repaired_and_the_rest_is_left_alone() {
    let world = World::start().await;
    let wanted = pushed();
    world.set_up(&wanted).await;
    let token = |account: &str, audience: Option<&str>| match audience {
        Some(audience) => json!({"serviceAccountEmail": account, "audience": audience}),
        None => json!({"serviceAccountEmail": account}),
    };
    let push = |endpoint: &str, token: Value| json!({"pushConfig": {"pushEndpoint": endpoint, "oidcToken": token}});
    for (members, words) in [
        (
            push(ENDPOINT, token(SIGNER, Some("https://mail.acme.example"))),
            "its audience is https://mail.acme.example, not",
        ),
        (push(ENDPOINT, token("other@acme.iam.gserviceaccount.com", None)), "signed as other@acme"),
        (push("https://old.example/push", token(SIGNER, Some(ENDPOINT))), "pushes to https://old.example/push"),
        (json!({"pushConfig": {"pushEndpoint": ENDPOINT}}), "are not signed"),
        (json!({"expirationPolicy": {"ttl": "2678400s"}}), "idle for 2678400s"),
        (json!({"expirationPolicy": null}), "idle for 31 days"),
        (json!({"ackDeadlineSeconds": 10}), "ack deadline is 10 s"),
        (json!({"retryPolicy": null}), "comes again at once"),
    ] {
        // Null stands for a member that is not there.
        let mask = members.as_object().unwrap().keys().cloned().collect::<Vec<_>>().join(",");
        let mut given = members.clone();
        given.as_object_mut().unwrap().retain(|_, value| !value.is_null());
        world.pubsub.change(PUSHED, &given, &mask).await.unwrap();
        let found = steps(&wanted, &world.seen(&wanted).await).unwrap();
        assert!(matches!(found.as_slice(), [Step::Repair(..)]), "{members}: {found:?}");
        assert!(found[0].tell(&wanted).contains(words), "{words}: {}", found[0].tell(&wanted));
        assert_eq!(world.set_up(&wanted).await, Outcome::Changed(1), "{members}");
    }
    // An audience that is not set is the push address; a longer deadline and unwrapped bodies are somebody's wish.
    let mut unwrapped = push(ENDPOINT, token(SIGNER, None));
    unwrapped["pushConfig"]["noWrapper"] = json!({"writeMetadata": true});
    unwrapped["ackDeadlineSeconds"] = json!(600);
    world.change(PUSHED, unwrapped).await;
    assert_eq!(world.set_up(&wanted).await, Outcome::AsItShouldBe);
    world.change(PUSHED, json!({"ackDeadlineSeconds": 10})).await;
    world.set_up(&wanted).await;
    let kept = world.pubsub.find(PUSHED).await.unwrap().unwrap();
    assert_eq!(kept["pushConfig"]["noWrapper"], json!({"writeMetadata": true}));
}

#[tokio::test]
async fn a_grant_that_was_taken_away_comes_back_beside_the_others() {
    let world = World::start().await;
    let wanted = pushed();
    world.set_up(&wanted).await;
    let others = json!([
        {"role": "roles/pubsub.viewer", "members": ["user:ada@acme.example"]},
        {"role": "roles/pubsub.publisher", "members": ["user:ada@acme.example"], "condition": {"expression": "false"}},
    ]);
    let policy = world.pubsub.policy(TOPIC).await.unwrap();
    let bare = json!({"version": 3, "etag": policy["etag"], "bindings": others});
    world.pubsub.set_policy(TOPIC, &bare).await.unwrap();
    assert_eq!(world.watch().await, 403);
    let stale = world.pubsub.set_policy(TOPIC, &policy).await.unwrap_err();
    assert_eq!(stale.code(), Some("ABORTED"));

    assert_eq!(world.set_up(&wanted).await, Outcome::Changed(1));
    assert_eq!(world.watch().await, 200);
    let bindings = world.pubsub.policy(TOPIC).await.unwrap()["bindings"].clone();
    assert_eq!(bindings.as_array().unwrap()[..2], others.as_array().unwrap()[..]);
}

#[tokio::test]
async fn a_subscription_to_be_pulled_and_the_account_that_may() {
    let world = World::start().await;
    let path = world.key_file.path().to_str().unwrap();
    let env = env(&[("PUBSUB_PULL_SUBSCRIPTION", PULLED), ("PUBSUB_CREDENTIALS", path)]);
    let wanted = Wanted::of(&env, &Names::default()).unwrap();
    assert_eq!(world.set_up(&wanted).await, Outcome::Changed(4));
    let made = world.pubsub.find(PULLED).await.unwrap().unwrap();
    assert_eq!((&made["pushConfig"], &made["expirationPolicy"]), (&json!({}), &json!({})));
    let policy = world.pubsub.policy(PULLED).await.unwrap();
    let member = "serviceAccount:postrider@sim-project.iam.gserviceaccount.com";
    assert_eq!(policy["bindings"], json!([{"role": "roles/pubsub.subscriber", "members": [member]}]));
    assert_eq!(world.watch().await, 200);
    assert_eq!(world.set_up(&wanted).await, Outcome::AsItShouldBe);
}

#[tokio::test]
async fn what_no_step_mends_is_told_and_nothing_is_changed() {
    let world = World::start().await;
    let wanted = pushed();
    world.set_up(&wanted).await;
    // The same subscription cannot be pulled as well.
    let both = env(&[("PUBSUB_PULL_SUBSCRIPTION", PUSHED)]);
    let pulled = Wanted::of(&both, &Names::default()).unwrap();
    let before = world.seen(&pulled).await;
    assert_eq!(steps(&pulled, &before), Err(Obstacle::Pushed(PUSHED.to_owned())));
    assert!(carry_out(&world.pubsub, &pulled, |_| Ok(true)).await.is_err());
    assert_eq!(world.seen(&pulled).await, before);
    // What was made for something else: no member of it can be changed.
    for (member, value, words) in [
        ("detached", json!(true), "detached from its topic"),
        ("filter", json!("attributes:x"), "has a filter"),
        ("bigqueryConfig", json!({"table": "p.d.t"}), "BigQuery"),
    ] {
        let mut seen = world.seen(&wanted).await;
        seen.subscription.as_mut().unwrap()[member] = value;
        let told = steps(&wanted, &seen).unwrap_err().to_string();
        assert!(told.contains(words) && told.contains("subscriptions delete"), "{told}");
    }
    // Its topic was deleted and made anew: a subscription does not come back to it.
    let url = format!("{}/v1/{TOPIC}", world.sim.base_url());
    let token = Access::named(world.key_file.path().to_str().unwrap()).await.unwrap().token().await.unwrap();
    world.http.delete(url).bearer_auth(token.expose()).send().await.unwrap().error_for_status().unwrap();
    let orphan = carry_out(&world.pubsub, &wanted, |_| Ok(true)).await.unwrap_err().to_string();
    assert!(orphan.contains("_deleted-topic_") && orphan.contains("subscriptions delete"), "{orphan}");

    // Somebody without rights, and nobody.
    let account = world.sim.world().account(ADDRESS).unwrap();
    let now = world.sim.world().now();
    let mail_only = world.sim.sim().oauth.issue_access(&account, &["https://mail.google.com/"], now);
    let base = format!("{}/", world.sim.base_url());
    for (token, code, words) in [
        (mail_only.as_str(), "PERMISSION_DENIED", "roles/pubsub.admin"),
        ("ya29.spent", "UNAUTHENTICATED", "gcloud auth login"),
    ] {
        let pubsub = PubSub::new(base.parse().unwrap(), Access::Token(Secret::new(token))).unwrap();
        let error = look(&pubsub, &wanted).await.unwrap_err();
        assert_eq!(error.code(), Some(code));
        assert!(remedy(&error, None, &wanted).contains(words));
        assert!(!format!("{error:?} {error}").contains(token));
    }
    let nobody = PubSub::new("http://127.0.0.1:1/".parse().unwrap(), Access::Token(Secret::new("t"))).unwrap();
    assert!(matches!(look(&nobody, &wanted).await, Err(CallError::Unavailable(_))));
}

#[test]
fn names_come_from_the_settings_or_from_the_project() {
    let project = || Names { project: Some("acme".to_owned()), ..Names::default() };
    let bare = Env::from_pairs([("APP_PUBLIC_URL", PUBLIC)]);
    let wanted = Wanted::of(&bare, &project()).unwrap();
    assert_eq!(wanted.topic, "projects/acme/topics/postrider");
    let settings = wanted.settings();
    assert_eq!(settings[1], ("PUBSUB_SERVICE_ACCOUNT", "postrider-push@acme.iam.gserviceaccount.com".to_owned()));
    assert_eq!(settings[2], ("PUBSUB_SUBSCRIPTION", "projects/acme/subscriptions/postrider-push".to_owned()));
    assert_eq!(settings.len(), 3, "the audience is the push address");
    let refusal = |env: &Env, names: &Names| Wanted::of(env, names).unwrap_err().to_string();
    assert!(refusal(&bare, &Names::default()).contains("--project"));
    let other = Names { project: Some("else".to_owned()), ..Names::default() };
    assert!(refusal(&env(&[]), &other).contains("is in the project acme"));
    let local = Env::from_pairs([("GMAIL_PUBSUB_TOPIC", TOPIC)]);
    assert!(refusal(&local, &Names::default()).contains("--pull"), "Google does not push to localhost");
    let pull = Names { pull: true, account: Some("a@b.iam.gserviceaccount.com".to_owned()), ..Names::default() };
    assert_eq!(Wanted::of(&local, &pull).unwrap().subscription, "projects/acme/subscriptions/postrider-pull");
    for odd in ["push", "projects/a?b/subscriptions/push", "projects/a/subscriptions/x y"] {
        let odd = env(&[("PUBSUB_SUBSCRIPTION", odd)]);
        assert!(refusal(&odd, &Names::default()).contains("projects/<project>/subscriptions/<name>"));
    }
    let odd = Names { project: Some("acme; echo".to_owned()), ..Names::default() };
    assert!(refusal(&bare, &odd).contains("projects/<project>/topics/<name>"));
}

/// What `--dry-run` prints where nothing is there yet: the commands of docs/google.md.
#[test]
fn each_step_is_a_command() {
    let wanted = pushed();
    let commands: Vec<_> = steps(&wanted, &Seen::default()).unwrap().iter().map(|step| step.gcloud(&wanted)).collect();
    assert_eq!(
        commands,
        [
            "gcloud pubsub topics create gmail --project=acme".to_owned(),
            "gcloud pubsub topics add-iam-policy-binding gmail \
             --member=serviceAccount:gmail-api-push@system.gserviceaccount.com --role=roles/pubsub.publisher --project=acme"
                .to_owned(),
            format!(
                "gcloud pubsub subscriptions create push --topic=projects/acme/topics/gmail --push-endpoint={ENDPOINT} \
                 --push-auth-service-account={SIGNER} --push-auth-token-audience={ENDPOINT} --expiration-period=never \
                 --ack-deadline=30 --min-retry-delay=10s --max-retry-delay=600s --project=acme"
            ),
        ]
    );
    let drifted = json!({"topic": TOPIC, "pushConfig": {"pushEndpoint": ENDPOINT, "oidcToken":
        {"serviceAccountEmail": SIGNER}}, "expirationPolicy": {"ttl": "1s"}, "ackDeadlineSeconds": 30, "retryPolicy": {}});
    let seen = Seen { topic: true, publishes: true, subscription: Some(drifted), pulls: true };
    let repair = steps(&wanted, &seen).unwrap();
    assert_eq!(
        repair[0].gcloud(&wanted),
        "gcloud pubsub subscriptions update push --expiration-period=never --project=acme"
    );
}
