//! Writes an expression as its text: parsed again it is the same.

use std::fmt;

use super::ast::{Arguments, Expr, ExprKind, UnaryOperator};

impl fmt::Display for Expr {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.kind {
            ExprKind::Null => f.write_str("null"),
            ExprKind::Boolean(value) => write!(f, "{value}"),
            ExprKind::Number(value) => write!(f, "{value}"),
            ExprKind::String(value) => quoted(f, value),
            ExprKind::Regex { pattern, flags } => write!(f, "r/{pattern}/{flags}"),
            ExprKind::Name(name) => f.write_str(name),
            ExprKind::Array(items) => {
                f.write_str("[")?;
                separated(f, items)?;
                f.write_str("]")
            }
            ExprKind::Group(items) => {
                f.write_str("(")?;
                separated(f, items)?;
                f.write_str(")")
            }
            ExprKind::Dict(entries) => {
                f.write_str("{")?;
                for (index, (name, value)) in entries.iter().enumerate() {
                    f.write_str(if index == 0 { "" } else { ", " })?;
                    quoted(f, &name.text)?;
                    write!(f, ": {value}")?;
                }
                // A blank, since two closing braces end the whole expression.
                f.write_str(" }")
            }
            ExprKind::Member { target, name } => write!(f, "{target}.{}", name.text),
            ExprKind::Index { target, index } => write!(f, "{target}[{index}]"),
            ExprKind::Slice {
                target,
                start,
                stop,
                step,
            } => {
                write!(f, "{target}[")?;
                optional(f, start.as_deref())?;
                f.write_str(":")?;
                optional(f, stop.as_deref())?;
                if step.is_some() {
                    f.write_str(":")?;
                }
                optional(f, step.as_deref())?;
                f.write_str("]")
            }
            ExprKind::Call { callee, arguments } => write!(f, "{callee}({arguments})"),
            ExprKind::Filter {
                input,
                name,
                arguments,
            } => {
                write!(f, "{input} | {}", name.text)?;
                if arguments.iter().next().is_some() {
                    write!(f, "({arguments})")?;
                }
                Ok(())
            }
            ExprKind::Test {
                value,
                test,
                negated,
            } => write!(f, "{value} is {}{test}", if *negated { "not " } else { "" }),
            ExprKind::Unary { operator, operand } => match operator {
                UnaryOperator::Not => write!(f, "not {operand}"),
                UnaryOperator::Minus | UnaryOperator::Plus => {
                    write!(f, "{}{operand}", operator.as_str())
                }
            },
            ExprKind::Binary {
                operator,
                left,
                right,
            } => write!(f, "{left} {} {right}", operator.as_str()),
            ExprKind::Compare { first, rest } => {
                write!(f, "{first}")?;
                for (operator, operand) in rest {
                    write!(f, " {} {operand}", operator.as_str())?;
                }
                Ok(())
            }
            ExprKind::In {
                needle,
                haystack,
                negated,
            } => write!(
                f,
                "{needle} {}in {haystack}",
                if *negated { "not " } else { "" }
            ),
            ExprKind::If {
                condition,
                then,
                otherwise,
            } => {
                write!(f, "{then} if {condition}")?;
                if let Some(otherwise) = otherwise {
                    write!(f, " else {otherwise}")?;
                }
                Ok(())
            }
        }
    }
}

impl fmt::Display for Arguments {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        separated(f, &self.positional)?;
        for (index, (name, value)) in self.keyword.iter().enumerate() {
            let first = index == 0 && self.positional.is_empty();
            f.write_str(if first { "" } else { ", " })?;
            write!(f, "{}={value}", name.text)?;
        }
        Ok(())
    }
}

fn separated(f: &mut fmt::Formatter<'_>, items: &[Expr]) -> fmt::Result {
    for (index, item) in items.iter().enumerate() {
        f.write_str(if index == 0 { "" } else { ", " })?;
        write!(f, "{item}")?;
    }
    Ok(())
}

fn optional(f: &mut fmt::Formatter<'_>, bound: Option<&Expr>) -> fmt::Result {
    match bound {
        Some(bound) => write!(f, "{bound}"),
        None => Ok(()),
    }
}

fn quoted(f: &mut fmt::Formatter<'_>, value: &str) -> fmt::Result {
    f.write_str("'")?;
    for character in value.chars() {
        match character {
            '\n' => f.write_str("\\n")?,
            '\r' => f.write_str("\\r")?,
            '\t' => f.write_str("\\t")?,
            '\'' | '\\' => write!(f, "\\{character}")?,
            _ => write!(f, "{character}")?,
        }
    }
    f.write_str("'")
}
