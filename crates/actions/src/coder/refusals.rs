//! What Coder's refusal to make a workspace means to a person.

use sidestage_action::{Code, Effect, Error, FieldError};
use sidestage_upstream::StatusCode;

use super::{
    client::CreateError,
    parameters::{self, refused_values},
    workspace::Wanted,
};

impl Wanted<'_> {
    /// What Coder's refusal to make the workspace means.
    pub(super) fn refused(&self, refused: CreateError) -> Error {
        let CreateError {
            status,
            said,
            archived,
            error,
        } = refused;
        let (key, template) = (self.key(), &self.template.name);
        let owner = &self.owner.username;
        if archived {
            let sentence = format!(
                "The active version of the template {template} is archived. A Coder administrator has to publish one."
            );
            return Error::new(Code::UpstreamRejected, sentence).because(error);
        }
        let fields: Vec<FieldError> = said
            .validations
            .iter()
            .map(|validation| FieldError {
                field: field_of(&validation.field),
                detail: validation.detail.clone(),
            })
            .collect();
        let login = said
            .validations
            .iter()
            .find(|validation| validation.field == "external_auth");
        match status {
            Some(StatusCode::FORBIDDEN) if let Some(login) = login => {
                self.not_linked(&format!("{}, in Coder under account settings, external authentication,", login.detail)).because(error)
            }
            Some(StatusCode::FORBIDDEN) => Error::forbidden(format!(
                "Coder does not let the credential of this connection create {key} from the template {template}: {}.",
                said.to_string().trim_end_matches('.')
            ))
            .because(error),
            Some(StatusCode::NOT_FOUND) if said.message.starts_with("Resource not found") => {
                let organization = &self.template.organization_name;
                Error::not_found(format!(
                    "Coder does not create {key}: {owner} is no member of the organization {organization}, which has \
                     the template {template}, or the credential of this connection may not see it."
                ))
                .because(error)
            }
            Some(StatusCode::CONFLICT) => Error::conflict(format!(
                "Coder says that there is a workspace {key} and does not show it: it is just being deleted, or the \
                 credential of this connection may not see it. Run the step again later, or choose another \
                 workspaceName."
            ))
            .because(error),
            Some(StatusCode::NOT_ACCEPTABLE) => Error::new(
                Code::UpstreamUnavailable,
                format!("Coder is still importing the version of the template {template}. Run the step again in a minute."),
            )
            .because(error),
            Some(StatusCode::BAD_REQUEST) if said.message.starts_with("Unable to validate parameter") => {
                let fields = match fields.is_empty() {
                    false => fields,
                    // The classic flow names the parameter in its message: Unable to validate parameter "x"
                    true => {
                        let name = said.message.split('"').nth(1).unwrap_or_default();
                        vec![FieldError { field: parameters::pointer(name), detail: said.detail.clone() }]
                    }
                };
                refused_values(&self.template, fields).because(error)
            }
            Some(StatusCode::BAD_REQUEST) if !said.message.is_empty() => {
                let sentence = format!("Coder refuses to create {key}: {}.", said.to_string().trim_end_matches('.'));
                Error::new(Code::InvalidInput, sentence).with_fields(fields).because(error)
            }
            _ => error,
        }
    }
}

/// The input that a field of Coder's request was made from.
fn field_of(field: &str) -> String {
    match field {
        "name" => "/workspaceName".into(),
        "template_id" | "template_version_id" => "/template".into(),
        "template_version_preset_id" => "/preset".into(),
        "ttl_ms" => "/ttl".into(),
        "schedule" => "/autostart".into(),
        parameter => parameters::pointer(parameter),
    }
}
