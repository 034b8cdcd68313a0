//! Keeping known secrets out of whatever leaves the process.

use std::{
    borrow::Cow,
    collections::{BTreeSet, HashMap},
    fmt,
    sync::{Arc, PoisonError, RwLock},
};

use aho_corasick::{AhoCorasick, AhoCorasickKind, MatchKind};
use base64::{
    Engine,
    engine::general_purpose::{STANDARD_NO_PAD, URL_SAFE_NO_PAD},
};
use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, utf8_percent_encode};
use secrecy::{ExposeSecret, SecretString};
use serde_json::Value;

/// What stands in the place of a secret.
const BLOT: &str = "***";

/// The shortest value that is looked for: a shorter one would blot out ordinary words.
const SHORTEST: usize = 4;

/// The shortest piece of base64 that is looked for inside a longer one.
const SHORTEST_PIECE: usize = 8;

/// Knows the values of secrets and blots them out of texts: as they are, percent-encoded, in base64 (also
/// inside a longer encoded text, as in `Authorization: Basic`) and escaped as JSON does. Clones are cheap
/// and share what they know.
#[derive(Clone, Default)]
pub struct Redactor {
    known: Arc<RwLock<Known>>,
}

#[derive(Default)]
struct Known {
    /// Each value, with the number of guards that hold it.
    secrets: HashMap<String, usize>,
    finder: Option<Arc<AhoCorasick>>,
}

impl Redactor {
    /// One that knows nothing yet.
    pub fn new() -> Redactor {
        Redactor::default()
    }

    /// Learns a secret, until the guard is dropped. White space around it does not count, and a value of
    /// fewer than four bytes is not looked for.
    #[must_use = "the secret is forgotten when the guard is dropped"]
    pub fn add(&self, secret: &SecretString) -> Guard {
        let value = secret.expose_secret().trim();
        if value.len() < SHORTEST {
            return Guard { held: None };
        }
        let mut known = self.known.write().unwrap_or_else(PoisonError::into_inner);
        let count = known.secrets.entry(value.to_owned()).or_insert(0);
        *count += 1;
        if *count == 1 {
            known.rebuild();
        }
        Guard {
            held: Some((self.clone(), SecretString::from(value))),
        }
    }

    /// The text without the secrets. Borrowed, and quick, if there are none in it.
    pub fn scrub<'a>(&self, text: &'a str) -> Cow<'a, str> {
        match self.finder() {
            Some(finder) => scrub(&finder, text),
            None => Cow::Borrowed(text),
        }
    }

    /// Takes the secrets out of every string, key and number of a JSON value.
    pub fn scrub_json(&self, value: &mut Value) {
        if let Some(finder) = self.finder() {
            scrub_json(&finder, value);
        }
    }

    fn finder(&self) -> Option<Arc<AhoCorasick>> {
        self.known
            .read()
            .unwrap_or_else(PoisonError::into_inner)
            .finder
            .clone()
    }

    fn remove(&self, value: &str) {
        let mut known = self.known.write().unwrap_or_else(PoisonError::into_inner);
        if let Some(count) = known.secrets.get_mut(value) {
            *count -= 1;
            if *count == 0 {
                known.secrets.remove(value);
                known.rebuild();
            }
        }
    }
}

impl fmt::Debug for Redactor {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let known = self.known.read().unwrap_or_else(PoisonError::into_inner);
        f.debug_struct("Redactor")
            .field("secrets", &known.secrets.len())
            .finish_non_exhaustive()
    }
}

/// Holds a secret in its [`Redactor`]. When the last guard of a value is dropped, the value is forgotten.
#[derive(Debug)]
pub struct Guard {
    held: Option<(Redactor, SecretString)>,
}

impl Guard {
    /// Never forgets the secret: for those that live as long as the process.
    pub fn keep(mut self) {
        self.held = None;
    }
}

impl Drop for Guard {
    fn drop(&mut self) {
        if let Some((redactor, secret)) = self.held.take() {
            redactor.remove(secret.expose_secret());
        }
    }
}

impl Known {
    fn rebuild(&mut self) {
        let forms: BTreeSet<String> = self
            .secrets
            .keys()
            .flat_map(|secret| forms(secret))
            .collect();
        // Standard matches, because overlapping ones are looked for: of two secrets that share a piece
        // of the text nothing may be left. And no table of all transitions (a DFA): runs bring secrets and take
        // them away again, and making that table takes far longer than the few texts in between.
        let build = |forms: &BTreeSet<String>| {
            AhoCorasick::builder()
                .kind(Some(AhoCorasickKind::ContiguousNFA))
                .match_kind(MatchKind::Standard)
                .build(forms)
        };
        self.finder = match forms.is_empty() {
            true => None,
            // It fails only beyond two thousand million states.
            false => build(&forms).ok().map(Arc::new),
        };
    }
}

