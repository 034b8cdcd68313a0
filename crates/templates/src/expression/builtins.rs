//! What the language has built in, as data: filters, tests, functions, and the methods of values.

use std::sync::Arc;

use crate::types::{Function, Literal, Type};

/// What a filter does with its input, as far as types go.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Takes {
    Anything,
    /// Anything but nothing and `null`.
    Something,
    /// A string.
    Text,
    /// A string; nothing and `null` count as an empty one.
    TextOrNothing,
    /// A string; nothing, `null` and `false` count as an empty one.
    TextOrFalse,
    /// As [`Takes::TextOrFalse`]; lists are handed on as they are if they are short enough.
    TextOrList,
    Array,
    Record,
    /// An array or a string.
    Sequence,
    /// An array, a string, a record, a `Map` or a `Set`.
    Iterable,
}

impl Takes {
    pub(super) const fn describe(self) -> &'static str {
        match self {
            Takes::Anything => "anything",
            Takes::Something => "a value",
            Takes::Text | Takes::TextOrNothing | Takes::TextOrFalse | Takes::TextOrList => {
                "a string"
            }
            Takes::Array => "an array",
            Takes::Record => "an object",
            Takes::Sequence => "an array or a string",
            Takes::Iterable => "an array, a string or an object",
        }
    }

    /// Whether some value of the type is taken.
    pub(super) fn takes(self, ty: &Type) -> bool {
        ty.members().iter().any(|member| {
            let nullish = matches!(member, Type::Undefined | Type::Null);
            let text = matches!(member, Type::String | Type::Literal(Literal::String(_)));
            let falsy = matches!(
                member,
                Type::Boolean | Type::Literal(Literal::Boolean(false))
            );
            let array = matches!(member, Type::Array(_));
            let record = matches!(member, Type::Object(_));
            match self {
                _ if *member == Type::Any => true,
                Takes::Anything => true,
                Takes::Something => !nullish,
                Takes::Text => text,
                Takes::TextOrNothing => text || nullish,
                Takes::TextOrFalse => text || nullish || falsy,
                Takes::TextOrList => text || nullish || falsy || array || record,
                Takes::Array => array,
                Takes::Record => record,
                Takes::Sequence => array || text,
                Takes::Iterable => {
                    array || text || record || matches!(member, Type::Map | Type::Set)
                }
            }
        })
    }
}

/// Every built-in filter with what it takes.
pub(super) const FILTERS: &[(&str, Takes)] = &[
    ("abs", Takes::Anything),
    ("batch", Takes::Something),
    ("capitalize", Takes::TextOrFalse),
    ("center", Takes::Anything),
    ("d", Takes::Anything),
    ("default", Takes::Anything),
    ("dictsort", Takes::Record),
    ("dump", Takes::Anything),
    ("e", Takes::Anything),
    ("escape", Takes::Anything),
    ("first", Takes::Something),
    ("float", Takes::Anything),
    ("forceescape", Takes::Anything),
    ("groupby", Takes::Something),
    ("indent", Takes::TextOrFalse),
    ("int", Takes::Anything),
    ("join", Takes::Array),
    ("last", Takes::Something),
    ("length", Takes::Anything),
    ("list", Takes::Iterable),
    ("lower", Takes::TextOrFalse),
    ("nl2br", Takes::TextOrNothing),
    ("random", Takes::Something),
    ("reject", Takes::Something),
    ("rejectattr", Takes::Array),
    ("replace", Takes::Anything),
    ("reverse", Takes::Anything),
    ("round", Takes::Anything),
    ("safe", Takes::Anything),
    ("select", Takes::Something),
    ("selectattr", Takes::Array),
    ("slice", Takes::Sequence),
    ("sort", Takes::Anything),
    ("string", Takes::Something),
    ("striptags", Takes::TextOrFalse),
    ("sum", Takes::Array),
    ("title", Takes::TextOrFalse),
    ("trim", Takes::Text),
    ("truncate", Takes::TextOrList),
    ("upper", Takes::TextOrFalse),
    ("urlencode", Takes::Anything),
    ("urlize", Takes::Text),
    ("wordcount", Takes::TextOrFalse),
];

