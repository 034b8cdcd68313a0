//! `sidestage check`.

pub(crate) mod files;
mod progress;
pub(crate) mod settings;
mod watch;

use std::io::{IsTerminal, Read as _};
use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::{env, fs};

use anyhow::{Context as _, bail};
use rayon::prelude::*;
use sidestage_templates::model::Model;
use sidestage_templates::report::{self, CheckedFile, Look};
use sidestage_templates::{Context, Severity, findings, mended, template};

use crate::out::print;
use files::Found;
use progress::Progress;
use settings::Settings;

/// Check Backstage templates: every expression, every input, every output
#[derive(clap::Args)]
#[command(after_help = "Exit status: 0 nothing found, 1 something found, 2 could not check.")]
pub(crate) struct Args {
    /// Files and folders; `-` reads one file from standard input
    #[arg(default_value = ".")]
    paths: Vec<PathBuf>,
    /// How to report
    #[arg(long, value_enum, default_value_t = Format::Human)]
    format: Format,
    /// Mend what has one right answer; what is left is reported
    #[arg(long)]
    fix: bool,
    /// Check again whenever a file changes
    #[arg(long)]
    watch: bool,
    #[command(flatten)]
    options: settings::Options,
    /// The least severity that makes the exit status 1
    #[arg(long, value_enum, value_name = "SEVERITY")]
    fail_on: Option<settings::Level>,
    /// What to call standard input in reports
    #[arg(long, value_name = "PATH", default_value = "<stdin>")]
    stdin_path: String,
}

#[derive(Clone, Copy, PartialEq, clap::ValueEnum)]
enum Format {
    /// The source line, underlined, and what to do
    Human,
    /// JSON
    Json,
    /// SARIF 2.1.0, for code scanning
    Sarif,
    /// Annotations of GitHub Actions
    Github,
}

/// Checks, and says with which status to exit.
pub(crate) fn run(args: &Args) -> ExitCode {
    match check(args) {
        Ok(true) => ExitCode::SUCCESS,
        Ok(false) => ExitCode::from(1),
        Err(error) => {
            #[allow(clippy::print_stderr)]
            {
                eprintln!("sidestage: {error:#}");
            }
            ExitCode::from(2)
        }
    }
}

/// Whether nothing was found that counts.
fn check(args: &Args) -> anyhow::Result<bool> {
    let here = env::current_dir().context("the current folder cannot be found out")?;
    if args.watch {
        let depends_on = || settings::files(&args.options, &here);
        watch::run(&args.paths, depends_on, || once(args, &here).map(drop))?;
        return Ok(true);
    }
    once(args, &here)
}

fn once(args: &Args, here: &Path) -> anyhow::Result<bool> {
    let settings = Settings::load(&args.options, here)?;
    let context = settings.context(&args.options)?;
    let (checked, problems) = if args.paths == [Path::new("-")] {
        (vec![standard_input(args, &context)?], Vec::new())
    } else {
        check_files(&args.paths, args.fix, &settings, &context)?
    };
    let templates = checked.iter().map(|checked| checked.templates).sum();
    let files: Vec<CheckedFile> = checked.into_iter().map(|checked| checked.file).collect();
    // With `--fix`, standard output is the mended text.
    if !(args.fix && args.paths == [Path::new("-")]) {
        print(&render(args.format, &files, templates))?;
    }
    if !problems.is_empty() {
        let problems: Vec<String> = problems.iter().map(|error| format!("{error:#}")).collect();
        bail!("{}", problems.join("\n"));
    }
    let least = args.fail_on.unwrap_or(settings.fail_on()).severity();
    let counts = |severity: Severity| least.is_some_and(|least| severity >= least);
    Ok(!files
        .iter()
        .flat_map(|file| &file.findings)
        .any(|finding| counts(finding.severity)))
}

