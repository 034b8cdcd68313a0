//! Statements: what they bind, and what stands in them.

use std::collections::HashSet;

use super::{Checker, assume::branch_of};
use crate::{
    expression::{
        Expr,
        ast::{Arguments, ExprKind, Name, Node, SetValue, Statement, StatementKind},
        builtins,
    },
    types::Type,
};

impl Checker<'_> {
    pub(super) fn nodes(&mut self, nodes: &[Node]) {
        for node in nodes {
            match node {
                Node::Text(_) => {}
                Node::Output(expr) => self.text(expr),
                Node::Statement(statement) => self.statement(statement),
            }
        }
    }

    /// The nodes of a statement with what it binds in them.
    fn body(&mut self, bound: Vec<(String, Type)>, nodes: &[Node]) {
        let before = self.locals.len();
        self.locals.extend(bound);
        self.branch(Vec::new(), |checker| checker.nodes(nodes));
        self.locals.truncate(before);
    }

    fn statement(&mut self, statement: &Statement) {
        match &statement.kind {
            StatementKind::If {
                branches,
                otherwise,
            } => self.conditional_bodies(branches, otherwise.as_deref()),
            StatementKind::For {
                targets,
                items,
                body,
                otherwise,
            } => {
                let items = self.infer(items);
                let mut bound: Vec<(String, Type)> = match targets.as_slice() {
                    [target] => vec![(target.text.clone(), iterated(&items))],
                    targets => any(targets),
                };
                bound.push(("loop".to_owned(), builtins::loop_variable()));
                self.body(bound, body);
                self.body(Vec::new(), otherwise.as_deref().unwrap_or_default());
            }
            StatementKind::Set { targets, value } => {
                let ty = match value {
                    SetValue::Expr(expr) => self.infer(expr),
                    SetValue::Body(body) => {
                        self.nodes(body);
                        Type::String
                    }
                };
                for target in targets {
                    self.locals.push((target.text.clone(), ty.clone()));
                }
            }
            StatementKind::Macro {
                name,
                parameters,
                body,
            } => {
                self.locals.push((name.text.clone(), Type::Any));
                self.parameters(parameters, body);
            }
            StatementKind::Call {
                parameters,
                call,
                body,
            } => {
                self.infer(call);
                self.parameters(parameters, body);
            }
            StatementKind::Filter {
                name,
                arguments,
                body,
            } => {
                self.nodes(body);
                // What it filters has no expression of its own: the text between the tags.
                let input = Expr {
                    span: statement.span,
                    kind: ExprKind::String(String::new()),
                };
                self.filtered(&input, &Type::String, name, arguments);
            }
            StatementKind::Block { body, .. } => self.body(Vec::new(), body),
            StatementKind::Switch {
                value,
                cases,
                otherwise,
            } => {
                self.value(value);
                for (case, body) in cases {
                    self.branch(Vec::new(), |checker| checker.value(case));
                    self.body(Vec::new(), body);
                }
                self.body(Vec::new(), otherwise.as_deref().unwrap_or_default());
            }
        }
    }

    fn conditional_bodies(&mut self, branches: &[(Expr, Vec<Node>)], otherwise: Option<&[Node]>) {
        let before = self.assumptions.len();
        for (index, (condition, body)) in branches.iter().enumerate() {
            // What follows the first condition is asked only if that was false.
            self.conditional += usize::from(index > 0);
            self.condition(condition);
            self.conditional -= usize::from(index > 0);
            let known = branch_of(condition, true);
            self.branch(known, |checker| checker.body(Vec::new(), body));
            self.assumptions.extend(branch_of(condition, false));
        }
        self.body(Vec::new(), otherwise.unwrap_or_default());
        self.assumptions.truncate(before);
    }

    /// The body of a macro, or of a call of one.
    fn parameters(&mut self, parameters: &Arguments, body: &[Node]) {
        let mut bound = vec![("caller".to_owned(), Type::Any)];
        for parameter in &parameters.positional {
            if let ExprKind::Name(name) = &parameter.kind {
                bound.push((name.clone(), Type::Any));
            }
        }
        for (name, default) in &parameters.keyword {
            self.branch(Vec::new(), |checker| checker.value(default));
            bound.push((name.text.clone(), Type::Any));
        }
        self.body(bound, body);
    }
}

fn any(names: &[Name]) -> Vec<(String, Type)> {
    names
        .iter()
        .map(|name| (name.text.clone(), Type::Any))
        .collect()
}

/// What a loop goes through, if it is an array; whatever else is gone through in ways that nobody relies on.
fn iterated(items: &Type) -> Type {
    match items.defined() {
        Type::Array(item) => item.as_ref().clone(),
        _ => Type::Any,
    }
}

/// The names that are set inside of statements. Their value depends on which of them ran, so it is unknown
/// everywhere.
pub(super) fn assigned_in_bodies(nodes: &[Node]) -> HashSet<String> {
    let mut names = HashSet::new();
    for node in nodes {
        if let Node::Statement(statement) = node {
            collect(statement, false, &mut names);
        }
    }
    names
}

fn collect(statement: &Statement, inside: bool, names: &mut HashSet<String>) {
    let mut all = |nodes: &[Node]| {
        for node in nodes {
            if let Node::Statement(statement) = node {
                collect(statement, true, names);
            }
        }
    };
    match &statement.kind {
        StatementKind::If {
            branches: parts,
            otherwise,
        }
        | StatementKind::Switch {
            cases: parts,
            otherwise,
            ..
        } => {
            parts.iter().for_each(|(_, body)| all(body));
            all(otherwise.as_deref().unwrap_or_default());
        }
        StatementKind::For {
            body, otherwise, ..
        } => {
            all(body);
            all(otherwise.as_deref().unwrap_or_default());
        }
        StatementKind::Set { targets, value } => {
            if let SetValue::Body(body) = value {
                all(body);
            }
            if inside {
                names.extend(targets.iter().map(|target| target.text.clone()));
            }
        }
        StatementKind::Macro { name, body, .. } => {
            all(body);
            if inside {
                names.insert(name.text.clone());
            }
        }
        StatementKind::Call { body, .. }
        | StatementKind::Filter { body, .. }
        | StatementKind::Block { body, .. } => all(body),
    }
}
