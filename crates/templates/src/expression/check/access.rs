//! Variables, and what is looked up in values.

use super::{Assumption, Checker, FindingKind, Operation, assume::Path};
use crate::{
    expression::{
        Engine, Env, Span,
        ast::{BinaryOperator, Expr, ExprKind},
        builtins,
        env::Variable,
    },
    near::nearest,
    types::{Absence, Literal, Lookup, Object, Presence, Rest, Type},
};

/// How many names a finding lists.
const LISTED: usize = 50;

/// What a look-up in one alternative of a type comes to.
enum Member {
    Found(Type),
    /// A known property that is, or may be, missing.
    Absent(Type, Absence, bool),
    /// Nothing, as of everything that is looked up in nothing.
    Nothing,
    Unknown,
}

impl Checker<'_> {
    /// A variable, by itself or `called`.
    pub(super) fn variable(&mut self, name: &str, span: Span, called: bool) -> Type {
        if self.unsure.contains(name) {
            return Type::Any;
        }
        if let Some((_, ty)) = self.locals.iter().rev().find(|(local, _)| local == name) {
            return ty.clone();
        }
        match self.env.variables.get(name) {
            Some(Variable::Given(ty)) => return ty.clone(),
            Some(Variable::Withheld(reason)) => {
                let name = name.to_owned();
                self.report(span, FindingKind::Withheld { name, reason });
                return Type::Any;
            }
            None => {}
        }
        if let Some(ty) = self.env.globals.get(name) {
            return ty.clone();
        }
        // JavaScript's habit, and it works: no variable is called that.
        if name == "undefined" {
            return Type::Undefined;
        }
        let locals = self.locals.iter().map(|(name, _)| name.as_str());
        let variables = self.env.variables().map(|(name, _)| name);
        let globals = self.env.globals().map(|(name, _)| name);
        let candidates = locals
            .chain(variables)
            .chain(globals)
            .chain(["true", "false", "none"]);
        let given = self.env.variables().filter(|(_, ty)| ty.is_some());
        let known = given.map(|(name, _)| name.to_owned());
        // A filter that is used as a function is no slip of a variable.
        let is_filter = self.env.filters.contains_key(name);
        let near = nearest(name, candidates).filter(|_| !is_filter);
        let kind = FindingKind::UnknownVariable {
            name: name.to_owned(),
            suggestion: near.map(str::to_owned),
            known: known.collect(),
            called,
        };
        self.report(span, kind);
        Type::Any
    }

    /// Whether a variable of this name exists in any way.
    pub(super) fn is_variable(&self, name: &str) -> bool {
        self.unsure.contains(name)
            || self.locals.iter().any(|(local, _)| local == name)
            || self.env.variables.contains_key(name)
            || self.env.globals.contains_key(name)
    }

    /// `target.name`, of which `whole` is the expression.
    pub(super) fn member(
        &mut self,
        whole: &Expr,
        target: &Expr,
        target_type: &Type,
        name: &str,
        span: Span,
    ) -> Type {
        let members = target_type
            .members()
            .iter()
            .map(|alternative| look_up(alternative, name));
        let path = Path::of(whole);
        // Where it is asked whether a step ran, that is not yet decided.
        let decided = self.guarded == 0 && path.as_ref().is_some_and(|path| self.is_decided(path));
        let mut types = Vec::new();
        let mut absent = None;
        let mut missed = false;
        for member in members {
            match member {
                Member::Found(ty) => types.push(ty),
                Member::Absent(ty, Absence::Skipped, false) if decided => types.push(ty.defined()),
                Member::Absent(ty, why, certain) => {
                    absent = Some((why, certain));
                    types.push(ty);
                }
                Member::Nothing => types.push(Type::Undefined),
                Member::Unknown => missed = true,
            }
        }
        let covered = path.as_ref().is_some_and(|path| {
            self.assumptions
                .iter()
                .any(|assumption| assumption.covers(path))
        });
        if let Some((why, certain)) = absent {
            if certain || (!covered && why != Absence::Optional) {
                self.report(
                    span,
                    FindingKind::Absent {
                        of: target.to_string(),
                        name: name.to_owned(),
                        why,
                        certain,
                    },
                );
                // Whatever is looked up below what is never there is missing for the same reason.
                if certain {
                    return Type::Any;
                }
            }
        } else if missed && types.iter().all(Type::is_undefined) {
            self.unknown_property(target, target_type, name, span);
            return Type::Any;
        }
        if missed {
            types.push(Type::Undefined);
        }
        let mut ty = Type::union(types);
        if let Some(path) = path {
            for assumption in self.assumptions.iter().filter(|known| known.covers(&path)) {
                ty = if assumption.makes_true(&path) {
                    ty.truthy()
                } else {
                    ty.defined()
                };
            }
        }
        ty
    }

    /// Whether the conditions around this part of the expression decide about a step as its own `if` does: they look
    /// at the same, at the step itself, or at another step, in whose place it is used.
    fn is_decided(&self, path: &Path) -> bool {
        let Some(step) = path.step() else {
            return false;
        };
        let conditional = &self.env.conditional_steps;
        self.assumptions.iter().any(|assumption| {
            let Assumption::Asked { about, holds } = assumption else {
                return false;
            };
            let other = about.strip_prefix("steps.");
            let instead_of = |other| !holds && conditional.contains_key(other);
            other.is_some_and(|other| other == step || instead_of(other))
                || conditional
                    .get(step)
                    .is_some_and(|looks_at| looks_at.contains(about))
        })
    }

    fn unknown_property(&mut self, target: &Expr, target_type: &Type, name: &str, span: Span) {
        let of = target.to_string();
        let name = name.to_owned();
        let kind = match target_type.as_object() {
            Some(object) => FindingKind::UnknownProperty {
                of,
                suggestion: nearest(&name, object.names()).map(str::to_owned),
                name,
                known: object.names().take(LISTED).map(str::to_owned).collect(),
                closed: object.rest == Rest::Closed,
            },
            None => {
                let found =
                    target_type.without(|member| matches!(member, Type::Undefined | Type::Null));
                FindingKind::PropertyOf {
                    of,
                    suggestion: nearest(&name, member_names(&found)).map(str::to_owned),
                    found,
                    name,
                }
            }
        };
        self.report(span, kind);
    }

    /// What is called, and whether that is known to be no function.
    pub(super) fn callee(&mut self, callee: &Expr) -> Type {
        let (target, name, span) = match &callee.kind {
            ExprKind::Member { target, name } => (target, name.text.as_str(), name.span),
            ExprKind::Index { target, index } => match &index.kind {
                ExprKind::String(name) => (target, name.as_str(), index.span),
                _ => return self.infer(callee),
            },
            ExprKind::Name(name) => {
                let ty = self.variable(name, callee.span, true);
                self.types.push((callee.span, ty.clone()));
                return ty;
            }
            _ => return self.infer(callee),
        };
        let target_type = self.infer(target);
        let known = |alternative: &Type| !matches!(look_up(alternative, name), Member::Unknown);
        if target_type.members().iter().any(known) {
            self.needs(Operation::Method(name.to_owned()), target, &target_type);
            return self.member(callee, target, &target_type, name, span);
        }
        if self.env.engine == Engine::Nunjitsu {
            let suggestion = nearest(name, member_names(&target_type)).map(str::to_owned);
            let written = callee.to_string();
            self.report(
                span,
                FindingKind::NotCallable {
                    written,
                    suggestion,
                },
            );
        }
        Type::Any
    }

    /// `target[index]`.
    pub(super) fn index(&mut self, whole: &Expr, target: &Expr, index: &Expr) -> Type {
        let target_type = self.value(target);
        if let ExprKind::String(name) = &index.kind {
            return self.member(whole, target, &target_type, name, index.span);
        }
        let key = self.value(index);
        let keys: Option<Vec<String>> = key
            .literals()
            .map(|keys| keys.into_iter().map(property_key).collect());
        let looked_up = target_type.members().iter().flat_map(|alternative| {
            let in_one = |key: &str| match look_up(alternative, key) {
                Member::Found(ty) | Member::Absent(ty, ..) => ty,
                Member::Nothing | Member::Unknown => Type::Undefined,
            };
            match &keys {
                Some(keys) => keys.iter().map(|key| in_one(key)).collect(),
                None if key == Type::Number && !matches!(alternative, Type::Object(_)) => {
                    vec![in_one("0"), Type::Undefined]
                }
                None => vec![Type::Any],
            }
        });
        Type::union(looked_up)
    }

    /// A subtraction that was meant as a name with a dash: `steps.a-b.output`. The engine reads `steps.a` minus
    /// `b.output`, and there is no variable `b`.
    pub(super) fn dashed_name(&mut self, expr: &Expr) -> bool {
        let Some((target, span, name)) = self.find_dashed_name(expr) else {
            return false;
        };
        let known = self
            .guard(|checker| checker.infer(target))
            .as_object()
            .is_some_and(|object| object.properties.contains_key(name.as_str()));
        let kind = FindingKind::DashedName {
            remedy: format!("['{name}']"),
            name,
            known,
        };
        self.report(span, kind);
        true
    }

    fn find_dashed_name<'a>(&self, expr: &'a Expr) -> Option<(&'a Expr, Span, String)> {
        let ExprKind::Binary {
            operator: BinaryOperator::Subtract,
            left,
            right,
        } = &expr.kind
        else {
            return None;
        };
        let (root, root_span) = root(right)?;
        if left.span.end + 1 != right.span.start || self.is_variable(root) {
            return None;
        }
        let (target, start, name) = match &left.kind {
            ExprKind::Member { target, name } => {
                (target.as_ref(), target.span.end, name.text.clone())
            }
            ExprKind::Binary { right, .. } if matches!(right.kind, ExprKind::Name(_)) => {
                let (target, span, name) = self.find_dashed_name(left)?;
                (target, span.start, name)
            }
            _ => return None,
        };
        Some((
            target,
            Span::new(start, root_span.end),
            format!("{name}-{root}"),
        ))
    }
}

