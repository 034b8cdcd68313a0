//! Mistakes in the entity as a whole, and in its YAML.

use sidestage_templates::yaml::{Node, Style};

use crate::Way;
use crate::subject::{Break, Subject, lines};

pub(crate) const WAYS: &[Way] = &[
    Way::new("another `apiVersion`", |subject| {
        let root = &subject.analysis.template.root;
        let version = root.get("apiVersion").into_iter();
        version
            .map(|node| Break::replace(node.span.clone(), "scaffolder.backstage.io/v1beta2"))
            .collect()
    }),
    Way::new("`kind` misspelt", |subject| {
        let kind = subject.analysis.template.root.get("kind").into_iter();
        subject.all_misspelt(kind.map(|node| node.span.clone()))
    }),
    Way::new("a name that the catalog refuses", |subject| {
        metadata(subject)
            .and_then(|metadata| metadata.get("name"))
            .map(|name| Break::replace(name.span.clone(), "'a service'"))
            .into_iter()
            .collect()
    }),
    Way::new("a tag, label or link that the catalog refuses", |subject| {
        let name = metadata(subject).and_then(|metadata| metadata.entry("name"));
        let added = ["namespace: A B", "labels: {a: 1}", "links: [{title: x}]"].iter();
        let added = added.filter_map(|text| subject.with(name?, text));
        let tags = metadata(subject).and_then(|metadata| metadata.get("tags"));
        let first = tags.and_then(|tags| tags.items().first());
        let tag = first.map(|tag| Break::replace(tag.span.clone(), "A_b"));
        added.chain(tag).collect()
    }),
    Way::new("`output` beside `spec`", |subject| {
        let kind = subject.analysis.template.root.entry("kind");
        kind.and_then(|kind| subject.with(kind, "output: {}"))
            .into_iter()
            .collect()
    }),
    Way::new("`name`, `type` or `steps` left out", |subject| {
        let spec = subject.analysis.template.root.get("spec");
        let places = [(metadata(subject), "name"), (spec, "type"), (spec, "steps")];
        places
            .into_iter()
            .filter_map(|(parent, key)| {
                let parent = parent?;
                Some(subject.without(parent, key)?.near(parent.span.clone()))
            })
            .collect()
    }),
    Way::new("`steps` empty", |subject| {
        let spec = subject.analysis.template.root.get("spec");
        spec.and_then(|spec| spec.entry("steps"))
            .map(|entry| {
                Break::replace(entry.key.span.end..entry.value.span.end, ": []")
                    .near(entry.key.span.clone())
            })
            .into_iter()
            .collect()
    }),
    Way::new(
        "a key of the entity, `metadata` or `spec` misspelt",
        |subject| {
            let root = &subject.analysis.template.root;
            let parts = [Some(root), metadata(subject), root.get("spec")];
            let keys = parts
                .into_iter()
                .flatten()
                .flat_map(Node::entries)
                .map(|entry| entry.key.span.clone());
            subject.all_misspelt(keys)
        },
    ),
    Way::new("a key of the output misspelt", |subject| {
        let output = subject.analysis.template.spec("output");
        let mut keys = Vec::new();
        for (list, known) in [
            ("links", ["title", "icon", "url", "if"].as_slice()),
            ("text", &["title", "content", "if"]),
        ] {
            let Some(entry) = output.and_then(|output| output.entry(list)) else {
                continue;
            };
            keys.push(entry.key.span.clone());
            let items = entry.value.items().iter().flat_map(Node::entries);
            keys.extend(
                items
                    .filter(|entry| known.contains(&entry.key.name.as_str()))
                    .map(|entry| entry.key.span.clone()),
            );
        }
        subject.all_misspelt(keys)
    }),
    Way::new(
        "the reason of a comment that ignores a rule left out",
        |subject| {
            const COMMENT: &str = "# sidestage-ignore ";
            let comments = subject.source.match_indices(COMMENT);
            comments
                .filter_map(|(at, _)| {
                    let line = lines(subject.source, &(at..at));
                    let reason = at + subject.source[at..line.end].find(": ")?;
                    Some(Break::remove(reason..line.end))
                })
                .collect()
        },
    ),
    Way::yaml("a key written twice", |subject| {
        let steps = subject.analysis.template.steps.iter();
        steps
            .filter_map(|step| {
                let action = step.node.entry("action")?;
                subject.with(action, &subject.source[action.span()])
            })
            .collect()
    }),
    Way::yaml("a tab for blanks", |subject| {
        let steps = subject.analysis.template.steps.iter();
        steps
            .filter_map(|step| {
                let line = lines(subject.source, &step.node.entry("action")?.span());
                let blanks = subject.source[line.clone()].len()
                    - subject.source[line.clone()].trim_start_matches(' ').len();
                (blanks > 0).then(|| Break::replace(line.start..line.start + blanks, "\t"))
            })
            .collect()
    }),
    Way::yaml("a colon and a blank in a text without quotes", |subject| {
        let mut breaks = Vec::new();
        subject
            .analysis
            .template
            .root
            .walk("", &mut |pointer, node| {
                let prose = ["/title", "/description", "/name"]
                    .iter()
                    .any(|key| pointer.ends_with(key));
                let plain = node
                    .as_text()
                    .is_some_and(|text| text.style == Style::Plain);
                let blank = subject.source[node.span.clone()].find(' ');
                if let Some(blank) = blank.filter(|_| prose && plain) {
                    breaks.push(Break::insert(node.span.start + blank, ":"));
                }
            });
        breaks
    }),
    Way::yaml("a quote of YAML left out", |subject| {
        let mut breaks = Vec::new();
        subject.analysis.template.root.walk("", &mut |_, node| {
            let text = &subject.source[node.span.clone()];
            if node.as_str().is_some() && text.len() > 1 && text.starts_with('\'') {
                breaks.push(Break::remove(node.span.end - 1..node.span.end));
            }
        });
        breaks
    }),
    Way::yaml("an alias without its anchor", |subject| {
        let steps = subject.analysis.template.steps.iter();
        steps
            .filter_map(|step| {
                let input = step.node.entry("input")?;
                Some(Break::replace(
                    input.key.span.end..input.value.span.end,
                    ": *defaults",
                ))
            })
            .collect()
    }),
];

fn metadata<'a>(subject: &Subject<'a>) -> Option<&'a Node> {
    subject.analysis.template.root.get("metadata")
}
