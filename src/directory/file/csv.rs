//! The directory as CSV: a first line with the columns `subject,email,sms,voice,language`, or any other [`Field`]s.

use super::builder::{Builder, Row};
use super::{BadDirectoryFile, Contents, Place, Problem};
use crate::directory::Field;
use crate::directory::settings::Manner;

/// Reads a file of rows. Columns come in any order; blanks around a value are dropped, and an empty value is none.
pub(super) fn read(text: &str, manner: Manner) -> Result<Contents, BadDirectoryFile> {
    let mut reader = ::csv::ReaderBuilder::new().trim(::csv::Trim::All).from_reader(text.as_bytes());
    let columns = columns(reader.headers().map_err(|error| malformed(text, &error))?)?;
    let mut builder = Builder::new(manner);
    for row in reader.records() {
        let row = row.map_err(|error| malformed(text, &error))?;
        let line = row.position().map_or(0, |position| line_of(text, position));
        let said = || columns.iter().copied().zip(&row);
        let subject = said().find(|(field, _)| *field == Field::Subject).map_or("", |(_, value)| value);
        let fields = said().filter(|(field, _)| *field != Field::Subject).collect();
        builder.add(subject, Place { line, column: None }, &[Row { line, fields }])?;
    }
    Ok(builder.finish())
}

fn columns(header: &::csv::StringRecord) -> Result<Vec<Field>, BadDirectoryFile> {
    let bad = || Problem::Header.at(Place { line: header.position().map_or(1, ::csv::Position::line), column: None });
    let mut columns = Vec::with_capacity(header.len());
    for name in header {
        let column = Field::parse(&name.to_ascii_lowercase()).ok_or_else(bad)?;
        if columns.contains(&column) {
            return Err(bad());
        }
        columns.push(column);
    }
    if columns.contains(&Field::Subject) { Ok(columns) } else { Err(bad()) }
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
