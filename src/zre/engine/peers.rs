//! All peers by their ids: [`Peers`].

use super::peer::Peer;
use crate::zre::PeerId;

/// The peers, sorted by their ids.
///
/// They are looked up for every beacon that comes, and among thousands of peers the price of that is the
/// memory that has to be read on the way, which no cache holds. So the search reads ids only, side by
/// side, and then the one peer that it is about is read, by whoever wants something of it.
///
/// Whoever is new moves those behind it up, 24 octets each: 240 KB among 10,000, some microseconds, once.
#[derive(Debug, Default)]
pub(super) struct Peers {
    ids: Vec<PeerId>,
    /// In the same order.
    #[expect(
        clippy::vec_box,
        reason = "whoever is new moves those behind it up, and a peer is large"
    )]
    peers: Vec<Box<Peer>>,
}

impl Peers {
    pub(super) fn get(&self, id: &PeerId) -> Option<&Peer> {
        let at = self.ids.binary_search(id).ok()?;
        self.peers.get(at).map(Box::as_ref)
    }

    pub(super) fn get_mut(&mut self, id: &PeerId) -> Option<&mut Peer> {
        let at = self.ids.binary_search(id).ok()?;
        self.peers.get_mut(at).map(Box::as_mut)
    }

    pub(super) fn contains_key(&self, id: &PeerId) -> bool {
        self.ids.binary_search(id).is_ok()
    }

    /// A peer that is new, or another one in its place.
    pub(super) fn insert(&mut self, id: PeerId, peer: Peer) {
        match self.ids.binary_search(&id) {
            Ok(at) => {
                if let Some(known) = self.peers.get_mut(at) {
                    **known = peer;
                }
            }
            Err(at) => {
                self.ids.insert(at, id);
                self.peers.insert(at, Box::new(peer));
            }
        }
    }

    pub(super) fn remove(&mut self, id: &PeerId) {
        if let Ok(at) = self.ids.binary_search(id) {
            self.ids.remove(at);
            self.peers.remove(at);
        }
    }

    /// All of them, in the order of their ids.
    pub(super) fn iter(&self) -> impl Iterator<Item = (&PeerId, &Peer)> {
        self.ids.iter().zip(self.peers.iter().map(Box::as_ref))
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;
    use std::time::Instant;

    use super::*;
    use crate::zre::Link;

    /// Goal: whoever is known is found, and nobody else. Method: ids come and go in an order without order,
    /// and all that is there is compared with a map of the standard library.
    #[test]
    fn peers_are_found_as_in_a_map() {
        #[allow(
            clippy::disallowed_methods,
            reason = "a peer has to be heard at some time"
        )]
        let now = Instant::now();
        let place = Link::plain(([10, 0, 0, 1], 49_152).into(), None);
        let id = |number: u32| {
            let mut octets = [7; 16];
            let [.., high, low] = number.to_be_bytes();
            (octets[0], octets[15]) = (high % 3, low % 5);
            PeerId::from_bytes(octets)
        };
        let mut peers = Peers::default();
        let mut model = BTreeMap::new();
        let mut number = 1_u32;
        for serial in 0..2_000 {
            number = number.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
            let id = id(number >> 8);
            if number >> 31 == 0 {
                peers.insert(id, Peer::new(now, serial, place.clone()));
                model.insert(id, serial);
            } else {
                peers.remove(&id);
                model.remove(&id);
            }
            assert_eq!(
                peers.get(&id).map(|peer| peer.serial),
                model.get(&id).copied()
            );
            assert_eq!(peers.contains_key(&id), model.contains_key(&id));
            let all: Vec<(PeerId, u64)> =
                peers.iter().map(|(id, peer)| (*id, peer.serial)).collect();
            assert_eq!(
                all,
                model.clone().into_iter().collect::<Vec<_>>(),
                "{serial}"
            );
        }
        assert!(!model.is_empty());
    }
}
