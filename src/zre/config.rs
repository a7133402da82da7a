//! The settings of the protocol: [`Timing`] and [`Limits`], each default with its reason.

use std::time::Duration;

/// When a node does what. All defaults are those of RFC 36 or of Zyre.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct Timing {
    /// Between two beacons. One second (RFC 36): a peer that misses one hears the next soon enough.
    pub interval: Duration,
    /// How long neither beacon nor traffic may come from a peer before it is asked by a PING. Five
    /// seconds: a Wi-Fi that swallows four broadcasts in a row is common.
    pub evasive: Duration,
    /// How long nothing may come from a peer before it is called silent. Ten seconds.
    pub silent: Duration,
    /// How long nothing may come from a peer before it counts as gone. Thirty seconds: long enough
    /// for a roaming laptop.
    pub expired: Duration,
    /// How long an evasive peer has to answer its PING before [`Event::Evasive`](super::Event). One
    /// second.
    pub answer: Duration,
    /// How long the old place of a peer has to answer when something speaks for a new one: half a
    /// second, since whoever claims a peer's id must not win against one that answers.
    pub challenge: Duration,
    /// How long a peer whose connection broke has to be heard again before it counts as gone. Five
    /// seconds, as long as a quiet one has before it is asked: where every third packet is lost, it may
    /// take three tries, at growing distances, until there is a new connection. A process that has ended
    /// is not waited for: nobody listens at its mailbox any more, and whoever dials there is told so.
    pub broken: Duration,
    /// How long a peer has to answer whether it is still there, after a farewell that may not be its own,
    /// unless its connection ends before: 90 ms, so that a clean leave is told within 100. What comes
    /// meanwhile is read, since the farewell is a datagram and overtakes what was sent before it (trap 15);
    /// and while something comes, it is waited for up to the time of a challenge.
    pub farewell: Duration,
    /// How long nothing may come from a peer after its farewell until it counts as read empty.
    pub farewell_quiet: Duration,
}

impl Default for Timing {
    fn default() -> Self {
        Self {
            interval: Duration::from_secs(1),
            evasive: Duration::from_secs(5),
            silent: Duration::from_secs(10),
            expired: Duration::from_secs(30),
            answer: Duration::from_secs(1),
            challenge: Duration::from_millis(500),
            broken: Duration::from_secs(5),
            farewell: Duration::from_millis(90),
            farewell_quiet: Duration::from_millis(20),
        }
    }
}

