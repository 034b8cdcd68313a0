//! What a text says once it is parsed. Everything knows its place in the text.

use super::Span;

/// One string of a template, as the engine reads it: text, expressions in `${{ }}`, statements in `{% %}`.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Template {
    /// In the order of the text. Comments leave nothing.
    pub nodes: Vec<Node>,
}

/// A piece of a [`Template`].
#[derive(Clone, Debug, PartialEq)]
pub enum Node {
    /// Passed on as it is.
    Text(String),
    /// `${{ … }}`.
    Output(Expr),
    /// `{% … %}`.
    Statement(Statement),
}

/// A statement, and where its opening tag stands.
#[derive(Clone, Debug, PartialEq)]
pub struct Statement {
    /// The opening tag, from `{%` to `%}`.
    pub span: Span,
    /// Which, and what is in it.
    pub kind: StatementKind,
}

/// The statements of the language.
#[derive(Clone, Debug, PartialEq)]
pub enum StatementKind {
    /// `{% if %}…{% elif %}…{% else %}…{% endif %}`.
    If {
        /// Conditions with what they allow.
        branches: Vec<(Expr, Vec<Node>)>,
        /// If none is true.
        otherwise: Option<Vec<Node>>,
    },
    /// `{% for name in items %}…{% else %}…{% endfor %}`.
    For {
        /// One name, or several that an item is taken apart into.
        targets: Vec<Name>,
        /// What is gone through.
        items: Expr,
        /// For each.
        body: Vec<Node>,
        /// If there are none.
        otherwise: Option<Vec<Node>>,
    },
    /// `{% set name = value %}`, or `{% set name %}…{% endset %}`.
    Set {
        /// The names that get the value.
        targets: Vec<Name>,
        /// The value.
        value: SetValue,
    },
    /// `{% macro name(parameters) %}…{% endmacro %}`.
    Macro {
        /// What calls it.
        name: Name,
        /// Its parameters.
        parameters: Arguments,
        /// What it renders.
        body: Vec<Node>,
    },
    /// `{% call(parameters) macro(arguments) %}…{% endcall %}`.
    Call {
        /// Parameters of the body.
        parameters: Arguments,
        /// The call of a macro.
        call: Expr,
        /// What `caller()` renders.
        body: Vec<Node>,
    },
    /// `{% filter name %}…{% endfilter %}`.
    Filter {
        /// Which filter.
        name: Name,
        /// With what.
        arguments: Arguments,
        /// What it is applied to.
        body: Vec<Node>,
    },
    /// `{% block name %}…{% endblock %}`.
    Block {
        /// Its name.
        name: Name,
        /// What it renders.
        body: Vec<Node>,
    },
    /// `{% switch value %}{% case x %}…{% default %}…{% endswitch %}`.
    Switch {
        /// What is compared.
        value: Expr,
        /// With what, and what follows.
        cases: Vec<(Expr, Vec<Node>)>,
        /// If nothing is equal.
        otherwise: Option<Vec<Node>>,
    },
}

/// Where a variable gets its value from.
#[derive(Clone, Debug, PartialEq)]
pub enum SetValue {
    /// An expression.
    Expr(Expr),
    /// The rendered text between the tags.
    Body(Vec<Node>),
}

/// A name as written, without quotes.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Name {
    /// The name.
    pub text: String,
    /// Where it stands, quotes included.
    pub span: Span,
}

/// An expression and where it stands.
#[derive(Clone, Debug, PartialEq)]
pub struct Expr {
    /// From its first to its last character.
    pub span: Span,
    /// What it is.
    pub kind: ExprKind,
}

