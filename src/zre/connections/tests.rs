//! Connections that come and go, in virtual time.

use std::net::{IpAddr, Ipv4Addr};

use super::*;

const HOME: Host = host(2);
const ELSEWHERE: Host = host(66);

const fn host(number: u8) -> Host {
    Host {
        address: IpAddr::V4(Ipv4Addr::new(10, 0, 0, number)),
        scope: 0,
    }
}

/// Our mailbox.
const HERE: SocketAddr = SocketAddr::new(IpAddr::V4(Ipv4Addr::new(10, 0, 0, 1)), 49_152);

/// What a connection is given.
fn ticket(token: Token) -> Ticket {
    Ticket::from(u128::from(token.0).to_be_bytes())
}

struct Book {
    connections: Connections,
    now: Instant,
}

fn bob() -> PeerId {
    PeerId::from_bytes([2; 16])
}

impl Book {
    fn new() -> Self {
        Self::with(Most {
            per_address: 100,
            strangers: 1_000,
            in_all: 1_000,
        })
    }

    fn with(limits: Most) -> Self {
        Self {
            connections: Connections::new(limits),
            now: epoch(),
        }
    }

    fn accept(&mut self, remote: Host) -> Token {
        self.connections
            .accepted(self.now, remote)
            .expect("there is room")
    }

    /// A connection under bob's id, and what becomes of it.
    fn as_bob(&mut self, remote: Host) -> (Token, Verdict) {
        let token = self.accept(remote);
        let mut verdicts = self.introduce(token, None).into_iter();
        let first = verdicts.next().expect("it is heard, waits or is ended");
        assert_eq!(verdicts.next(), None);
        (token, first)
    }

    /// It says that it is bob's, and shows this ticket of an earlier one.
    fn introduce(&mut self, token: Token, earlier: Option<Ticket>) -> Vec<Verdict> {
        self.introduce_as(bob(), token, earlier)
    }

    fn introduce_as(
        &mut self,
        peer: PeerId,
        token: Token,
        earlier: Option<Ticket>,
    ) -> Vec<Verdict> {
        let who = Introduction {
            peer,
            ticket: ticket(token),
            at: Some(HERE),
            proof: earlier.map(|earlier| earlier.prove(&ticket(token), HERE)),
        };
        self.connections.introduced(self.now, token, &who)
    }

    /// Another connection of the process that had this one, and what becomes of both.
    fn reopen(&mut self, before: Token, remote: Host) -> (Token, Vec<Verdict>) {
        let token = self.accept(remote);
        (token, self.introduce(token, Some(ticket(before))))
    }

    /// Bob has entered.
    fn enter(&mut self) -> Token {
        let (token, _) = self.as_bob(HOME);
        self.connections.heard(token);
        assert_eq!(self.connections.entered(self.now, bob(), Some(token)), []);
        token
    }

    fn pass(&mut self, time: Duration) -> Vec<Verdict> {
        self.now += time;
        let mut verdicts = Vec::new();
        while let Some(verdict) = self.connections.handle_timeout(self.now) {
            verdicts.push(verdict);
        }
        verdicts
    }
}

fn epoch() -> Instant {
    #[allow(
        clippy::disallowed_methods,
        reason = "virtual time has to begin at some time"
    )]
    Instant::now()
}

const fn ms(milliseconds: u64) -> Duration {
    Duration::from_millis(milliseconds)
}

#[test]
fn until_somebody_has_entered_everybody_is_heard_and_then_nobody_else() {
    let mut book = Book::new();
    let (silent, verdict) = book.as_bob(ELSEWHERE);
    assert_eq!(verdict, Verdict::Hear(silent));
    let (token, verdict) = book.as_bob(HOME);
    assert_eq!(verdict, Verdict::Hear(token));
    let waits = book.connections.entered(book.now, bob(), Some(token));
    assert_eq!(waits, [Verdict::Wait(silent)]);
    let (late, verdict) = book.as_bob(HOME);
    assert_eq!(verdict, Verdict::Wait(late));
}

