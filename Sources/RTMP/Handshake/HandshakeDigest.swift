import Domain

/// The digest form of the handshake, which Flash Player 9 brought and its open-source peers kept. It proves nothing: the keys are
/// known to all. Peers that ask for it (ffmpeg, librtmp, GStreamer's older sink) check what they get.
///
///     C1, S1: time 32 · version 32 (not 0) · filler with, at an offset found in it, HMAC of all but these 32 bytes
///     C2, S2: filler · HMAC of it, keyed with an HMAC of the other side's digest
///
/// Where the digest lies has two schemes, and the peer's is used for the answer.
struct HandshakeDigest: Sendable {
    enum Scheme: Sendable, CaseIterable {
        /// The digest in the first half, behind the four bytes that say where.
        case first
        /// The same in the second half.
        case second

        fileprivate var pointer: Int { self == .first ? 8 : 772 }
        private static let room = 728

        /// Of the digest within `packet`; at most 1,504, so that 32 bytes follow.
        func offset(in packet: [UInt8]) -> Int {
            packet[pointer..<pointer + 4].reduce(0) { $0 + Int($1) } % Self.room + pointer + 4
        }
    }

    /// Whose packet it is.
    enum Side: Sendable {
        case client
        case server

        fileprivate var name: [UInt8] {
            switch self {
            case .client: Array("Genuine Adobe Flash Player 001".utf8)
            case .server: Array("Genuine Adobe Flash Media Server 001".utf8)
            }
        }

        /// The name signs the digest; name and tail together sign the answer.
        fileprivate var answerKey: [UInt8] { name + Self.tail }

        private static let tail: [UInt8] = [
            0xF0, 0xEE, 0xC2, 0x4A, 0x80, 0x68, 0xBE, 0xE8, 0x2E, 0x00, 0xD0, 0xD1, 0x02, 0x9E, 0x7E, 0x57,
            0x6E, 0xEC, 0x5D, 0x2D, 0x29, 0x80, 0x6F, 0xAB, 0x93, 0xB8, 0xE6, 0x36, 0xCF, 0xEB, 0x31, 0xAE,
        ]
    }

    static let bytes = 32
    let authenticator: any MessageAuthenticating

    /// The digest that `packet` of `side` carries; `nil` when it carries none that is right.
    /// - Parameter packet: 1,536 bytes, as are all packets here.
    func find(in packet: [UInt8], of side: Side) -> (scheme: Scheme, digest: [UInt8])? {
        for scheme in Scheme.allCases {
            let offset = scheme.offset(in: packet)
            let digest = Array(packet[offset..<offset + Self.bytes])
            if digest == self.digest(of: packet, at: offset, side) { return (scheme, digest) }
        }
        return nil
    }

    /// Puts a digest into `packet`.
    func sign(_ packet: inout [UInt8], of side: Side, _ scheme: Scheme) -> [UInt8] {
        let offset = scheme.offset(in: packet)
        let digest = digest(of: packet, at: offset, side)
        packet.replaceSubrange(offset..<offset + Self.bytes, with: digest)
        return digest
    }

    /// Makes `filler` the answer (C2, S2) of `side` to the other side's digest.
    func signAnswer(_ filler: inout [UInt8], of side: Side, to digest: [UInt8]) {
        let start = filler.count - Self.bytes
        filler.replaceSubrange(start..., with: answerCode(Array(filler[..<start]), side, digest))
    }

    /// Whether `packet` is the answer of `side` to our digest.
    func isAnswer(_ packet: [UInt8], of side: Side, to digest: [UInt8]) -> Bool {
        let start = packet.count - Self.bytes
        return Array(packet[start...]) == answerCode(Array(packet[..<start]), side, digest)
    }

    private func answerCode(_ body: [UInt8], _ side: Side, _ digest: [UInt8]) -> [UInt8] {
        let key = authenticator.hmacSHA256(key: side.answerKey, message: digest)
        return authenticator.hmacSHA256(key: key, message: body)
    }

    private func digest(of packet: [UInt8], at offset: Int, _ side: Side) -> [UInt8] {
        authenticator.hmacSHA256(
            key: side.name, message: Array(packet[..<offset] + packet[(offset + Self.bytes)...]))
    }
}
