//! Mailboxes under load. Goal: nothing is lost, duplicated or reordered, nobody sleeps while there is
//! something to do, and everybody who waits learns that the other side is gone.
//!
//! A lost wake-up shows as a test that does not end: each wait here has a deadline far beyond what
//! the slowest machine needs.

use std::os::fd::AsFd;
use std::sync::atomic::{AtomicI64, AtomicU64, Ordering};
use std::thread::{self, JoinHandle};
use std::time::{Duration, Instant};

use nix::errno::Errno;
use nix::poll::{PollFd, PollFlags, PollTimeout, poll};
use zchat::node::mailbox::{
    Capacity, Closed, Mailbox, Receiver, Sender, TryRecvError, TrySendError, Waker, Weigh, channel,
    mailbox,
};

use crate::figure::figure;

const VALUES: u64 = 2_000_000;

#[derive(Debug, PartialEq, Eq)]
struct Value {
    sender: u32,
    octets: u32,
    number: u64,
}

impl Weigh for Value {
    fn octets(&self) -> usize {
        self.octets as usize
    }
}

fn value(number: u64) -> Value {
    weighing(number, 8)
}

fn weighing(number: u64, octets: u32) -> Value {
    Value {
        sender: 0,
        octets,
        number,
    }
}

fn of(values: usize, octets: usize) -> Capacity {
    Capacity { values, octets }
}

/// Whether the descriptor became readable in time.
fn readable(fd: impl AsFd, within: Duration) -> bool {
    let mut fds = [PollFd::new(fd.as_fd(), PollFlags::POLLIN)];
    let timeout = PollTimeout::try_from(within).unwrap();
    loop {
        match poll(&mut fds, timeout) {
            Ok(ready) => return ready > 0,
            // The process was stopped and continued.
            Err(error) => assert_eq!(error, Errno::EINTR),
        }
    }
}

const AT_ONCE: Duration = Duration::ZERO;
const IN_TIME: Duration = Duration::from_secs(20);

/// Spins for about so many rounds, to shift threads against each other.
fn dawdle(rounds: u64) {
    for _ in 0..rounds {
        std::hint::spin_loop();
    }
}

/// A consumer as the mesh thread is one: drains, and sleeps in a poll when there is nothing.
fn consume(waker: &Waker, from: &Receiver<Value>, mut each: impl FnMut(Value)) {
    loop {
        let mut any = false;
        for value in from.drain(256) {
            each(value);
            any = true;
        }
        if any {
            continue;
        }
        waker.prepare_sleep();
        if !from.is_ready() {
            assert!(readable(waker, IN_TIME), "nobody rang");
        }
        waker.awake();
        if from.is_closed() && from.is_empty() {
            return;
        }
    }
}

fn send_numbers(
    to: Sender<Value>,
    count: u64,
    pace: impl Fn(u64) + Send + 'static,
) -> JoinHandle<()> {
    thread::spawn(move || {
        for number in 0..count {
            pace(number);
            to.send(value(number)).unwrap();
        }
    })
}

#[test]
fn two_million_values_pass_a_consumer_that_drains_and_sleeps() {
    let waker = Waker::new().unwrap();
    let (to, from) = channel(of(1_024, 1 << 20), &waker);
    let start = Instant::now();
    let sender = send_numbers(to, VALUES, |_| {});
    let mut next = 0;
    consume(&waker, &from, |value| {
        assert_eq!(value.number, next);
        next += 1;
    });
    assert_eq!(next, VALUES);
    sender.join().unwrap();
    let each = start.elapsed().as_nanos() / u128::from(VALUES);
    figure(&format!(
        "mailbox, one sender, batches of 256: {each} ns a value"
    ));
}

#[test]
fn a_sender_that_pauses_wakes_the_consumer_each_time() {
    let waker = Waker::new().unwrap();
    let (to, from) = channel(of(64, 1 << 20), &waker);
    // Pauses of all lengths around the time that going to sleep takes.
    let sender = send_numbers(to, 200_000, |number| dawdle(number * 7 % 1_000));
    let mut next = 0;
    consume(&waker, &from, |value| {
        assert_eq!(value.number, next);
        next += 1;
    });
    assert_eq!(next, 200_000);
    sender.join().unwrap();
}

