//! Of what type an expression is, and what is wrong with it.

mod access;
mod assume;
mod calls;
mod compare;
mod finding;
mod infer;
mod statements;

use std::collections::HashSet;

pub use finding::{Finding, FindingKind, Operation};

pub(super) use access::follow;
pub(crate) use assume::equalities;
pub(super) use assume::{Assumption, assume};

use super::{
    Engine, Env, Span,
    ast::{Expr, Node, Template},
    builtins,
};
use crate::types::{Literal, Type};

/// What is known of a text after [`check`].
#[derive(Clone, Debug)]
pub struct Checked {
    /// Of what type the rendered value is: that of the expression if the whole text is one, a string
    /// otherwise. A text that fails is handed on as it is written, which is a string too.
    pub ty: Type,
    /// What is wrong, in the order of the text.
    pub findings: Vec<Finding>,
}

impl Checked {
    /// Whether evaluating the text fails every time.
    pub fn fails(&self) -> bool {
        self.findings
            .iter()
            .any(|finding| finding.kind.fails() && !finding.conditional)
    }
}

/// The types of all pieces of a text.
pub struct Types(Vec<(Span, Type)>);

impl Types {
    /// The type of the piece that a span is of.
    pub fn of(&self, span: Span) -> Option<&Type> {
        let found = self.0.iter().find(|(piece, _)| *piece == span);
        found.map(|(_, ty)| ty)
    }
}

/// Checks a text in its surroundings.
pub fn check(template: &Template, env: &Env) -> Checked {
    check_all(template, env).0
}

/// The types of the pieces of a text. Nobody keeps them for all the texts of a template: each knows all steps.
pub fn types(template: &Template, env: &Env) -> Types {
    check_all(template, env).1
}

fn check_all(template: &Template, env: &Env) -> (Checked, Types) {
    let mut checker = Checker {
        env,
        locals: Vec::new(),
        unsure: statements::assigned_in_bodies(&template.nodes),
        assumptions: env.assumptions.clone(),
        guarded: 0,
        conditional: 0,
        findings: Vec::new(),
        types: Vec::new(),
    };
    let ty = match template.nodes.as_slice() {
        [Node::Output(expr)] => match checker.value(expr) {
            // It is handed on as its text.
            Type::Regex => Type::String,
            ty => ty,
        },
        [Node::Text(text)] => Type::literal(text),
        [] => Type::literal(""),
        nodes => {
            checker.nodes(nodes);
            Type::String
        }
    };
    let mut checked = Checked {
        ty,
        findings: checker.findings,
    };
    checked.findings.sort_by_key(|finding| finding.span);
    // What Nunjucks made of an empty text was nothing, and of a statement whatever its text read as.
    if env.engine == Engine::Nunjucks
        && template.sole_expression().is_none()
        && !template.is_plain()
    {
        checked.ty = Type::union([checked.ty, Type::Undefined]);
        if matches!(template.nodes.as_slice(), [Node::Statement(_)]) {
            checked.ty = Type::Any;
        }
    }
    (checked, Types(checker.types))
}

struct Checker<'a> {
    env: &'a Env,
    /// What `{% set %}` and `{% for %}` bind, the latest last.
    locals: Vec<(String, Type)>,
    /// Names whose value depends on what ran before: never anything but unknown.
    unsure: HashSet<String>,
    assumptions: Vec<Assumption>,
    guarded: usize,
    conditional: usize,
    findings: Vec<Finding>,
    types: Vec<(Span, Type)>,
}