#[test]
fn trap_16_after_the_end_one_from_the_same_address_is_heard_and_no_stranger() {
    let mut book = Book::new();
    let token = book.enter();
    let (_, verdict) = book.as_bob(ELSEWHERE);
    assert!(matches!(verdict, Verdict::Wait(_)));
    assert_eq!(book.connections.ended(token), (Some(bob()), Vec::new()));
    let (_, verdict) = book.as_bob(ELSEWHERE);
    assert!(matches!(verdict, Verdict::Wait(_)));
    let (again, verdict) = book.as_bob(HOME);
    assert_eq!(verdict, Verdict::Hear(again));
    // The same, if it comes before the end.
    let (third, verdict) = book.as_bob(HOME);
    assert_eq!(verdict, Verdict::Wait(third));
    assert_eq!(
        book.connections.ended(again),
        (Some(bob()), vec![Verdict::Hear(third)])
    );
}

#[test]
fn a_stranger_is_heard_after_the_peer_has_left() {
    let mut book = Book::new();
    let token = book.enter();
    let (stranger, _) = book.as_bob(ELSEWHERE);
    book.connections.ended(token);
    assert_eq!(book.connections.left(bob()), [Verdict::Hear(stranger)]);
    assert_eq!(
        book.connections.entered(book.now, bob(), Some(stranger)),
        []
    );
    assert_eq!(book.connections.ended(stranger), (Some(bob()), Vec::new()));
    assert_eq!(book.connections.left(bob()), []);
    assert!(book.connections.claims.is_empty());
}

#[test]
fn a_peer_that_has_left_over_a_connection_that_goes_on_may_enter_over_it_again() {
    let mut book = Book::new();
    let token = book.enter();
    assert_eq!(book.connections.left(bob()), []);
    let (other, verdict) = book.as_bob(HOME);
    assert_eq!(verdict, Verdict::Hear(other));
    assert_eq!(
        book.connections.entered(book.now, bob(), Some(token)),
        [Verdict::Wait(other)]
    );
}

#[test]
fn a_peer_that_is_hung_up_is_heard_from_the_address_where_it_is_now() {
    let mut book = Book::new();
    let token = book.enter();
    let (moved, _) = book.as_bob(ELSEWHERE);
    let verdicts = book.connections.hang_up(book.now, bob(), ELSEWHERE);
    assert_eq!(verdicts, [Verdict::ReadOut(token)]);
    assert_eq!(
        book.connections.ended(token),
        (None, vec![Verdict::Hear(moved)]),
        "that was wanted"
    );
    // Or its connection from there is still to come.
    let verdicts = book.connections.hang_up(book.now, bob(), HOME);
    assert_eq!(verdicts, [Verdict::ReadOut(moved)]);
    assert_eq!(book.connections.ended(moved), (None, Vec::new()));
    let (again, verdict) = book.as_bob(HOME);
    assert_eq!(verdict, Verdict::Hear(again));
}

#[test]
fn whoever_waits_elsewhere_than_where_a_peer_is_looked_for_is_asked_about_once_more() {
    let mut book = Book::new();
    let token = book.enter();
    let (waiting, _) = book.as_bob(ELSEWHERE);
    let question = [Verdict::Unheard(bob(), ELSEWHERE)];
    assert_eq!(book.pass(ms(100)), question);
    assert_eq!(book.pass(ms(500)), []);
    let verdicts = book.connections.hang_up(book.now, bob(), HOME);
    assert_eq!(verdicts, [Verdict::ReadOut(token)]);
    assert_eq!(book.connections.ended(token), (None, Vec::new()));
    assert_eq!(book.pass(ms(100)), question);
    let verdicts = book.connections.hang_up(book.now, bob(), ELSEWHERE);
    assert_eq!(verdicts, [Verdict::Hear(waiting)]);
    assert_eq!(book.pass(ms(100)), [], "it is heard");
}

