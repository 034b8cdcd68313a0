//! Every way in which Mattermost refuses a change although nothing spoke against it before, and the sentence that a
//! person reads for it. Status and id of each are Mattermost's own.

#![allow(clippy::unwrap_used)]

mod support;

use serde_json::{Value, json};
use sidestage_sandbox::{Fault, FaultRule};
use support::Stage;

const CREATE_USER: &str = "mattermost:create-user";
const CREATE_TEAM: &str = "mattermost:create-team";

fn refusal(status: u16, id: &str) -> Value {
    json!({
        "id": id, "message": "Words of Mattermost.", "detailed_error": "", "request_id": "", "status_code": status,
    })
}

/// What a run says whose calls of this kind are refused so; without what it had made until then.
async fn said(
    action: &str,
    method: &'static str,
    path: &'static str,
    status: u16,
    id: &str,
) -> String {
    let stage = Stage::new().await;
    stage.wire.answer(method, path, status, refusal(status, id));
    let input = match action {
        CREATE_TEAM => json!({"teamName": "platform", "owner": "ada"}),
        _ => json!({
            "username": "katherine", "email": "katherine@example.com", "teamName": "engineering",
            "channels": ["general"], "createMissingChannels": true,
        }),
    };
    let said = support::said(&stage.run(action, input).await);
    match said.split_once(" What this run had made remains") {
        Some((said, _)) => said.into(),
        None => said,
    }
}

/// Refusals, one a line, as `id: what a person reads`.
async fn table(
    action: &str,
    method: &'static str,
    path: &'static str,
    refusals: &[(u16, &str)],
) -> String {
    let mut lines = Vec::new();
    for (status, id) in refusals {
        let said = said(action, method, path, *status, id).await;
        lines.push(format!("{status} {id}\n    {said}"));
    }
    lines.join("\n")
}

