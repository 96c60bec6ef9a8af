import ArgumentParser
import Domain
import Foundation
import LineupServer

struct OBSCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "obs", abstract: "Lets OBS instances follow the programme.",
        discussion: """
            Each connection has presets (a scene for a DJ on air, one for the slate, texts, a media input to restart) and rules of \
            its own: docs/obs.md.
            """,
        subcommands: [List.self, Add.self, Set.self, Test.self, DryRun.self, Remove.self])

    struct List: AsyncParsableCommand {
        static let configuration = CommandConfiguration(abstract: "Lists the OBS connections.")

        @OptionGroup var installation: InstallationOptions
        @Flag(help: "Print one JSON document.") var json = false

        func run() async throws {
            try await plainly {
                let rows = try await installation.commandContext().withStudios { try await $0.studios() }
                    .map { StudioRow($0.studio) }
                if json { return print(JSONText.line(rows)) }
                if rows.isEmpty { print("There are no OBS connections yet: `lineup obs add --help`.") }
                for row in rows { print(row.line) }
            }
        }
    }

    struct Add: AsyncParsableCommand {
        static let configuration = CommandConfiguration(
            abstract: "Makes an OBS connection.",
            discussion: """
                    printf '%s\\n' "$PASSWORD" | lineup obs add --name studio --host 10.0.0.5 --password-stdin \\
                        --preset liveScene=Live --preset slateScene=Break --preset djText=DJ
                """)

        @OptionGroup var installation: InstallationOptions
        @Option(help: "1 to 40 characters, unique.") var name: String
        @Option(help: "OBS's host.") var host: String
        @OptionGroup var fields: StudioFields
        @Flag(help: "Print one JSON document.") var json = false

        func run() async throws {
            try await plainly {
                var draft = try fields.draft()
                draft.name = name
                draft.host = host
                let made = try await installation.commandContext().withStudios { [draft] desk in
                    try await desk.create(draft, by: .shell)
                }
                print(json ? JSONText.line(StudioRow(made.studio)) : StudioRow(made.studio).line)
            }
        }
    }

    struct Set: AsyncParsableCommand {
        static let configuration = CommandConfiguration(abstract: "Changes an OBS connection.")

        @OptionGroup var installation: InstallationOptions
        @Argument(help: "The connection's name or id.") var studio: String
        @Option(help: "Its new name.") var name: String?
        @Option(help: "OBS's host.") var host: String?
        @OptionGroup var fields: StudioFields
        @Flag(inversion: .prefixedNo, help: "Whether it follows.") var enabled: Bool?
        @Flag(help: "Print one JSON document.") var json = false

        func run() async throws {
            try await plainly {
                var draft = try fields.draft()
                draft.name = name
                draft.host = host
                draft.isEnabled = enabled
                let changed = try await installation.commandContext().withStudios { [draft] desk in
                    try await desk.change(try await desk.studio(named: studio).studio.id, draft, by: .shell)
                }
                print(json ? JSONText.line(StudioRow(changed.studio)) : StudioRow(changed.studio).line)
            }
        }
    }

    struct Test: AsyncParsableCommand {
        static let configuration = CommandConfiguration(
            abstract: "Connects to an OBS from here and asks what it has; changes nothing.")

        @OptionGroup var installation: InstallationOptions
        @Argument(help: "The connection's name or id.") var studio: String
        @Flag(help: "Print one JSON document.") var json = false

        func run() async throws {
            try await plainly {
                let test = try await installation.commandContext().withStudios { desk in
                    try await desk.test(try await desk.studio(named: studio).studio.id)
                }
                if json {
                    print(JSONText.line(TestRow(test)))
                } else {
                    print(test.outcome + (test.version.map { " OBS \($0)." } ?? ""))
                    if !test.scenes.isEmpty { print("Scenes: \(test.scenes.joined(separator: ", "))") }
                }
                if !test.isConnected { throw ExitCode.failure }
            }
        }
    }

    struct DryRun: AsyncParsableCommand {
        static let configuration = CommandConfiguration(
            commandName: "dry-run",
            abstract: "Prints the batch that an event would send, with example names; sends nothing.")

        @OptionGroup var installation: InstallationOptions
        @Argument(help: "The connection's name or id.") var studio: String
        @Argument(help: "A kind of event, as onair.started or slate.started.") var kind: String
        @Flag(help: "Print one JSON document (as always).") var json = false

        func run() async throws {
            try await plainly {
                print(
                    try await installation.commandContext().withStudios { desk in
                        try await desk.dryRun(try await desk.studio(named: studio).studio.id, kind: kind)
                    })
            }
        }
    }

    struct Remove: AsyncParsableCommand {
        static let configuration = CommandConfiguration(abstract: "Removes an OBS connection; OBS stays as it is.")

        @OptionGroup var installation: InstallationOptions
        @Argument(help: "The connection's name or id.") var studio: String
        @Flag(help: "Print one JSON document.") var json = false

        func run() async throws {
            try await plainly {
                let id = try await installation.commandContext().withStudios { desk in
                    let id = try await desk.studio(named: studio).studio.id
                    try await desk.remove(id, by: .shell)
                    return id
                }
                print(json ? JSONText.line(["removed": id.description]) : "Removed \(studio).")
            }
        }
    }
}

