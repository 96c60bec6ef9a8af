import ControlSocket
package import Domain
import Foundation
import Logging
import PostgresStore
import Queueing

/// What the commands other than `serve` work with: the same configuration, the same database, and the running server's control
/// socket when there is one.
package struct CommandContext: Sendable {
    package let configuration: ServerConfiguration
    let logger: Logger

    package init(flags: [String: String], environment: [String: String]) throws {
        configuration = try ServerConfiguration(flags: flags, environment: environment, needsPages: false)
        logger = LogBootstrap.logger(for: configuration, label: "lineup")
    }

    package func doctor() -> Doctor { Doctor(configuration: configuration, logger: logger) }

    /// Runs the migrations that are due; returns their names.
    package func migrate() async throws -> [String] {
        let migrator = Migrator(folder: configuration.migrationsFolder.path, logger: logger)
        return try await access.withDatabase { try await migrator.migrate($0) }
    }

    /// Lends the accounts, on a migrated database.
    package func withAccounts<Outcome: Sendable>(
        _ body: @escaping @Sendable (any AccountDesk) async throws -> Outcome
    ) async throws -> Outcome {
        try await access.withStore { store in
            try await body(
                AccountsAssembly.service(
                    configuration, store: store, clock: SystemWallClock(), logger: logger))
        }
    }

    /// Lends the tokens, on a migrated database.
    package func withTokens<Outcome: Sendable>(
        _ body: @escaping @Sendable (any TokenDesk) async throws -> Outcome
    ) async throws -> Outcome {
        try await access.withStore { store in
            try await body(
                AccountsAssembly.service(
                    configuration, store: store, clock: SystemWallClock(), logger: logger))
        }
    }

    /// Lends the targets, on a migrated database. A running server hears of every change.
    package func withTargets<Outcome: Sendable>(
        _ body: @escaping @Sendable (any TargetDesk) async throws -> Outcome
    ) async throws -> Outcome {
        try await access.withStore { store in
            let assembly = try AnnouncementAssembly(
                configuration: configuration, store: store, clock: SystemWallClock())
            return try await body(assembly.desk)
        }
    }

    /// Lends the studios, on a migrated database. A running server hears of every change.
    package func withStudios<Outcome: Sendable>(
        _ body: @escaping @Sendable (any StudioDesk) async throws -> Outcome
    ) async throws -> Outcome {
        try await access.withStore { store in
            let assembly = try StageAssembly(configuration: configuration, store: store, clock: SystemWallClock())
            return try await body(assembly.desk(nil))
        }
    }

    /// Asks the running server about a channel's queue; without one, the database: to change it as the channel's owner.
    /// Returns the queue's JSON.
    package func queue(_ command: String, channel: String, arguments: [String: String] = [:]) async throws -> String {
        let request = ControlRequest(command: command, channel: channel, arguments: arguments)
        let folder = DataFolder(configuration.dataFolder)
        if folder.isServed() { return try ControlClient.ask(request, at: folder.controlSocketPath) }
        guard let name = ChannelName(channel) else { throw QueueCommandError.unknownChannel }
        let (configuration, logger) = (configuration, logger)
        let work: @Sendable (PostgresStore) async throws -> String = { store in
            try await Self.answer(request, from: store, channel: name, configuration, logger: logger)
        }
        // Looking needs no ownership; it must work beside another machine's server too.
        if command == "queue.list" { return try await access.withStore(work) }
        if let json = try await access.withOwnedStore(name, work) { return json }
        // It was started at this very moment.
        return try ControlClient.ask(request, at: folder.controlSocketPath)
    }

    /// Asks the running server about its viewers. Returns JSON.
    package func viewers(_ command: String, channel: String, arguments: [String: String]) throws -> String {
        let folder = DataFolder(configuration.dataFolder)
        guard folder.isServed() else {
            throw StartError("No server runs on this data folder, so nobody watches: start it with `lineup serve`.")
        }
        return try ControlClient.ask(
            ControlRequest(command: ViewerAnswers.prefix + command, channel: channel, arguments: arguments),
            at: folder.controlSocketPath)
    }

    private static func answer(
        _ request: ControlRequest, from store: PostgresStore, channel: ChannelName,
        _ configuration: ServerConfiguration, logger: Logger
    ) async throws -> String {
        let clock = SystemWallClock()
        let desk = StoredQueue(channel: channel, store: store, clock: clock)
        let accounts = AccountsAssembly.service(configuration, store: store, clock: clock, logger: logger)
        switch await ControlAnswers(queue: desk, accounts: accounts, clock: clock).answer(request) {
        case .result(let json): return json
        case .failure(let sentence): throw StartError(sentence)
        }
    }

    private var access: DatabaseAccess { DatabaseAccess(configuration: configuration, logger: logger) }

    /// An error as one sentence for the person at the shell, without secrets.
    package static func sentence(for error: any Error) -> String {
        switch error {
        case let error as AccountError: error.sentence
        case let error as QueueCommandError: error.sentence
        case let error as TargetError: error.sentence
        case let error as StudioError: error.sentence
        default: "\(error)"
        }
    }
}

