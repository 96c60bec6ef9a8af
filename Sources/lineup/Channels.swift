import ArgumentParser
import Domain
import Foundation
import LineupServer

struct Channel: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        abstract: "Shows and changes channels.", subcommands: [List.self, Show.self, Set.self, Emergency.self])

    struct List: AsyncParsableCommand {
        static let configuration = CommandConfiguration(abstract: "Lists the channels.")

        @OptionGroup var installation: InstallationOptions
        @Flag(help: "Print one JSON document.") var json = false

        func run() async throws {
            try await plainly {
                // An installation has one channel; its queue tells all there is to tell.
                let name = ChannelName.main.text
                let row = try ChannelRow(
                    json: try await installation.commandContext().queue("queue.list", channel: name), name: name)
                if json { return print(JSONText.line([row])) }
                let emergency = row.emergency == "off" ? "" : "  emergency: \(row.emergency)"
                print(
                    "\(name)  shows \(row.showing)  \(row.isOpen ? "open" : "closed")  \(row.entries) in the queue"
                        + emergency)
            }
        }
    }

    struct Show: AsyncParsableCommand {
        static let configuration = CommandConfiguration(
            abstract: "Shows a channel's settings, each as `lineup channel set` takes it.")

        @OptionGroup var installation: InstallationOptions
        @Argument(help: "The channel.") var channel = ChannelName.main.text
        @Flag(help: "Print one JSON document.") var json = false

        func run() async throws {
            try await plainly {
                let stored = try await installation.commandContext().queue("queue.settings", channel: channel)
                let settings = try JSONDecoder().decode(QueueSettings.self, from: Data(stored.utf8))
                let texts = QueueSettings.names.compactMap { name in settings.text(of: name).map { (name, $0) } }
                if json { return print(JSONText.line(Dictionary(uniqueKeysWithValues: texts))) }
                for (name, text) in texts { print("\(name)=\(text)") }
            }
        }
    }

    struct Set: AsyncParsableCommand {
        static let configuration = CommandConfiguration(
            abstract: "Changes a channel's settings: those of `lineup queue set`, the slate and what is taken of DJs.",
            discussion: """
                slateText and slateFile (none: the server's own), maximumSize (1920x1080), maximumFrameRate, maximumBitrate (kbit/s), \
                maximumAudioChannels, and videoCodecs: h264, hevc or h264,hevc. Not every player shows HEVC.
                programmeDelay: 0s to 30s between a DJ and the programme, from the next hand-over on (none: the server's own).
                outputs: all, none, or some of hls,dash,stream,ws,audio,rtmp. What is left out stops at once, for those who watch too.
                """)

        @OptionGroup var installation: InstallationOptions
        @Flag(help: "Print one JSON document.") var json = false
        @Argument(help: "The channel.") var channel: String
        @Argument(help: "NAME=VALUE, one or more.") var settings: [String]

        func validate() throws { try SettingsText.check(settings) }

        func run() async throws {
            try await plainly {
                var arguments = SettingsText.arguments(settings)
                arguments["actor"] = NSUserName()
                QueueText.show(
                    try await installation.commandContext().queue("queue.set", channel: channel, arguments: arguments),
                    json: json)
            }
        }
    }
}

extension Channel {
    struct Emergency: AsyncParsableCommand {
        static let configuration = CommandConfiguration(
            abstract: "Takes the output at once, or gives it back; the queue stays as it is.",
            discussion: """
                slate shows the slate, mute takes the sound away, off lets the queue go on. It acts on what leaves, within \
                half a second whatever the delay is, and stays over a restart until `off`.
                """)

        @OptionGroup var options: QueueActOptions
        @Argument(help: "slate, mute or off.") var state: String

        func validate() throws {
            guard ProgrammeEmergency(rawValue: state) != nil else { throw ValidationError("say slate, mute or off") }
        }

        func run() async throws { try await options.perform("emergency", ["state": state]) }
    }
}

private struct ChannelRow: Encodable {
    private struct Queue: Decodable {
        struct Entry: Decodable {}
        let showing: String
        let isOpen: Bool
        let version: Int64
        let entries: [Entry]
        let emergency: String
        let outputs: [String]
    }

    let name: String
    let showing: String
    let isOpen: Bool
    let version: Int64
    /// How many are on air or wait.
    let entries: Int
    let emergency: String
    /// The ways to watch that are on.
    let outputs: [String]

    init(json: String, name: String) throws {
        let queue = try JSONDecoder().decode(Queue.self, from: Data(json.utf8))
        self.name = name
        showing = queue.showing
        isOpen = queue.isOpen
        version = queue.version
        entries = queue.entries.count
        emergency = queue.emergency
        outputs = queue.outputs
    }
}

/// `NAME=VALUE` as people type it.
enum SettingsText {
    /// - Throws: `ValidationError` naming the first that makes no sense.
    static func check(_ settings: [String]) throws {
        var known = QueueSettings()
        for setting in settings {
            let parts = setting.split(separator: "=", maxSplits: 1)
            guard parts.count == 2 else { throw ValidationError("'\(setting)' is not NAME=VALUE") }
            do {
                try known.set(String(parts[0]), to: String(parts[1]))
            } catch {
                throw ValidationError(error.sentence)
            }
        }
    }

    /// As the server takes them; the last of two for one name counts.
    static func arguments(_ settings: [String]) -> [String: String] {
        let pairs = settings.map { $0.split(separator: "=", maxSplits: 1).map(String.init) }
        return Dictionary(pairs.compactMap { $0.count == 2 ? ("set." + $0[0], $0[1]) : nil }) { _, last in last }
    }
}
