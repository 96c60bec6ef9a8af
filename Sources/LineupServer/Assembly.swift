import Accounts
import Cryptography
import Domain
import FFmpegMedia
import Foundation
import Logging
import NIOCore
import Packaging
import PostgresStore
import Queueing
import SMTPClient
import ServiceLifecycle
import WebServer

/// Puts the accounts together, for the server and for the commands.
enum AccountsAssembly {
    /// - Parameter sealing: the server's; commands log nobody in.
    static func service(
        _ configuration: ServerConfiguration, store: PostgresStore, sealing: (any SecretSealing)? = nil,
        clock: any WallClock, logger: Logger
    ) -> AccountService {
        AccountService(
            store: store, passwords: Argon2Passwords(random: SystemRandomBytes()), digest: SHA256Digest(),
            random: SystemRandomBytes(), sealing: sealing, codes: TimeBasedCodes(),
            signUpMode: configuration.signUpMode, common: commonPasswords(configuration.passwordList, logger),
            clock: clock, logger: logger)
    }

    /// Without the file the words built in hold.
    private static func commonPasswords(_ file: String, _ logger: Logger) -> CommonPasswords {
        guard let handle = FileHandle(forReadingAtPath: file),
            let data = try? handle.read(upToCount: CommonPasswords.maximumListBytes)
        else {
            logger.debug("there is no list of common passwords", metadata: ["file": "\(file)"])
            return CommonPasswords()
        }
        return CommonPasswords(list: String(decoding: data, as: UTF8.self))
    }

    static func profiles(
        _ configuration: ServerConfiguration, accounts: AccountService, store: PostgresStore, group: any EventLoopGroup,
        logger: Logger
    ) -> ProfileService {
        ProfileService(
            accounts: accounts, store: store, pictures: PictureWorkerMaker(folder: configuration.dataFolder.path),
            mailer: configuration.mail.map { SMTPClient(configuration: $0, group: group, logger: logger) },
            address: configuration.publicURL, logger: logger)
    }
}

/// What stored secrets are sealed with, for the server and for the commands: one for all purposes.
enum SealingAssembly {
    /// - Throws: `StartError` when the key file in the data folder cannot be used.
    static func box(_ configuration: ServerConfiguration) throws -> SecretBox {
        let random = SystemRandomBytes()
        let folder = DataFolder(configuration.dataFolder)
        return SecretBox(secret: try configuration.secretKey ?? folder.secretKey(random: random), random: random)
    }
}

/// Lends a command the database: the one named, the running server's private one, or a private one of its own for the moment.
struct DatabaseAccess: Sendable {
    let configuration: ServerConfiguration
    let logger: Logger

    func withDatabase<Outcome: Sendable>(
        _ body: @escaping @Sendable (DatabaseConfiguration) async throws -> Outcome
    ) async throws -> Outcome {
        if let database = configuration.database { return try await body(database) }
        let folder = DataFolder(configuration.dataFolder)
        try folder.prepare()
        return try await PrivateCluster.withDatabase(dataFolder: folder.url.path, logger: logger, body)
    }

    /// On a migrated database.
    func withStore<Outcome: Sendable>(
        _ body: @escaping @Sendable (PostgresStore) async throws -> Outcome
    ) async throws -> Outcome {
        let (folder, logger) = (configuration.migrationsFolder.path, logger)
        return try await withDatabase { database in
            _ = try await Migrator(folder: folder, logger: logger).migrate(database)
            let store = PostgresStore(database, logger: logger)
            do {
                let outcome = try await body(store)
                await store.close()
                return outcome
            } catch {
                await store.close()
                throw error
            }
        }
    }
}

extension DatabaseAccess {
    /// For a command that changes a queue while no server runs (design §4, One truth): on a migrated database, as the owner of
    /// the channel, with the data folder held so that no server starts meanwhile.
    ///
    /// - Returns: `nil`, without having called `body`, when a server runs on this folder: it is the one to ask.
    /// - Throws: `StartError` when a server of another folder owns the channel.
    func withOwnedStore<Outcome: Sendable>(
        _ channel: ChannelName, _ body: @escaping @Sendable (PostgresStore) async throws -> Outcome
    ) async throws -> Outcome? {
        let folder = DataFolder(configuration.dataFolder)
        try folder.prepare()
        guard let lock = try await folder.lockForCommand() else { return nil }
        let instance = try folder.instance()
        let outcome = try await withStore { store in
            switch try await store.acquire(channel, as: instance, for: LeaseKeeper.span) {
            case .ownedByOther(let owner, let until):
                throw StartError(
                    "Another server (\(owner)) owns the channel '\(channel)', at least until \(until): run this on its"
                        + " machine, with its data folder.")
            case .owned(let epoch):
                do {
                    let outcome = try await body(store)
                    try await store.release(channel, as: instance, epoch: epoch)
                    return outcome
                } catch {
                    // What went wrong is told; a lease that is not given back ends by itself.
                    try? await store.release(channel, as: instance, epoch: epoch)
                    throw error
                }
            }
        }
        withExtendedLifetime(lock) {}
        return outcome
    }
}

/// Tells the playlists whose slot it is (`EXT-X-DATERANGE`): public names and times only.
struct SlotNamesService: Service {
    let channel: ChannelName
    let queue: any QueueDesk
    let slots: DateRanges

    /// How long a server that does not own the channel waits before it looks again.
    static let pause: Duration = .seconds(1)

    func run() async throws {
        // Ended by the graceful shutdown, which cancels it.
        try? await cancelWhenGracefulShutdown {
            while true {
                await follow()
                try await Task.sleep(for: Self.pause)
            }
        }
    }

    /// Until the channel is another server's.
    private func follow() async {
        guard let views = try? await queue.views(of: channel) else { return }
        for await view in views { take(view) }
    }

    /// A slot lasts until the output has moved on: the queue decides some time before its last picture has left.
    func take(_ view: QueueView) {
        let slot = Self.slot(in: view)
        if slot != nil || view.showing == .slate { slots.show(slot, now: view.at) }
    }

    /// The slot of who is on air, once their picture has been seen.
    static func slot(in view: QueueView) -> ProgrammeSlot? {
        guard let entry = view.entries.first(where: { $0.state == .onAir }), let start = entry.onAirSince else {
            return nil
        }
        let left = entry.clockRuns ? entry.remainingSeconds : nil
        return ProgrammeSlot(
            id: "slot-\(entry.id)", name: entry.name, start: start,
            plannedEnd: left.map { view.at + .milliseconds(Int64($0 * 1000)) })
    }
}

/// Says where the server is once everything listens, in the log and in the data folder's `serve.json`.
struct RunningService: Service {
    let configuration: ServerConfiguration
    let folder: DataFolder
    let web: WebServer
    let rtmpPort: Int
    let rtmpsPort: Int?
    let logger: Logger

    func run() async throws {
        let httpPort = try await web.port()
        try folder.noteRunning(
            httpPort: httpPort, rtmpPort: rtmpPort, rtmpsPort: rtmpsPort, httpsPort: try await web.securePort())
        logger.notice(
            "lineup is running",
            metadata: [
                "version": "\(LineupVersion.text)", "pages": "http://\(configuration.bindAddress):\(httpPort)/",
                "publish": "rtmp://\(configuration.bindAddress):\(rtmpPort)/live",
                "play": "rtmp://\(configuration.bindAddress):\(rtmpPort)/play/main",
            ])
        try? await gracefulShutdown()
        folder.noteStopped()
    }
}
