//! Counting.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Write as _;
use std::sync::OnceLock;
use std::sync::atomic::{AtomicUsize, Ordering};

use sidestage_templates::model::Model;
use sidestage_templates::{Context, Finding, Severity, check};

use crate::right::{self, Right};
use crate::subject::{Break, Broken, Subject, lines};
use crate::{WAYS, Way};

/// What became of all the mistakes.
pub(crate) struct Tally {
    templates: usize,
    /// By what is broken.
    groups: Vec<(&'static str, Vec<Count>)>,
}

/// What became of the mistakes of one way.
pub(crate) struct Count {
    pub(crate) way: &'static str,
    /// One of them: before and after.
    pub(crate) example: Option<(String, String)>,
    pub(crate) tried: usize,
    pub(crate) found: usize,
    /// By how many of the found ones a rule finds.
    pub(crate) rules: BTreeMap<&'static str, usize>,
    /// Rules that are the only one to find one of them.
    pub(crate) alone: BTreeSet<&'static str>,
    /// Those that are not found, for whoever works on the checker.
    pub(crate) missed: Vec<String>,
    /// Fixes that do not mend what they are for, or break something else.
    pub(crate) harmful: BTreeSet<String>,
}

impl Tally {
    pub(crate) fn of(templates: &[Right]) -> Self {
        let context = right::context();
        let models: Vec<(&Right, Model<'_>)> = templates
            .iter()
            .map(|right| (right, Model::of(&right.source, &context)))
            .collect();
        let groups = WAYS.iter().map(|(title, ways)| {
            // Each way by itself: as many at a time as there are cores.
            let counts = in_parallel(ways, |way| count(way, &models, &context));
            (*title, counts)
        });
        Self {
            templates: templates.len(),
            groups: groups.collect(),
        }
    }

    pub(crate) fn counts(&self) -> impl Iterator<Item = &Count> {
        self.groups.iter().flat_map(|(_, counts)| counts)
    }

    /// How many of each, without more words.
    pub(crate) fn summary(&self) -> String {
        let mut text = String::new();
        for count in self.counts().filter(|count| count.tried > 0) {
            let _ = writeln!(text, "{}: {} of {}", count.way, count.found, count.tried);
        }
        text
    }

    /// The mistakes that are not found.
    pub(crate) fn missed(&self) -> impl Iterator<Item = &String> {
        self.counts().flat_map(|count| &count.missed)
    }

    /// Fixes that do harm.
    pub(crate) fn harmful(&self) -> impl Iterator<Item = &String> {
        self.counts().flat_map(|count| &count.harmful)
    }

    /// The table, in Markdown.
    pub(crate) fn table(&self) -> String {
        let sum = |part: fn(&Count) -> usize| self.counts().map(part).sum::<usize>();
        let (tried, found) = (sum(|count| count.tried), sum(|count| count.found));
        let mut table = format!(
            "{} right templates, {tried} mistakes, {found} found: {}.\n\n",
            self.templates,
            percent(found, tried),
        );
        table.push_str("| mistake | such as | tried | found | | by |\n|---|---|--:|--:|--:|---|\n");
        for (title, counts) in &self.groups {
            let _ = writeln!(table, "| **{title}** | | | | | |");
            for count in counts {
                let (before, after) = count.example.clone().unwrap_or_default();
                let mut rules: Vec<_> = count.rules.iter().collect();
                rules.sort_by_key(|(name, found)| (std::cmp::Reverse(**found), **name));
                let rules: Vec<String> = rules.iter().map(|(name, _)| name.to_string()).collect();
                let _ = writeln!(
                    table,
                    "| {} | {} → {} | {} | {} | {} | {} |",
                    count.way.replace('|', "\\|"),
                    code(&before),
                    code(&after),
                    count.tried,
                    count.found,
                    percent(count.found, count.tried),
                    rules.join(", "),
                );
            }
        }
        table
    }
}

fn count(way: &Way, models: &[(&Right, Model<'_>)], context: &Context) -> Count {
    let mut count = Count {
        way: way.name,
        example: None,
        tried: 0,
        found: 0,
        rules: BTreeMap::new(),
        alone: BTreeSet::new(),
        missed: Vec::new(),
        harmful: BTreeSet::new(),
    };
    for (right, model) in models {
        for analysis in &model.templates {
            let subject = Subject {
                source: &right.source,
                analysis,
            };
            for change in (way.breaks)(&subject) {
                let broken = change.of(&right.source);
                if broken.source != right.source {
                    count.add(way, right, &change, &broken, context);
                }
            }
        }
    }
    count
}

impl Count {
    fn add(
        &mut self,
        way: &Way,
        right: &Right,
        change: &Break,
        broken: &Broken,
        context: &Context,
    ) {
        let findings = check(&broken.source, context);
        // Where this mistake makes the file unreadable, it is another one.
        if !way.yaml
            && findings
                .iter()
                .any(|finding| finding.rule.name == "invalid-yaml")
        {
            return;
        }
        self.tried += 1;
        self.harmful
            .extend(harmful_fixes(&broken.source, &findings, context));
        let (before, after) = example(right, change);
        let rules: BTreeSet<&'static str> = findings
            .iter()
            .filter(|finding| finding.severity > Severity::Note)
            .filter(|finding| {
                // A mistake in YAML shows where the reader stumbles over it, often lines below.
                let related = finding.related.iter().map(|related| &related.span);
                way.yaml
                    || related
                        .chain([&finding.span])
                        .any(|span| broken.is_near(span))
            })
            .map(|finding| finding.rule.name)
            .collect();
        if rules.is_empty() {
            self.missed.push(format!(
                "{}, in {}: {before} → {after}",
                way.name, right.name
            ));
        } else {
            self.found += 1;
        }
        if let (1, Some(only)) = (rules.len(), rules.first()) {
            self.alone.insert(only);
        }
        for rule in rules {
            *self.rules.entry(rule).or_default() += 1;
        }
        self.example.get_or_insert((before, after));
    }
}

/// The fixes that, each by itself, do not take their finding away, or lead to another.
fn harmful_fixes(source: &str, findings: &[Finding], context: &Context) -> Vec<String> {
    let count = |findings: &[Finding], like: &Finding| {
        let same =
            |other: &&Finding| other.rule.name == like.rule.name && other.message == like.message;
        findings.iter().filter(same).count()
    };
    let harm = |finding: &Finding| {
        let fix = finding.fix.as_ref()?;
        let mut edits = fix.edits.clone();
        edits.sort_by_key(|edit| edit.span.start);
        let mended = Break {
            edits,
            near: Vec::new(),
        }
        .of(source)
        .source;
        let after = check(&mended, context);
        let is_left = count(&after, finding) >= count(findings, finding);
        // What is merely worth knowing was so before the mistake.
        let new = after.iter().filter(|new| {
            new.severity > Severity::Note && count(&after, new) > count(findings, new)
        });
        let new: Vec<String> = new.map(Finding::text).collect();
        let of = format!("{}: {} ({})", finding.rule.name, finding.text(), fix.title);
        (is_left || !new.is_empty()).then(|| format!("{of}: left {is_left}, then {new:?}"))
    };
    findings.iter().filter_map(harm).collect()
}

/// What is changed, and into what.
fn example(right: &Right, change: &Break) -> (String, String) {
    let source = &right.source;
    let first = &change.edits[0];
    // A line more says itself what is changed, and lines less do.
    if let Some(added) = first.replacement.strip_prefix('\n') {
        return (String::new(), first_line(added));
    }
    let removed = &source[first.span.clone()];
    if first.replacement.is_empty() && removed.contains('\n') {
        return (first_line(removed), String::new());
    }
    let line = lines(source, &first.span);
    let line = line.start
        ..line
            .end
            .min(line.start + source[line.start..].find('\n').unwrap_or(source.len()));
    let edits = change.edits.iter();
    let within = edits.filter(|edit| edit.span.start >= line.start && edit.span.start <= line.end);
    let (mut after, mut at) = (String::new(), line.start);
    for edit in within {
        after.push_str(&source[at..edit.span.start]);
        after.push_str(&edit.replacement);
        at = edit.span.end;
    }
    after.push_str(source.get(at..line.end).unwrap_or_default());
    excerpt(&source[line], &after.replace('\t', "\\t"))
}

fn first_line(text: &str) -> String {
    text.trim().lines().next().unwrap_or_default().to_owned()
}

/// The part of a line that differs, with a little around it.
fn excerpt(before: &str, after: &str) -> (String, String) {
    const AROUND: usize = 30;
    let (before, after) = (before.trim(), first_line(after));
    let common = before
        .chars()
        .zip(after.chars())
        .take_while(|(a, b)| a == b);
    let start = common.count().saturating_sub(AROUND);
    let common = before
        .chars()
        .rev()
        .zip(after.chars().rev())
        .take_while(|(a, b)| a == b);
    let behind = common.count().saturating_sub(AROUND);
    let cut = |text: &str| {
        let length = text.chars().count().saturating_sub(start + behind);
        let part: String = text.chars().skip(start).take(length).collect();
        format!("{}{part}{}", dots(start), dots(behind))
    };
    (cut(before), cut(&after))
}

fn dots(left_out: usize) -> &'static str {
    if left_out == 0 { "" } else { "…" }
}

fn code(text: &str) -> String {
    if text.is_empty() {
        return "nothing".into();
    }
    format!("`{}`", text.replace('|', "\\|"))
}

fn percent(found: usize, tried: usize) -> String {
    // Rounded down: 100 % is all of them.
    found
        .checked_mul(100)
        .and_then(|hundredfold| hundredfold.checked_div(tried))
        .map_or_else(String::new, |percent| format!("{percent} %"))
}

fn in_parallel<T: Sync, R: Send + Sync>(items: &[T], work: impl Fn(&T) -> R + Sync) -> Vec<R> {
    let next = AtomicUsize::new(0);
    let results: Vec<OnceLock<R>> = items.iter().map(|_| OnceLock::new()).collect();
    let worker = || {
        loop {
            let index = next.fetch_add(1, Ordering::Relaxed);
            let (Some(item), Some(result)) = (items.get(index), results.get(index)) else {
                return;
            };
            let _ = result.set(work(item));
        }
    };
    std::thread::scope(|scope| {
        for _ in 0..std::thread::available_parallelism().map_or(1, usize::from) {
            scope.spawn(worker);
        }
    });
    results
        .into_iter()
        .filter_map(OnceLock::into_inner)
        .collect()
}
