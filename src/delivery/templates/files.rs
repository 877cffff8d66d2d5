//! The operator's templates: read, and tried out with every kind of message before any is sent.

use std::fs;
use std::path::Path;
use std::time::Duration;

use minijinja::Error;

use super::{Content, DIGITS, Layout, OURS, Templates, VARIABLES};
use crate::config::{self, Named, Placed, did_you_mean, unknown};
use crate::delivery::sentences::{PLACES, Sentences, places_of};
use crate::delivery::tongue::{LANGUAGES, Tongue};
use crate::delivery::{Aim, SiteName};

/// Why a file is no template of messages.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{}{}{problem}", of(.file), at(.line))]
pub struct BadTemplate {
    /// Its name; none for the folder itself.
    file: Option<String>,
    /// The line, from 1.
    line: Option<usize>,
    problem: String,
}

impl BadTemplate {
    /// The same, with the folder as it is written in the config before the file's name.
    #[must_use]
    pub fn within(mut self, folder: &Path) -> Self {
        let file = self.file.take().map_or_else(|| folder.to_owned(), |file| folder.join(file));
        self.file = Some(file.display().to_string());
        self
    }
}

fn of(file: &Option<String>) -> String {
    file.as_ref().map_or_else(String::new, |file| format!("`{file}`: "))
}

fn at(line: &Option<usize>) -> String {
    line.map_or_else(String::new, |line| format!("line {line}: "))
}

/// What a file of the folder is.
#[derive(Clone, Copy)]
enum File {
    /// A template, for one language or for all.
    Layout(Layout, Option<Tongue>),
    Sentences(Tongue),
}

/// The largest file, in bytes.
const LARGEST: usize = 256 * 1024;
/// The code that templates are tried with.
const CODE: &str = "9081726354";

pub(super) fn load(folder: &Path) -> Result<Templates, BadTemplate> {
    let mut templates = Templates::default();
    let mut layouts = Vec::new();
    for name in names(folder).map_err(|error| bad(None, None, format!("cannot be read: {error}")))? {
        let known: Vec<(String, File)> = known().collect();
        let Some((_, file)) = known.iter().find(|(known, _)| *known == name) else {
            return Err(bad(Some(&name), None, unknown_file(&name, known.iter().map(|(known, _)| known.as_str()))));
        };
        let source = text(&folder.join(&name)).map_err(|problem| bad(Some(&name), None, problem))?;
        match *file {
            File::Sentences(tongue) => replace(&mut templates.sentences[tongue as usize], &name, &source)?,
            File::Layout(layout, tongue) => {
                check_source(&templates, &name, layout, &source)?;
                let added = templates.environment.add_template_owned(name.clone(), source);
                added.map_err(|error| syntax(&name, &error))?;
                layouts.push((name, layout, tongue));
            }
        }
    }
    templates.own = layouts.iter().map(|(name, ..)| name.clone()).collect();
    // All sentences are in their places by now.
    layouts.iter().try_for_each(|(name, layout, tongue)| try_out(&templates, name, *layout, *tongue))?;
    Ok(templates)
}

/// The names of what lies in `folder`, in order. What begins with a dot is somebody else's.
fn names(folder: &Path) -> std::io::Result<Vec<String>> {
    let names = fs::read_dir(folder)?.map(|entry| Ok(entry?.file_name().to_string_lossy().into_owned()));
    let mut names: Vec<String> = names.collect::<std::io::Result<_>>()?;
    names.retain(|name| !name.starts_with('.'));
    names.sort_unstable();
    Ok(names)
}

/// Every file that there can be.
fn known() -> impl Iterator<Item = (String, File)> {
    let tongues = || Tongue::ALL.into_iter().map(Some).chain([None]);
    let layouts = Layout::ALL.into_iter().flat_map(move |layout| tongues().map(move |tongue| (layout, tongue)));
    let layouts = layouts.map(|(layout, tongue)| (layout.file(tongue), File::Layout(layout, tongue)));
    layouts.chain(Tongue::ALL.map(|tongue| (format!("{}.yaml", tongue.tag()), File::Sentences(tongue))))
}

