//! Devices and places, as `redis/turn_device.lua` and `redis/put_place.lua` have them.

use super::Site;
use crate::store::{DeviceTurn, DeviceTurned};
use crate::words::{KeyedHash, Timestamp};

/// How far a device has moved on.
#[derive(Debug, Clone, Copy)]
pub(super) enum Turns {
    /// The newest generation, the one before that may still come, and since when the newest is that.
    At {
        newest: u32,
        before: u32,
        since: Timestamp,
    },
    Stolen,
}

impl Site {
    pub(in crate::store::memory) fn turn_device(&mut self, turn: &DeviceTurn<'_>, now: Timestamp) -> DeviceTurned {
        let known = self.devices.get(&turn.device, now).copied();
        let turns = match (turn.generation, known) {
            (None, _) => Turns::At { newest: 1, before: 1, since: now },
            (Some(_), None) => return DeviceTurned::Unknown,
            (Some(_), Some(Turns::Stolen)) => Turns::Stolen,
            (Some(shown), Some(Turns::At { newest, before, since })) => match shown {
                _ if shown != newest && shown != before => Turns::Stolen,
                _ if shown == before && shown != newest && since.after(turn.grace) > now => {
                    Turns::At { newest, before, since }
                }
                _ => Turns::At { newest: newest.saturating_add(1), before: shown, since: now },
            },
        };
        self.devices.insert(turn.device, turns, now.after(turn.keep));
        match turns {
            Turns::At { newest, .. } => DeviceTurned::To(newest),
            Turns::Stolen => DeviceTurned::Stolen,
        }
    }

    pub(in crate::store::memory) fn put_place(&mut self, subject: KeyedHash, sealed: &[u8], end: Timestamp) {
        self.places.insert(subject, sealed.to_vec(), end);
    }

    pub(in crate::store::memory) fn place(&self, subject: KeyedHash, now: Timestamp) -> Option<Vec<u8>> {
        self.places.get(&subject, now).cloned()
    }
}
