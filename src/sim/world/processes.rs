//! Processes: their start and end, what their machines are told, and what those want done.

use std::collections::{BTreeMap, VecDeque};
use std::net::IpAddr;
use std::time::{Duration, Instant};

use super::applications::headers;
use super::{Kind, Power, What, World};
use crate::sim::chat::with_header;
use crate::sim::foreign::{Flavour, Foreign};
use crate::sim::host::{Application, Input, Machine, Process, Router, Running, Zchat};
use crate::sim::network::HostId;
use crate::sim::time::Time;
use crate::zre::{
    Action, Announcer, Engine, EngineConfig, Event, LinkId, Message, Name, Output, PeerId,
};

impl World {
    /// Starts a process on a host that has none.
    pub(super) fn start(&mut self, host: HostId, port: Option<u16>) {
        let is_free = self.host(host).power == Power::On && self.host(host).process.is_none();
        if !is_free {
            return;
        }
        let flavour = self.host(host).flavour;
        let bound = self.network.addresses(host).first().copied();
        if flavour.is_some() && bound.is_none() {
            // Without a network it would never find one: somebody waits until there is one.
            let wait = Duration::from_secs(1);
            self.agenda.enter(self.now + wait, What::Start(host, port));
            return;
        }
        let number = self.processes.len();
        let peer = self.new_id();
        let any_port = 49_152 + u16::try_from(self.luck.ids.below(10_000)).unwrap_or(0);
        let any_port = if self.options.one_port {
            ONE_PORT
        } else {
            any_port
        };
        let port = port.unwrap_or(any_port);
        let now = self.host(host).clock.read(self.now);
        let is_chat = flavour.is_none() && self.is_chat(number);
        let machine = self.new_machine(now, number, flavour, (peer, port), is_chat);
        self.processes.push(Process {
            host,
            peer,
            port,
            state: Running::Runs,
            machine,
            mailboxes: BTreeMap::new(),
            router: Router::new(self.options.limits.connections_per_address),
            inbox_open: true,
            queued: 0,
            bound: bound.filter(|_| flavour == Some(Flavour::Zyre)),
            is_lost: false,
            application: Application::new(),
            wake: None,
            wakes: (Time::START, 0),
            datagrams: VecDeque::new(),
            deferred: VecDeque::new(),
        });
        self.by_peer.insert(peer, number);
        self.host_mut(host).process = Some(number);
        self.check.born(peer, flavour.is_some());
        // Of what began before it, it will see the end.
        for _ in 0..self.host(host).troubles {
            self.check.suffers(self.now, number);
        }
        self.take_over(number);
        self.note(
            Kind::Process,
            [number as u64, host as u64, u64::from(port)],
            || {
                format!(
                    "process {number} starts on host {host}, port {port}, as {}",
                    peer.short(8)
                )
            },
        );
        let addresses = self.network.addresses(host);
        self.told.push_back((number, Input::Addresses(addresses)));
        self.begin_to_act(number);
    }

    fn new_machine(
        &self,
        now: Instant,
        number: usize,
        flavour: Option<Flavour>,
        (peer, port): (PeerId, u16),
        is_chat: bool,
    ) -> Machine {
        if let Some(flavour) = flavour {
            let name = match flavour {
                Flavour::Zyre => name(format!("zyre {number}")),
                Flavour::Pyre => name(format!("pÿre {number}.")),
            };
            return Machine::Foreign(Box::new(Foreign::new(now, flavour, peer, name, port)));
        }
        let mut config = EngineConfig::new(peer, name(format!("p{number}")), port);
        config.timing = self.options.timing.clone();
        config.limits = self.options.limits.clone();
        config.headers = headers(number, "");
        if is_chat {
            config.headers = with_header(config.headers);
        }
        let engine = Engine::new(now, config);
        let announcer = Announcer::new(now, peer, port, self.options.timing.interval);
        Machine::Zchat(Box::new(Zchat { engine, announcer }))
    }

    /// A random id of version 4, as the program makes them.
    pub(super) fn new_id(&mut self) -> PeerId {
        let high = self.luck.ids.draw().to_be_bytes();
        let low = self.luck.ids.draw().to_be_bytes();
        let mut octets = [0; 16];
        for (octet, random) in octets.iter_mut().zip(high.into_iter().chain(low)) {
            *octet = random;
        }
        PeerId::from(uuid::Builder::from_random_bytes(octets).into_uuid())
    }

    /// Tells processes what is waiting for them, until nothing is left.
    pub(super) fn tell_all(&mut self) {
        while let Some((number, input)) = self.told.pop_front() {
            self.tell(number, input);
        }
    }

