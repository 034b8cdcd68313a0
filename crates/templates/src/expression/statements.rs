//! Parses a whole text: what is passed on, expressions and statements.

use super::{
    Span,
    ast::{Expr, ExprKind, Name, Node, SetValue, Statement, StatementKind, Template},
    parser::{DEEPEST, Parser},
    scan::{self, Piece},
    syntax_error::{SyntaxError, SyntaxErrorKind},
};
use crate::near::nearest;

type Result<T> = std::result::Result<T, SyntaxError>;

/// Tags that begin a statement.
const STATEMENTS: &[&str] = &[
    "if", "for", "set", "macro", "call", "filter", "block", "switch", "raw", "verbatim",
];

/// Tags that divide or end a statement and take nothing.
const BARE: &[&str] = &[
    "else",
    "endif",
    "endfor",
    "endmacro",
    "endcall",
    "endfilter",
    "endset",
    "default",
    "endswitch",
];

/// The other tags that divide a statement.
const DIVIDING: &[&str] = &["elif", "elseif", "case"];

/// Parses one string of a template.
///
/// # Errors
/// If the engine cannot parse it.
pub fn parse(text: &str) -> Result<Template> {
    let pieces = scan::scan(text)?;
    let mut parser = TemplateParser {
        text,
        pieces: pieces.into_iter(),
        depth: 0,
        blocks: Vec::new(),
    };
    let (nodes, stop) = parser.body(&[])?;
    match stop {
        // Only a tag of the list ends a body early, and the list is empty.
        Some(tag) => Err(tag.error(SyntaxErrorKind::StrayTag(tag.name.to_owned()))),
        None => Ok(Template { nodes }),
    }
}

struct TemplateParser<'a> {
    text: &'a str,
    pieces: std::vec::IntoIter<Piece>,
    depth: usize,
    /// The names of the blocks so far: each may be declared once.
    blocks: Vec<String>,
}

/// A `{% … %}`.
#[derive(Clone, Copy)]
struct Tag<'a> {
    name: &'a str,
    /// What follows the name.
    rest: Span,
    whole: Span,
}

impl Tag<'_> {
    fn error(self, kind: SyntaxErrorKind) -> SyntaxError {
        SyntaxError {
            span: self.whole,
            kind,
        }
    }
}

impl<'a> TemplateParser<'a> {
    /// The nodes up to one of the tags `stops`, and that tag.
    fn body(&mut self, stops: &[&str]) -> Result<(Vec<Node>, Option<Tag<'a>>)> {
        let mut nodes = Vec::new();
        while let Some(piece) = self.pieces.next() {
            match piece {
                Piece::Text(text) => nodes.push(Node::Text(text)),
                Piece::Output { content, whole } => {
                    let expr = Parser::new(self.text, content, self.depth)
                        .and_then(Parser::expression)
                        .map_err(|mut error| {
                            if error.kind == SyntaxErrorKind::Empty
                                && error.span.start == error.span.end
                            {
                                error.span = whole;
                            }
                            error
                        })?;
                    nodes.push(Node::Output(expr));
                }
                Piece::Tag { content, whole } => {
                    let tag = self.tag(content, whole);
                    if stops.contains(&tag.name) {
                        if BARE.contains(&tag.name) && tag.rest.start < tag.rest.end {
                            return Err(SyntaxError {
                                span: tag.rest,
                                kind: SyntaxErrorKind::Tag("nothing can follow in this tag"),
                            });
                        }
                        return Ok((nodes, Some(tag)));
                    }
                    if BARE.contains(&tag.name) || DIVIDING.contains(&tag.name) {
                        return Err(tag.error(SyntaxErrorKind::StrayTag(tag.name.to_owned())));
                    }
                    nodes.push(Node::Statement(Statement {
                        span: whole,
                        kind: self.statement(tag)?,
                    }));
                }
            }
        }
        Ok((nodes, None))
    }

