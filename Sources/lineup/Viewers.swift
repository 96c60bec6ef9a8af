import ArgumentParser
import Foundation
import LineupServer

struct Viewer: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        abstract: "Shows who watches, and sends viewers away.", discussion: "Asks the running server.",
        subcommands: [List.self, Kick.self])

    struct List: AsyncParsableCommand {
        static let configuration = CommandConfiguration(abstract: "Lists who watches, the oldest first.")

        @OptionGroup var options: ViewerOptions

        func run() async throws { try options.ask("list") }
    }

    struct Kick: AsyncParsableCommand {
        static let configuration = CommandConfiguration(
            abstract: "Closes a viewer's connections and keeps them out for a time.")

        @OptionGroup var options: ViewerOptions
        @Argument(help: "The viewer's number, as `lineup viewer list` shows it.") var id: UInt64
        @Option(name: .customLong("for"), help: "How long, in seconds: 1 to 86400.") var seconds = 600

        func validate() throws {
            guard (1...86_400).contains(seconds) else {
                throw ValidationError("--for takes 1 to 86400 seconds.")
            }
        }

        func run() async throws { try options.ask("kick", ["id": String(id), "seconds": String(seconds)]) }
    }
}

struct ViewerOptions: ParsableArguments {
    @OptionGroup var installation: InstallationOptions
    @Option(help: "The channel.") var channel = "main"
    @Flag(help: "Print one JSON document.") var json = false

    private struct Answer: Decodable {
        struct Session: Decodable {
            var id: UInt64
            var `protocol`: String
            var openedAt: String
            var bytes: Int64
            var agent: String?
            var address: String
        }

        var viewers: Int
        var estimate: Bool
        var peak: Int
        struct SentAway: Decodable {
            var ended: Int
            var addressBarred: Bool

            var words: String {
                let ended = ended == 1 ? "Their session is over." : "Their \(ended) sessions are over."
                let open =
                    "Their address is not kept out: it is a proxy's, or may be one's, and others come from there."
                    + " Name the proxy in LINEUP_TRUSTED_PROXIES to keep viewers out."
                return addressBarred ? ended : ended + " " + open
            }
        }

        var sessions: [Session]
        var sentAway: SentAway?
    }

    /// Shows the viewers afterwards.
    func ask(_ command: String, _ arguments: [String: String] = [:]) throws {
        try plainly {
            var arguments = arguments
            arguments["actor"] = NSUserName()
            let text = try installation.commandContext().viewers(command, channel: channel, arguments: arguments)
            if json { return print(text) }
            let answer = try JSONDecoder().decode(Answer.self, from: Data(text.utf8))
            if let sentAway = answer.sentAway { print(sentAway.words) }
            print("\(answer.viewers)\(answer.estimate ? " or more" : "") watch, \(answer.peak) at most so far")
            for one in answer.sessions {
                // What a viewer says of itself is not for the terminal to obey.
                let agent = (one.agent ?? "").filter {
                    !$0.isNewline
                        && $0.unicodeScalars.allSatisfy {
                            $0.value >= 0x20 && $0.value != 0x7F && !(0x80...0x9F).contains($0.value)
                        }
                }
                print("\(one.id)  \(one.protocol)  since \(one.openedAt)  \(one.bytes) bytes  \(one.address)  \(agent)")
            }
        }
    }
}