/// What a node takes from a network of strangers before it refuses more. Every refusal is counted
/// in [`Stats`](super::Stats).
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct Limits {
    /// Peers that have proven themselves by a HELLO over their own connection. 10,000: about 70 KB
    /// each, and the most that descriptors allow.
    pub peers: usize,
    /// Peers that are heard in one direction only, in all: a beacon, or a HELLO of somebody who takes no
    /// connection. 256: each costs a socket that dials out. Whoever says HELLO gets in all the same, and
    /// another one makes room. Since a newcomer to a large network is greeted by all at once, 128 more may
    /// be here for a tenth of a second, and 4,096 for three seconds where no host has several. A quarter
    /// beside that is for addresses where somebody was proven within ten minutes, four each.
    pub unproven: usize,
    /// The same from one source address. 64: hosts with many nodes prove them faster than that.
    pub unproven_per_address: usize,
    /// Connections being dialled to unproven peers at a time, whose hosts have not answered. 64: a forged beacon
    /// must not turn a network of listeners into a flood against a victim. The others wait for their turn. A quarter
    /// beside that is for addresses where somebody was proven within ten minutes, four each.
    pub dials: usize,
    /// The same to one address where nobody has proven itself, until somebody there says something. 4: one more
    /// for each that has, so that a host with many nodes is met as fast as they answer.
    pub dials_per_address: usize,
    /// How long no more than one connection is dialled at a time to an address, after a dial there was
    /// in vain: twice as long, and twice that for each further one in a row, up to 64 times; as soon as
    /// one is answered, no longer at all. 500 ms: one new peer a second at first, then one in 32.
    pub dial_pause: Duration,
    /// Inbound connections from one address that are open at a time, and half as many new ones a
    /// second. 200: a host with that many nodes is a test, and each peer costs two descriptors, of
    /// which a system often allows 1,024.
    pub connections_per_address: usize,
    /// Inbound connections, of all addresses together, by which nobody has entered who is known to hear us.
    /// 512, or as many as one address may have, if that is more: whoever has many addresses must not take
    /// all descriptors of a system that allows 1,024. Beyond it the oldest one is ended, at the address that
    /// has most. Where known peers have hundreds of connections, there may be half as many.
    pub connections_of_strangers: usize,
    /// The largest frame that is received, in octets. 16 MiB: larger things are sent in pieces.
    pub frame_octets: usize,
    /// The most content frames a message has. 1,024.
    pub frames: usize,
    /// The most octets of a message, all its frames together. 17 MiB: a frame of the largest size, and
    /// some beside it.
    pub message_octets: usize,
    /// Memory, in octets, that messages may hold whose last frame has not come, of all connections
    /// together. 20 MiB, so that the largest message fits while others come, and the process stays below
    /// 96 MiB with what the allocator keeps; then the connection that holds most is ended, at the
    /// address that does.
    pub unfinished_octets: usize,
    /// The most groups that a peer is known to be in. 1,024; JOINs beyond it are ignored.
    pub groups_per_peer: usize,
    /// The most groups that are known of all peers together. 10,000, as many as peers; what a peer joins
    /// beyond them is ignored.
    pub groups: usize,
    /// The most memberships in groups, of all peers together. 50,000, some 150 octets each; beyond it a
    /// peer may be in 16 groups, and what else it joins is ignored.
    pub memberships: usize,
    /// The most headers in a HELLO that are kept; those beyond it are left out. 256.
    pub headers: usize,
    /// The longest header value that is kept, in octets; the header is left out otherwise. 16 KiB.
    pub header_octets: usize,
    /// The most octets of header names and values together that are kept of a HELLO; what is beyond is
    /// left out. 64 KiB: every peer's are kept as long as it is here.
    pub headers_octets: usize,
    /// Memory, in octets, for what peers have of headers beyond the first 2 KiB of each, of all together.
    /// 8 MiB: far more than anybody uses, and bounded however many addresses a host has. A HELLO for which
    /// there is no room keeps its first 2 KiB.
    pub headers_octets_in_all: usize,
    /// Octets queued to a peer that takes them slowly. 8 MiB: a second of gigabit is 125 MB, so this
    /// bridges hiccups, not absences.
    pub queued_octets: usize,
    /// Octets queued to all peers together. 24 MiB, or what one may have, if that is more; while there are
    /// as many, each peer may have its equal part of them, so that hundreds that take nothing cost no more
    /// than twice as much, and hold nobody up who takes something.
    pub queued_octets_in_all: usize,
    /// Protocol messages (JOIN, PING-OK, HELLO …) queued to a peer that takes nothing. 1,000; a
    /// PING-OK beyond it is left out, anything else ends the peer, since its view of us is lost.
    pub queued_control: usize,
    /// Addresses that are greeted without a beacon. 256.
    pub statics: usize,
    /// Peers that are ignored after they were dismissed, by id and by where they were. 1,024; the oldest
    /// is forgotten.
    pub dismissed: usize,
    /// Events that wait for a slow application. 4,096; then its inbox is not read, and senders wait.
    pub events: usize,
    /// Octets of content in those events. 32 MiB.
    pub event_octets: usize,
    /// Actions that wait for the node. 1,024; then the caller waits, or is told.
    pub actions: usize,
    /// Octets of content in those actions. 8 MiB.
    pub action_octets: usize,
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            peers: 10_000,
            unproven: 256,
            unproven_per_address: 64,
            dials: 64,
            dials_per_address: 4,
            dial_pause: Duration::from_millis(500),
            connections_per_address: 200,
            connections_of_strangers: 512,
            frame_octets: 16 << 20,
            frames: 1_024,
            message_octets: 17 << 20,
            unfinished_octets: 20 << 20,
            groups_per_peer: 1_024,
            groups: 10_000,
            memberships: 50_000,
            headers: 256,
            header_octets: 16 << 10,
            headers_octets: 64 << 10,
            headers_octets_in_all: 8 << 20,
            queued_octets: 8 << 20,
            queued_octets_in_all: 24 << 20,
            queued_control: 1_000,
            statics: 256,
            dismissed: 1_024,
            events: 4_096,
            event_octets: 32 << 20,
            actions: 1_024,
            action_octets: 8 << 20,
        }
    }
}
