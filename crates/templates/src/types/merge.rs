use std::{collections::BTreeMap, sync::Arc};

use super::{Absence, Literal, Object, Presence, Property, Rest, Type};

/// More literals than this are no longer told apart.
const MOST_LITERALS: usize = 500;

impl Type {
    /// Any one of the types. Of none it is `Any`: a schema that allows nothing says nothing.
    pub fn union(types: impl IntoIterator<Item = Type>) -> Type {
        let mut members: Vec<Type> = Vec::new();
        for ty in types {
            match ty {
                Type::Any => return Type::Any,
                Type::Union(inner) => {
                    for member in inner.iter() {
                        add(&mut members, member.clone());
                    }
                }
                member => add(&mut members, member),
            }
        }
        simplify(&mut members);
        match members.len() {
            0 => Type::Any,
            1 => members.swap_remove(0),
            _ => Type::Union(members.into()),
        }
    }

    /// What is both: the narrower of two that agree, `Any` of two that contradict each other.
    #[must_use]
    pub fn both(&self, other: &Type) -> Type {
        match (self, other) {
            (Type::Any, ty) | (ty, Type::Any) => ty.clone(),
            (Type::Object(a), Type::Object(b)) => Type::Object(Arc::new(a.both(b))),
            (Type::Array(a), Type::Array(b)) => Type::array(a.both(b)),
            (Type::Union(_), _) | (_, Type::Union(_)) => {
                let shared = self.members().iter().flat_map(|a| {
                    other
                        .members()
                        .iter()
                        .filter(|b| same_kind(a, b))
                        .map(|b| a.both(b))
                });
                Type::union(shared)
            }
            (Type::Literal(a), Type::Literal(b)) if a != b => Type::Any,
            (literal @ Type::Literal(_), ty) | (ty, literal @ Type::Literal(_))
                if same_kind(literal, ty) =>
            {
                literal.clone()
            }
            (a, b) if a == b => a.clone(),
            _ => Type::Any,
        }
    }
}

/// Whether some value can be of both.
fn same_kind(a: &Type, b: &Type) -> bool {
    match (a, b) {
        (Type::Any, _) | (_, Type::Any) => true,
        (Type::Literal(a), Type::Literal(b)) => a == b,
        (Type::Literal(literal), ty) | (ty, Type::Literal(literal)) => *ty == literal.widened(),
        (Type::Object(_), Type::Object(_)) | (Type::Array(_), Type::Array(_)) => true,
        (a, b) => a == b,
    }
}

fn add(members: &mut Vec<Type>, ty: Type) {
    for member in members.iter_mut() {
        let merged = match (&*member, &ty) {
            (Type::Object(a), Type::Object(b)) => Some(Type::Object(Arc::new(a.either(b)))),
            (Type::Array(a), Type::Array(b)) => Some(Type::array(Type::union([
                a.as_ref().clone(),
                b.as_ref().clone(),
            ]))),
            (a, b) if a == b => return,
            _ => None,
        };
        if let Some(merged) = merged {
            *member = merged;
            return;
        }
    }
    members.push(ty);
}

/// Literals beside the whole of their type say nothing, nor do very many of them.
fn simplify(members: &mut Vec<Type>) {
    let many = members
        .iter()
        .filter(|member| matches!(member, Type::Literal(_)))
        .count()
        > MOST_LITERALS;
    let mut wide: Vec<Type> = Vec::new();
    members.retain(|member| match member {
        Type::Literal(literal) if many => {
            let widened = literal.widened();
            if !wide.contains(&widened) {
                wide.push(widened);
            }
            false
        }
        _ => true,
    });
    for ty in wide {
        add(members, ty);
    }
    let wide = members.clone();
    members.retain(|member| match member {
        Type::Literal(literal) => !wide.contains(&literal.widened()),
        _ => true,
    });
    let boolean = |value| Type::Literal(Literal::Boolean(value));
    if members.contains(&boolean(true)) && members.contains(&boolean(false)) {
        members.retain(|member| !matches!(member, Type::Literal(Literal::Boolean(_))));
        members.push(Type::Boolean);
    }
}

