//! Elements that are open, by their numbers and classes.
//!
//! Nothing that a mail leaves open may hold what is shown around it, and nothing it closes may be somebody else's.

use memchr::{memchr_iter, memrchr, memrchr2, memrchr3};

use super::allowed::{Class, Element, numbered};
use crate::limits;

/// Stands between the formatting within a cell and that around it.
const MARKER: u8 = u8::MAX;

#[derive(Default)]
pub(super) struct Open {
    numbers: Vec<u8>,
    classes: Vec<u8>,
    /// Formatting elements have a list of their own: the end of a block does not end them.
    formatting: Vec<u8>,
}

/// As it stands in `classes`.
#[expect(clippy::as_conversions, reason = "the enum is `repr(u8)`")]
fn code(class: Class) -> u8 {
    class as u8
}

impl Open {
    pub(super) fn is_full(&self) -> bool {
        self.numbers.len() + self.formatting.len() >= limits::HTML_DEPTH
    }

    fn last(&self, class: Class) -> Option<usize> {
        memrchr(code(class), &self.classes)
    }

    /// The first place that is within the innermost table or cell.
    fn scope(&self) -> usize {
        memrchr2(code(Class::Table), code(Class::Cell), &self.classes).map_or(0, |at| at + 1)
    }

    /// From where on elements end because this one begins; None if it has no place here.
    pub(super) fn begins(&self, element: &Element) -> Option<usize> {
        let all = self.numbers.len();
        let paragraph = self.last(Class::Paragraph).filter(|at| *at >= self.scope()).unwrap_or(all);
        let table = self.last(Class::Table);
        Some(match element.class {
            Class::Inline | Class::Formatting => all,
            Class::Void if element.name == "col" => {
                table?;
                all
            }
            Class::Void if element.name != "hr" => all,
            Class::Void | Class::Block | Class::Paragraph | Class::List => paragraph,
            Class::Item | Class::Term => {
                let around = memrchr(code(Class::List), &self.classes).map_or(0, |at| at + 1).max(self.scope());
                let same = self.last(element.class).filter(|at| *at >= around);
                same.unwrap_or(all).min(paragraph)
            }
            // Directly in a table there is no room for another.
            Class::Table => match (table, self.last(Class::Cell)) {
                (Some(table), cell) if cell.is_none_or(|cell| cell < table) => table,
                _ => paragraph,
            },
            Class::Group => table? + 1,
            Class::Row => {
                memrchr2(code(Class::Group), code(Class::Table), &self.classes).filter(|at| Some(*at) >= table)? + 1
            }
            Class::Cell if element.name == "caption" => table? + 1,
            Class::Cell => {
                memrchr3(code(Class::Row), code(Class::Group), code(Class::Table), &self.classes)
                    .filter(|at| Some(*at) >= table)?
                    + 1
            }
        })
    }

    /// From where on elements end because this one ends; None if it is not open here.
    pub(super) fn ends(&self, number: u8, element: &Element) -> Option<usize> {
        let within = match element.class {
            Class::Table => 0,
            Class::Group | Class::Row | Class::Cell => self.last(Class::Table)?,
            _ => self.scope(),
        };
        memrchr(number, &self.numbers).filter(|at| *at >= within)
    }

    pub(super) fn push(&mut self, number: u8, class: Class) {
        if class == Class::Formatting {
            self.formatting.push(number);
            return;
        }
        self.numbers.push(number);
        self.classes.push(code(class));
        if class == Class::Cell {
            self.formatting.push(MARKER);
        }
    }

    /// Ends the innermost element and tells it.
    pub(super) fn pop(&mut self) -> Option<&'static Element> {
        let element = self.numbers.pop().and_then(numbered)?;
        self.classes.pop();
        if element.class == Class::Cell {
            let marker = memrchr(MARKER, &self.formatting).unwrap_or(0);
            self.formatting.truncate(marker);
        }
        Some(element)
    }

    pub(super) fn len(&self) -> usize {
        self.numbers.len()
    }

    /// Ends a formatting element; whether it was open here.
    pub(super) fn pop_formatting(&mut self, number: u8) -> bool {
        let marker = memrchr(MARKER, &self.formatting).map_or(0, |at| at + 1);
        let found = memrchr(number, &self.formatting).filter(|at| *at >= marker);
        found.map(|at| self.formatting.remove(at)).is_some()
    }

    /// The formatting that outlives all else, innermost first.
    pub(super) fn left(&self) -> impl Iterator<Item = &'static Element> {
        let end = memchr_iter(MARKER, &self.formatting).next().unwrap_or(self.formatting.len());
        self.formatting.iter().take(end).rev().filter_map(|number| numbered(*number))
    }
}
