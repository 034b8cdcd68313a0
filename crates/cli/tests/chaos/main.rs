//! Chaos: many people are onboarded while everything goes wrong. Two replicas share a PostgreSQL, a third Sidestage
//! has a SQLite file; each is killed with `kill -9` at random moments and started again. The services lose answers
//! before and after they did the work, reset connections, answer 5xx, 429, late, twice, and with half a body.
//! Clients lose their connection and ask again with their key; what some of them got is taken back. In the end it is
//! counted what there is, and what the journal says of it.
//!
//! `make chaos` runs it long; as part of the tests it is short. `CHAOS_PEOPLE` says how many people,
//! `CHAOS_SEED` which faults and kills: the same seed draws the same ones, though not at the same moments.

#![allow(clippy::unwrap_used, clippy::print_stdout, unreachable_pub)]

mod count;
mod dice;
mod person;
mod steps;
#[path = "../support/mod.rs"]
mod support;
mod trouble;

use std::{sync::Arc, time::Duration};

use count::Count;
use dice::{Dice, setting};
use person::{Person, Served};
use reqwest::Client;
use sidestage_sandbox::{Options, Sandbox};
use steps::STEPS;
use support::{Postgres, Replica};
use tokio::{sync::Semaphore, task::JoinSet};
use trouble::{Progress, Trouble};

/// People who are served at the same time.
const CLIENTS: usize = 24;

/// Of so many people, what one got is taken back.
const UNDO_ONE_OF: usize = 3;

#[tokio::test(flavor = "multi_thread")]
async fn whatever_is_killed_and_cut_everybody_has_one_of_everything() {
    let people = setting("CHAOS_PEOPLE", 40) as usize;
    let seed = setting("CHAOS_SEED", u64::from(std::process::id()));
    println!("chaos: {people} people, CHAOS_SEED={seed}");
    let mut dice = Dice(seed);

    let build = Duration::from_millis(20);
    let sandbox = Arc::new(Sandbox::spawn(Options { build }).await);
    steps::make_room(sandbox.sandbox());
    let postgres = Postgres::start(&["-c", "fsync=off"]).await;
    let replica =
        |name, journal: &str| Replica::start(name, journal, &sandbox, &steps::services(), "");
    let shared = ["one", "two"].map(|name| replica(name, &postgres.url));
    let alone = replica("alone", "sqlite:sidestage.db");
    let groups = [Arc::new(Vec::from(shared)), Arc::new(vec![alone])];

    let progress = Progress::default();
    let trouble = Trouble::start(&mut dice, &groups, &sandbox, people, &progress);
    let (http, places) = (Client::new(), Arc::new(Semaphore::new(CLIENTS)));
    let mut served = JoinSet::new();
    for n in 0..people {
        let person = Person::new(n, &groups[n % 2], &http, &progress, Dice(dice.next()));
        let places = places.clone();
        served.spawn(async move {
            let _place = places.acquire().await;
            person.be_served(n % UNDO_ONE_OF == 0).await
        });
    }
    let served: Vec<Served> = served.join_all().await;
    let trouble = trouble.end().await;

    let count = Count::of(&served, &groups, &sandbox, &http).await;
    let clients: usize = served.iter().map(|served| served.troubles).sum();
    println!(
        "{trouble}  {:<28}{clients:>10}\n{count}",
        "troubles of clients"
    );
    for why in served.iter().filter_map(|served| served.gave_up.as_ref()) {
        println!("not served: {why}");
    }
    assert!(
        count.is_right(people),
        "chaos: what is counted is not right; CHAOS_SEED={seed}"
    );
    assert!(trouble.is_right(), "a replica was never killed");
    assert_eq!(count.steps.len(), STEPS.len());
}
