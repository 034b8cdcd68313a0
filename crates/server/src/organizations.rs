//! Which organizations (tenants) somebody belongs to, by what the issuer of their token says of their groups.

use std::collections::BTreeMap;

use serde_json::{Map, Value};
use sidestage_action::{Error, Result, schema};
use sidestage_actions::Tenant;

use crate::{auth::matches, config};

/// What the issuer of a token says about who sends it. Never what a request says.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Groups {
    /// Entity refs, from Backstage: `group:default/acme-corp`.
    pub backstage: Vec<String>,
    /// Paths, from Keycloak: `/acme-corp/engineering`.
    pub keycloak: Vec<String>,
    /// Aliases of organizations, from Keycloak: `acme`.
    pub aliases: Vec<String>,
    /// Names of the table's own, with `*` for any text: what a key is for.
    pub names: Vec<String>,
}

impl Groups {
    /// From the claims of a Keycloak token. The organization claim comes as a list of aliases, as a map whose keys
    /// they are, or as one alias.
    pub(crate) fn of_claims(claims: &Map<String, Value>, settings: &config::Keycloak) -> Self {
        let texts = |value: &Value| match value {
            Value::String(text) => vec![text.clone()],
            Value::Array(items) => items
                .iter()
                .filter_map(|item| item.as_str().map(str::to_owned))
                .collect(),
            Value::Object(map) => map.keys().cloned().collect(),
            _ => Vec::new(),
        };
        let claim = |name: &str| claims.get(name).map(texts).unwrap_or_default();
        Groups {
            keycloak: claim(&settings.groups_claim),
            aliases: claim(&settings.organization_claim),
            ..Groups::default()
        }
    }

    /// All of them, for policies.
    pub(crate) fn all(&self) -> Vec<String> {
        [&self.backstage, &self.keycloak]
            .into_iter()
            .flatten()
            .cloned()
            .collect()
    }
}

/// That somebody belongs to an organization, and by what.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Membership {
    /// The organization.
    pub organization: String,
    /// The group that makes it so.
    pub by: String,
}

/// The table of organizations. Empty: none are configured, and nothing is kept apart.
#[derive(Clone, Debug, Default)]
pub struct Organizations(BTreeMap<String, config::Organization>);

impl Organizations {
    /// From the configuration.
    ///
    /// # Errors
    /// An organization names a connection that is not configured.
    pub fn new(config: &config::Config) -> Result<Self, config::Error> {
        for (name, organization) in &config.organizations {
            for connection in organization.connections.keys() {
                if config.connections.contains_key(connection) {
                    continue;
                }
                let known = || config.connections.keys().map(String::as_str);
                let hint = match schema::nearest(connection, known()) {
                    Some(near) => format!("did you mean {near}?"),
                    None => format!(
                        "the connections are {}",
                        known().collect::<Vec<_>>().join(", ")
                    ),
                };
                return Err(config::Error(format!(
                    "organizations.{name}.connections: there is no connection {connection}; {hint}"
                )));
            }
        }
        Ok(Organizations(config.organizations.clone()))
    }

    /// Whether any are configured.
    pub fn are_configured(&self) -> bool {
        !self.0.is_empty()
    }

    /// What each of them is at a connection. None: none are configured.
    pub(crate) fn tenants_of(&self, connection: &str) -> Option<BTreeMap<String, Tenant>> {
        let tenant = |(name, organization): (&String, &config::Organization)| {
            let place = organization.connections.get(connection)?;
            let tenant = Tenant {
                organization: place.organization.clone(),
                team: place.team.clone(),
                templates: place.templates.clone(),
                email_domains: organization.email_domains.clone(),
            };
            Some((name.clone(), tenant))
        };
        self.are_configured()
            .then(|| self.0.iter().filter_map(tenant).collect())
    }

    /// Those that somebody with these groups belongs to.
    pub fn of(&self, groups: &Groups) -> Vec<Membership> {
        let by = |name: &String, members: &config::Members| {
            let backstage = groups.backstage.iter().find(|group| {
                let refs = &members.backstage_groups;
                refs.iter().any(|of| of.eq_ignore_ascii_case(group))
            });
            let keycloak = groups.keycloak.iter().find(|path| {
                let paths = &members.keycloak_groups;
                paths.iter().any(|of| is_below(of, path))
            });
            let alias = groups
                .aliases
                .iter()
                .find(|alias| members.keycloak_organizations.contains(alias));
            let named = groups.names.iter().find(|glob| matches(glob, name));
            backstage.or(keycloak).or(alias).or(named).cloned()
        };
        let memberships = self.0.iter().filter_map(|(name, organization)| {
            Some(Membership {
                organization: name.clone(),
                by: by(name, &organization.members)?,
            })
        });
        memberships.collect()
    }

    /// Who is in an organization, as a sentence.
    pub(crate) fn say_members(&self, name: &str) -> String {
        let Some(config::Organization { members, .. }) = self.0.get(name) else {
            return "there is no such organization.".into();
        };
        let all = [
            &members.backstage_groups,
            &members.keycloak_groups,
            &members.keycloak_organizations,
        ];
        let all: Vec<&str> = all.into_iter().flatten().map(String::as_str).collect();
        format!("its people are those of: {}.", all.join(", "))
    }

    /// The organization that a request is for: the one that it names, or the only one of the caller's. Whether the
    /// caller may act for it is a policy's to say.
    pub(crate) fn target(
        &self,
        named: Option<&str>,
        caller: &[Membership],
    ) -> Result<Option<String>> {
        match (named, caller) {
            (Some(named), _) => Ok(Some(named.to_owned())),
            (None, _) if !self.are_configured() => Ok(None),
            (None, []) => Ok(None),
            (None, [only]) => Ok(Some(only.organization.clone())),
            (None, several) => Err(Error::invalid(
                "organization",
                format!(
                    "organization is required, since you are in several: {}.",
                    names(several)
                ),
            )),
        }
    }
}

/// For a sentence.
pub(crate) fn names(memberships: &[Membership]) -> String {
    let names: Vec<&str> = memberships.iter().map(|one| &*one.organization).collect();
    names.join(", ")
}

/// Whether a path is that group's or one below it, by whole names: `/acme` is not above `/acme-evil`.
fn is_below(group: &str, path: &str) -> bool {
    let group = group.trim_end_matches('/');
    path.strip_prefix(group)
        .is_some_and(|rest| rest.is_empty() || rest.starts_with('/'))
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn a_group_is_below_another_by_whole_names() {
        for (group, path, expected) in [
            ("/acme", "/acme", true),
            ("/acme/", "/acme/engineering", true),
            ("/acme", "/acme-evil", false),
            ("/acme", "/globex/acme", false),
            ("/acme", "acme", false),
            ("/acme/ops", "/acme", false),
        ] {
            assert_eq!(is_below(group, path), expected, "{group} {path}");
        }
    }

    #[test]
    fn the_organization_claim_comes_in_three_shapes() {
        let settings: config::Keycloak =
            serde_json::from_value(json!({"issuer": "https://k", "clients": ["b"]})).unwrap();
        for shape in [
            json!(["acme"]),
            json!({"acme": {"id": "1", "attr": ["v"]}}),
            json!("acme"),
        ] {
            let claims = json!({ "organization": shape });
            let groups = Groups::of_claims(claims.as_object().unwrap(), &settings);
            assert_eq!(groups.aliases, ["acme"], "{claims}");
        }
        assert_eq!(Groups::of_claims(&Map::new(), &settings), Groups::default());
    }
}
