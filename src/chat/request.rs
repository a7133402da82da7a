//! Private chats: who asked whom, and who is in one ([`Private`]).
//!
//! A request has a number, so that an answer that comes too late answers nothing. Both sides count
//! the time; the asking side tells when it is over. Who is in a private chat answers BUSY by itself.

use std::collections::VecDeque;
use std::time::{Duration, Instant};

use super::note::Kind;
use crate::zre::PeerId;

/// How long a request waits for an answer: long enough to come back with a coffee.
pub(crate) const PATIENCE: Duration = Duration::from_secs(60);

/// How much longer the side that was asked keeps it: the other side's word should come first.
const GRACE: Duration = Duration::from_secs(5);

/// How many requests may wait for an answer of ours; one more is answered by BUSY.
const WAITING: usize = 16;

/// How often somebody in a private chat says that it goes on. What the other side has said may be lost
/// with a connection, and it would answer by the end of the chat then. One message in half a minute, and
/// only while there is a chat.
const CONFIRM: Duration = Duration::from_secs(30);

/// How many private chats are remembered when they are over.
const OVER: usize = 16;

/// The private chat, the requests for one, and what follows from what happens to them.
#[derive(Debug, Default)]
pub(crate) struct Private {
    talk: Option<Request>,
    asking: Option<Request>,
    asked: Vec<Request>,
    /// Private chats that have ended here, of which the other side may not know: the peer was gone, or
    /// our word was lost on its way.
    over: VecDeque<(PeerId, u64)>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Request {
    peer: PeerId,
    number: u64,
    /// The number of the other request, where both asked at once.
    own: Option<u64>,
    /// When it is over; of a private chat, when it is confirmed next.
    until: Instant,
}

impl Request {
    /// Whether a peer means this one by a number.
    fn is(&self, peer: PeerId, number: u64) -> bool {
        self.peer == peer && (self.number == number || self.own == Some(number))
    }
}

/// What follows from something that happened to a request.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Step {
    /// Tell the peer.
    Send(PeerId, Kind),
    /// Tell the user.
    Tell(PeerId, State),
}

/// What became of a request.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum State {
    /// The peer asks us.
    Asked,
    /// We ask the peer.
    Asking,
    /// The private chat has begun.
    Accepted,
    /// The peer does not want it.
    Rejected,
    /// We do not want it.
    Refused,
    /// The peer is in another one.
    Busy,
    /// The peer did not answer us in time.
    Unanswered,
    /// We did not answer the peer in time.
    Missed,
    /// The peer took its request back.
    Withdrawn,
    /// We took ours back.
    GaveUp,
    /// The peer ended the private chat.
    Ended,
    /// We ended the private chat.
    Left,
    /// The peer is gone, and the private chat or request with it.
    Gone,
}

/// Why a private chat cannot be asked for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Refusal {
    /// We are in one with this peer.
    Talking(PeerId),
    /// We are asking this peer for one.
    Asking(PeerId),
}

impl Private {
    /// Whom typed text goes to, and the number of the private chat.
    pub(crate) fn partner(&self) -> Option<(PeerId, u64)> {
        self.talk.map(|talk| (talk.peer, talk.number))
    }

    /// Whether we wait for the answer to a request of ours.
    pub(crate) const fn is_asking(&self) -> bool {
        self.asking.is_some()
    }

    /// Who asked us and has no answer, in the order in which they asked.
    pub(crate) fn asked(&self) -> impl ExactSizeIterator<Item = PeerId> {
        self.asked.iter().map(|asked| asked.peer)
    }

    /// We ask a peer, under a number of ours that was never used. Asking back is accepting.
    pub(crate) fn ask(
        &mut self,
        now: Instant,
        peer: PeerId,
        number: u64,
    ) -> Result<Vec<Step>, Refusal> {
        if let Some(talk) = self.talk {
            return Err(Refusal::Talking(talk.peer));
        }
        if self.asked().any(|asked| asked == peer) {
            return Ok(self.accept(peer));
        }
        if let Some(asking) = self.asking {
            return Err(Refusal::Asking(asking.peer));
        }
        self.asking = Some(Request {
            peer,
            number,
            own: None,
            until: now + PATIENCE,
        });
        Ok(vec![
            Step::Send(peer, Kind::Ask { request: number }),
            Step::Tell(peer, State::Asking),
        ])
    }

