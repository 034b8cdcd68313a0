//! What several rules share: going through what the type checker says about expressions.

use std::ops::Range;

use crate::expression::{self, FindingKind, Span};
use crate::finding::{Finding, Severity};
use crate::model::{Analysis, Expression, Place};

/// Something the type checker says, with its place in the file.
pub(super) struct Said<'a> {
    pub(super) expression: &'a Expression,
    pub(super) finding: &'a expression::Finding,
    pub(super) span: Range<usize>,
}

impl Said<'_> {
    /// Where nothing is expected and dealt with, such as in `x | default('y')`, a reference to nothing does no
    /// harm.
    pub(super) fn soften(&self, finding: Finding) -> Finding {
        if self.finding.guarded {
            finding.at_most(Severity::Warning)
        } else {
            finding
        }
    }

    /// What is evaluated only at times does harm only at times.
    pub(super) fn perhaps(&self, finding: Finding) -> Finding {
        if self.finding.conditional {
            finding.at_most(Severity::Warning)
        } else {
            finding
        }
    }

    /// What Backstage does with the expression where this fails.
    pub(super) fn failure(&self) -> &'static str {
        match self.expression.place {
            Place::If(_) => {
                "Backstage takes the text itself for the condition: it is not empty, and the step runs"
            }
            _ => FAILS,
        }
    }

    /// Says which name was probably meant, and offers to write it in place of the other, within its quotes if it
    /// has some. What would have to be written in another way is only said.
    pub(super) fn did_you_mean(&self, finding: Finding, suggestion: Option<&str>) -> Finding {
        let Some(name) = suggestion else {
            return finding;
        };
        let Span { start, end } = self.finding.span;
        let quoted = self.expression.text.value[start..].starts_with(['\'', '"']);
        let (place, fits) = if quoted {
            let escaped = |c: char| matches!(c, '\'' | '"' | '\\') || c.is_control();
            (start + 1..end - 1, !name.contains(escaped))
        } else {
            let digit = name.starts_with(|c: char| c.is_ascii_digit());
            let letters = name.chars().all(|c| c.is_alphanumeric() || c == '_');
            (start..end, letters && !digit)
        };
        if !fits {
            return finding.hint(suggestion);
        }
        finding.did_you_mean(suggestion, self.expression.text.source_range(place))
    }

    /// What Backstage does with the expression where this comes to nothing.
    pub(super) fn consequence(&self) -> &'static str {
        let sole = self
            .expression
            .parsed
            .as_ref()
            .is_ok_and(|parsed| parsed.template.sole_expression().is_some());
        match (self.expression.place, sole) {
            (Place::If(_), true) => "Backstage takes it for nothing, and skips the step",
            (Place::When, true) => "Backstage takes it for nothing, and hides the page",
            (Place::Each(_), true) => "Backstage takes it for nothing, and the step fails",
            _ if self.finding.guarded => "Backstage takes it for nothing in silence",
            (_, true) => "Backstage leaves the key out in silence",
            (_, false) => "Backstage leaves a hole in the text in silence",
        }
    }
}

/// What Backstage does with a text that fails.
pub(super) const FAILS: &str = "Backstage passes the whole text on as it is written";

/// Everything that the type checker says about a template.
pub(super) fn said<'a>(analysis: &'a Analysis<'_>) -> impl Iterator<Item = Said<'a>> {
    analysis.expressions.iter().flat_map(|expression| {
        let findings = expression
            .parsed
            .as_ref()
            .map(|parsed| parsed.checked.findings.as_slice());
        findings
            .unwrap_or_default()
            .iter()
            .map(move |finding| Said {
                expression,
                finding,
                span: expression.source_range(finding.span),
            })
    })
}

/// What is said of one kind.
pub(super) fn of_kind<'a, T>(
    analysis: &'a Analysis<'_>,
    pick: impl Fn(&'a FindingKind) -> Option<T>,
) -> impl Iterator<Item = (Said<'a>, T)> {
    said(analysis).filter_map(move |said| {
        let picked = pick(&said.finding.kind)?;
        Some((said, picked))
    })
}

/// A name that is not among those of a record.
pub(super) struct Unknown<'a> {
    pub(super) of: &'a str,
    pub(super) name: &'a str,
    pub(super) suggestion: Option<&'a str>,
    pub(super) known: &'a [String],
}

/// The unknown names of the records that `belongs` picks.
pub(super) fn unknown_properties<'a>(
    analysis: &'a Analysis<'_>,
    belongs: impl Fn(&str) -> bool,
) -> impl Iterator<Item = (Said<'a>, Unknown<'a>)> {
    of_kind(analysis, move |kind| match kind {
        FindingKind::UnknownProperty {
            of,
            name,
            suggestion,
            known,
            ..
        } if belongs(of) => Some(Unknown {
            of,
            name,
            suggestion: suggestion.as_deref(),
            known,
        }),
        _ => None,
    })
}

/// Whether a record is the form's parameters or something in them.
pub(super) fn is_parameters(of: &str) -> bool {
    is_within(of, "parameters")
}

/// Whether a record is the outputs of a step or something in them.
pub(super) fn is_step(of: &str) -> bool {
    of != "steps" && is_within(of, "steps")
}

fn is_within(of: &str, root: &str) -> bool {
    // What a filter or a method makes of it is something else.
    of.strip_prefix(root).is_some_and(|rest| {
        rest.is_empty() || rest.starts_with(['.', '[']) && !rest.contains(['|', '('])
    })
}

/// `a`, `b` and `c`, for a sentence about what there is.
pub(super) fn there_is(known: &[String]) -> Option<String> {
    if known.is_empty() {
        return None;
    }
    let names: Vec<String> = known.iter().map(|name| format!("`{name}`")).collect();
    Some(format!("there is {}", crate::model::one_of(&names)))
}
