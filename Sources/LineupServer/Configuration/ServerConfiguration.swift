package import Audience
package import Configuration
package import Domain
package import Foundation
package import Logging
package import PostgresStore
import RTMP
package import RTMPTransport
package import SMTPClient
package import WebServer
package import WebhookClient

/// Nonsense in the configuration; names the key.
package struct ConfigurationError: Error, CustomStringConvertible, Equatable {
    package let key: String
    package let problem: String

    package var description: String { "\(key): \(problem)" }
}

/// RTMP or HTTP over TLS on a port of its own.
package struct RTMPSConfiguration: Sendable, Equatable {
    package var port: Int
    package var files: TLSFiles
}

/// Everything the server is told at start, read once and checked (ARCHITECTURE.md, "Limits and defaults").
package struct ServerConfiguration: Sendable {
    package enum LogFormat: String, Sendable, CaseIterable { case text, json }

    package var dataFolder: URL
    package var bindAddress: String
    package var httpPort: Int
    package var rtmpPort: Int
    package var rtmpLimits: RTMPServerConfiguration.Limits
    /// `nil`: no RTMPS.
    package var secure: RTMPSConfiguration?
    /// HTTPS with HTTP/2; `nil`: none.
    package var secureHTTP: RTMPSConfiguration?
    /// How long media for RTMP players gathers before it is written.
    package var playMerge: Duration
    package var playing: RTMPPlaying.Limits
    package var streams: ProgrammeStreams.Limits
    package var audience: AudienceService.Configuration
    /// What a low-latency HLS part lasts, 333…1,000 ms.
    package var hlsPart: Duration
    package var publicURL: String?
    package var trustedProxies: TrustedProxies
    package var crossOrigin: CrossOriginPolicy
    package var signUpMode: SignUpMode
    /// `nil`: no mail is sent.
    package var mail: SMTPConfiguration?
    /// The path of a file that may be missing.
    package var passwordList: String
    /// `nil`: the key file in the data folder.
    package var secretKey: Secret?
    /// `nil`: no such target.
    package var discordWebhook: Secret?
    package var targetNetworks: [AddressPolicy.Network]
    package var targetParkAfter: Duration
    /// Of event files.
    package var eventFolder: URL
    /// The connection `studio`; `nil`: none.
    package var studio: StudioDraft?
    package var logLevel: Logger.Level
    package var logFormat: LogFormat
    package var programmeDelay: Duration
    package var slateText: String
    /// Absolute; was readable at the start.
    package var slateFile: String?
    /// How long events and the audit log are kept; `nil`: for ever.
    package var eventRetention: Duration?
    package var auditRetention: Duration?
    /// `nil` for commands, which need no pages.
    package var webRoot: URL?
    package var migrationsFolder: URL
    /// `nil`: a private cluster in the data folder.
    package var database: DatabaseConfiguration?

    /// Reads flags first, then the environment, then defaults.
    ///
    /// - Parameter flags: by the keys' flag names; absent ones are not set.
    /// - Throws: `ConfigurationError` naming the key, for the first value that is not what its key takes.
    package init(flags: [String: String], environment: [String: String], needsPages: Bool = true) throws {
        var overrides: [AbsoluteConfigKey: ConfigValue] = [:]
        for key in ConfigurationKey.all {
            guard let flag = key.flag, let value = flags[flag] else { continue }
            overrides[AbsoluteConfigKey(key.configKey.components)] = .init(.string(value), isSecret: key.isSecret)
        }
        let secretNames = Set(ConfigurationKey.all.filter(\.isSecret).map(\.name))
        try self.init(
            reader: ConfigReader(providers: [
                InMemoryProvider(name: "flags", values: overrides),
                EnvironmentVariablesProvider(
                    environmentVariables: environment, secretsSpecifier: .specific(secretNames)),
            ]), needsPages: needsPages)
    }

    /// Each key's meaning, unit, range and default: `ConfigurationKey`.
    package init(reader: ConfigReader, needsPages: Bool = true) throws {
        let values = Values(reader: reader)
        dataFolder = URL(fileURLWithPath: values.text(.dataFolder), isDirectory: true).standardizedFileURL
        bindAddress = try values.address(.bindAddress)
        httpPort = try values.number(.httpPort, in: 0...65_535)
        rtmpPort = try values.number(.rtmpPort, in: 0...65_535)
        guard httpPort == 0 || httpPort != rtmpPort else {
            throw ConfigurationError(key: ConfigurationKey.rtmpPort.name, problem: "is the HTTP port already")
        }
        rtmpLimits = try values.rtmpLimits()
        secure = try values.secure(.rtmpsPort)
        secureHTTP = try values.secure(.httpsPort)
        playMerge = .milliseconds(try values.number(.playMerge, in: 0...1000))
        playing = RTMPPlaying.Limits()
        playing.maximumPlayers = try values.number(.maximumPlayers, in: 0...100_000)
        playing.maximumPlayersPerAddress = try values.number(.maximumPlayersPerAddress, in: 0...100_000)
        streams = ProgrammeStreams.Limits()
        streams.maximumViewers = try values.number(.maximumViewers, in: 0...100_000)
        streams.maximumViewersPerChannel = try values.number(.maximumViewersPerChannel, in: 0...100_000)
        audience = AudienceService.Configuration()
        audience.idleLimit = .seconds(try values.number(.viewerIdleSeconds, in: 10...600))
        let gathering = try values.number(.viewerEventSeconds, in: 0...3600)
        audience.eventInterval = gathering == 0 ? nil : .seconds(gathering)
        switch values.text(.viewerAccess).lowercased() {
        case "open": audience.needsToken = false
        case "token": audience.needsToken = true
        default: throw values.problem(.viewerAccess, "must be open or token")
        }
        var taken = [httpPort, rtmpPort]
        for (port, key) in [(secure?.port, ConfigurationKey.rtmpsPort), (secureHTTP?.port, .httpsPort)] {
            guard let port, port != 0 else { continue }
            guard !taken.contains(port) else {
                throw ConfigurationError(key: key.name, problem: "is another listener's port already")
            }
            taken.append(port)
        }
        hlsPart = .milliseconds(try values.number(.hlsPart, in: 333...1000))
        publicURL = try values.publicURL(.publicURL)
        secretKey = try values.secretKey(.secretKey)
        discordWebhook = values.optionalText(.discordWebhook).map { Secret($0) }
        targetNetworks = try values.networks(.targetNetworks)
        targetParkAfter = try values.hours(.targetParkHours, in: 0.01...720)
        eventFolder =
            values.optionalText(.eventFolder).map { URL(fileURLWithPath: $0, isDirectory: true).standardizedFileURL }
            ?? dataFolder.appendingPathComponent("events", isDirectory: true)
        studio = try values.studio()
        trustedProxies = try values.trustedProxies(.trustedProxies)
        guard let crossOrigin = CrossOriginPolicy(values.text(.crossOrigins)) else {
            throw values.problem(.crossOrigins, "must be * or origins like https://a.example with commas between them")
        }
        self.crossOrigin = crossOrigin
        signUpMode = try values.signUpMode(.signUp, bindAddress: bindAddress)
        mail = try values.mail(publicURL: publicURL)
        passwordList = values.text(.passwordList)
        guard let level = Logger.Level(rawValue: values.text(.logLevel).lowercased()) else {
            throw values.problem(.logLevel, "must be trace, debug, info, notice, warning, error or critical")
        }
        logLevel = level
        guard let format = LogFormat(rawValue: values.text(.logFormat).lowercased()) else {
            throw values.problem(.logFormat, "must be text or json")
        }
        logFormat = format
        programmeDelay = try values.seconds(.programmeDelay, in: 0...30)
        slateText = values.text(.slateText)
        slateFile = try values.file(.slateFile)
        eventRetention = try values.days(.eventRetentionDays)
        auditRetention = try values.days(.auditRetentionDays)
        webRoot = !needsPages ? nil : try values.folder(.webRoot, named: "web", holding: "index.html")
        migrationsFolder = try values.folder(.migrationsFolder, named: "migrations", holding: nil)
        database = try values.database()
    }
}

