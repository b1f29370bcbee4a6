//! Real packages against what running them showed.
//!
//! Runs where `PLUGCACHE_CORPORA` names a directory with the unpacked packages (`yt_dlp`, `streamlink`,
//! `ansible_core`) and `PLUGCACHE_TRUTH` one with the lists of what they have at run time; passes without
//! a look where they are not set.

#![expect(
    clippy::unwrap_used,
    clippy::print_stdout,
    reason = "a test unwraps what it expects, and prints its figures"
)]

use std::{
    collections::{BTreeMap, BTreeSet},
    path::PathBuf,
    sync::Arc,
    time::Instant,
};

use plugcache_discovery::{
    index::{Report, Session},
    plugin::Plugin,
    python::{PackageSpec, PythonFinder},
    value::Value,
};
use serde_json::Value as Json;

use crate::trees::LinkedAlike;

fn place(corpus: &str, truth: &str) -> Option<(PathBuf, Json)> {
    let corpora = std::env::var_os("PLUGCACHE_CORPORA")?;
    let truths = std::env::var_os("PLUGCACHE_TRUTH")?;
    let text = std::fs::read_to_string(PathBuf::from(truths).join(truth)).ok()?;
    Some((PathBuf::from(corpora).join(corpus), serde_json::from_str(&text).ok()?))
}

fn finder(packages: &[&str], rules: &[&str]) -> PythonFinder {
    PythonFinder {
        packages: packages.iter().map(|name| PackageSpec::recursive(*name)).collect(),
        rules: rules.iter().map(|rule| rule.parse().unwrap()).collect(),
        ..PythonFinder::default()
    }
}

fn run(root: PathBuf, finder: PythonFinder) -> (Vec<Plugin>, Report) {
    let session = Session::new(Arc::new(LinkedAlike(finder, 97)), vec![root]);
    let (snapshot, plugins) = session.list(|snapshot| {
        let begun = Instant::now();
        let all = snapshot.all();
        let mut describe = snapshot.describer();
        let plugins: Vec<Plugin> = all.iter().map(&mut describe).collect();
        let bytes: usize = all.iter().map(|one| one.record.payload.len()).sum();
        println!("described {} in {:?}; payload {bytes} bytes", plugins.len(), begun.elapsed());
        plugins
    });
    let report = snapshot.full_report();
    println!(
        "{} files in {:?}; {} problems, {} dynamic",
        report.files,
        report.elapsed,
        report.problems.len(),
        report.dynamic.len()
    );
    for row in report.problems.iter().chain(&report.dynamic).take(12) {
        println!("  {}:{}: {}", row.file, row.line, row.message);
    }
    (plugins, report)
}

/// The parent package of modules whose `__module__` is rewritten at run time.
fn run_time_module(module: &str) -> String {
    match module.strip_prefix("yt_dlp.extractor.youtube._") {
        Some(_) => "yt_dlp.extractor.youtube".to_owned(),
        None => module.to_owned(),
    }
}

fn qualified(plugins: &[Plugin]) -> BTreeSet<(String, String)> {
    let pair = |plugin: &Plugin| {
        (plugin.module.clone().unwrap_or_default(), plugin.qualname.clone().unwrap_or_default())
    };
    plugins.iter().map(pair).collect()
}

fn pairs(list: &Json, module: usize, name: usize) -> BTreeSet<(String, String)> {
    let text = |row: &Json, at: usize| row[at].as_str().unwrap_or_default().to_owned();
    list.as_array().unwrap().iter().map(|row| (text(row, module), text(row, name))).collect()
}

/// A static record names the defining module, the truth the run-time one: both are accepted.
fn assert_same(found: &BTreeSet<(String, String)>, truth: &BTreeSet<(String, String)>, count: usize) {
    let missing: Vec<_> = truth
        .iter()
        .filter(|(module, name)| {
            let same = |(other, qualname): &(String, String)| {
                qualname == name && (other == module || run_time_module(other) == *module)
            };
            !found.iter().any(same)
        })
        .collect();
    let names: BTreeSet<&String> = truth.iter().map(|(_, name)| name).collect();
    let extra: Vec<_> = found.iter().filter(|(_, name)| !names.contains(name)).collect();
    assert!(missing.is_empty() && extra.is_empty(), "missing {missing:?}\nextra {extra:?}");
    assert_eq!(found.len(), count);
}

