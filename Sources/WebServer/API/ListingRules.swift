import Domain
import IPTV

extension ChannelListing {
    private static let maximumAddressBytes = 2000

    private typealias Path = any WritableKeyPath<Self, String?> & Sendable

    private static let texts: [(name: String, path: Path, limit: Int)] = [
        ("title", \.title, 200), ("guideID", \.guideID, 200), ("group", \.group, 100),
        ("description", \.description, 2000),
    ]
    private static let addresses: [(name: String, path: Path)] = [
        ("logo", \.logo), ("programmeFeed", \.programmeFeed),
    ]

    /// - Throws: 422 that names the field.
    func check() throws(Problem) {
        for (field, path, limit) in Self.texts {
            guard let text = self[keyPath: path] else { continue }
            guard (1...limit).contains(text.count) else {
                throw .invalid(field: field, "This takes 1 to \(limit) characters.")
            }
            guard !M3UList.isBlank(text) else { throw .invalid(field: field, "This has nothing to read in it.") }
        }
        for (field, path) in Self.addresses {
            guard let address = self[keyPath: path] else { continue }
            guard Self.isWebAddress(address) else {
                throw .invalid(field: field, "This takes an http or https address with a host.")
            }
        }
        if let number, !(1...9999).contains(number) {
            throw .invalid(field: "number", "This must be between 1 and 9999.")
        }
        if let listedFrom, let listedUntil, listedUntil <= listedFrom {
            throw .invalid(field: "listedUntil", "This must be later than listedFrom.")
        }
        for (field, codes) in [("allowedRegions", allowedRegions), ("blockedRegions", blockedRegions)] {
            let isGood = (codes ?? []).allSatisfy { code in
                code.utf8.count == 2 && code.utf8.allSatisfy { (0x41...0x5A).contains($0) }
            }
            guard isGood, codes?.count ?? 0 <= 250 else {
                throw .invalid(field: field, "This takes country codes of two upper-case letters.")
            }
        }
    }

    /// Without what `check` would refuse of texts and addresses and may be stored from before it did.
    var readable: Self {
        var copy = self
        for (_, path, _) in Self.texts where self[keyPath: path].map(M3UList.isBlank) == true {
            copy[keyPath: path] = nil
        }
        for (_, path) in Self.addresses where self[keyPath: path].map(Self.isWebAddress) == false {
            copy[keyPath: path] = nil
        }
        return copy
    }

    /// Absolute, with a host and no password (RFC 3986 §3.2); a host may be written in any script.
    private static func isWebAddress(_ text: String) -> Bool {
        guard text.utf8.count <= maximumAddressBytes,
            let scheme = ["http://", "https://"].first(where: { text.hasPrefix($0) })
        else { return false }
        let authority = text.utf8.dropFirst(scheme.utf8.count).prefix { !"/?#".utf8.contains($0) }
        let letter = UInt8(ascii: "x")
        return Authority(String(decoding: authority.map { $0 < 0x80 ? $0 : letter }, as: UTF8.self)) != nil
    }
}
