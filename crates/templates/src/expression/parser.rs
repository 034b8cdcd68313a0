//! Parses one expression. The order of the operators, and what they take, is that of Nunjucks, odd as it
//! is in places: `not a == b` compares `not a` with `b`.

use super::{
    Span,
    ast::{Arguments, BinaryOperator, CompareOperator, Expr, ExprKind, Name, UnaryOperator},
    lexer::{Token, TokenKind, tokenize},
    syntax_error::{SyntaxError, SyntaxErrorKind},
};

/// How many brackets and statements may be nested. Backstage allows 512 levels; nobody writes ten, and this many
/// fit on any thread's stack.
pub(super) const DEEPEST: usize = 40;

/// How many operations may be in one another: a chain of operators nests on its left without any bracket.
const HIGHEST: usize = 120;

const LITERALS: [&str; 4] = ["true", "false", "null", "none"];

type Result<T> = std::result::Result<T, SyntaxError>;

pub(super) struct Parser<'a> {
    text: &'a str,
    tokens: Vec<Token>,
    index: usize,
    depth: usize,
}

/// An expression with how many levels are in it.
///
/// Boxed, so that what is handed from level to level is small: the levels of a nested expression are as many
/// frames of the stack.
struct Nested {
    expr: Box<Expr>,
    height: usize,
}

