//! Phone numbers, in the one form in which Twenty needs no further hint, and in which two can be compared.

use phonenumber::{Mode, country};
use sidestage_action::{Error, Result};

use super::client::Phones;

/// The number in E.164: `+33612345678`. Twenty takes it apart itself.
pub(super) fn normalize(given: &str, country: Option<&str>) -> Result<String> {
    let region = match country {
        None => None,
        Some(text) => Some(text.to_uppercase().parse::<country::Id>().map_err(|_| {
            Error::invalid(
                "phoneCountry",
                "phoneCountry is not a country: give its two letters, such as FR.",
            )
        })?),
    };
    parse(region, given).ok_or_else(|| {
        let sentence = match region {
            None => {
                "phone is not a number that can be dialled from anywhere. Give it with its country, such as +33 6 12 34 56 78, \
                 or give phoneCountry."
                    .into()
            }
            Some(region) => format!("phone is not a phone number of the country {region:?}."),
        };
        Error::invalid("phone", sentence)
    })
}

/// The number of a record in the same form; as it is written there, if it is none. Empty: there is none.
pub(super) fn of_record(phones: &Phones) -> String {
    let (number, code) = (
        &phones.primary_phone_number,
        &phones.primary_phone_calling_code,
    );
    if number.is_empty() {
        return String::new();
    }
    let whole = match number.starts_with('+') {
        true => number.clone(),
        false => format!("+{}{number}", code.trim_start_matches('+')),
    };
    parse(None, &whole).unwrap_or(whole)
}

fn parse(region: Option<country::Id>, text: &str) -> Option<String> {
    let number = phonenumber::parse(region, text).ok()?;
    Some(number.format().mode(Mode::E164).to_string())
}