extension ConfigurationKey {
    /// swift-configuration turns `lineup.data.dir` into `LINEUP_DATA_DIR`.
    var configKey: ConfigKey {
        ConfigKey(name.lowercased().split(separator: "_").map(String.init))
    }
}

/// Reads and checks one value at a time.
private struct Values {
    let reader: ConfigReader

    func text(_ key: ConfigurationKey) -> String { optionalText(key) ?? key.standard }

    /// An empty value counts as not set.
    func optionalText(_ key: ConfigurationKey) -> String? {
        guard let value = reader.string(forKey: key.configKey, isSecret: key.isSecret), !value.isEmpty else {
            return nil
        }
        return value
    }

    /// The value itself is left out of messages for secrets.
    func problem(_ key: ConfigurationKey, _ rule: String) -> ConfigurationError {
        let shown = key.isSecret ? "" : ", not '\(text(key))'"
        return ConfigurationError(key: key.name, problem: rule + shown)
    }

    func number(_ key: ConfigurationKey, in range: ClosedRange<Int>) throws -> Int {
        guard let number = Int(text(key)), range.contains(number) else {
            throw problem(key, "must be a whole number from \(range.lowerBound) to \(range.upperBound)")
        }
        return number
    }

    func seconds(_ key: ConfigurationKey, in range: ClosedRange<Double>) throws -> Duration {
        guard let number = Double(text(key)), range.contains(number) else {
            throw problem(key, "must be seconds from \(Int(range.lowerBound)) to \(Int(range.upperBound))")
        }
        return .milliseconds(Int64(number * 1000))
    }

