//! Path globs: `*` within a segment, `**` over any number of segments.

use std::fmt;

use super::path::fold;

/// A glob over whole paths. `/admin/**` matches `/admin`, `/admin/` and `/admin/x`, never `/administrator`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Glob {
    text: String,
    pub(crate) segments: Vec<Segment>,
    /// Whether it ends in a slash.
    pub(crate) slash: bool,
}

/// One segment of a glob.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(crate) enum Segment {
    /// Exactly this text.
    Literal(String),
    /// A text with `*` in it: the pieces between the stars.
    Wild(Vec<String>),
    /// `**`: any number of segments, none included.
    Deep,
}

/// Why a text is no glob.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum BadGlob {
    /// It does not start with a slash.
    #[error("a path glob starts with `/`, such as `/admin/**`")]
    NoSlash,
    /// It has a query or fragment.
    #[error("a path glob has no `?` or `#`: the query is never part of a path; use the criterion `query`")]
    Query,
    /// `**` beside other characters.
    #[error("`**` stands for whole segments: write `/a/**`, not `/a**`")]
    Deep,
    /// A segment that no canonical path has.
    #[error("no path has an empty, `.` or `..` segment after it is resolved, nor a `\\`, `;` or control character")]
    NeverMatches,
    /// A percent escape.
    #[error("rules see decoded paths: write the character itself, not a `%` escape")]
    Escape,
    /// More than 64 segments or 1,024 bytes.
    #[error("a path glob has at most 64 segments and 1,024 bytes")]
    TooLong,
}

impl Glob {
    /// Parses a glob.
    ///
    /// # Errors
    /// When it is none, or could never match a canonical path.
    pub fn parse(text: &str) -> Result<Self, BadGlob> {
        let rest = text.strip_prefix('/').ok_or(BadGlob::NoSlash)?;
        if text.len() > 1024 || rest.split('/').count() > 64 {
            return Err(BadGlob::TooLong);
        }
        if text.contains(['?', '#']) {
            return Err(BadGlob::Query);
        }
        if has_escape(text) {
            return Err(BadGlob::Escape);
        }
        if text.contains(['\\', ';']) || text.chars().any(char::is_control) {
            return Err(BadGlob::NeverMatches);
        }
        let (body, slash) = match rest.strip_suffix('/') {
            Some(body) => (body, true),
            None => (rest, rest.is_empty()),
        };
        let segments =
            if body.is_empty() { Vec::new() } else { body.split('/').map(Segment::parse).collect::<Result<_, _>>()? };
        Ok(Self { text: text.to_owned(), segments, slash })
    }

    /// The glob for paths without regard to case: of [`crate::request::CanonicalPath::folded`].
    #[must_use]
    pub fn folded(&self) -> Self {
        let segments = self.segments.iter().map(|segment| segment.map(|text| fold(text).into_owned())).collect();
        Self { segments, ..self.clone() }
    }

    /// Whether it matches a canonical path, with or without a slash at its end. All ways to read it walk at once, segment by
    /// segment, so no path can make it backtrack (P22).
    #[must_use]
    pub fn matches(&self, path: &str) -> bool {
        let body = path.strip_prefix('/').unwrap_or(path);
        let body = body.strip_suffix('/').unwrap_or(body);
        let mut alive = self.enter(0, 0);
        for segment in body.split('/').filter(|_| !body.is_empty()) {
            let mut next = 0;
            for (at, wanted) in self.segments.iter().enumerate().filter(|(at, _)| alive >> at & 1 == 1) {
                match wanted {
                    Segment::Deep => next = self.enter(next, at),
                    Segment::Literal(text) if text == segment => next = self.enter(next, at + 1),
                    Segment::Wild(pieces) if wild_matches(pieces, segment) => next = self.enter(next, at + 1),
                    Segment::Literal(_) | Segment::Wild(_) => {}
                }
            }
            alive = next;
        }
        alive >> self.segments.len() & 1 == 1
    }

    /// Adds a place between segments, and those behind the `**` that follow it, to the living: one bit for each of 65 places.
    fn enter(&self, mut alive: u128, mut at: usize) -> u128 {
        alive |= 1 << at;
        while self.segments.get(at) == Some(&Segment::Deep) {
            at += 1;
            alive |= 1 << at;
        }
        alive
    }

    /// Whether every path that `other` matches is matched too. Sound, not complete: `false` may mean "cannot tell".
    #[must_use]
    pub fn covers(&self, other: &Self) -> bool {
        self.text == other.text || covers(&self.segments, &other.segments)
    }
}

fn has_escape(text: &str) -> bool {
    text.as_bytes().windows(3).any(|w| matches!(w, [b'%', a, b] if a.is_ascii_hexdigit() && b.is_ascii_hexdigit()))
}

fn covers(wide: &[Segment], narrow: &[Segment]) -> bool {
    match (wide, narrow) {
        ([Segment::Deep], _) => true,
        ([], []) => true,
        ([first, wide @ ..], [segment, narrow @ ..]) if first.covers(segment) => covers(wide, narrow),
        _ => false,
    }
}

impl Segment {
    fn parse(text: &str) -> Result<Self, BadGlob> {
        match text {
            "**" => Ok(Self::Deep),
            _ if text.contains("**") => Err(BadGlob::Deep),
            "" | "." | ".." => Err(BadGlob::NeverMatches),
            _ if text.contains('*') => Ok(Self::Wild(text.split('*').map(str::to_owned).collect())),
            _ => Ok(Self::Literal(text.to_owned())),
        }
    }

    fn covers(&self, other: &Self) -> bool {
        match (self, other) {
            (Self::Wild(pieces), Self::Literal(text)) => wild_matches(pieces, text),
            (Self::Wild(pieces), Self::Wild(_)) => self == other || pieces.iter().all(String::is_empty),
            _ => self == other,
        }
    }

    /// The segment for matching without regard to case.
    pub(crate) fn map(&self, fold: impl Fn(&str) -> String) -> Self {
        match self {
            Self::Literal(text) => Self::Literal(fold(text)),
            Self::Wild(pieces) => Self::Wild(pieces.iter().map(|piece| fold(piece)).collect()),
            Self::Deep => Self::Deep,
        }
    }
}

/// Whether `text` is the pieces with anything between them. Linear: the leftmost place of each piece is as good as any
/// later one (P22).
pub(crate) fn wild_matches(pieces: &[String], text: &str) -> bool {
    let [first, middle @ .., last] = pieces else { return false };
    let Some(mut rest) = text.strip_prefix(first.as_str()) else { return false };
    for piece in middle {
        let Some(place) = rest.find(piece.as_str()) else { return false };
        rest = rest.get(place + piece.len()..).unwrap_or("");
    }
    rest.ends_with(last.as_str())
}

impl fmt::Display for Glob {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.text)
    }
}

#[cfg(test)]
mod tests;