/// What a connection is made of but its name and host.
struct StudioFields: ParsableArguments {
    private static let maximumPasswordBytes = 1024

    @Option(help: "obs-websocket's port, 4455 unless told.") var port: Int?
    @Option(help: "The channel it follows, main unless told.") var channel: String?
    @Option(
        help: "NAME=VALUE with a name of docs/obs.md, as liveScene=Live; an empty value takes it away. Several times.")
    var preset: [String] = []
    @Option(help: "A file of rules in JSON: docs/obs.md.") var rules: String?
    @Option(help: "Requests a second at most, 1 to 200.") var requestsPerSecond: Int?
    @Flag(help: "Read the password from standard input; an empty line takes it away.") var passwordStdin = false

    func draft() throws -> StudioDraft {
        var draft = StudioDraft()
        draft.port = port
        draft.channel = channel
        draft.requestsPerSecond = requestsPerSecond
        for text in preset {
            let parts = text.split(separator: "=", maxSplits: 1, omittingEmptySubsequences: false)
            guard parts.count == 2 else { throw ValidationError("--preset is written as NAME=VALUE") }
            draft.presets = (draft.presets ?? [:]).merging([String(parts[0]): String(parts[1])]) { _, new in new }
        }
        if let rules {
            guard let handle = FileHandle(forReadingAtPath: rules),
                let data = try handle.read(upToCount: StudioLimits.maximumRulesBytes + 1)
            else { throw ValidationError("\(rules) cannot be read") }
            draft.rules = String(decoding: data, as: UTF8.self)
        }
        if passwordStdin {
            let bytes = FileHandle.standardInput.readData(ofLength: Self.maximumPasswordBytes)
            let text = String(decoding: bytes, as: UTF8.self)
            draft.password = Secret(String(text.prefix { !$0.isNewline }))
        }
        return draft
    }
}

private struct StudioRow: Encodable {
    let id: StudioID
    let name: String
    let host: String
    let port: Int
    let password: Bool
    let channel: String
    let presets: StudioPresets
    let rules: String
    let requestsPerSecond: Int
    let enabled: Bool

    init(_ studio: Studio) {
        id = studio.id
        name = studio.name
        host = studio.host
        port = studio.port
        password = studio.hasPassword
        channel = studio.channel.text
        presets = studio.presets
        rules = studio.rules
        requestsPerSecond = studio.requestsPerSecond
        enabled = studio.isEnabled
    }

    var line: String {
        let set = StudioPresets.names.compactMap { name in presets[name].map { "\(name)=\($0)" } }.joined(
            separator: " ")
        return "\(id)  \(name)  \(host):\(port)  \(channel)  \(enabled ? "on" : "off")  \(set)"
    }
}

private struct TestRow: Encodable {
    let connected: Bool
    let outcome: String
    let version: String?
    let scenes: [String]
    let missing: [String]

    init(_ test: StudioTest) {
        connected = test.isConnected
        outcome = test.outcome
        version = test.version
        scenes = test.scenes
        missing = test.missing
    }
}
