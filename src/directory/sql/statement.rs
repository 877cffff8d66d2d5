//! A statement of the config: its placeholders become the dialect's own, wherever they would be ones.

use crate::directory::sql::pool::Dialect;

/// A statement with placeholders.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Statement {
    /// In the dialect's own words.
    pub(super) text: String,
    /// What is bound, in order.
    pub(super) binds: Vec<Placeholder>,
}

/// What stands for a value.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Placeholder {
    /// The subject.
    Subject,
    /// The contact that was proved.
    Contact,
    /// Its channel.
    Channel,
    /// When it was proved.
    VerifiedAt,
}

/// Why a text is no statement that can be asked.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum BadStatement {
    /// A `{…}` that stands for nothing.
    #[error("`{{{0}}}` stands for nothing here: {1}")]
    Unknown(String, &'static str),
    /// A placeholder where the database would take it for text.
    #[error(
        "a placeholder inside quotes or a comment is none: write `{{subject}}` without quotes, it is bound as a value"
    )]
    Quoted,
    /// Nothing tells whom to look for.
    #[error("the statement names nobody: compare with `{{subject}}`")]
    NoSubject,
    /// More than one statement.
    #[error("expected one statement: nothing may follow `;`")]
    Several,
    /// A placeholder of the dialect.
    #[error("write `{{subject}}` in the place of `{0}`")]
    Native(String),
    /// A quote or a comment without an end.
    #[error("a quote or a comment has no end")]
    Open,
    /// Dollar quotes of PostgreSQL, in which nothing can be told apart.
    #[error("write texts in single quotes, without `$$`")]
    Dollar,
    /// A statement of another kind.
    #[error("expected {0}")]
    Kind(&'static str),
}

// === impl Placeholder ===

impl Placeholder {
    fn parse(name: &str, writes: bool) -> Option<Self> {
        match name {
            "subject" => Some(Self::Subject),
            "contact" if writes => Some(Self::Contact),
            "channel" if writes => Some(Self::Channel),
            "verified_at" if writes => Some(Self::VerifiedAt),
            _ => None,
        }
    }
}

// === impl Statement ===

impl Statement {
    /// A query, which finds a subject.
    ///
    /// # Errors
    /// When it is none, or does not compare with the subject.
    pub fn query(text: &str, dialect: Dialect) -> Result<Self, BadStatement> {
        Self::parse(
            text,
            dialect,
            false,
            &["select", "with", "call", "values"],
            "a query that starts with SELECT or WITH",
        )
    }

    /// Whether its answer may have this column, alone or behind a channel and `_`: what a `*` or a procedure gives is not
    /// known here.
    pub(super) fn may_name(&self, column: &str) -> bool {
        let lower = self.text.to_lowercase();
        let mut words = lower.split(|c: char| !(c.is_alphanumeric() || c == '_'));
        lower.contains('*') || lower.starts_with("call") || words.any(|word| word.ends_with(column))
    }

    /// An update, which notes that a contact was proved.
    ///
    /// # Errors
    /// When it is none, or does not compare with the subject.
    pub fn update(text: &str, dialect: Dialect) -> Result<Self, BadStatement> {
        const KINDS: &[&str] = &["update", "insert", "with", "call", "merge", "replace"];
        Self::parse(text, dialect, true, KINDS, "a statement that starts with UPDATE, INSERT, WITH or CALL")
    }

    fn parse(
        text: &str,
        dialect: Dialect,
        writes: bool,
        kinds: &[&str],
        expected: &'static str,
    ) -> Result<Self, BadStatement> {
        let text = text.trim().trim_end_matches(';').trim_end();
        let first = text.split(|c: char| !c.is_ascii_alphabetic()).next().unwrap_or_default();
        if !kinds.iter().any(|kind| first.eq_ignore_ascii_case(kind)) {
            return Err(BadStatement::Kind(expected));
        }
        let mut statement = Self { text: String::with_capacity(text.len()), binds: Vec::new() };
        let mut rest = text;
        while let Some(next) = rest.chars().next() {
            let length = match next {
                '\'' | '"' | '`' => quoted(rest, next, dialect)?,
                '-' if rest.starts_with("--") => to_line_end(rest)?,
                '#' if dialect == Dialect::MySql => to_line_end(rest)?,
                '/' if rest.starts_with("/*") => comment(rest)?,
                ';' => return Err(BadStatement::Several),
                '{' => {
                    let length = rest.find('}').ok_or(BadStatement::Open)? + 1;
                    let name = rest.get(1..length - 1).unwrap_or_default();
                    let known = if writes {
                        "known are {subject}, {contact}, {channel} and {verified_at}"
                    } else {
                        "known is {subject}"
                    };
                    let placeholder = Placeholder::parse(name, writes)
                        .ok_or_else(|| BadStatement::Unknown(name.to_owned(), known))?;
                    statement.binds.push(placeholder);
                    statement.text.push_str(&dialect.placeholder(statement.binds.len()));
                    rest = rest.get(length..).unwrap_or_default();
                    continue;
                }
                '?' if dialect != Dialect::Postgres => return Err(BadStatement::Native("?".to_owned())),
                '$' if dialect == Dialect::Postgres => return Err(dollar(rest)),
                _ => next.len_utf8(),
            };
            statement.text.push_str(rest.get(..length).unwrap_or_default());
            rest = rest.get(length..).unwrap_or_default();
        }
        if statement.binds.contains(&Placeholder::Subject) { Ok(statement) } else { Err(BadStatement::NoSubject) }
    }
}

/// The length of the quoted text at the start of `rest`. A doubled quote stands for one, and in MySQL whatever follows a
/// backslash stands for itself; in the others a backslash is one, but in PostgreSQL's `E''`, where this errs to "no end".
fn quoted(rest: &str, quote: char, dialect: Dialect) -> Result<usize, BadStatement> {
    let mut characters = rest.char_indices().skip(1).peekable();
    while let Some((at, character)) = characters.next() {
        if character == '\\' && dialect == Dialect::MySql && quote != '`' {
            characters.next();
        } else if character == quote {
            if characters.peek().is_some_and(|(_, next)| *next == quote) {
                characters.next();
                continue;
            }
            return without_placeholder(rest, at + 1);
        }
    }
    Err(BadStatement::Open)
}

fn to_line_end(rest: &str) -> Result<usize, BadStatement> {
    without_placeholder(rest, rest.find('\n').unwrap_or(rest.len()))
}

/// PostgreSQL's comments nest, the others' do not: one that holds another is refused, since they would end it elsewhere.
fn comment(rest: &str) -> Result<usize, BadStatement> {
    let inner = rest.get(2..).unwrap_or_default();
    let end = inner.find("*/").ok_or(BadStatement::Open)?;
    if inner.get(..end).is_some_and(|inner| inner.contains("/*") || inner.starts_with('!')) {
        return Err(BadStatement::Open);
    }
    without_placeholder(rest, end + 4)
}

fn without_placeholder(rest: &str, length: usize) -> Result<usize, BadStatement> {
    let text = rest.get(..length).unwrap_or_default();
    let holds = ["{subject}", "{contact}", "{channel}", "{verified_at}"].iter().any(|name| text.contains(name));
    if holds { Err(BadStatement::Quoted) } else { Ok(length) }
}

fn dollar(rest: &str) -> BadStatement {
    let digits: String = rest.chars().skip(1).take_while(char::is_ascii_digit).collect();
    if digits.is_empty() { BadStatement::Dollar } else { BadStatement::Native(format!("${digits}")) }
}

#[cfg(test)]
mod tests;
