import CFFmpeg
import Domain
import Foundation
import NIOCore

/// The work of the child process that decodes for the server (`lineup worker decode`): publishers' sound to levels, key frames to
/// JPEGs. Strangers send these bytes, so nothing decodes them in the server: they can break this process and nothing else.
package enum DecodeWorker {
    /// A question that takes longer than this many seconds ends the process.
    static let questionTimeLimitSeconds: UInt32 = 4
    private static let maximumMemoryBytes: UInt = 1024 * 1024 * 1024
    private static let maximumFeeds = 128

    /// Answers questions on standard input until it ends, within limits that hold whatever the bytes do. It has no business with
    /// files or sockets: none can be written, and few opened.
    package static func runAsChild() throws {
        _ = nice(10)
        limit(__rlimit_resource_t(RLIMIT_AS.rawValue), maximumMemoryBytes)
        limit(__rlimit_resource_t(RLIMIT_FSIZE.rawValue), 0)
        limit(__rlimit_resource_t(RLIMIT_CORE.rawValue), 0)
        limit(__rlimit_resource_t(RLIMIT_NOFILE.rawValue), 16)
        av_log_set_level(AV_LOG_QUIET)
        var decoders: [UInt32: SoundDecoder] = [:]
        while let question = try question() {
            alarm(questionTimeLimitSeconds)
            let answer = answer(question, &decoders)
            alarm(0)
            guard write(answer.bytes) else { return }
        }
    }

    private static func limit(_ resource: __rlimit_resource_t, _ value: UInt) {
        var limit = rlimit(rlim_cur: value, rlim_max: value)
        setrlimit(resource, &limit)
    }

    // MARK: Answers

    static func answer(
        _ question: DecodeWire.Message, _ decoders: inout [UInt32: SoundDecoder]
    ) -> DecodeWire.Message {
        do throws(MediaError) {
            switch question.kind {
            case .sound:
                guard let sound = DecodeWire.soundQuestion(question.payload) else { throw malformed }
                return DecodeWire.levels(try sums(sound, &decoders))
            case .close:
                if let feed = question.payload.getInteger(at: question.payload.readerIndex, as: UInt32.self) {
                    decoders[feed] = nil
                }
                return DecodeWire.Message(.done)
            case .still:
                guard let still = DecodeWire.stillQuestion(question.payload) else { throw malformed }
                let picture = try StillDecoder.make(
                    still.codec, configuration: still.configuration, picture: still.picture)
                return DecodeWire.Message(.picture, ByteBuffer(bytes: picture))
            case .levels, .done, .picture, .refused: throw malformed
            }
        } catch {
            return DecodeWire.Message(.refused, ByteBuffer(string: String(error.message.prefix(200))))
        }
    }

    private static var malformed: MediaError { MediaError(.invalidRequest, "a question is malformed") }

    private static func sums(
        _ sound: DecodeWire.SoundQuestion, _ decoders: inout [UInt32: SoundDecoder]
    ) throws(MediaError) -> SoundSums {
        if let format = sound.format {
            decoders[sound.feed] = nil
            guard decoders.count < maximumFeeds else { throw malformed }
            decoders[sound.feed] = try SoundDecoder(format)
        }
        guard let decoder = decoders[sound.feed] else { throw malformed }
        var sums = SoundSums()
        for frame in sound.frames { try decoder.decode(frame, into: &sums) }
        return sums
    }

    // MARK: Standard input and output

    /// - Returns: `nil` when the server has gone.
    private static func question() throws -> DecodeWire.Message? {
        guard let head = read(DecodeWire.headBytes) else { return nil }
        guard let (kind, length) = DecodeWire.head(head), length <= DecodeWire.maximumQuestionBytes else {
            throw MediaError(.invalidRequest, "what came is no question")
        }
        return read(length).map { DecodeWire.Message(kind, $0) }
    }

    private static func read(_ count: Int) -> ByteBuffer? {
        var bytes = ByteBuffer()
        while bytes.readableBytes < count {
            let missing = count - bytes.readableBytes
            let got = bytes.writeWithUnsafeMutableBytes(minimumWritableBytes: missing) { space in
                max(0, Glibc.read(STDIN_FILENO, space.baseAddress, min(missing, space.count)))
            }
            guard got > 0 else { return nil }
        }
        return bytes
    }

    private static func write(_ bytes: ByteBuffer) -> Bool {
        var bytes = bytes
        while bytes.readableBytes > 0 {
            let written = bytes.withUnsafeReadableBytes { Glibc.write(STDOUT_FILENO, $0.baseAddress, $0.count) }
            guard written > 0 else { return false }
            bytes.moveReaderIndex(forwardBy: written)
        }
        return true
    }
}