    fn tag(&self, content: Span, whole: Span) -> Tag<'a> {
        let name = scan::tag_name(content.of(self.text));
        let rest = Span::new(content.start + name.len(), content.end);
        Tag {
            name,
            rest: scan::trim_blanks(self.text, rest),
            whole,
        }
    }

    /// The body of a statement, which has to end with one of `stops`.
    fn inner(&mut self, opening: Tag<'a>, stops: &[&'static str]) -> Result<(Vec<Node>, Tag<'a>)> {
        if self.depth >= DEEPEST {
            return Err(opening.error(SyntaxErrorKind::TooDeep));
        }
        self.depth += 1;
        let body = self.body(stops);
        self.depth -= 1;
        let (nodes, stop) = body?;
        // The last of the stops is the one that closes the statement.
        let end = stops.last().copied().unwrap_or_default();
        let stop = stop.ok_or_else(|| opening.error(SyntaxErrorKind::MissingTag(end)))?;
        Ok((nodes, stop))
    }

    fn statement(&mut self, tag: Tag<'a>) -> Result<StatementKind> {
        match tag.name {
            "if" => self.condition(tag),
            "for" => self.repetition(tag),
            "set" => self.assignment(tag),
            "macro" => self.definition(tag),
            "call" => self.call(tag),
            "filter" => {
                let (body, _) = self.inner(tag, &["endfilter"])?;
                refuse_macros(&body, tag)?;
                let (name, arguments) =
                    Parser::new(self.text, tag.rest, self.depth).and_then(Parser::filter_tag)?;
                Ok(StatementKind::Filter {
                    name,
                    arguments,
                    body,
                })
            }
            "block" => self.block(tag),
            "switch" => self.switch(tag),
            "include" | "import" | "from" | "extends" => {
                Err(tag.error(SyntaxErrorKind::LoadingTag(tag.name.to_owned())))
            }
            name => Err(tag.error(SyntaxErrorKind::UnknownTag {
                name: name.to_owned(),
                suggestion: nearest(name, STATEMENTS.iter().chain(BARE).chain(DIVIDING).copied())
                    .map(str::to_owned),
            })),
        }
    }

    fn expression(&self, span: Span) -> Result<Expr> {
        Parser::new(self.text, span, self.depth).and_then(Parser::expression)
    }

    fn targets(&self, span: Span) -> Result<Vec<Name>> {
        Parser::new(self.text, span, self.depth).and_then(Parser::targets)
    }

    fn condition(&mut self, opening: Tag<'a>) -> Result<StatementKind> {
        let mut branches = Vec::new();
        let mut tag = opening;
        loop {
            let condition = self.expression(tag.rest)?;
            let (body, stop) = self.inner(opening, &["elif", "elseif", "else", "endif"])?;
            branches.push((condition, body));
            match stop.name {
                "endif" => {
                    return Ok(StatementKind::If {
                        branches,
                        otherwise: None,
                    });
                }
                "else" => {
                    let (otherwise, _) = self.inner(opening, &["endif"])?;
                    return Ok(StatementKind::If {
                        branches,
                        otherwise: Some(otherwise),
                    });
                }
                _ => tag = stop,
            }
        }
    }

    fn repetition(&mut self, tag: Tag<'a>) -> Result<StatementKind> {
        let Some((targets, items)) = scan::split_at_keyword(self.text, tag.rest, "in")? else {
            return Err(tag.error(SyntaxErrorKind::Tag("write `{% for name in items %}`")));
        };
        let targets = self.targets(targets)?;
        if let [target] = targets.as_slice()
            && target.text == "loop"
        {
            return Err(SyntaxError {
                span: target.span,
                kind: SyntaxErrorKind::Tag("the items of a loop cannot be called `loop`"),
            });
        }
        let items = self.expression(items)?;
        let (body, stop) = self.inner(tag, &["else", "endfor"])?;
        let otherwise = if stop.name == "else" {
            Some(self.inner(tag, &["endfor"])?.0)
        } else {
            None
        };
        Ok(StatementKind::For {
            targets,
            items,
            body,
            otherwise,
        })
    }

    fn assignment(&mut self, tag: Tag<'a>) -> Result<StatementKind> {
        if let Some(sign) = scan::top_level(self.text, tag.rest, '=')? {
            let targets = self.targets(Span::new(tag.rest.start, sign))?;
            let value = self.expression(Span::new(sign + 1, tag.rest.end))?;
            return Ok(StatementKind::Set {
                targets,
                value: SetValue::Expr(value),
            });
        }
        let targets = self.targets(tag.rest)?;
        let (body, _) = self.inner(tag, &["endset"])?;
        refuse_macros(&body, tag)?;
        Ok(StatementKind::Set {
            targets,
            value: SetValue::Body(body),
        })
    }

    fn definition(&mut self, tag: Tag<'a>) -> Result<StatementKind> {
        let invalid = || tag.error(SyntaxErrorKind::Tag("write `{% macro name(parameters) %}`"));
        let header = tag.rest.of(self.text);
        let open = header.find('(').ok_or_else(invalid)?;
        if !header.ends_with(')') {
            return Err(invalid());
        }
        let name = scan::trim_blanks(self.text, Span::new(tag.rest.start, tag.rest.start + open));
        let parameters = Span::new(tag.rest.start + open + 1, tag.rest.end - 1);
        let name_expr = self.expression(name)?;
        let ExprKind::Name(text) = name_expr.kind else {
            return Err(invalid());
        };
        let parameters =
            Parser::new(self.text, parameters, self.depth).and_then(Parser::parameters)?;
        let (body, _) = self.inner(tag, &["endmacro"])?;
        Ok(StatementKind::Macro {
            name: Name { text, span: name },
            parameters,
            body,
        })
    }

    fn call(&mut self, tag: Tag<'a>) -> Result<StatementKind> {
        let mut parameters = Span::new(tag.rest.start, tag.rest.start);
        let mut call = tag.rest;
        if tag.rest.of(self.text).starts_with('(') {
            let Some(close) = scan::closing(self.text, tag.rest)? else {
                return Err(tag.error(SyntaxErrorKind::Tag(
                    "the parameters of `call` have no closing bracket",
                )));
            };
            parameters = Span::new(tag.rest.start + 1, close);
            call = scan::trim_blanks(self.text, Span::new(close + 1, tag.rest.end));
        }
        let call = self.expression(call)?;
        let is_macro = matches!(&call.kind, ExprKind::Call { callee, .. } if is_path(callee));
        if !is_macro {
            return Err(SyntaxError {
                span: call.span,
                kind: SyntaxErrorKind::Tag("`call` takes the call of a macro"),
            });
        }
        let (body, _) = self.inner(tag, &["endcall"])?;
        let parameters =
            Parser::new(self.text, parameters, self.depth).and_then(Parser::parameters)?;
        Ok(StatementKind::Call {
            parameters,
            call,
            body,
        })
    }

    fn block(&mut self, tag: Tag<'a>) -> Result<StatementKind> {
        let name = self.expression(tag.rest)?;
        let ExprKind::Name(text) = name.kind else {
            return Err(tag.error(SyntaxErrorKind::Tag("write `{% block name %}`")));
        };
        if self.blocks.contains(&text) {
            return Err(tag.error(SyntaxErrorKind::Tag(
                "there is a block of this name already",
            )));
        }
        self.blocks.push(text.clone());
        let (body, stop) = self.inner(tag, &["endblock"])?;
        let closing = stop.rest.of(self.text);
        if !closing.is_empty() && closing != text {
            return Err(stop.error(SyntaxErrorKind::Tag(
                "this does not name the block that it closes",
            )));
        }
        Ok(StatementKind::Block {
            name: Name {
                text,
                span: name.span,
            },
            body,
        })
    }

    fn switch(&mut self, tag: Tag<'a>) -> Result<StatementKind> {
        const STOPS: &[&str] = &["case", "default", "endswitch"];
        let value = self.expression(tag.rest)?;
        let (before, mut stop) = self.inner(tag, STOPS)?;
        if !before.is_empty() {
            return Err(tag.error(SyntaxErrorKind::Tag(
                "nothing can stand between `switch` and its first `case`, no line break either",
            )));
        }
        let mut cases = Vec::new();
        let mut otherwise = None;
        while stop.name == "case" {
            let case = self.expression(stop.rest)?;
            let (body, next) = self.inner(tag, STOPS)?;
            cases.push((case, body));
            stop = next;
        }
        if stop.name == "default" {
            let (body, next) = self.inner(tag, &["endswitch"])?;
            otherwise = Some(body);
            stop = next;
        }
        if stop.name != "endswitch" || (cases.is_empty() && otherwise.is_none()) {
            return Err(tag.error(SyntaxErrorKind::Tag("a `switch` needs a `case`")));
        }
        Ok(StatementKind::Switch {
            value,
            cases,
            otherwise,
        })
    }
}

