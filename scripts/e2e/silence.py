"""FLV files whose sound is digital silence, padded with fill elements as encoders with a constant bitrate do."""

import struct

# A channel pair without a coefficient, a fill element of 214 bytes, the end (ISO/IEC 14496-3 §4.4.2.1, §4.4.2.7).
_PAIR = "001" + "0000" + "1" + "0" * 11 + "00" + "0" * 11 * 2
_FILL = "110" + "1111" + f"{200:08b}" + "0" * 8 + f"{0xA5:08b}" * 213
_BITS = _PAIR + _FILL + "111"
PADDED_FRAME = int(_BITS.ljust(-(-len(_BITS) // 8) * 8, "0"), 2).to_bytes(-(-len(_BITS) // 8), "big")


def silenced(source, target):
    """Writes `source`, an FLV file with stereo AAC-LC, with every frame of sound as padded silence. Answers `target`."""
    data = source.read_bytes()
    out, at = bytearray(data[:13]), 13
    while at + 11 <= len(data):
        size = int.from_bytes(data[at + 1:at + 4], "big")
        head, body = data[at:at + 11], data[at + 11:at + 11 + size]
        # AAC, and not its configuration.
        if head[0] == 8 and body[0] >> 4 == 10 and body[1] == 1:
            body = body[:2] + PADDED_FRAME
            head = head[:1] + len(body).to_bytes(3, "big") + head[4:]
        out += head + body + struct.pack(">I", len(head) + len(body))
        at += 11 + size + 4
    target.write_bytes(out)
    return target
