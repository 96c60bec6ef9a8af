import Domain
import HLS
import NIOCore

/// One segment of one rendition in the making: its parts follow each other in a memory file, so that a part is a piece of its
/// segment and nothing is kept twice. Owned by `HLSRendition`.
///
/// Where the host gives no file the parts stay in the process; the segment is joined from them when it is complete.
struct SegmentAssembly {
    let number: Int64
    let start: MediaTime
    /// Where its first unit is shown.
    let shownAt: MediaTime
    let isDiscontinuous: Bool
    let initialization: String?
    let date: WallTime
    let isIndependent: Bool
    /// The pictures of all parts alone, in pieces; `nil` once a part has none that could be told apart.
    private(set) var pictures: [DeliveredContent]? = []
    private(set) var parts: [MediaPlaylist.Part] = []
    private(set) var duration = MediaTime.zero
    private(set) var bytes = 0
    private var file: (any GrowingFile)?
    private var kept: [ByteBuffer] = []

    init(
        number: Int64, start: MediaTime, shownAt: MediaTime, isDiscontinuous: Bool, initialization: String?,
        date: WallTime,
        isIndependent: Bool, file: (any GrowingFile)?
    ) {
        self.number = number
        self.start = start
        self.shownAt = shownAt
        self.isDiscontinuous = isDiscontinuous
        self.initialization = initialization
        self.date = date
        self.isIndependent = isIndependent
        self.file = file
    }

    /// - Returns: where the bytes can be had.
    mutating func append(_ body: ByteBuffer) -> DeliveredContent {
        let range = bytes..<bytes + body.readableBytes
        bytes = range.upperBound
        if let file {
            if file.append(body) { return .file(file, range) }
            // The host has no more memory for files: what is in it already moves into the process.
            kept = [file.read(0..<range.lowerBound)]
            self.file = nil
        }
        kept.append(body)
        return .bytes(body)
    }

    /// - Parameters:
    ///   - fragment: what `content` ends with.
    mutating func tellPicturesApart(in fragment: ByteBuffer, of content: DeliveredContent) {
        guard let part = PictureFragment(of: fragment) else {
            pictures = nil
            return
        }
        let payload: DeliveredContent
        switch content {
        case .file(let file, let range):
            let start = range.upperBound - fragment.readableBytes
            payload = .file(file, start + part.payload.lowerBound..<start + part.payload.upperBound)
        case .bytes, .text, .pieces:
            payload = .bytes(
                fragment.getSlice(at: fragment.readerIndex + part.payload.lowerBound, length: part.payload.count)
                    ?? ByteBuffer())
        }
        pictures?.append(.bytes(part.head))
        pictures?.append(payload)
    }

    mutating func lasted(_ span: MediaTime) { duration = duration + span }

    mutating func list(_ part: MediaPlaylist.Part) { parts.append(part) }

    /// All of it; `nil` when there is nothing.
    func whole() -> DeliveredContent? {
        guard bytes > 0 else { return nil }
        if let file { return .file(file, 0..<bytes) }
        var joined = ByteBuffer()
        joined.reserveCapacity(bytes)
        for piece in kept { joined.writeImmutableBuffer(piece) }
        return .bytes(joined)
    }

    /// As the playlist shows it.
    /// - Parameter name: `nil` while it is being made.
    func shown(as name: String?) -> MediaPlaylist.Segment {
        MediaPlaylist.Segment(
            name: name, duration: duration, isDiscontinuous: isDiscontinuous, initializationName: initialization,
            programDateTime: date, isIndependent: isIndependent, isGap: name != nil && bytes == 0, parts: parts)
    }
}
