//! The models of a directory: found without a connection, fetched once for all processes.

use std::{
    ffi::CString,
    path::{Path, PathBuf},
    time::Duration,
};

use plugcache_cache::{
    Digest, Error,
    directory::{open_existing, open_or_create_plain},
    fs::{DataFile, Directory, c_path, remove_abandoned},
    lock::{self, Lock},
};

use super::{
    FetchError, Held, Manifest, ModelDirectory, Options, Progress, Sha256Sum, Source, Wanted,
    client::{Client, Found, not_found},
    description::Description,
    download::Download,
    manifest::NAME,
    patience::Patience,
    source::is_path,
    sum::Expected,
    url,
};

/// The files of a model, in its directory.
pub(super) const FILES: &str = "files";

/// End of the names of what has arrived and is not proven.
const PART: &str = ".part";

/// The models of a directory. Clones are handles to the same one; processes share it.
#[derive(Debug, Clone)]
pub struct ModelStore {
    pub(super) path: PathBuf,
    pub(super) options: Options,
}

impl ModelStore {
    /// The models of a directory. It is made, with mode 0700, when the first model is fetched; one that others
    /// could write to is refused whenever it is used.
    pub fn open(path: impl Into<PathBuf>, options: Options) -> Result<Self, FetchError> {
        url::endpoint(&options.endpoint)?;
        Ok(Self { path: path.into(), options })
    }

    /// Where it is.
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// A complete copy of a model, with a manifest and files as long as it says. No connection is made and nothing
    /// but the manifest is read; [`verify`](Self::verify) reads it all.
    pub fn find(&self, source: &Source) -> Result<Option<ModelDirectory>, FetchError> {
        let Some(found) = self.stored(source.digest())? else { return Ok(None) };
        Ok(found.manifest().is_some_and(|manifest| manifest.covers(source)).then_some(found))
    }

    /// The complete copy of this name, of whatever source it may be.
    pub(super) fn stored(&self, digest: Digest) -> Result<Option<ModelDirectory>, FetchError> {
        // Each one above is looked at: whoever may write to one of them could exchange what is below.
        if open_existing(&self.path)?.is_none() {
            return Ok(None);
        }
        let path = self.place(digest);
        let Some(place) = open_existing(&path)? else { return Ok(None) };
        let Some(manifest) = Manifest::read(&place)? else { return Ok(None) };
        let path = path.join(FILES);
        for held in &manifest.files {
            let (parent, name) = parent_of(&path, &held.name)?;
            let Some(parent) = open_existing(&parent)? else { return Ok(None) };
            let Some(file) = DataFile::open(&parent, &name)? else { return Ok(None) };
            if file.size()? != held.length {
                return Ok(None);
            }
        }
        Ok(Some(ModelDirectory { path, manifest: Some(manifest) }))
    }

    pub(super) fn place(&self, digest: Digest) -> PathBuf {
        self.path.join(digest.to_string())
    }

