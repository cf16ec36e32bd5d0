//! AVIF: a still picture coded as AV1, alone or in tiles, with its alpha beside it.
//!
//! What lives here: what the file's boxes say, as a header; its pictures put together. What never
//! does: other uses of the same boxes (HEIC's codec has no decoder here, clips are `clip`'s).
//!
//! The decoder is dav1d's port to Rust without its assembler, which costs speed; the bench `pictures`
//! says how much.

mod boxes;
mod coded;
mod colours;

use image::DynamicImage;
use image::imageops::replace;

use super::decode::{PictureLimits, check_pixels};
use super::header::Header;
use super::pictures::{Orientation, PictureProblem, Traits};
use super::profile::{self, Channels};
use boxes::{Container, Item, Properties, Reader, Wrong};

pub(super) use boxes::brands;

/// What a file's alpha says that it is (ISO/IEC 23001-8's name, and HEVC's).
const ALPHA: [&[u8]; 2] =
    [b"urn:mpeg:mpegB:cicp:systems:auxiliary:alpha", b"urn:mpeg:hevc:2015:auxid:1"];

/// Tiles of a picture, at most.
const MOST_TILES: u32 = 1024;

/// Whether bytes that begin as an ISO base media file are an AVIF.
pub(super) fn is_avif(bytes: &[u8]) -> bool {
    brands(bytes).any(|brand| matches!(&brand, b"avif" | b"avis"))
}

/// Whether the boxes that are needed are all there.
pub(super) fn check_whole(bytes: &[u8]) -> Result<(), PictureProblem> {
    boxes::read(bytes).map(|_| ()).map_err(damaged)
}

fn damaged(wrong: Wrong) -> PictureProblem {
    PictureProblem::Damaged(wrong.to_owned())
}

fn unread(what: String) -> PictureProblem {
    PictureProblem::Undecodable { what, help: "save it anew as JPEG, PNG or a plain AVIF" }
}

/// A file whose boxes were read and say nothing that is not understood here.
struct Avif<'b> {
    container: Container<'b>,
    alpha: Option<u32>,
}

impl<'b> Avif<'b> {
    fn read(bytes: &'b [u8]) -> Result<Self, PictureProblem> {
        let container = boxes::read(bytes).map_err(damaged)?;
        let primary = container.primary;
        let is_alpha = |item: &Item<'_>| {
            item.auxiliary_of.contains(&primary)
                && item.properties.auxiliary.is_some_and(|kind| ALPHA.contains(&kind))
        };
        let alpha = container.items.iter().find(|(_, item)| is_alpha(item)).map(|(id, _)| *id);
        let found = Avif { container, alpha };
        let item = found.item(primary)?;
        if item.properties.unknown_essential {
            return Err(unread("it is an AVIF that must be cut or changed to be shown".to_owned()));
        }
        match &item.kind {
            b"av01" | b"grid" => Ok(found),
            b"hvc1" | b"hev1" => Err(super::file::heic()),
            kind => Err(unread(format!("it is an AVIF of the kind `{}`", kind.escape_ascii()))),
        }
    }

    fn item(&self, id: u32) -> Result<&Item<'b>, PictureProblem> {
        self.container.items.get(&id).ok_or_else(|| damaged("one of its pictures is not there"))
    }

    fn primary(&self) -> Result<&Item<'b>, PictureProblem> {
        self.item(self.container.primary)
    }

    /// What holds for a picture's pixels: its own properties, or those of its first tile where it
    /// has none.
    fn pixels_of(&self, item: &Item<'b>) -> Properties<'b> {
        let first = item.made_of.first().and_then(|id| self.container.items.get(id));
        let tile = first.map(|tile| tile.properties).unwrap_or_default();
        let own = item.properties;
        Properties {
            icc: own.icc.or(tile.icc),
            colours: own.colours.or(tile.colours),
            depth: own.depth.max(tile.depth),
            monochrome: own.monochrome || tile.monochrome,
            ..own
        }
    }

    fn size_of(&self, item: &Item<'b>) -> Result<(u32, u32), PictureProblem> {
        let size = item.properties.size.filter(|(w, h)| *w > 0 && *h > 0);
        size.ok_or_else(|| damaged("it does not say how large it is"))
    }
}