fn render(format: Format, files: &[CheckedFile], templates: usize) -> String {
    match format {
        Format::Human => report::human(files, templates, look()),
        Format::Json => report::json(files, templates),
        Format::Sarif => report::sarif(files),
        Format::Github => report::github(files),
    }
}

/// Colours on a terminal that has not asked for none.
fn look() -> Look {
    let terminal = std::io::stdout().is_terminal();
    let width = env::var("COLUMNS")
        .ok()
        .and_then(|columns| columns.parse().ok());
    Look {
        styled: terminal && env::var_os("NO_COLOR").is_none(),
        width,
    }
}

/// A file that was looked at.
struct Checked {
    path: PathBuf,
    file: CheckedFile,
    /// How many templates are in it.
    templates: usize,
    /// How the paths begin of what its templates fill in: no template of this Backstage.
    content: Vec<PathBuf>,
}

fn standard_input(args: &Args, context: &Context) -> anyhow::Result<Checked> {
    let mut source = String::new();
    std::io::stdin()
        .read_to_string(&mut source)
        .context("cannot read standard input")?;
    if args.fix {
        source = mended(&source, context).0;
        print(&source)?;
    }
    Ok(check_source(Path::new(&args.stdin_path), source, context))
}

/// The files with what is found in them, and what could not be read or written.
fn check_files(
    paths: &[PathBuf],
    fix: bool,
    settings: &Settings,
    context: &Context,
) -> anyhow::Result<(Vec<Checked>, Vec<anyhow::Error>)> {
    let Found {
        candidates,
        unreadable: mut problems,
    } = files::candidates(paths, settings)?;
    let progress = Progress::new(candidates.len());
    let results: Vec<anyhow::Result<Option<Checked>>> = candidates
        .par_iter()
        .map(|candidate| {
            let checked = check_file(candidate, context);
            progress.one_more();
            checked
        })
        .collect();
    drop(progress);
    let mut checked = Vec::new();
    for result in results {
        match result {
            Ok(file) => checked.extend(file),
            Err(error) => problems.push(error),
        }
    }
    files::drop_content(&mut checked, &candidates);
    if fix {
        let mended = checked
            .par_iter_mut()
            .filter_map(|checked| mend_file(checked, context).err());
        problems.extend(mended.collect::<Vec<_>>());
    }
    Ok((checked, problems))
}

/// Reads and checks a file; none if it turns out to hold no template.
fn check_file(candidate: &files::Candidate, context: &Context) -> anyhow::Result<Option<Checked>> {
    let path = &candidate.path;
    let bytes = fs::read(path).with_context(|| format!("cannot read {}", path.display()))?;
    // What is not UTF-8 is no template; one that was named is read as Backstage reads it.
    let source = match String::from_utf8(bytes) {
        Ok(source) => source,
        Err(error) if candidate.named => String::from_utf8_lossy(error.as_bytes()).into_owned(),
        Err(_) => return Ok(None),
    };
    if !template::may_be_template(&source) {
        return Ok(None);
    }
    Ok(Some(check_source(path, source, context)))
}

/// Mends what is wrong with a file, and checks again what is written.
fn mend_file(checked: &mut Checked, context: &Context) -> anyhow::Result<()> {
    let path = checked.path.clone();
    let (source, made) = mended(&checked.file.source, context);
    if made > 0 {
        fs::write(&path, &source).with_context(|| format!("cannot write {}", path.display()))?;
        *checked = check_source(&path, source, context);
    }
    Ok(())
}

fn check_source(path: &Path, source: String, context: &Context) -> Checked {
    let model = Model::of(&source, context);
    let found = findings(&model);
    // What is wrong is wrong with a template, also where none of it can be read.
    let templates = model.templates.len().max(usize::from(!found.is_empty()));
    let content = files::content_prefixes(
        path,
        model.templates.iter().map(|analysis| &analysis.template),
    );
    drop(model);
    let file = CheckedFile::new(path.display().to_string(), source, found);
    Checked {
        path: path.to_owned(),
        file,
        templates,
        content,
    }
}
