/// Where a viewer is: a country's code (ISO 3166-1), two upper-case ASCII letters. Whether there is such a country is not asked.
package struct Region: Sendable, Hashable, CustomStringConvertible {
    package let code: String

    /// Two letters of either case; `nil` for anything else.
    package init?(_ text: some StringProtocol) {
        guard text.utf8.count == 2, text.utf8.allSatisfy({ $0 | 0x20 >= 0x61 && $0 | 0x20 <= 0x7A }) else { return nil }
        code = text.uppercased()
    }

    package var description: String { code }

    /// What a request's `region=` is when it is no code.
    package struct Malformed: Error, Sendable, Equatable {
        package static let field = "region"
        package static let reason = "This takes two letters, such as GB."
    }

    /// The query's field in which a viewer, or whoever made the address, says where it is.
    package static let parameter = "region"

    /// How lists, the guide and media learn a viewer's region; one rule for all.
    ///
    /// A trusted proxy's word stands: nothing in the address changes it, and what is no code there (proxies have marks for
    /// "unknown") is unknown. From anybody else both are what the viewer says, and the address counts before the header.
    /// - Parameters:
    ///   - query: the value of `region=`; empty: not said.
    ///   - header: that of `X-Region`.
    ///   - isFromTrustedProxy: the header comes from one of `LINEUP_TRUSTED_PROXIES`.
    /// - Returns: `nil`: nobody says.
    package static func read(
        query: String?, header: String?, isFromTrustedProxy: @autoclosure () -> Bool
    ) throws(Malformed) -> Region? {
        if let header, isFromTrustedProxy() { return Region(header) }
        guard let query, !query.isEmpty else { return header.flatMap { Region($0) } }
        guard let region = Region(query) else { throw Malformed() }
        return region
    }
}

/// Which regions a channel is for. The one place where that is decided, for lists and for media alike.
package struct RegionRule: Sendable, Equatable {
    /// Empty: all.
    package var allowed: Set<Region>
    package var blocked: Set<Region>

    package init(allowed: Set<Region> = [], blocked: Set<Region> = []) {
        self.allowed = allowed
        self.blocked = blocked
    }

    package var isForEverybody: Bool { allowed.isEmpty && blocked.isEmpty }

    /// - Parameter region: `nil`, a viewer of whom nobody knows, is outside of every list of regions that a channel is for, and in
    ///   none that it is not for.
    package func admits(_ region: Region?) -> Bool {
        guard let region else { return allowed.isEmpty }
        return (allowed.isEmpty || allowed.contains(region)) && !blocked.contains(region)
    }
}
