use super::*;
use crate::risk::ListKind;
use crate::words::Channel;

fn email(address: &str) -> Contact {
    Contact::parse(Channel::Email, address).unwrap()
}

fn rules() -> ContactRisk {
    let folder = tempfile::TempDir::new().unwrap();
    let list = |name: &str, kind, points, text: &str| {
        let path = folder.path().join(name);
        std::fs::write(&path, text).unwrap();
        ContactList::open(name, kind, points, Source::file(path)).unwrap()
    };
    let domains = list("disposable", ListKind::EmailDomain, 60, "# one a line\nmailinator.com\n\n*.Trash.example\n");
    let numbers = list("borrowed", ListKind::Phone, 70, "+1 415 555 0100\n");
    let points = Points::default().with(Finding::VoipNumber, 25).with(Finding::ContactReused, 20);
    ContactRisk { lists: vec![domains, numbers], mail: None, points, knows_countries: false }
}

fn names(risk: &Risk) -> Vec<&str> {
    risk.signals().iter().map(|signal| &*signal.name).collect()
}

#[test]
fn a_disposable_domain_and_all_below_it_are_known() {
    let score = |address| rules().of(&email(address), ContactFacts::default()).score();
    for listed in ["eve@mailinator.com", "eve@MAILINATOR.com", "eve@a.b.mailinator.com", "eve@trash.example"] {
        assert_eq!(score(listed), 60, "{listed}");
    }
    for other in
        ["eve@example.com", "eve@notmailinator.com", "eve@mailinator.com.example", "mailinator.com@example.com"]
    {
        assert_eq!(score(other), 0, "{other}");
    }
}

#[test]
fn signals_add_up_to_100_at_most_and_say_why() {
    let number = Contact::parse(Channel::Voice, "+14155550100").unwrap();
    let risk = rules().of(&number, ContactFacts { is_voip: true, others: 3, ..ContactFacts::default() });
    assert_eq!(names(&risk), ["borrowed", "voip_number", "contact_reused"]);
    assert_eq!(risk.score(), 100);
    let risk = rules().of(&email("eve@example.com"), ContactFacts { others: 1, ..ContactFacts::default() });
    assert_eq!((names(&risk), risk.score()), (vec!["contact_reused"], 20));
    let usual = ContactRisk { points: Points::default(), ..rules() };
    let all = ContactFacts {
        is_voip: true,
        is_fixed_line: true,
        takes_no_mail: true,
        others: 1,
        paused: Some("range"),
        abroad: None,
    };
    let risk = usual.of(&email("eve@example.com"), all);
    assert_eq!((names(&risk), risk.score()), (vec!["no_mail_exchanger", "number_range"], 70));
    let strict = usual.points.with(Finding::FixedLineNumber, 30);
    let risk = ContactRisk { points: strict, ..usual }.of(&number, all);
    assert_eq!(names(&risk), ["borrowed", "fixed_line_number", "no_mail_exchanger", "number_range"]);
}

#[test]
fn a_list_that_cannot_be_read_says_where() {
    for (kind, text, line) in
        [(ListKind::EmailDomain, "a.example\nnot a domain\n", 2), (ListKind::Phone, "# x\n\n0123\n", 3)]
    {
        assert_eq!(List::parse("l", kind, 1, text).unwrap_err().line, line);
    }
}
