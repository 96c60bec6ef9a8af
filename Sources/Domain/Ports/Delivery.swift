package import NIOCore

/// Bytes a viewer can ask for; made once and shared by all of them.
package struct DeliveredResource: Sendable {
    package enum Caching: Sendable, Equatable {
        /// A playlist: never older than this.
        case seconds(Int)
        /// A segment, a part or an init section: its name never means other bytes.
        case immutable
    }

    package var content: DeliveredContent
    package var contentType: String
    package var caching: Caching
    /// Quoted, strong; of a text, that of its plain form.
    package var entityTag: String {
        switch content {
        case .text(let text): text.plain().entityTag
        case .bytes, .file, .pieces: tag
        }
    }
    private let tag: String

    package init(body: ByteBuffer, contentType: String, caching: Caching, entityTag: String) {
        self.init(content: .bytes(body), contentType: contentType, caching: caching, entityTag: entityTag)
    }

    /// - Parameter entityTag: quoted and strong; a text makes its own.
    package init(content: DeliveredContent, contentType: String, caching: Caching, entityTag: String = "") {
        self.content = content
        self.contentType = contentType
        self.caching = caching
        self.tag = entityTag
    }

    /// All of it in memory of the process; for a file, copied there.
    package var body: ByteBuffer {
        switch content {
        case .bytes(let bytes): bytes
        case .text(let text): text.plain().body
        case .file(let file, let range): file.read(range)
        case .pieces(let pieces):
            pieces.reduce(into: ByteBuffer()) { whole, piece in
                whole.writeImmutableBuffer(
                    DeliveredResource(content: piece, contentType: contentType, caching: caching).body)
            }
        }
    }
}

/// Where a resource's bytes are.
package enum DeliveredContent: Sendable {
    case bytes(ByteBuffer)
    /// A playlist.
    case text(DeliveredText)
    /// Bytes `range` of a memory file; sent from there without a copy where the connection allows it.
    case file(any DeliveredFile, Range<Int>)
    /// Bytes and pieces of files, one behind the other.
    case pieces([DeliveredContent])
}

/// A file in memory that only grows: what was written is never changed. Any thread.
package protocol DeliveredFile: AnyObject, Sendable {
    /// Open for as long as the object lives.
    var descriptor: CInt { get }
    /// A copy; shorter where the file is.
    func read(_ range: Range<Int>) -> ByteBuffer
}

/// A memory file in the making; one writer.
package protocol GrowingFile: DeliveredFile {
    /// - Returns: whether all of it was taken; when not, the file is of no more use.
    func append(_ bytes: ByteBuffer) -> Bool
}

/// What the host lends to whoever packages: memory that the kernel can send from, and compression. Implemented by
/// `DeliveryMemory`; any thread.
package protocol DeliveryMemoryMaker: Sendable {
    /// `nil` when the host has none to give; the bytes stay in the process then.
    func makeFile() -> (any GrowingFile)?
    /// RFC 1952; `nil` when it cannot be done.
    func gzip(_ bytes: ByteBuffer) -> ByteBuffer?
}

/// A channel's file by name, with what a playlist's reader asks beside it.
package struct PlaylistDirectives: Sendable, Hashable {
    /// draft-pantos-hls-rfc8216bis §6.2.5.1.
    package enum Skip: Sendable, Hashable {
        /// `YES`: older segments may be left out.
        case segments
        /// `v2`: older date ranges, too.
        case segmentsAndDateRanges
    }

    /// `_HLS_msn`: answer only when this segment is in the playlist.
    package var mediaSequence: Int64?
    /// `_HLS_part`: or this part of it.
    package var part: Int?
    package var skip: Skip?

    package init(mediaSequence: Int64? = nil, part: Int? = nil, skip: Skip? = nil) {
        self.mediaSequence = mediaSequence
        self.part = part
        self.skip = skip
    }

    package static let none = Self()
}

package enum DeliveryAnswer: Sendable {
    case found(DeliveredResource)
    case notFound
    /// The channel has nothing to show yet; ask again.
    case notYet(retryAfterSeconds: Int)
    /// It will be there soon: ask again at the channel's next change, for at most this long.
    case later(withinSeconds: Int)
    /// Directives that no playlist near this one can meet (§6.2.5.2); the reason.
    case impossible(String)
}

/// Told that a channel's files have changed. Any thread; must not block.
package protocol DeliveryWatching: AnyObject, Sendable {
    func deliveryChanged(_ channel: ChannelName)
}

/// Serves a channel's files by name, from memory; any thread, never waits. Implemented by `Packaging`.
package protocol DeliveryOrigin: Sendable {
    /// `name` is what stands behind `/hls/CHANNEL/`: `index.m3u8`, `segment-12.m4s`. Directives count for media playlists only.
    func resource(_ channel: ChannelName, name: String, directives: PlaylistDirectives) -> DeliveryAnswer
    /// Whether there is such a channel, whatever it has to show.
    func knows(_ channel: ChannelName) -> Bool
    /// `watcher` is told of every change from now on, after it can be read. It is kept for ever.
    func watch(_ watcher: any DeliveryWatching)
}

extension DeliveryOrigin {
    package func resource(_ channel: ChannelName, name: String) -> DeliveryAnswer {
        resource(channel, name: name, directives: .none)
    }
}

/// The tracks that a fragment holds.
package enum FragmentTracks: Sendable, Hashable {
    case videoAndAudio
    case video
    case audio

    package func contains(_ track: TrackKind) -> Bool {
        switch self {
        case .videoAndAudio: true
        case .video: track == .video
        case .audio: track == .audio
        }
    }
}

/// Cuts programme units into fMP4; implemented by `FFmpegMedia`. Used on one event loop; never blocks.
///
/// All muxers of a channel share track ids (video 1, audio 2) and timescales (video 90,000; audio 48,000), whatever the
/// formats (design §5, Formats).
package protocol FragmentMuxer: AnyObject {
    /// ftyp and moov for the muxer's format.
    var initializationSection: ByteBuffer { get }
    /// Adds one unit to the open fragment.
    /// - Throws: when libavformat refuses it (a DTS that does not rise); the unit is lost, the muxer goes on.
    func append(_ unit: ProgrammeUnit) throws
    /// Closes the open fragment: moof and mdat with its tracks. Empty when nothing was added.
    func flush() throws -> ByteBuffer
}

/// Writes programme units as an MPEG transport stream; implemented by `FFmpegMedia`. Used on one event loop; never blocks.
///
/// One muxer serves a channel for ever: sound goes as ADTS and parameter sets in band, so every change of format is in the
/// stream itself.
package protocol TransportStreamMuxer: AnyObject {
    /// What follows begins a segment: tables stand in front of it.
    func beginSegment() throws
    /// - Throws: when libavformat refuses the unit; it is lost, the muxer goes on.
    func append(_ unit: ProgrammeUnit, format: ProgrammeFormat) throws
    /// What was made since the last call. At a segment's end nothing is held back.
    func take(endsSegment: Bool) throws -> ByteBuffer
}

package protocol FragmentMuxerFactory: Sendable {
    func makeMuxer(for format: ProgrammeFormat, tracks: FragmentTracks) throws -> any FragmentMuxer
    func makeTransportStreamMuxer() throws -> any TransportStreamMuxer
}

extension FragmentMuxerFactory {
    package func makeMuxer(for format: ProgrammeFormat) throws -> any FragmentMuxer {
        try makeMuxer(for: format, tracks: .videoAndAudio)
    }
}
