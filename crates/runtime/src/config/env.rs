//! Values of settings and where each came from.

mod check;
mod table;

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;
use std::str::FromStr;
use std::sync::Arc;
use std::time::Duration;

use parking_lot::Mutex;
use postrider_domain::Secret;

use super::catalog::Catalog;
use super::error::{ConfigError, ConfigErrors};
use super::kind;

/// The environment of one process, or of one test.
///
/// An empty value counts as not set; a setting that is not set takes its default from `.env.example`.
pub struct Env {
    values: BTreeMap<String, String>,
    catalog: &'static Catalog,
    /// What was asked for, so that `check-config` shows the settings this service reads and no others.
    read: Arc<Mutex<BTreeSet<String>>>,
}

/// Where an effective value came from.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Origin {
    /// The variable of the given name.
    Variable(String),
    /// The file the given variable names.
    File {
        variable: String,
        path: String,
    },
    Default,
    NotSet,
}

/// Names only: values may be secret.
impl fmt::Debug for Env {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("Env").field(&self.values.keys().collect::<Vec<_>>()).finish()
    }
}

impl Env {
    /// The process's environment.
    ///
    /// # Errors
    /// A variable of ours that is not UTF-8.
    pub fn process() -> Result<Self, ConfigErrors> {
        let catalog = Catalog::current();
        let (mut values, mut errors) = (BTreeMap::new(), Vec::new());
        for (name, value) in std::env::vars_os() {
            match (name.into_string(), value.into_string()) {
                (Ok(name), Ok(value)) => {
                    values.insert(name, value);
                }
                (Ok(name), Err(_binary)) if catalog.owner_of(&name).is_some() => {
                    errors.push(ConfigError::new(name, "is not UTF-8 text", "Set it to a text"));
                }
                _ => {}
            }
        }
        match ConfigErrors::from_list(errors) {
            Some(errors) => Err(errors),
            None => Ok(Self { values, catalog, read: Arc::default() }),
        }
    }

    /// The given settings only; for tests and programs that run several services.
    pub fn from_pairs<K: Into<String>, V: Into<String>>(pairs: impl IntoIterator<Item = (K, V)>) -> Self {
        let values = pairs.into_iter().map(|(name, value)| (name.into(), value.into())).collect();
        Self { values, catalog: Catalog::current(), read: Arc::default() }
    }

    /// The same with one more, or another value of one.
    #[must_use]
    pub fn with(&self, name: impl Into<String>, value: impl Into<String>) -> Self {
        let mut values = self.values.clone();
        values.insert(name.into(), value.into());
        Self { values, catalog: self.catalog, read: self.read.clone() }
    }

    /// The value or the default, if there is one.
    pub fn optional(&self, name: &str) -> Option<String> {
        self.note(name);
        self.text(name).map(|(value, _)| value)
    }

    /// The value or the default.
    ///
    /// # Errors
    /// Neither is there.
    pub fn required(&self, name: &str) -> Result<String, ConfigErrors> {
        self.optional(name).ok_or_else(|| self.missing(name))
    }

    /// The value or the default, as a `T`.
    ///
    /// # Errors
    /// Neither is there, or it is not a `T`.
    pub fn parse<T>(&self, name: &str) -> Result<T, ConfigErrors>
    where
        T: FromStr,
        T::Err: fmt::Display,
    {
        self.parse_optional(name)?.ok_or_else(|| self.missing(name))
    }

    /// The value, the default of `.env.example`, or the one given here.
    ///
    /// # Errors
    /// The value is not a `T`.
    pub fn parse_or<T>(&self, name: &str, default: T) -> Result<T, ConfigErrors>
    where
        T: FromStr,
        T::Err: fmt::Display,
    {
        Ok(self.parse_optional(name)?.unwrap_or(default))
    }

    /// The value or the default as a `T`, or nothing.
    ///
    /// # Errors
    /// The value is not a `T`.
    pub fn parse_optional<T>(&self, name: &str) -> Result<Option<T>, ConfigErrors>
    where
        T: FromStr,
        T::Err: fmt::Display,
    {
        let Some(value) = self.optional(name) else { return Ok(None) };
        value.parse().map(Some).map_err(|error: T::Err| self.malformed(name, &error.to_string()))
    }

    /// `true` or `false`; not set is `false`.
    ///
    /// # Errors
    /// The value is neither.
    pub fn flag(&self, name: &str) -> Result<bool, ConfigErrors> {
        let Some(value) = self.optional(name) else { return Ok(false) };
        kind::flag(&value).ok_or_else(|| self.malformed(name, "neither true nor false"))
    }

    /// Whole seconds.
    ///
    /// # Errors
    /// Not set without a default, or not a number.
    pub fn seconds(&self, name: &str) -> Result<Duration, ConfigErrors> {
        self.parse::<u32>(name).map(|seconds| Duration::from_secs(seconds.into()))
    }

