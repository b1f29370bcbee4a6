//! A manifest file as a JSON value.

use std::{
    ffi::OsStr,
    io,
    os::unix::ffi::OsStrExt as _,
    path::{Path, PathBuf},
};

use plugcache_cache::{
    Error,
    fs::{Directory, c_path},
};
use plugcache_discovery::manifest::{Format, Limits, ManifestError, parse};
use serde_json::Value;

/// Why a manifest file gives no manifest.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum ReadError {
    /// It cannot be read.
    #[error(transparent)]
    File(#[from] Error),
    /// It is not what its extension says.
    #[error("{}:{}:{}: {source}", path.display(), source.position().0, source.position().1)]
    Manifest {
        /// The file.
        path: PathBuf,
        /// What is wrong, and where.
        source: ManifestError,
    },
    /// It says something that JSON cannot.
    #[error("{}: {message}", path.display())]
    NotJson {
        /// The file.
        path: PathBuf,
        /// What.
        message: String,
    },
}

/// `None`: there is no such file.
pub(super) fn read(path: &Path) -> Result<Option<Value>, ReadError> {
    let bytes = match bytes(path) {
        Ok(bytes) => bytes,
        Err(Error::Io { source, .. })
            if matches!(source.kind(), io::ErrorKind::NotFound | io::ErrorKind::NotADirectory) =>
        {
            return Ok(None);
        }
        Err(error) => return Err(error.into()),
    };
    let document = parse(&bytes, Format::of(path), Limits::default())
        .map_err(|source| ReadError::Manifest { path: path.to_owned(), source })?;
    serde_json::to_value(document)
        .map(Some)
        .map_err(|error| ReadError::NotJson { path: path.to_owned(), message: error.to_string() })
}

fn bytes(path: &Path) -> Result<Vec<u8>, Error> {
    let above = path.parent().filter(|above| !above.as_os_str().is_empty());
    let directory = Directory::open(above.unwrap_or(Path::new(".")))?;
    let name = c_path(path.file_name().unwrap_or(OsStr::new(".")).as_bytes())?;
    Ok(directory.read(&name, Limits::default().bytes as u64)?.bytes)
}
