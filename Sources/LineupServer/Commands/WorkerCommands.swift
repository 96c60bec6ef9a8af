import Domain
import FFmpegMedia

/// What `lineup worker …` runs: work in a process of its own, started by the server.
package enum WorkerCommands {
    /// Encodes a slate on standard output. Sizes in pixels, rates in hertz; the text comes on standard input.
    package static func slate(
        codec: String, width: Int, height: Int, frameRate: Int, sampleRate: Int, channels: Int, file: String?
    ) throws {
        try SlateWorker.runAsChild(
            SlateRequest(
                text: "", file: file, codec: VideoFormat.Codec(rawValue: codec) ?? .h264, width: width, height: height,
                frameRate: frameRate, sampleRate: sampleRate, channels: channels))
    }

    /// Decodes publishers' sound and key frames: questions on standard input, answers on standard output.
    package static func decode() throws { try DecodeWorker.runAsChild() }

    /// Makes an account's picture: standard input to standard output.
    package static func picture() throws { try PictureWorker.runAsChild() }
}
