/// Text that must never be written anywhere but to its owner: a key, a password, a session token (I9).
///
/// It cannot reach a log, an error or JSON by accident: its description and reflection say `<secret>`, and it is not `Encodable`.
package struct Secret: Sendable, Equatable, CustomStringConvertible, CustomDebugStringConvertible, CustomReflectable {
    /// The text itself. Each use of this property is a place to look at in a review.
    package let exposed: String

    package init(_ text: String) {
        self.exposed = text
    }

    package var isEmpty: Bool { exposed.isEmpty }
    package var description: String { "<secret>" }
    package var debugDescription: String { "<secret>" }
    package var customMirror: Mirror { Mirror(self, children: []) }
}
