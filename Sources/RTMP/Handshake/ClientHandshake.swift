import NIOCore

/// The client's side of RTMP's handshake (RTMP 1.0 §5.2), without a socket.
///
///     client: C0 · C1 (1,536 bytes)                  · C2 = echo of S1
///     server:                        S0 · S1 · S2
///
/// S2 should echo C1; servers in the field send anything there, so its content is not looked at.
///
/// States: `start` → `waitingForHello` → `waitingForEcho` → `done`. Holds at most 1,537 bytes.
struct ClientHandshake: Sendable {
    enum Step: Equatable {
        case send(ByteBuffer)
        case needMoreBytes
        /// Chunks follow in the rest of the input.
        case done
    }

    private enum State {
        case start
        case waitingForHello
        case waitingForEcho
        case done
    }

    private var state = State.start
    private var input = HandshakeInput()
    private var filler: HandshakeFiller

    /// - Parameter seed: varies the filler of C1.
    init(seed: UInt64) { filler = HandshakeFiller(seed: seed) }

    /// Takes what it needs from `bytes` and leaves the rest.
    /// - Throws: `RTMPError(.handshakeVersion)` when the server answers with another version.
    mutating func advance(_ bytes: inout ByteBuffer) throws(RTMPError) -> Step {
        switch state {
        case .start:
            state = .waitingForHello
            var hello = ByteBufferAllocator().buffer(capacity: 1 + HandshakePacket.bytes)
            hello.writeInteger(HandshakePacket.version)
            hello.writeBytes(filler.packet(version: 0))
            return .send(hello)
        case .waitingForHello:
            if let version = input.firstByte(bytes), version != HandshakePacket.version {
                throw RTMPError(.handshakeVersion, "The server answered with version \(version); RTMP is version 3.")
            }
            guard var hello = input.take(1 + HandshakePacket.bytes, from: &bytes) else { return .needMoreBytes }
            hello.moveReaderIndex(forwardBy: 1)
            state = .waitingForEcho
            return .send(hello)
        case .waitingForEcho:
            guard input.take(HandshakePacket.bytes, from: &bytes) != nil else { return .needMoreBytes }
            state = .done
            return .done
        case .done: return .done
        }
    }
}
