//! Near misses: which known name was probably meant.

/// The known name that `written` is a slip of; none when nothing is near, or when two are equally near.
pub(crate) fn nearest<'a>(
    written: &str,
    known: impl IntoIterator<Item = &'a str>,
) -> Option<&'a str> {
    let lower = written.to_lowercase();
    let allowed = match written.chars().count() {
        0..=2 => 0,
        3..=4 => 1,
        5..=8 => 2,
        _ => 3,
    };
    let mut best: Option<(usize, &str)> = None;
    let mut tied = false;
    for name in known {
        if name == written || is_another_word(written, name) {
            continue;
        }
        // Case, dashes and underscores are the commonest slips, and cost nothing.
        let distance = if plain(&lower) == plain(&name.to_lowercase()) {
            0
        } else {
            strsim::osa_distance(&lower, &name.to_lowercase())
        };
        if distance > allowed || distance >= name.chars().count() {
            continue;
        }
        match best {
            Some((least, _)) if distance > least => {}
            Some((least, _)) if distance == least => tied = true,
            _ => {
                best = Some((distance, name));
                tied = false;
            }
        }
    }
    best.filter(|_| !tied).map(|(_, name)| name)
}

/// Whether one is the other with a word more: `taskId` is no slip of `task`, nor `replaceAll` of `replace`.
fn is_another_word(a: &str, b: &str) -> bool {
    let (short, long) = if a.len() < b.len() { (a, b) } else { (b, a) };
    let more = long.strip_prefix(short).unwrap_or_default();
    more.len() > 1 && more.starts_with(|c: char| c.is_uppercase() || matches!(c, '-' | '_' | ':'))
}

fn plain(name: &str) -> String {
    name.chars()
        .filter(|c| !matches!(c, '-' | '_' | ' '))
        .collect()
}

#[cfg(test)]
mod tests {
    use super::nearest;

    #[test]
    fn near_misses() {
        let known = ["repoUrl", "remoteUrl", "name", "description"];
        assert_eq!(nearest("repoURL", known), Some("repoUrl"));
        assert_eq!(nearest("repo_url", known), Some("repoUrl"));
        assert_eq!(nearest("nme", known), Some("name"));
        assert_eq!(nearest("descripton", known), Some("description"));
        assert_eq!(nearest("owner", known), None);
        assert_eq!(nearest("ab", ["ac", "ad"]), None);
        assert_eq!(nearest("taskId", ["task"]), None);
        assert_eq!(nearest("replaceAll", ["replace"]), None);
        assert_eq!(nearest("tost", ["test", "toast"]), None);
    }
}
