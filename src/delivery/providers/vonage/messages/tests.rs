use super::*;

#[test]
fn every_number_has_its_class() {
    use FailureClass as C;
    let known = [
        (C::InvalidNumber, &[1020, 1040, 1170, 1430][..]),
        (C::UnreachableTemporarily, &[1180, 1220, 1230]),
        (C::UnreachablePermanently, &[1190, 1250, 1251, 1260]),
        (C::RegionBlocked, &[1480, 1481, 1499]),
        (C::OptedOut, &[1240]),
        (C::CarrierFiltered, &[1210, 1280, 1282]),
        (C::FraudBlocked, &[1470, 1472, 1473]),
        (C::RateLimited, &[1000, 1460]),
        (C::InsufficientBalance, &[402, 1060, 1070]),
        (C::AuthConfig, &[401]),
        (C::SenderConfig, &[1120, 1160]),
        (C::ProviderDown, &[500, 1030]),
        (C::Expired, &[1360]),
        (C::Unknown, &[0, 1010, 1320, 1330, 1331, 1471, 1500, 9999]),
    ];
    for (wanted, code) in known.iter().flat_map(|(class, all)| all.iter().map(move |code| (*class, *code))) {
        assert_eq!(class(&code.to_string()), wanted, "{code}");
    }
    assert_eq!(class("99999999999999999999"), C::Unknown);
    assert_eq!(class("-1"), C::Unknown);
}

#[test]
fn the_number_of_an_error_is_in_its_title_or_its_type() {
    for (error, wanted) in [
        (json!({"title": 1210}), Some("1210")),
        (json!({"title": "1210"}), Some("1210")),
        (
            json!({"title": "Invalid params", "type": "https://developer.vonage.com/api-errors/messages#1150"}),
            Some("1150"),
        ),
        (json!({"title": "Low balance", "type": "https://developer.vonage.com/api-errors#low-balance"}), None),
        (json!({"title": "60123456789"}), None),
        (json!({"title": null, "type": 7}), None),
        (json!([]), None),
    ] {
        assert_eq!(code(&error).as_deref(), wanted, "{error}");
    }
}
