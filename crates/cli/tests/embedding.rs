//! `plugcache embed`, `similar`, `cache warm --model`, and what the other commands say of vectors and models: with the
//! real model, and with a small one from a hub on loopback.

#![cfg(feature = "embedding")]
#![expect(clippy::unwrap_used, reason = "a test says what it expects by unwrapping it")]

#[expect(dead_code, reason = "it can misbehave in more ways than are needed here")]
#[path = "../../plugcache/tests/files/server.rs"]
mod server;

use std::{
    fs,
    io::Write as _,
    path::{Path, PathBuf},
    process::{Command, Stdio},
};

use serde_json::Value;
use server::Server;
use tempfile::TempDir;

/// The small model's name at the hub.
const SMALL: &str = "owner/small-bert";

const FILES: [&str; 8] = [
    "config.json",
    "tokenizer.json",
    "model.safetensors",
    "modules.json",
    "1_Pooling/config.json",
    "sentence_bert_config.json",
    "tokenizer_config.json",
    "config_sentence_transformers.json",
];

struct Desk {
    place: TempDir,
    model: PathBuf,
}

impl Desk {
    fn empty() -> Self {
        let model = std::env::var_os("PLUGCACHE_MODEL");
        let model =
            model.expect("PLUGCACHE_MODEL is set by `cargo xtask test`, and by `cargo xtask test --env`");
        Self { place: tempfile::tempdir().unwrap(), model: model.into() }
    }

    /// With the small model fetched from a hub.
    fn with_small(hub: &Server) -> Self {
        let desk = Self::empty();
        let told = desk.at(hub, &["cache", "warm", "--model", SMALL]);
        assert!(told.starts_with("exit 0"), "{told}");
        desk
    }

    /// With a log of some blocks.
    fn with_log() -> Self {
        let desk = Self::empty();
        for (plugin, operation, text) in [
            ("containers", "create", "nginx web server"),
            ("users", "grant", "administrator rights for alice"),
            ("disks", "format", "ext4 file system on the new volume"),
            ("containers", "create", "postgres database"),
        ] {
            let text = format!("what={text}");
            let block = ["log", "append", "--plugin", plugin, "--operation", operation, "--meta", &text];
            assert!(desk.run(&block).starts_with("exit 0"));
        }
        desk
    }

    fn path(&self, name: &str) -> PathBuf {
        self.place.path().join(name)
    }

    fn model(&self) -> &str {
        self.model.to_str().unwrap()
    }

    fn command(&self, arguments: &[&str]) -> Command {
        let mut command = Command::new(env!("CARGO_BIN_EXE_plugcache"));
        let kept = ["PATH", "HOME"];
        command.env_clear().envs(std::env::vars().filter(|(name, _)| kept.contains(&name.as_str())));
        command.current_dir(self.place.path()).args(arguments).stdin(Stdio::null());
        command.env("PLUGCACHE_DIR", self.path("cache")).env("XDG_CACHE_HOME", self.path("home-cache"));
        command.env("XDG_CONFIG_HOME", self.path("home-config")).env("XDG_DATA_HOME", self.path("home-data"));
        // Where nobody listens: what is not meant to reach a hub fails there.
        command.env("HF_ENDPOINT", "http://127.0.0.1:9").env("PLUGCACHE_DATA_DIR", self.path("data"));
        command
    }

    fn run(&self, arguments: &[&str]) -> String {
        self.run_with(arguments, &[])
    }

    fn at(&self, hub: &Server, arguments: &[&str]) -> String {
        self.run_with(arguments, &[("HF_ENDPOINT", &hub.endpoint())])
    }

    fn run_with(&self, arguments: &[&str], variables: &[(&str, &str)]) -> String {
        self.told(&self.command(arguments).envs(variables.iter().copied()).output().unwrap())
    }

