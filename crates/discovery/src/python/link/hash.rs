//! A cheap hash for the linker's maps, whose keys are small numbers and short names that are thrown away
//! after one link.

use std::hash::{BuildHasherDefault, Hasher};

/// For `HashMap<K, V, Fast>`.
pub(in crate::python) type Fast = BuildHasherDefault<Mix>;

/// Multiplies and folds, eight bytes at a time.
#[derive(Default)]
pub(in crate::python) struct Mix(u64);

const FACTOR: u64 = 0x9e37_79b9_7f4a_7c15;

impl Mix {
    #[inline]
    fn add(&mut self, word: u64) {
        let wide = u128::from(self.0 ^ word ^ 0x5851_f42d_4c95_7f2d) * u128::from(FACTOR);
        self.0 = (wide as u64) ^ ((wide >> 64) as u64);
    }
}

impl Hasher for Mix {
    fn write(&mut self, bytes: &[u8]) {
        let mut chunks = bytes.chunks_exact(8);
        for chunk in &mut chunks {
            self.add(chunk.try_into().map_or(0, u64::from_le_bytes));
        }
        let mut word = [0; 8];
        for (to, from) in word.iter_mut().zip(chunks.remainder()) {
            *to = *from;
        }
        self.add(u64::from_le_bytes(word));
    }

    fn write_u8(&mut self, word: u8) {
        self.add(u64::from(word));
    }

    fn write_u32(&mut self, word: u32) {
        self.add(u64::from(word));
    }

    fn write_u64(&mut self, word: u64) {
        self.add(word);
    }

    fn write_usize(&mut self, word: usize) {
        self.add(word as u64);
    }

    fn finish(&self) -> u64 {
        self.0
    }
}
