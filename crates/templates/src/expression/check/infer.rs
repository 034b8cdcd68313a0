//! The types of expressions.

use super::{
    Assumption, Checker, FindingKind, Operation, assume::branch_of, compare, is_no_number,
};
use crate::{
    expression::{
        ast::{BinaryOperator, CompareOperator, Expr, ExprKind, UnaryOperator},
        builtins,
    },
    types::{Literal, Type},
};

impl Checker<'_> {
    pub(super) fn infer(&mut self, expr: &Expr) -> Type {
        let ty = self.infer_kind(expr);
        self.types.push((expr.span, ty.clone()));
        ty
    }

    fn infer_kind(&mut self, expr: &Expr) -> Type {
        match &expr.kind {
            ExprKind::Null => Type::Null,
            ExprKind::Boolean(value) => Type::Literal(Literal::Boolean(*value)),
            ExprKind::Number(value) => Type::Literal(Literal::Number(*value)),
            ExprKind::String(value) => Type::literal(value),
            ExprKind::Regex { .. } => Type::Regex,
            ExprKind::Name(name) => self.variable(name, expr.span, false),
            ExprKind::Array(items) => {
                let items: Vec<Type> = items.iter().map(|item| self.value(item)).collect();
                Type::array(Type::union(items))
            }
            ExprKind::Group(items) => {
                let Some((last, others)) = items.split_last() else {
                    return Type::Any;
                };
                for item in others {
                    self.value(item);
                }
                self.infer(last)
            }
            ExprKind::Dict(entries) => {
                let entries: Vec<(String, Type)> = entries
                    .iter()
                    .map(|(name, value)| (name.text.clone(), self.value(value)))
                    .collect();
                Type::record(entries)
            }
            ExprKind::Member { target, name } => {
                let target_type = self.infer(target);
                let ty = self.member(expr, target, &target_type, &name.text, name.span);
                self.types.push((name.span, ty.clone()));
                ty
            }
            ExprKind::Index { target, index } => self.index(expr, target, index),
            ExprKind::Slice {
                target,
                start,
                stop,
                step,
            } => {
                let target_type = self.value(target);
                for bound in [start, stop, step].into_iter().flatten() {
                    self.value(bound);
                }
                // A bound behind the end gives an item that is nothing.
                Type::array(Type::union([builtins::item(&target_type), Type::Undefined]))
            }
            ExprKind::Call { callee, arguments } => self.call(expr, callee, arguments),
            ExprKind::Filter {
                input,
                name,
                arguments,
            } => self.filter(input, name, arguments),
            ExprKind::Test { value, test, .. } => self.test(value, test),
            ExprKind::Unary { operator, operand } => self.unary(*operator, operand),
            ExprKind::Binary {
                operator,
                left,
                right,
            } => self.binary(expr, *operator, left, right),
            ExprKind::Compare { first, rest } => self.comparison(expr, first, rest),
            ExprKind::In {
                needle,
                haystack,
                negated,
            } => self.membership(expr, needle, haystack, *negated),
            ExprKind::If {
                condition,
                then,
                otherwise,
            } => self.choice(condition, then, otherwise.as_deref()),
        }
    }

    fn choice(&mut self, condition: &Expr, then: &Expr, otherwise: Option<&Expr>) -> Type {
        let truth = self.condition(condition).truthiness();
        let then = self.alternative(truth == Some(true), branch_of(condition, true), then);
        let otherwise = match otherwise {
            Some(otherwise) => {
                self.alternative(truth == Some(false), branch_of(condition, false), otherwise)
            }
            None => Type::literal(""),
        };
        match truth {
            Some(true) => then,
            Some(false) => otherwise,
            None => Type::union([then, otherwise]),
        }
    }

    /// What is evaluated every time, or at times only, and then with what is known.
    fn alternative(&mut self, always: bool, known: Vec<Assumption>, expr: &Expr) -> Type {
        if always {
            self.infer(expr)
        } else {
            self.branch(known, |checker| checker.infer(expr))
        }
    }

    fn unary(&mut self, operator: UnaryOperator, operand: &Expr) -> Type {
        match operator {
            UnaryOperator::Not => {
                let ty = self.guard(|checker| checker.infer(operand));
                match ty.truthiness() {
                    Some(truth) => Type::Literal(Literal::Boolean(!truth)),
                    None => Type::Boolean,
                }
            }
            UnaryOperator::Minus | UnaryOperator::Plus => {
                self.operand(operator.as_str(), operand);
                Type::Number
            }
        }
    }

    /// The operand of an operator that makes a number of it.
    fn operand(&mut self, operator: &'static str, operand: &Expr) {
        let ty = self.value(operand);
        if is_no_number(&ty) {
            let found = ty;
            self.report(operand.span, FindingKind::NotANumber { operator, found });
        }
    }

    fn binary(
        &mut self,
        whole: &Expr,
        operator: BinaryOperator,
        left: &Expr,
        right: &Expr,
    ) -> Type {
        match operator {
            BinaryOperator::Or => {
                let left_type = self.guard(|checker| checker.infer(left));
                let truth = left_type.truthiness();
                let right_type =
                    self.right_side(truth == Some(false), branch_of(left, false), right);
                match truth {
                    Some(true) => left_type,
                    Some(false) => right_type,
                    None => Type::union([left_type.truthy(), right_type]),
                }
            }
            BinaryOperator::And => {
                let left_type = self.guard(|checker| checker.infer(left));
                let truth = left_type.truthiness();
                let right_type = self.right_side(truth == Some(true), branch_of(left, true), right);
                match truth {
                    Some(true) => right_type,
                    Some(false) => left_type,
                    None => Type::union([left_type.falsy(), right_type]),
                }
            }
            BinaryOperator::Add => {
                let left = self.value(left);
                let right = self.value(right);
                sum(&left, &right)
            }
            BinaryOperator::Concat => {
                for side in [left, right] {
                    self.text(side);
                }
                Type::String
            }
            BinaryOperator::Subtract if self.dashed_name(whole) => Type::Any,
            _ => {
                self.operand(operator.as_str(), left);
                self.operand(operator.as_str(), right);
                Type::Number
            }
        }
    }

    /// The right side of `and` and `or`: as much dealt with as the whole.
    fn right_side(&mut self, always: bool, known: Vec<Assumption>, right: &Expr) -> Type {
        if always {
            return self.infer(right);
        }
        let guarded = self.guarded;
        self.branch(known, |checker| {
            checker.guarded = guarded;
            checker.infer(right)
        })
    }

    fn comparison(&mut self, whole: &Expr, first: &Expr, rest: &[(CompareOperator, Expr)]) -> Type {
        let before = self.findings.len();
        let mut left = self.value(first);
        for (operator, operand) in rest {
            let right = self.value(operand);
            let outcome = compare::outcome(*operator, &left, &right);
            if let Some(value) = outcome
                && self.findings.len() == before
            {
                let kind = match not_binds_first(first, rest) {
                    Some(remedy) => FindingKind::NotBindsFirst { remedy },
                    None => FindingKind::ConstantComparison { value, left, right },
                };
                self.report(whole.span, kind);
            }
            left = Type::Boolean;
        }
        Type::Boolean
    }

    fn membership(&mut self, whole: &Expr, needle: &Expr, haystack: &Expr, negated: bool) -> Type {
        let before = self.findings.len();
        let needle = self.value(needle);
        let container = self.value(haystack);
        let has_container = container.members().iter().any(|member| {
            matches!(
                member,
                Type::Any
                    | Type::Array(_)
                    | Type::Object(_)
                    | Type::String
                    | Type::Literal(Literal::String(_))
            )
        });
        self.needs(Operation::In, haystack, &container);
        if !has_container {
            let found = container;
            self.report(haystack.span, FindingKind::NoContainer { found });
        } else if let Type::Array(item) = &container
            && compare::never_in(&needle, item)
            && self.findings.len() == before
        {
            self.report(
                whole.span,
                FindingKind::ConstantComparison {
                    value: negated,
                    left: needle,
                    right: container,
                },
            );
        }
        Type::Boolean
    }
}

