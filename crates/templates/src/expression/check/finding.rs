use crate::{
    expression::Span,
    types::{Absence, Type},
};

/// Something that Backstage does in silence, and hardly anybody means.
#[derive(Clone, Debug, PartialEq)]
pub struct Finding {
    /// The characters that are to blame: of an unknown name the name, in `['name']` with its quotes.
    pub span: Span,
    /// What.
    pub kind: FindingKind,
    /// Whether it stands where nothing is expected and dealt with: in a condition, before `or`, `| default`, or
    /// `is defined`.
    pub guarded: bool,
    /// Whether it is evaluated only at times: in a branch, or behind `and` and `or`.
    pub conditional: bool,
}

/// What a [`Finding`] is about. Names and types are data: wording and severity are the rules'.
#[derive(Clone, Debug, PartialEq)]
pub enum FindingKind {
    /// A filter that does not exist.
    UnknownFilter {
        /// As written.
        name: String,
        /// One that is spelt much like it.
        suggestion: Option<String>,
    },
    /// `is …` with a test that does not exist.
    UnknownTest {
        /// As written, or as the engine reads it: of `is none` it is `null`.
        name: String,
        /// One that is spelt much like it.
        suggestion: Option<String>,
    },
    /// Something is called that is no function.
    NotCallable {
        /// What is called, as written.
        written: String,
        /// A method that is spelt much like it.
        suggestion: Option<String>,
    },
    /// Too few or too many arguments.
    Arguments {
        /// What is called.
        callee: String,
        /// The fewest it takes.
        fewest: usize,
        /// The most it takes.
        most: Option<usize>,
        /// How many there are.
        found: usize,
    },
    /// An argument with a name, where arguments go by place.
    KeywordArgument {
        /// What is called.
        callee: String,
        /// The argument.
        name: String,
    },
    /// A filter fails on this.
    FilterInput {
        /// Which.
        filter: String,
        /// What it takes, in words.
        expected: String,
        /// What it is given.
        found: Type,
    },
    /// A test fails on this.
    TestInput {
        /// Which.
        test: String,
        /// What it takes, in words.
        expected: String,
        /// What it is given.
        found: Type,
    },
    /// `in` fails on this: it looks into arrays, strings and objects.
    NoContainer {
        /// What it is given.
        found: Type,
    },
    /// An operation fails when this parameter is missing, as it may be.
    FailsWhenMissing {
        /// What fails.
        operation: Operation,
        /// What could stand for it when it is missing, `''` or `[]`, if something empty will do.
        instead: Option<&'static str>,
    },
    /// A function is used without being called.
    FunctionAsValue {
        /// As written.
        written: String,
    },
    /// A variable that does not exist.
    UnknownVariable {
        /// As written.
        name: String,
        /// One that is spelt much like it.
        suggestion: Option<String>,
        /// Those that exist.
        known: Vec<String>,
        /// Whether it is called, which fails.
        called: bool,
    },
    /// A variable that exists elsewhere and not here.
    Withheld {
        /// Which.
        name: String,
        /// Why.
        reason: &'static str,
    },
    /// A property that does not exist.
    UnknownProperty {
        /// Of what, as written: `steps.build.output`.
        of: String,
        /// Which.
        name: String,
        /// One that is spelt much like it.
        suggestion: Option<String>,
        /// Those that exist.
        known: Vec<String>,
        /// Whether the schema forbids others. If not, it merely does not speak of this one.
        closed: bool,
    },
    /// A property that exists and is, or may be, missing when it is asked for.
    Absent {
        /// Of what, as written.
        of: String,
        /// Which.
        name: String,
        /// Why.
        why: Absence,
        /// Whether it is missing every time.
        certain: bool,
    },
    /// A property of something that has none of this name: of a string, a number, an array.
    PropertyOf {
        /// Of what, as written.
        of: String,
        /// What that is.
        found: Type,
        /// Which.
        name: String,
        /// One that is spelt much like it.
        suggestion: Option<String>,
    },
    /// A name with a dash behind a dot is a subtraction. The span begins at the dot.
    DashedName {
        /// The name that was meant: `a-b`.
        name: String,
        /// What to write in place of the span: `['a-b']`.
        remedy: String,
        /// Whether something of this name is known there.
        known: bool,
    },
    /// `not a == b` compares `not a` with `b`.
    NotBindsFirst {
        /// The comparison that was meant: `not (a == b)`.
        remedy: String,
    },
    /// An operator makes `NaN` of this.
    NotANumber {
        /// The operator.
        operator: &'static str,
        /// The operand.
        found: Type,
    },
    /// An object in the midst of text becomes `[object Object]`.
    ObjectInText {
        /// What it is.
        found: Type,
    },
    /// A value in the midst of text is certainly nothing.
    NothingInText,
    /// A comparison that always comes out the same.
    ConstantComparison {
        /// How.
        value: bool,
        /// What is compared.
        left: Type,
        /// With what.
        right: Type,
    },
    /// The condition of `a if b else c` or `{% if %}` always comes out the same.
    ConstantCondition {
        /// How.
        value: bool,
    },
}

/// Something that needs a value.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Operation {
    /// A filter, by its name.
    Filter(String),
    /// A method of the value, by its name.
    Method(String),
    /// Being looked into.
    In,
}

impl FindingKind {
    /// Whether evaluating it fails, so that Backstage hands on the text as it is written.
    pub const fn fails(&self) -> bool {
        matches!(
            self,
            FindingKind::UnknownFilter { .. }
                | FindingKind::UnknownTest { .. }
                | FindingKind::NotCallable { .. }
                | FindingKind::Arguments { .. }
                | FindingKind::KeywordArgument { .. }
                | FindingKind::FilterInput { .. }
                | FindingKind::TestInput { .. }
                | FindingKind::NoContainer { .. }
                | FindingKind::FunctionAsValue { .. }
                | FindingKind::UnknownVariable { called: true, .. }
        )
    }
}
