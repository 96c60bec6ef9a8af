import ArgumentParser
import Foundation
import LineupServer

struct Serve: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        abstract: "Runs the server until SIGTERM or Ctrl-C.",
        discussion: """
            Without DATABASE_URL the server owns a private PostgreSQL in its data folder. At the first start it makes \
            an admin and prints the password once.

            Settings are read from flags, then from the environment, then from these defaults:

            \(ConfigurationKey.table)
            """)

    @OptionGroup var installation: InstallationOptions

    @Option(help: "IP address to listen on (LINEUP_BIND_ADDRESS).") var bindAddress: String?
    @Option(help: "TCP port of pages, API and media (LINEUP_HTTP_PORT).") var httpPort: String?
    @Option(help: "TCP port for publishers (LINEUP_RTMP_PORT).") var rtmpPort: String?
    @Option(help: "Where people reach the pages (LINEUP_PUBLIC_URL).") var publicURL: String?
    @Option(help: "Seconds between a DJ and the programme, 0 to 30 (LINEUP_PROGRAMME_DELAY).")
    var programmeDelay: String?

    func run() async throws {
        var flags = installation.flags
        flags["bind-address"] = bindAddress
        flags["http-port"] = httpPort
        flags["rtmp-port"] = rtmpPort
        flags["public-url"] = publicURL
        flags["programme-delay"] = programmeDelay
        try await plainly {
            let configuration = try ServerConfiguration(flags: flags, environment: ProcessInfo.processInfo.environment)
            try await LineupProcess(configuration: configuration).serve()
        }
    }
}

struct Migrate: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        abstract: "Brings the database to this program's version.",
        discussion: "`lineup serve` does the same at its start. Migrations only go forward.")

    @OptionGroup var installation: InstallationOptions
    @Flag(help: "Print one JSON document.") var json = false

    func run() async throws {
        try await plainly {
            let applied = try await installation.commandContext().migrate()
            if json {
                print(JSONText.line(["applied": applied]))
            } else {
                print(applied.isEmpty ? "The database is up to date." : "Applied: \(applied.joined(separator: ", "))")
            }
        }
    }
}

struct DoctorCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "doctor",
        abstract: "Checks what the server needs and says how to mend it.",
        discussion: "Libraries and encoders, database, ports, clock, data folder. Exits 1 when something is missing.")

    @OptionGroup var installation: InstallationOptions
    @Flag(help: "Print one JSON document.") var json = false

    func run() async throws {
        try await plainly {
            let findings = try await installation.commandContext().doctor().examine()
            if json {
                print(JSONText.line(findings))
            } else {
                for finding in findings {
                    print("\(finding.isOK ? "ok     " : "MISSING")  \(finding.name): \(finding.seen)")
                    if let mend = finding.mend { print("           \(mend)") }
                }
            }
            if findings.contains(where: { !$0.isOK }) { throw ExitCode.failure }
        }
    }
}

/// Work that runs in a process of its own, so that broken media can kill a worker and never the broadcast (design §3).
struct Worker: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        abstract: "Started by the server itself; not for people.", shouldDisplay: false,
        subcommands: [SlateWork.self, PictureWork.self, DecodeWork.self])
}
