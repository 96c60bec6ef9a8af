/// Why a codec's configuration or an access unit cannot be read. The message is for the DJ: it holds no bytes of theirs.
package struct CodecError: Error, Equatable, Sendable, CustomStringConvertible {
    package enum Code: Sendable, Hashable {
        /// The bytes end before what they announce.
        case truncated
        /// A field has a value that the specification forbids or that makes no sense.
        case malformed
        /// Legal, but not something this server takes.
        case unsupported
    }

    package var code: Code
    package var message: String

    package init(_ code: Code, _ message: String) {
        self.code = code
        self.message = message
    }

    package var description: String { message }
}
