//! Manifests: what is read, what is refused, and that nothing makes a reader fall over.

#![expect(
    clippy::unwrap_used,
    clippy::panic,
    clippy::print_stderr,
    reason = "a test says what it expects and what it skips"
)]

use std::{fmt::Write as _, fs, path::PathBuf, sync::Arc};

use plugcache_discovery::{
    index::{Location, Report, Session},
    manifest::{Format, Limits, ManifestError, ManifestFinder, Options, parse},
    plugin::Plugin,
    value::Value,
};
use proptest::prelude::*;
use serde_json::json;
use tempfile::TempDir;

struct Place {
    directory: TempDir,
}

impl Place {
    fn new(files: &[(&str, &str)]) -> Self {
        let place = Self { directory: tempfile::tempdir().unwrap() };
        for (path, text) in files {
            place.write(path, text.as_bytes());
        }
        place
    }

    fn root(&self) -> PathBuf {
        self.directory.path().join("root")
    }

    fn write(&self, path: &str, bytes: &[u8]) {
        let path = self.root().join(path);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(path, bytes).unwrap();
    }

    fn list(&self, options: Options) -> (Vec<Plugin>, Report) {
        list(vec![self.root()], self.directory.path().join("cache"), options)
    }
}

fn list(roots: Vec<PathBuf>, cache: PathBuf, options: Options) -> (Vec<Plugin>, Report) {
    let finder = Arc::new(ManifestFinder::new(options).unwrap());
    let session = Session { location: Location { directories: vec![cache] }, ..Session::new(finder, roots) };
    let (snapshot, plugins) = session.list(|snapshot| {
        let all = snapshot.all();
        all.iter().map(|candidate| snapshot.describe(candidate)).collect()
    });
    (plugins, snapshot.full_report())
}

fn options(patterns: &[&str], key: &str) -> Options {
    let patterns = patterns.iter().map(|&pattern| pattern.to_owned()).collect();
    Options { patterns, key: Some(key.to_owned()), ..Options::default() }
}

fn names(plugins: &[Plugin]) -> Vec<&str> {
    plugins.iter().map(|plugin| plugin.name.as_str()).collect()
}

fn text(value: &str) -> Value {
    Value::Str(value.to_owned())
}

fn read(bytes: &[u8], format: Format) -> Result<Value, ManifestError> {
    parse(bytes, format, Limits::default())
}

fn error(bytes: &[u8], format: Format) -> ManifestError {
    read(bytes, format).unwrap_err()
}

const FORMATS: [Format; 3] = [Format::Json, Format::Toml, Format::Yaml];