#[test]
fn whoever_proves_to_be_the_peer_takes_the_place_of_its_connection_from_wherever_it_comes() {
    let mut book = Book::new();
    let token = book.enter();
    let (moved, verdicts) = book.reopen(token, ELSEWHERE);
    assert_eq!(verdicts, [Verdict::Wait(moved), Verdict::ReadOut(token)]);
    // What it has said before comes first; that the connection has ended is no news.
    let reopened = vec![Verdict::Reopened(bob(), ELSEWHERE), Verdict::Hear(moved)];
    assert_eq!(book.connections.ended(token), (None, reopened));
    assert_eq!(book.pass(ms(100)), [], "nobody has to be asked");
}

#[test]
fn whoever_proves_to_be_the_peer_is_heard_at_once_after_the_end_of_its_connection() {
    let mut book = Book::new();
    let token = book.enter();
    assert_eq!(book.connections.ended(token), (Some(bob()), Vec::new()));
    let (moved, verdicts) = book.reopen(token, ELSEWHERE);
    let reopened = [Verdict::Reopened(bob(), ELSEWHERE), Verdict::Hear(moved)];
    assert_eq!(verdicts, reopened);
    // That is its home from now on, for those as well that prove nothing.
    assert_eq!(book.connections.ended(moved), (Some(bob()), Vec::new()));
    let (again, verdict) = book.as_bob(ELSEWHERE);
    assert_eq!(verdict, Verdict::Hear(again));
}

#[test]
fn a_ticket_serves_again_until_the_next_one_is_known_to_have_come() {
    let mut book = Book::new();
    let first = book.enter();
    book.connections.ended(first);
    let (second, _) = book.reopen(first, ELSEWHERE);
    // Its process has learned nothing of the second, or everything.
    for known in [first, second] {
        let (third, verdicts) = book.reopen(known, HOME);
        assert_eq!(
            verdicts.first(),
            Some(&Verdict::Wait(third)),
            "by {known:?}"
        );
        assert_eq!(verdicts.get(1), Some(&Verdict::ReadOut(second)));
    }
}

#[test]
fn a_proof_of_another_connection_ticket_or_place_is_none() {
    let mut book = Book::new();
    let token = book.enter();
    let (waiting, _) = book.as_bob(ELSEWHERE);
    // The ticket of one that has only waited, and one that nobody was given.
    for not_its_own in [ticket(waiting), Ticket::from([7; 16])] {
        let stranger = book.accept(ELSEWHERE);
        let verdicts = book.introduce(stranger, Some(not_its_own));
        assert_eq!(verdicts, [Verdict::Wait(stranger)]);
    }
    // One that was shown elsewhere, or over another connection, and is passed on.
    let elsewhere = SocketAddr::new(ELSEWHERE.address, HERE.port());
    for is_here in [true, false] {
        let stranger = book.accept(ELSEWHERE);
        let seal = if is_here {
            ticket(token).prove(&ticket(token), HERE)
        } else {
            ticket(token).prove(&ticket(stranger), elsewhere)
        };
        let who = Introduction {
            peer: bob(),
            ticket: ticket(stranger),
            at: Some(HERE),
            proof: Some(seal),
        };
        let verdicts = book.connections.introduced(book.now, stranger, &who);
        assert_eq!(verdicts, [Verdict::Wait(stranger)]);
    }
    // Nor is one of a peer that has left.
    book.connections.left(bob());
    book.connections.ended(token);
    let next = book.accept(HOME);
    book.introduce(next, None);
    book.connections.heard(next);
    book.connections.entered(book.now, bob(), Some(next));
    let (late, verdicts) = book.reopen(token, HOME);
    assert_eq!(verdicts, [Verdict::Wait(late)]);
}

#[test]
fn a_connection_that_was_opened_before_the_one_that_is_heard_does_not_take_its_place() {
    let mut book = Book::new();
    let first = book.enter();
    let late = book.accept(ELSEWHERE);
    let (second, _) = book.reopen(first, ELSEWHERE);
    book.connections.ended(first);
    let verdicts = book.introduce(late, Some(ticket(first)));
    assert_eq!(verdicts, [Verdict::Wait(late)]);
    assert_eq!(book.connections.ended(second), (Some(bob()), Vec::new()));
}

