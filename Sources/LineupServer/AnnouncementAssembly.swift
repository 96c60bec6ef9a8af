import Announcements
import Cryptography
package import Domain
import Foundation
import Logging
import NIOPosix
import PostgresStore
import WebhookClient

/// Puts the announcements together, for the server and for the commands.
struct AnnouncementAssembly: Sendable {
    /// The target that `DISCORD_WEBHOOK_URL` makes.
    static let discordName = "discord"

    let desk: TargetService
    private let configuration: ServerConfiguration
    private let store: PostgresStore
    private let outside: AnnouncementsOutside
    private let clock: any WallClock
    private let logger = Logger(label: "lineup.announcements")

    /// - Throws: `StartError` for a key of stored secrets that cannot be used.
    init(configuration: ServerConfiguration, store: PostgresStore, clock: any WallClock) throws {
        self.configuration = configuration
        self.store = store
        self.clock = clock
        let http = try WebhookClient(
            group: MultiThreadedEventLoopGroup.singleton,
            policy: AddressPolicy(allowing: configuration.targetNetworks),
            userAgent: "Lineup/\(LineupVersion.text)")
        outside = AnnouncementsOutside(
            http: http, files: JSONLineFiles(folder: configuration.eventFolder),
            sealing: try SealingAssembly.box(configuration), authentication: SHA256Authentication())
        desk = TargetService(store: store, outside: outside, random: SystemRandomBytes(), clock: clock)
    }

    func service(queue: any QueueDesk, viewers: any ViewerDesk) -> AnnouncementService {
        let store = store
        return AnnouncementService(
            store: store, outside: outside,
            scene: Scene(queue: queue, viewers: viewers, publicURL: configuration.publicURL),
            clock: clock, parkAfter: configuration.targetParkAfter, logger: logger
        ) {
            store.listen().compactMap { AnnouncementSignal($0) }
        }
    }

    /// Makes, changes or switches off the target of `DISCORD_WEBHOOK_URL`, as the environment now says.
    ///
    /// - Throws: `StartError` when the URL is none of Discord's.
    func heedEnvironment() async throws {
        let actor = Actor(kind: .server, id: nil, name: "lineup")
        do {
            let present = try await desk.targets().first { $0.target.isFromEnvironment }
            var draft = TargetDraft()
            guard let url = configuration.discordWebhook else {
                guard let present, present.target.isEnabled else { return }
                draft.isEnabled = false
                _ = try await desk.change(present.target.id, draft, by: actor)
                return
            }
            if let present {
                try await desk.followEnvironment(present.target.id, url: url, by: actor)
            } else {
                draft.name = Self.discordName
                draft.kind = .discord
                draft.url = url
                _ = try await desk.create(draft, isFromEnvironment: true, by: actor)
            }
        } catch TargetError.invalid(_, let reason) {
            throw StartError("\(ConfigurationKey.discordWebhook.name): \(reason)")
        } catch {
            // The broadcast does not wait for it: the target there was goes on.
            logger.warning("the target of DISCORD_WEBHOOK_URL was not set", metadata: ["error": "\(error)"])
        }
    }
}

/// What is true now, for targets that show it.
private struct Scene: AnnouncementScene {
    let queue: any QueueDesk
    let viewers: any ViewerDesk
    let publicURL: String?

    func view(of channel: ChannelName) async -> QueueView? {
        // Another server may own the channel: then nobody here knows.
        try? await queue.view(of: channel)
    }

    func listeners(of channel: ChannelName) -> Int? { viewers.count(of: channel).now }

    func watchPage(of channel: ChannelName) -> String? { publicURL.map { "\($0)/watch/\(channel)" } }
}

extension AnnouncementSignal {
    /// `nil` for what no target hears of.
    fileprivate init?(_ notice: StoreNotice) {
        switch notice {
        case .queueChanged: self = .events
        case .targetChanged: self = .targets
        case .keyRevoked, .accountDisabled, .studioChanged, .listingChanged: return nil
        }
    }
}

extension TargetError {
    package var sentence: String {
        switch self {
        case .invalid(let field, let reason): "\(field): \(reason)"
        case .nameTaken: "another target has this name"
        case .unknown: "there is no such target: `lineup target list` shows them"
        case .tooMany: "there are \(TargetLimits.maximumTargets) targets already: remove one first"
        case .refused(let reason): reason
        case .unavailable(let what): "the database does not answer: \(what)"
        }
    }
}
