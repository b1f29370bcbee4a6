//! A row of the disk tier: an envelope that echoes the key, and in it where the value comes from, and the
//! value. The layout is in `docs/format.md`.

use crate::{Digest, envelope, freshness::StaleReason, key::KeyBytes, policy::Origin};

/// Version of the layout inside the envelope.
const VERSION: u32 = 1;

/// Where the row of a key lies.
pub(crate) fn id_of(key: &KeyBytes) -> Digest {
    Digest::of_key([key.as_slice()])
}

/// Seals a value. `kind` is its codec's fingerprint.
pub(crate) fn seal(kind: u32, key: &KeyBytes, origin: &Origin, value: &[u8]) -> Result<Vec<u8>, String> {
    let mut payload = postcard::to_allocvec(origin).map_err(|error| error.to_string())?;
    payload.extend_from_slice(value);
    Ok(envelope::seal(kind, VERSION, key.as_slice(), &payload))
}

/// Opens a row that was kept for this key.
pub(crate) fn open<'a>(row: &'a [u8], kind: u32, key: &KeyBytes) -> Result<(Origin, &'a [u8]), StaleReason> {
    origin_of(envelope::open(row, kind, VERSION, key.as_slice())?)
}

/// Opens a row of whatever key and kind, to show it.
pub(crate) fn open_any(row: &[u8]) -> Result<(KeyBytes, Origin, usize), StaleReason> {
    let (key, payload) = envelope::open_any(row, VERSION)?;
    let (origin, value) = origin_of(payload)?;
    Ok((KeyBytes::from_slice(key), origin, value.len()))
}

fn origin_of(payload: &[u8]) -> Result<(Origin, &[u8]), StaleReason> {
    postcard::take_from_bytes(payload).map_err(|_| StaleReason::Damaged { part: "origin".to_owned() })
}
