//! Every way in which Gitea refuses a change although nothing spoke against it before, and the sentence that a person
//! reads for it. Status and words of each are Gitea's own.

#![allow(clippy::unwrap_used)]

mod support;

use serde_json::{Value, json};
use support::Stage;

/// What a run says whose calls of this kind are refused so; without what it had made until then.
async fn said(
    action: &str,
    input: &Value,
    method: &'static str,
    path: &'static str,
    status: u16,
    message: &str,
) -> String {
    let stage = Stage::new().await;
    let refusal = json!({ "message": message, "url": "http://localhost:3000/api/swagger" });
    stage.wire.answer(method, path, status, refusal);
    support::said(&stage.run(action, input.clone()).await)
}

/// Refusals, one a line, as `status words`, and below it what a person reads.
async fn table(
    action: &str,
    input: Value,
    method: &'static str,
    path: &'static str,
    refusals: &[(u16, &str)],
) -> String {
    let mut lines = Vec::new();
    for (status, message) in refusals {
        let said = said(action, &input, method, path, *status, message).await;
        lines.push(format!("{status} {message}\n    {said}"));
    }
    lines.join("\n")
}

#[tokio::test]
async fn of_an_account() {
    let input = json!({"username": "katherine", "email": "katherine@example.com"});
    let refusals = [
        (422, "user already exists [name: katherine]"),
        (422, "e-mail already in use [email: katherine@example.com]"),
        (422, "name is reserved [name: katherine]"),
        (422, "name pattern is not allowed [pattern: *.png]"),
        (
            422,
            "name is invalid [katherine]: must be valid alpha or numeric or dash(-_) or dot characters",
        ),
        (422, "[Username]: invalid username"),
        (422, "e-mail invalid [email: katherine@example.com]"),
        (
            422,
            "e-mail address contains unsupported character [email: katherine@example.com]",
        ),
        (422, "[Email]: Email"),
        (422, "[FullName]: MaxSize"),
        (422, "login source does not exist [id: 7]"),
        (422, "something new"),
        (400, "PasswordIsRequired"),
        (400, "PasswordComplexity"),
        (400, "PasswordPwned"),
        (403, "user should be the site admin"),
        (
            403,
            "You must change your password. Change it at: http://localhost:3000/user/change_password",
        ),
        (
            403,
            "This account is prohibited from signing in, please contact your site administrator.",
        ),
        (403, "This account is not activated."),
        (403, "token scope is limited to public users"),
        (
            403,
            "token does not have at least one of required scope(s), required=[write:admin], token scope=read:user",
        ),
        (500, "visibility Mode not allowed: private"),
        (500, "database is locked"),
    ];
    insta::assert_snapshot!(table("gitea:create-user", input, "POST", "/admin/users", &refusals).await, @"
    422 user already exists [name: katherine]
        conflict [/username] Gitea says that the name katherine is taken, and shows nothing that has it. Choose another username.
    422 e-mail already in use [email: katherine@example.com]
        conflict [/email] Gitea says that the e-mail address of katherine is taken, and shows no account with it. A site administrator of Gitea has to look who has it.
    422 name is reserved [name: katherine]
        invalid_input [/username] Gitea refuses the username of katherine: it must be 1 to 40 letters and digits with single dots, dashes and underscores between them, and no name of Gitea's own pages.
    422 name pattern is not allowed [pattern: *.png]
        invalid_input [/username] Gitea refuses the username of katherine: it must be 1 to 40 letters and digits with single dots, dashes and underscores between them, and no name of Gitea's own pages.
    422 name is invalid [katherine]: must be valid alpha or numeric or dash(-_) or dot characters
        invalid_input [/username] Gitea refuses the username of katherine: it must be 1 to 40 letters and digits with single dots, dashes and underscores between them, and no name of Gitea's own pages.
    422 [Username]: invalid username
        invalid_input [/username] Gitea refuses the username of katherine: it must be 1 to 40 letters and digits with single dots, dashes and underscores between them, and no name of Gitea's own pages.
    422 e-mail invalid [email: katherine@example.com]
        invalid_input [/email] Gitea refuses the email of katherine: it must be an address alone, of plain letters, at most 254 characters.
    422 e-mail address contains unsupported character [email: katherine@example.com]
        invalid_input [/email] Gitea refuses the email of katherine: it must be an address alone, of plain letters, at most 254 characters.
    422 [Email]: Email
        invalid_input [/email] Gitea refuses the email of katherine: it must be an address alone, of plain letters, at most 254 characters.
    422 [FullName]: MaxSize
        invalid_input [/fullName] Gitea refuses the fullName of katherine: it must be at most 100 characters.
    422 login source does not exist [id: 7]
        invalid_input [/sourceId] Gitea has no sign-in source with this sourceId. On its server, gitea admin auth list says which there are.
    422 something new
        conflict [] Gitea refuses the account katherine: something new.
    400 PasswordIsRequired
        upstream_rejected [] The password that is made for katherine, which nobody needs to know, is not one that Gitea's rules for passwords take (PasswordIsRequired). It has 44 letters, digits and dashes.
    400 PasswordComplexity
        upstream_rejected [] The password that is made for katherine, which nobody needs to know, is not one that Gitea's rules for passwords take (PasswordComplexity). It has 44 letters, digits and dashes.
    400 PasswordPwned
        upstream_rejected [] The password that is made for katherine, which nobody needs to know, is not one that Gitea's rules for passwords take (PasswordPwned). It has 44 letters, digits and dashes.
    403 user should be the site admin
        forbidden [] Gitea allows this to site administrators only, and the account whose token this connection has is none.
    403 You must change your password. Change it at: http://localhost:3000/user/change_password
        forbidden [] The account whose token this connection has must change its password in Gitea before it can do anything.
    403 This account is prohibited from signing in, please contact your site administrator.
        forbidden [] The account whose token this connection has may not sign in to Gitea, or is not activated.
    403 This account is not activated.
        forbidden [] The account whose token this connection has may not sign in to Gitea, or is not activated.
    403 token scope is limited to public users
        forbidden [] The token of this connection is for what is public only. The connection needs one without public-only.
    403 token does not have at least one of required scope(s), required=[write:admin], token scope=read:user
        forbidden [] The token of this connection lacks the scope write:admin in Gitea. The connection needs a token with the scopes write:admin, write:organization, write:repository and read:user.
    500 visibility Mode not allowed: private
        invalid_input [/visibility] Gitea refuses the visibility of katherine: it must be one that this Gitea allows (ALLOWED_USER_VISIBILITY_MODES).
    500 database is locked
        outcome_unknown [] It is not known whether the account katherine was made: the answer was lost (Gitea (connection gitea) is not well (500): database is locked). Check whether account katherine exists, then run this step again: it adopts what is there.
    ");
}

#[tokio::test]
async fn of_a_deactivation() {
    let input = json!({"username": "grace"});
    let refusals = [
        (404, "user does not exist [uid: 0, name: grace]"),
        (400, "password must be at least 8 characters"),
        (422, "[LoginName]: Required"),
    ];
    insta::assert_snapshot!(table("gitea:deactivate-user", input, "PATCH", "/admin/users", &refusals).await, @"
    404 user does not exist [uid: 0, name: grace]
        conflict [] Gitea has no account grace any more.
    400 password must be at least 8 characters
        invalid_input [] Gitea (connection gitea) refuses this (400): password must be at least 8 characters.
    422 [LoginName]: Required
        conflict [] Gitea refuses the account grace: [LoginName]: Required.
    ");
}

#[tokio::test]
async fn of_a_place_in_a_team() {
    let input = json!({"username": "grace", "giteaOrganization": "acme", "team": "developers"});
    let refusals = [
        (403, "user is blocked"),
        (403, "Must be an organization owner"),
        (404, "not found"),
        (500, "database is locked"),
    ];
    insta::assert_snapshot!(table("gitea:add-to-team", input, "PUT", "/members/", &refusals).await, @"
    403 user is blocked
        upstream_rejected [] The organization acme in Gitea has blocked the account grace. One of its owners has to unblock it first.
    403 Must be an organization owner
        forbidden [] Gitea (connection gitea) does not allow this: Must be an organization owner.
    404 not found
        not_found [] The team developers of the organization acme, or the account grace, is no longer there in Gitea.
    500 database is locked
        outcome_unknown [] It is not known whether the team membership acme/developers/grace was made: the answer was lost (Gitea (connection gitea) is not well (500): database is locked). Check whether team membership acme/developers/grace exists, then run this step again: it adopts what is there.
    ");
}

#[tokio::test]
async fn of_a_repository() {
    let input = json!({"username": "grace", "repositoryName": "first"});
    let refusals = [
        (409, "The repository with the same name already exists."),
        (422, "name is reserved [name: first]"),
        (422, "name pattern is not allowed [pattern: *.wiki]"),
        (422, "[Name]: AlphaDashDot"),
        (422, "[Description]: MaxSize"),
        (422, "[DefaultBranch]: GitRefName"),
        (
            400,
            "readme template does not exist, available templates: [Other]",
        ),
        (
            403,
            "user has reached maximum limit of repositories [limit: 3]",
        ),
        (404, "user does not exist [uid: 0, name: grace]"),
        (422, "something new"),
    ];
    insta::assert_snapshot!(table("gitea:create-repository", input, "POST", "/repos", &refusals).await, @"
    409 The repository with the same name already exists.
        conflict [/repositoryName] Gitea says that grace has a repository first, and does not show it. Choose another repositoryName.
    422 name is reserved [name: first]
        invalid_input [/repositoryName] Gitea refuses the repositoryName of first: it must be 1 to 100 letters, digits, dots, dashes and underscores, and no name that Gitea keeps for itself.
    422 name pattern is not allowed [pattern: *.wiki]
        invalid_input [/repositoryName] Gitea refuses the repositoryName of first: it must be 1 to 100 letters, digits, dots, dashes and underscores, and no name that Gitea keeps for itself.
    422 [Name]: AlphaDashDot
        invalid_input [/repositoryName] Gitea refuses the repositoryName of first: it must be 1 to 100 letters, digits, dots, dashes and underscores, and no name that Gitea keeps for itself.
    422 [Description]: MaxSize
        invalid_input [/description] Gitea refuses the description of first: it must be at most 2048 characters.
    422 [DefaultBranch]: GitRefName
        invalid_input [/defaultBranch] Gitea refuses the defaultBranch of first: it must be a name that git takes for a branch, at most 100 characters.
    400 readme template does not exist, available templates: [Other]
        upstream_rejected [] Gitea cannot write the first README of first: its own templates are not the usual ones. Set autoInit to false.
    403 user has reached maximum limit of repositories [limit: 3]
        upstream_rejected [] In Gitea grace has as many repositories as it may have. A site administrator can raise the limit.
    404 user does not exist [uid: 0, name: grace]
        not_found [] The owner grace of the repository first is no longer there in Gitea.
    422 something new
        invalid_input [] Gitea (connection gitea) refuses this (422): something new.
    ");
    let input = json!({"giteaOrganization": "acme", "repositoryName": "first"});
    let refusals = [
        (
            403,
            "User is not allowed to create repositories in this organization.",
        ),
        (404, "not found"),
    ];
    insta::assert_snapshot!(table("gitea:create-repository", input, "POST", "/orgs/acme/repos", &refusals).await, @"
    403 User is not allowed to create repositories in this organization.
        forbidden [] Gitea does not let the account whose token this connection has make repositories in the organization acme.
    404 not found
        not_found [] The owner acme of the repository first is no longer there in Gitea.
    ");
}
