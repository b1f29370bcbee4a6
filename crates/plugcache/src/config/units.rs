//! Sizes and times as people write them.

use std::time::Duration;

use bytesize::ByteSize;

/// What a size may look like, for messages.
pub const BYTES: &str = "a size such as 512MiB, 2GiB or 1048576";
/// What a time may look like, for messages.
pub const DURATION: &str = "a time such as 30s, 5m, 1h 30m, 30d, or a number of seconds";

/// Bytes: a number with or without a unit. `KiB` is 1,024, `kB` and `K` are 1,000.
pub fn bytes(text: &str) -> Result<u64, String> {
    text.trim().parse::<ByteSize>().map(|size| size.as_u64()).map_err(|_| expected(text, BYTES))
}

/// A time: numbers with units, or a number of seconds.
pub fn duration(text: &str) -> Result<Duration, String> {
    let text = text.trim();
    let seconds = || text.parse().ok().and_then(|seconds| Duration::try_from_secs_f64(seconds).ok());
    humantime::parse_duration(text).ok().or_else(seconds).ok_or_else(|| expected(text, DURATION))
}

/// Yes or no.
pub fn flag(text: &str) -> Result<bool, String> {
    match text.trim().to_ascii_lowercase().as_str() {
        "1" | "true" | "yes" | "on" => Ok(true),
        "0" | "false" | "no" | "off" => Ok(false),
        _ => Err(expected(text, "1, true, yes or on, or 0, false, no or off")),
    }
}

fn expected(text: &str, what: &str) -> String {
    format!("`{text}` is not {what}")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sizes() {
        for (text, expected) in [
            ("0", 0),
            ("1048576", 1 << 20),
            ("512MiB", 512 << 20),
            (" 2 GiB ", 2 << 30),
            ("1.5KiB", 1536),
            ("2gib", 2 << 30),
            ("10kB", 10_000),
            ("10k", 10_000),
        ] {
            assert_eq!(bytes(text), Ok(expected), "{text}");
        }
        for text in ["", "big", "-1", "12 parsecs", "MiB", "1q", "0x10", "1,000", "NaN", "inf"] {
            assert!(bytes(text).is_err(), "{text}");
        }
    }

    #[test]
    fn times() {
        for (text, expected) in [
            ("30s", 30),
            ("5m", 300),
            ("1h 30m", 5400),
            ("1h30m", 5400),
            ("30d", 30 * 86_400),
            ("2days", 172_800),
            ("10", 10),
            ("0", 0),
        ] {
            assert_eq!(duration(text), Ok(Duration::from_secs(expected)), "{text}");
        }
        assert_eq!(duration("0.5"), Ok(Duration::from_millis(500)));
        assert_eq!(duration("250ms"), Ok(Duration::from_millis(250)));
        for text in ["", "soon", "-1", "-5m", "NaN", "inf", "5 parsecs", "1e300"] {
            assert!(duration(text).is_err(), "{text}");
        }
    }

    #[test]
    fn flags() {
        assert_eq!((flag("Yes"), flag("0")), (Ok(true), Ok(false)));
        assert!(flag("maybe").unwrap_err().contains("`maybe`"));
    }
}
