//! "Did you mean …?": the nearest of the words that would have been right.

/// A hint for a word that is none of `known`: the nearest one, or all of them if none is near.
pub(crate) fn hint<'a>(wrong: &str, known: impl IntoIterator<Item = &'a str>) -> String {
    let known: Vec<&str> = known.into_iter().collect();
    let nearest = known.iter().map(|word| (distance(wrong, word), word)).min();
    match nearest {
        Some((steps, word)) if steps * 3 <= word.len().max(3) => format!("did you mean `{word}`?"),
        _ => {
            let quoted: Vec<String> = known.iter().map(|word| format!("`{word}`")).collect();
            format!("one of {}", quoted.join(", "))
        }
    }
}

/// Insertions, deletions and substitutions from one word to the other, without regard to case.
fn distance(left: &str, right: &str) -> usize {
    let right: Vec<char> = right.to_ascii_lowercase().chars().collect();
    let mut row: Vec<usize> = (0..=right.len()).collect();
    for (i, l) in left.to_ascii_lowercase().chars().enumerate() {
        let mut diagonal = i;
        row[0] = i + 1;
        for (j, r) in right.iter().enumerate() {
            let cost = diagonal + usize::from(l != *r);
            diagonal = row[j + 1];
            row[j + 1] = cost.min(row[j] + 1).min(diagonal + 1);
        }
    }
    row[right.len()]
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_nearest_word_or_all_of_them() {
        let known = ["Basic", "WSSE", "Bearer"];
        assert_eq!(hint("basik", known), "did you mean `Basic`?");
        assert_eq!(hint("wse", known), "did you mean `WSSE`?");
        assert_eq!(hint("Kerberos", known), "one of `Basic`, `WSSE`, `Bearer`");
    }

    #[test]
    fn distances() {
        for (left, right, steps) in [("", "", 0), ("a", "", 1), ("kitten", "sitting", 3), ("ABC", "abc", 0)] {
            assert_eq!(distance(left, right), steps, "{left} {right}");
        }
    }
}
