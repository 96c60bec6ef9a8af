import NIOCore

/// The pictures of a fragment that holds pictures and sound, so that they can be sent alone without being copied: a short new head, and
/// where the pictures' bytes lie in the fragment (ISO/IEC 14496-12 §8.8).
///
///     whole:  moof(mfhd, traf 1, traf 2)  mdat(pictures, sound)
///     made:   moof(mfhd, traf 1)          mdat(pictures)          all but the last word is `head`
struct PictureFragment: Equatable {
    /// The track's number in every file of a channel (design §5, Formats).
    private static let track: UInt32 = 1

    var head: ByteBuffer
    /// From the fragment's first readable byte.
    var payload: Range<Int>

    /// `nil` for a fragment without pictures, and for what is laid out otherwise than our muxer does.
    init?(of fragment: ByteBuffer) {
        let boxes = BoxReader(fragment.readableBytesView)
        guard let moof = boxes.top().first, moof.type == "moof" else { return nil }
        let children = boxes.boxes(in: moof.body)
        guard let header = children.first(where: { $0.type == "mfhd" }),
            let traf = children.first(where: { $0.type == "traf" && boxes.track(of: $0) == Self.track })
        else { return nil }
        let runs = boxes.boxes(in: traf.body).filter { $0.type == "trun" }
        guard runs.count == 1, let run = runs.first, let samples = boxes.samples(of: run, in: traf) else { return nil }
        let start = moof.whole.lowerBound + samples.offset
        guard start >= moof.whole.upperBound, start + samples.bytes <= fragment.readableBytes, samples.bytes > 0,
            samples.bytes < Int(UInt32.max) - 8
        else { return nil }
        payload = start..<start + samples.bytes
        head = Self.head(of: fragment, header: header, traf: traf, offsetPosition: samples.offsetPosition)
        head.writeInteger(UInt32(samples.bytes + 8))
        head.writeString("mdat")
    }

    private static func head(
        of fragment: ByteBuffer, header: BoxReader.Box, traf: BoxReader.Box, offsetPosition: Int
    ) -> ByteBuffer {
        let size = 8 + header.whole.count + traf.whole.count
        var head = ByteBufferAllocator().buffer(capacity: size + 8)
        head.writeInteger(UInt32(size))
        head.writeString("moof")
        for box in [header, traf] {
            head.writeImmutableBuffer(
                fragment.getSlice(at: fragment.readerIndex + box.whole.lowerBound, length: box.whole.count)
                    ?? ByteBuffer())
        }
        // The samples lie behind this box and the head of the next.
        let place = 8 + header.whole.count + offsetPosition - traf.whole.lowerBound
        head.setInteger(Int32(size + 8), at: place)
        return head
    }
}

/// Reads the few boxes of a fragment that `PictureFragment` needs; positions count from the fragment's first byte.
private struct BoxReader {
    struct Box {
        var type: String
        var whole: Range<Int>
        var body: Range<Int> { whole.lowerBound + 8..<whole.upperBound }
    }

    private let bytes: ByteBufferView

    init(_ bytes: ByteBufferView) { self.bytes = bytes }

    func top() -> [Box] { boxes(in: 0..<bytes.count) }

    /// In order; stops at the first that does not fit. 64-bit sizes are not used here.
    func boxes(in range: Range<Int>) -> [Box] {
        var found: [Box] = []
        var position = range.lowerBound
        while position + 8 <= range.upperBound {
            let size = Int(word(at: position))
            guard size >= 8, size <= range.upperBound - position else { break }
            let type = bytes[bytes.startIndex + position + 4..<bytes.startIndex + position + 8]
            found.append(Box(type: String(decoding: type, as: UTF8.self), whole: position..<position + size))
            position += size
        }
        return found
    }

    func track(of traf: Box) -> UInt32? {
        guard let header = boxes(in: traf.body).first(where: { $0.type == "tfhd" }), header.body.count >= 8 else {
            return nil
        }
        return word(at: header.body.lowerBound + 4)
    }

    /// Where a run's samples lie from the start of the `moof`, how many bytes they are, and where the first of these is written.
    func samples(of run: Box, in traf: Box) -> (offset: Int, bytes: Int, offsetPosition: Int)? {
        guard let header = boxes(in: traf.body).first(where: { $0.type == "tfhd" }), header.body.count >= 8,
            run.body.count >= 12
        else { return nil }
        let (flags, headerFlags) = (
            word(at: run.body.lowerBound) & 0xFFFFFF, word(at: header.body.lowerBound) & 0xFFFFFF
        )
        // With an offset of its own, and no base but the `moof`.
        guard flags & 0x1 != 0, headerFlags & 0x1 == 0 else { return nil }
        let count = Int(word(at: run.body.lowerBound + 4))
        let offsetPosition = run.body.lowerBound + 8
        let offset = Int(Int32(bitPattern: word(at: offsetPosition)))
        let fields = [0x100, 0x200, 0x400, 0x800] as [UInt32]
        let width = fields.count { flags & $0 != 0 } * 4
        let first = offsetPosition + 4 + (flags & 0x4 != 0 ? 4 : 0)
        guard flags & 0x200 != 0 else {
            return usualSize(header, headerFlags).map { (offset, count * $0, offsetPosition) }
        }
        guard first + count * width <= run.body.upperBound else { return nil }
        let place = flags & 0x100 != 0 ? 4 : 0
        let total = (0..<count).reduce(0) { $0 + Int(word(at: first + $1 * width + place)) }
        return (offset, total, offsetPosition)
    }

    /// `default_sample_size` of a `tfhd`.
    private func usualSize(_ header: Box, _ flags: UInt32) -> Int? {
        guard flags & 0x10 != 0 else { return nil }
        let position =
            header.body.lowerBound + 8
            + ([0x1: 8, 0x2: 4, 0x8: 4] as [UInt32: Int]).reduce(0) {
                $0 + (flags & $1.key != 0 ? $1.value : 0)
            }
        return position + 4 <= header.body.upperBound ? Int(word(at: position)) : nil
    }

    /// 0 beyond the end.
    private func word(at position: Int) -> UInt32 {
        guard position >= 0, position + 4 <= bytes.count else { return 0 }
        let start = bytes.startIndex + position
        return bytes[start..<start + 4].reduce(0) { $0 << 8 | UInt32($1) }
    }
}
