//! The statements of some files: where `sql(…)` is called, with which text, binds, columns and row type.

use std::collections::HashMap;

use proc_macro2::{Delimiter, Group, TokenStream, TokenTree};

use super::text::{Macros, split};

/// Parsed files: their statements, their macros and the fields of their rows.
#[derive(Default)]
pub struct Source {
    macros: Macros,
    rows: HashMap<(String, String), Vec<String>>,
    calls: Vec<Call>,
}

/// A call of `sql` with the methods called on it in one go.
#[derive(Clone)]
pub struct Call {
    file: String,
    line: usize,
    text: TokenStream,
    /// Name, type argument, arguments.
    methods: Vec<(String, String, TokenStream)>,
}

impl Source {
    pub fn read(files: &[(String, String)]) -> Result<Self, String> {
        let mut source = Self::default();
        for (name, text) in files {
            let tokens: TokenStream = text.parse().map_err(|error| format!("{name}: {error}"))?;
            let known = source.calls.len();
            source.walk(name, tokens);
            let lines = lines(text);
            let found = &mut source.calls[known..];
            if found.len() != lines.len() {
                return Err(format!("{name}: {} calls of sql, but {} lines with one", found.len(), lines.len()));
            }
            for (call, line) in found.iter_mut().zip(lines) {
                call.line = line;
            }
        }
        Ok(source)
    }

    pub fn statements(&self) -> Vec<Call> {
        self.calls.clone()
    }

    /// The text of a call.
    pub fn text(&self, call: &Call) -> Result<String, String> {
        self.macros.text(&call.file, call.text.clone())
    }

    /// The fields of a row struct the call names: its file's own, or the only one of that name.
    pub fn fields(&self, call: &Call, row: &str) -> Option<&[String]> {
        let own = self.rows.get(&(call.file.clone(), row.to_owned()));
        let mut all = self.rows.iter().filter(|((_, name), _)| name == row).map(|(_, fields)| fields);
        own.or_else(|| all.next().filter(|_| all.next().is_none())).map(Vec::as_slice)
    }

    fn walk(&mut self, file: &str, tokens: TokenStream) {
        let tokens: Vec<TokenTree> = tokens.into_iter().collect();
        for (place, token) in tokens.iter().enumerate() {
            let before = place.checked_sub(1).and_then(|before| tokens.get(before));
            match (token, &tokens[place + 1..]) {
                (
                    TokenTree::Ident(name),
                    [TokenTree::Punct(bang), TokenTree::Ident(of), TokenTree::Group(body), ..],
                ) if name == "macro_rules" && bang.as_char() == '!' => {
                    self.macros.add(file, &of.to_string(), body.stream());
                }
                (TokenTree::Ident(name), [TokenTree::Punct(bang), TokenTree::Group(body), ..])
                    if name == "row" && bang.as_char() == '!' =>
                {
                    self.add_rows(file, body.stream());
                }
                (TokenTree::Ident(name), [TokenTree::Group(text), rest @ ..])
                    if name == "sql" && text.delimiter() == Delimiter::Parenthesis && !declares(before) =>
                {
                    let (file, text, methods) = (file.to_owned(), text.stream(), methods(rest));
                    self.calls.push(Call { file, line: 0, text, methods });
                }
                _ => {}
            }
            if let TokenTree::Group(group) = token {
                self.walk(file, group.stream());
            }
        }
    }

    /// `struct Name { field: Type, … }`, any number of them.
    fn add_rows(&mut self, file: &str, tokens: TokenStream) {
        let tokens: Vec<TokenTree> = tokens.into_iter().collect();
        for window in tokens.windows(3) {
            if let [TokenTree::Ident(word), TokenTree::Ident(name), TokenTree::Group(body)] = window
                && word == "struct"
            {
                self.rows.insert((file.to_owned(), name.to_string()), fields(body));
            }
        }
    }
}

impl Call {
    pub fn place(&self) -> String {
        format!("{}:{}", self.file, self.line)
    }

    /// The type rows are read into, and whether it is a single value.
    pub fn row(&self) -> Option<&str> {
        self.methods.iter().map(|(_, of, _)| of.as_str()).find(|of| !of.is_empty())
    }

    /// Names given to `column`.
    pub fn columns(&self) -> Vec<String> {
        let named = self.methods.iter().filter(|(name, ..)| name == "column");
        named.filter_map(|(.., given)| given.clone().into_iter().next()).map(|name| unquoted(&name)).collect()
    }

    /// How many parameters are bound, if the call is run where it is made and its binds can be counted.
    pub fn binds(&self) -> Option<usize> {
        let mut count = 0;
        for (name, _, given) in &self.methods {
            match name.as_str() {
                "bind" => count += 1,
                "binds" => {
                    let given: Vec<TokenTree> = given.clone().into_iter().collect();
                    let [TokenTree::Group(tuple)] = given.as_slice() else { return None };
                    count += split(tuple.stream()).len();
                }
                "execute" | "load" | "optional" | "get_result" => return Some(count),
                _ => {}
            }
        }
        None
    }
}

/// `fn sql(…)` declares it, `x.sql(…)` is another one.
fn declares(before: Option<&TokenTree>) -> bool {
    match before {
        Some(TokenTree::Ident(word)) => word == "fn",
        Some(TokenTree::Punct(dot)) => dot.as_char() == '.',
        _ => false,
    }
}

/// `.name::<Type>(arguments)`, as long as it goes on.
fn methods(mut tokens: &[TokenTree]) -> Vec<(String, String, TokenStream)> {
    let mut found = Vec::new();
    while let [TokenTree::Punct(dot), TokenTree::Ident(name), rest @ ..] = tokens
        && dot.as_char() == '.'
    {
        let end = rest.iter().position(|token| matches!(token, TokenTree::Group(_))).unwrap_or(rest.len());
        let of: String = rest[..end].iter().map(ToString::to_string).collect();
        let is_type = of.starts_with("::");
        match rest.get(end) {
            Some(TokenTree::Group(arguments)) if end == 0 || is_type => {
                let of = of.trim_start_matches("::<").strip_suffix('>').unwrap_or_default().to_owned();
                found.push((name.to_string(), of, arguments.stream()));
                tokens = &rest[end + 1..];
            }
            _ => break,
        }
    }
    found
}

/// The names before the colons.
fn fields(body: &Group) -> Vec<String> {
    let tokens: Vec<TokenTree> = body.stream().into_iter().collect();
    let mut fields = Vec::new();
    for (place, token) in tokens.iter().enumerate() {
        let colon = |at: usize| matches!(tokens.get(at), Some(TokenTree::Punct(punct)) if punct.as_char() == ':');
        if let TokenTree::Ident(name) = token
            && colon(place + 1)
            && !colon(place + 2)
            && (place == 0 || !colon(place - 1))
        {
            fields.push(name.to_string());
        }
    }
    fields
}

fn unquoted(name: &TokenTree) -> String {
    name.to_string().trim_matches('"').to_owned()
}

/// The lines on which `sql(` is called; comments do not count.
fn lines(text: &str) -> Vec<usize> {
    let mut found = Vec::new();
    for (number, line) in text.lines().enumerate() {
        let code = if line.trim_start().starts_with("//") { "" } else { line };
        for (at, _) in code.match_indices("sql(") {
            let before = code.get(..at).unwrap_or_default();
            let part_of_a_name = before.ends_with(|letter: char| letter.is_alphanumeric() || "_.".contains(letter));
            if !part_of_a_name && !before.ends_with("fn ") {
                found.push(number + 1);
            }
        }
    }
    found
}
