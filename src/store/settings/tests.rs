use super::*;

fn parse(text: &str) -> Result<StoreAddress, BadStoreAddress> {
    text.parse()
}

#[test]
fn a_store_is_memory_or_redis() {
    assert_eq!(parse("memory"), Ok(StoreAddress::Memory));
    for text in ["redis://127.0.0.1", "redis://[::1]:6379/", "rediss://user:p%23w@redis.example.com:6380/3"] {
        assert!(matches!(parse(text), Ok(StoreAddress::Redis(_))), "{text}");
    }
    for text in ["", "redis", "redis:", "redis://", "http://127.0.0.1", "unix:///run/redis", "Memory", "127.0.0.1:6379"]
    {
        assert_eq!(parse(text), Err(BadStoreAddress::Unknown), "{text}");
    }
}

#[test]
fn what_comes_later_is_said_to() {
    assert_eq!(parse("redis+cluster://a:1"), Err(BadStoreAddress::Cluster));
    let error = parse("redis+sentinel://host:26379/main").unwrap_err();
    assert!(error.to_string().contains("is not available yet"), "{error}");
}

#[test]
fn what_redis_would_not_understand_is_an_error() {
    assert_eq!(parse("redis://a/x"), Err(BadStoreAddress::Database));
    assert_eq!(parse("redis://a/1/2"), Err(BadStoreAddress::Database));
    assert_eq!(parse("rediss://a/#insecure"), Err(BadStoreAddress::Extra));
    assert_eq!(parse("redis://a/?db=1"), Err(BadStoreAddress::Extra));
}

/// I9.
#[test]
fn a_password_is_never_shown() {
    let address = parse("rediss://user:hunter2@redis.example.com:6380/1").unwrap();
    assert_eq!(address.to_string(), "rediss://user:***@redis.example.com:6380/1");
    assert!(!format!("{address:?}").contains("hunter2"));
    let address = parse("redis://:hunter2@h").unwrap();
    assert!(!format!("{address} {address:?}").contains("hunter2"));
    for text in ["redis://user:hunter2@h/?x", "redis://user:hunter2@/", "http://user:hunter2@h"] {
        let error = parse(text).unwrap_err();
        assert!(!format!("{error} {error:?}").contains("hunter2"));
    }
}

#[test]
fn the_config_s_text_is_read() {
    let address: StoreAddress = serde_json::from_str(r#""redis://h:1""#).unwrap();
    assert_eq!(address.to_string(), "redis://h:1");
    let error = serde_json::from_str::<StoreAddress>(r#""redis+sentinel://:hunter2@h/x""#).unwrap_err().to_string();
    assert!(error.contains("not available yet") && !error.contains("hunter2"), "{error}");
}
