use std::fmt;

use super::{Literal, Object, Type};

/// How many names or values a message lists.
const LISTED: usize = 6;

impl fmt::Display for Type {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Type::Any => f.write_str("anything"),
            Type::Undefined => f.write_str("nothing"),
            Type::Null => f.write_str("null"),
            Type::Boolean => f.write_str("boolean"),
            Type::Number => f.write_str("number"),
            Type::String => f.write_str("string"),
            Type::Literal(literal) => literal.fmt(f),
            Type::Array(item) => match item.as_ref() {
                Type::Any => f.write_str("array"),
                item @ Type::Union(_) => write!(f, "array of ({item})"),
                item => write!(f, "array of {item}"),
            },
            Type::Object(object) => object.fmt(f),
            Type::Map => f.write_str("Map"),
            Type::Set => f.write_str("Set"),
            Type::Regex => f.write_str("regular expression"),
            Type::Function(function) => write!(f, "function `{}`", function.name),
            Type::Union(members) => {
                let shown = members.len().min(LISTED);
                for (index, member) in members.iter().take(shown).enumerate() {
                    let last = index + 1 == members.len();
                    f.write_str(match index {
                        0 => "",
                        _ if last => " or ",
                        _ => ", ",
                    })?;
                    member.fmt(f)?;
                }
                match members.len() - shown {
                    0 => Ok(()),
                    more => write!(f, " or one of {more} more"),
                }
            }
        }
    }
}

impl fmt::Display for Literal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Literal::Boolean(value) => write!(f, "{value}"),
            Literal::Number(value) => write!(f, "{value}"),
            Literal::String(text) => write!(f, "{text:?}"),
        }
    }
}

impl fmt::Display for Object {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("object")?;
        for (index, name) in self.names().take(LISTED).enumerate() {
            f.write_str(if index == 0 { " with " } else { ", " })?;
            f.write_str(name)?;
        }
        match self.properties.len().saturating_sub(LISTED) {
            0 => Ok(()),
            more => write!(f, " and {more} more"),
        }
    }
}
