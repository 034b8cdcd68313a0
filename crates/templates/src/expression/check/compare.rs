//! Comparisons that always come out the same.

use super::number;
use crate::{
    expression::CompareOperator,
    types::{Literal, Type},
};

/// How a comparison of values of two types comes out, if always the same.
pub(super) fn outcome(operator: CompareOperator, left: &Type, right: &Type) -> Option<bool> {
    use CompareOperator as Op;
    match operator {
        Op::Equal => pairs(left, right, loosely_equal),
        Op::StrictEqual => pairs(left, right, strictly_equal),
        Op::NotEqual => pairs(left, right, loosely_equal).map(|equal| !equal),
        Op::StrictNotEqual => pairs(left, right, strictly_equal).map(|equal| !equal),
        Op::Less | Op::LessOrEqual | Op::Greater | Op::GreaterOrEqual => None,
    }
}

/// What all pairs of alternatives agree on.
fn pairs(left: &Type, right: &Type, equal: impl Fn(&Type, &Type) -> Option<bool>) -> Option<bool> {
    let mut all = left
        .members()
        .iter()
        .flat_map(|a| right.members().iter().map(move |b| (a, b)))
        .map(|(a, b)| equal(a, b));
    let first = all.next()??;
    all.all(|other| other == Some(first)).then_some(first)
}

/// `===`: of one kind and one value.
pub(super) fn strictly_equal(left: &Type, right: &Type) -> Option<bool> {
    match (left, right) {
        (Type::Any, _) | (_, Type::Any) => None,
        (Type::Undefined, Type::Undefined) | (Type::Null, Type::Null) => Some(true),
        (Type::Literal(a), Type::Literal(b)) => Some(a == b),
        (Type::Literal(literal), ty) | (ty, Type::Literal(literal)) => {
            (literal.widened() != *ty).then_some(false)
        }
        (a, b) if std::mem::discriminant(a) == std::mem::discriminant(b) => None,
        _ => Some(false),
    }
}

/// `==`: JavaScript's, which makes numbers of strings and booleans before it compares them.
fn loosely_equal(left: &Type, right: &Type) -> Option<bool> {
    match (left, right) {
        (Type::Any, _) | (_, Type::Any) => None,
        (Type::Undefined | Type::Null, Type::Undefined | Type::Null) => Some(true),
        (Type::Undefined | Type::Null, _) | (_, Type::Undefined | Type::Null) => Some(false),
        (Type::Literal(a), Type::Literal(b)) => Some(match (a, b) {
            (Literal::String(a), Literal::String(b)) => a == b,
            (a, b) => as_number(a) == as_number(b),
        }),
        (Type::Literal(Literal::String(text)), Type::Boolean | Type::Number)
        | (Type::Boolean | Type::Number, Type::Literal(Literal::String(text))) => {
            let value = number(text);
            let boolean = *left == Type::Boolean || *right == Type::Boolean;
            (value.is_nan() || (boolean && value != 0.0 && value != 1.0)).then_some(false)
        }
        (Type::Literal(Literal::Number(value)), Type::Boolean)
        | (Type::Boolean, Type::Literal(Literal::Number(value))) => {
            (*value != 0.0 && *value != 1.0).then_some(false)
        }
        _ => None,
    }
}

fn as_number(literal: &Literal) -> f64 {
    match literal {
        Literal::Boolean(value) => f64::from(u8::from(*value)),
        Literal::Number(value) => *value,
        Literal::String(text) => number(text),
    }
}

/// Whether no item of the array can be the value: `in` compares as `===` does.
pub(super) fn never_in(needle: &Type, item: &Type) -> bool {
    pairs(needle, item, strictly_equal) == Some(false)
}
