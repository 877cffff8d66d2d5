//! Columns as fields.

use crate::directory::{DirectoryError, Field};

/// The fields of a row: its columns by their names, without regard to case, since some databases fold names.
pub(super) fn fields(row: &[(String, Option<String>)]) -> Result<Vec<(Field, &str)>, DirectoryError> {
    let mut fields = Vec::with_capacity(row.len());
    for (name, value) in row {
        let field = Field::parse(&name.to_ascii_lowercase()).ok_or_else(|| {
            DirectoryError::Wrong(format!(
                "the query has a column `{name}`: call it email, sms, voice, phone, language, country, id, subject, label, \
                 verified_at or changed_at, with `AS`"
            ))
        })?;
        if let Some(value) = value {
            fields.push((field, value.as_str()));
        }
    }
    Ok(fields)
}
