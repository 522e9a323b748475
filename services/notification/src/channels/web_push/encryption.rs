//! What only the browser can read (RFC 8291): a key agreed between a pair made for the message and the browser's own,
//! mixed with the secret it gave us, over one record of RFC 8188.

use base64::Engine as _;
use base64::alphabet::URL_SAFE;
use base64::engine::GeneralPurpose;
use base64::engine::general_purpose::{NO_PAD, URL_SAFE_NO_PAD};
use hkdf::Hkdf;
use p256::elliptic_curve::sec1::ToEncodedPoint as _;
use p256::{PublicKey, SecretKey, ecdh};
use postrider_domain::Entropy;
use sha2::Sha256;

/// Bytes that every push service takes (RFC 8030 §7.2).
const BODY: usize = 4_096;
/// Salt, record size, length and text of our public key.
const HEADER: usize = 16 + 4 + 1 + 65;
/// The mark of the last record, and the seal.
const TRAILER: usize = 1 + 16;
/// Longest message, in bytes.
pub const LONGEST: usize = BODY - HEADER - TRAILER;

/// Keys come with and without padding.
const BASE64: GeneralPurpose =
    GeneralPurpose::new(&URL_SAFE, NO_PAD.with_decode_padding_mode(base64::engine::DecodePaddingMode::Indifferent));

/// What a browser's messages are encrypted by.
#[derive(Debug, Clone)]
pub struct BrowserKeys {
    public: PublicKey,
    auth: [u8; 16],
}

/// Which of the two is no key.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum WrongKey {
    #[error("is no point of P-256 in base64url")]
    P256dh,
    #[error("is not 16 bytes in base64url")]
    Auth,
}

impl BrowserKeys {
    /// Reads what `PushSubscription.getKey` gives.
    ///
    /// # Errors
    /// Which one is wrong.
    pub fn parse(p256dh: &str, auth: &str) -> Result<Self, WrongKey> {
        let point = BASE64.decode(p256dh).map_err(|_malformed| WrongKey::P256dh)?;
        let public = PublicKey::from_sec1_bytes(&point).map_err(|_no_point| WrongKey::P256dh)?;
        let auth = BASE64.decode(auth).map_err(|_malformed| WrongKey::Auth)?;
        let auth = auth.try_into().map_err(|_length| WrongKey::Auth)?;
        Ok(Self { public, auth })
    }

    /// The public key as it is kept: whole, and without padding.
    pub fn p256dh(&self) -> String {
        URL_SAFE_NO_PAD.encode(self.public.to_encoded_point(false))
    }

    /// The secret as it is kept.
    pub fn auth(&self) -> String {
        URL_SAFE_NO_PAD.encode(self.auth)
    }

    /// The body of a push; nothing if the message is too long.
    pub fn encrypt(&self, message: &[u8], entropy: &dyn Entropy) -> Option<Vec<u8>> {
        if message.len() > LONGEST {
            return None;
        }
        let mut salt = [0; 16];
        entropy.fill(&mut salt);
        let ours = secret_key(entropy)?;
        let our_point = ours.public_key().to_encoded_point(false);
        let shared = ecdh::diffie_hellman(ours.to_nonzero_scalar(), self.public.as_affine());
        let mut info = b"WebPush: info\0".to_vec();
        info.extend_from_slice(self.public.to_encoded_point(false).as_bytes());
        info.extend_from_slice(our_point.as_bytes());
        let mut key = [0; 32];
        Hkdf::<Sha256>::new(Some(&self.auth), shared.raw_secret_bytes()).expand(&info, &mut key).ok()?;
        let size = u32::try_from(BODY).ok()?;
        ece_native::encrypt(key, salt, our_point, std::iter::once(message.to_vec()), size).ok()
    }
}

/// A new key. All but one of 2³² texts of 32 bytes are one.
fn secret_key(entropy: &dyn Entropy) -> Option<SecretKey> {
    (0..8).find_map(|_| {
        let mut bytes = [0; 32];
        entropy.fill(&mut bytes);
        SecretKey::from_slice(&bytes).ok()
    })
}

#[cfg(test)]
mod tests {
    use parking_lot::Mutex;

    use super::*;

    /// Gives what was put in.
    #[derive(Debug)]
    struct Given(Mutex<Vec<Vec<u8>>>);

    impl Entropy for Given {
        fn fill(&self, bytes: &mut [u8]) {
            bytes.copy_from_slice(&self.0.lock().remove(0));
        }

        fn unit(&self) -> f64 {
            0.5
        }
    }

    const P256DH: &str = "BCVxsr7N_eNgVRqvHtD0zTZsEc6-VV-JvLexhqUzORcxaOzi6-AYWXvTBHm4bjyPjs7Vd8pZGH6SRpkNtoIAiw4";
    const AUTH: &str = "BTBZMqHH6r4Tts7J_aSIgg";

    /// RFC 8291, section 5.
    #[test]
    fn encrypts_as_the_standard_does() {
        let given = |text: &str| URL_SAFE_NO_PAD.decode(text).unwrap();
        let entropy = Given(Mutex::new(vec![
            given("DGv6ra1nlYgDCS1FRnbzlw"),
            given("yfWPiYE-n46HLnH0KqZOF1fJJU3MYrct3AELtAQ-oRw"),
        ]));
        let keys = BrowserKeys::parse(P256DH, AUTH).unwrap();
        let body = keys.encrypt(b"When I grow up, I want to be a watermelon", &entropy).unwrap();
        assert_eq!(
            URL_SAFE_NO_PAD.encode(body),
            "DGv6ra1nlYgDCS1FRnbzlwAAEABBBP4z9KsN6nGRTbVYI_c7VJSPQTBtkgcy27mlmlMoZIIgDll6e3vCYLocInmYWAmS6TlzAC8wEqKK6PBru3\
             jl7A_yl95bQpu6cVPTpK4Mqgkf1CXztLVBSt2Ks3oZwbuwXPXLWyouBWLVWGNWQexSgSxsj_Qulcy4a-fN"
        );
    }

    #[test]
    fn the_longest_message_fills_a_body_and_a_longer_one_is_none() {
        let entropy = postrider_domain::SeededEntropy::new(7);
        let keys = BrowserKeys::parse(P256DH, AUTH).unwrap();
        assert_eq!(keys.encrypt(&[b'x'; LONGEST], &entropy).unwrap().len(), BODY);
        assert_eq!(keys.encrypt(&[b'x'; LONGEST + 1], &entropy), None);
    }

    #[test]
    fn keys_are_read_with_padding_or_without_and_nothing_else_is_one() {
        let keys = BrowserKeys::parse(&format!("{P256DH}="), &format!("{AUTH}==")).unwrap();
        assert_eq!((keys.p256dh(), keys.auth()), (P256DH.to_owned(), AUTH.to_owned()));
        let off_curve = format!("{}A", P256DH.strip_suffix('4').unwrap().replace("BCVx", "BCVy"));
        for (p256dh, auth, wrong) in [
            ("", AUTH, WrongKey::P256dh),
            ("AA", AUTH, WrongKey::P256dh),
            ("%%", AUTH, WrongKey::P256dh),
            (off_curve.as_str(), AUTH, WrongKey::P256dh),
            (P256DH, "", WrongKey::Auth),
            (P256DH, "BTBZMqHH6r4Tts7J_aSI", WrongKey::Auth),
            (P256DH, P256DH, WrongKey::Auth),
        ] {
            assert_eq!(BrowserKeys::parse(p256dh, auth).unwrap_err(), wrong, "{p256dh} {auth}");
        }
    }
}
