import Domain

/// For whom an answer is rendered: what one may know of the queue.
enum Audience: Sendable, Hashable {
    /// Who plays and in what order.
    case everyone
    /// The same, and all of one's own entry.
    case dj(UserID)
    /// Everything but secrets, which the queue holds none of.
    case operators

    init(_ caller: Caller?) {
        guard let caller else {
            self = .everyone
            return
        }
        if caller.role >= .operator {
            self = .operators
        } else if let user = caller.user {
            self = .dj(user)
        } else {
            self = .everyone
        }
    }
}
