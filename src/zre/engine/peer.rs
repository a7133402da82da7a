//! What the engine knows of one peer, and of one outgoing connection.

use std::collections::{BTreeSet, VecDeque};
use std::net::SocketAddr;
use std::time::{Duration, Instant};

use crate::zre::recent::Recent;
use crate::zre::sequence::{Incoming, Outgoing};
use crate::zre::{GroupName, Headers, Host, Link, LinkId, Message, Name, Timing};

/// How long it counts that packets were lost on the way from a peer.
const HARD_TO_HEAR: Duration = Duration::from_secs(60);

/// How long whoever listens at a mailbox may take to answer a connection that its system has accepted. Mostly it
/// does within milliseconds; where hundreds of nodes share a processor, it takes seconds for each to have its turn,
/// and who is dialled anew each time, there or elsewhere, has only more to do.
const MET: Duration = Duration::from_secs(15);

/// How far the acquaintance with a peer has come.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Phase {
    /// A beacon was heard; its mailbox is to be dialled as soon as that is allowed.
    Heard,
    /// It is being dialled, and our HELLO is under way; its own has not come.
    Greeted,
    /// Its HELLO has come: it has entered.
    Ready,
}

/// Whether a peer that has entered gives signs of life.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Presence {
    /// It does.
    Present,
    /// It was quiet for the `evasive` time and was sent a PING.
    Asked,
    /// It has not answered, and the application was told.
    Evasive,
    /// It has been quiet for the `silent` time, and the application was told.
    Silent,
}

impl Presence {
    /// Whether the application was told that it does not.
    pub(super) const fn is_told(self) -> bool {
        matches!(self, Self::Evasive | Self::Silent)
    }
}

/// What waits for a PING-OK.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Purpose {
    /// To know that the peer lives.
    Life,
    /// To measure, for the application.
    RoundTrip,
    /// To know that everything before it was read.
    Barrier,
}

/// Whether a peer may say again what has come already.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Repeats {
    /// Its connection is the one that it has had all the time.
    No,
    /// It will come over another connection, and say again what it does not know to have arrived.
    Expected,
    /// It does so, until then.
    Until(Instant),
}

/// Whether we may be unheard by a peer that we hear: the system has not got rid of what it was asked, and
/// will try again only after a while.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Unheard {
    /// It was asked then, and has not answered.
    Since(Instant),
    /// The same, and so is the system what it knows.
    Probed(Instant),
    /// Nor was that acknowledged.
    Confirmed,
}

impl Unheard {
    /// What is left of it after the system has acknowledged something at this time, and nothing since.
    pub(super) fn after_acknowledged(self, at: Instant) -> Option<Self> {
        match self {
            Self::Since(asked) | Self::Probed(asked) if asked < at => None,
            Self::Probed(_) => Some(Self::Confirmed),
            Self::Since(_) | Self::Confirmed => Some(self),
        }
    }
}

/// A peer's mailbox seen at a place other than where it is connected.
#[derive(Debug, Clone)]
pub(super) struct Place {
    pub(super) link: Link,
    pub(super) heard: Instant,
}

/// Something speaks for a peer being somewhere else than it is connected: the old place was asked.
#[derive(Debug, Clone)]
pub(super) struct Challenge {
    /// When it was asked.
    pub(super) asked: Instant,
    /// The same, or when it last spoke from its old place since.
    pub(super) since: Instant,
    /// Where it is said to be; `None` where only the old place is in doubt.
    pub(super) to: Option<Link>,
    /// Whether a connection says so, and not a beacon: that it is heard at its old place, too, as a host
    /// on two networks is, is no answer to that.
    pub(super) by_connection: bool,
    /// Whether it speaks from there, and nothing is known of its beacons.
    pub(super) by_word: bool,
    /// How long it has.
    pub(super) patience: Duration,
    /// Since when it has its last chance to answer.
    pub(super) last_chance: Option<Instant>,
}