fn unknown_file<'a>(name: &str, known: impl Iterator<Item = &'a str> + Clone) -> String {
    let is_known = |name: &str| known.clone().any(|known| known == name);
    let foreign = match name.split('.').collect::<Vec<_>>()[..] {
        [language, "yaml"] => Some(language),
        [channel, language, ending] if is_known(&format!("{channel}.{ending}")) => Some(language),
        _ => None,
    };
    if let Some(language) = foreign.filter(|language| (2..=3).contains(&language.len())) {
        return format!("there are no messages in `{language}`: the languages are {}", LANGUAGES.join(", "));
    }
    match did_you_mean(name, known) {
        hint if !hint.is_empty() => format!("unknown template{hint}"),
        _ => format!(
            "unknown template: a file is called sms.txt, voice.txt, email.subject, email.txt or email.html, with a \
             language before its ending if it is for that one alone (sms.de.txt), or de.yaml for sentences; the \
             languages are {}",
            LANGUAGES.join(", ")
        ),
    }
}

/// The text of a file, with the line ends of Unix.
fn text(path: &Path) -> Result<String, String> {
    let bytes = fs::read(path).map_err(|error| format!("cannot be read: {error}"))?;
    if bytes.len() > LARGEST {
        return Err("is larger than 256 KiB: no message is".to_owned());
    }
    let text = String::from_utf8(bytes).map_err(|_| "is no UTF-8: save it as UTF-8".to_owned())?;
    Ok(text.strip_prefix('\u{feff}').unwrap_or(&text).replace("\r\n", "\n"))
}

// === sentences ===

/// Puts the sentences of a file in the place of ours.
fn replace(sentences: &mut Sentences, file: &str, source: &str) -> Result<(), BadTemplate> {
    let read = config::read::<Named<Placed<String>>>(source);
    let read = read
        .map_err(|fault| bad(Some(file), fault.place().map(|place| place.line as usize), fault.message().to_owned()))?;
    for (key, text) in read.iter() {
        let wrong = |problem| bad(Some(file), Some(text.place.line as usize), problem);
        let Some(ours) = sentences.get(&key.value) else {
            let problem = unknown("sentence", &key.value, sentences.keys());
            return Err(bad(Some(file), Some(key.place.line as usize), problem));
        };
        if text.value.trim().is_empty() || text.value.trim().contains(char::is_control) {
            return Err(wrong("a sentence is one line of text".to_owned()));
        }
        let (needed, given) = (places_of(ours), places_of(&text.value));
        // What tells the code or a number must go on telling it, and nothing else may: a subject shows on a locked screen.
        for must in ["code", "n"] {
            match (needed.contains(&must), given.contains(&must)) {
                (true, false) => return Err(wrong(format!("the sentence lacks `{{{must}}}`"))),
                (false, true) => return Err(wrong(format!("the sentence cannot have `{{{must}}}`"))),
                _ => {}
            }
        }
        let is_time = needed.contains(&"n");
        let known = |place: &str| if is_time { place == "n" } else { PLACES.contains(&place) };
        if let Some(place) = given.iter().find(|place| !known(place)) {
            let known: &[&str] = if is_time { &["n"] } else { &PLACES };
            return Err(wrong(unknown("place", place, known.iter().copied())));
        }
        let trimmed = text.value.trim().to_owned();
        sentences.replace(&key.value, trimmed);
    }
    Ok(())
}

// === templates ===

/// What can be said of a template without trying it: that it parses, and which variables it asks for.
fn check_source(templates: &Templates, file: &str, layout: Layout, source: &str) -> Result<(), BadTemplate> {
    let is_foreign = |c: char| c.is_control() && !matches!(c, '\n' | '\t');
    if let Some(line) = source.lines().position(|line| line.contains(is_foreign)) {
        return Err(bad(Some(file), Some(line + 1), "this is a control character: remove it".to_owned()));
    }
    let parsed = templates.environment.template_from_named_str(file, source);
    let parsed = parsed.map_err(|error| syntax(file, &error))?;
    let mut asked: Vec<String> = parsed.undeclared_variables(true).into_iter().collect();
    asked.sort_unstable();
    for variable in asked {
        let (first, rest) = variable.split_once('.').unwrap_or((&variable, ""));
        let line = line_of(source, &variable);
        let wrong = |problem| Err(bad(Some(file), line, problem));
        let builtin = ["self", "super", "loop"].contains(&first)
            || templates.environment.globals().any(|(global, _)| global == first);
        match (first, layout) {
            ("code", Layout::Subject) => {
                return wrong("a subject shows on a locked screen and has no `code`: remove it".to_owned());
            }
            ("pause", Layout::Sms | Layout::Subject | Layout::Text | Layout::Html) => {
                return wrong("only a call has a `pause`: remove it".to_owned());
            }
            ("say", _) if !rest.is_empty() => {
                let said = Templates::said();
                if !said.iter().any(|known| known == rest) {
                    return wrong(unknown("sentence", rest, said.iter().map(String::as_str)));
                }
            }
            _ if VARIABLES.contains(&first) || builtin => {}
            _ => {
                let hint = did_you_mean(first, VARIABLES);
                let all = if hint.is_empty() { format!(": there is {}", VARIABLES.join(", ")) } else { hint };
                return wrong(format!("unknown variable `{first}`{all}"));
            }
        }
    }
    Ok(())
}