#[test]
fn of_several_that_prove_it_the_last_is_heard_and_what_the_others_brought_comes_before() {
    let mut book = Book::new();
    let first = book.enter();
    let (second, _) = book.reopen(first, ELSEWHERE);
    let (third, _) = book.reopen(first, ELSEWHERE);
    let (told, verdicts) = book.connections.ended(first);
    assert_eq!(told, None);
    let reopened = Verdict::Reopened(bob(), ELSEWHERE);
    let read_out = [reopened, Verdict::Hear(second), Verdict::ReadOut(second)];
    assert_eq!(verdicts, read_out);
    let (told, verdicts) = book.connections.ended(second);
    assert_eq!(
        (told, verdicts),
        (None, vec![reopened, Verdict::Hear(third)])
    );
}

#[test]
fn beside_a_connection_that_proves_it_others_from_there_are_strangers() {
    for is_first in [true, false] {
        let mut book = Book::new();
        let first = book.enter();
        let before = is_first.then(|| book.as_bob(ELSEWHERE).0);
        let (second, _) = book.reopen(first, ELSEWHERE);
        let after = (!is_first).then(|| book.as_bob(ELSEWHERE).0);
        let (told, verdicts) = book.connections.ended(first);
        assert_eq!(told, None);
        let end = before.map(Verdict::End);
        let reopened = [Verdict::Reopened(bob(), ELSEWHERE), Verdict::Hear(second)];
        let expected: Vec<Verdict> = end.into_iter().chain(reopened).collect();
        assert_eq!(verdicts, expected);
        // It may wait, for whatever that is good for.
        assert!(after.is_none_or(|after| book.connections.is_waiting(after).is_some()));
    }
}

#[test]
fn whoever_is_heard_without_a_proof_does_not_take_it_from_the_one_before() {
    let mut book = Book::new();
    let first = book.enter();
    book.connections.ended(first);
    let (stranger, verdict) = book.as_bob(HOME);
    assert_eq!(
        verdict,
        Verdict::Hear(stranger),
        "it comes from the same host"
    );
    let (second, verdicts) = book.reopen(first, HOME);
    assert_eq!(
        verdicts,
        [Verdict::Wait(second), Verdict::ReadOut(stranger)]
    );
}

#[test]
fn what_is_left_in_the_connection_of_a_peer_that_has_left_is_not_read() {
    let mut book = Book::new();
    let token = book.enter();
    let (again, _) = book.as_bob(HOME);
    book.connections.hang_up(book.now, bob(), HOME);
    let verdicts = book.connections.left(bob());
    assert_eq!(verdicts, [Verdict::Hear(again), Verdict::End(token)]);
    assert_eq!(book.connections.ended(token), (None, Vec::new()));
}

#[test]
fn whoever_waits_is_asked_about_after_100_ms_and_ended_after_15_s() {
    let mut book = Book::new();
    book.enter();
    let (waits, _) = book.as_bob(HOME);
    assert_eq!(book.pass(ms(99)), []);
    assert_eq!(book.pass(ms(1)), [Verdict::Unheard(bob(), HOME)]);
    assert_eq!(book.pass(ms(14_899)), []);
    assert_eq!(book.pass(ms(1)), [Verdict::End(waits)]);
}

#[test]
fn whoever_says_nothing_is_ended_after_15_s_but_not_while_the_inbox_is_not_read() {
    let mut book = Book::new();
    let nameless = book.accept(HOME);
    let (silent, _) = book.as_bob(HOME);
    book.connections.set_reading(book.now, false);
    assert_eq!(book.pass(ms(60_000)), []);
    book.connections.set_reading(book.now, true);
    assert_eq!(book.pass(ms(14_999)), []);
    assert_eq!(
        book.pass(ms(1)),
        [Verdict::End(nameless), Verdict::End(silent)]
    );
}

