//! A cache in one line, as the document's `cache stats` shows it.

use plugcache_cache::Stats;

/// `Embedding Cache: 8,432 / 10,000 entries (84% full, 42% hit rate)`.
pub(crate) fn summary(title: &str, unit: &str, stats: &Stats) -> String {
    let metrics = stats.metrics();
    let (size, capacity) = (metrics.size as u64, metrics.capacity as u64);
    let mut parts = vec![format!("{} full", percent(size, capacity))];
    parts.extend(stats.ttl.map(|ttl| format!("{}s TTL", ttl.as_secs_f64())));
    let lookups = metrics.hits + metrics.misses;
    if lookups > 0 {
        parts.push(format!("{} hit rate", percent(metrics.hits, lookups)));
    }
    format!("{title}: {} / {} {unit} ({})", apart(size), apart(capacity), parts.join(", "))
}

/// Rounded down: what is not quite full is not called full.
fn percent(part: u64, whole: u64) -> String {
    format!("{}%", u128::from(part) * 100 / u128::from(whole.max(1)))
}

/// With its thousands apart.
fn apart(number: u64) -> String {
    let digits = number.to_string();
    let mut text = String::new();
    for (position, digit) in digits.chars().enumerate() {
        if position > 0 && (digits.len() - position).is_multiple_of(3) {
            text.push(',');
        }
        text.push(digit);
    }
    text
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;

    #[test]
    fn lines_are_those_of_the_document() {
        let stats = |entries, capacity, memory_hits, missed: u64| Stats {
            entries,
            capacity: Some(capacity),
            memory_hits,
            misses: [("absent".to_owned(), missed)].into(),
            ..Stats::default()
        };
        let shown = summary("Embedding Cache", "entries", &stats(8432, 10_000, 42, 58));
        assert_eq!(shown, "Embedding Cache: 8,432 / 10,000 entries (84% full, 42% hit rate)");
        let shown = summary("Block Cache", "blocks", &stats(234, 1000, 91, 9));
        assert_eq!(shown, "Block Cache: 234 / 1,000 blocks (23% full, 91% hit rate)");
        let shown = summary("Diff Cache", "entries", &stats(12, 100, 0, 0));
        assert_eq!(shown, "Diff Cache: 12 / 100 entries (12% full)");
        let with_ttl = Stats { ttl: Some(Duration::from_secs(5)), ..stats(0, 0, 2, 1) };
        assert_eq!(
            summary("Query Cache", "entries", &with_ttl),
            "Query Cache: 0 / 0 entries (0% full, 5s TTL, 66% hit rate)"
        );
    }
}
