import NIOCore

/// Entity tags (RFC 9110 §8.8.3, §13.1.2).
enum EntityTag {
    /// A strong tag from the bytes: FNV-1a, 64 bits, and the length. Not a defence against anybody; files here are ours.
    static func of(_ body: ByteBuffer) -> String {
        var hash: UInt64 = 0xcbf2_9ce4_8422_2325
        for byte in body.readableBytesView { hash = (hash ^ UInt64(byte)) &* 0x100_0000_01b3 }
        return "\"" + String(hash, radix: 16) + "-" + String(body.readableBytes, radix: 16) + "\""
    }

    /// Whether `If-None-Match` names the tag; the comparison is weak, as that header's is.
    static func matches(_ header: String?, _ tag: String) -> Bool {
        guard let header else { return false }
        if header == "*" { return true }
        return header.split(separator: ",").contains { candidate in
            var candidate = candidate.drop { $0 == " " }
            if candidate.hasPrefix("W/") { candidate = candidate.dropFirst(2) }
            while candidate.last == " " { candidate = candidate.dropLast() }
            return candidate == tag
        }
    }
}
