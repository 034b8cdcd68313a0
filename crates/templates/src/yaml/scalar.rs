//! What a plain scalar means under YAML 1.2's core schema, as the npm package `yaml` reads it: `yes` and `on`
//! are text, `0o17` and `0x1f` are numbers, a date is text.

use super::Scalar;

/// Reads a plain, untagged scalar.
pub(super) fn plain(text: &str) -> Scalar {
    match text {
        "" | "~" | "null" | "Null" | "NULL" => return Scalar::Null,
        "true" | "True" | "TRUE" => return Scalar::Bool(true),
        "false" | "False" | "FALSE" => return Scalar::Bool(false),
        _ => {}
    }
    integer(text)
        .or_else(|| float(text))
        .unwrap_or(Scalar::Text)
}

/// Reads a scalar that has one of YAML's own tags. What does not fit its tag stays text.
pub(super) fn tagged(text: &str, tag: &str) -> Scalar {
    match (tag, plain(text)) {
        ("null", Scalar::Null) => Scalar::Null,
        ("bool", found @ Scalar::Bool(_)) => found,
        ("int", _) => integer(text).unwrap_or(Scalar::Text),
        ("float", _) => float(text).unwrap_or(Scalar::Text),
        _ => Scalar::Text,
    }
}

fn integer(text: &str) -> Option<Scalar> {
    let radix = |digits: &str, radix: u32| {
        let valid = !digits.is_empty() && digits.chars().all(|c| c.is_digit(radix));
        valid
            .then(|| u64::from_str_radix(digits, radix).ok())
            .flatten()
            .map(|number| Scalar::Number(number.into()))
    };
    if let Some(digits) = text.strip_prefix("0o") {
        return radix(digits, 8);
    }
    if let Some(digits) = text.strip_prefix("0x") {
        return radix(digits, 16);
    }
    let unsigned = text.strip_prefix(['+', '-']).unwrap_or(text);
    if !is_digits(unsigned) {
        return None;
    }
    let exact = text.strip_prefix('+').unwrap_or(text).parse::<i64>();
    Some(exact.map_or_else(|_| as_json(text), |number| Scalar::Number(number.into())))
}

fn float(text: &str) -> Option<Scalar> {
    let unsigned = text.strip_prefix(['+', '-']).unwrap_or(text);
    if matches!(unsigned, ".inf" | ".Inf" | ".INF") || matches!(text, ".nan" | ".NaN" | ".NAN") {
        return Some(Scalar::Null);
    }
    let (mantissa, exponent) = match unsigned.find(['e', 'E']) {
        Some(at) => (&unsigned[..at], Some(&unsigned[at + 1..])),
        None => (unsigned, None),
    };
    let mantissa_fits = match mantissa.split_once('.') {
        None => exponent.is_some() && is_digits(mantissa),
        Some(("", fraction)) => is_digits(fraction),
        Some((whole, fraction)) => is_digits(whole) && (fraction.is_empty() || is_digits(fraction)),
    };
    let exponent_fits =
        exponent.is_none_or(|text| is_digits(text.strip_prefix(['+', '-']).unwrap_or(text)));
    (mantissa_fits && exponent_fits).then(|| as_json(text))
}

fn is_digits(text: &str) -> bool {
    !text.is_empty() && text.bytes().all(|b| b.is_ascii_digit())
}

/// A number as JSON has it: what is infinite, or no number, is stored as null.
fn as_json(text: &str) -> Scalar {
    let number = text.parse().ok().and_then(serde_json::Number::from_f64);
    number.map_or(Scalar::Null, Scalar::Number)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_core_schema() {
        for text in [
            "yes",
            "no",
            "on",
            "off",
            "2024-01-01",
            "1_000",
            "0b1",
            "1.2.3",
            "+",
            "-",
            ".",
            "e3",
            "0x",
            "0xg",
        ] {
            assert!(matches!(plain(text), Scalar::Text), "{text}");
        }
        for (text, value) in [
            ("12", 12.0),
            ("-12", -12.0),
            ("+12", 12.0),
            ("012", 12.0),
            ("0o14", 12.0),
            ("0xC", 12.0),
            ("1.5", 1.5),
            (".5", 0.5),
            ("1.", 1.0),
            ("1e3", 1000.0),
            ("-1.5E-1", -0.15),
            ("123456789012345678901", 123456789012345678901.0),
        ] {
            assert!(
                matches!(plain(text), Scalar::Number(n) if n.as_f64() == Some(value)),
                "{text}"
            );
        }
    }
}
