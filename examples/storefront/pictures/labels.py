#!/usr/bin/env python3
"""Draws the printed matter (labels, dial, stamps) into ./build as PNG files.

Fonts: EB Garamond, Lato and Quicksand, all from the distribution's packages.
"""
import math
import os

from PIL import Image, ImageDraw, ImageFont

OTF = "/usr/share/fonts/opentype/ebgaramond/EBGaramond12-%s.otf"
TTF = "/usr/share/fonts/truetype/"
SERIF, ITALIC = OTF % "Regular", OTF % "Italic"
SANS, LIGHT = TTF + "lato/Lato-Medium.ttf", TTF + "lato/Lato-Regular.ttf"
ROUND = TTF + "quicksand/Quicksand-Bold.ttf"
BRAND = "GRANVARV & CO"


def tracked(d, xy, text, font, size, fill, gap=0.0):
    """Centred text with letter spacing (gap in em)."""
    f = ImageFont.truetype(font, size)
    widths = [f.getlength(c) for c in text]
    x = xy[0] - (sum(widths) + gap * size * (len(text) - 1)) / 2
    for c, w in zip(text, widths):
        d.text((x, xy[1]), c, font=f, fill=fill, anchor="ls")
        x += w + gap * size


def sprig(d, x, y, s, ink, width=5):
    """A small twig with leaf pairs, the house mark."""
    d.line([(x, y + s), (x, y - s)], fill=ink, width=width)
    for i in range(5):
        t = y + s * 0.62 - i * s * 0.36
        ln = s * (0.52 - 0.07 * i)
        for sg in (-1, 1):
            a = math.radians(38)
            pts = []
            for k in range(21):
                u = k / 20
                wv = math.sin(u * math.pi) * ln * 0.2
                pts.append((u * ln, wv))
            pts += [(p, -q) for p, q in reversed(pts)]
            d.polygon([(x + sg * (p * math.cos(a) + q * math.sin(a)),
                        t - p * math.sin(a) + q * math.cos(a)) for p, q in pts], fill=ink)


