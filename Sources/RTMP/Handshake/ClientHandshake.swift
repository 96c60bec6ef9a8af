package import Domain
package import NIOCore

/// The client's side of RTMP's handshake (RTMP 1.0 §5.2), without a socket.
///
///     client: C0 · C1 (1,536 bytes)                  · C2
///     server:                        S0 · S1 · S2
///
/// In the plain form C2 echoes S1. With an authenticator C1 carries a digest (`HandshakeDigest`), and C2 answers S1's when it has
/// one; a server that does not know the form gets the plain C2. What the server proves is noted and never insisted on: servers in
/// the field send anything in S2, and the keys are known to all.
///
/// States: `start` → `waitingForHello` → `waitingForEcho` → `done`. Holds at most 1,537 bytes.
package struct ClientHandshake: Sendable {
    package enum Step: Equatable {
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

    /// Flash Player 9.0.124.2, as ffmpeg says it too: the first whose servers speak the digest form.
    private static let digestVersion: UInt32 = 0x0900_7C02

    private var state = State.start
    private var received = HandshakeInput()
    private var filler: HandshakeFiller
    private let digests: HandshakeDigest?
    private var ownDigest: [UInt8] = []
    private var serverIsSigned = false
    /// Whether S1 and S2 were what the digest form wants; `false` in the plain form.
    package private(set) var serverIsVerified = false

    /// - Parameters:
    ///   - seed: varies the filler of C1.
    ///   - authenticator: asks for the digest form.
    package init(seed: UInt64, authenticator: (any MessageAuthenticating)? = nil) {
        filler = HandshakeFiller(seed: seed)
        digests = authenticator.map(HandshakeDigest.init)
    }

    /// Takes what it needs from `input` and leaves the rest. The first call needs no input.
    /// - Throws: `RTMPError(.handshakeVersion)` when the server answers with another version.
    package mutating func advance(_ input: inout ByteBuffer) throws(RTMPError) -> Step {
        switch state {
        case .start:
            state = .waitingForHello
            return .send(makeHello())
        case .waitingForHello:
            if let version = received.firstByte(input), version != HandshakePacket.version {
                throw RTMPError(.handshakeVersion, "The server answered with version \(version); RTMP is version 3.")
            }
            guard var hello = received.take(1 + HandshakePacket.bytes, from: &input) else { return .needMoreBytes }
            hello.moveReaderIndex(forwardBy: 1)
            state = .waitingForEcho
            return .send(makeAnswer(to: hello))
        case .waitingForEcho:
            guard let echo = received.take(HandshakePacket.bytes, from: &input) else { return .needMoreBytes }
            if serverIsSigned, let digests {
                serverIsVerified = digests.isAnswer(Array(echo.readableBytesView), of: .server, to: ownDigest)
            }
            state = .done
            return .done
        case .done: return .done
        }
    }

    private mutating func makeHello() -> ByteBuffer {
        var packet = filler.packet(version: digests == nil ? 0 : Self.digestVersion)
        if let digests { ownDigest = digests.sign(&packet, of: .client, .first) }
        var hello = ByteBufferAllocator().buffer(capacity: 1 + HandshakePacket.bytes)
        hello.writeInteger(HandshakePacket.version)
        hello.writeBytes(packet)
        return hello
    }

    private mutating func makeAnswer(to hello: ByteBuffer) -> ByteBuffer {
        guard let digests, let server = digests.find(in: Array(hello.readableBytesView), of: .server) else {
            return hello
        }
        serverIsSigned = true
        var answer = filler.packet(version: Self.digestVersion)
        digests.signAnswer(&answer, of: .client, to: server.digest)
        return ByteBuffer(bytes: answer)
    }
}
