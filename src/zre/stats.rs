//! What was counted: [`Stats`]. Every refusal has its own reason here.

/// Counters of a node since its start. Nothing is dropped or refused without being counted here.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct Stats {
    /// Messages (of all kinds) that were taken in and understood.
    pub received: u64,
    /// Messages (of all kinds) that were handed to a connection.
    pub sent: u64,
    /// Beacons taken in and understood, our own left out.
    pub beacons: u64,
    /// Datagrams that are no beacon, or of another version.
    pub bad_beacons: u64,
    /// Messages that could not be decoded, or were larger than the limits.
    pub bad_messages: u64,
    /// Connections ended under a routing id that is not that of a ZRE peer, and messages under our own.
    pub bad_origins: u64,
    /// Messages of peers that had not said HELLO before.
    pub unknown_peers: u64,
    /// Messages out of sequence: something before them is lost, and the peer was greeted again.
    pub gaps: u64,
    /// Messages that have come twice, since their sender could not know that they had come before its
    /// connection ended.
    pub repeated: u64,
    /// JOINs and LEAVEs whose status is not what the peer's earlier ones add up to.
    pub wrong_status: u64,
    /// Groups and headers of HELLOs that were left out because of the limits.
    pub left_out: u64,
    /// Groups beyond the limits, of one peer or of all, in HELLO and JOIN.
    pub too_many_groups: u64,
    /// New peers beyond the limit of proven ones.
    pub too_many_peers: u64,
    /// New peers beyond the limits of unproven ones, in all or for one address, or at a place where
    /// another is being dialled.
    pub too_many_unproven: u64,
    /// Beacons and HELLOs of peers that this node was told to stay away from.
    pub dismissed: u64,
    /// Farewells that did not come from the peer's own address.
    pub forged_farewells: u64,
    /// Farewells from a connected peer's own address that it has refuted by answering.
    pub refuted_farewells: u64,
    /// Claims that a connected peer is somewhere else, which the peer itself refuted by answering.
    pub refuted_moves: u64,
    /// PING-OKs left out because the peer takes nothing.
    pub unanswered_pings: u64,
    /// Inbound connections refused because their address has too many.
    pub refused_connections: u64,
    /// Inbound connections closed because nothing that is heard came over them.
    pub closed_unheard: u64,
    /// Inbound connections ended because what came over them is not ZMTP, or a frame larger than the
    /// limit.
    pub violations: u64,
    /// Inbound connections ended because messages that were not complete held too much memory.
    pub closed_unfinished: u64,
    /// Connections to mailboxes closed because those sent messages, or said something that is not
    /// ZMTP, or too much.
    pub sending_mailboxes: u64,
    /// Sightings dropped because the mesh thread did not keep up; the next beacon comes in a second.
    pub dropped_sightings: u64,
    /// Messages to peers that were not handed over; each was also told by an event.
    pub undelivered: u64,
}
