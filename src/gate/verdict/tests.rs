use std::sync::Arc;

use proptest::prelude::*;

use super::*;
use crate::words::{Channel, ContactRule, SendWhen};

const NOW: u64 = 10_000_000;

fn policy() -> StepUp {
    StepUp {
        name: "account".into(),
        channels: [Channel::Sms].into_iter().collect(),
        max_age: Duration::from_secs(900),
        challenge_at: 0,
        deny_at: 90,
        escalation: None,
        bind: vec![],
        observe: false,
        send: SendWhen::OnArrival,
        contact: ContactRule::Directory,
    }
}

fn proof(channel: Channel, age_ms: i64) -> Proof {
    Proof {
        channel,
        others: vec![],
        contact: KeyedHash::new([1; 16]),
        origin: Origin::Directory,
        at: Timestamp::from_millis(NOW.checked_add_signed(-age_ms).unwrap()),
        app_session: Some(KeyedHash::new([5; 16])),
        network: KeyedHash::new([6; 16]),
        spot: crate::words::Spot::default(),
    }
}

fn facts<'a>(policy: &'a Policy, proofs: &'a [Proof]) -> Facts<'a> {
    Facts {
        policy,
        has_subject: true,
        proofs,
        vouched: &[],
        wanted: None,
        confirmed: false,
        score: 0,
        is_whole: true,
        app_session: Some(KeyedHash::new([5; 16])),
        network: KeyedHash::new([6; 16]),
        now: Timestamp::from_millis(NOW),
    }
}

fn why(policy: StepUp, proofs: &[Proof]) -> Option<Why> {
    match judge(&facts(&Policy::StepUp(Arc::new(policy)), proofs)) {
        Verdict::Forward(_) => None,
        Verdict::Challenge(why) | Verdict::Refuse(why) => Some(why),
    }
}

#[test]
fn c09_a_proof_is_good_up_to_its_age_and_not_from_the_future() {
    let at = |age_ms| why(policy(), &[proof(Channel::Sms, age_ms)]);
    assert_eq!(at(899_999), None);
    assert_eq!(at(900_000), None);
    assert_eq!(at(900_001), Some(Why::TooOld));
    assert_eq!(at(-5_000), None, "clocks of gateways differ");
    assert_eq!(at(-5_001), Some(Why::TooOld), "a negative age is no age");
}

#[test]
fn c08_a_proof_on_another_channel_does_not_count() {
    assert_eq!(why(policy(), &[proof(Channel::Email, 0)]), Some(Why::NoProof));
    let both = Proof { others: vec![Channel::Email], ..proof(Channel::Sms, 0) };
    assert_eq!(why(policy(), std::slice::from_ref(&both)), Some(Why::NoProof), "it may have been read in the e-mail");
    let wide = StepUp { channels: [Channel::Sms, Channel::Email].into_iter().collect(), ..policy() };
    assert_eq!(why(wide, &[both]), None);
}

#[test]
fn i7_a_typed_contact_never_satisfies_a_policy_that_wants_a_directory() {
    let typed = Proof { origin: Origin::Typed, ..proof(Channel::Sms, 0) };
    assert_eq!(why(policy(), &[typed]), Some(Why::NoProof));
}

#[test]
fn i7_a_policy_for_the_contact_in_the_form_wants_that_very_one() {
    let signup = StepUp { contact: ContactRule::Form("phone".into()), ..policy() };
    let wanted = |wanted: Option<u8>, proof: Proof| {
        let policy = Policy::StepUp(Arc::new(signup.clone()));
        let proofs = [proof];
        let wanted = wanted.map(|byte| KeyedHash::new([byte; 16]));
        matches!(judge(&Facts { wanted, ..facts(&policy, &proofs) }), Verdict::Forward(Passage::Proof(_)))
    };
    let typed = Proof { origin: Origin::Typed, ..proof(Channel::Sms, 0) };
    assert!(wanted(Some(1), typed.clone()));
    assert!(wanted(Some(1), proof(Channel::Sms, 0)), "the directory's own, proved: a code came back from it, too");
    assert!(!wanted(Some(2), typed.clone()), "another contact");
    assert!(!wanted(Some(2), proof(Channel::Sms, 0)));
    assert!(!wanted(None, typed.clone()), "no contact could be read");
    assert!(!wanted(Some(1), Proof { channel: Channel::Email, ..typed.clone() }), "not on the policy's channels");
    assert!(!wanted(Some(1), Proof { at: Timestamp::from_millis(NOW - 900_001), ..typed }), "too old");
}

#[test]
fn o29_max_age_zero_is_satisfied_by_no_grant() {
    let strict = StepUp { max_age: Duration::ZERO, ..policy() };
    assert_eq!(why(strict.clone(), &[proof(Channel::Sms, 0)]), Some(Why::Confirm));
    let policy = Policy::StepUp(Arc::new(strict));
    let confirmed = Facts { confirmed: true, ..facts(&policy, &[]) };
    assert_eq!(judge(&confirmed), Verdict::Forward(Passage::Confirmed));
}

