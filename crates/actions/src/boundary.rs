//! The boundary of an organization (tenant): which part of a service is its own.
//!
//! A connection knows its tenants; a run's client knows the boundary of the one that the run is done for. Actions
//! take defaults from it, and check against it what an input names and what the service answers. Without configured
//! tenants there is no boundary, and everything is within it.

use std::{collections::BTreeMap, sync::Arc};

use sidestage_action::{Error, Result, Service};

/// What an organization is at a connection.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Tenant {
    /// Its organization in the service, where the service has organizations.
    pub organization: Option<String>,
    /// Its team in the service, where the service has teams.
    pub team: Option<String>,
    /// The templates that it may use. None: any that is its own.
    pub templates: Option<Vec<String>>,
    /// The domains of its people's e-mail addresses. Empty: any.
    pub email_domains: Vec<String>,
}

/// What of a service is a tenant's.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Share {
    /// All that the connection's credential sees.
    Connection,
    /// An organization.
    Organization,
    /// A team.
    Team,
}

impl Share {
    fn word(self) -> &'static str {
        match self {
            Share::Connection => "connection",
            Share::Organization => "organization",
            Share::Team => "team",
        }
    }

    /// The tenant's name for it, or what is wrong with the configuration.
    fn own(self, tenant: &Tenant) -> Result<String, String> {
        let (given, other) = match self {
            Share::Connection => (
                Some(String::new()),
                tenant.organization.as_ref().or(tenant.team.as_ref()),
            ),
            Share::Organization => (tenant.organization.clone(), tenant.team.as_ref()),
            Share::Team => (tenant.team.clone(), tenant.organization.as_ref()),
        };
        match (given, other) {
            (Some(own), None) => Ok(own),
            (_, Some(_)) => Err(match self {
                Share::Connection => "takes neither organization nor team: all of the connection is one organization's".into(),
                share => format!("takes {}, and nothing else, to say what is its own there", share.word()),
            }),
            (None, None) => Err(format!("needs {}: what is its own there", self.word())),
        }
    }
}

/// The tenants of a connection. None: no tenants are configured.
#[derive(Clone, Debug)]
pub(crate) struct Tenants(Option<BTreeMap<String, Boundary>>);

impl Tenants {
    pub(crate) fn new(
        connection: &str,
        service: Service,
        share: Share,
        tenants: Option<&BTreeMap<String, Tenant>>,
    ) -> Result<Self> {
        let Some(tenants) = tenants else {
            return Ok(Tenants(None));
        };
        let mut named: BTreeMap<&String, String> = BTreeMap::new();
        for (name, tenant) in tenants {
            let refuse = |what: String| {
                let place = format!("organizations.{name}.connections.{connection}");
                Err(Error::invalid(&place, format!("{place} {what}")))
            };
            let own = match share.own(tenant) {
                Ok(own) => own,
                Err(what) => return refuse(what),
            };
            if let Some((other, _)) = named.iter().find(|(_, of)| of.eq_ignore_ascii_case(&own)) {
                return refuse(format!(
                    "names the {} that is {other}'s already; what two organizations share keeps nothing apart",
                    share.word()
                ));
            }
            named.insert(name, own);
        }
        let boundary = |(name, tenant): (&String, &Tenant)| {
            let others = named.iter().filter(|(other, _)| **other != name);
            let within = Within {
                tenant: name.clone(),
                service,
                share,
                own: named.get(name).cloned().unwrap_or_default(),
                others: others.map(|(_, own)| own.clone()).collect(),
                templates: tenant.templates.clone(),
                email_domains: tenant.email_domains.clone(),
            };
            (name.clone(), Boundary(Some(Arc::new(within))))
        };
        Ok(Tenants(Some(tenants.iter().map(boundary).collect())))
    }

    /// Whether a run for that organization may use the connection at all.
    pub(crate) fn include(&self, organization: Option<&str>) -> bool {
        match (&self.0, organization) {
            (None, _) => true,
            (Some(tenants), Some(organization)) => tenants.contains_key(organization),
            (Some(_), None) => false,
        }
    }

    /// The boundary of a run for that organization.
    pub(crate) fn boundary(
        &self,
        service: Service,
        organization: Option<&str>,
    ) -> Result<Boundary> {
        match (&self.0, organization) {
            (None, _) => Ok(Boundary(None)),
            (Some(_), None) => Err(Error::invalid("organization", "organization is required.")),
            (Some(tenants), Some(organization)) => tenants
                .get(organization)
                .cloned()
                .ok_or_else(|| no_connection(service, organization)),
        }
    }
}

pub(crate) fn no_connection(service: Service, organization: &str) -> Error {
    Error::forbidden(format!(
        "The organization {organization} has no connection to {} in Sidestage's configuration.",
        service.name
    ))
}

/// The boundary that a run has to keep to.
#[derive(Clone, Debug)]
pub(crate) struct Boundary(Option<Arc<Within>>);

#[derive(Debug)]
struct Within {
    tenant: String,
    service: Service,
    share: Share,
    /// What is the tenant's own, by its name in the service.
    own: String,
    /// What is other tenants'.
    others: Vec<String>,
    templates: Option<Vec<String>>,
    email_domains: Vec<String>,
}

