/// Why the server cannot listen, in words for the operator.
package struct RTMPServerError: Error, Sendable, CustomStringConvertible {
    package enum Code: Sendable, Equatable {
        case portInUse
        case notPermitted
        case cannotListen
        /// The listening socket was closed under the running server.
        case listenerLost
        /// It is one-shot: it was stopped before.
        case stopped
    }

    package var code: Code
    package var message: String
    package var cause: (any Error)?

    package init(_ code: Code, _ message: String, cause: (any Error)? = nil) {
        self.code = code
        self.message = message
        self.cause = cause
    }

    package var description: String { message }
}
