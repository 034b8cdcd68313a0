//! Changes to a person: made, and changed to what is asked for.

use serde_json::{Map, Value, json};
use sidestage_action::{Difference, Effect, Error, Result};
use uuid::Uuid;

use super::{
    bin::in_the_bin,
    client::{Client, Company, Emails, FullName, Kind, Link, Person, Phones},
    own_id, phone, refusals, values,
};

/// A person as the input describes them, in Twenty's forms. What is None is not asked for.
#[derive(Clone, Debug, Default)]
pub(super) struct Wanted {
    pub(super) name: FullName,
    pub(super) email: Option<String>,
    pub(super) phone: Option<String>,
    pub(super) job_title: Option<String>,
    pub(super) linkedin: Option<String>,
    pub(super) company: Option<WantedCompany>,
}

/// The company of the person.
#[derive(Clone, Debug)]
pub(super) struct WantedCompany {
    /// Nil in a dry run, of one that would be made.
    pub(super) id: Uuid,
    pub(super) name: String,
}

impl From<&Company> for WantedCompany {
    fn from(company: &Company) -> Self {
        WantedCompany {
            id: company.id,
            name: company.name.clone(),
        }
    }
}

impl Wanted {
    /// What the person is known by: the e-mail address, which Twenty keeps unique; otherwise everything that tells them
    /// from others of the same name.
    pub(super) fn key(&self) -> String {
        if let Some(email) = &self.email {
            return email.clone();
        }
        let mut parts = vec![self.name.whole()];
        parts.extend(self.phone.clone());
        parts.extend(self.company.as_ref().map(|company| company.id.to_string()));
        parts.join(", ")
    }

    /// The id that a person without an e-mail address is made with.
    pub(super) fn own_id(&self) -> Option<Uuid> {
        let has_none = self.email.is_none();
        has_none.then(|| own_id::of(Kind::Person, &self.key()))
    }

    fn what(&self) -> String {
        format!("the person {}", self.name.whole())
    }

    fn differences(&self, found: &Person) -> Vec<Difference> {
        let or_none = |text: &str| match text {
            "" => "none".to_owned(),
            text => text.to_owned(),
        };
        let mut differences = Vec::new();
        let mut compare = |what: &str, found: &str, asked: &str, same: bool| {
            if !same {
                differences.extend(Difference::between(what, &or_none(found), asked));
            }
        };
        let (name, asked) = (found.name.whole(), self.name.whole());
        compare("name", &name, &asked, values::alike(&name, &asked));
        if let Some(asked) = &self.phone {
            let phone = phone::of_record(&found.phones);
            compare("phone", &phone, asked, phone == *asked);
        }
        if let Some(asked) = &self.job_title {
            let same = values::alike(&found.job_title, asked);
            compare("jobTitle", &found.job_title, asked, same);
        }
        if let Some(asked) = &self.linkedin {
            let link = found.linkedin_link.primary_link_url.trim_end_matches('/');
            compare("linkedinUrl", link, asked, link == asked);
        }
        if let Some(asked) = &self.company {
            let company = found.company_id.map(|id| id.to_string());
            let same = found.company_id == Some(asked.id);
            let asked = match asked.id.is_nil() {
                true => asked.name.clone(),
                false => format!("{} ({})", asked.name, asked.id),
            };
            compare("company", &company.unwrap_or_default(), &asked, same);
        }
        differences
    }

    fn data(&self) -> Map<String, Value> {
        let FullName {
            first_name,
            last_name,
        } = &self.name;
        let mut data = Map::new();
        let name = json!({ "firstName": first_name, "lastName": last_name });
        data.insert("name".into(), name);
        let mut add = |field: &str, value: Option<Value>| {
            data.extend(value.map(|value| (field.to_owned(), value)));
        };
        let email = self.email.as_ref();
        add(
            "emails",
            email.map(|email| json!({ "primaryEmail": email })),
        );
        let phone = self.phone.as_ref();
        add(
            "phones",
            phone.map(|phone| json!({ "primaryPhoneNumber": phone })),
        );
        add(
            "jobTitle",
            self.job_title.as_ref().map(|title| json!(title)),
        );
        let linkedin = self.linkedin.as_ref();
        add(
            "linkedinLink",
            linkedin.map(|url| json!({ "primaryLinkUrl": url })),
        );
        let company = self.company.as_ref();
        add("companyId", company.map(|company| json!(company.id)));
        data
    }
}

/// The person that is asked for.
pub(super) struct NewPerson<'a> {
    pub(super) client: &'a Client,
    pub(super) wanted: &'a Wanted,
    /// Whether one that is deleted may be used.
    pub(super) restore: bool,
    /// Whether one that differs may be used.
    pub(super) update: bool,
}