    /// Tells a process something, and carries out what follows.
    pub(super) fn tell(&mut self, number: usize, input: Input) {
        if !self.is_working(number) {
            let process = self.process_mut(number);
            if process.is_alive() && !matches!(input, Input::Timeout | Input::Beacon(_)) {
                process.deferred.push_back(input);
            }
            return;
        }
        let now = self.clock(number).read(self.now);
        if let Input::Addresses(addresses) = &input {
            self.tell_network(number, addresses.clone());
        }
        self.process_mut(number).machine.handle(now, input);
        self.carry_out_all(number);
    }

    /// Gives an action to a machine that wants it; what follows is asked for next.
    pub(super) fn give_action(&mut self, number: usize, action: Action) {
        self.check.acts(self.now, number, &action);
        let others = self.processes.len();
        let application = &mut self.process_mut(number).application;
        if !application.is_reading {
            application.answers += others;
        }
        self.note(Kind::Action, [number as u64, 0, 0], || {
            format!("p{number} does {:.160}", format!("{action:?}"))
        });
        self.reply(number, Input::Action(action));
    }

    /// A machine wanted to be woken now.
    pub(super) fn wake(&mut self, number: usize) {
        let now = self.now;
        let process = self.process_mut(number);
        if process.wake.is_none_or(|(_, at)| at != now) {
            return;
        }
        process.wake = None;
        let (last, times) = process.wakes;
        process.wakes = (now, if last == now { times + 1 } else { 0 });
        if times > MOST_WAKES {
            self.check.spins(number);
            return;
        }
        self.look_at_connections(number);
        self.tell(number, Input::Timeout);
    }

    /// Carries out what a machine wants done, in order, until there is nothing left.
    pub(super) fn carry_out_all(&mut self, number: usize) {
        self.see_outputs(number);
        loop {
            while let Some(output) = self.process_mut(number).machine.poll_output() {
                self.carry_out(number, output);
            }
            while let Some(beacon) = self.process_mut(number).machine.poll_beacon() {
                self.broadcast(number, &beacon);
            }
            if !self.hand_over_action(number) && !self.attend_chat(number) {
                break;
            }
        }
        let process = self.process(number);
        if process.state == Running::Leaving && process.machine.is_finished() {
            self.end_chat(number);
            self.end(number, true);
            return;
        }
        if !(process.inbox_open && process.application.unread.is_empty()) {
            self.check_inbox(number);
        }
        self.enter_wake(number);
    }

    pub(super) fn enter_wake(&mut self, number: usize) {
        let process = self.process(number);
        let all = [
            process.machine.poll_timeout(),
            process.router.book.poll_timeout(),
            process.application.poll_timeout(),
        ];
        let Some(deadline) = all.into_iter().flatten().min() else {
            return;
        };
        if process.wake.is_some_and(|(before, _)| before <= deadline) {
            return;
        }
        if !process.is_awake() || self.host(process.host).power != Power::On {
            return;
        }
        let at = self.clock(number).when(self.now, deadline);
        let process = self.process_mut(number);
        if process.wake.is_none_or(|(_, wake)| at < wake) {
            process.wake = Some((deadline, at));
            self.agenda.enter(at, What::Wake(number));
        }
    }

    fn carry_out(&mut self, number: usize, output: Output) {
        match output {
            Output::Connect { link, peer, to } => {
                let port = u64::from(to.remote.port());
                self.note(Kind::Link, [number as u64, link.0, port], || {
                    format!("p{number} connects {} to {to}", link.0)
                });
                self.open_mailbox(number, link, peer, to.remote);
            }
            Output::Send {
                link,
                message,
                tail,
            } => self.send(number, link, message, tail),
            Output::Lead { link, peer, to } => self.lead_mailbox(number, link, peer, to.remote),
            Output::Disconnect { link } => {
                self.note(Kind::Link, [number as u64, link.0, 0], || {
                    format!("p{number} disconnects {}", link.0)
                });
                let unsent = self.close_mailbox(number, link);
                self.reply(number, Input::Closed(link, unsent));
            }
            Output::Belong { link, peer } => self.belong_mailbox(number, link, peer),
            Output::Probe { link } => {
                if let Some(ago) = self.acknowledged(number, link) {
                    self.reply(number, Input::Acknowledged(link, ago));
                }
            }
            Output::HangUp { peer, at } => self.hang_up(number, peer, at),
            Output::Farewell { to } => self.say_farewell(number, to.address),
            Output::Event(event) => self.tell_application(number, event),
            Output::Stop => {
                let now = self.clock(number).read(self.now);
                let process = self.process_mut(number);
                process.state = Running::Leaving;
                process.machine.stop_announcing(now);
                self.note(Kind::Process, [number as u64, 1, 0], || {
                    format!("p{number} leaves")
                });
            }
        }
    }

    /// Answers a machine that is being asked for its outputs: what follows is asked for next.
    fn reply(&mut self, number: usize, input: Input) {
        let now = self.clock(number).read(self.now);
        self.process_mut(number).machine.handle(now, input);
    }