impl Challenge {
    /// Until when a connection from another host is not believed, because beacons go on at the old place,
    /// though nothing was answered there. Whoever has moved has no beacons there any more. One that is
    /// on two networks, and not reached by the first, has them, and is heard at the second after two
    /// seconds; until then it may be only a busy machine, and somebody who forges.
    pub(super) fn contested_until(
        &self,
        place: &Link,
        beacon: Option<Instant>,
        timing: &Timing,
    ) -> Option<Instant> {
        let is_elsewhere = |to: &Link| to.remote.ip() != place.remote.ip();
        let is_contested = self.by_connection && self.to.as_ref().is_some_and(is_elsewhere);
        let beacon = beacon.filter(|_| is_contested)?;
        let next = beacon + timing.interval + timing.interval / 4;
        Some(next.min(self.since + timing.challenge * 4))
    }
}

/// A farewell that was heard.
#[derive(Debug, Clone, Copy)]
pub(super) struct Farewell {
    pub(super) since: Instant,
    /// When the peer was asked whether it is still there.
    pub(super) asked: Option<Instant>,
    /// It is its own, or nobody is there any more who could be asked.
    pub(super) is_sure: bool,
    /// Whether other things, which take time, were to be read before that question.
    pub(super) is_slow: bool,
    /// When it was looked whether it has answered, shortly before its time was over; and how often.
    pub(super) looked: Option<Instant>,
    pub(super) looks: u8,
}

impl Farewell {
    pub(super) const fn heard(since: Instant, is_sure: bool) -> Self {
        Self {
            since,
            asked: None,
            is_sure,
            is_slow: false,
            looked: None,
            looks: 0,
        }
    }

    /// Whether the answer to what was asked at this time says that it is not true.
    pub(super) fn is_refuted(&self, asked: Instant) -> bool {
        !self.is_sure && self.asked.is_some_and(|at| asked >= at)
    }
}

/// Two PINGs that were sent behind everything else.
///
/// Two, because a node whose inbox is stopped sends PING-OKs that nobody asked for, as signs of life,
/// at half its patience. One alone could be such a one; two in quick succession cannot.
#[derive(Debug, Clone)]
pub(super) struct Barrier {
    pub(super) last_answer: Option<Instant>,
    /// How many answers came soon after another one; and how many of them prove nothing, because so many
    /// PINGs sent before these two were not answered.
    pub(super) answers: usize,
    pub(super) before: usize,
    /// WHISPERs and SHOUTs that were sent before it.
    pub(super) covers: u64,
}

/// An outgoing connection.
#[derive(Debug)]
pub(super) struct Channel {
    pub(super) link: LinkId,
    pub(super) to: Link,
    pub(super) outgoing: Outgoing,
    /// Since when the system there has it, and whoever listens is asked.
    pub(super) met: Option<Instant>,
    /// The first message on it has been taken.
    pub(super) connected: bool,
    /// Messages that found it full, in order.
    pub(super) outbox: VecDeque<(Message, bool)>,
    /// Since when it is full, and when it last took some octets.
    pub(super) full: Option<Full>,
}

/// A connection whose budget of octets is used up.
#[derive(Debug, Clone, Copy)]
pub(super) struct Full {
    pub(super) progress: Instant,
    /// It has taken nothing for the `evasive` time: it is not waited for any more.
    pub(super) stalled: bool,
}

impl Channel {
    pub(super) fn new(link: LinkId, to: Link) -> Self {
        Self {
            link,
            to,
            outgoing: Outgoing::default(),
            met: None,
            connected: false,
            outbox: VecDeque::new(),
            full: None,
        }
    }

    /// Until when whoever listens there has time to say so, if it has not.
    pub(super) fn has_time_until(&self) -> Option<Instant> {
        self.met.filter(|_| !self.connected).map(|met| met + MET)
    }

    /// The WHISPERs and SHOUTs that wait in the outbox.
    pub(super) fn waiting_content(&self) -> u64 {
        self.outbox
            .iter()
            .filter(|(message, _)| message.body.is_content())
            .count() as u64
    }
}

/// A peer that may be gone was asked, and has its time to answer.
#[derive(Debug, Clone, Copy)]
pub(super) struct Suspicion {
    pub(super) asked: Instant,
    pub(super) due: Instant,
}

