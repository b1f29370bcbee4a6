//! What makes a class or a function a plugin: rules in text form.
//!
//! A rule is written `kind=argument`, the same in a command line, in a project file and in the key of an
//! index. All the rules of a finder must hold.

use std::{fmt, str::FromStr};

use thiserror::Error;

/// A class or module-level object, as `module:qualname`.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct ObjectRef {
    /// Dotted module.
    pub module: String,
    /// `Class`, or `Outer.Inner`.
    pub qualname: String,
}

/// One condition on a class or a function.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Rule {
    /// `any`: every class.
    Any,
    /// `base=MODULE:CLASS`: a subclass, however indirect; not the class itself.
    Base(ObjectRef),
    /// `suffix=IE`: the class's name ends so, and is longer.
    Suffix(String),
    /// `prefix=Cmd`: the class's name starts so, and is longer.
    Prefix(String),
    /// `decorator=NAME`: decorated by that name: its last part, all of it as written, or what it stands for
    /// (`module.name` or `module:name`).
    Decorator(String),
    /// `attribute=NAME`: the class's own body binds it.
    Attribute(String),
    /// `metaclass=MODULE:CLASS`, own or inherited, or one derived from it.
    Metaclass(ObjectRef),
    /// `metaclass=NAME`: own or inherited, by its last part or dotted name.
    MetaclassNamed(String),
    /// `exported=MODULE`: bound in that module's namespace, under whatever name.
    Exported(String),
    /// `module`: every module in the packages, and every package inside them.
    Module,
    /// `function`: every module-level function.
    Function,
    /// `function-exported`: functions that public modules of the packages expose, each under the name that it
    /// has there, below the package: `filters.gaussian`.
    FunctionExported,
    /// `definition`: every class and every module-level function, by `module:qualname`; their methods and the
    /// comments on their fields are told with them.
    Definition,
    /// `function-decorator=NAME`: functions decorated so; see [`Rule::Decorator`].
    FunctionDecorator(String),
}

/// Why a rule could not be read, or rules do not go together.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
#[non_exhaustive]
pub enum RuleError {
    /// The part before `=` is no kind of rule.
    #[error(
        "unknown rule `{rule}`: expected base=MODULE:CLASS, suffix=TEXT, prefix=TEXT, decorator=NAME, \
         attribute=NAME, metaclass=MODULE:CLASS, metaclass=NAME, exported=MODULE, any, module, function, \
         function-exported, definition or function-decorator=NAME"
    )]
    Unknown {
        /// As given.
        rule: String,
    },
    /// The argument is missing or of another form.
    #[error("rule `{rule}`: expected {expected}")]
    Argument {
        /// As given.
        rule: String,
        /// The form that is expected.
        expected: &'static str,
    },
    /// Rules about different kinds of plugins.
    #[error("rules `{one}` and `{other}` exclude each other: the one is about {}, the other about {}", kind(*.about), kind(*.but))]
    Mixed {
        /// A rule.
        one: String,
        /// What it is about.
        about: About,
        /// A rule about something else.
        other: String,
        /// What that is about.
        but: About,
    },
    /// A rule for names is unknown.
    #[error(
        "unknown name rule `{rule}`: expected class, class-without-suffix, class-without-suffix=SUFFIX, \
         snake, module, stem or attribute:NAME"
    )]
    UnknownName {
        /// As given.
        rule: String,
    },
}

impl Rule {
    /// What the rule is about; `None` if it goes with any kind.
    fn about(&self) -> Option<About> {
        match self {
            Self::Suffix(_) | Self::Prefix(_) => None,
            Self::Function | Self::FunctionExported | Self::FunctionDecorator(_) => Some(About::Functions),
            Self::Definition => Some(About::Definitions),
            Self::Module => Some(About::Modules),
            _ => Some(About::Classes),
        }
    }

    /// What rules together are about: classes if nothing says otherwise.
    pub fn all_about(rules: &[Self]) -> About {
        let others = |about: &About| *about != About::Classes;
        rules.iter().filter_map(Self::about).find(others).unwrap_or(About::Classes)
    }

    /// Whether rules can hold together.
    ///
    /// # Errors
    /// [`RuleError::Mixed`].
    pub fn check(rules: &[Self]) -> Result<(), RuleError> {
        let mut first: Option<(&Self, About)> = None;
        for rule in rules {
            let Some(but) = rule.about() else { continue };
            match first {
                Some((one, about)) if about != but => {
                    let (one, other) = (one.to_string(), rule.to_string());
                    return Err(RuleError::Mixed { one, about, other, but });
                }
                Some(_) => {}
                None => first = Some((rule, but)),
            }
        }
        Ok(())
    }
}

/// What becomes a plugin.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum About {
    /// Classes.
    Classes,
    /// Module-level functions.
    Functions,
    /// Modules as a whole.
    Modules,
    /// Classes and module-level functions.
    Definitions,
}

fn kind(about: About) -> &'static str {
    match about {
        About::Classes => "classes",
        About::Functions => "functions",
        About::Modules => "modules",
        About::Definitions => "classes and functions",
    }
}

impl FromStr for ObjectRef {
    type Err = ();

    fn from_str(text: &str) -> Result<Self, ()> {
        let (module, qualname) = text.split_once(':').ok_or(())?;
        if !is_dotted(module) || !is_dotted(qualname) {
            return Err(());
        }
        Ok(Self { module: module.to_owned(), qualname: qualname.to_owned() })
    }
}

