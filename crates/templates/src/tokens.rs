//! Secrets that can be told by their form. What is found is never printed.

use std::ops::Range;
use std::sync::LazyLock;

use regex::Regex;

/// What the tokens of well-known services look like.
const FORMS: &[(&str, &str)] = &[
    (
        "a GitHub token",
        r"\bgh[pousr]_[A-Za-z0-9]{36,251}\b|\bgithub_pat_[A-Za-z0-9_]{60,}\b",
    ),
    (
        "a GitLab token",
        r"\bgl(?:pat|dt|rt|cbt|ptt|ft|soat)-[A-Za-z0-9_.-]{20,}",
    ),
    ("a Slack token", r"\bxox[abeoprs]-[A-Za-z0-9-]{10,}"),
    ("an AWS access key", r"\b(?:AKIA|ASIA)[0-9A-Z]{16}\b"),
    ("an npm token", r"\bnpm_[A-Za-z0-9]{36}\b"),
    ("a Google API key", r"\bAIza[0-9A-Za-z_-]{35}\b"),
    ("a Stripe key", r"\b[rs]k_live_[0-9A-Za-z]{20,}\b"),
    (
        "a SendGrid key",
        r"\bSG\.[A-Za-z0-9_-]{16,}\.[A-Za-z0-9_-]{16,}",
    ),
    (
        "a JSON Web Token",
        r"\beyJ[A-Za-z0-9_-]{10,}\.eyJ[A-Za-z0-9_-]{10,}\.[A-Za-z0-9_-]{10,}",
    ),
    (
        "a private key",
        r"-----BEGIN (?:[A-Z]+ )*PRIVATE KEY-----(?:[^-]*-----END (?:[A-Z]+ )*PRIVATE KEY-----)?",
    ),
    (
        "a password",
        r"\b[a-z][a-z0-9+.-]*://[^/\s:@${}]+:[^/\s:@${}]{6,}@",
    ),
];

static REGEXES: LazyLock<Vec<(&str, Regex)>> = LazyLock::new(|| {
    let compile = |form: &str| Regex::new(form).expect("a constant that a test reads");
    FORMS
        .iter()
        .map(|(kind, form)| (*kind, compile(form)))
        .collect()
});

/// The tokens in a text, with what they are.
pub fn find(text: &str) -> impl Iterator<Item = (Range<usize>, &'static str)> {
    // Nothing shorter is a token.
    let long_enough = text.len() >= 16;
    REGEXES
        .iter()
        .filter(move |_| long_enough)
        .flat_map(move |(kind, regex)| {
            regex
                .find_iter(text)
                .map(move |found| (found.range(), *kind))
        })
}

/// The text with every token in it blotted out. Every byte stays where it is.
pub fn mask(text: &str) -> String {
    let mut masked = text.to_owned();
    for (range, _) in find(text) {
        let blot: String = text[range.clone()]
            .chars()
            .map(|c| if c.is_ascii_graphic() { '*' } else { c })
            .collect();
        masked.replace_range(range, &blot);
    }
    masked
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn tokens_are_found_and_blotted_out() {
        let token = format!("ghp_{}", "a".repeat(36));
        let text = format!("token: {token}\nurl: https://user:password@example.com\n");
        let kinds: Vec<_> = find(&text).map(|(_, kind)| kind).collect();
        assert_eq!(kinds, ["a GitHub token", "a password"]);
        let masked = mask(&text);
        assert!(
            !masked.contains("ghp_") && !masked.contains("password"),
            "{masked}"
        );
        assert_eq!(masked.len(), text.len());
        assert_eq!(
            find("https://github.com/acme/a-service@v1 ${{ secrets.TOKEN }}").count(),
            0
        );
    }
}