/// A peer.
///
/// What a beacon is held against comes first, and together, for it is read from memory that no cache
/// holds: once a second for each of thousands of peers.
#[derive(Debug)]
#[repr(C)]
pub(super) struct Peer {
    /// The last sign of life, a beacon included.
    pub(super) heard: Instant,
    /// The last beacon from the place where it is connected.
    pub(super) beacon: Option<Instant>,
    /// It is leaving, or somebody says so in its name.
    pub(super) farewell: Option<Farewell>,
    pub(super) challenge: Option<Box<Challenge>>,
    pub(super) phase: Phase,
    pub(super) presence: Presence,
    /// The old place has not answered, and no new one is known yet.
    pub(super) displaced: bool,
    pub(super) status: u8,
    pub(super) expected: Incoming,
    /// How often in a row it has asked whether we live and cannot have heard the answer.
    pub(super) doubts: u8,
    /// A HELLO of ours that its HELLO will answer.
    pub(super) hello_awaited: bool,
    /// A message of it was lost, and what it says is of no use until its HELLO comes.
    pub(super) out_of_step: bool,
    /// It may say again over another connection what has come already.
    pub(super) repeats: Repeats,
    /// What it has said last.
    pub(super) recent: Recent,
    /// How many messages are still to be held against that though their numbers fit: a HELLO among what
    /// comes again sets the numbers back.
    pub(super) rechecked: usize,
    /// How often it was greeted again for want of an answer.
    pub(super) greeted_again: u8,
    /// Whether it will be asked soon what it has read.
    pub(super) confirming: bool,
    /// Whether somebody has ever taken our messages where it said to be.
    pub(super) was_reached: bool,
    /// Nobody has heard its beacon here: its mailbox was found where another one was sought.
    pub(super) was_found: bool,
    /// Whether its connection to us is gone.
    pub(super) hung_up: bool,
    /// Whether we have ended its connection to us because it did not answer from where it is reached, and have heard
    /// nothing of it since.
    pub(super) shut: bool,
    /// From where it spoke last, if not from where it is reached.
    pub(super) spoke_from: Option<Host>,
    /// From where it has opened its connection to us again, for sure.
    pub(super) reopened_from: Option<Host>,
    /// When its system first answered for it since it spoke from its place itself.
    pub(super) vouched: Option<Instant>,
    /// Whether it is content with our beacons, how often it has asked all the same, how often it was
    /// reassured since then, and whether it has been taken for content in vain.
    pub(super) is_content: bool,
    pub(super) insisted: u8,
    pub(super) reassured: u16,
    pub(super) was_misjudged: bool,
    /// Whether what was said to it last was a question whether it lives.
    pub(super) is_doubted: bool,
    /// Where its mailbox is.
    pub(super) place: Link,
    /// PINGs that are not answered.
    pub(super) pings: VecDeque<(Instant, Purpose)>,
    /// Tells one life of an id from the next, for timers.
    pub(super) serial: u64,
    /// The outgoing connection; `None` only in [`Phase::Heard`].
    pub(super) channel: Option<Channel>,
    pub(super) name: Name,
    pub(super) headers: Headers,
    /// What they take of the memory that all peers' have together, in octets.
    pub(super) excess: usize,
    pub(super) groups: BTreeSet<GroupName>,
    /// The last message.
    pub(super) traffic: Instant,
    /// The one before it.
    pub(super) traffic_before: Instant,
    /// The last message to it.
    pub(super) said: Instant,
    /// After how long without a message it asks whether we live, if it ever did.
    pub(super) patience: Option<Duration>,
    /// Other places where its beacon was heard.
    pub(super) others: Vec<Place>,
    /// When it was last found at its place, though a beacon of it had not come from there: packets are lost on
    /// the way.
    pub(super) missed: Option<Instant>,
    /// How often it was led to another place since it was last reached, and until when it has time to answer at
    /// the last.
    pub(super) led: u32,
    pub(super) led_until: Instant,
    /// When our last HELLO to it went out.
    pub(super) greeted: Instant,
    /// Our HELLO has answered one of its own, and it has said nothing since that shows that it came.
    pub(super) is_answered: bool,
    /// When it gets our HELLO as an answer to its own, unless it shows before that it knows us.
    pub(super) answer_owed: Option<Instant>,
    /// When it was last asked whether it has moved because it speaks from another address.
    pub(super) heeded: Option<Instant>,
    /// It is heard, and it is not certain that it hears us.
    pub(super) unheard: Option<Unheard>,
    /// When it last got another connection for that.
    pub(super) renewed: Option<Instant>,
    /// When its answer to our first HELLO is due.
    pub(super) answer_due: Option<Instant>,
    pub(super) barrier: Option<Barrier>,
    /// WHISPERs and SHOUTs sent to it that it has not been known to read.
    pub(super) unconfirmed: u64,
    /// Its connection broke; if it is not heard by then, it is gone.
    pub(super) broken: Option<Suspicion>,
    /// When it was found that nobody listens at its mailbox any more.
    pub(super) refused: Option<Instant>,
    /// When it was last asked because of a farewell.
    pub(super) asked_to_stay: Option<Instant>,
    /// When it was last greeted again because of a gap.
    pub(super) last_gap: Option<Instant>,
    /// When it was last greeted again because its status was wrong.
    pub(super) last_doubt: Option<Instant>,
    /// The address under which it is greeted without a beacon.
    pub(super) greeted_as: Option<SocketAddr>,
}

