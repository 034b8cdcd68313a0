//! What names, addresses and passwords may be (modules/validation, models/user/user.go, models/repo/repo.go,
//! models/db/name.go).

use serde_json::Value;

use super::{
    error::{Error, Result},
    state::Settings,
};

/// A text of a body; empty where it is missing.
pub(super) fn text(body: &Value, field: &str) -> String {
    body[field].as_str().unwrap_or_default().to_owned()
}

/// A body that is a JSON object; unknown fields are ignored.
pub(super) fn object(body: &[u8]) -> Result<Value> {
    let json: Value = serde_json::from_slice(body)
        .map_err(|error| Error::unprocessable(format!("[]: {error}")))?;
    match json.is_object() {
        true => Ok(json),
        false => Err(Error::unprocessable("[]: json: cannot unmarshal value")),
    }
}

pub(super) fn required(text: &str, field: &str) -> Result<()> {
    match text.is_empty() {
        true => Err(Error::field(field, "Required")),
        false => Ok(()),
    }
}

pub(super) fn at_most(text: &str, most: usize, field: &str) -> Result<()> {
    match text.chars().count() > most {
        true => Err(Error::field(field, "MaxSize")),
        false => Ok(()),
    }
}

/// Begins with a letter or digit; then `-_.` too, though not two of them in a row, nor at the end.
pub(super) fn is_username(name: &str) -> bool {
    let is_mark = |c: char| "-_.".contains(c);
    let letters = name
        .chars()
        .all(|c| c.is_ascii_alphanumeric() || is_mark(c));
    let marks: Vec<bool> = name.chars().map(is_mark).collect();
    let doubled = marks.windows(2).any(|pair| pair == [true, true]);
    letters && !doubled && marks.first() == Some(&false) && marks.last() == Some(&false)
}

/// As the binding checks it.
pub(super) fn is_email(email: &str) -> bool {
    let Some((user, host)) = email.split_once('@') else {
        return false;
    };
    let user_letters = |c: char| c.is_ascii_alphanumeric() || "!#$%&'*+/=?^_`{|}~-.".contains(c);
    let host_letters = |c: char| c.is_ascii_alphanumeric() || "-.".contains(c);
    !user.is_empty()
        && user.chars().all(user_letters)
        && !host.is_empty()
        && host.chars().all(host_letters)
}

const RESERVED: &[&str] = &[
    ".",
    "..",
    ".well-known",
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

/// Names that no account and no organization may have.
pub(super) fn check_usable_username(name: &str) -> Result<()> {
    check_usable(
        RESERVED,
        &["*.keys", "*.gpg", "*.rss", "*.atom", "*.png"],
        name,
    )
}

pub(super) fn check_usable_repository(name: &str) -> Result<()> {
    let letters = |c: char| c.is_ascii_alphanumeric() || "-_.".contains(c);
    if !name.chars().all(letters) || name.contains("..") {
        // Nobody maps this one to a refusal.
        return Err(Error::internal(format!(
            "name is invalid [{name}]: must be valid alpha or numeric or dash(-_) or dot characters"
        )));
    }
    check_usable(
        &[".", "..", "-"],
        &["*.wiki", "*.git", "*.rss", "*.atom"],
        name,
    )
}

fn check_usable(reserved: &[&str], patterns: &[&str], name: &str) -> Result<()> {
    let name = name.to_lowercase();
    if reserved.contains(&&*name) {
        return Err(Error::unprocessable(format!(
            "name is reserved [name: {name}]"
        )));
    }
    match patterns
        .iter()
        .find(|pattern| name.ends_with(&pattern[1..]))
    {
        Some(pattern) => Err(Error::unprocessable(format!(
            "name pattern is not allowed [pattern: {pattern}]"
        ))),
        None => Ok(()),
    }
}

/// `binding:"GitRefName"`, as far as it goes.
pub(super) fn is_ref_name(name: &str) -> bool {
    let forbidden = |c: char| c.is_control() || " ~^:?*[\\".contains(c);
    !name.chars().any(forbidden)
        && !name.contains("..")
        && !name.contains("@{")
        && !name.starts_with(['/', '-', '.'])
        && !name.ends_with(['/', '.'])
        && !name.ends_with(".lock")
}

pub(super) fn check_password(password: &str, settings: &Settings) -> Result<()> {
    if password.len() < settings.min_password_length {
        return Err(Error::bad("PasswordIsRequired"));
    }
    let has = |class: &str| {
        password.chars().any(|c| match class {
            "lower" => c.is_ascii_lowercase(),
            "upper" => c.is_ascii_uppercase(),
            "digit" => c.is_ascii_digit(),
            _ => c.is_ascii_punctuation() || c == ' ',
        })
    };
    if !settings.password_complexity.iter().all(|class| has(class)) {
        return Err(Error::bad("PasswordComplexity"));
    }
    if password.to_lowercase().starts_with("password") {
        return Err(Error::bad("PasswordPwned"));
    }
    Ok(())
}

/// The address's domain is not in the list of those that may register themselves.
pub(super) fn is_of_other_domain(email: &str, settings: &Settings) -> bool {
    let domain = email.rsplit('@').next().unwrap_or_default();
    let allowed = &settings.email_domain_allowlist;
    !allowed.is_empty() && !allowed.iter().any(|of| of.eq_ignore_ascii_case(domain))
}
