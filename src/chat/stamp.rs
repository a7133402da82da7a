//! Wall-clock time as a value: [`Stamp`].
//!
//! Nothing here reads a clock or a time zone: the shell does, once for each thing that happens.

use std::fmt;

use serde::{Serialize, Serializer};

/// A moment of the wall clock, and the difference between local time and UTC at that moment.
///
/// Displayed as RFC 3339 in UTC with milliseconds: `2026-11-20T12:28:31.123Z`. Moments before 1970 or
/// after the year 9999 (they come from other hosts' clocks) become the nearest one within.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct Stamp {
    unix_milliseconds: i64,
    offset_seconds: i32,
}

/// The last millisecond of the year 9999: RFC 3339 has four digits for a year.
const LAST: i64 = 253_402_300_799_999;

/// The furthest that local time is from UTC, in seconds; there are zones of 14 hours.
const FURTHEST: i32 = 18 * 3_600;

/// A date and a time of day, without a zone.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Civil {
    pub(crate) year: i64,
    pub(crate) month: usize,
    pub(crate) day: i64,
    pub(crate) hour: i64,
    pub(crate) minute: i64,
    pub(crate) second: i64,
    /// Days since Monday.
    pub(crate) weekday: usize,
}

impl Stamp {
    /// The moment so many milliseconds after 1970-01-01T00:00:00Z, where local time is ahead of UTC
    /// by so many seconds (behind it, if negative).
    #[must_use]
    pub fn new(unix_milliseconds: i64, offset_seconds: i32) -> Self {
        Self {
            unix_milliseconds: unix_milliseconds.clamp(0, LAST),
            offset_seconds: offset_seconds.clamp(-FURTHEST, FURTHEST),
        }
    }

    /// Milliseconds since 1970-01-01T00:00:00Z.
    #[must_use]
    pub const fn unix_milliseconds(self) -> i64 {
        self.unix_milliseconds
    }

    /// Another moment, for somebody in the same place.
    #[must_use]
    pub(crate) fn at(self, unix_milliseconds: i64) -> Self {
        Self::new(unix_milliseconds, self.offset_seconds)
    }

    /// Local date and time of day.
    pub(crate) fn local(self) -> Civil {
        civil(self.unix_milliseconds.div_euclid(1_000) + i64::from(self.offset_seconds))
    }

    /// Whether both are on one day for the person here.
    pub(crate) fn same_day(self, other: Self) -> bool {
        let (a, b) = (self.local(), other.local());
        (a.year, a.month, a.day) == (b.year, b.month, b.day)
    }

    /// Local hours and minutes: `21:04`.
    #[must_use]
    pub fn clock(self) -> String {
        let local = self.local();
        format!("{:02}:{:02}", local.hour, local.minute)
    }

    /// Local date in words: `Friday, 20 November 2026`.
    #[must_use]
    pub fn date(self) -> String {
        let local = self.local();
        let weekday = WEEKDAYS.get(local.weekday).unwrap_or(&"");
        let month = MONTHS.get(local.month - 1).unwrap_or(&"");
        format!("{weekday}, {} {month} {}", local.day, local.year)
    }

    /// Local time of day with seconds, with the date before it where it is not the day of `today`.
    pub(crate) fn brief(self, today: Self) -> String {
        let local = self.local();
        let clock = format!("{:02}:{:02}:{:02}", local.hour, local.minute, local.second);
        if self.same_day(today) {
            clock
        } else {
            format!(
                "{:04}-{:02}-{:02} {clock}",
                local.year, local.month, local.day
            )
        }
    }
}

impl fmt::Display for Stamp {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let utc = civil(self.unix_milliseconds.div_euclid(1_000));
        let milliseconds = self.unix_milliseconds.rem_euclid(1_000);
        write!(
            f,
            "{:04}-{:02}-{:02}T{:02}:{:02}:{:02}.{milliseconds:03}Z",
            utc.year, utc.month, utc.day, utc.hour, utc.minute, utc.second
        )
    }
}

impl Serialize for Stamp {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

/// The date and time of day at so many seconds after 1970, in the Gregorian calendar.
///
/// Years are counted from the first of March, so that the leap day is the last of its year; 400 of
/// them always have the same number of days.
fn civil(seconds: i64) -> Civil {
    const DAYS_IN_400_YEARS: i64 = 146_097;
    /// From 1 March of the year 0 to 1 January 1970.
    const TO_1970: i64 = 719_468;
    let (days, second_of_day) = (seconds.div_euclid(86_400), seconds.rem_euclid(86_400));
    let (cycle, day) = (
        (days + TO_1970).div_euclid(DAYS_IN_400_YEARS),
        (days + TO_1970).rem_euclid(DAYS_IN_400_YEARS),
    );
    let year = (day - day / 1_460 + day / 36_524 - day / 146_096) / 365;
    let day_of_year = day - (365 * year + year / 4 - year / 100);
    // Five months from March on have 153 days, always in the order 31, 30, 31, 30, 31.
    let month_from_march = (5 * day_of_year + 2) / 153;
    let january_or_later = month_from_march >= 10;
    let month = if january_or_later {
        month_from_march - 9
    } else {
        month_from_march + 3
    };
    Civil {
        year: cycle * 400 + year + i64::from(january_or_later),
        month: usize::try_from(month).unwrap_or(1),
        day: day_of_year - (153 * month_from_march + 2) / 5 + 1,
        hour: second_of_day / 3_600,
        minute: second_of_day / 60 % 60,
        second: second_of_day % 60,
        // The first of January 1970 was a Thursday.
        weekday: usize::try_from((days + 3).rem_euclid(7)).unwrap_or(0),
    }
}

const WEEKDAYS: [&str; 7] = [
    "Monday",
    "Tuesday",
    "Wednesday",
    "Thursday",
    "Friday",
    "Saturday",
    "Sunday",
];

const MONTHS: [&str; 12] = [
    "January",
    "February",
    "March",
    "April",
    "May",
    "June",
    "July",
    "August",
    "September",
    "October",
    "November",
    "December",
];

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn moments_are_written_as_rfc_3339() {
        for (milliseconds, text) in [
            (0, "1970-01-01T00:00:00.000Z"),
            (951_827_696_007, "2000-02-29T12:34:56.007Z"),
            (1_709_251_199_999, "2024-02-29T23:59:59.999Z"),
            (1_709_251_200_000, "2024-03-01T00:00:00.000Z"),
            (4_107_542_400_000, "2100-03-01T00:00:00.000Z"),
            (i64::MAX, "9999-12-31T23:59:59.999Z"),
            (i64::MIN, "1970-01-01T00:00:00.000Z"),
        ] {
            assert_eq!(Stamp::new(milliseconds, 7_200).to_string(), text);
        }
    }

    #[test]
    fn local_time_is_ahead_of_utc_by_its_offset() {
        let stamp = Stamp::new(1_709_251_199_999, 3_600);
        assert_eq!(stamp.clock(), "00:59");
        assert_eq!(stamp.date(), "Friday, 1 March 2024");
        assert!(!stamp.same_day(Stamp::new(1_709_251_199_999 - 3_600_000, 3_600)));
    }
}