impl Effect for NewPerson<'_> {
    type Object = Person;

    fn kind(&self) -> &'static str {
        "person"
    }

    fn key(&self) -> String {
        self.wanted.key()
    }

    async fn find(&self) -> Result<Option<Person>> {
        match (&self.wanted.email, self.wanted.own_id()) {
            (Some(email), _) => self.client.person_by_email(email).await,
            (None, Some(id)) => self.client.by_id(id).await,
            (None, None) => Ok(None),
        }
    }

    async fn differences(&self, found: &Person) -> Result<Vec<Difference>> {
        if found.deleted_at.is_some() && !self.restore {
            let remedy = match &self.wanted.email {
                Some(_) => {
                    "A deleted person keeps their e-mail address. Set restore to use that record, or destroy it in Twenty."
                }
                None => "Set restore to use that record, or destroy it in Twenty.",
            };
            return Err(in_the_bin(Kind::Person, &self.wanted.key(), remedy));
        }
        Ok(match self.update {
            true => Vec::new(),
            false => self.wanted.differences(found),
        })
    }

    fn remedy(&self) -> String {
        "Set updateExisting to change the person in Twenty, or leave out what differs to use them as they are.".into()
    }

    async fn create(&self) -> Result<Person> {
        let mut data = self.wanted.data();
        if let Some(id) = self.wanted.own_id() {
            data.insert("id".into(), json!(id));
        }
        let made = self.client.create(&data.into()).await;
        made.map_err(|refused| refusals::explain(&self.wanted.what(), refused))
    }

    fn preview(&self) -> Person {
        self.wanted.preview(Uuid::nil())
    }

    fn id(&self, person: &Person) -> String {
        person.id.to_string()
    }
}

impl Wanted {
    fn preview(&self, id: Uuid) -> Person {
        let text = |text: &Option<String>| text.clone().unwrap_or_default();
        Person {
            id,
            name: self.name.clone(),
            emails: Emails {
                primary_email: text(&self.email),
            },
            phones: Phones {
                primary_phone_number: text(&self.phone),
                ..Phones::default()
            },
            job_title: text(&self.job_title),
            linkedin_link: Link {
                primary_link_url: text(&self.linkedin),
                ..Link::default()
            },
            company_id: self.company.as_ref().map(|company| company.id),
            ..Person::default()
        }
    }
}

/// A person who is there, changed to what is asked for.
pub(super) struct PersonChange<'a> {
    pub(super) client: &'a Client,
    pub(super) wanted: &'a Wanted,
    /// As they are before it.
    pub(super) person: &'a Person,
}

impl PersonChange<'_> {
    /// The inputs that it would change.
    pub(super) fn of(&self, person: &Person) -> Vec<String> {
        let differences = self.wanted.differences(person).into_iter();
        differences.map(|difference| difference.what).collect()
    }

    /// What differs, and nothing else. Twenty replaces a field of several parts as a whole, so the parts that are not
    /// asked for are sent as they are.
    fn data(&self) -> Map<String, Value> {
        let differ = self.of(self.person);
        let mut data = self.wanted.data();
        data.retain(|field, _| {
            let input = match &**field {
                "phones" => "phone",
                "linkedinLink" => "linkedinUrl",
                "companyId" => "company",
                field => field,
            };
            differ.iter().any(|differs| differs == input)
        });
        let Person {
            phones,
            linkedin_link,
            ..
        } = self.person;
        let others = [
            ("phones", "additionalPhones", &phones.additional_phones),
            (
                "linkedinLink",
                "primaryLinkLabel",
                &linkedin_link.primary_link_label,
            ),
            (
                "linkedinLink",
                "secondaryLinks",
                &linkedin_link.secondary_links,
            ),
        ];
        for (field, part, value) in others {
            if let Some(changed) = data.get_mut(field)
                && !value.is_null()
            {
                changed[part] = value.clone();
            }
        }
        data
    }
}

impl Effect for PersonChange<'_> {
    type Object = Person;

    fn kind(&self) -> &'static str {
        "change of person"
    }

    fn key(&self) -> String {
        self.wanted.key()
    }

    async fn find(&self) -> Result<Option<Person>> {
        let found: Option<Person> = self.client.by_id(self.person.id).await?;
        let found = found.ok_or_else(|| {
            Error::not_found(format!(
                "Twenty does not have {} any more.",
                self.wanted.what()
            ))
        })?;
        Ok(self.of(&found).is_empty().then_some(found))
    }

    async fn create(&self) -> Result<Person> {
        let data = self.data().into();
        let changed = self.client.update(self.person.id, &data).await;
        changed.map_err(|refused| refusals::explain(&self.wanted.what(), refused))
    }

    fn preview(&self) -> Person {
        self.wanted.preview(self.person.id)
    }

    fn id(&self, person: &Person) -> String {
        person.id.to_string()
    }
}
