//! The state of the server: the open documents and the folders that they are in.

use std::collections::HashMap;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::mpsc::Sender;

use lsp_server::{ErrorCode, Notification, Request, RequestId};
use lsp_types::notification::{
    DidChangeTextDocument, DidChangeWatchedFiles, DidChangeWorkspaceFolders, DidCloseTextDocument,
    DidOpenTextDocument, DidSaveTextDocument, Initialized, Notification as _, PublishDiagnostics,
    ShowMessage,
};
use lsp_types::request::{
    CodeActionRequest, Completion, HoverRequest, RegisterCapability, Request as _,
};
use lsp_types::{
    CodeActionKind, CodeActionOptions, CodeActionParams, CompletionOptions, CompletionParams,
    DidChangeTextDocumentParams, DidChangeWatchedFilesParams,
    DidChangeWatchedFilesRegistrationOptions, DidChangeWorkspaceFoldersParams,
    DidCloseTextDocumentParams, DidOpenTextDocumentParams, DidSaveTextDocumentParams,
    FileSystemWatcher, GlobPattern, HoverParams, InitializeParams, InitializeResult, MessageType,
    OneOf, PublishDiagnosticsParams, Registration, RegistrationParams, ServerCapabilities,
    ServerInfo, ShowMessageParams, TextDocumentPositionParams, TextDocumentSyncCapability,
    TextDocumentSyncKind, TextDocumentSyncOptions, Uri, WorkspaceFolder,
    WorkspaceFoldersServerCapabilities, WorkspaceServerCapabilities,
};
use serde::Serialize;
use serde::de::DeserializeOwned;
use serde_json::Value;
use sidestage_templates::Context;
use sidestage_templates::model::Model;
use sidestage_templates::template::may_be_template;
use url::Url;

use super::document::{Document, Source};
use super::folder::{Contents, Folder};
use super::show::{self, Client};
use super::transport::{refuse, reply, send};
use super::{Checked, Event};
use crate::check::files;
use crate::check::settings::Options;

pub(super) struct Server {
    options: Options,
    client: Client,
    /// To come back from what runs beside the protocol.
    events: Sender<Event>,
    /// The folders of the workspace.
    roots: Vec<PathBuf>,
    folders: HashMap<PathBuf, Folder>,
    documents: HashMap<String, Document>,
    revisions: u64,
}

impl Server {
    pub(super) fn new(
        params: &InitializeParams,
        options: Options,
        events: Sender<Event>,
    ) -> (Self, InitializeResult) {
        let client = Client::of(params);
        #[allow(deprecated)] // Editors before 3.6 know only this one.
        let root = params.root_uri.iter().filter_map(path_of);
        let roots = match &params.workspace_folders {
            Some(folders) => paths(folders),
            None => root.collect(),
        };
        let server = Self {
            options,
            client,
            events,
            roots,
            folders: HashMap::new(),
            documents: HashMap::new(),
            revisions: 0,
        };
        let result = InitializeResult {
            capabilities: capabilities(client),
            server_info: Some(ServerInfo {
                name: "sidestage".to_owned(),
                version: Some(env!("CARGO_PKG_VERSION").to_owned()),
            }),
        };
        (server, result)
    }

    pub(super) fn request(&mut self, id: RequestId, method: &str, params: Value) {
        let client = self.client;
        match method {
            HoverRequest::METHOD => {
                let Some(params) = params_of::<HoverParams>(&id, params) else {
                    return;
                };
                let at = params.text_document_position_params;
                self.answer(id, &at, move |source, offset, context| {
                    show::hover(source, offset, context, client)
                });
            }
            Completion::METHOD => {
                let Some(params) = params_of::<CompletionParams>(&id, params) else {
                    return;
                };
                let at = params.text_document_position;
                self.answer(id, &at, move |source, offset, context| {
                    show::completions(source, offset, context, client)
                });
            }
            CodeActionRequest::METHOD => {
                let Some(params) = params_of::<CodeActionParams>(&id, params) else {
                    return;
                };
                match self.documents.get_mut(params.text_document.uri.as_str()) {
                    Some(document) => document.waiting.push((id, params)),
                    None => return refuse_unknown(id, &params.text_document.uri),
                }
                self.answer_waiting();
            }
            _ => refuse(
                id,
                ErrorCode::MethodNotFound,
                format_args!("there is no `{method}` here"),
            ),
        }
    }

