use super::*;

#[test]
fn every_variety_of_a_language_is_addressed_in_it_and_everybody_else_in_english() {
    let of = |tag: &str| Tongue::of(Some(&tag.parse().unwrap()));
    assert_eq!(of("de"), Tongue::German);
    assert_eq!(of("de-AT-1996"), Tongue::German);
    assert_eq!(of("JA"), Tongue::Japanese);
    assert_eq!(of("den"), Tongue::English, "Slave (Athapascan) is not German");
    assert_eq!(of("pl"), Tongue::English);
    assert_eq!(Tongue::of(None), Tongue::English);
    for (tongue, tag) in Tongue::ALL.into_iter().zip(LANGUAGES) {
        assert_eq!((tongue.tag(), of(tag)), (tag, tongue));
        assert!(tongue.locale().starts_with(&format!("{tag}-")));
    }
}
