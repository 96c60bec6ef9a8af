import Configuration
import Domain
import Foundation
import LineupServer
import PostgresStore
import RTMPTransport
import Testing

@Suite struct ServerConfigurationTests {
    /// The repository, from where this file was compiled.
    private static let repository = URL(fileURLWithPath: #filePath)
        .deletingLastPathComponent().deletingLastPathComponent().deletingLastPathComponent()

    private func configuration(
        _ environment: [String: String] = [:], flags: [String: String] = [:]
    ) throws -> ServerConfiguration {
        var environment = environment
        environment["LINEUP_WEB_ROOT"] =
            environment["LINEUP_WEB_ROOT"] ?? Self.repository.appendingPathComponent("web").path
        environment["LINEUP_MIGRATIONS_DIR"] =
            environment["LINEUP_MIGRATIONS_DIR"] ?? Self.repository.appendingPathComponent("migrations").path
        return try ServerConfiguration(flags: flags, environment: environment)
    }

    @Test func everythingHasADefault() throws {
        let configuration = try configuration()
        #expect(configuration.httpPort == 8080)
        #expect(configuration.rtmpPort == 1935)
        #expect(configuration.bindAddress == "127.0.0.1")
        #expect(configuration.programmeDelay == .seconds(2))
        #expect(configuration.dataFolder.lastPathComponent == "data")
        #expect(configuration.database == nil)
        #expect(configuration.logFormat == .text)
        #expect(configuration.eventRetention == .seconds(30 * 86_400))
        #expect(configuration.auditRetention == .seconds(400 * 86_400))
        #expect(configuration.rtmpLimits.maximumConnections == 1024)
        #expect(configuration.rtmpLimits.maximumConnectionsPerAddress == 64)
        #expect(configuration.rtmpLimits.idleLimit == .seconds(30))
    }

    @Test func aFlagWinsOverTheEnvironment() throws {
        let configuration = try configuration(["LINEUP_HTTP_PORT": "9000"], flags: ["http-port": "9001"])
        #expect(configuration.httpPort == 9001)
    }

    @Test func theEnvironmentWinsOverTheDefault() throws {
        #expect(try configuration(["LINEUP_PROGRAMME_DELAY": "0.5"]).programmeDelay == .milliseconds(500))
        #expect(try configuration(["LINEUP_LOG_FORMAT": "JSON"]).logFormat == .json)
        #expect(try configuration(["LINEUP_DATA_DIR": "/srv/lineup"]).dataFolder.path == "/srv/lineup")
    }

    @Test(arguments: [
        ("LINEUP_HTTP_PORT", "eighty"), ("LINEUP_HTTP_PORT", "65536"), ("LINEUP_RTMP_PORT", "-1"),
        ("LINEUP_BIND_ADDRESS", "localhost"), ("LINEUP_PUBLIC_URL", "live.example.org"),
        ("LINEUP_PUBLIC_URL", "https://live.example.org/x"), ("LINEUP_LOG_LEVEL", "loud"), ("LINEUP_LOG_FORMAT", "xml"),
        ("LINEUP_RTMP_MAX_CONNECTIONS", "0"), ("LINEUP_EVENT_RETENTION_DAYS", "-1"),
        ("LINEUP_AUDIT_RETENTION_DAYS", "36501"),
        ("LINEUP_RTMP_MAX_CONNECTIONS_PER_ADDRESS", "many"), ("LINEUP_RTMP_IDLE_SECONDS", "1"),
        ("LINEUP_PROGRAMME_DELAY", "31"), ("LINEUP_PROGRAMME_DELAY", "nan"), ("LINEUP_WEB_ROOT", "/nonexistent"),
        ("LINEUP_MIGRATIONS_DIR", "/nonexistent"), ("DATABASE_URL", "mysql://x"),
    ])
    func nonsenseIsRefusedWithTheKeysName(key: String, value: String) {
        let error = #expect(throws: ConfigurationError.self) { try configuration([key: value]) }
        #expect(error?.key == key)
        #expect(error?.description.hasPrefix(key) == true)
    }

    @Test func noDaysKeepForEver() throws {
        let configuration = try configuration([
            "LINEUP_EVENT_RETENTION_DAYS": "0", "LINEUP_AUDIT_RETENTION_DAYS": "0",
        ])
        #expect(configuration.eventRetention == nil)
        #expect(configuration.auditRetention == nil)
    }

    @Test func bothPortsMayNotBeTheSame() {
        let error = #expect(throws: ConfigurationError.self) {
            try configuration(["LINEUP_HTTP_PORT": "9000", "LINEUP_RTMP_PORT": "9000"])
        }
        #expect(error?.key == "LINEUP_RTMP_PORT")
    }

