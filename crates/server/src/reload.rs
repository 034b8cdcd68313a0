//! Policies and certificates are read again when their files change, and on SIGHUP. What cannot be used changes
//! nothing.

use std::{collections::HashMap, io, time::Duration};

use tokio::signal::unix::{SignalKind, signal};

use crate::app::App;

/// How often the files are looked at.
const LOOK: Duration = Duration::from_secs(2);

/// Looks at the files, as long as the service is there.
///
/// # Errors
/// When SIGHUP cannot be heard of. It would end the process.
pub(crate) fn watch(app: impl Fn() -> Option<App> + Send + 'static) -> io::Result<()> {
    let mut hangup = signal(SignalKind::hangup())?;
    tokio::spawn(async move {
        // What was wrong when it was last looked at: it is said once.
        let mut wrong = HashMap::new();
        loop {
            let told = tokio::select! {
                () = tokio::time::sleep(LOOK) => false,
                told = hangup.recv() => told.is_some(),
            };
            let Some(app) = app() else {
                return;
            };
            for (what, read) in app.reload() {
                match read {
                    Ok(changed) => {
                        wrong.remove(what);
                        if changed || told {
                            tracing::info!(what, changed, "read again");
                        }
                    }
                    Err(error) if !told && wrong.get(what) == Some(&error) => {}
                    Err(error) => {
                        tracing::error!(
                            what,
                            error,
                            "changed and cannot be used; those before go on holding"
                        );
                        wrong.insert(what, error);
                    }
                }
            }
        }
    });
    Ok(())
}
