//! `ensure`, the one primitive by which an action changes anything.
//!
//! *Find it; if it is there and is what was asked for, adopt it; if it is there and is something else, say
//! conflict; if it is not there, create it; write down intent before and result after.*

use std::{future::Future, time::Duration};

use serde::{Deserialize, Serialize};

use crate::{Code, Context, Earlier, Error, Result};

/// One change that a run may make in a service: a workspace, an account, a started build.
///
/// An implementation says how to find, compare and create the object; [`Context::ensure`] decides when.
pub trait Effect: Sync {
    /// What the service holds.
    type Object: Send;

    /// What it is called in sentences: `"workspace"`.
    fn kind(&self) -> &'static str;

    /// Its natural key within the connection: `"ada/dev"`. Two effects with one kind and key are one object.
    fn key(&self) -> String;

    /// Looks for the object by a strong key. Must not change anything.
    fn find(&self) -> impl Future<Output = Result<Option<Self::Object>>> + Send;

    /// How the object that was found differs from what was asked for. Nothing: it is adopted.
    fn differences(
        &self,
        _object: &Self::Object,
    ) -> impl Future<Output = Result<Vec<Difference>>> + Send {
        async { Ok(Vec::new()) }
    }

    /// What a person can do about differences; ends the sentence of the conflict.
    fn remedy(&self) -> String {
        String::new()
    }

    /// Makes the object, by one call; dropped if the run is over while that call still waits to be sent. An error that
    /// leaves open whether the change was made must say so ([`Error::may_have_changed`]).
    fn create(&self) -> impl Future<Output = Result<Self::Object>> + Send;

    /// What the object would look like; stands in for it in a dry run.
    fn preview(&self) -> Self::Object;

    /// The service's own id of the object, for the journal.
    fn id(&self, object: &Self::Object) -> String;

    /// Whether the service itself refuses a second object with this key. Only then is a create whose
    /// answer was lost, and which looking did not find, sent again. What is not unique and was made is not made again,
    /// although `find` does not see it; its `preview` stands in for it.
    fn is_unique(&self) -> bool {
        true
    }
}

/// One way in which what exists is not what was asked for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Difference {
    /// What differs: `"template"`.
    pub what: String,
    /// What is there.
    pub found: String,
    /// What was asked for.
    pub asked: String,
}

impl Difference {
    /// A difference, unless both are equal.
    pub fn between(what: impl Into<String>, found: &str, asked: &str) -> Option<Self> {
        (found != asked).then(|| Difference {
            what: what.into(),
            found: found.into(),
            asked: asked.into(),
        })
    }
}

/// What [`Context::ensure`] ended with.
#[derive(Clone, Debug)]
pub struct Ensured<T> {
    /// The object, as the service has it (or, in a dry run, as it would be).
    pub object: T,
    /// How it came to be.
    pub outcome: Outcome,
}

impl<T> Ensured<T> {
    /// Whether this run made it.
    pub fn created(&self) -> bool {
        self.outcome == Outcome::Created
    }

    /// Whether this run made it, or, in a dry run, would make it.
    pub fn changes(&self) -> bool {
        self.outcome != Outcome::Adopted
    }
}

/// How an effect ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Outcome {
    /// It was there and is what was asked for.
    Adopted,
    /// This run made it.
    Created,
    /// A dry run: it would be made.
    Planned,
}

/// What the journal is told before a change is made.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Intent {
    /// [`Effect::kind`].
    pub kind: String,
    /// [`Effect::key`].
    pub key: String,
}

/// What the journal is told after it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "result", rename_all = "snake_case")]
pub enum Settlement {
    /// Made by this run; `id` is the service's.
    Created {
        /// The service's id.
        id: String,
    },
    /// Somebody else was faster with the same thing; it was adopted.
    Adopted {
        /// The service's id.
        id: String,
    },
    /// Refused: nothing was made.
    Refused,
    /// Made by this run, and taken back since.
    Undone,
    /// It cannot be known whether it was made.
    Unknown,
}

/// How [`Context::ensure`] looks after an answer was lost.
#[derive(Clone, Copy, Debug)]
pub struct Looking {
    /// How often it looks before it believes that nothing was made.
    pub times: u32,
    /// The pause before the second look; each further one is twice as long.
    pub pause: Duration,
}

impl Default for Looking {
    fn default() -> Self {
        Looking {
            times: 4,
            pause: Duration::from_millis(500),
        }
    }
}

/// Creates that are sent at most for one effect: the first, and one more when looking showed that the
/// first was lost on its way.
const SENDS: u32 = 2;

