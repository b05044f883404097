//! Signs tokens as an issuer would, and as somebody would who isn't one. Keys are made once for the whole process: RSA's
//! take a while.

use std::sync::LazyLock;

use aws_lc_rs::encoding::AsDer;
use aws_lc_rs::rand::SystemRandom;
use aws_lc_rs::rsa::KeySize;
use aws_lc_rs::signature::{
    ECDSA_P256_SHA256_ASN1_SIGNING, ECDSA_P256_SHA256_FIXED_SIGNING,
    ECDSA_P384_SHA384_FIXED_SIGNING, EcdsaKeyPair, EcdsaSigningAlgorithm, Ed25519KeyPair, KeyPair,
    RSA_PKCS1_SHA256, RSA_PKCS1_SHA512, RSA_PSS_SHA256, RsaEncoding, RsaKeyPair,
    RsaPublicKeyComponents,
};
use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use serde_json::{Value, json};

/// The moment at which the tests play: 2027-01-15.
pub const NOW: u64 = 1_800_000_000;

pub fn base64url(bytes: impl AsRef<[u8]>) -> String {
    URL_SAFE_NO_PAD.encode(bytes)
}

/// Somebody's private key, with the name that it has in their set.
pub struct Signer {
    pub kid: &'static str,
    pub key: Key,
}

pub enum Key {
    Rsa(RsaKeyPair),
    Ec(EcdsaKeyPair),
    Ed(Ed25519KeyPair),
}

impl Signer {
    fn rsa(kid: &'static str, size: KeySize) -> Self {
        Self { kid, key: Key::Rsa(RsaKeyPair::generate(size).expect("a key")) }
    }

    fn ec(kid: &'static str, algorithm: &'static EcdsaSigningAlgorithm) -> Self {
        Self { kid, key: Key::Ec(EcdsaKeyPair::generate(algorithm).expect("a key")) }
    }

    pub fn ed(kid: &'static str) -> Self {
        Self { kid, key: Key::Ed(Ed25519KeyPair::generate().expect("a key")) }
    }

    /// The algorithm that the key is for.
    pub fn algorithm(&self) -> &'static str {
        match &self.key {
            Key::Rsa(_) => "RS256",
            Key::Ec(_) => "ES256",
            Key::Ed(_) => "EdDSA",
        }
    }

    /// Its public half, as a set has it.
    pub fn jwk(&self) -> Value {
        let mut jwk = match &self.key {
            Key::Rsa(pair) => {
                let parts = RsaPublicKeyComponents::<Vec<u8>>::from(pair.public_key());
                json!({"kty": "RSA", "n": base64url(parts.n), "e": base64url(parts.e)})
            }
            Key::Ec(pair) => {
                let point = &pair.public_key().as_ref()[1..];
                let (x, y) = point.split_at(point.len() / 2);
                let curve = if x.len() == 32 { "P-256" } else { "P-384" };
                json!({"kty": "EC", "crv": curve, "x": base64url(x), "y": base64url(y)})
            }
            Key::Ed(pair) => {
                json!({"kty": "OKP", "crv": "Ed25519", "x": base64url(pair.public_key())})
            }
        };
        if !self.kid.is_empty() {
            jwk["kid"] = self.kid.into();
        }
        jwk
    }

    /// The public key in DER, with which a careless library would take an HMAC for a signature.
    pub fn public_der(&self) -> Vec<u8> {
        match &self.key {
            Key::Rsa(pair) => pair.public_key().as_der().expect("it has one").as_ref().to_vec(),
            Key::Ec(pair) => pair.public_key().as_ref().to_vec(),
            Key::Ed(pair) => pair.public_key().as_ref().to_vec(),
        }
    }

    pub fn sign(&self, message: &[u8]) -> Vec<u8> {
        match &self.key {
            Key::Rsa(_) => self.sign_rsa(&RSA_PKCS1_SHA256, message),
            Key::Ec(pair) => {
                pair.sign(&SystemRandom::new(), message).expect("it signs").as_ref().to_vec()
            }
            Key::Ed(pair) => pair.sign(message).as_ref().to_vec(),
        }
    }

    pub fn sign_rsa(&self, how: &'static dyn RsaEncoding, message: &[u8]) -> Vec<u8> {
        let Key::Rsa(pair) = &self.key else { panic!("not an RSA key") };
        let mut signature = vec![0; pair.public_modulus_len()];
        pair.sign(how, &SystemRandom::new(), message, &mut signature).expect("it signs");
        signature
    }

    pub fn sign_rs512(&self, message: &[u8]) -> Vec<u8> {
        self.sign_rsa(&RSA_PKCS1_SHA512, message)
    }

    pub fn sign_ps256(&self, message: &[u8]) -> Vec<u8> {
        self.sign_rsa(&RSA_PSS_SHA256, message)
    }

    /// An ECDSA signature in DER, as X.509 has it and tokens don't.
    pub fn sign_der(&self, message: &[u8]) -> Vec<u8> {
        let Key::Ec(pair) = &self.key else { panic!("not an EC key") };
        let der = pair.to_pkcs8v1().expect("it can be written");
        let pair = EcdsaKeyPair::from_pkcs8(&ECDSA_P256_SHA256_ASN1_SIGNING, der.as_ref());
        pair.expect("it can be read")
            .sign(&SystemRandom::new(), message)
            .expect("it signs")
            .as_ref()
            .to_vec()
    }
}

