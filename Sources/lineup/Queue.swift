import ArgumentParser
import Domain
import Foundation
import LineupServer

struct Queue: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        abstract: "Shows and steers the queue.",
        discussion: """
            Goes through the running server; with none, to the database.

            ENTRY is a place as `lineup queue list` shows it (0 is on air), an entry's id, or a DJ's name. USER is a DJ \
            name, an e-mail address or an id. Spans are like 90s, 30m or 2h.
            """,
        subcommands: [
            List.self, Skip.self, Remove.self, Move.self, PutOnAir.self, Hold.self, Release.self, Extend.self,
            Remaining.self, Ban.self, Unban.self, Unblock.self, UserSlot.self, Open.self, Close.self,
            AutoAdvance.self, Clear.self, Set.self,
        ])

    struct List: AsyncParsableCommand {
        static let configuration = CommandConfiguration(abstract: "Shows who is on air and who waits.")

        @OptionGroup var installation: InstallationOptions
        @Option(help: "The channel.") var channel = "main"
        @Flag(help: "Print one JSON document.") var json = false

        func run() async throws {
            try await plainly {
                let queue = try await installation.commandContext().queue("queue.list", channel: channel)
                QueueText.show(queue, json: json)
            }
        }
    }

    struct Set: AsyncParsableCommand {
        static let configuration = CommandConfiguration(
            abstract: "Changes settings of the queue.",
            discussion: """
                Settings: \(QueueSettings.names.joined(separator: ", ")).
                Spans are like 90s, 30m or 2h; `none` lifts a limit; switches are true or false:

                    lineup queue set slotLength=30m graceOnAir=45s
                """)

        @OptionGroup var options: QueueActOptions
        @Argument(help: "NAME=VALUE, one or more.") var settings: [String]

        func validate() throws { try SettingsText.check(settings) }

        func run() async throws {
            try await options.perform("set", SettingsText.arguments(settings).mapValues(Optional.some))
        }
    }
}

/// What every act takes.
struct QueueActOptions: ParsableArguments {
    @OptionGroup var installation: InstallationOptions
    @Option(help: "The channel.") var channel = "main"
    @Option(help: "Only while the queue has this version (`lineup queue list --json` shows it); else nothing is done.")
    var ifVersion: Int64?
    @Flag(help: "Print one JSON document.") var json = false

    /// Does an act and shows the queue afterwards. Arguments without a value are left out.
    func perform(_ act: String, _ arguments: [String: String?] = [:]) async throws {
        try await plainly {
            var arguments = arguments.compactMapValues { $0 }
            arguments["ifVersion"] = ifVersion.map(String.init)
            arguments["actor"] = NSUserName()
            QueueText.show(
                try await installation.commandContext().queue("queue." + act, channel: channel, arguments: arguments),
                json: json)
        }
    }
}