#[tokio::test]
async fn of_an_account() {
    let refusals = [
        (400, "app.user.save.username_exists.app_error"),
        (400, "app.user.save.email_exists.app_error"),
        (400, "model.user.is_valid.username.app_error"),
        (400, "model.user.is_valid.email.app_error"),
        (400, "model.user.is_valid.first_name.app_error"),
        (400, "model.user.is_valid.last_name.app_error"),
        (400, "model.user.is_valid.nickname.app_error"),
        (400, "model.user.is_valid.position.app_error"),
        (400, "model.user.is_valid.locale.app_error"),
        (400, "model.user.is_valid.auth_data.app_error"),
        (400, "model.user.is_valid.pwd_lowercase_symbol.app_error"),
        (400, "api.user.create_user.accepted_domain.app_error"),
        (400, "api.user.create_user.user_limits.exceeded"),
        (400, "api.user.create_user.license_user_limits.exceeded"),
        (403, "api.user.create_user.no_open_server"),
        (501, "api.user.create_user.signup_email_disabled.app_error"),
        (400, "api.user.something.new.app_error"),
        (500, "app.user.save.app_error"),
    ];
    insta::assert_snapshot!(table(CREATE_USER, "POST", "/api/v4/users", &refusals).await, @"
    400 app.user.save.username_exists.app_error
        conflict [/username] Mattermost says that the username katherine is taken, and has no account with it: it is the name of a user group. Choose another username.
    400 app.user.save.email_exists.app_error
        conflict [/email] Mattermost says that the e-mail address of katherine is taken, and shows no account with it. A system administrator of Mattermost has to look who has it.
    400 model.user.is_valid.username.app_error
        invalid_input [/username] Mattermost refuses the username of katherine: it must be 1 to 64 small letters, digits, dots, dashes and underscores.
    400 model.user.is_valid.email.app_error
        invalid_input [/email] Mattermost refuses the email of katherine: it must be an address alone, at most 128 characters.
    400 model.user.is_valid.first_name.app_error
        invalid_input [/firstName] Mattermost refuses the firstName of katherine: it must be at most 64 characters.
    400 model.user.is_valid.last_name.app_error
        invalid_input [/lastName] Mattermost refuses the lastName of katherine: it must be at most 64 characters.
    400 model.user.is_valid.nickname.app_error
        invalid_input [/nickname] Mattermost refuses the nickname of katherine: it must be at most 64 characters.
    400 model.user.is_valid.position.app_error
        invalid_input [/position] Mattermost refuses the position of katherine: it must be at most 128 characters.
    400 model.user.is_valid.locale.app_error
        invalid_input [/locale] Mattermost refuses the locale of katherine: it must be a language such as en or de, at most 5 characters.
    400 model.user.is_valid.auth_data.app_error
        invalid_input [/authData] Mattermost refuses the authData of katherine: it must be at most 128 characters.
    400 model.user.is_valid.pwd_lowercase_symbol.app_error
        upstream_rejected [] The password that is made for katherine, which nobody needs to know, is not one that Mattermost's rules for passwords take. It has 44 letters, digits and dashes.
    400 api.user.create_user.accepted_domain.app_error
        invalid_input [/email] Mattermost takes e-mail addresses of certain domains only, and this is none of them. Give another email, or have the domain allowed in Mattermost (Restrict account creation to specified email domains).
    400 api.user.create_user.user_limits.exceeded
        upstream_rejected [] Mattermost has as many active accounts as its licence allows, so there is no seat for katherine. Deactivate an account that is no longer used, or get more seats.
    400 api.user.create_user.license_user_limits.exceeded
        upstream_rejected [] Mattermost has as many active accounts as its licence allows, so there is no seat for katherine. Deactivate an account that is no longer used, or get more seats.
    403 api.user.create_user.no_open_server
        forbidden [] Mattermost does not take the token of this connection for that of a system administrator, so it does not make the account katherine. The token has been revoked or has expired, or its owner has lost the role system_admin.
    501 api.user.create_user.signup_email_disabled.app_error
        forbidden [] Mattermost does not take the token of this connection for that of a system administrator, so it does not make the account katherine. The token has been revoked or has expired, or its owner has lost the role system_admin.
    400 api.user.something.new.app_error
        invalid_input [] Mattermost (connection mattermost) refuses this (400): Words of Mattermost.
    500 app.user.save.app_error
        outcome_unknown [] It is not known whether the account katherine was made: the answer was lost (Mattermost (connection mattermost) is not well (500): Words of Mattermost). Check whether account katherine exists, then run this step again: it adopts what is there.
    ");
}

#[tokio::test]
async fn of_an_account_whose_sign_in_is_taken() {
    // Before v11.8 nobody can be asked whose it is.
    let stage = Stage::new().await;
    let unknown = refusal(404, "api.context.404.app_error");
    stage.wire.answer("GET", "/users/auth_data", 404, unknown);
    let input = json!({
        "username": "katherine", "email": "katherine@example.com", "authService": "saml", "authData": "grace@example.com",
    });
    insta::assert_snapshot!(support::said(&stage.run(CREATE_USER, input).await), @"conflict [] Mattermost could not save the account katherine. Most likely another account signs in with the same authData; otherwise Mattermost's log says why.");
}

#[tokio::test]
async fn of_a_place_in_a_team() {
    let refusals = [
        (400, "api.team.join_user_to_team.allowed_domains.app_error"),
        (
            400,
            "app.team.join_user_to_team.save_member.max_accounts.app_error",
        ),
        (400, "app.team.join_user_to_team.max_accounts.app_error"),
        (400, "api.team.add_members.user_denied"),
        (
            400,
            "app.team.join_user_to_team.save_member.conflict.app_error",
        ),
        (400, "app.team.join_user_to_team.rejected_by_plugin"),
        (404, "app.team.get.find.app_error"),
        (404, "app.user.missing_account.const"),
        (400, "api.context.invalid_body_param.app_error"),
        (403, "api.context.permissions.app_error"),
    ];
    insta::assert_snapshot!(table(CREATE_USER, "POST", "/members", &refusals).await, @"
    400 api.team.join_user_to_team.allowed_domains.app_error
        upstream_rejected [] Mattermost does not let katherine into the team engineering: the team takes e-mail addresses of certain domains only. Have the domain allowed in the team's settings.
    400 app.team.join_user_to_team.save_member.max_accounts.app_error
        upstream_rejected [] The team engineering in Mattermost is full. A system administrator of Mattermost has to raise the number of members that a team may have (Max Users Per Team).
    400 app.team.join_user_to_team.max_accounts.app_error
        upstream_rejected [] The team engineering in Mattermost is full. A system administrator of Mattermost has to raise the number of members that a team may have (Max Users Per Team).
    400 api.team.add_members.user_denied
        upstream_rejected [] The members of the team engineering come from groups that Mattermost synchronises, and katherine is in none of them. Add the person to such a group instead.
    400 app.team.join_user_to_team.save_member.conflict.app_error
        conflict [] Somebody else is just putting katherine into the team engineering. Run the step again.
    400 app.team.join_user_to_team.rejected_by_plugin
        upstream_rejected [] A plugin of Mattermost does not let katherine into the team engineering. A system administrator of Mattermost knows which.
    404 app.team.get.find.app_error
        not_found [] The team engineering is no longer there in Mattermost.
    404 app.user.missing_account.const
        not_found [] The account katherine is no longer there in Mattermost.
    400 api.context.invalid_body_param.app_error
        invalid_input [] Mattermost (connection mattermost) refuses this (400): Words of Mattermost.
    403 api.context.permissions.app_error
        forbidden [] Mattermost does not allow this to the account whose token this connection has: it needs the role system_admin.
    ");
}

#[tokio::test]
async fn of_a_place_in_a_channel() {
    // Of the two memberships the one in a channel has this path.
    let refusals = [
        (404, "app.team.get_member.missing.app_error"),
        (
            400,
            "api.channel.add_user.to.channel.failed.deleted.app_error",
        ),
        (403, "app.channel.add_member.deleted_user.app_error"),
        (404, "app.channel.get.existing.app_error"),
        (400, "api.channel.add_members.user_denied"),
        (403, "api.channel.add_user.to.channel.rejected"),
        (400, "api.channel.add_user_to_channel.type.app_error"),
        (400, "app.channel.add_user.to.channel.rejected_by_plugin"),
    ];
    insta::assert_snapshot!(table(CREATE_USER, "POST", "/api/v4/channels/", &refusals).await, @"
    404 app.team.get_member.missing.app_error
        conflict [] Mattermost does not let katherine into the channel general, since katherine is not in the team engineering: somebody has just taken the person out. Run the step again.
    400 api.channel.add_user.to.channel.failed.deleted.app_error
        conflict [] Mattermost does not let katherine into the channel general, since katherine is not in the team engineering: somebody has just taken the person out. Run the step again.
    403 app.channel.add_member.deleted_user.app_error
        conflict [] Mattermost does not let katherine into the channel general: somebody has just deactivated the account.
    404 app.channel.get.existing.app_error
        not_found [] The channel general of the team engineering is no longer there in Mattermost.
    400 api.channel.add_members.user_denied
        upstream_rejected [] The members of the channel general come from groups that Mattermost synchronises, and katherine is in none of them. Add the person to such a group instead, and leave the channel out.
    403 api.channel.add_user.to.channel.rejected
        upstream_rejected [] Mattermost does not let katherine into the channel general: an access rule of the channel asks for attributes that the person does not have.
    400 api.channel.add_user_to_channel.type.app_error
        invalid_input [/channels] general is a direct or group message in Mattermost, which nobody can be added to.
    400 app.channel.add_user.to.channel.rejected_by_plugin
        upstream_rejected [] A plugin of Mattermost does not let katherine into the channel general. A system administrator of Mattermost knows which.
    ");
}

#[tokio::test]
async fn of_a_channel() {
    let refusals = [
        (400, "store.sql_channel.save_channel.exists.app_error"),
        (400, "store.sql_channel.save_channel.limit.app_error"),
    ];
    insta::assert_snapshot!(table(CREATE_USER, "POST", "/api/v4/channels", &refusals).await, @"
    400 store.sql_channel.save_channel.exists.app_error
        conflict [] Mattermost says that there is a channel general in the team engineering, and does not show it: the credential of this connection may not see it.
    400 store.sql_channel.save_channel.limit.app_error
        upstream_rejected [] The team engineering has as many channels as Mattermost allows, so general was not made (Max Channels Per Team).
    ");
}

#[tokio::test]
async fn of_a_team() {
    let refusals = [
        (403, "api.team.is_team_creation_allowed.disabled.app_error"),
        (400, "store.sql_team.save_team.existing.app_error"),
        (400, "model.team.is_valid.reserved.app_error"),
        (400, "model.team.is_valid.name.app_error"),
    ];
    insta::assert_snapshot!(table(CREATE_TEAM, "POST", "/api/v4/teams", &refusals).await, @"
    403 api.team.is_team_creation_allowed.disabled.app_error
        forbidden [] Mattermost does not let the credential of this connection make the team platform.
    400 store.sql_team.save_team.existing.app_error
        conflict [/teamName] Mattermost says that the name platform is taken, and shows no team with it. Choose another teamName.
    400 model.team.is_valid.reserved.app_error
        invalid_input [/teamName] Mattermost refuses the teamName platform: its own pages have names that begin so. Choose another one.
    400 model.team.is_valid.name.app_error
        invalid_input [] Mattermost (connection mattermost) refuses this (400): Words of Mattermost.
    ");
}

#[tokio::test]
async fn of_every_call() {
    let refusals = [
        (401, "api.context.session_expired.app_error"),
        (403, "api.context.permissions.app_error"),
        (403, "api.context.mfa_required.app_error"),
        (413, "api.context.request_body_too_large.app_error"),
        (414, "basic_security_check.url.too_long_error"),
        (404, "api.context.404.app_error"),
        (503, "api.context.server_busy.app_error"),
        (500, ""),
    ];
    insta::assert_snapshot!(table(CREATE_USER, "GET", "/api/v4/users/me", &refusals).await, @"
    401 api.context.session_expired.app_error
        upstream_rejected [] Mattermost (connection mattermost) does not accept the token that it is called with: Words of Mattermost. The token has to be renewed.
    403 api.context.permissions.app_error
        forbidden [] Mattermost does not allow this to the account whose token this connection has: it needs the role system_admin.
    403 api.context.mfa_required.app_error
        forbidden [] Mattermost asks for a second factor from the account whose token this connection has, and that account has none. Give the connection the token of a bot, which needs none.
    413 api.context.request_body_too_large.app_error
        invalid_input [] Mattermost (connection mattermost) refuses this (413): Words of Mattermost.
    414 basic_security_check.url.too_long_error
        invalid_input [] Mattermost (connection mattermost) refuses this (414): Words of Mattermost.
    404 api.context.404.app_error
        not_found [] Mattermost (connection mattermost) does not have this: Words of Mattermost.
    503 api.context.server_busy.app_error
        upstream_unavailable [] Mattermost (connection mattermost) is not well (503): Words of Mattermost. Run the step again later.
    500 
        upstream_unavailable [] Mattermost (connection mattermost) is not well (500): Words of Mattermost. Run the step again later.
    ");
}

#[tokio::test]
async fn a_look_up_that_cannot_be_made_says_so_and_makes_nothing() {
    for (path, status) in [
        ("/users/username/", 403),
        ("/users/email/", 403),
        ("/teams/name/", 403),
        ("/users/username/", 404),
    ] {
        let stage = Stage::new().await;
        // A 404 of a proxy, or of a release without the route, is no "there is none".
        let body = refusal(
            status,
            if status == 404 {
                "api.context.404.app_error"
            } else {
                "api.context.permissions.app_error"
            },
        );
        stage.wire.answer("GET", path, status, body);
        let input = json!({"username": "katherine", "email": "katherine@example.com", "teamName": "engineering"});
        let ended = stage.run(CREATE_USER, input).await;
        ended.error();
        assert_eq!(stage.writes(), [], "{path} {status}");
    }
}

/// The limiter stands before the API, and does not speak JSON.
#[tokio::test]
async fn of_too_many_requests() {
    let stage = Stage::new().await;
    stage.sandbox().faults().add(FaultRule {
        service: "mattermost".into(),
        method: None,
        path: "/**".into(),
        times: None,
        fault: Fault::RateLimit { retry_after: 3 },
    });
    let input = json!({"username": "katherine", "email": "katherine@example.com"});
    insta::assert_snapshot!(support::said(&stage.run(CREATE_USER, input).await), @"rate_limited [] Mattermost (connection mattermost) gets too many requests: limit exceeded. Run the step again later.");
}

#[tokio::test]
async fn of_a_look_up() {
    let refusals = [
        (400, "api.context.invalid_url_param.app_error"),
        (403, "api.user.get_user_by_email.permissions.app_error"),
    ];
    insta::assert_snapshot!(table(CREATE_USER, "GET", "/api/v4/users/email/", &refusals).await, @"
    400 api.context.invalid_url_param.app_error
        invalid_input [] Mattermost (connection mattermost) refuses this (400): Words of Mattermost.
    403 api.user.get_user_by_email.permissions.app_error
        forbidden [] Mattermost (connection mattermost) does not allow this: Words of Mattermost.
    ");
}

#[tokio::test]
async fn of_a_return() {
    let linus = json!({"username": "linus", "email": "linus@example.com", "reactivate": true});
    let mut lines = Vec::new();
    for (status, id) in [
        (400, "app.user.update_active.user_limit.exceeded"),
        (
            401,
            "api.user.update_active.cannot_enable_guest_when_guest_feature_is_disabled.app_error",
        ),
        (
            403,
            "api.user.update_active.cannot_modify_status_when_user_is_managed_by_ldap.app_error",
        ),
    ] {
        let stage = Stage::new().await;
        stage
            .wire
            .answer("PUT", "/active", status, refusal(status, id));
        let said = support::said(&stage.run(CREATE_USER, linus.clone()).await);
        lines.push(format!("{status} {id}\n    {said}"));
    }
    insta::assert_snapshot!(lines.join("\n"), @"
    400 app.user.update_active.user_limit.exceeded
        upstream_rejected [] Mattermost has as many active accounts as its licence allows, so there is no seat for linus. Deactivate an account that is no longer used, or get more seats.
    401 api.user.update_active.cannot_enable_guest_when_guest_feature_is_disabled.app_error
        upstream_rejected [] Mattermost does not activate the account linus: it is a guest's, and guest accounts are switched off.
    403 api.user.update_active.cannot_modify_status_when_user_is_managed_by_ldap.app_error
        upstream_rejected [] Mattermost does not activate the account linus: LDAP manages it. Activate the person there; Mattermost follows with its next synchronisation.
    ");
}
