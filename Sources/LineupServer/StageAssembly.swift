import Cryptography
package import Domain
import Logging
import NIOPosix
import OBSClient
import PostgresStore
import Stage

/// Puts the stage together, for the server and for the commands.
struct StageAssembly: Sendable {
    /// The connection that `OBS_HOST` makes.
    static let studioName = "studio"
    /// A thread of its own: what an OBS sends is never read on a loop that carries media.
    private static let loops = MultiThreadedEventLoopGroup(numberOfThreads: 1)

    private let configuration: ServerConfiguration
    private let store: PostgresStore
    private let dialer: OBSClient
    private let sealing: any SecretSealing
    private let clock: any WallClock
    private let logger = Logger(label: "lineup.stage")

    /// - Throws: `StartError` for a key of stored secrets that cannot be used.
    init(configuration: ServerConfiguration, store: PostgresStore, clock: any WallClock) throws {
        self.configuration = configuration
        self.store = store
        self.clock = clock
        dialer = OBSClient(group: Self.loops, digest: SHA256Digest())
        sealing = try SealingAssembly.box(configuration)
    }

    func service(queue: any QueueDesk, news: any StudioNewsDesk) -> StageService {
        let store = store
        return StageService(
            store: store, dialer: dialer, sealing: sealing, queue: queue, news: news, clock: clock, logger: logger
        ) {
            store.listen().compactMap { notice -> Void? in
                if case .studioChanged = notice { () } else { nil }
            }
        }
    }

    /// - Parameter stage: the running one; `nil` for commands.
    func desk(_ stage: StageService?) -> StudioService {
        StudioService(store: store, dialer: dialer, sealing: sealing, clock: clock, stage: stage)
    }

    /// Makes, changes or switches off the connection of `OBS_HOST`, as the environment now says.
    func heedEnvironment() async {
        let actor = Actor(kind: .server, id: nil, name: "lineup")
        let desk = desk(nil)
        do {
            let present = try await desk.studios().first { $0.studio.isFromEnvironment }
            guard var draft = configuration.studio else {
                guard let present, present.studio.isEnabled else { return }
                var off = StudioDraft()
                off.isEnabled = false
                _ = try await desk.change(present.studio.id, off, by: actor)
                return
            }
            if let present {
                try await desk.followEnvironment(present.studio.id, draft, by: actor)
            } else {
                draft.name = Self.studioName
                _ = try await desk.create(draft, isFromEnvironment: true, by: actor)
            }
        } catch {
            // The broadcast does not wait for it: the connection there was goes on.
            logger.warning("the connection of OBS_HOST was not set", metadata: ["error": "\(error)"])
        }
    }
}

extension StudioError {
    package var sentence: String {
        switch self {
        case .invalid(let field, let reason): "\(field): \(reason)"
        case .nameTaken: "another OBS connection has this name"
        case .unknown: "there is no such OBS connection: `lineup obs list` shows them"
        case .tooMany: "there are \(StudioLimits.maximumStudios) OBS connections already: remove one first"
        case .refused(let reason): reason
        case .unavailable(let what): "the database does not answer: \(what)"
        }
    }
}