/// A set of keys, as a file or a URL has it.
pub fn jwks(signers: &[&Signer]) -> String {
    let keys: Vec<Value> = signers.iter().map(|signer| signer.jwk()).collect();
    json!({ "keys": keys }).to_string()
}

pub static RSA: LazyLock<Signer> = LazyLock::new(|| Signer::rsa("rsa", KeySize::Rsa2048));
pub static EC: LazyLock<Signer> =
    LazyLock::new(|| Signer::ec("ec", &ECDSA_P256_SHA256_FIXED_SIGNING));
pub static ED: LazyLock<Signer> = LazyLock::new(|| Signer::ed("ed"));
/// A second Ed25519 key of the same issuer.
pub static ED_2: LazyLock<Signer> = LazyLock::new(|| Signer::ed("ed-2"));
/// The partner's key, of its own name and of a name that the other issuer has, too.
pub static PARTNER: LazyLock<Signer> = LazyLock::new(|| Signer::ed("partner"));
pub static PARTNER_EC: LazyLock<Signer> =
    LazyLock::new(|| Signer::ec("ec", &ECDSA_P256_SHA256_FIXED_SIGNING));
/// A key without a name.
pub static NAMELESS: LazyLock<Signer> = LazyLock::new(|| Signer::ed(""));
/// Keys of nobody.
pub static STRANGER: LazyLock<Signer> = LazyLock::new(|| Signer::ed("ed"));
pub static STRANGER_RSA: LazyLock<Signer> = LazyLock::new(|| Signer::rsa("rsa", KeySize::Rsa2048));
pub static P384: LazyLock<Signer> =
    LazyLock::new(|| Signer::ec("ec", &ECDSA_P384_SHA384_FIXED_SIGNING));

pub const IDP: &str = "https://idp.example.com/";
pub const PARTNERS_IDP: &str = "https://partner.example/login";
pub const PLAIN: &str = "plain";

/// A token in the making.
#[derive(Clone)]
pub struct Token {
    pub header: Value,
    pub claims: Value,
}

impl Token {
    /// A good one of the first issuer.
    pub fn of_idp(signer: &Signer) -> Self {
        Self {
            header: json!({"typ": "JWT", "alg": signer.algorithm(), "kid": signer.kid}),
            claims: json!({
                "iss": IDP, "aud": "baton", "sub": "ana", "exp": NOW + 600, "iat": NOW - 10,
                "baton_org": "acme", "baton_role": "rep",
            }),
        }
    }

    /// A good one of the partner's issuer.
    pub fn of_partner() -> Self {
        Self {
            header: json!({"alg": "EdDSA", "kid": "partner"}),
            claims: json!({
                "iss": PARTNERS_IDP, "aud": ["other", "baton"], "sub": "acme-bot",
                "exp": NOW + 600, "iat": NOW - 10, "baton_org": "acme", "baton_role": "partner",
            }),
        }
    }

    /// A good one of the issuer that says as little as possible.
    pub fn plain() -> Self {
        Self {
            header: json!({"alg": "EdDSA"}),
            claims: json!({"iss": PLAIN, "aud": "baton", "sub": "ana", "exp": NOW + 600}),
        }
    }

    pub fn with(mut self, claim: &str, value: impl Into<Value>) -> Self {
        self.claims[claim] = value.into();
        self
    }

    pub fn without(mut self, claim: &str) -> Self {
        self.claims.as_object_mut().expect("an object").remove(claim);
        self
    }

    pub fn header(mut self, name: &str, value: impl Into<Value>) -> Self {
        self.header[name] = value.into();
        self
    }

    pub fn no_header(mut self, name: &str) -> Self {
        self.header.as_object_mut().expect("an object").remove(name);
        self
    }

    /// What is signed.
    pub fn message(&self) -> String {
        message(&self.header.to_string(), &self.claims.to_string())
    }

    pub fn sign(&self, signer: &Signer) -> String {
        signed(signer, &self.message())
    }
}

pub fn message(header: &str, claims: &str) -> String {
    format!("{}.{}", base64url(header), base64url(claims))
}

pub fn signed(signer: &Signer, message: &str) -> String {
    with_signature(message, &signer.sign(message.as_bytes()))
}

pub fn with_signature(message: &str, signature: &[u8]) -> String {
    format!("{message}.{}", base64url(signature))
}
