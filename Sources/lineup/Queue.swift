import ArgumentParser
import Domain
import Foundation
import LineupServer

struct Queue: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        abstract: "Shows and steers the queue.",
        discussion: "Goes through the running server; with none, to the database.",
        subcommands: [List.self, Skip.self, Set.self])

    struct List: AsyncParsableCommand {
        static let configuration = CommandConfiguration(abstract: "Shows who is on air and who waits.")

        @OptionGroup var installation: InstallationOptions
        @Option(help: "The channel.") var channel = "main"
        @Flag(help: "Print one JSON document.") var json = false

        func run() async throws {
            try await plainly {
                show(try await installation.commandContext().queue("queue.list", channel: channel), json: json)
            }
        }
    }

    struct Skip: AsyncParsableCommand {
        static let configuration = CommandConfiguration(abstract: "Ends the slot of whoever is on air.")

        @OptionGroup var installation: InstallationOptions
        @Option(help: "The channel.") var channel = "main"
        @Flag(help: "Print one JSON document.") var json = false

        func run() async throws {
            try await plainly {
                show(try await installation.commandContext().queue("queue.skip", channel: channel), json: json)
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

        @OptionGroup var installation: InstallationOptions
        @Option(help: "The channel.") var channel = "main"
        @Flag(help: "Print one JSON document.") var json = false
        @Argument(help: "NAME=VALUE, one or more.") var settings: [String]

        func validate() throws {
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

        func run() async throws {
            try await plainly {
                let pairs = settings.map { $0.split(separator: "=", maxSplits: 1).map(String.init) }
                let arguments = Dictionary(pairs.map { ($0[0], $0[1]) }) { _, last in last }
                show(
                    try await installation.commandContext().queue("queue.set", channel: channel, arguments: arguments),
                    json: json)
            }
        }
    }
}

/// The part of a queue's JSON that people read.
private struct QueueRow: Decodable {
    struct Entry: Decodable {
        let name: String
        let state: String
        let connected: Bool
        let ready: Bool
        let missing: [String]
        let remainingSeconds: Double?
    }
    let showing: String
    let isOpen: Bool
    let slotSeconds: Int?
    let entries: [Entry]
}

private func show(_ json: String, json asJSON: Bool) {
    guard !asJSON, let queue = try? JSONDecoder().decode(QueueRow.self, from: Data(json.utf8)) else {
        return print(json)
    }
    let slot = queue.slotSeconds.map { "slots of \($0) s" } ?? "slots without limit"
    print(
        "\(queue.isOpen ? "Open" : "Closed"), \(slot); the programme shows \(queue.showing == "dj" ? "a DJ" : "the slate")."
    )
    if queue.entries.isEmpty { print("The queue is empty.") }
    for (index, entry) in queue.entries.enumerated() {
        var notes: [String] = []
        if entry.state == "onAir" { notes.append("on air") }
        if let left = entry.remainingSeconds { notes.append("\(Int(left)) s left") }
        if !entry.connected { notes.append("dropped, place kept") }
        if entry.connected, !entry.ready { notes.append(entry.missing.joined(separator: " ")) }
        print("\(index + 1). \(entry.name)\(notes.isEmpty ? "" : "  (\(notes.joined(separator: "; ")))")")
    }
}
