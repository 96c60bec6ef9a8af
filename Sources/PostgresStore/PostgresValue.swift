import Domain

/// A parameter of a statement. Sent beside the SQL text, never inside it.
enum PostgresValue: Sendable {
    case null
    case text(String)
    case integer(Int64)
    case boolean(Bool)
    case bytes([UInt8])

    static func optional(_ text: String?) -> PostgresValue { text.map { .text($0) } ?? .null }
    static func optional(_ number: Int64?) -> PostgresValue { number.map { .integer($0) } ?? .null }
    static func id<Tag>(_ id: ID<Tag>) -> PostgresValue { .text(id.description) }
    /// For `timestamptz`: RFC 3339, exact to the millisecond. Years 1970…9999.
    static func time(_ time: WallTime) -> PostgresValue { .text(time.description) }
    static func time(_ time: WallTime?) -> PostgresValue { time.map { .text($0.description) } ?? .null }

    /// The bytes as the protocol wants them, and whether they are binary; `nil` for NULL.
    var encoded: (bytes: [UInt8], isBinary: Bool)? {
        switch self {
        case .null: nil
        case .text(let text): (Array(text.utf8), false)
        case .integer(let number): (Array(String(number).utf8), false)
        case .boolean(let flag): (Array((flag ? "t" : "f").utf8), false)
        case .bytes(let bytes): (bytes, true)
        }
    }
}
