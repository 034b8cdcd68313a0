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
    number(text).map_or(Scalar::Text, Scalar::Number)
}

/// Reads a scalar that has one of YAML's own tags. A tag that does not fit is an error in YAML; here it leaves
/// the text as it is.
pub(super) fn tagged(text: &str, tag: &str) -> Scalar {
    match tag {
        "null" => Scalar::Null,
        "bool" if matches!(plain(text), Scalar::Bool(_)) => plain(text),
        "int" | "float" => number(text).map_or(Scalar::Text, Scalar::Number),
        _ => Scalar::Text,
    }
}

fn number(text: &str) -> Option<serde_json::Number> {
    let radix = |digits: &str, radix: u32| {
        let valid = !digits.is_empty() && digits.chars().all(|c| c.is_digit(radix));
        valid
            .then(|| u64::from_str_radix(digits, radix).ok())
            .flatten()
    };
    if let Some(digits) = text.strip_prefix("0o") {
        return radix(digits, 8).map(Into::into);
    }
    if let Some(digits) = text.strip_prefix("0x") {
        return radix(digits, 16).map(Into::into);
    }
    let unsigned = text.strip_prefix(['+', '-']).unwrap_or(text);
    let negative = text.starts_with('-');
    // `.inf` and `.nan` are numbers that JSON has no word for: what Backstage stores of them is null.
    if !unsigned.starts_with(|c: char| c.is_ascii_digit() || c == '.') {
        return None;
    }
    if unsigned.bytes().all(|b| b.is_ascii_digit()) {
        let digits = if negative { text } else { unsigned };
        if let Ok(number) = digits.parse::<i64>() {
            return Some(number.into());
        }
    }
    float(unsigned)
        .and_then(|value| serde_json::Number::from_f64(if negative { -value } else { value }))
}

fn float(unsigned: &str) -> Option<f64> {
    let (mantissa, exponent) = match unsigned.find(['e', 'E']) {
        Some(at) => (&unsigned[..at], Some(&unsigned[at + 1..])),
        None => (unsigned, None),
    };
    let digits = |text: &str| !text.is_empty() && text.bytes().all(|b| b.is_ascii_digit());
    let mantissa_fits = match mantissa.split_once('.') {
        None => digits(mantissa),
        Some(("", fraction)) => digits(fraction),
        Some((whole, fraction)) => digits(whole) && (fraction.is_empty() || digits(fraction)),
    };
    let exponent_fits =
        exponent.is_none_or(|text| digits(text.strip_prefix(['+', '-']).unwrap_or(text)));
    (mantissa_fits && exponent_fits)
        .then(|| unsigned.parse().ok())
        .flatten()
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
