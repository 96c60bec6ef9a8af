import ArgumentParser
import Domain
import Foundation
import LineupServer

@main
struct Lineup: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "lineup",
        abstract: "Turns a crowd of DJs into one broadcast that never stops.",
        discussion: """
            DJs publish over RTMP with a key of their own and wait in a queue; the head of it is on air; the programme \
            goes out as HLS without a gap.

            Start with `lineup serve`. The other commands work on the same data folder or DATABASE_URL, whether a \
            server runs or not; with --json each prints one JSON document.
            """,
        version: "lineup \(LineupVersion.text)",
        subcommands: [
            Serve.self, Migrate.self, User.self, Key.self, Token.self, Channel.self, Queue.self, Viewer.self,
            TargetCommand.self, OBSCommand.self, DoctorCommand.self, Version.self, Worker.self,
        ])
}

struct Version: ParsableCommand {
    static let configuration = CommandConfiguration(abstract: "Prints the version.")

    @Flag(help: "Print one JSON document.") var json = false

    func run() {
        print(json ? JSONText.line(["version": LineupVersion.text]) : "lineup \(LineupVersion.text)")
    }
}

/// Which installation a command works on.
struct InstallationOptions: ParsableArguments {
    @Option(help: "Folder for everything the server keeps (LINEUP_DATA_DIR, default ./data).")
    var dataDir: String?

    @Option(help: "trace, debug, info, notice, warning, error or critical (LINEUP_LOG_LEVEL).")
    var logLevel: String?

    @Option(help: "text or json (LINEUP_LOG_FORMAT).")
    var logFormat: String?

    var flags: [String: String] {
        var flags: [String: String] = [:]
        flags["data-dir"] = dataDir
        flags["log-level"] = logLevel
        flags["log-format"] = logFormat
        return flags
    }

    /// Commands other than `serve` keep quiet unless something is wrong.
    func commandContext(more: [String: String] = [:]) throws -> CommandContext {
        var flags = flags.merging(more) { _, new in new }
        if flags["log-level"] == nil, ProcessInfo.processInfo.environment["LINEUP_LOG_LEVEL"] == nil {
            flags["log-level"] = "warning"
        }
        return try plainly { try CommandContext(flags: flags, environment: ProcessInfo.processInfo.environment) }
    }
}

/// Turns an error of ours into one line on standard error and exit status 1.
func plainly<Result>(_ body: () throws -> Result) throws -> Result {
    do { return try body() } catch { throw plain(error) }
}

func plainly<Result>(_ body: () async throws -> Result) async throws -> Result {
    do { return try await body() } catch { throw plain(error) }
}

private func plain(_ error: any Error) -> any Error {
    if error is ExitCode || error is ValidationError || error is CleanExit { return error }
    FileHandle.standardError.write(Data("lineup: \(CommandContext.sentence(for: error))\n".utf8))
    return ExitCode.failure
}