#[test]
fn several_queues_share_one_waker_and_several_senders_one_queue() {
    let waker = Waker::new().unwrap();
    let (to_first, first) = channel(of(16, 1 << 20), &waker);
    let (to_second, second) = channel(of(1_024, 400), &waker);
    let each = VALUES / 8;
    let mut senders = Vec::new();
    for sender in 0..4 {
        let to = if sender < 2 {
            to_first.clone()
        } else {
            to_second.clone()
        };
        senders.push(thread::spawn(move || {
            for number in 0..each {
                let octets = (number % 300) as u32;
                to.send(Value {
                    sender,
                    octets,
                    number,
                })
                .unwrap();
            }
        }));
    }
    drop((to_first, to_second));

    let mut next = [0; 4];
    let queues = [&first, &second];
    let mut open = vec![0, 1];
    while !open.is_empty() {
        let mut any = false;
        for queue in &open {
            for value in queues[*queue].drain(64) {
                any = true;
                let expected = &mut next[value.sender as usize];
                assert_eq!(value.number, *expected);
                *expected += 1;
            }
        }
        open.retain(|queue| !(queues[*queue].is_closed() && queues[*queue].is_empty()));
        if !any && !open.is_empty() {
            waker.prepare_sleep();
            if !open.iter().any(|queue| queues[*queue].is_ready()) {
                assert!(readable(&waker, IN_TIME), "nobody rang");
            }
            waker.awake();
        }
    }
    assert_eq!(next, [each; 4]);
    for sender in senders {
        sender.join().unwrap();
    }
}

#[test]
fn an_application_may_block_or_poll_or_ask_in_any_mixture() {
    let producer = Waker::new().unwrap();
    let (to, from) = mailbox(of(1_024, 1 << 20), &producer).unwrap();
    let senders: Vec<_> = (0..2)
        .map(|sender| {
            let to = to.clone();
            thread::spawn(move || {
                for number in 0..VALUES / 4 {
                    if number % 1_000 < 20 {
                        dawdle(number * 11 % 3_000);
                    }
                    to.send(Value {
                        sender,
                        octets: 8,
                        number,
                    })
                    .unwrap();
                }
            })
        })
        .collect();
    drop(to);

    let mut next = [0; 2];
    for turn in 0_u64.. {
        let received = match turn / 100 % 4 {
            0 => from.recv().map_err(|Closed(())| TryRecvError::Closed),
            1 => from.recv_deadline(Instant::now() + IN_TIME),
            2 => {
                assert!(
                    readable(&from, IN_TIME),
                    "not readable, though a value must come"
                );
                from.try_recv()
            }
            _ => from.try_recv(),
        };
        match received {
            Ok(value) => {
                let expected = &mut next[value.sender as usize];
                assert_eq!(value.number, *expected);
                *expected += 1;
            }
            Err(TryRecvError::Empty) => assert_ne!(turn / 100 % 4, 1, "a wake-up was lost"),
            Err(TryRecvError::Closed) => break,
        }
    }
    assert_eq!(next, [VALUES / 4; 2]);
    for sender in senders {
        sender.join().unwrap();
    }
}

#[test]
fn a_polling_application_that_is_woken_for_every_value_misses_none() {
    let producer = Waker::new().unwrap();
    let (to, from) = mailbox::<Value>(of(4_096, 1 << 20), &producer).unwrap();
    let (answer, answers) = mailbox::<Value>(of(4_096, 1 << 20), &producer).unwrap();
    const TURNS: u64 = 100_000;
    let application = thread::spawn(move || {
        let mut next = 0;
        while next < TURNS {
            assert!(readable(&from, IN_TIME), "a wake-up was lost");
            while let Ok(value) = from.try_recv() {
                assert_eq!(value.number, next);
                next += 1;
                answer.try_send(value).unwrap();
            }
        }
    });
    let start = Instant::now();
    for number in 0..TURNS {
        to.try_send(value(number)).unwrap();
        assert_eq!(
            answers
                .recv_deadline(Instant::now() + IN_TIME)
                .unwrap()
                .number,
            number
        );
    }
    let each = start.elapsed().as_nanos() / u128::from(TURNS);
    figure(&format!("mailbox, there and back, both asleep: {each} ns"));
    application.join().unwrap();
}

