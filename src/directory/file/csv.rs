//! The directory as CSV: `subject,email,sms,voice,language`.

use super::builder::{Builder, Field};
use super::{BadDirectoryFile, FileDirectory, Place, Problem};
use crate::directory::Entry;

/// What a column holds.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Column {
    Subject,
    Of(Field),
}

/// Reads a file of rows. Columns come in any order; blanks around a value are dropped, and an empty value is none.
pub(super) fn read(text: &str, fold: bool) -> Result<FileDirectory, BadDirectoryFile> {
    let mut reader = ::csv::ReaderBuilder::new().trim(::csv::Trim::All).from_reader(text.as_bytes());
    let columns = columns(reader.headers().map_err(|error| malformed(text, &error))?)?;
    let mut builder = Builder::new(fold);
    for row in reader.records() {
        let row = row.map_err(|error| malformed(text, &error))?;
        let line = row.position().map_or(0, |position| line_of(text, position));
        let place = Place { line, column: None };
        let (mut subject, mut entry) = ("", Entry::default());
        for (column, value) in columns.iter().zip(&row) {
            match column {
                Column::Subject => subject = value,
                _ if value.is_empty() => {}
                Column::Of(Field::Contact(channel)) => {
                    builder.contact(&mut entry.contacts, *channel, value, None, line)
                }
                Column::Of(Field::Language) => entry.language = builder.language(value, line),
            }
        }
        let subject = builder.subject(subject).map_err(|problem| problem.at(place))?;
        builder.add(subject, entry, place)?;
    }
    Ok(builder.finish())
}

fn columns(header: &::csv::StringRecord) -> Result<Vec<Column>, BadDirectoryFile> {
    let bad = || Problem::Header.at(Place { line: header.position().map_or(1, ::csv::Position::line), column: None });
    let mut columns = Vec::with_capacity(header.len());
    for name in header {
        let column = match name.to_ascii_lowercase().as_str() {
            "subject" => Column::Subject,
            name => Column::Of(Field::parse(name).ok_or_else(bad)?),
        };
        if columns.contains(&column) {
            return Err(bad());
        }
        columns.push(column);
    }
    if columns.contains(&Column::Subject) { Ok(columns) } else { Err(bad()) }
}

/// The line of a row. The reader's position lies before the empty lines that it skips.
fn line_of(text: &str, position: &::csv::Position) -> u64 {
    let rest = usize::try_from(position.byte()).ok().and_then(|byte| text.as_bytes().get(byte..)).unwrap_or_default();
    let skipped = rest.iter().take_while(|byte| matches!(byte, b'\r' | b'\n')).filter(|&&byte| byte == b'\n').count();
    position.line() + skipped as u64
}

fn malformed(text: &str, error: &::csv::Error) -> BadDirectoryFile {
    let problem = match error.kind() {
        ::csv::ErrorKind::UnequalLengths { expected_len, len, .. } => Problem::Syntax(format!(
            "this row has {len} values and the first line names {expected_len} columns: put a value with a comma in quotes"
        )),
        kind => Problem::Syntax(format!("this is no CSV: {kind:?}")),
    };
    match error.position() {
        Some(position) => problem.at(Place { line: line_of(text, position), column: None }),
        None => problem.into(),
    }
}
