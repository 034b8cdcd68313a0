//! What the checker says, as the protocol has it.

use lsp_types::{
    CodeAction, CodeActionKind, CodeActionOrCommand, CodeActionParams, CodeDescription,
    CompletionItem, CompletionItemKind, CompletionTextEdit, Diagnostic,
    DiagnosticRelatedInformation, DiagnosticSeverity, DiagnosticTag, DocumentChanges,
    Documentation, HoverContents, InitializeParams, Location, MarkupContent, MarkupKind,
    NumberOrString, OneOf, OptionalVersionedTextDocumentIdentifier, PositionEncodingKind, Range,
    TextDocumentEdit, TextEdit, Uri, WorkspaceEdit,
};
use sidestage_templates::editor::{self, Completion, CompletionKind};
use sidestage_templates::finding::{Edit, compatible_edits};
use sidestage_templates::yaml::Unit;
use sidestage_templates::{Context, Finding, Severity};

use super::document::{Document, Source};

/// Every fix of a document at once, for what editors do when they save.
pub(super) const FIX_ALL: CodeActionKind = CodeActionKind::new("source.fixAll.sidestage");

/// What the editor can do.
#[derive(Clone, Copy)]
pub(super) struct Client {
    /// What a column counts.
    pub(super) unit: Unit,
    /// It shows other places that belong to a diagnostic.
    related: bool,
    /// It tells when files change.
    pub(super) watches: bool,
    /// It applies an edit only to the version that it is of.
    versions: bool,
}

impl Client {
    pub(super) fn of(params: &InitializeParams) -> Self {
        let capabilities = &params.capabilities;
        let encodings = capabilities
            .general
            .as_ref()
            .and_then(|general| general.position_encodings.as_deref());
        let utf8 = encodings.is_some_and(|offered| offered.contains(&PositionEncodingKind::UTF8));
        let document = capabilities.text_document.as_ref();
        let workspace = capabilities.workspace.as_ref();
        Self {
            unit: if utf8 { Unit::Utf8 } else { Unit::Utf16 },
            related: document
                .and_then(|document| document.publish_diagnostics.as_ref()?.related_information)
                .unwrap_or(false),
            watches: workspace
                .and_then(|workspace| {
                    workspace
                        .did_change_watched_files
                        .as_ref()?
                        .dynamic_registration
                })
                .unwrap_or(false),
            versions: workspace
                .and_then(|workspace| workspace.workspace_edit.as_ref()?.document_changes)
                .unwrap_or(false),
        }
    }

    pub(super) fn encoding(self) -> PositionEncodingKind {
        match self.unit {
            Unit::Utf8 => PositionEncodingKind::UTF8,
            _ => PositionEncodingKind::UTF16,
        }
    }
}

pub(super) fn diagnostics(document: &Document, client: Client) -> Vec<Diagnostic> {
    let findings = document
        .findings
        .iter()
        .flat_map(|findings| findings.iter());
    findings
        .map(|finding| diagnostic(finding, document, client))
        .collect()
}

fn diagnostic(finding: &Finding, document: &Document, client: Client) -> Diagnostic {
    let source = &document.source;
    let related = finding.related.iter().map(|related| {
        let range = source.range(&related.span, client.unit);
        DiagnosticRelatedInformation {
            location: Location::new(document.uri.clone(), range),
            message: related.label.clone(),
        }
    });
    let tag = match finding.rule.name {
        "deprecated" => Some(DiagnosticTag::DEPRECATED),
        "unused-parameter" | "unused-ignore" => Some(DiagnosticTag::UNNECESSARY),
        _ => None,
    };
    Diagnostic {
        range: range(finding, source, client),
        severity: Some(match finding.severity {
            Severity::Error => DiagnosticSeverity::ERROR,
            Severity::Warning => DiagnosticSeverity::WARNING,
            Severity::Note => DiagnosticSeverity::INFORMATION,
        }),
        code: Some(NumberOrString::String(finding.rule.name.to_owned())),
        code_description: finding
            .rule
            .link()
            .parse::<Uri>()
            .ok()
            .map(|href| CodeDescription { href }),
        source: Some("sidestage".to_owned()),
        message: finding.text(),
        related_information: (client.related && !finding.related.is_empty())
            .then(|| related.collect()),
        tags: tag.map(|tag| vec![tag]),
        data: None,
    }
}

fn range(finding: &Finding, source: &Source, client: Client) -> Range {
    source.range(&finding.visible_span(&source.text), client.unit)
}

