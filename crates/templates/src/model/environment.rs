//! What an expression can use, by the place it stands in.

use std::cell::RefCell;
use std::collections::{BTreeMap, BTreeSet, HashSet};
use std::sync::Arc;

use crate::actions::Action;
use crate::context::Context;
use crate::expression::{self, Env};
use crate::template::{Step, Template};
use crate::types::{Absence, Object, Presence, Property, Rest, Type};
use crate::yaml::{Node, Value};

use super::form::Form;

/// Why there are no secrets in a condition.
const NOT_IN_CONDITION: &str = "Backstage gives secrets only to `input` and `each`, not to `if`";
/// Why there are no secrets in the output.
const NOT_IN_OUTPUT: &str = "Backstage gives secrets only to the steps, not to `output`";

/// The environments of a template's expressions.
pub(super) struct Environments<'a> {
    base: Env,
    template: &'a Template,
    form: &'a Form,
    /// What is known of each step, by its index.
    steps: Vec<Known>,
    /// What was asked for last: the next is nearly the same.
    last: RefCell<Steps>,
}

/// What is known of a step.
struct Known {
    id: Arc<str>,
    /// What there is of it under `steps`.
    ty: Type,
    condition: Condition,
}

/// The variable `steps` before a step that has no condition. It goes from step to step, since making it anew for
/// each of them would take their number squared.
struct Steps {
    index: usize,
    object: Arc<Object>,
}

/// When a step runs.
#[derive(Clone, Debug, Default)]
struct Condition {
    /// It may be skipped.
    may_be_skipped: bool,
    /// It runs although a step before it failed.
    after_failure: bool,
    /// What it looks at, such as `parameters.kind` or `steps.fetch`.
    looks_at: BTreeSet<String>,
    /// Which text something has to be equal to, by its path.
    equals: BTreeMap<String, String>,
}

impl<'a> Environments<'a> {
    pub(super) fn of(
        template: &'a Template,
        form: &'a Form,
        actions: &[Option<Arc<Action>>],
        context: &Context,
    ) -> Self {
        let mut base = Env::new(context.backstage.engine, context.backstage.status_checks);
        for extensions in &context.extensions {
            base.add_extensions(extensions);
        }
        base.set("parameters", form.parameters.clone());
        base.set("user", user());
        base.set(
            "context",
            Type::record([("task", Type::record([("id", Type::String)]))]),
        );
        let known = |(step, action): (&Step, &Option<Arc<Action>>)| Known {
            id: step.id.as_str().into(),
            ty: Type::record([("output", outputs(step, action.as_deref()))]),
            condition: Condition::of(step.get("if")),
        };
        let steps: Vec<Known> = template.steps.iter().zip(actions).map(known).collect();
        let mut conditional: BTreeMap<String, BTreeSet<String>> = BTreeMap::new();
        for step in steps.iter().filter(|step| step.condition.may_be_skipped) {
            let looks_at = conditional.entry(step.id.to_string()).or_default();
            looks_at.extend(step.condition.looks_at.iter().cloned());
        }
        base.set_conditional_steps(conditional);
        Self {
            base,
            template,
            form,
            last: RefCell::new(Steps::before_all(&steps)),
            steps,
        }
    }

    /// In the `if` of a step.
    pub(super) fn condition(&self, index: usize) -> Env {
        // Under `each` a condition is asked for every item, with all that the input has.
        if self.template.steps[index].get("each").is_some() {
            return self.repeated(index, Type::Any);
        }
        let mut env = self.base.clone();
        self.without_secrets(&mut env, NOT_IN_CONDITION);
        env.set("steps", self.steps_before(index));
        env
    }

    /// In the `each` of a step.
    pub(super) fn each(&self, index: usize) -> Env {
        let mut env = self.base.clone();
        self.with_secrets(&mut env);
        env.set("steps", self.steps_before(index));
        env
    }