/// A name, or properties of one.
fn is_path(expr: &Expr) -> bool {
    match &expr.kind {
        ExprKind::Name(_) => true,
        ExprKind::Member { target, .. } => is_path(target),
        ExprKind::Index { target, index } => {
            is_path(target)
                && matches!(
                    index.kind,
                    ExprKind::Null
                        | ExprKind::Boolean(_)
                        | ExprKind::Number(_)
                        | ExprKind::String(_)
                )
        }
        _ => false,
    }
}

/// No macro can be defined in text that is caught by `set` or `filter`.
fn refuse_macros(nodes: &[Node], tag: Tag<'_>) -> Result<()> {
    if nodes.iter().any(defines_macro) {
        return Err(tag.error(SyntaxErrorKind::Tag("no macro can be defined in here")));
    }
    Ok(())
}

fn defines_macro(node: &Node) -> bool {
    let Node::Statement(statement) = node else {
        return false;
    };
    let any = |nodes: &[Node]| nodes.iter().any(defines_macro);
    match &statement.kind {
        StatementKind::Macro { .. } => true,
        StatementKind::If {
            branches: parts,
            otherwise,
        }
        | StatementKind::Switch {
            cases: parts,
            otherwise,
            ..
        } => {
            parts.iter().any(|(_, body)| any(body)) || any(otherwise.as_deref().unwrap_or_default())
        }
        StatementKind::For {
            body, otherwise, ..
        } => any(body) || any(otherwise.as_deref().unwrap_or_default()),
        StatementKind::Set { value, .. } => match value {
            SetValue::Expr(_) => false,
            SetValue::Body(body) => any(body),
        },
        StatementKind::Call { body, .. }
        | StatementKind::Filter { body, .. }
        | StatementKind::Block { body, .. } => any(body),
    }
}
