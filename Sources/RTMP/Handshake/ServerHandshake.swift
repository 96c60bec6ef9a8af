package import NIOCore

/// The server's side of RTMP's handshake (RTMP 1.0 §5.2), without a socket.
///
///     peer:   C0 (version 3) · C1 (1,536 bytes)            · C2 (1,536 bytes)
///     server:                    S0 · S1 · S2 = echo of C1
///
/// Peers that use the digest form (ffmpeg, OBS, librtmp) accept the plain one when the server's version field is zero, so one
/// answer serves all. C2 should echo S1, but encoders in the field send anything there: its content is not looked at.
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

    /// - Parameter seed: varies the filler of S1. It guards nothing, so any changing number does.
    package init(seed: UInt64) {
        filler = HandshakeFiller(seed: seed)
    }

    /// Takes what it needs from `input` and leaves the rest.
    /// - Throws: `RTMPError(.handshakeVersion)` at the first byte, so that HTTP or TLS on this port ends at once.
    package mutating func advance(_ input: inout ByteBuffer) throws(RTMPError) -> Step {
        switch state {
        case .waitingForHello:
            if let version = received.firstByte(input), version != HandshakePacket.version {
                throw RTMPError(.handshakeVersion, "The first byte asks for version \(version); RTMP is version 3.")
            }
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

    private mutating func makeAnswer(to hello: ByteBuffer) -> ByteBuffer {
        var answer = ByteBufferAllocator().buffer(capacity: 1 + 2 * HandshakePacket.bytes)
        answer.writeInteger(HandshakePacket.version)
        answer.writeBytes(filler.packet(version: 0))
        answer.writeImmutableBuffer(hello)
        return answer
    }
}
