//! What is known where a condition holds: `a if a.b else c` looks into `a.b` only if it is there.

use std::collections::BTreeMap;

use crate::expression::{
    ast::{BinaryOperator, CompareOperator, Expr, ExprKind, UnaryOperator},
    references::looked_at,
};

/// What is known where something is evaluated.
#[derive(Clone, Debug, PartialEq)]
pub(crate) enum Assumption {
    /// A path is there.
    There {
        path: Path,
        /// Whether it also counts as true.
        truthy: bool,
    },
    /// A condition that looks at this, such as `parameters.kind` or `steps.fetch`, has decided so.
    Asked {
        about: String,
        /// Which way.
        holds: bool,
    },
}

/// The names from a variable down to a value.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Path(Vec<String>);

impl Path {
    /// The path of an expression that is nothing but names.
    pub(super) fn of(expr: &Expr) -> Option<Path> {
        let mut names = Vec::new();
        let mut expr = expr;
        loop {
            match &expr.kind {
                ExprKind::Name(name) => {
                    names.push(name.clone());
                    names.reverse();
                    return Some(Path(names));
                }
                ExprKind::Member { target, name } => {
                    names.push(name.text.clone());
                    expr = target;
                }
                ExprKind::Index { target, index } => {
                    let ExprKind::String(name) = &index.kind else {
                        return None;
                    };
                    names.push(name.clone());
                    expr = target;
                }
                _ => return None,
            }
        }
    }
}

impl Path {
    /// Whether it leads to something in a variable, and not to the variable itself.
    pub(super) fn is_in(&self, variable: &str) -> bool {
        self.0.len() > 1 && self.0[0] == variable
    }

    /// The id of the step that it leads to.
    pub(super) fn step(&self) -> Option<&str> {
        match self.0.as_slice() {
            [root, id] if root == "steps" => Some(id),
            _ => None,
        }
    }
}

impl Assumption {
    /// Whether it says that `path` is there: it does if it speaks of something below it.
    pub(super) fn covers(&self, path: &Path) -> bool {
        matches!(self, Self::There { path: known, .. } if known.0.starts_with(&path.0))
    }

    /// Whether it says that `path`, which it covers, counts as true: whatever there is something below does.
    pub(super) fn makes_true(&self, path: &Path) -> bool {
        matches!(self, Self::There { path: known, truthy } if *truthy || known != path)
    }
}

/// What is known in a branch of an expression that is evaluated only if `condition` counts as true, or only if it
/// counts as false.
pub(super) fn branch_of(condition: &Expr, holds: bool) -> Vec<Assumption> {
    let about = looked_at(condition).into_iter();
    let mut known = about
        .map(|about| Assumption::Asked { about, holds })
        .collect();
    if holds {
        assume(condition, &mut known);
    } else {
        assume_not(condition, &mut known);
    }
    known
}

/// What holds where `condition` counts as true.
pub(crate) fn assume(condition: &Expr, known: &mut Vec<Assumption>) {
    match &condition.kind {
        ExprKind::Group(items) => {
            if let [inner] = items.as_slice() {
                assume(inner, known);
            }
        }
        ExprKind::Binary {
            operator: BinaryOperator::And,
            left,
            right,
        } => {
            assume(left, known);
            assume(right, known);
        }
        ExprKind::Unary {
            operator: UnaryOperator::Not,
            operand,
        } => assume_not(operand, known),
        ExprKind::Test {
            value,
            test,
            negated: false,
        } if !is_name(test, &["undefined", "falsy"]) => add(value, false, known),
        ExprKind::Test {
            value,
            test,
            negated: true,
        } if is_name(test, &["undefined", "falsy"]) => add(value, false, known),
        ExprKind::Compare { first, rest } => {
            if let [(operator, right)] = rest.as_slice() {
                assume_comparison(first, *operator, right, known);
            }
        }
        ExprKind::In {
            needle,
            haystack,
            negated: false,
        } => {
            add(needle, false, known);
            add(haystack, false, known);
        }
        // A filter or a method that gives something true was most likely given something.
        ExprKind::Filter { input, name, .. } if name.text != "default" && name.text != "d" => {
            add(input, false, known);
        }
        ExprKind::Call { callee, .. } => {
            if let ExprKind::Member { target, .. } = &callee.kind {
                add(target, false, known);
            }
        }
        _ => add(condition, true, known),
    }
}