impl Peer {
    pub(super) fn new(now: Instant, serial: u64, place: Link) -> Self {
        Self {
            serial,
            phase: Phase::Heard,
            presence: Presence::Present,
            place,
            channel: None,
            name: Name::lossy(b""),
            headers: Headers::default(),
            excess: 0,
            groups: BTreeSet::new(),
            was_reached: false,
            status: 0,
            expected: Incoming::greeted(1),
            heard: now,
            traffic: now,
            traffic_before: now,
            beacon: None,
            said: now,
            doubts: 0,
            patience: None,
            others: Vec::new(),
            hello_awaited: false,
            missed: None,
            led: 0,
            led_until: now,
            greeted: now,
            out_of_step: false,
            repeats: Repeats::No,
            recent: Recent::default(),
            rechecked: 0,
            greeted_again: 0,
            is_answered: false,
            was_found: false,
            answer_owed: None,
            heeded: None,
            unheard: None,
            renewed: None,
            answer_due: None,
            pings: VecDeque::new(),
            barrier: None,
            unconfirmed: 0,
            confirming: false,
            challenge: None,
            displaced: false,
            broken: None,
            hung_up: false,
            shut: false,
            spoke_from: None,
            reopened_from: None,
            vouched: None,
            is_content: false,
            insisted: 0,
            reassured: 0,
            was_misjudged: false,
            is_doubted: false,
            refused: None,
            farewell: None,
            asked_to_stay: None,
            last_gap: None,
            last_doubt: None,
            greeted_as: None,
        }
    }

    pub(super) fn is_ready(&self) -> bool {
        self.phase == Phase::Ready
    }

    /// Whether packets from it were lost of late: then a beacon that does not come says little.
    pub(super) fn is_hard_to_hear(&self, now: Instant) -> bool {
        self.missed
            .is_some_and(|at| now.duration_since(at) <= HARD_TO_HEAR)
    }

    /// The other place where its beacon was heard, on this host.
    pub(super) fn other_on(&self, host: Host) -> Option<&Link> {
        let mut others = self.others.iter().map(|other| &other.link);
        others.find(|to| Host::from(to.remote) == host)
    }

    /// Whether a beacon of it has named another port within this time: a mailbox has one port, by whatever network
    /// it is reached.
    pub(super) fn is_heard_with_another_mailbox(&self, now: Instant, within: Duration) -> bool {
        let port = self.place.remote.port();
        self.others.iter().any(|other| {
            other.link.remote.port() != port && now.duration_since(other.heard) <= within
        })
    }

    /// Whether it is not certain that it is reached at its place.
    pub(super) const fn is_in_doubt(&self) -> bool {
        self.displaced || self.challenge.is_some()
    }

    /// A question whether it is still at its place has been answered: it is.
    pub(super) fn is_found(&mut self, now: Instant, challenge: &Challenge) {
        if challenge.to.is_some() && !challenge.by_connection && !challenge.by_word {
            self.missed = Some(now);
        }
    }

    /// Whether it gives signs of life, and was not asked for any.
    pub(super) fn is_at_ease(&self) -> bool {
        self.presence == Presence::Present && self.pings.is_empty()
    }

    /// When it was sent the first PING that it could have answered and has not, nothing else having
    /// come from it since.
    pub(super) fn asked_since_traffic(&self) -> Option<Instant> {
        let mut sent = self.pings.iter().map(|(sent, _)| *sent);
        sent.find(|sent| *sent > self.traffic)
    }
}