    /// With this on standard input.
    fn pipe(&self, arguments: &[&str], input: &[u8]) -> String {
        let mut command = self.command(arguments);
        command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped());
        let mut child = command.spawn().unwrap();
        child.stdin.take().unwrap().write_all(input).unwrap();
        self.told(&child.wait_with_output().unwrap())
    }

    /// Exit code, data and talk, as one text that is the same on every machine.
    fn told(&self, output: &std::process::Output) -> String {
        let text = format!(
            "exit {}\n--- data\n{}--- talk\n{}",
            output.status.code().unwrap_or(-1),
            String::from_utf8_lossy(&output.stdout),
            String::from_utf8_lossy(&output.stderr)
        );
        text.replace(&self.place.path().display().to_string(), "PLACE").replace(self.model(), "MODEL")
    }

    fn json(&self, arguments: &[&str]) -> Value {
        let output = self.command(arguments).args(["--format", "json"]).output().unwrap();
        assert!(output.status.success(), "{}", self.told(&output));
        serde_json::from_slice(&output.stdout).unwrap()
    }

    /// A file of the fetched model.
    fn fetched(&self, name: &str) -> PathBuf {
        let models = fs::read_dir(self.path("cache/models-v1")).unwrap().map(|entry| entry.unwrap().path());
        models.into_iter().find(|path| path.is_dir()).unwrap().join(name)
    }
}

/// The small model's directory.
fn small() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../plugcache/tests/embedding/reference/small-bert")
}

/// A hub with all files of a model that a program may ask for.
fn hub(model: &Path) -> Server {
    // Small models lack the last ones.
    let files: Vec<_> =
        FILES.iter().filter_map(|name| Some((*name, fs::read(model.join(name)).ok()?))).collect();
    let files: Vec<(&str, &[u8])> = files.iter().map(|(name, bytes)| (*name, &bytes[..])).collect();
    Server::honest(&files)
}

