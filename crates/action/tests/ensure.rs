//! `ensure` against a service that does what services do: it may lose an answer, be slow to show what it
//! made, or be changed by somebody else in between.

#![allow(clippy::unwrap_used)]

use std::{collections::VecDeque, sync::Mutex};

use sidestage_action::{Code, Difference, Effect, Error, Outcome, Result, testing};

/// How the service answers one create.
#[derive(Clone, Copy)]
enum Answer {
    Made,
    MadeThenLost,
    Lost,
    Refused,
    /// Somebody else makes it just before.
    Beaten,
    /// It is there, the service says, and does not show it.
    Exists,
}

struct Service {
    there: Mutex<Option<&'static str>>,
    answers: Mutex<VecDeque<Answer>>,
    finds: Mutex<u32>,
    creates: Mutex<u32>,
    /// Looks that do not show yet what was made.
    blind_for: Mutex<u32>,
    /// Looks at what is there that it does not answer.
    unwell_for: Mutex<u32>,
    /// What was found cannot be compared: the service is gone.
    is_comparable: bool,
    unique: bool,
    asked: &'static str,
}

impl Service {
    fn new(there: Option<&'static str>, answers: &[Answer]) -> Self {
        Service {
            there: Mutex::new(there),
            answers: Mutex::new(answers.iter().copied().collect()),
            finds: Mutex::default(),
            creates: Mutex::default(),
            blind_for: Mutex::default(),
            unwell_for: Mutex::default(),
            is_comparable: true,
            unique: true,
            asked: "node",
        }
    }

    fn creates(&self) -> u32 {
        *self.creates.lock().unwrap()
    }
}

impl Effect for Service {
    type Object = &'static str;

    fn kind(&self) -> &'static str {
        "workspace"
    }

    fn key(&self) -> String {
        "ada/dev".into()
    }

    async fn find(&self) -> Result<Option<&'static str>> {
        *self.finds.lock().unwrap() += 1;
        let there = *self.there.lock().unwrap();
        let mut unwell = self.unwell_for.lock().unwrap();
        if there.is_some() && *unwell > 0 {
            *unwell -= 1;
            return Err(Error::new(
                Code::UpstreamUnavailable,
                "coder is restarting.",
            ));
        }
        let mut blind = self.blind_for.lock().unwrap();
        if there.is_some() && *blind > 0 {
            *blind -= 1;
            return Ok(None);
        }
        Ok(there)
    }

    async fn differences(&self, found: &&'static str) -> Result<Vec<Difference>> {
        if !self.is_comparable {
            return Err(Error::new(Code::UpstreamUnavailable, "coder is gone."));
        }
        Ok(Difference::between("template", found, self.asked)
            .into_iter()
            .collect())
    }

    fn remedy(&self) -> String {
        "Choose another name.".into()
    }

    async fn create(&self) -> Result<&'static str> {
        *self.creates.lock().unwrap() += 1;
        let lost =
            || Error::new(Code::UpstreamUnavailable, "coder did not answer.").maybe_changed(true);
        match self.answers.lock().unwrap().pop_front().unwrap() {
            Answer::Made => {
                *self.there.lock().unwrap() = Some(self.asked);
                Ok(self.asked)
            }
            Answer::MadeThenLost => {
                *self.there.lock().unwrap() = Some(self.asked);
                Err(lost())
            }
            Answer::Lost => Err(lost()),
            Answer::Refused => Err(Error::invalid("name", "the name is too long")),
            Answer::Beaten => {
                *self.there.lock().unwrap() = Some("node");
                Err(Error::conflict("it exists"))
            }
            Answer::Exists => Err(Error::conflict("it exists")),
        }
    }

    fn preview(&self) -> &'static str {
        "would be"
    }

    fn id(&self, object: &&'static str) -> String {
        (*object).into()
    }

    fn is_unique(&self) -> bool {
        self.unique
    }
}

/// The outcome of `ensure`, or its error, and what was recorded.
async fn ensure(service: &Service) -> (Result<Outcome>, String) {
    let (recorder, _, ctx) = testing::context(false);
    let result = ctx.ensure(service).await.map(|ensured| ensured.outcome);
    (result, recorder.transcript())
}

