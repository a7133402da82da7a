//! The inbound connections: how many there may be, which of them are heard, and which must go.
//!
//! As long as nobody has entered under an id, everybody who claims it is heard. From then on only the
//! connection over which that was said is: another one under the same id waits, gets nothing while
//! the first is there, and takes nothing from it (trap 16). When the first ends, one that waits is
//! heard if it comes from the same address; strangers only after the peer has left. One that proves to be
//! of the same process as the first ([`Ticket`]) takes its place at once, from wherever it comes.
//!
//! No socket is touched here, nor is known what is said: the shell carries out what comes of it.

mod strangers;
mod unheard;

use std::collections::{BTreeMap, VecDeque};
use std::net::SocketAddr;
use std::time::{Duration, Instant};

use self::strangers::Strangers;
use self::unheard::{Due, Unheard};
use super::ticket::{Proof, Ticket};
use super::{Host, PeerId};

/// The name of a connection; later ones have higher numbers.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Token(pub(crate) u64);

/// The inbound connections of a node.
#[derive(Debug)]
pub(crate) struct Connections {
    limits: Most,
    open: BTreeMap<Token, Connection>,
    by_address: BTreeMap<Host, usize>,
    /// When each address may open as many connections at once as it may have.
    rested: BTreeMap<Host, Instant>,
    claims: BTreeMap<PeerId, Claim>,
    strangers: Strangers,
    /// Connections that have to make room, and since when.
    surplus: VecDeque<(Instant, Token)>,
    /// Connections in the order in which they began to wait, to be asked about when they have had
    /// their time.
    young: VecDeque<(Instant, Token)>,
    /// The connections over which nothing was heard, to be ended if that takes too long.
    unheard: Unheard,
    /// Since when the inbox is not read, so that nobody can be heard.
    unread: Option<Instant>,
    last: u64,
}

/// How many connections there may be.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Most {
    pub(crate) per_address: usize,
    /// Of connections by which nobody has entered.
    pub(crate) strangers: usize,
    pub(crate) in_all: usize,
}

#[derive(Debug, Clone, Copy)]
struct Connection {
    remote: Host,
    peer: Option<PeerId>,
    /// It is read to its end, which is no news.
    is_over: bool,
    /// It has proved to be of the process whose peer is heard.
    is_proven: bool,
    tickets: Tickets,
}

/// The ticket that a connection was given, and the one by which it has proved whose it is: its process
/// shows that again if it learns nothing of this one.
type Tickets = [Option<Ticket>; 2];

/// The tickets of a connection that has proved nothing, and is heard behind one with this ticket: whoever had
/// that may still come.
const fn or_last(tickets: Tickets, last: Option<Ticket>) -> Tickets {
    match tickets {
        [own, None] => [own, last],
        both => both,
    }
}

/// Who is at the other end of a connection, as it says itself.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Introduction {
    pub(crate) peer: PeerId,
    /// The ticket that it was given.
    pub(crate) ticket: Ticket,
    /// Where it has come in.
    pub(crate) at: Option<SocketAddr>,
    /// What it shows to have been connected before.
    pub(crate) proof: Option<Proof>,
}

impl Introduction {
    /// By which of these it proves to be of the same process.
    fn proves(&self, tickets: &Tickets) -> Option<Ticket> {
        let (proof, at) = self.proof.zip(self.at)?;
        let mut known = tickets.iter().flatten();
        known
            .find(|known| known.prove(&self.ticket, at) == proof)
            .copied()
    }
}

/// Who speaks, or wants to speak, under an id.
#[derive(Debug, Default)]
struct Claim {
    /// Its peer is heard in both directions, so that its connection is no stranger's.
    is_proven: bool,
    /// Over which connection, from which address, its peer has entered.
    entered: Option<(Option<Token>, Host)>,
    /// Those of that connection, also after its end.
    tickets: Tickets,
    /// All others. They are heard while nobody has entered.
    others: Vec<Token>,
}

/// What becomes of connections.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Verdict {
    /// It is to be read, from now on.
    Hear(Token),
    /// It is not to be read, for now.
    Wait(Token),
    /// It is to be ended.
    End(Token),
    /// It is to be ended when all that is there has been read.
    ReadOut(Token),
    /// The engine is to be asked whether this peer may be behind a connection from there.
    Unheard(PeerId, Host),
    /// What comes next from this peer comes over another connection, from there, which proves to be of
    /// the same process; all that came over the one before has been taken.
    Reopened(PeerId, Host),
}

