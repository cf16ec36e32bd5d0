//! The table of pictures: each file once, with what is known about it.

use std::collections::HashMap;

use serde::{Deserialize, Serialize};

use crate::digest::Digest;

/// Which picture of a [`PictureTable`].
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct PictureId(pub u32);

/// Formats that are recognised by their bytes, never by their names.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize, schemars::JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Format {
    /// JPEG.
    Jpeg,
    /// PNG.
    Png,
    /// WebP.
    Webp,
    /// AVIF: one still picture, AV1 in an ISO base media file.
    Avif,
    /// TIFF; of several pages, the first is used.
    Tiff,
    /// BMP.
    Bmp,
    /// GIF; of several frames, the first is used.
    Gif,
}

impl Format {
    /// All that can be read.
    pub const ALL: [Format; 7] = [
        Format::Jpeg,
        Format::Png,
        Format::Webp,
        Format::Avif,
        Format::Tiff,
        Format::Bmp,
        Format::Gif,
    ];

    /// Those that Kinora writes, and that a receiver takes who doesn't say what it takes.
    pub const WRITTEN: [Format; 3] = [Format::Jpeg, Format::Png, Format::Webp];

    /// From the short name.
    pub fn parse(name: &str) -> Option<Self> {
        Format::ALL.into_iter().find(|format| format.as_str() == name)
    }

    /// Short name, as on cards and in reports.
    pub fn as_str(self) -> &'static str {
        match self {
            Format::Jpeg => "jpeg",
            Format::Png => "png",
            Format::Webp => "webp",
            Format::Avif => "avif",
            Format::Tiff => "tiff",
            Format::Bmp => "bmp",
            Format::Gif => "gif",
        }
    }

    /// The ending of a file's name, without a dot.
    pub fn extension(self) -> &'static str {
        match self {
            Format::Jpeg => "jpg",
            Format::Tiff => "tif",
            other => other.as_str(),
        }
    }

    /// Media type.
    pub fn media_type(self) -> &'static str {
        match self {
            Format::Jpeg => "image/jpeg",
            Format::Png => "image/png",
            Format::Webp => "image/webp",
            Format::Avif => "image/avif",
            Format::Tiff => "image/tiff",
            Format::Bmp => "image/bmp",
            Format::Gif => "image/gif",
        }
    }
}

/// EXIF orientation, 1 to 8; 1 is upright.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Orientation(pub u8);

impl Orientation {
    /// Whether width and height change places when it is applied.
    pub fn swaps_sides(self) -> bool {
        (5..=8).contains(&self.0)
    }
}

/// What a header says of a picture's pixels beyond their number, where it decides whether a
/// receiver can take the file as it is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default, Serialize, Deserialize)]
#[serde(default)]
pub struct Traits {
    /// Pixels may be transparent; whether any is, only decoding tells.
    pub alpha: bool,
    /// More than 8 bits a channel.
    pub deep: bool,
    /// Inks, not lights (JPEG of four components).
    pub cmyk: bool,
    /// An embedded ICC profile gives its colours another meaning than sRGB does.
    pub foreign_profile: bool,
    /// More than one frame, or page; the first is used.
    pub animated: bool,
    /// Shades of one light, no colours.
    pub grey: bool,
}

impl Traits {
    fn flags(&mut self) -> [&mut bool; 6] {
        [
            &mut self.alpha,
            &mut self.deep,
            &mut self.cmyk,
            &mut self.foreign_profile,
            &mut self.animated,
            &mut self.grey,
        ]
    }

    /// What its pixels are made of, in a word for people.
    pub fn colour_space(self) -> &'static str {
        match self {
            Traits { cmyk: true, .. } => "cmyk",
            Traits { grey: true, .. } => "grey",
            Traits { foreign_profile: true, .. } => "rgb, by its own profile",
            _ => "srgb",
        }
    }

    /// As one number, a bit for each in the order of the fields.
    pub fn bits(mut self) -> u8 {
        self.flags().iter().enumerate().fold(0, |bits, (i, flag)| bits | u8::from(**flag) << i)
    }

    /// From [`Traits::bits`]; `None` for a number that it never gives.
    pub fn from_bits(bits: u8) -> Option<Self> {
        let mut traits = Traits::default();
        traits.flags().into_iter().enumerate().for_each(|(i, flag)| *flag = bits >> i & 1 == 1);
        (traits.bits() == bits).then_some(traits)
    }
}

/// What the file system says of a file: enough to know that it did not change.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct Stamp {
    /// Bytes.
    pub size: u64,
    /// Modification time, nanoseconds since 1970.
    pub mtime_ns: i64,
    /// Inode; zero where there is none.
    pub inode: u64,
}

impl Stamp {
    /// Of what the file system says.
    pub fn of(facts: &std::fs::Metadata) -> Self {
        let modified =
            facts.modified().ok().and_then(|t| t.duration_since(std::time::UNIX_EPOCH).ok());
        let mtime_ns = modified.and_then(|d| i64::try_from(d.as_nanos()).ok()).unwrap_or(0);
        Stamp { size: facts.len(), mtime_ns, inode: inode(facts) }
    }
}

#[cfg(unix)]
fn inode(facts: &std::fs::Metadata) -> u64 {
    std::os::unix::fs::MetadataExt::ino(facts)
}

#[cfg(not(unix))]
fn inode(_: &std::fs::Metadata) -> u64 {
    0
}