    /// In the `input` of a step. `item` is the type of `each.value`, if there is an `each`.
    pub(super) fn input(&self, index: usize, item: Type) -> Env {
        let mut env = self.repeated(index, item);
        assume(&mut env, self.template.steps[index].get("if"));
        env
    }

    fn repeated(&self, index: usize, item: Type) -> Env {
        let mut env = self.each(index);
        if self.template.steps[index].get("each").is_some() {
            env.set(
                "each",
                Type::record([("key", Type::String), ("value", item)]),
            );
        } else {
            env.withhold("each", "this step has no `each`");
        }
        env
    }

    /// In the `output` of the template. `condition` is the `if` of the link or text, if it has one.
    pub(super) fn output(&self, condition: Option<&Node>) -> Env {
        let mut env = self.base.clone();
        self.without_secrets(&mut env, NOT_IN_OUTPUT);
        let asking = Condition::of(condition);
        env.set("steps", self.steps(self.template.steps.len(), &asking));
        assume(&mut env, condition);
        env
    }

    /// In the `when` of a page of the form, which only the browser evaluates.
    pub(super) fn page(&self) -> Env {
        let mut env = self.base.clone();
        env.set("steps", Type::Any);
        env.set("secrets", Type::Any);
        env.set("environment", Type::Any);
        env
    }

    fn with_secrets(&self, env: &mut Env) {
        env.set("secrets", self.form.secrets.clone());
        let any = || Type::map_of(Type::Any);
        env.set(
            "environment",
            Type::record([("parameters", any()), ("secrets", any())]),
        );
    }

    fn without_secrets(&self, env: &mut Env, why: &'static str) {
        env.withhold("secrets", why);
        let secrets = Property::new(Type::map_of(Type::Any), Presence::Never(Absence::Withheld));
        let parameters = Property::new(Type::map_of(Type::Any), Presence::Always);
        let properties = BTreeMap::from([
            ("parameters".into(), parameters),
            ("secrets".into(), secrets),
        ]);
        env.set("environment", Type::object(properties, Rest::Closed));
    }

    fn steps_before(&self, index: usize) -> Type {
        self.steps(index, &self.steps[index].condition)
    }

    /// The type of `steps` before the step `index`, whose condition is `asking`.
    fn steps(&self, index: usize, asking: &Condition) -> Type {
        let mut last = self.last.borrow_mut();
        last.go_on(&self.steps, index);
        let mut object = last.object.clone();
        if !asking.looks_at.is_empty() {
            let properties = &mut Arc::make_mut(&mut object).properties;
            let mut seen = HashSet::new();
            for step in &self.steps[..index] {
                let ran = step.ran_before(asking);
                // Of several steps with one id, the last that ran counts.
                let may_count = ran.presence != Presence::Never(Absence::Skipped);
                if seen.insert(&step.id) || may_count {
                    properties.insert(step.id.clone(), ran);
                }
            }
        }
        Type::Object(object)
    }
}

impl Known {
    /// What there is of it for a later step that has this condition.
    fn ran_before(&self, asking: &Condition) -> Property {
        let presence = self.condition.outputs_for(&self.id, asking);
        Property::new(self.ty.clone(), presence)
    }
}

impl Steps {
    fn before_all(steps: &[Known]) -> Self {
        let later = |step: &Known| {
            let presence = Presence::Never(Absence::LaterStep);
            (step.id.clone(), Property::new(step.ty.clone(), presence))
        };
        // Of several steps with one id, the next is the one that will be there.
        let properties = steps.iter().rev().map(later).collect();
        let rest = Rest::Closed;
        let mut steps_before = Self {
            index: 0,
            object: Arc::new(Object { properties, rest }),
        };
        steps_before.at(steps);
        steps_before
    }

