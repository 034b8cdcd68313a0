//! What names, addresses and passwords may be (server/public/model/{user,team,channel}.go,
//! server/channels/app/password.go).

use super::{
    error::{Error, Result},
    server::Settings,
    state::User,
};

pub(super) fn is_id(text: &str) -> bool {
    text.len() == 26 && text.bytes().all(|byte| byte.is_ascii_alphanumeric())
}

/// A name as it is stored: capitals are refused here, and lowered before by who creates.
pub(super) fn is_username(name: &str) -> bool {
    (1..=64).contains(&name.len())
        && name.bytes().all(|byte| {
            byte.is_ascii_lowercase() || byte.is_ascii_digit() || b"._-".contains(&byte)
        })
        && !["all", "channel", "matterbot", "system"].contains(&name)
}

pub(super) fn is_email(email: &str) -> bool {
    let mut parts = email.split('@');
    let (Some(user), Some(host), None) = (parts.next(), parts.next(), parts.next()) else {
        return false;
    };
    let plain = |text: &str| {
        !text.is_empty()
            && !text
                .chars()
                .any(|c| c.is_whitespace() || "<>(),;:\"\\".contains(c))
            && text.split('.').all(|between| !between.is_empty())
    };
    email.len() <= 128 && plain(user) && plain(host)
}

/// Whether an address is of one of the domains; no domains: of any. They stand between spaces or commas and are
/// compared with the end of the address (app/users/helpers.go, CheckEmailDomain).
pub(super) fn is_of_domain(email: &str, domains: &str) -> bool {
    let mut domains = domains
        .split([' ', ','])
        .map(|domain| domain.trim().trim_start_matches('@'))
        .filter(|domain| !domain.is_empty())
        .peekable();
    domains.peek().is_none()
        || domains.any(|domain| {
            email
                .to_lowercase()
                .ends_with(&format!("@{}", domain.to_lowercase()))
        })
}

/// The rules for the fields of a new account, in the server's order (model.User.IsValid).
pub(super) fn check_user(user: &User, password: &str) -> Result<()> {
    let invalid = |field: &str, message: &str| {
        Err(Error::bad(
            &format!("model.user.is_valid.{field}.app_error"),
            message,
        ))
    };
    let runes = |text: &str| text.chars().count();
    if !is_username(&user.username) {
        return invalid(
            "username",
            "Username must begin with a letter, and contain between 3 to 22 lowercase characters made up of numbers, \
             letters, and the symbols \".\", \"-\", and \"_\".",
        );
    }
    if !is_email(&user.email) {
        return invalid("email", "Invalid email.");
    }
    if runes(&user.nickname) > 64 {
        return invalid("nickname", "Invalid nickname.");
    }
    if runes(&user.position) > 128 {
        return invalid(
            "position",
            "Invalid position: must not be longer than 128 characters.",
        );
    }
    if runes(&user.first_name) > 64 {
        return invalid("first_name", "Invalid first name.");
    }
    if runes(&user.last_name) > 64 {
        return invalid("last_name", "Invalid last name.");
    }
    if user.auth_data.len() > 128 {
        return invalid("auth_data", "Invalid auth data.");
    }
    if !user.auth_data.is_empty() && user.auth_service.is_empty() {
        return invalid(
            "auth_data_type",
            "Invalid user, auth data must be set with auth type.",
        );
    }
    if !password.is_empty() && !user.auth_data.is_empty() {
        return invalid(
            "auth_data_pwd",
            "Invalid user, password and auth data cannot both be set.",
        );
    }
    if user.locale.len() > 5 {
        return invalid("locale", "Invalid locale.");
    }
    Ok(())
}

/// The policy for passwords. A wrong length hides everything else.
pub(super) fn check_password(password: &str, settings: &Settings) -> Result<()> {
    let refused = |classes: &str, what: &str| {
        let least = settings.password_minimum_length;
        Err(Error::bad(
            &format!("model.user.is_valid.pwd{classes}.app_error"),
            format!("Your password must contain at least {least} characters{what}."),
        ))
    };
    if password.len() < settings.password_minimum_length {
        return refused("_min_length", "");
    }
    if password.len() > 72 {
        return Err(Error::bad(
            "model.user.is_valid.pwd_max_length.app_error",
            "Your password must contain no more than 72 characters.",
        ));
    }
    let has = |of: fn(&char) -> bool| password.chars().any(|c| of(&c));
    let classes = [
        ("_lowercase", has(char::is_ascii_lowercase)),
        ("_uppercase", has(char::is_ascii_uppercase)),
        ("_number", has(char::is_ascii_digit)),
        ("_symbol", has(|c| c.is_ascii_punctuation() || *c == ' ')),
    ];
    let missing: String = classes
        .iter()
        .filter(|(class, there)| settings.password_classes.contains(&&class[1..]) && !there)
        .map(|(class, _)| *class)
        .collect();
    if missing.is_empty() {
        Ok(())
    } else {
        refused(&missing, " of every required class")
    }
}

/// `^[a-z0-9]+([a-z\-0-9]+|(__)?)[a-z0-9]+$` (model.isValidAlphaNum).
pub(super) fn is_team_name(name: &str) -> bool {
    (2..=64).contains(&name.len())
        && name
            .bytes()
            .all(|byte| byte.is_ascii_lowercase() || byte.is_ascii_digit() || byte == b'-')
        && !name.starts_with('-')
        && !name.ends_with('-')
}

/// Beginnings that the server keeps for its own pages (model/team.go, reservedName).
pub(super) fn is_reserved_team_name(name: &str) -> bool {
    [
        "admin",
        "api",
        "channel",
        "claim",
        "error",
        "files",
        "help",
        "landing",
        "login",
        "mfa",
        "oauth",
        "plug",
        "plugins",
        "post",
        "signup",
        "boards",
        "playbooks",
    ]
    .iter()
    .any(|reserved| name.starts_with(reserved))
}

pub(super) fn is_channel_name(name: &str) -> bool {
    (1..=64).contains(&name.len())
        && name
            .bytes()
            .all(|byte| byte.is_ascii_lowercase() || byte.is_ascii_digit() || b"_-".contains(&byte))
        && name
            .bytes()
            .next()
            .is_some_and(|byte| byte.is_ascii_alphanumeric())
}
