//! `plugcache config show`: each value with its origin.

use std::{path::PathBuf, time::Duration};

use plugcache::{
    cache::hub::Refresh,
    config::{Origin, Setting},
};
use serde_json::{Value, json};

use super::Outcome;
use crate::{
    args::Place,
    output::{Failure, Output},
    settings,
    units::{size, time},
};

/// A setting: its name in files, its value for people and for programs, and where it comes from.
struct Row {
    name: String,
    text: String,
    value: Value,
    origin: Origin,
}

pub(super) fn show(place: &Place, output: &Output) -> Result<Outcome, Failure> {
    let config = settings::config(place.flags())?;
    let shown = |path: Option<PathBuf>| -> Result<String, Failure> {
        let path = path.map(std::path::absolute).transpose()?;
        Ok(path.map(|path| path.display().to_string()).unwrap_or_default())
    };
    let directory = shown(config.directory.value.clone().or_else(settings::user_cache_directory))?;
    let data = shown(settings::data_directory(&config))?;
    let models = shown(settings::models_directory(&config))?;
    let mut rows = vec![
        row("cache.directory", &config.directory, |_| (directory.clone(), json!(directory))),
        row("data.directory", &config.data_directory, |_| (data.clone(), json!(data))),
        row("cache.max_size", &config.max_size, |bytes| optional(bytes.as_ref(), bytes_of)),
        row("strength", &config.strength, |strength| (strength.to_string(), json!(strength))),
        row("cache.lock_timeout", &config.lock_timeout, time_of),
        row("no_cache", &config.no_cache, flag_of),
        row("refresh", &config.refresh, refresh_of),
        row("offline", &config.offline, flag_of),
        row("embedding.model", &config.embedding.model, |model| optional(model.as_ref(), shown_and_json)),
        row("embedding.models_directory", &config.embedding.models_directory, |_| {
            (models.clone(), json!(models))
        }),
        row("embedding.normalize", &config.embedding.normalizer, shown_and_json),
        row("embedding.precision", &config.embedding.precision, shown_and_json),
        row("embedding.endpoint", &config.embedding.endpoint, |url| {
            url.as_ref().map_or_else(|| ("Hugging Face".to_owned(), Value::Null), shown_and_json)
        }),
        row("redis_url", &config.redis_url, |url| {
            (without_password(url.as_deref()), json!(without_password(url.as_deref())))
        }),
        row("log", &config.log, |filter| (filter.clone(), json!(filter))),
    ];
    for (name, cache) in &config.caches {
        let named = |setting: &str| format!("caches.{name}.{setting}");
        rows.extend(
            cache.capacity.iter().map(|it| row(named("capacity"), it, |n| (n.to_string(), json!(n)))),
        );
        rows.extend(cache.max_bytes.iter().map(|it| row(named("max_bytes"), it, bytes_of)));
        rows.extend(cache.ttl.iter().map(|it| row(named("ttl"), it, time_of)));
        rows.extend(cache.disk.iter().map(|it| row(named("disk"), it, flag_of)));
        rows.extend(cache.disk_max_bytes.iter().map(|it| row(named("disk_max_bytes"), it, bytes_of)));
    }
    for name in &config.unknown {
        output.warn(format!("{name} is set and means nothing; see `plugcache config show` for what does"));
    }
    if output.is_json() {
        let settings = rows.iter().map(|Row { name, value, origin, .. }| {
            json!({ "name": name, "value": value, "origin": origin.to_string() })
        });
        let settings: Vec<Value> = settings.collect();
        output.json(&json!({ "schema": 1, "settings": settings, "unknown": config.unknown }))?;
    } else {
        output.table(
            rows.into_iter().map(|Row { name, text, origin, .. }| vec![name, text, origin.to_string()]),
        )?;
    }
    Ok(Outcome::Done)
}

fn row<T>(name: impl Into<String>, setting: &Setting<T>, show: impl Fn(&T) -> (String, Value)) -> Row {
    let (text, value) = show(&setting.value);
    Row { name: name.into(), text, value, origin: setting.origin.clone() }
}

fn optional<T>(value: Option<&T>, show: impl Fn(&T) -> (String, Value)) -> (String, Value) {
    value.map_or_else(|| ("as each program says".to_owned(), Value::Null), show)
}

fn shown_and_json<T: std::fmt::Display>(value: &T) -> (String, Value) {
    (value.to_string(), json!(value.to_string()))
}

fn bytes_of(bytes: &u64) -> (String, Value) {
    (size(*bytes), json!(bytes))
}

/// In nanoseconds for programs.
fn time_of(duration: &Duration) -> (String, Value) {
    (time(*duration), json!({ "ns": u64::try_from(duration.as_nanos()).ok() }))
}

fn flag_of(flag: &bool) -> (String, Value) {
    ((if *flag { "yes" } else { "no" }).to_owned(), json!(flag))
}

fn refresh_of(refresh: &Refresh) -> (String, Value) {
    match refresh {
        Refresh::None => ("no".to_owned(), json!([])),
        Refresh::All => ("all".to_owned(), json!("all")),
        Refresh::Named(names) => (names.iter().cloned().collect::<Vec<_>>().join(", "), json!(names)),
    }
}

/// What is shown may be pasted somewhere.
fn without_password(url: Option<&str>) -> String {
    let Some(url) = url else { return "none".to_owned() };
    match (url.split_once("://"), url.rsplit_once('@')) {
        (Some((scheme, _)), Some((_, place))) => format!("{scheme}://***@{place}"),
        _ => url.to_owned(),
    }
}