#[test]
fn yt_dlp_has_every_subclass_and_no_other() {
    let Some((root, truth)) = place("yt_dlp", "ytdlp_all_infoextractor_subclasses.json") else { return };
    let (plugins, _) = run(root, finder(&["yt_dlp"], &["base=yt_dlp.extractor.common:InfoExtractor"]));
    assert_same(&qualified(&plugins), &pairs(&truth["classes"], 0, 1), 2048);
}

#[test]
fn yt_dlp_registers_what_it_exports() {
    let Some((root, truth)) = place("yt_dlp", "ytdlp_ie_classes.json") else { return };
    let rules = ["exported=yt_dlp.extractor._extractors", "suffix=IE"];
    let (plugins, _) = run(root, finder(&["yt_dlp.extractor"], &rules));
    assert_same(&qualified(&plugins), &pairs(&truth["extractors"], 1, 0), 1754);
}

#[test]
fn yt_dlp_urls_are_equal_or_dynamic() {
    let Some((root, truth)) = place("yt_dlp", "ytdlp_valid_url.json") else { return };
    let rules = ["exported=yt_dlp.extractor._extractors", "suffix=IE"];
    let (plugins, _) = run(root, finder(&["yt_dlp.extractor"], &rules));
    let (mut equal, mut dynamic, mut wrong) = (0, BTreeMap::<String, u32>::new(), Vec::new());
    let truth = truth.as_object().unwrap();
    for plugin in &plugins {
        let (module, name) = (plugin.module.clone().unwrap(), plugin.qualname.clone().unwrap());
        let key = |module: &str| format!("{module}:{name}");
        let real = truth.get(&key(&module)).or_else(|| truth.get(&key(&run_time_module(&module)))).unwrap();
        let found = plugin.attributes.iter().find(|(name, _)| name == "_VALID_URL").map(|(_, value)| value);
        match (found, real) {
            (Some(Value::Str(found)), Json::String(real)) if found == real => equal += 1,
            (Some(Value::Bool(found)), Json::Bool(real)) if found == real => equal += 1,
            (Some(Value::None), Json::Null) => equal += 1,
            (Some(Value::List(found) | Value::Tuple(found)), Json::Array(real))
                if found
                    .iter()
                    .map(|one| if let Value::Str(text) = one { text.as_str() } else { "" })
                    .eq(real.iter().map(|one| one.as_str().unwrap_or_default())) =>
            {
                equal += 1;
            }
            (None, _) => {
                let reason =
                    plugin.dynamic.iter().find(|row| row.name == "_VALID_URL").map(|row| row.reason.clone());
                assert!(reason.is_some() || real.is_null(), "{module}:{name} has nothing");
                *dynamic.entry(reason.unwrap_or_default()).or_default() += 1;
            }
            (Some(found), real) => wrong.push(format!("{module}:{name}: {found:?} is {real}")),
        }
    }
    println!("equal {equal} of {}; dynamic {dynamic:?}", truth.len());
    assert!(wrong.is_empty(), "{wrong:#?}");
    assert!(100 * equal >= 93 * truth.len());
}

