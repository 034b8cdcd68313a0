//! What an editor asks about a place in a file: what stands there, and what could.
//!
//! Both are pure functions of the text, and both take a text as it is while somebody types: what can be read of
//! it is enough.

mod complete;
mod hover;
mod spot;

use crate::types::{Property, Type};

pub use complete::{Completion, CompletionKind, completions};
pub use hover::{Hover, hover};

/// The step that a JSON pointer leads into, and the way from its `input` on.
fn within_input(pointer: &str) -> Option<(usize, Vec<&str>)> {
    let mut parts = pointer.split('/').skip(1);
    let start = [parts.next()?, parts.next()?];
    let step = parts.next()?.parse().ok()?;
    (start == ["spec", "steps"] && parts.next()? == "input").then(|| (step, parts.collect()))
}

/// The step whose `action` a JSON pointer is of.
fn action_of(pointer: &str) -> Option<usize> {
    let step = pointer.strip_prefix("/spec/steps/")?;
    step.strip_suffix("/action")?.parse().ok()
}

/// What a schema says of the value that keys and indexes lead to.
fn property_at(ty: &Type, path: &[&str]) -> Option<Property> {
    let (last, way) = path.split_last()?;
    let holder = type_at(ty, way)?;
    let name = unescaped(last);
    holder.as_object()?.properties.get(name.as_str()).cloned()
}

/// The type of the value that keys and indexes lead to.
fn type_at(ty: &Type, path: &[&str]) -> Option<Type> {
    use crate::types::Lookup;
    let mut ty = ty.clone();
    for part in path {
        let name = unescaped(part);
        let found = ty.members().iter().find_map(|member| match member {
            Type::Array(item) if part.parse::<usize>().is_ok() => Some((**item).clone()),
            Type::Object(object) => match object.property(&name) {
                Lookup::Property(property) => Some(property.ty.clone()),
                Lookup::Other(ty) => Some(ty.clone()),
                Lookup::Unknown | Lookup::Missing => None,
            },
            _ => None,
        });
        ty = found?;
    }
    Some(ty)
}

/// A part of a JSON pointer as the key it stands for.
fn unescaped(part: &str) -> String {
    part.replace("~1", "/").replace("~0", "~")
}
