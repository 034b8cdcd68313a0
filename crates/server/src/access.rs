//! Whether a caller may do something: one question to the policies, one line in the audit log, one sentence for who
//! is refused.

use sidestage_action::{Error, Principal, Result};
use sidestage_policy::{Action, Decision, KeyScope, Kind, Policies, Question, Sources, Subject};

use crate::{
    audit::{Asked, Audit},
    auth::Caller,
    config::{self, Config},
    organizations::{Organizations, names},
};

/// Who may do what.
pub(crate) struct Access {
    organizations: Organizations,
    policies: Policies,
    audit: Audit,
}

/// What a caller wants.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Wanted<'a> {
    /// `coder:create-workspace`, or `coder:options`.
    pub(crate) action: &'a str,
    pub(crate) organization: Option<&'a str>,
    /// As far as it is known.
    pub(crate) connection: Option<&'a str>,
    pub(crate) dry_run: bool,
}

/// The policies of a configuration, for these actions.
pub(crate) fn policies(
    config: &Config,
    tenancy: bool,
    actions: Vec<Action>,
) -> Result<Policies, config::Error> {
    let keys = config.auth.keys.iter().map(|key| KeyScope {
        name: key.name.clone(),
        actions: key.actions.clone(),
        options: key.options.clone(),
    });
    let sources = Sources {
        actions,
        tenancy,
        default: config.policy.default,
        keys: keys.collect(),
        folder: config.policy.folder.clone(),
    };
    Policies::load(sources).map_err(|error| config::Error(format!("policy: {error}")))
}

impl Access {
    pub(crate) fn new(organizations: Organizations, policies: Policies, audit: Audit) -> Self {
        Access {
            organizations,
            policies,
            audit,
        }
    }

    /// Whether organizations are kept apart.
    pub(crate) fn tenancy(&self) -> bool {
        self.organizations.are_configured()
    }

    pub(crate) fn audit(&self) -> &Audit {
        &self.audit
    }

    /// Reads the policies again, where their folder has changed. Whether it has.
    pub(crate) fn reload_policies(&self) -> Result<bool, sidestage_policy::Error> {
        self.policies.reload()
    }

    /// The organization that a request of the caller's is for.
    pub(crate) fn target(&self, caller: &Caller, named: Option<&str>) -> Result<Option<String>> {
        self.organizations.target(named, &caller.memberships)
    }

    /// Lets the caller, or says why not. Either stands in the audit log.
    pub(crate) fn check(&self, caller: &Caller, wanted: Wanted<'_>) -> Result<()> {
        let decision = self.decide(caller, wanted);
        let Wanted {
            action,
            organization,
            connection,
            dry_run,
        } = wanted;
        let asked = Asked {
            principal: &caller.principal,
            name: caller.name.as_deref(),
            memberships: &caller.memberships,
            action,
            organization,
            connection,
            dry_run,
            trace: &caller.trace,
        };
        self.audit.decision(&asked, &decision);
        if decision.allowed {
            return Ok(());
        }
        let policies = decision.policies.join(", ");
        tracing::warn!(principal = %caller.principal, action, organization, policies, "refused");
        Err(Error::forbidden(self.why_not(caller, wanted, &decision)))
    }

    /// Whether the caller may do it for one of their organizations at least: what a list shows. A plugin that asks
    /// for itself, as Backstage does to know which actions there are, is shown all.
    pub(crate) fn may_some(&self, caller: &Caller, action: &str) -> bool {
        if matches!(caller.principal, Principal::Backstage { user: None, .. }) {
            return true;
        }
        let may = |organization: Option<&str>| {
            let wanted = Wanted {
                action,
                organization,
                connection: None,
                dry_run: false,
            };
            self.decide(caller, wanted).allowed
        };
        match self.organizations.are_configured() {
            true => caller
                .memberships
                .iter()
                .any(|one| may(Some(&one.organization))),
            false => may(None),
        }
    }

    fn decide(&self, caller: &Caller, wanted: Wanted<'_>) -> Decision {
        self.policies.decide(&Question {
            subject: &caller.subject(),
            action: wanted.action,
            organization: wanted.organization,
            connection: wanted.connection,
            dry_run: wanted.dry_run,
        })
    }

    fn why_not(&self, caller: &Caller, wanted: Wanted<'_>, decision: &Decision) -> String {
        let what = match wanted.action.strip_suffix(":options") {
            Some(provider) => format!("read the options of {provider}"),
            None => format!("run {}", wanted.action),
        };
        let for_whom = match wanted.organization {
            Some(organization) if self.organizations.are_configured() => {
                format!(" for {organization}")
            }
            _ => String::new(),
        };
        match &caller.principal {
            Principal::Backstage { plugin, user: None } => format!(
                "Nobody stands behind this call: the Backstage plugin {plugin} made it for itself. Start the template as \
                 a signed-in user."
            ),
            _ if !decision.errors.is_empty() => format!(
                "Sidestage could not evaluate its policies, and so allows nobody to {what}{for_whom}. Its audit log has \
                 the reason."
            ),
            _ if !decision.policies.is_empty() => format!(
                "You may not {what}{for_whom}: {} of Sidestage's policies forbids it.",
                decision.policies.join(", ")
            ),
            Principal::Key { name } => {
                format!("The key {name} may not {what}{for_whom}; auth.keys lists what it may.")
            }
            _ => {
                let is_member = |organization: &str| {
                    let mut all = caller.memberships.iter();
                    all.any(|one| one.organization == organization)
                };
                match (self.organizations.are_configured(), &*caller.memberships) {
                    (true, []) => {
                        "You are in none of the organizations of Sidestage's configuration.".into()
                    }
                    (true, all) if !wanted.organization.is_some_and(is_member) => format!(
                        "You may not {what}{for_whom}: you are not in that organization, but in {}.",
                        names(all)
                    ),
                    _ => {
                        format!("You may not {what}{for_whom}: no policy of Sidestage's allows it.")
                    }
                }
            }
        }
    }
}

impl Caller {
    /// The caller, as policies see them.
    pub(crate) fn subject(&self) -> Subject {
        let (kind, id) = match &self.principal {
            Principal::Backstage { user: None, plugin } => (Kind::Plugin, plugin.clone()),
            Principal::Key { name } => (Kind::Key, name.clone()),
            person => (Kind::User, person.to_string()),
        };
        let organizations = self.memberships.iter().map(|one| one.organization.clone());
        Subject {
            kind,
            id,
            groups: self.groups.all(),
            organizations: organizations.collect(),
        }
    }
}
