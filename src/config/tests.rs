use std::path::Path;

use serde::Deserialize;

use super::{Credential, Many, Named, Network, NotYet, Period, Placed, Size, Surroundings, read};

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Pet {
    name: Placed<String>,
    #[serde(default)]
    food: Many<Placed<String>>,
    #[serde(default)]
    toys: Named<Many<u8>>,
    age: Option<u8>,
    tame: Option<bool>,
    sleeps: Option<Period>,
    space: Option<Size>,
    home: Option<Many<Network>>,
    wings: Option<NotYet>,
    owner: Option<Owner>,
}

#[derive(Debug, Deserialize)]
#[serde(rename = "$typed", rename_all = "snake_case")]
enum Owner {
    Person(Person),
    Nobody,
    Robot(NotYet),
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Person {
    phone: Placed<String>,
}

#[derive(Debug, Deserialize)]
struct Safe {
    key: Placed<Credential>,
}

/// `line:column: message`.
fn fault(text: &str) -> String {
    let fault = read::<Pet>(text).unwrap_err();
    format!("{}: {}", fault.place().unwrap(), fault.message())
}

#[test]
fn every_fault_names_its_place_and_what_to_write() {
    const TABLE: &[(&str, &str)] = &[
        ("name: a\nfod: x\n", "2:1: unknown key `fod`: did you mean `food`?"),
        ("name: a\nfoods: x\n", "2:1: unknown key `foods`: did you mean `food`?"),
        ("name: a\nzebra: x\n", "2:1: unknown key `zebra`"),
        ("name: a\nname: b\n", "2:1: the key `name` stands here twice"),
        ("food: x\n", "1:1: the key `name` is missing"),
        ("name: [a]\n", "1:7: expected a text, found a list"),
        ("name:\nage: 1\n", "1:1: expected a text, found nothing"),
        ("name: a\nage: -1\n", "2:6: expected a whole number from 0 to 255"),
        ("name: a\nage: 300\n", "2:6: expected a whole number from 0 to 255"),
        ("name: a\nage: 08\n", "2:6: write the number without leading zeros"),
        ("name: a\nage: 0x10\n", "2:6: expected a whole number from 0 to 255"),
        ("name: a\ntame: no\n", "2:7: expected true or false"),
        ("name: a\ntame: on\n", "2:7: expected true or false"),
        ("name: a\nwings: 2\n", "2:1: `wings` is not available yet"),
        ("name: a\nwings:\n  - {a: b}\n", "2:1: `wings` is not available yet"),
        ("name: a\nfood: []\n", "2:7: the list is empty: leave the key out"),
        ("name: a\nfood: [a, {b: c}]\n", "2:11: expected a text, found keys and values"),
        ("name: a\ntoys: {ball: [1, x]}\n", "2:18: expected a whole number from 0 to 255"),
        ("name: a\n\tage: 3\n", "2:1: this is a tab: indent with spaces"),
        ("name: a\nsleeps: 5\n", "2:9: expected a duration: a number and its unit, such as `30s`, `5m` or `12h`"),
        ("name: a\nsleeps: 900d\n", "2:9: expected a duration of a year at most"),
        ("name: a\nspace: lots\n", "2:8: expected a size, such as `64KiB` or `1MiB`"),
        (
            "name: a\nhome: [10.0.0.1/8]\n",
            "2:8: `10.0.0.1/8` has bits behind its prefix: write `10.0.0.0/8`, or `10.0.0.1` for that host",
        ),
        (
            "name: a\nhome: 10.0.0.0/255.0.0.0\n",
            "2:7: `10.0.0.0/255.0.0.0` is no network: write `10.0.0.0/8`, `2001:db8::/32` or a single address",
        ),
        ("name: a\nowner: {type: robot}\n", "2:15: `robot` is not available yet"),
        ("name: a\nowner: {type: nobody, x: y}\n", "2:23: unknown key `x`"),
        ("name: a\nowner: {typ: nobody}\n", "2:8: the key `type` is missing: one of person, nobody, robot"),
        ("name: a\nowner: nobody\n", "2:8: expected keys and values with the key `type`, found a single value"),
        ("name: a\nowner: {type: nobdy}\n", "2:15: unknown word `nobdy`: did you mean `nobody`?"),
        ("name: a\nowner: {phon: 1, type: person}\n", "2:9: unknown key `phon`: did you mean `phone`?"),
        ("name: a\nowner: {type: person}\n", "2:8: the key `phone` is missing"),
        ("name: a\nfood: {a: b\n", "2:7: this is no YAML: unclosed bracket '{'"),
        ("name: \"a\nb: c\n", "1:7: this is no YAML: unclosed quote"),
        ("name: a\nfood: *b\n", "2:7: this alias has no anchor before it"),
        ("name: a\n---\nname: b\n", "3:1: a config is one document: remove the `---`"),
        ("- a\n", "1:1: expected keys and values, found a list"),
        ("", "1:1: expected keys and values, found nothing"),
    ];
    for (text, expected) in TABLE {
        assert_eq!(fault(text), *expected, "{text:?}");
    }
}

#[test]
fn scalars_keep_their_spelling() {
    let text = "name: &n 1.10\nfood: [+60123456789, no, 010, 1_000]\nowner: {phone: *n, type: person}\n";
    let pet: Pet = read(text).unwrap();
    assert_eq!(pet.name.value, "1.10");
    assert_eq!(
        pet.food.iter().map(|food| food.value.as_str()).collect::<Vec<_>>(),
        ["+60123456789", "no", "010", "1_000"]
    );
    let Some(Owner::Person(person)) = pet.owner else { panic!("{pet:?}") };
    assert_eq!((person.phone.value.as_str(), person.phone.place.to_string()), ("1.10", "3:16".to_owned()));
}

#[test]
fn a_scalar_is_a_list_of_one_and_maps_keep_their_order() {
    let pet: Pet =
        read("\u{feff}name: a\nfood: x\ntoys: {z: 1, 2: [3, 4], a: 5}\nhome: ::1\nspace: 64KiB\nage: 7\n").unwrap();
    assert_eq!(pet.food.len(), 1);
    assert_eq!(pet.toys.names().collect::<Vec<_>>(), ["z", "2", "a"]);
    assert_eq!(pet.toys.get("2").unwrap().to_vec(), [3, 4]);
    assert_eq!((pet.space, pet.age, pet.tame), (Some(Size(64 * 1024)), Some(7), None));
    assert!(pet.home.is_some() && pet.sleeps.is_none() && pet.wings.is_none());
}

/// F05: a few lines of anchors that stand for billions of nodes.
#[test]
fn an_anchor_bomb_is_refused_quickly() {
    let mut text = "name: a\nfood: [&a0 [x, x, x, x, x, x, x, x, x, x]".to_owned();
    for level in 1..10 {
        let below = format!("*a{}, ", level - 1).repeat(10);
        text.push_str(&format!(", &a{level} [{below}]"));
    }
    text.push_str("]\n");
    let started = std::time::Instant::now();
    assert!(fault(&text).contains("too large or too deeply nested"), "{}", fault(&text));
    let deep = format!("name: {}{}\n", "[".repeat(10_000), "]".repeat(10_000));
    assert!(fault(&deep).contains("too large or too deeply nested"), "{}", fault(&deep));
    assert!(started.elapsed() < std::time::Duration::from_secs(5));
}

/// F07, I9: what cannot be had is named; what was had never is.
#[test]
fn credentials_come_from_the_environment_or_a_file() {
    let folder = tempfile::tempdir().unwrap();
    std::fs::write(folder.path().join("full"), "hunter2\n").unwrap();
    std::fs::write(folder.path().join("empty"), " \n").unwrap();
    let config = folder.path().join("c.yaml");
    let variable = |name: &str| match name {
        "USER" => Some("bob".to_owned()),
        "PASSWORD" => Some("hunter2".to_owned()),
        "ODD" => Some("p@ss/w:rd".to_owned()),
        "URL" => Some("redis://a:b@h:1/2".to_owned()),
        "BLANK" => Some(String::new()),
        _ => None,
    };
    let around = Surroundings::of(&config, &variable);
    let reveal = |written: &str| {
        let safe: Safe = read(&format!("key: '{written}'\n")).unwrap();
        assert!(!format!("{safe:?}").contains("hunter2"));
        safe.key.reveal(&around).map(|text| text.reveal().to_owned()).map_err(|fault| fault.message().to_owned())
    };
    assert_eq!(reveal("redis://${USER}:${PASSWORD}@h").unwrap(), "redis://bob:hunter2@h");
    assert_eq!(reveal("smtps://a:${ODD}@h:465").unwrap(), "smtps://a:p%40ss%2Fw%3Ard@h:465");
    assert_eq!(reveal("${URL}").unwrap(), "redis://a:b@h:1/2");
    assert_eq!(reveal("redis://${USER}:6379/${USER}").unwrap(), "redis://bob:6379/bob");
    assert_eq!(reveal("file:full").unwrap(), "hunter2");
    assert_eq!(reveal("pa$$word$").unwrap(), "pa$word$");
    assert_eq!(reveal("${GONE}").unwrap_err(), "the environment variable `GONE` is not set");
    assert_eq!(reveal("x${BLANK}").unwrap_err(), "the environment variable `BLANK` is empty");
    assert_eq!(reveal("file:empty").unwrap_err(), "the file `empty` is empty");
    assert!(reveal("file:gone").unwrap_err().starts_with("the file `gone` cannot be read: "));
    assert_eq!(reveal("${a b}").unwrap_err(), "the name in `${…}` has letters, digits and `_` only");
    assert_eq!(reveal("${USER").unwrap_err(), "`${` without `}`: write `${NAME}`");
    let missing = Surroundings::of(Path::new("c.yaml"), &variable);
    assert_eq!(missing.path(Path::new("a/b")), Path::new("a/b"));
}
