//! What is done to each number of a tensor, in its place and on the threads of whoever asks.
//!
//! Whoever calls has made the tensor himself: it is the result that is given back.
//!
//! The tensors' own library would do it on threads that all of a process share and that never end: a forked child, which
//! has none of them, would wait for ever. It would also take a third of a model's time for the error function of C.

use candle_core::{CpuStorage, InplaceOp1, InplaceOp2, Layout, Result, Tensor};
use rayon::{
    iter::{IndexedParallelIterator, ParallelIterator},
    slice::ParallelSliceMut,
};

/// Numbers that one thread takes at a time.
const AT_ONCE: usize = 16 * 1024;

/// Adds `pattern` to the numbers, again and again: to each row of a matrix, to each text of a batch, or once.
pub(super) fn add(states: &Tensor, pattern: &Tensor) -> Result<Tensor> {
    let states = states.contiguous()?;
    states.inplace_op2(&pattern.contiguous()?, &Add)?;
    Ok(states)
}

/// Multiplies each number.
pub(super) fn scale(states: &Tensor, by: f32) -> Result<Tensor> {
    each(states, move |x| x * by)
}

/// The Gaussian error linear unit, `x · Φ(x)`. Hendrycks and Gimpel, *Gaussian Error Linear Units* (2016).
pub(super) fn gelu(states: &Tensor) -> Result<Tensor> {
    each(states, |x| 0.5 * x * (1.0 + erf(x * std::f32::consts::FRAC_1_SQRT_2)))
}

/// The same as it was approximated at first, by the hyperbolic tangent.
pub(super) fn gelu_by_tanh(states: &Tensor) -> Result<Tensor> {
    const SQRT_2_BY_PI: f32 = 0.797_884_6;
    each(states, |x| 0.5 * x * (1.0 + (SQRT_2_BY_PI * x * (1.0 + 0.044_715 * x * x)).tanh()))
}

/// Nothing below zero.
pub(super) fn relu(states: &Tensor) -> Result<Tensor> {
    each(states, |x| x.max(0.0))
}

fn each(states: &Tensor, function: impl Fn(f32) -> f32 + Sync) -> Result<Tensor> {
    let states = states.contiguous()?;
    states.inplace_op1(&Each(function))?;
    Ok(states)
}

struct Each<F>(F);

impl<F: Fn(f32) -> f32 + Sync> InplaceOp1 for Each<F> {
    fn name(&self) -> &'static str {
        "each"
    }

    fn cpu_fwd(&self, storage: &mut CpuStorage, layout: &Layout) -> Result<()> {
        let part = |part: &mut [f32]| part.iter_mut().for_each(|x| *x = (self.0)(*x));
        numbers(storage, layout)?.par_chunks_mut(AT_ONCE).for_each(part);
        Ok(())
    }
}

struct Add;

impl InplaceOp2 for Add {
    fn name(&self) -> &'static str {
        "add"
    }

    fn cpu_fwd(
        &self,
        storage: &mut CpuStorage,
        layout: &Layout,
        pattern: &CpuStorage,
        of: &Layout,
    ) -> Result<()> {
        let (CpuStorage::F32(all), Some((begin, end))) = (pattern, of.contiguous_offsets()) else {
            candle_core::bail!("expected contiguous numbers of 32 bits to be added");
        };
        let Some(pattern) = all.get(begin..end).filter(|pattern| !pattern.is_empty()) else { return Ok(()) };
        let numbers = numbers(storage, layout)?;
        if !numbers.len().is_multiple_of(pattern.len()) {
            candle_core::bail!(
                "{} numbers are not added to {} again and again",
                pattern.len(),
                numbers.len()
            );
        }
        numbers.par_chunks_mut(AT_ONCE).enumerate().for_each(|(chunk, part)| {
            let mut at = chunk * AT_ONCE % pattern.len();
            let mut rest = part;
            while !rest.is_empty() {
                let (now, later) = rest.split_at_mut(rest.len().min(pattern.len() - at));
                now.iter_mut().zip(&pattern[at..]).for_each(|(x, more)| *x += more);
                (rest, at) = (later, 0);
            }
        });
        Ok(())
    }
}

