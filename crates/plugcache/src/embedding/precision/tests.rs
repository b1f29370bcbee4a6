#![expect(clippy::print_stdout, reason = "figures")]

use plugcache_testkit::Random;
use proptest::prelude::*;

use super::*;

const ALL: [Precision; 3] = [Precision::F32, Precision::F16, Precision::I8];
const DIMENSIONS: usize = 384;

/// A vector as a sentence model gives it: components around zero, as from a bell curve, and of length 1.
fn normalised(random: &mut Random) -> Vec<f32> {
    let uniform = |random: &mut Random| f64::from((random.bits() >> 32) as u32) / f64::from(u32::MAX);
    let vector: Vec<f64> =
        (0..DIMENSIONS).map(|_| (0..12).map(|_| uniform(random)).sum::<f64>() - 6.0).collect();
    let length = vector.iter().map(|component| component * component).sum::<f64>().sqrt();
    vector.iter().map(|component| (component / length) as f32).collect()
}

fn cosine(a: &[f32], b: &[f32]) -> f64 {
    let dot = |a: &[f32], b: &[f32]| a.iter().zip(b).map(|(a, b)| f64::from(*a) * f64::from(*b)).sum::<f64>();
    dot(a, b) / (dot(a, a) * dot(b, b)).sqrt()
}

#[test]
fn the_error_is_what_the_documentation_says() {
    let mut random = Random::new(7);
    let vectors: Vec<Vec<f32>> = (0..2_000).map(|_| normalised(&mut random)).collect();
    let expected = [
        (Precision::F32, 1_540, 0.0, 1.0 - 1e-12),
        (Precision::F16, 772, 0.000_062, 0.999_999_97),
        (Precision::I8, 392, 0.000_87, 0.999_95),
    ];
    for (precision, bytes, most, least) in expected {
        let (mut error, mut nearest, mut length) = (0.0_f64, 1.0_f64, 0);
        for vector in &vectors {
            let rounded = precision.round(vector.clone()).unwrap();
            length = encode(precision, &rounded).len();
            nearest = nearest.min(cosine(vector, &rounded));
            for (a, b) in vector.iter().zip(&rounded) {
                error = error.max(f64::from((a - b).abs()));
            }
        }
        println!("{precision}: {length} bytes, off by at most {error:e}, cosine at least {nearest:.9}");
        assert_eq!(length, bytes);
        assert!(error <= most && nearest >= least, "{precision}: {error:e}, {nearest:.9}");
    }
}

fn encode(precision: Precision, vector: &[f32]) -> Vec<u8> {
    match precision {
        Precision::F32 => wide(vector),
        Precision::F16 => half(vector),
        Precision::I8 => scaled(vector),
    }
}

fn decode(precision: Precision, bytes: &[u8]) -> Result<Vec<f32>, String> {
    match precision {
        Precision::F32 => of_wide(bytes),
        Precision::F16 => of_half(bytes),
        Precision::I8 => of_scaled(bytes),
    }
}

#[test]
fn what_cannot_be_kept_is_refused() {
    assert_eq!(Precision::F16.round(vec![0.0, 7e4]), Err("component 1 is not finite".to_owned()));
    assert!(Precision::I8.round(vec![f32::MAX, 0.0]).is_err());
    for precision in ALL {
        assert_eq!(precision.round(Vec::new()), Ok(Vec::new()));
        assert_eq!(precision.round(vec![0.0; 3]), Ok(vec![0.0; 3]));
    }
}

#[test]
fn bytes_of_another_length_are_no_vector() {
    for precision in ALL {
        let bytes = encode(precision, &[0.5, -0.25, 0.125]);
        assert!(decode(precision, &bytes).is_ok());
        for end in 0..bytes.len() {
            assert!(decode(precision, &bytes[..end]).is_err(), "{precision} cut to {end}");
        }
        assert!(decode(precision, &[&bytes[..], &[0]].concat()).is_err());
        assert!(decode(precision, &[0xff; 64]).is_err());
    }
    let nan = [&1_u32.to_le_bytes()[..], &f32::NAN.to_le_bytes()].concat();
    assert_eq!(of_wide(&nan), Err("component 0 is not finite".to_owned()));
}

/// The largest component decides the scale, so what comes of it must decide the same.
#[test]
fn a_scale_comes_back_as_it_was() {
    let mut random = Random::new(1);
    for _ in 0..100_000 {
        let most = f32::from_bits(0x3f80_0000 | (random.bits() >> 41) as u32);
        let once = Precision::I8.round(vec![most, most / 3.0]).unwrap();
        assert_eq!(Precision::I8.round(once.clone()), Ok(once), "{most}");
    }
}

proptest! {
    #[test]
    fn rounding_twice_is_rounding_once(
        vector in prop::collection::vec(prop_oneof![-1.0_f32..1.0, -6e4_f32..6e4, -1e-38_f32..1e-38], 0..40),
    ) {
        let most = vector.iter().fold(0.0_f32, |most, component| most.max(component.abs()));
        for precision in ALL {
            let once = precision.round(vector.clone()).unwrap();
            prop_assert_eq!(&decode(precision, &encode(precision, &once)).unwrap(), &once);
            for (component, rounded) in vector.iter().zip(&once) {
                let allowed = match precision {
                    Precision::F32 => 0.0,
                    Precision::F16 => (component.abs() / 2048.0).max(2.0_f32.powi(-25)),
                    Precision::I8 => (most / 253.0).max(2e-36),
                };
                prop_assert!((component - rounded).abs() <= allowed, "{precision}: {component} became {rounded}");
            }
        }
    }

    #[test]
    fn whatever_the_bytes_are_nothing_panics(bytes in prop::collection::vec(any::<u8>(), 0..64)) {
        for precision in ALL {
            if let Ok(vector) = decode(precision, &bytes) {
                prop_assert!(vector.iter().all(|component| component.is_finite()));
            }
        }
    }
}
