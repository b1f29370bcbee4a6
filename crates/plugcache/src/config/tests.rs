use super::*;

const NONE: [(&str, &str); 0] = [];

fn project(text: &str) -> Files {
    let place = tempfile::tempdir().unwrap();
    std::fs::write(place.path().join("plugcache.toml"), text).unwrap();
    Files::find(place.path(), None).unwrap()
}

#[test]
fn a_flag_comes_before_a_variable_before_the_project_before_the_user_before_the_default() {
    let mut files = project("[cache]\nlock_timeout = \"3s\"\nmax_size = \"1GiB\"\n");
    let user = "[cache]\nlock-timeout = 4\nmax-size = 7\ndirectory = \"mine\"";
    let path = PathBuf::from("/settings/me/plugcache.toml");
    files.user = Some((path.clone(), Files::parse_user(&path, user).unwrap()));
    let flags = Flags { lock_timeout: Some(Duration::from_secs(1)), ..Flags::default() };
    let variables = [("PLUGCACHE_LOCK_TIMEOUT", "2s"), ("PLUGCACHE_OFFLINE", "1")];

    let config = Config::read_with(flags, variables, &files).unwrap();
    assert_eq!(config.lock_timeout.value, Duration::from_secs(1));
    assert_eq!(config.lock_timeout.origin, Origin::Flag("--lock-timeout"));
    let config = Config::read(variables, &files).unwrap();
    assert_eq!(config.lock_timeout.value, Duration::from_secs(2));
    assert_eq!(config.lock_timeout.origin.to_string(), "variable PLUGCACHE_LOCK_TIMEOUT");
    assert!(config.offline.value);
    let config = Config::read(NONE, &files).unwrap();
    assert_eq!(config.lock_timeout.value, Duration::from_secs(3));
    assert!(matches!(config.lock_timeout.origin, Origin::Project(_)));
    assert_eq!(config.max_size.value, Some(1 << 30));
    assert_eq!(config.directory.value, Some("/settings/me/mine".into()));
    files.project = None;
    let config = Config::read(NONE, &files).unwrap();
    assert_eq!(config.lock_timeout.value, Duration::from_secs(4));
    assert_eq!((config.max_size.value, config.max_size.origin), (Some(7), Origin::User(path)));
    let config = Config::read(NONE, &Files::default()).unwrap();
    assert_eq!(config.lock_timeout.origin, Origin::Default);
    assert_eq!(config.settings(), Settings::default());
}

#[test]
fn caches_are_set_by_file_and_variable_whatever_their_names_are_joined_with() {
    let files =
        project("[caches.my-cache]\ncapacity = 7\nttl = \"5m\"\ndisk = false\ndisk_max_bytes = \"512MiB\"");
    let variables = [
        ("PLUGCACHE_MY_CACHE_TTL", "1h"),
        ("PLUGCACHE_A_B_DISK_MAX_BYTES", "1KiB"),
        ("PLUGCACHE_X_CAPACITY", "3"),
    ];
    let config = Config::read(variables, &files).unwrap();
    assert!(config.unknown.is_empty());
    let settings = config.settings();
    let mine = &settings.caches["my-cache"];
    assert_eq!((mine.capacity, mine.ttl), (Some(7), Some(Duration::from_hours(1))));
    assert_eq!((mine.disk, mine.disk_max_bytes), (Some(false), Some(512 << 20)));
    for name in ["a-b", "a_b"] {
        assert_eq!(settings.caches[name].disk_max_bytes, Some(1024), "{name}");
        assert_eq!(settings.caches[name].max_bytes, None);
    }
    assert_eq!(settings.caches["x"].capacity, Some(3));
}

#[test]
fn refresh_is_yes_or_names() {
    let read = |text| Config::read([("PLUGCACHE_REFRESH", text)], &Files::default()).unwrap().refresh.value;
    assert_eq!(read("1"), Refresh::All);
    assert_eq!(read("off"), Refresh::None);
    assert_eq!(read(""), Refresh::None);
    assert_eq!(read("a, b"), Refresh::Named(["a".to_owned(), "b".to_owned()].into()));
}

