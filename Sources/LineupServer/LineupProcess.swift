import Accounts
import Audience
import Broadcast
import ControlSocket
import Cryptography
import DeliveryMemory
import Domain
import FFmpegMedia
import Foundation
import Ingest
import Logging
import Metrics
import NIOCore
import NIOPosix
import Packaging
import PostgresStore
import PrometheusMetrics
import Queueing
import RTMPTransport
import ServiceLifecycle
import UnixSignals
import WebServer

/// `lineup serve`: puts the services and adapters together, runs them, and stops them in reverse.
///
/// Start: data folder and lock, ports probed, database, migrations, first admin, stored queue; then the group. Stop: publishers
/// first, the database last (ARCHITECTURE.md, "What runs where").
package struct LineupProcess: Sendable {
    private let configuration: ServerConfiguration
    private let logger: Logger
    private let metrics: PrometheusMetrics
    private let clock = SystemWallClock()
    private let channel = ChannelName.main

    /// Everything has stopped by then, or is cancelled (design §2: a clean stop within 5 s).
    static let shutdownDeadline: Duration = .milliseconds(4500)

    package init(configuration: ServerConfiguration) {
        AllocatorSettings.apply()
        self.configuration = configuration
        metrics = LogBootstrap.bootstrap(configuration)
        logger = Logger(label: "lineup")
        FFmpegLog.install(Logger(label: "lineup.libav"))
    }

    /// Runs until SIGTERM or SIGINT.
    /// - Throws: `StartError` and what the parts throw, each saying what to do.
    package func serve() async throws {
        let folder = DataFolder(configuration.dataFolder)
        try folder.prepare()
        let lock = try folder.lock()
        try await folder.waitForCommands()
        try probePorts()
        await DescriptorLimit.reserveTimers()
        if let limit = DescriptorLimit.raise() { logger.debug("descriptors", metadata: ["limit": "\(limit)"]) }
        let cluster = PrivateCluster(dataFolder: folder.url.path, logger: Logger(label: "lineup.database"))
        do {
            try await serve(folder, database: databaseConfiguration(cluster), cluster: cluster)
            folder.noteStopped()
            await cluster.stop()
        } catch {
            folder.noteStopped()
            await cluster.stop()
            throw error
        }
        withExtendedLifetime(lock) {}
        logger.notice("stopped")
    }

    private func databaseConfiguration(_ cluster: PrivateCluster) async throws -> DatabaseConfiguration {
        if let database = configuration.database { return database }
        return try await cluster.start()
    }

    private func probePorts() throws {
        var ports = [(configuration.httpPort, ConfigurationKey.httpPort), (configuration.rtmpPort, .rtmpPort)]
        if let secure = configuration.secure { ports.append((secure.port, .rtmpsPort)) }
        if let secure = configuration.secureHTTP { ports.append((secure.port, .httpsPort)) }
        for (port, key) in ports where port != 0 && !PortProbe.isFree(port, on: configuration.bindAddress) {
            throw StartError(
                "Port \(port) on \(configuration.bindAddress) cannot be taken: stop what uses it, or set \(key.name).")
        }
    }

    private func serve(_ folder: DataFolder, database: DatabaseConfiguration, cluster: PrivateCluster) async throws {
        let migrator = Migrator(folder: configuration.migrationsFolder.path, logger: logger)
        for name in try await migrator.migrate(database) {
            logger.notice("database migrated", metadata: ["migration": "\(name)"])
        }
        let store = PostgresStore(database, logger: Logger(label: "lineup.store"))
        let sealing = try SealingAssembly.box(configuration)
        let accounts = AccountsAssembly.service(
            configuration, store: store, sealing: sealing, clock: clock, logger: Logger(label: "lineup.accounts"))
        do {
            try await announceFirstAdmin(accounts)
            try await run(folder, store: store, accounts: accounts, cluster: cluster)
        } catch {
            await store.close()
            throw error
        }
    }

    /// The only place where the first admin's password is ever written: the terminal of whoever started the server.
    private func announceFirstAdmin(_ accounts: AccountService) async throws {
        guard let (account, password) = try await accounts.ensureFirstAdmin() else { return }
        let text = """
            ┌──────────────────────────────────────────────────────────────
            │ First start: an admin was made. The password is shown this once.
            │   e-mail    \(account.email)
            │   password  \(password.exposed)
            └──────────────────────────────────────────────────────────────

            """
        FileHandle.standardOutput.write(Data(text.utf8))
    }

    // MARK: Putting together

    private func run(
        _ folder: DataFolder, store: PostgresStore, accounts: AccountService, cluster: PrivateCluster
    ) async throws {
        let loops = MultiThreadedEventLoopGroup.singleton
        let publishers = PublisherControlRelay()
        let reports = ProgrammeReportRelay()
        let origin = HLSChannelStore()
        let (channel, memory) = (self.channel, HostDeliveryMemory())
        origin.declare(Envelope(), for: channel, memory: memory)
        let hubs = ProgrammeHubs(
            channel: channel, playMerge: configuration.playMerge, logger: Logger(label: "lineup.hubs"))
        let slots = DateRanges()
        let outputs = OutputSwitches(channel: channel)
        var start = ChannelStart(stored: try await store.channelNumbers(channel))
        let first = start.numbers(at: clock.now())
        // Before the first part: the server may end right after it.
        try await start.secure(above: first, at: clock.now(), of: channel, in: store)
        let broadcast = try await makeBroadcast(
            folder, loops: loops, first: first, origin: origin, slots: slots, outputs: outputs, hubs: hubs,
            reports: reports)
        let orders = OrderRelay(to: broadcast)
        let queue = makeQueue(
            instance: try folder.instance(), store: store, programme: orders, publishers: publishers)
        try await queue.takeIfFree()
        reports.set({ queue.programmeReported($0) }, handover: { queue.handedOver($0) })
        let decoding = MediaDecoding(logger: Logger(label: "lineup.decoding"))
        let ingest = IngestService(
            keys: store, digests: SHA256Digest(), queue: queue, rack: broadcast, envelope: Envelope(),
            programmeDelay: configuration.programmeDelay, decoding: decoding.decoding,
            logger: Logger(label: "lineup.ingest"))
        publishers.set(ingest)
        let regions = ChannelRegions()
        let listings = try await HeldListings(store, regions: regions) {
            let notices = store.listen()
            await store.listening()
            return notices.compactMap { notice -> Void? in
                if case .listingChanged = notice { () } else { nil }
            }
        }
        let audience = try makeAudience(folder, queue: queue, store: store, outputs: outputs, regions: regions)
        orders.set {
            ingest.take($0.output.envelope, delay: $0.output.programmeDelay ?? configuration.programmeDelay)
            ingest.attend(to: [$0.onAir].compactMap { $0 } + $0.standby)
            origin.declare($0.output.envelope, for: channel, memory: memory)
            audience.end(outputs.set($0.output.outputs), of: channel)
        }
        let rtmp = try makeRTMPServer(
            loops: loops, gate: ingest, hub: hubs.rtmp, viewing: audience, outputs: outputs)
        let rtmpPort = try await rtmp.bind()
        let targets = try AnnouncementAssembly(configuration: configuration, store: store, clock: clock)
        try await targets.heedEnvironment()
        let announcements = targets.service(queue: queue, viewers: audience)
        let stage = try StageAssembly(configuration: configuration, store: store, clock: clock)
        await stage.heedEnvironment()
        let studios = stage.service(queue: queue, news: queue)
        let profiles = AccountsAssembly.profiles(
            configuration, accounts: accounts, store: store, group: loops, logger: Logger(label: "lineup.accounts"))
        var webPorts = WebServerPorts(
            accounts: accounts, profiles: profiles, rehearsals: ingest, tokens: accounts, queue: queue, events: store,
            history: store, audit: store, targets: targets.desk, discord: store, origin: origin,
            readiness: [store, queue, broadcast])
        let webLogger = Logger(label: "lineup.web")
        let unaccepted = Counter(label: "lineup_http_accept_failures_total")
        webPorts.streams = streams(hubs, viewing: audience, outputs: outputs)
        webPorts.outputs = outputs
        webPorts.viewerDesk = audience
        webPorts.viewers = audience
        webPorts.regions = regions
        webPorts.listings = listings
        webPorts.handovers = store
        webPorts.health = ingest
        webPorts.previews = ingest
        webPorts.studios = stage.desk(studios)
        var webConfiguration = try WebServerConfiguration(
            host: configuration.bindAddress, port: configuration.httpPort,
            webRoot: configuration.webRoot?.path ?? "web",
            publicURL: configuration.publicURL, rtmpPort: rtmpPort, version: LineupVersion.text,
            trustedProxies: configuration.trustedProxies)
        webConfiguration.crossOrigin = configuration.crossOrigin
        let web = WebServer(
            configuration: webConfiguration, group: loops, ports: webPorts,
            renderMetrics: { [metrics] in metrics.render() }, clock: clock, logger: webLogger,
            secure: try secureListening(),
            onListening: {
                await AcceptGuard.install(on: $0, protocol: "HTTP", logger: webLogger) { unaccepted.increment() }
            })
        let answers = ControlAnswers(
            queue: queue, accounts: accounts,
            viewers: ViewerAnswers(viewers: audience, audit: store, channels: [channel], clock: clock), clock: clock)
        let control = ControlServer(
            path: folder.controlSocketPath, group: loops, logger: Logger(label: "lineup.control")
        ) { await answers.answer($0) }
        let revocations = RevocationService(
            store: store, publishers: ingest, logger: Logger(label: "lineup.accounts"))
        let numbers = ChannelNumbersService(
            channel: channel, start: start, store: store, origin: origin, clock: clock, logger: logger)
        let retention = RetentionService(
            subjects: [
                configuration.eventRetention.map {
                    .init(name: "events", keep: $0) { try await store.removeEvents(before: $0, limit: $1) }
                },
                configuration.auditRetention.map {
                    .init(name: "audit", keep: $0) { try await store.removeAuditRecords(before: $0, limit: $1) }
                },
            ].compactMap { $0 }, clock: clock, logger: Logger(label: "lineup.store"))
        let names = SlotNamesService(channel: channel, queue: queue, slots: slots)
        let announcement = RunningService(
            configuration: configuration, folder: folder, web: web, rtmpPort: rtmpPort, rtmpsPort: rtmp.securePort,
            logger: logger)

        // Later ones depend on earlier ones and stop first.
        var services: [any Service] = []
        if configuration.database == nil { services.append(cluster) }
        services += [
            HeapTrimService(), store, numbers, listings, retention, accounts, profiles, audience, announcements,
            studios, web,
            control, broadcast, queue, names, decoding, ingest, revocations, rtmp, announcement,
            StartupMemoryService(),
        ]
        var group = ServiceGroupConfiguration(
            services: services.map { .init(service: $0) }, gracefulShutdownSignals: [.sigterm, .sigint],
            logger: Logger(label: "lineup.services"))
        group.maximumGracefulShutdownDuration = Self.shutdownDeadline
        try await ServiceGroup(configuration: group).run()
    }

    /// At most half of the descriptors there are: at their end not even a timer can be made, and whatever needs one dies.
    private func affordable(_ limits: RTMPServerConfiguration.Limits) -> RTMPServerConfiguration.Limits {
        var limits = limits
        guard let descriptors = DescriptorLimit.raise() else { return limits }
        let most = max(1, Int(clamping: descriptors / 2))
        guard limits.maximumConnections > most else { return limits }
        logger.warning(
            "fewer RTMP connections than set: the limit of open files is too low",
            metadata: ["connections": "\(most)", "files": "\(descriptors)"])
        limits.maximumConnections = most
        return limits
    }

    private func streams(
        _ hubs: ProgrammeHubs, viewing: any StreamViewing, outputs: OutputSwitches
    ) -> ProgrammeStreams {
        let channel = self.channel
        return ProgrammeStreams(
            limits: configuration.streams, viewing: viewing, offersPlaylist: { outputs.isOn(.hls, of: $0) },
            hub: { $0 == channel && outputs.isOn($1.output, of: channel) ? hubs.stream($1) : nil })
    }

    private func makeAudience(
        _ folder: DataFolder, queue: QueueOwner, store: PostgresStore, outputs: OutputSwitches,
        regions: ChannelRegions
    ) throws -> AudienceService {
        let random = SystemRandomBytes()
        let secret = try configuration.secretKey ?? folder.secretKey(random: random)
        return AudienceService(
            configuration: configuration.audience, channels: [channel],
            tokens: ViewerTokens(secret: secret, authentication: SHA256Authentication(), random: random),
            queue: queue, store: store, clock: clock, logger: Logger(label: "lineup.audience"), outputs: outputs,
            regions: regions, report: { queue.viewersReported($1) })
    }

    private func makeRTMPServer(
        loops: MultiThreadedEventLoopGroup, gate: any PublisherGate, hub: Hub, viewing: any StreamViewing,
        outputs: OutputSwitches
    ) throws -> RTMPServer {
        let logger = Logger(label: "lineup.rtmp")
        let secure = try configuration.secure.map {
            RTMPSListening(port: $0.port, identity: try TLSIdentity(files: $0.files, logger: logger))
        }
        let channel = self.channel
        return RTMPServer(
            configuration: RTMPServerConfiguration(
                host: configuration.bindAddress, port: configuration.rtmpPort,
                limits: affordable(configuration.rtmpLimits)),
            group: loops, gate: gate, authenticator: SHA256Authentication(),
            playing: RTMPPlaying(limits: configuration.playing, viewing: viewing) {
                $0 == channel && outputs.isOn(.rtmp, of: channel) ? hub : nil
            },
            secure: secure, logger: logger)
    }

    private func makeQueue(
        instance: InstanceID, store: PostgresStore, programme: any ProgrammeControl, publishers: any PublisherControl
    ) -> QueueOwner {
        let (channel, clock) = (channel, clock)
        let logger = Logger(label: "lineup.queue")
        let lease = LeaseKeeper(channel: channel, instance: instance, store: store, logger: logger)
        return QueueOwner(channel: channel, lease: lease, store: store, programme: programme, logger: logger) {
            record, programme in
            QueueService(
                channel: channel, record: record, store: store, programme: programme, publishers: publishers,
                clock: clock, logger: logger)
        }
    }

    private func makeBroadcast(
        _ folder: DataFolder, loops: MultiThreadedEventLoopGroup, first: HLSChannelStore.Numbers,
        origin: HLSChannelStore, slots: DateRanges, outputs: OutputSwitches, hubs: ProgrammeHubs,
        reports: ProgrammeReportRelay
    ) async throws -> ChannelBroadcast {
        let channel = self.channel
        let logger = Logger(label: "lineup.broadcast")
        let hls = HLSConfiguration(partTarget: configuration.hlsPart)
        return ChannelBroadcast(
            channel: channel, eventLoop: loops.any(), delay: configuration.programmeDelay,
            slateMaker: SlateWorkerMaker(), slateRequest: slate, wallClock: clock,
            makeReaders: { zero in
                [
                    HLSPackager(
                        channel: channel, muxers: FFmpegMuxerFactory(), store: origin,
                        memory: HostDeliveryMemory(), slots: slots, outputs: outputs,
                        firstMediaSequence: first.mediaSequence,
                        firstDiscontinuitySequence: first.discontinuitySequence,
                        wallTimeAtProgrammeZero: zero.wall, configuration: hls, logger: logger)
                ] + hubs.readers
            },
            onReport: { reports.report($0) }, onHandover: { reports.handedOver($0) }, slateFolder: folder.slates,
            logger: logger)
    }

    private func secureListening() throws -> SecureListening? {
        guard let secure = configuration.secureHTTP else { return nil }
        let identity = try TLSIdentity(files: secure.files, logger: Logger(label: "lineup.web"))
        return SecureListening(port: secure.port) { identity.shown() }
    }

    private var slate: SlateRequest {
        SlateRequest(
            text: configuration.slateText, file: configuration.slateFile, width: 1280, height: 720, frameRate: 30,
            sampleRate: 48_000, channels: 2)
    }
}
