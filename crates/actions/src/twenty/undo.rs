//! Taking back what a run made. A record that was made goes into Twenty's bin, and keeps its e-mail address or domain there:
//! destroying it is for people to decide.

use sidestage_action::{Context, Made, Result, Undone};
use uuid::Uuid;

use super::{
    bin::{Deletion, Of, Restoration},
    client::{Client, Kind, Person},
};

pub(super) async fn undo(ctx: &Context, client: &Client, made: &Made) -> Result<Undone> {
    let Ok(id) = Uuid::parse_str(&made.id) else {
        return Ok(Undone::Stays(format!(
            "{} is not an id of Twenty's. Somebody has to take the {} back there.",
            made.id, made.kind
        )));
    };
    let of = |kind: Kind| Of {
        client,
        kind,
        id,
        key: &made.key,
    };
    match &*made.kind {
        "person" => {
            ctx.ensure(&Deletion(of(Kind::Person))).await?;
            Ok(in_the_bin(
                made,
                "Until somebody destroys the record there, nobody else can have its e-mail address; twenty:create-person with \
                 restore uses it again.",
            ))
        }
        "company" => {
            // Newest first: people of this run are gone by now, or would be in a dry run.
            let people = ctx.race(client.people_of(id)).await?;
            let leaves = |person: &Person| {
                let id = person.id.to_string();
                ctx.is_dry_run() && ctx.undoing().iter().any(|made| made.id == id)
            };
            if !people.iter().all(leaves) {
                return Ok(Undone::Stays(format!(
                    "The company {} has people in Twenty, so it is left as it is. Delete it there when it is no longer \
                     needed.",
                    made.key
                )));
            }
            ctx.ensure(&Deletion(of(Kind::Company))).await?;
            Ok(in_the_bin(
                made,
                "Until somebody destroys the record there, no other can have its domain; twenty:create-company with restore \
                 uses it again.",
            ))
        }
        "restoration of person" => {
            ctx.ensure(&Deletion(of(Kind::Person))).await?;
            Ok(Undone::Gone)
        }
        "restoration of company" => {
            ctx.ensure(&Deletion(of(Kind::Company))).await?;
            Ok(Undone::Gone)
        }
        "deletion of person" => {
            ctx.ensure(&Restoration(of(Kind::Person))).await?;
            Ok(Undone::Gone)
        }
        "change of person" => Ok(Undone::Stays(format!(
            "It is not kept what {} was in Twenty before. The history on the person's page there has it.",
            made.key
        ))),
        kind => Ok(Undone::Stays(format!(
            "Sidestage does not know how to take back a {kind} in Twenty. Somebody has to do it there."
        ))),
    }
}

fn in_the_bin(made: &Made, and: &str) -> Undone {
    Undone::Stays(format!(
        "The {} {} is deleted in Twenty, where it can be restored. {and}",
        made.kind, made.key
    ))
}
