//! `feed:` of a reference: which of the pictures that a feed names.

use schemars::JsonSchema;
use serde::{Deserialize, Deserializer};

use crate::feed::FeedImage;

/// Which of the pictures that a feed names for a product.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum FeedPictures {
    /// The first.
    First,
    /// All but the first.
    Others,
    /// All.
    All,
    /// One, by its number from 1.
    Number(usize),
}

impl FeedPictures {
    /// Whether it may be several.
    pub fn many(self) -> bool {
        matches!(self, FeedPictures::Others | FeedPictures::All)
    }

    /// As it is written.
    pub fn shown(self) -> String {
        match self {
            FeedPictures::First => "first".to_owned(),
            FeedPictures::Others => "others".to_owned(),
            FeedPictures::All => "all".to_owned(),
            FeedPictures::Number(number) => number.to_string(),
        }
    }

    /// Those among a product's.
    pub fn of(self, images: &[FeedImage]) -> &[FeedImage] {
        match self {
            FeedPictures::First => images.get(..1),
            FeedPictures::Others => images.get(1..),
            FeedPictures::All => Some(images),
            FeedPictures::Number(number) => images.get(number.wrapping_sub(1)..number),
        }
        .unwrap_or_default()
    }
}

impl<'de> Deserialize<'de> for FeedPictures {
    fn deserialize<D: Deserializer<'de>>(d: D) -> Result<Self, D::Error> {
        let text = String::deserialize(d)?;
        match text.trim() {
            "first" => Ok(FeedPictures::First),
            "others" => Ok(FeedPictures::Others),
            "all" => Ok(FeedPictures::All),
            number => {
                number.parse().ok().filter(|n| *n > 0).map(FeedPictures::Number).ok_or_else(|| {
                    serde::de::Error::custom(format!("`{text}` is no number of a picture"))
                })
            }
        }
    }
}

impl JsonSchema for FeedPictures {
    fn inline_schema() -> bool {
        true
    }

    fn schema_name() -> std::borrow::Cow<'static, str> {
        "FeedPictures".into()
    }

    fn json_schema(_: &mut schemars::SchemaGenerator) -> schemars::Schema {
        schemars::json_schema!({ "anyOf": [
            { "type": "string", "enum": ["first", "others", "all"] },
            { "type": "integer", "minimum": 1, "maximum": 1000 },
        ] })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_first_and_the_others_are_all() {
        let image = |n: usize| FeedImage { address: n.to_string().into(), alt: None };
        for count in 0..4 {
            let images: Vec<FeedImage> = (1..=count).map(image).collect();
            let both = [FeedPictures::First.of(&images), FeedPictures::Others.of(&images)].concat();
            assert_eq!(both, FeedPictures::All.of(&images));
            for number in 1..=4 {
                let one = FeedPictures::Number(number).of(&images);
                assert_eq!(one, images.get(number - 1).map(std::slice::from_ref).unwrap_or(&[]));
            }
        }
    }
}
