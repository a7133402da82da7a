//! All attacks at once, and some of them in any order.

use std::time::{Duration, Instant};

use crate::figure::figure;
use crate::ground::{Attack, Ground};
use crate::{
    beacons, connections, crowds, identities, listeners, messages, notes, peers, phases, unfinished,
};

/// Every attack there is.
pub(crate) const ATTACKS: [(&str, Attack); 56] = [
    ("beacons::nobody", beacons::nobody),
    ("beacons::at_a_mailbox", beacons::at_a_mailbox),
    ("beacons::taken_ids", beacons::taken_ids),
    ("beacons::farewells", beacons::farewells),
    ("beacons::garbage", beacons::garbage),
    ("beacons::spoofed", beacons::spoofed),
    ("beacons::false_farewells", beacons::false_farewells),
    (
        "beacons::taken_ids_from_anywhere",
        beacons::taken_ids_from_anywhere,
    ),
    ("connections::stop_anywhere", connections::stop_anywhere),
    ("connections::speak_otherwise", connections::speak_otherwise),
    ("connections::too_many", connections::too_many),
    ("connections::come_and_go", connections::come_and_go),
    ("connections::commands", connections::commands),
    ("connections::giants", connections::giants),
    ("connections::other_kinds", connections::other_kinds),
    ("crowds::connections", crowds::connections),
    ("crowds::large_hellos", crowds::large_hellos),
    ("crowds::of_nobody", crowds::of_nobody),
    ("crowds::one_way", crowds::one_way),
    ("identities::as_bob", identities::as_bob),
    ("identities::as_bob_and_stay", identities::as_bob_and_stay),
    ("identities::with_proofs", identities::with_proofs),
    ("identities::two_places", identities::two_places),
    ("identities::anonymous", identities::anonymous),
    ("listeners::silent", listeners::silent),
    ("listeners::ending", listeners::ending),
    ("listeners::sending", listeners::sending),
    ("listeners::garbage", listeners::garbage),
    ("listeners::deaf", listeners::deaf),
    ("listeners::slow", listeners::slow),
    ("listeners::chattering", listeners::chattering),
    ("listeners::fill_and_break", listeners::fill_and_break),
    ("messages::mangled", messages::mangled),
    ("messages::billions", messages::billions),
    ("messages::wrong_status", messages::wrong_status),
    ("messages::any_routing_id", messages::any_routing_id),
    ("messages::hidden", messages::hidden),
    ("messages::unreadable", messages::unreadable),
    ("notes::private_chats", notes::private_chats),
    ("notes::away", notes::away),
    ("notes::mangled", notes::mangled),
    ("peers::come_and_go", peers::come_and_go),
    ("peers::join_without_end", peers::join_without_end),
    ("peers::rename_without_end", peers::rename_without_end),
    ("peers::whisper_without_end", peers::whisper_without_end),
    ("peers::elsewhere", peers::elsewhere),
    ("peers::deaf", peers::deaf),
    ("peers::flap", peers::flap),
    ("peers::rename_at_once", peers::rename_at_once),
    ("peers::ping_without_end", peers::ping_without_end),
    ("peers::half_closed", peers::half_closed),
    ("peers::hundreds_deaf", peers::hundreds_deaf),
    ("phases::every", phases::every),
    ("unfinished::many", unfinished::many),
    ("unfinished::large", unfinished::large),
    (
        "unfinished::thousands_of_frames",
        unfinished::thousands_of_frames,
    ),
];

#[test]
fn all_attacks_together() {
    let Some(mut ground) = Ground::new() else {
        return;
    };
    let all: Vec<Attack> = ATTACKS.iter().map(|(_, attack)| *attack).collect();
    ground.withstand("all attacks together", &all, Duration::from_secs(8));
    ground.close();
}

/// Goal: what no attack does alone, no three of them do together, one set after another against the
/// same node. Method: sets from a seed; `make hostile SECONDS=600 SEED=7` goes on for as long as it
/// is told.
#[test]
fn attacks_in_any_combination_one_after_another() {
    let number = |name: &str| std::env::var(name).ok()?.parse::<u64>().ok();
    let time = Duration::from_secs(number("ZCHAT_HOSTILE_SECONDS").unwrap_or(12));
    let mut seed = number("ZCHAT_HOSTILE_SEED").unwrap_or(1);
    let Some(mut ground) = Ground::new() else {
        return;
    };
    let until = Instant::now() + time;
    let mut sets = 0;
    while Instant::now() < until {
        let set = [(); 3].map(|()| pick(&mut seed));
        let name = set.map(|(name, _)| name).join(" + ");
        eprintln!("{name}");
        ground.withstand(
            &name,
            &set.map(|(_, attack)| attack),
            Duration::from_secs(3),
        );
        sets += 1;
    }
    figure(&format!("sets of three attacks, one after another: {sets}"));
    ground.close();
}

/// One of the attacks, by Sebastiano Vigna's generator `SplitMix64`.
fn pick(seed: &mut u64) -> (&'static str, Attack) {
    *seed = seed.wrapping_add(0x9e37_79b9_7f4a_7c15);
    let mut mixed = *seed;
    mixed = (mixed ^ mixed >> 30).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    mixed = (mixed ^ mixed >> 27).wrapping_mul(0x94d0_49bb_1331_11eb);
    mixed ^= mixed >> 31;
    ATTACKS[usize::try_from(mixed % ATTACKS.len() as u64).unwrap()]
}
