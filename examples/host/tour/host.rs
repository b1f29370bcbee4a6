//! A host that encodes texts. Its plugins are Python's codecs: found without running them, judged before they run, each
//! in a process of its own. Each layer is one field.

use std::{
    path::{Path, PathBuf},
    sync::{Arc, mpsc},
    time::Duration,
};

use plugcache::{
    Hub, Inputs, Resolver,
    discovery::{
        index::{Location, Session},
        python::{NameRule, PackageSpec, PythonFinder},
        safety::{Judge, Policy},
    },
    instances::{InstanceKey, Instances, Obtained},
    ledger::{self, Ledger, Operation},
    manifests::ManifestCache,
    schema::{Definition, Rules, Schema, Schemas},
    state::{StateManager, plugins::Files},
    store::{Category, Store},
    warm::{AccessLog, PrefetchSettings, Prefetcher},
    watch::{Change, Watch},
};
use serde_json::{Value, json};

use super::process::Codec;

/// What every step here may fail with.
pub(crate) type Failure = Box<dyn std::error::Error + Send + Sync>;

/// Where things are.
pub(crate) struct Places {
    /// The tree with the package `encodings`.
    pub(crate) root: PathBuf,
    /// What may be deleted.
    pub(crate) cache: PathBuf,
    /// What may not.
    pub(crate) data: PathBuf,
    /// Files that the host keeps in a wanted state.
    pub(crate) managed: PathBuf,
    /// The interpreter that runs plugins.
    pub(crate) python: PathBuf,
}

/// The host.
pub(crate) struct Host {
    pub(crate) hub: Hub,
    pub(crate) watch: Watch,
    pub(crate) changes: mpsc::Receiver<Change>,
    pub(crate) judge: Judge,
    pub(crate) manifests: ManifestCache,
    pub(crate) codecs: Instances<Codec>,
    pub(crate) store: Store,
    pub(crate) log: Ledger,
    pub(crate) state: StateManager,
    pub(crate) accesses: AccessLog,
    pub(crate) next: Prefetcher<String>,
    schemas: Schemas,
    schema: Arc<Schema>,
    python: PathBuf,
}

impl Host {
    pub(crate) fn open(places: &Places) -> Result<Self, Failure> {
        let hub = Hub::builder().directory(&places.cache).build()?;
        let watch = Watch::builder(resolver(places)?).start()?;
        let changes = watch.subscribe();
        let schemas = Schemas::new(&hub)?;
        let rules = json!({
            "ERRORS": { "TYPE": "str", "MIN_LEN": 1 },
            "LONGEST": { "TYPE": "int", "MIN_VAL": 1, "MAX_VAL": 1_000 },
        });
        let definition =
            Definition::new(json!({ "ERRORS": "replace", "LONGEST": 100 })).rules(Rules::parse(&rules)?);
        let options = ledger::Options { hub: Some(hub.clone()), ..ledger::Options::default() };
        let log = Ledger::open_with(places.data.join("log"), options)?;
        let changes_of_state = log.clone();
        let state = StateManager::builder()
            .plugin(Files::new(&places.managed))
            .checkpoints(places.data.join("checkpoints"))
            .on_operation(move |plugin, operation, data| {
                let operation = Operation::new(plugin, operation).data(data.to_string().as_bytes());
                // The log says by itself what is wrong with it, when it is verified.
                let _ = changes_of_state.append(operation);
            })
            .build(&hub)?;
        let policy = Policy { allowed_imports: vec!["codecs".to_owned()], ..Policy::default() };
        Ok(Self {
            judge: Judge::new(policy, &hub)?,
            manifests: ManifestCache::builder().build(&hub)?,
            codecs: Instances::builder("codecs").check_interval(Duration::ZERO).build(&hub)?,
            store: Store::open(&places.data)?,
            schema: schemas.compile("encodings.Codec", &definition)?,
            accesses: AccessLog::open(&places.cache.join("accesses"), "codecs")?,
            next: Prefetcher::new(PrefetchSettings::default()),
            python: places.python.clone(),
            hub,
            watch,
            changes,
            log,
            state,
            schemas,
        })
    }

    /// What is known of a plugin without running it.
    pub(crate) fn manifest(&self, name: &str) -> Result<Arc<Value>, Failure> {
        let plugin = self.watch.resolve(name).outcome?.plugin;
        let manifest = self.manifests.get_from(name, [plugin.file.clone()], |id| {
            let doc = plugin.doc.as_deref().and_then(|doc| doc.lines().next());
            Ok::<_, std::io::Error>(Some(
                json!({ "id": id, "file": plugin.file, "class": plugin.qualname, "doc": doc }),
            ))
        })?;
        manifest.ok_or_else(|| format!("{name} has no manifest").into())
    }

    /// Encodes a text for a stream, with the codec of that name and these settings over the defaults.
    pub(crate) fn encode(
        &self,
        stream: &str,
        name: &str,
        overrides: &Value,
        text: &str,
    ) -> Result<(String, Obtained<Codec>), Failure> {
        self.accesses.note(name);
        // What usually follows is started ahead, by this thread: a larger host would have one for it.
        for next in self.next.note(&name.to_owned()) {
            if self.codec(stream, &next, overrides).is_ok() {
                self.next.loaded();
            }
        }
        let config = self.schemas.configure(&self.schema, overrides)?;
        let codec = self.codec(stream, name, &config)?;
        let encoded = codec.handle.encode(text)?;
        self.store.plugin(&Category::PLUGINS, name).update_json(|old| {
            let count = old.found().and_then(|count| count.as_u64()).unwrap_or(0);
            Some(json!(count + 1))
        })?;
        self.log.append(Operation::new(name, "encode").data(encoded.as_bytes()).meta("stream", stream))?;
        Ok((encoded, codec))
    }

    /// The running codec of a stream: what is started is what was judged.
    fn codec(&self, stream: &str, name: &str, config: &Value) -> Result<Obtained<Codec>, Failure> {
        let file = self.watch.resolve(name).outcome?.plugin.file;
        let key = InstanceKey::of(stream, name, "1");
        let codec = self.codecs.get_or_create_from(&key, &Inputs::none().file(&file), config, |config| {
            let source = self.judge.file(Path::new(&file)).allowed_source()?;
            let codec = Codec::start(&self.python, name, &file, &source)?;
            plugcache::instances::Instance::reconfigure(&codec, config)?;
            Ok(codec)
        });
        codec.map_err(|error| error.to_string().into())
    }
}

fn resolver(places: &Places) -> Result<Resolver, Failure> {
    let finder = PythonFinder {
        packages: vec![PackageSpec { name: "encodings".to_owned(), recursive: true }],
        rules: vec!["base=codecs:IncrementalDecoder".parse()?],
        name: NameRule::Stem,
        ..PythonFinder::default()
    };
    let mut session = Session::new(Arc::new(finder), vec![places.root.clone()]);
    session.location = Location { directories: vec![places.cache.clone()] };
    Ok(Resolver::new(session))
}