/// What is known of a picture that could be read.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct Facts {
    /// Digest of the file's bytes.
    pub digest: Digest,
    /// Bytes.
    pub bytes: u64,
    /// Format by its header.
    pub format: Format,
    /// Width in pixels, upright (after orientation).
    pub width: u32,
    /// Height in pixels, upright.
    pub height: u32,
    /// EXIF orientation.
    pub orientation: Orientation,
    /// What else its header says of its pixels.
    pub traits: Traits,
}

/// Why a picture can't be used.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum PictureProblem {
    /// There is no such file.
    #[error("this file does not exist")]
    Missing,
    /// It has a URL, and its bytes are not here, or not those that the lock file names.
    #[error("it is not fetched yet")]
    NotFetched,
    /// It can't be read.
    #[error("it can't be read: {0}")]
    Unreadable(String),
    /// It is no picture in a format that Kinora reads.
    #[error("it is no picture that can be read ({0})")]
    NotAPicture(String),
    /// It is a picture, of a kind that Kinora doesn't decode.
    #[error("{what}, which Kinora doesn't read")]
    Undecodable {
        /// What it is.
        what: String,
        /// What to do about it.
        help: &'static str,
    },
    /// It is damaged or cut short.
    #[error("it is damaged: {0}")]
    Damaged(String),
    /// It is beyond a limit.
    #[error("it is too large: {what}")]
    TooLarge {
        /// Which size against which limit.
        what: String,
        /// The limit's name.
        limit: &'static str,
    },
    /// It can't be encoded in as few bytes as its receiver takes.
    #[error(
        "made as small as it may be, it still has {least} bytes; {most} are taken (`max_bytes`)"
    )]
    TooManyBytes {
        /// Bytes of its smallest encoding.
        least: u64,
        /// Bytes that are taken.
        most: u64,
    },
}

impl PictureProblem {
    /// What a person can do, where there is more to say than the problem does.
    pub fn help(&self) -> Option<&'static str> {
        match self {
            PictureProblem::Undecodable { help, .. } => Some(help),
            PictureProblem::NotAPicture(_) => {
                Some("Kinora reads JPEG, PNG, WebP, AVIF, TIFF, BMP and GIF")
            }
            _ => None,
        }
    }
}

/// One picture file.
#[derive(Debug, Clone)]
pub struct Picture {
    /// Path as shown and as kept in the ledger: relative to the workspace, `/` between parts. Of
    /// one that has a URL, where its bytes are kept; empty as long as the lock file has none.
    pub path: Box<str>,
    /// Where it comes from, if not from a file of the user's.
    pub source: Option<Box<PictureUrl>>,
    /// What the file system said at loading; absent when the file is missing.
    pub stamp: Option<Stamp>,
    /// What probing found; absent before.
    pub facts: Option<Result<Facts, PictureProblem>>,
}

/// Where a picture is fetched from.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PictureUrl {
    /// The URL, as the lock file has it.
    pub url: Box<str>,
    /// Digest of its bytes by the lock file; absent before it was fetched.
    pub locked: Option<Digest>,
}

impl Picture {
    /// What people know it by: its URL where it has one, else its path.
    pub fn name(&self) -> &str {
        self.source.as_ref().map_or(&*self.path, |source| &*source.url)
    }

    /// Whether it has a URL and its bytes are not here.
    pub fn is_awaited(&self) -> bool {
        self.source.is_some() && self.stamp.is_none()
    }
}

/// Every picture of a catalogue, once.
#[derive(Debug, Clone, Default)]
pub struct PictureTable {
    items: Vec<Picture>,
    /// By path, and by URL, which no path is written like.
    by_name: HashMap<Box<str>, PictureId>,
}

impl PictureTable {
    /// The id of a path, entered if new. The limits on subjects and references keep the number
    /// below four thousand million.
    pub fn enter(&mut self, path: &str) -> PictureId {
        self.add(path, || Picture { path: path.into(), source: None, stamp: None, facts: None })
    }

    /// The id of a URL, entered if new. Two URLs are two pictures, even where their bytes are the
    /// same.
    pub fn enter_url(&mut self, url: &str) -> PictureId {
        let source = || Some(Box::new(PictureUrl { url: url.into(), locked: None }));
        self.add(url, || Picture { path: "".into(), source: source(), stamp: None, facts: None })
    }

    fn add(&mut self, name: &str, new: impl FnOnce() -> Picture) -> PictureId {
        if let Some(id) = self.by_name.get(name) {
            return *id;
        }
        let id =
            PictureId(u32::try_from(self.items.len()).expect("limits keep pictures below 2^32"));
        self.items.push(new());
        self.by_name.insert(name.into(), id);
        id
    }

    /// One picture.
    pub fn get(&self, id: PictureId) -> &Picture {
        &self.items[id.0 as usize]
    }

    /// All pictures, in the order they were entered.
    pub fn iter(&self) -> impl Iterator<Item = (PictureId, &Picture)> {
        (0u32..).map(PictureId).zip(self.items.iter())
    }

    /// All pictures, to be filled in parallel.
    pub fn items_mut(&mut self) -> &mut [Picture] {
        &mut self.items
    }

    /// How many.
    pub fn len(&self) -> usize {
        self.items.len()
    }

    /// Whether there is none.
    pub fn is_empty(&self) -> bool {
        self.items.is_empty()
    }

    /// The facts of a picture that was probed without a problem.
    pub fn facts(&self, id: PictureId) -> Option<&Facts> {
        self.get(id).facts.as_ref()?.as_ref().ok()
    }
}
