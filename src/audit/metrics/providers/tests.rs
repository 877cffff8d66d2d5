use super::*;
use crate::audit::Metrics;
use crate::words::Timestamp;

#[test]
fn an_operator_sees_who_is_left_alone_how_good_they_are_and_what_was_spent() {
    let metrics = Metrics::new(Timestamp::from_millis(1_795_000_000_000));
    let providers = &metrics.providers;
    providers.breaker(Channel::Sms, "tw", true);
    providers.breaker(Channel::Sms, "pl", false);
    providers.verified("tw", Channel::Sms, "MY", [Some(875), Some(1000)]);
    providers.verified("tw", Channel::Sms, "MY", [None, Some(900)]);
    providers.spent("shop.example.com", "0.0083".parse().unwrap(), "12.5".parse().unwrap());
    providers.out_of_money("shop.example.com", "per_day");
    providers.waiting(true);
    let text = metrics.encode();
    for line in [
        r#"otpgate_provider_open{channel="sms",provider="tw"} 1"#,
        r#"otpgate_provider_open{channel="sms",provider="pl"} 0"#,
        r#"otpgate_verified_ratio{provider="tw",channel="sms",country="MY",window="7d"} 0.9"#,
        r#"otpgate_spent{site="shop.example.com",window="1h"} 0.0083"#,
        r#"otpgate_spent{site="shop.example.com",window="1d"} 12.5"#,
        r#"otpgate_budget_exhausted_total{site="shop.example.com",budget="per_day"} 1"#,
        "otpgate_sends_waiting 1",
    ] {
        assert!(text.lines().any(|known| known == line), "{line} is not in {text}");
    }
    assert!(!text.contains(r#"window="1h"} 0.875"#), "what is no longer known is not shown: {text}");
    providers.forget();
    assert!(!metrics.encode().contains("otpgate_provider_open{"));
}
