//! From what a template gives to what Twenty keeps: names, e-mail addresses, domains, links.

use sidestage_action::{Error, Result};
use url::{Host, Url};

/// An input that may be left out. Forms give an empty text for a field that was left empty.
pub(super) fn given(input: Option<&str>) -> Option<&str> {
    input.map(str::trim).filter(|text| !text.is_empty())
}

/// First and last name. A whole name is split at its first space: who knows better gives the parts.
pub(super) fn split_name(name: &str) -> (String, String) {
    let mut words = name.split_whitespace();
    let first = words.next().unwrap_or_default();
    (first.into(), words.collect::<Vec<_>>().join(" "))
}

/// One space between words.
pub(super) fn words(text: &str) -> String {
    text.split_whitespace().collect::<Vec<_>>().join(" ")
}

/// Whether two texts are the same to a person.
pub(super) fn alike(one: &str, other: &str) -> bool {
    words(one).to_lowercase() == words(other).to_lowercase()
}

/// An e-mail address as Twenty keeps it: in small letters, the domain as DNS has it. Its filters compare letter by letter.
pub(super) fn email(given: &str) -> Result<String> {
    let plain = |text: &str| {
        !text.is_empty()
            && !text.contains(|c: char| {
                c.is_whitespace() || c.is_control() || "<>()[],;:\\/\"@".contains(c)
            })
    };
    let normal = given.trim().to_lowercase();
    let parts = normal
        .rsplit_once('@')
        .filter(|(user, host)| plain(user) && plain(host));
    let host = parts.and_then(|(_, host)| dns_name(host));
    match (parts, host) {
        (Some((user, _)), Some(host)) => Ok(format!("{user}@{host}")),
        _ => Err(Error::invalid(
            "email",
            "email is not an e-mail address: give the address alone, without a name.",
        )),
    }
}

/// `acme.com`, of a domain or of the address of its site.
pub(super) fn domain(field: &str, given: &str) -> Result<String> {
    let given = given.trim();
    let with_scheme = match given.contains("://") {
        true => given.to_owned(),
        false => format!("https://{given}"),
    };
    let url = Url::parse(&with_scheme).ok().filter(|url| {
        matches!(url.scheme(), "http" | "https")
            && matches!(url.path(), "" | "/")
            && url.query().is_none()
            && url.fragment().is_none()
            && url.username().is_empty()
            && url.port().is_none()
    });
    let host = url.and_then(|url| dns_name(url.host_str()?));
    host.ok_or_else(|| {
        Error::invalid(
            field,
            format!("{field} is not a domain: give it alone, such as acme.com."),
        )
    })
}

/// A name with a dot in it, as DNS has it; no number of a machine.
fn dns_name(host: &str) -> Option<String> {
    match Host::parse(host.trim_end_matches('.')) {
        Ok(Host::Domain(name)) if name.contains('.') => Some(name),
        _ => None,
    }
}

/// The ways in which a domain may stand in Twenty, which adds no scheme. The first is that of its own pages.
pub(super) fn ways_to_write(domain: &str) -> Vec<String> {
    vec![
        format!("https://{domain}"),
        format!("http://{domain}"),
        domain.to_owned(),
    ]
}

/// A link as Twenty keeps it: the origin in small letters, no slash at the end.
pub(super) fn link(field: &str, given: &str) -> Result<String> {
    let given = given.trim();
    let url = Url::parse(given)
        .ok()
        .filter(|url| matches!(url.scheme(), "http" | "https") && url.has_host());
    match url {
        Some(url) => Ok(url.as_str().trim_end_matches('/').to_owned()),
        None => Err(Error::invalid(
            field,
            format!("{field} is not the address of a page: give it whole, with https://."),
        )),
    }
}