    /// What cannot be read is passed over: a notification has no answer.
    pub(super) fn notification(&mut self, notification: Notification) {
        let Notification { method, params } = notification;
        match method.as_str() {
            Initialized::METHOD => self.watch(),
            DidOpenTextDocument::METHOD => {
                let Ok(params) = serde_json::from_value(params) else {
                    return;
                };
                self.open(params);
            }
            DidChangeTextDocument::METHOD => {
                let Ok(params) = serde_json::from_value(params) else {
                    return;
                };
                self.change(params);
            }
            DidSaveTextDocument::METHOD => {
                let params = serde_json::from_value::<DidSaveTextDocumentParams>(params);
                let saved = params
                    .ok()
                    .and_then(|params| path_of(&params.text_document.uri));
                self.files_changed(saved.as_slice());
            }
            DidCloseTextDocument::METHOD => {
                let Ok(params) = serde_json::from_value(params) else {
                    return;
                };
                self.close(params);
            }
            DidChangeWatchedFiles::METHOD => {
                let params = serde_json::from_value::<DidChangeWatchedFilesParams>(params);
                let changes = params.map(|params| params.changes).unwrap_or_default();
                let changed: Vec<PathBuf> = changes
                    .iter()
                    .filter_map(|change| path_of(&change.uri))
                    .collect();
                self.files_changed(&changed);
            }
            DidChangeWorkspaceFolders::METHOD => {
                let Ok(params) = serde_json::from_value(params) else {
                    return;
                };
                self.folders_changed(params);
            }
            _ => {}
        }
    }

    /// Asks the editor to tell when files change: the configuration, lists of actions, other templates.
    fn watch(&self) {
        if !self.client.watches {
            return;
        }
        let watchers = ["**/*.yaml", "**/*.yml", "**/*.json"]
            .map(|pattern| FileSystemWatcher {
                glob_pattern: GlobPattern::String(pattern.to_owned()),
                kind: None,
            })
            .to_vec();
        let options = DidChangeWatchedFilesRegistrationOptions { watchers };
        let registration = Registration {
            id: "files".to_owned(),
            method: DidChangeWatchedFiles::METHOD.to_owned(),
            register_options: serde_json::to_value(options).ok(),
        };
        let registrations = RegistrationParams {
            registrations: vec![registration],
        };
        send(Request::new(
            "files".to_owned().into(),
            RegisterCapability::METHOD.to_owned(),
            registrations,
        ));
    }

    fn open(&mut self, params: DidOpenTextDocumentParams) {
        let opened = params.text_document;
        let path = path_of(&opened.uri);
        let folder = self.folder_of(path.as_deref());
        let key = opened.uri.as_str().to_owned();
        let document = Document {
            uri: opened.uri,
            path,
            folder,
            version: opened.version,
            source: Arc::new(Source::new(opened.text)),
            revision: self.next_revision(),
            checking: None,
            skipped: None,
            findings: None,
            waiting: Vec::new(),
        };
        self.documents.insert(key.clone(), document);
        self.check(&key);
    }

    fn change(&mut self, params: DidChangeTextDocumentParams) {
        let key = params.text_document.uri.as_str();
        let revision = self.next_revision();
        let Some(document) = self.documents.get_mut(key) else {
            return;
        };
        for change in params.content_changes {
            document.source = Arc::new(document.source.changed(change, self.client.unit));
        }
        document.version = params.text_document.version;
        document.renew(revision);
        self.check(key);
    }

    fn close(&mut self, params: DidCloseTextDocumentParams) {
        let uri = params.text_document.uri;
        if let Some(document) = self.documents.remove(uri.as_str()) {
            for (id, _) in document.waiting {
                refuse(id, ErrorCode::ContentModified, "the document was closed");
            }
        }
        publish(uri, Vec::new(), None);
    }

    fn next_revision(&mut self) -> u64 {
        self.revisions += 1;
        self.revisions
    }

    /// The folder whose settings a file has: that of the workspace that it is in, or else its own.
    fn folder_of(&mut self, path: Option<&Path>) -> PathBuf {
        let within = |root: &&PathBuf| path.is_some_and(|path| path.starts_with(root));
        let root = self
            .roots
            .iter()
            .filter(within)
            .max_by_key(|root| root.components().count());
        let own = path.and_then(Path::parent).map(Path::to_owned);
        let in_workspace = root.is_some();
        let root = root.cloned().or(own).unwrap_or_default();
        if !self.folders.contains_key(&root) {
            let mut folder = Folder::new(root.clone());
            self.load(&mut folder);
            // What else is in the folder of a single file is nobody's business.
            if in_workspace {
                self.scan(&root, &folder);
            } else {
                folder.contents = Some(Contents::new());
            }
            self.folders.insert(root.clone(), folder);
        }
        root
    }

    fn load(&self, folder: &mut Folder) {
        if let Err(error) = folder.load(&self.options) {
            let params = ShowMessageParams {
                typ: MessageType::ERROR,
                message: format!("sidestage: {error:#}"),
            };
            send(Notification::new(ShowMessage::METHOD.to_owned(), params));
        }
    }

