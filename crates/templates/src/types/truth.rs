use super::{Literal, Type};

impl Type {
    /// Whether a value of it counts as true in `if`, `and`, `or`, `not`; nothing if some do and some do not.
    pub fn truthiness(&self) -> Option<bool> {
        self.all(|ty| match ty {
            Type::Array(_) => Some(true),
            other => other.is_truthy(),
        })
    }

    /// Whether a step, link or text with this as its `if` is there: as [`Type::truthiness`], but an empty
    /// array is false, so nothing is known of an array.
    pub fn step_condition(&self) -> Option<bool> {
        self.all(Type::is_truthy)
    }

    fn all(&self, truth: impl Fn(&Type) -> Option<bool>) -> Option<bool> {
        let mut members = self.members().iter();
        let first = truth(members.next()?)?;
        members
            .all(|member| truth(member) == Some(first))
            .then_some(first)
    }

    fn is_truthy(&self) -> Option<bool> {
        match self {
            Type::Undefined | Type::Null => Some(false),
            Type::Literal(literal) => Some(literal.is_truthy()),
            Type::Object(_) | Type::Map | Type::Set | Type::Regex | Type::Function(_) => Some(true),
            Type::Any
            | Type::Boolean
            | Type::Number
            | Type::String
            | Type::Array(_)
            | Type::Union(_) => None,
        }
    }

    /// What is left of it where it counts as true.
    #[must_use]
    pub fn truthy(&self) -> Type {
        self.without(|member| member.truthiness() == Some(false))
    }

    /// What is left of it where it counts as false.
    #[must_use]
    pub fn falsy(&self) -> Type {
        match self {
            Type::Boolean => Type::Literal(Literal::Boolean(false)),
            _ => self.without(|member| member.truthiness() == Some(true)),
        }
    }
}

impl Literal {
    /// Whether it counts as true.
    pub fn is_truthy(&self) -> bool {
        match self {
            Literal::Boolean(value) => *value,
            Literal::Number(number) => *number != 0.0 && !number.is_nan(),
            Literal::String(text) => !text.is_empty(),
        }
    }
}
