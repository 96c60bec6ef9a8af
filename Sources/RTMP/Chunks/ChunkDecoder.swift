package import NIOCore

/// Puts messages together from a peer's chunks (RTMP 1.0 §5.3), however the bytes are cut on their way.
///
/// Owned by one connection, on its event loop.
///
/// **Memory** follows the bytes that arrive, never a declared length. Before the peer is authorised a message has room for what
/// came of it. Afterwards a message of up to `smallRoomBytes`, or one of up to `largeRoomBytes` while nothing else is unfinished,
/// gets its room when its first byte comes, sound and pictures in pages they share (`MessagePages`). A longer one begins with
/// `pagedRoomBytes`, and with four times as much whenever that is full: room of that size is mapped from the system (`glibc`'s
/// threshold, which the server holds at that value), so what was not written to is not there, and a peer that announces 16 MB and
/// sends 65 KB holds 65 KB. All unfinished messages together stay under `maximumHeldBytes`.
///
/// **Copies.** Each payload byte is copied once, from the socket's buffer into its message's, which the access unit then shares.
/// Mapped room grows by moving its pages to other addresses (`mremap`), not by moving what is in them. Slices of the socket's
/// buffer would save the copy, but a kept GOP would keep whole reads for the few bytes of an audio frame in them.
///
/// **Work.** Most chunks go on with the message of the chunk before (ffmpeg sends 128-byte chunks, 2,500 a second for 2.5 Mbit/s):
/// they are known by their one header byte, and cost that look and the copy. A chunk stream is found by looking through the few
/// there are.
///
/// Set Chunk Size and Abort change how the following bytes are read, so they are carried out here and not handed on.
package struct ChunkDecoder: Sendable {
    /// One chunk stream's history and its unfinished message.
    private struct Stream {
        var id: Int
        var timestamp: UInt32 = 0
        /// What a type 3 chunk adds when it begins a message. After a type 0 chunk it is that chunk's timestamp (§5.3.1.2.4).
        var delta: UInt32 = 0
        /// The timestamp field that type 3 chunks repeat, when the last full header had an extended one.
        var extended: UInt32?
        var length = 0
        var type: UInt8 = 0
        var messageStreamID: UInt32 = 0
        var payload = ByteBuffer()
        /// Instead of `payload`, where the message has its room in a page.
        var reserved: ReservedRoom?
        var isOpen = false

        /// Bytes of the open message that are there.
        var received: Int { reserved?.count ?? payload.readableBytes }
    }

    private enum State {
        case header
        /// `remaining` bytes of the chunk on `streams[stream]` are still to come.
        case payload(stream: Int, remaining: Int)
    }

    private let limits: RTMPLimits
    private var state = State.header
    private var streams: [Stream] = []
    private var input = ByteBuffer()
    /// Bytes of a header that came in parts; fewer than `ChunkHeader.maximumBytes`.
    private var carry = ByteBuffer()
    private var chunkSize = RTMPLimits.smallestChunkSize
    private var unfinishedBytes = 0
    private var pictures = MessagePages(pageBytes: 65_536)
    private var sound = MessagePages(pageBytes: 16_384)
    /// The header byte of a chunk that goes on with `streams[continued]`'s message; above 255 when it needs more than a byte.
    private var continuation: UInt16 = .max
    private var continued = 0
    /// Audio and video are refused at their header until this is set.
    package var mediaIsAllowed = false
    /// Of unfinished messages; the owner raises it once the peer is authorised.
    package var maximumHeldBytes: Int

    package init(limits: RTMPLimits) {
        self.limits = limits
        self.maximumHeldBytes = limits.maximumHeldBytesBeforePublish
    }

    /// What is kept for the peer: unfinished messages and input not yet looked at.
    package var heldBytes: Int { unfinishedBytes + input.readableBytes + carry.readableBytes }

    /// Hands in bytes from the socket. Call `next` until it returns `nil` before handing in more, or they are joined by a copy.
    package mutating func append(_ bytes: ByteBuffer) {
        if input.readableBytes == 0 {
            input = bytes
        } else {
            input.writeImmutableBuffer(bytes)
        }
    }

    /// The next whole message, or `nil` when more bytes are needed. After an error the connection must be closed.
    package mutating func next() throws(RTMPError) -> RTMPMessage? {
        while true {
            switch state {
            case .header:
                guard let index = try readHeader() else {
                    input = ByteBuffer()  // Lets go of the socket's buffer.
                    return nil
                }
                let missing = streams[index].length - streams[index].received
                state = .payload(stream: index, remaining: min(missing, chunkSize))
            case .payload(let index, let remaining):
                let count = min(remaining, input.readableBytes)
                try takePayload(count, stream: index)
                if count < remaining {
                    state = .payload(stream: index, remaining: remaining - count)
                    input = ByteBuffer()
                    return nil
                }
                state = .header
                if let message = try finishMessage(stream: index) { return message }
                noteContinuation(of: index)
            }
        }
    }

    // MARK: Headers

    /// Remembers what the next chunk's header is if it goes on with the message of this one.
    private mutating func noteContinuation(of index: Int) {
        let isShort = streams[index].isOpen && streams[index].extended == nil && streams[index].id < 64
        continuation = isShort ? 0xC0 | UInt16(truncatingIfNeeded: streams[index].id) : .max
        continued = index
    }

    /// Reads one chunk header and gives it its meaning. `nil`: not all of it is there; what there is has moved to `carry`.
    private mutating func readHeader() throws(RTMPError) -> Int? {
        if carry.readableBytes == 0 {
            guard let first = input.getInteger(at: input.readerIndex, as: UInt8.self) else { return nil }
            if UInt16(first) == continuation {
                input.moveReaderIndex(forwardBy: 1)
                return continued
            }
            if let header = try parseHeader(input) {
                input.moveReaderIndex(forwardBy: header.bytes)
                return header.stream
            }
            carry.clear(minimumCapacity: ChunkHeader.maximumBytes)
            carry.writeBuffer(&input)
            return nil
        }
        // Only the header goes through `carry`; what was borrowed beyond it stays in `input`.
        let carried = carry.readableBytes
        let borrowed = min(ChunkHeader.maximumBytes - carried, input.readableBytes)
        carry.writeImmutableBuffer(input.getSlice(at: input.readerIndex, length: borrowed) ?? ByteBuffer())
        guard let header = try parseHeader(carry) else {
            input.moveReaderIndex(forwardBy: borrowed)
            return nil
        }
        input.moveReaderIndex(forwardBy: max(0, header.bytes - carried))
        carry.clear()
        return header.stream
    }

    /// - Returns: the index in `streams` and the header's length; `nil` when `source` ends within the header.
    private mutating func parseHeader(_ source: ByteBuffer) throws(RTMPError) -> (stream: Int, bytes: Int)? {
        var bytes = source
        guard let stream = try interpretHeader(&bytes) else { return nil }
        return (stream, bytes.readerIndex - source.readerIndex)
    }

    private mutating func interpretHeader(_ bytes: inout ByteBuffer) throws(RTMPError) -> Int? {
        guard let header = ChunkHeader(reading: &bytes) else { return nil }
        let known = streams.firstIndex { $0.id == header.chunkStreamID }
        if header.format == 3 {
            guard let known else { throw Self.noPredecessor }
            return try continueStream(known, &bytes)
        }
        if header.format != 0, known == nil { throw Self.noPredecessor }
        var field = header.timestampField
        let isExtended = field == ChunkHeader.extendedMark
        if isExtended {
            guard let wide = bytes.readInteger(as: UInt32.self) else { return nil }
            field = wide
        }
        let index = if let known { known } else { try openStream(header.chunkStreamID) }
        guard !streams[index].isOpen else {
            throw RTMPError(.malformedChunk, "A message began on a chunk stream whose last message is not finished.")
        }
        streams[index].extended = isExtended ? field : nil
        streams[index].delta = field
        streams[index].timestamp = header.format == 0 ? field : streams[index].timestamp &+ field
        if header.format <= 1 {
            streams[index].length = header.messageLength
            streams[index].type = header.messageType
        }
        if header.format == 0 { streams[index].messageStreamID = header.messageStreamID }
        try openMessage(index)
        return index
    }

    /// A type 3 chunk goes on with the open message or begins one like the last.
    private mutating func continueStream(_ index: Int, _ bytes: inout ByteBuffer) throws(RTMPError) -> Int? {
        if let extended = streams[index].extended {
            guard let repeated = bytes.getInteger(at: bytes.readerIndex, as: UInt32.self) else { return nil }
            // Adobe's own encoders (FMLE, Flash Player) leave the extended timestamp out of the chunks that go on with a
            // message, ffmpeg and librtmp repeat it: where these four bytes are another number, they are payload already. A
            // chunk that begins a message always has it.
            if repeated == extended || !streams[index].isOpen {
                bytes.moveReaderIndex(forwardBy: 4)
                if !streams[index].isOpen {
                    streams[index].extended = repeated
                    streams[index].delta = repeated
                }
            }
        }
        if !streams[index].isOpen {
            streams[index].timestamp &+= streams[index].delta
            try openMessage(index)
        }
        return index
    }

    private mutating func openStream(_ id: Int) throws(RTMPError) -> Int {
        guard streams.count < limits.maximumChunkStreams else {
            throw RTMPError(.tooManyChunkStreams, "More than \(limits.maximumChunkStreams) chunk streams were opened.")
        }
        streams.append(Stream(id: id))
        return streams.count - 1
    }

    /// Checks the declared length against its kind's limit, before a byte of it is kept.
    private mutating func openMessage(_ index: Int) throws(RTMPError) {
        let isMedia = MessageType.isMedia(streams[index].type)
        guard !isMedia || mediaIsAllowed else {
            throw RTMPError(.mediaBeforePublish, "Media was sent before the publish was accepted.")
        }
        let limit = isMedia ? limits.maximumMediaBytes : limits.maximumCommandBytes
        guard streams[index].length <= limit else {
            throw RTMPError(
                .messageTooLarge,
                "A message of \(streams[index].length) bytes was announced; at most \(limit) are taken.")
        }
        streams[index].isOpen = true
    }

    private static let noPredecessor = RTMPError(
        .malformedChunk, "A chunk leans on an earlier one of its chunk stream, and there is none.")

    // MARK: Payload

    private mutating func takePayload(_ count: Int, stream index: Int) throws(RTMPError) {
        guard count > 0 else { return }
        unfinishedBytes += count
        guard unfinishedBytes <= maximumHeldBytes else {
            throw RTMPError(.tooMuchHeld, "Unfinished messages hold more than \(maximumHeldBytes) bytes.")
        }
        if streams[index].reserved == nil, streams[index].payload.writableBytes < count {
            makeRoom(for: count, stream: index)
        }
        // The one copy. Not a slice: retaining and releasing it would cost more than a small chunk's bytes.
        input.withUnsafeReadableBytes { bytes in
            let taken = UnsafeRawBufferPointer(rebasing: bytes.prefix(count))
            if streams[index].reserved?.write(taken) == nil { streams[index].payload.writeBytes(taken) }
        }
        input.moveReaderIndex(forwardBy: count)
    }

    /// Messages up to here never outgrow their first room. More than most pictures; with 64 chunk streams, 4 MB.
    package static let smallRoomBytes = 65_536
    /// The same for one message at a time. More than most key pictures; mapping each of those would cost more than it saves.
    package static let largeRoomBytes = 262_144
    /// The least that the allocator maps from the system, once it is told so; the first room of a longer message.
    /// Above what muxers and sockets need again and again, which the heap serves without fresh pages.
    package static let pagedRoomBytes = 524_288

    private mutating func makeRoom(for count: Int, stream index: Int) {
        let held = streams[index].payload.readableBytes
        let trusted = unfinishedBytes == count ? Self.largeRoomBytes : Self.smallRoomBytes
        if held == 0, mediaIsAllowed, streams[index].length <= trusted,
            let reserved = reserve(streams[index].length, for: streams[index].type)
        {
            streams[index].reserved = reserved
            return
        }
        let room =
            mediaIsAllowed
            ? Self.room(held: held, arriving: count, length: streams[index].length) : held + count
        if held == 0 {
            streams[index].payload = ByteBufferAllocator().buffer(capacity: room)
        } else {
            streams[index].payload.reserveCapacity(room)
        }
    }

    private mutating func reserve(_ length: Int, for type: UInt8) -> ReservedRoom? {
        switch type {
        case MessageType.video: pictures.room(length)
        case MessageType.audio: sound.room(length)
        default: nil
        }
    }

    /// The room for a publisher's message of `length` bytes, of which `held` are there and `arriving` more come now. Never below
    /// `pagedRoomBytes` for what may have to grow.
    private static func room(held: Int, arriving: Int, length: Int) -> Int {
        guard length > smallRoomBytes else { return length }
        let wanted = max(pagedRoomBytes, held * 4, held + arriving)
        return max(pagedRoomBytes, min(wanted, length))
    }

    /// Hands the message on when it is whole, or carries it out when it is about the chunk stream itself.
    private mutating func finishMessage(stream index: Int) throws(RTMPError) -> RTMPMessage? {
        guard streams[index].received == streams[index].length else { return nil }
        var payload = ByteBuffer()
        if let reserved = streams[index].reserved {
            payload = reserved.whole ?? payload
            streams[index].reserved = nil
        } else {
            swap(&payload, &streams[index].payload)
        }
        streams[index].isOpen = false
        continuation = .max
        unfinishedBytes -= payload.readableBytes
        switch streams[index].type {
        case MessageType.setChunkSize: try setChunkSize(payload)
        case MessageType.abort: try abort(payload)
        default:
            return RTMPMessage(
                type: streams[index].type, streamID: streams[index].messageStreamID,
                timestamp: streams[index].timestamp, payload: payload)
        }
        return nil
    }

    private mutating func setChunkSize(_ payload: ByteBuffer) throws(RTMPError) {
        guard let size = payload.getInteger(at: payload.readerIndex, as: UInt32.self) else {
            throw RTMPError(.malformedMessage, "Set Chunk Size has no size.")
        }
        let smallest = RTMPLimits.smallestChunkSize
        let largest = min(max(limits.maximumChunkSize, smallest), RTMPLimits.largestChunkSize)
        guard Int(size) >= smallest, Int(size) <= largest else {
            throw RTMPError(
                .chunkSize, "A chunk size of \(size) was set; \(smallest) to \(largest) bytes are taken.")
        }
        chunkSize = Int(size)
    }

    /// Drops the unfinished message of one chunk stream; an unknown one is no harm (§5.4.2).
    private mutating func abort(_ payload: ByteBuffer) throws(RTMPError) {
        guard let id = payload.getInteger(at: payload.readerIndex, as: UInt32.self) else {
            throw RTMPError(.malformedMessage, "Abort names no chunk stream.")
        }
        guard let index = streams.firstIndex(where: { $0.id == Int(id) }) else { return }
        unfinishedBytes -= streams[index].received
        continuation = .max
        streams[index].payload = ByteBuffer()
        streams[index].reserved = nil
        streams[index].isOpen = false
    }
}