/// Whether the language itself has a filter.
pub(super) fn is_filter(name: &str) -> bool {
    FILTERS.iter().any(|known| known.0 == name)
}

/// Every test with how many arguments it takes, and what it can be asked of.
pub(super) const TESTS: &[(&str, usize, Takes)] = &[
    ("callable", 0, Takes::Anything),
    ("defined", 0, Takes::Anything),
    ("divisibleby", 1, Takes::Anything),
    ("eq", 1, Takes::Anything),
    ("equalto", 1, Takes::Anything),
    ("escaped", 0, Takes::Anything),
    ("even", 0, Takes::Anything),
    ("falsy", 0, Takes::Anything),
    ("ge", 1, Takes::Anything),
    ("greaterthan", 1, Takes::Anything),
    ("gt", 1, Takes::Anything),
    ("iterable", 0, Takes::Something),
    ("le", 1, Takes::Anything),
    ("lessthan", 1, Takes::Anything),
    ("lower", 0, Takes::Text),
    ("lt", 1, Takes::Anything),
    ("mapping", 0, Takes::Anything),
    ("ne", 1, Takes::Anything),
    ("null", 0, Takes::Anything),
    ("number", 0, Takes::Anything),
    ("odd", 0, Takes::Anything),
    ("sameas", 1, Takes::Anything),
    ("string", 0, Takes::Anything),
    ("truthy", 0, Takes::Anything),
    ("undefined", 0, Takes::Anything),
    ("upper", 0, Takes::Text),
];

/// What filters of other languages are called here.
pub(super) const ELSEWHERE: &[(&str, &str)] = &[
    ("count", "length"),
    ("json", "dump"),
    ("jsonify", "dump"),
    ("lowercase", "lower"),
    ("size", "length"),
    ("to_json", "dump"),
    ("toJSON", "dump"),
    ("tojson", "dump"),
    ("uppercase", "upper"),
];

/// Tests that a function can be asked of.
pub(super) const TESTS_OF_FUNCTIONS: &[&str] = &["callable", "eq", "equalto", "ne", "sameas"];

/// Filters that need an argument.
pub(super) const NEED_ARGUMENT: &[&str] = &["batch", "slice"];

/// Filters whose first argument names a test.
pub(super) const NAME_TESTS: &[&str] = &["reject", "select"];

/// Tests that ask whether something is there.
pub(super) const PRESENCE_TESTS: &[&str] = &["defined", "undefined", "null", "truthy", "falsy"];

/// What a method gives back.
#[derive(Clone, Copy)]
enum Gives {
    Any,
    Nothing,
    Boolean,
    Number,
    String,
    Strings,
    /// An array of the receiver's items.
    Items,
    /// One of the receiver's items, or nothing.
    Item,
    /// Any array.
    Array,
    /// The receiver.
    Itself,
}

