//! The data of one plugin: saving so that a reader sees the old or the new, whenever the machine stops.
//!
//! A save has three steps, under the plugin's lock:
//!
//! 1. the new content goes to `.new-<file>` and onto the medium;
//! 2. `metadata.json` is exchanged for one with the new content's digest and signature: from here on it is saved;
//! 3. `.new-<file>` is renamed to `<file>`.
//!
//! Who reads believes the metadata, and takes whichever of the two files has its digest. Whoever locks next
//! finishes what a killed process left: a `.new-` file is either what the metadata says, or nothing. When the
//! object's signature changes, the metadata of step 2 shows the original a signature that nobody has, until
//! step 3 is done.

use std::{
    path::{Path, PathBuf},
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering},
    },
};

use plugcache_cache::{
    Error,
    fs::{Directory, c_path, publish_durably},
    lock::{self, Lock},
};
use serde_json::Value;

use crate::canonical::{DEEPEST, depth};

use super::{
    Category, Item, LOCK, Loaded, Profile, Shared, StoreError, below, ensure,
    metadata::{CHANGING, Metadata, Record},
    names, usage,
};

/// The file that the original knows, and where ours is.
const METADATA: &str = "metadata.json";
/// Start of the name of a file that is being saved.
const NEW: &str = ".new-";
/// The directory of a category's locks: no plugin's directory begins with a dot.
pub(super) const LOCKS: &str = ".plugcache-locks";
/// Start of the name of a plugin's directory that is being removed.
const REMOVED: &str = ".plugcache-removed-";
/// Removals of this process, so that two at one time have two names.
static REMOVALS: AtomicU64 = AtomicU64::new(0);
/// How often a reader looks again when others save meanwhile, before it waits for them.
const ATTEMPTS: usize = 3;

/// The data of one plugin. Made by [`Store::plugin`](super::Store::plugin).
#[derive(Debug, Clone)]
pub struct PluginData {
    shared: Arc<Shared>,
    category: Category,
    id: String,
    directory: String,
    signature: Value,
}

impl PluginData {
    pub(super) fn new(shared: Arc<Shared>, category: Category, id: &str) -> Self {
        let directory = names::directory_of(id);
        Self { shared, category, id: id.to_owned(), directory, signature: Value::Null }
    }

    /// Sets the current signature: what is saved is marked with it, and what was saved under another one is
    /// [`Loaded::Stale`]. `null` asks for no check, as in the original. Default: `null`.
    ///
    /// Each item has its own. JSON that the original wrote has none, and is never stale.
    #[must_use]
    pub fn signature(mut self, signature: impl Into<Value>) -> Self {
        self.signature = signature.into();
        self
    }

    /// The plugin's id.
    pub fn id(&self) -> &str {
        &self.id
    }

    /// Where its files are, once there are any.
    pub fn path(&self) -> PathBuf {
        self.shared.root.path().join(self.category.name()).join(&self.directory)
    }

    /// Saves JSON. What nests deeper than 127 levels is refused, since nobody could read it again.
    pub fn save_json(&self, value: &Value) -> Result<(), StoreError> {
        self.save(Item::Json, &self.encode(value)?)
    }

    /// Loads what [`save_json`](Self::save_json) or the original saved.
    pub fn load_json(&self) -> Result<Loaded<Value>, StoreError> {
        self.load(Item::Json)?.try_map(|bytes| self.decode(&bytes))
    }

    /// Puts what `change` makes of the JSON in its place, while no other process saves for this plugin; `None`
    /// leaves it as it is. Returns whether it was saved. `change` must not save for this plugin itself: that
    /// waits for the lock that this call holds, and fails when the time is over.
    pub fn update_json(
        &self,
        change: impl FnOnce(Loaded<Value>) -> Option<Value>,
    ) -> Result<bool, StoreError> {
        self.change(Item::Json, |bytes| {
            let value = bytes.try_map(|bytes| self.decode(&bytes))?;
            change(value).map(|value| self.encode(&value)).transpose()
        })
    }

    /// Saves an item's bytes. For [`Item::Json`] and [`Item::Object`] they are what the original's code reads.
    pub fn save(&self, item: Item<'_>, bytes: &[u8]) -> Result<(), StoreError> {
        let desk = self.lock()?;
        desk.save(item, bytes)
    }