impl Connections {
    pub(crate) const fn new(limits: Most) -> Self {
        Self {
            limits,
            open: BTreeMap::new(),
            by_address: BTreeMap::new(),
            rested: BTreeMap::new(),
            claims: BTreeMap::new(),
            strangers: Strangers::new(),
            surplus: VecDeque::new(),
            young: VecDeque::new(),
            unheard: Unheard::new(),
            unread: None,
            last: 0,
        }
    }

    /// A connection was accepted; `None` if there are too many.
    pub(crate) fn accepted(&mut self, now: Instant, remote: Host) -> Option<Token> {
        let here = self.by_address.get(&remote).copied().unwrap_or(0);
        if here >= self.limits.per_address {
            return None;
        }
        if self.open.len() >= self.limits.in_all {
            // Whoever is refused now finds room when it comes again: who has many addresses, as anybody has of
            // IPv6, cannot keep all others out.
            self.unheard.hurry(now);
            return None;
        }
        if !self.is_slow_enough(now, remote) {
            return None;
        }
        self.by_address.insert(remote, here + 1);
        self.last += 1;
        let token = Token(self.last);
        self.open.insert(
            token,
            Connection {
                remote,
                peer: None,
                is_over: false,
                is_proven: false,
                tickets: [None; 2],
            },
        );
        self.unheard.add(now, token);
        self.strangers.add(token, remote);
        if self.strangers.count > self.most_strangers() {
            let surplus = self.strangers.take_surplus();
            self.surplus.extend(surplus.map(|token| (now, token)));
        }
        Some(token)
    }

    /// How many strangers there may be: fewer where known peers have many connections, for all together, and
    /// those that go out to as many, are to stay within what a system often allows.
    fn most_strangers(&self) -> usize {
        let known = self.open.len().saturating_sub(self.strangers.count);
        let left = BOTH_WAYS.saturating_sub(2 * known);
        self.limits
            .strangers
            .min(left.max(self.limits.strangers / 2))
    }

