//! Tables of rows of fixed size, in blocks with a checksum each.

use std::{
    borrow::Cow,
    collections::{BTreeMap, btree_map::Entry},
    marker::PhantomData,
};

use xxhash_rust::xxh3::xxh3_64_with_seed;
use zerocopy::{FromBytes, Immutable, IntoBytes, KnownLayout, Unaligned};

use super::format::Section;

/// Rows in a block. A random access checks one block: 64 rows keep that below a microsecond, and the
/// checksums below 1 % of the size.
const ROWS: usize = 64;
const SUM: usize = size_of::<u64>();

/// What a row must be.
pub(super) trait Row:
    FromBytes + IntoBytes + Immutable + KnownLayout + Unaligned + Copy + 'static
{
}
impl<T: FromBytes + IntoBytes + Immutable + KnownLayout + Unaligned + Copy + 'static> Row for T {}

/// A table within the bytes of an index.
#[derive(Debug, Clone, Copy)]
pub(super) struct Table<'a, T> {
    bytes: &'a [u8],
    count: usize,
    seed: u64,
    row: PhantomData<T>,
}

impl<'a, T: Row> Table<'a, T> {
    /// The table of a section; `None` if the section does not lie in the file or its length does not fit
    /// its count.
    pub(super) fn new(file: &'a [u8], section: &Section, seed: u64) -> Option<Self> {
        let bytes = slice(file, section)?;
        let count = usize::try_from(section.count.get()).ok()?;
        (bytes.len() == encoded_size::<T>(count)?).then_some(Self { bytes, count, seed, row: PhantomData })
    }

    pub(super) fn len(&self) -> usize {
        self.count
    }

    /// A row, its block checked.
    pub(super) fn get(&self, at: usize) -> Option<T> {
        self.block(at / ROWS)?.get(at % ROWS).copied()
    }

    /// A row of a table that [`verify`](Self::verify) has found whole.
    pub(super) fn get_unchecked_sum(&self, at: usize) -> Option<T> {
        if at >= self.count {
            return None;
        }
        let start = (at / ROWS) * block_size::<T>() + (at % ROWS) * size_of::<T>();
        T::read_from_bytes(self.bytes.get(start..start + size_of::<T>())?).ok()
    }

    /// Whether every block has the checksum it should have.
    pub(super) fn verify(&self) -> bool {
        (0..self.count.div_ceil(ROWS)).all(|block| self.block(block).is_some())
    }

    /// The rows of one block, checked.
    pub(super) fn block(&self, block: usize) -> Option<&'a [T]> {
        let rows = self.count.checked_sub(block.checked_mul(ROWS)?)?.min(ROWS);
        let start = block.checked_mul(block_size::<T>())?;
        let length = rows * size_of::<T>();
        let body = self.bytes.get(start..start + length)?;
        let sum = self.bytes.get(start + length..start + length + SUM)?;
        if sum != xxh3_64_with_seed(body, self.seed ^ block as u64).to_le_bytes() {
            return None;
        }
        <[T]>::ref_from_bytes(body).ok()
    }

    /// All rows in order; an `Err` is a damaged block.
    pub(super) fn iter(&self) -> impl Iterator<Item = Result<&'a T, Damaged>> + use<'a, T> {
        let table = *self;
        (0..self.count.div_ceil(ROWS)).flat_map(move |block| {
            let rows = table.block(block);
            let damaged = rows.is_none().then_some(Err(Damaged));
            rows.unwrap_or_default().iter().map(Ok).chain(damaged)
        })
    }

    /// Position of the first row whose `key`, ascending over the table, is not below `wanted`.
    pub(super) fn lower_bound(&self, wanted: u64, key: impl Fn(&T) -> u64) -> Result<usize, Damaged> {
        let blocks = self.count.div_ceil(ROWS);
        let (mut low, mut high) = (0, blocks);
        // Hashes are uniform: the first guess is nearly right, and halving bounds the rest.
        let mut guess = ((u128::from(wanted) * blocks as u128) >> 64) as usize;
        while low < high {
            let middle = if (low..high).contains(&guess) { guess } else { usize::midpoint(low, high) };
            let rows = self.block(middle).ok_or(Damaged)?;
            let last = rows.last().map_or(0, &key);
            if last < wanted {
                low = middle + 1;
                guess = if guess == middle { middle + 1 } else { usize::MAX };
            } else if rows.first().map_or(0, &key) < wanted {
                return Ok(middle * ROWS + rows.partition_point(|row| key(row) < wanted));
            } else {
                high = middle;
                guess = if guess == middle && middle > 0 { middle - 1 } else { usize::MAX };
            }
        }
        Ok((low * ROWS).min(self.count))
    }
}

/// A block whose checksum is wrong.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Damaged;

/// Rows as they are written.
pub(super) fn encode<T: Row>(rows: &[T], seed: u64) -> Vec<u8> {
    let mut bytes = Vec::with_capacity(encoded_size::<T>(rows.len()).unwrap_or(0));
    for (block, rows) in rows.chunks(ROWS).enumerate() {
        let body = rows.as_bytes();
        bytes.extend_from_slice(body);
        bytes.extend_from_slice(&xxh3_64_with_seed(body, seed ^ block as u64).to_le_bytes());
    }
    bytes
}

/// The rows of a table that is to be written: all new, or those of an older table but for some.
#[derive(Debug)]
pub(super) enum Rows<'a, T> {
    New(Vec<T>),
    Changed(Table<'a, T>, BTreeMap<usize, T>),
}

impl<'a, T: Row> Rows<'a, T> {
    pub(super) fn len(&self) -> usize {
        match self {
            Self::New(rows) => rows.len(),
            Self::Changed(table, _) => table.len(),
        }
    }

