//! Whether LMDB may walk a database without leaving it.
//!
//! LMDB follows page numbers, offsets and lengths as it finds them; 13 of 3,000 flipped bits, most of them
//! aimed at the heads of pages, killed the process that opened the file. This walks every page before LMDB
//! does and believes nothing: each page is reached once, each node lies inside its page and in order, no
//! page is both used and free. Rows themselves are not read.

use super::header::{self, Newest, Tree};

const BRANCH: u16 = 1;
const LEAF: u16 = 2;
const OVERFLOW: u16 = 4;
/// Bytes before the pointers of a page and before the key of a node.
const HEAD: usize = 16;
const NODE: usize = 8;
/// Flag of a node whose row is on pages of its own.
const BIG: u16 = 1;

/// Walks the newest state of a whole file. The error says what is wrong.
pub(super) fn check(file: &[u8]) -> Result<(), &'static str> {
    if file.is_empty() {
        return Ok(());
    }
    let newest = header::newest(file).ok_or("its headers do not belong together")?;
    let pages = usize::try_from(newest.last_page).ok().and_then(|last| last.checked_add(1));
    let pages = pages.ok_or("it claims too many pages")?;
    if pages.checked_mul(newest.page_size).is_none_or(|length| length > file.len()) {
        return Err("it is shorter than it claims");
    }
    let mut walk = Walk { file, newest, seen: vec![false; pages] };
    walk.claim(0, 2)?;
    let (free, rows) = (walk.newest.free, walk.newest.rows);
    walk.tree(&rows, false)?;
    walk.tree(&free, true)
}

struct Walk<'a> {
    file: &'a [u8],
    newest: Newest,
    /// Pages that something uses.
    seen: Vec<bool>,
}

/// What was counted in a tree, to be compared with its description.
#[derive(Default)]
struct Counted<'a> {
    branches: u64,
    leaves: u64,
    overflow: u64,
    entries: u64,
    /// The key that was seen last.
    last: Option<&'a [u8]>,
    /// Lists of free pages: they are judged when all that is used is known.
    lists: Vec<&'a [u8]>,
}

