//! `sidestage policy explain`.

#![allow(clippy::unwrap_used)]

use std::process::Command;

const CONFIG: &str = "
auth:
  keys:
  - {name: ci, hash: 'sha256:0000000000000000000000000000000000000000000000000000000000000000', expires: 2030-01-31, actions: ['gitea:*'], organizations: [acme-corp]}
connections: {coder: {provider: coder, url: 'https://coder.example.com'}}
organizations:
  acme-corp:
    members: {backstageGroups: ['group:default/acme-corp'], keycloakGroups: [/acme-corp], keycloakOrganizations: [acme]}
    connections: {coder: {organization: acme}}
policy: {folder: policies}
";

#[test]
fn it_says_whether_and_why() {
    let folder = tempfile::tempdir().unwrap();
    std::fs::write(folder.path().join("sidestage.yaml"), CONFIG).unwrap();
    std::fs::create_dir(folder.path().join("policies")).unwrap();
    let forbid =
        "@id(\"no-deletes\") forbid (principal, action, resource) when { context.destructive };";
    std::fs::write(folder.path().join("policies/own.cedar"), forbid).unwrap();
    let explain = |args: &str| {
        let mut command = Command::new(env!("CARGO_BIN_EXE_sidestage"));
        command.current_dir(&folder).args(["policy", "explain"]);
        let output = command.args(args.split(' ')).output().unwrap();
        let text = String::from_utf8([output.stdout, output.stderr].concat()).unwrap();
        format!("{args}\n{} {text}", output.status.code().unwrap())
    };
    let said = [
        "jane coder:create-workspace --for acme-corp --group group:default/acme-corp",
        "jane coder:create-workspace --for acme-corp --group group:default/globex",
        "jane coder:create-workspace --for globex --group group:default/acme-corp",
        "keycloak:4f0c9f3e coder:delete-workspace --for acme-corp --group /acme-corp/engineering",
        "key:ci coder:create-workspace --for acme-corp",
        "key:none coder:create-workspace --for acme-corp",
        "jane coder:make-workspace",
    ]
    .map(explain);
    insta::assert_snapshot!(said.join("\n"));
}
