package import Domain
import NIOCore
import Synchronization

/// A channel's files in memory, for tests of whoever asks a `DeliveryOrigin`.
package final class FakeDeliveryOrigin: DeliveryOrigin {
    private let files = Mutex<[String: DeliveryAnswer]>([:])

    package init() {}

    package func set(_ name: String, to answer: DeliveryAnswer) {
        files.withLock { $0[name] = answer }
    }

    package func set(_ name: String, body: [UInt8], contentType: String, caching: DeliveredResource.Caching) {
        let resource = DeliveredResource(
            body: ByteBuffer(bytes: body), contentType: contentType, caching: caching, entityTag: "\"\(name)\"")
        set(name, to: .found(resource))
    }

    package func resource(_ channel: ChannelName, name: String) -> DeliveryAnswer {
        guard channel == .main else { return .notFound }
        return files.withLock { $0[name] } ?? .notFound
    }
}
