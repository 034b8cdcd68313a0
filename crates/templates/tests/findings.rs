//! What is said of expressions that people write, in the surroundings of a small template.

#![allow(clippy::unwrap_used)]

use std::fmt::Write;

use serde_json::json;
use sidestage_templates::{
    expression::{CompletionKind, Engine, Env, Expr, ExprKind, check, completion_at, parse},
    types::{Absence, Presence, Property, Rest, Type},
};

fn surroundings() -> Env {
    let form = json!({
        "type": "object",
        "required": ["name", "environment", "size"],
        "properties": {
            "name": { "type": "string" },
            "environment": { "type": "string", "enum": ["dev", "prod"] },
            "size": { "type": "integer" },
            "public": { "type": "boolean" },
            "tags": { "type": "array", "items": { "type": "string" } },
            "contact": {
                "type": "object",
                "additionalProperties": false,
                "required": ["email"],
                "properties": { "email": { "type": "string" } },
            },
            "repoUrl": { "type": "string" },
        },
    });
    let output = |presence| {
        let output = Type::from_json_schema(&json!({
            "type": "object",
            "required": ["url"],
            "properties": { "url": { "type": "string" }, "entity": { "type": "object" } },
        }));
        Property::new(Type::record([("output", output)]), presence)
    };
    let steps = [
        ("build", output(Presence::Always)),
        ("fetch-base", output(Presence::Always)),
        ("test", output(Presence::Maybe(Absence::Skipped))),
        ("deploy", output(Presence::Never(Absence::LaterStep))),
    ];
    let steps = steps.map(|(name, step)| (name.into(), step));
    let mut env = Env::new(Engine::Nunjitsu, true);
    let extensions = include_str!("../../../actions-schema/backstage/templating-extensions.json");
    env.add_extensions(&serde_json::from_str(extensions).unwrap());
    env.set("parameters", Type::from_json_schema(&form));
    env.set("steps", Type::object(steps.into(), Rest::Closed));
    env.withhold("secrets", "secrets are given to the input of a step only");
    env
}

/// What is found in each of the texts: the characters, and what about them.
fn found(texts: &[&str]) -> String {
    let env = surroundings();
    let mut report = String::new();
    for text in texts {
        writeln!(report, "{text}").unwrap();
        match parse(text) {
            Err(error) => {
                writeln!(report, "  {:?} {error}", error.span.of(text)).unwrap();
                if let Some(remedy) = error.kind.remedy() {
                    writeln!(report, "    {remedy}").unwrap();
                }
            }
            Ok(template) => {
                let checked = check(&template, &env);
                writeln!(report, "  {}", checked.ty).unwrap();
                for finding in checked.findings {
                    let characters = finding.span.of(text);
                    let guarded = if finding.guarded { " guarded" } else { "" };
                    let at_times = if finding.conditional { " at times" } else { "" };
                    writeln!(
                        report,
                        "  {characters:?}{guarded}{at_times} {:?}",
                        finding.kind
                    )
                    .unwrap();
                }
            }
        }
    }
    report
}

#[test]
fn names() {
    insta::assert_snapshot!(found(&[
        "${{ parameters.nme }}",
        "${{ parameters['nme'] }}",
        "${{ paramters.name }}",
        "${{ True }}",
        "${{ secrets.TOKEN }}",
        "${{ parameters.contact.emial }}",
        "${{ parameters.name.first }}",
        "${{ parameters.tags.first }}",
        "${{ steps.biuld.output.url }}",
        "${{ steps.build.output.ulr }}",
        "${{ steps.build.outputs.url }}",
        "${{ steps.build.output.entity.metadata.name }}",
        "${{ steps.deploy.output.url }}",
        "${{ steps.test.output.url }}",
        "${{ steps.test.output.ulr }}",
        "{% if steps.test.output.ulr %}tested{% endif %}",
        "${{ steps.test.output.url or 'none' }}",
        "${{ steps.test.output.url if steps.test.output else 'none' }}",
        "${{ steps.test.output.url if steps.test.output.url is defined }}",
        "${{ parameters.nme | default('x') }}",
        "${{ parameters.nme if parameters.nme else 'x' }}",
        "${{ parameters.repoUrl | parseRepoUrl | pick('ownr') }}",
        "${{ (parameters.repoUrl | parseRepoUrl).owner }}",
        "a-${{ parameters.nme }}-b",
    ]));
}

#[test]
fn dashes() {
    insta::assert_snapshot!(found(&[
        "${{ steps.fetch-base.output.url }}",
        "${{ steps.fetch-base.output.url | upper }}",
        "${{ steps.a-b-c.output.url }}",
        "${{ steps['fetch-base'].output.url }}",
        "${{ parameters.size - 1 }}",
        "${{ parameters.size-1 }}",
        "${{ parameters.size-parameters.size }}",
        "${{ steps.fetch - base.output.url }}",
    ]));
}

#[test]
fn filters_tests_and_calls() {
    insta::assert_snapshot!(found(&[
        "${{ parameters.name | uper }}",
        "${{ parameters.name | tojson }}",
        "${{ parameters.size | upper }}",
        "${{ parameters.size | parseRepoUrl }}",
        "${{ parameters.name | parseEntityRef(defaultKind='group') }}",
        "${{ parameters.name | join(',') }}",
        "${{ parameters.name is strng }}",
        "${{ parameters.name is boolean }}",
        "${{ parameters.size is lower }}",
        "${{ parameters.size is divisibleby }}",
        "${{ parameters.name.toUppercase() }}",
        "${{ parameters.name.replace('a') }}",
        "${{ parameters.name.trim }}",
        "${{ parameters.name() }}",
        "${{ alway() }}",
        "${{ always() and parameters.public }}",
        "${{ 'x' in parameters.size }}",
    ]));
}

