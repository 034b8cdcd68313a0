//! `sidestage actions pull`: what a running Backstage says of its actions, filters and globals.

use std::fs;
use std::path::Path;

use anyhow::{Context as _, bail};
use reqwest::{Client, StatusCode};
use serde_json::Value;
use sidestage_templates::actions::Instance;
use url::Url;

use crate::out::shown;

/// No Backstage has more to say.
const MOST_BYTES: usize = 64 << 20;

/// Asks the instance, and writes what it says to a file.
#[allow(clippy::print_stdout)]
pub(crate) async fn pull(url: &Url, token: Option<&str>, out: &Path) -> anyhow::Result<()> {
    let client = Client::builder()
        .redirect(reqwest::redirect::Policy::none())
        .build()?;
    let actions = match get(&client, url, "actions", token).await? {
        Some(actions) => actions,
        None => bail!(
            "{} has no /api/scaffolder/v2/actions: is it the base URL of a Backstage backend?",
            shown(url)
        ),
    };
    // Older releases do not list these.
    let templating_extensions = get(&client, url, "templating-extensions", token).await?;
    let instance = Instance {
        url: Some(shown(url)),
        actions,
        templating_extensions,
    };
    let text = format!("{}\n", serde_json::to_string_pretty(&instance)?);
    let (actions, _) = Instance::read(&text)?;
    fs::write(out, text).with_context(|| format!("cannot write {}", out.display()))?;
    println!(
        "{} actions of {} are in {}",
        actions.len(),
        shown(url),
        out.display()
    );
    println!(
        "use them with `sidestage check --actions {0}`, or with `actions: [backstage, sidestage, {0}]` in .sidestage-check.yaml",
        out.display()
    );
    Ok(())
}

/// The answer; none if there is no such list.
async fn get(
    client: &Client,
    base: &Url,
    list: &str,
    token: Option<&str>,
) -> anyhow::Result<Option<Value>> {
    let mut url = base.clone();
    let folder = base.path().trim_end_matches('/');
    url.set_path(&format!("{folder}/api/scaffolder/v2/{list}"));
    let mut request = client.get(url.clone());
    if let Some(token) = token {
        request = request.bearer_auth(token);
    }
    let failed = || format!("cannot ask {}", shown(&url));
    let mut answer = request
        .send()
        .await
        .map_err(reqwest::Error::without_url)
        .with_context(failed)?;
    match answer.status() {
        StatusCode::OK => {}
        StatusCode::NOT_FOUND => return Ok(None),
        status @ (StatusCode::UNAUTHORIZED | StatusCode::FORBIDDEN) => bail!(
            "{} answers {status}: set BACKSTAGE_TOKEN to a token of a user or of `backend.auth.externalAccess`",
            shown(&url)
        ),
        status => bail!("{} answers {status}", shown(&url)),
    }
    let mut body = Vec::new();
    while let Some(chunk) = answer
        .chunk()
        .await
        .map_err(reqwest::Error::without_url)
        .with_context(failed)?
    {
        body.extend_from_slice(&chunk);
        if body.len() > MOST_BYTES {
            bail!("{} answers with more than {MOST_BYTES} bytes", shown(&url));
        }
    }
    let value = serde_json::from_slice(&body)
        .with_context(|| format!("{} does not answer in JSON", shown(&url)))?;
    Ok(Some(value))
}
