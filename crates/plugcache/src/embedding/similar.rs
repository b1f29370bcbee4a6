//! Texts that mean nearly the same: the nearest vectors to one, by looking at all of them.
//!
//! All vectors stand one behind the other in memory, each scaled to length 1, so that their cosine to a query is one
//! product of all components with the query's, which a library computes with the processor's widest instructions. Nothing
//! is approximated, nothing has to be built first, and a vector is found as soon as it was added.
//!
//! What a query of 384 components takes, on one core of a server, and how long a plain loop would:
//!
//! | vectors | a query | plain loop | memory |
//! |---|---|---|---|
//! | 1,000 | 0.03 ms | 0.3 ms | 1.5 MB |
//! | 10,000 | 0.34 ms | 2.8 ms | 15 MB |
//! | 100,000 | 8.6 ms | 28 ms | 150 MB |
//! | 1,000,000 | 69 ms | 290 ms | 1.5 GB |
//!
//! To make the query's own vector takes a sentence model on a processor milliseconds. So up to some 100,000 vectors an
//! approximate index (a graph of neighbours, HNSW) saves less than that, and costs its building, its memory and the
//! neighbours that it misses; it begins to pay from there on, or where queries come as vectors and by the thousand.

use std::{cmp::Ordering, collections::BinaryHeap};

use simsimd::SpatialSimilarity;

/// Vectors to be searched, each with what the host knows it by. Takes 4 bytes a component, and the ids.
///
/// ```
/// use plugcache::embedding::Corpus;
///
/// # fn main() -> Result<(), plugcache::embedding::CorpusError> {
/// let mut animals = Corpus::new(2);
/// animals.add("cat", &[1.0, 0.1])?;
/// animals.add("dog", &[1.0, 0.4])?;
/// animals.add("car", &[-0.2, 1.0])?;
/// let near = animals.nearest(&[1.0, 0.0], 2)?;
/// assert_eq!(near.iter().map(|(id, _)| **id).collect::<Vec<_>>(), ["cat", "dog"]);
/// assert!(near[0].1 > 0.99);
/// # Ok(())
/// # }
/// ```
#[derive(Debug, Clone)]
pub struct Corpus<Id> {
    dimension: usize,
    ids: Vec<Id>,
    /// Of each vector its `dimension` components, scaled to length 1; a zero vector stays one.
    components: Vec<f32>,
}

/// Why a vector is not one to search or to search for.
#[derive(Debug, Clone, PartialEq, thiserror::Error)]
#[non_exhaustive]
pub enum CorpusError {
    /// It has another number of components.
    #[error("a vector of {expected} components was expected, and one of {got} came; is it another model's?")]
    Dimension {
        /// How many the vectors of this corpus have.
        expected: usize,
        /// How many it has.
        got: usize,
    },
    /// One of its components is not a finite number.
    #[error("component {position} of the vector is {component}; finite numbers were expected")]
    NotFinite {
        /// Which one.
        position: usize,
        /// What it is.
        component: f32,
    },
}

impl<Id> Corpus<Id> {
    /// Begins a corpus of vectors with so many components.
    pub fn new(dimension: usize) -> Self {
        Self { dimension, ids: Vec::new(), components: Vec::new() }
    }

    /// Adds a vector, of any length. It is not looked at whether there is one of that id.
    pub fn add(&mut self, id: Id, vector: &[f32]) -> Result<(), CorpusError> {
        let length = self.length(vector)?;
        self.components.extend(scaled(vector, length));
        self.ids.push(id);
        Ok(())
    }

    /// The `k` vectors nearest to `query`, or all if there are fewer, the nearest first: each one's id and its
    /// cosine, from -1 to 1. Of equally near ones the one that was added first comes first. A zero vector is as
    /// near as one at right angles: 0.
    pub fn nearest(&self, query: &[f32], k: usize) -> Result<Vec<(&Id, f32)>, CorpusError> {
        let length = self.length(query)?;
        let query: Vec<f32> = scaled(query, length).collect();
        // The worst that is still among the best stands on top.
        let mut best: BinaryHeap<Hit> = BinaryHeap::with_capacity(k.min(self.len()).saturating_add(1));
        for position in 0..self.len() {
            let vector = &self.components[position * self.dimension..][..self.dimension];
            let hit = Hit { score: product(vector, &query), position };
            if best.len() < k {
                best.push(hit);
            } else if let Some(mut worst) = best.peek_mut()
                && hit < *worst
            {
                *worst = hit;
            }
        }
        let hits = best.into_sorted_vec();
        Ok(hits.into_iter().map(|hit| (&self.ids[hit.position], hit.score.clamp(-1.0, 1.0))).collect())
    }

    /// How many vectors there are.
    pub fn len(&self) -> usize {
        self.ids.len()
    }

    /// Whether there is none.
    pub fn is_empty(&self) -> bool {
        self.ids.is_empty()
    }

    /// How many components its vectors have.
    pub fn dimension(&self) -> usize {
        self.dimension
    }

    /// The length of a vector that can be in this corpus.
    fn length(&self, vector: &[f32]) -> Result<f64, CorpusError> {
        if vector.len() != self.dimension {
            return Err(CorpusError::Dimension { expected: self.dimension, got: vector.len() });
        }
        if let Some(position) = vector.iter().position(|component| !component.is_finite()) {
            return Err(CorpusError::NotFinite { position, component: vector[position] });
        }
        // The square of the largest single number is far from the largest double.
        Ok(vector.iter().map(|component| f64::from(*component).powi(2)).sum::<f64>().sqrt())
    }
}

/// A vector scaled to length 1.
fn scaled(vector: &[f32], length: f64) -> impl Iterator<Item = f32> {
    let by = if length > 0.0 { length } else { 1.0 };
    vector.iter().map(move |component| (f64::from(*component) / by) as f32)
}

/// The sum of the products of their components.
fn product(a: &[f32], b: &[f32]) -> f32 {
    // `None` only if they differ in length, which neither here does.
    f32::dot(a, b).unwrap_or_default() as f32
}

/// What was found. The smaller is the better: nearer, or added before.
#[derive(Debug, Clone, Copy)]
struct Hit {
    score: f32,
    position: usize,
}

impl Ord for Hit {
    fn cmp(&self, other: &Self) -> Ordering {
        // A zero is one, whatever its sign.
        let (own, others) = (self.score + 0.0, other.score + 0.0);
        others.total_cmp(&own).then(self.position.cmp(&other.position))
    }
}

impl PartialOrd for Hit {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

impl PartialEq for Hit {
    fn eq(&self, other: &Self) -> bool {
        self.cmp(other).is_eq()
    }
}

impl Eq for Hit {}

#[cfg(test)]
mod tests;