    /// Values separated by commas, without the spaces around them; not set is empty.
    pub fn list(&self, name: &str) -> Vec<String> {
        let text = self.optional(name).unwrap_or_default();
        text.split(',').map(str::trim).filter(|item| !item.is_empty()).map(str::to_owned).collect()
    }

    /// A secret from its variable or from the file its `NAME_FILE` names.
    ///
    /// # Errors
    /// Not set, set twice, or the file cannot be read.
    pub fn secret(&self, name: &str) -> Result<Secret, ConfigErrors> {
        self.optional_secret(name)?.ok_or_else(|| self.missing(name))
    }

    /// The same, or nothing when it is not set.
    ///
    /// # Errors
    /// Set twice, or the file cannot be read.
    pub fn optional_secret(&self, name: &str) -> Result<Option<Secret>, ConfigErrors> {
        self.note(name);
        Ok(self.secret_text(name)?.map(|(value, _)| Secret::new(value)))
    }

    /// A required value is absent.
    pub fn missing(&self, name: &str) -> ConfigErrors {
        let entry = self.catalog.get(name);
        let remedy = match entry {
            Some(entry) if entry.secret => format!("Set it, or {name}_FILE to the path of a file that holds it"),
            Some(entry) => entry.kind.remedy(),
            None => "Set it".to_owned(),
        };
        let about = entry.map_or_else(String::new, |entry| format!(" ({})", first_sentence(&entry.comment)));
        ConfigErrors::one(name, format!("is not set{about}"), remedy)
    }

    /// A value is not what it should be. `why` must not repeat a secret.
    pub fn malformed(&self, name: &str, why: &str) -> ConfigErrors {
        let entry = self.catalog.get(name);
        let shown = match (entry.is_some_and(|entry| entry.secret), self.text(name)) {
            (false, Some((value, _))) => format!("is {value:?}, which is wrong: {why}"),
            _ => format!("is wrong: {why}"),
        };
        ConfigErrors::one(name, shown, entry.map_or_else(|| "Correct it".to_owned(), |entry| entry.kind.remedy()))
    }

    /// The effective value and its origin, without files.
    pub(crate) fn text(&self, name: &str) -> Option<(String, Origin)> {
        let entry = self.catalog.get(name);
        let names =
            std::iter::once(name).chain(entry.into_iter().flat_map(|entry| entry.also.iter().map(String::as_str)));
        let set =
            names.filter_map(|name| self.set(name).map(|value| (value, Origin::Variable(name.to_owned())))).next();
        set.or_else(|| entry.and_then(|entry| entry.default.clone()).map(|default| (default, Origin::Default)))
    }

    /// The effective value of a secret and its origin, from a variable or a file.
    pub(crate) fn secret_text(&self, name: &str) -> Result<Option<(String, Origin)>, ConfigErrors> {
        let also = self.catalog.get(name).map(|entry| entry.also.as_slice()).unwrap_or_default();
        for name in std::iter::once(name).chain(also.iter().map(String::as_str)) {
            let variable = format!("{name}_FILE");
            match (self.set(name), self.set(&variable)) {
                (Some(_), Some(_)) => {
                    let problem = format!("and {variable} are both set");
                    return Err(ConfigErrors::one(name, problem, "Keep one of them"));
                }
                (Some(value), None) => return Ok(Some((value, Origin::Variable(name.to_owned())))),
                (None, Some(path)) => {
                    return read_secret(&variable, &path).map(|value| Some((value, Origin::File { variable, path })));
                }
                (None, None) => {}
            }
        }
        Ok(None)
    }

    pub(crate) fn catalog(&self) -> &'static Catalog {
        self.catalog
    }

    pub(crate) fn values(&self) -> &BTreeMap<String, String> {
        &self.values
    }

    /// Names that were asked for so far.
    pub(crate) fn names_read(&self) -> BTreeSet<String> {
        self.read.lock().clone()
    }

    fn note(&self, name: &str) {
        self.read.lock().insert(name.to_owned());
    }

    /// The variable as it is set, spaces trimmed, not empty.
    fn set(&self, name: &str) -> Option<String> {
        self.values.get(name).map(|value| value.trim().to_owned()).filter(|value| !value.is_empty())
    }
}

fn read_secret(variable: &str, path: &str) -> Result<String, ConfigErrors> {
    let text = std::fs::read_to_string(path).map_err(|error| {
        let problem = format!("names the file {path}, which cannot be read: {error}");
        ConfigErrors::one(variable, problem, "Check the path and who may read it")
    })?;
    let text = text.trim();
    if text.is_empty() {
        return Err(ConfigErrors::one(
            variable,
            format!("names the file {path}, which is empty"),
            "Write the secret to it",
        ));
    }
    Ok(text.to_owned())
}

fn first_sentence(comment: &str) -> &str {
    comment.split_once(". ").map_or(comment, |(first, _)| first).trim_end_matches('.')
}

#[cfg(test)]
#[path = "env/tests.rs"]
mod tests;
