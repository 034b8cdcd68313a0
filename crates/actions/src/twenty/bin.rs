//! Into Twenty's bin and out of it. What is in it is hidden, can be restored, and keeps what it alone may have: the e-mail
//! address of a person, the domain of a company.

use sidestage_action::{Effect, Error, Result};
use uuid::Uuid;

use super::{
    client::{Client, Company, Kind, Person, Refused},
    refusals,
};

/// A record that is there, as far as the bin concerns it.
#[derive(Clone, Copy)]
pub(super) struct Of<'a> {
    pub(super) client: &'a Client,
    pub(super) kind: Kind,
    pub(super) id: Uuid,
    /// What it is called in sentences.
    pub(super) key: &'a str,
}

impl Of<'_> {
    /// Whether it is in the bin. None: there is no such record any more.
    async fn is_deleted(&self) -> Result<Option<bool>> {
        Ok(match self.kind {
            Kind::Person => {
                let found: Option<Person> = self.client.by_id(self.id).await?;
                found.map(|person| person.deleted_at.is_some())
            }
            Kind::Company => {
                let found: Option<Company> = self.client.by_id(self.id).await?;
                found.map(|company| company.deleted_at.is_some())
            }
        })
    }

    fn explain(&self, refused: Refused) -> Error {
        let what = format!("the {} {}", self.kind.name(), self.key);
        refusals::explain(&what, refused)
    }
}

/// Puts a record into the bin.
pub(super) struct Deletion<'a>(pub(super) Of<'a>);

impl Effect for Deletion<'_> {
    type Object = ();

    fn kind(&self) -> &'static str {
        match self.0.kind {
            Kind::Person => "deletion of person",
            Kind::Company => "deletion of company",
        }
    }

    fn key(&self) -> String {
        self.0.key.into()
    }

    /// One that was destroyed is deleted, too.
    async fn find(&self) -> Result<Option<()>> {
        let deleted = self.0.is_deleted().await?.unwrap_or(true);
        Ok(deleted.then_some(()))
    }

    async fn create(&self) -> Result<()> {
        let Of {
            client, kind, id, ..
        } = self.0;
        let done = client.delete(kind, id).await;
        done.map_err(|refused| self.0.explain(refused))
    }

    fn preview(&self) {}

    fn id(&self, (): &()) -> String {
        self.0.id.to_string()
    }
}

/// Takes a record out of the bin.
pub(super) struct Restoration<'a>(pub(super) Of<'a>);

impl Effect for Restoration<'_> {
    type Object = ();

    fn kind(&self) -> &'static str {
        match self.0.kind {
            Kind::Person => "restoration of person",
            Kind::Company => "restoration of company",
        }
    }

    fn key(&self) -> String {
        self.0.key.into()
    }

    async fn find(&self) -> Result<Option<()>> {
        match self.0.is_deleted().await? {
            Some(deleted) => Ok((!deleted).then_some(())),
            None => Err(Error::not_found(format!(
                "The {} {} was destroyed in Twenty, so it cannot be restored.",
                self.0.kind.name(),
                self.0.key
            ))),
        }
    }

    async fn create(&self) -> Result<()> {
        let Of {
            client, kind, id, ..
        } = self.0;
        let done = client.restore(kind, id).await;
        done.map_err(|refused| self.0.explain(refused))
    }

    fn preview(&self) {}

    fn id(&self, (): &()) -> String {
        self.0.id.to_string()
    }
}

/// That a record which is asked for is in the bin, and may stay there.
pub(super) fn in_the_bin(kind: Kind, key: &str, remedy: &str) -> Error {
    Error::conflict(format!(
        "The {} {key} is deleted in Twenty. {remedy}",
        kind.name()
    ))
}