impl<'a> Parser<'a> {
    pub(super) fn new(text: &'a str, span: Span, depth: usize) -> Result<Parser<'a>> {
        Ok(Parser {
            text,
            tokens: tokenize(text, span)?,
            index: 0,
            depth,
        })
    }

    /// The whole of it as one expression.
    pub(super) fn expression(mut self) -> Result<Expr> {
        if self.peek().kind == TokenKind::End {
            return Err(self.error(self.peek().span, SyntaxErrorKind::Empty));
        }
        let expr = self.inline_if()?;
        self.end()?;
        Ok(*expr.expr)
    }

    /// `a, b`: names that are given values.
    pub(super) fn targets(mut self) -> Result<Vec<Name>> {
        let mut targets = Vec::new();
        loop {
            let name = self.expect_name("a name")?;
            if LITERALS.contains(&name.text.as_str()) {
                return Err(self.error(
                    name.span,
                    SyntaxErrorKind::Tag("a literal cannot be given a value"),
                ));
            }
            targets.push(self.allowed(name)?);
            if !self.consume(",") {
                break;
            }
        }
        self.end()?;
        Ok(targets)
    }

    /// `a, b=1)`: the parameters of a macro, up to the bracket that the tag's text ends with.
    pub(super) fn parameters(mut self) -> Result<Arguments> {
        // The closing bracket is not in the text: the tag has been cut at it.
        let end = self.tokens.len() - 1;
        let span = self.tokens[end].span;
        self.tokens.insert(
            end,
            Token {
                kind: TokenKind::Operator(")"),
                span,
            },
        );
        let (parameters, _) = self.arguments()?;
        self.end()?;
        match parameters
            .positional
            .iter()
            .find(|parameter| !matches!(parameter.kind, ExprKind::Name(_)))
        {
            Some(parameter) => Err(self.error(
                parameter.span,
                SyntaxErrorKind::Tag("the parameters of a macro are names"),
            )),
            None => Ok(parameters),
        }
    }

    /// `name(arguments)` of `{% filter %}`.
    pub(super) fn filter_tag(mut self) -> Result<(Name, Arguments)> {
        let (name, arguments, _) = self.filter_call()?;
        self.end()?;
        Ok((name, arguments))
    }

    fn inline_if(&mut self) -> Result<Nested> {
        let then = self.operation(Binding::Or)?;
        if !self.consume_word("if") {
            return Ok(then);
        }
        let condition = self.operation(Binding::Or)?;
        let otherwise = if self.consume_word("else") {
            Some(self.deeper(|parser| parser.operation(Binding::Or))?)
        } else {
            None
        };
        let span = then
            .expr
            .span
            .to(otherwise.as_ref().unwrap_or(&condition).expr.span);
        let height = otherwise.as_ref().map_or(0, |nested| nested.height);
        let height = height.max(then.height).max(condition.height);
        self.nest(
            height,
            span,
            ExprKind::If {
                condition: condition.expr,
                then: then.expr,
                otherwise: otherwise.map(|nested| nested.expr),
            },
        )
    }

    /// An operation whose operators bind at least as `weakest` does. One function for all of them, since each
    /// function more is a frame of the stack more for each level of nesting.
    fn operation(&mut self, weakest: Binding) -> Result<Nested> {
        // What has been joined by an operator is no operand of one that binds more tightly.
        let (mut left, mut tightest) = if weakest <= Binding::Not && self.is_word(0, "not") {
            (self.not()?, Binding::Not)
        } else {
            (self.multiplicative()?, Binding::Additive)
        };
        while let Some((binding, tokens)) = self.operator() {
            if binding < weakest || binding > tightest {
                break;
            }
            tightest = match binding {
                // `a is b is c` is nothing.
                Binding::Test => Binding::Membership,
                other => other,
            };
            left = match binding {
                Binding::Equality | Binding::Relation => self.comparison(left, binding)?,
                _ => {
                    self.index += tokens;
                    self.joined(left, binding, tokens > 1)?
                }
            };
        }
        Ok(left)
    }

    /// The operator that comes next, and of how many tokens it is.
    fn operator(&self) -> Option<(Binding, usize)> {
        match &self.peek().kind {
            TokenKind::Operator("+" | "-" | "~") => Some((Binding::Additive, 1)),
            TokenKind::Operator("<" | "<=" | ">" | ">=") => Some((Binding::Relation, 1)),
            TokenKind::Operator("==" | "===" | "!=" | "!==") => Some((Binding::Equality, 1)),
            TokenKind::Name(word) => match word.as_str() {
                "is" => Some((Binding::Test, 1)),
                "in" => Some((Binding::Membership, 1)),
                "not" if self.is_word(1, "in") => Some((Binding::Membership, 2)),
                "and" => Some((Binding::And, 1)),
                "or" => Some((Binding::Or, 1)),
                _ => None,
            },
            _ => None,
        }
    }

    /// The operation of `left` with what follows the operator that has just been read.
    fn joined(&mut self, left: Nested, binding: Binding, not_in: bool) -> Result<Nested> {
        let operator = match self.previous() {
            TokenKind::Operator("+") => BinaryOperator::Add,
            TokenKind::Operator("-") => BinaryOperator::Subtract,
            TokenKind::Operator(_) => BinaryOperator::Concat,
            TokenKind::Name(word) if word == "and" => BinaryOperator::And,
            _ => BinaryOperator::Or,
        };
        let negated_test = binding == Binding::Test && self.consume_word("not");
        let right = self.operation(binding.of_right_side())?;
        let height = left.height.max(right.height);
        let span = left.expr.span.to(right.expr.span);
        let kind = match binding {
            Binding::Membership => ExprKind::In {
                needle: left.expr,
                haystack: right.expr,
                negated: not_in,
            },
            Binding::Test => ExprKind::Test {
                value: left.expr,
                test: right.expr,
                negated: negated_test,
            },
            _ => ExprKind::Binary {
                operator,
                left: left.expr,
                right: right.expr,
            },
        };
        self.nest(height, span, kind)
    }

    fn comparison(&mut self, first: Nested, binding: Binding) -> Result<Nested> {
        let mut height = first.height;
        let mut span = first.expr.span;
        let mut rest = Vec::new();
        while let Some(operator) = self.compare_operator(binding) {
            self.index += 1;
            let right = self.operation(binding.of_right_side())?;
            height = height.max(right.height);
            span = span.to(right.expr.span);
            rest.push((operator, *right.expr));
        }
        let first = first.expr;
        self.nest(height, span, ExprKind::Compare { first, rest })
    }

    fn compare_operator(&self, binding: Binding) -> Option<CompareOperator> {
        let TokenKind::Operator(operator) = self.peek().kind else {
            return None;
        };
        let operator = CompareOperator::ALL
            .into_iter()
            .find(|known| known.as_str() == operator)?;
        (Binding::of(operator) == binding).then_some(operator)
    }

    fn not(&mut self) -> Result<Nested> {
        let span = self.peek().span;
        self.index += 1;
        let operand = self.deeper(|parser| parser.operation(Binding::Not))?;
        let height = operand.height;
        let expr = negate(*operand.expr, span);
        self.nest(height, expr.span, expr.kind)
    }

    /// `*`, `/`, `//` and `%` are worked out from left to right, but what stands between two of `*` and `/`
    /// comes first if there is a `//` in it.
    fn multiplicative(&mut self) -> Result<Nested> {
        let first = self.power()?;
        let mut chain = vec![Chain::new(first)];
        loop {
            let operator = if self.consume("*") {
                BinaryOperator::Multiply
            } else if self.consume("/") {
                BinaryOperator::Divide
            } else if self.consume("//") {
                BinaryOperator::FloorDivide
            } else if self.consume("%") {
                BinaryOperator::Modulo
            } else {
                break;
            };
            let operand = self.power()?;
            let starts = matches!(operator, BinaryOperator::Multiply | BinaryOperator::Divide);
            match chain.last_mut() {
                Some(last) if !starts => last.rest.push((operator, operand)),
                _ => chain.push(Chain {
                    before: operator,
                    ..Chain::new(operand)
                }),
            }
        }
        let mut parts = chain.into_iter();
        let Some(first) = parts.next() else {
            return Err(self.unexpected("a value"));
        };
        let mut left = self.fold(first.first, first.rest)?;
        for part in parts {
            if part
                .rest
                .iter()
                .any(|(operator, _)| *operator == BinaryOperator::FloorDivide)
            {
                let right = self.fold(part.first, part.rest)?;
                left = self.binary(part.before, left, right)?;
            } else {
                left = self.binary(part.before, left, part.first)?;
                left = self.fold(left, part.rest)?;
            }
        }
        Ok(left)
    }

    fn fold(&self, first: Nested, rest: Vec<(BinaryOperator, Nested)>) -> Result<Nested> {
        rest.into_iter().try_fold(first, |left, (operator, right)| {
            self.binary(operator, left, right)
        })
    }

    fn power(&mut self) -> Result<Nested> {
        let mut left = self.filtered()?;
        while self.consume("**") {
            let right = self.filtered()?;
            left = self.binary(BinaryOperator::Power, left, right)?;
        }
        Ok(left)
    }

    fn filtered(&mut self) -> Result<Nested> {
        let mut input = self.unary()?;
        while self.consume("|") {
            let (name, arguments, height) = self.filter_call()?;
            let span = Span::new(input.expr.span.start, self.previous_end());
            input = self.nest(
                height.max(input.height),
                span,
                ExprKind::Filter {
                    input: input.expr,
                    name,
                    arguments,
                },
            )?;
        }
        Ok(input)
    }

    fn filter_call(&mut self) -> Result<(Name, Arguments, usize)> {
        let name = self.expect_name("the name of a filter")?;
        let mut name = self.allowed(name)?;
        while self.consume(".") {
            let part = self.expect_name("the name of a filter")?;
            let part = self.allowed(part)?;
            name.text = format!("{}.{}", name.text, part.text);
            name.span = name.span.to(part.span);
        }
        let (arguments, height) = if self.consume("(") {
            self.deeper(Parser::arguments)?
        } else {
            (Arguments::default(), 0)
        };
        Ok((name, arguments, height))
    }

    fn unary(&mut self) -> Result<Nested> {
        let token = self.peek().clone();
        let (sign, operator) = if self.consume("-") {
            ('-', UnaryOperator::Minus)
        } else if self.consume("+") {
            ('+', UnaryOperator::Plus)
        } else {
            return self.postfix();
        };
        let operand = self.deeper(Parser::unary)?;
        if matches!(operand.expr.kind, ExprKind::Unary { operator: inner, .. } if inner == operator)
        {
            return Err(self.error(operand.expr.span, SyntaxErrorKind::RepeatedSign(sign)));
        }
        let span = token.span.to(operand.expr.span);
        self.nest(
            operand.height,
            span,
            ExprKind::Unary {
                operator,
                operand: operand.expr,
            },
        )
    }

    fn postfix(&mut self) -> Result<Nested> {
        let mut target = self.primary()?;
        loop {
            let start = target.expr.span.start;
            let (height, kind) = if self.consume(".") {
                let name = self.expect_name("the name of a property")?;
                let name = self.allowed(name)?;
                let kind = ExprKind::Member {
                    target: target.expr,
                    name,
                };
                (target.height, kind)
            } else if self.consume("[") {
                let (height, subscript) = self.deeper(Parser::subscript)?;
                self.expect("]")?;
                let target_height = target.height;
                (target_height.max(height), subscript.of(target.expr))
            } else if self.consume("(") {
                let (arguments, height) = self.deeper(Parser::arguments)?;
                let kind = ExprKind::Call {
                    callee: target.expr,
                    arguments,
                };
                (target.height.max(height), kind)
            } else {
                return Ok(target);
            };
            target = self.nest(height, Span::new(start, self.previous_end()), kind)?;
        }
    }

    fn subscript(&mut self) -> Result<(usize, Subscript)> {
        let bound = |parser: &mut Self| -> Result<Option<Nested>> {
            if parser.is_operator(":") || parser.is_operator("]") {
                return Ok(None);
            }
            parser.inline_if().map(Some)
        };
        let start = bound(self)?;
        if !self.consume(":") {
            return match start {
                Some(index) => {
                    if let ExprKind::String(name) = &index.expr.kind {
                        self.check_name(name, index.expr.span)?;
                    }
                    Ok((index.height, Subscript::Index(index.expr)))
                }
                None => Err(self.unexpected("an index")),
            };
        }
        let stop = bound(self)?;
        let step = if self.consume(":") && !self.is_operator("]") {
            Some(self.inline_if()?)
        } else {
            None
        };
        let height = [&start, &stop, &step]
            .into_iter()
            .flatten()
            .map(|bound| bound.height)
            .max()
            .unwrap_or(0);
        let [start, stop, step] = [start, stop, step].map(|bound| bound.map(|bound| bound.expr));
        Ok((height, Subscript::Slice(start, stop, step)))
    }

    fn primary(&mut self) -> Result<Nested> {
        let token = self.peek().clone();
        let kind = match token.kind {
            TokenKind::Number(value) => ExprKind::Number(value),
            TokenKind::String(value) => ExprKind::String(value),
            TokenKind::Regex { pattern, flags } => ExprKind::Regex { pattern, flags },
            TokenKind::Name(name) => match name.as_str() {
                "true" => ExprKind::Boolean(true),
                "false" => ExprKind::Boolean(false),
                "none" | "null" => ExprKind::Null,
                _ => {
                    self.check_name(&name, token.span)?;
                    ExprKind::Name(name)
                }
            },
            TokenKind::Operator("(") => {
                self.index += 1;
                let (items, height) = self.deeper(|parser| parser.items(")"))?;
                if items.is_empty() {
                    return Err(self.error(
                        Span::new(token.span.start, self.previous_end()),
                        SyntaxErrorKind::Empty,
                    ));
                }
                return self.bracketed(token.span, height, ExprKind::Group(items));
            }
            TokenKind::Operator("[") => {
                self.index += 1;
                let (items, height) = self.deeper(|parser| parser.items("]"))?;
                return self.bracketed(token.span, height, ExprKind::Array(items));
            }
            TokenKind::Operator("{") => {
                self.index += 1;
                let (entries, height) = self.deeper(Parser::entries)?;
                return self.bracketed(token.span, height, ExprKind::Dict(entries));
            }
            TokenKind::Operator(_) | TokenKind::End => return Err(self.unexpected("a value")),
        };
        self.index += 1;
        self.nest(0, token.span, kind)
    }

    fn bracketed(&mut self, open: Span, height: usize, kind: ExprKind) -> Result<Nested> {
        self.nest(height, Span::new(open.start, self.previous_end()), kind)
    }

    fn items(&mut self, close: &'static str) -> Result<(Vec<Expr>, usize)> {
        let mut items = Vec::new();
        let mut height = 0;
        if self.consume(close) {
            return Ok((items, height));
        }
        loop {
            let item = self.inline_if()?;
            height = height.max(item.height);
            items.push(*item.expr);
            if !self.consume(",") {
                break;
            }
        }
        self.expect(close)?;
        Ok((items, height))
    }

    fn entries(&mut self) -> Result<(Vec<(Name, Expr)>, usize)> {
        let mut entries = Vec::new();
        let mut height = 0;
        if self.consume("}") {
            return Ok((entries, height));
        }
        loop {
            let token = self.peek().clone();
            let text = match token.kind {
                TokenKind::Name(name) if !LITERALS.contains(&name.as_str()) => name,
                TokenKind::String(name) => name,
                _ => return Err(self.unexpected("a key, a name or a string")),
            };
            self.index += 1;
            self.check_name(&text, token.span)?;
            self.expect(":")?;
            let value = self.inline_if()?;
            height = height.max(value.height);
            entries.push((
                Name {
                    text,
                    span: token.span,
                },
                *value.expr,
            ));
            if !self.consume(",") {
                break;
            }
        }
        self.expect("}")?;
        Ok((entries, height))
    }

    fn arguments(&mut self) -> Result<(Arguments, usize)> {
        let mut arguments = Arguments::default();
        let mut height = 0;
        if self.consume(")") {
            return Ok((arguments, height));
        }
        loop {
            let named = matches!(self.peek().kind, TokenKind::Name(_))
                && matches!(
                    self.tokens.get(self.index + 1).map(|token| &token.kind),
                    Some(TokenKind::Operator("="))
                );
            let name = if named {
                let name = self.expect_name("a name")?;
                let name = self.allowed(name)?;
                self.index += 1;
                Some(name)
            } else {
                None
            };
            let value = self.inline_if()?;
            height = height.max(value.height);
            match name {
                Some(name) => arguments.keyword.push((name, *value.expr)),
                None => arguments.positional.push(*value.expr),
            }
            if !self.consume(",") {
                break;
            }
        }
        self.expect(")")?;
        Ok((arguments, height))
    }

    fn binary(&self, operator: BinaryOperator, left: Nested, right: Nested) -> Result<Nested> {
        self.nest(
            left.height.max(right.height),
            left.expr.span.to(right.expr.span),
            ExprKind::Binary {
                operator,
                left: left.expr,
                right: right.expr,
            },
        )
    }

    fn nest(&self, height: usize, span: Span, kind: ExprKind) -> Result<Nested> {
        if height >= HIGHEST {
            return Err(self.error(span, SyntaxErrorKind::TooDeep));
        }
        Ok(Nested {
            expr: Box::new(Expr { span, kind }),
            height: height + 1,
        })
    }

    fn deeper<T>(&mut self, parse: impl FnOnce(&mut Self) -> Result<T>) -> Result<T> {
        if self.depth >= DEEPEST {
            return Err(self.error(self.peek().span, SyntaxErrorKind::TooDeep));
        }
        self.depth += 1;
        let parsed = parse(self);
        self.depth -= 1;
        parsed
    }

    fn peek(&self) -> &Token {
        // The last one is the end, which nothing consumes.
        &self.tokens[self.index.min(self.tokens.len() - 1)]
    }

    fn previous_end(&self) -> usize {
        match self.index.checked_sub(1) {
            Some(previous) => self.tokens[previous].span.end,
            None => self.peek().span.start,
        }
    }

    fn previous(&self) -> &TokenKind {
        &self.tokens[self.index.saturating_sub(1)].kind
    }

    fn is_operator(&self, operator: &str) -> bool {
        matches!(self.peek().kind, TokenKind::Operator(found) if found == operator)
    }

    fn consume(&mut self, operator: &str) -> bool {
        let found = self.is_operator(operator);
        self.index += usize::from(found);
        found
    }

    fn is_word(&self, offset: usize, word: &str) -> bool {
        matches!(
            self.tokens.get(self.index + offset).map(|token| &token.kind),
            Some(TokenKind::Name(name)) if name == word
        )
    }

    fn consume_word(&mut self, word: &str) -> bool {
        let found = self.is_word(0, word);
        self.index += usize::from(found);
        found
    }

    fn expect(&mut self, operator: &'static str) -> Result<()> {
        if self.consume(operator) {
            return Ok(());
        }
        Err(self.unexpected(match operator {
            ")" => "`,` or `)`",
            "]" => "`,` or `]`",
            "}" => "`,` or `}`",
            _ => "`:`",
        }))
    }

    fn expect_name(&mut self, expected: &'static str) -> Result<Name> {
        let token = self.peek().clone();
        let TokenKind::Name(text) = token.kind else {
            return Err(self.unexpected(expected));
        };
        self.index += 1;
        Ok(Name {
            text,
            span: token.span,
        })
    }

    fn end(&self) -> Result<()> {
        if self.peek().kind == TokenKind::End {
            return Ok(());
        }
        Err(self.unexpected("an operator or the end"))
    }

    fn allowed(&self, name: Name) -> Result<Name> {
        self.check_name(&name.text, name.span)?;
        Ok(name)
    }

    fn check_name(&self, name: &str, span: Span) -> Result<()> {
        if matches!(name, "constructor" | "prototype" | "__proto__") {
            return Err(self.error(span, SyntaxErrorKind::ReservedName(name.to_owned())));
        }
        Ok(())
    }

    fn unexpected(&self, expected: &'static str) -> SyntaxError {
        let span = self.peek().span;
        let found = span.of(self.text).to_owned();
        self.error(span, SyntaxErrorKind::Expected { expected, found })
    }

    fn error(&self, span: Span, kind: SyntaxErrorKind) -> SyntaxError {
        SyntaxError { span, kind }
    }
}

/// How tightly an operator binds; a later one more than those before it.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum Binding {
    Or,
    And,
    Not,
    Membership,
    Test,
    Equality,
    Relation,
    Additive,
    Multiplicative,
}