#[test]
fn three_formats_by_extension() {
    let place = Place::new(&[
        ("plugins/a/plugin.json", r#"{"plugin": {"name": "a"}, "description": "the first", "n": 1}"#),
        ("plugins/b/plugin.toml", "when = 2026-01-02T03:04:05Z\n[plugin]\nname = \"b\"\n"),
        ("plugins/c/plugin.YAML", "plugin: &p\n  name: c\n  on: yes\nother: *p\n1: one\n"),
        ("plugins/d/other.json", "{}"),
        ("plugins/.hidden/plugin.json", "not read"),
        ("elsewhere/plugin.json", "not read"),
    ]);
    let (plugins, report) = place.list(options(&["plugins/*/plugin.{json,toml,YAML}"], "plugin.name"));
    assert_eq!(report.problems, []);
    assert_eq!(names(&plugins), ["a", "b", "c"]);
    assert_eq!(plugins[0].doc.as_deref(), Some("the first"));
    assert_eq!(plugins[0].kind, "manifest");
    assert_eq!(plugins[0].attributes[2], ("n".to_owned(), Value::Int(1)));
    assert_eq!(plugins[1].attributes[0], ("when".to_owned(), text("2026-01-02T03:04:05Z")));
    assert_eq!(plugins[2].attributes[1].1, plugins[2].attributes[0].1);
    assert_eq!(plugins[2].attributes[2].0, "1");
    assert!(plugins[2].file.ends_with("root/plugins/c/plugin.YAML"));
}

#[test]
fn patterns_of_every_kind() {
    let place = Place::new(&[]);
    for path in ["m.json", "a/m.json", "a/b/m.json", "a/b/c/m.json", "a/.b/m.json", "n.json"] {
        place.write(path, json!({ "name": path }).to_string().as_bytes());
    }
    let found = |pattern: &str| {
        let (plugins, _) = place.list(options(&[pattern], "name"));
        plugins.into_iter().map(|plugin| plugin.name).collect::<Vec<_>>()
    };
    assert_eq!(found("m.json"), ["m.json"]);
    assert_eq!(found("?.json"), ["m.json", "n.json"]);
    assert_eq!(found("*/m.json"), ["a/m.json"]);
    assert_eq!(found("a/.*/m.json"), ["a/.b/m.json"]);
    assert_eq!(found("**/m.json"), ["a/b/c/m.json", "a/b/m.json", "a/m.json", "m.json"]);
    assert_eq!(found("a/**/b/**/*.json"), ["a/b/c/m.json", "a/b/m.json"]);
    assert_eq!(found("none/*/m.json"), Vec::<String>::new());
    assert_eq!(found("m.json/*"), Vec::<String>::new());
}

#[test]
fn links_that_go_round_end() {
    let place = Place::new(&[("a/m.json", r#"{"name": "a"}"#)]);
    std::os::unix::fs::symlink("..", place.root().join("a/up")).unwrap();
    let (plugins, report) = place.list(options(&["**/m.json"], "name"));
    assert_eq!(names(&plugins), ["a"]);
    assert_eq!(report.problems.len(), 1, "{:?}", report.problems);
}

#[test]
fn one_broken_manifest_hides_nothing() {
    let place = Place::new(&[
        ("a.json", r#"{"name": "a"}"#),
        ("broken.json", "{\n  \"name\": \"ü\", nope\n}"),
        ("dot.toml", "name = 'dot'\n[x\n"),
        ("list.json", "[]"),
        ("name.json", r#"{"name": 3}"#),
        ("nameless.json", "{}"),
        ("twice.json", "{\"name\": \"x\",\n \"name\": \"y\"}"),
        ("yaml.yaml", "name: x\n  b: - c\n"),
        ("z.json", r#"{"name": "z"}"#),
    ]);
    let all = || options(&["*.{json,toml,yaml}"], "name");
    let (plugins, report) = place.list(all());
    assert_eq!(names(&plugins), ["a", "z"]);
    let problems: Vec<_> = report.problems.iter().map(|problem| (problem.line, problem.column)).collect();
    let [broken, toml, rest @ ..] = problems.as_slice() else { panic!("{problems:?}") };
    assert_eq!(*broken, (2, 16));
    assert_eq!(toml.0, 2);
    assert_eq!(rest.len(), 5);
    assert_eq!((rest[0], rest[1], rest[2]), ((0, 0), (0, 0), (0, 0)));
    assert_eq!(rest[3].0, 2);
    assert_eq!(rest[4].0, 2);
    assert!(report.problems[5].message.contains("`name`"));
    // Mended, it is there; broken, it is gone.
    place.write("broken.json", br#"{"name": "mended"}"#);
    place.write("z.json", b"{");
    let (plugins, report) = place.list(all());
    assert_eq!(names(&plugins), ["a", "mended"]);
    assert_eq!((report.parsed, report.problems.len()), (2, 7));
}

#[test]
fn a_schema_tells_everything_that_is_wrong() {
    let place = Place::new(&[
        ("good.json", r#"{"name": "good", "version": 1}"#),
        ("bad.json", r#"{"name": "bad", "version": "one", "extra": {}}"#),
    ]);
    let schema = json!({
        "type": "object",
        "properties": { "name": {}, "version": { "type": "integer" } },
        "additionalProperties": false
    });
    let with = |schema| Options { schema: Some(schema), ..options(&["*.json"], "/name") };
    let (plugins, report) = place.list(with(schema));
    assert_eq!(names(&plugins), ["good"]);
    let [problem] = report.problems.as_slice() else { panic!("{:?}", report.problems) };
    assert!(problem.message.contains("/version") && problem.message.contains("extra"), "{}", problem.message);
    for schema in [json!({ "type": 3 }), json!({ "$ref": "https://example.invalid/schema.json" })] {
        assert!(ManifestFinder::new(with(schema)).is_err());
    }
}

#[test]
fn numbers_keep_what_they_say() {
    let long = "9".repeat(5_000);
    let document = format!(
        r#"["\"1", 18446744073709551616, -9223372036854775808, {long}, 1.5, 1e20, 12345678901234567]"#
    );
    let Value::List(items) = read(document.as_bytes(), Format::Json).unwrap() else { panic!() };
    assert_eq!(items[1], Value::BigInt("18446744073709551616".to_owned()));
    assert_eq!(items[2], Value::Int(i64::MIN));
    assert_eq!(items[3], Value::BigInt(long));
    assert_eq!(items[4..], [Value::Float(1.5), Value::Float(1e20), Value::Int(12_345_678_901_234_567)]);
    let Value::List(items) = read(b"[\"1e999\", 1e999, 1]", Format::Json).unwrap() else { panic!() };
    assert_eq!(items, [text("1e999"), Value::Float(f64::INFINITY), Value::Int(1)]);
    let many = format!("[{}1]", "18446744073709551616,".repeat(40_000));
    let began = std::time::Instant::now();
    assert!(read(many.as_bytes(), Format::Json).is_ok());
    assert!(began.elapsed().as_secs() < 10, "{:?}", began.elapsed());
    let large = Value::BigInt("99999999999999999999".to_owned());
    assert_eq!(read(b"a = 99999999999999999999", Format::Toml), Ok(Value::Dict(vec![(text("a"), large)])));
}

#[test]
fn depth_is_bounded() {
    for depth in [65, 200, 100_000] {
        let json = format!("{}{}", "[".repeat(depth), "]".repeat(depth));
        assert!(matches!(error(json.as_bytes(), Format::Json), ManifestError::TooDeep { limit: 64, .. }));
        let yaml = error(json.as_bytes(), Format::Yaml);
        assert!(matches!(yaml, ManifestError::TooDeep { .. }), "{depth} {yaml:?}");
        let toml = error(format!("a = {json}").as_bytes(), Format::Toml);
        assert!(matches!(toml, ManifestError::TooDeep { .. }), "{depth} {toml:?}");
        let keys = format!("{}x = 1", "a.".repeat(depth));
        assert!(matches!(error(keys.as_bytes(), Format::Toml), ManifestError::TooDeep { .. }));
        let objects = format!("{}1{}", r#"{"a":"#.repeat(depth), "}".repeat(depth));
        assert!(matches!(error(objects.as_bytes(), Format::Json), ManifestError::TooDeep { .. }));
    }
    let fits = format!("{}{}", "[".repeat(64), "]".repeat(64));
    assert!(read(fits.as_bytes(), Format::Json).is_ok());
    assert!(read(fits.as_bytes(), Format::Yaml).is_ok());
}

#[test]
fn size_is_bounded_before_anything_is_parsed() {
    let limits = Limits { bytes: 10, ..Limits::default() };
    let error = parse(b"[1,2,3,4,5]", Format::Json, limits).unwrap_err();
    assert_eq!(error, ManifestError::TooLarge { limit: 10, actual: 11 });
}

#[test]
fn aliases_do_not_unfold_without_end() {
    let mut bomb = "a0: &a0 [x, x, x, x, x, x, x, x, x, x]\n".to_owned();
    for level in 1..30 {
        let above = vec![format!("*a{}", level - 1); 10].join(", ");
        writeln!(bomb, "a{level}: &a{level} [{above}]").unwrap();
    }
    let began = std::time::Instant::now();
    assert!(read(bomb.as_bytes(), Format::Yaml).is_err());
    assert!(began.elapsed().as_secs() < 10, "{:?}", began.elapsed());
}

#[test]
fn what_is_no_text_is_said_to_be_none() {
    for format in FORMATS {
        for bytes in [&b"\xff\xfe{\0}\0"[..], b"a: \0", b"name = '\xe4'", b"{\"a\":\n\"\xc3\"}"] {
            let error = error(bytes, format);
            assert!(matches!(error, ManifestError::Encoding { .. }), "{error:?}");
        }
    }
    assert_eq!(error(b"{\"a\":\n\"\xc3\"}", Format::Json).position(), (2, 2));
    for (document, format) in [
        ("\u{feff}{\"a\": 1}", Format::Json),
        ("\u{feff}a = 1", Format::Toml),
        ("\u{feff}a: 1", Format::Yaml),
    ] {
        assert_eq!(read(document.as_bytes(), format), Ok(Value::Dict(vec![(text("a"), Value::Int(1))])));
    }
}

#[test]
fn a_key_that_occurs_twice_is_named() {
    let many = (0..40).map(|at| format!("\"k{at}\": 0")).collect::<Vec<_>>().join(", ") + ",";
    for (document, format, wanted) in [
        (r#"{"a": 1, "b": {"c": 1, "c": 2}}"#.to_owned(), Format::Json, "c"),
        (format!(r#"{{{many} "k3": 1}}"#), Format::Json, "k3"),
        ("a = 1\nb = 2\na = 3\n".to_owned(), Format::Toml, "a"),
        ("a: 1\nb: 2\na: 3\n".to_owned(), Format::Yaml, "a"),
    ] {
        let error = error(document.as_bytes(), format);
        assert!(
            matches!(&error, ManifestError::DuplicateKey { key, line: 1.., .. } if key == wanted),
            "{error:?}"
        );
    }
}

#[test]
fn a_thousand_manifests() {
    let place = Place::new(&[]);
    for at in 0..1_000 {
        place.write(
            &format!("components/c{at:03}/manifest.json"),
            format!(r#"{{"domain": "d{at}", "n": {at}}}"#).as_bytes(),
        );
        place.write(&format!("components/c{at:03}/code.py"), b"");
    }
    std::thread::sleep(std::time::Duration::from_millis(30));
    let ask = || place.list(options(&["components/*/manifest.json"], "domain"));
    let (cold, report) = ask();
    assert_eq!((cold.len(), report.parsed), (1_000, 1_000));
    let (warm, report) = ask();
    assert_eq!((warm, report.parsed), (cold, 0));
    place.write("components/c500/manifest.json", br#"{"domain": "changed"}"#);
    let (changed, report) = ask();
    assert_eq!((changed.len(), report.parsed), (1_000, 1));
    assert!(names(&changed).contains(&"changed"));
}

/// Needs `PLUGCACHE_CORPORA` with `homeassistant` in it (`cargo xtask corpora --large`).
#[test]
fn homeassistant_manifests() {
    let corpora = std::env::var_os("PLUGCACHE_CORPORA").map(PathBuf::from).unwrap_or_default();
    let root = corpora.join("homeassistant/homeassistant");
    if !root.is_dir() {
        eprintln!("SKIPPED: homeassistant is not there (cargo xtask corpora --large fetches it)");
        return;
    }
    let cache = tempfile::tempdir().unwrap();
    let began = std::time::Instant::now();
    let (plugins, report) =
        list(vec![root], cache.path().to_owned(), options(&["components/*/manifest.json"], "domain"));
    eprintln!("{} manifests in {:?}", plugins.len(), began.elapsed());
    assert_eq!(report.problems, []);
    assert_eq!(plugins.len(), 1_562);
}

proptest! {
    #[test]
    fn any_bytes_are_read_or_refused(bytes in proptest::collection::vec(any::<u8>(), 0..200)) {
        for format in FORMATS {
            _ = read(&bytes, format);
        }
    }

    #[test]
    fn anything_that_looks_like_a_document_is_read_or_refused(text in r#"[\[\]{}:,&*a-c0-9 "'=\n.\\!<|>-]{0,80}"#) {
        for format in FORMATS {
            _ = read(text.as_bytes(), format);
        }
    }
}
