import Domain

/// Who stands behind an address, for rate limits; see `PeerNetwork`.
enum PeerAddress {
    /// - Parameter address: an IP address without the port; anything else is a key as it is, cut to 64 characters.
    static func key(_ address: String) -> String {
        let network = PeerNetwork(address)
        return network == .unknown ? address.prefix(64).lowercased() : network.description
    }
}
