/// What is wrong with what a peer sent, or with a request that somebody wrote. Never holds what was sent.
package struct OBSProtocolError: Error, Sendable, Equatable, CustomStringConvertible {
    package enum Code: Sendable, Equatable {
        case notJSON
        case tooLarge
        /// A message lacks a field, or has one of another type.
        case badMessage
        /// A message that cannot come now.
        case outOfOrder
        /// The peer wants a password and none is set.
        case passwordNeeded
        /// No RPC version in common.
        case otherVersion
    }

    package let code: Code
    package let message: String

    package init(_ code: Code, _ message: String) {
        self.code = code
        self.message = message
    }

    package var description: String { message }
}
