package import NIOCore

/// What the slate shows and how it is encoded.
package struct SlateRequest: Sendable, Hashable {
    /// Drawn where there is no file.
    package var text: String
    /// The path of an image or a clip; of a clip the first 240 pictures are taken.
    package var file: String?
    /// H.264 or HEVC; where no encoder for it is there, it becomes H.264.
    package var codec: VideoFormat.Codec
    package var width: Int
    package var height: Int
    /// Whole frames per second.
    package var frameRate: Int
    package var sampleRate: Int
    package var channels: Int

    package init(
        text: String, file: String? = nil, codec: VideoFormat.Codec = .h264, width: Int, height: Int, frameRate: Int,
        sampleRate: Int, channels: Int
    ) {
        self.text = text
        self.file = file
        self.codec = codec
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
