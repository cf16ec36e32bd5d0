//! Files that encoders don't write: TIFF directories of any kind, and others' first bytes.

/// A TIFF of one strip a page, little-endian.
#[derive(Clone)]
pub struct Page {
    pub width: u16,
    pub height: u16,
    pub bits: u16,
    /// Samples a pixel.
    pub samples: u16,
    /// 1 is grey, 2 red, green and blue, 3 a palette, 5 inks.
    pub photometric: u16,
    pub orientation: u16,
    pub pixels: Vec<u8>,
    /// Further entries: tag, type, count, value.
    pub more: Vec<(u16, u16, u32, u32)>,
}

impl Page {
    pub fn rgb(width: u16, height: u16, pixels: Vec<u8>) -> Self {
        let (bits, samples, photometric, orientation) = (8, 3, 2, 1);
        Page { width, height, bits, samples, photometric, orientation, pixels, more: Vec::new() }
    }
}

/// Pages in a row; their directories stand behind all pixels.
pub fn tiff(pages: &[Page]) -> Vec<u8> {
    let mut bytes = b"II\x2A\0\0\0\0\0".to_vec();
    let strips: Vec<u32> = pages
        .iter()
        .map(|page| {
            let at = bytes.len() as u32;
            bytes.extend(&page.pixels);
            at
        })
        .collect();
    let mut link = 4;
    for (page, strip) in pages.iter().zip(strips) {
        // More samples than two don't fit into an entry.
        let bits_at = bytes.len() as u32;
        (0..page.samples.max(3)).for_each(|_| bytes.extend(page.bits.to_le_bytes()));
        bytes.resize(bytes.len().next_multiple_of(2), 0);
        let at = bytes.len() as u32;
        bytes[link..link + 4].copy_from_slice(&at.to_le_bytes());
        let bits = match page.samples {
            1 => (258, 3, 1, u32::from(page.bits)),
            samples => (258, 3, u32::from(samples), bits_at),
        };
        let mut entries = vec![
            (256, 3, 1, u32::from(page.width)),
            (257, 3, 1, u32::from(page.height)),
            bits,
            (259, 3, 1, 1),
            (262, 3, 1, u32::from(page.photometric)),
            (273, 4, 1, strip),
            (274, 3, 1, u32::from(page.orientation)),
            (277, 3, 1, u32::from(page.samples)),
            (278, 3, 1, u32::from(page.height)),
            (279, 4, 1, page.pixels.len() as u32),
        ];
        entries.extend(&page.more);
        entries.sort_unstable();
        bytes.extend((entries.len() as u16).to_le_bytes());
        for (tag, kind, count, value) in entries {
            bytes.extend(u16::to_le_bytes(tag));
            bytes.extend(u16::to_le_bytes(kind));
            bytes.extend(u32::to_le_bytes(count));
            bytes.extend(u32::to_le_bytes(value));
        }
        link = bytes.len();
        bytes.extend([0; 4]);
    }
    bytes
}

/// The quarters of 40 by 20 pixels, as `samples` says of each colour.
pub fn quarters(samples: impl Fn([u8; 3]) -> Vec<u8>) -> Vec<u8> {
    let mut pixels = Vec::new();
    for y in 0..20 {
        for x in 0..40 {
            pixels.extend(samples(super::QUARTERS[y / 10 * 2 + x / 20]));
        }
    }
    pixels
}

/// The first box of a file with these brands.
pub fn ftyp(brands: &[&[u8; 4]]) -> Vec<u8> {
    let size = (16 + 4 * (brands.len() - 1)) as u32;
    let mut bytes = [&size.to_be_bytes()[..], b"ftyp", brands[0], &[0; 4]].concat();
    brands[1..].iter().for_each(|brand| bytes.extend(*brand));
    bytes
}

/// Where bytes stand in others.
pub fn find(bytes: &[u8], wanted: &[u8]) -> usize {
    bytes.windows(wanted.len()).position(|w| w == wanted).expect("they are there")
}
