//! Subjects that look alike: an application that lets visitors choose their names lets one pass for another (H19).

use std::collections::HashMap;

use unicode_security::skeleton;

use crate::words::Subject;

/// Pairs of lines whose subjects look alike, the later line first, in the order of the file.
///
/// By the confusables of Unicode (UTS #39, section 4). Names of ASCII alone are not compared with each other: `bern` is
/// not meant to be `bem`, and identifiers full of `0` and `O` would bury what matters.
pub(super) fn look_alikes<'a>(subjects: impl Iterator<Item = (&'a Subject, u64)> + Clone) -> Vec<(u64, u64)> {
    let is_odd = |subject: &Subject| !subject.as_str().is_ascii();
    let looks = |subject: &Subject| skeleton(subject.as_str()).collect::<String>();
    // Per look, the lines of those that have letters beyond ASCII.
    let mut odd: HashMap<String, Vec<u64>> = HashMap::new();
    for (subject, line) in subjects.clone().filter(|(subject, _)| is_odd(subject)) {
        odd.entry(looks(subject)).or_default().push(line);
    }
    let mut pairs = Vec::new();
    if !odd.is_empty() {
        for (subject, line) in subjects.filter(|(subject, _)| !is_odd(subject)) {
            let like = odd.get(&looks(subject)).into_iter().flatten();
            pairs.extend(like.map(|&other| (line.max(other), line.min(other))));
        }
    }
    for mut lines in odd.into_values() {
        lines.sort_unstable();
        pairs.extend(lines.windows(2).filter_map(|two| Some((*two.get(1)?, *two.first()?))));
    }
    pairs.sort_unstable();
    pairs
}