/// Where hundreds of nodes share a processor, they need some time, and have it; but not where others need the place.
#[test]
fn whoever_says_nothing_is_ended_after_5_s_where_half_of_its_address_s_connections_are_open() {
    let mut book = Book::with(Most {
        per_address: 4,
        strangers: 1_000,
        in_all: 1_000,
    });
    let first = book.accept(HOME);
    let alone = book.accept(ELSEWHERE);
    let second = book.accept(HOME);
    assert_eq!(
        book.pass(ms(5_000)),
        [Verdict::End(first), Verdict::End(second)]
    );
    assert_eq!(book.pass(ms(9_999)), []);
    assert_eq!(book.pass(ms(1)), [Verdict::End(alone)]);
}

/// A peer may enter by what it has said before, when its place is free.
#[test]
fn who_enters_while_another_one_speaks_has_done_so_over_its_own_connection() {
    let mut book = Book::new();
    let (its, _) = book.as_bob(HOME);
    book.connections.heard(its);
    let another = book.accept(ELSEWHERE);
    let stranger = PeerId::from_bytes([9; 16]);
    book.introduce_as(stranger, another, None);
    for current in [Some(another), None] {
        assert_eq!(book.connections.entered(book.now, bob(), current), []);
    }
    assert_eq!(book.connections.ended(its), (Some(bob()), Vec::new()));
}

/// What a connection brings that was opened before the one over which a peer has spoken is old, and must
/// not come after what is new.
#[test]
fn what_is_older_than_the_connection_that_is_heard_is_ended_and_never_heard_again() {
    let mut book = Book::new();
    let (old, _) = book.as_bob(HOME);
    let (new, _) = book.as_bob(HOME);
    let verdicts = book.connections.entered(book.now, bob(), Some(new));
    assert_eq!(verdicts, [Verdict::End(old)]);
    assert_eq!(book.connections.ended(old), (None, Vec::new()));
    let (second, _) = book.as_bob(HOME);
    let (third, _) = book.as_bob(HOME);
    // Of several, the first ones are read to their end.
    let verdicts = vec![Verdict::Hear(second), Verdict::ReadOut(second)];
    assert_eq!(book.connections.ended(new), (Some(bob()), verdicts));
    let verdicts = vec![Verdict::Hear(third)];
    assert_eq!(book.connections.ended(second), (None, verdicts));
    // Left over from an address where the peer was before: what it has brought is heard if nothing newer has come.
    let (away, _) = book.as_bob(ELSEWHERE);
    let (fourth, _) = book.as_bob(HOME);
    book.connections.ended(third);
    let verdicts = book.connections.hang_up(book.now, bob(), ELSEWHERE);
    assert_eq!(verdicts, [Verdict::ReadOut(fourth)]);
    let verdicts = vec![Verdict::Hear(away)];
    assert_eq!(book.connections.ended(fourth), (None, verdicts));
    let (fifth, _) = book.as_bob(ELSEWHERE);
    let verdicts = book.connections.hang_up(book.now, bob(), ELSEWHERE);
    assert_eq!(verdicts, [Verdict::ReadOut(away)]);
    let verdicts = vec![Verdict::Hear(fifth)];
    assert_eq!(book.connections.ended(away), (None, verdicts));
}

/// Goal: whoever has taken a peer's place keeps it out no longer than until it is hung up, whichever connection was
/// opened first. Method: the peer's own is accepted before the stranger's, and says later whose it is.
#[test]
fn a_peer_that_came_before_whoever_was_heard_in_its_place_is_heard_when_that_one_is_hung_up() {
    let mut book = Book::new();
    let own = book.accept(HOME);
    let stranger = book.enter();
    assert_eq!(book.introduce(own, None), [Verdict::Wait(own)]);
    let verdicts = book.connections.hang_up(book.now, bob(), HOME);
    assert_eq!(verdicts, [Verdict::ReadOut(stranger)]);
    let verdicts = vec![Verdict::Hear(own)];
    assert_eq!(book.connections.ended(stranger), (None, verdicts));
}

