//! The routes that are open and prove their callers themselves: pushes by their token, consents by their state.

use postrider_domain::{Clock as _, SystemClock};
use reqwest::Method;
use serde_json::{Value, json};

use super::row::{Body, Row};
use super::stage::Stage;

const ROUTES: [&str; 3] =
    ["/api/email/webhook/google/pubsub", "/api/email/webhook/google", "/api/v1/gmail/watch/webhook"];

/// Forged pushes, and a callback whose form is none. What a genuine push says is never refused: it would come again.
pub async fn rows(stage: &Stage) -> Vec<Row> {
    let push = stage.world.sim.call(Method::GET, "/push", Value::Null).await;
    let now = SystemClock.now().timestamp();
    let genuine = json!({
        "aud": push["audience"], "email": push["service_account"], "email_verified": true, "sub": "1",
        "iss": "https://accounts.google.com", "iat": now, "exp": now + 3_600,
    });
    let mut forged = Vec::new();
    for (name, value) in [
        ("aud", json!("https://elsewhere.example/")),
        ("email", json!("somebody@example.com")),
        ("email_verified", json!(false)),
        ("iss", json!("https://evil.example")),
        ("exp", json!(now - 3_600)),
    ] {
        let mut claims = genuine.clone();
        claims[name] = value;
        forged.push((name, format!("Bearer {}", stage.world.sim.sign(claims).await)));
    }
    forged.push(("no token at all", String::new()));
    forged.push(("garbage", "Bearer a.b.c".to_owned()));
    let genuine = format!("Bearer {}", stage.world.sim.sign(genuine).await);
    let notice = json!({"emailAddress": stage.account.address, "historyId": 1});
    let mut rows = Vec::new();
    for path in ROUTES {
        let row = |wants, why: &str| Row::new(Method::POST, path, wants, format!("a push: {why}"));
        for (what, authorization) in &forged {
            rows.push(row(&[401], what).with(Body::Json(notice.clone())).authorized(authorization));
        }
        rows.push(row(&[401], "a client's token").with(Body::Json(notice.clone())));
        let large = Body::Raw("application/json", vec![b' '; 1024 * 1024 + 1]);
        rows.push(row(&[413], "too large").with(large).authorized(&genuine));
    }
    let callback = |body| Row::new(Method::POST, "/gmail/auth/callback", &[422], "a consent's answer").with(body);
    let form = "application/x-www-form-urlencoded";
    rows.push(callback(Body::None));
    rows.push(callback(Body::Raw(form, b"answer=yes".to_vec())));
    rows.push(callback(Body::Raw(form, b"token=never-given&answer=yes".to_vec())));
    rows.push(callback(Body::Raw(form, b"token=%00&answer=yes".to_vec())));
    rows.push(callback(Body::Json(json!({"token": "never-given", "answer": "yes"}))));
    rows.push(Row::new(Method::GET, "/gmail/auth/callback", &[422], "nothing asked"));
    rows
}
