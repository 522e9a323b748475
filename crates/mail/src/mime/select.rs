//! Which parts a reader sees as the mail, and which are files.
//!
//! The way of RFC 8621 §4.1.4, with what real mail adds: the root of a `related` is looked for; a readable part that has a
//! name is the mail where there is no other.

use super::content::{Content, Disposition};
use super::tree::Tree;

/// Parts by their use, each in the mail's order.
#[derive(Debug, Default, PartialEq, Eq)]
pub(crate) struct Selection {
    /// What is read as text; HTML where there is no text.
    pub(crate) text: Vec<usize>,
    /// What is shown as HTML; plain text where there is no HTML. Empty if no part is HTML.
    pub(crate) html: Vec<usize>,
    pub(crate) files: Vec<usize>,
}

/// The bodies of one branch: part and whether it is HTML.
type Bodies = Vec<(usize, bool)>;

/// Sorts the parts of a mail.
pub(crate) fn select(tree: &Tree<'_>) -> Selection {
    let mut sorter = Sorter { tree, children: tree.children(), files: Vec::new(), named: None, other: None };
    let branch = sorter.branch(0, Place { first: true, ..Place::default() });
    let Sorter { mut files, named, other, .. } = sorter;
    let mut selection = Selection::default();
    if branch.text.is_empty() && branch.html.is_empty() {
        if let Some((id, html)) = named.or(other) {
            files.retain(|file| *file != id);
            selection.text.push(id);
            selection.html.extend(html.then_some(id));
        }
    } else {
        selection.text = branch.text.iter().map(|(id, _)| *id).collect();
        if branch.html.iter().any(|(_, html)| *html) {
            selection.html = branch.html.iter().map(|(id, _)| *id).collect();
        }
    }
    files.sort_unstable();
    selection.files = files;
    selection
}

/// Where a part stands.
#[derive(Debug, Clone, Copy, Default)]
struct Place {
    /// First in its multipart, or its root.
    first: bool,
    in_alternative: bool,
    /// Beside the root of a `related`.
    beside_root: bool,
}

#[derive(Default)]
struct Branch {
    text: Bodies,
    html: Bodies,
}

struct Sorter<'t> {
    tree: &'t Tree<'t>,
    children: Vec<Vec<usize>>,
    files: Vec<usize>,
    /// The first readable part that is a file only because it has a name.
    named: Option<(usize, bool)>,
    /// The first part of text that is neither plain nor HTML.
    other: Option<(usize, bool)>,
}

impl Sorter<'_> {
    fn branch(&mut self, id: usize, place: Place) -> Branch {
        let content = self.tree.content(id);
        let children = self.children.get_mut(id).map(std::mem::take).unwrap_or_default();
        if children.is_empty() {
            return self.leaf(id, &content, place);
        }
        match content.media_type.as_str() {
            "multipart/alternative" => self.alternative(&children, place),
            "multipart/related" => self.related(&content, &children, place),
            _ => {
                let mut all = Branch::default();
                for (at, child) in children.into_iter().enumerate() {
                    let branch = self.branch(child, Place { first: at == 0, ..place });
                    all.text.extend(branch.text);
                    all.html.extend(branch.html);
                }
                all
            }
        }
    }

    fn leaf(&mut self, id: usize, content: &Content, place: Place) -> Branch {
        if self.tree.part(id).is_none_or(|part| part.too_deep) {
            return Branch::default();
        }
        let shown = content.disposition != Disposition::Attachment && !place.beside_root;
        let html = content.is("text/html");
        if content.is_readable() && shown {
            if place.first || place.in_alternative || content.filename().is_none() {
                return Branch { text: vec![(id, html)], html: vec![(id, html)] };
            }
            self.named.get_or_insert((id, html));
        } else if shown && is_words(content) {
            self.other.get_or_insert((id, false));
        }
        self.files.push(id);
        Branch::default()
    }

    /// The same in several forms.
    fn alternative(&mut self, children: &[usize], place: Place) -> Branch {
        let mut all = Branch::default();
        let mut text_of_html = Bodies::new();
        for child in children {
            let branch = self.branch(*child, Place { first: true, in_alternative: true, ..place });
            if branch.html.iter().any(|(_, html)| *html) {
                all.html.extend(branch.html);
                text_of_html.extend(branch.text);
            } else {
                all.text.extend(branch.text);
            }
        }
        if all.text.is_empty() {
            all.text = text_of_html;
        }
        if all.html.is_empty() {
            all.html.clone_from(&all.text);
        }
        all
    }

    /// A root and what it shows.
    fn related(&mut self, content: &Content, children: &[usize], place: Place) -> Branch {
        let root = self.root(content, children);
        let mut shown = Branch::default();
        for child in children {
            if *child == root {
                shown = self.branch(*child, Place { first: true, ..place });
            } else {
                self.branch(*child, Place { beside_root: true, first: false, ..place });
            }
        }
        shown
    }

    /// RFC 2387: the part `start` names, else the first. Where the first cannot be it: the first of the type that is
    /// announced, or that can be read.
    fn root(&self, content: &Content, children: &[usize]) -> usize {
        let start = content.params.get("start").map(|start| start.trim_matches(['<', '>', ' ']).to_owned());
        let announced = content.params.get("type").map(|kind| kind.trim().to_ascii_lowercase());
        let (mut of_type, mut readable) = (None, None);
        for child in children {
            let content = self.tree.content(*child);
            if start.is_some() && content.id == start {
                return *child;
            }
            if announced.as_deref().is_some_and(|kind| content.is(kind)) {
                of_type = of_type.or(Some(*child));
            }
            if content.is_readable() || content.is_multipart() {
                readable = readable.or(Some(*child));
            }
            if start.is_none() && (of_type.is_some() || announced.is_none() && readable.is_some()) {
                break;
            }
        }
        of_type.or(readable).or(children.first().copied()).unwrap_or_default()
    }
}

/// Other text that can be read as it is.
fn is_words(content: &Content) -> bool {
    const FILES: [&str; 6] =
        ["text/calendar", "text/csv", "text/vcard", "text/x-vcard", "text/directory", "text/rfc822-headers"];
    content.media_type.starts_with("text/")
        && content.filename().is_none()
        && !FILES.contains(&content.media_type.as_str())
}

#[cfg(test)]
#[path = "select_tests.rs"]
mod tests;