    fn send(&mut self, number: usize, link: LinkId, message: Message, tail: bool) {
        self.note(
            Kind::Send,
            [number as u64, link.0, u64::from(message.sequence)],
            || {
                format!(
                    "p{number} sends {} on {}: {:.160}",
                    message.sequence,
                    link.0,
                    format!("{:?}", message.body)
                )
            },
        );
        if let Err((message, tail)) = self.queue_message(number, link, message, tail) {
            self.reply(number, Input::Full(link, message, tail));
        }
    }

    fn say_farewell(&mut self, number: usize, to: IpAddr) {
        let process = self.process(number);
        let beacon = crate::zre::Beacon::farewell(process.peer);
        if let Some(from) = self.network.source_for(process.host, to) {
            self.unicast(from, to, beacon);
        }
    }

    fn tell_application(&mut self, number: usize, event: Event) {
        self.note(
            Kind::Event,
            [number as u64, event_number(&event), 0],
            || format!("p{number} is told {:.160}", format!("{event:?}")),
        );
        self.check.event(self.now, number, &event);
        self.note_presence(number, &event);
        let application = &mut self.process_mut(number).application;
        if application.is_reading {
            application.read(&event);
            self.tell_chat(number, &event);
        } else {
            application.unread_octets += event_octets(&event);
            application.unread.push_back(event);
            self.see_events(number);
        }
    }

    /// Ends a process. In an orderly end its mailboxes are empty, or given up.
    pub(super) fn end(&mut self, number: usize, orderly: bool) {
        if orderly {
            self.check.has_left(number);
        }
        self.note(
            Kind::Process,
            [number as u64, 2, u64::from(orderly)],
            || {
                format!(
                    "p{number} has ended{}",
                    if orderly { "" } else { " without a word" }
                )
            },
        );
        self.close_all(number);
        let (host, port) = (self.process(number).host, self.process(number).port);
        self.forget_process(number);
        if orderly {
            // Somebody starts it again after a while.
            let longest = if self.healed { 100 } else { 20_000 };
            let pause = Duration::from_millis(self.luck.people.between(1, longest));
            let again = self.luck.people.coin().then_some(port);
            self.agenda
                .enter(self.now + pause, What::Start(host, again));
        }
    }

    /// Nothing is left of a process but its number.
    pub(super) fn forget_process(&mut self, number: usize) {
        self.check.died(self.now, number);
        let mailboxes = std::mem::take(&mut self.process_mut(number).mailboxes);
        for key in mailboxes.into_values() {
            self.mailboxes.remove(key);
        }
        let process = self.process_mut(number);
        process.state = Running::Ended;
        process.datagrams.clear();
        process.deferred.clear();
        process.router = Router::new(0);
        process.application = Application::new();
        let host = process.host;
        self.host_mut(host).process = None;
    }
}

/// The port of all mailboxes where all have the same.
const ONE_PORT: u16 = 49_152;

/// A name that was made up.
pub(super) fn name(text: String) -> Name {
    Name::new(&text).expect("a short name")
}

/// Which kind of event, and about whom, as a number.
fn event_number(event: &Event) -> u64 {
    let about = |peer: &PeerId, kind: u64| {
        let first = peer
            .as_bytes()
            .first_chunk()
            .map_or(0, |first| u32::from_be_bytes(*first));
        u64::from(first) << 8 | kind
    };
    match event {
        Event::Enter { peer, .. } => about(peer, 1),
        Event::Evasive { peer } => about(peer, 2),
        Event::Silent { peer } => about(peer, 3),
        Event::Exit { peer, .. } => about(peer, 4),
        Event::Join { peer, .. } => about(peer, 5),
        Event::Leave { peer, .. } => about(peer, 6),
        Event::Whisper { origin, .. } => about(&origin.peer, 7),
        Event::Shout { origin, .. } => about(&origin.peer, 8),
        Event::Update { peer, .. } => about(peer, 9),
        Event::Undelivered { peer, count, .. } => about(peer, 10) ^ count << 40,
        Event::RoundTrip { peer, .. } => about(peer, 11),
        Event::Flushed { ticket, .. } => ticket.0 << 8 | 12,
        Event::Network { .. } => 13,
        Event::Stop => 14,
        Event::Heard { peer } => about(peer, 15),
        Event::Moved { peer, .. } => about(peer, 16),
    }
}

/// What an event counts for against the limit of octets.
fn event_octets(event: &Event) -> usize {
    match event {
        Event::Whisper { content, .. } | Event::Shout { content, .. } => content.size(),
        _ => 0,
    }
}

/// How often a machine may want to be woken at one and the same time.
const MOST_WAKES: u32 = 1_000;
