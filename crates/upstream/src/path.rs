//! Paths: a template with `{placeholders}`, filled with values that can never change its shape.

use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, utf8_percent_encode};

/// What is left as it is in a value: RFC 3986's unreserved characters.
const VALUE: &AsciiSet = &NON_ALPHANUMERIC
    .remove(b'-')
    .remove(b'.')
    .remove(b'_')
    .remove(b'~');

/// What is left as it is in a template's own text: everything a path segment may hold.
const LITERAL: &AsciiSet = &VALUE
    .remove(b'@')
    .remove(b':')
    .remove(b'!')
    .remove(b'$')
    .remove(b'&')
    .remove(b'\'')
    .remove(b'(')
    .remove(b')')
    .remove(b'*')
    .remove(b'+')
    .remove(b',')
    .remove(b';')
    .remove(b'=');

/// Fills the template's placeholders in order, each with one value, percent-encoded. The result begins
/// with a slash. A value that a server or a proxy could take for another path is refused, and so is an
/// empty one: `/users/` is another resource than `/users/{user}`.
pub(crate) fn fill(template: &str, values: &[&str]) -> Result<String, String> {
    let mut values_left = values.iter();
    let mut path = String::with_capacity(template.len() + 32);
    for segment in template.trim_start_matches('/').split('/') {
        path.push('/');
        let start = path.len();
        let mut rest = segment;
        while let Some((before, after)) = rest.split_once('{') {
            let Some((_, after)) = after.split_once('}') else {
                return Err(format!(
                    "the path {template} has a placeholder without an end"
                ));
            };
            let Some(value) = values_left.next() else {
                return Err(format!(
                    "the path {template} has more placeholders than there are values"
                ));
            };
            if value.is_empty() {
                return Err(format!("the path {template} would have an empty part"));
            }
            if value.split(['/', '\\']).any(is_dots) {
                return Err(format!("{value:?} cannot be a part of the path {template}"));
            }
            path.extend(utf8_percent_encode(before, LITERAL));
            path.extend(utf8_percent_encode(value, VALUE));
            rest = after;
        }
        path.extend(utf8_percent_encode(rest, LITERAL));
        if is_dots(&path[start..]) {
            return Err(format!(
                "{:?} cannot be a part of the path {template}",
                &path[start..]
            ));
        }
    }
    if values_left.next().is_some() {
        return Err(format!(
            "the path {template} has fewer placeholders than there are values"
        ));
    }
    Ok(path)
}

fn is_dots(part: &str) -> bool {
    part == "." || part == ".."
}

#[cfg(test)]
mod tests {
    use super::fill;

    #[test]
    fn values_are_encoded_and_the_template_is_not() {
        let fill = |value| fill("/api/v2/users/{user}/@me", &[value]);
        assert_eq!(fill("anna"), Ok("/api/v2/users/anna/@me".into()));
        assert_eq!(fill("a/b"), Ok("/api/v2/users/a%2Fb/@me".into()));
        assert_eq!(
            fill("a?b#c%2e\\é\t"),
            Ok("/api/v2/users/a%3Fb%23c%252e%5C%C3%A9%09/@me".into())
        );
        assert_eq!(fill("%2e%2e"), Ok("/api/v2/users/%252e%252e/@me".into()));
        assert_eq!(fill("a..b"), Ok("/api/v2/users/a..b/@me".into()));
    }

    #[test]
    fn values_that_could_change_the_path_are_refused() {
        for value in ["", ".", "..", "../admin", "a/../b", "a\\..", "./a"] {
            assert!(fill("/users/{user}", &[value]).is_err(), "{value:?}");
        }
        assert!(fill("/users/.{rest}", &["."]).is_err());
    }

    #[test]
    fn placeholders_and_values_must_match() {
        assert!(fill("/users/{user}", &[]).is_err());
        assert!(fill("/users", &["anna"]).is_err());
        assert!(fill("/users/{user", &["anna"]).is_err());
        assert_eq!(
            fill("/users/{a}.{b}/", &["x", "y"]),
            Ok("/users/x.y/".into())
        );
        assert_eq!(fill("healthz", &[]), Ok("/healthz".into()));
    }
}