    /// 0…36,500 days; 0 is `nil`, for ever.
    func days(_ key: ConfigurationKey) throws -> Duration? {
        let days = try number(key, in: 0...36_500)
        return days == 0 ? nil : .seconds(days * 86_400)
    }

    func hours(_ key: ConfigurationKey, in range: ClosedRange<Double>) throws -> Duration {
        guard let number = Double(text(key)), range.contains(number) else {
            throw problem(key, "must be hours from \(range.lowerBound) to \(Int(range.upperBound))")
        }
        return .milliseconds(Int64(number * 3_600_000))
    }

    func networks(_ key: ConfigurationKey) throws -> [AddressPolicy.Network] {
        try (optionalText(key) ?? "").split(separator: ",").map { part in
            guard let network = AddressPolicy.Network(part.trimmingCharacters(in: .whitespaces)) else {
                throw problem(key, "must be networks with commas between, as 127.0.0.0/8,10.0.0.0/8")
            }
            return network
        }
    }

    /// What is not set is taken away again at the next start.
    func studio() throws -> StudioDraft? {
        guard let host = optionalText(.obsHost) else { return nil }
        var draft = StudioDraft()
        draft.host = host
        draft.port = try number(.obsPort, in: 1...65_535)
        draft.password = Secret(optionalText(.obsPassword) ?? "")
        draft.presets = [
            "liveScene": optionalText(.obsSceneLive) ?? "", "slateScene": optionalText(.obsSceneSlate) ?? "",
            "djText": optionalText(.obsTextDJ) ?? "",
        ]
        draft.isEnabled = true
        return draft
    }

    func rtmpLimits() throws -> RTMPServerConfiguration.Limits {
        var limits = RTMPServerConfiguration.Limits()
        limits.maximumConnections = try number(.rtmpMaximumConnections, in: 1...100_000)
        limits.maximumConnectionsPerAddress = try number(.rtmpMaximumConnectionsPerAddress, in: 1...100_000)
        limits.idleLimit = try seconds(.rtmpIdleSeconds, in: 2...3600)
        limits.peer.maximumChunkSize = try number(.rtmpMaximumChunkSize, in: 128...16_777_215)
        return limits
    }

    /// The absolute path of a file that can be read.
    func file(_ key: ConfigurationKey) throws -> String? {
        guard let value = optionalText(key) else { return nil }
        let path = URL(fileURLWithPath: value).standardizedFileURL.path
        var isFolder: ObjCBool = false
        guard FileManager.default.fileExists(atPath: path, isDirectory: &isFolder), !isFolder.boolValue,
            FileManager.default.isReadableFile(atPath: path)
        else { throw problem(key, "must be a file that can be read") }
        return path
    }

    func address(_ key: ConfigurationKey) throws -> String {
        let value = text(key)
        var four = in_addr()
        var six = in6_addr()
        guard inet_pton(AF_INET, value, &four) == 1 || inet_pton(AF_INET6, value, &six) == 1 else {
            throw problem(key, "must be an IP address, such as 127.0.0.1 or 0.0.0.0")
        }
        return value
    }

    func publicURL(_ key: ConfigurationKey) throws -> String? {
        guard let value = optionalText(key) else { return nil }
        guard let parts = URLComponents(string: value), let scheme = parts.scheme, ["http", "https"].contains(scheme),
            let host = parts.host, !host.isEmpty, parts.query == nil, parts.path.isEmpty || parts.path == "/"
        else { throw problem(key, "must be http:// or https:// and a host, with nothing behind") }
        return value.hasSuffix("/") ? String(value.dropLast()) : value
    }

    func trustedProxies(_ key: ConfigurationKey) throws -> TrustedProxies {
        guard let proxies = TrustedProxies(text(key)) else {
            throw problem(key, "must be IP addresses and networks with commas between them")
        }
        return proxies
    }