    /// Goes on to before another step, or behind the last.
    fn go_on(&mut self, steps: &[Known], index: usize) {
        if index < self.index {
            *self = Self::before_all(steps);
        }
        while self.index < index {
            let step = &steps[self.index];
            // Of several steps with one id, the last that ran counts.
            Arc::make_mut(&mut self.object)
                .properties
                .insert(step.id.clone(), step.ran_before(&Condition::default()));
            self.index += 1;
            self.at(steps);
        }
    }

    /// Says that the step is the one that asks, unless one of the same id ran.
    fn at(&mut self, steps: &[Known]) {
        let Some(step) = steps.get(self.index) else {
            return;
        };
        if let Some(property) = Arc::make_mut(&mut self.object).properties.get_mut(&step.id)
            && property.presence == Presence::Never(Absence::LaterStep)
        {
            property.presence = Presence::Never(Absence::ThisStep);
        }
    }
}

impl Condition {
    fn of(condition: Option<&Node>) -> Self {
        let Some(condition) = condition else {
            return Self::default();
        };
        let Some(text) = condition.as_str() else {
            let never = matches!(condition.value, Value::Bool(false));
            return Self {
                may_be_skipped: never,
                ..Self::default()
            };
        };
        let Ok(parsed) = expression::parse(text) else {
            return Self::default();
        };
        let looks_at = parsed.looks_at();
        let asks = |function: &str| looks_at.contains(function);
        Self {
            after_failure: asks("always") || asks("failure"),
            // `always()` alone is always true.
            may_be_skipped: parsed.sole_expression().is_some()
                && !(looks_at.len() == 1 && asks("always")),
            looks_at,
            equals: parsed
                .sole_expression()
                .map(expression::equalities)
                .unwrap_or_default(),
        }
    }

    /// Whether the outputs of a step with this condition are there for one with the condition `asking`. Two
    /// conditions that look at the same thing are taken to agree, unless they want other values of it.
    fn outputs_for(&self, id: &str, asking: &Self) -> Presence {
        let other_value = |(path, value): (&String, &String)| {
            asking.equals.get(path).is_some_and(|other| other != value)
        };
        if self.equals.iter().any(other_value) {
            return Presence::Never(Absence::Skipped);
        }
        let agree = asking.looks_at.contains(&format!("steps.{id}"))
            || !self.looks_at.is_disjoint(&asking.looks_at);
        if agree {
            Presence::Always
        } else if asking.after_failure {
            Presence::Maybe(Absence::Failed)
        } else if self.may_be_skipped {
            Presence::Maybe(Absence::Skipped)
        } else {
            Presence::Always
        }
    }
}

/// What stands under a condition is evaluated only if that is true.
fn assume(env: &mut Env, condition: Option<&Node>) {
    if let Some(Ok(condition)) = condition.and_then(Node::as_str).map(expression::parse) {
        env.assume(&condition);
    }
}

fn user() -> Type {
    let any = || Type::map_of(Type::Any);
    let entity = Type::record([
        ("apiVersion", Type::String),
        ("kind", Type::String),
        ("metadata", any()),
        ("spec", any()),
        ("relations", Type::array(Type::Any)),
        ("status", Type::Any),
    ]);
    Type::record([("entity", entity), ("ref", Type::String)])
}

/// The type of a step's outputs.
fn outputs(step: &Step, action: Option<&Action>) -> Type {
    let outputs = action.and_then(Action::output_type).cloned();
    let outputs = outputs.unwrap_or_else(|| Type::map_of(Type::Any));
    if step.get("each").is_none() {
        return outputs;
    }
    let Type::Object(object) = &outputs else {
        return outputs;
    };
    // Each time the action runs it adds one item to every output.
    let mut object = (**object).clone();
    for property in object.properties.values_mut() {
        property.ty = Type::array(property.ty.clone());
    }
    if let Rest::Open(ty) = &object.rest {
        object.rest = Rest::Open(Type::array(ty.clone()));
    }
    Type::Object(Arc::new(object))
}
