//! `postrider connect` through the whole stack and the simulated Google: by a browser, by a pasted address, by a Desktop client.

use std::time::Duration;

use postrider_cli::connect::{Installed, Lines, by_desktop, by_web};
use postrider_cli::gateway::{Connector, Gateway};
use postrider_cli::progress;
use postrider_storage::inspect::Inspection;
use reqwest::Method;
use serde_json::json;
use tokio::sync::oneshot;
use url::Url;

use crate::world::World;

const LONG: Duration = Duration::from_secs(60);

/// A person in a browser that began nothing: consents, comes back, and says yes on our page.
async fn browse(world: &World, page: &Url) {
    let back = world.sent_to(page.as_str()).await;
    let asked = world.http.get(back).header("accept", "text/html").send().await.unwrap().text().await.unwrap();
    let token = asked.split("name=\"token\" value=\"").nth(1).unwrap().split('"').next().unwrap();
    let yes = world.http.post(format!("{}/gmail/auth/callback", world.stack.public_url()));
    let said = yes.form(&[("token", token), ("answer", "yes")]).send().await.unwrap();
    assert!(said.status().is_success(), "{}", said.text().await.unwrap());
}

/// The first sync of an account, as the command follows it, stores all its mails.
async fn syncs(gateway: &Gateway, account: &Connector, mails: u64) {
    let run = progress::follow_all(gateway, &account.id, LONG).await.unwrap();
    assert_eq!((run.state.as_str(), run.stored), ("completed", mails), "{run:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn an_account_is_connected_from_a_terminal_in_each_of_three_ways() {
    let world = World::start(&[
        ("GMAIL_SIM_MAILBOXES", "a@example.com:40,b@example.com:30,c@example.com:20"),
        ("GMAIL_SIM_AUTO_CONSENT", "true"),
        ("GOOGLE_DESKTOP_CLIENT_ID", "desktop.apps.googleusercontent.com"),
        ("GOOGLE_DESKTOP_CLIENT_SECRET", "desktop-secret"),
    ])
    .await;
    let gateway = world.gateway();
    by_a_browser(&world, &gateway).await;
    by_what_was_pasted(&world, &gateway).await;
    by_a_desktop_client(&world, &gateway).await;
}

async fn by_a_browser(world: &World, gateway: &Gateway) {
    let (_nobody, mut lines) = Lines::sent();
    let show = async |page: &Url| browse(world, page).await;
    let account = by_web(gateway, Some("a@example.com"), &mut lines, LONG, show).await.unwrap();
    assert_eq!((account.email_address.as_str(), account.is_active()), ("a@example.com", true));
    syncs(gateway, &account, 40).await;
    // Once more: the same account, told because it changed.
    let show = async |page: &Url| browse(world, page).await;
    let again = by_web(gateway, Some("a@example.com"), &mut lines, LONG, show).await.unwrap();
    assert_eq!(again.id, account.id);
    // Nobody consents.
    let nobody = by_web(gateway, None, &mut lines, Duration::from_millis(10), async |_: &Url| ()).await;
    assert!(nobody.unwrap_err().to_string().contains("nobody consented"));
}

/// The browser stands elsewhere and cannot reach the address it is sent to.
async fn by_what_was_pasted(world: &World, gateway: &Gateway) {
    let (typed, mut lines) = Lines::sent();
    let show = async |page: &Url| {
        typed.send("what shall I paste?".to_owned()).await.unwrap();
        typed.send(page.to_string()).await.unwrap();
        typed.send(world.sent_to(page.as_str()).await).await.unwrap();
    };
    let account = by_web(gateway, Some("b@example.com"), &mut lines, LONG, show).await.unwrap();
    assert_eq!(account.email_address, "b@example.com");
    syncs(gateway, &account, 30).await;
}

async fn by_a_desktop_client(world: &World, gateway: &Gateway) {
    // Spent as soon as it is given: the first sync works only if the refresh goes by the client of the consent.
    world.sim(Method::PUT, "/oauth", json!({"access_seconds": 60})).await;
    let client = Installed::of(&world.installation().env).unwrap();
    let (_nobody, mut lines) = Lines::sent();
    let (shown, page) = oneshot::channel();
    let show = async |page: &Url| shown.send(page.clone()).unwrap();
    let browser = async {
        let page = page.await.unwrap();
        let back = world.sent_to(page.as_str()).await;
        assert!(back.starts_with("http://127.0.0.1:"), "{back}");
        // What else comes to that port ends nothing.
        let other = world.http.get(Url::parse(&back).unwrap().join("/favicon.ico").unwrap()).send().await.unwrap();
        assert_eq!(other.status(), 404);
        let page = world.http.get(back).send().await.unwrap();
        assert_eq!(page.status(), 200);
        assert!(page.text().await.unwrap().contains("may be closed"));
    };
    let (account, ()) =
        tokio::join!(by_desktop(gateway, &client, Some("c@example.com"), &mut lines, LONG, show), browser);
    let account = account.unwrap();
    assert_eq!(account.email_address, "c@example.com");
    syncs(gateway, &account, 20).await;
    let apps = Inspection::open(&world.db.admin_url, None).await.unwrap();
    let of = "SELECT string_agg(g.client_id, ' ') FROM connector.google_accounts a JOIN connector.google_apps g \
              ON g.id = a.app_id WHERE a.email_address = 'c@example.com'";
    assert_eq!(apps.row(of).await.unwrap(), [Some("desktop.apps.googleusercontent.com".to_owned())]);

    // Pasted, where the browser is on another machine; and a person who says no.
    let (typed, mut lines) = Lines::sent();
    let show = async |page: &Url| typed.send(world.sent_to(page.as_str()).await).await.unwrap();
    let again = by_desktop(gateway, &client, Some("c@example.com"), &mut lines, LONG, show).await.unwrap();
    assert_eq!(again.id, account.id);
}