#[test]
fn c16_a_proof_is_bound_as_the_policy_says() {
    let elsewhere = Proof { network: KeyedHash::new([9; 16]), app_session: None, ..proof(Channel::Sms, 0) };
    assert_eq!(why(policy(), std::slice::from_ref(&elsewhere)), None, "roaming is no crime by default");
    for bind in [Binding::AppSession, Binding::Network] {
        let bound = StepUp { bind: vec![bind], ..policy() };
        assert_eq!(why(bound.clone(), std::slice::from_ref(&elsewhere)), Some(Why::Unbound));
        assert_eq!(why(bound, &[proof(Channel::Sms, 0)]), None);
    }
}

#[test]
fn scores_decide_before_proofs() {
    let at = |score, policy: StepUp| {
        let policy = Policy::StepUp(Arc::new(policy));
        match judge(&Facts { score, has_subject: false, ..facts(&policy, &[]) }) {
            Verdict::Forward(_) => "forward",
            Verdict::Challenge(_) => "challenge",
            Verdict::Refuse(_) => "refuse",
        }
    };
    let browsing = StepUp { challenge_at: 40, ..policy() };
    assert_eq!(at(39, browsing.clone()), "forward");
    assert_eq!(at(40, browsing.clone()), "challenge");
    assert_eq!(at(90, browsing), "refuse");
}

/// I2: a score of which a part is not known lets nobody pass for being low; whoever proved something needs no low score.
#[test]
fn i2_a_score_that_is_not_whole_lets_nobody_pass() {
    let policy = Policy::StepUp(Arc::new(StepUp { challenge_at: 40, ..policy() }));
    let proofs = [proof(Channel::Sms, 0)];
    let at = |proofs, is_whole, score| {
        matches!(judge(&Facts { is_whole, score, ..facts(&policy, proofs) }), Verdict::Forward(_))
    };
    assert!(at(&[], true, 0));
    assert!(!at(&[], false, 0));
    assert!(at(&proofs, false, 0));
    assert!(!at(&proofs, false, 90), "what is known refuses");
}

/// What becomes of a request whose contact the directory vouches for, at a score.
fn vouched(policy: StepUp, score: u8, vouched: &[Vouched]) -> &'static str {
    let policy = Policy::StepUp(Arc::new(policy));
    match judge(&Facts { vouched, score, ..facts(&policy, &[]) }) {
        Verdict::Forward(Passage::Vouched(_)) => "vouched",
        Verdict::Forward(_) => "forward",
        Verdict::Challenge(_) => "challenge",
        Verdict::Refuse(_) => "refuse",
    }
}

#[test]
fn a_directory_s_word_counts_for_a_recheck_as_a_proof_does_and_no_more() {
    let recheck = StepUp { contact: ContactRule::Recheck(Duration::from_secs(3600)), ..policy() };
    let word = |channel, age_ms: i64| Vouched {
        channel,
        at: Timestamp::from_millis(NOW.checked_add_signed(-age_ms).unwrap()),
    };
    let at = |age_ms| vouched(recheck.clone(), 0, &[word(Channel::Sms, age_ms)]);
    assert_eq!((at(3_600_000), at(3_600_001)), ("vouched", "challenge"));
    assert_eq!((at(-60_000), at(-60_001)), ("vouched", "challenge"), "the directory's clock is not ours");
    assert_eq!(vouched(recheck.clone(), 0, &[word(Channel::Email, 0)]), "challenge", "another channel");
    let good = [word(Channel::Email, 0), word(Channel::Sms, 1000)];
    assert_eq!(vouched(policy(), 0, &good), "challenge", "a policy that does not go by its word");
    // Scores decide first: refused is refused, and from `challenge_at` on it is worth what a proof is.
    let wary = StepUp { challenge_at: 40, ..recheck.clone() };
    assert_eq!(vouched(wary.clone(), 39, &good), "forward");
    assert_eq!(vouched(wary.clone(), 40, &good), "vouched");
    assert_eq!(vouched(wary, 90, &good), "refuse");
    let policy = Policy::StepUp(Arc::new(recheck));
    let nobody = Facts { has_subject: false, vouched: &good, ..facts(&policy, &[]) };
    assert_eq!(judge(&nobody), Verdict::Challenge(Why::NoSubject));
    let proofs = [proof(Channel::Sms, 0)];
    let both = Facts { vouched: &good, ..facts(&policy, &proofs) };
    assert_eq!(judge(&both), Verdict::Forward(Passage::Proof(&proofs[0])), "a proof of this browser's comes first");
}

#[test]
fn observe_decides_but_forwards() {
    let policy = Policy::StepUp(Arc::new(StepUp { observe: true, ..policy() }));
    assert_eq!(judge(&facts(&policy, &[])), Verdict::Forward(Passage::Observed(Why::NoProof)));
}

proptest! {
    /// I2: without a subject, a proof or a confirmation nothing passes a policy that always challenges.
    #[test]
    fn i2_nothing_proved_is_never_forwarded(score in 0_u8..=100, has_subject: bool, max_age in 0_u64..100_000) {
        let policy = Policy::StepUp(Arc::new(StepUp { max_age: Duration::from_secs(max_age), ..policy() }));
        let verdict = judge(&Facts { score, has_subject, ..facts(&policy, &[]) });
        prop_assert!(!matches!(verdict, Verdict::Forward(_)));
    }
}
