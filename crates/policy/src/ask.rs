//! From a question to a decision.

use std::collections::{HashMap, HashSet};

use cedar_policy::{
    Authorizer, Context, Decision as Verdict, Entities, Entity, EntityId, EntityTypeName,
    EntityUid, Request, RestrictedExpression,
};

use crate::{Decision, Question, Sources, load::Loaded};

/// Stands for the organization where none is named and none are configured.
const NO_ORGANIZATION: &str = "";

pub(crate) fn decide(loaded: &Loaded, sources: &Sources, question: &Question<'_>) -> Decision {
    match ask(loaded, sources, question) {
        Ok(decision) => decision,
        // A question that cannot be put is not allowed.
        Err(error) => Decision {
            allowed: false,
            policies: Vec::new(),
            errors: vec![error.to_string()],
        },
    }
}

type Failure = Box<dyn std::error::Error>;

fn ask(loaded: &Loaded, sources: &Sources, question: &Question<'_>) -> Result<Decision, Failure> {
    let subject = question.subject;
    let principal = uid(subject.kind.as_str(), &subject.id)?;
    let resource = uid(
        "Organization",
        question.organization.unwrap_or(NO_ORGANIZATION),
    )?;
    let action = uid("Action", question.action)?;

    let mut organizations = HashSet::new();
    for organization in &subject.organizations {
        organizations.insert(uid("Organization", organization)?);
    }
    let groups = subject
        .groups
        .iter()
        .cloned()
        .map(RestrictedExpression::new_string);
    let attributes = HashMap::from([("groups".to_owned(), RestrictedExpression::new_set(groups))]);
    let mut entities = vec![Entity::new(
        principal.clone(),
        attributes,
        organizations.clone(),
    )?];
    organizations.insert(resource.clone());
    entities.extend(
        organizations
            .into_iter()
            .map(|one| Entity::new_no_attrs(one, HashSet::new())),
    );
    let entities = Entities::from_entities(entities, Some(&loaded.schema))?;

    let provider = question.action.split(':').next().unwrap_or_default();
    let known = sources.actions.iter().find(|one| one.id == question.action);
    let text = |text: &str| RestrictedExpression::new_string(text.to_owned());
    let context = Context::from_pairs([
        ("action".to_owned(), text(question.action)),
        ("provider".to_owned(), text(provider)),
        (
            "connection".to_owned(),
            text(question.connection.unwrap_or_default()),
        ),
        (
            "dryRun".to_owned(),
            RestrictedExpression::new_bool(question.dry_run),
        ),
        (
            "destructive".to_owned(),
            RestrictedExpression::new_bool(known.is_some_and(|one| one.destructive)),
        ),
    ])?;
    let request = Request::new(principal, action, resource, context, Some(&loaded.schema))?;

    let response = Authorizer::new().is_authorized(&request, &loaded.policies, &entities);
    let diagnostics = response.diagnostics();
    let mut policies: Vec<String> = diagnostics.reason().map(ToString::to_string).collect();
    policies.sort();
    let errors: Vec<String> = diagnostics.errors().map(ToString::to_string).collect();
    Ok(Decision {
        // Cedar leaves out what it cannot evaluate; it might have forbidden.
        allowed: response.decision() == Verdict::Allow && errors.is_empty(),
        policies,
        errors,
    })
}

fn uid(kind: &str, id: &str) -> Result<EntityUid, Failure> {
    let kind: EntityTypeName = kind.parse()?;
    Ok(EntityUid::from_type_name_and_id(kind, EntityId::new(id)))
}