/// Of a peer whose inbox was not read here for long there may be many, each left over from a try: what it
/// says goes over the last one.
#[test]
fn of_too_many_that_wait_the_oldest_makes_room_and_the_last_is_heard() {
    let mut book = Book::new();
    let entered = book.enter();
    let (oldest, _) = book.as_bob(HOME);
    let rest: Vec<Token> = (1..CLAIMS).map(|_| book.as_bob(HOME).0).collect();
    let last = book.accept(HOME);
    let verdicts = book.introduce(last, None);
    assert_eq!(verdicts, [Verdict::Wait(last), Verdict::End(oldest)]);
    assert_eq!(book.connections.ended(oldest), (None, Vec::new()));
    // What they have brought is heard in order: all but the last are read to their end.
    let mut ended = entered;
    for (index, next) in rest.into_iter().enumerate() {
        let told = (index == 0).then_some(bob());
        let verdicts = vec![Verdict::Hear(next), Verdict::ReadOut(next)];
        assert_eq!(book.connections.ended(ended), (told, verdicts));
        ended = next;
    }
    let verdicts = vec![Verdict::Hear(last)];
    assert_eq!(book.connections.ended(ended), (None, verdicts));
}

#[test]
fn strangers_cannot_crowd_out_a_peers_own_host() {
    let mut book = Book::new();
    let token = book.enter();
    for _ in 0..CLAIMS {
        assert!(matches!(book.as_bob(ELSEWHERE).1, Verdict::Wait(_)));
    }
    let another = book.accept(ELSEWHERE);
    let verdicts = book.introduce(another, None);
    assert!(
        matches!(verdicts[..], [Verdict::Wait(_), Verdict::End(_)]),
        "one for one"
    );
    let (again, verdict) = book.as_bob(HOME);
    assert_eq!(verdict, Verdict::Wait(again));
    assert_eq!(
        book.connections.ended(token),
        (Some(bob()), vec![Verdict::Hear(again)])
    );
}

#[test]
fn an_address_opens_as_many_at_once_as_it_may_have_and_then_one_now_and_then() {
    let mut book = Book::with(Most {
        per_address: 20,
        strangers: 1_000,
        in_all: 1_000,
    });
    for _ in 0..20 {
        let token = book.accept(HOME);
        book.connections.ended(token);
    }
    assert_eq!(book.connections.accepted(book.now, HOME), None);
    let elsewhere = book.accept(ELSEWHERE);
    book.connections.ended(elsewhere);
    for _ in 0..50 {
        book.pass(ms(100));
        let token = book.accept(HOME);
        book.connections.ended(token);
        assert_eq!(book.connections.accepted(book.now, HOME), None);
    }
    book.pass(ms(2_000));
    for _ in 0..20 {
        book.accept(HOME);
    }
}

#[test]
fn there_are_so_many_connections_from_an_address_and_in_all() {
    let mut book = Book::with(Most {
        per_address: 2,
        strangers: 1_000,
        in_all: 3,
    });
    let first = book.accept(HOME);
    book.accept(HOME);
    assert_eq!(book.connections.accepted(book.now, HOME), None);
    book.accept(ELSEWHERE);
    assert_eq!(book.connections.accepted(book.now, ELSEWHERE), None);
    book.connections.ended(first);
    book.pass(ms(1_000));
    book.accept(HOME);
}

/// An application that is slow now and then stops the inbox for a moment each time: whoever says nothing
/// has its time all the same.
#[test]
fn whoever_says_nothing_is_ended_though_the_inbox_stops_again_and_again() {
    let mut book = Book::new();
    let silent = book.accept(HOME);
    let mut read = ms(0);
    loop {
        book.connections.set_reading(book.now, false);
        assert_eq!(book.pass(ms(100)), []);
        book.connections.set_reading(book.now, true);
        let ended = book.pass(ms(1_000));
        read += ms(1_000);
        if !ended.is_empty() {
            assert_eq!((ended, read), (vec![Verdict::End(silent)], ms(15_000)));
            return;
        }
        assert!(read < ms(15_000));
    }
}

