//! Idempotency keys. A key names an intent and drives it to completion.

use serde_json::Value;
use sha2::{Digest, Sha256};
use sidestage_action::{Code, Error, Principal, Result};
use uuid::Uuid;

/// A key within its caller's scope.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Key {
    scope: Principal,
    /// Which kind of key it is, and which one: callers' own keys never meet ours.
    name: String,
}

/// The longest key that is taken, in bytes.
const LONGEST: usize = 255;

impl Key {
    /// A key that the caller chose.
    ///
    /// # Errors
    /// When it is empty, too long or holds other than printable ASCII.
    pub fn given(scope: &Principal, name: &str) -> Result<Self> {
        if name.is_empty()
            || name.len() > LONGEST
            || !name
                .bytes()
                .all(|byte| byte.is_ascii_graphic() || byte == b' ')
        {
            let message = format!(
                "The Idempotency-Key header must be 1 to {LONGEST} printable ASCII characters."
            );
            return Err(Error::new(Code::InvalidInput, message));
        }
        Ok(Key {
            scope: scope.clone(),
            name: format!("given:{name}"),
        })
    }

    /// The key of a request that brings none: caller, action and input. The same request again joins the run.
    pub fn derived(scope: &Principal, action: &str, connection: &str, input: &Value) -> Self {
        let mut hash = Sha256::new();
        hash.update(action);
        hash.update([0]);
        hash.update(connection);
        hash.update([0]);
        hash.update(canonical(input).to_string());
        Key {
            scope: scope.clone(),
            name: format!("derived:{}", hex(&hash.finalize())),
        }
    }

    /// The key of the undo of a run: while one is under way, there is no other. In the scope of whoever the run belongs
    /// to, so that whoever asks finds it.
    pub(crate) fn undo(scope: &Principal, run: Uuid, dry_run: bool) -> Self {
        Key {
            scope: scope.clone(),
            name: format!("undo:{run}:{dry_run}"),
        }
    }

    /// Whose it is.
    pub(crate) fn scope(&self) -> &Principal {
        &self.scope
    }

    /// Its name in the journal.
    pub(crate) fn name(&self) -> String {
        self.name.clone()
    }
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

/// The same value with the keys of every map in order.
fn canonical(value: &Value) -> Value {
    match value {
        Value::Object(map) => {
            let mut entries: Vec<_> = map.iter().collect();
            entries.sort_by_key(|(name, _)| *name);
            Value::Object(
                entries
                    .into_iter()
                    .map(|(name, value)| (name.clone(), canonical(value)))
                    .collect(),
            )
        }
        Value::Array(items) => Value::Array(items.iter().map(canonical).collect()),
        other => other.clone(),
    }
}

/// The names of the top-level fields in which two inputs differ. Never their values.
pub(crate) fn differing_fields(one: &Value, other: &Value) -> Vec<String> {
    let empty = serde_json::Map::new();
    let (one, other) = (
        one.as_object().unwrap_or(&empty),
        other.as_object().unwrap_or(&empty),
    );
    let mut names: Vec<String> = one
        .keys()
        .chain(other.keys())
        .filter(|name| one.get(*name) != other.get(*name))
        .cloned()
        .collect();
    names.sort();
    names.dedup();
    names
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn ci() -> Principal {
        Principal::Key { name: "ci".into() }
    }

    #[test]
    fn a_derived_key_does_not_depend_on_the_order_of_fields() {
        let one = Key::derived(&ci(), "a:b", "c", &json!({"x": 1, "y": {"p": 1, "q": 2}}));
        let other = Key::derived(&ci(), "a:b", "c", &json!({"y": {"q": 2, "p": 1}, "x": 1}));
        assert_eq!(one, other);
    }

    #[test]
    fn a_derived_key_depends_on_caller_action_connection_and_values() {
        let key = |name: &str, action: &str, connection: &str, value: u8| {
            Key::derived(
                &Principal::Key { name: name.into() },
                action,
                connection,
                &json!({ "x": value }),
            )
        };
        let base = key("ci", "a:b", "c", 1);
        for other in [
            key("cd", "a:b", "c", 1),
            key("ci", "a:c", "c", 1),
            key("ci", "a:b", "d", 1),
            key("ci", "a:b", "c", 2),
        ] {
            assert_ne!(base, other);
        }
    }

    #[test]
    fn a_given_key_is_printable_and_short() {
        assert!(Key::given(&ci(), "task:step:0123").is_ok());
        for bad in ["", "two\nlines", "ü", &"x".repeat(256)] {
            assert!(Key::given(&ci(), bad).is_err(), "{bad:?}");
        }
    }

    #[test]
    fn differing_fields_are_named_without_values() {
        let names = differing_fields(
            &json!({"a": 1, "b": 2, "c": 3}),
            &json!({"a": 1, "b": 9, "d": 4}),
        );
        assert_eq!(names, ["b", "c", "d"]);
    }
}