type Method = (&'static str, usize, Option<usize>, Gives);

const STRING_METHODS: &[Method] = &[
    ("charAt", 0, Some(1), Gives::String),
    ("charCodeAt", 0, Some(1), Gives::Number),
    ("concat", 0, None, Gives::String),
    ("endsWith", 1, Some(2), Gives::Boolean),
    ("includes", 1, Some(2), Gives::Boolean),
    ("indexOf", 1, Some(2), Gives::Number),
    ("lastIndexOf", 1, Some(2), Gives::Number),
    ("replace", 2, Some(2), Gives::String),
    ("slice", 0, Some(2), Gives::String),
    ("split", 0, Some(2), Gives::Strings),
    ("startsWith", 1, Some(2), Gives::Boolean),
    ("substring", 0, Some(2), Gives::String),
    ("toLowerCase", 0, Some(0), Gives::String),
    ("toUpperCase", 0, Some(0), Gives::String),
    ("trim", 0, Some(0), Gives::String),
    ("trimEnd", 0, Some(0), Gives::String),
    ("trimStart", 0, Some(0), Gives::String),
];

const NUMBER_METHODS: &[Method] = &[
    ("toExponential", 0, Some(1), Gives::String),
    ("toFixed", 0, Some(1), Gives::String),
    ("toPrecision", 0, Some(1), Gives::String),
    ("toString", 0, Some(1), Gives::String),
];

const ARRAY_METHODS: &[Method] = &[
    ("at", 1, Some(1), Gives::Item),
    ("concat", 0, None, Gives::Array),
    ("copyWithin", 1, Some(3), Gives::Items),
    ("fill", 1, Some(3), Gives::Array),
    ("flat", 0, Some(1), Gives::Array),
    ("includes", 1, Some(2), Gives::Boolean),
    ("indexOf", 1, Some(2), Gives::Number),
    ("join", 0, Some(1), Gives::String),
    ("lastIndexOf", 1, Some(2), Gives::Number),
    ("pop", 0, Some(0), Gives::Item),
    ("push", 0, None, Gives::Number),
    ("reverse", 0, Some(0), Gives::Items),
    ("shift", 0, Some(0), Gives::Item),
    ("slice", 0, Some(2), Gives::Items),
    ("sort", 0, Some(0), Gives::Items),
    ("splice", 0, None, Gives::Items),
    ("unshift", 0, None, Gives::Number),
];

const MAP_METHODS: &[Method] = &[
    ("clear", 0, Some(0), Gives::Nothing),
    ("delete", 1, Some(1), Gives::Boolean),
    ("entries", 0, Some(0), Gives::Array),
    ("get", 1, Some(1), Gives::Any),
    ("has", 1, Some(1), Gives::Boolean),
    ("keys", 0, Some(0), Gives::Array),
    ("set", 2, Some(2), Gives::Itself),
    ("values", 0, Some(0), Gives::Array),
];

const SET_METHODS: &[Method] = &[
    ("add", 1, Some(1), Gives::Itself),
    ("clear", 0, Some(0), Gives::Nothing),
    ("delete", 1, Some(1), Gives::Boolean),
    ("entries", 0, Some(0), Gives::Array),
    ("has", 1, Some(1), Gives::Boolean),
    ("values", 0, Some(0), Gives::Array),
];

const REGEX_METHODS: &[Method] = &[("test", 1, Some(1), Gives::Boolean)];

/// The methods of a value that is no record.
fn methods(receiver: &Type) -> &'static [Method] {
    match receiver {
        Type::String | Type::Literal(Literal::String(_)) => STRING_METHODS,
        Type::Number | Type::Literal(Literal::Number(_)) => NUMBER_METHODS,
        Type::Array(_) => ARRAY_METHODS,
        Type::Map => MAP_METHODS,
        Type::Set => SET_METHODS,
        Type::Regex => REGEX_METHODS,
        _ => &[],
    }
}

/// The names that can be looked up in a value that is no record.
pub(super) fn member_names(receiver: &Type) -> impl Iterator<Item = &'static str> {
    let size = match receiver {
        Type::String | Type::Literal(Literal::String(_)) | Type::Array(_) => Some("length"),
        Type::Map | Type::Set => Some("size"),
        _ => None,
    };
    methods(receiver).iter().map(|method| method.0).chain(size)
}

/// What a name gives, looked up in a value that is no record.
pub(super) fn member(receiver: &Type, name: &str) -> Option<Type> {
    match (receiver, name) {
        (Type::String | Type::Literal(Literal::String(_)) | Type::Array(_), "length")
        | (Type::Map | Type::Set, "size") => return Some(Type::Number),
        _ => {}
    }
    let (name, fewest, most, gives) = methods(receiver).iter().find(|method| method.0 == name)?;
    let returns = match gives {
        Gives::Any => Type::Any,
        Gives::Nothing => Type::Undefined,
        Gives::Boolean => Type::Boolean,
        Gives::Number => Type::Number,
        Gives::String => Type::String,
        Gives::Strings => Type::array(Type::String),
        Gives::Items => Type::array(item(receiver)),
        Gives::Item => Type::union([item(receiver), Type::Undefined]),
        Gives::Array => Type::array(Type::Any),
        Gives::Itself => receiver.clone(),
    };
    Some(function(name, *fewest, *most, returns))
}