def sleeve(name, circ, high, ppu, part, draw):
    """A transparent sheet once round a body with a printed part in the middle."""
    w, h = int(circ * ppu), int(high * ppu)
    im = Image.new("RGBA", (w, h), (255, 255, 255, 0))
    lw = int(part * ppu)
    lab = Image.new("RGBA", (lw, h), (255, 255, 255, 0))
    draw(ImageDraw.Draw(lab), lw, h)
    im.paste(lab, ((w - lw) // 2, 0))
    im.save("build/" + name)


def candle(d, w, h):
    ink, paper = (58, 40, 26, 255), (246, 238, 222, 255)
    d.rounded_rectangle([0, 0, w - 1, h - 1], 22, fill=paper)
    d.rounded_rectangle([20, 20, w - 21, h - 21], 10, outline=(176, 128, 66, 255), width=4)
    sprig(d, w / 2, h * 0.2, h * 0.1, ink)
    tracked(d, (w / 2, h * 0.40), BRAND, SANS, int(h * 0.052), ink, 0.24)
    tracked(d, (w / 2, h * 0.585), "Bärnsten", ITALIC, int(h * 0.19), ink)
    tracked(d, (w / 2, h * 0.72), "AMBER · CEDAR · SMOKE", SANS, int(h * 0.047), ink, 0.16)
    d.line([(w * 0.38, h * 0.78), (w * 0.62, h * 0.78)], fill=(176, 128, 66, 255), width=3)
    tracked(d, (w / 2, h * 0.87), "220 g  ·  45 h", SANS, int(h * 0.052), ink, 0.1)


def dropper(d, w, h):
    ink, paper = (32, 58, 52, 255), (250, 250, 246, 255)
    d.rounded_rectangle([0, 0, w - 1, h - 1], 10, fill=paper)
    d.rectangle([0, int(h * 0.86), w - 1, h - 1], fill=(122, 158, 140, 255))
    d.rectangle([0, 0, w - 1, int(h * 0.025)], fill=(122, 158, 140, 255))
    sprig(d, w / 2, h * 0.15, h * 0.085, ink)
    tracked(d, (w / 2, h * 0.30), BRAND, SANS, int(h * 0.04), ink, 0.22)
    tracked(d, (w / 2, h * 0.465), "Linnea", SERIF, int(h * 0.17), ink, 0.01)
    tracked(d, (w / 2, h * 0.56), "FACE OIL", SANS, int(h * 0.048), ink, 0.36)
    d.line([(w * 0.4, h * 0.62), (w * 0.6, h * 0.62)], fill=ink, width=3)
    tracked(d, (w / 2, h * 0.70), "cloudberry seed", ITALIC, int(h * 0.062), ink)
    tracked(d, (w / 2, h * 0.77), "& birch leaf", ITALIC, int(h * 0.062), ink)
    tracked(d, (w / 2, h * 0.955), "30 ml", SANS, int(h * 0.055), (255, 255, 255, 255), 0.12)


def dial():
    n = 1800
    im = Image.new("RGBA", (n, n), (248, 245, 237, 0))
    d = ImageDraw.Draw(im)
    c, ink = n / 2, (38, 44, 54)
    d.ellipse([n * .02, n * .02, n * .98, n * .98], fill=(248, 245, 237, 255))
    for i in range(60):
        a = math.radians(i * 6)
        r0 = 0.435 if i % 5 else 0.42
        p = [(c + n * r * math.sin(a), c - n * r * math.cos(a)) for r in (r0, 0.455)]
        d.line(p, fill=ink, width=6 if i % 5 else 14)
    for i, t in ((12, "12"), (3, "3"), (6, "6"), (9, "9")):
        a = math.radians(i * 30)
        d.text((c + n * .345 * math.sin(a), c - n * .345 * math.cos(a)), t,
               font=ImageFont.truetype(ROUND, 190), fill=ink, anchor="mm")
    for i in (1, 2, 4, 5, 7, 8, 10, 11):
        a = math.radians(i * 30)
        p = [(c + n * r * math.sin(a), c - n * r * math.cos(a)) for r in (.32, .39)]
        d.line(p, fill=ink, width=26)
    tracked(d, (c, n * .335), "GRANVARV", SANS, 70, ink, 0.2)
    tracked(d, (c, n * .70), "Timme", ITALIC, 96, (170, 84, 40))
    im.save("build/dial.png")


def foil():
    im = Image.new("RGBA", (1400, 700), (214, 168, 92, 0))
    d = ImageDraw.Draw(im)
    ink = (214, 168, 92, 255)
    sprig(d, 700, 190, 150, ink, 10)
    tracked(d, (700, 500), "GRANVARV", SERIF, 170, ink, 0.2)
    tracked(d, (700, 640), "& CO", SERIF, 110, ink, 0.3)
    im.save("build/foil.png")


def stamp():
    im = Image.new("RGBA", (900, 900), (90, 52, 30, 0))
    d = ImageDraw.Draw(im)
    ink = (96, 54, 30, 225)
    d.ellipse([30, 30, 870, 870], outline=ink, width=26)
    sprig(d, 450, 300, 170, ink, 12)
    tracked(d, (450, 640), "GRANVARV", ROUND, 112, ink, 0.06)
    tracked(d, (450, 750), "& CO", ROUND, 80, ink, 0.1)
    im.save("build/stamp.png")


if __name__ == "__main__":
    os.makedirs("build", exist_ok=True)
    sleeve("candle.png", 2 * math.pi * 3.93, 4.6, 220, 6.0, candle)
    sleeve("dropper.png", 2 * math.pi * 2.42, 4.7, 300, 5.4, dropper)
    dial()
    foil()
    stamp()
