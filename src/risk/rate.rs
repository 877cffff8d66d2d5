//! How many requests an address made lately: counted in a table of fixed size, without a lock.
//!
//! A count-min sketch (Cormode and Muthukrishnan, 2005) with conservative update: an address is counted in one cell of each
//! row, the least of its cells is its count, and only cells below the new count are raised. Others may share a cell, so a count
//! may be too high, and is never too low. Two requests of one address at the very same moment may count as one: this is a
//! signal, and no limit.

use std::hash::{BuildHasher as _, RandomState};
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use crate::risk::Whom;
use crate::words::Timestamp;

/// What was counted of every address in the last two windows.
#[derive(Debug)]
pub struct Rates {
    /// Each cell: the number of the window, its count, and the count of the window before.
    cells: Box<[AtomicU64]>,
    hasher: RandomState,
}

/// Rows, and cells of each: 128 KiB. An address shares all of its cells with another one of 1,000 busy ones about once in 440
/// times ((1 - e^(-1000/4096))^4).
const ROWS: usize = 4;
const WIDTH: usize = 4096;

/// What a cell holds.
#[derive(Debug, Clone, Copy)]
struct Cell {
    window: u32,
    before: u16,
    count: u16,
}

// === impl Rates ===

impl Rates {
    /// Counts a request at `now`, and gives about how many there were within the last `window`: the count of the present
    /// window, and of the one before as much as reaches into that time. Never fewer than were counted in the present window.
    pub fn count(&self, whom: &Whom, window: Duration, now: Timestamp) -> u32 {
        let span = u64::try_from(window.as_millis()).unwrap_or(u64::MAX).max(1);
        let (number, into) = (now.as_millis() / span, now.as_millis() % span);
        // Windows are told apart by their last 32 bits.
        let number = u32::try_from(number & u64::from(u32::MAX)).unwrap_or_default();
        let hash = self.hasher.hash_one(whom);
        let cells: [&AtomicU64; ROWS] = std::array::from_fn(|row| {
            let place = usize::try_from(hash >> (row * 16) & 0xffff).unwrap_or_default() % WIDTH;
            self.cells.get(row * WIDTH + place).unwrap_or(&SPARE)
        });
        let now = cells.map(|cell| Cell::of(cell.load(Ordering::Relaxed)).at(number));
        let least = now.iter().map(|cell| cell.count).min().unwrap_or_default();
        let before = now.iter().map(|cell| cell.before).min().unwrap_or_default();
        let count = least.saturating_add(1);
        for cell in cells {
            let raised = |held| {
                let held = Cell::of(held).at(number);
                Some(Cell { count: held.count.max(count), ..held }.packed())
            };
            // Always some.
            let _ = cell.fetch_update(Ordering::Relaxed, Ordering::Relaxed, raised);
        }
        let reaching = u64::from(before) * (span - into) / span;
        u32::from(count).saturating_add(u32::try_from(reaching).unwrap_or(u32::MAX))
    }
}

/// Never used: every place is within the table.
static SPARE: AtomicU64 = AtomicU64::new(0);

impl Default for Rates {
    fn default() -> Self {
        Self { cells: (0..ROWS * WIDTH).map(|_| AtomicU64::new(0)).collect(), hasher: RandomState::new() }
    }
}

// === impl Cell ===

impl Cell {
    const fn of(packed: u64) -> Self {
        let [a, b, c, d, e, f, g, h] = packed.to_be_bytes();
        Self {
            window: u32::from_be_bytes([a, b, c, d]),
            before: u16::from_be_bytes([e, f]),
            count: u16::from_be_bytes([g, h]),
        }
    }

    const fn packed(self) -> u64 {
        (self.window as u64) << 32 | (self.before as u64) << 16 | self.count as u64
    }

    /// The same cell in the window `number`.
    const fn at(self, number: u32) -> Self {
        if self.window == number {
            self
        } else if self.window == number.wrapping_sub(1) {
            Self { window: number, before: self.count, count: 0 }
        } else {
            Self { window: number, before: 0, count: 0 }
        }
    }
}

#[cfg(test)]
mod tests;
