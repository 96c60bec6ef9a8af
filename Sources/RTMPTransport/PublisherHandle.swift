import Domain
import NIOCore

/// The server's side of one publisher, for `Ingest`; any thread may call it.
///
/// It holds the channel, not its handler, so that a sink that keeps it keeps nothing of a connection that is gone.
final class PublisherHandle: PublisherConnection {
    private let channel: any Channel

    init(channel: any Channel) { self.channel = channel }

    func close(reason: String) {
        // On a channel that is closed already this fails, and nobody is waiting to hear it.
        channel.triggerUserOutboundEvent(PublisherCloseRequest(reason: reason), promise: nil)
    }

    func attentionChanged(_ attention: PublisherAttention) {
        channel.triggerUserOutboundEvent(attention, promise: nil)
    }
}

/// Asks the connection's handler to send the publisher away.
struct PublisherCloseRequest: Sendable {
    /// One sentence for the person at the encoder.
    var reason: String
    /// The server stops and is expected back: encoders that understand it are asked to connect anew.
    var comesBack = false
}
