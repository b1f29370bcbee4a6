//! `MPNet`: how much the distance between two tokens weighs in attention.
//!
//! Distances fall into buckets, half of them for either direction: near ones have one each, far ones share
//! buckets that grow as the logarithm. From Raffel and others, *Exploring the Limits of Transfer Learning with a
//! Unified Text-to-Text Transformer* (2020), which `MPNet` took over.

use candle_core::{Device, Result, Tensor};
use candle_nn::VarBuilder;

use super::config::Config;

/// From this distance on all are alike.
const FARTHEST: f64 = 128.0;

/// One weight a bucket and attention head.
pub(super) struct Bias {
    weights: Tensor,
    buckets: usize,
}

impl Bias {
    pub(super) fn load(config: &Config, weights: &VarBuilder) -> Result<Self> {
        let buckets = config.relative_attention_num_buckets;
        let weights = weights.get((buckets, config.num_attention_heads), "relative_attention_bias.weight")?;
        Ok(Self { weights, buckets })
    }

    /// `[1, heads, length, length]`: what is added to the scores of a text's tokens.
    pub(super) fn of(&self, length: usize) -> Result<Tensor> {
        let (buckets, end) = (self.buckets, i32::try_from(length).map_err(candle_core::Error::wrap)?);
        let pairs = (0..end).flat_map(|query| (0..end).map(move |key| bucket(key - query, buckets)));
        let pairs = Tensor::from_vec(pairs.collect::<Vec<u32>>(), length * length, &Device::Cpu)?;
        let bias = self.weights.index_select(&pairs, 0)?.reshape((length, length, ()))?;
        bias.permute((2, 0, 1))?.unsqueeze(0)?.contiguous()
    }
}

/// The bucket of a distance, from the one that asks to the one that is looked at.
fn bucket(distance: i32, buckets: usize) -> u32 {
    let half = (buckets / 2) as u32;
    let side = if distance > 0 { half } else { 0 };
    let distance = distance.unsigned_abs();
    let near = half / 2;
    if distance < near {
        return side + distance;
    }
    let near_f = f64::from(near.max(1));
    #[expect(clippy::cast_sign_loss, reason = "far distances have positive logarithms")]
    let far =
        ((f64::from(distance) / near_f).ln() / (FARTHEST / near_f).ln() * f64::from(half - near)) as u32;
    side + (near + far).min(half.saturating_sub(1))
}

#[cfg(test)]
mod tests {
    use super::bucket;

    #[test]
    fn near_distances_have_buckets_of_their_own_and_far_ones_share_the_last() {
        assert_eq!([0, -1, -7, -8, -127, -5000].map(|at| bucket(at, 32)), [0, 1, 7, 8, 15, 15]);
        assert_eq!([1, 7, 8, 127, 5000].map(|at| bucket(at, 32)), [17, 23, 24, 31, 31]);
    }
}
