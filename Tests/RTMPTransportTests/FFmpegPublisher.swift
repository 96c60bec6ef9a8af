import Foundation

/// A real ffmpeg as a publisher, in a child process.
///
/// `@unchecked`: `Process` is started in `init`, and afterwards only read or signalled.
final class FFmpegPublisher: @unchecked Sendable {
    struct Outcome: Sendable {
        var status: Int32
        var errors: String
    }

    private let process = Process()
    private let errors = Pipe()
    private let terminated = AsyncStream<Int32>.makeStream()

    /// - Parameter input: arguments before the output's.
    init(input: [String], codecs: [String], to url: String) throws {
        process.executableURL = URL(fileURLWithPath: "/usr/bin/ffmpeg")
        process.arguments = ["-nostdin", "-hide_banner", "-loglevel", "error"] + input + codecs + ["-f", "flv", url]
        process.standardError = errors
        process.terminationHandler = { [terminated] in
            terminated.continuation.yield($0.terminationStatus)
            terminated.continuation.finish()
        }
        try process.run()
    }

    /// Bars and a tone, encoded on the fly.
    static func testPicture(seconds: Int, isPaced: Bool = false, to url: String) throws -> FFmpegPublisher {
        let pace = isPaced ? ["-re"] : []
        return try FFmpegPublisher(
            input: pace + ["-f", "lavfi", "-i", "testsrc=size=320x180:rate=25:duration=\(seconds)"]
                + pace + ["-f", "lavfi", "-i", "sine=frequency=440:sample_rate=48000:duration=\(seconds)"],
            codecs: [
                "-c:v", "libx264", "-preset", "veryfast", "-bf", "2", "-g", "50", "-threads", "1", "-pix_fmt",
                "yuv420p",
                "-c:a", "aac", "-ac", "2", "-b:a", "96k",
            ], to: url)
    }

    func kill() { Foundation.kill(process.processIdentifier, SIGKILL) }

    func outcome() async -> Outcome {
        var status: Int32 = -1
        for await code in terminated.stream { status = code }
        let text = errors.fileHandleForReading.readDataToEndOfFile()
        return Outcome(status: status, errors: String(decoding: text, as: UTF8.self))
    }
}