impl Literal {
    /// The type of all values like it.
    pub fn widened(&self) -> Type {
        match self {
            Literal::Boolean(_) => Type::Boolean,
            Literal::Number(_) => Type::Number,
            Literal::String(_) => Type::String,
        }
    }
}

impl Object {
    /// A record that is one or the other: what only one of them has may be missing.
    pub(super) fn either(&self, other: &Object) -> Object {
        let mut properties = BTreeMap::new();
        for name in self.properties.keys().chain(other.properties.keys()) {
            if properties.contains_key(name) {
                continue;
            }
            let property = match (self.properties.get(name), other.properties.get(name)) {
                (Some(a), Some(b)) => a.either(b),
                (Some(property), None) => property.or_absent(&other.rest),
                (None, Some(property)) => property.or_absent(&self.rest),
                (None, None) => continue,
            };
            properties.insert(name.clone(), property);
        }
        let rest = self.rest.either(&other.rest);
        Object { properties, rest }
    }

    /// A record that is put together from both.
    pub(super) fn beside(&self, other: &Object) -> Object {
        Object {
            rest: self.rest.either(&other.rest),
            ..self.both(other)
        }
    }

    /// A record that is both at once.
    fn both(&self, other: &Object) -> Object {
        let mut properties = self.properties.clone();
        for (name, property) in &other.properties {
            properties
                .entry(name.clone())
                .and_modify(|known| *known = known.both(property))
                .or_insert_with(|| property.clone());
        }
        let rest = match (&self.rest, &other.rest) {
            (Rest::Unsaid, rest) | (rest, Rest::Unsaid) => rest.clone(),
            (Rest::Closed, _) | (_, Rest::Closed) => Rest::Closed,
            (Rest::Open(a), Rest::Open(b)) => Rest::Open(a.both(b)),
        };
        Object { properties, rest }
    }
}

impl Rest {
    fn either(&self, other: &Rest) -> Rest {
        match (self, other) {
            (Rest::Open(a), Rest::Open(b)) => Rest::Open(Type::union([a.clone(), b.clone()])),
            (Rest::Open(ty), _) | (_, Rest::Open(ty)) => Rest::Open(ty.clone()),
            (Rest::Closed, Rest::Closed) => Rest::Closed,
            _ => Rest::Unsaid,
        }
    }
}

impl Property {
    fn either(&self, other: &Property) -> Property {
        let presence = match (self.presence, other.presence) {
            (a, b) if a == b => a,
            (Presence::Always, Presence::Maybe(why) | Presence::Never(why))
            | (Presence::Maybe(why) | Presence::Never(why), _) => Presence::Maybe(why),
            (Presence::Always, Presence::Always) => Presence::Always,
        };
        Property {
            ty: Type::union([self.ty.clone(), other.ty.clone()]),
            presence,
            description: self
                .description
                .clone()
                .or_else(|| other.description.clone()),
            deprecated: self.deprecated && other.deprecated,
        }
    }

    fn or_absent(&self, rest: &Rest) -> Property {
        let ty = match rest {
            Rest::Open(ty) => Type::union([self.ty.clone(), ty.clone()]),
            Rest::Closed | Rest::Unsaid => self.ty.clone(),
        };
        let presence = match self.presence {
            Presence::Always => Presence::Maybe(Absence::Optional),
            presence => presence,
        };
        Property {
            ty,
            presence,
            ..self.clone()
        }
    }

    fn both(&self, other: &Property) -> Property {
        let presence = match (self.presence, other.presence) {
            (Presence::Always, _) | (_, Presence::Always) => Presence::Always,
            (presence, _) => presence,
        };
        Property {
            ty: self.ty.both(&other.ty),
            presence,
            description: self
                .description
                .clone()
                .or_else(|| other.description.clone()),
            deprecated: self.deprecated || other.deprecated,
        }
    }
}
