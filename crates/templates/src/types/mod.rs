//! What a value of a template can be: the form's parameters, the outputs of a step, the result of an
//! expression.
//!
//! *Unknown never makes an error*: [`Type::Any`] fits everywhere and has every property.

mod assign;
mod display;
mod json_schema;
mod lookup;
mod merge;
mod truth;

use std::{collections::BTreeMap, sync::Arc};

use serde_json::Value;

pub use assign::Fit;
pub use lookup::Lookup;

/// A set of values.
#[derive(Clone, Debug, PartialEq)]
pub enum Type {
    /// Not known.
    Any,
    /// What a reference to nothing gives. As a whole input its key is left out, in text it is nothing.
    Undefined,
    /// `null`.
    Null,
    /// `true` or `false`.
    Boolean,
    /// Any number.
    Number,
    /// Any string.
    String,
    /// One boolean, number or string.
    Literal(Literal),
    /// A list whose items are all of one type.
    Array(Arc<Type>),
    /// A record.
    Object(Arc<Object>),
    /// A JavaScript `Map`.
    Map,
    /// A JavaScript `Set`.
    Set,
    /// `r/…/`.
    Regex,
    /// Something that can be called, and used for nothing else.
    Function(Arc<Function>),
    /// One of several; none of them is `Any` or a union, and at most one is an object or an array.
    Union(Arc<[Type]>),
}

/// A single value.
#[derive(Clone, Debug, PartialEq)]
pub enum Literal {
    /// `true` or `false`.
    Boolean(bool),
    /// A number.
    Number(f64),
    /// A string.
    String(Arc<str>),
}

/// A record: what is in it by name, and whether there can be more.
#[derive(Clone, Debug, PartialEq)]
pub struct Object {
    /// By name.
    pub properties: BTreeMap<Arc<str>, Property>,
    /// What other names there can be.
    pub rest: Rest,
}

/// One property of an [`Object`].
#[derive(Clone, Debug, PartialEq)]
pub struct Property {
    /// What it is if it is there.
    pub ty: Type,
    /// Whether it is there.
    pub presence: Presence,
    /// What its schema says about it.
    pub description: Option<Arc<str>>,
    /// Whether its schema calls it deprecated.
    pub deprecated: bool,
}

/// Whether a property is there when it is looked up.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Presence {
    /// It is.
    Always,
    /// It may be missing.
    Maybe(Absence),
    /// It is known, and not there.
    Never(Absence),
}

/// Why a known property is, or may be, missing.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Absence {
    /// Its schema does not require it.
    Optional,
    /// It is the output of a step that runs later.
    LaterStep,
    /// It is the output of the step that asks for it.
    ThisStep,
    /// It is the output of a step that may be skipped.
    Skipped,
    /// It is the output of a step that may have failed.
    Failed,
    /// It is not given to this part of a template.
    Withheld,
}

/// What an [`Object`] can have beside its known properties.
#[derive(Clone, Debug, PartialEq)]
pub enum Rest {
    /// Nothing: its schema says so.
    Closed,
    /// Nothing is said of others. If any are known, an unknown one is taken for a mistake.
    Unsaid,
    /// Any, of this type.
    Open(Type),
}

/// How something can be called.
#[derive(Clone, Debug, PartialEq)]
pub struct Function {
    /// As it is called in messages.
    pub name: Arc<str>,
    /// The fewest arguments.
    pub fewest: usize,
    /// The most arguments.
    pub most: Option<usize>,
    /// What it gives back.
    pub returns: Type,
}

impl Type {
    /// A list of items of one type.
    pub fn array(item: Type) -> Type {
        Type::Array(Arc::new(item))
    }

    /// One string.
    pub fn literal(value: &str) -> Type {
        Type::Literal(Literal::String(value.into()))
    }

    /// A record that has all of these properties, and no other.
    pub fn record<N: Into<Arc<str>>>(properties: impl IntoIterator<Item = (N, Type)>) -> Type {
        let properties = properties
            .into_iter()
            .map(|(name, ty)| (name.into(), Property::new(ty, Presence::Always)))
            .collect();
        Type::object(properties, Rest::Closed)
    }