    func signUpMode(_ key: ConfigurationKey, bindAddress: String) throws -> SignUpMode {
        guard let value = optionalText(key) else {
            return bindAddress.hasPrefix("127.") || bindAddress == "::1" ? .open : .approval
        }
        guard let mode = SignUpMode(rawValue: value.lowercased()) else {
            throw problem(key, "must be open, approval, invite or closed")
        }
        return mode
    }

    func mail(publicURL: String?) throws -> SMTPConfiguration? {
        guard let url = optionalText(.smtpURL) else { return nil }
        guard let from = optionalText(.mailFrom) else {
            throw ConfigurationError(
                key: ConfigurationKey.mailFrom.name,
                problem: "must be an address, because \(ConfigurationKey.smtpURL.name) is set")
        }
        guard publicURL != nil else {
            throw ConfigurationError(
                key: ConfigurationKey.publicURL.name,
                problem: "must be set, because \(ConfigurationKey.smtpURL.name) is: mails hold links")
        }
        guard var configuration = SMTPConfiguration(url: Secret(url), from: from) else {
            throw problem(
                .smtpURL, "must be smtp:// or smtps:// with a host, and \(ConfigurationKey.mailFrom.name) an address")
        }
        configuration.authorities = optionalText(.smtpAuthorities)
        if let file = configuration.authorities, !FileManager.default.isReadableFile(atPath: file) {
            throw problem(.smtpAuthorities, "must be a file that can be read")
        }
        return configuration
    }

    func secretKey(_ key: ConfigurationKey) throws -> Secret? {
        guard let value = optionalText(key) else { return nil }
        guard value.count >= 32 else { throw problem(key, "must have 32 characters or more") }
        return Secret(value)
    }

    /// The folder the key names, else the first that exists: in the working folder, beside the program or above it.
    func folder(_ key: ConfigurationKey, named name: String, holding file: String?) throws -> URL {
        func isRight(_ folder: URL) -> Bool {
            let path = file.map { folder.appendingPathComponent($0).path } ?? folder.path
            return FileManager.default.fileExists(atPath: path)
        }
        if let value = optionalText(key) {
            let folder = URL(fileURLWithPath: value, isDirectory: true).standardizedFileURL
            guard isRight(folder) else { throw problem(key, "must be a folder\(file.map { " with \($0)" } ?? "")") }
            return folder
        }
        var places = [URL(fileURLWithPath: FileManager.default.currentDirectoryPath, isDirectory: true)]
        var above = URL(fileURLWithPath: "/proc/self/exe").resolvingSymlinksInPath().deletingLastPathComponent()
        for _ in 0..<5 {
            places.append(above)
            above = above.deletingLastPathComponent()
        }
        places.append(URL(fileURLWithPath: "/usr/share/lineup", isDirectory: true))
        for place in places {
            let folder = place.appendingPathComponent(name, isDirectory: true)
            if isRight(folder) { return folder }
        }
        throw ConfigurationError(
            key: key.name, problem: "no folder '\(name)' in the working folder or beside the program: set it")
    }

    /// Whether the files can be used is found out at start, and by `lineup doctor`.
    func secure(_ listener: ConfigurationKey) throws -> RTMPSConfiguration? {
        guard optionalText(listener) != nil else { return nil }
        let port = try number(listener, in: 0...65_535)
        for key in [ConfigurationKey.tlsCertificate, .tlsKey] where optionalText(key) == nil {
            throw ConfigurationError(
                key: key.name, problem: "must name a PEM file, because \(listener.name) is set")
        }
        return RTMPSConfiguration(
            port: port, files: TLSFiles(certificate: text(.tlsCertificate), key: text(.tlsKey)))
    }

    func database() throws -> DatabaseConfiguration? {
        if let url = optionalText(.databaseURL) {
            do {
                return try DatabaseConfiguration(url: Secret(url))
            } catch {
                throw ConfigurationError(key: ConfigurationKey.databaseURL.name, problem: "\(error)")
            }
        }
        guard let host = optionalText(.databaseHost) else { return nil }
        let port =
            try optionalText(.databasePort) == nil ? 5432 : number(.databasePort, in: 1...65_535)
        return DatabaseConfiguration(
            host: host, port: port, user: optionalText(.databaseUser) ?? "lineup",
            database: optionalText(.databaseName) ?? "lineup",
            password: optionalText(.databasePassword).map(Secret.init))
    }
}