/// The expressions of the language.
#[derive(Clone, Debug, PartialEq)]
pub enum ExprKind {
    /// `none` and `null`.
    Null,
    /// `true`, `false`.
    Boolean(bool),
    /// `1`, `2.5`.
    Number(f64),
    /// `'a'`, `"a"`.
    String(String),
    /// `r/a+/g`.
    Regex {
        /// Between the slashes.
        pattern: String,
        /// Behind them.
        flags: String,
    },
    /// A variable.
    Name(String),
    /// `[a, b]`.
    Array(Vec<Expr>),
    /// `{a: 1, 'b': 2}`.
    Dict(Vec<(Name, Expr)>),
    /// `(a)`; of several, `(a, b)`, the last one counts.
    Group(Vec<Expr>),
    /// `a.b`.
    Member {
        /// Of what.
        target: Box<Expr>,
        /// Which.
        name: Name,
    },
    /// `a[b]`.
    Index {
        /// Of what.
        target: Box<Expr>,
        /// Which.
        index: Box<Expr>,
    },
    /// `a[1:3]`, `a[::2]`.
    Slice {
        /// Of what.
        target: Box<Expr>,
        /// From.
        start: Option<Box<Expr>>,
        /// To.
        stop: Option<Box<Expr>>,
        /// Every how many.
        step: Option<Box<Expr>>,
    },
    /// `f(a, b=c)`.
    Call {
        /// What is called.
        callee: Box<Expr>,
        /// With what.
        arguments: Arguments,
    },
    /// `a | f(b)`.
    Filter {
        /// What is filtered.
        input: Box<Expr>,
        /// By what.
        name: Name,
        /// With what else.
        arguments: Arguments,
    },
    /// `a is defined`.
    Test {
        /// What is tested.
        value: Box<Expr>,
        /// The test as written: a name, a call, or something that the engine takes for a name.
        test: Box<Expr>,
        /// `is not`.
        negated: bool,
    },
    /// `not a`, `-a`, `+a`.
    Unary {
        /// Which.
        operator: UnaryOperator,
        /// Of what.
        operand: Box<Expr>,
    },
    /// `a + b` and the like.
    Binary {
        /// Which.
        operator: BinaryOperator,
        /// Before it.
        left: Box<Expr>,
        /// Behind it.
        right: Box<Expr>,
    },
    /// `a < b == c`. Each operator compares the result so far with the next operand.
    Compare {
        /// The first operand.
        first: Box<Expr>,
        /// The others, each with the operator before it.
        rest: Vec<(CompareOperator, Expr)>,
    },
    /// `a in b`, `a not in b`.
    In {
        /// What is looked for.
        needle: Box<Expr>,
        /// Where.
        haystack: Box<Expr>,
        /// `not in`.
        negated: bool,
    },
    /// `a if b else c`.
    If {
        /// If.
        condition: Box<Expr>,
        /// Then.
        then: Box<Expr>,
        /// Else; without one it is an empty string.
        otherwise: Option<Box<Expr>>,
    },
}

/// What is handed to a call or filter.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Arguments {
    /// By place.
    pub positional: Vec<Expr>,
    /// By name.
    pub keyword: Vec<(Name, Expr)>,
}

/// An operator with one operand.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[allow(missing_docs)]
pub enum UnaryOperator {
    Not,
    Minus,
    Plus,
}

/// An operator with two operands.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[allow(missing_docs)]
pub enum BinaryOperator {
    Or,
    And,
    Add,
    Subtract,
    /// `~`.
    Concat,
    Multiply,
    Divide,
    /// `//`.
    FloorDivide,
    Modulo,
    Power,
}

/// An operator that compares.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[allow(missing_docs)]
pub enum CompareOperator {
    Equal,
    StrictEqual,
    NotEqual,
    StrictNotEqual,
    Less,
    LessOrEqual,
    Greater,
    GreaterOrEqual,
}

impl UnaryOperator {
    /// As written.
    pub const fn as_str(self) -> &'static str {
        match self {
            UnaryOperator::Not => "not",
            UnaryOperator::Minus => "-",
            UnaryOperator::Plus => "+",
        }
    }
}

impl BinaryOperator {
    /// As written.
    pub const fn as_str(self) -> &'static str {
        match self {
            BinaryOperator::Or => "or",
            BinaryOperator::And => "and",
            BinaryOperator::Add => "+",
            BinaryOperator::Subtract => "-",
            BinaryOperator::Concat => "~",
            BinaryOperator::Multiply => "*",
            BinaryOperator::Divide => "/",
            BinaryOperator::FloorDivide => "//",
            BinaryOperator::Modulo => "%",
            BinaryOperator::Power => "**",
        }
    }
}

impl CompareOperator {
    pub(super) const ALL: [CompareOperator; 8] = [
        CompareOperator::Equal,
        CompareOperator::StrictEqual,
        CompareOperator::NotEqual,
        CompareOperator::StrictNotEqual,
        CompareOperator::Less,
        CompareOperator::LessOrEqual,
        CompareOperator::Greater,
        CompareOperator::GreaterOrEqual,
    ];

    /// As written.
    pub const fn as_str(self) -> &'static str {
        match self {
            CompareOperator::Equal => "==",
            CompareOperator::StrictEqual => "===",
            CompareOperator::NotEqual => "!=",
            CompareOperator::StrictNotEqual => "!==",
            CompareOperator::Less => "<",
            CompareOperator::LessOrEqual => "<=",
            CompareOperator::Greater => ">",
            CompareOperator::GreaterOrEqual => ">=",
        }
    }
}

impl Template {
    /// Whether it is only text, which Backstage passes on as it is.
    pub fn is_plain(&self) -> bool {
        self.nodes.iter().all(|node| matches!(node, Node::Text(_)))
    }

    /// The expression, if the whole value is one: then the value keeps its type. A blank beside it, or the
    /// line break at the end of a block scalar, makes it text.
    pub fn sole_expression(&self) -> Option<&Expr> {
        match self.nodes.as_slice() {
            [Node::Output(expr)] => Some(expr),
            _ => None,
        }
    }

    /// The expressions that give its value or parts of its text, without those within statements.
    pub fn outputs(&self) -> impl Iterator<Item = &Expr> {
        self.nodes.iter().filter_map(|node| match node {
            Node::Output(expr) => Some(expr),
            _ => None,
        })
    }

    /// Calls `visit` for every expression, outer ones before what is in them.
    pub fn visit<'a>(&'a self, visit: &mut dyn FnMut(&'a Expr)) {
        visit_nodes(&self.nodes, visit);
    }

