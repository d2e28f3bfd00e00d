//! Random draws that are a pure function of a key: every entity has its own stream, so one entity can be derived
//! without the others and its values stay when the world grows.
//!
//! SplitMix64 (Steele, Lea, Flood: "Fast splittable pseudorandom number generators", 2014) is kept here instead of a
//! library's generator because a world must stay the same, byte for byte, whatever version of a library is built in.

/// One entity's stream of draws.
#[derive(Debug, Clone)]
pub(crate) struct Draw(u64);

const GOLDEN: u64 = 0x9E37_79B9_7F4A_7C15;

fn mix(mut z: u64) -> u64 {
    z = (z ^ (z >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
    z = (z ^ (z >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
    z ^ (z >> 31)
}

impl Draw {
    /// The stream of (seed, kind of entity, numbers that identify it).
    pub(crate) fn of(seed: u64, kind: &str, key: &[i64]) -> Self {
        let start = kind.bytes().fold(mix(seed ^ GOLDEN), |h, b| mix(h ^ u64::from(b)).wrapping_add(GOLDEN));
        Self(key.iter().fold(start, |h, k| mix(h ^ *k as u64).wrapping_add(GOLDEN)))
    }

    /// The next 64 random bits.
    pub(crate) fn bits(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(GOLDEN);
        mix(self.0)
    }

    /// Uniform in `0.0..1.0`.
    pub(crate) fn unit(&mut self) -> f64 {
        (self.bits() >> 11) as f64 / (1_u64 << 53) as f64
    }

    /// Uniform in `0..n`; 0 where n is 0.
    pub(crate) fn below(&mut self, n: usize) -> usize {
        (self.unit() * n as f64) as usize
    }

    /// Uniform in `low..high`; `low` where the range is empty.
    pub(crate) fn range(&mut self, low: i64, high: i64) -> i64 {
        low + (self.unit() * (high - low).max(0) as f64) as i64
    }

    /// True with probability p.
    pub(crate) fn chance(&mut self, p: f64) -> bool {
        self.unit() < p
    }

    /// One of the items, all alike likely.
    pub(crate) fn pick<T: Copy>(&mut self, items: &[T]) -> T {
        items[self.below(items.len())]
    }

    /// One of the items, the first ones much likelier, as names and towns are.
    pub(crate) fn pick_early<T: Copy>(&mut self, items: &[T]) -> T {
        let skewed = self.unit().powf(1.6);
        items[(skewed * items.len() as f64) as usize]
    }

    /// One of the items by weight.
    pub(crate) fn weighted<T: Copy>(&mut self, items: &[(T, f64)]) -> T {
        let mut rest = self.unit() * items.iter().map(|(_, w)| w).sum::<f64>();
        for (item, weight) in items {
            if rest < *weight {
                return *item;
            }
            rest -= weight;
        }
        items[items.len() - 1].0
    }

    /// Normal with the given mean and deviation (Box-Muller).
    pub(crate) fn normal(&mut self, mean: f64, deviation: f64) -> f64 {
        let (u, v) = (1.0 - self.unit(), self.unit());
        mean + deviation * (-2.0 * u.ln()).sqrt() * (std::f64::consts::TAU * v).cos()
    }

    /// Poisson with a small mean (Knuth's product of uniforms), at most 60.
    pub(crate) fn poisson(&mut self, mean: f64) -> usize {
        let (limit, mut product) = ((-mean).exp(), self.unit());
        let mut n = 0;
        while product > limit && n < 60 {
            product *= self.unit();
            n += 1;
        }
        n
    }

    /// A version 4 UUID.
    pub(crate) fn uuid(&mut self) -> String {
        let (a, b) = (self.bits(), self.bits());
        format!(
            "{:08x}-{:04x}-4{:03x}-8{:03x}-{:012x}",
            a >> 32,
            a & 0xffff,
            a >> 20 & 0xfff,
            b >> 52,
            b & 0xffff_ffff_ffff
        )
    }

    /// A string of n random digits, the first of them not 0.
    pub(crate) fn digits(&mut self, n: usize) -> String {
        (0..n).map(|i| char::from(b'0' + if i == 0 { 1 + self.below(9) } else { self.below(10) } as u8)).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_stream_is_a_function_of_its_key() {
        let first = |seed, kind, key: &[i64]| Draw::of(seed, kind, key).bits();
        assert_eq!(first(1, "person", &[7]), first(1, "person", &[7]));
        for other in
            [first(2, "person", &[7]), first(1, "order", &[7]), first(1, "person", &[8]), first(1, "person", &[7, 0])]
        {
            assert_ne!(first(1, "person", &[7]), other);
        }
    }

    #[test]
    fn draws_have_the_mean_they_promise() {
        let n = 20_000;
        let mut draw = Draw::of(1, "mean", &[]);
        let mean = |sum: f64| sum / f64::from(n);
        assert!((mean((0..n).map(|_| draw.unit()).sum()) - 0.5).abs() < 0.02);
        assert!((mean((0..n).map(|_| draw.normal(3.0, 2.0)).sum()) - 3.0).abs() < 0.1);
        assert!((mean((0..n).map(|_| draw.poisson(0.4) as f64).sum()) - 0.4).abs() < 0.03);
        assert!((0..n).all(|_| (5..9).contains(&draw.range(5, 9))));
    }
}
