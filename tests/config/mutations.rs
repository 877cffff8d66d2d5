//! Whatever a config has become on its way, it is read or refused: never a panic (F05).

use proptest::prelude::*;

use crate::{SMALL, Written, example};

fn mutated(text: &str, changes: &[(usize, u8, u8)]) -> Vec<u8> {
    let mut bytes = text.as_bytes().to_vec();
    for &(place, kind, byte) in changes {
        let place = place % bytes.len().max(1);
        match kind % 4 {
            0 if !bytes.is_empty() => drop(bytes.remove(place)),
            1 => bytes.insert(place, byte),
            2 => bytes.extend_from_within(place..(place + usize::from(byte)).min(bytes.len())),
            _ if !bytes.is_empty() => bytes[place] = byte,
            _ => {}
        }
    }
    bytes
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 300, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn a_mutated_config_never_panics(changes in prop::collection::vec((any::<usize>(), any::<u8>(), any::<u8>()), 1..8)) {
        for text in [SMALL, &example::text()] {
            if let Err(error) = Written::new(&mutated(text, &changes)).plan() {
                prop_assert!(!error.message.is_empty());
            }
        }
    }
}