/// A function that takes its arguments by place.
pub(super) fn function(name: &str, fewest: usize, most: Option<usize>, returns: Type) -> Type {
    Type::Function(Arc::new(Function {
        name: name.into(),
        fewest,
        most,
        returns,
    }))
}

/// What the items of a value are, when it is gone through by index.
pub(super) fn item(ty: &Type) -> Type {
    Type::union(ty.members().iter().map(|member| match member {
        Type::Array(item) => item.as_ref().clone(),
        Type::String | Type::Literal(Literal::String(_)) => Type::String,
        _ => Type::Any,
    }))
}

/// The functions that every text can call.
pub(super) fn globals() -> Vec<(&'static str, Type)> {
    vec![
        (
            "range",
            function("range", 0, Some(3), Type::array(Type::Any)),
        ),
        ("cycler", function("cycler", 0, None, Type::Any)),
        ("joiner", function("joiner", 0, Some(1), Type::Any)),
    ]
}

/// `loop` in a `{% for %}`.
pub(super) fn loop_variable() -> Type {
    let properties = [
        ("index", Type::Number),
        ("index0", Type::Number),
        ("revindex", Type::Number),
        ("revindex0", Type::Number),
        ("first", Type::Boolean),
        ("last", Type::Boolean),
        ("length", Type::Any),
    ];
    Type::record(properties)
}

/// What a built-in filter makes of its input.
pub(super) fn filtered(name: &str, input: &Type, arguments: &[Type]) -> Type {
    let argument = |index: usize| arguments.get(index).cloned().unwrap_or(Type::Undefined);
    let is_text = |ty: &Type| matches!(ty, Type::String | Type::Literal(Literal::String(_)));
    let each = |change: &dyn Fn(&Type) -> Type| Type::union(input.members().iter().map(change));
    match name {
        "abs" | "round" => Type::Number,
        "capitalize" | "e" | "escape" | "forceescape" | "indent" | "join" | "lower" | "nl2br"
        | "safe" | "string" | "striptags" | "title" | "trim" | "upper" | "urlencode" | "urlize" => {
            Type::String
        }
        // What is long enough is handed on as it is.
        "center" | "truncate" => each(&|member| match member {
            ty if is_text(ty) => Type::String,
            _ => Type::Any,
        }),
        "d" | "default" => {
            let missing = match argument(1).truthiness() {
                Some(true) => input.truthy(),
                Some(false) => input.defined(),
                None => input.clone(),
            };
            // An input that is certainly nothing leaves only the default.
            match input {
                Type::Undefined => argument(0),
                _ => Type::union([missing, argument(0)]),
            }
        }
        "dump" => match input.may_be_undefined() || *input == Type::Any {
            true => Type::union([Type::String, Type::Undefined]),
            false => Type::String,
        },
        "first" | "last" | "random" => Type::union([item(input), Type::Undefined]),
        "float" | "int" => Type::union([Type::Number, argument(0)]),
        "groupby" => Type::map_of(Type::array(Type::Any)),
        "length" => each(&|member| match member {
            Type::Any => Type::Any,
            Type::Boolean => Type::union([Type::Number, Type::Undefined]),
            Type::Number
            | Type::Regex
            | Type::Literal(Literal::Number(_) | Literal::Boolean(true)) => Type::Undefined,
            _ => Type::Number,
        }),
        "list" => each(&|member| match member {
            ty @ Type::Array(_) => ty.clone(),
            ty if is_text(ty) => Type::array(Type::String),
            _ => Type::array(Type::Any),
        }),
        "replace" => each(&|member| match member {
            ty if is_text(ty) => Type::String,
            Type::Any | Type::Number | Type::Literal(Literal::Number(_)) => Type::Any,
            other => other.clone(),
        }),
        "reverse" => each(&|member| match member {
            ty @ Type::Array(_) => ty.clone(),
            ty if is_text(ty) => Type::String,
            Type::Any => Type::Any,
            _ => Type::array(Type::Any),
        }),
        "reject" | "rejectattr" | "select" | "selectattr" | "sort" => Type::array(item(input)),
        "batch" | "dictsort" | "slice" => Type::array(Type::Any),
        "wordcount" => Type::union([Type::Number, Type::Null]),
        _ => Type::Any,
    }
}