impl Checker<'_> {
    fn report(&mut self, span: Span, kind: FindingKind) {
        if self.env.engine == Engine::Nunjucks && !found_by_nunjucks(&kind) {
            return;
        }
        self.findings.push(Finding {
            span,
            kind,
            guarded: self.guarded > 0,
            conditional: self.conditional > 0,
        });
    }

    /// Runs `part` where a missing value is expected.
    fn guard<T>(&mut self, part: impl FnOnce(&mut Self) -> T) -> T {
        self.guarded += 1;
        let result = part(self);
        self.guarded -= 1;
        result
    }

    /// Runs `part`, which is evaluated at times only, with what is known when it is.
    fn branch<T>(&mut self, known: Vec<Assumption>, part: impl FnOnce(&mut Self) -> T) -> T {
        let before = self.assumptions.len();
        self.assumptions.extend(known);
        self.conditional += 1;
        // What is evaluated here was not dealt with by the condition.
        let guarded = std::mem::take(&mut self.guarded);
        let result = part(self);
        self.guarded = guarded;
        self.conditional -= 1;
        self.assumptions.truncate(before);
        result
    }

    /// The type of an expression whose value is used: a function is none.
    fn value(&mut self, expr: &Expr) -> Type {
        let ty = self.infer(expr);
        if !ty.members().iter().any(Type::is_function) {
            return ty;
        }
        let at_times = usize::from(!ty.is_function());
        self.conditional += at_times;
        let written = expr.to_string();
        self.report(expr.span, FindingKind::FunctionAsValue { written });
        self.conditional -= at_times;
        match ty {
            Type::Function(_) => Type::Any,
            ty => ty.without(Type::is_function),
        }
    }

    /// Says that an operation fails when `operand` is missing, if that is a parameter which may be. Outputs of
    /// steps are left alone: schemas call nearly all of them optional, and nearly all are there.
    fn needs(&mut self, operation: Operation, operand: &Expr, ty: &Type) {
        let is_parameter = assume::Path::of(operand).is_some_and(|path| path.is_in("parameters"));
        if !is_parameter || !ty.may_be_undefined() || ty.is_undefined() {
            return;
        }
        let instead = match (&operation, ty.defined()) {
            // Backstage's own filters take no empty text either.
            (Operation::Filter(name), _) if !builtins::is_filter(name) => None,
            (_, Type::Array(_)) => Some("[]"),
            (_, Type::Object(_)) => Some("{}"),
            _ => Some("''"),
        };
        self.report(
            operand.span,
            FindingKind::FailsWhenMissing { operation, instead },
        );
    }

    /// An expression that becomes part of a text.
    fn text(&mut self, expr: &Expr) {
        let before = self.findings.len();
        let ty = self.value(expr);
        if self.findings.len() > before {
            return;
        }
        if matches!(ty, Type::Undefined | Type::Null) {
            self.report(expr.span, FindingKind::NothingInText);
        } else if is_shown_as_object(&ty) {
            self.report(expr.span, FindingKind::ObjectInText { found: ty });
        }
    }

    /// A condition, which decides whether something else is evaluated.
    fn condition(&mut self, expr: &Expr) -> Type {
        let before = self.findings.len();
        let ty = self.guard(|checker| checker.infer(expr));
        if let Some(value) = ty.truthiness()
            && self.findings.len() == before
        {
            self.report(expr.span, FindingKind::ConstantCondition { value });
        }
        ty
    }
}

/// Whether all of it is shown as `[object Object]`.
fn is_shown_as_object(ty: &Type) -> bool {
    match ty {
        Type::Object(_) => true,
        Type::Array(item) => is_shown_as_object(item),
        _ => false,
    }
}

/// Whether Nunjucks does the same: it has every method of JavaScript, counts no arguments, and its filters
/// take more.
const fn found_by_nunjucks(kind: &FindingKind) -> bool {
    !matches!(
        kind,
        FindingKind::Arguments { .. }
            | FindingKind::KeywordArgument { .. }
            | FindingKind::FilterInput { .. }
            | FindingKind::TestInput { .. }
            | FindingKind::FailsWhenMissing { .. }
            | FindingKind::FunctionAsValue { .. }
            | FindingKind::PropertyOf { .. }
            | FindingKind::NotCallable { .. }
    )
}

/// Whether every value of the type makes `NaN` in arithmetic.
fn is_no_number(ty: &Type) -> bool {
    ty.members().iter().all(|member| match member {
        Type::Undefined | Type::Object(_) | Type::Map | Type::Set | Type::Regex => true,
        Type::Literal(Literal::String(text)) => number(text).is_nan(),
        _ => false,
    })
}

/// A string as JavaScript reads it as a number.
fn number(text: &str) -> f64 {
    let text = text.trim();
    let prefixed = |prefix: &str, radix| {
        text.strip_prefix(prefix).map(|digits| {
            u64::from_str_radix(digits, radix).map_or(f64::NAN, |number| number as f64)
        })
    };
    if text.is_empty() {
        return 0.0;
    }
    for (lower, upper, radix) in [("0x", "0X", 16), ("0o", "0O", 8), ("0b", "0B", 2)] {
        if let Some(number) = prefixed(lower, radix).or_else(|| prefixed(upper, radix)) {
            return number;
        }
    }
    match text.trim_start_matches(['+', '-']) {
        "Infinity" => text.replace("Infinity", "inf").parse().unwrap_or(f64::NAN),
        // Rust reads `inf` and `nan`, JavaScript does not.
        digits if digits.starts_with(|first: char| first.is_ascii_digit() || first == '.') => {
            text.parse().unwrap_or(f64::NAN)
        }
        _ => f64::NAN,
    }
}
