//! From a name that a person or Backstage gives to one that Mattermost takes.

use deunicode::deunicode;
use sidestage_action::{Error, Result};

/// Names that Mattermost keeps for itself (model/user.go, restrictedUsernames).
const RESERVED: [&str; 4] = ["all", "channel", "matterbot", "system"];

/// Mattermost's rule is `^[a-z0-9._-]+$`, at most 64. What it does to the names that come from a sign-in provider is
/// done here to all (model/user.go, CleanUsername): small letters, `-` for what it does not know. Letters of other
/// alphabets are written in Latin ones first.
pub(super) fn normalize(field: &str, given: &str) -> Result<String> {
    let given = given.trim();
    if given.contains([':', '/', '@']) {
        let sentence = format!(
            "{field} is not a user name of Mattermost. Where it comes from Backstage, give the name \
             (user.entity.metadata.name), not the entity ref, nor the e-mail address."
        );
        return Err(Error::invalid(field, sentence));
    }
    let known = |c: char| c.is_ascii_alphanumeric() || "._-".contains(c);
    let latin = deunicode(given).to_lowercase();
    let name: String = latin
        .chars()
        .map(|c| if known(c) { c } else { '-' })
        .collect();
    let name = name.trim_matches('-');
    if name.is_empty() || name.len() > 64 {
        let sentence = format!(
            "Mattermost cannot take the {field} {given:?}: it must have 1 to 64 letters, digits, dots, dashes and \
             underscores."
        );
        return Err(Error::invalid(field, sentence));
    }
    if RESERVED.contains(&name) {
        let sentence = format!(
            "Mattermost keeps the names {} for itself; choose another {field}.",
            RESERVED.join(", ")
        );
        return Err(Error::invalid(field, sentence));
    }
    Ok(name.to_owned())
}

/// An e-mail address as Mattermost keeps it. Whether it is a good one is for Mattermost to say; what could not be one,
/// or would be read as something else in a URL, is refused here.
pub(super) fn normalize_email(given: &str) -> Result<String> {
    let email = given.trim().to_lowercase();
    let is_plain = |part: &str| {
        !part.is_empty()
            && !part
                .chars()
                .any(|c| c.is_whitespace() || c.is_control() || "<>()[],;:\\/\"".contains(c))
            && part.split('.').all(|between| !between.is_empty())
    };
    let fits = email
        .split_once('@')
        .is_some_and(|(user, host)| is_plain(user) && is_plain(host) && !host.contains('@'));
    if !fits || email.len() > 128 {
        return Err(Error::invalid(
            "email",
            "email is not an e-mail address that Mattermost takes: the address alone, without a name, at most 128 \
             characters.",
        ));
    }
    Ok(email)
}
