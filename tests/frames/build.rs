//! MP4s that no honest writer makes, box by box.

use kinora::media::frame::Frame;

use super::*;

/// A box.
pub fn boxed(name: &[u8; 4], content: &[u8]) -> Vec<u8> {
    let length = u32::try_from(content.len() + 8).expect("a small box");
    [&length.to_be_bytes(), &name[..], content].concat()
}

fn words(numbers: &[u32]) -> Vec<u8> {
    numbers.iter().flat_map(|n| n.to_be_bytes()).collect()
}

/// What a track says of itself.
#[derive(Debug, Clone)]
pub struct Track {
    pub id: u32,
    pub size: (u16, u16),
    /// Content of the `avcC`.
    pub avcc: Vec<u8>,
    /// Size of each frame.
    pub sizes: Vec<u32>,
    /// Where each chunk of `per_chunk` frames begins.
    pub chunks: Vec<u32>,
    pub per_chunk: u32,
    /// Numbers of key frames, from one.
    pub keys: Vec<u32>,
}

impl Track {
    fn boxed(&self) -> Vec<u8> {
        let count = self.sizes.len() as u32;
        let (width, height) = self.size;
        let head = words(&[1, 0, 0, self.id, 0, count, 0, 0, 0, 0, 0x1_0000, 0, 0, 0, 0x1_0000]);
        let head = [head, words(&[0, 0, 0, 0x4000_0000])].concat();
        let sides = words(&[u32::from(width) << 16, u32::from(height) << 16]);
        let tkhd = boxed(b"tkhd", &[head, sides].concat());
        let mdhd = boxed(b"mdhd", &words(&[0, 0, 0, 24, count, 0]));
        let hdlr = boxed(b"hdlr", &[&words(&[0, 0])[..], b"vide", &[0; 13]].concat());
        let mut entry = vec![0; 78];
        entry[7] = 1;
        entry[24..26].copy_from_slice(&width.to_be_bytes());
        entry[26..28].copy_from_slice(&height.to_be_bytes());
        entry.extend(boxed(b"avcC", &self.avcc));
        let stsd = [words(&[0, 1]), boxed(b"avc1", &entry)].concat();
        let table = |numbers: &[u32]| words(&[&[0, numbers.len() as u32], numbers].concat());
        let stbl = [
            boxed(b"stsd", &stsd),
            boxed(b"stts", &words(&[0, 1, count, 1])),
            boxed(b"stss", &table(&self.keys)),
            boxed(b"stsc", &words(&[0, 1, 1, self.per_chunk, 1])),
            boxed(b"stsz", &[words(&[0, 0, count]), words(&self.sizes)].concat()),
            boxed(b"stco", &table(&self.chunks)),
        ];
        let vmhd = boxed(b"vmhd", &[0; 12]);
        let dinf = boxed(b"dinf", &boxed(b"dref", &words(&[0, 0])));
        let minf = boxed(b"minf", &[vmhd, dinf, boxed(b"stbl", &stbl.concat())].concat());
        let mdia = boxed(b"mdia", &[mdhd, hdlr, minf].concat());
        boxed(b"trak", &[tkhd, mdia].concat())
    }
}

/// A file of these tracks. Its data begins with `data` at the place that is given to `tracks`.
pub fn file(data: &[u8], tracks: impl Fn(u32) -> Vec<Track>) -> Vec<u8> {
    let ftyp = boxed(b"ftyp", b"isom\0\0\0\0isom");
    let data_at = ftyp.len() as u32 + 8;
    let mvhd = boxed(b"mvhd", &[&words(&[0, 0, 0, 24, 24])[..], &[0; 80]].concat());
    let boxes: Vec<u8> = tracks(data_at).iter().flat_map(Track::boxed).collect();
    [ftyp, boxed(b"mdat", data), boxed(b"moov", &[mvhd, boxes].concat())].concat()
}

/// A group of frames by the program's own writer: the `avcC`, and each frame.
pub fn group(frames: u32, width: u32, height: u32) -> (Vec<u8>, Vec<Vec<u8>>) {
    let spec = ClipSpec { width, height, fps: 24, frames };
    let bytes = encode(&spec, &|index, frame: &mut Frame| {
        frame.y.fill(16 + 4 * (index % 50) as u8);
        true
    })
    .expect("a clip");
    let avcc = within(&bytes, b"avcC").to_vec();
    let sizes = within(&bytes, b"stsz")[12..].chunks_exact(4);
    let mut data = within(&bytes, b"mdat");
    let frames = sizes.map(|size| {
        let size = u32::from_be_bytes(size.try_into().expect("four bytes")) as usize;
        let (frame, rest) = data.split_at(size);
        data = rest;
        frame.to_vec()
    });
    (avcc, frames.collect())
}

/// Where a box's content is, by its name alone.
pub fn find(bytes: &[u8], name: &[u8; 4]) -> std::ops::Range<usize> {
    let at = bytes.windows(4).position(|w| w == name).expect("the box is there");
    let length = u32::from_be_bytes(bytes[at - 4..at].try_into().expect("four bytes"));
    at + 4..at - 4 + length as usize
}

fn within<'b>(bytes: &'b [u8], name: &[u8; 4]) -> &'b [u8] {
    &bytes[find(bytes, name)]
}
