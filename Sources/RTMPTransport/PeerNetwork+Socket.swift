package import Domain
package import NIOCore

extension PeerNetwork {
    package init(_ address: SocketAddress?) {
        switch address {
        // sockaddr_in has its four bytes behind family and port, sockaddr_in6 its sixteen behind those and the flow.
        case .v4(let four): self.init(bytes: Self.bytes(of: four.address, in: 4..<8))
        case .v6(let six): self.init(bytes: Self.bytes(of: six.address, in: 8..<24))
        case .unixDomainSocket, nil: self = .unknown
        }
    }

    private static func bytes<Address>(of address: Address, in range: Range<Int>) -> [UInt8] {
        withUnsafeBytes(of: address) { Array($0[range]) }
    }
}