    /// A record of which all values are of one type.
    pub fn map_of(value: Type) -> Type {
        Type::object(BTreeMap::new(), Rest::Open(value))
    }

    /// A record.
    pub fn object(properties: BTreeMap<Arc<str>, Property>, rest: Rest) -> Type {
        Type::Object(Arc::new(Object { properties, rest }))
    }

    /// All of several records at once: the pages of a form. Names that only one of them has are known, and
    /// what one of them leaves open is open.
    pub fn all_of(types: impl IntoIterator<Item = Type>) -> Type {
        let mut types = types.into_iter();
        let first = types.next().unwrap_or(Type::Any);
        types.fold(first, |all, ty| match (&all, &ty) {
            (Type::Object(a), Type::Object(b)) => Type::Object(Arc::new(a.beside(b))),
            _ => all.both(&ty),
        })
    }

    /// The type of a value that is written out.
    pub fn of_value(value: &Value) -> Type {
        match value {
            Value::Null => Type::Null,
            Value::Bool(value) => Type::Literal(Literal::Boolean(*value)),
            Value::Number(number) => match number.as_f64() {
                Some(number) => Type::Literal(Literal::Number(number)),
                None => Type::Number,
            },
            Value::String(text) => Type::literal(text),
            Value::Array(items) => Type::array(match items.as_slice() {
                [] => Type::Any,
                items => Type::union(items.iter().map(Type::of_value)),
            }),
            Value::Object(entries) => Type::record(
                entries
                    .iter()
                    .map(|(name, value)| (name.as_str(), Type::of_value(value))),
            ),
        }
    }

    /// The alternatives: its members if it is a union, itself otherwise.
    pub fn members(&self) -> &[Type] {
        match self {
            Type::Union(members) => members,
            other => std::slice::from_ref(other),
        }
    }

    /// The record among the alternatives.
    pub fn as_object(&self) -> Option<&Object> {
        self.members().iter().find_map(|member| match member {
            Type::Object(object) => Some(object.as_ref()),
            _ => None,
        })
    }

    /// Whether it is certainly nothing.
    pub fn is_undefined(&self) -> bool {
        *self == Type::Undefined
    }

    /// Whether it is known to be nothing at times.
    pub fn may_be_undefined(&self) -> bool {
        self.members().contains(&Type::Undefined)
    }

    /// Whether it can be called.
    pub fn is_function(&self) -> bool {
        matches!(self, Type::Function(_))
    }

    /// The literals, if it consists of nothing else: the values of an enum.
    pub fn literals(&self) -> Option<Vec<&Literal>> {
        self.members()
            .iter()
            .map(|member| match member {
                Type::Literal(literal) => Some(literal),
                _ => None,
            })
            .collect()
    }

    /// Without the alternatives that `drop` picks. Nothing left: `Any`, since then the rest is not known.
    #[must_use]
    pub fn without(&self, drop: impl Fn(&Type) -> bool) -> Type {
        match self {
            Type::Union(members) => {
                Type::union(members.iter().filter(|member| !drop(member)).cloned())
            }
            other => other.clone(),
        }
    }

    /// What it is where something is there.
    #[must_use]
    pub fn defined(&self) -> Type {
        self.without(Type::is_undefined)
    }
}

impl Property {
    /// Of a type, without anything said about it.
    pub fn new(ty: Type, presence: Presence) -> Property {
        Property {
            ty,
            presence,
            description: None,
            deprecated: false,
        }
    }

    /// What a look-up gives: nothing, if the property may be missing.
    pub fn found(&self) -> Type {
        match self.presence {
            Presence::Always => self.ty.clone(),
            Presence::Maybe(_) => Type::union([self.ty.clone(), Type::Undefined]),
            Presence::Never(_) => Type::Undefined,
        }
    }
}

impl Object {
    /// Whether a name that is not among its properties is a mistake.
    pub fn is_complete(&self) -> bool {
        match self.rest {
            Rest::Closed => true,
            Rest::Unsaid => !self.properties.is_empty(),
            Rest::Open(_) => false,
        }
    }

    /// The names of its properties.
    pub fn names(&self) -> impl Iterator<Item = &str> {
        self.properties.keys().map(AsRef::as_ref)
    }
}
