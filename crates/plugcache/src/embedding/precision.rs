//! Vectors as bytes on disk: exact, or shorter and a little off.
//!
//! What is served from memory is what would be read from disk: a vector is rounded before anybody gets it. So an
//! answer is the same in the process that computed it and in all later ones. To round a second time changes nothing.
//!
//! The bytes are in `docs/format.md`.

use std::{fmt, str::FromStr};

use half::f16;
use plugcache_cache::Codec;

/// How exactly the components of a vector are kept.
///
/// For a vector whose largest component is `m`, with the bytes on disk of 384 components without the row around them,
/// and the error measured over 2,000 normalised vectors of 384 dimensions:
///
/// | | a component is off by at most | bytes | most it was off by | least cosine to the original |
/// |---|---|---|---|---|
/// | [`F32`](Self::F32) | 0 | 1,540 | 0 | 1 |
/// | [`F16`](Self::F16) | 2⁻¹¹ of itself, or 2⁻²⁵ | 772 | 6.2e-5 | 0.999 999 97 |
/// | [`I8`](Self::I8) | `m` / 253 | 392 | 8.7e-4 | 0.999 95 |
///
/// The row around them, with a text of 20 bytes, takes another 120 bytes. In memory a component takes four bytes whatever the precision.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default)]
#[non_exhaustive]
pub enum Precision {
    /// As computed, 4 bytes a component. The default.
    #[default]
    F32,
    /// Half precision, 2 bytes a component. Components beyond ±65,504 are refused.
    F16,
    /// A byte a component and one scale for all of a vector.
    I8,
}

impl Precision {
    /// How rows are written and read.
    pub(super) fn codec(self) -> Codec<Vec<f32>> {
        match self {
            Self::F32 => Codec::custom("vector-f32", |vector| Ok(wide(vector)), of_wide),
            Self::F16 => Codec::custom("vector-f16", |vector| Ok(half(vector)), of_half),
            Self::I8 => Codec::custom("vector-i8", |vector| Ok(scaled(vector)), of_scaled),
        }
    }

    /// The vector that stands on disk for this one, whose components are finite. An error says which cannot be kept.
    pub(super) fn round(self, vector: Vec<f32>) -> Result<Vec<f32>, String> {
        match self {
            Self::F32 => Ok(vector),
            Self::F16 => of_half(&half(&vector)),
            Self::I8 => of_scaled(&scaled(&vector)),
        }
    }
}

/// `f32`, `f16`, `i8`.
impl fmt::Display for Precision {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::F32 => "f32",
            Self::F16 => "f16",
            Self::I8 => "i8",
        })
    }
}

impl FromStr for Precision {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        match text.trim() {
            "f32" => Ok(Self::F32),
            "f16" => Ok(Self::F16),
            "i8" => Ok(Self::I8),
            _ => Err(format!("`{text}` is no precision: expected f32, f16 or i8")),
        }
    }
}

/// The number of components, which every form begins with.
const COUNT: usize = 4;

fn begin(vector: &[f32], bytes: usize) -> Vec<u8> {
    let mut out = Vec::with_capacity(COUNT + bytes);
    out.extend_from_slice(&(vector.len() as u32).to_le_bytes());
    out
}

/// The number of components, and the bytes behind it, which must be what that number needs.
fn open(bytes: &[u8], per_component: usize, more: usize) -> Result<&[u8], String> {
    let (count, rest) =
        bytes.split_first_chunk::<COUNT>().ok_or("it ends before its number of components")?;
    let count = u32::from_le_bytes(*count) as usize;
    let needed = count.checked_mul(per_component).and_then(|needed| needed.checked_add(more));
    if needed == Some(rest.len()) {
        return Ok(rest);
    }
    Err(format!("{} bytes for {count} components of {per_component}", rest.len()))
}

fn finite(vector: Vec<f32>) -> Result<Vec<f32>, String> {
    match vector.iter().position(|component| !component.is_finite()) {
        Some(position) => Err(format!("component {position} is not finite")),
        None => Ok(vector),
    }
}

fn wide(vector: &[f32]) -> Vec<u8> {
    let mut bytes = begin(vector, vector.len() * 4);
    bytes.extend(vector.iter().flat_map(|component| component.to_le_bytes()));
    bytes
}

fn of_wide(bytes: &[u8]) -> Result<Vec<f32>, String> {
    let (components, _) = open(bytes, 4, 0)?.as_chunks::<4>();
    finite(components.iter().map(|bytes| f32::from_le_bytes(*bytes)).collect())
}

fn half(vector: &[f32]) -> Vec<u8> {
    let mut bytes = begin(vector, vector.len() * 2);
    bytes.extend(vector.iter().flat_map(|component| f16::from_f32(*component).to_le_bytes()));
    bytes
}

fn of_half(bytes: &[u8]) -> Result<Vec<f32>, String> {
    let (components, _) = open(bytes, 2, 0)?.as_chunks::<2>();
    finite(components.iter().map(|bytes| f16::from_le_bytes(*bytes).to_f32()).collect())
}

fn scaled(vector: &[f32]) -> Vec<u8> {
    let scale = scale_of(vector);
    let mut bytes = begin(vector, 4 + vector.len());
    bytes.extend_from_slice(&scale.to_le_bytes());
    let steps = |component: &f32| if scale > 0.0 { (component / scale).round() as i8 } else { 0 };
    bytes.extend(vector.iter().map(|component| steps(component).to_le_bytes()[0]));
    bytes
}

/// What one step of the 127 on either side of zero stands for. The scale of what 127 steps
/// give is that scale again, to the last bit: it is divided here, and not multiplied by a 127th, which would drift.
fn scale_of(vector: &[f32]) -> f32 {
    let most = vector.iter().fold(0.0_f32, |most, component| most.max(component.abs()));
    let scale = most / 127.0;
    // Below that, numbers have fewer digits: such a vector is as good as zero.
    if scale.is_normal() { scale } else { 0.0 }
}

fn of_scaled(bytes: &[u8]) -> Result<Vec<f32>, String> {
    let rest = open(bytes, 1, 4)?;
    let (scale, steps) = rest.split_first_chunk::<4>().ok_or("it ends before its scale")?;
    let scale = f32::from_le_bytes(*scale);
    finite(steps.iter().map(|step| f32::from(i8::from_le_bytes([*step])) * scale).collect())
}

#[cfg(test)]
mod tests;
