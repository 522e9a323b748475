//! A person's browser: follows redirects one by one and keeps cookies.

use std::collections::BTreeMap;

use reqwest::header::{COOKIE, LOCATION, SET_COOKIE};

use crate::harness::{Answer, ORIGIN, World};

#[derive(Default, Clone)]
pub struct Browser {
    cookies: BTreeMap<String, String>,
}

impl Browser {
    /// Begins a consent as the given user of `acme`, keeping the start cookie; answers Google's URL and the state.
    pub async fn begin(&mut self, world: &World, user: &str, return_to: Option<&str>) -> (String, String) {
        let query = return_to.map(|to| format!("?return_to={}", encode(to))).unwrap_or_default();
        let answer = world.call(user, "GET", &format!("/gmail/auth/url{query}"), None).await;
        assert_eq!(answer.status, 200, "{}", answer.body);
        self.keep(&answer);
        let text = |name: &str| answer.body[name].as_str().unwrap().to_owned();
        (text("url"), text("state"))
    }

    /// Says yes on Google's page with the given account; answers where Google sends the browser.
    pub async fn consent(&self, world: &World, url: &str, address: &str) -> String {
        let answer =
            Answer::of(world.http.get(format!("{url}&login_hint={}", encode(address))).send().await.unwrap()).await;
        assert_eq!(answer.status, 302, "{}", answer.text);
        answer.header(LOCATION.as_str()).to_owned()
    }

    /// Says no on Google's page.
    pub async fn refuse(&self, world: &World, url: &str) -> String {
        let (base, query) = url.split_once('?').unwrap();
        let body = format!("{query}&action=deny");
        let answer = Answer::of(world.http.post(base).body(body).send().await.unwrap()).await;
        answer.header(LOCATION.as_str()).to_owned()
    }

    /// Opens a page of ours.
    pub async fn open(&mut self, world: &World, url: &str) -> Answer {
        let path = url.strip_prefix(ORIGIN).unwrap_or(url);
        let request = world.http.get(format!("{}{path}", world.replica.base)).header("accept", "text/html,*/*");
        let answer = Answer::of(request.header(COOKIE, self.header()).send().await.unwrap()).await;
        self.keep(&answer);
        answer
    }

    /// Answers our confirm page.
    pub async fn answer(&mut self, world: &World, page: &Answer, word: &str) -> Answer {
        let token = page.text.split("name=\"token\" value=\"").nth(1).unwrap().split('"').next().unwrap();
        let form = [("token", token), ("answer", word)];
        let request = world.http.post(format!("{}/gmail/auth/callback", world.replica.base));
        Answer::of(request.header("accept", "text/html").form(&form).send().await.unwrap()).await
    }

    /// Presses the button of a link's page.
    pub async fn press(&mut self, world: &World, path: &str, page: &Answer) -> Answer {
        let word = page.text.split("name=\"word\" value=\"").nth(1).unwrap().split('"').next().unwrap();
        let request = world.http.post(format!("{}{path}", world.replica.base)).header(COOKIE, self.header());
        let answer =
            Answer::of(request.header("accept", "text/html").form(&[("word", word)]).send().await.unwrap()).await;
        self.keep(&answer);
        answer
    }

    fn header(&self) -> String {
        self.cookies.iter().map(|(name, value)| format!("{name}={value}")).collect::<Vec<_>>().join("; ")
    }

    fn keep(&mut self, answer: &Answer) {
        for cookie in answer.headers.get_all(SET_COOKIE) {
            let (name, rest) = cookie.to_str().unwrap().split_once('=').unwrap();
            let value = rest.split(';').next().unwrap();
            if value.is_empty() {
                self.cookies.remove(name);
            } else {
                self.cookies.insert(name.to_owned(), value.to_owned());
            }
        }
    }
}

pub fn encode(text: &str) -> String {
    url::form_urlencoded::byte_serialize(text.as_bytes()).collect()
}
