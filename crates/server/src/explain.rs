//! Whether somebody may do something, and why: what `sidestage policy explain` says. Nothing is called.

use sidestage_actions::Registry;
use sidestage_policy::{Kind, Question, Subject};

use crate::{
    access,
    auth::matches,
    config::{Config, Error},
    organizations::{Groups, Organizations},
    serve::known_actions,
};

/// Who would do what.
#[derive(Clone, Debug)]
pub struct Asked {
    /// `user:default/jane`, `keycloak:<id>`, or `key:ci`.
    pub who: String,
    /// The groups that the issuer of their token would say they are in.
    pub groups: Groups,
    /// `coder:create-workspace`
    pub action: String,
    /// For which organization.
    pub organization: Option<String>,
    /// Through which connection.
    pub connection: Option<String>,
}

/// The answer.
#[derive(Clone, Debug)]
pub struct Explanation {
    /// Whether they may.
    pub allowed: bool,
    /// The reasons, a sentence each.
    pub reasons: Vec<String>,
}

/// Whether somebody may do something by this configuration, and why.
///
/// # Errors
/// What is wrong with the configuration, or with what is asked.
pub fn explain(config: &Config, asked: &Asked) -> Result<Explanation, Error> {
    let organizations = Organizations::new(config)?;
    let registry = Registry::new(Vec::new()).map_err(|error| Error(error.to_string()))?;
    if registry.get(&asked.action).is_none() && !asked.action.ends_with(":options") {
        return Err(Error(format!("there is no action {}", asked.action)));
    }
    let tenancy = organizations.are_configured();
    let policies = access::policies(config, tenancy, known_actions(&registry))?;

    let mut reasons = Vec::new();
    let (kind, id, groups) = match asked.who.strip_prefix("key:") {
        None => (Kind::User, asked.who.clone(), asked.groups.clone()),
        Some(name) => {
            let key = config.auth.keys.iter().find(|key| key.name == name);
            let key = key.ok_or_else(|| Error(format!("auth.keys has no key {name}")))?;
            if !key.actions.iter().any(|glob| matches(glob, &asked.action)) {
                reasons.push(format!("The key {name} is for {}.", key.actions.join(", ")));
            }
            let groups = Groups {
                names: key.organizations.clone(),
                ..Groups::default()
            };
            (Kind::Key, name.to_owned(), groups)
        }
    };
    let memberships = organizations.of(&groups);
    let who = &asked.who;
    let organization = asked.organization.as_deref();
    match (tenancy, organization) {
        (false, _) => {
            reasons.push("No organizations are configured, so none are kept apart.".into())
        }
        (true, None) => reasons.push("No organization was named; a run needs one.".into()),
        (true, Some(wanted)) => {
            let own = memberships.iter().find(|one| one.organization == wanted);
            reasons.push(match own {
                Some(own) => format!("{who} is in {wanted} by {}.", own.by),
                None => format!(
                    "{who} is not in {wanted}; {}",
                    organizations.say_members(wanted)
                ),
            });
        }
    }
    let subject = Subject {
        kind,
        id,
        groups: groups.all(),
        organizations: memberships
            .into_iter()
            .map(|one| one.organization)
            .collect(),
    };
    let decision = policies.decide(&Question {
        subject: &subject,
        action: &asked.action,
        organization,
        connection: asked.connection.as_deref(),
        dry_run: false,
    });
    let verb = if decision.allowed {
        "allows"
    } else {
        "forbids"
    };
    match &*decision.policies {
        [] => reasons.push("No policy allows it.".into()),
        all => reasons.extend(
            all.iter()
                .map(|policy| format!("The policy {policy} {verb} it.")),
        ),
    }
    let errors = decision.errors.iter();
    reasons.extend(errors.map(|error| format!("It cannot be evaluated: {error}")));
    Ok(Explanation {
        allowed: decision.allowed,
        reasons,
    })
}
