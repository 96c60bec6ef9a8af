/// A value of Action Message Format 0, as commands and metadata carry it (AMF 0 specification §2).
///
/// Text in it is the peer's: cut and clean it before it goes anywhere.
package indirect enum AMF0Value: Equatable, Sendable {
    case number(Double)
    case boolean(Bool)
    case string(String)
    case object(AMF0Object)
    case null
    case undefined
    /// An object whose count is only a hint.
    case associativeArray(AMF0Object)
    case array([AMF0Value])
    /// Milliseconds since 1970.
    case date(Double)

    package var number: Double? { if case .number(let value) = self { value } else { nil } }
    package var boolean: Bool? { if case .boolean(let value) = self { value } else { nil } }
    package var string: String? { if case .string(let value) = self { value } else { nil } }
    /// An object's or an associative array's members.
    package var object: AMF0Object? {
        switch self {
        case .object(let object), .associativeArray(let object): object
        case .number, .boolean, .string, .null, .undefined, .array, .date: nil
        }
    }
}

/// Members in the order they came in; a name looked up gives the first of that name.
package struct AMF0Object: Equatable, Sendable, ExpressibleByDictionaryLiteral {
    package struct Member: Equatable, Sendable {
        package var name: String
        package var value: AMF0Value

        package init(_ name: String, _ value: AMF0Value) {
            self.name = name
            self.value = value
        }
    }

    package var members: [Member]

    package init(_ members: [Member] = []) { self.members = members }

    package init(dictionaryLiteral elements: (String, AMF0Value)...) {
        members = elements.map { Member($0, $1) }
    }

    package subscript(name: String) -> AMF0Value? { members.first { $0.name == name }?.value }
}
