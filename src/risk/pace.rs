//! Heavy work beside the road in small pieces: the requests in flight share its cores, caches and memory.

use std::cell::Cell;
use std::thread::sleep;
use std::time::{Duration, Instant};

/// How heavy work is done.
#[derive(Debug)]
pub(super) struct Pace {
    /// When the present piece began; `None` works on at full speed.
    began: Cell<Option<Instant>>,
    steps: Cell<u32>,
}

/// How long a piece of work is, and how long the pause after it, as a multiple of it.
const PIECE: Duration = Duration::from_micros(500);
const PAUSE: u32 = 4;
/// After how many steps the clock is looked at.
const STEPS: u32 = 128;

// === impl Pace ===

impl Pace {
    /// At full speed: at a start, when nobody is served yet.
    pub(super) const fn fast() -> Self {
        Self { began: Cell::new(None), steps: Cell::new(0) }
    }

    /// A fifth of the time.
    pub(super) fn gentle() -> Self {
        Self { began: Cell::new(Some(Instant::now())), steps: Cell::new(0) }
    }

    /// A small step was made, of less than a microsecond or so.
    pub(super) fn step(&self) {
        let steps = self.steps.get() + 1;
        self.steps.set(steps % STEPS);
        if steps >= STEPS {
            self.large_step();
        }
    }

    /// A larger one was made.
    pub(super) fn large_step(&self) {
        if let Some(began) = self.began.get() {
            let worked = began.elapsed();
            if worked >= PIECE {
                sleep(worked.saturating_mul(PAUSE));
                self.began.set(Some(Instant::now()));
            }
        }
    }
}
