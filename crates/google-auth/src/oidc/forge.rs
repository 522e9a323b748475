//! A stand-in for Google's token service, for tests: a key pair, its JWKS document, tokens of every kind.

use std::sync::{LazyLock, OnceLock};

use base64::Engine;
use base64::prelude::BASE64_URL_SAFE_NO_PAD;
use jsonwebtoken::{Algorithm, EncodingKey, Header, encode};
use postrider_testing::MockServer;
use rsa::pkcs1::EncodeRsaPrivateKey;
use rsa::traits::PublicKeyParts;
use serde_json::{Value, json};
use wiremock::matchers::{method, path};
use wiremock::{Mock, ResponseTemplate};

/// A signing key and its id.
pub(crate) struct Forge {
    kid: String,
    private: rsa::RsaPrivateKey,
    signing: OnceLock<EncodingKey>,
}

/// Google's key, and one that is not Google's. Making them takes time, so all tests share them.
pub(crate) static GOOGLE: LazyLock<Forge> = LazyLock::new(|| Forge::new("k1"));
pub(crate) static STRANGER: LazyLock<Forge> = LazyLock::new(|| Forge::new("k1"));

impl Forge {
    fn new(kid: &str) -> Self {
        let private = rsa::RsaPrivateKey::new(&mut rsa::rand_core::OsRng, 2048).unwrap();
        Self { kid: kid.to_owned(), private, signing: OnceLock::new() }
    }

    pub(crate) fn jwk(&self, kid: &str) -> Value {
        let part = |number: &rsa::BigUint| BASE64_URL_SAFE_NO_PAD.encode(number.to_bytes_be());
        json!({"kty": "RSA", "use": "sig", "alg": "RS256", "kid": kid,
            "n": part(self.private.n()), "e": part(self.private.e())})
    }

    /// The public key as bytes, for the HS256 forgery.
    pub(crate) fn public_bytes(&self) -> Vec<u8> {
        self.private.n().to_bytes_be()
    }

    pub(crate) fn sign(&self, claims: &Value) -> String {
        self.sign_as(Some(&self.kid), claims)
    }

    pub(crate) fn sign_as(&self, kid: Option<&str>, claims: &Value) -> String {
        let key =
            self.signing.get_or_init(|| EncodingKey::from_rsa_der(self.private.to_pkcs1_der().unwrap().as_bytes()));
        let header = Header { kid: kid.map(str::to_owned), ..Header::new(Algorithm::RS256) };
        encode(&header, claims, key).unwrap()
    }
}

/// A server that publishes the keys with the given kids of Google's pair.
pub(crate) async fn publish(server: &MockServer, kids: &[&str], cache_control: &str) {
    let keys: Vec<Value> = kids.iter().map(|kid| GOOGLE.jwk(kid)).collect();
    let answer =
        ResponseTemplate::new(200).insert_header("cache-control", cache_control).set_body_json(json!({"keys": keys}));
    Mock::given(method("GET")).and(path("/certs")).respond_with(answer).mount(server).await;
}

/// An unsigned or otherwise hand-made token.
pub(crate) fn by_hand(header: &Value, claims: &Value, signature: &str) -> String {
    let part = |json: &Value| BASE64_URL_SAFE_NO_PAD.encode(json.to_string());
    format!("{}.{}.{signature}", part(header), part(claims))
}
