//! `consistency:` as it is written, in `defaults` and in shots.
//!
//! What never lives here: what the values mean, once the nearest has won.

use schemars::JsonSchema;
use serde::de::value::MapAccessDeserializer;
use serde::{Deserialize, Deserializer};

use super::OnFail;
use crate::manifest::catalogue::Role;
use crate::yaml::{ONE_OR_MAP, Placed};

/// `off`, or what is asked.
#[derive(Debug)]
pub enum RawConsistency {
    /// Clips are not looked at.
    Off,
    /// They are.
    Asked(Box<RawAsked>),
}

/// How clips are held against their references, and what becomes of one that shows something else.
#[derive(Debug, Default, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
#[schemars(rename = "Consistency")]
pub struct RawAsked {
    /// The score, 0 to 100, from which a clip passes; 80 if not given.
    #[schemars(range(min = 0, max = 100))]
    pub min: Option<Placed<u8>>,
    /// The score below which a clip fails; between the two, a person is to look. 20 below `min` if
    /// not given.
    #[schemars(range(min = 0, max = 100))]
    pub fail_below: Option<Placed<u8>>,
    /// Other bounds for references of a role: the one that the manifest gives them, by whichever route
    /// they are sent.
    #[serde(default)]
    pub roles: RawRoles,
    /// What becomes of a clip that fails: it is said (`flag`), shops' files leave it out until a
    /// person accepts it (`hold`), or another is made (`retake`); `flag` if not given.
    pub on_fail: Option<Placed<OnFail>>,
    /// How often a clip that fails is made again at most, with `on_fail: retake`; 1 if not given. The
    /// plan counts each as a clip that may be paid.
    #[schemars(range(min = 1, max = 3))]
    pub max_retakes: Option<Placed<u32>>,
    /// Who decodes clips whose codec Kinora doesn't know: nobody (`own`), or an installed `ffmpeg`;
    /// `own` if not given.
    pub decode: Option<Placed<RawDecode>>,
}

/// Who decodes clips.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
#[schemars(inline)]
pub enum RawDecode {
    /// Kinora alone; other clips are told as not inspected.
    Own,
    /// An installed ffmpeg, where Kinora can't.
    Ffmpeg,
}

/// Bounds of references by their role.
#[derive(Debug, Default, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
#[schemars(rename = "ConsistencyRoles")]
pub struct RawRoles {
    /// What must stay recognisable.
    identity: Option<RawBounds>,
    /// The clip's first frame.
    first_frame: Option<RawBounds>,
    /// The clip's last frame.
    last_frame: Option<RawBounds>,
    /// What a character wears.
    wardrobe: Option<RawBounds>,
    /// Where it happens.
    environment: Option<RawBounds>,
    /// How it feels.
    mood: Option<RawBounds>,
    /// How the camera sees it.
    framing: Option<RawBounds>,
    /// How it looks.
    style: Option<RawBounds>,
}

impl RawRoles {
    /// What is written of a role.
    pub fn get(&self, role: Role) -> Option<&RawBounds> {
        let bounds = match role {
            Role::Identity => &self.identity,
            Role::FirstFrame => &self.first_frame,
            Role::LastFrame => &self.last_frame,
            Role::Wardrobe => &self.wardrobe,
            Role::Environment => &self.environment,
            Role::Mood => &self.mood,
            Role::Framing => &self.framing,
            Role::Style => &self.style,
        };
        bounds.as_ref()
    }
}

/// Bounds of references of one role.
#[derive(Debug, Default, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
#[schemars(rename = "ConsistencyBounds")]
pub struct RawBounds {
    /// The score, 0 to 100, from which a clip passes.
    #[schemars(range(min = 0, max = 100))]
    pub min: Option<Placed<u8>>,
    /// The score below which it fails.
    #[schemars(range(min = 0, max = 100))]
    pub fail_below: Option<Placed<u8>>,
}

impl<'de> Deserialize<'de> for RawConsistency {
    fn deserialize<D: Deserializer<'de>>(d: D) -> Result<Self, D::Error> {
        /// The word, or a mapping.
        struct Form;
        impl<'de> serde::de::Visitor<'de> for Form {
            type Value = RawConsistency;

            fn expecting(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                f.write_str("`off`, or a mapping")
            }

            fn visit_seq<A: serde::de::SeqAccess<'de>>(
                self,
                mut seq: A,
            ) -> Result<RawConsistency, A::Error> {
                // The schema lets no other word through.
                seq.next_element::<String>()?;
                Ok(RawConsistency::Off)
            }

            fn visit_map<A: serde::de::MapAccess<'de>>(
                self,
                map: A,
            ) -> Result<RawConsistency, A::Error> {
                let asked = RawAsked::deserialize(MapAccessDeserializer::new(map))?;
                Ok(RawConsistency::Asked(Box::new(asked)))
            }
        }
        d.deserialize_tuple_struct(ONE_OR_MAP, 1, Form)
    }
}

impl JsonSchema for RawConsistency {
    fn inline_schema() -> bool {
        true
    }

    fn schema_name() -> std::borrow::Cow<'static, str> {
        "Consistency".into()
    }

    fn json_schema(generator: &mut schemars::SchemaGenerator) -> schemars::Schema {
        let asked = generator.subschema_for::<RawAsked>();
        schemars::json_schema!({ "anyOf": [{
            "type": ["string", "boolean"],
            "enum": ["off", false],
            "x-help": "write `off`, or what is asked of clips: `{min: 80, on_fail: flag}`",
        }, asked] })
    }
}
