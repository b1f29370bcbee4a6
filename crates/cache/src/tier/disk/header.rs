//! What a database file says of itself, read before it is mapped.
//!
//! A read through a map past the end of its file is a signal that kills the process, and LMDB believes its
//! meta pages. So a file that is shorter than they claim, or whose claims make no sense, is never mapped.

use std::{fs::File, os::unix::fs::FileExt};

const MAGIC: u32 = 0xBEEF_C0DE;
const VERSION: u32 = 1;
/// Flag of a meta page.
const META: u16 = 0x08;
/// Bytes of a meta page that are used.
const USED: usize = 152;
/// Root of an empty tree.
pub(super) const NOTHING: u64 = u64::MAX;
/// Flags of a tree with integers for keys, and of a file that was opened by its own name.
const INTEGER_KEYS: u16 = 0x08;
const FILE_ALONE: u16 = 0x4000;
/// Deeper than any tree that fits a disk.
const DEEPEST: u16 = 32;
/// A map larger than this was not asked for by us.
const LARGEST_MAP: u64 = 1 << 46;

/// Every map is a multiple of the largest page of any machine.
pub(super) const MAP_STEP: u64 = 1 << 16;

/// What a sound header says.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(super) struct Header {
    /// Size of the map that the last writer used; 0 for a file that has still to be made.
    pub(super) map_size: u64,
    /// How long the file has to be.
    pub(super) claimed: u64,
}

/// Reads and judges the header of an open file. The error says what is wrong with it.
pub(super) fn check(file: &File, length: u64) -> Result<Header, String> {
    if length == 0 {
        return Ok(Header::default());
    }
    let first = Meta::read(file, 0)?;
    let second = Meta::read(file, u64::from(first.page_size))?;
    if first.page_size != second.page_size {
        return Err("its two headers differ in page size".to_owned());
    }
    let newer = if second.transaction > first.transaction { &second } else { &first };
    let pages = first.last_page.max(second.last_page).saturating_add(1);
    let claimed = pages.saturating_mul(u64::from(first.page_size));
    if length < claimed {
        return Err(format!("it has {length} bytes and claims to have {claimed}"));
    }
    // Ours are powers of two.
    if newer.map_size > LARGEST_MAP || newer.map_size % MAP_STEP != 0 {
        return Err(format!("it claims a map of {} bytes", newer.map_size));
    }
    Ok(Header { map_size: newer.map_size, claimed })
}

/// A tree as a header describes it.
#[derive(Debug, Clone, Copy)]
pub(super) struct Tree {
    flags: u16,
    pub(super) depth: u16,
    pub(super) branches: u64,
    pub(super) leaves: u64,
    pub(super) overflow: u64,
    pub(super) entries: u64,
    pub(super) root: u64,
}

/// The state that LMDB starts from.
#[derive(Debug, Clone, Copy)]
pub(super) struct Newest {
    pub(super) page_size: usize,
    pub(super) last_page: u64,
    pub(super) transaction: u64,
    pub(super) free: Tree,
    pub(super) rows: Tree,
}

/// The newer of the two headers of a whole file; `None` if they cannot be LMDB's and ours.
pub(super) fn newest(file: &[u8]) -> Option<Newest> {
    let page_size = usize::try_from(u32::from_ne_bytes(*file.get(40..)?.first_chunk()?)).ok()?;
    let second = file.get(page_size..)?;
    // As LMDB chooses: the first, unless the second is newer.
    let (slot, page) = if word(second, 144)? > word(file, 144)? { (1, second) } else { (0, file) };
    let tree = |at: usize| {
        let [branches, leaves, overflow, entries, root] =
            [8, 16, 24, 32, 40].map(|field| word(page, at + field));
        Some(Tree {
            flags: half(page, at + 4)?,
            depth: half(page, at + 6)?,
            branches: branches?,
            leaves: leaves?,
            overflow: overflow?,
            entries: entries?,
            root: root?,
        })
    };
    let (free, rows) = (tree(40)?, tree(88)?);
    let transaction = word(page, 144)?;
    // Integer keys for the free pages, whose flags also keep how the file was opened; none for the rows.
    let ours = free.flags & !FILE_ALONE == INTEGER_KEYS && rows.flags == 0;
    let fits = ours && transaction & 1 == slot && transaction < 1 << 62;
    fits.then_some(Newest { page_size, last_page: word(page, 136)?, transaction, free, rows })
}

/// A number of eight bytes.
pub(super) fn word(bytes: &[u8], at: usize) -> Option<u64> {
    bytes.get(at..)?.first_chunk().map(|eight| u64::from_ne_bytes(*eight))
}

/// A number of two bytes.
pub(super) fn half(bytes: &[u8], at: usize) -> Option<u16> {
    bytes.get(at..)?.first_chunk().map(|two| u16::from_ne_bytes(*two))
}

struct Meta {
    page_size: u32,
    map_size: u64,
    last_page: u64,
    transaction: u64,
}

impl Meta {
    fn read(file: &File, at: u64) -> Result<Self, String> {
        let mut page = [0; USED];
        file.read_exact_at(&mut page, at).map_err(|error| format!("its header cannot be read: {error}"))?;
        let flags = u16::from_ne_bytes(bytes(&page, 10));
        let [magic, version, page_size] = [16, 20, 40].map(|at| u32::from_ne_bytes(bytes(&page, at)));
        if flags != META || magic != MAGIC {
            return Err("it is no LMDB file of this machine".to_owned());
        }
        if version != VERSION {
            return Err(format!("it has LMDB's format {version}, and this is {VERSION}"));
        }
        if !(512..=65_536).contains(&page_size) || !page_size.is_power_of_two() {
            return Err(format!("it claims pages of {page_size} bytes"));
        }
        let word = |at| u64::from_ne_bytes(bytes(&page, at));
        let meta = Self { page_size, map_size: word(32), last_page: word(136), transaction: word(144) };
        // The trees of free pages and of rows.
        for at in [40, 88] {
            let (depth, root) = (u16::from_ne_bytes(bytes(&page, at + 6)), word(at + 40));
            if depth > DEEPEST || (root != NOTHING && !(2..=meta.last_page).contains(&root)) {
                return Err("its header points outside of it".to_owned());
            }
        }
        Ok(meta)
    }
}

fn bytes<const N: usize>(page: &[u8; USED], at: usize) -> [u8; N] {
    page.get(at..).and_then(|rest| rest.first_chunk()).copied().unwrap_or([0; N])
}