    /// We accept the request of a peer that has asked.
    pub(crate) fn accept(&mut self, peer: PeerId) -> Vec<Step> {
        let Some(request) = self.take_asked(peer) else {
            return Vec::new();
        };
        let mut steps = self.end();
        steps.push(Step::Send(
            peer,
            Kind::Accept {
                request: request.number,
            },
        ));
        steps.extend(self.begin(request));
        steps
    }

    /// We do not accept it.
    pub(crate) fn reject(&mut self, peer: PeerId) -> Vec<Step> {
        self.take_asked(peer).map_or_else(Vec::new, |request| {
            vec![
                Step::Send(
                    peer,
                    Kind::Reject {
                        request: request.number,
                    },
                ),
                Step::Tell(peer, State::Refused),
            ]
        })
    }

    /// We end the private chat, and take back a request.
    pub(crate) fn end(&mut self) -> Vec<Step> {
        self.remember_talk();
        let talk = self.talk.take().map(|talk| (talk, State::Left));
        let asking = self.asking.take().map(|asking| (asking, State::GaveUp));
        talk.into_iter()
            .chain(asking)
            .flat_map(|(Request { peer, number, .. }, state)| {
                let end = Kind::End {
                    request: number,
                    timeout: false,
                };
                [Step::Send(peer, end), Step::Tell(peer, state)]
            })
            .collect()
    }

    /// A peer asks.
    pub(crate) fn handle_ask(&mut self, now: Instant, peer: PeerId, number: u64) -> Vec<Step> {
        let request = Request {
            peer,
            number,
            own: None,
            until: now + PATIENCE + GRACE,
        };
        match (self.talk, self.asking) {
            // It has forgotten the chat that we are in with it: begin again.
            (Some(talk), _) if talk.peer == peer => {
                self.talk = None;
                self.asked.push(request);
                vec![
                    Step::Tell(peer, State::Ended),
                    Step::Tell(peer, State::Asked),
                ]
            }
            // Both ask at once, and so both want it. Each speaks of it by the other's number, which the
            // other knows even if our request is lost; then it takes our word for the answer.
            (None, Some(asking)) if asking.peer == peer => {
                self.asking = None;
                let mut steps = vec![Step::Send(peer, Kind::Accept { request: number })];
                steps.extend(self.begin(Request {
                    own: Some(asking.number),
                    ..request
                }));
                steps
            }
            (Some(_), _) => vec![Step::Send(peer, Kind::Busy { request: number })],
            (None, _) => self.note_asked(request),
        }
    }

    fn note_asked(&mut self, request: Request) -> Vec<Step> {
        if let Some(asked) = self
            .asked
            .iter_mut()
            .find(|asked| asked.peer == request.peer)
        {
            *asked = request;
            return Vec::new();
        }
        if self.asked.len() >= WAITING {
            return vec![Step::Send(
                request.peer,
                Kind::Busy {
                    request: request.number,
                },
            )];
        }
        self.asked.push(request);
        vec![Step::Tell(request.peer, State::Asked)]
    }

    /// A peer accepts.
    pub(crate) fn handle_accept(&mut self, peer: PeerId, number: u64) -> Vec<Step> {
        match self.take_asking(peer, number) {
            Some(request) => self.begin(request),
            // Both asked at once, and it had our request before it sent its own.
            None if self.talk.is_some_and(|talk| talk.peer == peer) => Vec::new(),
            // It answers what is over: it should not believe to be in a chat.
            None => vec![Step::Send(
                peer,
                Kind::End {
                    request: number,
                    timeout: true,
                },
            )],
        }
    }

    /// A peer does not accept.
    pub(crate) fn handle_no(&mut self, peer: PeerId, number: u64, state: State) -> Vec<Step> {
        match self.take_asking(peer, number) {
            Some(_) => vec![Step::Tell(peer, state)],
            None => Vec::new(),
        }
    }

    /// A peer ends the private chat, or takes back its request.
    pub(crate) fn handle_end(&mut self, peer: PeerId, number: u64, timeout: bool) -> Vec<Step> {
        if self.talk.is_some_and(|talk| talk.is(peer, number)) {
            self.talk = None;
            return vec![Step::Tell(peer, State::Ended)];
        }
        let is_asked = |asked: &Request| asked.peer == peer && asked.number == number;
        if self.asked.iter().any(is_asked) {
            self.asked.retain(|asked| !is_asked(asked));
            let state = if timeout {
                State::Missed
            } else {
                State::Withdrawn
            };
            return vec![Step::Tell(peer, state)];
        }
        Vec::new()
    }

