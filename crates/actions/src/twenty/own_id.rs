//! The id of a record that has nothing which Twenty keeps unique: Twenty takes one that is chosen by who makes the record, and
//! refuses a second record with it. It follows from what the input says, so that the same input finds its record again.

use sha2::{Digest, Sha256};
use uuid::{Builder, Uuid};

use super::client::Kind;

/// In the form of version 5, a name's hash: Twenty takes the versions 1 to 5 only.
pub(super) fn of(kind: Kind, key: &str) -> Uuid {
    let name = format!("sidestage/twenty/{}/{}", kind.name(), key.to_lowercase());
    let mut bytes = [0; 16];
    bytes.copy_from_slice(&Sha256::digest(name)[..16]);
    Builder::from_sha1_bytes(bytes).into_uuid()
}
