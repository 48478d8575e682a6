//! Two texts side by side: what was expected (`-`), what came (`+`), and where they part.

use gatepost::model::event::one_line;

/// The most lines of either text that are compared line by line.
const MOST_LINES: usize = 200;

/// The most characters of a line that are shown.
const WIDEST: usize = 200;

/// How `received` differs from `expected`, ready to print below a message.
pub(crate) fn difference(expected: &str, received: &str) -> String {
    let (old, new): (Vec<&str>, Vec<&str>) = (expected.split('\n').collect(), received.split('\n').collect());
    let is_short = old.len() == 1 && new.len() == 1;
    if is_short || old.len() > MOST_LINES || new.len() > MOST_LINES {
        return apart(expected, received);
    }
    by_line(&old, &new).join("\n")
}

/// Both texts from a little before the first difference, and a mark below it.
fn apart(expected: &str, received: &str) -> String {
    let same = expected.chars().zip(received.chars()).take_while(|(one, other)| one == other).count();
    let skipped = if same > WIDEST / 2 { same - WIDEST / 4 } else { 0 };
    let lead = if skipped > 0 { "…" } else { "" };
    let shown = |text: &str| {
        let tail = if text.chars().count() > skipped + WIDEST { "…" } else { "" };
        format!("{lead}{}{tail}", part(text, skipped, WIDEST))
    };
    // What both begin with may be wider on the screen than it is long.
    let shared = format!("{lead}{}", part(expected, skipped, same - skipped));
    let margin = " ".repeat(shared.chars().count());
    format!("  - {}\n  + {}\n    {margin}^ character {}", shown(expected), shown(received), same + 1)
}

/// So many characters of a text from there on, without any that a terminal would obey.
fn part(text: &str, skipped: usize, taken: usize) -> String {
    one_line(&text.chars().skip(skipped).take(taken).collect::<String>())
}

/// The lines of both, those that they share once, by the longest common subsequence.
fn by_line(old: &[&str], new: &[&str]) -> Vec<String> {
    let width = new.len() + 1;
    let mut table = vec![0_usize; (old.len() + 1) * width];
    for row in (0..old.len()).rev() {
        for column in (0..new.len()).rev() {
            table[row * width + column] = if old[row] == new[column] {
                table[(row + 1) * width + column + 1] + 1
            } else {
                table[(row + 1) * width + column].max(table[row * width + column + 1])
            };
        }
    }
    let cut = |mark: char, line: &str| format!("  {mark} {}", part(line, 0, WIDEST));
    let (mut row, mut column, mut lines) = (0, 0, Vec::new());
    while row < old.len() || column < new.len() {
        let both = row < old.len() && column < new.len();
        if both && old[row] == new[column] {
            lines.push(cut(' ', old[row]));
            row += 1;
            column += 1;
        } else if column == new.len() || (both && table[(row + 1) * width + column] >= table[row * width + column + 1])
        {
            lines.push(cut('-', old[row]));
            row += 1;
        } else {
            lines.push(cut('+', new[column]));
            column += 1;
        }
    }
    lines
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_line_has_a_mark_where_they_part() {
        assert_eq!(difference("hello", "help"), "  - hello\n  + help\n       ^ character 4");
        assert_eq!(difference("", "x"), "  - \n  + x\n    ^ character 1");
    }

    #[test]
    fn nothing_turns_or_moves_what_is_shown() {
        let table = [
            ("a\u{202e}\u{2066}\u{200f}", "b", "  - a\\u{202e}\\u{2066}\\u{200f}\n  + b\n    ^ character 1"),
            ("\u{1b}a", "\u{1b}b", "  - \\u{1b}a\n  + \\u{1b}b\n          ^ character 2"),
            ("a\nb", "a\n\u{202e}b", "    a\n  - b\n  + \\u{202e}b"),
        ];
        for (expected, received, shown) in table {
            assert_eq!(difference(expected, received), shown);
        }
    }

    #[test]
    fn a_long_line_is_shown_where_they_part() {
        let long = "x".repeat(1000);
        let shown = difference(&format!("{long}a"), &format!("{long}b"));
        assert!(shown.lines().all(|line| line.chars().count() < 80), "{shown}");
        assert!(shown.contains("xa\n") && shown.ends_with("^ character 1001"), "{shown}");
    }

    #[test]
    fn lines_that_are_shared_stand_once() {
        assert_eq!(
            difference("{\n  \"a\": 1,\n  \"b\": 2\n}", "{\n  \"a\": 1,\n  \"c\": 3\n}"),
            "    {\n      \"a\": 1,\n  -   \"b\": 2\n  +   \"c\": 3\n    }"
        );
        assert_eq!(difference("a", "a\nb"), "    a\n  + b");
    }
}
