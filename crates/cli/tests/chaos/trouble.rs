//! What goes wrong: replicas are killed, and services misbehave.

use std::{
    fmt,
    sync::{
        Arc,
        atomic::{AtomicBool, AtomicUsize, Ordering},
    },
    time::Duration,
};

use sidestage_sandbox::{Fault, FaultRule, Running};
use tokio::task::JoinSet;

use crate::{dice::Dice, steps, support::Replica};

/// Goes on until it is told to end.
pub struct Trouble {
    tasks: JoinSet<()>,
    sandbox: Arc<Running>,
    done: Arc<Done>,
}

#[derive(Default)]
pub struct Done {
    over: AtomicBool,
    kills: AtomicUsize,
    faults: AtomicUsize,
}

impl Trouble {
    pub fn start(dice: &mut Dice, groups: &[Arc<Vec<Replica>>], sandbox: &Arc<Running>) -> Self {
        let (mut tasks, done) = (JoinSet::new(), Arc::new(Done::default()));
        let replicas: Vec<_> = groups
            .iter()
            .flat_map(|group| (0..group.len()).map(|at| (group.clone(), at)))
            .collect();
        tasks.spawn(kill(done.clone(), Dice(dice.next()), replicas));
        tasks.spawn(disturb(done.clone(), Dice(dice.next()), sandbox.clone()));
        Trouble {
            tasks,
            sandbox: sandbox.clone(),
            done,
        }
    }

    pub async fn end(self) -> Arc<Done> {
        self.done.over.store(true, Ordering::Relaxed);
        self.tasks.join_all().await;
        self.sandbox.sandbox().faults().clear();
        self.done
    }
}

impl Done {
    fn is_over(&self) -> bool {
        self.over.load(Ordering::Relaxed)
    }
}

impl fmt::Display for Done {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (kills, faults) = (&self.kills, &self.faults);
        writeln!(
            f,
            "  {:<28}{:>10}",
            "kill -9",
            kills.load(Ordering::Relaxed)
        )?;
        write!(
            f,
            "  {:<28}{:>10}",
            "faults",
            faults.load(Ordering::Relaxed)
        )
    }
}

async fn kill(done: Arc<Done>, mut dice: Dice, replicas: Vec<(Arc<Vec<Replica>>, usize)>) {
    while !done.is_over() {
        let pause = 500 + dice.below(2000);
        tokio::time::sleep(Duration::from_millis(pause as u64)).await;
        let (group, at) = dice.pick(&replicas);
        group[*at].kill_and_start();
        done.kills.fetch_add(1, Ordering::Relaxed);
        // However slow the machine is, there is a time without a kill.
        while !group[*at].is_up().await {
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
    }
}

async fn disturb(done: Arc<Done>, mut dice: Dice, sandbox: Arc<Running>) {
    let services = steps::services();
    while !done.is_over() {
        let pause = dice.below(100);
        tokio::time::sleep(Duration::from_millis(pause as u64)).await;
        let faults = sandbox.sandbox().faults();
        // At most one waits for its call: the services are to be bad, not gone.
        faults.clear();
        // Most of them hit the calls that change something.
        let method = dice.pick(&[None, Some("POST"), Some("POST"), Some("DELETE")]);
        faults.add(FaultRule {
            service: (*dice.pick(&services)).into(),
            method: method.map(str::to_owned),
            path: "/**".into(),
            times: Some(1),
            fault: fault(&mut dice),
        });
        done.faults.fetch_add(1, Ordering::Relaxed);
    }
}

fn fault(dice: &mut Dice) -> Fault {
    let status = |status, after| Fault::Status {
        status,
        body: None,
        headers: Default::default(),
        after,
    };
    match dice.below(12) {
        0 | 1 => Fault::DropBefore,
        2..=4 => Fault::DropAfter,
        5 => status(500, true),
        6 => status(502, false),
        7 => status(503, true),
        8 => Fault::RateLimit { retry_after: 1 },
        9 => Fault::Delay {
            ms: dice.below(400) as u64,
        },
        10 => Fault::Twice,
        _ => Fault::BrokenBody,
    }
}
