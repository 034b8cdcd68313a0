//! What Mattermost shows (server/public/model).

use serde_json::{Value, json};

use super::state::{Channel, State, Team, TeamMember, User};

/// An account, as a look-up shows it to an administrator: whether the address is verified is not in it
/// (model.User.ClearNonProfileFields). Others see less by the privacy settings.
pub(super) fn profile(user: &User, to: &User) -> Value {
    let mut view = own(user);
    if !to.is_admin() && to.id != user.id {
        for hidden in ["auth_service", "auth_data", "roles"] {
            view[hidden] = json!("");
        }
    }
    view["email_verified"] = json!(false);
    view
}

/// An account, as the answer to its creation shows it.
pub(super) fn own(user: &User) -> Value {
    let mut view = json!({
        "id": user.id,
        "create_at": user.create_at,
        "update_at": user.create_at,
        "delete_at": user.delete_at,
        "username": user.username,
        "auth_data": user.auth_data,
        "auth_service": user.auth_service,
        "email": user.email,
        "email_verified": user.email_verified,
        "nickname": user.nickname,
        "first_name": user.first_name,
        "last_name": user.last_name,
        "position": user.position,
        "roles": user.roles,
        "locale": user.locale,
        "disable_welcome_email": false,
    });
    if user.is_bot {
        view["is_bot"] = json!(true);
    }
    if let Some(remote) = &user.remote_id {
        view["remote_id"] = json!(remote);
    }
    view
}

pub(super) fn team(team: &Team) -> Value {
    json!({
        "id": team.id,
        "create_at": team.create_at,
        "update_at": team.create_at,
        "delete_at": team.delete_at,
        "display_name": team.display_name,
        "name": team.name,
        "description": team.description,
        "email": team.email,
        "type": if team.open { "O" } else { "I" },
        "company_name": "",
        "allowed_domains": team.allowed_domains,
        "invite_id": "",
        "allow_open_invite": team.open,
        "scheme_id": null,
        "group_constrained": if team.group_constrained { json!(true) } else { Value::Null },
        "policy_id": null,
        "cloud_limits_archived": false,
    })
}

pub(super) fn team_member(team: &Team, member: &TeamMember) -> Value {
    json!({
        "team_id": team.id,
        "user_id": member.user,
        "roles": if member.admin { "team_user team_admin" } else { "team_user" },
        "delete_at": member.delete_at,
        "scheme_guest": false,
        "scheme_user": true,
        "scheme_admin": member.admin,
        "explicit_roles": "",
    })
}

pub(super) fn channel(channel: &Channel) -> Value {
    json!({
        "id": channel.id,
        "create_at": channel.create_at,
        "update_at": channel.create_at,
        "delete_at": channel.delete_at,
        "team_id": channel.team,
        "type": if channel.private { "P" } else { "O" },
        "display_name": channel.display_name,
        "name": channel.name,
        "header": "",
        "purpose": "",
        "last_post_at": 0,
        "total_msg_count": channel.posts,
        "extra_update_at": 0,
        "creator_id": channel.creator,
        "scheme_id": null,
        "group_constrained": if channel.group_constrained { json!(true) } else { Value::Null },
    })
}

/// `last_viewed_at` and `last_update_at` are hidden from everybody else.
pub(super) fn channel_member(channel: &Channel, user: &str) -> Value {
    json!({
        "channel_id": channel.id,
        "user_id": user,
        "roles": "channel_user",
        "last_viewed_at": -1,
        "msg_count": 0,
        "mention_count": 0,
        "notify_props": {},
        "last_update_at": -1,
        "scheme_guest": false,
        "scheme_user": true,
        "scheme_admin": false,
        "explicit_roles": "",
    })
}

/// Everything there is, by names.
pub(super) fn state(state: &State) -> Value {
    let name = |id: &String| match state.user(id) {
        Ok(user) => json!(user.username),
        Err(_) => json!(id),
    };
    let users: Vec<Value> = state
        .users
        .iter()
        .map(|user| {
            json!({
                "id": user.id,
                "username": user.username,
                "email": user.email,
                "emailVerified": user.email_verified,
                "authService": user.auth_service,
                "roles": user.roles,
                "active": user.delete_at == 0,
            })
        })
        .collect();
    let teams: Vec<Value> = state
        .teams
        .iter()
        .map(|team| {
            let members = team.members.iter().filter(|member| member.delete_at == 0);
            let admins: Vec<Value> = members
                .clone()
                .filter(|member| member.admin)
                .map(|member| name(&member.user))
                .collect();
            let channels: Vec<Value> = state
                .channels
                .iter()
                .filter(|channel| channel.team == team.id)
                .map(|channel| {
                    json!({
                        "id": channel.id,
                        "name": channel.name,
                        "private": channel.private,
                        "archived": channel.delete_at > 0,
                        "members": channel.members.iter().map(name).collect::<Vec<_>>(),
                    })
                })
                .collect();
            json!({
                "id": team.id,
                "name": team.name,
                "open": team.open,
                "archived": team.delete_at > 0,
                "members": members.map(|member| name(&member.user)).collect::<Vec<_>>(),
                "administrators": admins,
                "channels": channels,
            })
        })
        .collect();
    let mails: Vec<Value> = state
        .mails
        .iter()
        .map(|mail| json!({ "to": mail.to, "what": mail.what }))
        .collect();
    json!({ "users": users, "teams": teams, "mails": mails })
}