fn numbers<'a>(storage: &'a mut CpuStorage, layout: &Layout) -> Result<&'a mut [f32]> {
    match (storage, layout.contiguous_offsets()) {
        (CpuStorage::F32(all), Some((begin, end))) => Ok(&mut all[begin..end]),
        _ => candle_core::bail!("expected contiguous numbers of 32 bits"),
    }
}

/// The error function, by Abramowitz and Stegun, *Handbook of Mathematical Functions*, 7.1.28: off by at most 3e-7, and
/// nothing in it keeps a compiler from computing several numbers at a time.
#[inline]
fn erf(x: f32) -> f32 {
    const A: [f32; 6] =
        [0.070_523_08, 0.042_282_01, 0.009_270_527, 0.000_152_014_3, 0.000_276_567_2, 0.000_043_063_8];
    let a = x.abs();
    let sum = 1.0 + a * (A[0] + a * (A[1] + a * (A[2] + a * (A[3] + a * (A[4] + a * A[5])))));
    let second = sum * sum;
    let fourth = second * second;
    let eighth = fourth * fourth;
    // Without bound for large numbers, whose error function is 1.
    (1.0 - 1.0 / (eighth * eighth)).copysign(x)
}

#[cfg(test)]
mod tests {
    use candle_core::{Device, Tensor};

    use super::*;

    /// The same numbers as those of a range.
    fn counted(range: std::ops::Range<i16>) -> impl Iterator<Item = f32> + Clone {
        range.map(f32::from)
    }

    fn near(made: &Tensor, exact: &Tensor) {
        let numbers = |tensor: &Tensor| tensor.flatten_all().and_then(|flat| flat.to_vec1::<f32>()).unwrap();
        for (made, exact) in numbers(made).iter().zip(numbers(exact)) {
            assert!((made - exact).abs() <= 2e-6 * exact.abs().max(1.0), "{made} instead of {exact}");
        }
    }

    #[test]
    fn units_are_those_of_the_library() {
        let numbers: Vec<f32> =
            counted(-30_000..30_000).map(|n| n / 1_000.0).chain([f32::MAX, -1e30, 0.0]).collect();
        let numbers = Tensor::new(numbers, &Device::Cpu).unwrap();
        let copy = || numbers.copy().unwrap();
        near(&gelu(&copy()).unwrap(), &numbers.gelu_erf().unwrap());
        near(&relu(&copy()).unwrap(), &numbers.relu().unwrap());
        near(&scale(&copy(), 0.25).unwrap(), &(&numbers * 0.25).unwrap());
        let small = numbers.narrow(0, 10_000, 40_000).unwrap();
        near(&gelu_by_tanh(&small.copy().unwrap()).unwrap(), &small.gelu().unwrap());
    }

    #[test]
    fn a_pattern_is_added_again_and_again() {
        // Longer than what a thread takes, and not a multiple of it.
        for (rows, columns) in [(1, 7), (3, 5), (5_000, 13), (2, 20_001)] {
            let of = |count| counted(0..101).cycle().take(count).collect::<Vec<_>>();
            let states = Tensor::from_vec(of(rows * columns), (rows, columns), &Device::Cpu).unwrap();
            let pattern = Tensor::from_vec(of(columns), columns, &Device::Cpu).unwrap();
            let expected = states.broadcast_add(&pattern).unwrap();
            near(&add(&states.copy().unwrap(), &pattern).unwrap(), &expected);
        }
        let states = Tensor::zeros(10, candle_core::DType::F32, &Device::Cpu).unwrap();
        let pattern = Tensor::zeros(3, candle_core::DType::F32, &Device::Cpu).unwrap();
        assert!(add(&states, &pattern).is_err());
    }
}