    /// Loads an item's bytes. Waits for nobody, unless somebody saves again and again meanwhile.
    pub fn load(&self, item: Item<'_>) -> Result<Loaded<Vec<u8>>, StoreError> {
        let Some(directory) = self.open()? else { return Ok(Loaded::Missing) };
        for _ in 0..ATTEMPTS {
            if let Read::Done(loaded) = self.read(&directory, item)? {
                return Ok(loaded);
            }
        }
        // Either somebody saves all the time, or something is wrong: nobody does while we have the lock.
        self.load_from(&self.lock()?.directory, item)
    }

    /// Puts what `change` makes of an item in its place; see [`update_json`](Self::update_json).
    pub fn update(
        &self,
        item: Item<'_>,
        change: impl FnOnce(Loaded<Vec<u8>>) -> Option<Vec<u8>>,
    ) -> Result<bool, StoreError> {
        self.change(item, |bytes| Ok(change(bytes)))
    }

    /// Removes all that the plugin has saved. `false` if there was nothing.
    pub fn remove(&self) -> Result<bool, StoreError> {
        let Some(category) = below(&self.shared.root, self.category.name())? else { return Ok(false) };
        let _lock = self.lock_in(&category)?;
        sweep(&category)?;
        let Some(directory) = below(&category, &self.directory)? else { return Ok(false) };
        self.metadata(&directory)?;
        // One rename, so that nobody finds half of it; what stays after a kill is swept by the next removal.
        let nth = REMOVALS.fetch_add(1, Ordering::Relaxed);
        let gone = format!("{REMOVED}{}-{}-{nth}", std::process::id(), self.shared.options.clock.wall().0);
        category.rename_durably(&c_path(self.directory.as_bytes())?, &c_path(gone.as_bytes())?)?;
        sweep(&category)?;
        Ok(true)
    }

    fn change(
        &self,
        item: Item<'_>,
        change: impl FnOnce(Loaded<Vec<u8>>) -> Result<Option<Vec<u8>>, StoreError>,
    ) -> Result<bool, StoreError> {
        let desk = self.lock()?;
        let found = self.load_from(&desk.directory, item)?;
        let Some(bytes) = change(found)? else { return Ok(false) };
        desk.save(item, &bytes)?;
        Ok(true)
    }

    fn load_from(&self, directory: &Directory, item: Item<'_>) -> Result<Loaded<Vec<u8>>, StoreError> {
        match self.read(directory, item)? {
            Read::Done(loaded) => Ok(loaded),
            Read::Other(path) => {
                let what = "metadata.json tells of other content; another program wrote it, or it is damaged";
                Err(StoreError::Damaged { path, what: what.to_owned() })
            }
        }
    }

    fn encode(&self, value: &Value) -> Result<Vec<u8>, StoreError> {
        let refused = |why: String| StoreError::Unserialisable { id: self.id.clone(), why };
        if depth(value, 0) > DEEPEST {
            return Err(refused(format!("it nests deeper than {DEEPEST} levels")));
        }
        serde_json::to_vec(value).map_err(|error| refused(error.to_string()))
    }

    fn decode(&self, bytes: &[u8]) -> Result<Value, StoreError> {
        serde_json::from_slice(bytes).map_err(|error| StoreError::Damaged {
            path: self.path().join(Item::Json.file()),
            what: format!("it is not JSON: {error}"),
        })
    }

    /// Its directory, if it has one.
    fn open(&self) -> Result<Option<Directory>, StoreError> {
        let category = below(&self.shared.root, self.category.name())?;
        category.map_or(Ok(None), |category| below(&category, &self.directory))
    }

    /// What the metadata says, if there is any; an error if it is somebody else's.
    fn metadata(&self, directory: &Directory) -> Result<Metadata, StoreError> {
        let Some(bytes) = read(directory, METADATA)? else { return Ok(Metadata::default()) };
        let metadata = Metadata::parse(&directory.path().join(METADATA), &bytes)?;
        match &metadata.id {
            Some(other) if *other != self.id && self.shared.options.profile == Profile::Strict => {
                let (id, other) = (self.id.clone(), other.clone());
                Err(StoreError::SharedName { id, other, path: directory.path().to_owned() })
            }
            _ => Ok(metadata),
        }
    }

