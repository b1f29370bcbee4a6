//! How a plugin is called.

use std::{fmt, str::FromStr};

use super::rules::RuleError;

/// Where a plugin's name comes from.
#[derive(Debug, Clone, Default, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum NameRule {
    /// `class`: the class's or function's own name.
    #[default]
    Class,
    /// `class-without-suffix[=SUFFIX]`: without the suffix, which is that of the rules if none is given.
    ClassWithoutSuffix(Option<String>),
    /// `snake`: without the suffix, `MyThing` as `my_thing`; a name in capitals only is lowered.
    Snake,
    /// `module`: the dotted module; for a function `module:function`.
    Module,
    /// `stem`: the last part of the module's name; of a package, the package's.
    Stem,
    /// `attribute:NAME`: a constant attribute, own or inherited. Plugins without one are left out.
    Attribute(String),
}

impl NameRule {
    /// The name that follows from the object's and the module's. `None` if an attribute decides.
    pub(super) fn of(&self, own: &str, module: &str, suffix: &str, function: bool) -> Option<String> {
        Some(match self {
            Self::Class => own.to_owned(),
            Self::ClassWithoutSuffix(given) => without(own, given.as_deref().unwrap_or(suffix)).to_owned(),
            Self::Snake => snake(without(own, suffix)),
            Self::Module if function => format!("{module}:{own}"),
            Self::Module => module.to_owned(),
            Self::Stem => module.rsplit('.').next().unwrap_or(module).to_owned(),
            Self::Attribute(_) => return None,
        })
    }
}

fn without<'a>(name: &'a str, suffix: &str) -> &'a str {
    name.strip_suffix(suffix).filter(|rest| !rest.is_empty()).unwrap_or(name)
}

/// A `_` before each capital but the first letter, then lower case; `__` becomes `_`. A name without lower
/// case is only lowered.
fn snake(name: &str) -> String {
    if name.chars().any(char::is_alphabetic) && !name.chars().any(char::is_lowercase) {
        return name.to_lowercase();
    }
    let mut result = String::with_capacity(name.len() + 4);
    for (at, character) in name.char_indices() {
        if at > 0 && character.is_ascii_uppercase() {
            result.push('_');
        }
        result.extend(character.to_lowercase());
    }
    result.replace("__", "_")
}

impl FromStr for NameRule {
    type Err = RuleError;

    fn from_str(text: &str) -> Result<Self, RuleError> {
        Ok(match text {
            "class" => Self::Class,
            "class-without-suffix" => Self::ClassWithoutSuffix(None),
            "snake" => Self::Snake,
            "module" => Self::Module,
            "stem" => Self::Stem,
            _ => {
                let suffix = text.strip_prefix("class-without-suffix=").filter(|suffix| !suffix.is_empty());
                let attribute = text.strip_prefix("attribute:").filter(|name| !name.is_empty());
                match (suffix, attribute) {
                    (Some(suffix), _) => Self::ClassWithoutSuffix(Some(suffix.to_owned())),
                    (None, Some(name)) => Self::Attribute(name.to_owned()),
                    (None, None) => return Err(RuleError::UnknownName { rule: text.to_owned() }),
                }
            }
        })
    }
}

impl fmt::Display for NameRule {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Class => f.write_str("class"),
            Self::ClassWithoutSuffix(None) => f.write_str("class-without-suffix"),
            Self::ClassWithoutSuffix(Some(suffix)) => write!(f, "class-without-suffix={suffix}"),
            Self::Snake => f.write_str("snake"),
            Self::Module => f.write_str("module"),
            Self::Stem => f.write_str("stem"),
            Self::Attribute(name) => write!(f, "attribute:{name}"),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::{NameRule, snake};

    #[test]
    fn snake_case_as_ratio1_makes_it() {
        assert_eq!(snake("MyThing"), "my_thing");
        assert_eq!(snake("HTTPServer"), "h_t_t_p_server");
        assert_eq!(snake("VIDEO"), "video");
        assert_eq!(snake("My_Thing01"), "my_thing01");
    }

    #[test]
    fn names_read_back_and_strip_suffixes() {
        for text in
            ["class", "class-without-suffix", "class-without-suffix=IE", "snake", "module", "attribute:X"]
        {
            assert_eq!(text.parse::<NameRule>().unwrap().to_string(), text);
        }
        assert!("klass".parse::<NameRule>().is_err());
        let rule = NameRule::ClassWithoutSuffix(None);
        assert_eq!(rule.of("YoutubeIE", "m", "IE", false).as_deref(), Some("Youtube"));
        assert_eq!(rule.of("IE", "m", "IE", false).as_deref(), Some("IE"));
    }
}
