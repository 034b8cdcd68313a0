//! Keys for CI: of each token a hash is kept, what it is for, and until when.

use std::{collections::HashMap, fmt, str::FromStr};

use jiff::{Timestamp, civil::Date, tz::TimeZone};
use rand::distr::{Alphanumeric, SampleString};
use serde::{Deserialize, Deserializer, de};
use sha2::{Digest, Sha256};

use super::Refusal;
use crate::config;

/// What is kept of a key's token, as it stands in the configuration: `sha256:` and 64 hexadecimal digits. A token is
/// 256 bits of chance, so a hash without salt or delay is as good as the token is long.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct TokenHash([u8; 32]);

impl TokenHash {
    /// Of a token. Tokens are compared by hash, so that the time it takes says nothing about them.
    pub fn of(token: &str) -> Self {
        TokenHash(Sha256::digest(token).into())
    }
}

impl fmt::Display for TokenHash {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("sha256:")?;
        self.0.iter().try_for_each(|byte| write!(f, "{byte:02x}"))
    }
}

impl FromStr for TokenHash {
    type Err = &'static str;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let refusal =
            "the hash of a key is sha256: and 64 hexadecimal digits; sidestage keys makes one";
        let digits = text.strip_prefix("sha256:").ok_or(refusal)?;
        let mut hash = [0; 32];
        if digits.len() != 64 || !digits.is_ascii() {
            return Err(refusal);
        }
        for (n, byte) in hash.iter_mut().enumerate() {
            *byte = u8::from_str_radix(&digits[2 * n..2 * n + 2], 16).map_err(|_| refusal)?;
        }
        Ok(TokenHash(hash))
    }
}

impl<'de> Deserialize<'de> for TokenHash {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        // The text may be the token itself: it is not shown.
        String::deserialize(deserializer)?
            .parse()
            .map_err(de::Error::custom)
    }
}

/// The configured keys.
pub(super) struct Keys(HashMap<TokenHash, config::Key>);

impl Keys {
    pub(super) fn new(keys: &[config::Key]) -> Result<Self, config::Error> {
        let mut by_hash = HashMap::new();
        for key in keys {
            let refuse = |what: &str| {
                Err(config::Error(format!(
                    "auth.keys: there are two keys with the {what} of {}",
                    key.name
                )))
            };
            if by_hash
                .values()
                .any(|other: &config::Key| other.name == key.name)
            {
                return refuse("name");
            }
            if by_hash.insert(key.hash, key.clone()).is_some() {
                return refuse("hash");
            }
        }
        Ok(Keys(by_hash))
    }

    /// The key with that token, if there is one and its time is not up.
    pub(super) fn find(&self, token: &str) -> Option<Result<&config::Key, Refusal>> {
        let key = self.0.get(&TokenHash::of(token))?;
        Some(match today() > key.expires {
            true => Err(Refusal::token(format!(
                "the key {} was good until {}",
                key.name, key.expires
            ))),
            false => Ok(key),
        })
    }

    pub(super) fn named(&self, name: &str) -> Option<&config::Key> {
        self.0.values().find(|key| key.name == name)
    }
}

/// The day that it is, in UTC.
pub fn today() -> Date {
    Timestamp::now().to_zoned(TimeZone::UTC).date()
}

/// Makes a token for a key. It is shown once; what is kept is its [`TokenHash`].
pub fn new_token() -> String {
    // 256 bits by chance; the beginning tells scanners of repositories what this is.
    format!(
        "sidestage_{}",
        Alphanumeric.sample_string(&mut rand::rng(), 43)
    )
}
