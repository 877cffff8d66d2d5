//! The example config that ships, and the schema that editors use.

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};

use otpgate::server::{plan_with, schema};
use serde_json::Value;

fn conf(name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("conf").join(name)
}

pub(crate) fn text() -> String {
    std::fs::read_to_string(conf("otpgate.yaml")).unwrap()
}

#[test]
fn the_example_loads_with_nothing_but_a_secret() {
    let plan = plan_with(&conf("otpgate.yaml"), &|name| {
        assert_eq!(name, "OTPGATE_SECRET");
        Some(crate::SECRET.to_owned())
    });
    let plan = plan.unwrap_or_else(|error| panic!("{error}"));
    // The database that ships grows old, and the operator is told.
    let odd: Vec<_> = plan.warnings.iter().filter(|warning| !warning.text.contains("was built")).collect();
    assert!(odd.is_empty(), "{odd:?}");
    assert_eq!(plan.rules.limits, otpgate::store::Limits::default(), "the example shows the defaults");
}

/// Every key that there is stands in the example, as a key or in a comment.
#[test]
fn the_example_has_every_key() {
    let mut keys = BTreeSet::new();
    collect_keys(&schema(), &mut keys);
    assert!(keys.len() > 60, "{keys:?}");
    let text = text();
    let missing: Vec<_> = keys
        .iter()
        .filter(|key| {
            !text.match_indices(key.as_str()).any(|(at, _)| {
                let before = text[..at].chars().next_back();
                text[at + key.len()..].starts_with(':') && !before.is_some_and(|c| c.is_alphanumeric() || c == '_')
            })
        })
        .filter(|key| !["host", "methods", "query", "networks", "path_regex", "path"].contains(&key.as_str()))
        .collect();
    assert!(missing.is_empty(), "{missing:?}");
}

fn collect_keys(schema: &Value, keys: &mut BTreeSet<String>) {
    match schema {
        Value::Object(map) => {
            if let Some(Value::Object(properties)) = map.get("properties") {
                keys.extend(properties.keys().cloned());
            }
            map.values().for_each(|value| collect_keys(value, keys));
        }
        Value::Array(list) => list.iter().for_each(|value| collect_keys(value, keys)),
        _ => {}
    }
}

/// `otpgate schema > conf/otpgate.schema.json` brings it up to date.
#[test]
fn the_schema_that_ships_is_current() {
    let shipped: Value = serde_json::from_str(&std::fs::read_to_string(conf("otpgate.schema.json")).unwrap()).unwrap();
    assert!(shipped == schema(), "run `otpgate schema > conf/otpgate.schema.json`");
}

#[test]
fn the_schema_takes_the_example_and_refuses_slips() {
    let root = schema();
    let good: Value = serde_saphyr::from_str(&text()).unwrap();
    assert_eq!(refusal(&root, &root, &good, "".to_owned()), None);
    for (from, to) in [
        ("max_age: 15m", "max_ago: 15m"),
        ("type: smtp ", "type: smpt "),
        ("from: Shop", "form: Shop"),
        ("balance: round_robin", "balance: robin"),
        ("digits: 6", "digits: six"),
        ("address: 127.0.0.1:8080", "adress: 127.0.0.1:8080"),
    ] {
        assert!(text().contains(from), "{from}");
        let bad: Value = serde_saphyr::from_str(&text().replacen(from, to, 1)).unwrap();
        assert!(refusal(&root, &root, &bad, "".to_owned()).is_some(), "{to}");
    }
}

/// Why a schema refuses a value, for the words of JSON Schema that ours uses.
fn refusal(root: &Value, schema: &Value, value: &Value, at: String) -> Option<String> {
    let Value::Object(words) = schema else {
        return if schema == &Value::Bool(false) { Some(format!("{at} is not allowed")) } else { None };
    };
    for (word, wanted) in words {
        let refused = match word.as_str() {
            "$ref" => {
                let pointer = wanted.as_str().unwrap().trim_start_matches('#');
                refusal(root, root.pointer(pointer).unwrap(), value, at.clone())
            }
            "anyOf" | "oneOf" => {
                let all: Vec<_> =
                    wanted.as_array().unwrap().iter().map(|schema| refusal(root, schema, value, at.clone())).collect();
                if all.contains(&None) { None } else { Some(format!("{at}: {all:?}")) }
            }
            "const" => (wanted != value).then(|| format!("{at} is not {wanted}")),
            "enum" => (!wanted.as_array().unwrap().contains(value)).then(|| format!("{at} is none of {wanted}")),
            "type" => {
                let kinds: Vec<&str> = wanted.as_array().map_or_else(
                    || vec![wanted.as_str().unwrap()],
                    |all| all.iter().filter_map(Value::as_str).collect(),
                );
                (!kinds.iter().any(|kind| is(value, kind))).then(|| format!("{at} is no {kinds:?}"))
            }
            "required" => {
                let missing = |key: &&Value| value.is_object() && value.get(key.as_str().unwrap()).is_none();
                wanted.as_array().unwrap().iter().find(missing).map(|key| format!("{at} has no {key}"))
            }
            "properties" => wanted.as_object().unwrap().iter().find_map(|(key, schema)| {
                value.get(key).and_then(|value| refusal(root, schema, value, format!("{at}/{key}")))
            }),
            "additionalProperties" => value.as_object().and_then(|map| {
                let known = words.get("properties").and_then(Value::as_object);
                let others = map.iter().filter(|(key, _)| !known.is_some_and(|known| known.contains_key(*key)));
                others.into_iter().find_map(|(key, value)| refusal(root, wanted, value, format!("{at}/{key}")))
            }),
            "items" => value.as_array().and_then(|list| {
                list.iter().enumerate().find_map(|(n, value)| refusal(root, wanted, value, format!("{at}/{n}")))
            }),
            "$schema" | "$defs" | "title" | "description" | "examples" | "default" | "minItems" | "minimum"
            | "maximum" | "format" | "pattern" => None,
            other => panic!("the schema uses `{other}`"),
        };
        if refused.is_some() {
            return refused;
        }
    }
    None
}

fn is(value: &Value, kind: &str) -> bool {
    match kind {
        "string" => value.is_string(),
        "integer" => value.is_i64() || value.is_u64(),
        "boolean" => value.is_boolean(),
        "array" => value.is_array(),
        "object" => value.is_object(),
        "null" => value.is_null(),
        other => panic!("the schema has the type `{other}`"),
    }
}
