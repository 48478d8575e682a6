//! Two texts side by side: what was expected (`-`), what came (`+`), and where they part.

/// The most lines of either text that are compared line by line.
const MOST_LINES: usize = 200;

/// The most characters of a line that are shown.
const WIDEST: usize = 200;

/// How `received` differs from `expected`, ready to print below a message.
pub(crate) fn difference(expected: &str, received: &str) -> String {
    let (old, new): (Vec<&str>, Vec<&str>) = (expected.split('\n').collect(), received.split('\n').collect());
    let one_line = old.len() == 1 && new.len() == 1;
    if one_line || old.len() > MOST_LINES || new.len() > MOST_LINES {
        return apart(expected, received);
    }
    by_line(&old, &new).join("\n")
}

/// Both texts from a little before the first difference, and a mark below it.
fn apart(expected: &str, received: &str) -> String {
    let same = expected.chars().zip(received.chars()).take_while(|(one, other)| one == other).count();
    let skipped = if same > WIDEST / 2 { same - WIDEST / 4 } else { 0 };
    let shown = |text: &str| {
        let lead = if skipped > 0 { "…" } else { "" };
        let visible: String = text.chars().skip(skipped).take(WIDEST).map(visible).collect();
        let tail = if text.chars().count() > skipped + WIDEST { "…" } else { "" };
        format!("{lead}{visible}{tail}")
    };
    let column = same - skipped + usize::from(skipped > 0);
    format!("  - {}\n  + {}\n    {}^ character {}", shown(expected), shown(received), " ".repeat(column), same + 1)
}

/// A character as one that moves nothing on a terminal.
fn visible(char: char) -> char {
    if char.is_control() { '\u{fffd}' } else { char }
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
    let cut =
        |mark: char, line: &str| format!("  {mark} {}", line.chars().take(WIDEST).map(visible).collect::<String>());
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
        assert_eq!(difference("a\u{1b}", "b"), "  - a\u{fffd}\n  + b\n    ^ character 1");
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
