package import NIOCore

/// The few things we read and mend in MP4 boxes that libavformat wrote (ISO/IEC 14496-12 §4.2).
///
///     box:   [size u32][type 4cc][body]            size counts these 8 bytes too; 64-bit sizes are not used here
///     mp4a:  [6 zero][data reference u16][8 zero][channels u16][bits u16][4 zero][rate 16.16][child boxes]
package enum MP4Boxes {
    /// Where a box's body lies in its buffer.
    package struct Box: Equatable {
        package var type: String
        package var body: Range<Int>
    }

    /// The boxes within `range`, in order; stops at the first that does not fit its surroundings.
    package static func boxes(of buffer: ByteBuffer, in range: Range<Int>) -> [Box] {
        var found: [Box] = []
        var position = range.lowerBound
        while position + 8 <= range.upperBound,
            let size = buffer.getInteger(at: position, as: UInt32.self),
            let type = buffer.getBytes(at: position + 4, length: 4),
            size >= 8, Int(size) <= range.upperBound - position
        {
            let end = position + Int(size)
            found.append(Box(type: String(decoding: type, as: UTF8.self), body: position + 8..<end))
            position = end
        }
        return found
    }

    /// The boxes at the end of `path` from the buffer's start, every branch taken: `["moov", "trak"]` gives all tracks.
    package static func find(_ path: [String], of buffer: ByteBuffer) -> [Box] {
        var ranges = [buffer.readerIndex..<buffer.writerIndex]
        var found: [Box] = []
        for type in path {
            found = ranges.flatMap { boxes(of: buffer, in: $0) }.filter { $0.type == type }
            ranges = found.map { $0.body.dropFirst(headerLength(of: type)) }.map { $0.startIndex..<$0.endIndex }
        }
        return found
    }

    /// Bytes of a container's own fields before its children.
    private static func headerLength(of type: String) -> Int {
        switch type {
        case "stsd": 8
        case "mp4a": 28
        default: 0
        }
    }

    /// Writes the true rate into every `mp4a` sample entry; 0 (as the format wants it) above what 16 bits hold.
    static func setAudioSampleRate(of section: inout ByteBuffer, to hertz: Int) {
        for entry in find(["moov", "trak", "mdia", "minf", "stbl", "stsd", "mp4a"], of: section)
        where entry.body.count >= 28 {
            section.setInteger(UInt16(exactly: hertz) ?? 0, at: entry.body.lowerBound + 24)
        }
    }
}
