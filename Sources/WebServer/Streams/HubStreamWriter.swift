import Domain
import Glibc
import NIOCore

/// Writes a hub's programme into one viewer's connection.
///
/// Owned by the connection's handler, on its event loop. It takes from the hub while the socket takes from it, and leaves the rest
/// there: what waits for one socket is bounded by the channel's water mark (plus the one buffer that passes it, which is the
/// hub's own), and who is too slow resumes at a key frame (I4). No timer and no task: the hub's own rhythm tells when a viewer has
/// stalled.
final class HubStreamWriter: HubReader {
    enum End: Equatable {
        /// The channel stopped.
        case programmeFinished
        /// The viewer took nothing for the stall limit.
        case stalled
    }

    /// How the connection takes bytes. Called on its event loop; `end` at most once, when the writer has stopped.
    struct Sink {
        var write: (ByteBuffer) -> Void
        var flush: () -> Void
        var end: (End) -> Void
    }

    private let channel: any Channel
    private let stallLimit: TimeAmount
    private var sink: Sink?
    private var feed: (any HubFeed)?
    private var isPumping = false
    private var lastProgress: NIODeadline
    /// Handed to the connection since `takeSentBytes`.
    private var sentBytes = 0

    init(channel: any Channel, stallLimit: Duration, sink: Sink) {
        self.channel = channel
        self.stallLimit = TimeAmount(stallLimit)
        self.sink = sink
        self.lastProgress = channel.eventLoop.now
    }

    /// How many packets this viewer lost by being slow.
    private(set) var lostPackets = 0

    func start(from hub: any ProgrammeHub) {
        guard sink != nil, feed == nil else { return }
        feed = hub.subscribe(self, on: channel.eventLoop)
        pump()
    }

    /// Harmless when done twice. The connection is the handler's to close.
    func stop() {
        lostPackets = feed?.lostPackets ?? lostPackets
        feed?.cancel()
        feed = nil
        sink = nil
    }

    /// What was handed to the connection since this was asked last, in bytes of the wrapping.
    func takeSentBytes() -> Int {
        defer { sentBytes = 0 }
        return sentBytes
    }

    func hubMovedOn() {
        if channel.isWritable {
            pump()
        } else if channel.eventLoop.now - lastProgress > stallLimit {
            end(.stalled)
        }
    }

    /// The socket takes more, or less.
    func writabilityChanged() {
        guard channel.isWritable else { return }
        lastProgress = channel.eventLoop.now
        pump()
    }

    /// Flushing may call `writabilityChanged`, which is what the loop looks at next anyway.
    private func pump() {
        guard !isPumping else { return }
        isPumping = true
        defer { isPumping = false }
        var needsFlush = false
        while channel.isWritable, let sink, let feed {
            if let bytes = feed.nextJoined() {
                write(bytes, to: sink)
                needsFlush = true
            } else {
                switch feed.next() {
                case .format(_, _, let header):
                    write(header, to: sink)
                    needsFlush = true
                case .packet(let packet):
                    write(packet.bytes, to: sink)
                    needsFlush = true
                case .finished:
                    sink.flush()
                    return end(.programmeFinished)
                case nil:
                    if needsFlush { sink.flush() }
                    lastProgress = channel.eventLoop.now
                    return
                }
            }
            if needsFlush, !channel.isWritable {
                sink.flush()
                needsFlush = false
            }
        }
        if needsFlush { sink?.flush() }
    }

    private func write(_ bytes: ByteBuffer, to sink: Sink) {
        guard bytes.readableBytes > 0 else { return }
        sentBytes += bytes.readableBytes
        sink.write(bytes)
    }

    private func end(_ how: End) {
        guard let sink else { return }
        stop()
        sink.end(how)
    }

    /// Closes a connection whose viewer reads nothing: at once, and with what the system still holds for it. An ordinary close
    /// would leave that waiting for as long as the viewer keeps its side open.
    static func abort(_ channel: any Channel) {
        let options = channel as? any SocketOptionProvider
        // Where it is not taken, the close is an ordinary one.
        _ = options?.setSoLinger(linger(l_onoff: 1, l_linger: 0))
        channel.close(promise: nil)
    }

    /// Bounds what waits for a viewer's socket: here by the water mark, in the system by what it may hold unsent, so that a slow
    /// viewer's media stays in the hub, where it costs nothing and can be skipped.
    static func bound(_ channel: any Channel, to bytes: Int) {
        // A stream of HTTP/2 has its window instead, and no such options: asking it for them ends the process.
        guard channel is any SocketOptionProvider else { return }
        let options = channel.syncOptions
        let high = max(8192, bytes)
        // On a closed channel these may fail.
        try? options?.setOption(.writeBufferWaterMark, value: .init(low: high / 2, high: high))
        let unsent = ChannelOptions.Types.SocketOption(level: .tcp, name: .init(rawValue: TCP_NOTSENT_LOWAT))
        try? options?.setOption(unsent, value: .init(clamping: 2 * high))
    }
}