#[tokio::test(start_paused = true)]
async fn what_is_not_there_is_made_with_intent_before_and_result_after() {
    let service = Service::new(None, &[Answer::Made]);
    let (result, said) = ensure(&service).await;
    assert_eq!(result.unwrap(), Outcome::Created);
    insta::assert_snapshot!(said, @r#"
    intent: workspace ada/dev
    settled: {"result":"created","id":"node"}
    "#);
}

#[tokio::test(start_paused = true)]
async fn what_is_there_and_the_same_is_adopted_without_a_write() {
    let service = Service::new(Some("node"), &[]);
    let (result, said) = ensure(&service).await;
    assert_eq!(result.unwrap(), Outcome::Adopted);
    assert_eq!((service.creates(), said.as_str()), (0, ""));
}

#[tokio::test(start_paused = true)]
async fn what_is_there_and_differs_is_a_conflict_that_says_how() {
    let service = Service::new(Some("python"), &[]);
    let error = ensure(&service).await.0.unwrap_err();
    assert_eq!(error.code(), Code::Conflict);
    insta::assert_snapshot!(error, @"The workspace ada/dev exists and differs: template is python, asked for node. Choose another name.");
    assert_eq!(service.creates(), 0);
}

#[tokio::test(start_paused = true)]
async fn a_lost_answer_is_settled_by_looking_and_nothing_is_sent_twice() {
    let service = Service::new(None, &[Answer::MadeThenLost]);
    let (result, said) = ensure(&service).await;
    assert_eq!(result.unwrap(), Outcome::Created);
    assert_eq!(service.creates(), 1);
    insta::assert_snapshot!(said, @r#"
    intent: workspace ada/dev
    warn: no clear answer about the workspace ada/dev (coder did not answer); looking whether it was made
    settled: {"result":"created","id":"node"}
    "#);
}

#[tokio::test(start_paused = true)]
async fn a_service_that_shows_late_what_it_made_is_looked_at_again() {
    let service = Service::new(None, &[Answer::MadeThenLost]);
    *service.blind_for.lock().unwrap() = 2;
    assert_eq!(ensure(&service).await.0.unwrap(), Outcome::Created);
    assert_eq!(service.creates(), 1);
}

#[tokio::test(start_paused = true)]
async fn a_service_that_does_not_answer_for_a_moment_is_looked_at_again() {
    let service = Service::new(None, &[Answer::MadeThenLost]);
    *service.unwell_for.lock().unwrap() = 2;
    assert_eq!(ensure(&service).await.0.unwrap(), Outcome::Created);
    let service = Service::new(None, &[Answer::MadeThenLost]);
    *service.unwell_for.lock().unwrap() = 3;
    let error = ensure(&service).await.0.unwrap_err();
    assert_eq!(error.code(), Code::OutcomeUnknown);
}

#[tokio::test(start_paused = true)]
async fn a_create_that_was_lost_on_its_way_is_sent_once_more() {
    let service = Service::new(None, &[Answer::Lost, Answer::Made]);
    assert_eq!(ensure(&service).await.0.unwrap(), Outcome::Created);
    assert_eq!(service.creates(), 2);
}

#[tokio::test(start_paused = true)]
async fn a_create_is_not_sent_again_where_the_service_would_make_a_second_one() {
    let service = Service {
        unique: false,
        ..Service::new(None, &[Answer::Lost])
    };
    let (result, said) = ensure(&service).await;
    let error = result.unwrap_err();
    assert_eq!(service.creates(), 1);
    assert_eq!(error.code(), Code::OutcomeUnknown);
    insta::assert_snapshot!(error, @"It is not known whether the workspace ada/dev was made: the answer was lost (coder did not answer). Check whether workspace ada/dev exists, then run this step again: it adopts what is there.");
    assert!(
        said.ends_with("settled: {\"result\":\"unknown\"}\n"),
        "{said}"
    );
}

#[tokio::test(start_paused = true)]
async fn an_answer_that_stays_lost_is_reported_as_unknown() {
    let service = Service::new(None, &[Answer::Lost, Answer::Lost]);
    assert_eq!(
        ensure(&service).await.0.unwrap_err().code(),
        Code::OutcomeUnknown
    );
    assert_eq!(service.creates(), 2);
}

/// What is recorded as refused is never looked for again, nor taken back.
#[tokio::test(start_paused = true)]
async fn as_long_as_a_lost_create_may_have_arrived_it_is_not_recorded_as_refused() {
    let (lost, made_then_lost) = (Answer::Lost, Answer::MadeThenLost);
    let cases = [
        (
            "refused the second time",
            vec![lost, Answer::Refused],
            true,
            Code::InvalidInput,
        ),
        (
            "it exists, and is not shown",
            vec![lost, Answer::Exists],
            true,
            Code::Conflict,
        ),
        (
            "found, and not comparable",
            vec![made_then_lost],
            false,
            Code::OutcomeUnknown,
        ),
    ];
    for (case, answers, is_comparable, code) in cases {
        let service = Service {
            is_comparable,
            ..Service::new(None, &answers)
        };
        let (result, said) = ensure(&service).await;
        assert_eq!(result.unwrap_err().code(), code, "{case}");
        assert!(
            said.ends_with("settled: {\"result\":\"unknown\"}\n"),
            "{case}: {said}"
        );
    }
}

#[tokio::test(start_paused = true)]
async fn somebody_who_was_faster_with_the_same_thing_is_adopted() {
    let service = Service::new(None, &[Answer::Beaten]);
    assert_eq!(ensure(&service).await.0.unwrap(), Outcome::Adopted);
}

#[tokio::test(start_paused = true)]
async fn somebody_who_was_faster_with_something_else_is_a_conflict() {
    let service = Service {
        asked: "python",
        ..Service::new(None, &[Answer::Beaten])
    };
    assert_eq!(ensure(&service).await.0.unwrap_err().code(), Code::Conflict);
}

#[tokio::test(start_paused = true)]
async fn a_refusal_is_final_and_recorded_as_nothing_made() {
    let service = Service::new(None, &[Answer::Refused]);
    let (result, said) = ensure(&service).await;
    assert_eq!(result.unwrap_err().code(), Code::InvalidInput);
    assert!(
        said.ends_with("settled: {\"result\":\"refused\"}\n"),
        "{said}"
    );
}

#[tokio::test(start_paused = true)]
async fn a_dry_run_only_looks() {
    let service = Service::new(None, &[]);
    let (recorder, _, ctx) = testing::context(true);
    let ensured = ctx.ensure(&service).await.unwrap();
    assert_eq!(
        (ensured.outcome, ensured.object, service.creates()),
        (Outcome::Planned, "would be", 0)
    );
    insta::assert_snapshot!(recorder.transcript(), @"info: dry run: workspace ada/dev would be made");
}

#[tokio::test(start_paused = true)]
async fn a_cancelled_run_changes_nothing() {
    let service = Service::new(None, &[]);
    let (recorder, cancel, ctx) = testing::context(false);
    cancel.cancel();
    assert_eq!(
        ctx.ensure(&service).await.unwrap_err().code(),
        Code::Cancelled
    );
    assert_eq!((service.creates(), recorder.transcript().as_str()), (0, ""));
}

#[tokio::test]
async fn what_is_there_can_be_known_before_anything_else_is_changed() {
    let (recorder, _, ctx) = testing::context(false);
    let nothing = Service::new(None, &[]);
    assert_eq!(ctx.existing(&nothing).await.unwrap(), None);
    let same = Service::new(Some("node"), &[]);
    assert_eq!(ctx.existing(&same).await.unwrap(), Some("node"));
    let other = Service::new(Some("python"), &[]);
    let error = ctx.existing(&other).await.unwrap_err();
    assert_eq!(error.code(), Code::Conflict);
    assert!(
        error
            .message()
            .contains("template is python, asked for node")
    );
    assert_eq!(recorder.entries(), []);
}
