//! Messages in any mixture, written in portions of any size, and cut off anywhere.

use proptest::prelude::*;

use super::*;

/// Takes as much at a time as its portions say, then nothing more until the next ones.
struct Portions {
    sizes: Vec<usize>,
    taken: Vec<u8>,
}

impl Write for Portions {
    fn write(&mut self, octets: &[u8]) -> io::Result<usize> {
        let Some(size) = self.sizes.pop() else {
            return Err(io::ErrorKind::WouldBlock.into());
        };
        let taken = size.min(octets.len());
        self.taken.extend_from_slice(&octets[..taken]);
        Ok(taken)
    }

    fn write_vectored(&mut self, parts: &[IoSlice<'_>]) -> io::Result<usize> {
        let all: Vec<u8> = parts.iter().flat_map(|part| part.to_vec()).collect();
        self.write(&all)
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

/// A message as it is on the wire.
fn on_the_wire(header: &[u8], content: &[Frame]) -> Vec<u8> {
    let mut octets = Vec::new();
    let frames = std::iter::once(header).chain(content.iter().map(|frame| &**frame));
    let count = 1 + content.len();
    for (index, frame) in frames.enumerate() {
        let flags = if index + 1 < count { MORE } else { 0 };
        frame_head(&mut octets, flags, frame.len());
        octets.extend_from_slice(frame);
    }
    octets
}

fn frames() -> impl Strategy<Value = Vec<Frame>> {
    let size = prop_oneof![0_usize..300, 1_900_usize..2_200, Just(70_000_usize)];
    let frame = (any::<u8>(), size).prop_map(|(octet, size)| Frame::from(vec![octet; size]));
    prop::collection::vec(frame, 0..4)
}

/// Everything that is written until nothing is left, each portion as large as one of these, or cut off.
#[derive(Debug, Clone)]
enum Step {
    Take(Vec<usize>),
    CutOff,
}

fn steps() -> impl Strategy<Value = Vec<Step>> {
    let take = prop::collection::vec(1_usize..100_000, 0..6).prop_map(Step::Take);
    prop::collection::vec(prop_oneof![4 => take, 1 => Just(Step::CutOff)], 0..20)
}

proptest! {
    #[test]
    fn over_each_connection_go_whole_messages_in_order_from_the_first_that_was_not_written(
        messages in prop::collection::vec(frames(), 1..20),
        steps in steps(),
    ) {
        let mut queue = Queue::new();
        let mut spare = Spare::default();
        let wire = messages.iter().map(|content| on_the_wire(b"header", content));
        let wire: Vec<Vec<u8>> = wire.collect();
        for content in &messages {
            let cost = cost(b"header", content.iter());
            queue.push(b"header", content.iter(), cost, &mut spare);
        }
        let mut portions = Portions { sizes: Vec::new(), taken: Vec::new() };
        // How many messages were completely written over earlier connections.
        let mut done = 0;
        for step in steps.into_iter().chain([Step::Take(vec![usize::MAX; 200])]) {
            if let Step::Take(sizes) = &step {
                portions.sizes.clone_from(sizes);
                while queue.unwritten() > 0
                    && !queue.write(&mut portions, &mut spare).unwrap().is_full
                {}
            }
            let mut taken = &portions.taken[..];
            let mut index = done;
            while let Some(message) = wire.get(index) && taken.len() >= message.len() {
                prop_assert!(taken[..message.len()] == message[..]);
                taken = &taken[message.len()..];
                index += 1;
            }
            prop_assert!(wire.get(index).is_none_or(|message| message.starts_with(taken)));
            let left = &messages[index..];
            let contents = left.iter().filter(|content| !content.is_empty()).count();
            prop_assert_eq!(queue.contents(), contents as u64);
            let costs = left.iter().map(|content| cost(b"header", content.iter()));
            prop_assert_eq!(queue.cost(), costs.sum::<u64>());
            if matches!(step, Step::CutOff) {
                let written = queue.written();
                queue.rewind(written, &mut spare);
                portions.taken.clear();
                done = index;
            }
        }
        prop_assert_eq!(queue.unwritten(), 0);
        prop_assert_eq!(queue.cost(), 0);
    }
}

#[test]
fn what_is_kept_of_messages_is_within_what_they_cost() {
    for size in [0, 10, 100, 1_000, 1_999, 2_048, 5_000, 100_000] {
        let mut queue = Queue::new();
        let mut spare = Spare::default();
        let frame = Frame::from(vec![7; size]);
        for _ in 0..10_000 {
            let content = [frame.clone()];
            let cost = cost(b"a header", content.iter());
            queue.push(b"a header", content.iter(), cost, &mut spare);
        }
        let kept = queue.held() as u64
            + if size < SHARED_OCTETS {
                0
            } else {
                10_000 * size as u64
            };
        assert!(
            kept <= queue.cost() / 20 * 21 + PIECE as u64,
            "{size}: {kept} of {}",
            queue.cost()
        );
    }
}
