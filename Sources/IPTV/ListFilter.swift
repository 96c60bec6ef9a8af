/// Which channels a list is asked for (features PL-12…15). Pure.
package struct ListFilter: Sendable, Equatable {
    package struct Problem: Error, Sendable, Equatable {
        package var field: String
        package var reason: String
    }

    /// Two upper-case letters; `nil`: not said.
    package var region: String?
    /// Lower case; empty: all.
    package var groups: Set<String> = []
    /// Channel names or numbers, lower case; empty: all.
    package var identifiers: Set<String> = []
    package var showsVariants = true

    package init() {}

    /// - Parameter query: a field's first value, percent-decoded.
    /// - Parameter regionHeader: where a proxy says the request comes from; holds when the query names no region. What is no
    ///   country code (proxies have marks for "unknown") says nothing.
    /// - Throws: `Problem` for a region in the query that is no country code, and for too many of anything.
    package init(query: (String) -> String?, regionHeader: String? = nil) throws(Problem) {
        if let text = query("region"), !text.isEmpty {
            guard let code = Self.countryCode(text) else {
                throw Problem(field: "region", reason: "This takes two letters, such as GB.")
            }
            region = code
        } else {
            region = regionHeader.flatMap(Self.countryCode)
        }
        groups = try Self.list(query("group"), field: "group")
        identifiers = try Self.list(query("ids"), field: "ids")
        if let text = query("variants")?.lowercased() { showsVariants = !["false", "0", "no"].contains(text) }
    }

    private static func countryCode(_ text: String) -> String? {
        guard text.utf8.count == 2, text.utf8.allSatisfy({ $0 | 0x20 >= 0x61 && $0 | 0x20 <= 0x7A }) else { return nil }
        return text.uppercased()
    }

    private static func list(_ text: String?, field: String) throws(Problem) -> Set<String> {
        let parts = (text ?? "").split(separator: ",").map { String($0).lowercased() }
            .map { String($0.drop { $0 == " " }) }
        guard parts.count <= 100 else { throw Problem(field: field, reason: "This takes 100 values at most.") }
        return Set(parts)
    }

    /// Whether a channel is in the list. One with a list of regions it is for is hidden from who says none.
    package func takes(name: String, number: Int?, group: String?, allowed: [String], blocked: [String]) -> Bool {
        if !groups.isEmpty {
            guard let group, groups.contains(group.lowercased()) else { return false }
        }
        if !identifiers.isEmpty, !identifiers.contains(name), !identifiers.contains(number.map(String.init) ?? name) {
            return false
        }
        if !allowed.isEmpty, region.map({ !allowed.contains($0) }) ?? true { return false }
        if let region, blocked.contains(region) { return false }
        return true
    }
}