    fn scan(&self, root: &Path, folder: &Folder) {
        let (scan, root, events) = (folder.scan(), root.to_owned(), self.events.clone());
        beside(scan, move |contents| {
            let contents = contents.unwrap_or_default();
            // Without a receiver the conversation is over.
            let _ = events.send(Event::Scanned { root, contents });
        });
    }

    pub(super) fn scanned(&mut self, root: &Path, contents: Contents) {
        let Some(folder) = self.folders.get_mut(root) else {
            return;
        };
        folder.contents = Some(contents);
        self.check_again(|document| document.folder == root);
    }

    /// Checks documents again that mean something else now, without having changed.
    fn check_again(&mut self, which: impl Fn(&Document) -> bool) {
        let mut keys = Vec::new();
        for (key, document) in &mut self.documents {
            if which(document) {
                self.revisions += 1;
                document.renew(self.revisions);
                document.skipped = None;
                keys.push(key.clone());
            }
        }
        for key in keys {
            self.check(&key);
        }
    }

    /// Starts a check, if none is under way: that one is followed by another where it comes too late.
    fn check(&mut self, key: &str) {
        let Some(document) = self.documents.get_mut(key) else {
            return;
        };
        let Some(folder) = self.folders.get(&document.folder) else {
            return;
        };
        if document.checking.is_some() || folder.contents.is_none() {
            return;
        }
        let path = document.path.clone();
        let skipped = *document
            .skipped
            .get_or_insert_with(|| path.as_ref().is_some_and(|path| folder.skips(path)));
        let revision = document.revision;
        if skipped || !may_be_template(&document.source.text) {
            return self.checked(Checked {
                uri: key.to_owned(),
                revision,
                findings: Arc::default(),
                content: Vec::new(),
            });
        }
        document.checking = Some(revision);
        let source = document.source.clone();
        let context = folder.context.clone();
        let (uri, events) = (key.to_owned(), self.events.clone());
        let check = move || {
            let model = Model::of(&source.text, &context);
            let templates = model.templates.iter().map(|analysis| &analysis.template);
            let content = path.map(|path| files::content_prefixes(&path, templates));
            (
                sidestage_templates::findings(&model).into(),
                content.unwrap_or_default(),
            )
        };
        beside(check, move |checked| {
            let (findings, content) = checked.unwrap_or_default();
            let checked = Checked {
                uri,
                revision,
                findings,
                content,
            };
            let _ = events.send(Event::Checked(checked));
        });
    }

    /// Shows what was found, unless the document has changed meanwhile.
    pub(super) fn checked(&mut self, checked: Checked) {
        let Some(document) = self.documents.get_mut(&checked.uri) else {
            return;
        };
        if document.checking == Some(checked.revision) {
            document.checking = None;
        }
        if document.revision != checked.revision {
            return self.check(&checked.uri);
        }
        document.findings = Some(checked.findings);
        let diagnostics = show::diagnostics(document, self.client);
        publish(document.uri.clone(), diagnostics, Some(document.version));
        self.answer_waiting();
        self.fills_in(&checked.uri, checked.content);
    }

    /// Other documents may be, or be no longer, in a folder that a template fills in.
    fn fills_in(&mut self, key: &str, content: Vec<PathBuf>) {
        let Some(document) = self.documents.get(key) else {
            return;
        };
        let Some(path) = document.path.as_deref().map(files::normal) else {
            return;
        };
        let root = document.folder.clone();
        let folder = self.folders.get_mut(&root);
        let Some(contents) = folder.and_then(|folder| folder.contents.as_mut()) else {
            return;
        };
        let before = contents.remove(&path).unwrap_or_default();
        let same = before == content;
        if !content.is_empty() {
            contents.insert(path, content);
        }
        if !same {
            let key = key.to_owned();
            self.check_again(|document| document.folder == root && document.uri.as_str() != key);
        }
    }

    /// Answers who waited for findings that are there now.
    fn answer_waiting(&mut self) {
        for document in self.documents.values_mut() {
            if document.findings.is_some() {
                for (id, params) in std::mem::take(&mut document.waiting) {
                    reply(id, &show::code_actions(document, &params, self.client));
                }
            }
        }
    }

