//! Which e-mail addresses Mattermost lets in.

/// Whether an address is of one of the domains, as Mattermost compares: they stand between spaces or commas, and
/// a domain below one of them is another (app/users/helpers.go, CheckEmailDomain). No domains: any address.
pub(super) fn allow(domains: &str, email: &str) -> bool {
    let mut domains = list(domains).peekable();
    let own = email.rsplit('@').next().unwrap_or_default();
    domains.peek().is_none() || domains.any(|domain| domain.eq_ignore_ascii_case(own))
}

/// The domains for a sentence.
pub(super) fn say(domains: &str) -> String {
    list(domains).collect::<Vec<_>>().join(", ")
}

fn list(domains: &str) -> impl Iterator<Item = &str> {
    domains
        .split([' ', ','])
        .map(|domain| domain.trim().trim_start_matches('@'))
        .filter(|domain| !domain.is_empty())
}
