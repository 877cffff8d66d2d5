use super::{FailureClass, Progress};

#[test]
fn a_message_never_goes_back() {
    let road = [
        Progress::Handed,
        Progress::Accepted,
        Progress::Sent,
        Progress::Failed(FailureClass::Unknown),
        Progress::Delivered,
    ];
    for (place, &here) in road.iter().enumerate() {
        for (other, &next) in road.iter().enumerate() {
            assert_eq!(here.moves_to(next), other > place, "{here:?} to {next:?}");
        }
    }
    let failed = |class| Progress::Failed(class);
    assert!(!failed(FailureClass::Landline).moves_to(failed(FailureClass::Expired)), "the first reason stands");
}

#[test]
fn what_is_written_is_read_again() {
    let classes = FailureClass::ALL.map(Progress::Failed);
    for progress in
        [Progress::Handed, Progress::Accepted, Progress::Sent, Progress::Delivered].into_iter().chain(classes)
    {
        assert_eq!(Progress::parse(&progress.to_text()), Some(progress));
    }
    assert_eq!(Progress::parse("failed:"), None);
    assert_eq!(Progress::parse(""), None);
}
