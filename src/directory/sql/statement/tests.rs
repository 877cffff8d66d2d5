use super::*;

#[test]
fn placeholders_become_the_dialects_own() {
    let text =
        "SELECT email, 'it''s {fine}' AS label FROM users -- by name\nWHERE login = {subject} OR alias={subject};";
    let postgres = Statement::query(text, Dialect::Postgres).unwrap();
    assert!(postgres.text.ends_with("WHERE login = $1 OR alias=$2"), "{}", postgres.text);
    assert!(postgres.text.contains("'it''s {fine}' AS label"));
    let mysql = Statement::query(text, Dialect::MySql).unwrap();
    assert!(mysql.text.ends_with("WHERE login = ? OR alias=?"), "{}", mysql.text);
    assert_eq!(mysql.binds, [Placeholder::Subject; 2]);
    let update = "UPDATE users SET at = {verified_at} WHERE login = {subject} AND phone = {contact}";
    let update = Statement::update(update, Dialect::Sqlite).unwrap();
    assert_eq!(update.binds, [Placeholder::VerifiedAt, Placeholder::Subject, Placeholder::Contact]);
}

/// D08: there is no way to write a statement into whose text a name would go.
#[test]
fn d08_what_would_not_be_bound_is_no_statement() {
    use BadStatement::{Dollar, Native, NoSubject, Open, Quoted, Several};
    for (text, dialect, wrong) in [
        ("SELECT 1 FROM u WHERE a = '{subject}'", Dialect::Postgres, Quoted),
        ("SELECT 1 FROM u WHERE a = \"{subject}\"", Dialect::MySql, Quoted),
        ("SELECT `{subject}` FROM u", Dialect::MySql, Quoted),
        ("SELECT 1 -- {subject}", Dialect::Sqlite, Quoted),
        ("SELECT 1 # {subject}", Dialect::MySql, Quoted),
        ("SELECT 1 /* {subject} */", Dialect::Sqlite, Quoted),
        ("SELECT 1 FROM u WHERE a LIKE '%{subject}%'", Dialect::Sqlite, Quoted),
        ("SELECT $$ {subject} $$", Dialect::Postgres, Dollar),
        ("SELECT 1 FROM u WHERE a = $1", Dialect::Postgres, Native("$1".to_owned())),
        ("SELECT 1 FROM u WHERE a = ?", Dialect::MySql, Native("?".to_owned())),
        ("SELECT 1 FROM u", Dialect::Sqlite, NoSubject),
        ("SELECT 1 WHERE a = {subject}; DROP TABLE u", Dialect::Sqlite, Several),
        ("SELECT 'open WHERE a = {subject}", Dialect::Sqlite, Open),
        ("SELECT '\\' WHERE a = {subject} -- '", Dialect::MySql, Quoted),
        ("SELECT /*! {subject} */ 1", Dialect::MySql, Open),
        ("SELECT /* a /* b */ {subject} */ 1", Dialect::Postgres, Open),
    ] {
        assert_eq!(Statement::query(text, dialect), Err(wrong), "{text}");
    }
    let unknown = Statement::query("SELECT 1 WHERE a = {user}", Dialect::Sqlite).unwrap_err();
    assert_eq!(unknown.to_string(), "`{user}` stands for nothing here: known is {subject}");
    assert!(matches!(
        Statement::query("DELETE FROM u WHERE a = {subject}", Dialect::Sqlite),
        Err(BadStatement::Kind(_))
    ));
    assert!(matches!(Statement::update("SELECT {subject}", Dialect::Sqlite), Err(BadStatement::Kind(_))));
}