    /// A row, to be changed.
    pub(super) fn get_mut(&mut self, at: usize) -> Option<&mut T> {
        match self {
            Self::New(rows) => rows.get_mut(at),
            Self::Changed(table, changes) => match changes.entry(at) {
                Entry::Occupied(entry) => Some(entry.into_mut()),
                Entry::Vacant(entry) => Some(entry.insert(table.get(at)?)),
            },
        }
    }

    /// The encoded table in pieces: blocks without a change are those of the older table.
    pub(super) fn encode(&self, seed: u64) -> Vec<Cow<'a, [u8]>> {
        match self {
            Self::New(rows) => vec![Cow::Owned(encode(rows, seed))],
            Self::Changed(table, _) if table.seed != seed => vec![Cow::Owned(encode(&self.to_vec(), seed))],
            Self::Changed(table, changes) => table.encode_changed(changes),
        }
    }

    pub(super) fn to_vec(&self) -> Vec<T> {
        match self {
            Self::New(rows) => rows.clone(),
            Self::Changed(table, changes) => {
                let mut rows: Vec<T> = table.iter().flatten().copied().collect();
                for (at, row) in changes {
                    if let Some(slot) = rows.get_mut(*at) {
                        *slot = *row;
                    }
                }
                rows
            }
        }
    }
}

impl<'a, T: Row> Table<'a, T> {
    fn encode_changed(&self, changes: &BTreeMap<usize, T>) -> Vec<Cow<'a, [u8]>> {
        let mut pieces = Vec::new();
        let mut copied = 0;
        let mut changes = changes.iter().peekable();
        while let Some(block) = changes.peek().map(|(at, _)| *at / ROWS) {
            let Some(rows) = self.block(block) else { break };
            let mut rows = rows.to_vec();
            while let Some((at, row)) = changes.next_if(|(at, _)| *at / ROWS == block) {
                if let Some(slot) = rows.get_mut(at % ROWS) {
                    *slot = *row;
                }
            }
            let start = block * block_size::<T>();
            pieces.push(Cow::Borrowed(self.bytes.get(copied..start).unwrap_or_default()));
            let body = rows.as_bytes();
            let sum = xxh3_64_with_seed(body, self.seed ^ block as u64).to_le_bytes();
            pieces.push(Cow::Owned([body, &sum].concat()));
            copied = start + body.len() + SUM;
        }
        pieces.push(Cow::Borrowed(self.bytes.get(copied..).unwrap_or_default()));
        pieces
    }
}

/// The bytes of a section.
pub(super) fn slice<'a>(file: &'a [u8], section: &Section) -> Option<&'a [u8]> {
    let start = usize::try_from(section.offset.get()).ok()?;
    let length = usize::try_from(section.length.get()).ok()?;
    file.get(start..start.checked_add(length)?)
}

const fn block_size<T>() -> usize {
    ROWS * size_of::<T>() + SUM
}

fn encoded_size<T>(count: usize) -> Option<usize> {
    count.checked_mul(size_of::<T>())?.checked_add(count.div_ceil(ROWS).checked_mul(SUM)?)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use zerocopy::little_endian::U64;

    use super::*;

    fn section(bytes: &[u8], count: usize) -> Section {
        Section { offset: 0.into(), length: (bytes.len() as u64).into(), count: (count as u64).into() }
    }

    proptest! {
        #[test]
        fn lower_bound_is_that_of_a_sorted_list(mut keys in prop::collection::vec(any::<u64>(), 0..700), wanted: u64) {
            keys.sort_unstable();
            let rows: Vec<U64> = keys.iter().map(|key| U64::new(*key)).collect();
            let bytes = encode(&rows, 5);
            let table = Table::<U64>::new(&bytes, &section(&bytes, rows.len()), 5).unwrap();
            let probes = keys.iter().copied().chain([wanted, 0, u64::MAX]);
            for wanted in probes {
                let expected = keys.partition_point(|key| *key < wanted);
                prop_assert_eq!(table.lower_bound(wanted, |row| row.get()), Ok(expected));
            }
        }
    }

    #[test]
    fn changed_rows_encode_as_new_ones_would() {
        let old: Vec<U64> = (0..300_u64).map(U64::new).collect();
        let bytes = encode(&old, 5);
        let table = Table::<U64>::new(&bytes, &section(&bytes, old.len()), 5).unwrap();
        for changed in [vec![], vec![0], vec![63, 64], vec![299], vec![5, 6, 200, 299]] {
            let mut rows = Rows::Changed(table, BTreeMap::new());
            let mut expected = old.clone();
            for at in changed {
                *rows.get_mut(at).unwrap() = U64::new(7);
                expected[at] = U64::new(7);
            }
            assert_eq!(rows.encode(5).concat(), encode(&expected, 5));
            assert_eq!(rows.encode(6).concat(), encode(&expected, 6));
        }
    }

    #[test]
    fn every_flipped_bit_is_noticed() {
        let rows: Vec<U64> = (0..130_u64).map(U64::new).collect();
        let bytes = encode(&rows, 5);
        let section = section(&bytes, rows.len());
        assert!(Table::<U64>::new(&bytes, &section, 5).unwrap().verify());
        assert!(!Table::<U64>::new(&bytes, &section, 6).unwrap().verify());
        for bit in 0..bytes.len() * 8 {
            let mut flipped = bytes.clone();
            flipped[bit / 8] ^= 1 << (bit % 8);
            assert!(!Table::<U64>::new(&flipped, &section, 5).unwrap().verify(), "bit {bit}");
        }
    }
}
