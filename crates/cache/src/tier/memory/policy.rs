//! Which entry goes.
//!
//! Two queues in the order of arrival, as in S3-FIFO (Yang et al., SOSP 2023): newcomers wait in a *small* one,
//! and go from its end into the *main* one if they were used meanwhile, out if not. At the end of the main queue an
//! entry that was used goes round again, one turn for each use up to three. A key that comes back soon after
//! its eviction has a *ghost*, and may enter the main queue at once. That alone keeps what is read once from
//! driving out what is read often. Three things are added, each of which costs nothing on a hit:
//!
//! * **Who comes back must be better than who is there**, the idea of LIRS (Jiang and Zhang, SIGMETRICS 2002): its
//!   two last uses must lie closer together than the last use of the main queue's oldest entry and now. Otherwise
//!   a loop a little larger than the cache makes every entry drive out the one that is needed next, and nothing
//!   is ever found. Time is counted in insertions, so that a hit only copies the present time into its node.
//! * **The small queue's share adapts** to what the ghosts tell, as in ARC (Megiddo and Modha, FAST 2003): it grows
//!   when the small queue gave up too soon something that deserves the main one, and shrinks when the main queue
//!   did, or when who came back was not better.
//! * **The main queue grows stale** when nothing of it has been used for long and nobody comes back in time to
//!   be known: its oldest then makes room for the newcomer at the end of the small queue. So a loop too long
//!   to be remembered still finds a part of itself, whatever came before it.

use super::{
    ghosts::{Ghosts, Met},
    nodes::{List, Queue},
    table::Table,
};

/// The whole, of which shares are parts.
const WHOLE: u64 = 1 << 32;
/// The small queue's share, to begin with: 3 %.
const FIRST_SHARE: u64 = WHOLE * 3 / 100;
/// What the share stays between.
const SHARES: std::ops::RangeInclusive<u64> = WHOLE / 100..=WHOLE * 9 / 10;
/// The main queue is stale when its oldest has been unused for so many times the number of entries.
const STALE: usize = 20;
/// Entries of the main queue that are looked at to find one that was not used: bounds the work of an insertion.
const LOOKS: usize = 64;

/// Which entries a full cache gives up.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Eviction {
    /// Those that are likely not to be wanted soon, as uses so far tell. See `docs/eviction.md`.
    #[default]
    Adaptive,
    /// The least recently used, exactly: for callers who count on the last ones being there. It finds less than
    /// [`Adaptive`](Self::Adaptive) on most accesses, and each hit takes a lock for itself.
    Lru,
}

/// The queues and what has been learnt.
#[derive(Debug)]
pub(super) struct Policy {
    small: List,
    main: List,
    ghosts: Ghosts,
    /// Insertions of new entries, which is what time is counted in. Wraps; only differences count.
    now: u32,
    /// How many entries fit: those there were when one last had to go. More than there can be until then.
    room: usize,
    /// The most weight there may be.
    most_weight: u64,
    share: u64,
    eviction: Eviction,
}

impl Policy {
    pub(super) fn new(most_weight: u64, eviction: Eviction) -> Self {
        Self {
            eviction,
            small: List::new(),
            main: List::new(),
            ghosts: Ghosts::default(),
            now: 0,
            room: usize::MAX,
            most_weight,
            share: FIRST_SHARE,
        }
    }

    /// What it was made to choose by.
    pub(super) fn eviction(&self) -> Eviction {
        self.eviction
    }

    /// What time it is.
    #[inline]
    pub(super) fn now(&self) -> u32 {
        self.now
    }

    /// So many entries are there, and one has to go.
    pub(super) fn filled(&mut self, entries: usize) {
        self.room = entries.max(1);
    }

    /// A new entry comes: what time it is, and where it is to go. Call before anything is evicted for it.
    pub(super) fn arrive<T>(&mut self, table: &mut Table<T>, hash: u64, full: bool) -> (u32, Queue) {
        self.now = self.now.wrapping_add(1);
        if self.eviction == Eviction::Lru {
            return (self.now, Queue::Main);
        }
        let mut queue = if self.main_has_room() && !full { Queue::Main } else { Queue::Small };
        if let Some(met) = self.ghosts.meet(hash) {
            let better = !full || self.is_better(table, met.used);
            if full {
                self.learn(&met, better);
            }
            if better {
                queue = Queue::Main;
            }
        }
        (self.now, queue)
    }

    /// Puts an entry at the young end of a queue.
    pub(super) fn enter<T>(&mut self, table: &mut Table<T>, number: u32, queue: Queue) {
        table.nodes.node_mut(number).queue = queue;
        self.list(queue).push(&mut table.nodes, number);
    }

    /// Moves an entry to the young end of its queue, which is the order of last uses where that decides.
    pub(super) fn use_now<T>(&mut self, table: &mut Table<T>, number: u32) {
        let queue = table.nodes.node(number).queue;
        self.leave(table, number);
        self.enter(table, number, queue);
    }

    /// Takes an entry out of its queue, for whatever reason but eviction.
    pub(super) fn leave<T>(&mut self, table: &mut Table<T>, number: u32) {
        let queue = table.nodes.node(number).queue;
        self.list(queue).remove(&mut table.nodes, number);
    }