    /// The peer has entered, and is heard in both directions: its connection is no stranger's any more.
    #[cfg_attr(
        not(feature = "node"),
        allow(dead_code, reason = "worlds have no more strangers than there may be")
    )]
    pub(crate) fn proven(&mut self, peer: PeerId) {
        let Some(claim) = self.claims.get_mut(&peer) else {
            return;
        };
        claim.is_proven = claim.entered.is_some();
        if let Some((Some(token), _)) = claim.entered
            && let Some(connection) = self.open.get(&token)
        {
            self.strangers.remove(token, connection.remote);
        }
    }

    /// Whether an address has not opened too many connections of late. It may open as many at once as
    /// it may have, and then so many again in [`RESTED`]: what a peer leaves behind when it goes, above
    /// all our connection to it, takes a moment to be gone.
    fn is_slow_enough(&mut self, now: Instant, remote: Host) -> bool {
        let most = u32::try_from(self.limits.per_address).unwrap_or(u32::MAX);
        let step = RESTED / most.max(1);
        let rested = self.rested.get(&remote).copied().unwrap_or(now).max(now) + step;
        if rested > now + RESTED {
            return false;
        }
        self.rested.insert(remote, rested);
        if self.rested.len() > REMEMBERED {
            self.rested.retain(|_, rested| *rested > now);
        }
        true
    }

    /// The other side has said who it is: what becomes of its connection, and of others.
    ///
    /// Of too many that wait, the oldest makes room: they are left over from earlier tries of a peer whose
    /// inbox was not read for long here, and what it says goes over the last one.
    pub(crate) fn introduced(
        &mut self,
        now: Instant,
        token: Token,
        who: &Introduction,
    ) -> Vec<Verdict> {
        let Some(connection) = self.open.get_mut(&token) else {
            return vec![Verdict::End(token)];
        };
        let peer = who.peer;
        let claim = self.claims.entry(peer).or_default();
        let proven = who.proves(&claim.tickets);
        let [last, _] = claim.tickets;
        connection.peer = Some(peer);
        connection.is_proven = proven.is_some();
        connection.tickets = [Some(who.ticket), proven];
        let tickets = connection.tickets;
        let remote = connection.remote;
        if let Some((current @ None, home)) = &mut claim.entered
            && (proven.is_some() || *home == remote)
        {
            (*current, *home) = (Some(token), remote);
            claim.tickets = or_last(tickets, last);
            if claim.is_proven {
                self.strangers.remove(token, remote);
            }
            let reopened = proven.map(|_| Verdict::Reopened(peer, remote));
            return reopened.into_iter().chain([Verdict::Hear(token)]).collect();
        }
        let open = &mut self.open;
        let from_there = |token: &&Token| {
            let other = open.get(token);
            other.is_some_and(|other| other.remote == remote)
        };
        let is_full = claim.others.iter().filter(from_there).count() >= CLAIMS;
        let Some((current, home)) = &mut claim.entered else {
            if is_full {
                return vec![Verdict::End(token)];
            }
            claim.others.push(token);
            return vec![Verdict::Hear(token)];
        };
        let mut verdicts = vec![Verdict::Wait(token)];
        let oldest = claim.others.iter().filter(from_there).min().copied();
        if let Some(oldest) = oldest.filter(|_| is_full) {
            claim.others.retain(|other| *other != oldest);
            if let Some(connection) = open.get_mut(&oldest) {
                connection.peer = None;
            }
            verdicts.push(Verdict::End(oldest));
        }
        claim.others.push(token);
        // One that was opened before the one that is heard, and comes late, is over, most likely: it is asked about.
        if let Some(before) = current.filter(|before| proven.is_some() && *before < token) {
            *home = remote;
            verdicts.push(Verdict::ReadOut(before));
        } else {
            self.young.push_back((now, token));
        }
        verdicts
    }

    /// A message was read from it.
    pub(crate) fn heard(&mut self, token: Token) {
        self.unheard.remove(token);
    }

    /// The peer has entered by what it said over this connection: all others wait. If that is another
    /// one's, it has entered by what it said before, over the last of its own that was heard.
    pub(crate) fn entered(
        &mut self,
        now: Instant,
        peer: PeerId,
        token: Option<Token>,
    ) -> Vec<Verdict> {
        let is_its = |token: &Token| self.open.get(token).is_some_and(|it| it.peer == Some(peer));
        let heard = || {
            let its = self.claims.get(&peer)?.others.iter().copied();
            its.filter(|token| !self.unheard.contains(*token)).max()
        };
        let Some(token) = token.filter(is_its).or_else(heard) else {
            return Vec::new();
        };
        let Some((remote, tickets)) = self.open.get(&token).map(|it| (it.remote, it.tickets))
        else {
            return Vec::new();
        };
        let Some(claim) = self.claims.get_mut(&peer) else {
            return Vec::new();
        };
        if claim.entered.is_some() {
            return Vec::new();
        }
        claim.others.retain(|other| *other != token);
        // There is hardly ever another one again.
        claim.others.shrink_to_fit();
        claim.entered = Some((Some(token), remote));
        claim.tickets = tickets;
        let mut verdicts = self.end_older(peer, token, remote);
        let waiting = self.claims.get(&peer).into_iter();
        let waiting = waiting.flat_map(|claim| claim.others.iter().copied());
        for other in waiting {
            self.young.push_back((now, other));
            verdicts.push(Verdict::Wait(other));
        }
        verdicts
    }

    /// Ends what was opened before `token` under the same id from the same address: it is left over from
    /// earlier, and what it brings is old.
    fn end_older(&mut self, peer: PeerId, token: Token, address: Host) -> Vec<Verdict> {
        let Some(claim) = self.claims.get_mut(&peer) else {
            return Vec::new();
        };
        let open = &mut self.open;
        let is_older = |other: &mut Token| {
            *other < token && open.get(other).is_some_and(|it| it.remote == address)
        };
        let older: Vec<Token> = claim.others.extract_if(.., is_older).collect();
        for other in &older {
            if let Some(connection) = self.open.get_mut(other) {
                connection.peer = None;
            }
        }
        older.into_iter().map(Verdict::End).collect()
    }

    /// The peer has left: whoever claims its id may be somebody.
    pub(crate) fn left(&mut self, peer: PeerId) -> Vec<Verdict> {
        let Some(claim) = self.claims.get_mut(&peer) else {
            return Vec::new();
        };
        let mut verdicts: Vec<Verdict> = claim
            .others
            .iter()
            .map(|other| Verdict::Hear(*other))
            .collect();
        claim.is_proven = false;
        claim.tickets = [None; 2];
        if let Some((Some(current), _)) = claim.entered.take() {
            match self.open.get_mut(&current) {
                Some(connection) if connection.is_over => {
                    connection.peer = None;
                    verdicts.push(Verdict::End(current));
                }
                Some(connection) => {
                    claim.others.push(current);
                    self.strangers.add(current, connection.remote);
                }
                None => claim.others.push(current),
            }
        }
        if claim.others.is_empty() {
            self.claims.remove(&peer);
        }
        verdicts
    }

    /// A connection is gone. Says whose it was, if the engine has to be told, and what follows.
    pub(crate) fn ended(&mut self, token: Token) -> (Option<PeerId>, Vec<Verdict>) {
        let nothing = (None, Vec::new());
        let Some(connection) = self.open.remove(&token) else {
            return nothing;
        };
        self.unheard.remove(token);
        self.strangers.remove(token, connection.remote);
        if let Some(here) = self.by_address.get_mut(&connection.remote) {
            *here -= 1;
            if *here == 0 {
                self.by_address.remove(&connection.remote);
            }
        }
        let Some((peer, claim)) = connection
            .peer
            .and_then(|peer| Some((peer, self.claims.get_mut(&peer)?)))
        else {
            return nothing;
        };
        claim.others.retain(|other| *other != token);
        match &mut claim.entered {
            None => {
                if claim.others.is_empty() {
                    self.claims.remove(&peer);
                }
                nothing
            }
            Some((current, home)) if *current == Some(token) => {
                *current = None;
                let home = *home;
                let mut verdicts = self.succeed(peer, home, token);
                if verdicts.is_empty() && connection.is_over {
                    // The peer was not behind it: so what was opened before it is not over for that.
                    verdicts = self.succeed(peer, home, Token(0));
                }
                let is_reopened = verdicts.contains(&Verdict::Reopened(peer, home));
                let is_news = !connection.is_over && !is_reopened;
                (is_news.then_some(peer), verdicts)
            }
            Some(_) => nothing,
        }
    }

    /// Lets those that wait, were opened after the one that is gone, and come from this address, take its
    /// place, in the order in which they were opened: all but the last are over, and what they brought
    /// has been taken from their sender.
    fn succeed(&mut self, peer: PeerId, address: Host, after: Token) -> Vec<Verdict> {
        let open = &self.open;
        let claim = self.claims.get_mut(&peer);
        let is_proven = claim.as_ref().is_some_and(|claim| claim.is_proven);
        let Some((claim, tickets, (current @ None, home))) = claim.and_then(|claim| {
            let entered = claim.entered.as_mut()?;
            let current = (&mut entered.0, &mut entered.1);
            Some((&mut claim.others, &mut claim.tickets, current))
        }) else {
            return Vec::new();
        };
        *home = address;
        let from_there = |token: &Token| {
            let waiting = open.get(token);
            waiting.filter(|waiting| *token > after && waiting.remote == address)
        };
        let is_proven_there = |token: &Token| from_there(token).is_some_and(|it| it.is_proven);
        // Beside one that proves to be the peer's own, others are strangers'.
        let has_proven = claim.iter().any(is_proven_there);
        let is_next =
            |token: &Token| from_there(token).is_some_and(|it| it.is_proven || !has_proven);
        let next = || claim.iter().copied().filter(is_next);
        let Some((token, last)) = next().min().zip(next().max()) else {
            return Vec::new();
        };
        claim.retain(|other| *other != token);
        *current = Some(token);
        let next = self.open.get(&token);
        let is_reopened = next.is_some_and(|next| next.is_proven);
        let [before, _] = *tickets;
        *tickets = next.map_or([None; 2], |next| or_last(next.tickets, before));
        if is_proven {
            self.strangers.remove(token, address);
        }
        let mut verdicts = self.end_older(peer, token, address);
        if is_reopened {
            verdicts.push(Verdict::Reopened(peer, address));
        }
        verdicts.push(Verdict::Hear(token));
        if token != last {
            if let Some(connection) = self.open.get_mut(&token) {
                connection.is_over = true;
            }
            verdicts.push(Verdict::ReadOut(token));
        }
        verdicts
    }

    /// The peer is not behind its connection any more, but perhaps behind one from this address. What it
    /// has said before comes before what it says there. The engine is asked once more about all that wait: it may be
    /// behind none from there.
    pub(crate) fn hang_up(&mut self, now: Instant, peer: PeerId, address: Host) -> Vec<Verdict> {
        let Some(claim) = self.claims.get_mut(&peer) else {
            return Vec::new();
        };
        self.young
            .extend(claim.others.iter().map(|other| (now, *other)));
        let Some((current, home)) = &mut claim.entered else {
            return Vec::new();
        };
        let Some(token) = *current else {
            return self.succeed(peer, address, Token(0));
        };
        *home = address;
        if let Some(connection) = self.open.get_mut(&token) {
            connection.is_over = true;
        }
        vec![Verdict::ReadOut(token)]
    }

    /// The inbox is read, or not: while it is not, nobody can be heard, and that time is held against
    /// nobody.
    pub(crate) fn set_reading(&mut self, now: Instant, reading: bool) {
        if !reading {
            self.unread.get_or_insert(now);
        } else if let Some(unread) = self.unread.take() {
            let pause = now.saturating_duration_since(unread);
            self.unheard.pause(now, pause);
        }
    }

    /// When [`Connections::handle_timeout`] is wanted.
    pub(crate) fn poll_timeout(&self) -> Option<Instant> {
        let young = self.young.front().map(|(since, _)| *since + YOUNG);
        let unheard = self.unheard.next();
        let surplus = self.surplus.front().map(|(since, _)| *since);
        [surplus, young, unheard.filter(|_| self.unread.is_none())]
            .into_iter()
            .flatten()
            .min()
    }

    /// Time has passed. To be asked until it has nothing to say.
    pub(crate) fn handle_timeout(&mut self, now: Instant) -> Option<Verdict> {
        while let Some((_, token)) = self.surplus.pop_front() {
            if self.open.contains_key(&token) {
                return Some(Verdict::End(token));
            }
        }
        let is_due = |(since, _): &mut (Instant, Token)| now >= *since + YOUNG;
        while let Some((_, token)) = self.young.pop_front_if(is_due) {
            if let Some((peer, remote)) = self.is_waiting(token) {
                return Some(Verdict::Unheard(peer, remote));
            }
        }
        if self.unread.is_some() {
            return None;
        }
        loop {
            match self.unheard.take_due(now)? {
                Due::First(token, since) if !self.is_in_the_way(token) => {
                    self.unheard.bear(token, since);
                }
                Due::First(token, _) | Due::Last(token) => return Some(Verdict::End(token)),
            }
        }
    }

    /// Whether others from the address of a connection may soon want its place.
    fn is_in_the_way(&self, token: Token) -> bool {
        let remote = self.open.get(&token).map(|connection| connection.remote);
        let here = remote.and_then(|remote| self.by_address.get(&remote));
        here.is_some_and(|here| here * 2 >= self.limits.per_address)
    }

    fn is_waiting(&self, token: Token) -> Option<(PeerId, Host)> {
        let connection = self.open.get(&token)?;
        let peer = connection.peer?;
        let (current, _) = self.claims.get(&peer)?.entered?;
        (current != Some(token)).then_some((peer, connection.remote))
    }
}

/// Connections under one id that wait, or are heard before anybody has entered, from one address: more
/// than a peer that opens its connection again can leave behind.
const CLAIMS: usize = 8;

/// From how many connections of known peers on, those that go out to them counted as well, there may be
/// fewer of strangers: of 1,000 descriptors, what is left by 256 dials to unproven peers and the rest of a
/// process.
const BOTH_WAYS: usize = 700;

/// How long it takes an address to be allowed as many new connections again as it may have.
const RESTED: Duration = Duration::from_secs(2);

/// Addresses that are remembered for their connections, before those that have rested are forgotten.
const REMEMBERED: usize = 1_024;

/// How long a connection waits before the engine is asked about it.
const YOUNG: Duration = Duration::from_millis(100);

#[cfg(test)]
mod tests;