    /// The complete copy of a model, fetched if there is none. One process at a time fetches a model; the others
    /// wait and then find it. What a killed one has left is gone on with.
    pub fn fetch(
        &self,
        source: &Source,
        report: &mut dyn FnMut(Progress<'_>),
    ) -> Result<ModelDirectory, FetchError> {
        if let Some(found) = self.find(source)? {
            return Ok(found);
        }
        if self.options.offline {
            return Err(self.offline(source));
        }
        let client = Client::new(&self.options)?;
        let root = open_or_create_plain(&self.path)?;
        let _lock = self.lock(&root, source.digest(), report)?;
        if let Some(found) = self.find(source)? {
            return Ok(found);
        }
        let place = open_or_create_plain(&self.place(source.digest()))?;
        root.synchronise()?;
        // From the first file on that is replaced, an old manifest would be about others.
        if place.remove(NAME)? {
            place.synchronise()?;
        }
        let manifest = Fetch { options: &self.options, client, source, place: &place }.run(report)?;
        // Directories were made in it, whose names are to stay as surely as the manifest.
        open_or_create_plain(&place.path().join(FILES))?.synchronise()?;
        manifest.write(&place)?;
        clean(&place)?;
        Ok(ModelDirectory { path: place.path().join(FILES), manifest: Some(manifest) })
    }

    pub(super) fn lock(
        &self,
        root: &Directory,
        digest: Digest,
        report: &mut dyn FnMut(Progress<'_>),
    ) -> Result<Lock, FetchError> {
        let name = c_path(format!("{digest}.lock").as_bytes())?;
        let clock = &*self.options.clock;
        match lock::acquire(root, &name, Duration::ZERO, clock) {
            Err(Error::LockTimeout { holder, .. }) => {
                tracing::info!("{holder} fetches the model; waiting for it");
                report(Progress::Waiting { holder: &holder });
                Ok(lock::acquire(root, &name, self.options.lock_timeout, clock)?)
            }
            other => Ok(other?),
        }
    }

    fn offline(&self, source: &Source) -> FetchError {
        let path = self.place(source.digest()).join(FILES);
        let is_missing = |wanted: &&Wanted| {
            !wanted.is_optional
                && Directory::open(&path)
                    .and_then(|directory| super::directory::has(&directory, &wanted.name))
                    .map_or(true, |is_there| !is_there)
        };
        let file = source.files().iter().find(is_missing).map_or("the manifest", |wanted| &wanted.name);
        FetchError::Offline { repository: source.repository().to_owned(), file: file.to_owned(), path }
    }
}

/// A fetch of all files of a model.
struct Fetch<'a> {
    options: &'a Options,
    client: Client<'a>,
    source: &'a Source,
    place: &'a Directory,
}

impl Fetch<'_> {
    fn run(&self, report: &mut dyn FnMut(Progress<'_>)) -> Result<Manifest, FetchError> {
        let mut manifest = Manifest::new(self.source);
        for wanted in self.source.files() {
            match self.file(wanted, &mut manifest.commit, report)? {
                Some(held) => manifest.files.push(held),
                None => manifest.absent.push(wanted.name.clone()),
            }
        }
        Ok(manifest)
    }

    /// Fetches a file, unless it is there. `None`: the model does without it.
    fn file(
        &self,
        wanted: &Wanted,
        commit: &mut Option<String>,
        report: &mut dyn FnMut(Progress<'_>),
    ) -> Result<Option<Held>, FetchError> {
        let name = wanted.name.as_str();
        let (parent, leaf) = parent_of(&self.place.path().join(FILES), name)?;
        let parent = open_or_create_plain(&parent)?;
        let Some(description) = self.describe(wanted, commit, report)? else {
            // Whoever goes by the directory must not find one of another commit.
            parent.remove(&leaf)?;
            report(Progress::Absent { file: name });
            return Ok(None);
        };
        let url = self.url(commit.as_deref(), name);
        let said = description.expected();
        let expected = wanted.sha256.map(Expected::Sha256).or(said);
        if expected.is_none() && !self.options.allow_unverified {
            return Err(FetchError::Unverifiable { url });
        }
        let limit = self.options.largest;
        if description.length.is_some_and(|length| length > limit) {
            return Err(FetchError::TooLarge { url, limit });
        }
        let proof = Proof { url: &url, expected, length: description.length };
        if expected.is_some()
            && let Some(file) = DataFile::open(&parent, &leaf)?
            && let Ok(held) = proof.of(name, &file)?
        {
            report(Progress::Kept { file: name });
            return Ok(Some(held));
        }
        let part = self.part_name(name, commit.as_deref(), expected)?;
        let fetched = self.prove(name, &part, &proof, report);
        let (file, held) = fetched.inspect_err(|error| {
            use FetchError::{Mismatch, NoRoom, TooLarge};
            if matches!(error, Mismatch { .. } | NoRoom { .. } | TooLarge { .. }) {
                // The first error is the one that matters.
                let _ = self.place.remove(&part);
            }
        })?;
        file.synchronise()?;
        self.place.move_durably(&part, &parent, &leaf)?;
        report(Progress::Done { file: name });
        Ok(Some(held))
    }

    /// Fetches a file until its digest is right, from the beginning if what came first was wrong.
    fn prove(
        &self,
        name: &str,
        part: &CString,
        proof: &Proof<'_>,
        report: &mut dyn FnMut(Progress<'_>),
    ) -> Result<(DataFile, Held), FetchError> {
        let file = match DataFile::open_to_write(self.place, part)? {
            Some(file) => file,
            None => DataFile::create(self.place, part)?,
        };
        let download = Download {
            client: &self.client,
            options: self.options,
            url: proof.url,
            name,
            length: proof.length,
            is_proven: proof.expected.is_some(),
            part: &file,
        };
        download.run(report)?;
        if let Ok(held) = proof.of(name, &file)? {
            return Ok((file, held));
        }
        file.cut(0)?;
        download.run(report)?;
        let held = proof.of(name, &file)??;
        Ok((file, held))
    }

    /// Asks what a file is, and of which commit. `None`: the hub does not have it, and the model does without it.
    fn describe(
        &self,
        wanted: &Wanted,
        commit: &mut Option<String>,
        report: &mut dyn FnMut(Progress<'_>),
    ) -> Result<Option<Description>, FetchError> {
        let url = self.url(commit.as_deref(), &wanted.name);
        let mut patience = Patience::new(&url, self.options);
        let found = loop {
            match self.client.describe(&url) {
                Ok(found) => break found,
                Err(trouble) => {
                    let (pause, why) = patience.pause(trouble)?;
                    report(Progress::Retrying { file: &wanted.name, why: &why, after: pause });
                    std::thread::sleep(pause);
                }
            }
        };
        let description = match found {
            Found::File(description) => description,
            Found::Nothing if wanted.is_optional => return Ok(None),
            Found::Nothing => return Err(not_found(&url, "the file")),
        };
        // It becomes a part of a URL.
        let named = description.commit.clone().filter(|commit| is_path(commit) && !commit.contains('/'));
        match (&*commit, named) {
            (Some(pinned), Some(named)) if *pinned != named => {
                let why = format!("it is of commit {named}, and the files before it of {pinned}");
                return Err(FetchError::Answer { url, why });
            }
            (None, Some(named)) => *commit = Some(named),
            _ => {}
        }
        Ok(Some(description))
    }

    fn url(&self, commit: Option<&str>, name: &str) -> String {
        let revision = commit.unwrap_or(self.source.asked_revision());
        self.client.url(self.source.repository(), revision, name)
    }

    /// The same file of the same commit with the same digest has the same one: what is there of it is a beginning.
    fn part_name(
        &self,
        name: &str,
        commit: Option<&str>,
        expected: Option<Expected>,
    ) -> Result<CString, FetchError> {
        let expected = expected.map(|expected| expected.to_string()).unwrap_or_default();
        let parts = [name, commit.unwrap_or_default(), &expected].map(str::as_bytes);
        Ok(c_path(format!("{}{PART}", Digest::of_key(parts)).as_bytes())?)
    }
}

/// What a file must be.
struct Proof<'a> {
    url: &'a str,
    expected: Option<Expected>,
    length: Option<u64>,
}

impl Proof<'_> {
    /// The inner error: it is not what it must be.
    fn of(&self, name: &str, file: &DataFile) -> Result<Result<Held, FetchError>, FetchError> {
        let length = file.size()?;
        let wrong = |expected: String, got: String| {
            let url = self.url.to_owned();
            Ok(Err(FetchError::Mismatch { url, expected, got }))
        };
        if let Some(expected) = self.length.filter(|expected| *expected != length) {
            return wrong(format!("{expected} bytes"), format!("{length} or more"));
        }
        let sha256 = Sha256Sum::of_file(file)?;
        if let Some(expected) = self.expected
            && let Some(got) = expected.differs(sha256, file)?
        {
            return wrong(expected.to_string(), got);
        }
        Ok(Ok(Held { name: name.to_owned(), length, sha256, is_verified: self.expected.is_some() }))
    }
}

/// The directory of a file, and its name there. Names have been judged.
pub(super) fn parent_of(directory: &Path, name: &str) -> Result<(PathBuf, CString), FetchError> {
    let (parent, leaf) = name.rsplit_once('/').unwrap_or(("", name));
    let parent = if parent.is_empty() { directory.to_owned() } else { directory.join(parent) };
    Ok((parent, c_path(leaf.as_bytes())?))
}

/// Removes what is left of other fetches from the directory of a complete model.
fn clean(place: &Directory) -> Result<(), FetchError> {
    for (name, _) in place.list()?.0 {
        if name.ends_with(PART.as_bytes()) {
            place.remove(&c_path(&name)?)?;
        }
    }
    remove_abandoned(place, Duration::from_hours(1))?;
    Ok(())
}
