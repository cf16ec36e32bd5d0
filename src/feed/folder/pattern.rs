//! Names of files as a pattern: `{id}-{view}.jpg`.

use crate::feed::problem::FeedProblem;

/// How many parts of a pattern may stand for something.
const MOST_HOLES: usize = 8;

/// A pattern over a path inside a folder, its parts separated by `/`.
#[derive(Debug)]
pub(super) struct Pattern {
    parts: Vec<Part>,
    /// Names of the holes, in order; `*` has none.
    pub names: Vec<Option<String>>,
    /// Whether it says how names end; else any ending will do.
    ending: bool,
}

#[derive(Debug)]
enum Part {
    Text(String),
    Hole,
}

impl Pattern {
    /// Reads one.
    pub fn parse(written: &str) -> Result<Self, FeedProblem> {
        let wrong = |message: String| {
            FeedProblem::new("feed::pattern", message)
                .label("the pattern is for this folder")
                .help("write it like `{id}-{view}.jpg`, `{id}/{view}` or `{brand}/{id}/*`")
        };
        let mut pattern = Pattern { parts: Vec::new(), names: Vec::new(), ending: false };
        let mut rest = written.trim();
        while let Some(at) = rest.find(['{', '*']) {
            let (text, from) = rest.split_at(at);
            if text.is_empty() && matches!(pattern.parts.last(), Some(Part::Hole)) {
                let message = format!("two parts of the pattern `{written}` have nothing between");
                return Err(wrong(message));
            }
            pattern.add_text(text);
            let name = if let Some(after) = from.strip_prefix('*') {
                rest = after;
                None
            } else {
                let Some((name, after)) = from[1..].split_once('}') else {
                    return Err(wrong(format!("the pattern `{written}` lacks a `}}`")));
                };
                rest = after;
                if !is_name(name) || pattern.names.iter().flatten().any(|n| n == name) {
                    let message =
                        format!("`{{{name}}}` in the pattern can't be a name, or is twice");
                    return Err(wrong(message));
                }
                Some(name.to_owned())
            };
            pattern.parts.push(Part::Hole);
            pattern.names.push(name);
        }
        pattern.add_text(rest);
        let last = written.rsplit('/').next().unwrap_or_default();
        pattern.ending = last.rsplit('}').next().is_some_and(|end| end.contains('.'));
        if pattern.names.len() > MOST_HOLES {
            return Err(wrong(format!("the pattern has more than {MOST_HOLES} parts in braces")));
        }
        if !pattern.names.iter().flatten().any(|name| name == "id") {
            return Err(wrong(format!("the pattern `{written}` has no `{{id}}`")));
        }
        Ok(pattern)
    }

    fn add_text(&mut self, text: &str) {
        if !text.is_empty() {
            self.parts.push(Part::Text(text.to_ascii_lowercase()));
        }
    }

    /// Names of the holes that are neither the id nor the view.
    pub fn others(&self) -> impl Iterator<Item = &str> {
        let names = self.names.iter().flatten().map(String::as_str);
        names.filter(|name| !matches!(*name, "id" | "view"))
    }

    /// What a path has in place of each hole; `None` where it does not fit. Where a path fits in
    /// several ways, the first holes are as long as can be: `mug-terra-front` is the view `front`
    /// of `mug-terra`.
    pub fn fit<'p>(&self, path: &'p str) -> Option<Vec<&'p str>> {
        let whole = match self.ending {
            true => path,
            false => path.rsplit_once('.').map_or(path, |(stem, _)| stem),
        };
        let mut dead = vec![false; self.parts.len() * (whole.len() + 1)];
        let mut holes = Vec::new();
        self.fit_from(whole, 0, 0, &mut dead, &mut holes).then_some(holes)
    }

    fn fit_from<'p>(
        &self,
        whole: &'p str,
        part: usize,
        at: usize,
        dead: &mut [bool],
        holes: &mut Vec<&'p str>,
    ) -> bool {
        let Some(found) = self.parts.get(part) else { return at == whole.len() };
        let known = part * (whole.len() + 1) + at;
        if dead[known] {
            return false;
        }
        let fits = match found {
            Part::Text(text) => {
                let here = whole.as_bytes().get(at..at + text.len());
                here.is_some_and(|here| here.eq_ignore_ascii_case(text.as_bytes()))
                    && self.fit_from(whole, part + 1, at + text.len(), dead, holes)
            }
            Part::Hole => {
                let rest = &whole[at..];
                let longest = rest.find('/').unwrap_or(rest.len());
                let ends = (1..=longest).rev().filter(|end| rest.is_char_boundary(*end));
                let depth = holes.len();
                let mut fits = false;
                for end in ends {
                    holes.push(&rest[..end]);
                    fits = self.fit_from(whole, part + 1, at + end, dead, holes);
                    if fits {
                        break;
                    }
                    holes.truncate(depth);
                }
                fits
            }
        };
        dead[known] = !fits;
        fits
    }
}

fn is_name(name: &str) -> bool {
    name.starts_with(|c: char| c.is_ascii_alphabetic() || c == '_')
        && name.chars().all(|c| c.is_ascii_alphanumeric() || c == '_')
}

#[cfg(test)]
mod tests {
    use super::*;

    fn fit(pattern: &str, path: &str) -> Option<String> {
        let pattern = Pattern::parse(pattern).expect("a good pattern");
        pattern.fit(path).map(|holes| holes.join(" | "))
    }

    #[test]
    fn holes_take_as_much_as_they_can_from_the_left() {
        assert_eq!(
            fit("{id}-{view}.jpg", "mug-terra-front.JPG").as_deref(),
            Some("mug-terra | front")
        );
        assert_eq!(fit("{id}-{view}", "mug-1.webp").as_deref(), Some("mug | 1"));
        assert_eq!(fit("{brand}/{id}/*", "a/b/c.png").as_deref(), Some("a | b | c"));
        assert_eq!(fit("{id}_{view}.*", "é_ö.png").as_deref(), Some("é | ö | png"));
        assert_eq!(fit("{id}-{view}.jpg", "mug.jpg"), None);
        assert_eq!(fit("{id}-{view}.jpg", "-front.jpg"), None);
        assert_eq!(fit("{id}", "a/b.jpg"), None);
    }

    #[test]
    fn many_holes_over_a_long_name_end_soon() {
        let path = "-".repeat(250);
        assert_eq!(fit("{id}-{a}-{b}-{c}-{d}-{e}-{f}.x", &path), None);
    }

    #[test]
    fn what_is_no_pattern_is_said() {
        for wrong in ["photo.jpg", "{view}.jpg", "{id", "{id}{view}", "{id}-{id}", "{i d}", "{id}*"]
        {
            assert!(Pattern::parse(wrong).is_err(), "{wrong}");
        }
    }
}
