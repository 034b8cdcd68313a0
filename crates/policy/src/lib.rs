//! Who may do what: [Cedar](https://www.cedarpolicy.com) policies, a default that keeps organizations apart, and why.
//!
//! One question, [`Policies::decide`], is asked of one set of policies: the built-in ones, one for each key, and
//! those of a folder. A policy of the folder may allow more and forbid more; what one forbids, none allows. Policies
//! are checked against a schema when they are read, so that a misspelt name is an error then and not a rule that
//! never holds.

mod ask;
mod load;
mod schema;

use std::{
    path::PathBuf,
    sync::{Arc, PoisonError, RwLock},
};

use load::Loaded;

pub use load::Error;

/// Who asks.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Subject {
    /// What kind of caller it is: its type in policies.
    pub kind: Kind,
    /// Its name in policies and in the audit log: `user:default/ada`.
    pub id: String,
    /// The groups that its issuer says it is in.
    pub groups: Vec<String>,
    /// The organizations that this makes it a member of.
    pub organizations: Vec<String>,
}

/// What kind of caller it is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// A person.
    User,
    /// A key for CI.
    Key,
    /// A Backstage plugin that calls for itself.
    Plugin,
}

impl Kind {
    /// Its type in policies.
    pub fn as_str(self) -> &'static str {
        match self {
            Kind::User => "User",
            Kind::Key => "Key",
            Kind::Plugin => "Plugin",
        }
    }
}

/// What is asked.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Question<'a> {
    /// Who asks.
    pub subject: &'a Subject,
    /// What for: `coder:create-workspace`, or `coder:options` to read a provider's lists of choices.
    pub action: &'a str,
    /// For which organization, where one is named.
    pub organization: Option<&'a str>,
    /// Through which connection, as far as that is known.
    pub connection: Option<&'a str>,
    /// Whether nothing would be changed.
    pub dry_run: bool,
}

/// The answer.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Decision {
    /// Whether it may.
    pub allowed: bool,
    /// The policies that say so. Empty: none allows it.
    pub policies: Vec<String>,
    /// Policies that could not be evaluated. With one such nothing is allowed.
    pub errors: Vec<String>,
}

/// An action, as far as policies see it.
#[derive(Clone, Debug)]
pub struct Action {
    /// `coder:create-workspace`
    pub id: String,
    /// `coder`
    pub provider: String,
    /// Whether it may remove something or take access away.
    pub destructive: bool,
}

/// What a key is for; `*` stands for any text.
#[derive(Clone, Debug)]
pub struct KeyScope {
    /// Its name.
    pub name: String,
    /// The actions that it may run.
    pub actions: Vec<String>,
    /// The providers whose lists of choices it may read.
    pub options: Vec<String>,
}

/// Where policies come from.
#[derive(Clone, Debug, Default)]
pub struct Sources {
    /// All actions.
    pub actions: Vec<Action>,
    /// Whether organizations are configured.
    pub tenancy: bool,
    /// Whether the built-in policy for people holds.
    pub default: bool,
    /// All keys.
    pub keys: Vec<KeyScope>,
    /// A folder with `*.cedar`.
    pub folder: Option<PathBuf>,
}

/// The policies that hold now. Cheap to clone.
#[derive(Clone)]
pub struct Policies {
    sources: Arc<Sources>,
    loaded: Arc<RwLock<Arc<Loaded>>>,
}

impl Policies {
    /// Reads and checks them.
    ///
    /// # Errors
    /// What is wrong, with file and line.
    pub fn load(sources: Sources) -> Result<Self, Error> {
        let loaded = Loaded::read(&sources)?;
        Ok(Policies {
            sources: Arc::new(sources),
            loaded: Arc::new(RwLock::new(Arc::new(loaded))),
        })
    }

    /// Reads the folder again, if something in it has changed. Whether it has.
    ///
    /// # Errors
    /// What is wrong; the policies that held go on holding.
    pub fn reload(&self) -> Result<bool, Error> {
        if self.now().is_current(&self.sources)? {
            return Ok(false);
        }
        let loaded = Loaded::read(&self.sources)?;
        *self.loaded.write().unwrap_or_else(PoisonError::into_inner) = Arc::new(loaded);
        Ok(true)
    }

    /// Whether somebody may do something, and which policies say so.
    pub fn decide(&self, question: &Question<'_>) -> Decision {
        ask::decide(&self.now(), &self.sources, question)
    }

    fn now(&self) -> Arc<Loaded> {
        self.loaded
            .read()
            .unwrap_or_else(PoisonError::into_inner)
            .clone()
    }
}
