//! Whether a name in a request could mean the wanted field to some application.
//!
//! PHP drops leading blanks, writes `_` for `.`, blank and `[`, and makes arrays of `name[]` and `name[x]`; ASP.NET and
//! many JSON readers do not look at case; Rails and `qs` nest by brackets. So names are compared by their letters and
//! digits alone, and by their first parts.

/// The field that is looked for, ready to compare.
#[derive(Debug)]
pub(super) struct Wanted {
    exact: String,
    flat: String,
    way: Vec<String>,
    pointer: bool,
}

/// What a name in a request is to the wanted field.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Match {
    /// Its very name.
    Exact,
    /// Some application could take it for the field, or for what holds it.
    Like,
    /// Another field.
    Other,
}

// === impl Wanted ===

impl Wanted {
    pub(super) fn new(name: &str) -> Self {
        let (way, pointer) = match name.strip_prefix('/') {
            // RFC 6901, section 4: `~1` is a slash and `~0` a tilde, in this order.
            Some(pointer) => {
                (pointer.split('/').map(|part| part.replace("~1", "/").replace("~0", "~")).collect(), true)
            }
            None => (parts(name), false),
        };
        let flat = if pointer { flat(&way.concat()) } else { flat(name) };
        Self { exact: name.to_owned(), flat, way, pointer }
    }

    /// What `name`, decoded, is to this field in a form, a query or a cookie.
    pub(super) fn matches(&self, name: &str) -> Match {
        if name == self.exact {
            // `name` in a form is not where a pointer points to.
            return if self.pointer { Match::Like } else { Match::Exact };
        }
        if same(&flat(name), name, &self.flat, &self.exact) {
            return Match::Like;
        }
        let theirs = parts(name);
        let alike = |(at, (theirs, ours)): (usize, (&String, &String))| {
            // `[]` and `[0]` are whatever comes next.
            let is_any = at > 0 && theirs.bytes().all(|byte| byte.is_ascii_digit());
            is_any || same(&flat(theirs), theirs, &flat(ours), ours)
        };
        if theirs.iter().zip(&self.way).enumerate().all(alike) { Match::Like } else { Match::Other }
    }

    /// The keys on the way to the field in a JSON document.
    pub(super) fn way(&self) -> Vec<&str> {
        if self.pointer { self.way.iter().map(String::as_str).collect() } else { vec![&self.exact] }
    }

    /// The keys to a form's field such as `user[email]`, where an application that nests would look in JSON.
    pub(super) fn nested(&self) -> Option<Vec<&str>> {
        (!self.pointer && self.way.len() > 1).then(|| self.way.iter().map(String::as_str).collect())
    }
}

/// What a JSON key is to the one that is looked for.
pub(super) fn key_matches(key: &str, wanted: &str) -> Match {
    if key == wanted {
        Match::Exact
    } else if same(&flat(key), key, &flat(wanted), wanted) || key == "__proto__" {
        // JavaScript may look a missing key up in the prototype that somebody sent.
        Match::Like
    } else {
        Match::Other
    }
}

fn same(flat: &str, name: &str, other_flat: &str, other: &str) -> bool {
    // Names of signs alone have nothing left to compare.
    if flat.is_empty() && other_flat.is_empty() { name.trim() == other.trim() } else { flat == other_flat }
}

/// A name by its letters and digits alone, without regard to case, up to a NUL.
fn flat(name: &str) -> String {
    let name = name.split('\0').next().unwrap_or_default();
    // Upper, then lower: the dotless i and the long s are letters of ASCII to some.
    name.chars().filter(|c| c.is_alphanumeric()).flat_map(char::to_uppercase).flat_map(char::to_lowercase).collect()
}

/// The parts of a name such as `user[email]` or `user.email`.
fn parts(name: &str) -> Vec<String> {
    let name = name.trim_start_matches(['[', ' ', '\t']);
    let Some(open) = name.find(['[', '.']) else { return vec![name.to_owned()] };
    let (base, rest) = name.split_at(open);
    let mut parts = vec![base.to_owned()];
    // A dot at the end and what follows a bracket that is not closed say nothing.
    let rest = rest.trim_start_matches(['[', '.']);
    parts.extend(rest.split(['[', '.']).map(|part| part.split(']').next().unwrap_or_default().trim().to_owned()));
    parts
}