    @Test func theDatabasesPasswordIsInNoError() {
        let error = #expect(throws: ConfigurationError.self) {
            try configuration(["DATABASE_URL": "postgres://lineup:hunter2@db:notaport/lineup"])
        }
        #expect(error?.description.contains("hunter2") == false)
    }

    @Test func theOlderDatabaseNamesAreUnderstood() throws {
        let database = try #require(
            try configuration([
                "DB_HOST": "db.example.org", "DB_PORT": "6543", "DB_NAME": "queue", "DB_USER": "dj",
                "DB_PASSWORD": "s3cret",
            ]).database)
        #expect(database.host == "db.example.org")
        #expect(database.port == 6543)
        #expect(database.database == "queue")
        #expect(database.user == "dj")
        #expect(database.password == Secret("s3cret"))
        #expect(!"\(database)".contains("s3cret"))
    }

    @Test func theSampleFileNamesEveryKeyOnceWithItsDefault() throws {
        let sample = try String(
            contentsOf: Self.repository.appendingPathComponent(".envrc.sample"), encoding: .utf8)
        let lines = sample.split(separator: "\n").map { $0.trimmingCharacters(in: .whitespaces) }
        let assignments = lines.compactMap { line -> (String, String)? in
            let text = line.drop { $0 == "#" || $0 == " " }
            guard text.hasPrefix("export ") else { return nil }
            let parts = text.dropFirst(7).split(separator: "=", maxSplits: 1, omittingEmptySubsequences: false)
            // A value with spaces stands in quotation marks.
            return parts.count == 2 ? (String(parts[0]), parts[1].trimmingCharacters(in: ["\""])) : nil
        }
        #expect(assignments.map(\.0).sorted() == ConfigurationKey.all.map(\.name).sorted())
        let defaults = Dictionary(assignments) { first, _ in first }
        for key in ConfigurationKey.all where !key.standard.isEmpty {
            #expect(defaults[key.name] == key.standard, "\(key.name)")
        }
    }

    @Test func refusesOriginsThatAreNone() throws {
        _ = try ServerConfiguration(
            flags: [:], environment: ["LINEUP_CORS_ORIGINS": "https://a.example"], needsPages: false)
        #expect(throws: ConfigurationError.self) {
            try ServerConfiguration(
                flags: [:], environment: ["LINEUP_CORS_ORIGINS": "a.example"], needsPages: false)
        }
    }

    @Test func refusesASlateFileThatCannotBeRead() {
        #expect(throws: ConfigurationError.self) {
            try ServerConfiguration(
                flags: [:], environment: ["LINEUP_SLATE_FILE": "/nonexistent/slate.png"], needsPages: false)
        }
        #expect(throws: ConfigurationError.self) {
            try ServerConfiguration(flags: [:], environment: ["LINEUP_SLATE_FILE": "/"], needsPages: false)
        }
    }

    @Test func theHelpNamesEveryKey() {
        for key in ConfigurationKey.all { #expect(ConfigurationKey.table.contains(key.name)) }
        #expect(ConfigurationKey.table.split(separator: "\n").allSatisfy { $0.count <= 78 })
    }
}
