//! Texts as the compiler would put them together: literals, `concat!` and macros of `macro_rules!`.

use std::collections::HashMap;

use proc_macro2::{Delimiter, TokenStream, TokenTree};

/// Pattern and body of a macro's rules.
pub type Rules = Vec<(Vec<TokenTree>, TokenStream)>;

/// The macros of one file and, behind them, of the other files.
#[derive(Default)]
pub struct Macros {
    own: HashMap<String, HashMap<String, Rules>>,
    all: HashMap<String, Rules>,
}

impl Macros {
    /// Takes up what `macro_rules! name { … }` declares.
    pub fn add(&mut self, file: &str, name: &str, body: TokenStream) {
        let rules = rules(body);
        self.own.entry(file.to_owned()).or_default().insert(name.to_owned(), rules.clone());
        self.all.insert(name.to_owned(), rules);
    }

    /// The text these tokens stand for in the given file.
    pub fn text(&self, file: &str, tokens: TokenStream) -> Result<String, String> {
        let mut tokens: Vec<TokenTree> = tokens.into_iter().collect();
        let _trailing = tokens.pop_if(|last| matches!(last, TokenTree::Punct(comma) if comma.as_char() == ','));
        match tokens.as_slice() {
            [TokenTree::Literal(literal)] => match syn::parse_str::<syn::Lit>(&literal.to_string()) {
                Ok(syn::Lit::Str(text)) => Ok(text.value()),
                _ => Ok(literal.to_string()),
            },
            [TokenTree::Group(group)] if group.delimiter() == Delimiter::None => self.text(file, group.stream()),
            [path @ .., TokenTree::Punct(bang), TokenTree::Group(arguments)] if bang.as_char() == '!' => {
                let Some(TokenTree::Ident(name)) = path.last() else { return Err(unreadable(&tokens)) };
                self.expand(file, &name.to_string(), arguments.stream())
            }
            _ => Err(unreadable(&tokens)),
        }
    }

    fn expand(&self, file: &str, name: &str, arguments: TokenStream) -> Result<String, String> {
        if name == "concat" {
            return split(arguments).into_iter().map(|part| self.text(file, part)).collect();
        }
        let rules = self.own.get(file).and_then(|own| own.get(name)).or_else(|| self.all.get(name));
        let rules = rules.ok_or_else(|| format!("no macro {name}! is known"))?;
        let arguments: Vec<TokenTree> = arguments.into_iter().collect();
        let found = rules.iter().find_map(|(pattern, body)| Some((matched(pattern, &arguments)?, body)));
        let (values, body) = found.ok_or_else(|| format!("no rule of {name}! takes these arguments"))?;
        self.text(file, replaced(body.clone(), &values))
    }
}

fn unreadable(tokens: &[TokenTree]) -> String {
    format!("the text cannot be read: {}", tokens.iter().cloned().collect::<TokenStream>())
}

/// The parts between commas.
pub fn split(tokens: TokenStream) -> Vec<TokenStream> {
    let (mut parts, mut part) = (Vec::new(), Vec::new());
    for token in tokens {
        if matches!(&token, TokenTree::Punct(comma) if comma.as_char() == ',') {
            parts.push(part.drain(..).collect());
        } else {
            part.push(token);
        }
    }
    if !part.is_empty() {
        parts.push(part.into_iter().collect());
    }
    parts
}

/// `(pattern) => { body };` as often as it stands there.
fn rules(tokens: TokenStream) -> Rules {
    let groups: Vec<_> = tokens
        .into_iter()
        .filter_map(|token| if let TokenTree::Group(group) = token { Some(group.stream()) } else { None })
        .collect();
    groups.chunks_exact(2).map(|rule| (rule[0].clone().into_iter().collect(), rule[1].clone())).collect()
}

/// The values of `$name:kind` in a pattern, if it fits. An `expr` ends at a comma; every other kind is one token.
fn matched(pattern: &[TokenTree], mut arguments: &[TokenTree]) -> Option<HashMap<String, TokenStream>> {
    let (mut values, mut pattern) = (HashMap::new(), pattern);
    loop {
        match pattern {
            [] => return arguments.is_empty().then_some(values),
            [
                TokenTree::Punct(dollar),
                TokenTree::Ident(name),
                TokenTree::Punct(_),
                TokenTree::Ident(kind),
                rest @ ..,
            ] if dollar.as_char() == '$' => {
                let comma = |token: &TokenTree| matches!(token, TokenTree::Punct(punct) if punct.as_char() == ',');
                let length = match kind.to_string().as_str() {
                    "expr" => arguments.iter().position(comma).unwrap_or(arguments.len()),
                    _ => 1,
                };
                values.insert(name.to_string(), arguments.get(..length)?.iter().cloned().collect());
                (pattern, arguments) = (rest, &arguments[length..]);
            }
            [fixed, rest @ ..] => {
                let (first, others) = arguments.split_first()?;
                if first.to_string() != fixed.to_string() {
                    return None;
                }
                (pattern, arguments) = (rest, others);
            }
        }
    }
}

/// A body with the values in the places of their names.
fn replaced(body: TokenStream, values: &HashMap<String, TokenStream>) -> TokenStream {
    let (mut made, mut tokens) = (Vec::new(), body.into_iter().peekable());
    while let Some(token) = tokens.next() {
        let named = match (&token, tokens.peek()) {
            (TokenTree::Punct(dollar), Some(TokenTree::Ident(name))) if dollar.as_char() == '$' => {
                values.get(&name.to_string())
            }
            _ => None,
        };
        match (named, token) {
            (Some(value), _) => {
                tokens.next();
                made.push(TokenTree::Group(proc_macro2::Group::new(Delimiter::None, value.clone())));
            }
            (None, TokenTree::Group(group)) => {
                let inner = replaced(group.stream(), values);
                made.push(TokenTree::Group(proc_macro2::Group::new(group.delimiter(), inner)));
            }
            (None, token) => made.push(token),
        }
    }
    made.into_iter().collect()
}
