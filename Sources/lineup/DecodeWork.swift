import ArgumentParser
import LineupServer

/// Answers the server's questions about publishers' media on standard output (see `FFmpegMedia`).
struct DecodeWork: ParsableCommand {
    static let configuration = CommandConfiguration(commandName: "decode", shouldDisplay: false)

    func run() throws { try plainly { try WorkerCommands.decode() } }
}
