//! Which pictures show the same photograph.
//!
//! A perceptual hash of 64 bits (low frequencies against their median) finds candidates in buckets,
//! never by comparing all with all: of the eight bytes of two hashes that differ in six bits, two at
//! least agree wholly. Whether a candidate is the same photograph, a small copy in colour decides:
//! the same cup in red and in blue has nearly one hash.

use std::collections::HashMap;

use data_encoding::BASE64;
use image::{GrayImage, RgbaImage};
use image_hasher::{HashAlg, Hasher, HasherConfig};
use serde::{Deserialize, Deserializer, Serialize, Serializer};

use super::raster::{Lab, Plane, apart, stretched};

/// Bytes of the hash.
const HASH: usize = 8;
/// Sides of the small copy.
const SMALL: u32 = 12;
/// Bytes of the small copy: red, green, blue.
const COPY: usize = (SMALL * SMALL * 3) as usize;

/// Hashes that differ in more bits are of different photographs. Two less than there are bytes, so
/// that two bytes agree, which name a bucket.
const MOST_BITS: u32 = HASH as u32 - 2;
/// Of pictures in one bucket, each is held against so many after it: a shop that shows one grey
/// placeholder a thousand times has them side by side.
const WINDOW: usize = 64;

/// What a picture is compared by.
#[derive(Clone, PartialEq, Eq)]
pub struct Likeness {
    hash: [u8; HASH],
    copy: [u8; COPY],
}

impl std::fmt::Debug for Likeness {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Likeness({})", BASE64.encode(&self.hash))
    }
}

impl Serialize for Likeness {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(&BASE64.encode(&[&self.hash[..], &self.copy[..]].concat()))
    }
}

impl<'de> Deserialize<'de> for Likeness {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = std::borrow::Cow::<str>::deserialize(deserializer)?;
        let bytes = BASE64.decode(text.as_bytes()).map_err(serde::de::Error::custom)?;
        let short = || serde::de::Error::custom("it has another length");
        let (hash, copy) = bytes.split_at_checked(HASH).ok_or_else(short)?;
        let (hash, copy) = (hash.try_into(), copy.try_into());
        match (hash, copy) {
            (Ok(hash), Ok(copy)) => Ok(Likeness { hash, copy }),
            _ => Err(short()),
        }
    }
}

impl Likeness {
    /// Of a picture, which may have been scaled down.
    pub(super) fn of(picture: &RgbaImage) -> Self {
        let (w, h) = picture.dimensions();
        let grey = Plane::luma(picture).values.iter().map(|v| v.round() as u8).collect();
        let grey = GrayImage::from_raw(w, h, grey).unwrap_or_else(|| GrayImage::new(w, h));
        let bytes = hasher().hash_image(&grey).into_inner();
        let mut hash = [0; HASH];
        hash.iter_mut().zip(bytes.iter()).for_each(|(to, from)| *to = *from);
        let small = stretched(picture, SMALL, SMALL);
        let mut copy = [0; COPY];
        for (to, from) in copy.chunks_exact_mut(3).zip(small.pixels()) {
            to.copy_from_slice(&from.0[..3]);
        }
        Likeness { hash, copy }
    }

    /// In how many of 64 bits the hashes differ.
    pub fn bits_apart(&self, other: &Likeness) -> u32 {
        self.hash.iter().zip(&other.hash).map(|(a, b)| (a ^ b).count_ones()).sum()
    }

    /// How far the small copies are apart: on the average, and at their most different place
    /// (CIE76).
    pub fn colours_apart(&self, other: &Likeness) -> (f32, f32) {
        let lab = |copy: &[u8; COPY]| {
            let (pixels, _) = copy.as_chunks::<3>();
            let mut pixels = pixels.iter();
            Lab::of(&RgbaImage::from_fn(SMALL, SMALL, |_, _| {
                let [r, g, b] = pixels.next().copied().unwrap_or_default();
                image::Rgba([r, g, b, 255])
            }))
        };
        let (a, b) = (lab(&self.copy), lab(&other.copy));
        let distances = a.values.iter().zip(&b.values).map(|(a, b)| apart(*a, *b));
        let (sum, most) = distances.fold((0.0, 0.0f32), |(sum, most), d| (sum + d, most.max(d)));
        (sum / (SMALL * SMALL) as f32, most)
    }
}

fn hasher() -> Hasher {
    HasherConfig::new().hash_alg(HashAlg::Median).hash_size(8, 8).preproc_dct().to_hasher()
}

/// Two pictures that show the same photograph, by their places in the list.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Pair {
    /// The earlier.
    pub first: usize,
    /// The later.
    pub second: usize,
    /// Bits of 64 in which the hashes differ.
    pub bits: u32,
    /// How far the colours are apart, on the average.
    pub colours: f32,
}