/// What mends the findings at a place.
pub(super) fn code_actions(
    document: &Document,
    params: &CodeActionParams,
    client: Client,
) -> Vec<CodeActionOrCommand> {
    let asked_for = |kind: &CodeActionKind| {
        // `source` asks for everything below it, such as `source.fixAll`.
        let within = |only: &CodeActionKind| {
            let rest = kind.as_str().strip_prefix(only.as_str());
            rest.is_some_and(|rest| rest.is_empty() || rest.starts_with('.'))
        };
        params
            .context
            .only
            .as_ref()
            .is_none_or(|only| only.iter().any(within))
    };
    let findings = document.findings.as_deref().unwrap_or_default();
    let mut actions = Vec::new();
    if asked_for(&CodeActionKind::QUICKFIX) {
        let here = findings
            .iter()
            .filter(|finding| touch(&range(finding, &document.source, client), &params.range));
        actions.extend(here.filter_map(|finding| {
            let fix = finding.fix.as_ref()?;
            let edits: Vec<&Edit> = fix.edits.iter().collect();
            Some(CodeAction {
                title: capitalized(&fix.title),
                kind: Some(CodeActionKind::QUICKFIX),
                diagnostics: Some(vec![diagnostic(finding, document, client)]),
                edit: Some(edit(document, &edits, client)),
                is_preferred: Some(true),
                ..CodeAction::default()
            })
        }));
    }
    let (edits, fixes) = compatible_edits(findings);
    // A menu has each fix by itself; all of them are asked for by their name.
    if params.context.only.is_some() && asked_for(&FIX_ALL) && fixes > 0 {
        actions.push(CodeAction {
            title: "Mend everything that has one right answer".to_owned(),
            kind: Some(FIX_ALL),
            edit: Some(edit(document, &edits, client)),
            ..CodeAction::default()
        });
    }
    actions.into_iter().map(Into::into).collect()
}

fn touch(a: &Range, b: &Range) -> bool {
    a.start <= b.end && b.start <= a.end
}

/// `write x` as a line of a menu: `Write x`.
fn capitalized(text: &str) -> String {
    let mut letters = text.chars();
    match letters.next() {
        Some(first) => first.to_uppercase().chain(letters).collect(),
        None => String::new(),
    }
}

fn edit(document: &Document, edits: &[&Edit], client: Client) -> WorkspaceEdit {
    let edits = edits.iter().map(|edit| TextEdit {
        range: document.source.range(&edit.span, client.unit),
        new_text: edit.replacement.clone(),
    });
    let uri = document.uri.clone();
    if !client.versions {
        return WorkspaceEdit::new([(uri, edits.collect())].into());
    }
    let edit = TextDocumentEdit {
        text_document: OptionalVersionedTextDocumentIdentifier {
            uri,
            version: Some(document.version),
        },
        edits: edits.map(OneOf::Left).collect(),
    };
    WorkspaceEdit {
        document_changes: Some(DocumentChanges::Edits(vec![edit])),
        ..WorkspaceEdit::default()
    }
}

pub(super) fn hover(
    source: &Source,
    offset: usize,
    context: &Context,
    client: Client,
) -> Option<lsp_types::Hover> {
    let hover = editor::hover(&source.text, offset, context)?;
    Some(lsp_types::Hover {
        contents: HoverContents::Markup(markdown(hover.markdown)),
        range: Some(source.range(&hover.span, client.unit)),
    })
}

pub(super) fn completions(
    source: &Source,
    offset: usize,
    context: &Context,
    client: Client,
) -> Vec<CompletionItem> {
    editor::completions(&source.text, offset, context)
        .into_iter()
        .map(|completion| item(completion, source, client))
        .collect()
}

fn item(completion: Completion, source: &Source, client: Client) -> CompletionItem {
    let range = source.range(&completion.span, client.unit);
    let order = if completion.required { '0' } else { '1' };
    // The editor compares this with what is replaced, of which a dot can be a part.
    let replaces_dot = source.text[completion.span.clone()].starts_with('.');
    CompletionItem {
        kind: Some(match completion.kind {
            CompletionKind::Action => CompletionItemKind::MODULE,
            CompletionKind::Key | CompletionKind::Property => CompletionItemKind::PROPERTY,
            CompletionKind::Value => CompletionItemKind::ENUM_MEMBER,
            CompletionKind::Variable => CompletionItemKind::VARIABLE,
            CompletionKind::Function | CompletionKind::Filter => CompletionItemKind::FUNCTION,
            CompletionKind::Test => CompletionItemKind::OPERATOR,
        }),
        detail: Some(completion.detail).filter(|detail| !detail.is_empty()),
        documentation: completion
            .documentation
            .map(|text| Documentation::MarkupContent(markdown(text))),
        deprecated: completion.deprecated.then_some(true),
        sort_text: Some(format!("{order}{}", completion.label)),
        filter_text: replaces_dot.then(|| format!(".{}", completion.label)),
        text_edit: Some(CompletionTextEdit::Edit(TextEdit::new(
            range,
            completion.text,
        ))),
        label: completion.label,
        ..CompletionItem::default()
    }
}

fn markdown(value: String) -> MarkupContent {
    MarkupContent {
        kind: MarkupKind::Markdown,
        value,
    }
}