extension AccountError {
    package var sentence: String {
        switch self {
        case .invalid(let field, let reason): "\(field): \(reason)"
        case .emailTaken: "an account with this e-mail address exists"
        case .nameTaken: "an account with this DJ name exists"
        case .wrongCredentials: "wrong e-mail address or password"
        case .disabled: "this account is disabled"
        case .unknownUser: "there is no such user: `lineup user list` shows them"
        case .unknownKey: "there is no such key, or it is revoked: `lineup key list` shows them"
        case .unknownToken: "there is no such token, or it is revoked: `lineup token list` shows them"
        case .tooManyKeys(let maximum): "this DJ has \(maximum) keys already: revoke one first"
        case .codeNeeded: "this account takes a one-time code too"
        case .signUpClosed(let reason): reason
        case .unknownLink: "this link is used, replaced or has expired"
        case .unknownInvitation: "there is no such invitation"
        case .unknownSession: "there is no such session"
        case .noMail: "no mail server is set: LINEUP_SMTP_URL"
        case .slowDown(let span): "too many attempts: try again in \(span.components.seconds) s"
        case .unavailable(let what): "the database does not answer: \(what)"
        }
    }
}

/// A queue whose server does not run: read, changed and written back in one go, conditional on its version.
struct StoredQueue: QueueDesk {
    private let channel: ChannelName
    private let store: any QueueStore
    private let clock: any WallClock

    init(channel: ChannelName, store: any QueueStore, clock: any WallClock) {
        self.channel = channel
        self.store = store
        self.clock = clock
    }

    func view(of channel: ChannelName) async throws(QueueCommandError) -> QueueView {
        try await act { _, _ in [] }
    }

    func views(of channel: ChannelName) async throws(QueueCommandError) -> AsyncStream<QueueView> {
        let view = try await view(of: channel)
        return AsyncStream { continuation in
            continuation.yield(view)
            continuation.finish()
        }
    }

    func perform(_ command: QueueCommand, on channel: ChannelName) async throws(QueueCommandError) -> QueueView {
        try await act { (machine, now) throws(QueueCommandError) in try machine.perform(command, now: now) }
    }

    func settings(of channel: ChannelName) async throws(QueueCommandError) -> QueueSettings {
        try await view(of: channel).settings
    }

    /// Nothing moves but by this command.
    func events(of channel: ChannelName) async throws(QueueCommandError) -> AsyncStream<EventRecord> {
        AsyncStream { $0.finish() }
    }

    private func act(
        _ body: (inout QueueMachine, WallTime) throws(QueueCommandError) -> [QueueMachine.Action]
    ) async throws(QueueCommandError) -> QueueView {
        let now = clock.now()
        do {
            var machine = QueueMachine(channel: channel, record: try await store.load(channel), now: now)
            let actions = try body(&machine, now)
            for case .store(let move) in actions { try await store.commit(move) }
            return machine.view(now: now)
        } catch let error as QueueCommandError {
            throw error
        } catch QueueStoreError.unknownChannel {
            throw .unknownChannel
        } catch {
            throw .invalidSetting("the database does not answer: \(error)")
        }
    }
}
