package import Domain
import NIOCore
import Synchronization

/// A channel's files in memory, for tests of whoever asks a `DeliveryOrigin`.
package final class FakeDeliveryOrigin: DeliveryOrigin {
    private let files = Mutex<[String: DeliveryAnswer]>([:])
    private let watchers = Mutex<[any DeliveryWatching]>([])
    private let asked = Mutex<[PlaylistDirectives]>([])

    package init() {}

    /// Tells whoever watches, as the real one does.
    package func set(_ name: String, to answer: DeliveryAnswer) {
        files.withLock { $0[name] = answer }
        for watcher in watchers.withLock({ $0 }) { watcher.deliveryChanged(.main) }
    }

    package func set(_ name: String, body: [UInt8], contentType: String, caching: DeliveredResource.Caching) {
        let resource = DeliveredResource(
            body: ByteBuffer(bytes: body), contentType: contentType, caching: caching, entityTag: "\"\(name)\"")
        set(name, to: .found(resource))
    }

    /// With what every playlist so far was asked for.
    package var directives: [PlaylistDirectives] { asked.withLock { $0 } }

    package func resource(
        _ channel: ChannelName, name: String, directives: PlaylistDirectives
    ) -> DeliveryAnswer {
        guard channel == .main else { return .notFound }
        asked.withLock { $0.append(directives) }
        return files.withLock { $0[name] } ?? .notFound
    }

    package func knows(_ channel: ChannelName) -> Bool { channel == .main }

    package func watch(_ watcher: any DeliveryWatching) {
        watchers.withLock { $0.append(watcher) }
    }
}
