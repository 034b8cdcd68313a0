use super::{Object, Presence, Rest, Type};

/// Whether values of one type can be given where another is expected.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Fit {
    /// None of them.
    No,
    /// Only an empty list.
    OnlyEmpty,
    /// Some, or it is not known.
    Maybe,
    /// All of them.
    Yes,
}

impl Type {
    /// Whether a value of type `found` can stand where this is expected. Unknown always may.
    pub fn accepts(&self, found: &Type) -> Fit {
        match (self, found) {
            (Type::Any, _) => Fit::Yes,
            (_, Type::Any) => Fit::Maybe,
            (_, Type::Union(members)) => {
                let mut fits = members.iter().map(|member| self.accepts(member));
                let first = fits.next().unwrap_or(Fit::Maybe);
                fits.fold(first, |all, fit| if fit == all { all } else { Fit::Maybe })
            }
            (Type::Union(members), _) => members
                .iter()
                .map(|member| member.accepts(found))
                .max()
                .unwrap_or(Fit::Maybe),
            (Type::Literal(a), Type::Literal(b)) => yes_or(a == b, Fit::No),
            (ty, Type::Literal(literal)) => yes_or(*ty == literal.widened(), Fit::No),
            (Type::Literal(literal), ty) => match *ty == literal.widened() {
                true => Fit::Maybe,
                false => Fit::No,
            },
            (Type::Array(expected), Type::Array(found)) => match expected.accepts(found) {
                Fit::No | Fit::OnlyEmpty => Fit::OnlyEmpty,
                fit => fit,
            },
            (Type::Object(expected), Type::Object(found)) => expected.accepts(found),
            // These become objects when they are handed on.
            (Type::Object(_), Type::Map | Type::Set | Type::Regex) => Fit::Maybe,
            (a, b) => yes_or(a == b, Fit::No),
        }
    }
}

const fn yes_or(yes: bool, otherwise: Fit) -> Fit {
    if yes { Fit::Yes } else { otherwise }
}

impl Object {
    fn accepts(&self, found: &Object) -> Fit {
        let mut fit = Fit::Yes;
        for (name, expected) in &self.properties {
            let part = match found.properties.get(name) {
                Some(property) => match (property.presence, expected.presence) {
                    (Presence::Always, _) => expected.ty.accepts(&property.ty),
                    (Presence::Never(_), Presence::Always) => Fit::No,
                    // It may be missing, and then fits or not by that alone.
                    _ => Fit::Maybe,
                },
                None if expected.presence != Presence::Always => Fit::Yes,
                None if found.rest == Rest::Closed => Fit::No,
                None => Fit::Maybe,
            };
            fit = fit.min(part);
        }
        if self.rest == Rest::Closed {
            for (name, property) in &found.properties {
                if !self.properties.contains_key(name) {
                    let certain = property.presence == Presence::Always;
                    fit = fit.min(if certain { Fit::No } else { Fit::Maybe });
                }
            }
            if found.rest != Rest::Closed {
                fit = fit.min(Fit::Maybe);
            }
        }
        fit
    }
}
