//! Right templates: the checker says nothing worse about them than a note.

use std::fs;
use std::path::{Path, PathBuf};

use serde_json::Value as Json;
use sidestage_templates::rules::RULES;
use sidestage_templates::{Context, Severity, check};

use crate::support::{example, example_actions, files, whole};

/// A right template.
pub(crate) struct Right {
    pub(crate) name: String,
    pub(crate) source: String,
}

/// What is known when templates are checked here.
pub(crate) fn context() -> Context {
    let mut context = Context::default();
    example_actions(&mut context);
    context
}

/// The project's own templates, the examples on the pages of the rules, and those that Backstage's actions and ours have.
pub(crate) fn in_this_repository() -> Vec<Right> {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("../..");
    let mut candidates = Vec::new();
    for folder in ["templates", "crates/templates/tests/right"] {
        candidates.extend(in_folder(&root.join(folder)));
    }
    for rule in RULES {
        candidates.push(Right {
            name: rule.name.to_owned(),
            source: example(rule.page, "Right"),
        });
    }
    for list in ["actions.json", "backstage/actions.json"] {
        let path = root.join("actions-schema").join(list);
        let text = fs::read_to_string(path).expect("the list of actions is there");
        let actions: Vec<Json> = serde_json::from_str(&text).expect("it is JSON");
        for action in &actions {
            // Others of the same action are much alike.
            if let Some(example) = action["examples"][0]["example"].as_str() {
                candidates.push(Right {
                    name: action["id"].as_str().unwrap_or_default().to_owned(),
                    source: whole(example),
                });
            }
        }
    }
    // It is the others in one, and more than half of the work.
    candidates.retain(|right| !right.name.contains("unified-onboarding"));
    only_right(candidates)
}

/// The real templates of `../shared/corpus`, where that is there.
pub(crate) fn in_the_corpus() -> Option<Vec<Right>> {
    let corpus = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../../shared/corpus");
    corpus.is_dir().then(|| only_right(in_folder(&corpus)))
}

fn in_folder(folder: &Path) -> Vec<Right> {
    let is_yaml = |path: &PathBuf| {
        path.extension()
            .is_some_and(|end| end == "yaml" || end == "yml")
    };
    files(folder)
        .into_iter()
        .filter(is_yaml)
        .map(|path| Right {
            source: fs::read_to_string(&path).expect("it can be read"),
            name: path
                .strip_prefix(folder)
                .unwrap_or(&path)
                .display()
                .to_string(),
        })
        .collect()
}

fn only_right(candidates: Vec<Right>) -> Vec<Right> {
    let context = context();
    candidates
        .into_iter()
        .filter(|right| {
            check(&right.source, &context)
                .iter()
                .all(|finding| finding.severity == Severity::Note)
        })
        .collect()
}
