use super::*;

const NOW: Timestamp = Timestamp::from_millis(1_700_000_000_000);

fn client(ip: &str) -> ClientAddress {
    ClientAddress { ip: ip.parse().unwrap(), scheme: None, uncertain: false, country: None }
}

fn mark(sign: Sign, count: u32) -> Mark {
    Mark { sign, count, span: Duration::from_secs(600), until: NOW.after(Duration::from_secs(60)) }
}

fn judged(held: &Held, ip: &str, at: Whereabouts) -> Vec<String> {
    let mut risk = Risk { at, ..Risk::default() };
    held.judge(&client(ip), NOW, &Points::default(), &mut risk);
    risk.signals().iter().map(ToString::to_string).collect()
}

/// Each sign is told once, of the narrowest that it is held against, in words that a person reads.
#[test]
fn what_is_held_is_told_once() {
    let [near, around] = ["192.0.2.7", "192.0.2.0"].map(|ip| ip.parse().unwrap());
    let held = Held::new([
        (Whom::address(near), mark(Sign::Sends, 50)),
        (Whom::network(around), mark(Sign::Sends, 150)),
        (Whom::network(around), mark(Sign::Failures, 75)),
        (Whom::System(64_500), mark(Sign::Subjects, 1000)),
        (Whom::Country("MY".parse().unwrap()), mark(Sign::Subjects, 5000)),
        (Whom::address(near), mark(Sign::BanFailures, 100)),
    ]);
    let at = Whereabouts { system: Some(64_500), country: "MY".parse().ok(), ..Whereabouts::default() };
    assert_eq!(
        judged(&held, "192.0.2.7", at),
        [
            "many_sends (50 messages from its address within 10m) 5",
            "many_failures (75 wrong codes from its network within 10m) 10",
            "many_subjects (1000 subjects from its autonomous system within 10m) 10",
        ]
    );
    assert_eq!(
        judged(&held, "192.0.2.8", Whereabouts::default()),
        [
            "many_sends (150 messages from its network within 10m) 5",
            "many_failures (75 wrong codes from its network within 10m) 10"
        ]
    );
    assert!(judged(&held, "198.51.100.1", Whereabouts::default()).is_empty());
    assert_eq!(held.ban(&client("192.0.2.8"), NOW), None);
    let mut risk = Risk::default();
    held.ban(&client("192.0.2.7"), NOW).unwrap().count(&Points::default(), &mut risk);
    assert_eq!(
        (risk.score(), risk.signals()[0].to_string().as_str()),
        (100, "banned (100 wrong codes within 10m) 100")
    );
}

/// A /64 of IPv6 is one address, and an address of IPv4 is the same in both spellings.
#[test]
fn an_address_is_known_in_every_spelling() {
    let held = Held::new(
        ["2001:db8:1:2::7", "192.0.2.7"].map(|ip| (Whom::address(ip.parse().unwrap()), mark(Sign::BanFailures, 9))),
    );
    for (ip, is_banned) in
        [("2001:db8:1:2:ffff::1", true), ("2001:db8:1:3::7", false), ("192.0.2.7", true), ("::ffff:192.0.2.7", true)]
    {
        assert_eq!(held.ban(&client(ip), NOW).is_some(), is_banned, "{ip}");
    }
}

/// What is held ends by itself.
#[test]
fn what_is_held_ends() {
    let (subject, ip) = (KeyedHash::new([7; 16]), "192.0.2.7".parse().unwrap());
    let held = Held::new([
        (Whom::address(ip), mark(Sign::BanPumping, 10)),
        (Whom::address(ip), mark(Sign::Failures, 25)),
        (Whom::Subject(subject), mark(Sign::Networks, 8)),
    ]);
    let found = |seconds: u64| {
        let (mut risk, now) = (Risk::default(), NOW.after(Duration::from_secs(seconds)));
        held.judge(&client("192.0.2.7"), now, &Points::default(), &mut risk);
        held.judge_subject(subject, now, &Points::default(), &mut risk);
        (risk.score(), held.ban(&client("192.0.2.7"), now).is_some())
    };
    assert_eq!(found(59), (20, true));
    assert_eq!(found(60), (0, false));
}