    fn read(&self, directory: &Directory, item: Item<'_>) -> Result<Read, StoreError> {
        let metadata = self.metadata(directory)?;
        let file = item.file();
        let Some(record) = metadata.items.get(&file) else {
            return Ok(match read(directory, &file)? {
                None => Read::Done(Loaded::Missing),
                Some(bytes) => {
                    let saved = match item {
                        Item::Object => metadata.original_signature(),
                        // Nobody has written down one for it.
                        Item::Json | Item::Named(_) => self.signature.clone(),
                    };
                    Read::Done(self.guard(saved, bytes))
                }
            });
        };
        for name in [&file, &format!("{NEW}{file}")] {
            if let Some(bytes) = read(directory, name)?.filter(|bytes| record.is_of(bytes)) {
                return Ok(Read::Done(self.guard(record.signature.clone(), bytes)));
            }
        }
        let path = directory.path().join(&file);
        let look = directory.look(&c_path(file.as_bytes())?)?;
        let is_rewritten = look.is_some_and(|look| look.stamp.modified.0 != record.modified);
        if is_rewritten && self.shared.options.profile == Profile::Compatible {
            // The original exchanges `data.json` without a word in the metadata.
            let bytes = read(directory, &file)?;
            return Ok(bytes.map_or(Read::Other(path), |bytes| Read::Done(Loaded::Found(bytes))));
        }
        Ok(Read::Other(path))
    }

    fn guard(&self, saved: Value, bytes: Vec<u8>) -> Loaded<Vec<u8>> {
        if self.signature.is_null() || saved == self.signature {
            Loaded::Found(bytes)
        } else {
            Loaded::Stale { saved, current: self.signature.clone() }
        }
    }

    fn lock_in(&self, category: &Directory) -> Result<Lock, StoreError> {
        let locks = ensure(category, LOCKS)?;
        let name = c_path(self.directory.as_bytes())?;
        let options = &self.shared.options;
        Ok(lock::acquire(&locks, &name, options.lock_timeout, &*options.clock)?)
    }

    /// Takes the plugin's lock, makes its directory, and finishes what a killed process left.
    fn lock(&self) -> Result<Desk<'_>, StoreError> {
        let category = ensure(&self.shared.root, self.category.name())?;
        let lock = self.lock_in(&category)?;
        let directory = ensure(&category, &self.directory)?;
        let mut metadata = self.metadata(&directory)?;
        for (name, _) in directory.list()?.0 {
            if usage::is_temporary(&name) {
                // Whoever wrote it is dead, since the lock is ours; no quota counts it.
                directory.remove(&c_path(&name)?)?;
            }
            let Some(file) = name.strip_prefix(NEW.as_bytes()) else { continue };
            let (new, file) = (c_path(&name)?, String::from_utf8_lossy(file).into_owned());
            let bytes = directory.read(&new, u64::MAX)?.bytes;
            if metadata.items.get(&file).is_some_and(|record| record.is_of(&bytes)) {
                directory.rename_durably(&new, &c_path(file.as_bytes())?)?;
            } else {
                directory.remove(&new)?;
            }
        }
        if metadata.is_changing() {
            let signature = metadata.items.get(&Item::Object.file()).map(|record| record.signature.clone());
            metadata.set_original_signature(signature.unwrap_or_default());
            publish_durably(&directory, &c_path(METADATA.as_bytes())?, &[&metadata.encode(&self.id)])?;
        }
        Ok(Desk { plugin: self, directory, _lock: lock })
    }
}

/// What a look at an item finds.
enum Read {
    Done(Loaded<Vec<u8>>),
    /// Other content than the metadata tells of.
    Other(PathBuf),
}

/// A plugin whose lock is held.
struct Desk<'a> {
    plugin: &'a PluginData,
    directory: Directory,
    _lock: Lock,
}