    /// Answers what is asked about a place, beside the protocol.
    fn answer<R: Serialize + Send + 'static>(
        &self,
        id: RequestId,
        at: &TextDocumentPositionParams,
        answer: impl FnOnce(&Source, usize, &Context) -> R + Send + 'static,
    ) {
        let uri = &at.text_document.uri;
        let Some(document) = self.documents.get(uri.as_str()) else {
            return refuse_unknown(id, uri);
        };
        let Some(folder) = self.folders.get(&document.folder) else {
            return refuse_unknown(id, uri);
        };
        let offset = document.source.offset(at.position, self.client.unit);
        let (source, context) = (document.source.clone(), folder.context.clone());
        let answer = move || answer(&source, offset, &context);
        beside(answer, |answer| match answer {
            Some(answer) => reply(id, &answer),
            None => refuse(id, ErrorCode::InternalError, "a bug: standard error has it"),
        });
    }

    /// Takes in that files have changed on disk.
    fn files_changed(&mut self, paths: &[PathBuf]) {
        let is_open = |path: &Path| {
            let mut documents = self.documents.values();
            documents.any(|document| document.path.as_deref() == Some(path))
        };
        // What is open is known from the editor.
        let of_others: Vec<&PathBuf> = paths
            .iter()
            .filter(|path| is_yaml(path) && !is_open(path))
            .collect();
        let mut folders = std::mem::take(&mut self.folders);
        let mut reloaded = Vec::new();
        for (root, folder) in &mut folders {
            let configured = paths.iter().any(|path| folder.is_configured_by(path));
            let in_workspace = self.roots.contains(root);
            if configured {
                self.load(folder);
                reloaded.push(root.clone());
            }
            if in_workspace && (configured || of_others.iter().any(|path| path.starts_with(root))) {
                self.scan(root, folder);
            }
        }
        self.folders = folders;
        self.check_again(|document| reloaded.contains(&document.folder));
    }

    fn folders_changed(&mut self, params: DidChangeWorkspaceFoldersParams) {
        let removed = paths(&params.event.removed);
        self.roots.retain(|root| !removed.contains(root));
        self.roots.extend(paths(&params.event.added));
        self.folders.clear();
        let places: Vec<(String, Option<PathBuf>)> = self
            .documents
            .iter()
            .map(|(key, document)| (key.clone(), document.path.clone()))
            .collect();
        for (key, path) in places {
            let folder = self.folder_of(path.as_deref());
            if let Some(document) = self.documents.get_mut(&key) {
                document.folder = folder;
            }
        }
        self.check_again(|_| true);
    }
}

/// Does what takes time beside the protocol, and then what is to be done with it. What panics gives nothing, and
/// the conversation goes on.
fn beside<R>(
    work: impl FnOnce() -> R + Send + 'static,
    then: impl FnOnce(Option<R>) + Send + 'static,
) {
    rayon::spawn(move || then(catch_unwind(AssertUnwindSafe(work)).ok()));
}

fn capabilities(client: Client) -> ServerCapabilities {
    let text_document_sync = TextDocumentSyncOptions {
        open_close: Some(true),
        change: Some(TextDocumentSyncKind::INCREMENTAL),
        save: Some(true.into()),
        ..TextDocumentSyncOptions::default()
    };
    let code_actions = CodeActionOptions {
        code_action_kinds: Some(vec![CodeActionKind::QUICKFIX, show::FIX_ALL]),
        ..CodeActionOptions::default()
    };
    let workspace_folders = WorkspaceFoldersServerCapabilities {
        supported: Some(true),
        change_notifications: Some(OneOf::Left(true)),
    };
    ServerCapabilities {
        position_encoding: Some(client.encoding()),
        text_document_sync: Some(TextDocumentSyncCapability::Options(text_document_sync)),
        hover_provider: Some(true.into()),
        completion_provider: Some(CompletionOptions {
            trigger_characters: Some([".", "|", " ", "{"].map(str::to_owned).to_vec()),
            ..CompletionOptions::default()
        }),
        code_action_provider: Some(code_actions.into()),
        workspace: Some(WorkspaceServerCapabilities {
            workspace_folders: Some(workspace_folders),
            file_operations: None,
        }),
        ..ServerCapabilities::default()
    }
}

fn publish(uri: Uri, diagnostics: Vec<lsp_types::Diagnostic>, version: Option<i32>) {
    let params = PublishDiagnosticsParams::new(uri, diagnostics, version);
    send(Notification::new(
        PublishDiagnostics::METHOD.to_owned(),
        params,
    ));
}

fn params_of<P: DeserializeOwned>(id: &RequestId, params: Value) -> Option<P> {
    serde_json::from_value(params)
        .inspect_err(|error| refuse(id.clone(), ErrorCode::InvalidParams, error))
        .ok()
}

fn refuse_unknown(id: RequestId, uri: &Uri) {
    let why = format!("{} is not open", uri.as_str());
    refuse(id, ErrorCode::InvalidParams, why);
}

/// Where a document is stored; none if it is not in a file.
fn path_of(uri: &Uri) -> Option<PathBuf> {
    Url::parse(uri.as_str()).ok()?.to_file_path().ok()
}

fn paths(folders: &[WorkspaceFolder]) -> Vec<PathBuf> {
    folders
        .iter()
        .filter_map(|folder| path_of(&folder.uri))
        .collect()
}

fn is_yaml(path: &Path) -> bool {
    path.extension()
        .is_some_and(|end| end == "yaml" || end == "yml")
}
