//! Which values a text asks for.

use std::collections::HashSet;

use super::{
    Span,
    ast::{Expr, ExprKind, Name, Template},
};

/// A variable with the names that are looked up in it, one after the other: `steps.build.output.url`.
#[derive(Clone, Debug, PartialEq)]
pub struct Reference {
    /// The variable.
    pub root: Name,
    /// The names below it.
    pub path: Vec<Name>,
    /// All of it.
    pub span: Span,
    /// Whether something is looked up below that is only known when it runs, as in `parameters[name]`.
    pub computed: bool,
}

impl Template {
    /// Every reference, each as long as its names go.
    pub fn references(&self) -> Vec<Reference> {
        let mut references = Vec::new();
        // Parts of a longer reference are no reference of their own.
        let mut inner: HashSet<*const Expr> = HashSet::new();
        self.visit(&mut |expr| {
            let part = inner.contains(&std::ptr::from_ref(expr));
            let target = match &expr.kind {
                ExprKind::Member { target, .. } | ExprKind::Index { target, .. } => Some(target),
                _ => None,
            };
            if let Some(target) = target
                && (part || reference(expr).is_some())
            {
                inner.insert(std::ptr::from_ref(target.as_ref()));
            }
            if !part {
                references.extend(reference(expr));
            }
        });
        references.sort_by_key(|reference| reference.span);
        references
    }
}

fn reference(expr: &Expr) -> Option<Reference> {
    match &expr.kind {
        ExprKind::Name(name) => Some(Reference {
            root: Name {
                text: name.clone(),
                span: expr.span,
            },
            path: Vec::new(),
            span: expr.span,
            computed: false,
        }),
        ExprKind::Member { target, name } => {
            let mut reference = reference(target)?;
            if !reference.computed {
                reference.path.push(name.clone());
                reference.span = expr.span;
            }
            Some(reference)
        }
        ExprKind::Index { target, index } => {
            let mut reference = reference(target)?;
            if reference.computed {
                return Some(reference);
            }
            match &index.kind {
                ExprKind::String(name) => {
                    reference.path.push(Name {
                        text: name.clone(),
                        span: index.span,
                    });
                    reference.span = expr.span;
                }
                _ => reference.computed = true,
            }
            Some(reference)
        }
        _ => None,
    }
}
