"""The pictures and addresses of the first recordings, kept so that they can be made again."""

import base64

#: One transparent pixel, 70 bytes; sent where a whole upload is recorded.
PIXEL = base64.b64decode(
    "iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mNk+M9QDwADhgGAWjR9awAAAABJRU5ErkJggg=="
)
PIXEL_URI = "data:image/png;base64," + base64.b64encode(PIXEL).decode()
#: The same, padded so that its text is long enough to be shortened.
LONG = PIXEL + bytes(1330)
LONG_BASE64 = base64.b64encode(LONG).decode()
LONG_URI = "data:image/png;base64," + LONG_BASE64
A = "https://example.com/a.png"
B = "https://example.com/b.png"