impl Boundary {
    /// What is the tenant's own, by its name in the service. None: there is no boundary.
    pub(crate) fn own(&self) -> Option<&str> {
        self.0.as_deref().map(|within| &*within.own)
    }

    /// What is other tenants', by the names in the service.
    pub(crate) fn others(&self) -> &[String] {
        self.0.as_deref().map_or(&[], |within| &within.others)
    }

    /// Whether what goes by this name in the service is within the boundary.
    pub(crate) fn includes(&self, name: &str) -> bool {
        self.own().is_none_or(|own| own.eq_ignore_ascii_case(name))
    }

    /// Checks what the service says of something that an input names: that it belongs to the tenant's own.
    pub(crate) fn check(&self, input: &str, belongs_to: &str) -> Result<()> {
        match &self.0 {
            Some(within) if !self.includes(belongs_to) => Err(within.refuse(input)),
            _ => Ok(()),
        }
    }

    /// What an input names, which must be the tenant's own; that is the default, too.
    pub(crate) fn choose(&self, input: &str, given: Option<String>) -> Result<Option<String>> {
        if let Some(given) = &given {
            self.check(input, given)?;
        }
        Ok(given.or_else(|| self.own().map(str::to_owned)))
    }

    /// Whether the tenant may use a template of its own.
    pub(crate) fn allows_template(&self, name: &str) -> bool {
        let templates = self
            .0
            .as_deref()
            .and_then(|within| within.templates.as_ref());
        templates.is_none_or(|templates| templates.iter().any(|one| one.eq_ignore_ascii_case(name)))
    }

    /// Checks that the tenant may use a template of its own.
    pub(crate) fn check_template(&self, input: &str, name: &str) -> Result<()> {
        match self.0.as_deref() {
            Some(Within {
                tenant,
                templates: Some(templates),
                ..
            }) if !self.allows_template(name) => {
                let sentence = format!(
                    "The organization {tenant} may not use the template {name}; it may use: {}.",
                    templates.join(", ")
                );
                Err(Error::forbidden(sentence).with_fields(field(input)))
            }
            _ => Ok(()),
        }
    }

    /// Checks that an address may be that of one of the tenant's people.
    pub(crate) fn check_email(&self, input: &str, email: &str) -> Result<()> {
        match self.0.as_deref() {
            Some(within) if !within.has_domain(email).unwrap_or(true) => {
                let sentence = format!(
                    "The people of the organization {} have addresses of these domains: {}.",
                    within.tenant,
                    within.email_domains.join(", ")
                );
                Err(Error::forbidden(sentence).with_fields(field(input)))
            }
            _ => Ok(()),
        }
    }

    /// Whether an account with this address may be one of the tenant's people, although it is not in the tenant's own
    /// yet: only the domain of its address can say so.
    pub(crate) fn may_take_in(&self, email: &str) -> bool {
        let within = self.0.as_deref();
        within.is_none_or(|within| within.has_domain(email) == Some(true))
    }

    /// Whether the tenant's people may have addresses of any domain.
    pub(crate) fn takes_any_domain(&self) -> bool {
        let within = self.0.as_deref();
        within.is_none_or(|within| within.email_domains.is_empty())
    }

    /// An account that is not the tenant's to use.
    pub(crate) fn not_ours(&self, account: &str) -> Error {
        let Some(within) = &self.0 else {
            return Error::forbidden(format!("The account {account} is nobody's to use."));
        };
        let Within {
            tenant,
            service: Service { name, .. },
            share,
            own,
            ..
        } = &**within;
        Error::forbidden(format!(
            "The account {account} is not in {own}, {tenant}'s {} in {name}, and its address does not say that it may \
             be. An administrator of {name} has to put it there first, or emailDomains of {tenant} in Sidestage's \
             configuration has to have its domain.",
            share.word()
        ))
    }

    /// An account that is others', too: what is done to all of it is not one tenant's to do.
    pub(crate) fn not_ours_alone(&self, account: &str) -> Error {
        let (tenant, service) = match &self.0 {
            Some(within) => (&*within.tenant, within.service.name),
            None => ("", ""),
        };
        Error::forbidden(format!(
            "The account {account} is another organization's, too, so {tenant} alone may not do this to all of it. An \
             administrator of {service} has to."
        ))
    }
}

impl Within {
    fn refuse(&self, input: &str) -> Error {
        let Within {
            tenant,
            service: Service { name, .. },
            share,
            own,
            ..
        } = self;
        let sentence = format!(
            "That is not within the organization {tenant}: its {} in {name} is {own}.",
            share.word()
        );
        Error::forbidden(sentence).with_fields(field(input))
    }

    /// None: any domain will do.
    fn has_domain(&self, email: &str) -> Option<bool> {
        let own = email.rsplit('@').next().unwrap_or_default();
        (!self.email_domains.is_empty()).then(|| {
            self.email_domains
                .iter()
                .any(|domain| domain.eq_ignore_ascii_case(own))
        })
    }
}

fn field(input: &str) -> Vec<sidestage_action::FieldError> {
    vec![sidestage_action::FieldError {
        field: format!("/{input}"),
        detail: "is not within the organization".into(),
    }]
}