/// The name under which something is looked up.
fn property_key(literal: &Literal) -> String {
    match literal {
        Literal::Boolean(value) => value.to_string(),
        Literal::Number(value) => value.to_string(),
        Literal::String(value) => value.to_string(),
    }
}

/// The variable that an expression of look-ups, calls and filters begins with.
fn root(expr: &Expr) -> Option<(&str, Span)> {
    match &expr.kind {
        ExprKind::Name(name) => Some((name, expr.span)),
        ExprKind::Member { target, .. }
        | ExprKind::Index { target, .. }
        | ExprKind::Slice { target, .. } => root(target),
        ExprKind::Call { callee, .. } => root(callee),
        ExprKind::Filter { input, .. } => root(input),
        _ => None,
    }
}

/// The type of what names lead to, the first of which is a variable, where it is there.
pub(in crate::expression) fn follow(env: &Env, names: &[String]) -> Type {
    let Some((variable, path)) = names.split_first() else {
        return Type::Any;
    };
    let start = match env.variables.get(variable) {
        Some(Variable::Given(ty)) => ty,
        Some(Variable::Withheld(_)) => return Type::Any,
        None => env.globals.get(variable).unwrap_or(&Type::Any),
    };
    path.iter().fold(start.defined(), |ty, name| {
        let found = ty
            .members()
            .iter()
            .map(|member| match look_up(member, name) {
                Member::Found(ty) | Member::Absent(ty, ..) => ty,
                Member::Nothing | Member::Unknown => Type::Undefined,
            });
        Type::union(found).defined()
    })
}

