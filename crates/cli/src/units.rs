//! Figures as people read them.

use std::time::Duration;

/// Bytes in binary units.
#[expect(clippy::cast_precision_loss, reason = "two digits are printed")]
pub(crate) fn size(bytes: u64) -> String {
    let mut value = bytes as f64;
    for unit in ["B", "KiB", "MiB"] {
        if value < 1024.0 {
            return if unit == "B" { format!("{bytes} B") } else { format!("{value:.1} {unit}") };
        }
        value /= 1024.0;
    }
    format!("{value:.1} GiB")
}

/// A number with its thousands apart: 8,432.
pub(crate) fn count(number: u64) -> String {
    let digits = number.to_string();
    let mut text = String::with_capacity(digits.len() * 4 / 3);
    for (position, digit) in digits.chars().enumerate() {
        if position > 0 && (digits.len() - position).is_multiple_of(3) {
            text.push(',');
        }
        text.push(digit);
    }
    text
}

/// A number of things: `1 entry`, `2 entries`.
pub(crate) fn entries(number: u64) -> String {
    format!("{} {}", count(number), if number == 1 { "entry" } else { "entries" })
}

/// A share in per cent, rounded down: what is not quite full is not called full.
pub(crate) fn percent(part: u64, whole: u64) -> String {
    let share = u128::from(part) * 100 / u128::from(whole.max(1));
    format!("{share}%")
}

/// A time with as many digits as it is worth reading: `5m`, `1.5s`, `30ms`, `2d 4h`.
pub(crate) fn time(time: Duration) -> String {
    let seconds = time.as_secs();
    match seconds {
        0 if time.is_zero() => "0s".to_owned(),
        0 if time.as_millis() == 0 => format!("{}µs", time.as_micros()),
        0 => format!("{}ms", time.as_millis()),
        1..10 if time.subsec_millis() >= 100 => format!("{seconds}.{}s", time.subsec_millis() / 100),
        _ => {
            let units = [(86_400, "d"), (3600, "h"), (60, "m"), (1, "s")];
            let mut rest = seconds;
            let parts = units.into_iter().filter_map(|(unit, name)| {
                let number = rest / unit;
                rest %= unit;
                (number > 0).then(|| format!("{number}{name}"))
            });
            parts.take(2).collect::<Vec<_>>().join(" ")
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn figures() {
        assert_eq!([count(7), count(8432), count(1_000_000)], ["7", "8,432", "1,000,000"]);
        assert_eq!([size(512), size(1536), size(3 << 30)], ["512 B", "1.5 KiB", "3.0 GiB"]);
        assert_eq!([percent(8432, 10_000), percent(999, 1000), percent(0, 0)], ["84%", "99%", "0%"]);
        let shown = [0, 40, 30_000, 1_500_000, 300_000_000, 5_400_000_000, 187_200_000_000];
        let shown = shown.map(|micros| time(Duration::from_micros(micros)));
        assert_eq!(shown, ["0s", "40µs", "30ms", "1.5s", "5m", "1h 30m", "2d 4h"]);
    }
}