/// The profile that gives a picture's colours their meaning.
fn icc_of(properties: &Properties<'_>) -> Option<Vec<u8>> {
    match properties.icc {
        Some(icc) => Some(icc.to_vec()),
        None => properties.colours.and_then(colours::icc_of),
    }
}

/// What its boxes say.
pub(super) fn header(bytes: &[u8]) -> Result<Header, PictureProblem> {
    let avif = Avif::read(bytes)?;
    let item = avif.primary()?;
    let properties = avif.pixels_of(item);
    colours::check(properties.colours)?;
    let (width, height) = avif.size_of(item)?;
    let channels = if properties.monochrome { Channels::Grey } else { Channels::Rgb };
    let traits = Traits {
        alpha: avif.alpha.is_some(),
        deep: properties.depth > 8,
        cmyk: false,
        foreign_profile: icc_of(&properties).is_some_and(|icc| profile::is_foreign(&icc, channels)),
        animated: avif.container.is_sequence,
        grey: properties.monochrome,
    };
    Ok(Header { width, height, orientation: orientation(&properties), traits })
}

/// Turned first, mirrored then, as one of EXIF's eight ways.
fn orientation(properties: &Properties<'_>) -> Orientation {
    Orientation(match (properties.turns, properties.mirror) {
        (0, None) => 1,
        (0, Some(1)) | (2, Some(0)) => 2,
        (2, None) => 3,
        (0, Some(_)) | (2, Some(_)) => 4,
        (1, Some(0)) | (3, Some(1)) => 5,
        (3, None) => 6,
        (1, Some(_)) | (3, Some(_)) => 7,
        _ => 8,
    })
}

/// Its pixels as they are stored, and the profile that they are to be read by. 8 bits a channel
/// stay 8, more become 16.
pub(super) fn pixels(
    bytes: &[u8],
    limits: &PictureLimits,
) -> Result<(DynamicImage, Option<Vec<u8>>), PictureProblem> {
    let avif = Avif::read(bytes)?;
    let item = avif.primary()?;
    let properties = avif.pixels_of(item);
    let image = whole(&avif, item, limits)?;
    let image = match (properties.monochrome && avif.alpha.is_none(), image) {
        (true, image @ DynamicImage::ImageRgba8(_)) => DynamicImage::ImageLuma8(image.into_luma8()),
        (true, image) => DynamicImage::ImageLuma16(image.into_luma16()),
        (false, image) => image,
    };
    Ok((image, icc_of(&properties)))
}

/// The lights of a frame of a clip, as it is stored. `matrix` gives the code of the colour matrix,
/// by the one that the frame names, if it does.
pub(super) fn frame_lights(
    picture: &re_rav1d::Picture,
    matrix: impl FnOnce(Option<u32>) -> u16,
) -> Result<image::RgbImage, PictureProblem> {
    let own = colours::of_picture(picture);
    // 2 is "unspecified" (ITU-T H.273). Brightness beyond paper is for whoever asks to note.
    let named = (own.matrix != 2).then_some(u32::from(own.matrix));
    let colours = boxes::Colours { matrix: matrix(named), transfer: 1, ..own };
    Ok(colours::lights(picture, colours)?.into_rgb8())
}

