//! Texts that are to share a vector.
//!
//! A log says `Created container 100` and `Created container 101`; what these mean is the same but for the number. A
//! normaliser makes them one text before anything is looked up or computed. The vector is that of the normalised
//! text, whoever asks first, so an answer does not depend on who asked before; and it is not the vector of the text
//! itself, which is why nothing is normalised unless the host asks for it.

use std::{borrow::Cow, fmt, str::FromStr, sync::Arc};

/// Which texts share a vector. Default: none but equal ones.
///
/// ```
/// use plugcache::embedding::Normalizer;
///
/// assert_eq!(Normalizer::None.apply("container 100 of 7"), "container 100 of 7");
/// assert_eq!(Normalizer::Digits.apply("container 100 of 7"), "container # of #");
/// let lower = Normalizer::host("lower-1", |text| text.to_lowercase());
/// assert_eq!(lower.apply("Container"), "container");
/// ```
#[derive(Clone, Default)]
#[non_exhaustive]
pub enum Normalizer {
    /// Equal ones. The default.
    #[default]
    None,
    /// Those that differ in numbers: each run of ASCII digits becomes one `#`.
    Digits,
    /// Those of which the host's own function makes the same, see [`host`](Self::host).
    Host {
        /// Names the function, in the scope of the vectors too.
        name: Arc<str>,
        /// What makes a text of a text.
        function: Arc<Function>,
    },
}

/// Makes the text whose vector stands for a text.
pub type Function = dyn Fn(&str) -> String + Send + Sync;

impl Normalizer {
    /// The host's own function. Its name keeps its vectors apart from those of others: give it another one when the
    /// function changes. It must give the same for the same text.
    pub fn host(
        name: impl Into<Arc<str>>,
        function: impl Fn(&str) -> String + Send + Sync + 'static,
    ) -> Self {
        Self::Host { name: name.into(), function: Arc::new(function) }
    }

    /// The text whose vector stands for this one.
    pub fn apply<'a>(&self, text: &'a str) -> Cow<'a, str> {
        match self {
            Self::None => Cow::Borrowed(text),
            Self::Digits => without_numbers(text),
            Self::Host { function, .. } => Cow::Owned(function(text)),
        }
    }

    /// Whether it leaves every text as it is.
    pub fn is_none(&self) -> bool {
        matches!(self, Self::None)
    }
}

/// `none`, `digits`, `host:<name>`.
impl fmt::Display for Normalizer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::None => f.write_str("none"),
            Self::Digits => f.write_str("digits"),
            Self::Host { name, .. } => write!(f, "host:{name}"),
        }
    }
}

/// Of those that need no function: `none`, `digits`.
impl FromStr for Normalizer {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        match text.trim() {
            "none" => Ok(Self::None),
            "digits" => Ok(Self::Digits),
            _ => Err(format!("`{text}` normalises nothing: expected none or digits")),
        }
    }
}

impl fmt::Debug for Normalizer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Normalizer({self})")
    }
}

fn without_numbers(text: &str) -> Cow<'_, str> {
    let is_digit = |character: char| character.is_ascii_digit();
    if !text.contains(is_digit) {
        return Cow::Borrowed(text);
    }
    let mut normalised = String::with_capacity(text.len());
    let mut was_digit = false;
    for character in text.chars() {
        if !is_digit(character) {
            normalised.push(character);
        } else if !was_digit {
            normalised.push('#');
        }
        was_digit = is_digit(character);
    }
    Cow::Owned(normalised)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_run_of_digits_is_one_sign() {
        let cases = [
            ("", ""),
            ("none", "none"),
            ("7", "#"),
            ("100", "#"),
            ("a1b22c", "a#b#c"),
            ("1.50", "#.#"),
            ("१२ ٣ 4é5", "१२ ٣ #é#"),
        ];
        for (text, normalised) in cases {
            assert_eq!(Normalizer::Digits.apply(text), normalised);
        }
        assert!(matches!(Normalizer::Digits.apply("none"), Cow::Borrowed("none")));
    }

    #[test]
    fn names_tell_them_apart() {
        let host = Normalizer::host("digits", str::to_owned);
        let names = [Normalizer::None, Normalizer::Digits, host].map(|it| it.to_string());
        assert_eq!(names, ["none", "digits", "host:digits"]);
    }
}
