//! Fetching a model: file after file, each proven before it gets its name.

use std::{ffi::CString, time::Duration};

use plugcache_cache::{
    Digest,
    directory::{open_existing, open_or_create_plain},
    fs::{DataFile, Directory, c_path, remove_abandoned},
};

use super::{
    FetchError, Held, Manifest, Options, Progress, Sha256Sum, Source, Wanted,
    client::Client,
    description::Description,
    directory::{open_plain, parent_of},
    download::Download,
    manifest::NAME,
    store::FILES,
    sum::Expected,
    survey::Survey,
};

/// End of the names of what has arrived and is not proven.
pub(super) const PART: &str = ".part";

/// So often a model is fetched whose files change on the hub meanwhile. What is still right is kept each time.
const ROUNDS: usize = 3;

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
        for _ in 0..ROUNDS {
            let survey = self.survey(report)?;
            let manifest = self.all(&survey, report)?;
            // A commit stays what it is. A branch may have moved on between the first question and the last file.
            if survey.commit.is_some() || survey.is_still(&self.survey(report)?, self.source) {
                return Ok(manifest);
            }
        }
        let (repository, revision) = (self.source.repository(), self.source.asked_revision());
        Err(FetchError::Moving { repository: repository.to_owned(), revision: revision.to_owned() })
    }

    /// Fetches the files that a hub has described.
    fn all(&self, survey: &Survey, report: &mut dyn FnMut(Progress<'_>)) -> Result<Manifest, FetchError> {
        let files = self.source.files();
        let proofs = files.iter().zip(&survey.files).map(|(wanted, description)| {
            let url = self.url(survey.commit.as_deref(), &wanted.name);
            description.as_ref().map(|description| self.proof(wanted, url, description)).transpose()
        });
        // All of them before the first file is touched.
        let proofs = proofs.collect::<Result<Vec<_>, _>>()?;
        let mut manifest = Manifest::new(self.source);
        manifest.commit.clone_from(&survey.commit);
        for (wanted, proof) in files.iter().zip(&proofs) {
            if let Some(proof) = proof {
                manifest.files.push(self.file(&wanted.name, proof, survey.commit.as_deref(), report)?);
            } else {
                self.remove(&wanted.name)?;
                report(Progress::Absent { file: &wanted.name });
                manifest.absent.push(wanted.name.clone());
            }
        }
        Ok(manifest)
    }

    /// What a file must be, unless nobody says it or it is too large.
    fn proof(&self, wanted: &Wanted, url: String, description: &Description) -> Result<Proof, FetchError> {
        let expected = wanted.sha256.map(Expected::Sha256).or(description.expected());
        if expected.is_none() && !self.options.allow_unverified {
            return Err(FetchError::Unverifiable { url });
        }
        let limit = self.options.largest;
        if description.length.is_some_and(|length| length > limit) {
            return Err(FetchError::TooLarge { url, limit });
        }
        Ok(Proof { url, expected, length: description.length })
    }

    /// Fetches a file, unless it is there.
    fn file(
        &self,
        name: &str,
        proof: &Proof,
        commit: Option<&str>,
        report: &mut dyn FnMut(Progress<'_>),
    ) -> Result<Held, FetchError> {
        let (parent, leaf) = parent_of(&self.place.path().join(FILES), name)?;
        let parent = open_or_create_plain(&parent)?;
        if proof.expected.is_some()
            && let Some(file) = open_plain(&parent, &leaf)?
            && let Ok(held) = proof.of(name, &file)?
        {
            report(Progress::Kept { file: name });
            return Ok(held);
        }
        let part = part_name(name, commit, proof.expected)?;
        let fetched = self.prove(name, &part, proof, report);
        let (file, held) = fetched.inspect_err(|error| {
            use FetchError::{Mismatch, NoRoom, TooLarge};
            if matches!(error, Mismatch { .. } | NoRoom { .. } | TooLarge { .. }) {
                // The first error is the one that matters.
                let _ = self.place.remove(&part);
            }
        })?;
        file.synchronise()?;
        self.retract()?;
        self.place.move_durably(&part, &parent, &leaf)?;
        report(Progress::Done { file: name });
        Ok(held)
    }

    /// Removes a file that the model does without: whoever goes by the directory must not find one of another commit.
    fn remove(&self, name: &str) -> Result<(), FetchError> {
        let (parent, leaf) = parent_of(&self.place.path().join(FILES), name)?;
        if let Some(parent) = open_existing(&parent)?
            && parent.look(&leaf)?.is_some()
        {
            self.retract()?;
            parent.remove(&leaf)?;
        }
        Ok(())
    }

    /// Removes the manifest of an older copy, because a file is about to change. Until then the copy is complete, and
    /// a fetch that fails has taken nothing away.
    fn retract(&self) -> Result<(), FetchError> {
        if self.place.remove(NAME)? {
            self.place.synchronise()?;
        }
        Ok(())
    }

    /// Fetches a file until its digest is right, from the beginning if what came first was wrong.
    fn prove(
        &self,
        name: &str,
        part: &CString,
        proof: &Proof,
        report: &mut dyn FnMut(Progress<'_>),
    ) -> Result<(DataFile, Held), FetchError> {
        let file = match DataFile::open_to_write(self.place, part)? {
            Some(file) => file,
            None => DataFile::create(self.place, part)?,
        };
        let download = Download {
            client: &self.client,
            options: self.options,
            url: &proof.url,
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
}

/// The same file of the same commit with the same digest has the same one: what is there of it is a beginning.
fn part_name(name: &str, commit: Option<&str>, expected: Option<Expected>) -> Result<CString, FetchError> {
    let expected = expected.map(|expected| expected.to_string()).unwrap_or_default();
    let parts = [name, commit.unwrap_or_default(), &expected].map(str::as_bytes);
    Ok(c_path(format!("{}{PART}", Digest::of_key(parts)).as_bytes())?)
}

/// What a file must be.
struct Proof {
    url: String,
    expected: Option<Expected>,
    length: Option<u64>,
}

impl Proof {
    /// The inner error: it is not what it must be.
    fn of(&self, name: &str, file: &DataFile) -> Result<Result<Held, FetchError>, FetchError> {
        let length = file.size()?;
        let wrong = |expected: String, got: String| {
            let url = self.url.clone();
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
