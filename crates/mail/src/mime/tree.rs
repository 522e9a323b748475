//! A mail taken apart into its parts, in one walk over its lines.
//!
//! Parts are kept small and flat: a mail may have twenty thousand of them. Attached mails are not entered: they are files.

use memchr::memmem;

use super::boundary::{Line, guess, look};
use super::content::Content;
use crate::header::block::{extent, line_end, start};
use crate::limits;

/// A part as it stands in the source.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Part<'a> {
    pub(crate) header: &'a [u8],
    pub(crate) body: &'a [u8],
    /// Where its body begins in the source.
    pub(crate) begin: usize,
    parent: Option<u32>,
    /// Its place among its parent's parts.
    place: u32,
    /// A multipart that has parts.
    divided: bool,
    /// A multipart whose parts are mails.
    digest: bool,
    /// A multipart that stands too deep to be taken apart.
    pub(crate) too_deep: bool,
}

impl Part<'_> {
    /// Whether it stands directly in the part `parent`.
    pub(crate) fn is_in(&self, parent: usize) -> bool {
        self.parent.is_some_and(|id| usize::try_from(id) == Ok(parent))
    }
}

/// All parts, parents before their children; the first is the mail itself.
#[derive(Debug)]
pub(crate) struct Tree<'a> {
    pub(crate) parts: Vec<Part<'a>>,
    /// Whether there were more parts than are kept.
    pub(crate) too_many: bool,
}

impl<'a> Tree<'a> {
    /// Takes a mail apart.
    pub(crate) fn read(source: &'a [u8]) -> Self {
        let tree = Tree { parts: Vec::new(), too_many: false };
        let mut walk = Walk { source, tree, open: Vec::new(), boundaries: Vec::new() };
        walk.run();
        walk.tree
    }

    pub(crate) fn part(&self, id: usize) -> Option<&Part<'a>> {
        self.parts.get(id)
    }

    /// What a part is. The parts of a digest are mails, where they do not say otherwise; a multipart without parts is text.
    pub(crate) fn content(&self, id: usize) -> Content {
        let Some(part) = self.part(id) else { return Content::read(&[], "text/plain") };
        let parent = part.parent.and_then(|parent| self.part(usize::try_from(parent).ok()?));
        let in_digest = parent.is_some_and(|parent| parent.digest);
        let mut content = Content::read(part.header, if in_digest { "message/rfc822" } else { "text/plain" });
        if content.is_multipart() && !part.divided && !part.too_deep {
            "text/plain".clone_into(&mut content.media_type);
        }
        content
    }

    /// The parts directly within a part, in order.
    pub(crate) fn children(&self) -> Vec<Vec<usize>> {
        let mut children = vec![Vec::new(); self.parts.len()];
        for (id, part) in self.parts.iter().enumerate() {
            if let Some(list) = part.parent.and_then(|parent| children.get_mut(usize::try_from(parent).ok()?)) {
                list.push(id);
            }
        }
        children
    }

    /// Where a part stands, such as `1.0`, counted from 0 as Gmail's part ids are: the second part's first part. The only
    /// part of a simple mail is `0`.
    pub(crate) fn path(&self, id: usize) -> String {
        let mut places = Vec::new();
        let mut at = self.part(id);
        while let Some(part) = at {
            let Some(parent) = part.parent else { break };
            places.push(part.place.to_string());
            at = usize::try_from(parent).ok().and_then(|parent| self.part(parent));
        }
        places.reverse();
        if places.is_empty() { "0".to_owned() } else { places.join(".") }
    }

    /// The part that stands at a path.
    pub(crate) fn find(&self, path: &str) -> Option<usize> {
        let mut at = 0;
        if self.parts.first()?.divided {
            for place in path.split('.') {
                let place: u32 = place.parse().ok()?;
                let child = |part: &Part<'_>| part.parent == u32::try_from(at).ok() && part.place == place;
                at = self.parts.iter().position(child)?;
            }
        } else if path != "0" {
            return None;
        }
        (self.path(at) == path).then_some(at)
    }
}

/// A multipart whose end was not seen yet.
struct Open {
    part: usize,
    parts: u32,
}

struct Walk<'a> {
    source: &'a [u8],
    tree: Tree<'a>,
    open: Vec<Open>,
    /// Their boundaries, in the same order.
    boundaries: Vec<Vec<u8>>,
}

