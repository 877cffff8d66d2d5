use super::*;

fn metrics() -> Metrics {
    Metrics::new(Timestamp::from_millis(1_795_000_000_000))
}

fn has(text: &str, line: &str) -> bool {
    text.lines().any(|known| known == line)
}

#[test]
fn a_site_counts_without_looking_up_and_goes_on_after_a_reload() {
    let metrics = metrics();
    let before = metrics.site("shop.example.com");
    before.count(Verdict::Forward);
    before.upstream_failed(UpstreamError::Timeout);
    let after = metrics.site("shop.example.com");
    after.count(Verdict::Forward);
    before.count(Verdict::Forward);
    metrics.outside().count(Verdict::Invalid);

    let text = metrics.encode();
    assert!(has(&text, r#"otpgate_requests_total{site="shop.example.com",verdict="forward"} 3"#), "{text}");
    assert!(has(&text, r#"otpgate_requests_total{site="none",verdict="invalid"} 1"#), "{text}");
    assert!(has(&text, r#"otpgate_upstream_errors_total{site="shop.example.com",error="timeout"} 1"#), "{text}");
    assert!(
        has(&text, r#"otpgate_requests_total{site="shop.example.com",verdict="refuse"} 0"#),
        "zero is shown: {text}"
    );
}

#[test]
fn every_label_value_stands_in_its_place() {
    for (place, verdict) in Verdict::ALL.into_iter().enumerate() {
        assert_eq!(verdict as usize, place);
    }
    for (place, error) in UpstreamError::ALL.into_iter().enumerate() {
        assert_eq!(error as usize, place);
    }
}

#[test]
fn f06_a_reload_that_failed_is_seen_and_the_last_good_time_stays() {
    let metrics = metrics();
    metrics.loaded(Timestamp::from_millis(1_000_000));
    metrics.reloaded(Timestamp::from_millis(2_000_000));
    metrics.reload_failed();
    let text = metrics.encode();
    assert!(has(&text, r#"otpgate_config_reloads_total{outcome="success"} 1"#), "{text}");
    assert!(has(&text, r#"otpgate_config_reloads_total{outcome="failure"} 1"#), "{text}");
    assert!(has(&text, "otpgate_config_last_reload_successful 0"), "{text}");
    assert!(has(&text, "otpgate_config_last_reload_success_timestamp_seconds 2000"), "{text}");
}

#[test]
fn sends_verifications_store_and_feed_are_counted() {
    let metrics = metrics();
    metrics.sent(Channel::Email, "po\"st\n", SendOutcome::Accepted);
    metrics.verified(VerifyOutcome::Wrong);
    metrics.store_answered("open", Duration::from_millis(2), true);
    metrics.store_answered("open", Duration::from_secs(1), false);
    metrics.feed_heard(Timestamp::from_millis(3_000_000));
    let text = metrics.encode();
    assert!(
        has(&text, r#"otpgate_sends_total{channel="email",provider="po\"st\n",outcome="accepted"} 1"#),
        "hostile names are escaped: {text}"
    );
    assert!(has(&text, r#"otpgate_verifications_total{outcome="wrong"} 1"#), "{text}");
    assert!(has(&text, r#"otpgate_store_operation_seconds_count{operation="open"} 2"#), "{text}");
    assert!(has(&text, r#"otpgate_store_errors_total{operation="open"} 1"#), "{text}");
    assert!(has(&text, "otpgate_change_feed_connected 1"), "{text}");
    assert!(has(&text, "otpgate_change_feed_heard_timestamp_seconds 3000"), "{text}");
    metrics.feed_lost();
    assert!(has(&metrics.encode(), "otpgate_change_feed_connected 0"));
}

#[test]
fn the_process_is_described() {
    let text = metrics().encode();
    assert!(has(&text, concat!("otpgate_build_info{version=\"", env!("CARGO_PKG_VERSION"), "\"} 1")), "{text}");
    assert!(has(&text, "process_start_time_seconds 1795000000"), "{text}");
    assert_eq!(process::resident_bytes("Name:\totpgate\nVmRSS:\t   20480 kB\nThreads: 4\n"), Some(20 * 1024 * 1024));
    assert_eq!(process::resident_bytes("VmRSS: many kB"), None);
    assert_eq!(process::resident_bytes(""), None);
    if cfg!(target_os = "linux") {
        assert!(text.contains("\nprocess_resident_memory_bytes "), "{text}");
    }
    assert!(text.ends_with("# EOF\n"), "{text}");
}
