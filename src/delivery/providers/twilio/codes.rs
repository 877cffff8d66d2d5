//! What Twilio's numbers of errors and words for states mean.
//! `https://www.twilio.com/docs/api/errors`

use crate::words::{FailureClass, Progress};

/// The class of an error; `None` when it is not known, since Twilio adds and re-purposes them.
pub(super) const fn class(code: u64) -> Option<FailureClass> {
    use FailureClass as C;
    Some(match code {
        21211 | 21214 | 21217 | 21401 | 21421 | 30005 => C::InvalidNumber,
        21614 | 21635 | 30006 => C::Landline,
        30003 | 30017 | 30410 => C::UnreachableTemporarily,
        21612 => C::UnreachablePermanently,
        13227 | 21203 | 21215 | 21408 => C::RegionBlocked,
        21610 => C::OptedOut,
        21216 | 30004 | 30007 => C::CarrierFiltered,
        30450 => C::FraudBlocked,
        14107 | 20429 | 21611 | 30001 | 30022 | 63018 | 63038 => C::RateLimited,
        30002 => C::InsufficientBalance,
        20003 => C::AuthConfig,
        21212 | 21219 | 21603 | 21606 | 21608 | 21659 | 30018 | 30032 => C::SenderConfig,
        // The validity period, which is the life of the code, ran out in a queue.
        30036 => C::Expired,
        _ => return None,
    })
}

/// The class of the error that a receipt names.
pub(super) fn class_of(code: Option<&str>) -> FailureClass {
    code.and_then(|code| class(code.trim().parse().ok()?)).unwrap_or(FailureClass::Unknown)
}

/// How far a text message came; `None` for words that say nothing of it.
pub(super) fn of_message(status: &str, code: Option<&str>) -> Option<Progress> {
    Some(match status {
        "accepted" | "scheduled" | "queued" | "sending" => Progress::Accepted,
        "sent" | "partially_delivered" => Progress::Sent,
        "delivered" | "read" => Progress::Delivered,
        "undelivered" | "failed" | "canceled" => Progress::Failed(class_of(code)),
        _ => return None,
    })
}

/// How far a call came, and `by` whom or what it was answered; `None` for words that say nothing of it.
pub(super) fn of_call(status: &str, by: Option<&str>, code: Option<&str>) -> Option<Progress> {
    let by_machine = by.is_some_and(|by| by.starts_with("machine") || by == "fax");
    Some(match status {
        "queued" | "initiated" => Progress::Accepted,
        "ringing" => Progress::Sent,
        "in-progress" | "answered" | "completed" if by_machine => {
            Progress::Failed(FailureClass::UnreachableTemporarily)
        }
        "completed" => Progress::Delivered,
        "in-progress" | "answered" if by == Some("human") => Progress::Delivered,
        // It may yet turn out to be a machine.
        "in-progress" | "answered" => Progress::Sent,
        "busy" | "no-answer" => Progress::Failed(FailureClass::UnreachableTemporarily),
        "failed" | "canceled" => Progress::Failed(class_of(code)),
        _ => return None,
    })
}