    /// The innermost expression at a place.
    pub fn expression_at(&self, offset: usize) -> Option<&Expr> {
        let mut found: Option<&Expr> = None;
        self.visit(&mut |expr| {
            if expr.span.touches(offset) {
                found = Some(expr);
            }
        });
        found
    }
}

fn visit_nodes<'a>(nodes: &'a [Node], visit: &mut dyn FnMut(&'a Expr)) {
    for node in nodes {
        match node {
            Node::Text(_) => {}
            Node::Output(expr) => expr.visit(visit),
            Node::Statement(statement) => statement.visit(visit),
        }
    }
}

impl Statement {
    fn visit<'a>(&'a self, visit: &mut dyn FnMut(&'a Expr)) {
        match &self.kind {
            StatementKind::If {
                branches,
                otherwise,
            } => {
                for (condition, body) in branches {
                    condition.visit(visit);
                    visit_nodes(body, visit);
                }
                visit_nodes(otherwise.as_deref().unwrap_or_default(), visit);
            }
            StatementKind::For {
                items,
                body,
                otherwise,
                ..
            } => {
                items.visit(visit);
                visit_nodes(body, visit);
                visit_nodes(otherwise.as_deref().unwrap_or_default(), visit);
            }
            StatementKind::Set { value, .. } => match value {
                SetValue::Expr(expr) => expr.visit(visit),
                SetValue::Body(body) => visit_nodes(body, visit),
            },
            StatementKind::Macro {
                parameters, body, ..
            } => {
                parameters.visit(visit);
                visit_nodes(body, visit);
            }
            StatementKind::Call {
                parameters,
                call,
                body,
            } => {
                parameters.visit(visit);
                call.visit(visit);
                visit_nodes(body, visit);
            }
            StatementKind::Filter {
                arguments, body, ..
            } => {
                arguments.visit(visit);
                visit_nodes(body, visit);
            }
            StatementKind::Block { body, .. } => visit_nodes(body, visit),
            StatementKind::Switch {
                value,
                cases,
                otherwise,
            } => {
                value.visit(visit);
                for (case, body) in cases {
                    case.visit(visit);
                    visit_nodes(body, visit);
                }
                visit_nodes(otherwise.as_deref().unwrap_or_default(), visit);
            }
        }
    }
}

impl Arguments {
    /// Every argument.
    pub fn iter(&self) -> impl Iterator<Item = &Expr> {
        self.positional
            .iter()
            .chain(self.keyword.iter().map(|(_, value)| value))
    }

    fn visit<'a>(&'a self, visit: &mut dyn FnMut(&'a Expr)) {
        for argument in self.iter() {
            argument.visit(visit);
        }
    }
}

impl Expr {
    /// Calls `visit` for this and everything in it, outer ones first.
    pub fn visit<'a>(&'a self, visit: &mut dyn FnMut(&'a Expr)) {
        visit(self);
        match &self.kind {
            ExprKind::Null
            | ExprKind::Boolean(_)
            | ExprKind::Number(_)
            | ExprKind::String(_)
            | ExprKind::Regex { .. }
            | ExprKind::Name(_) => {}
            ExprKind::Array(items) | ExprKind::Group(items) => {
                for item in items {
                    item.visit(visit);
                }
            }
            ExprKind::Dict(entries) => {
                for (_, value) in entries {
                    value.visit(visit);
                }
            }
            ExprKind::Member { target, .. } => target.visit(visit),
            ExprKind::Index { target, index } => {
                target.visit(visit);
                index.visit(visit);
            }
            ExprKind::Slice {
                target,
                start,
                stop,
                step,
            } => {
                target.visit(visit);
                for bound in [start, stop, step].into_iter().flatten() {
                    bound.visit(visit);
                }
            }
            ExprKind::Call { callee, arguments } => {
                callee.visit(visit);
                arguments.visit(visit);
            }
            ExprKind::Filter {
                input, arguments, ..
            } => {
                input.visit(visit);
                arguments.visit(visit);
            }
            ExprKind::Test { value, test, .. } => {
                value.visit(visit);
                // The name of a test is no variable; its arguments are expressions.
                if let ExprKind::Call { arguments, .. } | ExprKind::Filter { arguments, .. } =
                    &test.kind
                {
                    arguments.visit(visit);
                }
            }
            ExprKind::Unary { operand, .. } => operand.visit(visit),
            ExprKind::Binary { left, right, .. } => {
                left.visit(visit);
                right.visit(visit);
            }
            ExprKind::Compare { first, rest } => {
                first.visit(visit);
                for (_, operand) in rest {
                    operand.visit(visit);
                }
            }
            ExprKind::In {
                needle, haystack, ..
            } => {
                needle.visit(visit);
                haystack.visit(visit);
            }
            ExprKind::If {
                condition,
                then,
                otherwise,
            } => {
                then.visit(visit);
                condition.visit(visit);
                if let Some(otherwise) = otherwise {
                    otherwise.visit(visit);
                }
            }
        }
    }
}
