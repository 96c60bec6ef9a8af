package import NIOCore

/// Bytes a viewer can ask for; made once and shared by all of them.
package struct DeliveredResource: Sendable {
    package enum Caching: Sendable, Equatable {
        /// A playlist: never older than this.
        case seconds(Int)
        /// A segment or init section: its name never means other bytes.
        case immutable
    }

    package var body: ByteBuffer
    package var contentType: String
    package var caching: Caching
    /// Quoted, strong.
    package var entityTag: String

    package init(body: ByteBuffer, contentType: String, caching: Caching, entityTag: String) {
        self.body = body
        self.contentType = contentType
        self.caching = caching
        self.entityTag = entityTag
    }
}

package enum DeliveryAnswer: Sendable {
    case found(DeliveredResource)
    case notFound
    /// The channel has nothing to show yet; ask again.
    case notYet(retryAfterSeconds: Int)
}

/// Serves a channel's files by name, from memory; any thread, never waits. Implemented by `Packaging`.
package protocol DeliveryOrigin: Sendable {
    /// `name` is what stands behind `/hls/CHANNEL/`: `index.m3u8`, `segment-12.m4s`.
    func resource(_ channel: ChannelName, name: String) -> DeliveryAnswer
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
    /// Closes the open fragment: moof and mdat with both tracks. Empty when nothing was added.
    func flush() throws -> ByteBuffer
}

package protocol FragmentMuxerFactory: Sendable {
    func makeMuxer(for format: ProgrammeFormat) throws -> any FragmentMuxer
}

/// What the slate shows and how it is encoded.
package struct SlateRequest: Sendable, Hashable {
    /// Drawn where there is no file.
    package var text: String
    /// The path of an image or a clip; of a clip the first 240 pictures are taken.
    package var file: String?
    package var width: Int
    package var height: Int
    /// Whole frames per second.
    package var frameRate: Int
    package var sampleRate: Int
    package var channels: Int

    package init(
        text: String, file: String? = nil, width: Int, height: Int, frameRate: Int, sampleRate: Int, channels: Int
    ) {
        self.text = text
        self.file = file
        self.width = width
        self.height = height
        self.frameRate = frameRate
        self.sampleRate = sampleRate
        self.channels = channels
    }
}

/// A short encoded loop: closed GOP, no reordering, starts with an IDR.
package struct SlateClip: Sendable {
    package var format: ProgrammeFormat
    /// In order; DTS = PTS, the first at 0, evenly spaced.
    package var video: [AccessUnit]
    /// The span after which the video starts again.
    package var videoDuration: MediaTime
    /// One AAC frame of silence that may follow itself for ever.
    package var silence: ByteBuffer

    package init(format: ProgrammeFormat, video: [AccessUnit], videoDuration: MediaTime, silence: ByteBuffer) {
        self.format = format
        self.video = video
        self.videoDuration = videoDuration
        self.silence = silence
    }
}

/// Encodes slates in a worker process; implemented by `FFmpegMedia`.
package protocol SlateMaker: Sendable {
    func makeSlate(_ request: SlateRequest) async throws -> SlateClip
}