/// Renders a template with every kind of message that it is for.
fn try_out(templates: &Templates, file: &str, layout: Layout, tongue: Option<Tongue>) -> Result<(), BadTemplate> {
    let site = SiteName::new("Example Shop", "shop.example.com");
    for tongue in Tongue::ALL.into_iter().filter(|each| tongue.is_none_or(|tongue| tongue == *each)) {
        for (aim, client) in Aim::ALL.into_iter().flat_map(|aim| [(aim, None), (aim, Some("203.0.113.7"))]) {
            let code = if layout == Layout::Voice { DIGITS } else { CODE };
            let expires_in = Duration::from_secs(300);
            let content = Content { aim, code, client, expires_in, reference: "ABCDE-FGHIJ", ..Content::of(&site) };
            let values = templates.values(layout, tongue, content);
            let text = templates.rendered(file, &values).map_err(|error| syntax(file, &error))?;
            let text = layout.tidied(&text);
            let has_code = match layout {
                Layout::Subject => !text.is_empty(),
                Layout::Text => text.lines().any(|line| line == code),
                Layout::Sms | Layout::Voice | Layout::Html => text.contains(code),
            };
            if !has_code {
                let when = format!("when `aim` is `{}`", aim.as_str());
                return Err(bad(
                    Some(file),
                    None,
                    match layout {
                        Layout::Subject => format!("the subject is empty {when}"),
                        Layout::Text => {
                            format!("the code stands on no line of its own {when}: write `{{{{ code }}}}` there")
                        }
                        Layout::Sms | Layout::Voice | Layout::Html => {
                            format!("it lacks the code {when}: write `{{{{ code }}}}` where it is to stand")
                        }
                    },
                ));
            }
        }
    }
    Ok(())
}

impl Templates {
    /// What `say` has.
    fn said() -> Vec<String> {
        let sentences = Sentences::built_in(Tongue::English);
        let is_time = |key: &&str| sentences.get(key).is_some_and(|text| places_of(text).contains(&"n"));
        let keys = sentences.keys().filter(|key| !is_time(key));
        let mut said: Vec<String> = keys.filter_map(|key| key.split('.').next().map(str::to_owned)).collect();
        said.dedup();
        said
    }
}

/// The line on which a variable is asked for.
fn line_of(source: &str, variable: &str) -> Option<usize> {
    let is_part = |c: char| c.is_alphanumeric() || matches!(c, '_' | '.');
    let is_whole = |line: &str| {
        line.match_indices(variable).any(|(at, _)| {
            let (before, after) = (line.get(..at), line.get(at + variable.len()..));
            !before.is_some_and(|before| before.ends_with(is_part))
                && !after.is_some_and(|after| after.starts_with(|c: char| c.is_alphanumeric() || c == '_'))
        })
    };
    // Text that is no part of a statement may use the same word.
    let in_braces = |line: &&str| line.contains("{{") || line.contains("{%");
    let lines = || source.lines().zip(1..);
    let found = lines().find(|(line, _)| in_braces(line) && is_whole(line));
    found.or_else(|| lines().find(|(line, _)| is_whole(line))).map(|(_, number)| number)
}

/// What the template engine says, in as far as it is about the template.
fn syntax(file: &str, error: &Error) -> BadTemplate {
    let problem = match (error.kind(), error.detail()) {
        (minijinja::ErrorKind::TemplateNotFound, _) => {
            format!("there is no such template: only our own can be included or extended, such as `{OURS}email.html`")
        }
        (kind, Some(detail)) => format!("{kind}: {detail}"),
        (kind, None) => kind.to_string(),
    };
    let file = error.name().unwrap_or(file);
    bad(Some(file), error.line(), problem)
}

fn bad(file: Option<&str>, line: Option<usize>, problem: String) -> BadTemplate {
    BadTemplate { file: file.map(str::to_owned), line, problem }
}
