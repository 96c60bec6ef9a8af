import Domain

/// Who sent a request: a person by the session cookie, or a machine by its bearer token.
enum Caller: Sendable {
    case person(SignedIn)
    case machine(APIToken)

    var role: Role {
        switch self {
        case .person(let session): session.account.role
        case .machine(let token): token.role
        }
    }

    /// `nil` for a machine, which is nobody's.
    var user: UserID? {
        switch self {
        case .person(let session): session.account.id
        case .machine: nil
        }
    }

    /// As the audit log names them.
    var actor: Actor {
        switch self {
        case .person(let session):
            Actor(kind: .user, id: session.account.id.description, name: session.account.name)
        case .machine(let token): Actor(kind: .token, id: token.id.description, name: token.name)
        }
    }
}

/// What a request shows for itself, not yet looked up.
enum Credentials: Sendable {
    case none
    /// The session cookie's value: sent by browsers whoever makes them, so writes need the CSRF defence.
    case cookie(Secret)
    /// An `Authorization` header (RFC 6750 §2.1): no browser adds it by itself, so no CSRF defence is due.
    case bearer(Secret)

    var isBearer: Bool {
        switch self {
        case .bearer: true
        case .none, .cookie: false
        }
    }
}
