//! What people and companies consist of (the standard model of 2.43; twenty-standard-application/utils/field-metadata).

use super::state::Release;

/// What a field holds. A composite has parts of its own.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Kind {
    Uuid,
    Text,
    DateTime,
    Json,
    Position,
    Composite(&'static [&'static str]),
}

pub(super) const FULL_NAME: Kind = Kind::Composite(&["firstName", "lastName"]);
pub(super) const EMAILS: Kind = Kind::Composite(&["primaryEmail", "additionalEmails"]);
pub(super) const PHONES: Kind = Kind::Composite(&[
    "primaryPhoneNumber",
    "primaryPhoneCountryCode",
    "primaryPhoneCallingCode",
    "additionalPhones",
]);
pub(super) const LINKS: Kind =
    Kind::Composite(&["primaryLinkLabel", "primaryLinkUrl", "secondaryLinks"]);
const ACTOR: Kind = Kind::Composite(&["source", "workspaceMemberId", "name", "context"]);

/// Parts of composites that hold a list.
pub(super) const LISTS: [&str; 4] = [
    "additionalEmails",
    "additionalPhones",
    "secondaryLinks",
    "context",
];

/// A kind of record.
pub(super) struct Object {
    pub(super) singular: &'static str,
    pub(super) plural: &'static str,
    fields: &'static [(&'static str, Kind)],
    /// Fields of workspaces that were made before the standard model lost them.
    old_fields: &'static [(&'static str, Kind)],
    /// A field and a part of it, no two records with the same one, deleted ones included: the index has no WHERE
    /// (utils/index/compute-person-standard-flat-index-metadata.util.ts).
    pub(super) unique: (&'static str, &'static str),
    /// A field that names a record of another kind, and how that record is shown.
    pub(super) relation: Option<(&'static str, &'static str)>,
}

const PERSON: Object = Object {
    singular: "person",
    plural: "people",
    fields: &[
        ("id", Kind::Uuid),
        ("createdAt", Kind::DateTime),
        ("updatedAt", Kind::DateTime),
        ("deletedAt", Kind::DateTime),
        ("name", FULL_NAME),
        ("emails", EMAILS),
        ("phones", PHONES),
        ("jobTitle", Kind::Text),
        ("linkedinLink", LINKS),
        ("avatarUrl", Kind::Text),
        ("avatarFile", Kind::Json),
        ("position", Kind::Position),
        ("createdBy", ACTOR),
        ("updatedBy", ACTOR),
        ("companyId", Kind::Uuid),
    ],
    old_fields: &[("city", Kind::Text), ("xLink", LINKS)],
    unique: ("emails", "primaryEmail"),
    relation: Some(("companyId", "company")),
};

const COMPANY: Object = Object {
    singular: "company",
    plural: "companies",
    fields: &[
        ("id", Kind::Uuid),
        ("createdAt", Kind::DateTime),
        ("updatedAt", Kind::DateTime),
        ("deletedAt", Kind::DateTime),
        ("name", Kind::Text),
        ("domainName", LINKS),
        ("linkedinLink", LINKS),
        ("address", Kind::Json),
        ("annualRevenue", Kind::Json),
        ("position", Kind::Position),
        ("createdBy", ACTOR),
        ("updatedBy", ACTOR),
        ("accountOwnerId", Kind::Uuid),
    ],
    old_fields: &[("employees", Kind::Json), ("xLink", LINKS)],
    unique: ("domainName", "primaryLinkUrl"),
    relation: None,
};

pub(super) const OBJECTS: [&Object; 2] = [&PERSON, &COMPANY];

impl Object {
    pub(super) fn fields(
        &self,
        release: Release,
    ) -> impl Iterator<Item = (&'static str, Kind)> + use<> {
        let old = match release {
            Release::V1 => self.old_fields,
            _ => &[],
        };
        self.fields.iter().chain(old).copied()
    }

    pub(super) fn field(&self, name: &str, release: Release) -> Option<Kind> {
        let mut fields = self.fields(release);
        fields
            .find(|(known, _)| *known == name)
            .map(|(_, kind)| kind)
    }

    /// `Person`
    pub(super) fn type_name(&self) -> String {
        capital(self.singular)
    }
}

pub(super) fn capital(name: &str) -> String {
    let (first, rest) = name.split_at(name.len().min(1));
    first.to_uppercase() + rest
}
