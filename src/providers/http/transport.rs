//! By which transport a picture goes: the first of the card's that is possible. Pure.

use data_encoding::BASE64;

use super::client::Parcel;
use super::pictures::ReadyPicture;
use crate::media::Format;
use crate::plan::RequestReference;
use crate::protocol::{Images, Transport};

/// Room for everything in a body that is not a picture.
const BESIDE_PICTURES: u64 = 64 << 10;

/// The transport of each picture. When those that stand in the body would make it too large,
/// none stands in it, where there is another way.
///
/// # Errors
/// Which picture can't go, and why not by each transport.
pub(super) fn choose(
    images: &Images,
    body_bytes: Option<u64>,
    pictures: &[(&RequestReference, &ReadyPicture)],
) -> Result<Vec<Transport>, String> {
    let all = |inline: bool| -> Result<Vec<Transport>, String> {
        pictures.iter().map(|(reference, ready)| one(images, reference, ready, inline)).collect()
    };
    let chosen = all(true)?;
    let inline: u64 = chosen
        .iter()
        .zip(pictures)
        .filter_map(|(transport, (_, ready))| encoded_length(*transport, ready))
        .sum();
    if body_bytes.is_some_and(|most| inline + BESIDE_PICTURES > most)
        && let Ok(outside) = all(false)
    {
        return Ok(outside);
    }
    Ok(chosen)
}

fn one(
    images: &Images,
    reference: &RequestReference,
    ready: &ReadyPicture,
    inline: bool,
) -> Result<Transport, String> {
    let mut reasons = Vec::new();
    for transport in &images.transports {
        match obstacle(*transport, images, reference, ready, inline) {
            None => return Ok(*transport),
            Some(why) => reasons.push(format!("{}: {why}", transport.as_str())),
        }
    }
    Err(format!("the picture `{}` can't be sent ({})", reference.name, reasons.join("; ")))
}

fn obstacle(
    transport: Transport,
    images: &Images,
    reference: &RequestReference,
    ready: &ReadyPicture,
    inline: bool,
) -> Option<String> {
    let above = |bytes: u64, most: Option<u64>| {
        let most = most.filter(|most| bytes > *most)?;
        Some(format!("it has {bytes} bytes, the limit is {most}"))
    };
    let bytes = ready.bytes.len() as u64;
    match transport {
        Transport::Url => match &reference.url {
            None => Some("it has no URL".to_owned()),
            Some(_) if !ready.unchanged => Some("it was changed for this model".to_owned()),
            Some(_) => above(bytes, images.url_bytes),
        },
        Transport::DataUri | Transport::Base64 if !inline => {
            Some("the body would be too large".to_owned())
        }
        Transport::DataUri | Transport::Base64 => {
            above(encoded_length(transport, ready).unwrap_or(bytes), images.encoded_bytes)
        }
        Transport::Upload => {
            let upload = images.upload.as_ref();
            let least = upload.and_then(|u| u.min_bytes).filter(|least| bytes < *least);
            least
                .map(|least| format!("it has {bytes} bytes, at least {least} are needed"))
                .or_else(|| above(bytes, upload.and_then(|u| u.max_bytes)))
        }
        Transport::File => None,
    }
}

/// Bytes of a picture inside a body; absent when it does not stand in one as text.
pub(super) fn encoded_length(transport: Transport, ready: &ReadyPicture) -> Option<u64> {
    let base64 = BASE64.encode_len(ready.bytes.len()) as u64;
    match transport {
        Transport::DataUri => Some(prefix(ready.format).len() as u64 + base64),
        Transport::Base64 => Some(base64),
        Transport::Url | Transport::Upload | Transport::File => None,
    }
}

/// What stands for a picture in the request, for transports that need nothing but the picture.
pub(super) fn value(
    transport: Transport,
    reference: &RequestReference,
    ready: &ReadyPicture,
) -> String {
    match transport {
        Transport::Url => reference.url.clone().unwrap_or_default(),
        Transport::DataUri => {
            let mut text = prefix(ready.format);
            BASE64.encode_append(&ready.bytes, &mut text);
            text
        }
        Transport::Base64 => BASE64.encode(&ready.bytes),
        Transport::Upload | Transport::File => String::new(),
    }
}

