import ArgumentParser
import Domain
import Foundation
import LineupServer

struct TargetCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "target", abstract: "Tells webhooks, Discord channels and files what happens.",
        discussion: """
            A target gets the events of docs/events.md in order, at least once. One that does not answer is tried again; one \
            that takes nothing for a day is parked until `lineup target resume`.
            """,
        subcommands: [
            List.self, Add.self, Set.self, Test.self, Park.self, Resume.self, Replay.self, Failures.self, Remove.self,
        ])

    struct List: AsyncParsableCommand {
        static let configuration = CommandConfiguration(abstract: "Lists the targets and how their deliveries go.")

        @OptionGroup var installation: InstallationOptions
        @Flag(help: "Print one JSON document.") var json = false

        func run() async throws {
            try await plainly {
                let rows = try await installation.commandContext().withTargets { try await $0.targets() }
                    .map { TargetRow($0) }
                if json { return print(JSONText.line(rows)) }
                if rows.isEmpty { print("There are no targets yet: `lineup target add --help`.") }
                for row in rows { print(row.line) }
            }
        }
    }

    struct Add: AsyncParsableCommand {
        static let configuration = CommandConfiguration(
            abstract: "Makes a target; it gets what happens from now on.",
            discussion: """
                What is secret comes on standard input, so that it stands in no process list and no shell history: the URL on \
                the first line; for a webhook the signing secret on the second (left out or empty: one is made, and printed \
                this once) and headers of its own on further lines, as `Name: value`.

                    printf '%s\\n' "$URL" | lineup target add --kind webhook --name studio --kinds 'onair.*,queue.*'
                    printf '%s\\n' "$DISCORD_URL" | lineup target add --kind discord --name chat
                    lineup target add --kind file --name archive --file events.jsonl
                """)

        @OptionGroup var installation: InstallationOptions
        @Option(help: "webhook, discord or file.") var kind: String
        @Option(help: "1 to 40 characters, unique.") var name: String
        @OptionGroup var fields: TargetFields
        @Flag(help: "Print one JSON document.") var json = false

        func validate() throws {
            guard Target.Kind(rawValue: kind) != nil else {
                throw ValidationError("--kind must be webhook, discord or file")
            }
        }

        func run() async throws {
            try await plainly {
                var draft = fields.draft()
                draft.name = name
                draft.kind = Target.Kind(rawValue: kind)
                if draft.kind != .file { try TargetInput.read(into: &draft) }
                let made = try await installation.commandContext().withTargets { [draft] desk in
                    try await desk.create(draft, by: .shell)
                }
                if json { return print(JSONText.line(TargetRow(made.status, secret: made.secret))) }
                print(TargetRow(made.status).line)
                if let secret = made.secret {
                    print("The signing secret, shown this once: \(secret.exposed)")
                }
            }
        }
    }

    struct Set: AsyncParsableCommand {
        static let configuration = CommandConfiguration(
            abstract: "Changes a target.",
            discussion: """
                With --secrets-stdin standard input has URL, secret and headers as for `add`; an empty line leaves the URL or \
                the secret as it is.
                """)

        @OptionGroup var installation: InstallationOptions
        @Argument(help: "The target's name or id.") var target: String
        @Option(help: "Its new name.") var name: String?
        @OptionGroup var fields: TargetFields
        @Flag(help: "Read URL, secret and headers from standard input.") var secretsStdin = false
        @Flag(inversion: .prefixedNo, help: "Whether anything is delivered.") var enabled: Bool?
        @Flag(help: "Print one JSON document.") var json = false

        func run() async throws {
            var draft = fields.draft()
            draft.name = name
            draft.isEnabled = enabled
            if secretsStdin { try TargetInput.read(into: &draft) }
            let change = draft
            try await TargetCommand.act(on: target, installation, json: json) { desk, id in
                try await desk.change(id, change, by: .shell)
            }
        }
    }

    struct Test: AsyncParsableCommand {
        static let configuration = CommandConfiguration(abstract: "Sends a target a test event now.")

        @OptionGroup var installation: InstallationOptions
        @Argument(help: "The target's name or id.") var target: String
        @Flag(help: "Print one JSON document.") var json = false

        func run() async throws {
            try await plainly {
                let test = try await installation.commandContext().withTargets { desk in
                    try await desk.test(try await desk.target(named: target).target.id, by: .shell)
                }
                guard test.isDelivered else { throw StartFailure(test.outcome) }
                print(
                    json
                        ? JSONText.line(
                            TestRow(delivered: true, outcome: test.outcome, milliseconds: test.milliseconds))
                        : test.outcome)
            }
        }
    }

    struct Park: AsyncParsableCommand {
        static let configuration = CommandConfiguration(
            abstract: "Stops deliveries to a target until they are resumed.")

        @OptionGroup var installation: InstallationOptions
        @Argument(help: "The target's name or id.") var target: String
        @Option(help: "Why, for whoever looks.") var reason = "parked at the command line"
        @Flag(help: "Print one JSON document.") var json = false

        func run() async throws {
            try await TargetCommand.act(on: target, installation, json: json) { desk, id in
                try await desk.park(id, reason: reason, by: .shell)
            }
        }
    }

    struct Resume: AsyncParsableCommand {
        static let configuration = CommandConfiguration(
            abstract: "Resumes deliveries to a parked target, with what has waited.")

        @OptionGroup var installation: InstallationOptions
        @Argument(help: "The target's name or id.") var target: String
        @Flag(help: "Leave out what has waited.") var skip = false
        @Flag(help: "Print one JSON document.") var json = false

        func run() async throws {
            try await TargetCommand.act(on: target, installation, json: json) { desk, id in
                try await desk.resume(id, skipping: skip, by: .shell)
            }
        }
    }

    struct Replay: AsyncParsableCommand {
        static let configuration = CommandConfiguration(
            abstract: "Sends a target an event again, or a range of them, at most 1,000.")

        @OptionGroup var installation: InstallationOptions
        @Argument(help: "The target's name or id.") var target: String
        @Argument(help: "The first event's id, as 3-17.") var from: String
        @Argument(help: "The last event's id; without it, only the first.") var through: String?
        @Option(help: "The channel.") var channel = ChannelName.main.text
        @Flag(help: "Print one JSON document.") var json = false

        func run() async throws {
            try await plainly {
                guard let channel = ChannelName(channel) else { throw ValidationError("there is no such channel") }
                guard let first = EventID(from), let last = EventID(through ?? from) else {
                    throw ValidationError("an event's id is two numbers with a hyphen, as 3-17")
                }
                let count = try await installation.commandContext().withTargets { desk in
                    try await desk.replay(
                        try await desk.target(named: target).target.id, channel: channel, from: first, through: last,
                        by: .shell)
                }
                print(json ? JSONText.line(["events": count]) : "\(count) events will be sent again.")
            }
        }
    }

    struct Failures: AsyncParsableCommand {
        static let configuration = CommandConfiguration(abstract: "Lists the events that a target refused.")

        @OptionGroup var installation: InstallationOptions
        @Argument(help: "The target's name or id.") var target: String
        @Flag(help: "Print one JSON document.") var json = false

        func run() async throws {
            try await plainly {
                let rows = try await installation.commandContext().withTargets { desk in
                    try await desk.failures(of: try await desk.target(named: target).target.id)
                }.map { FailureRow($0) }
                if json { return print(JSONText.line(rows)) }
                if rows.isEmpty { print("It refused none.") }
                for row in rows { print("\(row.event)  \(row.at)  \(row.kind)  \(row.error)") }
            }
        }
    }

    struct Remove: AsyncParsableCommand {
        static let configuration = CommandConfiguration(abstract: "Removes a target.")

        @OptionGroup var installation: InstallationOptions
        @Argument(help: "The target's name or id.") var target: String
        @Flag(help: "Print one JSON document.") var json = false

        func run() async throws {
            try await plainly {
                let id = try await installation.commandContext().withTargets { desk in
                    let id = try await desk.target(named: target).target.id
                    try await desk.remove(id, by: .shell)
                    return id
                }
                print(json ? JSONText.line(["removed": id.description]) : "Removed \(target).")
            }
        }
    }

    /// Does something to a target and prints it afterwards.
    fileprivate static func act(
        on name: String, _ installation: InstallationOptions, json: Bool,
        _ body: @escaping @Sendable (any TargetDesk, TargetID) async throws -> TargetStatus
    ) async throws {
        try await plainly {
            let status = try await installation.commandContext().withTargets { desk in
                try await body(desk, try await desk.target(named: name).target.id)
            }
            print(json ? JSONText.line(TargetRow(status)) : TargetRow(status).line)
        }
    }
}