/// The pairs that show the same photograph, each once, in the order of their places. What has no
/// likeness (because nothing is to be seen on it) is like nothing. `most` are the thresholds on the
/// colours' average and greatest distance.
pub fn near(pictures: &[Option<&Likeness>], most: (f32, f32)) -> Vec<Pair> {
    let mut buckets: HashMap<[u8; 4], Vec<usize>> = HashMap::new();
    for (place, likeness) in pictures.iter().enumerate() {
        let Some(Likeness { hash, .. }) = likeness else { continue };
        for (i, one) in (0u8..).zip(hash) {
            for (j, other) in (0u8..).zip(hash).skip(usize::from(i) + 1) {
                buckets.entry([i, j, *one, *other]).or_default().push(place);
            }
        }
    }
    let mut found: HashMap<(usize, usize), Option<Pair>> = HashMap::new();
    for places in buckets.into_values().filter(|places| places.len() > 1) {
        let mut places: Vec<(&Likeness, usize)> =
            places.into_iter().filter_map(|p| Some((pictures[p]?, p))).collect();
        // Equal hashes side by side, then by place: what is compared hangs on no order of buckets.
        places.sort_by_key(|(likeness, place)| (likeness.hash, *place));
        for (i, (a, first)) in places.iter().enumerate() {
            for (b, second) in places[i + 1..].iter().take(WINDOW) {
                let (first, second) = (*first.min(second), *first.max(second));
                let bits = a.bits_apart(b);
                if bits > MOST_BITS {
                    // Cheaper to find again than to remember: of a large shop most pairs end here.
                    continue;
                }
                found.entry((first, second)).or_insert_with(|| {
                    let (colours, worst) = a.colours_apart(b);
                    let same = colours <= most.0 && worst <= most.1;
                    same.then_some(Pair { first, second, bits, colours })
                });
            }
        }
    }
    let mut pairs: Vec<Pair> = found.into_values().flatten().collect();
    pairs.sort_by_key(|pair| (pair.first, pair.second));
    pairs
}

#[cfg(test)]
mod tests {
    use super::*;
    use image::Rgba;

    const MOST: (f32, f32) = (2.0, 9.0);

    /// A cup with a handle and a band, on a light ground.
    fn cup(w: u32, h: u32, body: [u8; 3], band: u32) -> RgbaImage {
        RgbaImage::from_fn(w, h, |x, y| {
            let (u, v) = (x as f32 / w as f32, y as f32 / h as f32);
            let inside = (0.3..0.62).contains(&u) && (0.25..0.8).contains(&v);
            let ring = ((u - 0.64).powi(2) * 1.4 + (v - 0.5).powi(2)).sqrt();
            let band_at = 0.3 + band as f32 * 0.12;
            let [r, g, b] = if inside && (band_at..band_at + 0.1).contains(&v) {
                [250, 230, 40]
            } else if inside || (0.1..0.15).contains(&ring) {
                body
            } else {
                [244, 242, 240]
            };
            Rgba([r, g, b, 255])
        })
    }

    #[test]
    fn the_same_photograph_smaller_and_brighter_is_the_same() {
        let a = cup(400, 400, [150, 60, 40], 0);
        let mut b = cup(260, 260, [150, 60, 40], 0);
        b.pixels_mut().for_each(|p| (0..3).for_each(|c| p.0[c] = p.0[c].saturating_add(2)));
        let (a, b) = (Likeness::of(&a), Likeness::of(&b));
        assert_eq!(near(&[Some(&a), Some(&b)], MOST).len(), 1, "{} bits", a.bits_apart(&b));
    }

    #[test]
    fn another_colour_or_another_band_is_another_product() {
        let one = Likeness::of(&cup(400, 400, [150, 60, 40], 0));
        let blue = Likeness::of(&cup(400, 400, [40, 60, 150], 0));
        let lower = Likeness::of(&cup(400, 400, [150, 60, 40], 3));
        assert!(near(&[Some(&one), Some(&blue), None, Some(&lower)], MOST).is_empty());
    }

    #[test]
    fn pairs_come_once_and_in_order_whatever_the_buckets() {
        let one = Likeness::of(&cup(400, 400, [150, 60, 40], 0));
        let other = Likeness::of(&cup(400, 400, [20, 160, 40], 2));
        let pairs = near(&[Some(&one), Some(&other), Some(&one), Some(&one)], MOST);
        let places: Vec<(usize, usize)> = pairs.iter().map(|p| (p.first, p.second)).collect();
        assert_eq!(places, [(0, 2), (0, 3), (2, 3)]);
    }

    #[test]
    fn what_is_kept_is_read_back() {
        let one = Likeness::of(&cup(100, 100, [1, 2, 3], 1));
        let text = serde_json::to_string(&one).expect("JSON");
        assert_eq!(serde_json::from_str::<Likeness>(&text).expect("read back"), one);
        assert!(serde_json::from_str::<Likeness>("\"AAAA\"").is_err());
    }
}
