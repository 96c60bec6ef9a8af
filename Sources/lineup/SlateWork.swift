import ArgumentParser
import Domain
import LineupServer

/// Encodes a slate on standard output; the text comes on standard input (see `FFmpegMedia`).
struct SlateWork: ParsableCommand {
    static let configuration = CommandConfiguration(commandName: "slate", shouldDisplay: false)

    @Option var codec = "h264"
    @Option var width: Int
    @Option var height: Int
    @Option var frameRate: Int
    @Option var sampleRate: Int
    @Option var channels: Int
    @Option var file: String?

    func run() throws {
        try plainly {
            try WorkerCommands.slate(
                codec: codec, width: width, height: height, frameRate: frameRate, sampleRate: sampleRate,
                channels: channels, file: file)
        }
    }
}
