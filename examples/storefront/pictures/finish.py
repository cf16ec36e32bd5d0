#!/usr/bin/env python3
"""finish.py SOURCE.ppm TARGET.jpg [exposure [white]] - develop a linear render.

Undoes the headroom factor of lights.inc, rolls highlights off softly, encodes
sRGB and writes a JPEG (quality 85). With "white" (pack shots) the last trace
of floor shadow fades out towards the edge, so that the border is pure white. Needs python3-numpy and python3-pil.
"""
import sys

import numpy as np
from PIL import Image


def read_ppm(path):
    with open(path, "rb") as f:
        data = f.read()
    fields, pos = [], 0
    while len(fields) < 4:
        end = pos
        while data[end:end + 1] not in b" \t\r\n":
            end += 1
        token = data[pos:end]
        pos = end + 1
        if token.startswith(b"#"):
            pos = data.index(b"\n", end) + 1
        elif token:
            fields.append(token)
    w, h = int(fields[1]), int(fields[2])
    return np.frombuffer(data[pos:], ">u2").reshape(h, w, 3) / 65535.0


def shoulder(x, knee=0.62, white=1.32):
    """Identity below the knee, then a smooth curve that reaches 1 at white."""
    t = np.clip((x - knee) / (white - knee), 0, 1)
    s = (white - knee) / (1 - knee)         # slope 1 where the curve starts
    y = 1 - (1 - t) ** s
    return np.where(x < knee, x, knee + (1 - knee) * y)


def clear_border(img, margin=0.12):
    """Fade bright neutral pixels to white towards the edge of the picture."""
    h, w, _ = img.shape
    yy, xx = np.mgrid[0:h, 0:w]
    edge = np.minimum(np.minimum(xx, w - 1 - xx) / w, np.minimum(yy, h - 1 - yy) / h)
    keep = np.clip((edge - 0.01) / margin, 0, 1)
    keep = keep * keep * (3 - 2 * keep)
    low, spread = img.min(axis=2), img.max(axis=2) - img.min(axis=2)
    floor = np.clip((low - 0.72) / 0.12, 0, 1) * np.clip((0.06 - spread) / 0.03, 0, 1)
    fade = floor * (1 - keep)
    return img + (1 - img) * fade[..., None]


def main():
    exposure = float(sys.argv[3]) if len(sys.argv) > 3 else 1.0
    x = shoulder(read_ppm(sys.argv[1]) * 2.0 * exposure)
    srgb = np.where(x <= 0.0031308, 12.92 * x, 1.055 * np.power(x, 1 / 2.4) - 0.055)
    if "white" in sys.argv[4:]:
        srgb = clear_border(srgb)
    out = Image.fromarray((np.clip(srgb, 0, 1) * 255 + 0.5).astype("uint8"))
    out.save(sys.argv[2], quality=85, optimize=True, progressive=False, subsampling=0)


if __name__ == "__main__":
    main()
