/// What an account may do; each role may do what the ones below it may.
package enum Role: String, Sendable, Codable, CaseIterable, Comparable {
    case viewer, dj, `operator`, admin

    private var rank: Int {
        switch self {
        case .viewer: 0
        case .dj: 1
        case .operator: 2
        case .admin: 3
        }
    }

    package static func < (left: Self, right: Self) -> Bool { left.rank < right.rank }
}