    /// Chooses who goes, takes it out of its queue and remembers its ghost. Nothing if there is nobody.
    pub(super) fn evict<T>(&mut self, table: &mut Table<T>) -> Option<u32> {
        if self.eviction == Eviction::Lru {
            let number = self.main.oldest()?;
            self.leave(table, number);
            return Some(number);
        }
        loop {
            let small = self.small.oldest().filter(|_| self.small_is_full() || self.main.len() == 0);
            let Some(number) = small else {
                let (number, used) = self.oldest_of_main(table)?;
                return Some(self.give_up(table, number, used));
            };
            let marks = table.marks(number);
            if marks.turns > 0 || self.main_has_room() {
                self.promote(table, number);
            } else if let Some((stale, used)) = self.stale(table) {
                self.promote(table, number);
                return Some(self.give_up(table, stale, used));
            } else {
                return Some(self.give_up(table, number, marks.used));
            }
        }
    }

    #[cfg(test)]
    pub(super) fn check(&self, entries: usize) {
        assert_eq!(self.small.len() + self.main.len(), entries);
        assert!(self.ghosts.is_sound());
    }

    #[cfg(test)]
    pub(super) fn ghosts(&self) -> usize {
        self.ghosts.len()
    }

    fn give_up<T>(&mut self, table: &mut Table<T>, number: u32, used: u32) -> u32 {
        self.leave(table, number);
        let node = table.nodes.node(number);
        // Half as many again as there are entries: more would know more of loops, but trust too old a past.
        self.ghosts.add(node.hash, used, node.queue, self.room.saturating_add(self.room / 2));
        number
    }

    fn promote<T>(&mut self, table: &mut Table<T>, number: u32) {
        self.leave(table, number);
        table.set_turns(number, 0);
        self.enter(table, number, Queue::Main);
    }

    /// The main queue's oldest that was not used, and its last use; those before it get their turn. After some
    /// [`LOOKS`], whoever comes next.
    fn oldest_of_main<T>(&mut self, table: &mut Table<T>) -> Option<(u32, u32)> {
        for _ in 0..LOOKS {
            let number = self.main.oldest()?;
            let marks = table.marks(number);
            if marks.turns == 0 {
                return Some((number, marks.used));
            }
            table.set_turns(number, marks.turns - 1);
            self.main.remove(&mut table.nodes, number);
            self.main.push(&mut table.nodes, number);
        }
        self.main.oldest().map(|number| (number, table.marks(number).used))
    }

    /// For how long the main queue's oldest was not used.
    fn idle<T>(&mut self, table: &mut Table<T>) -> Option<u32> {
        let (_, used) = self.oldest_of_main(table)?;
        Some(self.now.wrapping_sub(used))
    }

    fn stale<T>(&mut self, table: &mut Table<T>) -> Option<(u32, u32)> {
        let (number, used) = self.oldest_of_main(table)?;
        let idle = self.now.wrapping_sub(used);
        (idle as usize > self.room.saturating_mul(STALE)).then_some((number, used))
    }

    /// Whether what was last used then, and is wanted now, deserves its place more than the main queue's oldest: by
    /// an eighth, since in a loop all are alike.
    fn is_better<T>(&mut self, table: &mut Table<T>, used: u32) -> bool {
        let between = u64::from(self.now.wrapping_sub(used));
        self.idle(table).is_none_or(|idle| u64::from(idle) > between + between / 8)
    }

    /// Moves the border between the queues: a quarter of an entry for a ghost, more if its kind is rare.
    fn learn(&mut self, met: &Met, better: bool) {
        let entry = WHOLE / self.room as u64;
        let (small, main) = (met.small.max(1) as u64, met.main.max(1) as u64);
        let near = met.since <= self.room / 2;
        let share = match (met.from, better) {
            (Queue::Small, true) if near => self.share.saturating_add(entry / 4 * (main / small).max(1)),
            (Queue::Main, _) if near => self.share.saturating_sub(entry / 4 * (small / main).max(1)),
            (Queue::Small, false) => self.share.saturating_sub(entry / 8),
            _ => self.share,
        };
        self.share = share.clamp(*SHARES.start(), *SHARES.end());
    }

    /// Whether the small queue has its share, of entries or of weight: a heavy newcomer that nobody asks for again
    /// must not take for long the room of many.
    fn small_is_full(&self) -> bool {
        self.small.len() >= self.small_target()
            || u128::from(self.small.weight()) * u128::from(WHOLE)
                > u128::from(self.share) * u128::from(self.most_weight)
    }

    /// How many entries the small queue is to have.
    fn small_target(&self) -> usize {
        ((u128::from(self.share) * self.room as u128 / u128::from(WHOLE)) as usize).max(1)
    }

    fn main_has_room(&self) -> bool {
        self.main.len().saturating_add(self.small_target()) < self.room
    }

    fn list(&mut self, queue: Queue) -> &mut List {
        match queue {
            Queue::Small => &mut self.small,
            Queue::Main => &mut self.main,
        }
    }
}