impl<'a> Walk<'a> {
    fn tree(&mut self, tree: &Tree, is_free: bool) -> Result<(), &'static str> {
        let mut counted = Counted::default();
        if tree.root != header::NOTHING {
            self.page(tree.root, tree.depth, is_free, &mut counted)?;
        } else if tree.depth != 0 {
            return Err("an empty tree has depth");
        }
        let found = (counted.branches, counted.leaves, counted.overflow, counted.entries);
        if found != (tree.branches, tree.leaves, tree.overflow, tree.entries) {
            return Err("its counts are wrong");
        }
        counted.lists.iter().try_for_each(|list| self.free_list(list))
    }

    /// Marks pages as used.
    fn claim(&mut self, first: u64, count: u64) -> Result<(), &'static str> {
        let first = usize::try_from(first).map_err(|_| "a page lies outside")?;
        let end = usize::try_from(count).ok().and_then(|count| first.checked_add(count));
        let pages = end.and_then(|end| self.seen.get_mut(first..end)).ok_or("a page lies outside")?;
        if pages.iter().any(|&seen| seen) {
            return Err("a page is used twice");
        }
        pages.fill(true);
        Ok(())
    }

    fn bytes(&self, page: u64) -> Result<&'a [u8], &'static str> {
        let size = self.newest.page_size;
        let begin = usize::try_from(page).ok().and_then(|page| page.checked_mul(size));
        let bytes = begin.and_then(|begin| self.file.get(begin..)?.get(..size));
        let bytes = bytes.ok_or("a page lies outside")?;
        if header::word(bytes, 0) == Some(page) { Ok(bytes) } else { Err("a page has another's number") }
    }

    /// Checks a page and all below it; `levels` is how many are left, this one included.
    fn page(
        &mut self,
        number: u64,
        levels: u16,
        is_free: bool,
        counted: &mut Counted<'a>,
    ) -> Result<(), &'static str> {
        self.claim(number, 1)?;
        let page = self.bytes(number)?;
        let [flags, lower, upper] = [10, 12, 14].map(|at| header::half(page, at).unwrap_or(0));
        let is_leaf = levels == 1;
        if levels == 0 || flags != if is_leaf { LEAF } else { BRANCH } {
            return Err("a page is of another kind");
        }
        let (lower, upper) = (usize::from(lower), usize::from(upper));
        if lower < HEAD || lower % 2 != 0 || lower > upper || upper > page.len() {
            return Err("a page's bounds are wrong");
        }
        if is_leaf {
            counted.leaves += 1;
        } else {
            counted.branches += 1;
        }
        let mut used = 0;
        for slot in (HEAD..lower).step_by(2) {
            let at = usize::from(header::half(page, slot).unwrap_or(0));
            if at < upper || at % 2 != 0 {
                return Err("a node lies outside of its page");
            }
            let node = page.get(at..).ok_or("a node lies outside of its page")?;
            let size = if is_leaf {
                self.leaf(node, is_free, counted)?
            } else {
                let (child, size) = branch(node)?;
                self.page(child, levels - 1, is_free, counted)?;
                size
            };
            used += size.next_multiple_of(2);
        }
        if used != page.len() - upper || (lower == HEAD && number != self.newest.rows.root) {
            return Err("a page's nodes do not fill it");
        }
        Ok(())
    }

    /// Checks a leaf's node. Returns how many bytes it has in its page.
    fn leaf(
        &mut self,
        node: &'a [u8],
        is_free: bool,
        counted: &mut Counted<'a>,
    ) -> Result<usize, &'static str> {
        const OUTSIDE: &str = "a node lies outside of its page";
        let fields = [0, 2, 4, 6].map(|at| header::half(node, at));
        let [Some(low), Some(high), Some(flags), Some(key)] = fields else { return Err(OUTSIDE) };
        let length = usize::from(low) | usize::from(high) << 16;
        let (key, rest) =
            node.get(NODE..).and_then(|rest| rest.split_at_checked(key.into())).ok_or(OUTSIDE)?;
        self.key(key, is_free, counted)?;
        let (data, size) = match flags {
            0 => (rest.get(..length).ok_or(OUTSIDE)?, length),
            BIG => {
                let first = header::word(rest, 0).ok_or(OUTSIDE)?;
                (self.overflow(first, length, counted)?, 8)
            }
            _ => return Err("a node is of another kind"),
        };
        if is_free {
            counted.lists.push(data);
        }
        counted.entries += 1;
        Ok(NODE + key.len() + size)
    }

    fn key(&self, key: &'a [u8], is_free: bool, counted: &mut Counted<'a>) -> Result<(), &'static str> {
        let in_order = if is_free {
            let number = |key: &[u8]| header::word(key, 0).filter(|_| key.len() == 8);
            let known = number(key).is_some_and(|transaction| transaction <= self.newest.transaction);
            known && counted.last.is_none_or(|last| number(last) < number(key))
        } else {
            (key.len() == 16 || key.len() == 1) && counted.last.is_none_or(|last| last < key)
        };
        counted.last = Some(key);
        if in_order { Ok(()) } else { Err("a key is not in its place") }
    }

    /// Checks the pages of a row that does not fit into a leaf.
    fn overflow(
        &mut self,
        first: u64,
        length: usize,
        counted: &mut Counted<'a>,
    ) -> Result<&'a [u8], &'static str> {
        let page = self.bytes(first)?;
        let pages = (HEAD + length).div_ceil(self.newest.page_size) as u64;
        let claimed =
            page.get(12..).and_then(|rest| rest.first_chunk()).map(|four| u32::from_ne_bytes(*four));
        if header::half(page, 10) != Some(OVERFLOW) || claimed.map(u64::from) != Some(pages) {
            return Err("a large row's pages are wrong");
        }
        self.claim(first, pages)?;
        counted.overflow += pages;
        let begin = usize::try_from(first).unwrap_or(usize::MAX).saturating_mul(self.newest.page_size) + HEAD;
        self.file.get(begin..).and_then(|rest| rest.get(..length)).ok_or("a page lies outside")
    }

    /// Checks a list of free pages: how many, then their numbers, falling.
    fn free_list(&mut self, list: &[u8]) -> Result<(), &'static str> {
        const WRONG: &str = "its list of free pages is wrong";
        let count = header::word(list, 0).and_then(|count| usize::try_from(count).ok()).ok_or(WRONG)?;
        if count.checked_add(1).and_then(|words| words.checked_mul(8)).is_none_or(|size| size > list.len()) {
            return Err(WRONG);
        }
        let mut before = u64::MAX;
        for at in 1..=count {
            let page = header::word(list, at * 8).filter(|&page| page < before).ok_or(WRONG)?;
            self.claim(page, 1)?;
            before = page;
        }
        Ok(())
    }
}

/// Checks a branch's node. Returns the page below it and how many bytes it has in its page.
fn branch(node: &[u8]) -> Result<(u64, usize), &'static str> {
    let fields = [0, 2, 4, 6].map(|at| header::half(node, at));
    let [Some(low), Some(high), Some(higher), Some(key)] = fields else {
        return Err("a node lies outside of its page");
    };
    let size = NODE + usize::from(key);
    if size > node.len() {
        return Err("a node lies outside of its page");
    }
    Ok((u64::from(low) | u64::from(high) << 16 | u64::from(higher) << 32, size))
}