impl Context {
    /// Makes sure that what `effect` describes exists: adopts it, creates it, or says why not.
    ///
    /// # Errors
    /// [`Code::Conflict`] with every difference when it exists and is something else;
    /// [`Code::OutcomeUnknown`] when the answer to a create was lost and looking did not settle it;
    /// [`Code::Cancelled`] or [`Code::DeadlineExceeded`] when the run is over before anything was sent;
    /// the journal's error when the intent cannot be written (nothing is sent then);
    /// otherwise what `find` or `create` say.
    pub async fn ensure<E: Effect>(&self, effect: &E) -> Result<Ensured<E::Object>> {
        let ensured = self.find_or_make(effect).await?;
        let mut so_far = self.ensured();
        match ensured.outcome {
            Outcome::Created => so_far.created += 1,
            Outcome::Adopted => so_far.adopted += 1,
            Outcome::Planned => {}
        }
        drop(so_far);
        Ok(ensured)
    }

    async fn find_or_make<E: Effect>(&self, effect: &E) -> Result<Ensured<E::Object>> {
        let intent = Intent {
            kind: effect.kind().into(),
            key: effect.key(),
        };
        let earlier = self.recorder().earlier(&intent);
        let open = earlier
            .as_ref()
            .is_some_and(|earlier| earlier.made.is_none());
        let found = match open {
            false => self.race(effect.find()).await?,
            true => {
                self.info(format!(
                    "looking whether the {} {} was made before the interruption",
                    intent.kind, intent.key
                ));
                self.race(self.look(effect)).await?
            }
        };
        if let Some(found) = found {
            return self.take(effect, found, earlier).await;
        }
        if !effect.is_unique()
            && earlier
                .as_ref()
                .is_some_and(|earlier| earlier.made.is_some())
        {
            // Not to be seen, and the service would take a second one: the record alone knows that it was made.
            self.note_made(effect);
            return Ok(Ensured {
                object: effect.preview(),
                outcome: Outcome::Created,
            });
        }
        if self.is_dry_run() {
            self.info(format!(
                "dry run: {} {} would be made",
                effect.kind(),
                effect.key()
            ));
            return Ok(Ensured {
                object: effect.preview(),
                outcome: Outcome::Planned,
            });
        }
        // The last moment at which a cancelled run has changed nothing.
        self.check()?;
        if open && !effect.is_unique() {
            // Sent once already, not to be seen, and the service would take a second one.
            return Err(unknown(effect, None));
        }
        let recorded = self.recorder().intend(&intent).await?;
        // From here on a cancel waits, unless the change does: dropping the call would lose its answer, not its effect.
        let settled = self.send(effect).await;
        let settlement = match &settled {
            Ok(Ensured {
                object,
                outcome: Outcome::Adopted,
            }) => Settlement::Adopted {
                id: effect.id(object),
            },
            Ok(Ensured { object, .. }) => Settlement::Created {
                id: effect.id(object),
            },
            Err(error) if error.may_have_changed() => Settlement::Unknown,
            Err(_) => Settlement::Refused,
        };
        if matches!(settlement, Settlement::Created { .. }) {
            self.note_made(effect);
        }
        self.recorder().settle(recorded, &settlement).await?;
        settled
    }

    /// What is there and would be adopted, without making anything: for what has to be known before another change.
    ///
    /// # Errors
    /// As [`ensure`](Self::ensure) says them before it makes anything.
    pub async fn existing<E: Effect>(&self, effect: &E) -> Result<Option<E::Object>> {
        match self.race(effect.find()).await? {
            Some(found) => {
                let adopted = self.race(self.adopt(effect, found)).await?;
                Ok(Some(adopted.object))
            }
            None => Ok(None),
        }
    }

    /// Takes what was found: as this run's own, if this run or one that it continues made it.
    async fn take<E: Effect>(
        &self,
        effect: &E,
        found: E::Object,
        earlier: Option<Earlier>,
    ) -> Result<Ensured<E::Object>> {
        let mut taken = self.adopt(effect, found).await?;
        let id = effect.id(&taken.object);
        let ours = match earlier {
            Some(Earlier {
                made: Some(made), ..
            }) => made == id,
            Some(Earlier { effect, made: None }) => {
                self.recorder()
                    .settle(effect, &Settlement::Created { id })
                    .await?;
                true
            }
            None => false,
        };
        if ours {
            taken.outcome = Outcome::Created;
            self.note_made(effect);
        }
        Ok(taken)
    }

    fn note_made<E: Effect>(&self, effect: &E) {
        let what = format!("{} {}", effect.kind(), effect.key());
        let mut made = self.made();
        if !made.contains(&what) {
            made.push(what);
        }
    }

