//! From names that a person or Backstage gives to those that Gitea takes.

use deunicode::deunicode;
use sidestage_action::{Error, Result};

/// Names that Gitea keeps for its own pages (models/user/user.go, reservedUsernames). Those that could not be a name
/// anyway are not here.
const RESERVED: [&str; 27] = [
    "api",
    "metrics",
    "v2",
    "assets",
    "attachments",
    "avatar",
    "avatars",
    "repo-avatars",
    "captcha",
    "login",
    "org",
    "repo",
    "user",
    "explore",
    "issues",
    "pulls",
    "milestones",
    "notifications",
    "favicon.ico",
    "manifest.json",
    "robots.txt",
    "sitemap.xml",
    "ssh_info",
    "swagger.v1.json",
    "openapi3.v1.json",
    "ghost",
    "gitea-actions",
];

/// Ends that no account's name may have (reservedUserPatterns).
const RESERVED_ENDS: [&str; 5] = [".keys", ".gpg", ".rss", ".atom", ".png"];

/// Ends that no repository's name may have (models/repo/repo.go).
const RESERVED_REPOSITORY_ENDS: [&str; 4] = [".wiki", ".git", ".rss", ".atom"];

/// A name begins with a letter or digit and goes on with these and `-_.`, though not with two of the marks in a row, nor
/// with one at its end (modules/validation/helpers.go). Letters of other alphabets are written in Latin ones, and what
/// else Gitea does not take becomes a dash.
pub(super) fn username(field: &str, given: &str) -> Result<String> {
    let given = given.trim();
    if given.contains([':', '/', '@']) {
        let sentence = format!(
            "{field} is not a user name of Gitea. Where it comes from Backstage, give the name \
             (user.entity.metadata.name), not the entity ref, nor the e-mail address."
        );
        return Err(Error::invalid(field, sentence));
    }
    let mut name = String::new();
    for c in deunicode(given).chars() {
        let c = if c.is_ascii_alphanumeric() || "-_.".contains(c) {
            c
        } else {
            '-'
        };
        let doubled = !c.is_ascii_alphanumeric()
            && !name.ends_with(|last: char| last.is_ascii_alphanumeric());
        if !doubled {
            name.push(c);
        }
    }
    let name = name.trim_end_matches(['-', '_', '.']);
    if name.is_empty() || name.len() > 40 {
        let sentence = format!(
            "Gitea cannot take the {field} {given:?}: it must have 1 to 40 letters, digits, dots, dashes and underscores."
        );
        return Err(Error::invalid(field, sentence));
    }
    let small = name.to_lowercase();
    if RESERVED.contains(&&*small) || RESERVED_ENDS.iter().any(|end| small.ends_with(end)) {
        let sentence =
            format!("Gitea keeps the name {name} for its own pages; choose another {field}.");
        return Err(Error::invalid(field, sentence));
    }
    Ok(name.to_owned())
}

/// An e-mail address. Whether it is a good one is for Gitea to say; what could not be one is refused here.
pub(super) fn email(given: &str) -> Result<String> {
    let email = given.trim();
    let is_plain = |part: &str| {
        !part.is_empty()
            && !part
                .chars()
                .any(|c| c.is_whitespace() || c.is_control() || "<>()[],;:\\\"".contains(c))
    };
    let fits = email
        .split_once('@')
        .is_some_and(|(user, host)| is_plain(user) && is_plain(host) && !host.contains('@'));
    if fits && email.len() <= 254 {
        return Ok(email.to_owned());
    }
    Err(Error::invalid(
        "email",
        "email is not an e-mail address that Gitea takes: the address alone, without a name, at most 254 characters.",
    ))
}

/// Refuses what Gitea does not take for the name of a repository; some of it makes Gitea fail.
pub(super) fn check_repository(name: &str) -> Result<()> {
    let letters = name
        .chars()
        .all(|c| c.is_ascii_alphanumeric() || "-_.".contains(c));
    if name.is_empty() || name.len() > 100 || !letters || name.contains("..") {
        let sentence = format!(
            "Gitea cannot take the repositoryName {name:?}: it must have 1 to 100 letters, digits, dots, dashes and \
             underscores, with no two dots in a row."
        );
        return Err(Error::invalid("repositoryName", sentence));
    }
    let small = name.to_lowercase();
    if [".", "-"].contains(&name)
        || RESERVED_REPOSITORY_ENDS
            .iter()
            .any(|end| small.ends_with(end))
    {
        let sentence = format!(
            "Gitea keeps the name {name} for itself, as all that end in {}; choose another repositoryName.",
            RESERVED_REPOSITORY_ENDS.join(", ")
        );
        return Err(Error::invalid("repositoryName", sentence));
    }
    Ok(())
}