#[test]
fn values_in_silence() {
    insta::assert_snapshot!(found(&[
        "${{ parameters.environment == 'prd' }}",
        "${{ parameters.environment in ['prd', 'stage'] }}",
        "${{ parameters.public == 'true' }}",
        "${{ parameters.public === true }}",
        "${{ not parameters.environment == 'dev' }}",
        "${{ 'a' if parameters.contact else 'b' }}",
        "${{ 'a' if 'x' else 'b' }}",
        "{% if parameters.environment %}a{% endif %}",
        "contact: ${{ parameters.contact }}",
        "size: ${{ parameters.size }}, tags: ${{ parameters.tags }}",
        "build: ${{ steps.build.output }}",
        "${{ parameters.name - 1 }}",
        "${{ parameters.contact * 2 }}",
        "${{ undefined }}",
        "a ${{ undefined }}",
    ]));
}

#[test]
fn what_cannot_be_parsed() {
    insta::assert_snapshot!(found(&[
        "${{ parameters.name",
        "${{ }}",
        "${{ !parameters.public }}",
        "${{ parameters.public && parameters.name }}",
        "${{ parameters.public || parameters.name }}",
        "${{ parameters.public ? 'a' : 'b' }}",
        "${{ parameters.name | }}",
        "${{ 'open }}",
        "${{ steps.1st.output.a-1.x }}",
        "${{ parameters.tags[0 }}",
        "${{ ${{ parameters.name }} }}",
        "{% if parameters.public %}a",
        "{% endif %}",
        "{% esle %}",
        "{% fr x in y %}{% endfor %}",
        "{% include 'x' %}",
        "a #} ${{ parameters.name }}",
    ]));
}

#[test]
fn nunjucks_is_asked_less() {
    let mut env = surroundings();
    let lenient = Env::new(Engine::Nunjucks, false);
    for (name, ty) in env.variables() {
        assert!(ty.is_some() || name == "secrets");
    }
    for (text, findings) in [
        ("${{ 'a'.match('b') }}", 0),
        ("${{ 1 | upper }}", 0),
        ("${{ 'a' | uper }}", 1),
        ("${{ always() }}", 1),
    ] {
        let template = parse(text).unwrap();
        assert_eq!(
            check(&template, &lenient).findings.len(),
            findings,
            "{text}"
        );
    }
    // What runs only if the other step ran may use its output.
    let condition = parse("${{ steps.test.output.url }}").unwrap();
    let input = parse("see ${{ steps.test.output.url }}").unwrap();
    assert_eq!(check(&input, &env).findings.len(), 1);
    env.assume(&condition);
    assert_eq!(check(&input, &env).findings, []);
}

#[test]
fn spans_name_what_they_are_of() {
    let text = "x ${{ a.b['c'] | f(1) if not d == 'ü' else [e, { g: h }][0:1] }} {{ y }}";
    let template = parse(text).unwrap();
    let mut spans = Vec::new();
    template.visit(&mut |expr: &Expr| spans.push(expr.span.of(text)));
    insta::assert_debug_snapshot!(spans);
    let at = template.expression_at(text.find("'c'").unwrap()).unwrap();
    assert_eq!(at.kind, ExprKind::String("c".to_owned()));
}

#[test]
fn references_are_whole() {
    let text = "${{ parameters.a.b + steps['x-y'].output[parameters.k].z | pick(user.ref) }}";
    let template = parse(text).unwrap();
    let references = template.references();
    let shown: Vec<String> = references
        .iter()
        .map(|reference| {
            let path: Vec<&str> = reference
                .path
                .iter()
                .map(|name| name.text.as_str())
                .collect();
            let more = if reference.computed { " and more" } else { "" };
            format!("{} {path:?}{more}", reference.root.text)
        })
        .collect();
    insta::assert_debug_snapshot!(shown);
}

#[test]
fn completion_of_what_is_typed() {
    let kind = |text: &str| completion_at(text, text.len()).map(|completion| completion.kind);
    let property = |names: &[&str]| {
        let names = names.iter().map(|name| (*name).to_owned()).collect();
        Some(CompletionKind::Property(names))
    };
    assert_eq!(kind("${{ "), Some(CompletionKind::Variable));
    assert_eq!(kind("${{ param"), Some(CompletionKind::Variable));
    assert_eq!(kind("${{ parameters."), property(&["parameters"]));
    assert_eq!(
        kind("${{ steps['a-b'].output.u"),
        property(&["steps", "a-b", "output"])
    );
    assert_eq!(
        kind("${{ steps.a.output.apps[0].u"),
        property(&["steps", "a", "output", "apps", "0"])
    );
    assert_eq!(
        kind("${{ a and parameters.x | up"),
        Some(CompletionKind::Filter)
    );
    assert_eq!(kind("${{ a is not de"), Some(CompletionKind::Test));
    assert_eq!(kind("${{ a "), None);
    assert_eq!(kind("${{ a }} "), None);
    assert_eq!(kind("plain "), None);
}
