import NIOCore

/// C1, S1, C2 and S2 (RTMP 1.0 §5.2.3): all of one size.
enum HandshakePacket {
    static let bytes = 1536
    static let version: UInt8 = 3
}

/// Gathers input until there is as much as a step needs.
struct HandshakeInput: Sendable {
    private var held = ByteBuffer()

    var heldBytes: Int { held.readableBytes }

    func firstByte(_ input: ByteBuffer) -> UInt8? {
        held.readableBytes > 0
            ? held.getInteger(at: held.readerIndex) : input.getInteger(at: input.readerIndex)
    }

    /// `count` bytes once there are so many; `nil` before, with all of `input` kept.
    mutating func take(_ count: Int, from input: inout ByteBuffer) -> ByteBuffer? {
        let missing = count - held.readableBytes
        if var part = input.readSlice(length: min(missing, input.readableBytes)) { held.writeBuffer(&part) }
        guard held.readableBytes >= count else { return nil }
        defer { held = ByteBuffer() }
        return held
    }
}

/// xorshift64: a packet wants bytes that differ from others', not secrets.
struct HandshakeFiller: Sendable {
    private var state: UInt64

    init(seed: UInt64) { state = seed | 1 }

    /// C1 or S1: our epoch is zero, the version field says which form of handshake it is, the rest is filler.
    mutating func packet(version: UInt32) -> [UInt8] {
        var packet: [UInt8] = [0, 0, 0, 0]
        packet.reserveCapacity(HandshakePacket.bytes)
        withUnsafeBytes(of: version.bigEndian) { packet.append(contentsOf: $0) }
        while packet.count < HandshakePacket.bytes {
            state ^= state << 13
            state ^= state >> 7
            state ^= state << 17
            withUnsafeBytes(of: state) { packet.append(contentsOf: $0) }
        }
        return packet
    }
}