/// What `not a == b` was meant to be, if it is that.
fn not_binds_first(first: &Expr, rest: &[(CompareOperator, Expr)]) -> Option<String> {
    let ExprKind::Unary {
        operator: UnaryOperator::Not,
        operand,
    } = &first.kind
    else {
        return None;
    };
    let comparison = Expr {
        span: first.span,
        kind: ExprKind::Compare {
            first: operand.clone(),
            rest: rest.to_vec(),
        },
    };
    Some(format!("not ({comparison})"))
}

/// `+` adds numbers, and joins everything that is shown as text.
fn sum(left: &Type, right: &Type) -> Type {
    let all = |ty: &Type, kind: fn(&Type) -> bool| ty.members().iter().all(kind);
    let text = |ty: &Type| {
        matches!(
            ty,
            Type::String | Type::Literal(Literal::String(_)) | Type::Array(_) | Type::Object(_)
        )
    };
    let number = |ty: &Type| {
        matches!(
            ty,
            Type::Number
                | Type::Boolean
                | Type::Null
                | Type::Undefined
                | Type::Literal(Literal::Number(_) | Literal::Boolean(_))
        )
    };
    if all(left, text) || all(right, text) {
        Type::String
    } else if all(left, number) && all(right, number) {
        Type::Number
    } else {
        Type::union([Type::Number, Type::String])
    }
}
