//! What both kinds of file are built with: entries, and what is odd about them.

use std::collections::HashMap;
use std::collections::hash_map::Entry as Slot;

use super::alike::look_alikes;
use super::{BadDirectoryFile, Contents, Place, Problem};
use crate::directory::settings::Manner;
use crate::directory::{Entry, Field, Reading};
use crate::words::Subject;

/// The content of a file in the making.
pub(super) struct Builder {
    entries: HashMap<Subject, (Entry, u64)>,
    warnings: Vec<String>,
    unsaid: usize,
    manner: Manner,
}

/// What a file says at one place of a subject.
pub(super) struct Row<'a> {
    pub(super) line: u64,
    pub(super) fields: Vec<(Field, &'a str)>,
}

/// The most warnings that are told one by one.
const TOLD: usize = 50;

// === impl Builder ===

impl Builder {
    pub(super) fn new(manner: Manner) -> Self {
        Self { entries: HashMap::new(), warnings: Vec::new(), unsaid: 0, manner }
    }

    /// Adds the entry of a subject, which starts at `place`.
    pub(super) fn add(&mut self, subject: &str, place: Place, rows: &[Row<'_>]) -> Result<(), BadDirectoryFile> {
        let subject = Subject::parse(subject).map_err(|problem| Problem::from(problem).at(place))?;
        let subject = if self.manner.fold { subject.folded() } else { subject };
        let mut reading = Reading::new(&subject, self.manner.fold, self.manner.country);
        for row in rows {
            // Nothing else can be unclear: the subject is the entry's, and so is the one `id`.
            reading.row(&row.fields).map_err(|_| Problem::Shape(ID).at(place))?;
            reading.take_warnings().iter().for_each(|text| self.warn(row.line, text));
        }
        let (entry, _) = reading.finish();
        match self.entries.entry(subject) {
            Slot::Vacant(slot) => {
                slot.insert((entry.unwrap_or_default(), place.line));
                Ok(())
            }
            Slot::Occupied(slot) => Err(Problem::Twice(slot.get().1, self.manner.fold).at(place)),
        }
    }

    fn warn(&mut self, line: u64, text: &str) {
        if self.warnings.len() < TOLD {
            self.warnings.push(format!("line {line}: {text}"));
        } else {
            self.unsaid += 1;
        }
    }

    pub(super) fn finish(mut self) -> Contents {
        for (line, other) in look_alikes(self.entries.iter().map(|(subject, (_, line))| (subject, *line))) {
            self.warn(line, &format!("this subject looks like the one of line {other}, and is another"));
        }
        if self.unsaid > 0 {
            self.warnings.push(format!("and {} more of this kind", self.unsaid));
        }
        if self.entries.is_empty() {
            self.warnings.push("the file has no entries: nobody can be sent a code".to_owned());
        }
        let entries = self.entries.into_iter().map(|(subject, (entry, _))| (subject, entry)).collect();
        Contents { entries, warnings: self.warnings }
    }
}

const ID: &str = "the `id` of this entry cannot be the name of anybody: it is too long, or has invisible characters";