impl fmt::Display for ObjectRef {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}:{}", self.module, self.qualname)
    }
}

impl FromStr for Rule {
    type Err = RuleError;

    fn from_str(rule: &str) -> Result<Self, RuleError> {
        let (kind, argument) = match rule.split_once('=') {
            Some((kind, argument)) => (kind.trim(), Some(argument.trim())),
            None => (rule.trim(), None),
        };
        let wrong = |expected| RuleError::Argument { rule: rule.to_owned(), expected };
        let object = |expected| argument.and_then(|text| text.parse().ok()).ok_or_else(|| wrong(expected));
        let name = |expected| {
            argument.filter(|text| is_name(text)).map(str::to_owned).ok_or_else(|| wrong(expected))
        };
        let path = |expected| {
            let fits = |text: &&str| is_dotted(&text.replacen(':', ".", 1));
            argument.filter(fits).map(str::to_owned).ok_or_else(|| wrong(expected))
        };
        match kind {
            "any" if argument.is_none() => Ok(Self::Any),
            "function" if argument.is_none() => Ok(Self::Function),
            "module" if argument.is_none() => Ok(Self::Module),
            "function-exported" if argument.is_none() => Ok(Self::FunctionExported),
            "definition" if argument.is_none() => Ok(Self::Definition),
            "any" | "function" | "function-exported" | "definition" | "module" => {
                Err(wrong("nothing after the name"))
            }
            "base" => {
                object("base=MODULE:CLASS, as in base=yt_dlp.extractor.common:InfoExtractor").map(Self::Base)
            }
            "suffix" => name("suffix=TEXT, as in suffix=IE").map(Self::Suffix),
            "prefix" => name("prefix=TEXT, as in prefix=Cmd").map(Self::Prefix),
            "decorator" => path("decorator=NAME, as in decorator=pluginmatcher").map(Self::Decorator),
            "function-decorator" => path("function-decorator=NAME, as in function-decorator=click.command")
                .map(Self::FunctionDecorator),
            "attribute" => name("attribute=NAME, as in attribute=_VALID_URL").map(Self::Attribute),
            "metaclass" => {
                let expected = "metaclass=MODULE:CLASS or metaclass=NAME, as in metaclass=abc:ABCMeta";
                match argument {
                    Some(text) if text.contains(':') => object(expected).map(Self::Metaclass),
                    _ => path(expected).map(Self::MetaclassNamed),
                }
            }
            "exported" => {
                let fits = |text: &&str| is_dotted(text);
                let module = argument.filter(fits).ok_or_else(|| wrong("exported=MODULE"))?;
                Ok(Self::Exported(module.to_owned()))
            }
            _ => Err(RuleError::Unknown { rule: rule.to_owned() }),
        }
    }
}

impl fmt::Display for Rule {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Any => f.write_str("any"),
            Self::Base(object) => write!(f, "base={object}"),
            Self::Suffix(text) => write!(f, "suffix={text}"),
            Self::Prefix(text) => write!(f, "prefix={text}"),
            Self::Decorator(name) => write!(f, "decorator={name}"),
            Self::Attribute(name) => write!(f, "attribute={name}"),
            Self::Metaclass(object) => write!(f, "metaclass={object}"),
            Self::MetaclassNamed(name) => write!(f, "metaclass={name}"),
            Self::Exported(module) => write!(f, "exported={module}"),
            Self::Module => f.write_str("module"),
            Self::Function => f.write_str("function"),
            Self::FunctionExported => f.write_str("function-exported"),
            Self::Definition => f.write_str("definition"),
            Self::FunctionDecorator(name) => write!(f, "function-decorator={name}"),
        }
    }
}

/// Whether text can stand in an identifier.
fn is_name(text: &str) -> bool {
    !text.is_empty() && text.chars().all(|c| c == '_' || c.is_alphanumeric())
}

/// Whether text is a dotted name. Directories that are no identifiers can be imported by name too.
pub(super) fn is_dotted(text: &str) -> bool {
    let part = |part: &str| !part.is_empty() && !part.contains(['/', '\\', ':', '=', ' ', '\0']);
    text.split('.').all(part)
}

#[cfg(test)]
mod tests {
    use super::{Rule, RuleError};

    #[test]
    fn rules_read_back_as_they_were_written() {
        let rules = [
            "any",
            "base=a.b:C.D",
            "suffix=IE",
            "prefix=Cmd",
            "decorator=a.b",
            "attribute=_X",
            "metaclass=abc:ABCMeta",
            "metaclass=Meta",
            "exported=a.b",
            "module",
            "function",
            "function-exported",
            "definition",
            "function-decorator=task",
        ];
        for text in rules {
            assert_eq!(text.parse::<Rule>().unwrap().to_string(), text);
        }
    }

    #[test]
    fn errors_name_what_was_expected() {
        for text in ["base=C", "base", "suffix=", "any=1", "exported=", "metaclass=a:", "attribute=a b"] {
            let error = text.parse::<Rule>().unwrap_err();
            assert!(error.to_string().contains("expected"), "{error}");
        }
        assert!(matches!("bases=a:B".parse::<Rule>(), Err(RuleError::Unknown { .. })));
        let mixed = ["any".parse().unwrap(), "function".parse().unwrap()];
        let error = Rule::check(&mixed).unwrap_err().to_string();
        assert!(error.ends_with("the one is about classes, the other about functions"), "{error}");
        let together = ["function".parse().unwrap(), "prefix=run_".parse().unwrap()];
        assert_eq!(Rule::check(&together), Ok(()));
    }
}
