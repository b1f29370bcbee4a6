//! A plugin for files that fails where a test wants it to.

use std::{
    path::Path,
    sync::{
        Arc, Mutex,
        atomic::{AtomicUsize, Ordering},
    },
    time::Duration,
};

use plugcache::{
    Hub,
    cache::Timestamp,
    state::{
        Applied, Capabilities, PluginError, StateAction, StateDiff, StateManager, StatePlugin, plugins::Files,
    },
};
use plugcache_testkit::ManualClock;
use serde_json::Value;

/// What a test does instead of a method, or before it.
type Hook = Box<dyn Fn() -> Result<(), PluginError> + Send + Sync>;

/// Files, with hooks.
pub(crate) struct Faulty {
    name: &'static str,
    files: Files,
    pub(crate) seen: Arc<Seen>,
}

/// How often methods ran, and what they do first.
#[derive(Default)]
pub(crate) struct Seen {
    pub(crate) queries: AtomicUsize,
    pub(crate) diffs: AtomicUsize,
    pub(crate) rollbacks: AtomicUsize,
    pub(crate) hooks: Mutex<Vec<(&'static str, Arc<Hook>)>>,
    pub(crate) unavailable: Mutex<Option<String>>,
    pub(crate) version: AtomicUsize,
}

impl Seen {
    /// Lets a method begin with this.
    pub(crate) fn before(
        &self,
        method: &'static str,
        hook: impl Fn() -> Result<(), PluginError> + Send + Sync + 'static,
    ) {
        self.hooks.lock().unwrap().push((method, Arc::new(Box::new(hook))));
    }

    pub(crate) fn forget_hooks(&self) {
        self.hooks.lock().unwrap().clear();
    }

    fn run(&self, method: &str) -> Result<(), PluginError> {
        let hook = self
            .hooks
            .lock()
            .unwrap()
            .iter()
            .find(|(name, _)| *name == method)
            .map(|(_, hook)| Arc::clone(hook));
        hook.map_or(Ok(()), |hook| hook())
    }
}

pub(crate) fn count(counter: &AtomicUsize) -> usize {
    counter.load(Ordering::SeqCst)
}

impl Faulty {
    pub(crate) fn new(name: &'static str, directory: &Path) -> (Self, Arc<Seen>) {
        let seen = Arc::new(Seen::default());
        (Self { name, files: Files::new(directory), seen: Arc::clone(&seen) }, seen)
    }
}

impl StatePlugin for Faulty {
    fn name(&self) -> &str {
        self.name
    }

    fn version(&self) -> &str {
        ["1", "2"][count(&self.seen.version)]
    }

    fn scope(&self) -> String {
        self.files.scope()
    }

    fn unavailable_reason(&self) -> Option<String> {
        self.seen.unavailable.lock().unwrap().clone().or_else(|| self.files.unavailable_reason())
    }

    fn capabilities(&self) -> Capabilities {
        self.files.capabilities()
    }

    fn query_current_state(&self) -> Result<Value, PluginError> {
        self.seen.queries.fetch_add(1, Ordering::SeqCst);
        let state = self.files.query_current_state()?;
        self.seen.run("query")?;
        Ok(state)
    }

    fn calculate_diff(&self, current: &Value, desired: &Value) -> Result<StateDiff, PluginError> {
        self.seen.diffs.fetch_add(1, Ordering::SeqCst);
        self.seen.run("diff")?;
        self.files.calculate_diff(current, desired)
    }

    /// One action after the other, each beginning with the hook.
    fn apply_state(&self, diff: &StateDiff) -> Result<Applied, PluginError> {
        let mut applied = Applied::default();
        for action in &diff.actions {
            let one = StateDiff { actions: vec![StateAction::clone(action)], ..diff.clone() };
            applied.changes += self.files.apply_state(&one)?.changes;
            if let Err(error) = self.seen.run("apply") {
                applied.errors.push(error.to_string());
            }
        }
        Ok(applied)
    }

    fn verify_state(&self, desired: &Value) -> Result<bool, PluginError> {
        self.seen.run("verify")?;
        self.files.verify_state(desired)
    }

    fn create_checkpoint(&self, diff: Option<&StateDiff>) -> Result<Value, PluginError> {
        self.seen.run("checkpoint")?;
        self.files.create_checkpoint(diff)
    }

    fn rollback(&self, checkpoint: &Value) -> Result<(), PluginError> {
        self.seen.rollbacks.fetch_add(1, Ordering::SeqCst);
        self.seen.run("rollback")?;
        self.files.rollback(checkpoint)
    }
}

/// A manager of one such plugin over a directory with two files.
pub(crate) struct Desk {
    pub(crate) place: tempfile::TempDir,
    pub(crate) clock: Arc<ManualClock>,
    pub(crate) hub: Hub,
    pub(crate) manager: StateManager,
    pub(crate) seen: Arc<Seen>,
}

impl Desk {
    pub(crate) fn new() -> Self {
        let place = tempfile::tempdir().unwrap();
        std::fs::create_dir(place.path().join("managed")).unwrap();
        for (name, text) in [("a", "old a"), ("b", "old b")] {
            std::fs::write(place.path().join("managed").join(name), text).unwrap();
        }
        let clock = Arc::new(ManualClock::at(Timestamp(1_700_000_000_000_000_000)));
        let hub = Hub::builder().clock(Arc::clone(&clock) as _).build().unwrap();
        let (plugin, seen) = Faulty::new("files", &place.path().join("managed"));
        let manager = StateManager::builder()
            .plugin(plugin)
            .clock(Arc::clone(&clock) as _)
            .checkpoints(place.path().join("checkpoints"))
            .build(&hub)
            .unwrap();
        Self { place, clock, hub, manager, seen }
    }

    pub(crate) fn text(&self, name: &str) -> String {
        std::fs::read_to_string(self.place.path().join("managed").join(name)).unwrap()
    }

    pub(crate) fn pass(&self, seconds: u64) {
        self.clock.advance(Duration::from_secs(seconds));
    }

    /// All there is below the managed directory: paths, contents, modes.
    pub(crate) fn all(&self) -> Vec<(String, Vec<u8>, u32)> {
        all(&self.place.path().join("managed"))
    }
}

/// All there is below a directory, with directories themselves.
pub(crate) fn all(directory: &Path) -> Vec<(String, Vec<u8>, u32)> {
    use std::os::unix::fs::MetadataExt;
    let mut found = Vec::new();
    for entry in std::fs::read_dir(directory).unwrap().map(Result::unwrap) {
        let (path, data) = (entry.path(), std::fs::symlink_metadata(entry.path()).unwrap());
        let bytes = if data.is_file() { std::fs::read(&path).unwrap() } else { Vec::new() };
        found.push((path.display().to_string(), bytes, data.mode()));
        if data.is_dir() {
            found.extend(all(&path));
        }
    }
    found.sort();
    found
}