    /// A peer says something within a private chat of this number; the number may be over.
    pub(crate) fn handle_private(&self, peer: PeerId, number: u64) -> Vec<Step> {
        if self.talk.is_some_and(|talk| talk.peer == peer) {
            return Vec::new();
        }
        vec![Step::Send(
            peer,
            Kind::End {
                request: number,
                timeout: false,
            },
        )]
    }

    /// A peer is gone.
    pub(crate) fn handle_exit(&mut self, peer: PeerId) -> Vec<Step> {
        if self.talk.is_some_and(|talk| talk.peer == peer) {
            self.remember_talk();
        }
        let talked = self.talk.take_if(|talk| talk.peer == peer).is_some();
        let asking = self.asking.take_if(|asking| asking.peer == peer).is_some();
        let asked = self.take_asked(peer).is_some();
        let concerned = talked || asking || asked;
        if concerned {
            vec![Step::Tell(peer, State::Gone)]
        } else {
            Vec::new()
        }
    }

    fn remember_talk(&mut self) {
        let Some(Request { peer, number, .. }) = self.talk else {
            return;
        };
        self.over.retain(|(other, _)| *other != peer);
        if self.over.len() >= OVER {
            self.over.pop_front();
        }
        self.over.push_back((peer, number));
    }

    /// A peer is here (again). What either side said last may be lost: it is told again how things
    /// stand between us. Who believes to be in a chat that is over answers our word by its end.
    pub(crate) fn handle_enter(&mut self, peer: PeerId) -> Vec<Step> {
        let talk = self.talk.filter(|talk| talk.peer == peer);
        // It stays remembered: this may be lost as well.
        let over = self.over.iter().find(|(other, _)| *other == peer);
        let end = over.map(|(_, number)| Kind::End {
            request: *number,
            timeout: false,
        });
        let go_on = talk.map(|talk| Kind::Accept {
            request: talk.number,
        });
        let both = end.into_iter().chain(go_on);
        both.map(|kind| Step::Send(peer, kind)).collect()
    }

    /// Time has passed.
    pub(crate) fn handle_timeout(&mut self, now: Instant) -> Vec<Step> {
        let mut steps = Vec::new();
        if let Some(asking) = self.asking.take_if(|asking| asking.until <= now) {
            let end = Kind::End {
                request: asking.number,
                timeout: true,
            };
            steps.push(Step::Send(asking.peer, end));
            steps.push(Step::Tell(asking.peer, State::Unanswered));
        }
        if let Some(talk) = self.talk.as_mut().filter(|talk| talk.until <= now) {
            talk.until = now + CONFIRM;
            let request = talk.number;
            steps.push(Step::Send(talk.peer, Kind::Accept { request }));
        }
        self.asked.retain(|asked| {
            if asked.until <= now {
                steps.push(Step::Tell(asked.peer, State::Missed));
            }
            asked.until > now
        });
        steps
    }

    /// When a request is over, or a chat is to be confirmed.
    pub(crate) fn poll_timeout(&self) -> Option<Instant> {
        self.asked
            .iter()
            .chain(&self.asking)
            .chain(&self.talk)
            .map(|request| request.until)
            .min()
    }

    /// The private chat begins; all others who ask are told that we are busy.
    fn begin(&mut self, request: Request) -> Vec<Step> {
        self.talk = Some(request);
        self.asked.retain(|asked| asked.peer != request.peer);
        let others = self.asked.drain(..);
        let busy = others.map(|asked| {
            Step::Send(
                asked.peer,
                Kind::Busy {
                    request: asked.number,
                },
            )
        });
        std::iter::once(Step::Tell(request.peer, State::Accepted))
            .chain(busy)
            .collect()
    }

    fn take_asked(&mut self, peer: PeerId) -> Option<Request> {
        let at = self.asked.iter().position(|asked| asked.peer == peer)?;
        Some(self.asked.remove(at))
    }

    fn take_asking(&mut self, peer: PeerId, number: u64) -> Option<Request> {
        self.asking
            .take_if(|asking| asking.peer == peer && asking.number == number)
    }
}
