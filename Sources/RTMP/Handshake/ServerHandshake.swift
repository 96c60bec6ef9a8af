package import Domain
package import NIOCore

/// The server's side of RTMP's handshake (RTMP 1.0 §5.2), without a socket.
///
///     peer:   C0 (version) · C1 (1,536 bytes)            · C2 (1,536 bytes)
///     server:                  S0 (3) · S1 · S2
///
/// C1 with a version field that is not zero and a digest that is right gets the digest form (`HandshakeDigest`); every other gets
/// the plain one, with a zero version and S2 an exact echo of C1: librtmp compares them byte by byte, so the time of reading
/// (§5.2.4) stays out of it. Our epoch is zero, and the peer's is not needed: each stream's timestamps have their own zero.
/// C2 should echo S1, but encoders in the field send anything there: its content is not looked at.
///
/// States: `waitingForHello` → `waitingForEcho` → `done`. Holds at most 1,537 bytes; later input stays in the caller's buffer.
package struct ServerHandshake: Sendable {
    package enum Step: Equatable {
        /// Send these bytes: S0, S1 and S2.
        case send(ByteBuffer)
        case needMoreBytes
        /// Chunks follow in the rest of the input.
        case done
    }

    private enum State {
        case waitingForHello
        case waitingForEcho
        case done
    }

    private var state = State.waitingForHello
    private var received = HandshakeInput()
    private var filler: HandshakeFiller
    private let digests: HandshakeDigest?

    /// What S1 says our version is in the digest form; ffmpeg checks digests from 3 on.
    private static let digestVersion: UInt32 = 0x0405_0001

    /// - Parameters:
    ///   - seed: varies the filler of S1. It guards nothing, so any changing number does.
    ///   - authenticator: without it every peer gets the plain form.
    package init(seed: UInt64, authenticator: (any MessageAuthenticating)? = nil) {
        filler = HandshakeFiller(seed: seed)
        digests = authenticator.map(HandshakeDigest.init)
    }

    var heldBytes: Int { received.heldBytes }

    /// Takes what it needs from `input` and leaves the rest.
    /// - Throws: `RTMPError(.handshakeVersion)` at the first byte, so that HTTP or TLS on this port ends at once.
    package mutating func advance(_ input: inout ByteBuffer) throws(RTMPError) -> Step {
        switch state {
        case .waitingForHello:
            if let version = received.firstByte(input) { try check(version) }
            guard var hello = received.take(1 + HandshakePacket.bytes, from: &input) else { return .needMoreBytes }
            hello.moveReaderIndex(forwardBy: 1)
            state = .waitingForEcho
            return .send(makeAnswer(to: hello))
        case .waitingForEcho:
            guard received.take(HandshakePacket.bytes, from: &input) != nil else { return .needMoreBytes }
            state = .done
            return .done
        case .done:
            return .done
        }
    }

    /// §5.2.2: 0 to 2 are obsolete, 4 to 31 are for later and are answered with 3, what is above is text, and 22 begins TLS.
    private func check(_ version: UInt8) throws(RTMPError) {
        switch version {
        case 6, 8, 9:
            throw RTMPError(.handshakeVersion, "RTMPE (version \(version)) is not taken: use rtmp:// or rtmps://.")
        case 22:
            throw RTMPError(.handshakeVersion, "TLS was begun where plain RTMP is spoken: rtmps:// has its own port.")
        case HandshakePacket.version...31: return
        default:
            throw RTMPError(.handshakeVersion, "The first byte asks for version \(version); RTMP is version 3.")
        }
    }

    private mutating func makeAnswer(to hello: ByteBuffer) -> ByteBuffer {
        var answer = ByteBufferAllocator().buffer(capacity: 1 + 2 * HandshakePacket.bytes)
        answer.writeInteger(HandshakePacket.version)
        let packet = Array(hello.readableBytesView)
        if let digests, packet[4..<8].contains(where: { $0 != 0 }), let peer = digests.find(in: packet, of: .client) {
            var hello = filler.packet(version: Self.digestVersion)
            _ = digests.sign(&hello, of: .server, peer.scheme)
            var echo = filler.packet(version: Self.digestVersion)
            digests.signAnswer(&echo, of: .server, to: peer.digest)
            answer.writeBytes(hello)
            answer.writeBytes(echo)
        } else {
            answer.writeBytes(filler.packet(version: 0))
            answer.writeImmutableBuffer(hello)
        }
        return answer
    }
}
