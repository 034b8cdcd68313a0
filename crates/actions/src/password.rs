//! Passwords that nobody sees: an account needs one until the person sets their own.

use rand::distr::{Alphanumeric, SampleString};
use secrecy::SecretString;

/// One of each class that a policy may ask for; the rest is by chance.
const CLASSES: &str = "aA1-";

/// A new password: 44 characters, of which 40 are by chance (238 bits), within every service's limits.
pub(crate) fn random() -> SecretString {
    let chance = Alphanumeric.sample_string(&mut rand::rng(), 40);
    format!("{chance}{CLASSES}").into()
}
