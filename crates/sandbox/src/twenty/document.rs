//! What is sent to `/graphql`, read the way Twenty 2 executes it: without a schema. The types of variables are not looked
//! at, and one that is missing is an argument that is missing
//! (engine/api/graphql/direct-execution/utils/extract-arguments-from-ast.util.ts).

use std::collections::BTreeMap;

use graphql_parser::query::{
    self, Definition, FragmentDefinition, OperationDefinition, Selection, SelectionSet,
};
use serde::Deserialize;
use serde_json::{Map, Value};

use super::error::{Error, Result};

/// One operation of a document.
pub(super) struct Document {
    pub(super) mutation: bool,
    pub(super) fields: Vec<Field>,
}

/// A field, with the values of its arguments.
pub(super) struct Field {
    /// Its name in the answer.
    pub(super) key: String,
    pub(super) name: String,
    pub(super) arguments: Map<String, Value>,
    pub(super) fields: Vec<Field>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Body {
    query: String,
    #[serde(default)]
    variables: Option<Map<String, Value>>,
    #[serde(default)]
    operation_name: Option<String>,
}

type Fragments<'a> = BTreeMap<&'a str, &'a FragmentDefinition<'a, String>>;

pub(super) fn read(body: &[u8]) -> Result<Document> {
    let parse_failed = |message: String| Error::new("GRAPHQL_PARSE_FAILED", message);
    let body: Body =
        serde_json::from_slice(body).map_err(|error| parse_failed(error.to_string()))?;
    let document = query::parse_query::<String>(&body.query)
        .map_err(|error| parse_failed(format!("Syntax Error: {error}")))?;
    let fragments: Fragments<'_> = document
        .definitions
        .iter()
        .filter_map(|definition| match definition {
            Definition::Fragment(fragment) => Some((&*fragment.name, fragment)),
            Definition::Operation(_) => None,
        })
        .collect();
    let operations = document
        .definitions
        .iter()
        .filter_map(|definition| match definition {
            Definition::Operation(operation) => Some(parts(operation)),
            Definition::Fragment(_) => None,
        });
    let mut wanted = operations.filter(|(name, ..)| {
        body.operation_name.is_none() || body.operation_name.as_deref() == *name
    });
    let (_, mutation, selection) = wanted
        .next()
        .ok_or_else(|| parse_failed("Unknown operation.".into()))?;
    let reader = Reader {
        variables: body.variables.unwrap_or_default(),
        fragments,
    };
    Ok(Document {
        mutation,
        fields: reader.fields(selection),
    })
}

fn parts<'a>(
    operation: &'a OperationDefinition<'a, String>,
) -> (Option<&'a str>, bool, &'a SelectionSet<'a, String>) {
    match operation {
        OperationDefinition::SelectionSet(selection) => (None, false, selection),
        OperationDefinition::Query(of) => (of.name.as_deref(), false, &of.selection_set),
        OperationDefinition::Mutation(of) => (of.name.as_deref(), true, &of.selection_set),
        OperationDefinition::Subscription(of) => (of.name.as_deref(), false, &of.selection_set),
    }
}

struct Reader<'a> {
    variables: Map<String, Value>,
    fragments: Fragments<'a>,
}

impl Reader<'_> {
    fn fields(&self, selection: &SelectionSet<'_, String>) -> Vec<Field> {
        let mut fields = Vec::new();
        for item in &selection.items {
            match item {
                Selection::Field(field) => fields.push(Field {
                    key: field.alias.as_ref().unwrap_or(&field.name).clone(),
                    name: field.name.clone(),
                    arguments: field
                        .arguments
                        .iter()
                        .filter_map(|(name, value)| Some((name.clone(), self.value(value)?)))
                        .collect(),
                    fields: self.fields(&field.selection_set),
                }),
                Selection::InlineFragment(fragment) => {
                    fields.extend(self.fields(&fragment.selection_set));
                }
                Selection::FragmentSpread(spread) => {
                    if let Some(fragment) = self.fragments.get(&*spread.fragment_name) {
                        fields.extend(self.fields(&fragment.selection_set));
                    }
                }
            }
        }
        fields
    }

    fn value(&self, value: &query::Value<'_, String>) -> Option<Value> {
        Some(match value {
            query::Value::Variable(name) => return self.variables.get(name).cloned(),
            query::Value::Int(number) => number.as_i64().into(),
            query::Value::Float(number) => (*number).into(),
            query::Value::String(text) | query::Value::Enum(text) => text.clone().into(),
            query::Value::Boolean(yes) => (*yes).into(),
            query::Value::Null => Value::Null,
            query::Value::List(items) => {
                Value::Array(items.iter().filter_map(|item| self.value(item)).collect())
            }
            query::Value::Object(fields) => Value::Object(
                fields
                    .iter()
                    .filter_map(|(name, value)| Some((name.clone(), self.value(value)?)))
                    .collect(),
            ),
        })
    }
}