/// A picture with its alpha.
fn whole(
    avif: &Avif<'_>,
    item: &Item<'_>,
    limits: &PictureLimits,
) -> Result<DynamicImage, PictureProblem> {
    let image = tiled(avif, item, limits)?;
    let Some(id) = avif.alpha else { return Ok(image) };
    let alpha = tiled(avif, avif.item(id)?, limits)?;
    if (alpha.width(), alpha.height()) != (image.width(), image.height()) {
        return Err(damaged("its transparency is of another size than its colours"));
    }
    let multiplied = item.multiplied_by.contains(&id);
    // Alpha is coded as luma, so each of its three lights has it.
    Ok(match image {
        DynamicImage::ImageRgba8(mut image) => {
            for (pixel, alpha) in image.pixels_mut().zip(alpha.into_rgba8().pixels()) {
                pixel.0[3] = alpha.0[0];
                if multiplied {
                    colours::divide(&mut pixel.0);
                }
            }
            DynamicImage::ImageRgba8(image)
        }
        other => {
            let mut image = other.into_rgba16();
            for (pixel, alpha) in image.pixels_mut().zip(alpha.into_rgba16().pixels()) {
                pixel.0[3] = alpha.0[0];
                if multiplied {
                    colours::divide(&mut pixel.0);
                }
            }
            DynamicImage::ImageRgba16(image)
        }
    })
}

/// One coded picture, or a grid of them put together.
fn tiled(
    avif: &Avif<'_>,
    item: &Item<'_>,
    limits: &PictureLimits,
) -> Result<DynamicImage, PictureProblem> {
    let (width, height) = avif.size_of(item)?;
    check_pixels(width, height, limits)?;
    let properties = avif.pixels_of(item);
    if item.kind == *b"av01" {
        return coded::picture(&item.parts.concat(), (width, height), properties.colours);
    }
    let apart = || damaged("its tiles don't make up the picture");
    let grid = Grid::read(item).map_err(damaged)?;
    let count = grid.columns * grid.rows;
    if item.kind != *b"grid"
        || (grid.width, grid.height) != (width, height)
        || count > MOST_TILES
        || item.made_of.len() != count as usize
    {
        return Err(apart());
    }
    let mut image = match properties.depth > 8 {
        true => DynamicImage::new_rgba16(width, height),
        false => DynamicImage::new_rgba8(width, height),
    };
    let mut tile_size = None;
    for (id, at) in item.made_of.iter().zip(0u32..) {
        let tile = avif.item(*id)?;
        let size = avif.size_of(tile)?;
        let is_whole = grid.is_filled_by(size) && tile.kind == *b"av01";
        if *tile_size.get_or_insert(size) != size || !is_whole {
            return Err(apart());
        }
        check_pixels(size.0, size.1, limits)?;
        let colours = properties.colours.or(tile.properties.colours);
        let pixels = coded::picture(&tile.parts.concat(), size, colours)?;
        let (x, y) = (at % grid.columns * size.0, at / grid.columns * size.1);
        let (x, y) = (i64::from(x), i64::from(y));
        // What reaches over the edge is left out.
        match &mut image {
            DynamicImage::ImageRgba16(image) => replace(image, &pixels.into_rgba16(), x, y),
            other => replace(other, &pixels.into_rgba8(), x, y),
        }
    }
    Ok(image)
}

/// How tiles are put together (ISO/IEC 23008-12, image grid).
struct Grid {
    columns: u32,
    rows: u32,
    width: u32,
    height: u32,
}

impl Grid {
    fn read(item: &Item<'_>) -> Result<Self, Wrong> {
        let data = item.parts.concat();
        let mut reader = Reader(&data);
        let _version = reader.u8()?;
        let flags = reader.u8()?;
        let (rows, columns) = (u32::from(reader.u8()?) + 1, u32::from(reader.u8()?) + 1);
        let mut side = || match flags & 1 {
            1 => reader.u32(),
            _ => reader.u16().map(u32::from),
        };
        let (width, height) = (side()?, side()?);
        Ok(Grid { columns, rows, width, height })
    }

    /// Whether tiles of this size fill it, and none of them lies wholly outside.
    fn is_filled_by(&self, tile: (u32, u32)) -> bool {
        let fills = |side: u32, count: u32, whole: u32| {
            let (side, count) = (u64::from(side), u64::from(count));
            side * count >= u64::from(whole) && side * (count - 1) < u64::from(whole)
        };
        fills(tile.0, self.columns, self.width) && fills(tile.1, self.rows, self.height)
    }
}
