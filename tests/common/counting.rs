//! What work costs in memory: an allocator that counts for each thread.

use std::alloc::{GlobalAlloc, Layout, System};
use std::cell::Cell;

/// What was allocated; what was given back in the meantime counts as well.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(crate) struct Spent {
    pub(crate) octets: usize,
    pub(crate) allocations: usize,
}

/// What `work` gives, and what it allocates on this thread.
pub(crate) fn spending<T>(work: impl FnOnce() -> T) -> (T, Spent) {
    let before = SPENT.get();
    let result = work();
    let after = SPENT.get();
    let spent = Spent {
        octets: after.octets - before.octets,
        allocations: after.allocations - before.allocations,
    };
    (result, spent)
}

thread_local! {
    static SPENT: Cell<Spent> = const { Cell::new(Spent { octets: 0, allocations: 0 }) };
}

/// The allocator of the system, with a count for each thread.
struct Counting;

impl Counting {
    fn count(octets: usize) {
        let mut spent = SPENT.get();
        spent.octets += octets;
        spent.allocations += 1;
        SPENT.set(spent);
    }
}

#[expect(
    unsafe_code,
    reason = "an allocator cannot be written otherwise; it passes everything on"
)]
// SAFETY: every call goes to the system's allocator as it came. Counting touches a cell of the thread
// that has no destructor and needs no allocation.
unsafe impl GlobalAlloc for Counting {
    unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
        Self::count(layout.size());
        // SAFETY: as the caller promises.
        unsafe { System.alloc(layout) }
    }

    unsafe fn dealloc(&self, place: *mut u8, layout: Layout) {
        // SAFETY: as the caller promises.
        unsafe { System.dealloc(place, layout) }
    }

    unsafe fn realloc(&self, place: *mut u8, layout: Layout, size: usize) -> *mut u8 {
        Self::count(size);
        // SAFETY: as the caller promises.
        unsafe { System.realloc(place, layout, size) }
    }
}

#[global_allocator]
static COUNTING: Counting = Counting;
