//! What an action is. The contract in words is `docs/action-contract.md`; this crate is the contract in
//! types. It knows nobody: no HTTP, no SQL, no provider.

mod action;
mod context;
pub mod effect;
mod error;
mod principal;
pub mod schema;
pub mod testing;
mod undo;

pub use action::{
    Action, AnyAction, Attributes, Description, Descriptor, Example, Prepared, Runnable, Schemas,
    Service, StepExample, Work,
};
pub use context::{Context, Earlier, EffectId, Level, Recorder, RunContext, after};
pub use effect::{Difference, Effect, Ensured, Outcome};
pub use error::{Code, Error, FieldError, Result};
pub use principal::Principal;
pub use undo::{Kept, Made, OnFailure, UndoOutput, Undone};