impl Desk<'_> {
    fn save(&self, item: Item<'_>, bytes: &[u8]) -> Result<(), StoreError> {
        let plugin = self.plugin;
        let mut metadata = plugin.metadata(&self.directory)?;
        let file = item.file();
        let options = &plugin.shared.options;
        let _all = lock::acquire(&plugin.shared.root, LOCK, options.lock_timeout, &*options.clock)?;
        self.check_room(&file, bytes.len() as u64)?;

        let (new, place) = (c_path(format!("{NEW}{file}").as_bytes())?, c_path(file.as_bytes())?);
        let saved = self.put(&new, bytes).and_then(|modified| {
            let name = if let Item::Named(name) = item { Some(name.to_owned()) } else { None };
            let blake3 = blake3::hash(bytes).to_hex().to_string();
            let (signature, length) = (plugin.signature.clone(), bytes.len() as u64);
            let record = Record { signature, length, blake3, modified, name };
            metadata.items.insert(file, record);
            let is_other = item == Item::Object && metadata.original_signature() != plugin.signature;
            if is_other {
                metadata.set_original_signature(CHANGING.into());
            }
            self.publish(&metadata)?;
            Ok(is_other)
        });
        let is_other = match saved {
            Ok(is_other) => is_other,
            Err(error) => {
                // Should it stay, whoever locks next sees that the metadata knows nothing of it.
                if !self.is_saved(&place, bytes) {
                    let _ = self.directory.remove(&new);
                }
                return Err(error);
            }
        };
        self.directory.rename_durably(&new, &place)?;
        if is_other {
            metadata.set_original_signature(plugin.signature.clone());
            self.publish(&metadata)?;
        }
        Ok(())
    }

    /// Writes the new content; when it was written, as its stamp says.
    fn put(&self, new: &std::ffi::CStr, bytes: &[u8]) -> Result<i64, StoreError> {
        publish_durably(&self.directory, new, &[bytes])?;
        Ok(self.directory.look(new)?.map_or(0, |look| look.stamp.modified.0))
    }

    fn publish(&self, metadata: &Metadata) -> Result<(), StoreError> {
        let text = metadata.encode(&self.plugin.id);
        Ok(publish_durably(&self.directory, &c_path(METADATA.as_bytes())?, &[&text])?)
    }

    /// Whether the metadata on disk tells of these bytes, however its writing ended.
    fn is_saved(&self, place: &std::ffi::CStr, bytes: &[u8]) -> bool {
        let file = place.to_string_lossy();
        let metadata = self.plugin.metadata(&self.directory);
        metadata.is_ok_and(|metadata| metadata.items.get(&*file).is_some_and(|record| record.is_of(bytes)))
    }

    fn check_room(&self, file: &str, size: u64) -> Result<(), StoreError> {
        let plugin = self.plugin;
        let options = &plugin.shared.options;
        let there = usage::size_of(&self.directory, file)?;
        let own = usage::bytes_in(&self.directory)?;
        let refused =
            |whose, would, limit| Err(StoreError::Quota { id: plugin.id.clone(), size, whose, would, limit });
        let would = own.saturating_sub(there).saturating_add(size);
        if would > options.plugin_bytes {
            return refused("it", would, options.plugin_bytes);
        }
        let would = usage::usage(&plugin.shared)?.bytes.saturating_sub(there).saturating_add(size);
        if would > options.total_bytes {
            return refused("all plugins", would, options.total_bytes);
        }
        Ok(())
    }
}

/// The content of a file, if it is there.
pub(super) fn read(directory: &Directory, name: &str) -> Result<Option<Vec<u8>>, StoreError> {
    match directory.read(&c_path(name.as_bytes())?, u64::MAX) {
        Ok(observed) => Ok(Some(observed.bytes)),
        Err(Error::Io { source, .. }) if source.kind() == std::io::ErrorKind::NotFound => Ok(None),
        Err(error) => Err(error.into()),
    }
}

/// What the metadata of a directory says, whoever's it is.
pub(super) fn metadata_in(directory: &Directory) -> Result<Metadata, StoreError> {
    let path: &Path = directory.path();
    read(directory, METADATA)?
        .map_or(Ok(Metadata::default()), |bytes| Metadata::parse(&path.join(METADATA), &bytes))
}

/// Takes away the directories of plugins whose removal was begun. Others may be doing so too, and what cannot be
/// taken away is in nobody's way.
fn sweep(category: &Directory) -> Result<(), StoreError> {
    for (name, kind) in usage::listed(category)? {
        if kind == plugcache_cache::fs::Kind::Directory
            && name.starts_with(REMOVED.as_bytes())
            && let Err(error) = category.remove_tree(&c_path(&name)?)
        {
            tracing::warn!("what a removed plugin left is still there: {error}");
        }
    }
    Ok(())
}