/// All the ways in which a secret may be written.
fn forms(secret: &str) -> Vec<String> {
    // RFC 3986, JavaScript's encodeURIComponent, and forms.
    const STRICT: &AsciiSet = &NON_ALPHANUMERIC
        .remove(b'-')
        .remove(b'.')
        .remove(b'_')
        .remove(b'~');
    const COMPONENT: &AsciiSet = &STRICT
        .remove(b'!')
        .remove(b'\'')
        .remove(b'(')
        .remove(b')')
        .remove(b'*');
    // Path segments and queries, as the URL standard has them.
    const LOOSE: &AsciiSet = &percent_encoding::CONTROLS
        .add(b' ')
        .add(b'"')
        .add(b'#')
        .add(b'<')
        .add(b'>')
        .add(b'?')
        .add(b'%');
    let mut forms = vec![secret.to_owned()];
    for set in [NON_ALPHANUMERIC, STRICT, COMPONENT, LOOSE] {
        let encoded = utf8_percent_encode(secret, set).to_string();
        forms.push(lower_hex(&encoded));
        forms.push(encoded);
    }
    forms.push(url::form_urlencoded::byte_serialize(secret.as_bytes()).collect());

    let json = Value::from(secret).to_string();
    let json = &json[1..json.len() - 1];
    let html = json
        .replace('<', "\\u003c")
        .replace('>', "\\u003e")
        .replace('&', "\\u0026");
    forms.extend([
        json.replace('/', "\\/"),
        ascii(json),
        ascii(&html),
        json.to_owned(),
        html,
    ]);

    for engine in [&STANDARD_NO_PAD, &URL_SAFE_NO_PAD] {
        let encoded = engine.encode(secret);
        for padding in ["==", "="]
            .iter()
            .filter(|padding| (encoded.len() + padding.len()) % 4 == 0)
        {
            forms.push(format!("{encoded}{padding}"));
        }
        forms.push(encoded);
        // Inside a longer text: the characters that depend on nothing but the secret.
        for before in 0..3 {
            let mut bytes = vec![0; before];
            bytes.extend_from_slice(secret.as_bytes());
            let encoded = engine.encode(&bytes);
            let piece = &encoded[(before * 8).div_ceil(6)..bytes.len() * 8 / 6];
            if piece.len() >= SHORTEST_PIECE {
                forms.push(piece.to_owned());
            }
        }
    }
    forms
}

/// `%2F` as `%2f`.
fn lower_hex(encoded: &str) -> String {
    let mut parts = encoded.split('%');
    let mut lower = parts.next().unwrap_or_default().to_owned();
    for part in parts {
        let (code, rest) = part.split_at(part.len().min(2));
        lower.extend(["%", &code.to_ascii_lowercase(), rest]);
    }
    lower
}

/// `é` as `\u00e9`.
fn ascii(json: &str) -> String {
    let mut escaped = String::new();
    for c in json.chars() {
        if c.is_ascii() {
            escaped.push(c);
        } else {
            for unit in c.encode_utf16(&mut [0; 2]) {
                escaped.push_str(&format!("\\u{unit:04x}"));
            }
        }
    }
    escaped
}

fn scrub<'a>(finder: &AhoCorasick, text: &'a str) -> Cow<'a, str> {
    if !finder.is_match(text) {
        return Cow::Borrowed(text);
    }
    let mut found: Vec<_> = finder
        .find_overlapping_iter(text)
        .map(|found| found.range())
        .collect();
    found.sort_by_key(|range| range.start);
    let mut scrubbed = String::with_capacity(text.len());
    let mut end = 0;
    for range in found {
        if range.start >= end {
            scrubbed.push_str(&text[end..range.start]);
            scrubbed.push_str(BLOT);
        }
        end = end.max(range.end);
    }
    scrubbed.push_str(&text[end..]);
    Cow::Owned(scrubbed)
}

fn scrub_json(finder: &AhoCorasick, value: &mut Value) {
    match value {
        Value::Null | Value::Bool(_) => {}
        Value::Number(number) => {
            if finder.is_match(&number.to_string()) {
                *value = BLOT.into();
            }
        }
        Value::String(text) => {
            if let Cow::Owned(scrubbed) = scrub(finder, text) {
                *text = scrubbed;
            }
        }
        Value::Array(values) => values
            .iter_mut()
            .for_each(|value| scrub_json(finder, value)),
        Value::Object(map) => {
            if map.keys().any(|key| finder.is_match(key)) {
                *map = std::mem::take(map)
                    .into_iter()
                    .map(|(key, value)| (scrub(finder, &key).into_owned(), value))
                    .collect();
            }
            map.values_mut().for_each(|value| scrub_json(finder, value));
        }
    }
}
