//! Several settings at once, with all their errors.

use super::error::ConfigErrors;

/// A tuple of results that becomes a result of a tuple.
pub trait Gather {
    type Output;
    /// All values, or every error of every member.
    fn gather(self) -> Result<Self::Output, ConfigErrors>;
}

/// All values, or every error of every member of the tuple (up to twelve; tuples may be nested by calling it again).
///
/// # Errors
/// All mistakes found.
pub fn all<T: Gather>(settings: T) -> Result<T::Output, ConfigErrors> {
    settings.gather()
}

/// Implements [`Gather`] for tuples. The one macro of this crate.
macro_rules! gather {
    ($(($($value:ident)+))+) => {$(
        impl<$($value),+> Gather for ($(Result<$value, ConfigErrors>,)+) {
            type Output = ($($value,)+);

            #[expect(non_snake_case, reason = "the macro names values after their types")]
            fn gather(self) -> Result<Self::Output, ConfigErrors> {
                match self {
                    ($(Ok($value),)+) => Ok(($($value,)+)),
                    ($($value,)+) => {
                        let errors = [$($value.err()),+];
                        // At least one is an error, or the arm above had matched.
                        Err(ConfigErrors::join(errors.into_iter().flatten())
                            .unwrap_or_else(|| ConfigErrors::one("settings", "are wrong", "Run check-config")))
                    }
                }
            }
        }
    )+};
}

gather! {
    (A) (A B) (A B C) (A B C D) (A B C D E) (A B C D E F) (A B C D E F G) (A B C D E F G H) (A B C D E F G H I)
    (A B C D E F G H I J) (A B C D E F G H I J K) (A B C D E F G H I J K L)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn tells_every_error_once() {
        let wrong = |name: &str| Err::<u8, _>(ConfigErrors::one(name, "is not set", "Set it"));
        let errors = all((wrong("A"), Ok::<u8, _>(1), wrong("B"), wrong("A"))).unwrap_err();
        assert_eq!(errors.iter().map(|error| error.name.as_str()).collect::<Vec<_>>(), ["A", "B"]);
        assert_eq!(all((Ok(1), Ok("x"))).unwrap(), (1, "x"));
    }
}