/// The mesh thread towards a slow application: never blocks, keeps what does not fit, sleeps until
/// there is room.
#[test]
fn a_sender_that_sleeps_in_its_own_poll_is_woken_when_there_is_room() {
    let producer = Waker::new().unwrap();
    let (to, from) = mailbox::<Value>(of(100, 1 << 20), &producer).unwrap();
    let application = thread::spawn(move || {
        let mut next = 0;
        while let Ok(value) = from.recv() {
            assert_eq!(value.number, next);
            next += 1;
            dawdle(next * 13 % 500);
        }
        next
    });
    let mut rings = 0;
    for number in 0..200_000 {
        let mut kept = value(number);
        while let Err(error) = to.try_send(kept) {
            kept = error.into_value();
            producer.prepare_sleep();
            if !to.want_room(kept.octets()) {
                assert!(readable(&producer, IN_TIME), "nobody told of room");
                rings += 1;
            }
            producer.awake();
        }
    }
    drop(to);
    assert_eq!(application.join().unwrap(), 200_000);
    assert!(
        rings <= 200_000 / 50,
        "rung {rings} times for 100 places of which half must be empty"
    );
}

#[test]
fn the_limit_in_octets_holds_but_one_large_value_passes_an_empty_queue() {
    let waker = Waker::new().unwrap();
    let (to, from) = channel(of(10, 100), &waker);
    to.try_send(weighing(0, 60)).unwrap();
    to.try_send(weighing(1, 40)).unwrap();
    assert_eq!(
        to.try_send(weighing(2, 1)),
        Err(TrySendError::Full(weighing(2, 1)))
    );
    to.try_send(weighing(3, 0)).unwrap();
    assert_eq!(from.drain(10).count(), 3);
    to.try_send(weighing(4, 1_000)).unwrap();
    assert_eq!(
        to.try_send(weighing(5, 0)),
        Err(TrySendError::Full(weighing(5, 0)))
    );
    assert_eq!(from.try_recv().unwrap().number, 4);
    to.try_send(weighing(6, 100)).unwrap();
}

#[test]
fn the_limit_in_values_holds() {
    let waker = Waker::new().unwrap();
    let (to, from) = channel(of(3, 100), &waker);
    for number in 0..3 {
        to.try_send(value(number)).unwrap();
    }
    assert_eq!(to.try_send(value(3)), Err(TrySendError::Full(value(3))));
    from.try_recv().unwrap();
    to.try_send(value(3)).unwrap();
}

#[test]
fn limits_hold_with_many_senders_at_once() {
    const OCTETS: i64 = 10_000;
    // Negative while a value was received before its sender has counted it.
    static QUEUED: AtomicI64 = AtomicI64::new(0);
    struct Counted(i64);
    impl Weigh for Counted {
        fn octets(&self) -> usize {
            usize::try_from(self.0).unwrap()
        }
    }
    let waker = Waker::new().unwrap();
    let (to, from) = channel(of(50, usize::try_from(OCTETS).unwrap()), &waker);
    let senders: Vec<_> = (0..4)
        .map(|sender| {
            let to = to.clone();
            thread::spawn(move || {
                for turn in 0..50_000 {
                    let octets = (turn * 31 + sender) % 3_000;
                    to.send(Counted(octets)).unwrap();
                    QUEUED.fetch_add(octets, Ordering::SeqCst);
                }
            })
        })
        .collect();
    drop(to);
    loop {
        waker.prepare_sleep();
        if !from.is_ready() {
            assert!(readable(&waker, IN_TIME), "nobody rang");
        }
        waker.awake();
        // What is counted was sent, and is still in the queue: this is the only consumer.
        assert!(QUEUED.load(Ordering::SeqCst) <= OCTETS, "beyond the limit");
        match from.try_recv() {
            Ok(Counted(octets)) => {
                QUEUED.fetch_sub(octets, Ordering::SeqCst);
            }
            Err(TryRecvError::Empty) => {}
            Err(TryRecvError::Closed) => break,
        }
    }
    for sender in senders {
        sender.join().unwrap();
    }
}

#[test]
fn blocked_senders_learn_that_the_receiver_is_gone() {
    for _ in 0..200 {
        let waker = Waker::new().unwrap();
        let (to, from) = channel(of(1, 100), &waker);
        to.send(value(0)).unwrap();
        let blocked: Vec<_> = (0..4)
            .map(|_| {
                let to = to.clone();
                thread::spawn(move || to.send(value(1)))
            })
            .collect();
        drop(from);
        for sender in blocked {
            assert_eq!(sender.join().unwrap(), Err(Closed(value(1))));
        }
        assert!(to.is_closed());
        assert_eq!(to.try_send(value(2)), Err(TrySendError::Closed(value(2))));
    }
}

#[test]
fn a_blocked_receiver_learns_that_the_last_sender_is_gone() {
    for turn in 0..500 {
        let producer = Waker::new().unwrap();
        let (to, from) = mailbox::<Value>(of(10, 100), &producer).unwrap();
        let last = to.clone();
        let application = thread::spawn(move || drain_until_closed(&from, turn % 2 == 0));
        drop(to);
        last.try_send(value(7)).unwrap();
        drop(last);
        assert_eq!(application.join().unwrap(), [7]);
    }
}

