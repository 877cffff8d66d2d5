use super::*;

#[test]
fn c02_a_revocation_voids_what_came_before_it_and_is_published_again() {
    let (revoked, site) = (Revoked::default(), SiteKey::new("shop.example.com"));
    let (subject, grant) = (KeyedHash::new([1; 16]), GrantId::from_random([2; 16]));
    let now = Timestamp::from_millis(10_000);
    let hot = revoked.site(&site);
    assert_eq!(hot.void_until(subject), None);
    let by_subject = Revocation::Subject { site: site.clone(), subject, until: now };
    revoked.add(&by_subject, Duration::from_secs(60), now);
    revoked.add(&Revocation::Grant { site: site.clone(), grant }, Duration::from_secs(60), now);
    assert_eq!(hot.void_until(subject), Some(now), "a handle taken before sees it");
    assert!(hot.is_ended(grant));
    assert_eq!(revoked.site(&SiteKey::new("wiki.example.com")).void_until(subject), None, "another site is untouched");
    assert_eq!(revoked.all(now).len(), 2);
    assert!(revoked.all(now).contains(&(by_subject, Duration::from_secs(60))));
}

#[test]
fn an_older_revocation_never_shortens_a_newer_one() {
    let (revoked, site, subject) = (Revoked::default(), SiteKey::new("s"), KeyedHash::new([1; 16]));
    let at = |millis| Revocation::Subject { site: site.clone(), subject, until: Timestamp::from_millis(millis) };
    revoked.add(&at(20), Duration::from_secs(60), Timestamp::from_millis(20));
    revoked.add(&at(10), Duration::from_secs(1), Timestamp::from_millis(20));
    assert_eq!(revoked.site(&site).void_until(subject), Some(Timestamp::from_millis(20)));
}