    async fn adopt<E: Effect>(&self, effect: &E, found: E::Object) -> Result<Ensured<E::Object>> {
        let differences = effect.differences(&found).await?;
        if differences.is_empty() {
            return Ok(Ensured {
                object: found,
                outcome: Outcome::Adopted,
            });
        }
        let list: Vec<_> = differences
            .iter()
            .map(|difference| {
                format!(
                    "{} is {}, asked for {}",
                    difference.what, difference.found, difference.asked
                )
            })
            .collect();
        let sentence = format!(
            "The {} {} exists and differs: {}.",
            effect.kind(),
            effect.key(),
            list.join("; ")
        );
        Err(Error::conflict(
            format!("{sentence} {}", effect.remedy())
                .trim_end()
                .to_owned(),
        ))
    }

    /// Sends the change. An error says by [`Error::may_have_changed`] whether it may have been made all the same.
    async fn send<E: Effect>(&self, effect: &E) -> Result<Ensured<E::Object>> {
        let mut lost = None;
        for _ in 0..SENDS {
            let mut error = match self.create(effect).await {
                Ok(object) => {
                    return Ok(Ensured {
                        object,
                        outcome: Outcome::Created,
                    });
                }
                Err(error) => error,
            };
            if cfg!(sidestage_broken_ensure) {
                // Broken on purpose by `make chaos-broken`, which shows that chaos notices.
                error = error.maybe_changed(false);
            }
            let answer_lost = error.may_have_changed();
            let found = if answer_lost {
                self.warn(format!(
                    "no clear answer about the {} {} ({}); looking whether it was made",
                    effect.kind(),
                    effect.key(),
                    error.message().trim_end_matches('.')
                ));
                self.look(effect).await
            } else if error.code() == Code::Conflict {
                // Somebody was faster since we looked, or an earlier create of ours arrived late.
                effect.find().await
            } else {
                // Refused; but one that was sent before may arrive yet.
                return Err(error.maybe_changed(lost.is_some()));
            };
            let perhaps_ours = answer_lost || lost.is_some();
            match found {
                Ok(Some(found)) => {
                    let adopted = self.adopt(effect, found).await;
                    let mut ensured = adopted.map_err(|error| match error.code() {
                        Code::Conflict => error.maybe_changed(perhaps_ours),
                        _ if perhaps_ours => unknown(effect, Some(error)),
                        _ => error,
                    })?;
                    if perhaps_ours {
                        ensured.outcome = Outcome::Created;
                    }
                    return Ok(ensured);
                }
                Err(looking) if perhaps_ours => return Err(unknown(effect, Some(looking))),
                Err(looking) => return Err(looking),
                Ok(None) if !answer_lost => return Err(error.maybe_changed(perhaps_ours)),
                Ok(None) => lost = Some(error),
            }
            if !effect.is_unique() {
                break;
            }
        }
        Err(unknown(effect, lost))
    }

    /// Makes it, unless the run is over while the call still waits to be sent, for its place say. The calls that wait are
    /// counted for the whole run, so a run makes one change at a time: another that is under way would be dropped with it.
    async fn create<E: Effect>(&self, effect: &E) -> Result<E::Object> {
        let over_unsent = async {
            let over = self.race(std::future::pending::<Result<E::Object>>()).await;
            let mut waiting = self.waiting().subscribe();
            let _ = waiting.wait_for(|calls| *calls > 0).await;
            over
        };
        tokio::select! {
            biased;
            made = effect.create() => made,
            over = over_unsent => over,
        }
    }

    /// Looks more than once: a service may answer "not there" for a moment after it made something, or not answer.
    async fn look<E: Effect>(&self, effect: &E) -> Result<Option<E::Object>> {
        let looking = self.looking();
        let mut pause = looking.pause;
        let mut looked = Ok(None);
        for look in 0..looking.times {
            if look > 0 {
                tokio::time::sleep(pause).await;
                pause *= 2;
            }
            looked = effect.find().await;
            let is_final = match &looked {
                Ok(found) => found.is_some(),
                Err(error) => {
                    !matches!(error.code(), Code::UpstreamUnavailable | Code::RateLimited)
                }
            };
            if is_final {
                break;
            }
        }
        looked
    }
}

fn unknown<E: Effect>(effect: &E, cause: Option<Error>) -> Error {
    let why = cause
        .as_ref()
        .map(|cause| format!(" ({})", cause.message().trim_end_matches('.')))
        .unwrap_or_default();
    let error = Error::new(
        Code::OutcomeUnknown,
        format!(
            "It is not known whether the {kind} {key} was made: the answer was lost{why}. Check whether {kind} {key} \
             exists, then run this step again: it adopts what is there.",
            kind = effect.kind(),
            key = effect.key(),
        ),
    )
    .maybe_changed(true);
    match cause {
        Some(cause) => error.because(cause),
        None => error,
    }
}
