/// The shape of a JSON value, as the OpenAPI document states it (JSON Schema 2020-12).
///
/// Objects are open: a field may be added without a new version of the API, and unknown fields of a request are passed over,
/// but where all that is left out is taken away.
indirect enum Schema: Sendable {
    /// A leaf, in JSON Schema's own words.
    case leaf([String: JSONValue])
    case array(Schema)
    case fields([Field])
    /// An object whose keys are free; each value has this shape.
    case map(Schema)
    case nullable(Schema)
    case oneOf([Schema])
    /// Stated once under `components/schemas`, referred to elsewhere. One name has one shape.
    case named(String, Schema)
    /// With words about it.
    case noted(Schema, String)

    struct Field: Sendable {
        var name: String
        var schema: Schema
        var isRequired: Bool

        /// Always there.
        static func required(_ name: String, _ schema: Schema) -> Field {
            Field(name: name, schema: schema, isRequired: true)
        }

        /// May be left out.
        static func optional(_ name: String, _ schema: Schema) -> Field {
            Field(name: name, schema: schema, isRequired: false)
        }
    }

    static func object(_ fields: Field...) -> Schema { .fields(fields) }

    static func note(_ schema: Schema, _ words: String) -> Schema { .noted(schema, words) }

    /// Of an object; empty for anything else.
    var fieldNames: Set<String> {
        switch self {
        case .fields(let fields): Set(fields.map(\.name))
        case .named(_, let schema), .noted(let schema, _): schema.fieldNames
        default: []
        }
    }
}

extension Schema {
    static let any = Schema.leaf([:])
    static let bool = Schema.leaf(["type": .string("boolean")])
    static let string = Schema.leaf(["type": .string("string")])
    static let integer = Schema.leaf(["type": .string("integer"), "format": .string("int64")])
    static let number = Schema.leaf(["type": .string("number")])
    /// An identifier of ours (`ID`).
    static let id = Schema.leaf(["type": .string("string"), "format": .string("uuid")])
    /// A moment in UTC (RFC 3339).
    static let time = Schema.leaf(["type": .string("string"), "format": .string("date-time")])
    /// A password, a key or a token: in a request, or in the one answer that shows it.
    static let secret = Schema.leaf(["type": .string("string"), "format": .string("password")])
    static let role = Schema.choice("viewer", "dj", "operator", "admin")
    static let channelName = Schema.leaf([
        "type": .string("string"), "pattern": .string("^[a-z0-9]([a-z0-9-]{0,62}[a-z0-9])?$"),
    ])

    /// Text of a form, as a regular expression (ECMA-262).
    static func pattern(_ expression: String) -> Schema {
        .leaf(["type": .string("string"), "pattern": .string(expression)])
    }

    /// Text of so many characters.
    static func text(_ characters: ClosedRange<Int>) -> Schema {
        .leaf([
            "type": .string("string"), "minLength": .integer(Int64(characters.lowerBound)),
            "maxLength": .integer(Int64(characters.upperBound)),
        ])
    }

    static func integer(_ range: ClosedRange<Int>) -> Schema {
        .leaf([
            "type": .string("integer"), "minimum": .integer(Int64(range.lowerBound)),
            "maximum": .integer(Int64(range.upperBound)),
        ])
    }

    static func choice(_ values: String...) -> Schema { choice(values) }

    static func choice(_ values: [String]) -> Schema {
        .leaf(["type": .string("string"), "enum": .array(values.map(JSONValue.string))])
    }

    /// The shape as a request may have it: what may be left out may as well be `null`.
    var asked: Schema {
        switch self {
        case .named(_, let schema): schema.asked
        case .fields(let fields):
            .fields(fields.map { $0.isRequired ? $0 : .optional($0.name, .nullable($0.schema)) })
        default: self
        }
    }

    /// Rendered; named shapes are added to `components`.
    func json(_ components: inout [String: JSONValue]) -> JSONValue {
        switch self {
        case .leaf(let words): return .object(words)
        case .array(let element):
            return .object(["type": .string("array"), "items": element.json(&components)])
        case .map(let value):
            return .object(["type": .string("object"), "additionalProperties": value.json(&components)])
        case .nullable(.nullable(let schema)), .nullable(.noted(.nullable(let schema), _)):
            return Schema.nullable(schema).json(&components)
        case .nullable(let schema):
            return .object(["anyOf": .array([schema.json(&components), .object(["type": .string("null")])])])
        case .oneOf(let schemas):
            return .object(["anyOf": .array(schemas.map { $0.json(&components) })])
        case .noted(let schema, let words):
            guard case .object(var object) = schema.json(&components) else { return .null }
            object["description"] = .string(words)
            return .object(object)
        case .fields(let fields):
            var object: [String: JSONValue] = ["type": .string("object")]
            var properties: [String: JSONValue] = [:]
            for field in fields { properties[field.name] = field.schema.json(&components) }
            if !properties.isEmpty { object["properties"] = .object(properties) }
            let required = fields.filter(\.isRequired).map { JSONValue.string($0.name) }
            if !required.isEmpty { object["required"] = .array(required) }
            return .object(object)
        case .named(let name, let schema):
            if components[name] == nil {
                // Before it is rendered, so that a shape may refer to itself.
                components[name] = .null
                components[name] = schema.json(&components)
            }
            return .object(["$ref": .string("#/components/schemas/" + name)])
        }
    }
}
