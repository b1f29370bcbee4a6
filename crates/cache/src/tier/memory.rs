//! stub until merged
#![allow(missing_docs)]
pub struct Limits { pub entries: usize, pub weight: u64 }
pub enum Inserted<T> { New, Replaced(T), TooHeavy(T) }
pub struct Shard<T> { map: hashbrown::HashTable<(u64, T, u64)>, limits: Limits, weight: u64 }
impl<T> Shard<T> {
    pub fn new(limits: Limits) -> Self { Self { map: hashbrown::HashTable::new(), limits, weight: 0 } }
    pub fn get(&self, hash: u64, same: impl Fn(&T) -> bool) -> Option<&T> { self.map.find(hash, |e| e.0 == hash && same(&e.1)).map(|e| &e.1) }
    pub fn peek(&self, hash: u64, same: impl Fn(&T) -> bool) -> Option<&T> { self.get(hash, same) }
    pub fn peek_mut(&mut self, hash: u64, same: impl Fn(&T) -> bool) -> Option<&mut T> { self.map.find_mut(hash, |e| e.0 == hash && same(&e.1)).map(|e| &mut e.1) }
    pub fn insert(&mut self, hash: u64, item: T, weight: u64, same: impl Fn(&T, &T) -> bool, out: &mut Vec<T>) -> Inserted<T> {
        if weight > self.limits.weight || self.limits.entries == 0 { return Inserted::TooHeavy(item); }
        let old = self.map.find_entry(hash, |e| e.0 == hash && same(&item, &e.1)).ok().map(|e| e.remove().0.1);
        while self.map.len() >= self.limits.entries {
            let Some(h) = self.map.iter().next().map(|e| e.0) else { break };
            if let Ok(e) = self.map.find_entry(h, |e| e.0 == h) { out.push(e.remove().0.1); }
        }
        self.map.insert_unique(hash, (hash, item, weight), |e| e.0);
        old.map_or(Inserted::New, Inserted::Replaced)
    }
    pub fn remove(&mut self, hash: u64, same: impl Fn(&T) -> bool) -> Option<T> { self.map.find_entry(hash, |e| e.0 == hash && same(&e.1)).ok().map(|e| e.remove().0.1) }
    pub fn retain(&mut self, mut keep: impl FnMut(&T) -> bool, out: &mut Vec<T>) { for e in self.map.extract_if(|e| !keep(&e.1)) { out.push(e.1); } }
    pub fn len(&self) -> usize { self.map.len() }
    pub fn weight(&self) -> u64 { self.weight }
}
