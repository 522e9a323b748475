//! What is wrong with the settings, and what to do about it.

use std::fmt;

/// One mistake. Never holds a secret's value.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ConfigError {
    /// The variable, e.g. `AMQP_URL`.
    pub name: String,
    /// What is wrong, e.g. `is not set`.
    pub problem: String,
    /// What to do, as a sentence without its full stop.
    pub remedy: String,
}

impl ConfigError {
    pub fn new(name: impl Into<String>, problem: impl Into<String>, remedy: impl Into<String>) -> Self {
        Self { name: name.into(), problem: problem.into(), remedy: remedy.into() }
    }
}

impl fmt::Display for ConfigError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "  {} {}. {}.", self.name, self.problem, self.remedy)
    }
}

/// All mistakes found. Never empty.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ConfigErrors(Vec<ConfigError>);

impl ConfigErrors {
    /// A single mistake.
    pub fn one(name: impl Into<String>, problem: impl Into<String>, remedy: impl Into<String>) -> Self {
        Self(vec![ConfigError::new(name, problem, remedy)])
    }

    /// The mistakes as one error, or nothing if there are none.
    pub fn from_list(errors: Vec<ConfigError>) -> Option<Self> {
        (!errors.is_empty()).then_some(Self(errors))
    }

    /// Joins several, each mistake once.
    pub fn join(several: impl IntoIterator<Item = Self>) -> Option<Self> {
        let mut joined: Vec<ConfigError> = Vec::new();
        for error in several.into_iter().flat_map(|errors| errors.0) {
            if !joined.contains(&error) {
                joined.push(error);
            }
        }
        Self::from_list(joined)
    }

    pub fn iter(&self) -> impl Iterator<Item = &ConfigError> {
        self.0.iter()
    }
}

impl From<ConfigError> for ConfigErrors {
    fn from(error: ConfigError) -> Self {
        Self(vec![error])
    }
}

impl fmt::Display for ConfigErrors {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let lines: Vec<String> = self.0.iter().map(ToString::to_string).collect();
        f.write_str(&lines.join("\n"))
    }
}

impl std::error::Error for ConfigErrors {}
