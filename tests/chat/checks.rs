//! What must hold for any line that is typed and any message that comes. Shared: the fuzz targets look
//! for octets that break it, and the plain tests replay all that were ever interesting.
//!
//! Each check panics where something does not hold.

use std::time::{Duration, Instant};

use zchat::chat::{Config, Form, HEADER, Output, Session, Stamp};
use zchat::zre::{Action, Content, Event, Frame, GroupName, Headers, Link, Name, Origin, PeerId};

/// Actions and lines that one thing leads to at most: as many as there are peers and groups to name.
const MOST_OUTPUTS: usize = 2_000;

/// A message of a peer that has our header: the first octet says whether it is a SHOUT, how it is shown
/// and where it is cut into frames.
pub(crate) fn payload(octets: &[u8]) {
    let Some((&how, octets)) = octets.split_first() else {
        return;
    };
    let mut world = World::new(form(how));
    let frames = frames(how, octets);
    let content = Content::from_frames(frames).expect("there is a first frame");
    let origin = Origin::unproven(id(2));
    let event = if how & 1 == 0 {
        Event::Whisper { origin, content }
    } else {
        let group = group("CHAT");
        Event::Shout {
            origin,
            group,
            content,
        }
    };
    world.tell(event.clone());
    // Once more, when something else has been said, and after everything that waits.
    world.type_line("/list");
    world.pass(Duration::from_secs(60));
    world.tell(event);
    world.pass(Duration::from_secs(60));
    for action in &world.actions {
        let is_answer = match action {
            Action::Whisper { peer, content } => *peer == id(2) && content.first().is_empty(),
            _ => false,
        };
        assert!(is_answer, "a message makes us do {action:?}");
    }
}

/// Lines that are typed: the first octet says what is shown, line ends part the others.
pub(crate) fn line(octets: &[u8]) {
    let Some((&how, octets)) = octets.split_first() else {
        return;
    };
    let Ok(text) = std::str::from_utf8(octets) else {
        return;
    };
    let mut world = World::new(form(how));
    for line in text.split('\n').take(16) {
        let cursors = (0..=line.len()).filter(|at| line.is_char_boundary(*at));
        for cursor in cursors.take(64) {
            let completion = world.session.complete(line, cursor);
            assert!(!format!("{completion:?}").is_empty());
        }
        world.type_line(line);
        world.pass(Duration::from_millis(u64::from(how) * 40));
    }
    world.session.handle_end_of_input(world.now, world.wall());
    world.take_outputs();
    world.pass(Duration::from_secs(60));
}

/// A session among two peers, one of which has our header.
struct World {
    session: Session,
    now: Instant,
    epoch: Instant,
    actions: Vec<Action>,
    is_over: bool,
}

impl World {
    fn new(form: Form) -> Self {
        let epoch = Instant::now();
        let name = Name::new("alice").expect("a short name");
        let mut config = Config::new(name, vec![group("CHAT"), group("other")]);
        config.form = form;
        let session = Session::new(config, id(1), epoch, Stamp::new(START, 3_600));
        let mut world = Self {
            session,
            now: epoch,
            epoch,
            actions: Vec::new(),
            is_over: false,
        };
        world.take_outputs();
        let ours = Headers::default().with(HEADER, "1").expect("short");
        world.enter(2, "bob", ours);
        world.enter(3, "two words", Headers::default());
        world.pass(Duration::from_secs(10));
        world.actions.clear();
        world
    }

    fn enter(&mut self, octet: u8, name: &str, headers: Headers) {
        let peer = id(octet);
        let place = ([10, 0, 0, octet], 49_152).into();
        self.tell(Event::Enter {
            peer,
            name: Name::new(name).expect("a short name"),
            headers,
            link: Link::plain(place, None),
        });
        self.tell(Event::Join {
            peer,
            group: group("CHAT"),
        });
    }

    fn wall(&self) -> Stamp {
        let passed = self.now.duration_since(self.epoch).as_millis();
        Stamp::new(START + i64::try_from(passed).expect("minutes"), 3_600)
    }

    fn tell(&mut self, event: Event) {
        let wall = self.wall();
        self.session.handle_event(self.now, wall, event);
        self.take_outputs();
    }

    fn type_line(&mut self, line: &str) {
        if self.session.wants_lines() {
            let wall = self.wall();
            self.session.handle_line(self.now, wall, line);
            self.take_outputs();
        }
    }

    fn pass(&mut self, time: Duration) {
        let end = self.now + time;
        while let Some(at) = self.session.poll_timeout().filter(|at| *at <= end) {
            self.now = self.now.max(at);
            let wall = self.wall();
            self.session.handle_timeout(self.now, wall);
            self.take_outputs();
            let next = self.session.poll_timeout();
            assert!(next.is_none_or(|next| next > self.now), "it spins");
        }
        self.now = end;
    }

    fn take_outputs(&mut self) {
        for count in 0.. {
            let Some(output) = self.session.poll_output() else {
                return;
            };
            assert!(count < MOST_OUTPUTS, "it has no end");
            assert!(!self.is_over, "nothing follows the end");
            match output {
                Output::Show(line) => {
                    assert!(!line.text.chars().any(is_dangerous), "{:?}", line.text);
                    for span in &line.spans {
                        assert!(line.text.get(span.range.clone()).is_some(), "{line:?}");
                    }
                }
                Output::Act(action) => self.actions.push(action),
                Output::Quit(_) => self.is_over = true,
                other => assert!(!format!("{other:?}").is_empty()),
            }
        }
    }
}

/// Whether a terminal could obey it, or reorder text by it.
fn is_dangerous(character: char) -> bool {
    let reorders = matches!(character, '\u{200E}' | '\u{200F}' | '\u{061C}' | '\u{2028}' | '\u{2029}'
        | '\u{202A}'..='\u{202E}' | '\u{2066}'..='\u{2069}' | '\u{FEFF}');
    character.is_control() || reorders
}

fn form(how: u8) -> Form {
    match how >> 1 & 3 {
        0 | 1 => Form::Screen,
        2 => Form::Text,
        _ => Form::Json,
    }
}

/// One frame, or two, or three.
fn frames(how: u8, octets: &[u8]) -> Vec<Frame> {
    let at = usize::from(how >> 3) % (octets.len() + 1);
    let (first, second) = octets.split_at(at);
    let mut frames = vec![Frame::from(first.to_vec()), Frame::from(second.to_vec())];
    if how & 0x40 != 0 {
        frames.push(Frame::from("more"));
    }
    frames
}

fn id(octet: u8) -> PeerId {
    PeerId::from_bytes([octet; 16])
}

fn group(name: &str) -> GroupName {
    GroupName::new(name).expect("a short name")
}

/// Some time in November 2026.
const START: i64 = 1_795_205_045_000;
