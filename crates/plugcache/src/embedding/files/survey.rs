//! What a hub says of all files of a model before any of them is fetched, so that all are of one state of it.

use super::{
    FetchError, Progress, Source, Wanted,
    client::{Found, not_found},
    description::Description,
    fetch::Fetch,
    patience::Patience,
    source::is_path,
};

/// What a hub says of the files of a source.
pub(super) struct Survey {
    /// The commit that all of them are of, if the hub names it.
    pub(super) commit: Option<String>,
    /// One for each file that is wanted. `None`: the hub does not have it, and the model does without it.
    pub(super) files: Vec<Option<Description>>,
}

impl Survey {
    /// Whether the files are still those. What is pinned cannot be others.
    pub(super) fn is_still(&self, later: &Self, source: &Source) -> bool {
        let is_same = |(wanted, (one, other)): (&Wanted, (&Option<_>, &Option<_>))| match (one, other) {
            (Some(one), Some(other)) => wanted.sha256.is_some() || Description::is_of_the_same(one, other),
            (one, other) => one.is_none() && other.is_none(),
        };
        let pairs = self.files.iter().zip(&later.files);
        self.commit == later.commit && source.files().iter().zip(pairs).all(is_same)
    }
}

impl Fetch<'_> {
    /// Asks what all files are. From the first answer that names a commit on, all questions are about it.
    pub(super) fn survey(&self, report: &mut dyn FnMut(Progress<'_>)) -> Result<Survey, FetchError> {
        let (mut commit, mut files) = (None, Vec::new());
        while let Some(wanted) = self.source.files().get(files.len()) {
            let was_known = commit.is_some();
            let description = self.describe(wanted, &mut commit, report)?;
            if commit.is_some() && !was_known && !files.is_empty() {
                // The ones before were of the branch, wherever it was then.
                files.clear();
            } else {
                files.push(description);
            }
        }
        Ok(Survey { commit, files })
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
        let mut is_doubted = false;
        let found = loop {
            let (pause, why) = match self.client.describe(&url) {
                // Absence is kept for ever, and this may be a word of whoever stands between.
                Ok(Found::Nothing { is_sure: false }) if wanted.is_optional && !is_doubted => {
                    is_doubted = true;
                    (self.options.first_pause, "status 404, and perhaps not the hub's".to_owned())
                }
                Ok(found) => break found,
                Err(trouble) => {
                    is_doubted = false;
                    patience.pause(trouble)?
                }
            };
            report(Progress::Retrying { file: &wanted.name, why: &why, after: pause });
            std::thread::sleep(pause);
        };
        let description = match found {
            Found::File(description) => description,
            Found::Nothing { .. } if wanted.is_optional => return Ok(None),
            Found::Nothing { .. } => return Err(not_found(&url, "the file")),
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

    /// Where a file is.
    pub(super) fn url(&self, commit: Option<&str>, name: &str) -> String {
        let revision = commit.unwrap_or(self.source.asked_revision());
        self.client.url(self.source.repository(), revision, name)
    }
}