impl<'a> Walk<'a> {
    fn run(&mut self) {
        let mut at = self.part(start(self.source), None);
        // The part that lines belong to now; none between the end of a multipart and the next boundary.
        let mut current = Some(0);
        while !self.open.is_empty() {
            let Some((begin, end, line)) = self.next_boundary(at) else { break };
            self.finish(current.take(), begin);
            let (Line::Begins(level) | Line::Ends(level)) = line else { break };
            self.close(level + 1);
            if matches!(line, Line::Ends(_)) {
                self.close(level);
                at = end;
            } else if self.tree.parts.len() >= limits::parts(self.source.len()) {
                self.tree.too_many = true;
                break;
            } else {
                let parent = self.open.last_mut().map(|open| {
                    open.parts += 1;
                    (open.part, open.parts - 1)
                });
                current = Some(self.tree.parts.len());
                at = self.part(end, parent);
            }
        }
        self.finish(current, self.source.len());
        self.close(0);
    }

    /// The next line that is the boundary of an open multipart: where it begins and ends.
    fn next_boundary(&self, from: usize) -> Option<(usize, usize, Line)> {
        self.find(from, &self.boundaries)
    }

    /// Whether a boundary ever comes.
    fn comes(&self, from: usize, boundary: &[u8]) -> bool {
        self.find(from, &[boundary]).is_some()
    }

    fn find(&self, from: usize, boundaries: &[impl AsRef<[u8]>]) -> Option<(usize, usize, Line)> {
        let rest = self.source.get(from..)?;
        let first = rest.starts_with(b"--").then_some(from);
        let later = memmem::find_iter(rest, b"\n--").map(|at| from + at + 1);
        first.into_iter().chain(later).find_map(|begin| {
            let end = line_end(self.source, begin);
            match look(self.source.get(begin..end)?, boundaries) {
                Line::Other => None,
                line => Some((begin, end, line)),
            }
        })
    }

    /// Reads the header of a part that begins at `from`, and where its body begins.
    fn part(&mut self, from: usize, parent: Option<(usize, u32)>) -> usize {
        let (end, body) = extent(self.source, from, |line| look(line, &self.boundaries) != Line::Other);
        let header = self.source.get(from..end).unwrap_or_default();
        let id = self.tree.parts.len();
        let (parent, place) = parent.map_or((None, 0), |(parent, place)| (u32::try_from(parent).ok(), place));
        let rest = self.source.get(body..).unwrap_or_default();
        let content = Content::read(header, "text/plain");
        let digest = content.is("multipart/digest");
        let mut part = Part { header, body: rest, begin: body, parent, place, divided: false, digest, too_deep: false };
        if content.is_multipart() {
            part.too_deep = self.open.len() >= limits::NESTING;
            let named = content.params.get("boundary").map(|boundary| boundary.trim_end().as_bytes().to_vec());
            let named = named.filter(|boundary| !boundary.is_empty());
            // A mail whose boundary never comes may have another. Within parts that search would cost the square of the mail.
            let named = named.filter(|boundary| id > 0 || self.comes(body, boundary));
            let boundary = named.or_else(|| guess(rest));
            if let Some(boundary) = boundary.filter(|_| !part.too_deep) {
                self.open.push(Open { part: id, parts: 0 });
                self.boundaries.push(boundary);
            }
        }
        self.tree.parts.push(part);
        body
    }

    /// Ends a part before the boundary that begins at `end`; the line end before it belongs to the boundary.
    fn finish(&mut self, part: Option<usize>, end: usize) {
        let whole = end == self.source.len();
        let before = self.source.get(..end).unwrap_or_default();
        let kept = if whole { end } else { end - one_line_end(before) };
        if let Some(part) = part.and_then(|part| self.tree.parts.get_mut(part)) {
            part.body = self.source.get(part.begin..kept.max(part.begin)).unwrap_or_default();
        }
    }

    /// Ends the multiparts from `level` on.
    fn close(&mut self, level: usize) {
        for open in self.open.drain(level.min(self.open.len())..) {
            if let Some(part) = self.tree.parts.get_mut(open.part) {
                part.divided = open.parts > 0;
            }
        }
        self.boundaries.truncate(level);
    }
}

/// How long the line end is that these bytes end with.
fn one_line_end(bytes: &[u8]) -> usize {
    let feed = usize::from(bytes.ends_with(b"\n"));
    if bytes.ends_with(b"\r\n") { 2 } else { feed }
}

#[cfg(test)]
#[path = "tree_tests.rs"]
mod tests;