/// What holds where `condition` counts as false.
fn assume_not(condition: &Expr, known: &mut Vec<Assumption>) {
    match &condition.kind {
        ExprKind::Group(items) => {
            if let [inner] = items.as_slice() {
                assume_not(inner, known);
            }
        }
        ExprKind::Binary {
            operator: BinaryOperator::Or,
            left,
            right,
        } => {
            assume_not(left, known);
            assume_not(right, known);
        }
        ExprKind::Unary {
            operator: UnaryOperator::Not,
            operand,
        } => assume(operand, known),
        ExprKind::Test {
            value,
            test,
            negated,
        } if *negated != is_name(test, &["undefined", "falsy", "null"]) => {
            add(value, false, known);
        }
        ExprKind::Compare { first, rest } => {
            if let [(operator, right)] = rest.as_slice() {
                let operator = match operator {
                    CompareOperator::Equal => CompareOperator::NotEqual,
                    CompareOperator::StrictEqual => CompareOperator::StrictNotEqual,
                    CompareOperator::NotEqual => CompareOperator::Equal,
                    CompareOperator::StrictNotEqual => CompareOperator::StrictEqual,
                    _ => return,
                };
                assume_comparison(first, operator, right, known);
            }
        }
        _ => {}
    }
}

/// What has to be equal to which text for `condition` to count as true, by path: of
/// `parameters.kind == 'a' and b`, that `parameters.kind` is `a`.
pub(crate) fn equalities(condition: &Expr) -> BTreeMap<String, String> {
    let mut equal = BTreeMap::new();
    collect_equalities(condition, &mut equal);
    equal
}

fn collect_equalities(condition: &Expr, equal: &mut BTreeMap<String, String>) {
    match &condition.kind {
        ExprKind::Group(items) => {
            if let [inner] = items.as_slice() {
                collect_equalities(inner, equal);
            }
        }
        ExprKind::Binary {
            operator: BinaryOperator::And,
            left,
            right,
        } => {
            collect_equalities(left, equal);
            collect_equalities(right, equal);
        }
        ExprKind::Compare { first, rest } => {
            let [(CompareOperator::Equal | CompareOperator::StrictEqual, right)] = rest.as_slice()
            else {
                return;
            };
            for (path, value) in [(first.as_ref(), right), (right, first.as_ref())] {
                if let (Some(path), ExprKind::String(value)) = (Path::of(path), &value.kind) {
                    equal.insert(path.0.join("."), value.clone());
                }
            }
        }
        _ => {}
    }
}

fn assume_comparison(
    left: &Expr,
    operator: CompareOperator,
    right: &Expr,
    known: &mut Vec<Assumption>,
) {
    let nothing =
        |expr: &Expr| matches!(expr.kind, ExprKind::Null) || is_name(expr, &["undefined"]);
    let holds = match operator {
        CompareOperator::Equal | CompareOperator::StrictEqual => !nothing(left) && !nothing(right),
        CompareOperator::NotEqual | CompareOperator::StrictNotEqual => {
            nothing(left) || nothing(right)
        }
        _ => true,
    };
    if holds {
        for side in [left, right] {
            let side = match &side.kind {
                ExprKind::Filter { input, .. } => input,
                _ => side,
            };
            add(side, false, known);
        }
    }
}

fn add(expr: &Expr, truthy: bool, known: &mut Vec<Assumption>) {
    if let Some(path) = Path::of(expr) {
        known.push(Assumption::There { path, truthy });
    }
}

fn is_name(expr: &Expr, names: &[&str]) -> bool {
    match &expr.kind {
        ExprKind::Name(name) => names.contains(&name.as_str()),
        ExprKind::Null => names.contains(&"null"),
        _ => false,
    }
}
