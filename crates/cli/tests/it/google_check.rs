//! `postrider google check` through the whole stack: all is well and a push proves it; then one thing after the other is broken,
//! named with its remedy, and `google setup` mends it.

use std::time::Duration;

use postrider_cli::commands::google::{Outcome, carry_out};
use postrider_cli::demo::sign_in;
use postrider_cli::doctor::{Finding, Verdict};
use postrider_cli::google::check::{Look, Proof, check};
use postrider_cli::google::{Access, Names, PubSub, Wanted};
use postrider_cli::stack::Member;
use reqwest::Method;
use serde_json::json;

use crate::world::World;

struct Checked(World);

impl Checked {
    async fn pubsub(&self) -> PubSub {
        let scopes = json!(["https://www.googleapis.com/auth/pubsub"]);
        let made =
            self.0.sim(Method::POST, "/access-token", json!({"account": "a@example.com", "scopes": scopes})).await;
        let token = made["access_token"].as_str().unwrap();
        let base = format!("{}/", self.0.stack.url(Member::GmailSim)).parse().unwrap();
        PubSub::new(base, Access::Token(postrider_domain::Secret::new(token))).unwrap()
    }

    async fn look(&self, patience: u64) -> Vec<Finding> {
        let proof = Proof { gateway: self.0.gateway(), account: None, patience: Duration::from_secs(patience) };
        let look = Look { names: Names::default(), pubsub: Some(self.pubsub().await), proof: Some(proof) };
        check(&self.0.installation(), &look).await
    }

    /// Exactly these lines fail: area, words, and those of the remedy.
    async fn fails(&self, expected: &[(&str, &str, &str)]) {
        let findings = self.look(4).await;
        let failing: Vec<_> = findings.iter().filter(|one| one.verdict == Verdict::Fail).collect();
        assert_eq!(failing.len(), expected.len(), "{findings:#?}");
        for (area, words, remedy) in expected {
            let told = |one: &&&Finding| one.area == *area && one.text.contains(words);
            let line = failing.iter().find(told).unwrap_or_else(|| panic!("{area}, {words}: {failing:#?}"));
            assert!(line.remedy.as_ref().unwrap().contains(remedy), "{remedy}: {line:?}");
        }
    }

    async fn set_up(&self) -> Outcome {
        let wanted = Wanted::of(&self.0.installation().env, &Names::default()).unwrap();
        carry_out(&self.pubsub().await, &wanted, |_| Ok(true)).await.unwrap()
    }

    /// All is well: nothing fails or warns, and a push went the whole way.
    async fn is_well(&self) {
        let findings = self.look(30).await;
        assert!(findings.iter().all(|one| one.verdict == Verdict::Ok), "{findings:#?}");
        let proof = findings.last().unwrap();
        assert!(proof.area == "self-test" && proof.text.contains("arrived,"), "{proof:?}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_wrong_at_google_is_named_and_set_up_again_and_a_push_proves_it() {
    let world = World::start(&[("GMAIL_SIM_MAILBOXES", "a@example.com:5")]).await;
    let checked = Checked(world);
    let nobody = checked.look(1).await;
    let last = nobody.last().unwrap();
    assert!(last.verdict == Verdict::Warn && last.text.contains("no account"), "{last:?}");

    let token = checked.0.stack.token("t", "u").unwrap();
    sign_in(&checked.0.stack.url(Member::Gateway), &token, "a@example.com", None).await.unwrap();
    // The simulator's own subscription pushes by another name of the host, and waits only ten seconds.
    assert_eq!(checked.set_up().await, Outcome::Changed(1));
    assert_eq!(checked.set_up().await, Outcome::AsItShouldBe);
    checked.is_well().await;

    let wanted = Wanted::of(&checked.0.installation().env, &Names::default()).unwrap();
    let pubsub = checked.pubsub().await;
    let mut push = pubsub.find(&wanted.subscription).await.unwrap().unwrap()["pushConfig"].clone();
    push["oidcToken"]["audience"] = json!("https://somebody.else/");
    pubsub.change(&wanted.subscription, &json!({"pushConfig": push}), "pushConfig").await.unwrap();
    checked
        .fails(&[
            ("pubsub", "its audience is https://somebody.else/, not", "gcloud pubsub subscriptions update"),
            ("self-test", "they are for another audience", "PUBSUB_AUDIENCE"),
        ])
        .await;
    assert_eq!(checked.set_up().await, Outcome::Changed(1));
    checked.is_well().await;

    pubsub.set_policy(&wanted.topic, &json!({"bindings": []})).await.unwrap();
    checked
        .fails(&[
            ("pubsub", "Gmail may not publish", "topics add-iam-policy-binding"),
            ("self-test", "the watch of a@example.com was refused", "postrider google setup"),
        ])
        .await;
    assert_eq!(checked.set_up().await, Outcome::Changed(1));
    checked.is_well().await;

    // Nobody pushes any more.
    let url = format!("{}/v1/{}", checked.0.stack.url(Member::GmailSim), wanted.subscription);
    let scopes = json!(["https://www.googleapis.com/auth/pubsub"]);
    let made =
        checked.0.sim(Method::POST, "/access-token", json!({"account": "a@example.com", "scopes": scopes})).await;
    let token = made["access_token"].as_str().unwrap();
    checked.0.http.delete(url).bearer_auth(token).send().await.unwrap().error_for_status().unwrap();
    checked
        .fails(&[
            ("pubsub", "is not there", "subscriptions create"),
            ("self-test", "no push came", "may Gmail publish"),
        ])
        .await;
    assert_eq!(checked.set_up().await, Outcome::Changed(1));
    checked.is_well().await;
}