fn look_up(ty: &Type, name: &str) -> Member {
    match ty {
        // A function has properties of its own that nobody uses.
        Type::Any | Type::Function(_) | Type::Union(_) => Member::Found(Type::Any),
        Type::Undefined | Type::Null => Member::Nothing,
        Type::Object(object) => of_object(object, name),
        other => match builtins::member(other, name) {
            Some(ty) => Member::Found(ty),
            None if is_index(name) && has_items(other) => {
                Member::Found(Type::union([builtins::item(other), Type::Undefined]))
            }
            None => Member::Unknown,
        },
    }
}

fn is_index(name: &str) -> bool {
    name.bytes().all(|byte| byte.is_ascii_digit())
}

fn has_items(ty: &Type) -> bool {
    matches!(
        ty,
        Type::Array(_) | Type::String | Type::Literal(Literal::String(_))
    )
}

fn of_object(object: &Object, name: &str) -> Member {
    match object.property(name) {
        Lookup::Unknown => Member::Found(Type::Any),
        Lookup::Other(ty) => Member::Found(Type::union([ty.clone(), Type::Undefined])),
        Lookup::Property(property) => match property.presence {
            Presence::Always => Member::Found(property.ty.clone()),
            Presence::Maybe(why) => Member::Absent(property.found(), why, false),
            Presence::Never(why) => Member::Absent(Type::Undefined, why, true),
        },
        Lookup::Missing => Member::Unknown,
    }
}

fn member_names(ty: &Type) -> impl Iterator<Item = &'static str> {
    ty.members().iter().flat_map(builtins::member_names)
}