/// Times, sizes, scores and the numbers of vectors are not what is compared here.
fn compare(name: &str, text: &str) {
    let mut settings = insta::Settings::clone_current();
    settings.set_prepend_module_to_snapshot(false);
    settings.add_filter(r"\[-?[\d.e-]+(,-?[\d.e-]+){383}\]", "[384 numbers]");
    settings.add_filter(r"(?m)^-?[\d.e-]+( -?[\d.e-]+){383}$", "384 numbers");
    settings.add_filter(r"(?m)^-?[\d.e-]+( -?[\d.e-]+){31}$", "32 numbers");
    settings.add_filter(r#""score":-?[\d.e-]+"#, r#""score":SCORE"#);
    settings.add_filter(r"(?m)^-?\d\.\d{3}  ", "SCORE  ");
    settings.add_filter(r"\b\d+(\.\d+)? ms\b", "TIME");
    settings.add_filter(r"\b(\d+m )?\d+(\.\d+)?(µs|ms|s)\b", "TIME");
    settings.add_filter(r"\b\d+(\.\d+)? (B|KiB|MiB)\b", "SIZE");
    settings.add_filter(r"[0-9a-f]{64}", "SHA256");
    settings.add_filter(r"[0-9a-f]{40}", "COMMIT");
    settings.add_filter(r"[0-9a-f]{32}", "DIGEST");
    settings.add_filter(r"127\.0\.0\.1:\d+", "HUB");
    settings.add_filter(r#""(allocated|bytes)":\d+"#, r#""$1":0"#);
    // Columns are as wide as what was replaced.
    settings.add_filter(r"  +", "  ");
    settings.bind(|| insta::assert_snapshot!(name, text));
}

fn cached(found: &Value) -> Vec<bool> {
    found.as_array().unwrap().iter().map(|one| one["cached"].as_bool().unwrap()).collect()
}

#[test]
fn a_text_is_computed_once() {
    let desk = Desk::empty();
    let command = ["embed", "Created container 100", "--model", desk.model()];
    compare("embedding_embed", &desk.run(&command));
    compare("embedding_embed_again", &desk.run(&command));
    compare("embedding_embed_json", &desk.run(&[&command[..], &["--format", "json"]].concat()));
    compare("embedding_embed_quiet", &desk.run(&[&command[..], &["-q"]].concat()));
}

/// As the original libraries have it, and the same numbers for people, for programs, computed and kept.
#[test]
fn the_numbers_are_those_of_the_model() {
    let desk = Desk::empty();
    let reference = Path::new(env!("CARGO_MANIFEST_DIR")).join("../plugcache/tests/embedding/reference");
    let sentences: Vec<String> =
        serde_json::from_slice(&fs::read(reference.join("sentences.json")).unwrap()).unwrap();
    let bytes = fs::read(reference.join("vectors.f32")).unwrap();
    let expected: Vec<f32> =
        bytes.as_chunks().0[..384].iter().map(|&four| f32::from_le_bytes(four)).collect();
    let command = ["embed", sentences[0].as_str(), "--model", desk.model()];
    let [computed, kept] = [0, 1].map(|_| desk.json(&command));
    assert_eq!((cached(&computed), cached(&kept)), (vec![false], vec![true]));
    assert_eq!(computed[0]["vector"], kept[0]["vector"]);
    let found: Vec<f32> = serde_json::from_value(computed[0]["vector"].clone()).unwrap();
    let product = |a: &[f32], b: &[f32]| a.iter().zip(b).map(|(a, b)| f64::from(a * b)).sum::<f64>();
    let cosine =
        product(&found, &expected) / (product(&found, &found) * product(&expected, &expected)).sqrt();
    assert!(cosine > 0.9999, "{cosine}");
    let output = desk.command(&command).output().unwrap();
    let shown = String::from_utf8(output.stdout).unwrap();
    let shown: Vec<f32> = shown.split_whitespace().map(|number| number.parse().unwrap()).collect();
    assert_eq!(shown, found);
}

#[test]
fn several_texts() {
    let desk = Desk::empty();
    let command = ["embed", "one", "two", "one", "--model", desk.model()];
    compare("embedding_several", &desk.run(&command));
    let found = desk.json(&["embed", "three", "two", "three", "--model", desk.model()]);
    assert_eq!(cached(&found), [false, true, false]);
    assert_eq!(found[0]["vector"], found[2]["vector"]);
    let lines = ["embed", "-", "last", "--model", desk.model(), "--format", "json"];
    compare("embedding_lines", &desk.pipe(&lines, "two\n\nünïcode \"quoted\"\r\nno end".as_bytes()));
    compare("embedding_no_lines", &desk.pipe(&["embed", "-", "--model", desk.model()], b""));
    compare(
        "embedding_no_lines_json",
        &desk.pipe(&["embed", "-", "--model", desk.model(), "--format", "json"], b""),
    );
    compare("embedding_bad_lines", &desk.pipe(&lines, b"\xff\n"));
}

#[test]
fn texts_that_differ_in_numbers_share_a_vector_if_asked() {
    let desk = Desk::empty();
    let texts = ["embed", "container 100", "container 7", "--model", desk.model()];
    let digits = [&texts[..], &["--normalize", "digits"]].concat();
    compare("embedding_normalize", &desk.run(&digits));
    compare("embedding_normalize_again", &desk.run(&digits));
    let shared = desk.json(&digits);
    assert_eq!(shared[0]["vector"], shared[1]["vector"]);
    assert_eq!(cached(&shared), [true, true]);
    // Not asked, not shared: those of before do not count.
    let own = desk.json(&texts);
    assert_eq!(cached(&own), [false, false]);
    assert_ne!(own[0]["vector"], own[1]["vector"]);
    compare("embedding_normalize_wrong", &desk.run(&["embed", "x", "--normalize", "letters"]));
    let set = [("PLUGCACHE_EMBEDDING_NORMALIZE", "digits")];
    assert!(desk.run_with(&texts, &set).contains("normalised by `digits`"));
}

#[test]
fn similar_in_the_log() {
    let desk = Desk::with_log();
    let command = ["similar", "a new user may do everything", "--log", "--model", desk.model()];
    compare("embedding_similar_log", &desk.run(&command));
    let found = desk.json(&[&command[..], &["-n", "2"]].concat());
    assert_eq!(found["similar"].as_array().unwrap().len(), 2);
    assert_eq!(found["similar"][0]["name"], 1);
    compare(
        "embedding_similar_log_json",
        &desk.run(&[&command[..], &["-n", "1", "--format", "json"]].concat()),
    );
    // Blocks that came later are found, and only they are computed.
    desk.run(&["log", "append", "--plugin", "users", "--operation", "create", "--meta", "name=bob"]);
    let told = desk.run(&command);
    assert!(told.contains("5 texts looked at, 1 of them computed now"), "{told}");
}

#[test]
fn similar_among_plugins() {
    let desk = Desk::with_log();
    fs::create_dir(desk.path("tree")).unwrap();
    for (name, class, text) in [
        ("firewall", "Firewall", "Blocks unwanted network connections."),
        ("backup", "Backup", "Copies files to another disk every night."),
        ("mail", "Mail", "Tells administrators of trouble by electronic mail."),
    ] {
        let source = format!("class {class}:\n    \"\"\"{text}\n\n    More.\n    \"\"\"\n");
        fs::write(desk.path(&format!("tree/{name}.py")), source).unwrap();
    }
    let plugins = ["similar", "save my documents", "--plugins", "--root", "tree", "--model", desk.model()];
    compare("embedding_similar_plugins", &desk.run(&plugins));
    compare("embedding_similar_plugins_json", &desk.run(&[&plugins[..], &["--format", "json"]].concat()));
    let both = ["similar", "storage", "--root", "tree", "-n", "3", "--model", desk.model()];
    compare("embedding_similar_both", &desk.run(&both));
}

#[test]
fn similar_to_nothing() {
    let desk = Desk::empty();
    compare("embedding_similar_none", &desk.run(&["similar", "x"]));
    compare("embedding_similar_none_json", &desk.run(&["similar", "x", "--format", "json"]));
    compare("embedding_similar_no_log", &desk.run(&["similar", "x", "--log"]));
    compare("embedding_similar_no_root", &desk.run(&["similar", "x", "--plugins"]));
    compare("embedding_similar_two", &desk.run(&["similar", "x", "--plugins", "--log"]));
}

#[test]
fn warm_fetches_once() {
    let (desk, hub) = (Desk::empty(), hub(&small()));
    let warm = ["cache", "warm", "--model", SMALL];
    compare("embedding_warm", &desk.at(&hub, &warm));
    let asked = hub.requests().len();
    assert_eq!(hub.gets("model.safetensors").len(), 1);
    compare("embedding_warm_again", &desk.at(&hub, &warm));
    compare("embedding_warm_json", &desk.at(&hub, &[&warm[..], &["--format", "json"]].concat()));
    assert_eq!(hub.requests().len(), asked);
    // From here on no hub is needed, and no connection allowed.
    let offline = [("HF_HUB_OFFLINE", "1"), ("PLUGCACHE_EMBEDDING_MODEL", SMALL)];
    compare("embedding_fetched", &desk.run_with(&["embed", "one"], &offline));
}

/// Files of all-MiniLM-L6-v2 are known by their digests, whatever a hub says.
#[test]
fn warm_without_a_name_is_for_the_usual_model() {
    let desk = Desk::empty();
    let real = hub(&desk.model);
    compare("embedding_warm_usual", &desk.at(&real, &["cache", "warm", "--model"]));
    let found = desk.json(&["embed", "one", "--model", "medium"]);
    assert_eq!(found[0]["vector"].as_array().unwrap().len(), 384);
    // It is the same model, wherever its files are.
    assert_eq!(cached(&desk.json(&["embed", "one", "--model", desk.model()])), [true]);
    let other = Desk::empty();
    compare("embedding_warm_other", &other.at(&hub(&small()), &["cache", "warm", "--model"]));
}

/// A project may come from anybody; whoever works in it has not chosen its hub.
#[test]
fn a_hub_that_a_project_names_is_not_told_the_token() {
    let server = hub(&small());
    let secret = ("HF_TOKEN", "hf_secret");
    let desk = Desk::empty();
    let text = format!("[embedding]\nendpoint = \"{}\"\n", server.endpoint());
    fs::write(desk.path("plugcache.toml"), text).unwrap();
    let none = ("HF_ENDPOINT", "");
    let told = desk.run_with(&["cache", "warm", "--model", SMALL], &[secret, none]);
    assert!(told.starts_with("exit 0"), "{told}");
    assert!(server.requests().iter().all(|request| !request.headers.contains_key("authorization")));

    let server = hub(&small());
    let desk = Desk::empty();
    let endpoint = server.endpoint();
    let told = desk.run_with(&["cache", "warm", "--model", SMALL], &[secret, ("HF_ENDPOINT", &endpoint)]);
    assert!(told.starts_with("exit 0"), "{told}");
    assert!(server.requests().iter().all(|request| request.headers["authorization"] == "Bearer hf_secret"));
}

#[test]
fn offline_means_no_connection() {
    let (desk, hub) = (Desk::empty(), hub(&small()));
    let endpoint = hub.endpoint();
    for (name, variable) in [("hf", "HF_HUB_OFFLINE"), ("own", "PLUGCACHE_OFFLINE")] {
        let variables = [(variable, "1"), ("HF_ENDPOINT", endpoint.as_str())];
        let told = desk.run_with(&["cache", "warm", "--model", SMALL], &variables);
        compare(&format!("embedding_offline_{name}"), &told);
        let usual = desk.run_with(&["embed", "x"], &variables);
        assert!(usual.starts_with("exit 2") && usual.contains("all-MiniLM-L6-v2"), "{usual}");
    }
    let variables = [("PLUGCACHE_OFFLINE", "1"), ("HF_ENDPOINT", endpoint.as_str())];
    let revision = format!("{SMALL}@v2");
    compare("embedding_offline_revision", &desk.run_with(&["embed", "x", "--model", &revision], &variables));
    assert_eq!(hub.requests().len(), 0);
    assert!(!desk.path("cache/models-v1").exists());
}

/// What is fetched for one call is gone after it; what was fetched before is used.
#[test]
fn nothing_is_kept_if_nothing_may_be() {
    let (desk, hub) = (Desk::empty(), hub(&small()));
    fs::create_dir(desk.path("tmp")).unwrap();
    let temporary = desk.path("tmp").display().to_string();
    let (endpoint, model) = (hub.endpoint(), ["--model", SMALL, "--no-cache"]);
    let variables = [("TMPDIR", temporary.as_str()), ("HF_ENDPOINT", &endpoint)];
    let embed = [&["embed", "one"][..], &model].concat();
    for _ in 0..2 {
        let told = desk.run_with(&embed, &variables);
        assert!(told.starts_with("exit 0") && told.contains("1 computed"), "{told}");
        assert_eq!(fs::read_dir(&temporary).unwrap().count(), 0);
        assert!(!desk.path("cache").exists());
    }
    assert_eq!(hub.gets("model.safetensors").len(), 2);
    compare("embedding_no_cache_warm", &desk.at(&hub, &[&["cache", "warm"][..], &model].concat()));
    desk.at(&hub, &["cache", "warm", "--model", SMALL]);
    assert!(desk.run_with(&embed, &variables).starts_with("exit 0"));
    assert_eq!(hub.gets("model.safetensors").len(), 3);
}

#[test]
fn switched_off() {
    let (desk, hub) = (Desk::with_log(), hub(&small()));
    let endpoint = hub.endpoint();
    let off = [("OP_DBUS_VECTOR_LEVEL", "none"), ("HF_ENDPOINT", endpoint.as_str())];
    compare("embedding_off", &desk.run_with(&["embed", "x"], &off));
    compare("embedding_off_warm", &desk.run_with(&["cache", "warm", "--model"], &off));
    compare("embedding_off_similar", &desk.run_with(&["similar", "x"], &off));
    compare("embedding_off_flag", &desk.run(&["embed", "x", "--model", "none"]));
    // Whoever names a model wants one.
    let told = desk.run_with(&["embed", "x", "--model", SMALL], &off);
    assert!(told.starts_with("exit 0"), "{told}");
    compare("embedding_off_wrong", &desk.run_with(&["embed", "x"], &[("OP_DBUS_VECTOR_LEVEL", "top")]));
}

/// From a file beside it, and from variables, which come first.
#[test]
fn what_is_set_is_shown_and_holds() {
    let (desk, hub) = (Desk::empty(), hub(&small()));
    fs::create_dir(desk.path("models")).unwrap();
    std::os::unix::fs::symlink(small(), desk.path("models/small")).unwrap();
    let file = "[embedding]\nmodel = \"./models/small\"\nmodels_directory = \"models\"\nnormalize = \"digits\"\n\
                precision = \"i8\"\nendpoint = \"http://hub.example\"\n";
    fs::write(desk.path("plugcache.toml"), file).unwrap();
    compare("embedding_config_file", &desk.run(&["config", "show"]));
    compare("embedding_set_in_file", &desk.run(&["embed", "one 1", "one 2"]));
    let (endpoint, switched) = (hub.endpoint(), "none");
    let variables = [
        ("PLUGCACHE_EMBEDDING_MODEL", SMALL),
        ("PLUGCACHE_EMBEDDING_PRECISION", "f16"),
        ("PLUGCACHE_EMBEDDING_NORMALIZE", switched),
        ("PLUGCACHE_EMBEDDING_MODELS_DIRECTORY", "own"),
        ("HF_ENDPOINT", &endpoint),
        ("HF_HUB_OFFLINE", "0"),
    ];
    compare("embedding_config_variables", &desk.run_with(&["config", "show"], &variables));
    compare(
        "embedding_warm_set",
        &desk.run_with(&["cache", "warm", "--model", "--format", "json"], &variables),
    );
    let half = desk.run_with(&["embed", "one", "--format", "json"], &variables);
    assert!(half.contains("\"cached\":false"), "{half}");
    let wrong = [("PLUGCACHE_EMBEDDING_PRECISION", "f8")];
    compare("embedding_config_wrong", &desk.run_with(&["embed", "x"], &wrong));
    fs::write(desk.path("plugcache.toml"), "[embedding]\nmodle = \"low\"\n").unwrap();
    compare("embedding_config_unknown", &desk.run(&["embed", "x"]));
}

#[test]
fn models_that_are_none() {
    let (desk, hub) =
        (Desk::empty(), Server::new(&[], |_| server::Do::Status(404, "X-Error-Code: RepoNotFound\r\n")));
    for (name, model) in [("word", "mediun"), ("directory", "./not/there"), ("path", "a/b/c")] {
        compare(&format!("embedding_wrong_{name}"), &desk.at(&hub, &["embed", "x", "--model", model]));
    }
    assert_eq!(hub.requests().len(), 0);
    compare("embedding_wrong_repository", &desk.at(&hub, &["embed", "x", "--model", "owner/none"]));
    fs::create_dir_all(desk.path("models/mine")).unwrap();
    compare("embedding_wrong_both", &desk.at(&hub, &["embed", "x", "--model", "models/mine"]));
    fs::create_dir(desk.path("half")).unwrap();
    for name in &FILES[..2] {
        fs::copy(small().join(name), desk.path("half").join(name)).unwrap();
    }
    compare("embedding_wrong_half", &desk.run(&["embed", "x", "--model", "half"]));
    fs::write(desk.path("half/model.safetensors"), "no weights").unwrap();
    compare("embedding_wrong_weights", &desk.run(&["embed", "x", "--model", "half"]));
    compare("embedding_wrong_weights_warm", &desk.run(&["cache", "warm", "--model", "half"]));
    for threads in ["0", "5000"] {
        let told = desk.run(&["embed", "x", "--threads", threads]);
        assert!(told.starts_with("exit 2") && told.contains("is not in 1..=512"), "{told}");
    }
    fs::write(desk.path("file"), "").unwrap();
    let models = [("PLUGCACHE_EMBEDDING_MODELS_DIRECTORY", "file/models")];
    compare("embedding_wrong_place", &desk.run_with(&["embed", "x", "--model", SMALL], &models));
    compare("embedding_wrong_endpoint", &desk.run_with(&["embed", "x"], &[("HF_ENDPOINT", "hub.example")]));
}

#[test]
fn vectors_are_cleared_and_models_stay() {
    let hub = hub(&small());
    let desk = Desk::with_small(&hub);
    let asked = hub.requests().len();
    for _ in 0..2 {
        desk.at(&hub, &["embed", "one", "two", "--model", SMALL]);
    }
    compare("embedding_stats", &desk.run(&["cache", "stats"]));
    compare("embedding_ls", &desk.run(&["cache", "ls"]));
    compare("embedding_clear", &desk.run(&["cache", "clear", "--embedding"]));
    compare("embedding_cleared", &desk.at(&hub, &["embed", "one", "--model", SMALL]));
    assert_eq!(hub.requests().len(), asked);
}

#[test]
fn a_damaged_model_is_found_and_fetched_again() {
    let hub = hub(&small());
    let desk = Desk::with_small(&hub);
    compare("embedding_verify", &desk.run(&["cache", "verify"]));
    compare("embedding_verify_json", &desk.run(&["cache", "verify", "--format", "json"]));
    let weights = desk.fetched("files/model.safetensors");
    let mut bytes = fs::read(&weights).unwrap();
    *bytes.last_mut().unwrap() ^= 1;
    fs::write(&weights, &bytes).unwrap();
    compare("embedding_verify_damaged", &desk.run(&["cache", "verify"]));
    compare("embedding_verify_damaged_json", &desk.run(&["cache", "verify", "--format", "json"]));
    compare("embedding_damaged", &desk.at(&hub, &["embed", "one", "--model", SMALL]));
    compare("embedding_verify_repair", &desk.run(&["cache", "verify", "--repair"]));
    let asked = hub.gets("config.json").len();
    compare("embedding_repaired", &desk.at(&hub, &["cache", "warm", "--model", SMALL]));
    assert_eq!((hub.gets("model.safetensors").len(), hub.gets("config.json").len()), (2, asked));
    assert!(desk.run(&["cache", "verify"]).starts_with("exit 0"));
}

#[test]
fn models_are_counted_and_go_only_if_asked_for() {
    let hub = hub(&small());
    let desk = Desk::with_small(&hub);
    compare("embedding_size", &desk.run(&["cache", "size"]));
    compare("embedding_size_json", &desk.run(&["cache", "size", "--format", "json"]));
    compare("embedding_dir_json", &desk.run(&["cache", "dir", "--format", "json"]));
    compare("embedding_clear_all", &desk.run(&["cache", "clear"]));
    assert!(desk.fetched("manifest.json").exists());
    let models = ["cache", "clear", "--kind", "models"];
    compare("embedding_clear_models_dry", &desk.run(&[&models[..], &["--dry-run"]].concat()));
    assert!(desk.fetched("manifest.json").exists());
    compare("embedding_clear_models", &desk.run(&models));
    compare("embedding_clear_models_json", &desk.run(&[&models[..], &["--format", "json"]].concat()));
    assert!(fs::read_dir(desk.path("cache/models-v1")).unwrap().all(|entry| entry.unwrap().path().is_file()));
    // Other places are looked after where they are set.
    let elsewhere = [("OP_DBUS_MODEL_DIR", "elsewhere"), ("HF_ENDPOINT", &hub.endpoint())];
    assert!(desk.run_with(&["cache", "warm", "--model", SMALL], &elsewhere).starts_with("exit 0"));
    compare("embedding_elsewhere", &desk.run_with(&["cache", "verify"], &elsewhere));
    assert!(desk.run_with(&models, &elsewhere).contains("removed 1 model, "));
}

#[test]
fn prune_takes_what_broken_fetches_left() {
    let hub = hub(&small());
    let desk = Desk::with_small(&hub);
    let (young, old) = (desk.fetched("young.part"), desk.fetched("old.part"));
    fs::write(&young, "begun").unwrap();
    fs::write(&old, "begun").unwrap();
    let then = std::time::SystemTime::now() - std::time::Duration::from_hours(25);
    fs::File::options().write(true).open(&old).unwrap().set_modified(then).unwrap();
    compare("embedding_prune_dry", &desk.run(&["cache", "prune", "--dry-run"]));
    assert!(old.exists());
    compare("embedding_prune", &desk.run(&["cache", "prune", "--older-than", "1s", "--max-size", "1"]));
    assert!(young.exists() && !old.exists());
    compare("embedding_prune_json", &desk.run(&["cache", "prune", "--format", "json"]));
    assert!(desk.run(&["embed", "one", "--model", SMALL]).starts_with("exit 0"));
}