fn prefix(format: Format) -> String {
    format!("data:{};base64,", format.media_type())
}

/// The picture's bytes with type and a file name that no server stumbles over.
pub(super) fn parcel(reference: &RequestReference, ready: &ReadyPicture) -> Parcel {
    let plain = |c: char| if c.is_ascii_alphanumeric() || c == '-' { c } else { '_' };
    let stem: String = reference.name.chars().take(64).map(plain).collect();
    let extension = ready.format.extension();
    Parcel {
        bytes: ready.bytes.clone(),
        media_type: ready.format.media_type().to_owned(),
        file_name: format!("{stem}.{extension}"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::digest::Digest;
    use crate::manifest::Role;

    fn reference(url: Option<&str>) -> RequestReference {
        RequestReference {
            name: "mia.face".to_owned(),
            role: Role::Identity,
            given: None,
            path: "mia.png".to_owned(),
            digest: Digest::of(b""),
            format: Format::Png,
            width: 1,
            height: 1,
            url: url.map(str::to_owned),
            source: None,
            recipe: None,
        }
    }

    fn ready(bytes: usize, unchanged: bool) -> ReadyPicture {
        let bytes = vec![0; bytes].into();
        ReadyPicture { bytes, format: Format::Png, width: 1, height: 1, unchanged }
    }

    fn images(encoded: u64) -> Images {
        Images {
            transports: vec![Transport::Url, Transport::DataUri, Transport::Upload],
            url_bytes: Some(5000),
            encoded_bytes: Some(encoded),
            upload: None,
        }
    }

    fn chosen(encoded: u64, url: Option<&str>, picture: &ReadyPicture) -> Vec<Transport> {
        let pair = (&reference(url), picture);
        choose(&images(encoded), None, &[pair]).expect("it can go")
    }

    #[test]
    fn the_first_transport_that_is_possible_is_taken() {
        let url = Some("https://shop.example/mia.png");
        assert_eq!(chosen(9000, url, &ready(100, true)), [Transport::Url]);
        assert_eq!(chosen(9000, url, &ready(100, false)), [Transport::DataUri]);
        assert_eq!(chosen(9000, url, &ready(5001, true)), [Transport::DataUri]);
        assert_eq!(chosen(9000, None, &ready(100, true)), [Transport::DataUri]);
        // 6 bytes are 8 in base64, after a prefix of 22.
        assert_eq!(chosen(30, None, &ready(6, true)), [Transport::DataUri]);
        assert_eq!(chosen(29, None, &ready(6, true)), [Transport::Upload]);
    }

    #[test]
    fn pictures_that_fit_one_by_one_but_not_together_are_uploaded() {
        let (reference, picture) = (reference(None), ready(60_000, true));
        let pairs = [(&reference, &picture), (&reference, &picture)];
        let choose = |most| choose(&images(1 << 20), Some(most), &pairs);
        assert_eq!(choose(300_000), Ok(vec![Transport::DataUri; 2]));
        assert_eq!(choose(100_000), Ok(vec![Transport::Upload; 2]));
    }

    #[test]
    fn a_picture_that_can_t_go_says_why_by_each_way() {
        let images = Images { transports: vec![Transport::Url, Transport::Base64], ..images(10) };
        let (reference, picture) = (reference(None), ready(9, true));
        let why = choose(&images, None, &[(&reference, &picture)]).expect_err("it is too large");
        assert_eq!(
            why,
            "the picture `mia.face` can't be sent (url: it has no URL; \
             base64: it has 12 bytes, the limit is 10)"
        );
    }

    #[test]
    fn file_names_are_plain() {
        assert_eq!(parcel(&reference(None), &ready(1, true)).file_name, "mia_face.png");
    }
}