#[test]
fn a_wrong_value_names_its_place_itself_and_what_was_expected() {
    let error = |name, value| Config::read([(name, value)], &Files::default()).unwrap_err().to_string();
    let said = error("PLUGCACHE_MAX_SIZE", "much");
    assert!(["PLUGCACHE_MAX_SIZE", "`much`", "512MiB"].iter().all(|part| said.contains(part)), "{said}");
    let said = error("PLUGCACHE_MANIFESTS_TTL", "soon");
    assert!(["PLUGCACHE_MANIFESTS_TTL", "`soon`", "5m"].iter().all(|part| said.contains(part)), "{said}");
    assert!(error("PLUGCACHE_X_CAPACITY", "-1").contains("10000"));
    assert!(error("PLUGCACHE_OFFLINE", "maybe").contains("yes"));

    let path = Path::new("/c/plugcache.toml");
    for text in ["[caches.a]\nttl = \"soon\"", "[caches.a]\nttl = true", "[cache]\nmaxsize = 1"] {
        let said = Files::parse_user(path, text).unwrap_err().to_string();
        assert!(said.contains("/c/plugcache.toml") && said.contains("line 2"), "{said}");
    }
}

#[test]
fn a_misspelt_variable_is_noticed_and_those_of_others_are_not() {
    let variables = [("PLUGCACHE_MAXSIZE", "1"), ("PLUGCACHE_TTL", "1s"), ("MAX_SIZE", "x")];
    let config = Config::read(variables, &Files::default()).unwrap();
    assert_eq!(config.unknown, ["PLUGCACHE_MAXSIZE", "PLUGCACHE_TTL"]);
}

#[test]
fn embeddings_are_set_by_variable_project_and_what_the_hubs_tools_know() {
    let files = project(
        "[embedding]\nmodel = \"./mine\"\nnormalize = \"digits\"\nprecision = \"i8\"\nendpoint = \"https://hub\"",
    );
    let config = Config::read(NONE, &files).unwrap().embedding;
    let Some(crate::embedding::Choice::Directory(model)) = config.model.value else { panic!() };
    assert!(model.is_absolute() && model.ends_with("mine"), "{}", model.display());
    assert_eq!(
        (config.normalizer.value.to_string(), config.precision.value.to_string()),
        ("digits".into(), "i8".into())
    );
    assert!(matches!(config.endpoint.origin, Origin::Project(_)));
    let variables = [("PLUGCACHE_EMBEDDING_MODEL", "low"), ("HF_ENDPOINT", "https://mirror")];
    let config = Config::read(variables, &files).unwrap();
    assert!(config.unknown.is_empty() && !config.offline.value);
    assert_eq!(config.embedding.model.value.unwrap().to_string(), "low");
    assert_eq!(config.embedding.endpoint.origin.to_string(), "variable HF_ENDPOINT");
    for (text, offline) in [("1", true), ("yes", true), ("0", false), ("n", false), ("maybe", false)] {
        assert_eq!(
            Config::read([("HF_HUB_OFFLINE", text)], &files).unwrap().offline.value,
            offline,
            "{text}"
        );
    }
    let ours = [("HF_HUB_OFFLINE", "1"), ("PLUGCACHE_OFFLINE", "0")];
    assert!(!Config::read(ours, &files).unwrap().offline.value);
    let wrong = Config::read([("PLUGCACHE_EMBEDDING_PRECISION", "f8")], &files).unwrap_err().to_string();
    assert!(wrong.contains("PLUGCACHE_EMBEDDING_PRECISION") && wrong.contains("f32, f16 or i8"), "{wrong}");
    let wrong = Config::read(NONE, &project("[embedding]\nnormalize = \"words\"")).unwrap_err().to_string();
    assert!(wrong.contains("plugcache.toml") && wrong.contains("none or digits"), "{wrong}");
}

#[test]
fn the_users_file_is_read_alone_where_the_directory_does_not_count() {
    let place = tempfile::tempdir().unwrap();
    let path = place.path().join("plugcache.toml");
    let files = Files::of_user(&path).unwrap();
    assert!(files.user.is_none() && files.project.is_none());
    std::fs::write(&path, "[cache]\nlock-timeout = 4\n").unwrap();
    let files = Files::of_user(&path).unwrap();
    assert!(files.project.is_none());
    assert_eq!(Config::read(NONE, &files).unwrap().lock_timeout.value, Duration::from_secs(4));
    std::fs::write(&path, "[cache\n").unwrap();
    assert!(Files::of_user(&path).is_err());
}