#[test]
fn whoever_is_heard_or_gone_is_not_kept_in_mind_as_unheard() {
    let mut book = Book::new();
    book.enter();
    let gone = book.accept(HOME);
    book.connections.ended(gone);
    assert!(book.connections.unheard.is_empty());
}

/// Anybody has as many addresses as they like of IPv6.
#[test]
fn when_there_is_no_room_left_the_oldest_who_has_said_nothing_makes_some() {
    let mut book = Book::with(Most {
        per_address: 2,
        strangers: 1_000,
        in_all: 2,
    });
    let oldest = book.accept(HOME);
    book.accept(HOME);
    book.pass(ms(100));
    assert_eq!(book.connections.accepted(book.now, ELSEWHERE), None);
    assert_eq!(book.pass(ms(0)), [Verdict::End(oldest)]);
    book.connections.ended(oldest);
    book.accept(ELSEWHERE);
}

#[test]
fn of_connections_by_which_nobody_has_entered_the_address_with_most_loses_the_oldest() {
    let mut book = Book::with(Most {
        per_address: 100,
        strangers: 10,
        in_all: 1_000,
    });
    let entered = book.enter();
    book.connections.proven(bob());
    let honest = book.accept(host(3));
    let many: Vec<Token> = (0..9).map(|_| book.accept(ELSEWHERE)).collect();
    assert_eq!(book.pass(ms(1)), [], "ten, and bob's, which does not count");
    let another = book.accept(host(4));
    assert_eq!(book.connections.poll_timeout(), Some(book.now));
    assert_eq!(book.pass(ms(1)), [Verdict::End(many[0])]);
    book.connections.ended(many[0]);
    assert_eq!(book.pass(ms(1)), []);
    for token in [entered, honest, another] {
        assert!(book.connections.open.contains_key(&token));
    }
    // Who has left is a stranger again.
    book.connections.left(bob());
    assert_eq!(book.pass(ms(1)), [], "there is no new one");
    book.accept(host(5));
    assert_eq!(book.pass(ms(1)), [Verdict::End(many[1])]);
}

#[test]
fn who_has_entered_is_a_stranger_until_it_is_heard_in_both_directions() {
    let mut book = Book::with(Most {
        per_address: 100,
        strangers: 10,
        in_all: 1_000,
    });
    let one_way = book.enter();
    for number in 10..19 {
        book.accept(host(number));
    }
    assert_eq!(book.pass(ms(1)), []);
    book.accept(host(19));
    assert_eq!(book.pass(ms(1)), [Verdict::End(one_way)]);
}

#[test]
fn where_known_peers_have_many_connections_there_may_be_fewer_strangers() {
    let mut book = Book::with(Most {
        per_address: 100,
        strangers: 512,
        in_all: 1_000,
    });
    assert_eq!(book.connections.most_strangers(), 512);
    for number in 0..200_u8 {
        let peer = PeerId::from_bytes([number; 16]);
        let token = book.accept(host(number));
        book.introduce_as(peer, token, None);
        book.connections.entered(book.now, peer, Some(token));
        book.connections.proven(peer);
    }
    assert_eq!(book.connections.most_strangers(), 300);
    assert_eq!(2 * 200 + 300, 700);
}

#[test]
fn who_comes_from_ever_other_addresses_gets_no_more_than_all_strangers_together() {
    let mut book = Book::with(Most {
        per_address: 100,
        strangers: 10,
        in_all: 1_000,
    });
    let first = book.accept(host(0));
    for number in 1..=200 {
        let token = book.accept(host(number));
        for verdict in book.pass(ms(0)) {
            let Verdict::End(surplus) = verdict else {
                panic!("{verdict:?}");
            };
            assert_ne!(surplus, token, "the new one has its chance");
            book.connections.ended(surplus);
        }
        assert!(book.connections.open.len() <= 10);
    }
    assert!(!book.connections.open.contains_key(&first));
    assert_eq!(book.connections.strangers.count, 10);
}