fn drain_until_closed(from: &Mailbox<Value>, by_polling: bool) -> Vec<u64> {
    let mut numbers = Vec::new();
    loop {
        if by_polling {
            assert!(readable(from, IN_TIME), "closing was not told");
            match from.try_recv() {
                Ok(value) => numbers.push(value.number),
                Err(TryRecvError::Empty) => {}
                Err(TryRecvError::Closed) => break,
            }
        } else {
            match from.recv() {
                Ok(value) => numbers.push(value.number),
                Err(Closed(())) => break,
            }
        }
    }
    assert!(
        readable(from, AT_ONCE),
        "stays readable when all senders are gone"
    );
    numbers
}

#[test]
fn a_sender_with_a_poll_of_its_own_learns_that_the_mailbox_is_gone() {
    let producer = Waker::new().unwrap();
    let (to, from) = mailbox(of(1, 100), &producer).unwrap();
    to.try_send(value(0)).unwrap();
    producer.prepare_sleep();
    assert!(!to.want_room(8));
    assert!(!readable(&producer, AT_ONCE));
    drop(from);
    assert!(readable(&producer, AT_ONCE));
    assert!(to.want_room(8), "it would be refused at once");
    assert!(to.is_closed());
}

#[test]
fn deadlines_end_waits_on_both_sides() {
    let producer = Waker::new().unwrap();
    let (to, from) = mailbox(of(1, 100), &producer).unwrap();
    let soon = Instant::now() + Duration::from_millis(20);
    assert_eq!(from.recv_deadline(soon), Err(TryRecvError::Empty));
    assert!(Instant::now() >= soon);
    to.send(value(0)).unwrap();
    let soon = Instant::now() + Duration::from_millis(20);
    assert_eq!(
        to.send_deadline(value(1), soon),
        Err(TrySendError::Full(value(1)))
    );
    assert!(Instant::now() >= soon);
    let past = Instant::now();
    assert_eq!(from.recv_deadline(past), Ok(value(0)));
}

#[test]
fn the_descriptor_is_readable_exactly_while_values_wait() {
    let producer = Waker::new().unwrap();
    let (to, from) = mailbox(of(10, 100), &producer).unwrap();
    assert!(!readable(&from, AT_ONCE));
    to.try_send(value(0)).unwrap();
    to.try_send(value(1)).unwrap();
    assert!(readable(&from, AT_ONCE));
    from.try_recv().unwrap();
    assert!(readable(&from, AT_ONCE), "one more waits");
    from.try_recv().unwrap();
    assert_eq!(from.try_recv(), Err(TryRecvError::Empty));
    assert!(!readable(&from, AT_ONCE));
    to.try_send(value(2)).unwrap();
    assert!(readable(&from, AT_ONCE));
    assert_eq!(from.recv(), Ok(value(2)));
}

/// Goal: the descriptor also tells of a value behind one that came at the last moment.
/// Method: bursts of two, shifted against a look that nearly finds nothing (it does not follow a
/// poll); the second value is then waited for by a poll.
#[test]
fn a_value_behind_one_that_came_at_the_last_moment_makes_the_descriptor_readable() {
    const BURSTS: u64 = 300_000;
    static WANTED: AtomicU64 = AtomicU64::new(0);
    let producer = Waker::new().unwrap();
    let (to, from) = mailbox::<Value>(of(10, 100), &producer).unwrap();
    let sender = thread::spawn(move || {
        for burst in 0..BURSTS {
            while WANTED.load(Ordering::Acquire) < burst {
                thread::yield_now();
            }
            dawdle(burst * 17 % 150);
            to.try_send(value(2 * burst)).unwrap();
            to.try_send(value(2 * burst + 1)).unwrap();
        }
    });
    let mut next = 0;
    for burst in 0..BURSTS {
        WANTED.store(burst, Ordering::Release);
        dawdle(burst * 7 % 100);
        let mut found = from.try_recv();
        while next < 2 * (burst + 1) {
            if let Ok(value) = found {
                assert_eq!(value.number, next);
                next += 1;
                if next == 2 * (burst + 1) {
                    break;
                }
            }
            assert!(readable(&from, IN_TIME), "a wake-up was lost");
            found = from.try_recv();
        }
    }
    sender.join().unwrap();
}