/// What of a target is no secret.
struct TargetFields: ParsableArguments {
    @Option(help: "Of a file: its name in LINEUP_EVENTS_DIR.") var file: String?
    @Option(help: "Kinds of events with commas between, as queue.*,onair.started; empty for all.") var kinds: String?
    @Option(help: "Channels with commas between; empty for all.") var channels: String?
    @Option(help: "Events a request, 1 to 100.") var batch: Int?

    func draft() -> TargetDraft {
        var draft = TargetDraft()
        draft.file = file
        draft.kinds = kinds.map(Self.list)
        draft.channels = channels.map(Self.list)
        draft.batch = batch
        return draft
    }

    private static func list(_ text: String) -> [String] {
        text.split(separator: ",").map { $0.trimmingCharacters(in: .whitespaces) }
    }
}

/// Secrets from standard input: URL, signing secret, headers, a line each.
enum TargetInput {
    private static let maximumBytes = 65_536

    static func read(into draft: inout TargetDraft) throws {
        let bytes = FileHandle.standardInput.readData(ofLength: maximumBytes)
        var lines = String(decoding: bytes, as: UTF8.self).split(
            separator: "\n", omittingEmptySubsequences: false
        ).map { $0.trimmingCharacters(in: .whitespaces) }
        if lines.last == "" { lines.removeLast() }
        if let url = lines.first, !url.isEmpty { draft.url = Secret(url) }
        if lines.count > 1, !lines[1].isEmpty { draft.secret = Secret(lines[1]) }
        guard lines.count > 2 else { return }
        draft.headers = try lines.dropFirst(2).map { line in
            let parts = line.split(separator: ":", maxSplits: 1)
            guard parts.count == 2 else { throw ValidationError("a header is written as `Name: value`") }
            return TargetHeader(
                name: String(parts[0]), value: Secret(parts[1].trimmingCharacters(in: .whitespaces)))
        }
    }
}

