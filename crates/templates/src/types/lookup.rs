use super::{Presence, Property, Rest, Type};

/// What is known of a property that is looked up by name.
#[derive(Clone, Debug, PartialEq)]
pub enum Lookup<'a> {
    /// Nothing: it may be anything.
    Unknown,
    /// A known property.
    Property(&'a Property),
    /// Not among the known ones, and others of this type are allowed.
    Other(&'a Type),
    /// Not among the known ones, and there are no others, or nothing is said of others.
    Missing,
}

impl super::Object {
    /// Looks a property up.
    pub fn property(&self, name: &str) -> Lookup<'_> {
        match (self.properties.get(name), &self.rest) {
            (Some(property), _) => Lookup::Property(property),
            (None, Rest::Open(Type::Any)) => Lookup::Unknown,
            (None, Rest::Open(ty)) => Lookup::Other(ty),
            (None, Rest::Unsaid) if self.properties.is_empty() => Lookup::Unknown,
            (None, Rest::Unsaid | Rest::Closed) => Lookup::Missing,
        }
    }

    /// Whether a property of this name is certainly there.
    pub fn always_has(&self, name: &str) -> bool {
        self.properties
            .get(name)
            .is_some_and(|property| property.presence == Presence::Always)
    }
}
