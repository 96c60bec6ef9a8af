import ArgumentParser
import LineupServer

/// Makes a square JPEG of the picture on standard input (see `FFmpegMedia`).
struct PictureWork: ParsableCommand {
    static let configuration = CommandConfiguration(commandName: "picture", shouldDisplay: false)

    func run() throws { try plainly { try WorkerCommands.picture() } }
}
