/// One thing `/readyz` looks at.
package struct ReadinessCheck: Sendable, Equatable {
    /// `database`, `programme`, `rtmp`.
    package var name: String
    package var isOK: Bool
    /// Why not, in words for the operator; no secret.
    package var cause: String?

    package init(name: String, isOK: Bool, cause: String? = nil) {
        self.name = name
        self.isOK = isOK
        self.cause = cause
    }
}

/// Says whether a part of the server can do its work; cheap, asked at each `/readyz`.
package protocol ReadinessReporting: Sendable {
    func readiness() async -> [ReadinessCheck]
}
