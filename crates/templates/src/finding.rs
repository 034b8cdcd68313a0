//! What the checker finds.

use std::ops::Range;

use crate::rules::Rule;

/// How bad it is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Severity {
    /// Worth knowing: it runs as it is.
    Note,
    /// Probably not what was meant, or fails for some values of the form.
    Warning,
    /// Backstage refuses it, fails on it, or does in silence what is not written there.
    Error,
}

impl Severity {
    /// The word for it.
    pub fn name(self) -> &'static str {
        match self {
            Self::Note => "note",
            Self::Warning => "warning",
            Self::Error => "error",
        }
    }
}

/// Something that is wrong with a template.
#[derive(Clone, Debug)]
pub struct Finding {
    /// The rule that says so.
    pub rule: &'static Rule,
    /// How bad it is.
    pub severity: Severity,
    /// Where: bytes of the file.
    pub span: Range<usize>,
    /// What is wrong, in a sentence.
    pub message: String,
    /// What to say right at the place.
    pub label: String,
    /// What to do.
    pub help: Option<String>,
    /// Other places that belong to it.
    pub related: Vec<Related>,
    /// What mends it, if there is one right answer.
    pub fix: Option<Fix>,
    /// Whether the place must not be shown: there is a secret in it.
    pub confidential: bool,
}

/// Another place that belongs to a finding.
#[derive(Clone, Debug)]
pub struct Related {
    /// Where: bytes of the file.
    pub span: Range<usize>,
    /// What is there.
    pub label: String,
}

/// What mends a finding.
#[derive(Clone, Debug)]
pub struct Fix {
    /// What it does, for the menu of an editor.
    pub title: String,
    /// The changes, in any order; they do not overlap.
    pub edits: Vec<Edit>,
}

/// A change of the file.
#[derive(Clone, Debug)]
pub struct Edit {
    /// What is replaced.
    pub span: Range<usize>,
    /// By what.
    pub replacement: String,
}

impl Finding {
    /// A finding of the severity that its rule has.
    pub fn new(rule: &'static Rule, span: Range<usize>, message: impl Into<String>) -> Self {
        Self {
            rule,
            severity: rule.severity,
            span,
            message: message.into(),
            label: String::new(),
            help: None,
            related: Vec::new(),
            fix: None,
            confidential: false,
        }
    }

    /// All that is said, in one go.
    pub fn text(&self) -> String {
        let mut text = self.message.clone();
        if !self.label.is_empty() {
            text.push_str(": ");
            text.push_str(&self.label);
        }
        if let Some(help) = &self.help {
            text.push_str(". ");
            text.push_str(help);
        }
        text
    }

    /// The place without the line breaks and blanks that YAML counts to its end.
    pub fn visible_span(&self, source: &str) -> Range<usize> {
        visible(source, &self.span)
    }

    /// Says that the place must not be shown.
    #[must_use]
    pub fn confidential(mut self) -> Self {
        self.confidential = true;
        self
    }

    /// Says something right at the place.
    #[must_use]
    pub fn label(mut self, label: impl Into<String>) -> Self {
        self.label = label.into();
        self
    }

    /// Says what to do.
    #[must_use]
    pub fn help(mut self, help: impl Into<String>) -> Self {
        self.help = Some(help.into());
        self
    }

    /// Points at another place.
    #[must_use]
    pub fn related(mut self, span: Range<usize>, label: impl Into<String>) -> Self {
        self.related.push(Related {
            span,
            label: label.into(),
        });
        self
    }

    /// Not worse than `severity`.
    #[must_use]
    pub fn at_most(mut self, severity: Severity) -> Self {
        self.severity = self.severity.min(severity);
        self
    }

    /// Says which name was perhaps meant.
    #[must_use]
    pub fn hint(mut self, suggestion: Option<&str>) -> Self {
        if let Some(name) = suggestion {
            self.help = Some(format!("did you mean `{name}`?"));
        }
        self
    }

    /// Says which name was probably meant, and offers to write it.
    #[must_use]
    pub fn did_you_mean(mut self, suggestion: Option<&str>, span: Range<usize>) -> Self {
        self = self.hint(suggestion);
        if let Some(name) = suggestion {
            self.fix = Some(Fix::replace(span, name, format!("write `{name}`")));
        }
        self
    }

    /// Offers a change.
    #[must_use]
    pub fn fix(mut self, fix: Fix) -> Self {
        self.fix = Some(fix);
        self
    }
}

impl Fix {
    /// Replaces one place.
    pub fn replace(span: Range<usize>, by: impl Into<String>, title: impl Into<String>) -> Self {
        Self {
            title: title.into(),
            edits: vec![Edit {
                span,
                replacement: by.into(),
            }],
        }
    }
}

/// A place without the line breaks and blanks at its end.
pub(crate) fn visible(source: &str, span: &Range<usize>) -> Range<usize> {
    let text = source.get(span.clone()).unwrap_or_default();
    span.start..span.start + text.trim_end().len()
}

/// The changes of all fixes that do not get in each other's way, in the order of the file, and how many fixes they
/// are of.
pub fn compatible_edits(findings: &[Finding]) -> (Vec<&Edit>, usize) {
    let mut fixes: Vec<&Fix> = findings
        .iter()
        .filter_map(|finding| finding.fix.as_ref())
        .collect();
    fixes.sort_by_key(|fix| fix.edits.iter().map(|edit| edit.span.start).min());
    let mut taken: Vec<&Edit> = Vec::new();
    let mut made = 0;
    for fix in fixes {
        let clashes = |edit: &Edit| {
            taken.iter().any(|other| {
                edit.span.start < other.span.end && other.span.start < edit.span.end
                    || edit.span == other.span
            })
        };
        if fix.edits.iter().any(clashes) {
            continue;
        }
        taken.extend(&fix.edits);
        made += 1;
    }
    taken.sort_by_key(|edit| edit.span.start);
    (taken, made)
}