#[test]
fn streamlink_has_its_plugins_and_matchers() {
    let Some((root, truth)) = place("streamlink", "streamlink_plugins.json") else { return };
    let rules = ["base=streamlink.plugin:Plugin", "decorator=pluginmatcher"];
    let mut finder = finder(&["streamlink.plugins"], &rules);
    finder.name = "stem".parse().unwrap();
    let (plugins, _) = run(root, finder);
    let truth = truth["plugins"].as_object().unwrap();
    assert_eq!(plugins.len(), truth.len());
    let mut matchers = 0;
    for plugin in &plugins {
        let real = truth[&plugin.name]["matchers"].as_array().unwrap();
        // Decorators run from the inside, and each puts itself first.
        let found: Vec<Vec<Option<Value>>> = plugin
            .decorators
            .iter()
            .filter(|decorator| decorator.name == "pluginmatcher")
            .map(|decorator| {
                let pick = |at: usize, name: &str| {
                    let keyword =
                        decorator.keywords.iter().find(|(key, _)| key == name).map(|(_, value)| value);
                    decorator.arguments.get(at).or(keyword).cloned().flatten()
                };
                vec![pick(0, "pattern"), pick(1, "priority"), pick(2, "name")]
            })
            .collect();
        assert_eq!(found.len(), real.len(), "{}", plugin.name);
        for (found, real) in found.iter().zip(real) {
            let Some(Value::Call { function, arguments, .. }) = &found[0] else { panic!("{found:?}") };
            assert_eq!(function, "re.compile");
            let Value::Str(pattern) = &arguments[0] else { panic!("{arguments:?}") };
            // The shipped list drops the blanks of verbose patterns.
            let verbose = arguments.get(1).is_some_and(|flags| format!("{flags:?}").contains("re.VERBOSE"));
            let dense = |text: &str| text.split_whitespace().collect::<String>();
            let real_pattern = real[0].as_str().unwrap();
            let equal = if verbose { dense(pattern) == dense(real_pattern) } else { pattern == real_pattern };
            assert!(equal, "{}: {pattern} is {real_pattern}", plugin.name);
            let int = |value: &Json| value.as_i64().map(Value::Int);
            assert_eq!(
                found[1].clone().filter(|value| *value != Value::Int(20)),
                int(&real[2]),
                "{}: {real}",
                plugin.name
            );
            let name = real[3].as_str().map(|text| Value::Str(text.to_owned()));
            assert_eq!(found[2].clone().filter(|value| *value != Value::None), name, "{}", plugin.name);
            matchers += 1;
        }
    }
    assert_eq!((plugins.len(), matchers), (135, 235));
}

#[test]
fn ansible_has_its_plugin_files() {
    let Some((root, truth)) = place("ansible_core", "ansible_core_plugins.json") else { return };
    // A loader takes files of one directory; what is asked of the class in them differs.
    let loaders: [(&str, &str, &[&str]); 17] = [
        ("action_loader", "ansible.plugins.action", &["base=ansible.plugins.action:ActionBase"]),
        ("become_loader", "ansible.plugins.become", &["base=ansible.plugins.become:BecomeBase"]),
        ("cache_loader", "ansible.plugins.cache", &["base=ansible.plugins.cache:BaseCacheModule"]),
        ("callback_loader", "ansible.plugins.callback", &["base=ansible.plugins.callback:CallbackBase"]),
        (
            "connection_loader",
            "ansible.plugins.connection",
            &["base=ansible.plugins.connection:ConnectionBase"],
        ),
        ("filter_loader", "ansible.plugins.filter", &["attribute=filters"]),
        ("fragment_loader", "ansible.plugins.doc_fragments", &["prefix=ModuleDoc"]),
        (
            "inventory_loader",
            "ansible.plugins.inventory",
            &["base=ansible.plugins.inventory:_BaseInventoryPlugin", "attribute=NAME"],
        ),
        ("lookup_loader", "ansible.plugins.lookup", &["base=ansible.plugins.lookup:LookupBase"]),
        ("module_loader", "ansible.modules", &["module"]),
        ("module_utils_loader", "ansible.module_utils", &["module"]),
        ("ps_module_utils_loader", "ansible.module_utils", &["module"]),
        ("shell_loader", "ansible.plugins.shell", &["base=ansible.plugins.shell:ShellBase"]),
        ("strategy_loader", "ansible.plugins.strategy", &["base=ansible.plugins.strategy:StrategyBase"]),
        ("terminal_loader", "ansible.plugins.terminal", &["base=ansible.plugins.terminal:TerminalBase"]),
        ("test_loader", "ansible.plugins.test", &["attribute=tests"]),
        ("vars_loader", "ansible.plugins.vars", &["base=ansible.plugins.vars:BaseVarsPlugin"]),
    ];
    let mut count = 0;
    for (loader, package, rules) in loaders {
        let mut finder = finder(&[package], rules);
        finder.name = "stem".parse().unwrap();
        let (plugins, _) = run(root.clone(), finder);
        // The loaders take no packages.
        let files = plugins.iter().filter(|plugin| !plugin.file.ends_with("__init__.py"));
        let found: BTreeSet<String> = files.map(|plugin| format!("{}.py", plugin.name)).collect();
        let Some(real) = truth["plugins"][loader].as_array() else { continue };
        let real: BTreeSet<String> = real.iter().map(|name| name.as_str().unwrap().to_owned()).collect();
        assert_eq!(found, real, "{loader}");
        count += real.len();
    }
    println!("{count}");
}