impl Binding {
    /// What the right side of an operator may consist of.
    const fn of_right_side(self) -> Binding {
        match self {
            Binding::Or => Binding::And,
            Binding::And | Binding::Not => Binding::Not,
            Binding::Membership => Binding::Test,
            Binding::Test => Binding::Equality,
            Binding::Equality => Binding::Relation,
            Binding::Relation => Binding::Additive,
            Binding::Additive | Binding::Multiplicative => Binding::Multiplicative,
        }
    }

    const fn of(operator: CompareOperator) -> Binding {
        match operator {
            CompareOperator::Less
            | CompareOperator::LessOrEqual
            | CompareOperator::Greater
            | CompareOperator::GreaterOrEqual => Binding::Relation,
            _ => Binding::Equality,
        }
    }
}

/// Operands joined by `//` and `%`, and the `*` or `/` before them.
struct Chain {
    before: BinaryOperator,
    first: Nested,
    rest: Vec<(BinaryOperator, Nested)>,
}

impl Chain {
    const fn new(first: Nested) -> Chain {
        Chain {
            before: BinaryOperator::Multiply,
            first,
            rest: Vec::new(),
        }
    }
}

/// What stands in `[ ]` behind a value.
enum Subscript {
    Index(Box<Expr>),
    Slice(Option<Box<Expr>>, Option<Box<Expr>>, Option<Box<Expr>>),
}

impl Subscript {
    fn of(self, target: Box<Expr>) -> ExprKind {
        match self {
            Subscript::Index(index) => ExprKind::Index { target, index },
            Subscript::Slice(start, stop, step) => ExprKind::Slice {
                target,
                start,
                stop,
                step,
            },
        }
    }
}

/// `not` before an operation belongs to its first operand alone: `not a == b` is `(not a) == b`.
fn negate(operand: Expr, not: Span) -> Expr {
    let span = not.to(operand.span);
    let kind = match operand.kind {
        ExprKind::Binary {
            operator,
            left,
            right,
        } if !matches!(
            operator,
            BinaryOperator::Or
                | BinaryOperator::And
                | BinaryOperator::Power
                | BinaryOperator::FloorDivide
        ) =>
        {
            ExprKind::Binary {
                operator,
                left: Box::new(negate(*left, not)),
                right,
            }
        }
        ExprKind::Compare { first, rest } => ExprKind::Compare {
            first: Box::new(negate(*first, not)),
            rest,
        },
        kind => ExprKind::Unary {
            operator: UnaryOperator::Not,
            operand: Box::new(Expr {
                span: operand.span,
                kind,
            }),
        },
    };
    Expr { span, kind }
}
