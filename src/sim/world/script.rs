//! Worlds that follow a script: what is to go wrong, and how long it takes until all is well again.

use std::time::Duration;

use super::{Failure, World};
use crate::sim::options::Fault;
use crate::sim::time::Time;

/// How often it is looked whether all is well again.
const LOOK: Duration = Duration::from_millis(10);

impl World {
    /// Something goes wrong with a host now, and is right again after `time`, if it is not over at once.
    /// Of [`Fault::Partition`] and [`Fault::OneWay`], chance decides who is on which side.
    pub fn strike(&mut self, fault: Fault, host: usize, time: Duration) {
        self.inflict(fault, host, time);
        self.tell_all();
    }

    /// So many of a million broadcasts are lost from now on.
    pub const fn lose_beacons(&mut self, share: u32) {
        self.options.beacon_loss = share;
        self.paths.set_loss(share);
    }

    /// Runs until everybody lists everybody with all groups, but not for longer than `within`; how long
    /// that took.
    ///
    /// # Errors
    ///
    /// What was wrong, or that it was not so by then.
    pub fn run_until_whole(&mut self, within: Duration) -> Result<Duration, Box<Failure>> {
        let began = self.now;
        let until = began + within;
        loop {
            let result = self.check_rosters();
            if result.is_ok() {
                return Ok(self.now.since(began));
            }
            if self.now >= until {
                self.judge(result)?;
            }
            self.run_until(Time::min(until, self.now + LOOK))?;
        }
    }
}
