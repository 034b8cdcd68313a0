//! A company that is made.

use serde_json::{Map, Value, json};
use sidestage_action::{Difference, Effect, Error, Result};
use uuid::Uuid;

use super::{
    bin::in_the_bin,
    client::{Client, Company, Kind, Link},
    lookup, own_id, refusals, values,
};

/// The company that is asked for. With a domain it is known by that, which Twenty keeps unique; names are not.
pub(super) struct NewCompany<'a> {
    pub(super) client: &'a Client,
    pub(super) name: &'a str,
    pub(super) domain: Option<&'a str>,
    pub(super) linkedin: Option<&'a str>,
    /// Whether one that is deleted may be used.
    pub(super) restore: bool,
    /// Whether it is named only: then the one with the domain is it, whatever its name, and without a domain (or where the
    /// name is one) the only one of this name.
    pub(super) named: bool,
}

impl NewCompany<'_> {
    pub(super) fn own_id(&self) -> Option<Uuid> {
        let has_no_domain = self.domain.is_none();
        has_no_domain.then(|| own_id::of(Kind::Company, &values::words(self.name)))
    }
}

impl Effect for NewCompany<'_> {
    type Object = Company;

    fn kind(&self) -> &'static str {
        "company"
    }

    fn key(&self) -> String {
        self.domain.unwrap_or(self.name).into()
    }

    async fn find(&self) -> Result<Option<Company>> {
        if let Some(domain) = self.domain
            && let Some(found) = lookup::by_domain(self.client, domain).await?
        {
            return Ok(Some(found));
        }
        let by_name = self
            .domain
            .is_none_or(|domain| values::alike(domain, self.name));
        if self.named
            && by_name
            && let Some(found) = lookup::by_name(self.client, self.name).await?
        {
            return Ok(Some(found));
        }
        match self.own_id() {
            Some(id) => self.client.by_id(id).await,
            None => Ok(None),
        }
    }

    async fn differences(&self, found: &Company) -> Result<Vec<Difference>> {
        if found.deleted_at.is_some() && !self.restore {
            let remedy = match self.named {
                true => {
                    "Restore it in Twenty, or by twenty:create-company with restore; or name another company."
                }
                false => "Set restore to use that record, or destroy it in Twenty.",
            };
            return Err(in_the_bin(Kind::Company, &self.key(), remedy));
        }
        if self.named {
            return Ok(Vec::new());
        }
        let mut differences = Vec::new();
        if !values::alike(&found.name, self.name) {
            differences.extend(Difference::between("name", &found.name, self.name));
        }
        let linkedin = found.linkedin_link.primary_link_url.trim_end_matches('/');
        if let Some(asked) = self.linkedin {
            let found = if linkedin.is_empty() {
                "none"
            } else {
                linkedin
            };
            differences.extend(Difference::between("linkedinUrl", found, asked));
        }
        Ok(differences)
    }

    fn remedy(&self) -> String {
        "Change the company in Twenty, or ask for what is there.".into()
    }

    async fn create(&self) -> Result<Company> {
        let mut data = Map::<String, Value>::new();
        data.insert("name".into(), self.name.into());
        if let Some(domain) = self.domain {
            let url = values::ways_to_write(domain).remove(0);
            data.insert("domainName".into(), json!({ "primaryLinkUrl": url }));
        }
        if let Some(url) = self.linkedin {
            data.insert("linkedinLink".into(), json!({ "primaryLinkUrl": url }));
        }
        if let Some(id) = self.own_id() {
            data.insert("id".into(), json!(id));
        }
        let made = self.client.create(&data.into()).await;
        let what = format!("the company {}", self.name);
        made.map_err(|refused| refusals::explain(&what, refused))
    }

    fn preview(&self) -> Company {
        Company {
            name: self.name.into(),
            domain_name: Link {
                primary_link_url: self.domain.unwrap_or_default().into(),
                ..Link::default()
            },
            ..Company::default()
        }
    }

    fn id(&self, company: &Company) -> String {
        company.id.to_string()
    }
}

/// That there is already a company of this name, which may be the one that is meant, or not.
pub(super) fn namesake(name: &str, other: &Company) -> Error {
    Error::conflict(format!(
        "Twenty has a company {name} already ({}), and names are not unique there. Give domain, or set allowNamesake to make \
         another one of this name.",
        other.id
    ))
}
