//! How many mails of a list fill a page, guessed from a few of them. Only a guess: what is behind is looked at where it was wrong.

/// Mails that are looked at.
const PEEKS: usize = 24;

/// Places of a list that are looked at: evenly spread. None where the list is hardly longer.
pub fn places(listed: usize) -> Vec<usize> {
    if listed < PEEKS * 4 {
        return Vec::new();
    }
    (0..PEEKS).map(|n| (2 * n + 1) * listed / (2 * PEEKS)).collect()
}

/// How many of a list's mails come to a page's end: up to the first place that held what is looked for, and from there half as
/// many again as `wanted` of them take. All, where no place did.
pub fn share(held: &[bool], places: &[usize], listed: usize, wanted: usize) -> usize {
    let Some(first) = held.iter().position(|held| *held) else { return listed };
    let (found, among) = (held.iter().filter(|held| **held).count(), held.len() - first);
    let begin = places.get(first).copied().unwrap_or(0);
    (begin + wanted * 3 * among / (found * 2) + 1).min(listed)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_page_is_guessed_from_where_words_begin() {
        let places = places(480);
        assert_eq!((places.len(), places[0], places[23]), (24, 10, 470));
        let held: Vec<bool> = (0..24).map(|n| n >= 12).collect();
        // In each from the 250th on.
        assert_eq!(share(&held, &places, 480, 50), 250 + 75 + 1);
        // In every second of all.
        let held: Vec<bool> = (0..24).map(|n| n % 2 == 0).collect();
        assert_eq!(share(&held, &places, 480, 50), 10 + 150 + 1);
        // More than there are; nowhere; a short list, at which nobody looks.
        assert_eq!(share(&held, &places, 480, 400), 480);
        assert_eq!(share(&[false; 24], &places, 480, 50), 480);
        assert_eq!(super::places(95), [0_usize; 0]);
        assert_eq!(share(&[], &[], 95, 50), 95);
    }
}
