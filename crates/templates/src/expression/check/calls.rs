//! Calls, filters and tests.

use super::{Checker, FindingKind, Operation, assume::branch_of};
use crate::{
    expression::{
        Span,
        ast::{Arguments, Expr, ExprKind, Name},
        builtins::{self, Takes},
        env::Filter,
    },
    near::nearest,
    types::{Fit, Function, Type},
};

impl Checker<'_> {
    pub(super) fn call(&mut self, whole: &Expr, callee: &Expr, arguments: &Arguments) -> Type {
        let before = self.findings.len();
        let callee_type = self.callee(callee);
        let known = self.findings.len() == before;
        for argument in arguments.iter() {
            self.value(argument);
        }
        // A method of something that may be missing is called where it is not.
        let defined = callee_type.defined();
        match &defined {
            Type::Function(function) => {
                self.check_arguments(function, arguments, whole.span);
                function.returns.clone()
            }
            _ => {
                let callable = defined
                    .members()
                    .iter()
                    .any(|member| matches!(member, Type::Any | Type::Function(_)));
                if !callable && known {
                    let written = callee.to_string();
                    let suggestion = None;
                    self.report(
                        callee.span,
                        FindingKind::NotCallable {
                            written,
                            suggestion,
                        },
                    );
                }
                Type::Any
            }
        }
    }

    fn check_arguments(&mut self, function: &Function, arguments: &Arguments, span: Span) {
        self.refuse_keywords(&function.name, arguments);
        let found = arguments.positional.len();
        if found < function.fewest || function.most.is_some_and(|most| found > most) {
            let kind = FindingKind::Arguments {
                callee: function.name.to_string(),
                fewest: function.fewest,
                most: function.most,
                found,
            };
            self.report(span, kind);
        }
    }

    fn refuse_keywords(&mut self, callee: &str, arguments: &Arguments) {
        if let Some((name, _)) = arguments.keyword.first() {
            let kind = FindingKind::KeywordArgument {
                callee: callee.to_owned(),
                name: name.text.clone(),
            };
            self.report(name.span, kind);
        }
    }

    pub(super) fn filter(&mut self, input: &Expr, name: &Name, arguments: &Arguments) -> Type {
        if !matches!(name.text.as_str(), "default" | "d") {
            let input_type = self.value(input);
            return self.filtered(input, &input_type, name, arguments);
        }
        let input_type = self.guard(|checker| checker.value(input));
        let before = self.assumptions.len();
        self.assumptions.extend(branch_of(input, false));
        let ty = self.filtered(input, &input_type, name, arguments);
        self.assumptions.truncate(before);
        ty
    }

    /// What a filter makes of an input of this type.
    pub(super) fn filtered(
        &mut self,
        input: &Expr,
        input_type: &Type,
        name: &Name,
        arguments: &Arguments,
    ) -> Type {
        let argument_types: Vec<Type> = arguments
            .positional
            .iter()
            .map(|argument| self.value(argument))
            .collect();
        for (_, argument) in &arguments.keyword {
            self.value(argument);
        }
        let env = self.env;
        match env.filters.get(&name.text) {
            None => {
                let elsewhere = builtins::ELSEWHERE
                    .iter()
                    .find(|known| known.0 == name.text);
                let kind = FindingKind::UnknownFilter {
                    name: name.text.clone(),
                    suggestion: match elsewhere {
                        Some((_, here)) => Some((*here).to_owned()),
                        None => nearest(&name.text, env.filters()).map(str::to_owned),
                    },
                };
                self.report(name.span, kind);
                Type::Any
            }
            Some(Filter::BuiltIn(takes)) => {
                let takes = match (name.text.as_str(), argument_types.as_slice()) {
                    // With the name of an attribute they take more, and give nothing for it.
                    ("join", [_, _, ..]) | ("sum", [_, ..]) => Takes::Anything,
                    ("replace", [Type::Regex, ..]) => Takes::Text,
                    _ => *takes,
                };
                if !takes.takes(input_type) {
                    self.refuse_input(&name.text, takes.describe(), input, input_type);
                } else if !takes.takes(&Type::Undefined) {
                    self.needs(Operation::Filter(name.text.clone()), input, input_type);
                }
                self.check_filter_arguments(name, arguments);
                if arguments.keyword.is_empty() {
                    builtins::filtered(&name.text, input_type, &argument_types)
                } else {
                    Type::Any
                }
            }
            Some(Filter::Added {
                input: expected,
                output,
                strict,
            }) => {
                self.refuse_keywords(&name.text, arguments);
                if *strict && expected.accepts(input_type) == Fit::No {
                    self.refuse_input(&name.text, &expected.to_string(), input, input_type);
                } else if *strict {
                    self.needs(Operation::Filter(name.text.clone()), input, input_type);
                }
                match (name.text.as_str(), arguments.positional.as_slice()) {
                    ("pick", [key]) => self.pick(input, input_type, key),
                    _ => output.clone(),
                }
            }
        }
    }

    fn check_filter_arguments(&mut self, name: &Name, arguments: &Arguments) {
        let positional = arguments.positional.as_slice();
        if positional.is_empty()
            && arguments.keyword.is_empty()
            && builtins::NEED_ARGUMENT.contains(&name.text.as_str())
        {
            let kind = FindingKind::Arguments {
                callee: name.text.clone(),
                fewest: 1,
                most: None,
                found: 0,
            };
            self.report(name.span, kind);
        }
        if let [test, others @ ..] = positional
            && let ExprKind::String(test_name) = &test.kind
            && builtins::NAME_TESTS.contains(&name.text.as_str())
        {
            self.check_test(test_name.clone(), others.len(), test.span);
        }
    }

    fn refuse_input(&mut self, filter: &str, expected: &str, input: &Expr, found: &Type) {
        let kind = FindingKind::FilterInput {
            filter: filter.to_owned(),
            expected: expected.to_owned(),
            found: found.clone(),
        };
        self.report(input.span, kind);
    }

    /// `x | pick('name')` is a look-up. Paths such as `a.b[0]` are looked up too, and not followed here.
    fn pick(&mut self, input: &Expr, input_type: &Type, key: &Expr) -> Type {
        match &key.kind {
            ExprKind::String(name) if !name.contains(['.', '[']) => {
                self.member(key, input, input_type, name, key.span)
            }
            _ => Type::Any,
        }
    }

    pub(super) fn test(&mut self, value: &Expr, test: &Expr) -> Type {
        let (name, arguments) = match &test.kind {
            ExprKind::Call { callee, arguments } => {
                (test_name(callee), Some(arguments.positional.len()))
            }
            // `x is f | g` is the test `g` with one argument.
            ExprKind::Filter {
                name, arguments, ..
            } => (name.text.clone(), Some(arguments.positional.len() + 1)),
            _ => (test_name(test), None),
        };
        let ty = if builtins::TESTS_OF_FUNCTIONS.contains(&name.as_str()) {
            self.infer(value)
        } else if builtins::PRESENCE_TESTS.contains(&name.as_str()) {
            self.guard(|checker| checker.value(value))
        } else {
            self.value(value)
        };
        if let ExprKind::Call { arguments, .. } | ExprKind::Filter { arguments, .. } = &test.kind {
            for argument in arguments.iter() {
                self.value(argument);
            }
        }
        if let Some(takes) = self.check_test(name.clone(), arguments.unwrap_or(0), test.span)
            && !takes.takes(&ty)
        {
            let kind = FindingKind::TestInput {
                test: name,
                expected: takes.describe().to_owned(),
                found: ty,
            };
            self.report(value.span, kind);
        }
        Type::Boolean
    }

    /// Reports a test that does not exist, or is given other than its number of arguments; otherwise says
    /// what it can be asked of.
    fn check_test(&mut self, name: String, found: usize, span: Span) -> Option<Takes> {
        let Some((_, arity, takes)) = builtins::TESTS.iter().find(|known| known.0 == name) else {
            let names = builtins::TESTS.iter().map(|known| known.0);
            let kind = FindingKind::UnknownTest {
                suggestion: nearest(&name, names).map(str::to_owned),
                name,
            };
            self.report(span, kind);
            return None;
        };
        if found != *arity {
            let kind = FindingKind::Arguments {
                callee: name,
                fewest: *arity,
                most: Some(*arity),
                found,
            };
            self.report(span, kind);
        }
        Some(*takes)
    }
}

/// The name of a test as the engine takes it from what stands behind `is`: of anything that is no name it
/// makes the text of the value, or `undefined`.
fn test_name(expr: &Expr) -> String {
    match &expr.kind {
        ExprKind::Name(name) => name.clone(),
        ExprKind::Null => "null".to_owned(),
        ExprKind::Boolean(value) => value.to_string(),
        ExprKind::Number(value) => value.to_string(),
        ExprKind::String(value) => value.clone(),
        ExprKind::Regex { pattern, flags } => format!("/{pattern}/{flags}"),
        _ => "undefined".to_owned(),
    }
}
