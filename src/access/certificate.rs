//! Which client certificate a caller is known by: the connection's own, or, behind a proxy that is trusted, the one that the
//! proxy has verified and names in `x-forwarded-client-cert`. What it is good for stands in the access file's rules.

use std::collections::BTreeSet;
use std::net::IpAddr;
use std::time::SystemTime;

use ipnet::IpNet;

use super::document::Fields;
use super::fault::Fault;
use super::peer::Peer;

/// The longest forwarded header, in bytes.
const FORWARDED_MAX: usize = 8 * 1024;
/// How a SPIFFE URI begins.
const SPIFFE: &str = "spiffe://";

/// Who may say whose certificate it has verified.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Proxies {
    networks: Vec<IpNet>,
    uris: BTreeSet<String>,
}

impl Proxies {
    /// Reads the list of the access file.
    pub fn read(fields: &Fields<'_>) -> Self {
        let mut proxies = Self::default();
        for entry in fields.texts("trusted_proxies", proxy).unwrap_or_default() {
            match entry.value {
                Proxy::Network(network) => proxies.networks.push(network),
                Proxy::Uri(uri) => _ = proxies.uris.insert(uri),
            }
        }
        proxies
    }

    /// Is the one with this URI in its certificate one of them?
    #[must_use]
    pub fn has_uri(&self, uri: &str) -> bool {
        self.uris.contains(uri)
    }

    /// Is this peer one of them?
    #[must_use]
    pub fn has(&self, peer: &Peer) -> bool {
        // A socket for both families shows an IPv4 address as an IPv6 one.
        let address = peer.address.map(|address| address.to_canonical());
        let by_address = address
            .is_some_and(|address| self.networks.iter().any(|network| network.contains(&address)));
        let by_uri = peer.certificate.as_ref().is_some_and(
            |certificate| matches!(certificate.uris.as_slice(), [uri] if self.has_uri(uri)),
        );
        by_address || by_uri
    }
}

#[derive(Clone, PartialEq, Eq, PartialOrd, Ord)]
enum Proxy {
    Network(IpNet),
    Uri(String),
}

fn proxy(text: &str) -> Result<Proxy, String> {
    if text.starts_with(SPIFFE) {
        return spiffe(text).map(Proxy::Uri);
    }
    let wrong = || format!("has {text:?}, which is no address, no network and no SPIFFE URI");
    let network = match text.parse::<IpAddr>() {
        Ok(address) => IpNet::from(address),
        Err(_) => text.parse::<IpNet>().map_err(|_| wrong())?,
    };
    if network.prefix_len() == 0 {
        return Err(format!("has {text:?}, which is every address: anybody could be anybody"));
    }
    if network != network.trunc() {
        return Err(format!("has {text:?}; did you mean {}?", network.trunc()));
    }
    Ok(Proxy::Network(network))
}

/// Reads a SPIFFE URI: a trust domain and a path, printable, in full.
///
/// # Errors
/// That it is none.
pub fn spiffe(text: &str) -> Result<String, String> {
    let printable = text.bytes().all(|byte| byte.is_ascii_graphic());
    let (domain, path) = text.strip_prefix(SPIFFE).and_then(|rest| rest.split_once('/')).unzip();
    let full =
        domain.is_some_and(|name| !name.is_empty()) && path.is_some_and(|path| !path.is_empty());
    if printable && full {
        Ok(text.to_owned())
    } else {
        Err(format!("has {text:?}, which isn't like spiffe://corp.example/web"))
    }
}

/// The certificate that a caller is known by.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Shown {
    /// The only URI in it.
    pub uri: String,
    /// Until when it is good, if that is known.
    pub expires: Option<SystemTime>,
}

/// Which certificate the caller has shown. A trusted proxy's own says only that it is the proxy; what anybody else forwards
/// counts as not there.
///
/// # Errors
/// UnknownCertificate for one without a URI; Ambiguous for one with several; TooLarge, Malformed of what is forwarded.
pub fn shown(
    peer: &Peer,
    forwarded: Option<&str>,
    proxies: &Proxies,
) -> Result<Option<Shown>, Fault> {
    if proxies.has(peer) {
        let Some(header) = forwarded else { return Ok(None) };
        let uri = only(forwarded_uris(header)?)?;
        return Ok(Some(Shown { uri, expires: None }));
    }
    let Some(certificate) = &peer.certificate else { return Ok(None) };
    let uri = only(certificate.uris.clone())?;
    Ok(Some(Shown { uri, expires: Some(certificate.expires) }))
}

fn only(mut uris: Vec<String>) -> Result<String, Fault> {
    match (uris.pop(), uris.is_empty()) {
        (Some(uri), true) => Ok(uri),
        (Some(_), false) => Err(Fault::Ambiguous),
        (None, _) => Err(Fault::UnknownCertificate),
    }
}