private struct TargetRow: Encodable {
    let id: TargetID
    let name: String
    let kind: String
    let place: String
    let state: String
    let enabled: Bool
    let kinds: [String]
    let channels: [String]
    let batch: Int
    let waiting: Int
    let delivered: Int64
    let refused: Int64
    let failures: Int
    let attempts: Int
    let lastError: String?
    let parkedReason: String?
    /// Set where it was made.
    let secret: String?

    init(_ status: TargetStatus, secret: Secret? = nil) {
        let (target, progress) = (status.target, status.progress)
        id = target.id
        name = target.name
        kind = target.kind.rawValue
        place = target.place
        state = status.state
        enabled = target.isEnabled
        kinds = target.filter.kinds
        channels = target.filter.channels.map(\.text)
        batch = target.batch
        waiting = status.waiting
        delivered = progress.delivered
        refused = progress.refused
        failures = status.failures
        attempts = progress.attempts
        lastError = progress.lastError
        parkedReason = progress.parkedReason
        self.secret = secret?.exposed
    }

    var line: String {
        let trouble = (parkedReason ?? lastError).map { "  \($0)" } ?? ""
        return "\(id)  \(name)  \(kind)  \(place)  \(state)  \(waiting) waiting, \(delivered) delivered\(trouble)"
    }
}

private struct FailureRow: Encodable {
    let event: String
    let channel: String
    let kind: String
    let at: WallTime
    let error: String

    init(_ failure: FailedDelivery) {
        event = failure.id.description
        channel = failure.channel.text
        kind = failure.kind
        at = failure.at
        error = failure.error
    }
}

private struct TestRow: Encodable {
    let delivered: Bool
    let outcome: String
    let milliseconds: Int64
}

/// A failure that is already one sentence.
private struct StartFailure: Error, CustomStringConvertible {
    let description: String

    init(_ description: String) { self.description = description }
}
