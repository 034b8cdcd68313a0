//! Which values a text asks for.

use std::collections::{BTreeSet, HashSet};

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
        references(|visit| self.visit(visit))
    }

    /// What it looks at, each in two names at most: `parameters.kind`, `steps.fetch`.
    pub fn looks_at(&self) -> BTreeSet<String> {
        self.references().iter().map(Reference::begin).collect()
    }
}

/// What an expression looks at, as [`Template::looks_at`].
pub(super) fn looked_at(expr: &Expr) -> BTreeSet<String> {
    let references = references(|visit| expr.visit(visit));
    references.iter().map(Reference::begin).collect()
}

impl Reference {
    fn begin(&self) -> String {
        match self.path.first() {
            Some(name) => format!("{}.{}", self.root.text, name.text),
            None => self.root.text.clone(),
        }
    }
}

/// The references in what is visited, outer expressions first.
fn references<'a>(all: impl FnOnce(&mut dyn FnMut(&'a Expr))) -> Vec<Reference> {
    let mut references = Vec::new();
    // Parts of a longer reference are no reference of their own.
    let mut inner: HashSet<*const Expr> = HashSet::new();
    all(&mut |expr| {
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
