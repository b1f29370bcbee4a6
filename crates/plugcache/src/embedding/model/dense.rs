//! A layer that mixes all numbers of a token.

use candle_core::{Result, Tensor};
use candle_nn::VarBuilder;

use super::numbers;

/// Weights, `[outputs, inputs]`, and what is added.
pub(super) struct Dense {
    weights: Tensor,
    bias: Tensor,
}

impl Dense {
    pub(super) fn load(inputs: usize, outputs: usize, weights: &VarBuilder) -> Result<Self> {
        Ok(Self { weights: weights.get((outputs, inputs), "weight")?, bias: weights.get(outputs, "bias")? })
    }

    /// Layers that see the same input, as one.
    pub(super) fn side_by_side(parts: &[Self]) -> Result<Self> {
        let weights: Vec<&Tensor> = parts.iter().map(|part| &part.weights).collect();
        let biases: Vec<&Tensor> = parts.iter().map(|part| &part.bias).collect();
        Ok(Self { weights: Tensor::cat(&weights, 0)?, bias: Tensor::cat(&biases, 0)? })
    }

    /// The same layer, whose outputs are so many times as large.
    pub(super) fn scaled(self, by: f32) -> Result<Self> {
        Ok(Self { weights: numbers::scale(&self.weights, by)?, bias: numbers::scale(&self.bias, by)? })
    }

    /// `[tokens, inputs]` → `[tokens, outputs]`.
    pub(super) fn forward(&self, states: &Tensor) -> Result<Tensor> {
        numbers::add(&states.matmul(&self.weights.t()?)?, &self.bias)
    }
}
