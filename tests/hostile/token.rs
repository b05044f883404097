//! What callers show to be let in, and what files say of it: the body is the library's own.

use baton::access::hostile::lets_in;

/// Nothing that can be shown lets anybody in who has no credential.
pub fn body(bytes: &[u8]) {
    assert!(!lets_in(bytes), "somebody is let in by {}", bytes.escape_ascii());
}

/// Tokens, certificates, keys and files, as they look where they are right.
pub fn samples() -> Vec<Vec<u8>> {
    [
        // Signed, as far as can be seen, by an issuer that is known.
        "eyJhbGciOiJFZERTQSIsInR5cCI6IkpXVCIsImtpZCI6ImVkIn0.eyJpc3MiOiJodHRwczovL2lkcC5leGFtcGxlLyIsImF1ZCI6ImJhdG9uIiwiZX\
         hwIjo0MDAwMDAwMDAwLCJzdWIiOiJhbmEiLCJyb2xlIjoiYWRtaW4iLCJvcmciOiJhY21lIn0.AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA\
         AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA",
        "eyJhbGciOiJub25lIn0.e30.",
        "By=spiffe://corp.example/proxy;Hash=00;URI=spiffe://corp.example/web;Subject=\"CN=\\\"a\\\"\"",
        "spiffe://corp.example/web\nspiffe://corp.example/other",
        "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa",
        r#"{"keys":[{"kty":"EC","crv":"P-256","kid":"ec","use":"sig","alg":"ES256","x":"_xuWKupNlxWPfZt-BOTLIuHaxIO0MXW2ZXeZnwALrvs","y":"B2eqfBev5ozB-TfOir90EWrOt1iPnZMisfpIsZbr2Hk"},{"kty":"RSA","n":"AQAB","e":"AQAB"}]}"#,
        "[[key]]\nid = \"aaaaaaaaaaaaaaaa\"\nname = \"web\"\nsha256 = \"00\"\norgs = [\"acme\"]\nrole = \"rep\"\nactor = \"a\"\n\
         created = 2026-01-01T00:00:00Z\nexpires = 2027-01-01T00:00:00Z\n",
        "[[issuer]]\nissuer = \"https://idp.example/\"\naudiences = [\"baton\"]\njwks_file = \"jwks.json\"\norgs = [\"*\"]\n\
         roles = [\"rep\"]\n[limits]\norgs = 3\n",
    ]
    .map(|text| text.as_bytes().to_vec())
    .to_vec()
}