/// The URIs of the last element, which the nearest proxy has written; those before it are what it was sent.
fn forwarded_uris(header: &str) -> Result<Vec<String>, Fault> {
    if header.len() > FORWARDED_MAX {
        return Err(Fault::TooLarge);
    }
    let mut last = Vec::new();
    for element in split(header, ',')? {
        last.clear();
        for pair in split(element, ';')? {
            let (key, value) = pair.split_once('=').ok_or(Fault::Malformed)?;
            let value = unquoted(value)?;
            let key = key.trim();
            if key.is_empty() || !key.bytes().all(|byte| byte.is_ascii_alphanumeric()) {
                return Err(Fault::Malformed);
            }
            // An empty one is how a certificate without a URI is forwarded.
            if key.eq_ignore_ascii_case("uri") && !value.is_empty() {
                last.push(value);
            }
        }
    }
    Ok(last)
}

/// The parts between separators that aren't in quotes.
fn split(text: &str, separator: char) -> Result<Vec<&str>, Fault> {
    let (mut parts, mut from, mut quoted, mut escaped) = (Vec::new(), 0, false, false);
    for (at, c) in text.char_indices() {
        if escaped {
            escaped = false;
        } else if quoted && c == '\\' {
            escaped = true;
        } else if c == '"' {
            quoted = !quoted;
        } else if c == separator && !quoted {
            parts.push(&text[from..at]);
            from = at + c.len_utf8();
        }
    }
    parts.push(&text[from..]);
    if quoted || parts.iter().any(|part| part.trim().is_empty()) {
        return Err(Fault::Malformed);
    }
    Ok(parts.into_iter().map(str::trim).collect())
}

/// A value without the quotes around it, which it has wholly or not at all.
fn unquoted(value: &str) -> Result<String, Fault> {
    let Some(rest) = value.strip_prefix('"') else {
        return if value.contains('"') { Err(Fault::Malformed) } else { Ok(value.to_owned()) };
    };
    let inner = rest.strip_suffix('"').ok_or(Fault::Malformed)?;
    let (mut plain, mut chars) = (String::new(), inner.chars());
    while let Some(c) = chars.next() {
        match c {
            '\\' => plain.push(chars.next().ok_or(Fault::Malformed)?),
            '"' => return Err(Fault::Malformed),
            c => plain.push(c),
        }
    }
    Ok(plain)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_last_element_is_the_nearest_proxys() {
        let read = |header: &str| forwarded_uris(header);
        let web = || Ok(vec!["spiffe://corp/web".to_owned()]);
        assert_eq!(read("URI=spiffe://corp/web"), web());
        assert_eq!(
            read(
                "By=spiffe://a/b;Hash=00;Subject=\"CN=a,O=\\\"b;c\\\"\";uri=\"spiffe://corp/web\""
            ),
            web()
        );
        assert_eq!(read("URI=spiffe://corp/admin,Hash=1;URI=spiffe://corp/web"), web());
        assert_eq!(read("Subject=\"x,URI=spiffe://corp/admin\";URI=spiffe://corp/web"), web());
        assert_eq!(read("URI=spiffe://corp/admin,Hash=1;URI="), Ok(vec![]));
        assert_eq!(read("URI=a;URI=b").map(|uris| uris.len()), Ok(2));
    }

    #[test]
    fn d4_what_isnt_written_like_a_header_is_refused() {
        for bad in [
            "",
            ",",
            "URI",
            "URI=a,",
            ",URI=a",
            "URI=a;;Hash=1",
            "URI=\"a",
            "URI=a\"",
            "URI=\"a\"b",
            "=a",
            "U RI=a",
            "URI=\"a\\\"",
            "URI=a;\"b\"=c",
            "URI=a,b",
        ] {
            assert_eq!(forwarded_uris(bad), Err(Fault::Malformed), "{bad}");
        }
        assert_eq!(forwarded_uris(&"a".repeat(FORWARDED_MAX + 1)), Err(Fault::TooLarge));
    }

    #[test]
    fn proxies_are_addresses_networks_or_identities() {
        for good in ["10.0.0.0/8", "10.0.0.1", "::1", "fd00::/8", "spiffe://corp/edge"] {
            assert!(proxy(good).is_ok(), "{good}");
        }
        for bad in [
            "",
            "0.0.0.0/0",
            "::/0",
            "10.0.0.1/8",
            "edge",
            "spiffe://",
            "spiffe://corp",
            "spiffe:///a",
            "spiffe://corp/a b",
        ] {
            assert!(proxy(bad).is_err(), "{bad}");
        }
    }
}
