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

    private static let packetBytes = 1536
    private static let version: UInt8 = 3
    private var state = State.waitingForHello
    private var held = ByteBuffer()
    private var fill: UInt64

    /// - Parameter seed: varies the filler of S1. It guards nothing, so any changing number does.
    package init(seed: UInt64) {
        fill = seed | 1
    }

    /// Takes what it needs from `input` and leaves the rest.
    /// - Throws: `RTMPError(.handshakeVersion)` at the first byte, so that HTTP or TLS on this port ends at once.
    package mutating func advance(_ input: inout ByteBuffer) throws(RTMPError) -> Step {
        switch state {
        case .waitingForHello:
            if held.readableBytes == 0, let version = input.getInteger(at: input.readerIndex, as: UInt8.self),
                version != Self.version
            {
                throw RTMPError(.handshakeVersion, "The first byte asks for version \(version); RTMP is version 3.")
            }
            guard take(1 + Self.packetBytes, from: &input) else { return .needMoreBytes }
            held.moveReaderIndex(forwardBy: 1)
            let answer = makeAnswer(to: held)
            held = ByteBuffer()
            state = .waitingForEcho
            return .send(answer)
        case .waitingForEcho:
            guard take(Self.packetBytes, from: &input) else { return .needMoreBytes }
            held = ByteBuffer()
            state = .done
            return .done
        case .done:
            return .done
        }
    }

    /// Moves input into `held` until that has `count` bytes.
    private mutating func take(_ count: Int, from input: inout ByteBuffer) -> Bool {
        let missing = count - held.readableBytes
        if var part = input.readSlice(length: min(missing, input.readableBytes)) { held.writeBuffer(&part) }
        return held.readableBytes >= count
    }

    private mutating func makeAnswer(to hello: ByteBuffer) -> ByteBuffer {
        var answer = ByteBufferAllocator().buffer(capacity: 1 + 2 * Self.packetBytes)
        answer.writeInteger(Self.version)
        answer.writeInteger(UInt32(0))  // Our epoch.
        answer.writeInteger(UInt32(0))  // Zero: the plain form.
        for _ in 0..<((Self.packetBytes - 8) / 8) { answer.writeInteger(nextFiller()) }
        answer.writeImmutableBuffer(hello)
        return answer
    }

    /// xorshift64: S1 wants bytes that differ, not secrets.
    private mutating func nextFiller() -> UInt64 {
        fill ^= fill << 13
        fill ^= fill >> 7
        fill ^= fill << 17
        return fill
    }
}
