import Domain

/// What stands for a viewer's address where it is remembered beyond the session: it tells whether two are the same, and nothing
/// else to who has not this process's key.
struct Pseudonym: Hashable {
    fileprivate var high: UInt64
    fileprivate var low: UInt64
}

/// Makes pseudonyms: the first 16 bytes of an HMAC-SHA256 under a key of this process. A value; any thread. One takes about two
/// microseconds, so none is made for what is asked for thousands of times a second on a channel that is for all.
struct Pseudonyms: Sendable {
    let key: [UInt8]
    let authentication: any MessageAuthenticating

    func of(_ place: ViewerPlace, on channel: ChannelName) -> Pseudonym {
        made("place", channel.text, "\(place.network)")
    }

    /// The token does not count.
    func of(_ key: ViewerTable.FileKey) -> Pseudonym {
        made("files", key.channel.text, key.kind.rawValue, key.address, key.agent ?? "")
    }

    /// Neither names nor what headers hold have line ends.
    private func made(_ parts: String...) -> Pseudonym {
        let code = authentication.hmacSHA256(key: key, message: Array(parts.joined(separator: "\n").utf8))
        func number(_ range: Range<Int>) -> UInt64 { code[range].reduce(0) { $0 << 8 | UInt64($1) } }
        return Pseudonym(high: number(0..<8), low: number(8..<16))
    }
}
