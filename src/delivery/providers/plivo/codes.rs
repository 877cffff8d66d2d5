//! What Plivo's numbers of errors and words for states mean.
//! `https://www.plivo.com/docs/messaging/troubleshooting/error-codes`,
//! `https://www.plivo.com/docs/voice/troubleshooting/hangup-causes`

use crate::words::{FailureClass, Progress};

/// The class of the error that the receipt of a text message names.
pub(super) fn class_of(code: Option<&str>) -> FailureClass {
    use FailureClass as C;
    match code.and_then(|code| code.trim().parse::<u16>().ok()) {
        // Also a fixed line: Plivo does not tell them apart.
        Some(50) => C::InvalidNumber,
        Some(20 | 80) => C::UnreachableTemporarily,
        Some(70 | 90) => C::UnreachablePermanently,
        Some(200) => C::OptedOut,
        Some(30 | 100) => C::CarrierFiltered,
        Some(451 | 452) => C::FraudBlocked,
        Some(900 | 910) => C::InsufficientBalance,
        Some(40) => C::SenderConfig,
        Some(300) => C::ProviderDown,
        Some(420) => C::Expired,
        _ => C::Unknown,
    }
}

/// How far a text message came; `None` for words that say nothing of it.
pub(super) fn of_message(status: &str, code: Option<&str>) -> Option<Progress> {
    Some(match status {
        "queued" => Progress::Accepted,
        "sent" => Progress::Sent,
        "delivered" | "read" => Progress::Delivered,
        "failed" | "undelivered" | "rejected" => Progress::Failed(class_of(code)),
        _ => return None,
    })
}

/// How far a call came; `None` for words that say nothing of it.
pub(super) fn of_call(status: &str, by_machine: bool, cause: Option<&str>) -> Option<Progress> {
    Some(match status {
        "queued" | "initiated" => Progress::Accepted,
        "ringing" => Progress::Sent,
        "in-progress" | "completed" if by_machine => Progress::Failed(FailureClass::UnreachableTemporarily),
        // It may yet turn out to be a machine.
        "in-progress" => Progress::Sent,
        "completed" => Progress::Delivered,
        "busy" | "no-answer" | "timeout" => Progress::Failed(FailureClass::UnreachableTemporarily),
        "failed" | "cancel" => Progress::Failed(class_of_hangup(cause)),
        _ => return None,
    })
}

fn class_of_hangup(cause: Option<&str>) -> FailureClass {
    match cause.and_then(|cause| cause.trim().parse::<u16>().ok()) {
        Some(1010) => FailureClass::InsufficientBalance,
        Some(2000) => FailureClass::InvalidNumber,
        Some(2010) => FailureClass::UnreachablePermanently,
        Some(2030 | 2040) => FailureClass::RegionBlocked,
        _ => FailureClass::Unknown,
    }
}
