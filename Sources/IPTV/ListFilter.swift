package import Domain

/// Which channels a list is asked for (features PL-12…15). Pure.
package struct ListFilter: Sendable, Equatable {
    package struct Problem: Error, Sendable, Equatable {
        package var field: String
        package var reason: String
    }

    /// The viewer's; `nil`: nobody says.
    package var region: Region?
    /// Lower case; empty: all.
    package var groups: Set<String> = []
    /// Channel names or numbers, lower case; empty: all.
    package var identifiers: Set<String> = []
    package var showsVariants = true

    package init() {}

    /// - Parameter query: a field's first value, percent-decoded.
    /// - Parameters:
    ///   - regionHeader: where the request comes from, as its header says.
    ///   - isFromTrustedProxy: that header is a trusted proxy's (`Region.read`).
    /// - Throws: `Problem` for a region in the query that is no country code, and for too many of anything.
    package init(
        query: (String) -> String?, regionHeader: String? = nil, isFromTrustedProxy: Bool = false
    ) throws(Problem) {
        do throws(Region.Malformed) {
            region = try Region.read(
                query: query(Region.parameter), header: regionHeader, isFromTrustedProxy: isFromTrustedProxy)
        } catch {
            throw Problem(field: Region.Malformed.field, reason: Region.Malformed.reason)
        }
        groups = try Self.list(query("group"), field: "group")
        // A group's own name may have commas.
        if let whole = query("group"), whole.contains(",") { groups.insert(whole.lowercased()) }
        identifiers = try Self.list(query("ids"), field: "ids")
        if let text = query("variants")?.lowercased() { showsVariants = !["false", "0", "no"].contains(text) }
    }

    private static func list(_ text: String?, field: String) throws(Problem) -> Set<String> {
        let parts = (text ?? "").split(separator: ",").map { part in
            let begun = part.drop { $0 == " " }
            let end = begun.lastIndex { $0 != " " }
            return String(end.map { begun[...$0] } ?? "").lowercased()
        }
        guard parts.count <= 100 else { throw Problem(field: field, reason: "This takes 100 values at most.") }
        return Set(parts)
    }

    /// Whether a channel is in the list.
    package func takes(name: String, number: Int?, group: String?, regions: RegionRule) -> Bool {
        if !groups.isEmpty {
            guard let group, groups.contains(group.lowercased()) else { return false }
        }
        if !identifiers.isEmpty, !identifiers.contains(name), !identifiers.contains(number.map(String.init) ?? name) {
            return false
        }
        return regions.admits(region)
    }
}
