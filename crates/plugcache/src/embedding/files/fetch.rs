//! Fetching a model: file after file, each proven before it gets its name.

use std::{ffi::CString, time::Duration};

use plugcache_cache::{
    Digest,
    directory::open_or_create_plain,
    fs::{DataFile, Directory, c_path, remove_abandoned},
};

use super::{
    FetchError, Held, Manifest, Options, Progress, Sha256Sum, Source, Wanted,
    client::{Client, Found, not_found},
    description::Description,
    directory::{open_plain, parent_of},
    download::Download,
    patience::Patience,
    source::is_path,
    store::FILES,
    sum::Expected,
};

/// End of the names of what has arrived and is not proven.
pub(super) const PART: &str = ".part";

/// A fetch of all files of a model.
pub(super) struct Fetch<'a> {
    pub(super) options: &'a Options,
    pub(super) client: Client<'a>,
    pub(super) source: &'a Source,
    /// The model's directory.
    pub(super) place: &'a Directory,
}

impl Fetch<'_> {
    /// Fetches all of them. What the manifest says is then true.
    pub(super) fn run(&self, report: &mut dyn FnMut(Progress<'_>)) -> Result<Manifest, FetchError> {
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
            && let Some(file) = open_plain(&parent, &leaf)?
            && let Ok(held) = proof.of(name, &file)?
        {
            report(Progress::Kept { file: name });
            return Ok(Some(held));
        }
        let part = part_name(name, commit.as_deref(), expected)?;
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
}

/// The same file of the same commit with the same digest has the same one: what is there of it is a beginning.
fn part_name(name: &str, commit: Option<&str>, expected: Option<Expected>) -> Result<CString, FetchError> {
    let expected = expected.map(|expected| expected.to_string()).unwrap_or_default();
    let parts = [name, commit.unwrap_or_default(), &expected].map(str::as_bytes);
    Ok(c_path(format!("{}{PART}", Digest::of_key(parts)).as_bytes())?)
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

/// Removes what is left of other fetches from the directory of a complete model. Whoever calls holds its lock, so
/// nobody else is writing there, however young it is.
pub(super) fn clean(place: &Directory) -> Result<(), FetchError> {
    for (name, _) in place.list()?.0 {
        if name.ends_with(PART.as_bytes()) {
            place.remove(&c_path(&name)?)?;
        }
    }
    remove_abandoned(place, Duration::ZERO)?;
    Ok(())
}
