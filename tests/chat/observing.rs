//! Looking on: `peers` once, `tracker` at intervals.

use std::time::{Duration, Instant};

use zchat::chat::{Exit, Form, Observer, ObserverConfig, Output, Signal, Stamp};
use zchat::zre::{Action, Event, ExitReason, GroupName, Headers, Name, PeerId};

use crate::harness::{ALICE, BOB, CAROL, START, link};

struct Watch {
    observer: Observer,
    epoch: Instant,
    now: Instant,
    shown: Vec<String>,
    quit: Option<Exit>,
}

impl Watch {
    fn new(every: Option<u64>, form: Form) -> Self {
        let mut config = ObserverConfig::new(Name::new("watch").unwrap());
        config.every = every.map(Duration::from_secs);
        config.form = form;
        let epoch = Instant::now();
        let observer = Observer::new(config, ALICE, epoch, Stamp::new(START, 3_600));
        Self {
            observer,
            epoch,
            now: epoch,
            shown: Vec::new(),
            quit: None,
        }
    }

    fn wall(&self) -> Stamp {
        let passed = self.now.duration_since(self.epoch).as_millis();
        Stamp::new(START + i64::try_from(passed).unwrap(), 3_600)
    }

    fn event(&mut self, event: &Event) {
        self.observer.handle_event(self.now, self.wall(), event);
        self.drain();
    }

    fn enter(&mut self, peer: PeerId, name: &str, group: &str) {
        let name = Name::new(name).unwrap();
        self.event(&Event::Enter {
            peer,
            name,
            headers: Headers::default(),
            link: link(peer),
        });
        self.event(&Event::Join {
            peer,
            group: GroupName::new(group).unwrap(),
        });
    }

    fn pass(&mut self, milliseconds: u64) {
        let end = self.now + Duration::from_millis(milliseconds);
        while let Some(next) = self.observer.poll_timeout().filter(|next| *next <= end) {
            self.now = next.max(self.now);
            self.observer.handle_timeout(self.now, self.wall());
            self.drain();
        }
        self.now = end;
    }

    fn drain(&mut self) {
        while let Some(output) = self.observer.poll_output() {
            match output {
                Output::Show(line) => self.shown.push(line.text),
                Output::Report(record) => {
                    let mut record = serde_json::to_value(&*record).unwrap();
                    record.as_object_mut().unwrap().retain(|key, _| {
                        ["event", "name", "change", "group"].contains(&key.as_str())
                    });
                    self.shown.push(record.to_string());
                }
                Output::Act(Action::Stop { .. }) => {
                    self.observer
                        .handle_event(self.now, self.wall(), &Event::Stop);
                }
                Output::Quit(exit) => self.quit = Some(exit),
                other => panic!("an observer does not do this: {other:?}"),
            }
        }
    }

    fn shown(&mut self) -> String {
        self.shown.drain(..).collect::<Vec<_>>().join("\n")
    }
}

#[test]
fn peers_are_shown_once_discovery_has_settled() {
    let mut watch = Watch::new(None, Form::Text);
    watch.pass(100);
    watch.enter(BOB, "bob", "CHAT");
    watch.pass(299);
    assert_eq!(watch.shown(), "");
    watch.pass(1);
    assert_eq!(
        watch.shown(),
        "name  id        address           groups  since\n\
         bob   b0111111  10.0.0.176:49152  CHAT    21:04:05"
    );
    assert_eq!(watch.quit, Some(Exit::Done));
}

#[test]
fn nobody_is_a_status_of_its_own() {
    let mut watch = Watch::new(None, Form::Text);
    watch.pass(5_000);
    assert_eq!(
        watch.shown(),
        "* nobody is here; \"zchat doctor\" finds out why"
    );
    assert_eq!(watch.quit, Some(Exit::Nobody));
}

#[test]
fn a_tracker_marks_what_has_changed_since_its_last_table() {
    let mut watch = Watch::new(Some(10), Form::Text);
    watch.enter(BOB, "bob", "CHAT");
    watch.pass(300);
    watch.enter(CAROL, "carol", "CHAT");
    watch.event(&Event::Join {
        peer: BOB,
        group: GroupName::new("DEV").unwrap(),
    });
    watch.pass(10_000);
    watch.event(&Event::Exit {
        peer: BOB,
        reason: ExitReason::Farewell,
    });
    watch.pass(10_000);
    assert_eq!(
        watch.shown(),
        "--- 21:04:05: 1 peer ---\n   \
         name  id        address           groups  since\n   \
         bob   b0111111  10.0.0.176:49152  CHAT    21:04:05\n\
         CHAT: bob\n\
         --- 21:04:15: 2 peers ---\n   \
         name   id        address           groups    since\n\
         *  bob    b0111111  10.0.0.176:49152  CHAT DEV  21:04:05\n\
         +  carol  ca111111  10.0.0.202:49152  CHAT      21:04:05\n\
         CHAT: bob, carol\n\
         DEV: bob\n\
         --- 21:04:25: 1 peer ---\n   \
         name   id        address           groups    since\n   \
         carol  ca111111  10.0.0.202:49152  CHAT      21:04:05\n\
         -  bob    b0111111  10.0.0.176:49152  CHAT DEV  21:04:05\n\
         CHAT: carol"
    );
    assert_eq!(watch.quit, None);
    watch
        .observer
        .handle_signal(watch.now, watch.wall(), Signal::Interrupt);
    watch.drain();
    assert_eq!(watch.quit, Some(Exit::Signal(Signal::Interrupt)));
}

#[test]
fn a_tracker_reports_records_with_what_has_changed() {
    let mut watch = Watch::new(Some(1), Form::Json);
    watch.enter(BOB, "bob", "CHAT");
    watch.pass(300);
    watch.event(&Event::Exit {
        peer: BOB,
        reason: ExitReason::Farewell,
    });
    watch.pass(1_000);
    assert_eq!(
        watch.shown(),
        "{\"event\":\"peer\",\"name\":\"bob\"}\n\
         {\"event\":\"group\",\"group\":\"CHAT\"}\n\
         {\"change\":\"gone\",\"event\":\"peer\",\"name\":\"bob\"}"
    );
}
