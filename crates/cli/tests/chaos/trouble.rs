//! What goes wrong: replicas are killed, and services misbehave.

use std::{collections::BTreeMap, fmt, sync::Arc, time::Duration};

use sidestage_sandbox::{Fault, FaultRule, Running};
use tokio::{sync::watch, task::JoinSet};

use crate::{
    dice::Dice,
    steps::{self, STEPS},
    support::Replica,
};

/// Steps that are done before the first kill, and between two of the first round, where there are so many.
const STEPS_TO_A_KILL: usize = 30;

/// Goes on until it is told to end.
pub struct Trouble {
    kills: JoinSet<BTreeMap<String, usize>>,
    faults: JoinSet<()>,
    sandbox: Arc<Running>,
    progress: Progress,
}

/// How far the people have come. Cheap to clone.
#[derive(Clone, Default)]
pub struct Progress(Arc<watch::Sender<(usize, bool)>>);

/// What went wrong.
pub struct Done {
    /// By replica.
    kills: BTreeMap<String, usize>,
    /// Calls that were hit, by what went wrong.
    faults: BTreeMap<String, usize>,
}

type Target = (Arc<Vec<Replica>>, usize);

impl Trouble {
    pub fn start(
        dice: &mut Dice,
        groups: &[Arc<Vec<Replica>>],
        sandbox: &Arc<Running>,
        people: usize,
        progress: &Progress,
    ) -> Self {
        let targets = groups
            .iter()
            .flat_map(|group| (0..group.len()).map(|at| (group.clone(), at)));
        let targets: Vec<Target> = targets.collect();
        let to_a_kill = STEPS_TO_A_KILL.min(people * STEPS.len() / (targets.len() + 1));
        let (mut kills, mut faults) = (JoinSet::new(), JoinSet::new());
        kills.spawn(kill(
            progress.clone(),
            Dice(dice.next()),
            targets,
            to_a_kill,
        ));
        faults.spawn(disturb(
            progress.clone(),
            Dice(dice.next()),
            sandbox.clone(),
        ));
        Trouble {
            kills,
            faults,
            sandbox: sandbox.clone(),
            progress: progress.clone(),
        }
    }

    pub async fn end(self) -> Done {
        self.progress.0.send_modify(|(_, over)| *over = true);
        self.faults.join_all().await;
        let kills = self.kills.join_all().await.remove(0);
        let faults = self.sandbox.sandbox().faults();
        faults.clear();
        let faults = faults.hits();
        Done { kills, faults }
    }
}

impl Progress {
    /// Somebody has got through a step.
    pub fn step(&self) {
        self.0.send_modify(|(steps, _)| *steps += 1);
    }

    fn is_over(&self) -> bool {
        self.0.borrow().1
    }

    /// Until so many steps are done. False: it is over before that.
    async fn reaches(&self, steps: usize) -> bool {
        let mut progress = self.0.subscribe();
        let reached = progress.wait_for(|(done, over)| *done >= steps || *over);
        let (done, _) = *reached.await.unwrap();
        done >= steps
    }
}

impl Done {
    /// Whether each replica was killed.
    pub fn is_right(&self) -> bool {
        self.kills.values().all(|kills| *kills > 0)
    }
}

impl fmt::Display for Done {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (what, all) in [("kill -9", &self.kills), ("faults", &self.faults)] {
            let sum: usize = all.values().sum();
            writeln!(f, "  {what:<28}{sum:>10}")?;
            for (of, number) in all {
                writeln!(f, "    {of:<26}{number:>10}")?;
            }
        }
        Ok(())
    }
}

/// Kills each once as soon as there is enough under way, in an order that the dice decide; then whichever, at random.
async fn kill(
    progress: Progress,
    mut dice: Dice,
    targets: Vec<Target>,
    steps_to_a_kill: usize,
) -> BTreeMap<String, usize> {
    let mut kills: BTreeMap<_, _> = targets
        .iter()
        .map(|(group, at)| (group[*at].name.clone(), 0))
        .collect();
    let mut left = targets.clone();
    for round in 1.. {
        let first = !left.is_empty();
        let (group, at) = if first {
            if !progress.reaches(round * steps_to_a_kill).await {
                break;
            }
            left.remove(dice.below(left.len()))
        } else {
            let pause = 500 + dice.below(2000);
            tokio::time::sleep(Duration::from_millis(pause as u64)).await;
            dice.pick(&targets).clone()
        };
        if !first && progress.is_over() {
            break;
        }
        let replica = &group[at];
        replica.kill_and_start();
        *kills.entry(replica.name.clone()).or_default() += 1;
        // However slow the machine is, there is a time without a kill.
        while !replica.is_up().await {
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
    }
    kills
}

async fn disturb(progress: Progress, mut dice: Dice, sandbox: Arc<Running>) {
    let services = steps::services();
    while !progress.is_over() {
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
