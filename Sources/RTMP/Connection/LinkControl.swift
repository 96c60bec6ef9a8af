import NIOCore

/// Acknowledgements, bandwidth and pings: what both ends of a connection do alike (RTMP 1.0 §5.4, §7.1.7).
///
/// Owned by one connection. A peer's acknowledgements of what we send are noted and bind nothing: the socket's own window does
/// what RTMP's was meant for, and encoders that never acknowledge are common.
struct LinkControl: Sendable {
    /// Of all bytes from the peer, the handshake's included.
    private(set) var bytesReceived: UInt64 = 0
    /// What the peer says it received, modulo 2^32.
    private(set) var peerReceived: UInt32 = 0
    private var acknowledged: UInt64 = 0
    /// How often the peer wants to hear what we received, in bytes.
    private var window = UInt64(ReplyWriter.acknowledgementWindow)
    /// The window we last told the peer.
    private var announcedWindow = ReplyWriter.acknowledgementWindow

    /// A tiny window would have us answer every read.
    private static let smallestWindow: UInt64 = 65_536

    mutating func received(bytes: Int) { bytesReceived += UInt64(max(0, bytes)) }

    /// Takes a control message; others do nothing. Those too short for what they are do nothing either.
    mutating func receive(_ message: RTMPMessage, _ replies: inout ReplyWriter) {
        var payload = message.payload
        switch message.type {
        case MessageType.acknowledgement:
            peerReceived = payload.readInteger(as: UInt32.self) ?? peerReceived
        case MessageType.windowAcknowledgementSize:
            guard let size = payload.readInteger(as: UInt32.self) else { return }
            window = max(Self.smallestWindow, UInt64(size))
        case MessageType.setPeerBandwidth:
            // The peer limits what we send unacknowledged; the answer is our window, when it is another than we said last.
            guard let size = payload.readInteger(as: UInt32.self), size != announcedWindow else { return }
            announcedWindow = size
            replies.writeWindowAcknowledgementSize(size)
        case MessageType.userControl:
            guard payload.readInteger(as: UInt16.self) == UserControl.pingRequest,
                let time = payload.readInteger(as: UInt32.self)
            else { return }
            replies.writeUserControl(UserControl.pingResponse, time)
        default: break
        }
    }

    /// Tells the peer what we have, once per window.
    mutating func acknowledgeIfDue(_ replies: inout ReplyWriter) {
        guard bytesReceived - acknowledged >= window else { return }
        acknowledged = bytesReceived
        replies.writeAcknowledgement(received: UInt32(truncatingIfNeeded: bytesReceived))
    }
}

extension ByteBuffer {
    /// Becomes `other` when there is nothing in it, which copies nothing; else appends it.
    mutating func setOrAppend(_ other: ByteBuffer) {
        if readableBytes == 0 { self = other } else { writeImmutableBuffer(other) }
    }
}
