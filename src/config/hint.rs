//! "Did you mean": the known word that is closest to a mistyped one.

/// `: did you mean …?` with the closest of `known`, or nothing when none is close.
#[must_use]
pub fn did_you_mean<'a>(typed: &str, known: impl IntoIterator<Item = &'a str>) -> String {
    let typed = typed.to_lowercase();
    // One slip in three characters: enough for swapped and missing letters, too little to turn one word into another.
    let allowed = (typed.chars().count() / 3).max(1);
    let closest = known
        .into_iter()
        .map(|word| (strsim::damerau_levenshtein(&typed, &word.to_lowercase()), word))
        .filter(|(slips, word)| *slips <= allowed || is_plural(&typed, word))
        .min();
    closest.map_or_else(String::new, |(_, word)| format!(": did you mean `{word}`?"))
}

fn is_plural(typed: &str, word: &str) -> bool {
    typed.strip_suffix('s') == Some(word) || word.strip_suffix('s') == Some(typed)
}

/// The sentence about a name that the config defines nowhere: with the closest one that it does, or with all of a few.
#[must_use]
pub fn unknown<'a>(what: &str, typed: &str, known: impl IntoIterator<Item = &'a str> + Clone) -> String {
    let hint = did_you_mean(typed, known.clone());
    if !hint.is_empty() {
        return format!("unknown {what} `{typed}`{hint}");
    }
    let names: Vec<String> = known.into_iter().take(9).map(|name| format!("`{name}`")).collect();
    match names.len() {
        0 => format!("unknown {what} `{typed}`: the config defines none"),
        1..=8 => format!("unknown {what} `{typed}`: there is {}", names.join(", ")),
        _ => format!("unknown {what} `{typed}`"),
    }
}
