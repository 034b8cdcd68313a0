//! The language of `${{ }}`: what Backstage's scaffolder makes of a string of a template.
//!
//! Since scaffolder-backend 4.0.3 that is [nunjitsu](https://www.npmjs.com/package/nunjitsu), a closed subset of
//! Nunjucks; before, it was Nunjucks itself. [`parse`] reads a string as nunjitsu does, [`check`] says of what
//! type its value is and what Backstage would do with it in silence.

mod ast;
mod builtins;
mod check;
mod complete;
mod env;
mod lexer;
mod parser;
mod print;
mod references;
mod scan;
mod span;
mod statements;
mod syntax_error;

pub use ast::{
    Arguments, BinaryOperator, CompareOperator, Expr, ExprKind, Name, Node, SetValue, Statement,
    StatementKind, Template, UnaryOperator,
};
pub(crate) use check::equalities;
pub use check::{Checked, Finding, FindingKind, Operation, Types, check, types};
pub use complete::{Candidate, Completion, CompletionKind, completion_at};
pub use env::{Engine, Env};
pub use references::Reference;
pub use span::Span;
pub use statements::parse;
pub use syntax_error::{SyntaxError, SyntaxErrorKind};
